"""What the tests of the recorders share: one adapter for both, and stores that fail as told.

A test says what it promises once, for `Recorder` and `AsyncRecorder`: an asyncio recorder is made
to look like the other one, its coroutines being run to their end.
"""

import asyncio
import atexit
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from attrs import evolve

from milestone_progress import (
    AsyncRecorder,
    ConflictError,
    ProgressRecord,
    Recorder,
    Report,
    StoreError,
    Trigger,
)
from milestone_progress.caches import SnapshotCache
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.hooks import Details, Occasion
from milestone_progress.stores import FallbackStore, ManySaver, ProgressStore, ViewerExporter
from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore
from milestone_progress.stores.sqlite import AsyncSQLiteStore, SQLiteStore

T = TypeVar("T")

NOW = 1_700_000_000.0
#: Longer than whatever could not be saved waits until it is tried again.
LONG = 301.0


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


# Reports


def new(position: float = 50.0, *, ago: float | None = None, **values: Any) -> Report:
    """Return a report of a player of this library, decided so many seconds before it was sent."""
    if ago is not None:
        values |= {"at": NOW - ago, "sent_at": NOW}
    usual: dict[str, Any] = {"duration": 100.0, "trigger": Trigger.PAUSE}
    return Report(position=position, **usual | values)


def legacy(position: float = 50.0, duration: float | None = 100.0) -> Report:
    return Report(position=position, duration=duration)


def alike(record: ProgressRecord | None) -> ProgressRecord | None:
    """Return a record as it is compared with one that was saved more or less often."""
    return None if record is None else evolve(record, revision=0)


# Stores that fail


class Fault(Enum):
    """How a store fails: before it has done anything, or when it has saved but cannot say so."""

    NONE = "none"
    BEFORE = "before"
    AFTER = "after"


class Failing:
    """A store in front of another one that fails as told.

    Attributes:
        fault: How it fails from now on.
        plan: How its next saves fail; then ``fault`` holds again.
        poison: What it raises whenever it is asked to save of a media.
        together: How many records it was asked to save, each time that it was for many.
    """

    def __init__(self, store: FallbackStore, plan: Iterable[Fault] = ()) -> None:
        self._store = store
        self.fault = Fault.NONE
        self.plan: Iterator[Fault] = iter(plan)
        self.poison: dict[str, Exception] = {}
        self.together: list[int] = []

    def _act(self, act: Callable[[], T], *, fault: Fault | None = None) -> T:
        fault = fault or self.fault
        if fault is Fault.BEFORE:
            raise StoreError("the store of ann is down")
        done = act()
        if fault is Fault.AFTER:
            raise StoreError("the store of ann does not answer")
        return done

    def _read(self, act: Callable[[], T]) -> T:
        # A store that fails after a save has been read from before it.
        return self._act(act, fault=Fault.BEFORE if self.fault is Fault.BEFORE else Fault.NONE)

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        return self._read(lambda: self._store.load(viewer, media))

    def save(self, record: ProgressRecord) -> ProgressRecord:
        fault = next(self.plan, self.fault)
        if record.media in self.poison:
            raise self.poison[record.media]
        return self._act(lambda: self._store.save(record), fault=fault)

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        self.together.append(len(records))
        fault = next(self.plan, self.fault)
        for record in records:
            if record.media in self.poison:
                raise self.poison[record.media]
        below = self._store
        assert isinstance(below, ManySaver)
        return self._act(lambda: below.save_many(records), fault=fault)

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        return self._read(lambda: self._store.load_many(viewer, medias))

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        return self._read(
            lambda: self._store.recent(viewer, limit, include_completed=include_completed)
        )

    def delete_viewer(self, viewer: str) -> int:
        return self._act(lambda: self._store.delete_viewer(viewer))

    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        below = self._store
        assert isinstance(below, ViewerExporter)
        return self._read(lambda: below.export_viewer(viewer))

    def records(self, limit: int) -> list[ProgressRecord]:
        return self._read(lambda: self._store.records(limit))

    def remove(self, record: ProgressRecord) -> bool:
        return self._act(lambda: self._store.remove(record))

    def close(self) -> None:
        self._store.close()


