"""What could not be saved outlives the process, and a kill, where there is a fallback."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from attrs import evolve

from milestone_progress import (
    BacklogFull,
    InvalidValueError,
    ProgressRecord,
    Recorder,
    SaveStatus,
    StoreError,
)
from milestone_progress.hooks import Occasion
from milestone_progress.stores import save_merged
from milestone_progress.stores.memory import MemoryStore
from milestone_progress.stores.sqlite import SQLiteStore
from recorder_worker import Acknowledged, Worker
from recorders import LONG, NOW, Clock, Desk, Failing, Fault, Kind, both, new


@pytest.fixture
def held(kind: Kind, tmp_path: Path) -> Iterator[SQLiteStore]:
    """Provide what the fallback's file is looked into by."""
    with closing(SQLiteStore(tmp_path / "fallback.db", synchronous="normal")) as store:
        yield store


@pytest.fixture
def fallback(kind: Kind, tmp_path: Path, held: SQLiteStore) -> Iterator[SQLiteStore]:
    with closing(kind.sqlite_store(tmp_path / "fallback.db")) as store:
        yield store


@both
def test_what_could_not_be_saved_is_saved_by_the_next_process(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore
) -> None:
    desk = Desk(kind, fallback=fallback)
    desk.goes_down()
    desk.recorder.report("ann", "m", new(50.0, milestone=50))
    desk.recorder.report("ann", "m", new(20.0, ago=-1))
    desk.recorder.report("bob", "m", new(70.0))
    [ann, bob] = held.records(9)
    assert (ann.viewer, ann.milestone, ann.furthest) == ("ann", 50, 50.0)
    assert bob.position == 70.0
    desk.comes_back()
    after = desk.another(fallback=fallback)
    assert after.waiting == 0
    after.tick()
    assert after.waiting == 2
    desk.clock.now += 1
    after.tick()
    assert after.waiting == 0
    assert held.records(9) == []
    stored = desk.stored()
    assert stored is not None
    assert stored == evolve(ann, generation=0, revision=1)
    # The one that had it in memory finds nothing new in it.
    desk.drain()
    assert desk.stored() == stored
    assert held.records(9) == []


@both
def test_the_end_saves_what_an_earlier_process_could_not(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore
) -> None:
    desk = Desk(kind, fallback=fallback)
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    desk.comes_back()
    assert desk.another(fallback=fallback).close() == ()
    assert desk.stored() is not None
    assert held.records(9) == []


@both
def test_what_is_saved_is_no_longer_held(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore
) -> None:
    desk = Desk(kind, fallback=fallback)
    desk.goes_down()
    for media in ("by a retry", "by the next report", "by completing", "by starting over"):
        desk.recorder.report("ann", media, new())
    desk.recorder.report("bob", "by deleting", new())
    desk.comes_back()
    left = {record.media for record in held.records(9)}
    assert len(left) == 5
    desk.clock.now += 0.1
    desk.recorder.report("ann", "by the next report", new(60.0))
    desk.recorder.complete("ann", "by completing")
    desk.recorder.reset("ann", "by starting over")
    desk.recorder.delete_viewer("bob")
    assert {record.media for record in held.records(9)} == {"by a retry"}
    desk.drain()
    assert held.records(9) == []
    assert desk.stored("by starting over") is None
    assert desk.stored("by deleting", "bob") is None


@both
def test_what_is_refused_or_given_up_is_not_held(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore
) -> None:
    for full, medias in ((BacklogFull.REFUSE, ["a"]), (BacklogFull.GIVE_UP_OLDEST, ["c"])):
        desk = Desk(kind, fallback=fallback, backlog_limit=1, backlog_full=full)
        desk.goes_down()
        for media in "abc":
            desk.recorder.report("ann", media, new())
        assert [record.media for record in held.records(9)] == medias
        desk.drain()
        assert held.records(9) == []


@both
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_more_than_there_is_room_for_is_saved_in_the_end(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore, limit: int
) -> None:
    desk = Desk(kind, fallback=fallback)
    desk.goes_down()
    for number in range(7):
        desk.recorder.report("ann", f"media {number}", new())
    desk.comes_back()
    after = desk.another(fallback=fallback, backlog_limit=limit)
    for _ in range(20):
        desk.clock.now += LONG
        after.tick()
        assert after.waiting <= limit
    assert len(desk.below.records(99)) == 7
    assert held.records(99) == []


