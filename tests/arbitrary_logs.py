"""Arbitrary logs with trackers for them, and what can be measured of a log from outside.

What the laws are tried on: viewings, orderly and not, single events in any order, hostile ones,
and bursts of events so near to each other that their rules meet.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from attrs import asdict, evolve
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from milestone_progress import (
    Complete,
    Emptied,
    Ended,
    Event,
    IntervalPolicy,
    IntervalTracker,
    MediaInfo,
    Pause,
    Play,
    SaveDecision,
    SavePolicy,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Unload,
    tracker_for,
)
from milestone_progress.testing import strategies
from milestone_progress.testing.strategies import EVENT_KINDS, Saved
from oracle import PAUSED, Gesture, Happening, Oracle

AnyTracker = Tracker | IntervalTracker
Policy = SavePolicy | IntervalPolicy

# A power of two near the present, so that sums of it and the times below are exact.
START = 2.0**30
# Of the media that bursts are about, seconds.
DURATION = 100.0


class Handled:
    """How many events trackers were made to handle in this process, for the sake of the laws."""

    events = 0


@dataclass(frozen=True)
class Case:
    """A log, and the tracker that is to handle it."""

    policy: Policy
    record: Saved | None
    events: list[Event]

    def tracker(self) -> AnyTracker:
        return tracker_for(self.policy, self.record)

    def decisions(self) -> list[SaveDecision | None]:
        """Return what a new tracker decides at each event."""
        return decisions_of(self.tracker(), self.events)


def decisions_of(tracker: AnyTracker, events: Sequence[Event]) -> list[SaveDecision | None]:
    """Return what a tracker decides at each event."""
    Handled.events += len(events)
    return [tracker.handle(event) for event in events]


# Cases


def cases(
    policies: SearchStrategy[Policy] | None = None, *, exact: bool = False
) -> SearchStrategy[Case]:
    """Draw any log with any tracker; exact ones add up without rounding."""
    return st.builds(
        Case,
        any_policies(exact=exact) if policies is None else policies,
        st.none() | near_states() | strategies.saved_states(consistent=False, exact=exact),
        logs(exact=exact),
    )


def any_policies(*, exact: bool = False) -> SearchStrategy[Policy]:
    """Draw policies of either mode."""
    return save_policies(exact=exact) | strategies.interval_policies(exact=exact)


def save_policies(*, exact: bool = False) -> SearchStrategy[SavePolicy]:
    """Draw policies of the milestone mode, half of them so eager that short logs meet them."""
    eager = st.builds(
        SavePolicy,
        milestones=st.sampled_from([(10, 25, 50, 75, 90, 95, 100), (50, 100), (0.5, 1, 100)]),
        pause_threshold=st.sampled_from([5.0, 1.0, 0.0]),
        seek_threshold=st.sampled_from([10.0, 3.0, 0.0]),
        seek_settle=st.sampled_from([2.0, 1.0, 0.0]),
        min_save_interval=st.sampled_from([5.0, 30.0, 1.0]),
        max_unsaved=st.sampled_from([10.0, 3.0, 20.0]),
        basis=st.sampled_from(["position", "played"]),
        completion_percent=st.sampled_from([None, 90.0, 10.0]),
        completion_seconds_left=st.sampled_from([None, 10.0, 60.0]),
    )
    return eager | strategies.save_policies(exact=exact)


def near_states() -> SearchStrategy[Saved]:
    """Draw what may have been saved of the media that bursts are about."""
    return st.builds(
        Saved,
        position=st.sampled_from([0.0, 0.5, 1.0, 10.0, 50.0, 99.0, 100.0]),
        duration=st.sampled_from([None, 100.0, 60.0]),
        milestone=st.sampled_from([0.0, 10.0, 50.0, 100.0]),
        completed=st.booleans(),
    )


# Logs


def logs(*, exact: bool = False) -> SearchStrategy[list[Event]]:
    """Draw logs, from whole viewings to nonsense."""
    lists = st.lists(strategies.events(exact=exact), max_size=30)
    if not exact:
        lists |= st.lists(strategies.hostile_events(), max_size=30)
    viewings = strategies.viewings(exact=exact) | strategies.disordered_viewings(exact=exact)
    return bursts() | viewings | bursts() | lists


@dataclass(frozen=True)
class Move:
    """What happens next in a burst, relative to what happened before."""

    kind: type[Event]
    # Before it, and from it to the next one; below 0 the clock is set back.
    seconds: float = 0.0
    times: int = 1
    # Where: there; so much further on; None of both for played on.
    to: float | None = None
    by: float | None = None
    duration: float | None = None
    rate: float | None = None


# Times and positions at which something could go wrong. None stands for what is said most often.
_SELDOM = [None] * 8
_SECONDS = st.sampled_from([0.25, 1.0, 0.0, 2.0, 2.25, 4.0, 10.0, 31.0, 600.0, -1.0, -3600.0])
_TO = st.sampled_from([50.0, 0.0, 0.5, 1.0, 9.5, 10.0, 95.0, 99.0, 99.5, 100.0, 300.0])
_BY = st.sampled_from([0.0, 0.25, 1.25, 10.0, 11.0, -0.5, -1.25, -15.0])


def moves(kinds: Collection[type[Event]] = (TimeUpdate, *EVENT_KINDS)) -> SearchStrategy[Move]:
    """Draw single events, anywhere and at any time."""
    return st.builds(
        Move,
        kind=st.sampled_from(list(kinds)),
        seconds=_SECONDS,
        times=st.sampled_from([1, 1, 1, 2, 4, 16]),
        to=st.sampled_from(_SELDOM) | _TO,
        by=st.none() | _BY,
        duration=st.sampled_from([*_SELDOM, DURATION, 100.25, 60.0, 8.0, inf]),
        rate=st.sampled_from([*_SELDOM, 1.0, 2.0, 0.5, 16.0]),
    )


def acts() -> SearchStrategy[list[Move]]:
    """Draw what viewers do and players tell of it, each now and then a little wrong."""
    anything = moves().map(lambda move: [move])
    return watches() | rests() | seeks() | watches() | scrubs() | anything | stalls() | ends()


def watches() -> SearchStrategy[list[Move]]:
    """Draw some reports while playing, after a `Play` or without."""
    seconds = st.sampled_from([0.25, 1.0, 0.5, 4.0])
    times = st.integers(1, 20)
    reports = st.builds(Move, st.just(TimeUpdate), seconds=seconds, times=times)
    return st.tuples(st.sampled_from([[], [Move(Play, by=0.0)]]), reports).map(
        lambda told: [*told[0], told[1]]
    )


def rests() -> SearchStrategy[list[Move]]:
    """Draw a pause and how it ends, or shows that it is long."""
    back = st.sampled_from([Play, Tick, TimeUpdate, Unload, Seeking, Pause, Complete])
    return st.builds(
        lambda kind, seconds, by: [Move(Pause, 0.25, by=0.0), Move(kind, seconds, by=by)],
        back,
        st.sampled_from([31.0, 5.0, 1.0]),
        by=st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.25, 4.0]),
    )


def seeks() -> SearchStrategy[list[Move]]:
    """Draw a seek: announced, told of by a report before (Chromium, on a click), or hardly told."""
    return st.builds(
        _seek,
        kinds=st.sampled_from(
            [
                (Seeking, TimeUpdate, Seeked),
                (TimeUpdate, Seeking, Seeked),
                (Seeking, Seeked, Play, TimeUpdate),
                (TimeUpdate, Seeking, TimeUpdate, Seeked, Play, Tick),
                (Seeking,),
                (Seeked,),
                (TimeUpdate,),
            ]
        ),
        seconds=st.sampled_from([2.25, 0.25, 0.0, 1.0]),
        to=st.none() | _TO,
        by=st.sampled_from([11.0, -15.0, 30.0, 10.0, -1.25, 0.25]),
    )


def _seek(kinds: Sequence[type[Event]], seconds: float, to: float | None, by: float) -> list[Move]:
    first, *rest = kinds
    return [Move(first, seconds, to=to, by=by), *(Move(kind, seconds, by=0.0) for kind in rest)]


def scrubs() -> SearchStrategy[list[Move]]:
    """Draw seeks and a little playing by turns, so quickly that they may be one gesture."""
    return st.builds(
        lambda by, pause, seconds, times: (
            [
                Move(Seeking, pause, by=by),
                Move(Seeked, by=0.0),
                Move(TimeUpdate, seconds),
            ]
            * times
        ),
        by=st.sampled_from([11.0, 30.0, 0.0, -15.0]),
        pause=st.sampled_from([0.25, 1.0, 2.25]),
        seconds=st.sampled_from([1.0, 0.5]),
        times=st.integers(1, 40),
    )


def stalls() -> SearchStrategy[list[Move]]:
    """Draw reports from the same place."""
    return st.builds(
        lambda seconds, times: [Move(TimeUpdate, seconds, times, by=0.0)],
        st.sampled_from([1.0, 10.0, 31.0]),
        st.integers(1, 3),
    )


def ends() -> SearchStrategy[list[Move]]:
    """Draw the end of the media, or of the viewing."""
    end = Move(TimeUpdate, 0.25, to=DURATION)
    return st.sampled_from(
        [
            [end, Move(Pause, by=0.0), Move(Ended, by=0.0)],
            [Move(Ended, 0.25)],
            [Move(Unload, by=0.0, times=2)],
            [Move(TimeUpdate, 0.25, to=0.0), Move(Unload, by=0.0), Move(Emptied, 0.25)],
            [Move(Complete, 0.25)],
        ]
    )


@dataclass
class Teller:
    """Turns moves into events, at exact times and positions."""

    at: float = START
    position: float = 0.0
    rate: float = 1.0

    def tell(self, *moves: Move) -> list[Event]:
        """Return the events of some moves."""
        return [self._event(move) for move in moves for _ in range(move.times)]

    def _event(self, move: Move) -> Event:
        self.rate = move.rate or self.rate
        self.at += move.seconds
        if move.to is not None:
            self.position = move.to
        else:
            played = max(0.0, move.seconds) * self.rate
            self.position = max(0.0, self.position + (played if move.by is None else move.by))
        kind, at, position = move.kind, self.at, self.position
        if issubclass(kind, (Emptied, MediaInfo, Tick)):
            return kind(at=at, duration=move.duration, rate=move.rate)
        if issubclass(kind, (Ended, Unload)) and move.to is move.by is None:
            return kind(at=at, duration=move.duration, rate=move.rate)
        return kind(at=at, position=position, duration=move.duration, rate=move.rate)


def bursts(*, max_size: int = 20) -> SearchStrategy[list[Event]]:
    """Draw one act after the other, about a media of 100 s mostly."""
    duration = st.sampled_from([DURATION, DURATION, 8.0, 1000.0, inf, None])
    # Lists alone would be short mostly.
    sizes = st.integers(0, max_size)
    lists = sizes.flatmap(lambda size: st.lists(acts(), min_size=size, max_size=size))
    return st.builds(_burst, duration, st.sampled_from([True, True, True, False]), lists)


def _burst(duration: float | None, plays: bool, burst: list[list[Move]]) -> list[Event]:
    beginning: list[Event] = []
    if duration is not None:
        beginning.append(MediaInfo(at=START, duration=duration))
    if plays:
        beginning.append(Play(at=START, position=0))
    return [*beginning, *Teller().tell(*(move for act in burst for move in act))]


@st.composite
def uninterrupted_logs(draw: st.DrawFn) -> list[Event]:
    """Draw logs that begin with the duration and `Play`, and neither seek nor leap.

    There are pauses, the page is hidden now and then but not while below 1 s, and the end may be
    reached.
    """
    duration = draw(st.sampled_from([100.0, 8.0, 1.5, 1000.0, 60.25]))
    position = draw(st.sampled_from([start for start in (0.0, 0.5, 7.0) if start < duration]))
    at = START
    events: list[Event] = [MediaInfo(at=at, duration=duration), Play(at=at, position=position)]
    acts = st.sampled_from(["watch", "watch", "watch", "pause", "hide", "inform", "tick"])
    for act in draw(st.lists(acts, max_size=20)):
        seconds = draw(st.sampled_from([0.25, 1.0, 0.0, 2.0, 4.0, 31.0, 600.0]))
        at += seconds
        match act:
            case "watch":
                events.append(Play(at=at, position=position))
                for _ in range(draw(st.integers(1, 8))):
                    at += seconds
                    # No leap: a step of a second more than was played, or of one back (3.5).
                    by = draw(st.sampled_from([seconds, seconds, seconds + 1, 0.25, -0.25, -1.0]))
                    position = min(duration, max(0.0, position + by))
                    events.append(TimeUpdate(at=at, position=position, duration=duration))
            case "pause":
                events.append(Pause(at=at, position=position))
            case "hide" if position >= 1:
                events.append(Unload(at=at, position=position))
            case "inform":
                rate = draw(st.sampled_from([1.0, 2.0, 0.5]))
                events.append(MediaInfo(at=at, duration=duration, rate=rate))
            case _:
                events.append(Tick(at=at))
    if position == duration and draw(st.booleans()):
        events.append(Ended(at=at))
    return events


def shifted(events: Sequence[Event], seconds: float) -> list[Event]:
    """Return the same events by a clock that shows another time."""
    return [evolve(event, at=event.at + seconds) for event in events]


# What can be measured of a log


def times(events: Sequence[Event]) -> Iterator[float]:
    """Yield the time at each event, seconds: the sum of the forward differences (2.5)."""
    time, last = 0.0, None
    for event in events:
        if last is not None:
            time += max(0.0, event.at - last)
        last = event.at
        yield time


def as_told(event: Event) -> dict[str, object]:
    """Return an event as the oracle reads it."""
    return {
        "kind": type(event).__name__,
        "at": event.at,
        "position": getattr(event, "position", None),
        "duration": event.duration,
        "rate": event.rate,
    }


class Witness(Oracle):
    """The oracle as a witness of what was played: it has nothing in common with the trackers."""

    def __init__(self, case: Case) -> None:
        super().__init__(asdict(case.policy), asdict(case.record) if case.record else None)
        #: The stretch that the last event showed played.
        self.step: tuple[float, float] | None = None
        #: The stretch that a pause passed over, a second at most: it counts as played (3.7).
        self.bridge: tuple[float, float] | None = None

    def see(self, event: Event) -> None:
        self.step = self.bridge = None
        self.handle(as_told(event))

    @property
    def time(self) -> float:
        return self._now

    @property
    def gesture(self) -> Gesture | None:
        return self._gesture

    @property
    def is_seeking(self) -> bool:
        return self._seek is not None

    @property
    def protects(self) -> bool:
        """Whether the resume point is protected (4.11)."""
        return self._is_protected()

    def _play_step(self, now: Happening, old: float, new: float) -> None:
        super()._play_step(now, old, new)
        if new > old:
            self.step = old, new

    def _play(self) -> None:
        if self.phase == PAUSED and self._stopped < self.position <= self._stopped + 1:
            self.bridge = self._stopped, self.position
        super()._play()


@dataclass
class Stretches:
    """Stretches of media, and how much they cover together."""

    parts: list[tuple[float, float]] = field(default_factory=list)

    def add(self, start: float, end: float) -> None:
        parts = []
        for low, high in self.parts:
            if high < start or low > end:
                parts.append((low, high))
            else:
                start, end = min(start, low), max(end, high)
        self.parts = [*parts, (start, end)]

    def contain(self, start: float, end: float) -> bool:
        return any(low <= start and end <= high for low, high in self.parts)

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.parts)