class Mood(Enum):
    """What a cache does with a call."""

    ANSWERS = "answers"
    FAILS = "fails"
    FORGETS = "forgets"


class MoodyCache:
    """A cache of snapshots that fails or forgets as told.

    Attributes:
        plan: What it does with its next calls; after these it answers.
        below: What it keeps.
    """

    def __init__(self, plan: Iterable[Mood] = ()) -> None:
        self.plan = iter(plan)
        self.below = MemorySnapshotCache()

    def _act(self, viewer: str, media: str | None) -> None:
        mood = next(self.plan, Mood.ANSWERS)
        if mood is Mood.FAILS:
            raise StoreError("the cache of ann is down")
        if mood is Mood.FORGETS:
            self.below.forget(viewer, media)

    def get(self, viewer: str, media: str, player: str = "") -> str | None:
        self._act(viewer, media)
        return self.below.get(viewer, media, player)

    def put(self, viewer: str, media: str, text: str, player: str = "") -> None:
        self.below.put(viewer, media, text, player)
        self._act(viewer, media)

    def forget(self, viewer: str, media: str | None = None, player: str | None = None) -> None:
        self._act(viewer, media)
        self.below.forget(viewer, media, player)

    def close(self) -> None:
        self.below.close()


class AwaitedCache:
    """A cache for threads as one for asyncio, which lets other tasks go on before it acts."""

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache

    async def get(self, viewer: str, media: str, player: str = "") -> str | None:
        await asyncio.sleep(0)
        return self._cache.get(viewer, media, player)

    async def put(self, viewer: str, media: str, text: str, player: str = "") -> None:
        await asyncio.sleep(0)
        self._cache.put(viewer, media, text, player)

    async def forget(
        self, viewer: str, media: str | None = None, player: str | None = None
    ) -> None:
        await asyncio.sleep(0)
        self._cache.forget(viewer, media, player)

    async def close(self) -> None:
        self._cache.close()


class OnlyAStore:
    """A store that can do no more than it must."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        return self._store.load(viewer, media)

    def save(self, record: ProgressRecord) -> ProgressRecord:
        return self._store.save(record)

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        return self._store.load_many(viewer, medias)

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        return self._store.recent(viewer, limit, include_completed=include_completed)

    def close(self) -> None:
        self._store.close()


class Awaited:
    """A store for threads as one for asyncio, which lets other tasks go on before it acts."""

    def __init__(self, store: ProgressStore) -> None:
        self._store = store

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        await asyncio.sleep(0)
        return self._store.load(viewer, media)

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        await asyncio.sleep(0)
        return self._store.save(record)

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        await asyncio.sleep(0)
        return self._store.load_many(viewer, medias)

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        await asyncio.sleep(0)
        return self._store.recent(viewer, limit, include_completed=include_completed)

    async def close(self) -> None:
        self._store.close()


class AwaitedFallback(Awaited):
    _store: FallbackStore

    async def save_many(
        self, records: Sequence[ProgressRecord]
    ) -> list[ProgressRecord | ConflictError]:
        await asyncio.sleep(0)
        assert isinstance(self._store, ManySaver)
        return self._store.save_many(records)

    async def delete_viewer(self, viewer: str) -> int:
        await asyncio.sleep(0)
        return self._store.delete_viewer(viewer)

    async def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        await asyncio.sleep(0)
        assert isinstance(self._store, ViewerExporter)
        return self._store.export_viewer(viewer)

    async def records(self, limit: int) -> list[ProgressRecord]:
        await asyncio.sleep(0)
        return self._store.records(limit)

    async def remove(self, record: ProgressRecord) -> bool:
        await asyncio.sleep(0)
        return self._store.remove(record)


# Both recorders


class Kind:
    """Makes recorders of one of the two kinds, and what they need."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return self._name

    @property
    def is_async(self) -> bool:
        return self._name == "async"

    @cached_property
    def runner(self) -> asyncio.Runner:
        runner = asyncio.Runner()
        atexit.register(runner.close)
        return runner

    def recorder(
        self,
        store: Any,
        *,
        fallback: Any = None,
        snapshots: SnapshotCache | None = None,
        **options: Any,
    ) -> Recorder:
        """Return a recorder on a store and a cache, made ones for asyncio if need be."""
        if not self.is_async:
            return Recorder(store, fallback=fallback, snapshots=snapshots, **options)
        recorder = AsyncRecorder(
            awaited(store),
            fallback=awaited(fallback),
            snapshots=None if snapshots is None else AwaitedCache(snapshots),
            **options,
        )
        return cast("Recorder", Driven(recorder, self.runner))

    def memory_store(self, memory: Memory) -> MemoryStore | AsyncMemoryStore:
        return AsyncMemoryStore(memory) if self.is_async else MemoryStore(memory)

    def sqlite_store(self, path: Path) -> SQLiteStore:
        """Return a store in a file; without care for what a power failure does to a test."""
        if not self.is_async:
            return SQLiteStore(path, synchronous="normal")
        store = AsyncSQLiteStore(path, synchronous="normal")
        return cast("SQLiteStore", Driven(store, self.runner))


