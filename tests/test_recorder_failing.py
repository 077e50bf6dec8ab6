"""The recorders on a store that fails: what is kept, what is seen of it, and what becomes of it."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from milestone_progress import (
    Arm,
    AsyncRecorder,
    BacklogFull,
    Event,
    InvalidValueError,
    Play,
    ProgressRecord,
    Recorder,
    Report,
    ResumeReason,
    SaveStatus,
    StoreError,
    TimeUpdate,
    Tracker,
    Trigger,
    parse_report,
)
from milestone_progress.hooks import Details, Occasion
from milestone_progress.metrics import Metrics
from milestone_progress.stores.memory import MemoryStore
from milestone_progress.testing.strategies import viewings
from recorders import (
    LONG,
    NOW,
    AwaitedFallback,
    Clock,
    Desk,
    Failing,
    Fault,
    Kind,
    alike,
    both,
    new,
)
from test_recorder_laws import expected_record, reports_with_age

down = pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER], ids=lambda one: one.value)


@pytest.fixture
def desk(kind: Kind) -> Desk:
    return Desk(kind)


# What is kept


@both
@down
def test_a_store_that_fails_is_no_error_but_a_status(desk: Desk, fault: Fault) -> None:
    desk.goes_down(fault)
    result = desk.recorder.report("ann", "m", new(50.0, milestone=50))
    assert (result.status, result.reached, result.newly_completed) == (SaveStatus.KEPT, (), False)
    assert not result.written
    assert result.record is not None
    assert (result.record.position, result.record.milestone) == (50.0, 50)
    assert (result.record.generation, result.next_milestone) == (0, 75)
    assert desk.recorder.waiting == 1
    [failure] = desk.told
    assert (failure.occasion, failure.trigger) == (Occasion.FAILURE, Trigger.PAUSE)
    assert isinstance(failure.error, StoreError)
    assert not failure.lost


@both
def test_what_was_kept_is_saved_when_its_time_has_come(desk: Desk) -> None:
    desk.goes_down()
    desk.recorder.report("ann", "m", new(50.0, milestone=50))
    desk.comes_back()
    desk.recorder.tick()
    assert desk.stored() is None
    desk.clock.now += 1
    desk.told.clear()
    desk.recorder.tick()
    assert desk.recorder.waiting == 0
    stored = desk.stored()
    assert stored is not None
    assert (stored.updated_at, stored.generation, stored.revision) == (NOW, 0, 1)
    retry, save = desk.told
    assert (retry.occasion, save.occasion) == (Occasion.RETRY, Occasion.SAVE)
    assert (save.record, save.reached, save.trigger) == (stored, (10, 25, 50), Trigger.PAUSE)


@both
def test_a_tick_goes_by_the_time_it_is_told(desk: Desk) -> None:
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    desk.comes_back()
    desk.recorder.tick(NOW + 1)
    assert desk.recorder.waiting == 0


@both
def test_the_next_report_of_the_same_media_carries_along_what_waits(desk: Desk) -> None:
    desk.goes_down()
    desk.recorder.report("ann", "m", new(90.0, milestone=90))
    desk.comes_back()
    desk.clock.now += 0.1
    result = desk.recorder.report("ann", "m", new(30.0, milestone=10))
    assert result.written
    assert result.record == desk.stored()
    assert result.record is not None
    assert (result.record.position, result.record.furthest) == (30.0, 90.0)
    assert result.reached == (10, 25, 50, 75, 90)
    assert desk.recorder.waiting == 0


@both
def test_a_report_that_succeeds_tries_again_what_waits_for_others(desk: Desk) -> None:
    desk.goes_down()
    for number in range(25):
        desk.recorder.report(f"viewer {number}", "m", new())
    desk.comes_back()
    desk.clock.now += 1
    for left in (15, 5, 0):
        desk.recorder.report("ann", "m", new())
        assert desk.recorder.waiting == left


@both
def test_the_start_is_not_kept_either(desk: Desk) -> None:
    desk.goes_down()
    result = desk.recorder.report("ann", "m", new(0.5))
    assert (result.status, result.record) == (SaveStatus.AT_START, None)
    assert desk.recorder.waiting == 0
    kept = desk.recorder.report("ann", "m", new(50.0)).record
    again = desk.recorder.report("ann", "m", new(0.5))
    assert (again.status, again.record) == (SaveStatus.AT_START, kept)


@both
def test_who_was_saved_without_being_told_so_is_saved_once(desk: Desk) -> None:
    desk.goes_down(Fault.AFTER)
    desk.recorder.report("ann", "m", new(50.0, milestone=50))
    desk.drain()
    stored = desk.stored()
    assert stored is not None
    assert stored.revision == 1


@both
@pytest.mark.parametrize("error", [ConnectionError("no route"), InvalidValueError("a", "b", "c")])
def test_whatever_a_store_raises_is_a_failure_of_the_store(desk: Desk, error: Exception) -> None:
    desk.store.poison["m"] = error
    assert desk.recorder.report("ann", "m", new()).status is SaveStatus.KEPT
    events: list[Event] = [Play(at=NOW, position=0.0, duration=100.0)]
    events.append(TimeUpdate(at=NOW + 20, position=20.0))
    saved = desk.recorder.handle("bob", "m", events).saved
    assert saved is not None
    assert saved.status is SaveStatus.KEPT
    assert desk.recorder.waiting == 2
    assert [failure.error for failure in desk.told] == [error] * 2
    desk.store.poison.clear()
    desk.drain()
    assert [record.viewer for record in desk.below.records(9)] == ["ann", "bob"]


@both
def test_a_viewing_that_cannot_begin_is_a_failed_request_whatever_the_store_raises(
    kind: Kind,
) -> None:
    class Strange(MemoryStore):
        def load(self, viewer: str, media: str) -> ProgressRecord | None:
            raise ConnectionError("no route")

    metrics = Metrics()
    recorder = kind.recorder(Strange(), clock=Clock(), metrics=metrics)
    with pytest.raises(ConnectionError):
        recorder.handle("ann", "m", [])
    counts = metrics.counts(Arm.MILESTONE)
    assert (counts.requests, counts.failed, counts.refused) == (1, 1, 1)


@both
def test_a_mistake_of_the_caller_is_told_and_nothing_is_kept(desk: Desk) -> None:
    for viewer, media in (("", "m"), ("ann", "\n")):
        with pytest.raises(InvalidValueError):
            desk.recorder.report(viewer, media, new())
    assert (desk.recorder.waiting, desk.told) == (0, [])


@both
@pytest.mark.parametrize("option", ["conflict", "backlog_full", "batch"])
def test_what_is_no_such_setting_is_refused_by_name(kind: Kind, option: str) -> None:
    for wrong in ("x", 5):
        with pytest.raises(InvalidValueError, match=option):
            Desk(kind, **{option: wrong})


@both
def test_a_setting_may_be_told_by_the_text_it_is(kind: Kind) -> None:
    desk = Desk(kind, conflict="furthest", backlog_full="give_up_oldest", backlog_limit=1)
    desk.recorder.report("ann", "m", new(90.0))
    desk.clock.now += 10
    result = desk.recorder.report("ann", "m", new(30.0))
    assert result.record is not None
    assert result.record.position == 90.0


# What is seen of it


@both
def test_what_waits_is_read_as_if_it_was_stored(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(30.0))
    stored = desk.stored()
    desk.clock.now += 10
    desk.store.plan = iter([Fault.BEFORE] * 2)
    desk.recorder.report("ann", "m", new(60.0, milestone=50))
    desk.recorder.report("ann", "n", new(70.0))
    assert desk.stored() == stored
    load = desk.recorder.load
    seen = load("ann", "m"), load("ann", "n")
    assert [(one.position, one.generation) for one in seen if one] == [(60.0, 0), (70.0, 0)]
    many = desk.recorder.load_many("ann", iter(["m", "n", "o"]))
    assert many == {"m": seen[0], "n": seen[1]}
    assert desk.recorder.load_many("ann", ["m"]) == {"m": seen[0]}
    assert desk.recorder.recent("ann") == [seen[0], seen[1]]
    assert desk.recorder.recent("ann", 1) == [seen[0]]
    assert desk.recorder.recent("bob") == []
    choice = desk.recorder.resume_choice("ann", "m")
    assert (choice.reason, choice.position) == (ResumeReason.RESUMED, 60.0)
    assert choice.last_milestone == 50


@both
def test_the_row_is_as_long_as_asked_for_whatever_waits(desk: Desk) -> None:
    for second, media in enumerate("abc"):
        desk.clock.now = NOW + second
        desk.recorder.report("ann", media, new(50.0))
    desk.clock.now += 10
    desk.store.plan = iter([Fault.BEFORE])
    # It waits to be finished, and is no longer among what is to be continued.
    desk.recorder.report("ann", "c", new(100.0, force_completion=True))
    assert [record.media for record in desk.recorder.recent("ann", 2)] == ["b", "a"]
    row = desk.recorder.recent("ann", 2, include_completed=True)
    assert [record.media for record in row] == ["c", "b"]
    for limit in (0, True, "1"):
        wrong: Any = limit
        with pytest.raises(InvalidValueError):
            desk.recorder.recent("ann", wrong)


@both
def test_what_waits_counts_for_nothing_once_the_viewer_has_started_over(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(30.0))
    desk.store.plan = iter([Fault.BEFORE])
    desk.clock.now += 10
    desk.recorder.report("ann", "m", new(60.0, milestone=50))
    desk.clock.now += 10
    reset = desk.recorder.reset("ann", "m")
    assert desk.recorder.waiting == 0
    assert desk.recorder.load("ann", "m") == reset == desk.stored()


@both
def test_what_waits_elsewhere_is_superseded_by_a_reset(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(30.0))
    other = desk.another()
    desk.store.plan = iter([Fault.BEFORE])
    desk.clock.now += 10
    other.report("ann", "m", new(60.0, milestone=50))
    desk.clock.now += 10
    reset = desk.recorder.reset("ann", "m")
    desk.drain(other)
    assert desk.stored() == reset


@both
def test_a_completion_takes_along_what_waits(desk: Desk) -> None:
    desk.goes_down()
    desk.recorder.report("ann", "m", new(60.0, milestone=50))
    desk.comes_back()
    desk.clock.now += 0.1
    result = desk.recorder.complete("ann", "m")
    assert result.newly_completed
    assert result.record is not None
    assert (result.record.position, result.record.duration) == (60.0, 100.0)
    assert desk.recorder.waiting == 0


@both
def test_who_cannot_complete_reset_or_delete_is_told_so(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new())
    desk.goes_down()
    for act in (
        lambda: desk.recorder.complete("ann", "m"),
        lambda: desk.recorder.reset("ann", "m"),
        lambda: desk.recorder.delete_viewer("ann"),
        lambda: desk.recorder.load("ann", "m"),
        lambda: desk.recorder.load_many("ann", ["m"]),
        lambda: desk.recorder.recent("ann"),
        lambda: desk.recorder.resume_choice("ann", "m"),
    ):
        with pytest.raises(StoreError, match="down"):
            act()
    assert desk.recorder.waiting == 0


@both
def test_a_deleted_viewer_is_forgotten_by_the_backlog_too(desk: Desk) -> None:
    desk.goes_down()
    for viewer in ("ann", "bob"):
        desk.recorder.report(viewer, "m", new())
    desk.comes_back()
    assert desk.recorder.delete_viewer("ann") == 0
    assert desk.recorder.waiting == 1
    desk.drain()
    assert [record.viewer for record in desk.below.records(9)] == ["bob"]


@both
def test_who_went_on_and_came_back_while_the_store_was_down_has_been_that_far(desk: Desk) -> None:
    desk.recorder.report("ann", "m", new(20.0))
    desk.goes_down()
    for position in (80.0, 20.0):
        desk.clock.now += 10
        desk.recorder.report("ann", "m", new(position))
    desk.drain()
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.furthest, stored.updated_at) == (20.0, 80.0, NOW + 20)


@both
def test_what_waits_for_one_viewer_is_nobody_elses(desk: Desk) -> None:
    viewers = {"ann": 10.0, "Ann": 20.0, "ann ": 30.0, "an": 40.0, "*": 50.0}
    desk.goes_down()
    for viewer, position in viewers.items():
        desk.recorder.report(viewer, "m", new(position))
    desk.comes_back()
    for viewer, position in viewers.items():
        row = desk.recorder.recent(viewer)
        assert [(record.viewer, record.position) for record in row] == [(viewer, position)]
        assert [*desk.recorder.load_many(viewer, ["m"]).values()] == row
    desk.recorder.delete_viewer("ann")
    assert desk.recorder.waiting == len(viewers) - 1
    desk.drain()
    stored = {record.viewer: record.position for record in desk.below.records(9)}
    assert {"ann": 10.0} | stored == viewers
    assert "ann" not in stored


# Bounds


@both
def test_who_finds_no_room_is_told_to_send_it_again(kind: Kind) -> None:
    desk = Desk(kind, backlog_limit=1)
    desk.goes_down()
    assert desk.recorder.report("ann", "m", new()).status is SaveStatus.KEPT
    desk.told.clear()
    refused = desk.recorder.report("ann", "n", new())
    assert (refused.status, refused.record, refused.given_up) == (SaveStatus.REFUSED, None, None)
    [failure] = desk.told
    assert (failure.media, failure.lost) == ("n", True)
    # What waits anyway has room for more.
    desk.clock.now += 0.1
    assert desk.recorder.report("ann", "m", new(60.0)).status is SaveStatus.KEPT
    desk.drain()
    assert [record.media for record in desk.below.records(9)] == ["m"]


@both
def test_what_waits_longest_can_be_given_up_for_what_is_new(kind: Kind) -> None:
    desk = Desk(kind, backlog_limit=2, backlog_full=BacklogFull.GIVE_UP_OLDEST)
    desk.goes_down()
    for media in "abc":
        result = desk.recorder.report("ann", media, new())
        assert result.status is SaveStatus.KEPT
    assert result.given_up is not None
    assert (result.given_up.media, result.given_up.generation) == ("a", 0)
    assert [(details.media, details.lost) for details in desk.told] == [
        ("a", False),
        ("b", False),
        ("c", False),
        ("a", True),
    ]
    desk.drain()
    assert [record.media for record in desk.below.records(9)] == ["b", "c"]


@both
@pytest.mark.parametrize("when_full", BacklogFull)
def test_without_room_all_is_refused(kind: Kind, when_full: BacklogFull) -> None:
    desk = Desk(kind, backlog_limit=0, backlog_full=when_full)
    desk.goes_down()
    assert desk.recorder.report("ann", "m", new()).status is SaveStatus.REFUSED
    assert desk.recorder.waiting == 0
    desk.comes_back()
    desk.recorder.tick()
    assert desk.recorder.report("ann", "m", new()).written


# Time and again


def retried(kind: Kind, seed: int) -> list[float]:
    """Return when it is tried to save again what a store never takes, in seconds from the start."""
    desk = Desk(kind, seed=seed)
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    for quarter in range(1, 4 * 1600):
        desk.recorder.tick(NOW + quarter / 4)
    return [one.at - NOW for one in desk.told if one.occasion is Occasion.RETRY]


@both
def test_delays_grow_up_to_five_minutes_and_are_spread_by_dice_that_can_be_repeated(
    kind: Kind,
) -> None:
    times = retried(kind, 7)
    delays = [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]
    assert len(delays) > 10
    longest = [min(300.0, 2.0**failures) for failures in range(len(delays))]
    for delay, most in zip(delays, longest, strict=True):
        # Somebody looks every quarter of a second.
        assert most / 2 <= delay <= most + 0.25
    shares = {delay / most for delay, most in zip(delays, longest, strict=True)}
    assert len(shares) > len(delays) // 2
    assert retried(kind, 7) == times
    assert retried(kind, 8) != times


@both
def test_a_store_that_is_down_is_not_asked_for_each_that_waits(desk: Desk) -> None:
    desk.goes_down()
    for number in range(100):
        desk.recorder.report("ann", f"media {number}", new())
    desk.clock.now += 1
    desk.told.clear()
    desk.recorder.tick()
    assert desk.occasions() == [Occasion.RETRY, Occasion.FAILURE] * 2
    assert desk.recorder.waiting == 100


@both
@pytest.mark.parametrize(
    "error", [StoreError("poison"), RuntimeError("poison")], ids=["own", "foreign"]
)
@pytest.mark.parametrize("poisoned", [1, 2, 5])
def test_what_cannot_be_saved_does_not_block_the_rest(
    desk: Desk, error: Exception, poisoned: int
) -> None:
    desk.goes_down()
    for number in range(poisoned):
        desk.recorder.report("ann", f"bad {number}", new())
    for number in range(20):
        desk.recorder.report("ann", f"good {number}", new())
    desk.comes_back()
    desk.store.poison = {f"bad {number}": error for number in range(poisoned)}
    for _ in range(60):
        desk.clock.now += 1
        desk.recorder.tick()
    assert desk.recorder.waiting == poisoned
    assert len(desk.below.records(99)) == 20
    left = desk.recorder.close()
    assert {record.media for record in left} == {f"bad {number}" for number in range(poisoned)}
    assert {record.generation for record in left} == {0}


@both
@pytest.mark.parametrize("poisoned", [1, 3])
def test_the_end_saves_what_can_be_saved_though_some_cannot(desk: Desk, poisoned: int) -> None:
    desk.goes_down()
    for number in range(poisoned):
        desk.recorder.report("ann", f"bad {number}", new())
    desk.comes_back()
    desk.store.poison = {f"bad {number}": StoreError("poison") for number in range(poisoned)}
    for _ in range(5):
        desk.clock.now += LONG
        desk.recorder.tick()
    desk.goes_down()
    for number in range(5):
        desk.recorder.report("ann", f"good {number}", new())
    desk.comes_back()
    left = desk.recorder.close()
    assert {record.media for record in left} == {f"bad {number}" for number in range(poisoned)}
    assert len(desk.below.records(99)) == 5


@both
def test_the_end_tries_once_more_and_tells_what_is_left(desk: Desk) -> None:
    desk.goes_down()
    kept = desk.recorder.report("ann", "m", new()).record
    assert desk.recorder.close() == (kept,)
    desk.comes_back()
    assert desk.recorder.close() == ()
    assert alike(desk.stored()) == kept


# Laws


@st.composite
def outages(draw: st.DrawFn, count: int) -> list[Fault]:
    """Draw how a store fails at each of so many reports: for stretches, and now and then."""
    faults: list[Fault] = []
    while len(faults) < count:
        length = draw(st.integers(1, max(1, count)))
        faults += [draw(st.sampled_from(Fault))] * length
    return faults[:count]


def disturbed(
    kind: Kind,
    reports: list[tuple[float, Report]],
    faults: list[Fault],
    *,
    ticks: bool,
    closes: bool,
) -> ProgressRecord | None:
    """Return what is stored in the end, given how the store fails and when what is reported."""
    desk = Desk(kind)
    for (at, report), fault in zip(reports, faults, strict=True):
        desk.clock.now = at
        desk.store.fault = fault
        desk.recorder.report("ann", "m", report)
        if ticks:
            desk.recorder.tick()
    if closes:
        desk.comes_back()
        assert desk.recorder.close() == ()
    else:
        desk.drain()
    assert desk.recorder.waiting == 0
    return alike(desk.stored())


@both
@given(data=st.data(), ticks=st.booleans(), closes=st.booleans())
def test_an_outage_changes_nothing_in_the_end(
    kind: Kind, data: st.DataObject, ticks: bool, closes: bool
) -> None:
    told = data.draw(st.lists(reports_with_age(), min_size=1, max_size=12))
    later = data.draw(
        st.lists(st.sampled_from([0.0, 1.0, 30.0]), min_size=len(told), max_size=len(told))
    )
    reports = []
    now = NOW
    for report, seconds in zip(told, later, strict=True):
        reports.append((now, report))
        now += seconds
    faults = data.draw(outages(len(reports)))
    stored = disturbed(kind, reports, faults, ticks=ticks, closes=closes)
    assert stored == disturbed(
        kind, reports, [Fault.NONE] * len(reports), ticks=False, closes=False
    )
    assert stored == expected_record("ann", "m", reports)


@both
@given(viewing=viewings(), data=st.data(), ticks=st.booleans(), closes=st.booleans())
def test_an_outage_changes_nothing_of_a_viewing(
    kind: Kind, viewing: list[Event], data: st.DataObject, ticks: bool, closes: bool
) -> None:
    tracker = Tracker()
    decisions = [one for event in viewing if (one := tracker.handle(event)) is not None]
    reports = [(one.at, parse_report(one.to_report(generation=0))) for one in decisions]
    faults = data.draw(outages(len(reports)))
    # Of two reports of the same position within a second, the second one is no news (4.2): which of
    # them is stored depends on which came first.
    times = sorted(at for at, _ in reports)
    assume(all(later - earlier >= 1 for earlier, later in pairwise(times)))
    assert disturbed(kind, reports, faults, ticks=ticks, closes=closes) == disturbed(
        kind, reports, [Fault.NONE] * len(reports), ticks=False, closes=False
    )


@both
@given(
    told=st.lists(
        st.tuples(
            st.sampled_from([20.0, 20.5, 21.25, 80.0]),
            st.sampled_from([None, 10.0, 50.0]),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
    data=st.data(),
)
def test_an_outage_loses_nothing_of_players_that_do_not_tell_their_age(
    kind: Kind, told: list[tuple[float, float | None, bool]], data: st.DataObject
) -> None:
    reports = [
        (NOW + 10 * number, new(position, milestone=milestone, force_completion=completes))
        for number, (position, milestone, completes) in enumerate(told)
    ]
    stored = disturbed(kind, reports, data.draw(outages(len(reports))), ticks=True, closes=False)
    assert stored is not None
    # Which of two that are nearer than a second is stored may differ, and nothing else.
    assert abs(stored.position - told[-1][0]) < 1
    assert abs(stored.furthest - max(position for position, _, _ in told)) < 1
    claims = [100.0 if completes else milestone or 0 for _, milestone, completes in told]
    assert stored.milestone == max(claims)
    assert stored.completed == any(completes for _, _, completes in told)


# Tasks


class Waiting(AwaitedFallback):
    """A store for asyncio of which a save waits until it is let go on."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        self.reached.set()
        await self.let_go.wait()
        return await super().save(record)


