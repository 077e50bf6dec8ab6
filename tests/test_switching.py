"""Switching a viewing in the middle, either way: no position is lost, no milestone told twice."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrary_logs import AnyTracker, any_policies, logs, near_states
from milestone_progress import (
    Complete,
    Event,
    IntervalPolicy,
    IntervalTracker,
    InvalidValueError,
    MediaInfo,
    Pause,
    Phase,
    Play,
    ProgressRecord,
    SaveDecision,
    SavePolicy,
    Seeked,
    Seeking,
    TimeUpdate,
    Tracker,
    Trigger,
    Unload,
    event_from_dict,
    tracker_for,
)
from milestone_progress._switching import restored_following, switched
from milestone_progress.simulator import Player
from test_recordings import NAMES, TRACES

MILESTONE, INTERVAL = SavePolicy(), IntervalPolicy()
Policy = SavePolicy | IntervalPolicy
# Seconds of media: the longest step that is played at once, in a viewing of the simulator.
STEP = 16.0

both_ways = pytest.mark.parametrize("first", [MILESTONE, INTERVAL], ids=["milestone", "interval"])


def viewing(seed: int) -> list[Event]:
    """Return what a player tells of somebody who does anything."""
    random = Random(seed)
    duration = random.choice([60.0, 300.0, 1200.0])
    player = Player(duration=duration, interval=random.choice([1.0, 2.0, 4.0]), random=random)
    for _ in range(random.randint(2, 8)):
        act = random.choice(["play", "play", "play", "pause", "seek", "scrub", "hide", "rate"])
        somewhere = random.uniform(0, duration)
        if act == "play":
            player.play_for(random.uniform(1, duration / 2))
        elif act == "pause":
            player.pause(random.choice([1.0, 31.0, 700.0]))
        elif act == "seek":
            player.seek(somewhere)
        elif act == "scrub":
            player.scrub(*(random.uniform(0, duration) for _ in range(4)))
        elif act == "hide":
            player.hide().show()
        else:
            player.set_rate(random.choice([0.5, 1.0, 2.0]))
        if random.random() < 0.02:
            player.mark_complete()
    if random.random() < 0.5:
        player.play_to_end()
    return list(player.close())


def state(decision: SaveDecision) -> tuple[float, float, bool]:
    return decision.position, decision.last_milestone, decision.completed


def check_decisions(decisions: Iterable[SaveDecision]) -> None:
    """Check what must hold however often a viewing was switched."""
    told, completed, saved = 0.0, False, None
    for decision in decisions:
        if decision.milestone is not None:
            assert decision.milestone > told
            told = decision.milestone
        assert decision.last_milestone >= told
        assert decision.completed >= completed
        completed = decision.completed
        assert state(decision) != saved
        saved = state(decision)


def check_end(tracker: AnyTracker, decisions: Sequence[SaveDecision], unswitched: Tracker) -> None:
    """Check that the player was watched on, and that what is at risk is what the mode promises."""
    assert tracker.position == unswitched.position
    assert tracker.phase == unswitched.phase
    assert tracker.played == unswitched.played
    assert tracker.played_time == pytest.approx(unswitched.played_time)
    assert tracker.duration == unswitched.duration
    last = decisions[-1] if decisions else None
    position = 0.0 if last is None else last.position
    is_saved = abs(position - tracker.position) < 1 or tracker.position < 1
    if isinstance(tracker, IntervalTracker):
        saved = tracker.snapshot()["saved_played_time"]
        assert isinstance(saved, float)
        assert is_saved or tracker.played_time - saved <= INTERVAL.interval + STEP
    elif tracker.phase is not Phase.IDLE:
        # The page has gone away: all is saved but the start.
        assert is_saved
        if last is not None and tracker.position >= 1:
            assert (last.last_milestone, last.completed) == (tracker.milestone, tracker.completed)


def check_cuts(events: Sequence[Event], first: Policy, cuts: Mapping[int, int]) -> None:
    """Check a viewing that is switched at an event, and at a later one back, for each such pair."""
    second = INTERVAL if first is MILESTONE else MILESTONE
    # The page goes away once more, so that whichever mode it is has heard of it.
    events = [*events, Unload(at=events[-1].at)]
    unswitched = Tracker()
    unswitched.feed(events)
    tracker: AnyTracker = tracker_for(first)
    before: list[SaveDecision] = []
    for cut, event in enumerate(events):
        if cut in cuts:
            changed = switched(tracker, second)
            decisions = [*before, *changed.feed(events[cut : cuts[cut]])]
            # Once to the end in the second mode, once back in the first.
            for end in (switched(changed, first), changed):
                rest = [*decisions, *end.feed(events[cuts[cut] :])]
                check_decisions(rest)
                check_end(end, rest, unswitched)
        before += tracker.feed([event])


@both_ways
def test_a_viewing_may_be_switched_at_any_point_and_back(first: Policy) -> None:
    random = Random(1)
    for seed in range(60):
        events = viewing(seed)
        cuts = random.sample(range(len(events)), 6)
        check_cuts(events, first, {cut: random.randint(cut, len(events)) for cut in cuts})


@pytest.mark.slow
@both_ways
def test_a_thousand_viewings_may_be_switched_at_every_point(first: Policy) -> None:
    random = Random(2)
    for seed in range(1_000):
        events = viewing(1_000 + seed)
        cuts = range(len(events))
        check_cuts(events, first, {cut: random.randint(cut, len(events)) for cut in cuts})


@both_ways
@pytest.mark.parametrize("name", NAMES)
def test_a_real_player_may_be_switched(name: str, first: Policy) -> None:
    lines = (TRACES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    events = [one for line in lines if (one := event_from_dict(json.loads(line))) is not None]
    second = INTERVAL if first is MILESTONE else MILESTONE
    for cut in range(0, len(events), max(1, len(events) // 25)):
        tracker: AnyTracker = tracker_for(first)
        decisions = tracker.feed(events[:cut])
        tracker = switched(tracker, second)
        decisions += tracker.feed(events[cut:])
        check_decisions(decisions)


@given(
    logs(),
    st.none() | near_states(),
    st.lists(st.tuples(any_policies(), st.integers(0, 30)), min_size=1, max_size=5),
)
def test_whatever_is_told_and_however_often_it_is_switched(
    events: list[Event], record: Any, turns: list[tuple[Policy, int]]
) -> None:
    """Any events, any policies, any number of switches."""
    tracker: AnyTracker = tracker_for(turns[0][0], record)
    decisions = []
    for policy, count in turns:
        tracker = switched(tracker, policy)
        decisions += tracker.feed(events[:count])
        events = events[count:]
    told = [one.milestone for one in decisions if one.milestone is not None]
    assert all(one < other for one, other in pairwise(told))
    assert not record or all(one > record.milestone for one in told)
    done = [one.completed for one in decisions]
    assert done == sorted(done)
    for one, other in pairwise(decisions):
        assert state(one) != state(other)


@given(logs(), any_policies(), any_policies(), st.none() | near_states())
def test_a_snapshot_of_either_mode_becomes_what_the_tracker_would(
    events: list[Event], policy: Policy, other: Policy, record: Any
) -> None:
    tracker = tracker_for(policy, record)
    tracker.feed(events)
    through_json = json.loads(json.dumps(tracker.snapshot()))
    changed = switched(tracker, other)
    assert restored_following(through_json, other).snapshot() == changed.snapshot()


def test_the_same_policy_leaves_the_tracker_as_it_is() -> None:
    tracker = Tracker(SavePolicy())
    assert switched(tracker, SavePolicy()) is tracker
    eager = switched(tracker, SavePolicy(max_unsaved=60))
    assert eager.snapshot() == tracker.snapshot()


# What waits, by mode


def playing_to(position: float, *, at: float = 0.0) -> list[Event]:
    return [
        Play(at=at, position=0.0, duration=1000.0),
        *(
            TimeUpdate(at=at + second, position=float(second))
            for second in range(int(position) + 1)
        ),
    ]


def test_what_the_milestone_mode_had_at_risk_the_interval_mode_saves_at_once() -> None:
    tracker = Tracker()
    decisions = tracker.feed(playing_to(90))
    assert decisions == []
    [decision] = switched(tracker, INTERVAL).feed([TimeUpdate(at=91.0, position=91.0)])
    assert (decision.trigger, decision.position) == (Trigger.INTERVAL, 91.0)


def test_a_milestone_that_the_interval_mode_has_not_saved_yet_is_saved_at_once() -> None:
    tracker = IntervalTracker()
    assert [one.position for one in tracker.feed(playing_to(105))] == [30, 60, 90]
    assert tracker.milestone == 10
    [decision] = switched(tracker, MILESTONE).feed([TimeUpdate(at=106.0, position=106.0)])
    assert (decision.trigger, decision.milestone) == (Trigger.MILESTONE, 10)


def test_a_pause_that_lasts_becomes_long_in_the_other_mode() -> None:
    tracker = IntervalTracker(IntervalPolicy(pause_debounce=100))
    tracker.feed([*playing_to(35), Pause(at=40.0, position=36.0)])
    changed = switched(tracker, MILESTONE)
    assert changed.deadline == 70.0


def test_a_seek_that_was_held_is_saved_at_the_next_event() -> None:
    tracker = Tracker()
    tracker.feed(
        [
            *playing_to(20),
            Seeking(at=21.0, position=500.0),
            Seeked(at=21.1, position=500.0),
            TimeUpdate(at=24.0, position=502.0),
            Seeking(at=25.0, position=700.0),
            Seeked(at=25.1, position=700.0),
            TimeUpdate(at=28.0, position=702.0),
        ]
    )
    assert tracker.pending == (Trigger.SEEK,)
    [decision] = switched(tracker, INTERVAL).feed([TimeUpdate(at=29.0, position=703.0)])
    assert decision.position == 703.0


def test_the_resume_point_is_protected_before_anything_has_played() -> None:
    record = ProgressRecord(viewer="ann", media="m", position=500.0, updated_at=0.0)
    tracker = switched(IntervalTracker(INTERVAL, record), MILESTONE)
    tracker.feed([MediaInfo(at=0.0, duration=1000.0), Play(at=0.0, position=0.0)])
    assert tracker.feed([TimeUpdate(at=3.0, position=3.0), Unload(at=3.0)]) == []


def test_completed_once_is_not_completed_again() -> None:
    tracker = Tracker()
    [decision] = tracker.feed([*playing_to(2), Complete(at=3.0, position=2.0)])
    assert decision.completed
    changed = switched(tracker, INTERVAL)
    assert changed.completed
    assert changed.feed([Complete(at=4.0, position=2.0)]) == []


def test_a_pause_that_was_not_long_yet_is_saved_at_once_by_the_mode_that_saves_pauses() -> None:
    tracker = Tracker()
    tracker.feed([*playing_to(20), Pause(at=21.0, position=20.0)])
    changed = switched(tracker, INTERVAL)
    assert changed.deadline == 21.0
    [decision] = changed.feed([Unload(at=22.0)])
    assert (decision.trigger, decision.position) == (Trigger.PAUSE, 20.0)
    assert changed.deadline is None


def test_an_open_seek_is_saved_though_the_other_mode_saves_nothing_as_the_page_goes_away() -> None:
    tracker = Tracker()
    tracker.feed([*playing_to(20), Seeking(at=21.0, position=500.0)])
    [decision] = switched(tracker, INTERVAL).feed([Unload(at=22.0)])
    assert decision.position == 500.0


def test_a_resume_point_that_is_protected_is_not_saved_over_by_switching() -> None:
    record = ProgressRecord(viewer="ann", media="m", position=500.0, updated_at=0.0)
    tracker = Tracker(MILESTONE, record)
    tracker.feed([*playing_to(3), Pause(at=4.0, position=3.0)])
    assert switched(tracker, INTERVAL).feed([Unload(at=5.0)]) == []


@pytest.mark.parametrize("policy", [None, 3, "milestone"])
def test_what_is_no_policy_is_refused(policy: Any) -> None:
    with pytest.raises(InvalidValueError, match="policy"):
        switched(Tracker(), policy)


@pytest.mark.parametrize("no_snapshot", [None, {}, {"mode": "both"}, [1]])
@pytest.mark.parametrize("policy", [SavePolicy(), IntervalPolicy()])
def test_what_is_no_snapshot_is_no_ones_to_go_on_with(
    no_snapshot: Any, policy: SavePolicy | IntervalPolicy
) -> None:
    with pytest.raises(InvalidValueError, match="snapshot"):
        restored_following(no_snapshot, policy)
