"""Write-behind: how long and how many saves are collected, and what becomes of those in a batch.

Pure: the recorders ask the store; what to ask it for next is decided here.
"""

from collections import OrderedDict

from attrs import Attribute, define, field, frozen

from ._additions import Addition, Change
from ._numbers import number
from ._record import LARGEST_COUNT, ConflictError, ConflictPolicy, ProgressRecord
from .errors import InvalidValueError

__all__ = ["Batch"]

Key = tuple[str, str]

# Seconds. Who waits for longer than this for a save to be made has lost an hour by a crash.
LONGEST_AGE = 3600.0
LARGEST_BATCH = 100_000
# What was stored last is remembered of so many viewers and media, so that most saves are made by
# the first question to the store: 7 MB, or 12 MB if each has played an hour.
REMEMBERED = 10_000
# A revision that nothing ever has: who tries to save over it is told what is stored.
NO_REVISION = LARGEST_COUNT - 1


def _age(_batch: object, attribute: "Attribute[float]", value: float) -> None:
    if not 0 < number(attribute.name, value) <= LONGEST_AGE:
        raise InvalidValueError(
            attribute.name, value, f"more than 0 and at most {LONGEST_AGE:g} seconds"
        )


def _count(_batch: object, attribute: "Attribute[int]", value: int) -> None:
    if type(value) is not int or not 1 <= value <= LARGEST_BATCH:
        expected = f"a whole number from 1 to {LARGEST_BATCH:,}"
        raise InvalidValueError(attribute.name, value, expected)


@frozen(kw_only=True)
class Batch:
    """How a recorder collects saves of many viewers, to make them together.

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    #: Seconds that a save waits, at most, if the recorder is called then: by `tick`, for example.
    max_age: float = field(default=1.0, validator=_age)
    #: So many viewers and media wait, at most, while as many are being written.
    max_count: int = field(default=500, validator=_count)


class Known:
    """What was stored of viewers and media when the store was asked last; it may have changed.

    Args:
        limit: Of how many; the one that was asked for least recently is forgotten for one more.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._records: OrderedDict[Key, ProgressRecord | None] = OrderedDict()

    def get(self, key: Key) -> ProgressRecord | None:
        """Return what was stored; None if nothing was, or nobody knows."""
        return self._records.get(key)

    def is_nothing(self, key: Key) -> bool:
        """Whether nothing was stored, as far as anybody knows."""
        return key in self._records and self._records[key] is None

    def put(self, key: Key, record: ProgressRecord | None) -> None:
        """Remember what is stored."""
        self._records[key] = record
        self._records.move_to_end(key)
        if len(self._records) > self._limit:
            self._records.popitem(last=False)

    def forget(self, viewer: str) -> None:
        """Forget a viewer."""
        for key in [key for key in self._records if key[0] == viewer]:
            del self._records[key]


@define
class Attempt:
    """An addition on its way into the store, together with others.

    Attributes:
        addition: What is to be added.
        change: What it makes of what is stored.
        record: What to try to save next.
        before: What is stored, as far as anybody knows; in the end, what was stored before.
        after: In the end, what is stored.
        sure: Whether the store itself has said what is stored.
    """

    addition: Addition
    change: Change
    record: ProgressRecord
    before: ProgressRecord | None
    after: ProgressRecord | None = None
    sure: bool = False

    @classmethod
    def beginning(
        cls, addition: Addition, known: ProgressRecord | None, policy: ConflictPolicy
    ) -> "Attempt":
        """Return the first try: to save over what was stored last, or as if nothing was."""
        change = Change((addition,), policy)
        record = _to_save(change, known)
        # That there is nothing to save is for the store to say, which may know better.
        return cls(addition, change, record or addition.record.with_revision(NO_REVISION), known)

    def answer(self, outcome: ProgressRecord | ConflictError) -> bool:
        """Take note of what the store says; return whether that was the end of it."""
        if not isinstance(outcome, ConflictError):
            self.after = outcome
            return True
        self.sure = True
        self.before = self.after = outcome.stored
        record = _to_save(self.change, outcome.stored)
        if record is None:
            return True
        self.record = record
        return False


def _to_save(change: Change, stored: ProgressRecord | None) -> ProgressRecord | None:
    """Return what to save in place of what is stored, None for nothing."""
    changed = change(stored)
    if changed is None or changed is stored:
        return None
    return changed.with_revision(0 if stored is None else stored.revision)