def test_the_progress_of_a_task_that_is_cancelled_is_kept() -> None:
    async def act() -> None:
        store = Waiting()
        clock = Clock()
        told: list[Details] = []
        recorder = AsyncRecorder(store, clock=clock, hooks=[told.append])
        task = asyncio.create_task(recorder.report("ann", "m", new(50.0)))
        await store.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert recorder.waiting == 1
        assert isinstance(told[0].error, asyncio.CancelledError)
        store.let_go.set()
        clock.now += 1
        await recorder.tick()
        assert recorder.waiting == 0
        stored = await store.load("ann", "m")
        assert stored is not None
        assert stored.position == 50.0

    asyncio.run(act())


def test_a_task_that_is_cancelled_at_a_retry_loses_nothing() -> None:
    async def act() -> None:
        store = Waiting()
        clock = Clock()
        recorder = AsyncRecorder(store, clock=clock)
        task = asyncio.create_task(recorder.report("ann", "m", new(50.0)))
        await store.reached.wait()
        task.cancel()
        await asyncio.wait([task])
        clock.now += 1
        store.reached.clear()
        tick = asyncio.create_task(recorder.tick())
        await store.reached.wait()
        tick.cancel()
        await asyncio.wait([tick])
        assert recorder.waiting == 1
        store.let_go.set()
        assert await recorder.close() == ()
        assert await store.load("ann", "m") is not None

    asyncio.run(act())


