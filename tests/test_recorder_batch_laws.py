"""Laws of write-behind: order, batches, stores that fail, and workers that are killed."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    BacklogFull,
    Batch,
    ConflictPolicy,
    ProgressRecord,
    Report,
    SaveStatus,
    Trigger,
)
from milestone_progress._additions import Addition
from milestone_progress._backlog import Backlog
from milestone_progress._batch import Known
from milestone_progress.hooks import Details, Occasion
from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore
from recorder_worker import MAX_AGE, Worker
from recorders import (
    NOW,
    Clock,
    Desk,
    Fault,
    Kind,
    alike,
    both,
    new,
)
from test_recorder_crashes import drained, is_covered, kill
from test_recorder_laws import expected_record, reports_with_age

BATCH = Batch(max_age=5.0, max_count=3)


# What the pure parts promise


def addition(viewer: str = "ann", *, milestone: float = 0) -> Addition:
    record = ProgressRecord(
        viewer=viewer, media="m", position=50.0, milestone=milestone, updated_at=NOW
    )
    return Addition(record=record, tells_age=True, trigger=Trigger.PAUSE)


def backlog(limit: int = 9, when_full: BacklogFull = BacklogFull.REFUSE) -> Backlog:
    return Backlog(limit, when_full, ConflictPolicy.NEWEST, lambda: 0.0)


def test_what_comes_in_while_a_batch_is_written_is_queued_anew() -> None:
    kept = backlog()
    kept.queue(addition(), 5.0)
    kept.queue(addition("bob"), 6.0)
    taken = kept.take()
    assert [one.key[0] for one in taken] == ["ann", "bob"]
    assert (kept.queued, kept.unfailed, kept.save_by) == (0, 2, None)
    kept.queue(addition(milestone=50), 9.0)
    assert (kept.queued, kept.unfailed) == (1, 2)
    for one in taken:
        kept.saved(one)
    kept.give_back(taken)
    assert (kept.queued, kept.unfailed, len(kept), kept.save_by) == (1, 1, 1, 9.0)
    [again] = kept.take()
    assert again.record.milestone == 50


def test_what_only_some_of_what_is_queued_goes_on_with_need_not_be_stored() -> None:
    kept = backlog()
    kept.queue(evolve(addition(), reported=True), 5.0)
    kept.queue(evolve(addition(milestone=50), continues=True), 5.0)
    [taken] = kept.take()
    assert (taken.reported, taken.continues) == (False, False)


def test_what_was_taken_in_vain_is_due_when_it_was() -> None:
    kept = backlog()
    kept.queue(addition(), 5.0)
    taken = kept.take()
    kept.queue(addition("bob"), 6.0)
    kept.give_back(taken)
    assert (kept.queued, kept.save_by, kept.next_time) == (2, 5.0, 5.0)
    # What is queued is not tried alone.
    assert kept.due(1e9, 9) == []


def test_what_was_taken_and_failed_is_tried_alone_from_then_on() -> None:
    kept = backlog()
    kept.queue(addition(), 5.0)
    [taken] = kept.take()
    kept.failed(taken, 5.0)
    kept.give_back([taken])
    assert (kept.queued, kept.unfailed, len(kept)) == (0, 0, 1)
    assert kept.queue(addition(milestone=50), 9.0) is None
    assert kept.due(6.0, 9) == [taken]


def test_what_is_given_up_for_another_one_is_in_no_batch() -> None:
    kept = backlog(limit=1, when_full=BacklogFull.GIVE_UP_OLDEST)
    kept.queue(addition(), 5.0)
    assert kept.queue(addition("bob"), 5.0) is None
    _, given_up = kept.keep(addition("bob"), 0.0)
    assert given_up == addition()
    assert (kept.take(), kept.unfailed) == ([], 0)


def test_what_was_asked_for_least_recently_is_forgotten_first() -> None:
    known = Known(limit=2)
    record = addition().record
    known.put(("ann", "m"), record)
    known.put(("bob", "m"), None)
    known.put(("ann", "m"), record)
    known.put(("cleo", "m"), None)
    assert known.get(("ann", "m")) == record
    assert [known.is_nothing((viewer, "m")) for viewer in ("ann", "bob", "cleo")] == [
        False,
        False,
        True,
    ]
    known.forget("ann")
    assert known.get(("ann", "m")) is None
    assert not known.is_nothing(("ann", "m"))


# Laws


@both
@given(
    reports=st.lists(reports_with_age(hostile=True), min_size=1, max_size=8),
    conflict=st.sampled_from(ConflictPolicy),
    data=st.data(),
)
def test_in_whatever_order_and_batches_reports_end_in_the_same_record(
    kind: Kind, reports: list[Report], conflict: ConflictPolicy, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(reports), max_size=4))
    deliveries = data.draw(st.permutations([*reports, *again]))
    store: MemoryStore | AsyncMemoryStore = kind.memory_store(Memory())
    told: list[Details] = []
    clock = Clock()
    options: dict[str, Any] = {"clock": clock, "conflict": conflict, "hooks": [told.append]}
    workers = [
        kind.recorder(store, batch=Batch(max_count=data.draw(st.integers(1, 3))), **options)
        for _ in range(2)
    ]
    for report in deliveries:
        worker = data.draw(st.sampled_from(workers))
        worker.report("ann", "m", report)
        if data.draw(st.booleans()):
            data.draw(st.sampled_from(workers)).flush()
    for worker in workers:
        worker.flush()
        assert worker.queued == 0
    arrived = [(NOW, report) for report in reports]
    expected = expected_record("ann", "m", arrived, conflict)
    record = workers[0].load("ann", "m")
    assert alike(record) == expected
    saves = [one for one in told if one.occasion is Occasion.SAVE]
    assert len(saves) == (0 if record is None else record.revision)
    reached = Counter(milestone for one in saves for milestone in one.reached)
    assert set(reached.values()) <= {1}


@both
@given(
    plan=st.lists(st.sampled_from([Fault.NONE, *Fault]), max_size=12),
    steps=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 99)), max_size=20),
)
def test_nothing_that_was_taken_is_lost_however_the_store_fails(
    kind: Kind, plan: list[Fault], steps: list[tuple[str, int]]
) -> None:
    desk = Desk(kind, batch=BATCH)
    desk.store.plan = iter(plan)
    newest: dict[str, int] = {}
    furthest: dict[str, int] = {}
    for media, position in steps:
        desk.clock.now += 2
        result = desk.recorder.report("ann", media, new(float(position)))
        assert result.status is not SaveStatus.REFUSED
        newest[media] = position
        furthest[media] = max(position, furthest.get(media, 0))
    desk.recorder.flush()
    desk.drain()
    found = {one.media: one for one in desk.below.records(9)}
    assert {media: one.furthest for media, one in found.items()} == furthest
    assert all(abs(one.position - newest[media]) < 1 for media, one in found.items())


# Killed


def kill_alone(folder: Path, kills: int, seed: str) -> Counter[str]:
    """Kill workers that have no fallback; return what became of what they took."""
    chance = random.Random(seed)
    figures: Counter[str] = Counter()
    for number in range(kills):
        kind = chance.choice(("sync", "async"))
        place = folder / str(number)
        place.mkdir()
        worker = Worker(place, str(chance.random()), NOW, f"{kind} batch alone")
        told = worker.die_after(chance.randint(1, 60))
        end = max(report.at for report in told)
        # Of three tasks at once the clock may be two seconds ahead. It goes on by three until it
        # is looked at again, and all three may be answered before the batch is written.
        window = MAX_AGE if kind == "sync" else MAX_AGE + 5
        stored = drained(place)
        for report in told:
            lost = not is_covered(stored.get((report.viewer, report.media)), report)
            late = end - report.at >= window
            figures["lost late" if lost and late else "lost" if lost else "saved"] += 1
    return figures


def test_a_kill_loses_nothing_that_was_queued_where_there_is_a_fallback(tmp_path: Path) -> None:
    figures = kill(tmp_path, 6, "a seed", ("sync batch", "async batch"))
    assert (figures["kills"], figures["lost"]) == (6, 0)
    assert figures["queued"] > 20


def test_a_kill_loses_the_last_seconds_only_where_there_is_none(tmp_path: Path) -> None:
    figures = kill_alone(tmp_path, 4, "a seed")
    assert figures["lost late"] == 0
    assert figures["saved"] > 10


@pytest.mark.slow
def test_however_many_kills_lose_nothing_that_was_queued_where_there_is_a_fallback(
    tmp_path: Path,
) -> None:
    figures = kill(tmp_path, 100, "another seed", ("sync batch", "async batch"))
    assert (figures["kills"], figures["lost"]) == (100, 0)
    assert figures["queued"] > 500


@pytest.mark.slow
def test_however_many_kills_lose_the_last_seconds_only_where_there_is_none(tmp_path: Path) -> None:
    figures = kill_alone(tmp_path, 100, "another seed")
    assert figures["lost late"] == 0
    assert figures["saved"] > 1_000
    # They do lose something: the test would see it.
    assert figures["lost"] > 0
