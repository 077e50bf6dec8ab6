"""What `_keeping` does, for asyncio."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from attrs import define

from ._additions import Addition, Change, SaveResult, SaveStatus, unheld
from ._arms import FAILED
from ._fallback import LOOK_AGAIN, is_covered, mirroring
from ._live import LiveKey, LiveViewing
from ._queueing import ROUNDS, Queueing, one_for_each
from ._recording import FAILURES_IN_A_ROW, RETRIES_PER_CALL, Key
from .hooks import Occasion
from .stores import AsyncFallbackStore, AsyncManySaver, AsyncProgressStore
from .stores._saving import update_async

if TYPE_CHECKING:
    from asyncio import Lock

__all__ = ["AsyncKeeping"]


@define
class Users:
    """The tasks that work with a viewing, one at a time."""

    lock: "Lock"
    count: int = 0


class AsyncKeeping(Queueing):
    """The base of `AsyncRecorder`: what it does with a store and a fallback."""

    _store: AsyncProgressStore
    _fallback: AsyncFallbackStore | None
    # The store, if there is a batch.
    _many: AsyncManySaver
    # Held while a batch is written.
    _flushing: "Lock"
    # The viewings that tasks are working with.
    _in_use: dict[LiveKey, Users]

    async def _save(
        self,
        addition: Addition,
        change: Change,
        waiting: Addition | None,
        now: float,
        viewing: LiveViewing | None = None,
    ) -> SaveResult:
        """Save what is new, or keep it if the store fails."""
        key, trigger = addition.key, addition.trigger
        if self._batch is not None:
            queued = self._queue(addition, now, viewing)
            if queued is not None:
                waits, result = queued
                await self._mirror(waits, now)
                return result
        conflicted = self._conflicts(key, trigger, now)
        try:
            before, after = await update_async(self._store, *key, change, conflicted=conflicted)
        except Exception as error:  # Whatever a stranger's store raises.
            kept, given_up, result = self._keep(addition, error, now)
            await self._mirror(kept, now)
            if given_up is not None:
                await self._forget(given_up, now)
            return result
        except BaseException as error:
            # Cancelled: nobody waits for an answer any more, but progress is progress.
            kept, given_up, _ = self._keep(addition, error, now)
            if self._fallback is not None:
                if kept is not None:
                    self._is_not_mirrored(kept)
                if given_up is not None:
                    # It is still there, and nobody waits any more for it to be removed.
                    self._look_at = now + LOOK_AGAIN
            raise
        result = self._saved(
            before,
            after,
            key=key,
            trigger=trigger,
            status=change.status,
            now=now,
            implausible=self._judge(addition, before, after, now, viewing),
            reported=viewing is None,
        )
        if waiting is not None:
            await self._forget(waiting, now)
        return result

    @asynccontextmanager
    async def _alone(self, key: LiveKey) -> AsyncIterator[None]:
        """Have one task at a time work with a viewing."""
        # Who is here has loaded it; `import milestone_progress` need not.
        from asyncio import Lock  # noqa: PLC0415  # as said

        with self._lock:
            users = self._in_use.setdefault(key, Users(Lock()))
            users.count += 1
        try:
            async with users.lock:
                yield
        finally:
            with self._lock:
                users.count -= 1
                if users.count == 0:
                    del self._in_use[key]

    async def _make_room(self, now: float) -> None:
        """Write what is queued if there is no room for more; wait for whoever is about it."""
        while self._has_no_room:
            await self._flush(now, if_full=True)

    async def _go_further(self, result: SaveResult, now: float) -> None:
        """Do what else is to be done, unless the store has just failed."""
        if result.status is SaveStatus.QUEUED:
            if await self._flush_if_due(now):
                await self._retry(now, RETRIES_PER_CALL)
        elif result.status not in FAILED:
            await self._retry(now, RETRIES_PER_CALL)

    async def _flush_if_due(self, now: float) -> bool:
        """Write what is queued if it is time to, unless somebody is about it."""
        if not self._is_flush_due(now) or self._flushing.locked():
            return False
        return await self._flush(now)

    async def _flush(self, now: float, *, if_full: bool = False) -> bool:
        """Write what is queued together, and alone what cannot be; return whether the store works.

        While it does, others queue more. A viewer can be deleted before it or after it.
        """
        additions: list[Addition] = []
        try:
            async with self._flushing:
                if if_full and not self._has_no_room:
                    return False
                additions = self._take()
                left = await self._save_together(additions, now)
            await self._try_again(left or (), now)
        finally:
            # Whatever has interrupted it.
            self._give_back(additions)
        return left is not None

    async def _save_together(self, additions: list[Addition], now: float) -> list[Addition] | None:
        """Save additions together; return those to be saved alone, None if the store is down."""
        attempts = self._attempts(additions)
        for _ in range(ROUNDS):
            if not attempts:
                break
            try:
                told = await self._many.save_many([attempt.record for attempt in attempts])
                outcomes = one_for_each(attempts, told)
            except Exception as error:  # One's poison must not harm another.
                failed = [attempt.addition for attempt in attempts]
                await self._fail_together(failed, error, now)
                return failed if await self._answers(failed[0].key) else None
            saved, attempts = self._answered(attempts, outcomes, now)
            for addition in saved:
                await self._forget(addition, now)
        return [attempt.addition for attempt in attempts]

    async def _fail_together(self, additions: list[Addition], error: Exception, now: float) -> None:
        """Keep what could not be saved together."""
        for addition in additions:
            self._fail_again(addition, error, now)
            if addition.key in self._unmirrored:
                await self._mirror(addition, now)

    async def _retry(self, now: float, most: int) -> None:
        await self._look_into_fallback(now)
        if self._backlog:
            await self._try_again(self._due(now, most), now)

    async def _try_again(self, additions: Iterable[Addition], now: float) -> None:
        failures = 0
        for addition in additions:
            async with self._alone(addition.key):
                # It may have been saved meanwhile, or its viewer deleted.
                works = not self._waits_still(addition) or await self._try(addition, now)
            failures = 0 if works else failures + 1
            if failures == FAILURES_IN_A_ROW:
                return

    async def _try(self, addition: Addition, now: float) -> bool:
        """Try to save what waits; return whether the store works at all."""
        key, trigger = addition.key, addition.trigger
        self._tell(Occasion.RETRY, now, key, trigger)
        change = Change((addition,), self._conflict)
        conflicted = self._conflicts(key, trigger, now)
        try:
            before, after = await update_async(self._store, *key, change, conflicted=conflicted)
        except Exception as error:  # One's poison must not harm another.
            self._fail_again(addition, error, now)
            if key in self._unmirrored:
                await self._mirror(addition, now)
            return await self._answers(key)
        self._saved(
            before,
            after,
            key=key,
            trigger=trigger,
            status=change.status,
            now=now,
            implausible=self._judge(addition, before, after, now, retried=True),
        )
        await self._forget(addition, now)
        return True

    async def _answers(self, key: Key) -> bool:
        """Whether the store can be read: then it was what was to be saved that it failed at."""
        try:
            await self._store.load(*key)
        except Exception:  # Whatever a stranger's store raises.
            return False
        return True

    async def _forget(self, addition: Addition, now: float) -> None:
        """Forget what was saved."""
        self._settle(addition)
        if self._fallback is None:
            return
        try:
            stored = await self._fallback.load(*addition.key)
            if stored is None or (
                is_covered(stored, addition, self._conflict) and await self._fallback.remove(stored)
            ):
                return
        except Exception as error:  # Whatever a stranger's store raises.
            self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)
        # Another process holds more there, or it could not be removed: to be saved once more, which
        # does no harm.
        self._look_at = now + LOOK_AGAIN

    async def _forget_all(self, key: Key, now: float) -> None:
        """Forget whatever waits for a viewer and a media, here and in the fallback."""
        waiting = self._waits(key)
        if waiting is not None:
            self._settle(waiting)
        if self._fallback is None:
            return
        try:
            stored = await self._fallback.load(*key)
            if stored is not None and unheld(stored) is not None:
                await self._fallback.remove(stored)
        except Exception as error:  # Whatever a stranger's store raises.
            self._tell(Occasion.FAILURE, now, key, None, error=error)

    async def _mirror(self, addition: Addition | None, now: float) -> None:
        """Make what is kept in memory survive the process."""
        if self._fallback is None or addition is None:
            return
        try:
            await update_async(self._fallback, *addition.key, mirroring(addition, self._conflict))
            self._unmirrored.discard(addition.key)
        except Exception as error:  # Whatever a stranger's store raises.
            self._is_not_mirrored(addition)
            self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)
        except BaseException:
            self._is_not_mirrored(addition)
            raise
        if self._waits(addition.key) is None:
            # It was saved, or its viewer deleted, before it was mirrored.
            await self._forget(addition, now)

    async def _look_into_fallback(self, now: float) -> None:
        if self._fallback is None or not self._should_look_into_fallback(now):
            return
        try:
            self._found_in_fallback(await self._fallback.records(max(1, self._limit)), now)
        except Exception as error:  # Whatever a stranger's store raises.
            self._tell(Occasion.FAILURE, now, ("", ""), None, error=error)
