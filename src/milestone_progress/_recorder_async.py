"""The recorder for asyncio: what `Recorder` does, awaited."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from ._additions import Addition, Change, SaveResult, SaveStatus, told
from ._backlog import BacklogFull
from ._decision import Trigger
from ._identifiers import identifier
from ._numbers import number
from ._policy import IntervalPolicy, SavePolicy
from ._record import ConflictPolicy, ProgressRecord
from ._recording import FAILURES_IN_A_ROW, RETRIES_PER_CALL, Recording
from ._reports import Report
from ._resume import ResumeChoice, ResumePolicy, resume_choice
from .errors import StoreError
from .hooks import Hook, Occasion
from .stores import AsyncFallbackStore, AsyncProgressStore, AsyncViewerDeleter
from .stores._arguments import checked_limit
from .stores._saving import update_async

__all__ = ["AsyncRecorder"]


class AsyncRecorder(Recording):
    """A `Recorder` for asyncio, with the same arguments.

    It may be used by any number of tasks of one event loop. If a task is cancelled while it
    reports, what it was to save is kept, and saved later.
    """

    def __init__(
        self,
        store: AsyncProgressStore,
        *,
        policy: SavePolicy | IntervalPolicy | None = None,
        conflict: ConflictPolicy = ConflictPolicy.NEWEST,
        resume: ResumePolicy | None = None,
        fallback: AsyncFallbackStore | None = None,
        backlog_limit: int = 10_000,
        backlog_full: BacklogFull = BacklogFull.REFUSE,
        hooks: Iterable[Hook] = (),
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
    ) -> None:
        super().__init__(
            policy=policy,
            conflict=conflict,
            resume=resume,
            backlog_limit=backlog_limit,
            backlog_full=backlog_full,
            hooks=hooks,
            clock=clock,
            seed=seed,
        )
        self._store = store
        self._fallback = fallback

    async def report(self, viewer: str, media: str, report: Report) -> SaveResult:
        """Save what a report says, if it is news: `Recorder.report`."""
        now, addition = self._addition(viewer, media, report)
        waiting = self._waits(addition.key)
        parts = (addition,) if waiting is None else (waiting, addition)
        change = Change(parts, self._conflict)
        conflicted = self._conflicts(addition.key, addition.trigger, now)
        try:
            before, after = await update_async(
                self._store, viewer, media, change, conflicted=conflicted
            )
        except StoreError as error:
            kept, given_up, result = self._keep(addition, error, now)
            await self._mirror(kept, now)
            if given_up is not None:
                await self._forget(given_up, now)
            return result
        except BaseException as error:
            # Cancelled: nobody waits for an answer any more, but progress is progress.
            if not isinstance(error, Exception):
                self._keep(addition, error, now)
            raise
        if waiting is not None:
            await self._forget(waiting, now)
        result = self._saved(
            before,
            after,
            key=addition.key,
            trigger=addition.trigger,
            status=change.status,
            now=now,
        )
        await self._retry(now, RETRIES_PER_CALL)
        return result

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return what is known of a viewer and a media: `Recorder.load`."""
        return self._with_waiting(
            await self._store.load(viewer, media), self._waits((viewer, media))
        )

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return what is known of a viewer and some media: `Recorder.load_many`."""
        wanted = medias if isinstance(medias, str) else list(medias)
        found = await self._store.load_many(viewer, wanted)
        for media, waiting in self._waits_for(viewer).items():
            known = self._with_waiting(found.get(media), waiting)
            if media in wanted and known is not None:
                found[media] = known
        return found

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `Recorder.recent`."""
        waiting = self._waits_for(viewer)
        # What waits may finish some of what is stored, and make room for as many.
        most = checked_limit(limit) + len(waiting)
        found = await self._store.recent(viewer, most, include_completed=include_completed)
        if not waiting:
            return found
        known = {record.media: record for record in found} | await self.load_many(viewer, waiting)
        return self._recent(known.values(), limit, include_completed)

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
        return resume_choice(record, policy or self._resume, now=self._clock(), duration=duration)

    async def complete(self, viewer: str, media: str) -> SaveResult:
        """Mark a media as complete: `Recorder.complete`."""
        now = self._clock()
        key = (identifier("viewer", viewer), identifier("media", media))
        waiting = self._waits(key)
        change = self._completing(key, waiting, now)
        trigger = Trigger.COMPLETION
        conflicted = self._conflicts(key, trigger, now)
        before, after = await update_async(
            self._store, viewer, media, change, conflicted=conflicted
        )
        if waiting is not None:
            await self._forget(waiting, now)
        status = SaveStatus.NO_NEWS
        return self._saved(before, after, key=key, trigger=trigger, status=status, now=now)

    async def reset(self, viewer: str, media: str) -> ProgressRecord | None:
        """Forget a viewer's progress in a media: `Recorder.reset`."""
        now = self._clock()
        _, after = await update_async(self._store, viewer, media, self._resetting(now))
        waiting = self._waits((viewer, media))
        if waiting is not None:
            await self._forget(waiting, now)
        return after

    async def delete_viewer(self, viewer: str) -> int:
        """Delete all that is known of a viewer: `Recorder.delete_viewer`."""
        identifier("viewer", viewer)
        if not isinstance(self._store, AsyncViewerDeleter):
            raise StoreError(f"a {type(self._store).__name__} cannot delete a viewer")
        self._forget_viewer(viewer)
        if self._fallback is not None:
            await self._fallback.delete_viewer(viewer)
        return await self._store.delete_viewer(viewer)

    async def tick(self, now: float | None = None) -> None:
        """Try again what is due of what could not be saved: `Recorder.tick`."""
        await self._retry(
            self._clock() if now is None else number("now", now, minimum=0), self._limit
        )

    async def close(self) -> tuple[ProgressRecord, ...]:
        """Try once more what could not be saved: `Recorder.close`."""
        now = self._clock()
        await self._look_into_fallback(now)
        with self._lock:
            waiting = self._backlog.all()
        await self._try_again(waiting, now)
        with self._lock:
            return tuple(told(addition.record) for addition in self._backlog.all())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _retry(self, now: float, most: int) -> None:
        await self._look_into_fallback(now)
        if self._backlog:
            await self._try_again(self._due(now, most), now)

    async def _try_again(self, additions: Iterable[Addition], now: float) -> None:
        failures = 0
        for addition in additions:
            key, trigger = addition.key, addition.trigger
            self._tell(Occasion.RETRY, now, key, trigger)
            change = Change((addition,), self._conflict)
            conflicted = self._conflicts(key, trigger, now)
            try:
                before, after = await update_async(self._store, *key, change, conflicted=conflicted)
            except Exception as error:  # One's poison must not harm another.
                self._fail_again(addition, error, now)
                failures += 1
                if failures == FAILURES_IN_A_ROW:
                    return
                continue
            failures = 0
            await self._forget(addition, now)
            status = change.status
            self._saved(before, after, key=key, trigger=trigger, status=status, now=now)

    async def _forget(self, addition: Addition, now: float) -> None:
        """Forget what was saved."""
        self._settle(addition)
        if self._fallback is None:
            return
        try:
            held = await self._fallback.load(*addition.key)
            if held is None or (
                self._is_covered(held, addition) and await self._fallback.remove(held)
            ):
                return
        except StoreError as error:
            self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)
        # Another process holds more there, or it could not be removed: to be saved once more, which
        # does no harm.
        self._looked_into_fallback = False

    async def _mirror(self, addition: Addition | None, now: float) -> None:
        """Make what is kept in memory survive the process."""
        if self._fallback is None or addition is None:
            return
        try:
            await update_async(self._fallback, *addition.key, self._mirroring(addition))
        except StoreError as error:
            self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)

    async def _look_into_fallback(self, now: float) -> None:
        if self._fallback is None or not self._should_look_into_fallback():
            return
        try:
            self._found_in_fallback(await self._fallback.records(max(1, self._limit)), now)
        except StoreError as error:
            # Asked again by the next call.
            self._tell(Occasion.FAILURE, now, ("", ""), None, error=error)
