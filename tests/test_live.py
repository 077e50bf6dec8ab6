"""Live viewings: timers, bounds, starting over, stores and caches that fail, and threads."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any, cast

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from milestone_progress import (
    AsyncRecorder,
    BacklogFull,
    ConflictPolicy,
    Event,
    HandleResult,
    IntervalPolicy,
    InvalidValueError,
    LiveLimits,
    Pause,
    Plausibility,
    Play,
    ProgressRecord,
    Recorder,
    SaveDecision,
    SavePolicy,
    SaveStatus,
    StoreError,
    Tick,
    TimeUpdate,
    Tracker,
    Trigger,
)
from milestone_progress._live import LiveViewing
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.hooks import Occasion
from milestone_progress.simulator import Player
from milestone_progress.stores.memory import Memory, MemoryStore
from milestone_progress.testing._store_workers import PATIENCE, at_once
from milestone_progress.testing.strategies import hostile_json
from recorders import (
    ASYNC,
    NOW,
    SYNC,
    Awaited,
    AwaitedCache,
    Clock,
    Desk,
    Driven,
    Failing,
    Fault,
    Kind,
    Mood,
    MoodyCache,
    alike,
    both,
    new,
)

YEARS = 10 * 365 * 86_400.0
# After which a viewing that was not heard of has to go, unless the test says otherwise.
IDLE = 1800.0
kinds = st.sampled_from([SYNC, ASYNC])


@pytest.fixture
def desk(kind: Kind) -> Desk:
    return Desk(kind)


class Screen:
    """Somebody's player: what it tells reaches a recorder some time after it was told.

    Args:
        desk: Whose clock goes on with the player's.
        media: What is watched.
        viewer: Who does.
        ahead: By how much the player's clock is ahead of the server's, seconds.
        begins: When, seconds after the desk's clock began.
    """

    def __init__(
        self,
        desk: Desk,
        media: str = "m",
        viewer: str = "ann",
        *,
        ahead: float = 0.0,
        begins: float = 0.0,
        duration: float = 1000.0,
    ) -> None:
        self.desk = desk
        self.key = viewer, media
        self.player = Player(duration=duration, at=NOW + begins + ahead)
        self.ahead = ahead
        self.told = 0

    def batch(self) -> tuple[Event, ...]:
        """Return what was not told yet."""
        events = self.player.events[self.told :]
        self.told += len(events)
        return events

    def send(self, recorder: Recorder | None = None, *, delay: float = 0.0) -> HandleResult:
        sent_at = self.player.at + delay
        self.desk.clock.now = sent_at - self.ahead
        recorder = recorder or self.desk.recorder
        return recorder.handle(*self.key, self.batch(), sent_at=sent_at)


def known(desk: Desk, media: str = "m", viewer: str = "ann") -> ProgressRecord:
    """Return what is stored, which must be something."""
    record = desk.stored(media, viewer)
    assert record is not None
    return record


def watched(seconds: int, at: float = NOW, start: float = 0.0) -> list[Event]:
    """Return what a player of a long media tells each second, to be sent at ``at`` and later."""
    begins = Play(at=at, position=start, duration=100_000.0)
    return [begins, *(TimeUpdate(at=at + n, position=start + n) for n in range(1, seconds + 1))]


# Timers


@both
@pytest.mark.parametrize("ahead", [0.0, YEARS, -YEARS, -NOW])
@pytest.mark.parametrize("delay", [0.0, 4.0])
def test_a_pause_of_thirty_seconds_is_saved_by_the_timer_at_the_right_second(
    desk: Desk, ahead: float, delay: float
) -> None:
    screen = Screen(desk, ahead=ahead)
    screen.player.play_to(50).pause()
    paused = screen.player.at
    result = screen.send(delay=delay)
    assert (result.decisions, result.saved) == ((), None)
    assert result.deadline == desk.recorder.deadline == NOW + 80
    desk.recorder.tick(NOW + 79.99)
    assert desk.stored() is None
    assert desk.recorder.deadline == NOW + 80
    desk.recorder.tick(NOW + 80)
    expected = Tracker().feed([*screen.player, Tick(at=paused + 30)])
    assert [decision.trigger for decision in expected] == ["pause"]
    record = known(desk)
    assert (record.position, record.updated_at) == (expected[0].position, NOW + 80)
    assert record.played == (1 << 50) - 1
    assert desk.recorder.deadline == NOW + 50 + delay + IDLE
    # Once only.
    desk.recorder.tick(NOW + 500)
    assert known(desk) == record


@both
def test_a_timer_that_comes_late_saves_as_of_the_time_it_should_have_come(desk: Desk) -> None:
    screen = Screen(desk)
    screen.player.play_to(50).pause()
    screen.send()
    desk.recorder.tick(NOW + 600)
    assert known(desk).updated_at == NOW + 80


@both
def test_news_before_the_deadline_cancels_the_timer(desk: Desk) -> None:
    screen = Screen(desk)
    screen.player.play_to(50).pause(29)
    assert screen.send().deadline == NOW + 80
    screen.player.play()
    assert screen.send().deadline is None
    assert desk.recorder.deadline == NOW + 79 + IDLE
    desk.recorder.tick(NOW + 600)
    assert desk.stored() is None


@both
def test_a_batch_without_events_does_not_put_the_timer_off(desk: Desk) -> None:
    screen = Screen(desk)
    screen.player.play_to(50).pause()
    screen.send()
    for seconds in (10, 20, 29):
        desk.clock.now = NOW + 50 + seconds
        assert desk.recorder.handle("ann", "m", []).deadline == NOW + 80
    desk.recorder.tick(NOW + 80)
    assert known(desk).position == 50


@both
def test_the_deadline_is_the_earliest_of_all_viewings_and_retries(desk: Desk) -> None:
    assert desk.recorder.deadline is None
    for media, position in (("early", 10), ("late", 20), ("latest", 30)):
        screen = Screen(desk, media)
        screen.player.play_to(position).pause()
        screen.send()
    assert desk.recorder.deadline == NOW + 40
    desk.goes_down()
    desk.clock.now = NOW + 35
    desk.recorder.report("bob", "m", new())
    retried_at = desk.recorder.deadline
    assert retried_at is not None
    assert NOW + 35 < retried_at <= NOW + 36
    desk.comes_back()
    desk.recorder.tick(NOW + 37)
    assert desk.stored("m", "bob") is not None
    for at in (NOW + 40, NOW + 50, NOW + 60):
        assert desk.recorder.deadline == at
        desk.recorder.tick(at)
    for at in (NOW + 10 + IDLE, NOW + 20 + IDLE, NOW + 30 + IDLE):
        assert desk.recorder.deadline == at
        desk.recorder.tick(at)
    assert desk.recorder.deadline is None


@both
def test_a_viewing_that_another_worker_goes_on_with_is_ticked_by_that_one_only(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache)
    other = desk.another(snapshots=cache)
    screen = Screen(desk)
    screen.player.play_to(50).pause()
    screen.send()
    screen.player.sleep(10).play().play_for(10).pause()
    assert screen.send(other).deadline == NOW + 100
    desk.recorder.tick(NOW + 80)
    assert desk.stored() is None
    assert desk.recorder.deadline is None
    assert desk.recorder.viewings == 0
    other.tick(NOW + 100)
    assert known(desk).position == 60


@both
def test_many_timers_that_come_due_at_once_are_all_answered(desk: Desk) -> None:
    for number in range(300):
        screen = Screen(desk, f"media {number}", f"viewer {number}")
        screen.player.play_to(10 + number % 3).pause()
        screen.send()
        # Each leaves a time behind that nobody waits for any more.
        screen.player.play().play_for(1).pause()
        screen.send()
    desk.recorder.tick(NOW + 42)
    assert len(desk.below.records(999)) == 200
    desk.recorder.tick(NOW + 43)
    assert len(desk.below.records(999)) == 300
    # For each screen the clock was set back to its beginning.
    assert desk.recorder.deadline == NOW + 10 + IDLE


@both
def test_one_viewing_that_a_store_chokes_on_stops_no_timer_of_others(desk: Desk) -> None:
    for media in ("poison", "n"):
        screen = Screen(desk, media)
        screen.player.play_to(50).pause()
        screen.send()
    desk.store.poison["poison"] = RuntimeError("choked")
    desk.recorder.tick(NOW + 80)
    assert known(desk, "n").position == 50
    assert desk.recorder.waiting == 1


@both
def test_a_clock_at_the_end_of_time_stops_nobody_elses_timer(desk: Desk) -> None:
    last = 1e12
    for viewer, at in (("mallory", last - 10), ("mallory 2", last - 20), ("ann", NOW)):
        desk.recorder.handle(viewer, "m", [*watched(10, at), Pause(at=at + 10, position=10)])
    assert desk.recorder.deadline == NOW + 30
    desk.recorder.tick(NOW + 600)
    assert known(desk).position == 10
    assert desk.recorder.deadline == NOW + IDLE
    desk.clock.now += 600
    assert desk.recorder.handle("mallory", "m", []).handled
    desk.recorder.tick(NOW + 10_000)
    assert desk.recorder.viewings == 0
    assert known(desk, viewer="mallory").position == 10


def test_a_timer_that_rounding_keeps_from_ever_coming_is_given_up() -> None:
    class Stuck(Tracker):
        @property
        def deadline(self) -> float:
            return NOW + 10

    viewing = LiveViewing.beginning(("ann", "m"), None, SavePolicy(), NOW)
    viewing.tracker = Stuck()
    viewing.handle(watched(5), NOW + 5, None, ConflictPolicy.NEWEST)
    assert viewing.due_at == NOW + 10
    viewing.tick(NOW + 10, ConflictPolicy.NEWEST)
    assert viewing.due_at is None


def test_a_viewing_that_is_ticked_too_early_or_twice_does_nothing() -> None:
    viewing = LiveViewing.beginning(("ann", "m"), None, SavePolicy(), NOW)
    assert viewing.tick(NOW, ConflictPolicy.NEWEST) == ((), None)
    events = [*watched(10), Pause(at=NOW + 10, position=10)]
    viewing.handle(events, NOW + 10, None, ConflictPolicy.NEWEST)
    assert viewing.tick(NOW + 39, ConflictPolicy.NEWEST) == ((), None)
    decisions, addition = viewing.tick(NOW + 40, ConflictPolicy.NEWEST)
    assert [decision.trigger for decision in decisions] == ["pause"]
    assert addition is not None
    assert viewing.tick(NOW + 40, ConflictPolicy.NEWEST) == ((), None)


def test_a_tick_that_is_cancelled_loses_no_timer() -> None:
    clock, memory = Clock(), Memory()
    started = asyncio.Event()

    class Slow(Awaited):
        async def load(self, viewer: str, media: str) -> ProgressRecord | None:
            if started.is_set():
                await asyncio.Event().wait()
            return await super().load(viewer, media)

    async def run() -> None:
        store = Slow(MemoryStore(memory))
        recorder = AsyncRecorder(store, clock=clock)
        for number in range(3):
            events = [*watched(10), Pause(at=NOW + 10, position=10)]
            await recorder.handle("ann", f"{number}", events)
        started.set()
        tick = asyncio.create_task(recorder.tick(NOW + 60))
        for _ in range(10):
            await asyncio.sleep(0)
        tick.cancel()
        await asyncio.wait([tick])
        assert tick.cancelled()
        started.clear()
        for seconds in (60, 400):
            await recorder.tick(NOW + seconds)
        assert not recorder._in_use

    asyncio.run(run())
    found = MemoryStore(memory).records(9)
    assert sorted((record.media, record.position) for record in found) == [
        ("0", 10.0),
        ("1", 10.0),
        ("2", 10.0),
    ]


# Bounds


def limited(kind: Kind, **options: Any) -> Desk:
    limits: dict[str, Any] = {"viewings": 3, "per_viewer": 2, "idle": 600.0}
    cache = options.pop("snapshots", None)
    return Desk(kind, live=LiveLimits(**limits | options), snapshots=cache)


@both
def test_the_viewing_heard_of_least_recently_makes_room_and_is_saved(kind: Kind) -> None:
    desk = limited(kind)
    for number, viewer in enumerate(("ann", "bob", "cleo", "ann", "dan")):
        desk.clock.now = NOW + 20 * number
        desk.recorder.handle(viewer, "m", watched(5, desk.clock.now, start=100.0 * number))
        assert desk.recorder.viewings == min(3, number + 1)
    [saved] = desk.below.records(9)
    assert (saved.viewer, saved.position, saved.played) == ("bob", 105.0, 0b11111 << 100)
    # As of when it was heard of.
    assert saved.updated_at == NOW + 20


@both
def test_to_be_ticked_is_not_to_be_heard_of(kind: Kind) -> None:
    desk = limited(kind)
    screen = Screen(desk)
    screen.player.play_to(10).pause()
    screen.send()
    for viewer in ("bob", "cleo"):
        desk.recorder.handle(viewer, "m", watched(5))
    desk.recorder.tick(NOW + 40)
    revision = known(desk).revision
    desk.clock.now = NOW + 45
    desk.recorder.handle("dan", "m", watched(5))
    assert {record.viewer for record in desk.below.records(9)} == {"ann"}
    assert (known(desk).revision, desk.recorder.viewings) == (revision, 3)
    desk.clock.now = NOW + 46
    desk.recorder.handle("bob", "m", watched(5, NOW + 10, start=5.0))
    assert desk.stored(viewer="bob") is None


@both
def test_what_nobody_hears_of_any_more_is_saved_and_dropped(desk: Desk) -> None:
    desk.recorder.handle("ann", "m", [*watched(5), Pause(at=NOW + 5, position=5)])
    desk.clock.now = NOW + 20
    desk.recorder.handle("bob", "m", watched(5))
    # A pause that became long, not a sign of life.
    desk.recorder.tick(NOW + 40)
    desk.recorder.tick(NOW + 1799)
    assert desk.recorder.viewings == 2
    desk.recorder.tick(NOW + 1800)
    assert desk.recorder.viewings == 1
    assert desk.stored(viewer="bob") is None
    desk.recorder.tick(NOW + 1820)
    assert desk.recorder.viewings == 0
    assert known(desk, viewer="bob").position == 5


@both
def test_what_was_left_long_ago_does_not_beat_newer_progress_elsewhere(desk: Desk) -> None:
    desk.recorder.handle("ann", "m", watched(5), sent_at=NOW + 8)
    desk.clock.now = NOW + 600
    desk.another().report("ann", "m", new(50.0))
    desk.recorder.tick(NOW + 1801)
    record = known(desk)
    assert (desk.recorder.viewings, record.position, record.played) == (0, 50.0, 0b11111)
    assert record.updated_at == NOW + 600


@both
def test_the_end_saves_what_is_unsaved(desk: Desk) -> None:
    for media in ("m", "n"):
        desk.recorder.handle("ann", media, watched(5))
    desk.recorder.handle("bob", "never played", [TimeUpdate(at=NOW, position=7)])
    assert desk.recorder.close() == ()
    assert desk.recorder.viewings == 0
    assert sorted((record.media, record.position) for record in desk.below.records(9)) == [
        ("m", 5.0),
        ("n", 5.0),
    ]


@both
def test_a_viewer_of_too_many_at_once_has_to_wait_and_nothing_changes(kind: Kind) -> None:
    desk = limited(kind)
    for media in ("a", "b"):
        desk.recorder.handle("ann", media, watched(5))
    desk.clock.now = NOW + 29.9
    result = desk.recorder.handle("ann", "c", watched(5))
    assert result == HandleResult(handled=False, decisions=(), saved=None, deadline=None)
    assert (desk.recorder.viewings, desk.below.records(9), desk.told) == (2, [], [])
    assert not cast("Recorder", driven(desk.recorder))._in_use
    # Others need not wait, nor what goes on.
    assert desk.recorder.handle("bob", "c", watched(5)).handled
    assert desk.recorder.handle("ann", "b", watched(5, NOW + 5, start=5.0)).handled
    desk.clock.now = NOW + 30
    assert desk.recorder.handle("ann", "c", watched(5)).handled
    assert desk.recorder.viewings == 3
    assert {(record.viewer, record.media) for record in desk.below.records(9)} == {("ann", "a")}


def driven(recorder: Recorder) -> Recorder | AsyncRecorder:
    """Return the recorder that an adapter drives."""
    return cast("AsyncRecorder", recorder.driven) if isinstance(recorder, Driven) else recorder


@both
def test_when_there_is_no_room_a_viewer_makes_it_by_their_own(kind: Kind) -> None:
    desk = limited(kind, per_viewer=3)
    for viewer in ("ann", "bob", "mallory"):
        desk.recorder.handle(viewer, "m", watched(5))
    for number in range(5):
        desk.recorder.handle("mallory", f"invented {number}", watched(5))
    desk.recorder.close()
    saved = [record.viewer for record in desk.below.records(99)]
    assert Counter(saved) == {"ann": 1, "bob": 1, "mallory": 6}
    # Ann and Bob were dropped by the end only.
    assert [one.viewer for one in desk.told if one.occasion is Occasion.SAVE][:5] == ["mallory"] * 5


@given(
    kind=kinds,
    per_viewer=st.integers(1, 3),
    steps=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.0, 1.0, 10.0, 29.5, 30.0, 100.0]),
            st.sampled_from(["invents", "invents", "repeats", "ann", "tick"]),
        ),
        min_size=5,
        max_size=60,
    ),
)
def test_by_inventing_media_nobody_drops_what_others_watch_nor_writes_without_bound(
    kind: Kind, per_viewer: int, steps: list[tuple[float, str]]
) -> None:
    """Of one viewer at most ``per_viewer`` media are taken in any 30 s, and each is written twice.

    Once by what it tells, and once when it has to go.
    """
    limits = LiveLimits(viewings=per_viewer + 1, per_viewer=per_viewer)
    desk = Desk(kind, live=limits)
    recorder = desk.recorder
    recorder.handle("ann", "m", watched(5))
    taken: list[float] = []
    for number, (seconds, act) in enumerate(steps):
        desk.clock.now += seconds
        # Ends with something to save.
        tells = [*watched(5, desk.clock.now), Tick(at=desk.clock.now + 5)]
        match act:
            case "ann":
                recorder.handle("ann", "m", watched(5, desk.clock.now, start=5.0))
            case "tick":
                recorder.tick()
            case _:
                media = f"invented {number}" if act == "invents" else "invented 0"
                known_before = recorder.viewings
                writes_before = len(desk.told)
                if recorder.handle("mallory", media, tells).handled and act == "invents":
                    taken.append(desk.clock.now)
                assert len(desk.told) - writes_before <= 2
                assert recorder.viewings >= known_before
        assert 1 <= recorder.viewings <= per_viewer + 1
        assert desk.stored() is None, "ann's viewing still goes on"
    for at in taken:
        assert sum(at <= other < at + 30 for other in taken) <= per_viewer
    writes = Counter(one.viewer for one in desk.told if one.occasion is Occasion.SAVE)
    assert writes["mallory"] <= len(taken) + sum(act == "repeats" for _, act in steps)
    assert writes["ann"] == 0


@both
@pytest.mark.parametrize("cached", [False, True])
def test_a_viewing_that_had_to_go_goes_on_from_what_is_stored_or_exactly(
    kind: Kind, cached: bool
) -> None:
    cache = MemorySnapshotCache() if cached else None
    desk = limited(kind, viewings=1, snapshots=cache)
    screen = Screen(desk)
    screen.player.play_to(90)
    screen.send()
    desk.clock.now = NOW + 91
    desk.recorder.handle("bob", "m", watched(5, NOW + 91))
    assert known(desk).position == 90
    assert desk.recorder.viewings == 1
    screen.player.play_to(120.25)
    screen.send()
    record = known(desk)
    # The milestone in between was played at, and told of once.
    assert (record.position, record.milestone) == (100, 10)
    expected = (1 << 100) - 1
    if not cached:
        # It takes a second until a player that says nothing of it is seen to play (3.6).
        assert record.played == expected & ~(0b11 << 90)
    else:
        assert record.played == expected


# Starting over


@both
@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("deletes", [False, True])
def test_a_player_still_running_does_not_bring_back_what_was_forgotten(
    kind: Kind, cached: bool, elsewhere: bool, deletes: bool
) -> None:
    cache = MemorySnapshotCache() if cached else None
    desk = Desk(kind, snapshots=cache)
    other = desk.another(snapshots=cache) if elsewhere else desk.recorder
    screen = Screen(desk)
    screen.player.play_to_end().seek(300).play_to(400)
    screen.send()
    assert known(desk).completed
    if deletes:
        assert other.delete_viewer("ann") == 1
    else:
        other.reset("ann", "m")
    screen.player.play_to(420).hide().show()
    screen.send()
    after = desk.stored()
    if after is not None:
        assert not after.completed
        assert after.milestone <= 40
        assert after.played & ((1 << 400) - 1) == 0
    screen.player.play_to(510)
    screen.send()
    record = known(desk)
    assert not record.completed
    assert (record.position, record.milestone, record.furthest) == (500, 50, 500)
    assert record.generation == (0 if deletes else 1)
    played = record.played
    assert played & ((1 << 400) - 1) == 0
    # From the first save, which found out, at the latest.
    assert played & (((1 << 78) - 1) << 422) == ((1 << 78) - 1) << 422


@both
def test_a_worker_whose_viewing_began_anew_elsewhere_takes_that_over(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache)
    other = desk.another(snapshots=cache)
    screen = Screen(desk)
    for position in (20, 40, 60):
        screen.player.play_to(position)
        screen.send()
    other.delete_viewer("ann")
    screen.player.play_to(80)
    screen.send(other)
    screen.player.play_to(130)
    screen.send()
    record = known(desk)
    assert (record.position, record.milestone) == (100, 10)
    # It takes a second until a player that says nothing of it is seen to play (3.6).
    assert record.played == ((1 << 38) - 1) << 62


@both
def test_starting_over_forgets_even_what_was_not_saved_yet(desk: Desk) -> None:
    desk.recorder.handle("ann", "m", watched(50))
    assert desk.recorder.reset("ann", "m") is None
    assert desk.recorder.viewings == 0
    desk.recorder.close()
    assert desk.stored() is None


@both
def test_a_cache_that_cannot_forget_brings_nothing_back(kind: Kind) -> None:
    cache = MoodyCache()
    desk = Desk(kind, snapshots=cache)
    screen = Screen(desk)
    screen.player.play_to_end().seek(300).play_to(320)
    screen.send()
    cache.plan = iter([Mood.FAILS])
    assert desk.recorder.reset("ann", "m") is not None
    assert Occasion.FAILURE in desk.occasions()
    screen.player.play_to(340).hide()
    result = screen.send()
    assert result.saved is not None
    assert result.saved.status is SaveStatus.SUPERSEDED
    record = known(desk)
    assert (record.generation, record.position, record.completed) == (1, 0.0, False)
    screen.player.show().play_to(420)
    screen.send()
    record = known(desk)
    assert (record.generation, record.milestone, record.completed) == (1, 25, False)
    assert record.played & ((1 << 340) - 1) == 0


@both
def test_a_fallback_that_fails_keeps_nobody_from_starting_over(kind: Kind) -> None:
    fallback = Failing(MemoryStore())
    desk = Desk(kind, fallback=fallback)
    screen = Screen(desk)
    screen.player.play_to(120)
    screen.send()
    fallback.fault = Fault.BEFORE
    after = desk.recorder.reset("ann", "m")
    assert after is not None
    assert after.generation == 1
    assert Occasion.FAILURE in desk.occasions()


# Stores that fail


@both
def test_a_viewing_that_cannot_be_read_is_not_handled(desk: Desk) -> None:
    screen = Screen(desk)
    screen.player.play_to(120)
    events = screen.batch()
    desk.clock.now = NOW + 120
    desk.goes_down()
    with pytest.raises(StoreError, match="down"):
        desk.recorder.handle("ann", "m", events)
    assert (desk.recorder.viewings, desk.recorder.waiting) == (0, 0)
    assert not driven(desk.recorder)._in_use
    desk.comes_back()
    result = desk.recorder.handle("ann", "m", events)
    assert [decision.milestone for decision in result.decisions] == [10]


@both
def test_what_a_store_refuses_to_save_is_saved_though_the_viewing_had_to_go(kind: Kind) -> None:
    desk = Desk(kind, live=LiveLimits(viewings=1), plausibility=Plausibility())
    screen = Screen(desk)
    desk.store.plan = iter([Fault.BEFORE] * 2)
    screen.player.play_to(120)
    result = screen.send()
    assert result.saved is not None
    assert result.saved.status is SaveStatus.KEPT
    desk.recorder.handle("bob", "m", watched(5))
    assert (desk.recorder.viewings, desk.recorder.waiting) == (1, 1)
    screen.player.play_to(260)
    result = screen.send()
    assert result.saved is not None
    assert result.saved.status is SaveStatus.WRITTEN
    record = known(desk)
    assert (record.position, record.milestone, desk.recorder.waiting) == (250, 25, 0)
    # It takes a second until a player that says nothing of it is seen to play (3.6).
    assert record.played == (1 << 250) - 1 & ~(0b11 << 120)


@both
def test_what_is_refused_is_covered_by_what_is_decided_next(kind: Kind) -> None:
    desk = Desk(kind, backlog_limit=0, backlog_full=BacklogFull.REFUSE)
    screen = Screen(desk)
    screen.player.play_to(1)
    screen.send()
    desk.goes_down()
    screen.player.play_to(120)
    result = screen.send()
    assert result.saved is not None
    assert result.saved.status is SaveStatus.REFUSED
    desk.comes_back()
    screen.player.play_to(250)
    screen.send()
    record = known(desk)
    assert (record.milestone, record.position, record.played) == (25, 250, (1 << 250) - 1)


def story(kind: Kind, acts: Sequence[int], faults: Sequence[Fault]) -> ProgressRecord | None:
    """Return what is stored of a viewing in the end, once a store that failed works again."""
    desk = Desk(kind)
    screen = Screen(desk)
    player = screen.player.play_to(1)
    screen.send()
    desk.store.plan = iter(faults)
    for act in acts:
        if act == 0:
            player.pause(45).play()
        elif act == 1:
            player.seek((player.position * 7) % 900 + 50).play_for(3)
        elif act == 2:
            player.hide().show()
        else:
            player.play_for(act)
        screen.send()
        desk.recorder.tick()
    desk.store.plan = iter(())
    desk.drain()
    assert desk.recorder.close() == ()
    assert desk.recorder.waiting == 0
    return alike(desk.stored())


@given(
    kind=kinds,
    acts=st.lists(st.sampled_from([0, 1, 2, 10, 100]), max_size=12),
    faults=st.lists(st.sampled_from(Fault), max_size=15),
)
def test_however_saving_fails_the_record_is_that_of_an_undisturbed_run(
    kind: Kind, acts: list[int], faults: list[Fault]
) -> None:
    assert story(kind, acts, faults) == story(kind, acts, [])


moods = st.lists(st.sampled_from([Mood.ANSWERS, Mood.ANSWERS, Mood.FAILS, Mood.FORGETS]))


@settings(max_examples=settings().max_examples // 4)
@given(kind=kinds, plan=moods, turns=st.lists(st.integers(0, 1), min_size=30, max_size=30))
def test_whatever_a_cache_does_no_worker_loses_more_than_a_tracker_may(
    kind: Kind, plan: list[Mood], turns: list[int]
) -> None:
    """One worker alone loses nothing; of two, neither is further behind than its own tracker."""
    cache = MoodyCache(plan)
    desk = Desk(kind, snapshots=cache)
    workers = [desk.recorder, desk.another(snapshots=cache)]
    screen = Screen(desk, duration=100_000.0)
    worst = 0.0
    for turn in turns:
        screen.player.play_for(50)
        screen.send(workers[turn])
        workers[1 - turn].tick()
        record = desk.stored()
        worst = max(worst, screen.player.position - (0.0 if record is None else record.position))
    # `max_unsaved` for each of them, and what protects the resume point (4.11).
    assert worst <= len(set(turns)) * 610 + 50
    for worker in workers:
        assert worker.close() == ()
    assert known(desk).position == screen.player.position


@both
def test_a_worker_alone_decides_the_same_whatever_its_cache_does(kind: Kind) -> None:
    for mood in Mood:
        desk = Desk(kind, snapshots=MoodyCache([mood] * 1000))
        screen = Screen(desk)
        decisions: list[SaveDecision] = []
        for _ in range(20):
            screen.player.play_for(20).pause(31)
            decisions += screen.send().decisions
        assert decisions == Tracker().feed(screen.player)


WRONG: list[object] = [-1, 1e999, 10**400, 2**53, "1", None, True, -0.5, 1e300, [], {}, [1, 2, 3]]


def snapshot(**options: Any) -> dict[str, Any]:
    """Return what a cache holds of somebody who has watched 50 s."""
    cache = MemorySnapshotCache()
    recorder = Recorder(MemoryStore(), snapshots=cache, clock=lambda: NOW, **options)
    recorder.handle("ann", "m", watched(50))
    right: dict[str, Any] = json.loads(cache.get("ann", "m") or "")
    return right


def foreign_texts() -> st.SearchStrategy[str]:
    """Draw what may be in a cache: no snapshots, and snapshots with something wrong in them."""
    right = snapshot()
    tracker: dict[str, Any] = right["tracker"]
    junk = hostile_json() | st.sampled_from(WRONG)

    def wrong(name: str, value: object) -> str:
        return json.dumps(right | {name: value})

    def wrong_tracker(name: str, value: object) -> str:
        return wrong("tracker", tracker | {name: value})

    names = st.sampled_from([*right, "more"])
    without = names.map(lambda name: json.dumps({k: v for k, v in right.items() if k != name}))
    seen = st.lists(st.sampled_from(WRONG), max_size=4).map(lambda value: wrong("seen", value))
    return (
        st.text()
        | junk.map(json.dumps)
        | st.builds(wrong, names, junk)
        | st.builds(wrong_tracker, st.sampled_from([*tracker]), junk)
        | without
        | seen
        | st.just("[" * 10**5)
    )


def check_text(kind: Kind, text: str, *, legacy: bool = False) -> None:
    """Check that a worker goes on whatever it finds in its cache, and stores what can be stored."""
    cache = MemorySnapshotCache()
    cache.put("ann", "m", text)
    policy = IntervalPolicy() if legacy else None
    desk = Desk(kind, snapshots=cache, policy=policy, plausibility=Plausibility())
    assert desk.recorder.handle("ann", "m", watched(50)).handled
    desk.recorder.handle("ann", "m", [Pause(at=NOW + 50, position=50)])
    desk.clock.now += 80
    desk.recorder.tick()
    desk.recorder.close()
    for record in desk.below.records(9):
        assert ProgressRecord.from_dict(record.to_dict()) == record


@given(kind=kinds, text=foreign_texts(), legacy=st.booleans())
def test_what_is_no_snapshot_never_raises(kind: Kind, text: str, legacy: bool) -> None:
    check_text(kind, text, legacy=legacy)


@pytest.mark.parametrize("field", list(snapshot()))
def test_a_snapshot_with_a_wrong_value_never_raises(field: str) -> None:
    right = snapshot(plausibility=Plausibility())
    for value in WRONG:
        check_text(SYNC, json.dumps(right | {field: value}))


@pytest.mark.parametrize("text", ["", "{}", "null", "[1]", '"x"', "{", "\x00", '{"schema":2}'])
@both
def test_what_is_no_snapshot_is_ignored(kind: Kind, text: str) -> None:
    cache = MemorySnapshotCache()
    cache.put("ann", "m", text)
    desk = Desk(kind, snapshots=cache)
    screen = Screen(desk)
    screen.player.play_to(120)
    assert list(screen.send().decisions) == Tracker().feed(screen.player)


# Logs that arrive faster than they were played


@both
@pytest.mark.parametrize("pieces", [1, 2, 7, 1000])
@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("tells", [False, True])
def test_a_log_that_is_uploaded_at_once_ends_where_its_last_decision_does(
    desk: Desk, pieces: int, ends: bool, tells: bool
) -> None:
    """The server's clock stands still: the decisions are in their order all the same."""
    player = Player(duration=1000, at=NOW - YEARS, interval=1.0)
    player.play_to(400).seek(100).play_to(300).pause(40).seek(700).play_to(950).hide().show()
    if ends:
        player.play_to_end()
    else:
        player.seek(200).play_for(5).pause(60).hide()
    events = player.events
    size = -(-len(events) // pieces)
    decisions: list[SaveDecision] = []
    for start in range(0, len(events), size):
        batch = events[start : start + size]
        sent_at = player.at if tells else None
        revision = 0 if (before := desk.stored()) is None else before.revision
        result = desk.recorder.handle("ann", "m", batch, sent_at=sent_at)
        decisions += result.decisions
        after = desk.stored()
        # One write for all decisions of a batch.
        written = (0 if after is None else after.revision) - revision
        assert written == (result.saved is not None and result.saved.written)
    assert decisions == Tracker().feed(events)
    record = known(desk)
    assert record.position == decisions[-1].position
    assert record.completed == record.finished == ends
    assert record.updated_at <= NOW + 1


@both
def test_what_was_played_is_kept_though_it_ends_where_the_batch_before_did(desk: Desk) -> None:
    player = Player(duration=1000, at=NOW - 1000, interval=1.0).play().seek(90).play_for(10).hide()
    desk.recorder.handle("ann", "m", player.events)
    assert (known(desk).position, known(desk).played) == (100, ((1 << 10) - 1) << 90)
    told = len(player.events)
    player.show().seek(20).play_to(100).hide()
    # The server's clock stands still: both come within less than a second.
    result = desk.recorder.handle("ann", "m", player.events[told:])
    assert result.saved is not None
    assert result.saved.written
    assert (known(desk).position, known(desk).played) == (100, ((1 << 80) - 1) << 20)


@both
def test_all_decisions_of_a_batch_are_one_write(desk: Desk) -> None:
    screen = Screen(desk)
    screen.player.play_to_end()
    result = screen.send()
    assert len(result.decisions) == 7
    assert result.saved is not None
    assert result.saved.reached == (10, 25, 50, 75, 90, 95, 100)
    assert result.saved.newly_completed
    assert known(desk).revision == 1
    assert [one.trigger for one in desk.told if one.occasion is Occasion.SAVE] == [
        Trigger.COMPLETION
    ]


@both
@pytest.mark.parametrize("conflict", ConflictPolicy)
def test_where_a_batch_ends_is_for_the_conflict_policy_to_say(
    kind: Kind, conflict: ConflictPolicy
) -> None:
    desk = Desk(kind, conflict=conflict)
    screen = Screen(desk)
    screen.player.play_to(260).seek(20).play_for(5).hide()
    positions = [decision.position for decision in screen.send().decisions]
    assert positions == [100.0, 250.0, 22.0, 25.0]
    expected = 25.0 if conflict is ConflictPolicy.NEWEST else 250.0
    assert known(desk).position == expected


# What is asked


@both
@pytest.mark.parametrize(
    "ask",
    [
        lambda recorder: recorder.handle("", "m", []),
        lambda recorder: recorder.handle("ann", "\x00", []),
        lambda recorder: recorder.handle("ann", "m", [Tick(at=1.0), "tick"]),
        lambda recorder: recorder.handle("ann", "m", [], sent_at=float("nan")),
    ],
)
def test_what_cannot_be_handled_changes_nothing(desk: Desk, ask: Callable[[Recorder], Any]) -> None:
    with pytest.raises(InvalidValueError):
        ask(desk.recorder)
    assert (desk.recorder.viewings, desk.told) == (0, [])


@pytest.mark.parametrize(
    "wrong",
    [{"viewings": 0}, {"per_viewer": True}, {"viewings": 1.5}, {"idle": 0}, {"idle": float("inf")}],
)
def test_limits_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        LiveLimits(**wrong)


@both
def test_nothing_is_handled_as_well(desk: Desk) -> None:
    result = desk.recorder.handle("ann", "m", [])
    assert result == HandleResult(handled=True, decisions=(), saved=None, deadline=None)


@both
def test_either_mode_goes_on_in_a_cache(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    policy = IntervalPolicy()
    desk = Desk(kind, snapshots=cache, policy=policy, plausibility=Plausibility())
    workers = [desk.recorder, desk.another(snapshots=cache, policy=policy)]
    screen = Screen(desk)
    decisions: list[SaveDecision] = []
    for turn in range(20):
        screen.player.play_for(7)
        decisions += screen.send(workers[turn % 2]).decisions
    assert [decision.position for decision in decisions] == [30, 60, 90, 120]
    # Of the other mode: it goes on all the same.
    changed = desk.another(snapshots=cache)
    screen.player.play_for(120)
    assert [one.milestone for one in screen.send(changed).decisions] == [25]


@both
def test_what_is_played_faster_than_time_passes_is_flagged_on_whichever_worker(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    options: dict[str, Any] = {"snapshots": cache, "plausibility": Plausibility()}
    desk = Desk(kind, **options)
    other = desk.another(**options)
    player = Player(duration=1000, at=NOW).play()
    desk.recorder.handle("ann", "m", player.events)
    told = len(player.events)
    player.play_to(505)
    desk.clock.now += 10
    result = other.handle("ann", "m", player.events[told:], sent_at=player.at)
    assert result.saved is not None
    assert result.saved.implausible


# Threads and tasks


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[tuple[str, ...]]]:
    """Count the events that trackers handle, and see that no two work with one viewing at once."""
    handle = LiveViewing.handle
    counts: Counter[tuple[str, ...]] = Counter()
    inside: set[tuple[str, ...]] = set()

    def counting(self: LiveViewing, events: Any, *arguments: Any) -> Any:
        assert self.key not in inside
        inside.add(self.key)
        try:
            counts[self.key] += sum(isinstance(event, TimeUpdate) for event in events)
            return handle(self, events, *arguments)
        finally:
            inside.discard(self.key)

    with monkeypatch.context() as patch:
        patch.setattr(LiveViewing, "handle", counting)
        yield counts


THREADS, BATCHES = 8, 30


def turn_of(thread: int, number: int) -> tuple[str, str, list[Event]]:
    """Return who tells what: half of the threads the same viewing, the others their own."""
    viewer = "shared" if thread % 2 else f"viewer {thread}"
    at = NOW + 10 * number
    events: list[Event] = [TimeUpdate(at=at + n, position=10.0 * number + n) for n in range(3)]
    return viewer, "m", events


def check(counts: Counter[tuple[str, ...]], recorder: Recorder | AsyncRecorder) -> None:
    assert counts.pop(("shared", "m")) == THREADS // 2 * BATCHES * 3
    assert set(counts.values()) == {BATCHES * 3}
    assert len(counts) == THREADS // 2
    assert not recorder._in_use


@pytest.mark.parametrize("cached", [False, True])
def test_threads_neither_lose_an_event_nor_handle_one_twice(
    monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    clock = Clock()
    snapshots = MemorySnapshotCache() if cached else None
    store = MemoryStore()
    limits = LiveLimits(viewings=4) if cached else None
    recorder = Recorder(store, clock=clock, snapshots=snapshots, live=limits)

    def act(thread: int) -> int:
        handled = 0
        for number in range(BATCHES):
            handled += recorder.handle(*turn_of(thread, number)).handled
            recorder.tick()
        return handled

    with counted(monkeypatch) as counts:
        assert at_once(THREADS, act) == [BATCHES] * THREADS
    check(counts, recorder)
    recorder.close()
    assert recorder.viewings == 0
    played = [record.played for record in store.records(99)]
    assert len(played) == 1 + THREADS // 2
    assert reduce(int.__or__, played)


@pytest.mark.parametrize("cached", [False, True])
def test_tasks_neither_lose_an_event_nor_handle_one_twice(
    monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    snapshots = AwaitedCache(MemorySnapshotCache()) if cached else None
    limits = LiveLimits(viewings=4) if cached else None
    store = MemoryStore()

    async def run() -> AsyncRecorder:
        recorder = AsyncRecorder(Awaited(store), clock=Clock(), snapshots=snapshots, live=limits)

        async def act(thread: int) -> None:
            for number in range(BATCHES):
                assert (await recorder.handle(*turn_of(thread, number))).handled
                await recorder.tick()

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*map(act, range(THREADS)))
            check(counts, recorder)
            await recorder.close()
        return recorder

    with counted(monkeypatch) as counts:
        recorder = asyncio.run(run())
    assert (recorder.viewings, len(store.records(99))) == (0, 1 + THREADS // 2)


def test_a_task_that_is_cancelled_leaves_nothing_behind_and_loses_no_decision() -> None:
    hangs = asyncio.Event()

    class Slow(Awaited):
        async def save(self, record: ProgressRecord) -> ProgressRecord:
            if not hangs.is_set():
                await hangs.wait()
            return await super().save(record)

    store = MemoryStore()

    async def run() -> None:
        clock = Clock()
        recorder = AsyncRecorder(Slow(store), clock=clock, seed=1)
        events = Player(duration=100, at=NOW).play_to(30).events
        first = asyncio.create_task(recorder.handle("ann", "m", events))
        second = asyncio.create_task(recorder.handle("ann", "m", []))
        for _ in range(5):
            await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        await asyncio.wait([first, second])
        assert first.cancelled()
        assert second.cancelled()
        assert not recorder._in_use
        assert (recorder.waiting, recorder.viewings) == (1, 1)
        hangs.set()
        clock.now += 10
        await recorder.tick()
        assert recorder.waiting == 0

    asyncio.run(run())
    [record] = store.records(9)
    assert (record.milestone, record.played) == (25, (1 << 25) - 1)
    assert evolve(record, revision=0).position == 25


# Several players at once


@pytest.mark.parametrize("cached", [False, True])
@both
def test_two_players_of_one_viewer_are_two_viewings(kind: Kind, cached: bool) -> None:
    """Devices whose clocks are a day apart play different parts of one media by turns."""
    cache = MemorySnapshotCache()
    desk = Desk(kind, **({"snapshots": cache} if cached else {}))
    recorders = [desk.recorder, desk.another(snapshots=cache) if cached else desk.recorder]
    for second in range(61):
        desk.clock.now += 1
        recorder = recorders[second % 2]
        for player, clock, start in (("phone", 0.0, 0.0), ("television", 86_400.0, 2000.0)):
            at, position = desk.clock.now + clock, start + second
            kind_of = Play if second == 0 else TimeUpdate
            events = [kind_of(at=at, position=position, duration=3600.0)]
            assert recorder.handle("ann", "m", events, player=player).handled
    assert recorders[0].viewings == 2
    for recorder in recorders:
        recorder.close()
    stored = desk.stored()
    assert stored is not None
    assert stored.played == (1 << 60) - 1 | ((1 << 60) - 1) << 2000


@both
def test_starting_over_ends_the_viewings_of_all_players(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache)
    for player in (None, "phone", "television"):
        events = [Play(at=NOW, position=50.0, duration=100.0)]
        desk.recorder.handle("ann", "m", events, player=player)
        desk.recorder.handle("ann", "n", events, player=player)
    desk.recorder.reset("ann", "m")
    assert desk.recorder.viewings == 3
    assert [cache.get("ann", "m", player) for player in ("", "phone", "television")] == [None] * 3
    assert cache.get("ann", "n", "phone") is not None


@both
def test_a_player_is_called_by_an_identifier(kind: Kind) -> None:
    with pytest.raises(InvalidValueError, match="player"):
        Desk(kind).recorder.handle("ann", "m", [], player="\0")
