"""The viewings that are replayed: their events, built before anything is timed."""

from collections.abc import Iterable

from attrs import evolve

from milestone_progress import Event, MediaInfo, Play, SavePolicy, TimeUpdate
from milestone_progress.simulator import Player

HOUR = 3600.0
START = 1_700_000_000.0
INTERVAL = 0.25
TIME_UPDATES = int(HOUR / INTERVAL)

DEFAULT_MILESTONES = SavePolicy().milestones


def viewer_hour(*, telling_duration: bool) -> list[Event]:
    """Return an hour of media as somebody watches it: 14,400 `TimeUpdate`s and 33 other events.

    Args:
        telling_duration: Whether every event tells the duration, or the `MediaInfo`s only.
    """
    viewer = Player(duration=HOUR, at=START, interval=INTERVAL)
    viewer.play_to(300).hide().show().play_to(500).pause(5)
    # The seeks lead 1 s forward in all: their four `TimeUpdate`s stand for that second.
    viewer.play_to(800).seek(1100).play_to(1200).hide().show().play_to(1500).seek(1250)
    viewer.play_to(1700).hide().show().play_to(1800).pause(45)
    viewer.play_to(2000).seek(2400).play_to(2500).seek(2051)
    viewer.play_to(2600).hide().show().play_to(2800).pause(10)
    viewer.play_to(3100).hide().show().play_to(3500).hide().show().play_to_end()
    events = _telling(viewer, HOUR if telling_duration else None)
    time_updates = sum(type(event) is TimeUpdate for event in events)
    assert (time_updates, len(events) - time_updates) == (TIME_UPDATES, 33)
    return events


def plain_viewing(ticks: range = range(TIME_UPDATES), duration: float = HOUR) -> list[Event]:
    """Return a viewing in one go, or a later part of it: a beginning, then only `TimeUpdate`s.

    Args:
        ticks: Which of its `TimeUpdate`s; a part that begins with the first has a beginning.
        duration: Length of the media, seconds.
    """
    begins: list[Event] = [MediaInfo(at=START, duration=duration), Play(at=START, position=0)]
    seen = [TimeUpdate(at=START + tick * INTERVAL, position=tick * INTERVAL) for tick in ticks]
    return [*(begins if ticks.start == 0 else []), *seen]


def seeking_viewing(seeks: int) -> list[list[Event]]:
    """Return the events around each of many seeks: to and fro, with three seconds between them."""
    viewer = Player(duration=HOUR, at=START, interval=INTERVAL).play()
    turns = []
    told = 0
    for turn in range(seeks):
        # Not so regular that the landings would repeat soon.
        viewer.seek((turn * 1234.5) % (HOUR - 10)).play_for(3)
        events = viewer.events
        turns.append(_telling(events[told:], None))
        told = len(events)
    return turns


def wire_form(events: Iterable[Event]) -> list[dict[str, object]]:
    """Return what a page would send of `TimeUpdate`s."""
    return [
        {"type": "timeupdate", "at": event.at, "position": event.position}
        for event in events
        if isinstance(event, TimeUpdate)
    ]


def _telling(events: Iterable[Event], duration: float | None) -> list[Event]:
    """Return events with another duration and no rate, a `MediaInfo` with its own."""
    return [
        evolve(event, rate=None)
        if isinstance(event, MediaInfo)
        else evolve(event, duration=duration, rate=None)
        for event in events
    ]