@both
def test_a_fallback_needs_room_in_the_backlog_and_a_database_of_its_own(
    kind: Kind, fallback: SQLiteStore
) -> None:
    with pytest.raises(InvalidValueError, match="fallback"):
        Desk(kind, fallback=fallback, backlog_limit=0)
    store = MemoryStore()
    with pytest.raises(InvalidValueError, match="fallback"):
        Recorder(store, fallback=store)


@both
def test_a_fallback_that_is_the_store_after_all_deletes_nothing(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore
) -> None:
    """Two stores of one database, by a mistake in a setting."""
    for media in ("m", "n"):
        save_merged(held, ProgressRecord(viewer="ann", media=media, position=9.0, updated_at=NOW))
    before = held.records(9)
    desk = Desk(kind, fallback=fallback)
    desk.goes_down()
    assert desk.recorder.report("ann", "m", new(50.0)).status is SaveStatus.KEPT
    desk.drain()
    desk.recorder.reset("ann", "n")
    for _ in range(3):
        desk.clock.now += LONG
        desk.recorder.tick()
    assert held.records(9) == before


@both
def test_a_reset_reaches_what_an_earlier_process_has_left(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore
) -> None:
    desk = Desk(kind, fallback=fallback)
    desk.recorder.report("ann", "m", new(10.0))
    desk.goes_down()
    desk.clock.now += 1
    desk.recorder.report("ann", "m", new(90.0, milestone=90))
    desk.comes_back()
    after = desk.another(fallback=fallback)
    desk.clock.now += 1
    after.reset("ann", "m")
    desk.clock.now += 1
    after.report("ann", "m", new(20.0))
    desk.drain(after)
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.milestone, stored.furthest) == (20.0, 0, 20.0)
    assert held.records(9) == []


@both
def test_what_waits_for_a_new_process_is_read_as_if_it_was_stored(
    kind: Kind, fallback: SQLiteStore
) -> None:
    desk = Desk(kind, fallback=fallback)
    desk.goes_down()
    desk.recorder.report("ann", "m", new(50.0))
    desk.comes_back()
    record = desk.another(fallback=fallback).load("ann", "m")
    assert record is not None
    assert record.position == 50.0


@both
def test_what_a_fallback_could_not_take_is_put_there_later(kind: Kind) -> None:
    held = MemoryStore()
    broken = Failing(held)
    broken.fault = Fault.BEFORE
    desk = Desk(kind, fallback=broken)
    desk.goes_down()
    assert desk.recorder.report("ann", "m", new(50.0)).status is SaveStatus.KEPT
    assert held.records(9) == []
    broken.fault = Fault.NONE
    desk.clock.now += LONG
    desk.recorder.tick()
    assert [record.position for record in held.records(9)] == [50.0]


@both
def test_a_fallback_is_drained_whatever_waits_besides(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore
) -> None:
    desk = Desk(kind, fallback=fallback)
    desk.goes_down()
    desk.recorder.report("ann", "m", new(90.0, milestone=90))
    desk.recorder.report("ann", "n", new(90.0))
    # A new process, before it has looked into the fallback.
    after = desk.another(fallback=fallback)
    desk.clock.now += 10
    after.report("ann", "m", new(30.0))
    desk.drain(after)
    desk.clock.now += LONG
    desk.drain(after)
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.milestone) == (30.0, 90)
    assert desk.stored("n") is not None
    assert held.records(9) == []


@both
def test_processes_that_share_a_fallback_lose_nothing_and_leave_nothing(
    kind: Kind, fallback: SQLiteStore, held: SQLiteStore
) -> None:
    desk = Desk(kind, fallback=fallback)
    other = desk.another(fallback=fallback)
    desk.recorder.tick()
    other.tick()
    desk.goes_down()
    desk.recorder.report("ann", "m", new(90.0, milestone=90))
    desk.clock.now += 10
    other.report("ann", "m", new(30.0))
    [together] = held.records(9)
    assert (together.position, together.milestone) == (30.0, 90)
    desk.comes_back()
    for _ in range(3):
        desk.clock.now += LONG
        for recorder in (desk.recorder, other):
            recorder.tick()
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.milestone, stored.furthest) == (30.0, 90, 90.0)
    assert desk.recorder.waiting == other.waiting == 0
    assert held.records(9) == []


@both
def test_a_fallback_that_fails_fails_no_request(kind: Kind) -> None:
    below = MemoryStore()
    fallback = Failing(below)
    desk = Desk(kind, fallback=fallback)
    fallback.fault = Fault.BEFORE
    assert desk.recorder.report("ann", "n", new()).written
    desk.goes_down()
    desk.told.clear()
    assert desk.recorder.report("ann", "m", new()).status is SaveStatus.KEPT
    assert desk.occasions() == [Occasion.FAILURE] * 2
    assert below.records(9) == []
    desk.drain()
    assert desk.stored() is not None
    with pytest.raises(StoreError, match="down"):
        desk.recorder.delete_viewer("ann")


