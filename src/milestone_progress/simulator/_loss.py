"""What a crash would cost: media played, and not covered by a save, from the events alone.

Nothing here asks a tracker what it thinks was played.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import Self

from attrs import Factory, define, frozen

from .._events import Emptied, Ended, Event, Pause, Play, Seeked, Seeking, TimeUpdate
from .._policy import IntervalPolicy, SavePolicy

__all__ = ["Cover", "Played", "Risk", "Run", "loss_allowed", "risk_of"]

# Seconds of media that a step may be longer than its time says, before it is a jump.
STEP_TOLERANCE = 1.0
# Seconds of media by which a steady run may stray from its rate: positions are rounded.
STEADY = 0.001
# Seconds, of the law of bounded loss: the longest gesture, the least news, and what is played while
# the resume point is protected.
GESTURE, NEWS, PROTECTION = 30.0, 1.0, 10.0


@frozen
class Run:
    """Media played in one go, at a steady rate.

    Attributes:
        began_at: Unix seconds.
        ended_at: Unix seconds.
        low: Where it began, seconds of media.
        high: Where it ended, seconds of media.
    """

    began_at: float
    ended_at: float
    low: float
    high: float


@define
class Played:
    """What was played at a page.

    Attributes:
        runs: In order of time.
        longest_step: Most media between two events, seconds.
        fastest: The highest rate.
    """

    runs: list[Run] = Factory(list)
    longest_step: float = 0.0
    fastest: float = 1.0

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """Return what some events, of one page and one visit, show played."""
        self = cls()
        playing = seeking = False
        rate = 1.0
        # Where the steady run began, and where it is.
        began_at = at = low = high = 0.0
        for event in events:
            kind = type(event)
            if type(event) is TimeUpdate and playing and not seeking and event.rate in (None, rate):
                # Nearly all events: the run goes on.
                step = event.position - high
                if step >= 0.0 and -STEADY <= step - (event.at - at) * rate <= STEADY:
                    at, high = event.at, event.position
                    if step > self.longest_step:
                        self.longest_step = step
                    continue
            if kind is Seeking:
                seeking = True
            elif kind is Emptied:
                playing = seeking = False
            elif not seeking or kind in (Seeked, Ended):
                position: float | None = getattr(event, "position", None)
                if position is not None:
                    step, seconds = position - high, event.at - at
                    is_step = playing and not seeking and _is_step(step, seconds, rate)
                    if is_step:
                        self.longest_step = max(self.longest_step, step)
                    if not is_step or abs(step - seconds * rate) > STEADY:
                        self._end_run(began_at, at, low, high)
                        if is_step:
                            self._end_run(at, event.at, high, position)
                        began_at, low = event.at, position
                    at, high = event.at, position
                if kind is Play:
                    playing = True
                elif kind is Seeked:
                    seeking = False
                elif kind in (Pause, Ended):
                    playing = seeking = False
            if event.rate is not None and event.rate != rate:
                rate = event.rate
                self.fastest = max(self.fastest, rate)
        self._end_run(began_at, at, low, high)
        return self

    def _end_run(self, began_at: float, at: float, low: float, high: float) -> None:
        if high > low:
            self.runs.append(Run(began_at, at, low, high))


def _is_step(step: float, seconds: float, rate: float) -> bool:
    return 0.0 <= step <= max(0.0, seconds) * max(1.0, rate) + STEP_TOLERANCE


@frozen(order=True)
class Cover:
    """A save: what was played before one time is safe from another time on.

    Attributes:
        known_at: When it is safe, Unix seconds.
        covers_at: Up to when what was played is, Unix seconds.
    """

    known_at: float
    covers_at: float


@frozen
class Risk:
    """What is lost if the player crashes.

    Attributes:
        playing: Seconds of time played.
        seconds: The sum over that time of what was at risk: seconds of media × seconds.
        worst: The most that was at risk, seconds of media.
    """

    playing: float
    seconds: float
    worst: float


def risk_of(runs: Sequence[Run], covers: Sequence[Cover]) -> Risk:
    """Return how much of what was played at one page was at risk, and for how long.

    At risk is distinct media: what is heard again is not lost twice.

    Args:
        runs: What was played, in order of time.
        covers: The saves, by the time from which on they are known.
    """
    ledger = _Ledger()
    waiting = iter(covers)
    cover = next(waiting, None)
    for run in runs:
        while cover is not None and cover.known_at < run.ended_at:
            if cover.known_at > run.began_at:
                share = (cover.known_at - run.began_at) / (run.ended_at - run.began_at)
                middle = run.low + share * (run.high - run.low)
                ledger.play(Run(run.began_at, cover.known_at, run.low, middle))
                run = Run(cover.known_at, run.ended_at, middle, run.high)
            ledger.cover(cover.covers_at)
            cover = next(waiting, None)
        ledger.play(run)
    return Risk(ledger.playing, ledger.seconds, ledger.worst)


@define
class _Ledger:
    """What is at risk now: runs not covered, and the media that they show together."""

    runs: list[Run] = Factory(list)
    stretches: list[tuple[float, float]] = Factory(list)
    at_risk: float = 0.0
    playing: float = 0.0
    seconds: float = 0.0
    worst: float = 0.0

    def play(self, run: Run) -> None:
        media = run.high - run.low
        if media <= 0:
            return
        time = run.ended_at - run.began_at
        self.playing += time
        # Over what is at risk already the risk does not grow, over the rest it does.
        here = run.low
        for low, high in [*self.stretches, (inf, inf)]:
            for end, is_new in ((min(low, run.high), True), (min(high, run.high), False)):
                if end > here:
                    more = end - here if is_new else 0.0
                    self.seconds += (self.at_risk + more / 2) * time * (end - here) / media
                    self.at_risk += more
                    here = end
        self.worst = max(self.worst, self.at_risk)
        self.runs.append(run)
        self._join(run.low, run.high)

    def cover(self, at: float) -> None:
        left, self.runs, self.stretches, self.at_risk = self.runs, [], [], 0.0
        for run in left:
            if run.ended_at <= at:
                continue
            if run.began_at < at:
                share = (at - run.began_at) / (run.ended_at - run.began_at)
                run = Run(at, run.ended_at, run.low + share * (run.high - run.low), run.high)
            self.runs.append(run)
            self._join(run.low, run.high)
        for low, high in self.stretches:
            self.at_risk += high - low

    def _join(self, start: float, end: float) -> None:
        apart = []
        for low, high in self.stretches:
            if high < start or low > end:
                apart.append((low, high))
            else:
                start, end = min(start, low), max(end, high)
        self.stretches = sorted([*apart, (start, end)])


def loss_allowed(policy: SavePolicy | IntervalPolicy, played: Sequence[Played]) -> float | None:
    """Return how much may be at risk at a page at most, seconds of media; None for no limit.

    That is the law of bounded loss: ``max_unsaved``, one gesture, one step and a second, and 10
    seconds while the resume point is protected. The interval mode never made such a promise.
    """
    if isinstance(policy, IntervalPolicy) or policy.max_unsaved is None:
        return None
    gesture = GESTURE * max(one.fastest for one in played)
    step = max(one.longest_step for one in played)
    return policy.max_unsaved + gesture + step + NEWS + PROTECTION
