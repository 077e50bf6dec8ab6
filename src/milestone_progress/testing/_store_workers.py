"""The stores of one test: opened in a namespace nobody used before, closed when it ends."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from inspect import iscoroutinefunction
from threading import Barrier, Thread
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast
from uuid import uuid4

import pytest

from .._record import ConflictError, ProgressRecord
from ..stores import (
    AsyncProgressStore,
    FallbackStore,
    ManySaver,
    ProgressStore,
    Purger,
    ViewerDeleter,
    ViewerExporter,
)

__all__ = ["FullStore", "Stores", "at_once", "can", "outcome"]

T = TypeVar("T")

# What is not done after so many seconds never will be: a deadlock.
PATIENCE = 60.0
# Seconds between two switches of threads. Usually it is a thousand times as long, and threads
# would hardly ever meet within a store that is written in Python.
SWITCH_INTERVAL = 5e-6


class FullStore(ProgressStore, ManySaver, ViewerDeleter, ViewerExporter, Purger, Protocol):
    """A store for threads that can do everything but be a fallback."""


class FullFallbackStore(FullStore, FallbackStore, Protocol):
    """A store for threads that can do everything."""


class Stores:
    """Makes the stores of a test, asyncio stores being made to look like those for threads.

    Args:
        make: Makes a store of a namespace; all share a database.
    """

    def __init__(self, make: Callable[[str], ProgressStore | AsyncProgressStore]) -> None:
        self.make = make
        self._namespace = self.fresh_namespace()
        self._at_the_end = ExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None

    @staticmethod
    def fresh_namespace() -> str:
        """Return a namespace without records."""
        return uuid4().hex

    def open(self, namespace: str | None = None, *, needs: str | None = None) -> FullFallbackStore:
        """Return another store, of the test's own namespace unless told otherwise.

        The test is skipped if it needs a method that the store does not have. None calls one that
        it has not asked for, so or by `can`.
        """
        made = self.make(self._namespace if namespace is None else namespace)
        is_async = iscoroutinefunction(made.load)
        store = cast(
            "FullFallbackStore", _Awaited(made, self._running_loop()) if is_async else made
        )
        self._at_the_end.callback(store.close)
        if needs is not None and not can(store, needs):
            pytest.skip(f"the store has no {needs}, and need not have it")
        return store

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = self._at_the_end.enter_context(_loop_in_a_thread())
        return self._loop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._at_the_end.__exit__(kind, error, trace)


def can(store: FullStore, method: str) -> bool:
    """Return whether a store has a method that it need not have."""
    return hasattr(store, method)


def outcome(store: FullStore, record: ProgressRecord) -> ProgressRecord | ConflictError:
    """Save a record and return what is stored now, or the conflict that it lost by."""
    try:
        return store.save(record)
    except ConflictError as conflict:
        return conflict


class _Awaited:
    """An asyncio store as one for threads: each of its methods returns when it is done."""

    def __init__(self, store: object, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*arguments: object, **options: object) -> Any:
            coroutine = method(*arguments, **options)
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

        return call


@contextmanager
def _loop_in_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread of its own, for all other threads to have tasks done by."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stopped = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stopped))
        await stopped.wait()

    thread = Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    loop, stopped = started.result()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(PATIENCE)


def at_once(threads: int, act: Callable[[int], T]) -> list[T]:
    """Call a function with 0, 1, 2 and so on in so many threads at once; return what they return.

    The first error of them is raised here.
    """
    outcomes: list[Future[T]] = [Future() for _ in range(threads)]
    start = Barrier(threads)

    def run(thread: int) -> None:
        start.wait()
        try:
            outcomes[thread].set_result(act(thread))
        except BaseException as error:
            outcomes[thread].set_exception(error)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        for thread in range(threads):
            # One that hangs must not keep the process from ending.
            Thread(target=run, args=(thread,), daemon=True).start()
        if wait(outcomes, PATIENCE).not_done:
            pytest.fail(f"not done after {PATIENCE:g} seconds: a deadlock")
    finally:
        sys.setswitchinterval(usual)
    return [outcome.result() for outcome in outcomes]
