"""Who runs against whom."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from audience import simulating_times
from baselines import Nothing, closure, closure_of_positions, closure_that_remembers
from endpoints import request_times
from footprint import bytes_of_trackers, import_times
from milestone_progress import Event, SavePolicy, TimeUpdate, Tracker, event_from_dict
from peers import statemachine_calls, transitions_calls
from race import Race, Ratio
from stopwatch import Lap, at_once, calls, each
from viewings import (
    DEFAULT_MILESTONES,
    HOUR,
    TIME_UPDATES,
    plain_viewing,
    seeking_viewing,
    viewer_hour,
    wire_form,
)

# The peers are slow, and their time per event does not change: they get the first events only.
TRANSITIONS_EVENTS = 1_500
STATEMACHINE_EVENTS = 150


def all_races() -> list[Race]:
    """Return all races, in the order in which they are told of."""
    return [
        _viewing("viewer-hour", viewer_hour(telling_duration=False)),
        _viewing("viewer-hour, a duration on every event", viewer_hour(telling_duration=True)),
        _viewing("hour of TimeUpdates only", plain_viewing(), peers=False),
        _building(),
        _many_milestones(),
        _many_seeks(),
        _many_hours(),
        _making(),
        Race("memory of a tracker", bytes_of_trackers, (), unit="B", rounds=1),
        Race("request", request_times, (Ratio("the library", "by hand"),)),
        Race(
            "viewer-hour simulated",
            simulating_times(),
            (Ratio("simulated", "events replayed"), Ratio("events made", "events replayed")),
            rounds=20,
        ),
        Race("import", import_times(), (Ratio("milestone_progress", "attrs"),), rounds=20),
    ]


def _laps(name: str, laps: Mapping[str, Lap], *ratios: Ratio) -> Race:
    """Return a race whose contestants take turns, every other round in the opposite order."""
    order = list(laps)

    def run() -> Mapping[str, float]:
        order.reverse()
        measures = {contestant: laps[contestant]() for contestant in order}
        return {contestant: measures[contestant] for contestant in laps}

    return Race(name, run, ratios)


def _viewing(name: str, events: Sequence[Event], *, peers: bool = True) -> Race:
    """Return the race over a viewing, each contestant handling what it can."""
    seen = [event for event in events if isinstance(event, TimeUpdate)]
    positions = [event.position for event in seen]
    laps = {
        "closure": each(lambda: closure(DEFAULT_MILESTONES, HOUR), seen),
        "closure that remembers": each(
            lambda: closure_that_remembers(DEFAULT_MILESTONES, HOUR), seen
        ),
        "closure of bare positions": each(
            lambda: closure_of_positions(DEFAULT_MILESTONES, HOUR), positions
        ),
        "empty method": each(lambda: Nothing().handle, seen),
        "handle": each(lambda: Tracker().handle, events),
        "feed": at_once(lambda: Tracker().feed, events),
    }
    ratios = [
        Ratio("handle", "closure"),
        Ratio("feed", "closure"),
        Ratio("handle", "closure that remembers"),
        Ratio("handle", "closure of bare positions"),
        Ratio("empty method", "closure"),
    ]
    if peers:
        laps["transitions"] = calls(
            partial(transitions_calls, events[:TRANSITIONS_EVENTS], DEFAULT_MILESTONES, HOUR)
        )
        laps["python-statemachine"] = calls(
            partial(statemachine_calls, events[:STATEMACHINE_EVENTS], DEFAULT_MILESTONES, HOUR)
        )
        ratios += [
            Ratio("transitions", "handle", more_is_better=True),
            Ratio("python-statemachine", "handle", more_is_better=True),
        ]
    return _laps(name, laps, *ratios)


def _building() -> Race:
    """Return the race of what comes before `handle`: making events."""
    wire = wire_form(plain_viewing(range(2_000)))
    spoken = [{**data, "duration": HOUR} for data in wire]
    lines = [json.dumps(data) for data in wire]

    def build(data: Mapping[str, Any]) -> object:
        return TimeUpdate(at=data["at"], position=data["position"])

    def build_with_duration(data: Mapping[str, Any]) -> object:
        return TimeUpdate(at=data["at"], position=data["position"], duration=data["duration"])

    return _laps(
        "building a TimeUpdate",
        {
            "TimeUpdate(...)": each(lambda: build, wire),
            "TimeUpdate(...) with a duration": each(lambda: build_with_duration, spoken),
            "event_from_dict": each(lambda: event_from_dict, wire),
            "json.loads": each(lambda: json.loads, lines),
        },
        Ratio("TimeUpdate(...)", "json.loads"),
        Ratio("event_from_dict", "json.loads"),
    )


def _many_milestones() -> Race:
    """Return the race of few milestones against many, none of which is crossed."""
    # The viewing stays in the first half, where there are none.
    dense = tuple(50 + index / 20_000 for index in range(1, 1_000_001))
    few, many, most = (SavePolicy(milestones=some) for some in (dense[-7:], dense[9::10], dense))
    events = plain_viewing(range(TIME_UPDATES // 2))
    return _laps(
        "milestones, none crossed",
        {
            "7": each(lambda: Tracker(few).handle, events),
            "100,000": each(lambda: Tracker(many).handle, events),
            "1,000,000": each(lambda: Tracker(most).handle, events),
        },
        Ratio("100,000", "7"),
        Ratio("1,000,000", "7"),
    )


def _many_seeks() -> Race:
    """Return the race of a viewing against itself, 10,000 seeks later."""
    turns = seeking_viewing(10_000)
    first, middle, last = (
        [event for turn in part for event in turn]
        for part in (turns[:100], turns[100:-100], turns[-100:])
    )

    def run() -> Mapping[str, float]:
        handle = Tracker().handle
        parts = [
            each(lambda: handle, first),
            each(lambda: handle, middle),
            each(lambda: handle, last),
        ]
        hundred, between, final = (lap() for lap in parts)
        everything = hundred * len(first) + between * len(middle) + final * len(last)
        return {
            "the first 100": hundred,
            "all 10,000": everything / (len(first) + len(middle) + len(last)),
            "the last 100": final,
        }

    ratios = (Ratio("all 10,000", "the first 100"), Ratio("the last 100", "the first 100"))
    return Race("seeks in one viewing", run, ratios, rounds=20)


def _many_hours() -> Race:
    """Return the race of the first hour of a viewing against ten."""
    hours = [
        plain_viewing(range(start, start + TIME_UPDATES), 10 * HOUR)
        for start in range(0, 10 * TIME_UPDATES, TIME_UPDATES)
    ]

    def run() -> Mapping[str, float]:
        handle = Tracker().handle
        times = [each(lambda: handle, events)() for events in hours]
        return {"1 hour": times[0], "10 hours": sum(times) / len(times)}

    return Race("hours in one viewing", run, (Ratio("10 hours", "1 hour"),))


def _making() -> Race:
    """Return the race of making what handles events."""
    many = [None] * 1_000

    def tracker(_: None) -> object:
        return Tracker()

    def by_hand(_: None) -> object:
        return closure(DEFAULT_MILESTONES, HOUR)

    return _laps(
        "making a tracker",
        {"closure": each(lambda: by_hand, many), "Tracker()": each(lambda: tracker, many)},
        Ratio("Tracker()", "closure"),
    )
