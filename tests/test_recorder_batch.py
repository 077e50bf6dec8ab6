"""Write-behind: saves of many viewers that are queued for a while, and written together."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from milestone_progress import (
    Arm,
    Batch,
    ConflictError,
    InvalidValueError,
    Plausibility,
    ProgressRecord,
    Recorder,
    SaveStatus,
    Trigger,
)
from milestone_progress.hooks import Occasion
from milestone_progress.metrics import Metrics
from milestone_progress.stores import ProgressStore
from milestone_progress.stores.memory import MemoryStore
from milestone_progress.stores.postgres import PostgresStore
from milestone_progress.stores.redis import RedisStore
from milestone_progress.stores.sqlalchemy import SQLAlchemyStore
from milestone_progress.stores.sqlite import SQLiteStore
from recorders import (
    NOW,
    Clock,
    Desk,
    Failing,
    Fault,
    Kind,
    OnlyAStore,
    both,
    new,
)

BATCH = Batch(max_age=5.0, max_count=3)


@pytest.fixture
def desk(kind: Kind) -> Desk:
    return Desk(kind, batch=BATCH)


# Queued, and written


@both
def test_a_report_is_queued_and_written_with_others(desk: Desk) -> None:
    result = desk.recorder.report("ann", "m", new(50.0, milestone=50))
    assert (result.status, result.written) == (SaveStatus.QUEUED, False)
    assert (result.reached, result.newly_completed, result.next_milestone) == ((), False, 75)
    assert result.generation is None
    assert result.record is not None
    assert result.record.position == 50.0
    desk.recorder.report("bob", "m", new(20.0))
    assert (desk.recorder.queued, desk.recorder.waiting) == (2, 0)
    assert desk.below.records(9) == []
    assert desk.told == []
    desk.recorder.flush()
    assert desk.recorder.queued == 0
    ann, bob = desk.below.records(9)
    assert (ann.position, ann.milestone, ann.revision) == (50.0, 50, 1)
    assert (bob.position, bob.revision) == (20.0, 1)
    assert [(one.occasion, one.viewer, one.reached) for one in desk.told] == [
        (Occasion.SAVE, "ann", (10, 25, 50)),
        (Occasion.SAVE, "bob", ()),
    ]
    assert all(one.trigger is Trigger.PAUSE for one in desk.told)


@both
def test_what_is_queued_for_the_same_viewer_and_media_is_one_write(desk: Desk) -> None:
    for position in (10.0, 20.0, 30.0):
        desk.clock.now += 1
        desk.recorder.report("ann", "m", new(position))
    assert desk.recorder.queued == 1
    desk.recorder.flush()
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.revision) == (30.0, 1)


@both
def test_as_many_as_were_agreed_are_written_by_who_brings_the_last(desk: Desk) -> None:
    for viewer in ("ann", "bob"):
        desk.recorder.report(viewer, "m", new())
    assert desk.below.records(9) == []
    assert desk.recorder.report("cleo", "m", new()).status is SaveStatus.QUEUED
    assert len(desk.below.records(9)) == 3
    assert desk.recorder.queued == 0


@both
def test_what_waits_for_long_enough_is_written_by_the_next_report(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new())
    desk.clock.now += 4.9
    # It does not make the first one wait longer.
    desk.recorder.report("ann", "m", new(60.0))
    assert desk.below.records(9) == []
    desk.clock.now += 0.1
    desk.recorder.report("bob", "m", new())
    assert len(desk.below.records(9)) == 2


@both
def test_what_waits_for_long_enough_is_written_by_a_tick_at_the_deadline(desk: Desk) -> None:
    assert desk.recorder.deadline is None
    desk.recorder.report("ann", "m", new())
    deadline = desk.recorder.deadline
    assert deadline == NOW + 5
    desk.recorder.tick(deadline - 0.1)
    assert desk.stored() is None
    desk.recorder.tick(deadline)
    assert desk.stored() is not None
    assert desk.recorder.deadline is None


@both
def test_a_clock_that_is_set_back_lets_nothing_wait_for_ever(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new())
    desk.clock.now -= 3600
    desk.recorder.tick()
    assert desk.stored() is not None


@both
def test_the_end_writes_what_is_queued(desk: Desk) -> None:
    for viewer in ("ann", "bob"):
        desk.recorder.report(viewer, "m", new())
    assert desk.recorder.close() == ()
    assert len(desk.below.records(9)) == 2
    assert desk.store.together == [2]


@both
def test_what_is_queued_is_read_as_if_it_was_stored(desk: Desk) -> None:
    recorder = desk.recorder
    recorder.report("ann", "m", new(50.0))
    recorder.report("ann", "n", new(100.0, trigger=Trigger.COMPLETION))
    assert desk.below.records(9) == []
    loaded = recorder.load("ann", "m")
    assert loaded is not None
    assert loaded.position == 50.0
    assert set(recorder.load_many("ann", ["m", "n", "o"])) == {"m", "n"}
    assert [record.media for record in recorder.recent("ann")] == ["m"]
    assert recorder.resume_choice("ann", "m").position == 50.0


@both
def test_what_is_no_news_is_not_written(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(50.0))
    desk.recorder.flush()
    desk.told.clear()
    desk.clock.now += 30
    for worker in (desk.recorder, desk.another(batch=BATCH)):
        # One knows what is stored, the other one has to ask.
        worker.report("ann", "m", new(50.2))
        worker.flush()
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.revision) == (50.0, 1)
    assert desk.told == []


@both
def test_what_is_known_of_what_is_stored_is_told_with_what_is_queued(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(90.0, milestone=90))
    desk.recorder.flush()
    desk.clock.now += 10
    result = desk.recorder.report("ann", "m", new(20.0))
    assert result.status is SaveStatus.QUEUED
    assert (result.generation, result.next_milestone, result.reached) == (0, 95, ())
    assert result.record is not None
    assert (result.record.position, result.record.milestone) == (20.0, 90)


@both
def test_a_worker_that_knows_what_is_stored_asks_once(desk: Desk) -> None:
    for position in (10.0, 20.0, 30.0):
        desk.clock.now += 10
        desk.recorder.report("ann", "m", new(position))
        desk.recorder.flush()
    assert desk.store.together == [1, 1, 1]
    # Another one has to be told first.
    desk.clock.now += 10
    other = desk.another(batch=BATCH)
    other.report("ann", "m", new(40.0))
    other.flush()
    assert desk.store.together == [1, 1, 1, 1, 1]


@both
def test_the_start_is_answered_at_once_and_not_queued(desk: Desk) -> None:
    assert desk.recorder.report("ann", "m", new(0.5)).status is SaveStatus.AT_START
    assert desk.recorder.queued == 0


@both
def test_what_is_marked_as_complete_is_so_at_once_with_what_is_queued(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(50.0, milestone=50))
    result = desk.recorder.complete("ann", "m")
    assert result.written
    assert result.newly_completed
    assert desk.recorder.queued == 0
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.completed) == (50.0, True)


@both
def test_what_cannot_be_true_is_told_when_it_is_written(kind: Kind) -> None:
    desk = Desk(kind, batch=BATCH, plausibility=Plausibility())
    desk.recorder.report("ann", "m", new(90.0, milestone=90))
    desk.clock.now += 1
    desk.recorder.report("ann", "m", new(100.0, trigger=Trigger.COMPLETION))
    desk.recorder.flush()
    assert [one.occasion for one in desk.told] == [
        Occasion.IMPLAUSIBLE,
        Occasion.SAVE,
        Occasion.COMPLETION,
    ]


@both
def test_requests_and_writes_are_counted(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, batch=BATCH, metrics=metrics)
    for position in (10.0, 20.0, 30.0):
        desk.clock.now += 2
        desk.recorder.report("ann", "m", new(position, milestone=10))
    desk.recorder.flush()
    counts = metrics.counts(Arm.MILESTONE)
    assert (counts.requests, counts.writes, counts.failed, counts.begun) == (3, 1, 0, 1)
    assert counts.estimated == 30.0


# Settings


@both
def test_a_store_that_cannot_save_many_is_refused(kind: Kind) -> None:
    with pytest.raises(InvalidValueError, match="save_many"):
        kind.recorder(OnlyAStore(), batch=BATCH)


@both
def test_a_batch_needs_room_in_the_backlog(kind: Kind) -> None:
    with pytest.raises(InvalidValueError, match="backlog_limit"):
        Desk(kind, batch=Batch(max_count=10), backlog_limit=9)


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_age", 0.0), ("max_age", 1e9), ("max_age", "1"), ("max_count", 0), ("max_count", 1.0)],
)
def test_what_is_no_bound_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidValueError, match=name):
        Batch(**{name: value})


@both
def test_what_has_no_room_in_the_backlog_is_written_at_once(kind: Kind) -> None:
    desk = Desk(kind, batch=BATCH, backlog_limit=3)
    desk.goes_down()
    for media in "abc":
        desk.recorder.report("ann", media, new())
    assert (desk.recorder.waiting, desk.recorder.queued) == (3, 0)
    desk.comes_back()
    assert desk.recorder.report("bob", "m", new()).status is SaveStatus.WRITTEN


# Stores that fail


@both
@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
def test_what_is_queued_when_the_store_fails_is_kept_and_saved_later(
    desk: Desk, fault: Fault
) -> None:
    for viewer in ("ann", "bob"):
        desk.recorder.report(viewer, "m", new(50.0, milestone=50))
    desk.goes_down(fault)
    desk.recorder.flush()
    # A store that can still be read tells that they are saved after all.
    assert desk.recorder.waiting == (2 if fault is Fault.BEFORE else 0)
    assert desk.recorder.queued == 0
    assert set(desk.occasions()) >= {Occasion.FAILURE}
    desk.drain()
    assert [(one.position, one.milestone) for one in desk.below.records(9)] == [(50.0, 50)] * 2


@both
def test_a_store_that_is_down_is_asked_once_for_a_batch(desk: Desk) -> None:
    desk.goes_down()
    for viewer in ("ann", "bob", "cleo"):
        assert desk.recorder.report(viewer, "m", new()).status is SaveStatus.QUEUED
    assert desk.store.together == [3]
    assert desk.occasions() == [Occasion.FAILURE] * 3
    # What it has failed at is saved alone, as without a batch.
    assert desk.recorder.report("ann", "m", new(60.0)).status is SaveStatus.KEPT
    desk.drain()
    assert len(desk.below.records(9)) == 3


@both
def test_what_cannot_be_saved_whatever_happens_hinders_no_other(desk: Desk) -> None:
    desk.store.poison["poison"] = RuntimeError("a bug")
    desk.recorder.report("ann", "m", new())
    desk.recorder.report("ann", "poison", new())
    desk.recorder.report("bob", "m", new())
    assert [record.viewer for record in desk.below.records(9)] == ["ann", "bob"]
    assert (desk.recorder.waiting, desk.recorder.queued) == (1, 0)
    # Nor is it in a batch again.
    desk.store.together.clear()
    desk.store.poison.clear()
    desk.clock.now += 1
    assert desk.recorder.report("ann", "poison", new(60.0)).status is SaveStatus.WRITTEN
    assert desk.store.together == []


@both
@pytest.mark.parametrize("told", [0, 1, 3])
def test_a_store_that_does_not_tell_of_each_is_one_that_fails(kind: Kind, told: int) -> None:
    class Miscounting(Failing):
        def save_many(
            self, records: Sequence[ProgressRecord]
        ) -> list[ProgressRecord | ConflictError]:
            return (super().save_many(records) * 2)[:told]

    desk = Desk(kind, batch=BATCH)
    desk.store = Miscounting(desk.below)
    desk.recorder = desk.another(batch=BATCH)
    for viewer in ("ann", "bob"):
        assert desk.recorder.report(viewer, "m", new()).status is SaveStatus.QUEUED
    desk.recorder.flush()
    errors = [str(one.error) for one in desk.told if one.occasion is Occasion.FAILURE]
    assert errors == [f"save_many was given 2 records and told of {told}"] * 2
    # Each was saved alone, as the store can do that.
    assert [record.viewer for record in desk.below.records(9)] == ["ann", "bob"]
    assert (desk.recorder.queued, desk.recorder.waiting) == (0, 0)


@both
def test_what_is_queued_is_in_the_fallback_before_it_is_answered(kind: Kind) -> None:
    held = MemoryStore()
    desk = Desk(kind, batch=BATCH, fallback=held)
    desk.recorder.report("ann", "m", new(50.0, milestone=50))
    [record] = held.records(9)
    assert (record.position, record.milestone) == (50.0, 50)
    assert desk.below.records(9) == []
    # Another process, after this one was killed.
    after = desk.another(batch=BATCH, fallback=held)
    desk.drain(after)
    after.tick()
    stored = desk.stored()
    assert stored is not None
    assert stored.milestone == 50
    assert held.records(9) == []


@both
def test_what_is_written_is_no_longer_in_the_fallback(kind: Kind) -> None:
    held = MemoryStore()
    desk = Desk(kind, batch=BATCH, fallback=held)
    for number in range(7):
        desk.recorder.report("ann", f"media {number}", new())
    assert len(held.records(9)) == 1
    desk.recorder.flush()
    assert held.records(9) == []
    assert len(desk.below.records(9)) == 7


def test_what_is_written_before_it_is_in_the_fallback_is_not_left_there() -> None:
    class Late(MemoryStore):
        def save(self, record: ProgressRecord) -> ProgressRecord:
            # As another thread may do it just then.
            recorder.flush()
            return super().save(record)

    held, below = Late(), MemoryStore()
    recorder = Recorder(below, clock=Clock(), batch=BATCH, fallback=held)
    recorder.report("ann", "m", new())
    assert len(below.records(9)) == 1
    assert held.records(9) == []


# Every store


@pytest.fixture(params=["memory", "sqlite", "postgres", "valkey", "sqlalchemy"])
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProgressStore]:
    """Provide a store of each kind."""
    name = request.param
    path, namespace = tmp_path / "progress.db", tmp_path.name
    with ExitStack() as stack:
        if name == "memory":
            yield MemoryStore()
        elif name == "sqlite":
            yield stack.enter_context(SQLiteStore(path, synchronous="normal"))
        elif name == "postgres":
            url = request.getfixturevalue(name).url
            yield stack.enter_context(PostgresStore(url, namespace=namespace))
        elif name == "valkey":
            url = request.getfixturevalue(name).url
            yield stack.enter_context(RedisStore(url, namespace=namespace))
        else:
            engine = create_engine(f"sqlite:///{path}")
            stack.callback(engine.dispose)
            store = SQLAlchemyStore(engine)
            store.create_schema()
            yield store


def test_every_store_takes_batches_whatever_is_stored(real: ProgressStore) -> None:
    clock = Clock()
    one, other = (Recorder(real, clock=clock, batch=BATCH) for _ in range(2))
    other.report("ann", "seen elsewhere", new(90.0, milestone=90))
    one.report("ann", "seen here", new(30.0))
    for worker in (one, other):
        worker.flush()
    clock.now += 10
    one.report("ann", "new", new(10.0))
    one.report("ann", "seen elsewhere", new(20.0))
    # No news, as far as this one knows: that is for the store to say.
    one.report("ann", "seen here", new(30.2))
    clock.now += 10
    one.flush()
    found = real.load_many("ann", ["new", "seen here", "seen elsewhere"])
    told = {media: (one.position, one.milestone, one.revision) for media, one in found.items()}
    assert told == {
        "new": (10.0, 0, 1),
        "seen elsewhere": (20.0, 90, 2),
        "seen here": (30.0, 0, 1),
    }
    assert (one.queued, one.waiting) == (0, 0)
