"""Random logs of viewings: mostly what players really do, and now and then nonsense.

One generator with two sources of choice: Hypothesis, which shrinks what fails, and a seeded
`random.Random`, which is fifty times faster. All times, positions and rates are multiples of a
power of two, so that no sum of them is rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from milestone_progress import (
    Complete,
    Emptied,
    Ended,
    Event,
    IntervalPolicy,
    MediaInfo,
    Pause,
    Play,
    SavePolicy,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Unload,
)

_T = TypeVar("_T")

_AT_A_POSITION: Sequence[type[TimeUpdate | Play | Pause | Unload | Complete]] = (
    TimeUpdate,
    TimeUpdate,
    Play,
    Pause,
    Unload,
    Complete,
)
_ANY: Sequence[type[Event]] = (
    TimeUpdate,
    Play,
    Pause,
    Seeking,
    Seeked,
    Ended,
    Unload,
    Emptied,
    MediaInfo,
    Tick,
    Complete,
)


class Pick(Protocol):
    """A source of choice. The first option is the plainest: Hypothesis shrinks towards it."""

    def __call__(self, options: Sequence[_T], /) -> _T: ...


@dataclass(frozen=True)
class Saved:
    """What was saved before."""

    position: float
    duration: float | None = None
    milestone: float = 0
    completed: bool = False


@dataclass(frozen=True)
class Log:
    policy: SavePolicy
    interval_policy: IntervalPolicy
    record: Saved | None
    events: list[Event]


def random_log(pick: Pick) -> Log:
    viewer = _Viewer(pick)
    for _ in range(pick(range(1, 25))):
        viewer.do_something()
    return Log(_policy(pick), _interval_policy(pick), _record(pick), viewer.events)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    def pick(options: Sequence[_T], /) -> _T:
        return draw(st.sampled_from(options))

    return random_log(pick)


def _policy(pick: Pick) -> SavePolicy:
    if pick((True, False, False)):
        return SavePolicy()
    return SavePolicy(
        milestones=pick(
            ((10, 25, 50, 75, 90, 95, 100), (100,), (10, 20, 50, 100), (0.5, 99.5, 100))
        ),
        pause_threshold=pick((30.0, 5.0, 0.0)),
        seek_threshold=pick((10.0, 3.0, 0.0)),
        seek_settle=pick((2.0, 2.0, 1.0, 0.0)),
        min_save_interval=pick((30.0, 5.0, 0.0)),
        max_unsaved=pick((600.0, None, 20.0, 10.0)),
        basis=pick(("position", "played")),
        completion_percent=pick((None, None, 100.0, 80.0, 12.5)),
        completion_seconds_left=pick((None, None, 60.0, 5.0, 0.5)),
        completion_least_percent=pick((75.0, 50.0, 0.5)),
    )


def _interval_policy(pick: Pick) -> IntervalPolicy:
    return IntervalPolicy(interval=pick((30.0, 10.0, 1.0)), pause_debounce=pick((5.0, 0.0, 31.0)))


def _record(pick: Pick) -> Saved | None:
    if pick((True, True, False)):
        return None
    return Saved(
        position=pick((0.0, 0.5, 1.0, 5.0, 40.0, 99.0)),
        duration=pick((None, 20.0, 60.0, 100.0)),
        milestone=pick((0, 10, 25, 100)),
        completed=pick((False, False, True)),
    )


class _Viewer:
    """Somebody with a player."""

    def __init__(self, pick: Pick) -> None:
        self._pick = pick
        self._at = 1024.0
        self._position = 0.0
        self._rate = 1.0
        self._duration = pick((60.0, 100.0, 20.0, 8.0, 1000.0, inf, None))
        self.events: list[Event] = []
        if self._duration is not None:
            self._say(MediaInfo(at=self._at, duration=self._duration, rate=pick((None, 1.0))))

    def do_something(self) -> None:
        self._pick(
            (
                *(self._watch,) * 6,
                *(self._seek,) * 4,
                *(self._anything,) * 5,
                self._rest,
                self._leave,
                self._finish,
                self._change_rate,
                self._learn_duration,
                self._jump,
                self._set_clock,
            )
        )()

    def _say(self, event: Event) -> None:
        self.events.append(event)

    def _wait(self, *seconds: float) -> None:
        self._at += self._pick(seconds)

    def _end(self) -> float | None:
        return None if self._duration == inf else self._duration

    def _somewhere(self) -> float:
        """Return a position, most likely one at which something could go wrong."""
        here = self._position
        end = self._end() or 60.0
        return self._pick(
            (
                here,
                here,
                here + 0.25,
                here + 1,
                here + 1.25,
                here + 8,
                here + 11,
                here + 50,
                0.0,
                0.75,
                1.0,
                max(0.0, here - 0.5),
                max(0.0, here - 1.25),
                max(0.0, here - 15),
                end,
                end - 0.75,
                end + 0.25,
                self._pick(range(400)) / 4,
            )
        )

    def _watch(self) -> None:
        step = self._pick((0.25, 1.0, 0.5, 4.0))
        if self._pick((True, False)):
            self._say(Play(at=self._at, position=self._position))
        for _ in range(self._pick(range(1, 10))):
            self._at += step
            self._position += step * self._rate
            end = self._end()
            if end is not None and self._pick((True,) * 9 + (False,)):
                self._position = min(self._position, end)
            self._say(
                TimeUpdate(
                    at=self._at,
                    position=self._position,
                    rate=self._pick((None,) * 15 + (self._rate,)),
                )
            )

    def _seek(self) -> None:
        to = self._somewhere()
        if self._pick((False,) * 4 + (True,)):  # Chromium, on a click
            self._say(TimeUpdate(at=self._at, position=to))
        self._wait(0, 0.25, 1)
        if self._pick((True,) * 9 + (False,)):
            self._say(Seeking(at=self._at, position=to))
        self._wait(0, 0.25, 0.5, 2.25)
        if self._pick((True, False)):
            self._say(TimeUpdate(at=self._at, position=to))
        if self._pick((True,) * 9 + (False,)):
            self._say(Seeked(at=self._at, position=to))
        self._position = to
        if self._pick((False, False, True)):
            self._say(Play(at=self._at, position=to))

    def _jump(self) -> None:
        self._wait(0.25, 1, 2, 2.25)
        self._position = self._somewhere()
        kind = self._pick(_AT_A_POSITION)
        self._say(kind(at=self._at, position=self._position))

    def _anything(self) -> None:
        self._wait(0, 0, 0.25, 1, 2, 2.25, 5, 9.75, 31)
        kind = self._pick(_ANY)
        rate = self._pick((None,) * 15 + (0.5, 2.0))
        duration = self._pick((None,) * 15 + (self._duration, 60.0, inf))
        if issubclass(kind, (Emptied, MediaInfo, Tick)):
            self._say(kind(at=self._at, rate=rate, duration=duration))
            return
        position = self._somewhere()
        if issubclass(kind, (Ended, Unload, Complete)):
            told = self._pick((position, None))
            self._say(kind(at=self._at, position=told, rate=rate, duration=duration))
            return
        if kind is not Pause:
            self._position = position
        self._say(kind(at=self._at, position=position, rate=rate, duration=duration))

    def _rest(self) -> None:
        self._say(Pause(at=self._at, position=self._position))
        self._wait(1, 5, 31)
        back: Sequence[Event] = (Tick(at=self._at), Play(at=self._at, position=self._position))
        self._say(self._pick(back))

    def _leave(self) -> None:
        position = self._pick((self._position, None, 0.0))
        for _ in range(self._pick((2, 1))):
            self._say(Unload(at=self._at, position=position))

    def _finish(self) -> None:
        end = self._end() or self._position
        if self._pick((True, False)):
            self._say(Pause(at=self._at, position=end))
        self._say(Ended(at=self._at, position=self._pick((end, None))))

    def _change_rate(self) -> None:
        self._rate = self._pick((1.0, 2.0, 0.5, 16.0))
        self._say(MediaInfo(at=self._at, rate=self._rate))

    def _learn_duration(self) -> None:
        self._duration = self._pick((60.0, 20.0, 100.0, inf, (self._end() or 20.0) + 0.25))
        self._say(MediaInfo(at=self._at, duration=self._duration))

    def _set_clock(self) -> None:
        self._at += self._pick((-1.0, 11.0, 40.0, -3600.0))
