"""Write-behind beside others: workers, viewers who start over or are deleted, threads and tasks."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from threading import Thread
from typing import Any

import pytest

from milestone_progress import (
    AsyncRecorder,
    Batch,
    ConflictError,
    Play,
    ProgressRecord,
    Recorder,
    SaveStatus,
    TimeUpdate,
    Unload,
)
from milestone_progress.hooks import Details, Occasion
from milestone_progress.stores.memory import MemoryStore
from milestone_progress.testing._store_workers import at_once
from recorders import (
    NOW,
    AwaitedFallback,
    Clock,
    Desk,
    Failing,
    Kind,
    both,
    legacy,
    new,
)

BATCH = Batch(max_age=5.0, max_count=3)


@pytest.fixture
def desk(kind: Kind) -> Desk:
    return Desk(kind, batch=BATCH)


# Others who write the same


class Interrupted(Failing):
    """A store where something happens just before records are saved together.

    Attributes:
        before: What happens before the next save of many, the one after it, and so on.
    """

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.before: list[Callable[[], object] | None] = []

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        happens = self.before.pop(0) if self.before else None
        if happens is not None:
            happens()
        return super().save_many(records)


class Crossroads:
    """A recorder with a batch, and another one without, on the same store."""

    def __init__(self, kind: Kind) -> None:
        self.clock = Clock()
        self.below = MemoryStore()
        self.store = Interrupted(self.below)
        self.told: list[Details] = []
        self.recorder = kind.recorder(
            self.store, clock=self.clock, hooks=[self.told.append], batch=BATCH
        )
        # Where an event loop runs already, another one cannot.
        self.other = Recorder(self.below, clock=self.clock)

    def stored(self) -> ProgressRecord | None:
        return self.below.load("ann", "m")


@both
def test_a_race_with_another_worker_is_told_of_and_both_are_saved(kind: Kind) -> None:
    here = Crossroads(kind)
    here.other.report("ann", "m", new(10.0))
    here.clock.now += 10
    here.recorder.report("ann", "m", new(50.0))
    # It has been told by then what is stored.
    here.store.before = [None, lambda: here.other.report("ann", "m", new(20.0, milestone=90))]
    here.clock.now += 1
    here.recorder.flush()
    assert [one.occasion for one in here.told] == [Occasion.CONFLICT, Occasion.SAVE]
    stored = here.stored()
    assert stored is not None
    assert (stored.position, stored.furthest, stored.milestone) == (20.0, 50.0, 90)
    assert stored.revision == 3


@both
def test_to_know_too_little_is_no_race(kind: Kind) -> None:
    here = Crossroads(kind)
    here.recorder.report("ann", "m", new(10.0))
    here.recorder.flush()
    here.clock.now += 10
    here.other.report("ann", "m", new(90.0, milestone=90))
    here.clock.now += 10
    here.recorder.report("ann", "m", new(20.0))
    here.recorder.flush()
    assert [one.occasion for one in here.told] == [Occasion.SAVE, Occasion.SAVE]
    stored = here.stored()
    assert stored is not None
    assert (stored.position, stored.milestone, stored.revision) == (20.0, 90, 3)


@both
def test_who_is_always_outrun_together_is_saved_alone(kind: Kind) -> None:
    here = Crossroads(kind)
    here.recorder.report("ann", "m", new(50.0))
    here.recorder.report("bob", "m", new(50.0))
    positions = count(1.0)

    def outrun() -> None:
        here.clock.now += 10
        here.other.report("ann", "m", new(next(positions)))

    here.store.before = [outrun] * 9
    here.recorder.flush()
    assert len(here.store.together) == 3
    assert (here.recorder.queued, here.recorder.waiting) == (0, 0)
    stored = here.stored()
    assert stored is not None
    assert stored.furthest == 50.0


@both
def test_a_reset_reaches_what_is_queued(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(90.0, milestone=90))
    desk.clock.now += 1
    after = desk.recorder.reset("ann", "m")
    assert after is not None
    assert (after.generation, after.milestone) == (1, 0)
    desk.recorder.flush()
    assert desk.stored() == after
    # A player that was running before is told.
    late = desk.recorder.report("ann", "m", new(95.0, generation=0))
    assert (late.status, late.generation) == (SaveStatus.SUPERSEDED, 1)


@both
def test_a_reset_elsewhere_is_not_undone_by_what_is_queued_and_told_of_next(kind: Kind) -> None:
    here = Crossroads(kind)
    here.other.report("ann", "m", new(10.0))
    here.clock.now += 1
    here.recorder.report("ann", "m", new(90.0, milestone=90, generation=0))
    here.clock.now += 1
    here.other.reset("ann", "m")
    here.recorder.flush()
    stored = here.stored()
    assert stored is not None
    assert (stored.generation, stored.milestone, stored.furthest) == (1, 0, 0.0)
    late = here.recorder.report("ann", "m", new(95.0, generation=0))
    assert (late.status, late.generation) == (SaveStatus.SUPERSEDED, 1)


@both
def test_who_says_which_generation_and_who_does_not_are_not_mixed(kind: Kind) -> None:
    here = Crossroads(kind)
    here.other.report("ann", "m", new(10.0))
    here.recorder.report("ann", "m", new(90.0, milestone=90, generation=0))
    here.clock.now += 1
    here.other.reset("ann", "m")
    here.clock.now += 1
    here.recorder.report("ann", "m", legacy(20.0))
    here.recorder.flush()
    stored = here.stored()
    assert stored is not None
    assert (stored.generation, stored.position, stored.furthest) == (1, 20.0, 20.0)


@both
def test_a_deletion_is_not_undone_by_what_is_queued(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new())
    desk.recorder.report("bob", "m", new())
    assert desk.recorder.delete_viewer("ann") == 0
    desk.recorder.flush()
    assert [record.viewer for record in desk.below.records(9)] == ["bob"]
    result = desk.recorder.report("ann", "m", new(20.0))
    assert result.record is not None
    assert result.record.furthest == 20.0


@both
def test_what_was_stored_of_a_deleted_viewer_is_not_told(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(90.0, milestone=90))
    desk.recorder.flush()
    assert desk.recorder.delete_viewer("ann") == 1
    result = desk.recorder.report("ann", "m", new(20.0))
    assert result.record is not None
    assert (result.record.milestone, result.generation) == (0, None)


def test_a_deletion_waits_for_the_batch_that_is_being_written() -> None:
    below = MemoryStore()
    store = Interrupted(below)
    recorder = Recorder(store, clock=Clock(), batch=BATCH)
    recorder.report("ann", "m", new())
    deletes = Thread(target=recorder.delete_viewer, args=("ann",))
    store.before = [deletes.start]
    recorder.flush()
    deletes.join()
    assert below.records(9) == []


def test_a_task_that_deletes_waits_for_the_batch_that_is_being_written() -> None:
    below = MemoryStore()
    store = Interrupted(below)
    recorder = AsyncRecorder(AwaitedFallback(store), clock=Clock(), batch=BATCH)
    tasks: list[asyncio.Task[int]] = []

    class Slow(AwaitedFallback):
        async def save_many(
            self, records: Sequence[ProgressRecord]
        ) -> list[ProgressRecord | ConflictError]:
            tasks.append(asyncio.create_task(recorder.delete_viewer("ann")))
            for _ in range(50):
                await asyncio.sleep(0)
            return await super().save_many(records)

    recorder = AsyncRecorder(Slow(store), clock=Clock(), batch=BATCH)

    async def meanwhile() -> None:
        await recorder.report("ann", "m", new())
        await recorder.flush()
        await asyncio.gather(*tasks)

    asyncio.run(meanwhile())
    assert tasks
    assert below.records(9) == []


# Live viewings


def watched(start: float, end: float) -> list[Any]:
    """Return the events of somebody who plays from one position to another, and leaves."""
    seconds = [TimeUpdate(at=NOW + one, position=one) for one in (start + 1, end)]
    return [
        Play(at=NOW + start, position=start, duration=1000.0),
        *seconds,
        Unload(at=NOW + end, position=end),
    ]


@both
def test_decisions_made_here_are_queued_too(desk: Desk) -> None:
    result = desk.recorder.handle("ann", "m", watched(0, 2))
    assert result.decisions
    assert result.saved is not None
    assert result.saved.status is SaveStatus.QUEUED
    assert desk.stored() is None
    desk.recorder.flush()
    stored = desk.stored()
    assert stored is not None
    assert stored.position == 2.0
    assert stored.played.bit_count() == 2


@both
def test_a_viewing_goes_on_whose_first_batch_has_failed(desk: Desk) -> None:
    desk.recorder.handle("ann", "m", watched(0, 20))
    desk.goes_down()
    desk.recorder.flush()
    desk.comes_back()
    desk.clock.now += 30
    saved = desk.recorder.handle("ann", "m", watched(20, 40)).saved
    assert saved is not None
    assert saved.status is SaveStatus.WRITTEN
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.played.bit_count()) == (40.0, 40)


@both
def test_a_viewing_begins_anew_if_its_viewer_has_started_over_elsewhere(kind: Kind) -> None:
    here = Crossroads(kind)
    here.recorder.handle("ann", "m", watched(0, 2))
    here.recorder.flush()
    here.clock.now += 10
    here.other.reset("ann", "m")
    here.clock.now += 10
    assert here.recorder.handle("ann", "m", watched(2, 20)).saved is not None
    here.recorder.flush()
    stored = here.stored()
    assert stored is not None
    assert (stored.generation, stored.furthest) == (1, 0.0)
    late = here.recorder.handle("ann", "m", watched(20, 30)).saved
    assert late is not None
    assert late.status is SaveStatus.SUPERSEDED
    here.clock.now += 60
    here.recorder.handle("ann", "m", watched(0, 40))
    here.recorder.flush()
    stored = here.stored()
    assert stored is not None
    assert (stored.generation, stored.position) == (1, 40.0)


@both
def test_a_viewing_that_goes_on_does_not_undo_a_deletion_elsewhere(kind: Kind) -> None:
    here = Crossroads(kind)
    here.recorder.handle("ann", "m", watched(0, 2))
    here.recorder.flush()
    here.clock.now += 10
    here.other.delete_viewer("ann")
    for end in (20, 30):
        here.clock.now += 10
        here.recorder.handle("ann", "m", watched(end - 10, end))
        here.recorder.flush()
        assert here.stored() is None
    here.clock.now += 60
    here.recorder.handle("ann", "m", watched(30, 40))
    here.recorder.flush()
    stored = here.stored()
    assert stored is not None
    # What came before it began anew is forgotten.
    assert stored.played.bit_count() == 10


# Many at once


def test_threads_that_report_at_once_wait_only_where_there_is_no_room() -> None:
    below = MemoryStore()
    store = Failing(below)
    recorder = Recorder(store, clock=Clock(), batch=BATCH)

    def work(number: int) -> None:
        for media in range(50):
            assert recorder.report(f"viewer {number}", f"{media}", new()).record is not None

    at_once(8, work)
    recorder.flush()
    assert len(below.records(999)) == 400
    # Those of a batch, and who was on the way when it was full.
    assert max(store.together) <= BATCH.max_count + 8
    assert recorder.queued == 0


def test_tasks_that_report_at_once_wait_only_where_there_is_no_room() -> None:
    below = MemoryStore()
    store = Failing(below)
    recorder = AsyncRecorder(AwaitedFallback(store), clock=Clock(), batch=BATCH)

    async def work() -> None:
        reports = (recorder.report(f"viewer {one}", "m", new()) for one in range(100))
        results = await asyncio.gather(*reports)
        assert {result.status for result in results} == {SaveStatus.QUEUED}
        await recorder.flush()

    asyncio.run(work())
    assert len(below.records(999)) == 100
    assert max(store.together) <= BATCH.max_count
    # Who has waited for a batch does not write another one of their own.
    assert len(store.together) <= 100 / BATCH.max_count + 1


def test_who_reports_while_a_batch_is_written_does_not_wait_and_is_in_the_next_one() -> None:
    below = MemoryStore()
    store = Interrupted(below)
    recorder = Recorder(store, clock=Clock(), batch=BATCH)
    recorder.report("ann", "m", new(50.0))
    store.before = [lambda: at_once(1, lambda _: recorder.report("ann", "m", new(60.0)))]
    recorder.flush()
    assert recorder.queued == 1
    assert [record.position for record in below.records(9)] == [50.0]
    recorder.flush()
    assert [record.furthest for record in below.records(9)] == [60.0]


def test_a_hook_that_reports_itself_is_no_obstacle() -> None:
    below = MemoryStore()

    def hook(details: Details) -> None:
        if details.media == "m":
            for number in range(BATCH.max_count):
                recorder.report(details.viewer, f"said by a hook, {number}", new())

    recorder = Recorder(below, clock=Clock(), batch=BATCH, hooks=[hook])
    recorder.report("ann", "m", new())
    recorder.flush()
    assert len(below.records(9)) == 1 + BATCH.max_count


@pytest.mark.parametrize("what", ["flush", "reset", "delete_viewer"])
@pytest.mark.parametrize("occasion", [Occasion.SAVE, Occasion.FAILURE, Occasion.RETRY])
def test_another_thread_can_write_while_one_tells_of_its_batch_or_tries_it_alone(
    occasion: Occasion, what: str
) -> None:
    """Who waits for the other one, as a hook may, must hold nothing that it waits for."""
    clock, store = Clock(), Failing(MemoryStore())
    if occasion is not Occasion.SAVE:
        store.poison["poison"] = RuntimeError("a bug")
    ended: list[bool] = []

    def act() -> None:
        acts: dict[str, Callable[[], object]] = {
            "flush": recorder.flush,
            "reset": lambda: recorder.reset("bob", "other"),
            "delete_viewer": lambda: recorder.delete_viewer("bob"),
        }
        acts[what]()

    def hook(details: Details) -> None:
        if details.occasion is occasion and not ended:
            other = Thread(target=act, daemon=True)
            other.start()
            other.join(timeout=5)
            ended.append(not other.is_alive())

    recorder = Recorder(store, clock=clock, batch=BATCH, hooks=[hook])
    recorder.report("ann", "poison", new())
    clock.now += BATCH.max_age
    # It is due, and this one is about it.
    recorder.tick()
    assert ended == [True]
    assert recorder.waiting == (0 if occasion is Occasion.SAVE else 1)


def test_a_store_that_calls_the_recorder_back_is_no_obstacle() -> None:
    below, told = MemoryStore(), list[Details]()
    store = Interrupted(below)
    recorder = Recorder(store, clock=Clock(), batch=BATCH, hooks=[told.append])

    def calls_back() -> None:
        recorder.report("bob", "m", new())
        recorder.flush()

    store.before = [calls_back]
    recorder.report("ann", "m", new())
    recorder.flush()
    assert [record.viewer for record in below.records(9)] == ["ann", "bob"]
    assert [(one.occasion, one.viewer) for one in told] == [
        (Occasion.SAVE, "bob"),
        (Occasion.SAVE, "ann"),
    ]


def test_what_is_queued_survives_that_its_writer_is_interrupted() -> None:
    below = MemoryStore()
    store = Interrupted(below)
    recorder = Recorder(store, clock=Clock(), batch=BATCH)

    def interrupt() -> None:
        raise KeyboardInterrupt

    store.before = [interrupt]
    recorder.report("ann", "m", new())
    with pytest.raises(KeyboardInterrupt):
        recorder.flush()
    assert (recorder.queued, len(below.records(9))) == (1, 0)
    assert recorder.close() == ()
    assert store.together == [1]


def test_what_is_queued_survives_that_its_writer_is_cancelled() -> None:
    below = MemoryStore()
    reached = asyncio.Event()

    class Hanging(AwaitedFallback):
        async def save_many(
            self, records: Sequence[ProgressRecord]
        ) -> list[ProgressRecord | ConflictError]:
            if not reached.is_set():
                reached.set()
                await asyncio.Event().wait()
            return await super().save_many(records)

    async def work() -> None:
        recorder = AsyncRecorder(Hanging(below), clock=Clock(), batch=BATCH)
        await recorder.report("ann", "m", new())
        writes = asyncio.create_task(recorder.flush())
        await reached.wait()
        writes.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writes
        assert recorder.queued == 1
        await recorder.flush()

    asyncio.run(work())
    assert len(below.records(9)) == 1
