"""What both recorders know, and whatever they do that waits for nothing."""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from threading import Lock

from attrs import evolve

from ._additions import (
    Addition,
    SaveResult,
    SaveStatus,
    added,
    addition_of,
    completed,
    joined,
    result_of,
    told,
)
from ._backlog import Backlog, BacklogFull
from ._decision import Trigger
from ._numbers import number
from ._policy import IntervalPolicy, SavePolicy
from ._record import ConflictError, ConflictPolicy, ProgressRecord
from ._reports import Report
from ._resume import ResumePolicy
from .errors import InvalidValueError
from .hooks import Details, Hook, Occasion, call

__all__ = ["Recording"]

Key = tuple[str, str]
# Makes of what is stored what is to be stored.
Update = Callable[[ProgressRecord | None], ProgressRecord | None]

# Of what is kept, so much is tried again by a call that has just seen the store work.
RETRIES_PER_CALL = 10
# So many failures in a row say that it is the store, not what was to be saved.
FAILURES_IN_A_ROW = 2


class Recording:
    """The base of both recorders."""

    def __init__(
        self,
        *,
        policy: SavePolicy | IntervalPolicy | None,
        conflict: ConflictPolicy,
        resume: ResumePolicy | None,
        backlog_limit: int,
        backlog_full: BacklogFull,
        hooks: Iterable[Hook],
        clock: Callable[[], float],
        seed: int | None,
    ) -> None:
        if type(backlog_limit) is not int or backlog_limit < 0:
            raise InvalidValueError("backlog_limit", backlog_limit, "a whole number from 0")
        self._milestones: Sequence[float] = (policy or SavePolicy()).milestones
        self._conflict = ConflictPolicy(conflict)
        self._resume = resume or ResumePolicy()
        self._hooks = tuple(hooks)
        self._clock = clock
        self._lock = Lock()
        self._limit = backlog_limit
        self._backlog = Backlog(
            backlog_limit,
            BacklogFull(backlog_full),
            self._conflict,
            Random(seed).random,  # noqa: S311  # nothing secret depends on it
        )
        self._looked_into_fallback = False

    @property
    def waiting(self) -> int:
        """How many records wait for the store to work again."""
        return len(self._backlog)

    def _waits(self, key: Key) -> Addition | None:
        with self._lock:
            return self._backlog.get(key)

    def _waits_for(self, viewer: str) -> dict[str, Addition]:
        with self._lock:
            return {kept.record.media: kept for kept in self._backlog.of_viewer(viewer)}

    def _with_waiting(
        self, stored: ProgressRecord | None, waiting: Addition | None
    ) -> ProgressRecord | None:
        return stored if waiting is None else added(stored, waiting, self._conflict)[0]

    def _addition(self, viewer: str, media: str, report: Report) -> tuple[float, Addition]:
        now = number("clock", self._clock(), minimum=0)
        return now, addition_of(report, viewer, media, now, self._milestones)

    def _due(self, now: float, most: int) -> list[Addition]:
        with self._lock:
            return self._backlog.due(now, most)

    def _settle(self, addition: Addition) -> None:
        with self._lock:
            self._backlog.saved(addition)

    def _forget_viewer(self, viewer: str) -> None:
        with self._lock:
            for addition in self._backlog.of_viewer(viewer):
                self._backlog.saved(addition)

    def _fail_again(self, addition: Addition, error: Exception, now: float) -> None:
        with self._lock:
            self._backlog.failed(addition, now)
        self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)

    def _keep(
        self, addition: Addition, error: BaseException, now: float
    ) -> tuple[Addition | None, Addition | None, SaveResult]:
        """Keep what could not be saved; return what waits, what was given up, and what to say."""
        with self._lock:
            kept, given_up = (
                (None, None) if addition.at_start else self._backlog.keep(addition, now)
            )
            waits = self._backlog.get(addition.key)
        if addition.at_start:
            status = SaveStatus.AT_START
        else:
            status = SaveStatus.REFUSED if kept is None else SaveStatus.KEPT
        lost = status is SaveStatus.REFUSED
        self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error, lost=lost)
        if given_up is not None:
            self._tell(
                Occasion.FAILURE, now, given_up.key, given_up.trigger, error=error, lost=True
            )
        known = None if waits is None else told(waits.record)
        result = evolve(
            result_of(None, known, status, self._milestones),
            status=status,
            reached=(),
            newly_completed=False,
            given_up=None if given_up is None else told(given_up.record),
        )
        return kept, given_up, result

    def _saved(
        self,
        before: ProgressRecord | None,
        after: ProgressRecord | None,
        *,
        key: Key,
        trigger: Trigger | None,
        status: SaveStatus,
        now: float,
    ) -> SaveResult:
        result = result_of(before, after, status, self._milestones)
        if result.written:
            self._tell(
                Occasion.SAVE, now, key, trigger, record=result.record, reached=result.reached
            )
        if result.newly_completed:
            self._tell(Occasion.COMPLETION, now, key, trigger, record=result.record)
        return result

    def _conflicts(
        self, key: Key, trigger: Trigger | None, now: float
    ) -> Callable[[ConflictError], None]:
        """Return what tells of lost races."""
        return lambda _conflict: self._tell(Occasion.CONFLICT, now, key, trigger)

    def _completing(self, key: Key, waiting: Addition | None, now: float) -> Update:
        return lambda stored: completed(self._with_waiting(stored, waiting), *key, now)

    def _resetting(self, now: float) -> Update:
        return lambda stored: None if stored is None else stored.reset(max(now, stored.updated_at))

    def _tell(
        self,
        occasion: Occasion,
        at: float,
        key: Key,
        trigger: Trigger | None,
        *,
        record: ProgressRecord | None = None,
        reached: tuple[float, ...] = (),
        error: BaseException | None = None,
        lost: bool = False,
    ) -> None:
        if self._hooks:
            viewer, media = key
            details = Details(
                occasion=occasion,
                at=at,
                viewer=viewer,
                media=media,
                trigger=trigger,
                record=record,
                reached=reached,
                error=error,
                lost=lost,
            )
            call(self._hooks, details)

    def _found_in_fallback(self, records: list[ProgressRecord], now: float) -> None:
        """Take up what an earlier process could not save."""
        # If there may be more, look again when these are saved.
        self._looked_into_fallback = len(records) < self._limit
        with self._lock:
            for record in records:
                addition = Addition(record=record.with_revision(0), tells_age=True, trigger=None)
                if self._backlog.get(addition.key) is None and not self._backlog.full:
                    self._backlog.keep(addition, now)

    def _should_look_into_fallback(self) -> bool:
        return self._limit > 0 and not self._looked_into_fallback and not self._backlog

    def _mirroring(self, addition: Addition) -> Update:
        """Return what makes of what the fallback holds what it is to hold."""

        def mirrored(held: ProgressRecord | None) -> ProgressRecord:
            if held is None:
                return addition.record
            return joined(held.with_revision(0), addition.record, self._conflict)

        return mirrored

    def _is_covered(self, held: ProgressRecord, addition: Addition) -> bool:
        """Whether what was saved is all that the fallback holds."""
        return joined(held.with_revision(0), addition.record, self._conflict) == addition.record

    def _recent(
        self, records: Iterable[ProgressRecord], limit: int, include_completed: bool
    ) -> list[ProgressRecord]:
        found = [record for record in records if include_completed or not record.finished]
        return sorted(found, key=lambda record: (-record.updated_at, record.media))[:limit]
