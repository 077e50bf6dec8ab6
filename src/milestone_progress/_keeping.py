"""Saving, and what becomes of what cannot be saved: it is kept, mirrored, and tried again."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import RLock, local

from attrs import define

from ._additions import Addition, Change, SaveResult, SaveStatus, unheld
from ._arms import FAILED
from ._fallback import LOOK_AGAIN, is_covered, mirroring
from ._live import LiveKey, LiveViewing
from ._queueing import ROUNDS, Queueing, one_for_each
from ._recording import FAILURES_IN_A_ROW, RETRIES_PER_CALL, Key
from .hooks import Details, Occasion
from .stores import FallbackStore, ManySaver, ProgressStore
from .stores._saving import update

__all__ = ["Keeping", "Untold"]


@define
class Users:
    """The threads that work with a viewing, one at a time."""

    # A hook, or a store, may call the recorder back.
    lock: RLock
    count: int = 0


class Untold(local):
    """What a thread has to tell hooks of when its batch is written; None if it writes none."""

    details: list[Details] | None = None


class Keeping(Queueing):
    """The base of `Recorder`: what it does with a store and a fallback."""

    _store: ProgressStore
    _fallback: FallbackStore | None
    # The store, if there is a batch.
    _many: ManySaver
    # Held while a batch is written.
    _flushing: RLock
    _untold: Untold
    # The viewings that threads are working with.
    _in_use: dict[LiveKey, Users]

    def _save(
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
                self._mirror(waits, now)
                return result
        conflicted = self._conflicts(key, trigger, now)
        try:
            before, after = update(self._store, *key, change, conflicted=conflicted)
        except Exception as error:  # Whatever a stranger's store raises.
            kept, given_up, result = self._keep(addition, error, now)
            self._mirror(kept, now)
            if given_up is not None:
                self._forget(given_up, now)
            return result
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
            self._forget(waiting, now)
        return result

    @contextmanager
    def _alone(self, key: LiveKey) -> Iterator[None]:
        """Have one thread at a time work with a viewing."""
        with self._lock:
            users = self._in_use.setdefault(key, Users(RLock()))
            users.count += 1
        try:
            with users.lock:
                yield
        finally:
            with self._lock:
                users.count -= 1
                if users.count == 0:
                    del self._in_use[key]

    def _make_room(self, now: float) -> None:
        """Write what is queued if there is no room for more; wait for whoever is about it."""
        while self._has_no_room:
            self._flush(now, if_full=True)

    def _go_further(self, result: SaveResult, now: float) -> None:
        """Do what else is to be done, unless the store has just failed."""
        if result.status is SaveStatus.QUEUED:
            if self._flush_if_due(now):
                self._retry(now, RETRIES_PER_CALL)
        elif result.status not in FAILED:
            self._retry(now, RETRIES_PER_CALL)

    def _flush_if_due(self, now: float) -> bool:
        """Write what is queued if it is time to, unless somebody is about it."""
        return self._is_flush_due(now) and self._flush(now, waits=False)

    def _flush(self, now: float, *, if_full: bool = False, waits: bool = True) -> bool:
        """Write what is queued together, and alone what cannot be; return whether the store works.

        While it does, others queue more. A viewer can be deleted before it or after it.
        """
        additions: list[Addition] = []
        try:
            # Who waits for a viewing, as a hook may, must not hold what others wait for who work
            # with that.
            with self._hooks_later():
                if not self._flushing.acquire(blocking=waits):
                    return False
                try:
                    if if_full and not self._has_no_room:
                        return False
                    additions = self._take()
                    left = self._save_together(additions, now)
                finally:
                    self._flushing.release()
            self._try_again(left or (), now)
        finally:
            # Whatever has interrupted it.
            self._give_back(additions)
        return left is not None

    @contextmanager
    def _hooks_later(self) -> Iterator[None]:
        """Have hooks told in the end of what this thread does meanwhile."""
        if self._untold.details is not None:
            # A store has called the recorder back.
            yield
            return
        later: list[Details] = []
        self._untold.details = later
        try:
            yield
        finally:
            self._untold.details = None
            for details in later:
                super()._call_hooks(details)

    def _call_hooks(self, details: Details) -> None:
        if self._untold.details is None:
            super()._call_hooks(details)
        else:
            self._untold.details.append(details)

    def _save_together(self, additions: list[Addition], now: float) -> list[Addition] | None:
        """Save additions together; return those to be saved alone, None if the store is down."""
        attempts = self._attempts(additions)
        for _ in range(ROUNDS):
            if not attempts:
                break
            try:
                told = self._many.save_many([attempt.record for attempt in attempts])
                outcomes = one_for_each(attempts, told)
            except Exception as error:  # One's poison must not harm another.
                failed = [attempt.addition for attempt in attempts]
                self._fail_together(failed, error, now)
                return failed if self._answers(failed[0].key) else None
            saved, attempts = self._answered(attempts, outcomes, now)
            for addition in saved:
                self._forget(addition, now)
        return [attempt.addition for attempt in attempts]

    def _fail_together(self, additions: list[Addition], error: Exception, now: float) -> None:
        """Keep what could not be saved together."""
        for addition in additions:
            self._fail_again(addition, error, now)
            if addition.key in self._unmirrored:
                self._mirror(addition, now)

    def _retry(self, now: float, most: int) -> None:
        self._look_into_fallback(now)
        if self._backlog:
            self._try_again(self._due(now, most), now)

    def _try_again(self, additions: Iterable[Addition], now: float) -> None:
        failures = 0
        for addition in additions:
            with self._alone(addition.key):
                # It may have been saved meanwhile, or its viewer deleted.
                works = not self._waits_still(addition) or self._try(addition, now)
            failures = 0 if works else failures + 1
            if failures == FAILURES_IN_A_ROW:
                return

    def _try(self, addition: Addition, now: float) -> bool:
        """Try to save what waits; return whether the store works at all."""
        key, trigger = addition.key, addition.trigger
        self._tell(Occasion.RETRY, now, key, trigger)
        change = Change((addition,), self._conflict)
        conflicted = self._conflicts(key, trigger, now)
        try:
            before, after = update(self._store, *key, change, conflicted=conflicted)
        except Exception as error:  # One's poison must not harm another.
            self._fail_again(addition, error, now)
            if key in self._unmirrored:
                self._mirror(addition, now)
            return self._answers(key)
        self._saved(
            before,
            after,
            key=key,
            trigger=trigger,
            status=change.status,
            now=now,
            implausible=self._judge(addition, before, after, now, retried=True),
        )
        self._forget(addition, now)
        return True

    def _answers(self, key: Key) -> bool:
        """Whether the store can be read: then it was what was to be saved that it failed at."""
        try:
            self._store.load(*key)
        except Exception:  # Whatever a stranger's store raises.
            return False
        return True

    def _forget(self, addition: Addition, now: float) -> None:
        """Forget what was saved."""
        self._settle(addition)
        if self._fallback is None:
            return
        try:
            stored = self._fallback.load(*addition.key)
            if stored is None or (
                is_covered(stored, addition, self._conflict) and self._fallback.remove(stored)
            ):
                return
        except Exception as error:  # Whatever a stranger's store raises.
            self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)
        # Another process holds more there, or it could not be removed: to be saved once more, which
        # does no harm.
        self._look_at = now + LOOK_AGAIN

    def _forget_all(self, key: Key, now: float) -> None:
        """Forget whatever waits for a viewer and a media, here and in the fallback."""
        waiting = self._waits(key)
        if waiting is not None:
            self._settle(waiting)
        if self._fallback is None:
            return
        try:
            stored = self._fallback.load(*key)
            if stored is not None and unheld(stored) is not None:
                self._fallback.remove(stored)
        except Exception as error:  # Whatever a stranger's store raises.
            self._tell(Occasion.FAILURE, now, key, None, error=error)

    def _mirror(self, addition: Addition | None, now: float) -> None:
        """Make what is kept in memory survive the process."""
        if self._fallback is None or addition is None:
            return
        try:
            update(self._fallback, *addition.key, mirroring(addition, self._conflict))
            self._unmirrored.discard(addition.key)
        except Exception as error:  # Whatever a stranger's store raises.
            self._is_not_mirrored(addition)
            self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)
        if self._waits(addition.key) is None:
            # It was saved, or its viewer deleted, before it was mirrored.
            self._forget(addition, now)

    def _look_into_fallback(self, now: float) -> None:
        if self._fallback is None or not self._should_look_into_fallback(now):
            return
        try:
            self._found_in_fallback(self._fallback.records(max(1, self._limit)), now)
        except Exception as error:  # Whatever a stranger's store raises.
            self._tell(Occasion.FAILURE, now, ("", ""), None, error=error)