def test_tasks_that_save_the_same_record_lose_nothing_when_the_store_fails() -> None:
    async def act(faults: list[Fault]) -> None:
        below = MemoryStore()
        failing = Failing(below, faults)
        clock = Clock()
        recorder = AsyncRecorder(AwaitedFallback(failing), clock=clock, seed=1)
        await asyncio.gather(
            *(
                recorder.report("ann", "m", new(position, ago=100 - position, milestone=position))
                for position in (10.0, 80.0, 50.0, 90.0)
            )
        )
        clock.now += LONG
        await recorder.tick()
        assert recorder.waiting == 0
        stored = below.load("ann", "m")
        assert stored is not None
        assert (stored.position, stored.milestone, stored.updated_at) == (90.0, 90, NOW - 10)

    for number in range(81):
        asyncio.run(act([list(Fault)[number // 3**place % 3] for place in range(4)]))


def test_what_comes_in_while_what_waits_is_saved_is_not_forgotten() -> None:
    async def act() -> None:
        store = Waiting()
        clock = Clock()
        recorder = AsyncRecorder(store, clock=clock)
        first = asyncio.create_task(recorder.report("ann", "m", new(50.0)))
        await store.reached.wait()
        first.cancel()
        await asyncio.wait([first])
        store.reached.clear()
        carrying = asyncio.create_task(recorder.report("ann", "m", new(60.0)))
        await store.reached.wait()
        # Meanwhile another one cannot be saved.
        store.reached.clear()
        clock.now += 10
        later = asyncio.create_task(recorder.report("ann", "m", new(70.0)))
        await store.reached.wait()
        later.cancel()
        await asyncio.wait([later])
        store.let_go.set()
        assert (await carrying).written
        assert recorder.waiting == 1
        known = await recorder.load("ann", "m")
        assert known is not None
        assert known.position == 70.0
        assert await recorder.close() == ()

    asyncio.run(act())


# What else happens meanwhile


class DeletingWhileSaving(MemoryStore):
    """A store during whose saves of ann's progress another viewer asks to be deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.delete: Callable[[], object] = lambda: None

    def save(self, record: ProgressRecord) -> ProgressRecord:
        if record.viewer == "ann":
            self.delete()
        return super().save(record)


def test_a_viewer_who_is_deleted_during_a_tick_stays_deleted() -> None:
    clock, store = Clock(), DeletingWhileSaving()
    failing = Failing(store)
    recorder = Recorder(failing, clock=clock)
    failing.fault = Fault.BEFORE
    for viewer in ("ann", "bob", "cem"):
        recorder.report(viewer, "m", new())
    failing.fault = Fault.NONE
    clock.now += LONG
    store.delete = lambda: recorder.delete_viewer("cem")
    recorder.tick()
    assert [record.viewer for record in store.records(9)] == ["ann", "bob"]
    assert recorder.waiting == 0


@both
def test_what_waits_is_saved_soon_after_a_clock_was_set_back(kind: Kind) -> None:
    desk = Desk(kind)
    desk.clock.now += 86_400
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    desk.comes_back()
    desk.clock.now -= 86_400
    desk.recorder.tick()
    assert desk.recorder.waiting == 0


@both
def test_a_player_learns_its_generation_from_a_store_that_works_only(kind: Kind) -> None:
    desk = Desk(kind)
    desk.recorder.report("ann", "m", new(10.0))
    desk.recorder.reset("ann", "m")
    desk.goes_down()
    kept = desk.recorder.report("ann", "m", new(20.0, ago=-5))
    assert (kept.status, kept.generation) == (SaveStatus.KEPT, None)
    desk.comes_back()
    desk.clock.now += 10
    result = desk.recorder.report("ann", "m", new(30.0))
    assert (result.written, result.generation) == (True, 1)


@both
def test_a_report_of_the_present_generation_may_be_as_old_as_the_reset(kind: Kind) -> None:
    """Two workers' clocks differ."""
    desk = Desk(kind)
    desk.recorder.report("ann", "m", new(10.0))
    desk.clock.now += 5
    desk.recorder.reset("ann", "m")
    desk.clock.now -= 5
    assert desk.recorder.report("ann", "m", new(20.0)).status is SaveStatus.SUPERSEDED
    result = desk.recorder.report("ann", "m", new(20.0, generation=1))
    assert result.record is not None
    assert result.record.furthest == 20.0


@both
def test_nothing_is_lost_with_a_player_that_has_begun_before_the_viewer_started_over(
    kind: Kind,
) -> None:
    desk = Desk(kind)
    desk.recorder.report("ann", "m", new(10.0))
    desk.recorder.reset("ann", "m")
    desk.goes_down()
    desk.clock.now += 5
    desk.recorder.report("ann", "m", new(30.0))
    desk.recorder.report("ann", "m", new(5.0, generation=0, ago=3))
    desk.drain()
    stored = desk.stored()
    assert stored is not None
    assert (stored.position, stored.generation) == (30.0, 1)


def test_a_hook_may_call_the_recorder_back() -> None:
    clock = Clock()
    failing = Failing(MemoryStore())

    def starts_over(details: Details) -> None:
        if details.occasion is Occasion.RETRY:
            recorder.reset(details.viewer, details.media)

    recorder = Recorder(failing, clock=clock, hooks=[starts_over])
    failing.fault = Fault.BEFORE
    recorder.report("ann", "m", new())
    failing.fault = Fault.NONE
    clock.now += LONG
    recorder.tick()
    assert recorder.waiting == 0
