"""What both recorders know, and whatever they do that waits for nothing."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from math import inf, nextafter
from random import Random
from threading import Lock
from typing import TypeVar

from attrs import evolve

from ._additions import (
    Addition,
    SaveResult,
    SaveStatus,
    added,
    addition_of,
    completed,
    result_of,
    told,
)
from ._arms import Arms, Plan
from ._backlog import Backlog, BacklogFull
from ._batch import REMEMBERED, Batch, Known
from ._decision import Trigger
from ._fallback import LOOK_AGAIN, LOOK_AGAIN_AFTER_FAILURE, is_time_to_look, left_there
from ._freezing import thawed
from ._identifiers import identifier
from ._live import LiveChange, LiveKey, LiveViewing
from ._live_viewings import LiveLimits, LiveViewings
from ._numbers import number
from ._plausibility import FirstSeen, Implausible, Plausibility, Seen, implausible_claims
from ._policy import IntervalPolicy, SavePolicy
from ._record import ConflictError, ConflictPolicy, ProgressRecord
from ._reports import Report
from ._resume import ResumePolicy, has_finished
from .errors import InvalidValueError, StoreError
from .hooks import Details, Hook, Occasion, call
from .metrics import Metrics

__all__ = ["Recording"]

Key = tuple[str, str]
# Makes of what is stored what is to be stored.
Update = Callable[[ProgressRecord | None], ProgressRecord | None]

# Of what is kept, so much is tried again by a call that has just seen the store work.
RETRIES_PER_CALL = 10
# So many failures in a row say that it is the store, not what was to be saved.
FAILURES_IN_A_ROW = 2
LARGEST_BACKLOG = 10_000_000
# Where a record that is told of need not be stored.
UNSAVED = (SaveStatus.KEPT, SaveStatus.QUEUED)
E = TypeVar("E", bound=StrEnum)


def _member(enumeration: type[E], field: str, value: str) -> E:
    try:
        return enumeration(value)
    except ValueError:
        raise InvalidValueError(field, value, f"one of {', '.join(enumeration)}") from None


class Recording:
    """The base of both recorders."""

    def __init__(
        self,
        *,
        policy: Plan | Callable[[], Plan] | None,
        conflict: ConflictPolicy,
        resume: ResumePolicy | None,
        backlog_limit: int,
        backlog_full: BacklogFull,
        live: LiveLimits | None,
        plausibility: Plausibility | None,
        hooks: Iterable[Hook],
        metrics: Metrics | None,
        clock: Callable[[], float],
        seed: int | None,
        batch: Batch | None,
    ) -> None:
        if batch is not None and not isinstance(batch, Batch):
            raise InvalidValueError("batch", batch, "a Batch, or None")
        if type(backlog_limit) is not int or not 0 <= backlog_limit <= LARGEST_BACKLOG:
            expected = f"a whole number from 0 to {LARGEST_BACKLOG:,}"
            raise InvalidValueError("backlog_limit", backlog_limit, expected)
        if batch is not None and backlog_limit < batch.max_count:
            expected = f"at least the {batch.max_count:,} of the batch, which wait there"
            raise InvalidValueError("backlog_limit", backlog_limit, expected)
        self._arms = Arms(policy, metrics)
        self._conflict = _member(ConflictPolicy, "conflict", conflict)
        self._resume = resume or ResumePolicy()
        self._hooks = tuple(hooks)
        self._clock = clock
        self._lock = Lock()
        self._limit = backlog_limit
        self._backlog = Backlog(
            backlog_limit,
            _member(BacklogFull, "backlog_full", backlog_full),
            self._conflict,
            Random(seed).random,  # noqa: S311  # nothing secret depends on it
        )
        # When to look into the fallback for what other processes have left there; None for never.
        self._look_at: float | None = None
        # Of what waits, what the fallback could not take.
        self._unmirrored: set[Key] = set()
        limits = live or LiveLimits()
        self._live = LiveViewings(limits.viewings, limits.per_viewer, limits.idle)
        self._plausibility = plausibility
        self._first_seen = FirstSeen()
        self._batch = batch
        self._known = Known(REMEMBERED)

    def policy_of(self, viewer: str) -> SavePolicy | IntervalPolicy:
        """Return by which policy a viewer's progress is saved now.

        Raises:
            InvalidValueError: The viewer is no identifier.
        """
        return self._arms.rollout.policy_of(viewer)

    @property
    def viewings(self) -> int:
        """How many live viewings there are."""
        return len(self._live)

    @property
    def deadline(self) -> float | None:
        """When `tick` should be called at the latest, Unix seconds by the recorder's clock.

        It may be past: then at once. None if nothing waits for a time to come.
        """
        with self._lock:
            # What a full backlog has no room for is not looked for.
            look_at = None if self._backlog.full else self._look_at
            times = (self._live.next_time, self._backlog.next_time, look_at)
        return min((at for at in times if at is not None), default=None)

    @property
    def waiting(self) -> int:
        """How many records wait for the store to work again."""
        with self._lock:
            return len(self._backlog) - self._backlog.unfailed

    @property
    def queued(self) -> int:
        """How many records wait to be written together, or just are."""
        with self._lock:
            return self._backlog.unfailed

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

    def _now(self) -> float:
        return number("clock", self._clock(), minimum=0)

    def _addition(self, viewer: str, media: str, report: Report, now: float) -> Addition:
        policy = self._arms.policy_of(viewer)
        # Where they are reached by playing, a position reaches none.
        played = isinstance(policy, SavePolicy) and policy.basis == "played"
        return addition_of(report, viewer, media, now, () if played else policy.milestones)

    def _live_key(self, viewer: str, media: str, player: str | None) -> LiveKey:
        key = self._key(viewer, media)
        return key if player is None else (*key, identifier("player", player))

    def _key(self, viewer: str, media: str) -> Key:
        return identifier("viewer", viewer), identifier("media", media)

    def _see(self, key: Key, record: ProgressRecord | None, now: float) -> Seen | None:
        """Take note of a viewing that is seen for the first time, if anybody asks."""
        if self._plausibility is None:
            return None
        with self._lock:
            seen = self._first_seen.see(*key, now)
            if self._backlog.get(key) is None:
                # What waits may be what is to be judged.
                seen.learn(record)
            return seen

    def _beginning(self, key: LiveKey, record: ProgressRecord | None, now: float) -> LiveViewing:
        rollout, viewer = self._arms.rollout, key[0]
        policy, shadow = rollout.policy_of(viewer), rollout.shadow_of(viewer)
        viewing = LiveViewing.beginning(key, record, policy, now, shadow)
        viewing.seen = self._see(key[:2], record, now)
        return viewing

    def _known_viewing(self, key: LiveKey) -> LiveViewing | None:
        with self._lock:
            return self._live.get(key)

    def _admits(self, key: LiveKey, now: float) -> bool:
        with self._lock:
            return self._live.admits(key, now)

    def _newest(
        self, key: LiveKey, viewing: LiveViewing | None, text: str | None
    ) -> LiveViewing | None:
        """Return this worker's viewing if no other worker has gone on with it, else the cache's."""
        found = None
        if text is not None:
            rollout, viewer = self._arms.rollout, key[0]
            found = thawed(text, key, rollout.policy_of(viewer), rollout.shadow_of(viewer))
        if found is None or (viewing is not None and viewing.version >= found.version):
            return viewing
        return found

    def _all_live(self) -> list[LiveViewing]:
        with self._lock:
            return self._live.all()

    def _forget_seen(self, viewer: str) -> None:
        with self._lock:
            self._first_seen.forget(viewer)
            self._known.forget(viewer)
        self._arms.forget(viewer)

    def _know(self, key: Key, stored: ProgressRecord | None) -> None:
        """Remember what is stored, if that helps to save it together with others."""
        if self._batch is not None:
            with self._lock:
                self._known.put(key, stored)

    def _goes_on(self, viewing: LiveViewing, now: float) -> None:
        """Remember a viewing that has got further."""
        viewing.version = max(now, nextafter(viewing.version, inf))
        with self._lock:
            self._live.put(viewing, now)

    def _ends(self, viewing: LiveViewing | None) -> bool:
        """Drop a viewing; return whether it was there."""
        with self._lock:
            return viewing is not None and self._live.remove(viewing)

    def _live_of(self, viewer: str) -> list[LiveViewing]:
        with self._lock:
            return self._live.of_viewer(viewer)

    def _in_excess(self, key: LiveKey) -> LiveViewing | None:
        with self._lock:
            return self._live.excess(key)

    def _due_viewing(self, now: float) -> LiveViewing | None:
        with self._lock:
            return self._live.due(now)

    def _idle_viewings(self, now: float) -> list[LiveViewing]:
        with self._lock:
            return self._live.idle(now)

    def _after_saving(
        self, viewing: LiveViewing, change: LiveChange, result: SaveResult, now: float
    ) -> None:
        """Have a viewing take note of what became of its decisions."""
        if change.superseded:
            # 5.4: what it knows is of a generation that is over.
            fresh = self._beginning(viewing.key, change.found, now)
            viewing.tracker = fresh.tracker
            viewing.shadow = fresh.shadow
            viewing.generation = fresh.generation
            viewing.stored = fresh.stored
            viewing.seen = fresh.seen
            viewing.due_at = None
        elif result.record is not None and result.status not in UNSAVED:
            viewing.stored = True

    def _due(self, now: float, most: int) -> list[Addition]:
        with self._lock:
            return self._backlog.due(now, most)

    def _settle(self, addition: Addition) -> None:
        with self._lock:
            self._backlog.saved(addition)
            if self._backlog.get(addition.key) is None:
                self._unmirrored.discard(addition.key)

    def _is_not_mirrored(self, addition: Addition) -> None:
        """Have it mirrored when saving it is tried again, if it waits for that."""
        with self._lock:
            if self._backlog.get(addition.key) is not None:
                self._unmirrored.add(addition.key)

    def _waits_still(self, addition: Addition) -> bool:
        with self._lock:
            return self._backlog.get(addition.key) is addition

    def _fail_again(self, addition: Addition, error: Exception, now: float) -> None:
        with self._lock:
            self._backlog.failed(addition, now)
        self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)

    def _left(self, now: float, *, has_fallback: bool) -> tuple[ProgressRecord, ...]:
        """Return what could not be saved at the end; tell of what nothing but memory holds."""
        with self._lock:
            left = self._backlog.all()
            lost = [one for one in left if not has_fallback or one.key in self._unmirrored]
        error = StoreError("it could not be saved before the recorder was closed")
        for addition in lost:
            self._tell(
                Occasion.FAILURE, now, addition.key, addition.trigger, error=error, lost=True
            )
        return tuple(told(addition.record) for addition in left)

    def _keep(
        self, addition: Addition, error: BaseException, now: float
    ) -> tuple[Addition | None, Addition | None, SaveResult]:
        """Keep what could not be saved; return what waits, what was given up, and what to say."""
        if self._plausibility is not None:
            with self._lock:
                self._first_seen.see(*addition.key, now)
        with self._lock:
            kept, given_up = (
                (None, None) if addition.at_start else self._backlog.keep(addition, now)
            )
            waits = self._backlog.get(addition.key)
            if given_up is not None:
                self._unmirrored.discard(given_up.key)
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
            result_of(None, known, status, self._arms.policy_of(addition.key[0]).milestones),
            status=status,
            reached=(),
            newly_completed=False,
            generation=None,
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
        implausible: tuple[Implausible, ...] = (),
        reported: bool = False,
    ) -> SaveResult:
        self._know(key, after)
        result = result_of(before, after, status, self._arms.policy_of(key[0]).milestones)
        if implausible:
            result = evolve(result, implausible=implausible)
            self._tell(Occasion.IMPLAUSIBLE, now, key, trigger, implausible=implausible)
        if result.written:
            self._tell(
                Occasion.SAVE, now, key, trigger, record=result.record, reached=result.reached
            )
        if result.newly_completed:
            self._tell(Occasion.COMPLETION, now, key, trigger, record=result.record)
        self._arms.count_saved(key[0], before, result, trigger, reported=reported)
        return result

    def _judge(
        self,
        addition: Addition,
        before: ProgressRecord | None,
        after: ProgressRecord | None,
        now: float,
        viewing: LiveViewing | None = None,
        *,
        retried: bool = False,
    ) -> tuple[Implausible, ...]:
        """Return what of an addition cannot be true, if it was written and anybody asks."""
        if self._plausibility is None:
            return ()
        with self._lock:
            seen = self._first_seen.see(*addition.key, now)
            if viewing is not None and viewing.seen is not None:
                # Another worker's, perhaps.
                seen = viewing.seen
            return implausible_claims(
                self._plausibility,
                seen,
                addition.record,
                before,
                after,
                now=None if retried else now,
                played_time=None if viewing is None else viewing.tracker.played_time,
            )

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
        implausible: tuple[Implausible, ...] = (),
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
                implausible=implausible,
            )
            self._call_hooks(details)

    def _call_hooks(self, details: Details) -> None:
        call(self._hooks, details)

    def _should_look_into_fallback(self, now: float) -> bool:
        if not is_time_to_look(self._look_at, now) or self._backlog.full:
            return False
        # Whoever comes while it is being looked into need not do so, too.
        self._look_at = now + LOOK_AGAIN_AFTER_FAILURE
        return True

    def _found_in_fallback(self, records: list[ProgressRecord], now: float) -> None:
        """Take up what an earlier process could not save."""
        # If there may be more, look again when there is room.
        self._look_at = None if len(records) < self._limit else now + LOOK_AGAIN
        with self._lock:
            for addition in left_there(records):
                if self._backlog.get(addition.key) is None and not self._backlog.full:
                    self._backlog.keep(addition, now)

    def _recent(
        self, records: Iterable[ProgressRecord], limit: int, include_completed: bool
    ) -> list[ProgressRecord]:
        completion = self._arms.rollout.milestone
        found = [
            record
            for record in records
            if include_completed or not has_finished(record, record.duration, completion)
        ]
        return sorted(found, key=lambda record: (-record.updated_at, record.media))[:limit]
