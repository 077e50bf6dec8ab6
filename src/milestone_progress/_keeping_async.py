"""What `_keeping` does, for asyncio."""

from collections.abc import Iterable

from ._additions import Addition, Change, SaveResult
from ._live import LiveViewing
from ._recording import FAILURES_IN_A_ROW, Recording
from .errors import StoreError
from .hooks import Occasion
from .stores import AsyncFallbackStore, AsyncProgressStore
from .stores._saving import update_async

__all__ = ["AsyncKeeping"]


class AsyncKeeping(Recording):
    """The base of `AsyncRecorder`: what it does with a store and a fallback."""

    _store: AsyncProgressStore
    _fallback: AsyncFallbackStore | None

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
        conflicted = self._conflicts(key, trigger, now)
        try:
            before, after = await update_async(self._store, *key, change, conflicted=conflicted)
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
        return self._saved(
            before,
            after,
            key=key,
            trigger=trigger,
            status=change.status,
            now=now,
            implausible=self._judge(addition, before, now, viewing),
        )

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
