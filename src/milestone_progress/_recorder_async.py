"""The recorder for asyncio: what `Recorder` does, awaited."""

import time
from collections.abc import Callable, Iterable
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
from ._keeping_async import AsyncKeeping
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
from .caches import AsyncSnapshotCache
from .errors import InvalidValueError, StoreError
from .hooks import Hook, Occasion
from .metrics import Metrics
from .stores import (
    AsyncFallbackStore,
    AsyncManySaver,
    AsyncProgressStore,
    AsyncViewerDeleter,
    AsyncViewerExporter,
)
from .stores._arguments import LARGEST_LIMIT, checked_limit, checked_medias
from .stores._saving import update_async

__all__ = ["AsyncRecorder"]


class AsyncRecorder(AsyncKeeping):
    """A `Recorder` for asyncio, with the same arguments.

    It may be used by any number of tasks of one event loop. If a task is cancelled while it saves,
    what it was to save is kept, and saved later.
    """

    def __init__(
        self,
        store: AsyncProgressStore,
        *,
        policy: Plan | Callable[[], Plan] | None = None,
        conflict: ConflictPolicy = ConflictPolicy.NEWEST,
        resume: ResumePolicy | None = None,
        fallback: AsyncFallbackStore | None = None,
        backlog_limit: int = 10_000,
        backlog_full: BacklogFull = BacklogFull.REFUSE,
        live: LiveLimits | None = None,
        snapshots: AsyncSnapshotCache | None = None,
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
        # Who makes one has loaded it; `import milestone_progress` need not.
        from asyncio import Lock  # noqa: PLC0415  # as said

        if batch is not None:
            if not isinstance(store, AsyncManySaver):
                expected = "None for a store without save_many, such as this one"
                raise InvalidValueError("batch", batch, expected)
            self._many = store
        self._flushing = Lock()

    async def report(self, viewer: str, media: str, report: Report) -> SaveResult:
        """Save what a report says, if it is news: `Recorder.report`."""
        now = self._now()
        addition = self._addition(viewer, media, report, now)
        await self._make_room(now)
        waiting = self._waits(addition.key)
        parts = (addition,) if waiting is None else (waiting, addition)
        result = await self._save(addition, Change(parts, self._conflict), waiting, now)
        self._arms.count(viewer, self._arms.counts(requests=1), result)
        await self._go_further(result, now)
        return result

    async def handle(
        self,
        viewer: str,
        media: str,
        events: Iterable[Event],
        *,
        player: str | None = None,
        sent_at: float | None = None,
    ) -> HandleResult:
        """Handle playback events of a viewing: `Recorder.handle`."""
        key = self._live_key(viewer, media, player)
        batch = checked_events(events)
        if sent_at is not None:
            number("sent_at", sent_at)
        now = self._now()
        await self._make_room(now)
        async with self._alone(key):
            viewing = await self._viewing(key, now)
            if viewing is None:
                return HandleResult(handled=False, decisions=(), saved=None, deadline=None)
            self._arms.follow(viewing, batch)
            counts = self._arms.counts(requests=1)
            decisions, addition = viewing.handle(batch, now, sent_at, self._conflict, counts)
            viewing.seen_at = now
            saved = await self._go_on(viewing, addition, now)
        self._arms.count(viewer, counts, saved)
        excess = self._in_excess(key)
        if excess is not None:
            await self._leave(excess, now)
        if saved is not None:
            await self._go_further(saved, now)
        return HandleResult(handled=True, decisions=decisions, saved=saved, deadline=viewing.due_at)

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return what is known of a viewer and a media: `Recorder.load`."""
        key = self._key(viewer, media)
        now = self._now()
        await self._look_into_fallback(now)
        # Before the store is asked: what waits may be saved in between.
        waiting = self._waits(key)
        stored = await self._store.load(viewer, media)
        self._know(key, stored)
        record = self._with_waiting(stored, waiting)
        self._see(key, record, now)
        return record

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return what is known of a viewer and some media: `Recorder.load_many`."""
        identifier("viewer", viewer)
        wanted = checked_medias(medias)
        await self._look_into_fallback(self._now())
        waits = self._waits_for(viewer)
        found = await self._store.load_many(viewer, wanted)
        for media, waiting in waits.items():
            known = self._with_waiting(found.get(media), waiting)
            if media in wanted and known is not None:
                found[media] = known
        return found

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `Recorder.recent`."""
        await self._look_into_fallback(self._now())
        waiting = self._waits_for(viewer)
        # What waits may finish some of what is stored, and make room for as many.
        most = min(checked_limit(limit) + len(waiting), LARGEST_LIMIT)
        held = await self.load_many(viewer, waiting) if waiting else {}
        while True:
            found = await self._store.recent(viewer, most, include_completed=include_completed)
            known = {record.media: record for record in found} | held
            recent = self._recent(known.values(), limit, include_completed)
            if len(recent) == limit or len(found) < most or most == LARGEST_LIMIT:
                return recent
            # Many were left in their credits, of which the store knows nothing.
            most = min(4 * most, LARGEST_LIMIT)

    async def resume_choice(
        self,
        viewer: str,
        media: str,
        *,
        duration: float | None = None,
        policy: ResumePolicy | None = None,
    ) -> ResumeChoice:
        """Return what to ask a viewer who comes back: `Recorder.resume_choice`."""
        record = await self.load(viewer, media)
        choice = resume_choice(
            record,
            policy or self._resume,
            now=self._now(),
            duration=duration,
            completion=self._arms.rollout.milestone,
        )
        self._arms.offer(viewer, media, choice)
        return choice

    async def complete(self, viewer: str, media: str) -> SaveResult:
        """Mark a media as complete: `Recorder.complete`."""
        key = self._key(viewer, media)
        now = self._now()
        waiting = self._waits(key)
        change = self._completing(key, waiting, now)
        trigger = Trigger.COMPLETION
        conflicted = self._conflicts(key, trigger, now)
        before, after = await update_async(
            self._store, viewer, media, change, conflicted=conflicted
        )
        status = SaveStatus.NO_NEWS
        result = self._saved(before, after, key=key, trigger=trigger, status=status, now=now)
        if waiting is not None:
            await self._forget(waiting, now)
        return result

    async def reset(self, viewer: str, media: str) -> ProgressRecord | None:
        """Forget a viewer's progress in a media: `Recorder.reset`."""
        key = self._key(viewer, media)
        now = self._now()
        # What is queued belongs to the generation that ends now.
        await self._flush(now)
        conflicted = self._conflicts(key, None, now)
        change = self._resetting(now)
        before, after = await update_async(
            self._store, viewer, media, change, conflicted=conflicted
        )
        self._know(key, after)
        for viewing in self._live_of(viewer):
            if viewing.key[:2] == key:
                async with self._alone(viewing.key):
                    self._ends(viewing)
        await self._forget_snapshots(viewer, media, now)
        # After a retry that is under way.
        async with self._alone(key):
            await self._forget_all(key, now)
        if after is not before:
            self._tell(Occasion.SAVE, now, key, None, record=after)
        return after

    async def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all that is known of a viewer: `Recorder.export_viewer`."""
        identifier("viewer", viewer)
        if not isinstance(self._store, AsyncViewerExporter):
            raise StoreError(f"a {type(self._store).__name__} cannot export a viewer")
        await self._look_into_fallback(self._now())
        # Before the store is asked: what waits may be saved in between.
        waits = self._waits_for(viewer)
        known = {record.media: record for record in await self._store.export_viewer(viewer)}
        for media, waiting in waits.items():
            record = self._with_waiting(known.get(media), waiting)
            if record is not None:
                known[media] = record
        return sorted(known.values(), key=lambda record: record.media)

    async def delete_viewer(self, viewer: str) -> int:
        """Delete all that is known of a viewer: `Recorder.delete_viewer`."""
        identifier("viewer", viewer)
        if not isinstance(self._store, AsyncViewerDeleter):
            raise StoreError(f"a {type(self._store).__name__} cannot delete a viewer")
        now = self._now()
        for media, waiting in self._waits_for(viewer).items():
            # After a retry that is under way.
            async with self._alone((viewer, media)):
                self._settle(waiting)
        async with self._flushing:
            # No batch that is being written has it any more.
            pass
        if self._fallback is not None:
            await self._fallback.delete_viewer(viewer)
        deleted = await self._store.delete_viewer(viewer)
        for viewing in self._live_of(viewer):
            async with self._alone(viewing.key):
                self._ends(viewing)
        await self._forget_snapshots(viewer, None, now)
        self._forget_seen(viewer)
        return deleted

    async def tick(self, now: float | None = None) -> None:
        """Do what is due: `Recorder.tick`."""
        now = self._now() if now is None else number("now", now, minimum=0)
        while (viewing := self._due_viewing(now)) is not None:
            await self._make_room(now)
            async with self._alone(viewing.key):
                if await self._is_current(viewing):
                    self._arms.follow(viewing)
                    counts = self._arms.counts()
                    _, addition = viewing.tick(now, self._conflict, counts)
                    await self._go_on(viewing, addition, now)
                    self._arms.count(viewing.key[0], counts)
        for viewing in self._idle_viewings(now):
            await self._leave(viewing, now, forgets=True)
        await self._flush_if_due(now)
        await self._retry(now, self._limit)

    async def flush(self) -> None:
        """Write what is queued now: `Recorder.flush`."""
        await self._flush(self._now())

    async def close(self) -> tuple[ProgressRecord, ...]:
        """Save what is unsaved, and try once more what could not be saved: `Recorder.close`."""
        now = self._now()
        for viewing in self._all_live():
            await self._leave(viewing, now)
        await self._flush(now)
        await self._look_into_fallback(now)
        with self._lock:
            waiting = self._backlog.all()
        await self._try_again(waiting, now)
        return self._left(now, has_fallback=self._fallback is not None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _viewing(self, key: LiveKey, now: float) -> LiveViewing | None:
        """Return a viewing that goes on or begins; None if its viewer has too many."""
        viewing = await self._current(key)
        if viewing is not None:
            return viewing
        if not self._admits(key, now):
            return None
        # Before the store is asked: what waits may be saved in between.
        waiting = self._waits(key[:2])
        try:
            stored = await self._store.load(*key[:2])
        except Exception:  # Whatever a stranger's store raises.
            self._arms.count(key[0], self._arms.counts(requests=1, failed=1, refused=1))
            raise
        self._know(key[:2], stored)
        viewing = self._beginning(key, self._with_waiting(stored, waiting), now)
        # What waits is not there yet, and nobody can have deleted it.
        viewing.stored = stored is not None
        return viewing

    async def _current(self, key: LiveKey) -> LiveViewing | None:
        """Return a viewing as the last worker has left it, None if it is to begin anew."""
        viewing = self._known_viewing(key)
        if self._snapshots is None:
            return viewing
        try:
            text = await self._snapshots.get(*key)
        except StoreError as error:
            # As if it had forgotten: what this worker knows is the best there is.
            self._tell(Occasion.FAILURE, self._now(), key[:2], None, error=error)
            text = None
        return self._newest(key, viewing, text)

    async def _is_current(self, viewing: LiveViewing) -> bool:
        """Whether no other worker has gone on with a viewing; if one has, drop it."""
        if await self._current(viewing.key) is viewing:
            return True
        self._ends(viewing)
        return False

    async def _go_on(
        self, viewing: LiveViewing, addition: Addition | None, now: float
    ) -> SaveResult | None:
        """Save what a viewing has led to, and remember it."""
        # First, so that it is known however saving ends.
        self._goes_on(viewing, now)
        saved = None if addition is None else await self._save_live(viewing, addition, now)
        if self._snapshots is not None:
            try:
                viewer, media, *player = viewing.key
                await self._snapshots.put(viewer, media, frozen_viewing(viewing), *player)
            except StoreError as error:
                # This worker can go on. If another one does, it begins where the cache stands.
                self._tell(Occasion.FAILURE, now, viewing.key[:2], None, error=error)
        return saved

    async def _save_live(self, viewing: LiveViewing, addition: Addition, now: float) -> SaveResult:
        waiting = self._waits(viewing.key[:2])
        parts = (addition,) if waiting is None else (waiting, addition)
        change = LiveChange(viewing, parts, self._conflict)
        result = await self._save(addition, change, waiting, now, viewing)
        self._after_saving(viewing, change, result, now)
        return result

    async def _leave(self, viewing: LiveViewing, now: float, *, forgets: bool = False) -> None:
        """Save what is unsaved of a viewing and drop it from memory, and from the cache if told."""
        await self._make_room(now)
        async with self._alone(viewing.key):
            if await self._is_current(viewing) and self._ends(viewing):
                counts = self._arms.counts()
                addition = viewing.leave(now, self._conflict, counts)
                self._arms.count(viewing.key[0], counts, viewing=viewing)
                if addition is not None:
                    await self._save_live(viewing, addition, now)
                if forgets:
                    viewer, media, *player = viewing.key
                    await self._forget_snapshots(viewer, media, now, *player or [""])

    async def _forget_snapshots(
        self, viewer: str, media: str | None, now: float, player: str | None = None
    ) -> None:
        if self._snapshots is None:
            return
        try:
            await self._snapshots.forget(viewer, media, player)
        except StoreError as error:
            # A viewing that goes on there finds that its generation is over when it saves.
            self._tell(Occasion.FAILURE, now, (viewer, media or ""), None, error=error)
