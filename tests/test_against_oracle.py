"""The trackers against an independent, naive model of the specification, on random logs.

Two things are told apart by the specification's text no further than this:

- With `seek_settle` 0 a report can settle one gesture and open and settle the next. There is one
  decision for both, and which of the two positions it carries is left open.
- A step back of up to a second is no jump, yet it may lead below where the run began; whether the
  run then goes on from there or starts anew is left open (3.7). Played is never more than the
  model's, which lets it go on; where played seconds count, a log is followed up to there.
"""

from dataclasses import asdict
from itertools import compress, count
from math import isclose
from random import Random

import attrs
import pytest
from hypothesis import given

from milestone_progress import (
    Event,
    IntervalTracker,
    SaveDecision,
    Seeked,
    TimeUpdate,
    Tracker,
)
from oracle import Decision, IntervalOracle, Oracle
from viewing_logs import Log, logs, random_log


def _in_milestone_mode(log: Log) -> None:
    record = asdict(log.record) if log.record else None
    tracker = Tracker(log.policy, log.record)
    oracle = Oracle(attrs.asdict(log.policy), record)
    _assert_agreement(tracker, oracle, log.events, immediate=log.policy.seek_settle == 0)


def _in_interval_mode(log: Log) -> None:
    record = asdict(log.record) if log.record else None
    tracker = IntervalTracker(log.interval_policy, log.record)
    oracle = IntervalOracle(attrs.asdict(log.interval_policy), record)
    _assert_agreement(tracker, oracle, log.events, immediate=False)


def _assert_agreement(
    tracker: Tracker | IntervalTracker, oracle: Oracle, events: list[Event], *, immediate: bool
) -> None:
    stepped_back = False
    for number, event in enumerate(events):
        if immediate and oracle.gesture_is_open and isinstance(event, (TimeUpdate, Seeked)):
            return
        before = oracle.position
        decision = tracker.handle(event)
        expected = oracle.handle({"kind": type(event).__name__, **attrs.asdict(event)})
        seen = [oracle.position, oracle.within_duration(getattr(event, "position", None))]
        stepped_back |= any(at is not None and before - 1 <= at < before for at in seen)
        if stepped_back and oracle.by_playing:
            return
        _assert_same_decision(decision, expected, number, event)
        assert (
            tracker.phase,
            tracker.position,
            tracker.duration,
            tracker.milestone,
            tracker.completed,
            tracker.pending,
        ) == (
            oracle.phase,
            oracle.position,
            oracle.duration,
            oracle.milestone,
            oracle.completed,
            oracle.pending,
        ), (number, event)
        played = _seconds(tracker.played)
        assert played <= oracle.played, (number, event)
        assert stepped_back or played == oracle.played, (number, event)


def _assert_same_decision(
    decision: SaveDecision | None, expected: Decision | None, number: int, event: Event
) -> None:
    if decision is None or expected is None:
        assert (decision, expected) == (None, None), (number, event)
        return
    percent, expected_percent = decision.percent, expected.percent
    if percent is not None and expected_percent is not None:
        assert isclose(percent, expected_percent), (number, event)
        expected.percent = percent
    assert attrs.asdict(decision) == asdict(expected), (number, event)


def _seconds(played: int) -> set[int]:
    return set(compress(count(), map(int, reversed(f"{played:b}"))))


@given(logs())
def test_the_tracker_decides_what_the_specification_says(log: Log) -> None:
    _in_milestone_mode(log)


@given(logs())
def test_the_interval_tracker_decides_what_the_specification_says(log: Log) -> None:
    _in_interval_mode(log)


@pytest.mark.parametrize("run", range(4))
def test_the_trackers_decide_what_the_specification_says_on_seeded_logs(run: int) -> None:
    for seed in range(run * 500, (run + 1) * 500):
        log = random_log(Random(seed).choice)
        _in_milestone_mode(log)
        _in_interval_mode(log)


@pytest.mark.slow
@pytest.mark.parametrize("run", range(25))
def test_the_trackers_decide_what_the_specification_says_on_many_logs(run: int) -> None:
    for seed in range(1_000_000 + run * 2_000, 1_000_000 + (run + 1) * 2_000):
        log = random_log(Random(seed).choice)
        _in_milestone_mode(log)
        _in_interval_mode(log)
