"""Shadow mode: the other arm's tracker sees the same and counts, and never saves."""

import json

import pytest

from milestone_progress import (
    Arm,
    Event,
    IntervalPolicy,
    LiveLimits,
    Rollout,
    SavePolicy,
    TimeUpdate,
    tracker_for,
)
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.metrics import Counts, Metrics
from milestone_progress.simulator import Player
from recorders import ASYNC, SYNC, Desk, Kind, both
from test_rollout_recorder import Switch
from test_switching import viewing

ARMS: dict[Arm, SavePolicy | IntervalPolicy] = {
    Arm.MILESTONE: SavePolicy(),
    Arm.INTERVAL: IntervalPolicy(),
}
PERCENT = {Arm.MILESTONE: 100, Arm.INTERVAL: 0}
OTHER = {Arm.MILESTONE: Arm.INTERVAL, Arm.INTERVAL: Arm.MILESTONE}
each_arm = pytest.mark.parametrize("arm", list(Arm), ids=str)


def watch(desk: Desk, events: list[Event], workers: int = 1, **options: object) -> None:
    recorders = [desk.recorder, *(desk.another(**options) for _ in range(workers - 1))]
    for number, event in enumerate(events):
        desk.clock.now = max(desk.clock.now, event.at)
        recorders[number % workers].handle("ann", "m", [event])


@both
@each_arm
def test_a_shadow_counts_what_the_other_arm_would_have_saved(kind: Kind, arm: Arm) -> None:
    for seed in range(8):
        metrics = Metrics()
        desk = Desk(kind, policy=Rollout(percent=PERCENT[arm], shadow=True), metrics=metrics)
        events = viewing(seed)
        watch(desk, events)
        counts = metrics.counts(arm)
        other = tracker_for(ARMS[OTHER[arm]])
        assert counts.shadow_writes == len(other.feed(events))
        assert counts.shadowed == counts.played == pytest.approx(other.played_time)
        assert metrics.counts(OTHER[arm]) == Counts()


@both
@each_arm
def test_a_shadow_changes_nothing_that_is_saved(kind: Kind, arm: Arm) -> None:
    for seed in range(8):
        stored = []
        for shadow in (False, True):
            desk = Desk(kind, policy=Rollout(percent=PERCENT[arm], shadow=shadow))
            watch(desk, viewing(seed))
            desk.recorder.close()
            stored.append(desk.stored())
        assert stored[0] == stored[1]


@both
@each_arm
def test_a_shadow_goes_along_with_its_viewing_through_the_cache(kind: Kind, arm: Arm) -> None:
    events = viewing(3)
    found = []
    for workers in (1, 3):
        metrics, cache = Metrics(), MemorySnapshotCache()
        options = {"policy": Rollout(percent=PERCENT[arm], shadow=True), "snapshots": cache}
        desk = Desk(kind, metrics=metrics, **options)
        watch(desk, events, workers, metrics=metrics, **options)
        found.append(metrics.counts(arm))
    assert found[0].shadow_writes > 0
    assert found[0].shadow_writes == found[1].shadow_writes
    assert found[0].shadowed == pytest.approx(found[1].shadowed)


@both
def test_a_batch_counts_once_as_it_is_saved_once(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, policy=Rollout(percent=100, shadow=True), metrics=metrics)
    events = list(Player(duration=1000, interval=1.0).play_to(300))
    desk.recorder.handle("ann", "m", events)
    counts = metrics.counts(Arm.MILESTONE)
    assert (counts.requests, counts.writes, counts.shadow_writes) == (1, 1, 1)


@both
def test_a_shadow_may_begin_and_end_amid_a_viewing(kind: Kind) -> None:
    metrics = Metrics()
    switch = Switch(Rollout(percent=100))
    desk = Desk(kind, policy=switch, metrics=metrics)
    events = list(Player(duration=1000, interval=1.0).play_to(900))
    for number, event in enumerate(events):
        if number == 300:
            switch.rollout = Rollout(percent=100, shadow=True)
        if number == 600:
            switch.rollout = Rollout(percent=100)
        desk.recorder.handle("ann", "m", [event])
    counts = metrics.counts(Arm.MILESTONE)
    assert counts.shadowed == 300
    # It takes over with 50 s at risk, and saves these at once.
    assert counts.shadow_writes == 10


@both
def test_a_shadow_is_told_that_the_viewer_has_left(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(
        kind,
        policy=Rollout(percent=0, shadow=True),
        metrics=metrics,
        live=LiveLimits(idle=60),
    )
    watch(desk, list(Player(duration=1000, interval=1.0).play_to(20)))
    assert metrics.counts(Arm.INTERVAL).shadow_writes == 0
    desk.clock.now += 61
    desk.recorder.tick()
    assert desk.recorder.viewings == 0
    counts = metrics.counts(Arm.INTERVAL)
    assert (counts.shadow_writes, counts.writes) == (1, 0)


@both
def test_when_the_viewer_starts_over_so_does_the_shadow(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, policy=Rollout(percent=0, shadow=True), metrics=metrics)
    other = desk.another()
    player = Player(duration=1000, interval=1.0)
    watch(desk, list(player.play_to(150)))
    other.reset("ann", "m")
    told = len(player.events)
    watch(desk, list(player.play_to(200).events[told:]))
    before = metrics.counts(Arm.INTERVAL).shadow_writes
    told = len(player.events)
    watch(desk, list(player.seek(0).play_to(150).events[told:]))
    # It reaches its first milestone again.
    assert metrics.counts(Arm.INTERVAL).shadow_writes > before


def test_a_viewing_from_a_worker_without_shadows_gets_one() -> None:
    """As in a rolling deployment: what an earlier version left in the cache is understood."""
    for kind in (SYNC, ASYNC):
        cache, metrics = MemorySnapshotCache(), Metrics()
        desk = Desk(kind, snapshots=cache)
        watch(desk, list(Player(duration=1000, interval=1.0).play_to(40)))
        text = cache.get("ann", "m")
        assert text is not None
        data = json.loads(text)
        del data["shadow"]
        cache.put("ann", "m", json.dumps(data))
        later = desk.another(
            snapshots=cache, policy=Rollout(percent=100, shadow=True), metrics=metrics
        )
        at = desk.clock.now + 1
        later.handle("ann", "m", [TimeUpdate(at=at, position=41.0)])
        assert metrics.counts(Arm.MILESTONE).shadow_writes == 1


@both
@each_arm
def test_the_arm_and_the_shadow_may_change_at_once(kind: Kind, arm: Arm) -> None:
    metrics = Metrics()
    switch = Switch(Rollout(percent=PERCENT[arm]))
    desk = Desk(kind, policy=switch, metrics=metrics)
    events = list(Player(duration=1000, interval=1.0).play_to(900))
    for number, event in enumerate(events):
        if number == 300:
            switch.rollout = Rollout(percent=PERCENT[OTHER[arm]], shadow=True)
        desk.recorder.handle("ann", "m", [event])
    counts = metrics.counts(OTHER[arm])
    assert counts.shadowed == counts.played == pytest.approx(600, abs=5)
    # The mode that has stood back goes on where it stood, as if it had saved.
    expected = tracker_for(ARMS[arm])
    expected.feed(events[:300])
    assert counts.shadow_writes == len(expected.feed(events[300:]))
