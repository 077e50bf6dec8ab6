"""What a fallback holds: what waits and nothing else, whoever is deleted or cancelled meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from milestone_progress import AsyncRecorder, BacklogFull, ProgressRecord, Recorder
from milestone_progress._backlog import Backlog
from milestone_progress.hooks import Details, Occasion
from milestone_progress.stores.memory import MemoryStore
from recorders import LONG, AwaitedFallback, Clock, Desk, Failing, Fault, Kind, both, new

# Viewers who are deleted


class Interrupted(MemoryStore):
    """A fallback where something happens once, just before it saves."""

    happens: Callable[[], object] | None = None

    def save(self, record: ProgressRecord) -> ProgressRecord:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return super().save(record)


class InterruptedTask(AwaitedFallback):
    happens: Callable[[], Awaitable[object]] | None = None

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        happens, self.happens = self.happens, None
        if happens is not None:
            await happens()
        return await super().save(record)


@pytest.mark.parametrize("fault", Fault, ids=lambda one: one.value)
def test_a_viewer_who_is_deleted_before_being_mirrored_does_not_come_back(fault: Fault) -> None:
    clock, below, held = Clock(), MemoryStore(), Interrupted()
    store, mirror = Failing(below), Failing(held, [fault])
    recorder = Recorder(store, clock=clock, fallback=mirror)
    recorder.load("ann", "m")

    def delete() -> None:
        store.fault = Fault.NONE
        recorder.delete_viewer("ann")

    held.happens = delete
    store.fault = Fault.BEFORE
    recorder.report("ann", "m", new())
    if held.happens is not None:
        delete()
    assert held.records(9) == []
    assert not recorder._unmirrored
    clock.now += LONG
    after = Recorder(store, clock=clock, fallback=held)
    assert after.load("ann", "m") is None
    assert after.close() == ()
    assert below.records(9) == []


def test_a_viewer_who_is_deleted_before_a_task_mirrors_it_does_not_come_back() -> None:
    async def act() -> None:
        clock, below, held = Clock(), MemoryStore(), MemoryStore()
        store, mirror = Failing(below), InterruptedTask(held)
        recorder = AsyncRecorder(AwaitedFallback(store), clock=clock, fallback=mirror)
        await recorder.load("ann", "m")

        async def delete() -> None:
            store.fault = Fault.NONE
            await recorder.delete_viewer("ann")

        mirror.happens = delete
        store.fault = Fault.BEFORE
        await recorder.report("ann", "m", new())
        assert mirror.happens is None
        assert held.records(9) == []
        clock.now += LONG
        assert Recorder(below, clock=clock, fallback=held).load("ann", "m") is None

    asyncio.run(act())


def test_a_viewer_who_is_deleted_while_it_is_mirrored_again_does_not_come_back() -> None:
    clock, held = Clock(), Interrupted()
    store, mirror = Failing(MemoryStore()), Failing(held, [Fault.BEFORE])
    recorder = Recorder(store, clock=clock, fallback=mirror)
    recorder.load("ann", "m")
    store.fault = Fault.BEFORE
    recorder.report("ann", "m", new())
    assert held.records(9) == []

    def delete() -> None:
        store.fault = Fault.NONE
        recorder.delete_viewer("ann")

    held.happens = delete
    clock.now += LONG
    recorder.tick()
    assert held.happens is None
    assert held.records(9) == []


@both
def test_nothing_of_a_deleted_viewer_is_remembered_to_be_mirrored(kind: Kind) -> None:
    mirror = Failing(MemoryStore(), [Fault.BEFORE] * 2)
    desk = Desk(kind, fallback=mirror)
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    desk.recorder.report("bob", "m", new())
    desk.comes_back()
    assert desk.recorder.delete_viewer("ann") == 0
    assert desk.recorder._unmirrored == {("bob", "m")}


@both
def test_what_comes_in_while_what_waits_is_saved_is_still_to_be_mirrored(kind: Kind) -> None:
    class More(MemoryStore):
        """A store during whose save more comes in, which neither it nor the fallback takes."""

        def save(self, record: ProgressRecord) -> ProgressRecord:
            recording = getattr(desk.recorder, "driven", desk.recorder)
            addition = recording._addition("ann", "m", new(60.0), desk.clock.now)
            recording._keep(addition, OSError(), desk.clock.now)
            recording._is_not_mirrored(addition)
            return super().save(record)

    desk = Desk(kind)
    desk.below, held = More(), MemoryStore()
    desk.store = Failing(desk.below)
    desk.recorder = desk.another(fallback=held)
    desk.goes_down()
    desk.recorder.report("ann", "m", new(50.0))
    desk.comes_back()
    desk.clock.now += LONG
    desk.recorder.tick()
    assert desk.recorder.waiting == 1
    desk.goes_down()
    desk.clock.now += LONG
    desk.recorder.tick()
    assert [record.furthest for record in held.records(9)] == [60.0]


# Tasks that are cancelled


class Hanging(AwaitedFallback):
    """A store for asyncio that hangs when told to: whatever it is to save, or asked for."""

    def __init__(self, store: MemoryStore | Failing) -> None:
        super().__init__(store)
        self.hangs = False
        self.reached = asyncio.Event()

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        if self.hangs:
            self.reached.set()
            await asyncio.Event().wait()
        return await super().save(record)

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        if self.hangs:
            self.reached.set()
            await asyncio.Event().wait()
        return await super().load(viewer, media)


async def cancelled(awaitable: Awaitable[object], store: Hanging) -> None:
    """Cancel what is to be done as soon as a store hangs."""
    store.reached.clear()
    task = asyncio.ensure_future(awaitable)
    await store.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("has_fallback", [False, True])
def test_of_cancelled_tasks_that_leave_nothing_to_save_nothing_is_remembered(
    has_fallback: bool,
) -> None:
    async def act() -> None:
        store = Hanging(MemoryStore())
        fallback = AwaitedFallback(MemoryStore()) if has_fallback else None
        recorder = AsyncRecorder(store, clock=Clock(), fallback=fallback, backlog_limit=1)
        await recorder.load("ann", "m")
        store.hangs = True
        for number in range(5):
            await cancelled(recorder.report(f"early {number}", "m", new(0.5)), store)
        assert (recorder.waiting, recorder._unmirrored) == (0, set())
        for number in range(5):
            await cancelled(recorder.report(f"viewer {number}", "m", new()), store)
        # The others had no room.
        assert recorder.waiting == 1
        assert recorder._unmirrored == ({("viewer 0", "m")} if has_fallback else set())

    asyncio.run(act())


def test_what_a_cancelled_task_has_kept_is_mirrored_later() -> None:
    async def act() -> None:
        clock, held = Clock(), MemoryStore()
        store = Hanging(Failing(MemoryStore()))
        recorder = AsyncRecorder(store, clock=clock, fallback=AwaitedFallback(held))
        await recorder.load("ann", "m")
        store.hangs = True
        await cancelled(recorder.report("ann", "m", new()), store)
        assert held.records(9) == []
        store.hangs, below = False, store._store
        assert isinstance(below, Failing)
        below.fault = Fault.BEFORE
        clock.now += LONG
        await recorder.tick()
        assert [record.viewer for record in held.records(9)] == ["ann"]

    asyncio.run(act())


def test_what_a_task_was_cancelled_at_mirroring_is_mirrored_later() -> None:
    async def act() -> None:
        clock, held = Clock(), MemoryStore()
        store, fallback = Failing(MemoryStore()), Hanging(held)
        recorder = AsyncRecorder(AwaitedFallback(store), clock=clock, fallback=fallback)
        await recorder.load("ann", "m")
        store.fault, fallback.hangs = Fault.BEFORE, True
        await cancelled(recorder.report("ann", "m", new()), fallback)
        assert held.records(9) == []
        fallback.hangs = False
        clock.now += LONG
        await recorder.tick()
        assert [record.viewer for record in held.records(9)] == ["ann"]

    asyncio.run(act())


def test_a_task_that_is_cancelled_at_mirroring_a_deleted_viewer_leaves_nothing() -> None:
    async def act() -> None:
        store, fallback = Failing(MemoryStore()), Hanging(MemoryStore())
        recorder = AsyncRecorder(AwaitedFallback(store), clock=Clock(), fallback=fallback)
        await recorder.load("ann", "m")
        store.fault, fallback.hangs = Fault.BEFORE, True
        task = asyncio.create_task(recorder.report("ann", "m", new()))
        await fallback.reached.wait()
        store.fault = Fault.NONE
        await recorder.delete_viewer("ann")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (recorder.waiting, recorder._unmirrored) == (0, set())

    asyncio.run(act())


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.BEFORE], ids=lambda one: one.value)
def test_what_is_given_up_for_a_cancelled_task_is_nowhere_for_ever(fault: Fault) -> None:
    async def act() -> None:
        clock, below, held = Clock(), MemoryStore(), MemoryStore()
        store = Hanging(failing := Failing(below))
        recorder = AsyncRecorder(
            store,
            clock=clock,
            fallback=AwaitedFallback(Failing(held, [fault])),
            backlog_limit=1,
            backlog_full=BacklogFull.GIVE_UP_OLDEST,
        )
        await recorder.load("ann", "m")
        failing.fault = Fault.BEFORE
        await recorder.report("ann", "m", new())
        failing.fault, store.hangs = Fault.NONE, True
        await cancelled(recorder.report("bob", "m", new()), store)
        assert recorder._unmirrored == {("bob", "m")}
        store.hangs = False
        for _ in range(3):
            clock.now += LONG
            await recorder.tick()
        assert recorder.waiting == 0
        assert held.records(9) == []
        assert below.load("bob", "m") is not None

    asyncio.run(act())


# Threads that look into it


@both
def test_another_thread_may_find_the_fallback_empty_meanwhile(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(kind, fallback=MemoryStore())
    recording = getattr(desk.recorder, "driven", desk.recorder)

    def full(_backlog: Backlog) -> bool:
        # What another thread does just then that has looked into it.
        recording._look_at = None
        return False

    monkeypatch.setattr(Backlog, "full", property(full))
    assert desk.recorder.load("ann", "m") is None


# Fallbacks of strangers


class Strange(MemoryStore):
    """A fallback that raises what its driver does."""

    broken = True

    def _check(self) -> None:
        if self.broken:
            raise ConnectionError("no route to host")

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        self._check()
        return super().load(viewer, media)

    def records(self, limit: int) -> list[ProgressRecord]:
        self._check()
        return super().records(limit)


@both
def test_whatever_a_fallback_raises_hinders_no_report(kind: Kind) -> None:
    held = Strange()
    desk = Desk(kind, fallback=held)
    assert desk.recorder.load("ann", "m") is None
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    desk.comes_back()
    desk.clock.now += 0.5
    assert desk.recorder.report("ann", "m", new(60.0)).written
    assert desk.recorder.reset("ann", "m") is not None
    assert {type(one.error) for one in desk.told if one.error} >= {ConnectionError}
    held.broken = False
    desk.drain()
    assert held.records(9) == []


# The end


def lost(told: list[Details]) -> list[str]:
    return [one.viewer for one in told if one.lost and one.occasion is Occasion.FAILURE]


@both
def test_the_end_tells_of_what_only_memory_held(kind: Kind) -> None:
    desk = Desk(kind)
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    desk.recorder.report("bob", "m", new())
    assert lost(desk.told) == []
    assert {record.viewer for record in desk.recorder.close()} == {"ann", "bob"}
    assert lost(desk.told) == ["ann", "bob"]
    assert all(one.error is not None for one in desk.told if one.lost)


@both
def test_the_end_tells_of_nothing_that_was_saved_or_is_in_the_fallback(kind: Kind) -> None:
    held = MemoryStore()
    desk = Desk(kind, fallback=held)
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    assert len(desk.recorder.close()) == 1
    assert len(held.records(9)) == 1
    desk.comes_back()
    assert desk.recorder.close() == ()
    assert lost(desk.told) == []


@both
def test_the_end_tells_of_what_the_fallback_could_not_take(kind: Kind) -> None:
    held = Failing(MemoryStore())
    desk = Desk(kind, fallback=held)
    desk.recorder.load("ann", "m")
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    held.fault = Fault.BEFORE
    desk.recorder.report("bob", "m", new())
    assert len(desk.recorder.close()) == 2
    assert lost(desk.told) == ["bob"]