@both
def test_what_could_not_be_taken_out_of_the_fallback_is_taken_out_later(kind: Kind) -> None:
    below = MemoryStore()
    fallback = Failing(below)
    desk = Desk(kind, fallback=fallback)
    desk.recorder.tick()
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    fallback.fault = Fault.BEFORE
    desk.drain()
    stored = desk.stored()
    assert stored is not None
    assert len(below.records(9)) == 1
    fallback.fault = Fault.NONE
    for _ in range(2):
        desk.clock.now += LONG
        desk.recorder.tick()
    assert below.records(9) == []
    assert desk.stored() == stored


@both
def test_a_fallback_that_cannot_be_looked_into_is_looked_into_later(kind: Kind) -> None:
    below = MemoryStore()
    fallback = Failing(below)
    desk = Desk(kind, fallback=fallback)
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    desk.comes_back()
    after = desk.another(fallback=fallback)
    fallback.fault = Fault.BEFORE
    desk.told.clear()
    after.tick()
    [failure] = desk.told
    assert (failure.occasion, failure.viewer, failure.media) == (Occasion.FAILURE, "", "")
    fallback.fault = Fault.NONE
    after.tick()
    desk.drain(after)
    assert desk.stored() is not None
    assert below.records(9) == []


# Killed


def drained(folder: Path) -> dict[tuple[str, str], ProgressRecord]:
    """Let a process save what the dead could not; return what is stored then."""
    clock = Clock(2 * NOW)
    with (
        SQLiteStore(folder / "main.db", synchronous="normal") as main,
        SQLiteStore(folder / "fallback.db", synchronous="normal") as fallback,
    ):
        recorder = Recorder(main, fallback=fallback, clock=clock)
        for _ in range(3):
            recorder.tick()
            clock.now += LONG
        assert recorder.waiting == 0
        assert fallback.records(99) == []
        return {(one.viewer, one.media): one for one in main.records(99)}


def is_covered(record: ProgressRecord | None, report: Acknowledged) -> bool:
    return (
        record is not None
        and record.furthest >= report.position
        and record.milestone >= report.milestone
        and record.updated_at >= report.at
        # Each is decided at another second: the newest position is that of the newest report.
        and (record.updated_at > report.at or record.position == report.position)
    )


def kill(
    folder: Path, kills: int, seed: str, kinds: Sequence[str] = ("sync", "async")
) -> Counter[str]:
    """Kill workers, three one after the other on the same files; return what became of it all."""
    chance = random.Random(seed)
    starts = count(NOW, 1e6)
    figures: Counter[str] = Counter()
    while figures["kills"] < kills:
        told: list[Acknowledged] = []
        place = folder / str(figures["kills"])
        place.mkdir()
        for _ in range(min(3, kills - figures["kills"])):
            worker = Worker(place, str(chance.random()), next(starts), chance.choice(kinds))
            told += worker.die_after(chance.randint(1, 60))
            figures["kills"] += 1
        stored = drained(place)
        for report in told:
            figures[report.status] += 1
            figures["lost"] += not is_covered(stored.get((report.viewer, report.media)), report)
    return figures


def test_nothing_that_was_taken_is_lost_when_workers_are_killed(tmp_path: Path) -> None:
    figures = kill(tmp_path, 6, "a seed")
    assert (figures["kills"], figures["lost"]) == (6, 0)
    assert figures["kept"] > 50
    assert figures["written"] > 10


@pytest.mark.slow
def test_nothing_that_was_taken_is_lost_however_many_are_killed(tmp_path: Path) -> None:
    figures = kill(tmp_path, 200, "another seed")
    assert (figures["kills"], figures["lost"]) == (200, 0)
    assert figures["kept"] > 2_000
    assert figures["written"] > 500


def test_two_processes_share_a_fallback_and_lose_nothing_when_killed(tmp_path: Path) -> None:
    workers = [
        Worker(tmp_path, str(number), NOW + 1e6 * number, kind)
        for number, kind in enumerate(("sync", "async"))
    ]
    told = [report for worker in workers for report in worker.die_after(50)]
    stored = drained(tmp_path)
    assert len(told) >= 100
    lost = [
        report
        for report in told
        if not is_covered(stored.get((report.viewer, report.media)), report)
    ]
    assert lost == []
