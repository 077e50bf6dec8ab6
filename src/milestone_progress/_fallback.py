"""What a fallback holds of what could not be saved, and when to look for what others left there.

Pure: the recorders ask the fallback; what it is asked for is decided here.
"""

from collections.abc import Callable, Iterable

from ._additions import Addition, held, joined, unheld
from ._record import ConflictPolicy, ProgressRecord, replaced
from .errors import StoreError

# Seconds until a fallback that holds more, or that failed, is looked into again.
LOOK_AGAIN, LOOK_AGAIN_AFTER_FAILURE = 1.0, 30.0


def is_time_to_look(look_at: float | None, now: float) -> bool:
    """Whether to look into a fallback, given when to; None is for never."""
    # A clock that was ahead may have been set back.
    return look_at is not None and not now < look_at <= now + LOOK_AGAIN_AFTER_FAILURE


def left_there(records: Iterable[ProgressRecord]) -> list[Addition]:
    """Return what other processes have left in a fallback to be saved."""
    found = [unheld(record) for record in records]
    return [Addition(record=one, tells_age=True, trigger=None) for one in found if one is not None]


def mirroring(
    addition: Addition, policy: ConflictPolicy
) -> Callable[[ProgressRecord | None], ProgressRecord]:
    """Return what makes of what a fallback holds what it is to hold; it may raise `StoreError`."""

    def mirrored(stored: ProgressRecord | None) -> ProgressRecord:
        if stored is None:
            return held(addition.record)
        before = unheld(stored)
        if before is None:
            raise StoreError("the fallback is no database of its own: it holds other records")
        return held(joined(before, addition.record, policy))

    return mirrored


def is_covered(stored: ProgressRecord, addition: Addition, policy: ConflictPolicy) -> bool:
    """Whether what was saved is all that a fallback holds."""
    before = unheld(stored)
    if before is None:
        return False
    both = joined(before, addition.record, policy)
    return replaced(both, generation=addition.record.generation) == addition.record