def awaited(store: Any) -> Any:
    """Return a store as one for asyncio."""
    if isinstance(store, Driven):
        return store.driven
    if store is None or iscoroutinefunction(store.load):
        return store
    return AwaitedFallback(store) if isinstance(store, FallbackStore) else Awaited(store)


class Driven:
    """Something for asyncio as something for threads: each of its methods returns when it is done.

    It cannot be a context manager that way: those are looked up in the class.
    """

    def __init__(self, driven: object, runner: asyncio.Runner) -> None:
        self.driven = driven
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.driven, name)
        if not iscoroutinefunction(value):
            return value
        return lambda *arguments, **options: self._runner.run(value(*arguments, **options))


SYNC, ASYNC = Kind("sync"), Kind("async")
both = pytest.mark.parametrize("kind", [SYNC, ASYNC], ids=str)


class Desk:
    """A recorder with a clock, a store that fails when told, and somebody who listens.

    Args:
        kind: Of which kind the recorder is.
        options: Of the recorder.
    """

    def __init__(self, kind: Kind, **options: Any) -> None:
        self.kind = kind
        self.clock = Clock()
        self.below = MemoryStore()
        self.store = Failing(self.below)
        self.told: list[Details] = []
        self.recorder = self.another(**options)

    def another(self, **options: Any) -> Recorder:
        """Return another worker's recorder on the same store."""
        defaults: dict[str, Any] = {"clock": self.clock, "hooks": [self.told.append], "seed": 1}
        return self.kind.recorder(self.store, **defaults | options)

    def stored(self, media: str = "m", viewer: str = "ann") -> ProgressRecord | None:
        return self.below.load(viewer, media)

    def goes_down(self, fault: Fault = Fault.BEFORE) -> None:
        self.store.fault = fault

    def comes_back(self) -> None:
        self.store.fault = Fault.NONE

    def occasions(self) -> list[Occasion]:
        """Return what was told of since this was asked last."""
        found = [details.occasion for details in self.told]
        self.told.clear()
        return found

    def drain(self, recorder: Recorder | None = None) -> None:
        """Let the store work again, and time pass until nothing waits."""
        self.comes_back()
        recorder = recorder or self.recorder
        for _ in range(30):
            self.clock.now += LONG
            recorder.tick()
            if not recorder.waiting:
                return
        raise AssertionError(f"{recorder.waiting} still wait")
