"""The recorder: takes reports and events, saves what is new, and tells from where to resume."""

import time
from collections.abc import Callable, Iterable
from threading import RLock
from types import TracebackType
from typing import Self

from ._additions import Addition, Change, SaveResult, SaveStatus
from ._arms import Plan
from ._backlog import BacklogFull
from ._batch import Batch
from ._decision import Trigger
from ._events import Event
from ._freezing import frozen_viewing
from ._identifiers import identifier
from ._keeping import Keeping, Untold
from ._live import (
    HandleResult,
    LiveChange,
    LiveKey,
    LiveViewing,
    checked_events,
)
from ._live_viewings import LiveLimits
from ._numbers import number
from ._plausibility import Plausibility
from ._record import ConflictPolicy, ProgressRecord
from ._reports import Report
from ._resume import ResumeChoice, ResumePolicy, resume_choice
from .caches import SnapshotCache
from .errors import InvalidValueError, StoreError
from .hooks import Hook, Occasion
from .metrics import Metrics
from .stores import FallbackStore, ManySaver, ProgressStore, ViewerDeleter, ViewerExporter
from .stores._arguments import LARGEST_LIMIT, checked_limit, checked_medias
from .stores._saving import update

__all__ = ["Recorder"]


class Recorder(Keeping):
    """Saves what browsers report, on any number of workers.

    Of reports it keeps nothing in memory but what could not be saved. Several workers may each have
    one on the same store, and reports may reach any of them, in any order, any number of times. It
    may be used by any number of threads.

    Where players send raw events instead, it has the trackers: `handle`.

    Args:
        store: Where records are kept; closing it is for whoever opened it.
        policy: When live viewings are saved, and which milestones are told of; None for the default
            `SavePolicy`. A `Rollout`, where viewers differ. Or a function that returns one of these
            and is asked at each call, so that a change holds at once, on every worker; if it
            raises, the last one holds on.
        conflict: Where a viewer resumes of whom two devices tell.
        resume: From where a viewer resumes; None for the default policy.
        fallback: Keeps what could not be saved across the end of this process, and a kill; None for
            memory only. A store of its own, in which nothing else is.
        backlog_limit: For how many viewers and media what could not be saved is kept, at most.
        backlog_full: What is done with one more.
        live: How many live viewings `handle` keeps in memory; None for the default limits.
        snapshots: Shared with other workers, so that each may go on with any viewing; None if all
            events of a viewing come to this recorder.
        plausibility: What is possible, so that what is not is flagged; None for not to ask.
        hooks: Are told of every save, failure, retry, conflict, completion and implausible claim.
        metrics: Counts requests, writes and what viewers did, by arm; None for nobody.
        clock: Returns Unix seconds.
        seed: Of the dice that spread retries; None for another one each time.
        batch: How saves of many viewers are collected to be written together, by a store that has
            ``save_many``; None to write each before it is answered.

    Raises:
        InvalidValueError: ``backlog_limit`` is no such number, or ``policy``, ``conflict``,
            ``backlog_full`` or ``batch`` no such thing, or the store cannot do what ``batch``
            needs.
    """

    def __init__(
        self,
        store: ProgressStore,
        *,
        policy: Plan | Callable[[], Plan] | None = None,
        conflict: ConflictPolicy = ConflictPolicy.NEWEST,
        resume: ResumePolicy | None = None,
        fallback: FallbackStore | None = None,
        backlog_limit: int = 10_000,
        backlog_full: BacklogFull = BacklogFull.REFUSE,
        live: LiveLimits | None = None,
        snapshots: SnapshotCache | None = None,
        plausibility: Plausibility | None = None,
        hooks: Iterable[Hook] = (),
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
        batch: Batch | None = None,
    ) -> None:
        super().__init__(
            policy=policy,
            conflict=conflict,
            resume=resume,
            backlog_limit=backlog_limit,
            backlog_full=backlog_full,
            live=live,
            plausibility=plausibility,
            hooks=hooks,
            metrics=metrics,
            clock=clock,
            seed=seed,
            batch=batch,
        )
        if fallback is not None and (fallback is store or backlog_limit == 0):
            expected = "another store than the first, and room in the backlog to go with it"
            raise InvalidValueError("fallback", fallback, expected)
        self._store = store
        self._fallback = fallback
        self._look_at = None if fallback is None else 0.0
        self._snapshots = snapshots
        self._in_use = {}
        if batch is not None:
            if not isinstance(store, ManySaver):
                expected = "None for a store without save_many, such as this one"
                raise InvalidValueError("batch", batch, expected)
            self._many = store
        # A store may call the recorder back.
        self._flushing = RLock()
        self._untold = Untold()

    def report(self, viewer: str, media: str, report: Report) -> SaveResult:
        """Save what a report says, if it is news.

        Args:
            viewer: Who sent it, as the host's authentication says; never from the report itself.
            media: What it is about, as the host's routing says and its catalogue knows.
            report: As `parse_report` read it.

        Returns:
            What became of it. A store that fails, whatever it raises, is no error but a status: the
            report is kept and saved later.

        Raises:
            InvalidValueError: Viewer or media is no identifier; nothing was done.
        """
        now = self._now()
        addition = self._addition(viewer, media, report, now)
        self._make_room(now)
        waiting = self._waits(addition.key)
        parts = (addition,) if waiting is None else (waiting, addition)
        result = self._save(addition, Change(parts, self._conflict), waiting, now)
        self._arms.count(viewer, self._arms.counts(requests=1), result)
        self._go_further(result, now)
        return result

    def handle(
        self,
        viewer: str,
        media: str,
        events: Iterable[Event],
        *,
        player: str | None = None,
        sent_at: float | None = None,
    ) -> HandleResult:
        """Handle playback events of a viewing: decide here what the browser did not, and save it.

        The tracker is kept for the next call. All events of a viewing have to come in their order,
        and to the same recorder, or to recorders that share a cache of snapshots.

        Args:
            viewer: Who sent them, as the host's authentication says.
            media: What they are about; what other media do in the same player is sent under their
                own identifier, or not at all.
            events: In their order.
            player: Which of the viewer's players sent them (a connection, a tab, a device), where
                several may play one media at the same time; an identifier. None for the only one.
            sent_at: When they were sent, Unix seconds by the clock of their ``at``; None for at the
                last of them.

        Returns:
            What became of them.

        Raises:
            InvalidValueError: One of the arguments is no such thing; nothing was handled.
            StoreError: What is stored of a viewing that is new here cannot be read; nothing was
                handled, send them again.
        """
        key = self._live_key(viewer, media, player)
        batch = checked_events(events)
        if sent_at is not None:
            number("sent_at", sent_at)
        now = self._now()
        self._make_room(now)
        with self._alone(key):
            viewing = self._viewing(key, now)
            if viewing is None:
                return HandleResult(handled=False, decisions=(), saved=None, deadline=None)
            self._arms.follow(viewing, batch)
            counts = self._arms.counts(requests=1)
            decisions, addition = viewing.handle(batch, now, sent_at, self._conflict, counts)
            viewing.seen_at = now
            saved = self._go_on(viewing, addition, now)
        self._arms.count(viewer, counts, saved)
        excess = self._in_excess(key)
        if excess is not None:
            self._leave(excess, now)
        if saved is not None:
            self._go_further(saved, now)
        return HandleResult(handled=True, decisions=decisions, saved=saved, deadline=viewing.due_at)

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return what is known of a viewer and a media, None if nothing is.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed.
        """
        key = self._key(viewer, media)
        now = self._now()
        self._look_into_fallback(now)
        # Before the store is asked: what waits may be saved in between.
        waiting = self._waits(key)
        stored = self._store.load(viewer, media)
        self._know(key, stored)
        record = self._with_waiting(stored, waiting)
        self._see(key, record, now)
        return record

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return what is known of a viewer and some media, by media; without those never watched.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed.
        """
        identifier("viewer", viewer)
        wanted = checked_medias(medias)
        self._look_into_fallback(self._now())
        waits = self._waits_for(viewer)
        found = self._store.load_many(viewer, wanted)
        for media, waiting in waits.items():
            known = self._with_waiting(found.get(media), waiting)
            if media in wanted and known is not None:
                found[media] = known
        return found

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: the "continue watching" row.

        The arguments and errors are those of `ProgressStore.recent`.
        """
        self._look_into_fallback(self._now())
        waiting = self._waits_for(viewer)
        # What waits may finish some of what is stored, and make room for as many.
        most = min(checked_limit(limit) + len(waiting), LARGEST_LIMIT)
        held = self.load_many(viewer, waiting) if waiting else {}
        while True:
            found = self._store.recent(viewer, most, include_completed=include_completed)
            known = {record.media: record for record in found} | held
            recent = self._recent(known.values(), limit, include_completed)
            if len(recent) == limit or len(found) < most or most == LARGEST_LIMIT:
                return recent
            # Many were left in their credits, of which the store knows nothing.
            most = min(4 * most, LARGEST_LIMIT)

    def resume_choice(
        self,
        viewer: str,
        media: str,
        *,
        duration: float | None = None,
        policy: ResumePolicy | None = None,
    ) -> ResumeChoice:
        """Return what to ask a viewer who comes back: to resume, or to start over.

        Args:
            viewer: Who.
            media: To what.
            duration: Its length as it is today, seconds; None for that of the record.
            policy: For this media; None for the recorder's own.

        Raises:
            InvalidValueError: One of them is no such value.
            StoreError: The store failed.
        """
        record = self.load(viewer, media)
        choice = resume_choice(
            record,
            policy or self._resume,
            now=self._now(),
            duration=duration,
            completion=self._arms.rollout.milestone,
        )
        self._arms.offer(viewer, media, choice)
        return choice

    def complete(self, viewer: str, media: str) -> SaveResult:
        """Mark a media as complete, as a viewer does who presses that button.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed, and nothing was kept.
        """
        key = self._key(viewer, media)
        now = self._now()
        waiting = self._waits(key)
        change = self._completing(key, waiting, now)
        trigger = Trigger.COMPLETION
        conflicted = self._conflicts(key, trigger, now)
        before, after = update(self._store, viewer, media, change, conflicted=conflicted)
        status = SaveStatus.NO_NEWS
        result = self._saved(before, after, key=key, trigger=trigger, status=status, now=now)
        if waiting is not None:
            self._forget(waiting, now)
        return result

    def reset(self, viewer: str, media: str) -> ProgressRecord | None:
        """Forget a viewer's progress in a media, as one does who starts over; the next generation.

        Reports of players that were running before are not saved if they tell their generation; nor
        if they are older than this, as long as nothing else was saved since.

        Returns:
            What is stored now, None if nothing was.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed, and nothing was forgotten.
        """
        key = self._key(viewer, media)
        now = self._now()
        # What is queued belongs to the generation that ends now.
        self._flush(now)
        conflicted = self._conflicts(key, None, now)
        change = self._resetting(now)
        before, after = update(self._store, viewer, media, change, conflicted=conflicted)
        self._know(key, after)
        for viewing in self._live_of(viewer):
            if viewing.key[:2] == key:
                with self._alone(viewing.key):
                    self._ends(viewing)
        self._forget_snapshots(viewer, media, now)
        # After a retry that is under way.
        with self._alone(key):
            self._forget_all(key, now)
        if after is not before:
            self._tell(Occasion.SAVE, now, key, None, record=after)
        return after

    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all that is known of a viewer, in order of media.

        With what waits on this worker to be saved; without what its live viewings have not decided
        to save yet.

        Raises:
            InvalidValueError: The viewer is no identifier.
            StoreError: The store failed, or cannot tell all it knows of a viewer.
        """
        identifier("viewer", viewer)
        if not isinstance(self._store, ViewerExporter):
            raise StoreError(f"a {type(self._store).__name__} cannot export a viewer")
        self._look_into_fallback(self._now())
        # Before the store is asked: what waits may be saved in between.
        waits = self._waits_for(viewer)
        known = {record.media: record for record in self._store.export_viewer(viewer)}
        for media, waiting in waits.items():
            record = self._with_waiting(known.get(media), waiting)
            if record is not None:
                known[media] = record
        return sorted(known.values(), key=lambda record: record.media)

    def delete_viewer(self, viewer: str) -> int:
        """Delete all that is known of a viewer, and return how many records the store had.

        Raises:
            InvalidValueError: The viewer is no identifier.
            StoreError: The store failed, or cannot delete; it may still know some of it.
        """
        identifier("viewer", viewer)
        if not isinstance(self._store, ViewerDeleter):
            raise StoreError(f"a {type(self._store).__name__} cannot delete a viewer")
        now = self._now()
        for media, waiting in self._waits_for(viewer).items():
            # After a retry that is under way.
            with self._alone((viewer, media)):
                self._settle(waiting)
        with self._flushing:
            # No batch that is being written has it any more.
            pass
        if self._fallback is not None:
            self._fallback.delete_viewer(viewer)
        deleted = self._store.delete_viewer(viewer)
        for viewing in self._live_of(viewer):
            with self._alone(viewing.key):
                self._ends(viewing)
        self._forget_snapshots(viewer, None, now)
        self._forget_seen(viewer)
        return deleted

    def tick(self, now: float | None = None) -> None:
        """Do what is due: pauses that became long, viewings that went silent, saves to try again.

        To be called at `deadline`, or every second or so.

        Args:
            now: Unix seconds; None for what the clock says.
        """
        now = self._now() if now is None else number("now", now, minimum=0)
        while (viewing := self._due_viewing(now)) is not None:
            self._make_room(now)
            with self._alone(viewing.key):
                if self._is_current(viewing):
                    self._arms.follow(viewing)
                    counts = self._arms.counts()
                    _, addition = viewing.tick(now, self._conflict, counts)
                    self._go_on(viewing, addition, now)
                    self._arms.count(viewing.key[0], counts)
        for viewing in self._idle_viewings(now):
            self._leave(viewing, now, forgets=True)
        self._flush_if_due(now)
        self._retry(now, self._limit)

    def flush(self) -> None:
        """Write what is queued now, if there is a batch.

        A store that fails is no error: what was queued waits for it to work again.
        """
        self._flush(self._now())

    def close(self) -> tuple[ProgressRecord, ...]:
        """Save what is unsaved of live viewings, or queued, and once more what could not be saved.

        Returns:
            What still could not be. What of it no fallback holds is lost, as hooks are told.
        """
        now = self._now()
        for viewing in self._all_live():
            self._leave(viewing, now)
        self._flush(now)
        self._look_into_fallback(now)
        with self._lock:
            waiting = self._backlog.all()
        self._try_again(waiting, now)
        return self._left(now, has_fallback=self._fallback is not None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _viewing(self, key: LiveKey, now: float) -> LiveViewing | None:
        """Return a viewing that goes on or begins; None if its viewer has too many."""
        viewing = self._current(key)
        if viewing is not None:
            return viewing
        if not self._admits(key, now):
            return None
        # Before the store is asked: what waits may be saved in between.
        waiting = self._waits(key[:2])
        try:
            stored = self._store.load(*key[:2])
        except Exception:  # Whatever a stranger's store raises.
            self._arms.count(key[0], self._arms.counts(requests=1, failed=1, refused=1))
            raise
        self._know(key[:2], stored)
        viewing = self._beginning(key, self._with_waiting(stored, waiting), now)
        # What waits is not there yet, and nobody can have deleted it.
        viewing.stored = stored is not None
        return viewing

    def _current(self, key: LiveKey) -> LiveViewing | None:
        """Return a viewing as the last worker has left it, None if it is to begin anew."""
        viewing = self._known_viewing(key)
        if self._snapshots is None:
            return viewing
        try:
            text = self._snapshots.get(*key)
        except StoreError as error:
            # As if it had forgotten: what this worker knows is the best there is.
            self._tell(Occasion.FAILURE, self._now(), key[:2], None, error=error)
            text = None
        return self._newest(key, viewing, text)

    def _is_current(self, viewing: LiveViewing) -> bool:
        """Whether no other worker has gone on with a viewing; if one has, drop it."""
        if self._current(viewing.key) is viewing:
            return True
        self._ends(viewing)
        return False

    def _go_on(
        self, viewing: LiveViewing, addition: Addition | None, now: float
    ) -> SaveResult | None:
        """Save what a viewing has led to, and remember it."""
        # First, so that it is known however saving ends.
        self._goes_on(viewing, now)
        saved = None if addition is None else self._save_live(viewing, addition, now)
        if self._snapshots is not None:
            try:
                viewer, media, *player = viewing.key
                self._snapshots.put(viewer, media, frozen_viewing(viewing), *player)
            except StoreError as error:
                # This worker can go on. If another one does, it begins where the cache stands.
                self._tell(Occasion.FAILURE, now, viewing.key[:2], None, error=error)
        return saved

    def _save_live(self, viewing: LiveViewing, addition: Addition, now: float) -> SaveResult:
        waiting = self._waits(viewing.key[:2])
        parts = (addition,) if waiting is None else (waiting, addition)
        change = LiveChange(viewing, parts, self._conflict)
        result = self._save(addition, change, waiting, now, viewing)
        self._after_saving(viewing, change, result, now)
        return result

    def _leave(self, viewing: LiveViewing, now: float, *, forgets: bool = False) -> None:
        """Save what is unsaved of a viewing and drop it from memory, and from the cache if told."""
        self._make_room(now)
        with self._alone(viewing.key):
            if self._is_current(viewing) and self._ends(viewing):
                counts = self._arms.counts()
                addition = viewing.leave(now, self._conflict, counts)
                self._arms.count(viewing.key[0], counts, viewing=viewing)
                if addition is not None:
                    self._save_live(viewing, addition, now)
                if forgets:
                    viewer, media, *player = viewing.key
                    self._forget_snapshots(viewer, media, now, *player or [""])

    def _forget_snapshots(
        self, viewer: str, media: str | None, now: float, player: str | None = None
    ) -> None:
        if self._snapshots is None:
            return
        try:
            self._snapshots.forget(viewer, media, player)
        except StoreError as error:
            # A viewing that goes on there finds that its generation is over when it saves.
            self._tell(Occasion.FAILURE, now, (viewer, media or ""), None, error=error)
