"""What the recorders make of a report, and what else they do, while the store works."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from milestone_progress import (
    AsyncRecorder,
    Batch,
    ConflictPolicy,
    InvalidValueError,
    ProgressRecord,
    Recorder,
    ResumePolicy,
    ResumeReason,
    SavePolicy,
    SaveStatus,
    StoreError,
    Trigger,
)
from milestone_progress.hooks import Occasion
from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore
from milestone_progress.testing._store_workers import at_once
from recorders import NOW, Clock, Desk, Fault, Kind, OnlyAStore, alike, both, legacy, new

MILESTONES = SavePolicy().milestones
KINDS_OF_STORE = pytest.mark.parametrize("database", ["memory", "sqlite"])


@pytest.fixture
def desk(kind: Kind) -> Desk:
    return Desk(kind)


# Reports


@both
@KINDS_OF_STORE
def test_a_report_is_written(kind: Kind, database: str, tmp_path: Path) -> None:
    store: Any = (
        kind.memory_store(Memory())
        if database == "memory"
        else kind.sqlite_store(tmp_path / "progress.db")
    )
    recorder = kind.recorder(store, clock=Clock())
    result = recorder.report("ann", "m", new(50.0, milestone=50))
    record = ProgressRecord(
        viewer="ann",
        media="m",
        position=50.0,
        duration=100.0,
        milestone=50,
        updated_at=NOW,
        revision=1,
    )
    assert result.record == record == recorder.load("ann", "m")
    assert (result.status, result.written) == (SaveStatus.WRITTEN, True)
    assert result.reached == (10, 25, 50)
    assert (result.next_milestone, result.newly_completed, result.given_up) == (75, False, None)
    assert result.to_dict() == {
        "position": 50.0,
        "duration": 100.0,
        "percent": 50.0,
        "last_milestone": 50,
        "newly_reached": [10, 25, 50],
        "next_milestone": 75,
        "completed": False,
        "generation": 0,
        "written": True,
        "status": "written",
    }
    if database == "sqlite":
        store.close()


@both
def test_the_milestones_told_of_are_those_of_the_policy(kind: Kind) -> None:
    recorder = kind.recorder(MemoryStore(), policy=SavePolicy(milestones=(20, 60, 100)))
    result = recorder.report("ann", "m", legacy(59.0))
    assert (result.reached, result.next_milestone) == ((20,), 60)
    assert recorder.report("ann", "m", legacy(60.0)).reached == (60,)


@both
@pytest.mark.parametrize("moved", [0.0, 0.5, -0.5, 0.999])
def test_a_report_without_news_is_answered_but_not_written(desk: Desk, moved: float) -> None:
    first = desk.recorder.report("ann", "m", new(50.0))
    desk.clock.now += 10
    again = desk.recorder.report("ann", "m", new(50.0 + moved))
    assert (again.status, again.record) == (SaveStatus.NO_NEWS, first.record)
    assert (again.reached, again.newly_completed) == ((), False)
    assert not again.to_dict()["written"]
    assert desk.stored() == first.record


@both
@pytest.mark.parametrize("moved", [1.0, -1.0, 30.0])
def test_who_has_moved_by_a_second_has_news(desk: Desk, moved: float) -> None:
    desk.recorder.report("ann", "m", new(50.0))
    desk.clock.now += 10
    result = desk.recorder.report("ann", "m", new(50.0 + moved))
    assert result.written
    assert result.record is not None
    assert (result.record.position, result.record.updated_at) == (50.0 + moved, NOW + 10)
    assert result.record.furthest == max(50.0, 50.0 + moved)


@both
def test_a_new_milestone_or_the_completion_is_news_wherever_the_viewer_is(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(50.0))
    assert desk.recorder.report("ann", "m", new(50.0, milestone=50)).reached == (10, 25, 50)
    assert desk.recorder.report("ann", "m", new(50.0, force_completion=True)).newly_completed


@both
def test_the_start_is_never_saved(desk: Desk) -> None:
    result = desk.recorder.report("ann", "m", new(0.999, milestone=10))
    assert (result.status, result.record) == (SaveStatus.AT_START, None)
    assert result.to_dict() == {
        "position": 0.0,
        "duration": None,
        "percent": None,
        "last_milestone": 0,
        "newly_reached": [],
        "next_milestone": 10,
        "completed": False,
        "generation": 0,
        "written": False,
        "status": "at_start",
    }
    first = desk.recorder.report("ann", "m", new(50.0))
    assert desk.recorder.report("ann", "m", new(0.0)).record == first.record == desk.stored()


@both
def test_the_start_is_saved_if_it_completes(desk: Desk) -> None:
    result = desk.recorder.report("ann", "m", new(0.0, trigger=Trigger.COMPLETION))
    assert result.written
    assert result.newly_completed
    assert result.reached == MILESTONES


@both
@pytest.mark.parametrize(
    ("trigger", "forced"), [(Trigger.COMPLETION, False), *((one, True) for one in Trigger)]
)
def test_a_completion_completes(desk: Desk, trigger: Trigger, forced: bool) -> None:
    report = new(99.0, trigger=trigger, force_completion=forced, ago=60)
    result = desk.recorder.report("ann", "m", report)
    assert result.newly_completed
    assert result.record is not None
    assert (result.record.milestone, result.record.completed_at) == (100, NOW - 60)
    assert result.next_milestone is None
    assert desk.occasions() == [Occasion.SAVE, Occasion.COMPLETION]
    again = desk.recorder.report("ann", "m", report)
    assert (again.status, again.newly_completed) == (SaveStatus.NO_NEWS, False)


@both
@pytest.mark.parametrize("trigger", [one for one in Trigger if one is not Trigger.COMPLETION])
def test_nothing_else_completes(desk: Desk, trigger: Trigger) -> None:
    result = desk.recorder.report("ann", "m", new(100.0, trigger=trigger, milestone=100))
    assert result.record is not None
    assert (result.record.milestone, result.record.completed) == (100, False)
    assert not result.newly_completed


@both
def test_the_highest_milestone_claimed_is_kept(desk: Desk) -> None:
    for claimed, position, kept, reached in (
        (25, 30.0, 25, (10, 25)),
        (None, 60.0, 25, ()),
        (10, 70.0, 25, ()),
        (80, 75.0, 80, (50, 75)),
        (0, 20.0, 80, ()),
    ):
        desk.clock.now += 10
        result = desk.recorder.report("ann", "m", new(position, milestone=claimed))
        assert result.record is not None
        assert (result.record.milestone, result.reached) == (kept, reached)


@both
def test_a_legacy_report_reaches_the_milestones_of_its_position(desk: Desk) -> None:
    for position, reached in ((9.9, ()), (25.0, (10, 25)), (49.0, ()), (100.0, MILESTONES[2:])):
        assert desk.recorder.report("ann", "m", legacy(position)).reached == reached
    stored = desk.stored()
    assert stored is not None
    assert not stored.completed


@both
def test_a_legacy_report_reaches_none_where_playing_counts(kind: Kind) -> None:
    """It tells of a position, which is not what was played."""
    desk = Desk(kind, policy=SavePolicy(basis="played"))
    result = desk.recorder.report("ann", "m", legacy(60.0))
    assert (result.written, result.reached, result.next_milestone) == (True, (), 10)
    assert desk.recorder.report("ann", "m", new(61.0, milestone=50)).reached == (10, 25, 50)


@both
def test_a_legacy_report_without_a_duration_reaches_none(desk: Desk) -> None:
    result = desk.recorder.report("ann", "m", legacy(90.0, None))
    assert result.written
    assert result.reached == ()
    assert result.to_dict()["percent"] is None


@both
def test_a_position_beyond_the_end_is_the_end(desk: Desk) -> None:
    result = desk.recorder.report("ann", "m", new(100.1))
    assert result.record is not None
    assert (result.record.position, result.record.furthest) == (100.0, 100.0)


@both
def test_a_report_is_as_old_as_it_says_and_older_news_change_no_position(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(50.0, ago=100))
    late = desk.recorder.report("ann", "m", new(90.0, ago=200, milestone=90))
    assert late.reached == MILESTONES[:5]
    assert late.record == ProgressRecord(
        viewer="ann",
        media="m",
        position=50.0,
        duration=100.0,
        milestone=90,
        furthest=90.0,
        updated_at=NOW - 100,
        revision=2,
    )


@both
def test_who_says_to_be_years_old_has_had_their_clock_set_in_between(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(10.0))
    desk.clock.now += 5
    result = desk.recorder.report("ann", "m", new(50.0, ago=57 * 366 * 86_400.0))
    assert result.record is not None
    assert (result.record.position, result.record.updated_at) == (50.0, NOW + 5)
    # That which is old, but may be, is.
    result = desk.recorder.report("ann", "m", new(90.0, ago=300 * 86_400.0))
    assert result.record is not None
    assert (result.record.position, result.record.furthest) == (50.0, 90.0)


@both
def test_who_stays_where_they_are_is_told_as_later_if_they_tell_their_age(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(50.0, ago=100))
    near = desk.recorder.report("ann", "m", new(50.5, ago=99.5))
    assert near.status is SaveStatus.NO_NEWS
    later = desk.recorder.report("ann", "m", new(50.5, ago=99))
    assert later.written


@both
def test_the_conflict_policy_says_where_to_resume(kind: Kind) -> None:
    for conflict, position in ((ConflictPolicy.NEWEST, 20.0), (ConflictPolicy.FURTHEST, 50.0)):
        desk = Desk(kind, conflict=conflict)
        desk.recorder.report("ann", "m", new(50.0))
        desk.clock.now += 10
        result = desk.recorder.report("ann", "m", new(20.0))
        assert result.record is not None
        assert result.record.position == position


# Generations


@both
def test_a_report_of_an_earlier_generation_is_superseded(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(50.0, generation=0))
    desk.recorder.reset("ann", "m")
    desk.clock.now += 10
    begun = desk.recorder.report("ann", "m", new(5.0, generation=1))
    assert begun.written
    assert begun.to_dict()["generation"] == 1
    desk.clock.now += 10
    late = desk.recorder.report("ann", "m", new(90.0, milestone=90, generation=0))
    assert (late.status, late.record, late.reached) == (SaveStatus.SUPERSEDED, begun.record, ())


@both
def test_a_generation_that_is_yet_to_come_is_not_believed(desk: Desk) -> None:
    first = desk.recorder.report("ann", "m", new(50.0, generation=7))
    assert first.to_dict()["generation"] == 0
    desk.clock.now += 10
    second = desk.recorder.report("ann", "m", new(60.0, generation=10**12))
    assert second.written
    assert second.record is not None
    assert (second.record.generation, second.record.furthest) == (0, 60.0)


@both
def test_after_a_reset_an_older_report_brings_nothing_back(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(50.0, milestone=50))
    desk.clock.now += 100
    desk.recorder.reset("ann", "m")
    reset = desk.stored()
    for report in (new(90.0, ago=100, milestone=90), new(90.0, ago=1, force_completion=True)):
        result = desk.recorder.report("ann", "m", report)
        assert (result.status, result.record) == (SaveStatus.SUPERSEDED, reset)
    desk.clock.now += 1
    assert desk.recorder.report("ann", "m", new(5.0, ago=0)).written


@both
def test_a_player_that_does_not_tell_its_generation_goes_on_after_a_reset(desk: Desk) -> None:
    desk.recorder.report("ann", "m", legacy(50.0))
    desk.recorder.reset("ann", "m")
    desk.clock.now += 30
    result = desk.recorder.report("ann", "m", legacy(30.0))
    assert result.record is not None
    assert (result.record.generation, result.record.position) == (1, 30.0)
    assert result.reached == (10, 25)


# Who tells of what


@both
def test_what_two_workers_report_is_told_of_once(desk: Desk) -> None:
    other = desk.another()
    assert desk.recorder.report("ann", "m", new(50.0, milestone=25)).reached == (10, 25)
    assert other.report("ann", "m", new(50.0, milestone=50)).reached == (50,)
    assert desk.recorder.report("ann", "m", new(50.0, milestone=50)).reached == ()


def test_of_many_threads_each_milestone_and_the_completion_are_told_to_one() -> None:
    memory = Memory()
    workers = [Recorder(MemoryStore(memory), clock=Clock()) for _ in range(4)]
    for media in map(str, range(10)):

        def act(thread: int, media: str = media) -> list[Any]:
            recorder = workers[thread % 4]
            claims = [*MILESTONES[thread % 3 :: 2], 100]
            return [
                recorder.report(
                    "ann", media, new(50.0 + thread, milestone=claim, force_completion=claim == 100)
                )
                for claim in claims
            ]

        results = [result for found in at_once(8, act) for result in found]
        assert sorted(one for result in results for one in result.reached) == [*MILESTONES]
        assert sum(result.newly_completed for result in results) == 1


def test_of_many_tasks_each_milestone_and_the_completion_are_told_to_one() -> None:
    async def act() -> None:
        from recorders import AwaitedFallback  # noqa: PLC0415  # beside its only use

        store = AwaitedFallback(MemoryStore())
        workers = [AsyncRecorder(store, clock=Clock()) for _ in range(3)]
        results = await asyncio.gather(
            *(
                workers[index % 3].report(
                    "ann", "m", new(50.0 + index, milestone=claim, force_completion=claim == 100)
                )
                for index, claim in enumerate([*MILESTONES] * 3)
            )
        )
        assert sorted(one for result in results for one in result.reached) == [*MILESTONES]
        assert sum(result.newly_completed for result in results) == 1

    asyncio.run(act())


@both
def test_hooks_are_told_of_saves_and_of_lost_races(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(50.0, milestone=10))
    raced = desk.below.save

    def outrun(record: ProgressRecord) -> ProgressRecord:
        desk.below.save = raced  # type: ignore[method-assign]  # once only
        theirs = desk.stored()
        assert theirs is not None
        raced(evolve(theirs, milestone=25))
        return raced(record)

    desk.below.save = outrun  # type: ignore[method-assign]  # somebody else is faster
    desk.clock.now += 10
    result = desk.recorder.report("ann", "m", new(60.0, milestone=50, trigger=Trigger.MILESTONE))
    assert result.reached == (50,)
    saved, conflict, again = desk.told
    assert (saved.occasion, saved.reached, saved.trigger) == (Occasion.SAVE, (10,), Trigger.PAUSE)
    assert (conflict.occasion, conflict.record) == (Occasion.CONFLICT, None)
    assert (again.occasion, again.record) == (Occasion.SAVE, result.record)
    for details in (conflict, again):
        assert (details.viewer, details.media) == ("ann", "m")
        assert (details.at, details.trigger) == (NOW + 10, Trigger.MILESTONE)


# Completing


@both
def test_who_marks_what_was_never_watched_as_complete_has_completed_it(desk: Desk) -> None:
    result = desk.recorder.complete("ann", "m")
    assert result.newly_completed
    assert result.reached == MILESTONES
    assert result.record == desk.stored()
    assert alike(result.record) == ProgressRecord(
        viewer="ann",
        media="m",
        position=0,
        milestone=100,
        completed=True,
        completed_at=NOW,
        updated_at=NOW,
    )
    assert desk.occasions() == [Occasion.SAVE, Occasion.COMPLETION]


@both
def test_who_completes_keeps_their_place_and_twice_is_once(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(60.0, milestone=50))
    desk.clock.now += 10
    result = desk.recorder.complete("ann", "m")
    assert result.reached == (75, 90, 95, 100)
    assert result.record is not None
    assert (result.record.position, result.record.completed_at) == (60.0, NOW + 10)
    assert result.record.finished
    desk.clock.now += 10
    again = desk.recorder.complete("ann", "m")
    assert (again.status, again.record) == (SaveStatus.NO_NEWS, result.record)
    assert (again.reached, again.newly_completed) == ((), False)


@both
def test_who_completes_what_they_watch_once_more_has_finished_it(desk: Desk) -> None:
    desk.recorder.complete("ann", "m")
    desk.clock.now += 10
    desk.recorder.report("ann", "m", new(30.0))
    assert [record.media for record in desk.recorder.recent("ann")] == ["m"]
    desk.clock.now += 10
    result = desk.recorder.complete("ann", "m")
    assert (result.status, result.newly_completed) == (SaveStatus.WRITTEN, False)
    assert result.record is not None
    assert result.record.finished
    assert (result.record.position, result.record.completed_at) == (30.0, NOW + 20)
    assert desk.recorder.recent("ann") == []
    assert desk.recorder.complete("ann", "m").status is SaveStatus.NO_NEWS


@both
def test_a_completion_is_never_older_than_what_it_completes(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(60.0))
    desk.clock.now -= 3600
    result = desk.recorder.complete("ann", "m")
    assert result.record is not None
    assert result.record.finished
    assert (result.record.updated_at, result.record.completed_at) == (NOW, NOW)


# Starting over


@both
def test_a_reset_forgets_all_but_the_length_and_begins_a_generation(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(60.0, force_completion=True))
    desk.clock.now += 10
    assert alike(desk.recorder.reset("ann", "m")) == ProgressRecord(
        viewer="ann", media="m", position=0, duration=100.0, updated_at=NOW + 10, generation=1
    )
    assert desk.recorder.reset("ann", "other") is None
    assert desk.stored("other") is None


@both
def test_a_reset_is_never_older_than_what_it_forgets(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(60.0))
    desk.clock.now -= 3600
    reset = desk.recorder.reset("ann", "m")
    assert reset is not None
    assert reset.updated_at == NOW


# Deleting


@both
def test_a_deleted_viewer_is_forgotten_and_nobody_else(desk: Desk) -> None:
    for viewer in ("ann", "bob"):
        for media in ("m", "n"):
            desk.recorder.report(viewer, media, new())
    assert desk.recorder.delete_viewer("ann") == 2
    assert desk.recorder.recent("ann") == []
    assert len(desk.recorder.recent("bob")) == 2
    assert desk.recorder.delete_viewer("ann") == 0


@both
def test_a_store_that_cannot_delete_or_export_says_so(kind: Kind) -> None:
    recorder = kind.recorder(OnlyAStore(), clock=Clock())
    assert recorder.report("ann", "m", new()).written
    with pytest.raises(StoreError, match="cannot delete a viewer"):
        recorder.delete_viewer("ann")
    with pytest.raises(StoreError, match="cannot export a viewer"):
        recorder.export_viewer("ann")
    assert recorder.load("ann", "m") is not None
    assert set(recorder.load_many("ann", ["m"])) == {"m"}
    assert [record.media for record in recorder.recent("ann")] == ["m"]


# Reading


@both
def test_what_is_stored_is_read(desk: Desk) -> None:
    for seconds, media in enumerate("abc"):
        desk.clock.now = NOW + seconds
        desk.recorder.report("ann", media, new(force_completion=media == "b"))
    stored = {media: desk.stored(media) for media in "abc"}
    assert desk.recorder.load("ann", "a") == stored["a"]
    assert desk.recorder.load("ann", "d") is None
    assert desk.recorder.load_many("ann", iter("abd")) == {m: stored[m] for m in "ab"}
    assert [record.media for record in desk.recorder.recent("ann")] == ["c", "a"]
    finished_too = desk.recorder.recent("ann", 2, include_completed=True)
    assert [record.media for record in finished_too] == ["c", "b"]


@both
def test_the_choice_to_resume_is_that_of_the_policy(kind: Kind) -> None:
    desk = Desk(kind, resume=ResumePolicy(rewind=((60, 3),)))
    none = desk.recorder.resume_choice("ann", "m")
    assert (none.reason, none.position) == (ResumeReason.NO_RECORD, 0.0)
    desk.recorder.report("ann", "m", new(50.0, milestone=50))
    desk.clock.now += 60
    assert desk.recorder.resume_choice("ann", "m").position == 47.0
    assert desk.recorder.resume_choice("ann", "m", policy=ResumePolicy()).position == 50.0
    shorter = desk.recorder.resume_choice("ann", "m", duration=55.0)
    assert (shorter.reason, shorter.last_milestone) == (ResumeReason.NEAR_END, 50)
    labels = [option.label for option in Desk(kind).recorder.resume_choice("ann", "m").options]
    assert labels == ["Start from the beginning"]


@both
def test_a_page_learns_all_it_needs_by_asking_the_store_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.recorder.report("ann", "m", new(50.0))
    desk.recorder.reset("ann", "m")
    desk.recorder.report("ann", "m", new(60.0, generation=1))
    stored = desk.stored()
    loads: list[str] = []
    load = desk.store.load

    def counted(viewer: str, media: str) -> ProgressRecord | None:
        loads.append(media)
        return load(viewer, media)

    monkeypatch.setattr(desk.store, "load", counted)
    choice = desk.recorder.resume_choice("ann", "m")
    assert (choice.generation, choice.record, choice.position) == (1, stored, 60.0)
    assert choice.to_dict()["generation"] == 1
    assert loads == ["m"]
    none = desk.recorder.resume_choice("ann", "never watched")
    assert (none.generation, none.record) == (0, None)


@both
@pytest.mark.parametrize("batched", [False, True])
def test_all_that_is_known_of_a_viewer_is_exported_stored_or_not(kind: Kind, batched: bool) -> None:
    desk = Desk(kind, batch=Batch(max_age=3600.0, max_count=9) if batched else None)
    recorder = desk.recorder
    for media in ("b", "m"):
        recorder.report("ann", media, new(30.0, force_completion=True))
    recorder.report("bob", "a", new())
    recorder.flush()
    if not batched:
        desk.store.plan = iter([Fault.BEFORE] * 9)
    desk.clock.now += 10
    for media in ("m", "a"):
        recorder.report("ann", media, new(60.0))
    assert (recorder.waiting, recorder.queued) == ((0, 2) if batched else (2, 0))
    exported = recorder.export_viewer("ann")
    assert [(one.media, one.position, one.completed) for one in exported] == [
        ("a", 60.0, False),
        ("b", 30.0, True),
        ("m", 60.0, True),
    ]
    assert exported == [recorder.load("ann", media) for media in "abm"]
    assert recorder.export_viewer("nobody") == []
    desk.goes_down()
    with pytest.raises(StoreError, match="down"):
        recorder.export_viewer("ann")


# What is refused


@both
@pytest.mark.parametrize("wrong", ["", "a\nb", "x" * 201, "\ud800", 5, None, b"ann", ["ann"]])
def test_what_is_no_identifier_is_refused_and_nothing_is_done(desk: Desk, wrong: Any) -> None:
    recorder = desk.recorder
    for act in (
        lambda: recorder.report(wrong, "m", new()),
        lambda: recorder.report("ann", wrong, new()),
        lambda: recorder.load(wrong, "m"),
        lambda: recorder.load("ann", wrong),
        lambda: recorder.load_many(wrong, ["m"]),
        lambda: recorder.load_many("ann", ["m", wrong]),
        lambda: recorder.recent(wrong),
        lambda: recorder.resume_choice(wrong, "m"),
        lambda: recorder.complete(wrong, "m"),
        lambda: recorder.complete("ann", wrong),
        lambda: recorder.reset(wrong, "m"),
        lambda: recorder.reset("ann", wrong),
        lambda: recorder.delete_viewer(wrong),
        lambda: recorder.export_viewer(wrong),
    ):
        with pytest.raises(InvalidValueError):
            act()
    assert desk.below.records(9) == []
    assert desk.told == []
    assert recorder.waiting == 0


@both
def test_a_single_media_is_no_list_of_medias(desk: Desk) -> None:
    with pytest.raises(InvalidValueError):
        desk.recorder.load_many("ann", "media")


@both
@pytest.mark.parametrize("limit", [-1, 0.5, True, None, "5"])
def test_what_is_no_limit_of_the_backlog_is_refused(kind: Kind, limit: Any) -> None:
    with pytest.raises(InvalidValueError, match="backlog_limit"):
        kind.recorder(MemoryStore(), backlog_limit=limit)


@both
def test_a_clock_that_tells_no_time_is_refused(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new())
    stored = desk.stored()
    desk.clock.now = float("nan")
    for act in (
        lambda: desk.recorder.report("ann", "m", new()),
        lambda: desk.recorder.complete("ann", "m"),
        lambda: desk.recorder.load("ann", "m"),
        lambda: desk.recorder.load_many("ann", ["m"]),
        lambda: desk.recorder.resume_choice("ann", "m"),
        lambda: desk.recorder.export_viewer("ann"),
    ):
        with pytest.raises(InvalidValueError, match="clock"):
            act()
    assert desk.stored() == stored
    with pytest.raises(InvalidValueError, match="now"):
        desk.recorder.tick(float("inf"))


# At the end


def test_a_recorder_is_closed_when_its_context_ends() -> None:
    with Recorder(MemoryStore(), clock=Clock()) as recorder:
        assert recorder.report("ann", "m", new()).written
    assert recorder.close() == ()


def test_an_asyncio_recorder_is_closed_when_its_context_ends() -> None:
    async def act() -> tuple[ProgressRecord, ...]:
        async with AsyncRecorder(AsyncMemoryStore(), clock=Clock()) as recorder:
            assert (await recorder.report("ann", "m", new())).written
        return await recorder.close()

    assert asyncio.run(act()) == ()
