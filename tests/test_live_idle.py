"""Viewings that nobody hears of any more: when they have to go, and what is forgotten then."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    Batch,
    Event,
    LiveLimits,
    Pause,
    Play,
    SavePolicy,
    Seeked,
    Seeking,
    TimeUpdate,
    Unload,
)
from milestone_progress._freezing import frozen_viewing, thawed
from milestone_progress._live import LiveViewing
from milestone_progress._record import ConflictPolicy
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.hooks import Occasion
from milestone_progress.stores.memory import MemoryStore
from recorders import ASYNC, NOW, SYNC, Desk, Failing, Fault, Kind, Mood, MoodyCache, both, new

IDLE = 1800.0
kinds = st.sampled_from([SYNC, ASYNC])


@pytest.fixture
def desk(kind: Kind) -> Desk:
    return Desk(kind)


def watched(seconds: int, at: float = NOW, start: float = 0.0) -> list[Event]:
    """Return what a player of a long media tells each second, to be sent at ``at`` and later."""
    begins = Play(at=at, position=start, duration=100_000.0)
    return [begins, *(TimeUpdate(at=at + n, position=start + n) for n in range(1, seconds + 1))]


def position(desk: Desk) -> float | None:
    stored = desk.stored()
    return None if stored is None else stored.position


# When they are due


@both
def test_who_ticks_at_the_deadline_only_saves_what_fell_silent(desk: Desk) -> None:
    desk.recorder.handle("ann", "m", watched(300))
    desk.clock.now += 100
    desk.recorder.handle("bob", "m", watched(300))
    assert desk.recorder.deadline == NOW + IDLE
    desk.clock.now = NOW + IDLE
    desk.recorder.tick()
    assert position(desk) == 300
    assert desk.recorder.deadline == NOW + 100 + IDLE
    desk.recorder.tick(NOW + 100 + IDLE)
    assert desk.recorder.viewings == 0
    assert desk.recorder.deadline is None


@both
def test_a_fallback_is_looked_into_at_once_and_again_when_it_failed(kind: Kind) -> None:
    fallback = Failing(MemoryStore())
    earlier = Desk(kind, fallback=fallback)
    earlier.goes_down()
    earlier.recorder.report("ann", "m", new())
    desk = Desk(kind, fallback=fallback)
    assert desk.recorder.deadline is not None
    assert desk.recorder.deadline <= NOW
    fallback.fault = Fault.BEFORE
    desk.recorder.tick()
    deadline = desk.recorder.deadline
    assert deadline is not None
    assert NOW < deadline <= NOW + 30
    fallback.fault = Fault.NONE
    desk.clock.now = deadline
    desk.recorder.tick()
    desk.drain()
    assert position(desk) == 50
    assert Desk(kind).recorder.deadline is None, "without a fallback there is nothing to look into"


@both
def test_what_a_full_backlog_has_no_room_for_makes_no_deadline(kind: Kind) -> None:
    fallback = Failing(MemoryStore())
    desk = Desk(kind, fallback=fallback, backlog_limit=1)
    desk.goes_down()
    desk.recorder.report("ann", "m", new())
    deadline = desk.recorder.deadline
    assert deadline is not None
    assert deadline > desk.clock.now


acts = st.sampled_from(["report", "watch", "pause", "store", "fallback", "cache", "wait", "other"])


@given(kinds, st.lists(acts, max_size=12), st.integers(1, 3), st.booleans(), st.booleans())
def test_who_ticks_at_each_deadline_comes_to_an_end(
    kind: Kind, steps: list[str], limit: int, batched: bool, cached: bool
) -> None:
    """After a tick at its deadline a recorder waits for a later one, or for nothing any more.

    After two, where the first has made room for what the fallback holds.
    """
    fallback, cache = Failing(MemoryStore()), MoodyCache()
    options: dict[str, Any] = {"fallback": fallback, "backlog_limit": limit}
    options["snapshots"] = cache if cached else None
    options["batch"] = Batch(max_age=2.0, max_count=1) if batched else None
    desk = Desk(kind, **options)
    recorder = desk.recorder

    def tick_at_the_deadline() -> bool:
        deadline = recorder.deadline
        if deadline is None:
            return False
        desk.clock.now = max(desk.clock.now, deadline)
        recorder.tick()
        if recorder.deadline is not None and recorder.deadline <= desk.clock.now:
            recorder.tick()
        assert recorder.deadline is None or recorder.deadline > desk.clock.now
        return True

    for number, step in enumerate(steps):
        at = desk.clock.now
        match step:
            case "report":
                recorder.report("ann", f"{number}", new(ago=0.0))
            case "watch" | "pause":
                desk.clock.now += 5
                if desk.store.fault is Fault.NONE:
                    pauses = [Pause(at=at + 5, position=5.0)] if step == "pause" else []
                    recorder.handle("ann", f"{number}", [*watched(5, at), *pauses])
            case "other":
                fallback.fault = Fault.NONE
                elsewhere = desk.another(fallback=fallback)
                fault, desk.store.fault = desk.store.fault, Fault.BEFORE
                elsewhere.report("bob", f"{number}", new(ago=0.0))
                desk.store.fault = fault
            case "wait":
                tick_at_the_deadline()
            case "cache":
                cache.plan = iter([Mood.FAILS] * 3)
            case _:
                failing = desk.store if step == "store" else fallback
                failing.fault = Fault.NONE if failing.fault is Fault.BEFORE else Fault.BEFORE
    for _ in range(5):
        tick_at_the_deadline()
    desk.comes_back()
    fallback.fault = Fault.NONE
    assert any(not tick_at_the_deadline() for _ in range(100)), "it goes on forever"
    assert (recorder.viewings, recorder.waiting, recorder.queued) == (0, 0, 0)


@both
def test_a_clock_that_was_set_back_keeps_nobody_who_is_silent(desk: Desk) -> None:
    desk.clock.now = NOW + 10_000
    desk.recorder.handle("ann", "m", watched(5))
    desk.clock.now = NOW
    for number in range(50):
        desk.recorder.handle(f"viewer {number}", "m", watched(5))
    assert desk.recorder.deadline == NOW + IDLE
    desk.recorder.tick(NOW + IDLE - 1)
    assert desk.recorder.viewings == 51
    desk.recorder.tick(NOW + IDLE)
    assert desk.recorder.viewings == 0


@both
def test_a_clock_that_was_set_back_is_noticed_by_a_tick(desk: Desk) -> None:
    for seconds in (9_990, 10_000):
        desk.clock.now = NOW + seconds
        desk.recorder.handle("ann", f"{seconds}", watched(5))
    desk.clock.now = NOW
    desk.recorder.tick()
    assert desk.recorder.viewings == 2, "they go on"
    assert desk.recorder.deadline == NOW + IDLE


# What is forgotten


def started(at: float) -> list[Event]:
    """Return what a page tells that is left before it has resumed."""
    return [
        Play(at=at, position=0.0, duration=1000.0),
        TimeUpdate(at=at + 1, position=1.0),
        Unload(at=at + 2, position=2.0),
    ]


@both
@pytest.mark.parametrize("player", [None, "tab-7f3a"])
@pytest.mark.parametrize("cached", [False, True])
def test_a_viewing_that_was_idle_is_protected_again(
    kind: Kind, cached: bool, player: str | None
) -> None:
    """A page that tells of the start before it has resumed does not take the place away."""
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache if cached else None)
    jump: list[Event] = [
        Seeking(at=NOW + 200, position=700.0),
        Seeked(at=NOW + 200.1, position=700.0),
    ]
    desk.recorder.handle("ann", "m", watched(199), player=player)
    desk.recorder.handle("ann", "m", jump, player=player)
    desk.clock.now += IDLE + 1
    desk.recorder.tick()
    assert position(desk) == 700
    assert cache.get("ann", "m", player or "") is None
    desk.recorder.handle("ann", "m", started(desk.clock.now), player=player)
    assert position(desk) == 700


@both
def test_a_cache_keeps_no_more_than_there_are_viewings(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache, live=LiveLimits(idle=60.0))
    for number in range(50):
        # Connections of one viewer are players of their own.
        for viewer, player in (("ann", f"tab {number}"), (f"viewer {number}", None)):
            desk.recorder.handle(viewer, "m", watched(5, desk.clock.now), player=player)
        desk.clock.now += 61
        desk.recorder.tick()
        assert desk.recorder.viewings == 0
        assert cache._texts == {}


@both
def test_of_two_players_the_one_that_is_heard_of_is_not_forgotten(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache)
    for player in (None, "tab 1", "tab 2"):
        desk.recorder.handle("ann", "m", watched(5), player=player)
    desk.clock.now += 1000
    desk.recorder.handle("ann", "m", [], player="tab 2")
    desk.recorder.tick(NOW + IDLE + 1)
    assert desk.recorder.viewings == 1
    assert [cache.get("ann", "m", player) is None for player in ("", "tab 1", "tab 2")] == [
        True,
        True,
        False,
    ]


@both
def test_what_another_worker_goes_on_with_is_not_forgotten(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache)
    other = desk.another(snapshots=cache)
    desk.recorder.handle("ann", "m", watched(5))
    desk.clock.now += 1000
    other.handle("ann", "m", watched(5, NOW + 1000, start=5.0))
    desk.recorder.tick(NOW + IDLE + 1)
    assert (desk.recorder.viewings, other.viewings) == (0, 1)
    assert cache.get("ann", "m") is not None
    assert desk.stored() is None, "its progress is for the other one to save"


@both
def test_a_worker_that_closes_or_has_no_room_leaves_its_viewings_to_others(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache, live=LiveLimits(viewings=1))
    desk.recorder.handle("ann", "m", watched(5))
    desk.recorder.handle("bob", "m", watched(5))
    desk.recorder.close()
    assert cache.get("ann", "m") is not None
    assert cache.get("bob", "m") is not None


@both
def test_a_cache_that_cannot_forget_keeps_nothing_from_being_saved(kind: Kind) -> None:
    cache = MoodyCache()
    desk = Desk(kind, snapshots=cache)
    desk.recorder.handle("ann", "m", watched(5))
    cache.plan = iter([Mood.ANSWERS, Mood.FAILS])
    desk.recorder.tick(NOW + IDLE + 1)
    assert (desk.recorder.viewings, position(desk)) == (0, 5)
    assert Occasion.FAILURE in desk.occasions()


# When they are due by what


@both
def test_two_workers_wait_for_the_same_time_whatever_a_batch_says_of_when_it_was_sent(
    kind: Kind,
) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache)
    other = desk.another(snapshots=cache)
    events = [*watched(5), Pause(at=NOW + 5, position=5.0)]
    desk.clock.now = NOW + 5
    told = desk.recorder.handle("ann", "m", events, sent_at=NOW - 95)
    assert told.deadline == NOW + 35
    assert other.handle("ann", "m", [], sent_at=NOW + 5).deadline == told.deadline


def test_a_snapshot_tells_of_no_deadline_and_one_that_does_is_read() -> None:
    viewing = LiveViewing.beginning(("ann", "m"), None, SavePolicy(), NOW)
    events = [*watched(5), Pause(at=NOW + 5, position=5.0)]
    viewing.handle(events, NOW + 5, None, ConflictPolicy.NEWEST)
    data = json.loads(frozen_viewing(viewing))
    assert "due_at" not in data
    for text in (json.dumps(data), json.dumps(data | {"due_at": 5.0})):
        again = thawed(text, viewing.key, SavePolicy())
        assert again is not None
        assert again.due_at == viewing.due_at == NOW + 35
