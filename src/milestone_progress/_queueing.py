"""What both recorders know of what is queued to be written together with others."""

from collections.abc import Iterable, Sequence

from attrs import evolve

from ._additions import Addition, SaveResult, SaveStatus, added, result_of, told
from ._batch import Attempt
from ._live import LiveViewing
from ._record import ConflictError, ProgressRecord
from ._recording import Recording
from .errors import StoreError

__all__ = ["Queueing", "one_for_each"]

# Times that what is saved together is tried that way: to learn what is stored, to save over it, and
# once more for those whom another worker was faster for. Whoever is left is saved alone.
ROUNDS = 3


class Queueing(Recording):
    """The base of what each recorder does with a store."""

    def _queue(
        self, addition: Addition, now: float, viewing: LiveViewing | None
    ) -> tuple[Addition, SaveResult] | None:
        """Queue an addition; return what waits and what to say, None if it must be saved alone."""
        if self._batch is None or addition.at_start:
            return None
        key = addition.key
        with self._lock:
            known = self._known.get(key)
            if viewing is not None:
                if viewing.stored and self._known.is_nothing(key):
                    # The viewer was deleted: to be made sure of, and the viewing begins anew.
                    return None
                viewing.stored |= known is not None
                addition = evolve(addition, continues=viewing.stored)
            if known is not None and addition.record.generation < known.generation:
                # The viewer has started over: likewise.
                return None
            queued = self._backlog.queue(addition, now + self._batch.max_age)
            if queued is None:
                return None
            if self._plausibility is not None:
                self._first_seen.see(*key, now)
        record: ProgressRecord | None = told(queued.record)
        if known is not None:
            record = added(known, queued, self._conflict)[0]
        # From there to there, as nothing is written yet.
        milestones = self._arms.policy_of(key[0]).milestones
        result = result_of(record, record, SaveStatus.QUEUED, milestones)
        return queued, result if known is not None else evolve(result, generation=None)

    @property
    def _has_no_room(self) -> bool:
        """Whether what is queued has to be written before there is more of it."""
        return self._batch is not None and self._backlog.queued >= self._batch.max_count

    def _is_flush_due(self, now: float) -> bool:
        if self._batch is None:
            return False
        if self._has_no_room:
            return True
        with self._lock:
            save_by = self._backlog.save_by
        # A clock that was ahead may have been set back.
        return save_by is not None and not now < save_by <= now + self._batch.max_age

    def _take(self) -> list[Addition]:
        with self._lock:
            return self._backlog.take()

    def _give_back(self, additions: Iterable[Addition]) -> None:
        with self._lock:
            self._backlog.give_back(additions)

    def _attempts(self, additions: Iterable[Addition]) -> list[Attempt]:
        with self._lock:
            return [
                Attempt.beginning(addition, self._known.get(addition.key), self._conflict)
                for addition in additions
            ]

    def _answered(
        self,
        attempts: Iterable[Attempt],
        outcomes: Iterable[ProgressRecord | ConflictError],
        now: float,
    ) -> tuple[list[Addition], list[Attempt]]:
        """Take note of what became of a round; return what is saved by now, and what is not."""
        saved, left = [], []
        for attempt, outcome in zip(attempts, outcomes, strict=True):
            addition = attempt.addition
            key, trigger = addition.key, addition.trigger
            if attempt.sure and isinstance(outcome, ConflictError):
                # Who only did not know what is stored has raced with nobody.
                self._conflicts(key, trigger, now)(outcome)
            if not attempt.answer(outcome):
                left.append(attempt)
                continue
            before, after = attempt.before, attempt.after
            self._saved(
                before,
                after,
                key=key,
                trigger=trigger,
                status=attempt.change.status,
                now=now,
                implausible=self._judge(addition, before, after, now, self._playing(addition)),
                reported=addition.reported,
            )
            saved.append(addition)
        return saved, left

    def _playing(self, addition: Addition) -> LiveViewing | None:
        """Return the viewing that an addition comes from, if it is one of a few and goes on."""
        if self._plausibility is None or addition.reported:
            return None
        own = (one for one in self._live_of(addition.key[0]) if one.key[:2] == addition.key)
        return next(own, None)


def one_for_each(
    attempts: Sequence[Attempt], outcomes: Iterable[ProgressRecord | ConflictError]
) -> list[ProgressRecord | ConflictError]:
    """Return what a store told of a round.

    Raises:
        StoreError: It did not tell of each one.
    """
    found = list(outcomes)
    if len(found) != len(attempts):
        raise StoreError(f"save_many was given {len(attempts)} records and told of {len(found)}")
    return found
