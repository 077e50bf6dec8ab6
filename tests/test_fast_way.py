"""Most events take a fast way through `handle`, and another one through `feed`: neither shows.

A tracker that was just restored knows no fast way; so the others are compared with one that is
restored before every event.
"""

from math import inf
from random import Random

import pytest
from attrs import evolve

from milestone_progress import (
    Event,
    IntervalPolicy,
    IntervalTracker,
    SaveDecision,
    SavePolicy,
    TimeUpdate,
    Tracker,
    tracker_for,
)
from viewing_logs import Log, random_log

Policy = SavePolicy | IntervalPolicy


def restored(tracker: Tracker | IntervalTracker, policy: Policy) -> Tracker | IntervalTracker:
    if isinstance(policy, SavePolicy):
        return Tracker.restore(tracker.snapshot(), policy)
    return IntervalTracker.restore(tracker.snapshot(), policy)


def shown(tracker: Tracker | IntervalTracker) -> tuple[object, ...]:
    return (
        repr(tracker),
        tracker.position,
        tracker.pending,
        tracker.played,
        tracker.played_time,
        tracker.deadline,
    )


def closely(log: Log, policy: Policy) -> tuple[list[SaveDecision], tuple[object, ...]]:
    """Return what a tracker decides that looks closely at every event, and what it shows then."""
    tracker = tracker_for(policy, log.record)
    decisions = []
    for event in log.events:
        tracker = restored(tracker, policy)
        decisions.append(tracker.handle(event))
    return [decision for decision in decisions if decision], shown(tracker)


def repeating(events: list[Event]) -> list[Event]:
    """Return the events of a player that repeats duration and rate with every `timeupdate`."""
    duration, rate = None, 1.0
    told = []
    for event in events:
        duration, rate = event.duration or duration, event.rate or rate
        known = duration if duration != inf else None
        told.append(
            evolve(event, duration=known, rate=rate) if isinstance(event, TimeUpdate) else event
        )
    return told


@pytest.mark.parametrize("repeats", [False, True], ids=["says no more", "repeats"])
@pytest.mark.parametrize("mode", ["milestone", "interval"])
@pytest.mark.parametrize("run", range(4))
def test_the_fast_ways_lead_where_looking_closely_leads(run: int, mode: str, repeats: bool) -> None:
    for seed in range(run * 50, (run + 1) * 50):
        log = random_log(Random(seed).choice)
        if repeats:
            log = Log(log.policy, log.interval_policy, log.record, repeating(log.events))
        policy: Policy = log.policy if mode == "milestone" else log.interval_policy
        expected = closely(log, policy)
        one = tracker_for(policy, log.record)
        decisions = [decision for event in log.events if (decision := one.handle(event))]
        assert (decisions, shown(one)) == expected, seed
        other = tracker_for(policy, log.record)
        assert (other.feed(log.events), shown(other)) == expected, seed
