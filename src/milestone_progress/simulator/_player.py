"""A media element on virtual time: what a viewer does goes in, the events of a browser come out.

The order of events is the one recorded from Chromium. Where it surprises, the recordings surprise:
the first `TimeUpdate` of a seek comes before its `Seeked`; a seek while playing ends with a `Play`
that nobody asked for; a `Pause` comes before every `Ended`; a loop never ends but seeks to 0.
Where there is no recording, the HTML Standard ("Media elements") decides.
"""

from collections.abc import Iterator
from math import inf
from random import Random
from typing import Self

from .._events import (
    Complete,
    Emptied,
    Ended,
    Event,
    MediaInfo,
    Pause,
    Play,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Unload,
)
from .._numbers import number, number_or_nothing
from ..errors import InvalidValueError

__all__ = ["Player"]

# Seconds that a seek, or the loading of another source, takes: of the order of the recorded ones,
# and a sum of powers of two, like the other defaults, so that the arithmetic on them is exact.
LATENCY = 0.03125
# What Chromium supports. It throws beyond.
SLOWEST, FASTEST = 0.0625, 16.0
# Seconds. mpv reports each frame; nothing reports more often than this.
SHORTEST_INTERVAL = 0.01
# How much the time between two reports varies to either side, as a share of it:
# nine tenths of the recorded ones lie that near to their median.
VARIATION = 0.03


class Player:
    """A scripted media element.

    Each act returns the player itself, so that a viewing reads as one sentence; iterating over it
    yields the events so far. Only the events that the library knows are there: no ``waiting``, no
    ``canplay``. Nothing passes but virtual time, and the same script yields the same events.

    >>> from milestone_progress import Tracker
    >>> viewing = Player(duration=100).play_to(50).pause(31).seek(80).hide().close()
    >>> [(one.trigger.value, one.position) for one in Tracker().feed(viewing)]
    [('milestone', 10.0), ('milestone', 25.0), ('milestone', 50.0), ('unload', 80.0)]

    Args:
        duration: Length of the media, seconds; ``inf`` for a live stream, None (or NaN) if the
            element never tells.
        at: When the media has loaded, Unix seconds.
        interval: Seconds of time between two reports while playing. Chromium takes 0.25 to 0.27.
        loop: Whether the end leads back to the start, as the ``loop`` attribute has it.
        random: What makes the intervals vary by up to 3 %, or the seed of one; None for none.

    Raises:
        InvalidValueError: An argument holds a value it cannot hold.
    """

    def __init__(
        self,
        *,
        duration: float | None,
        at: float = 1_700_000_000.0,
        interval: float = 0.25,
        loop: bool = False,
        random: Random | int | None = None,
    ) -> None:
        self._duration = _length(duration)
        self._start = number("at", at)
        # Time is kept from 0: near 1.7e9 a float has no room left for exact sums.
        self._elapsed = 0.0
        self._interval = number("interval", interval, minimum=SHORTEST_INTERVAL)
        self._loop = loop
        # Jitter is no secret.
        self._random = Random(random) if isinstance(random, int) else random  # noqa: S311
        self._position = 0.0
        self._rate = 1.0
        self._playing = False
        self._hidden = False
        self._events: list[Event] = []
        self._load()

    def __iter__(self) -> Iterator[Event]:
        """Iterate over the events so far."""
        return iter(self._events)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events so far."""
        return tuple(self._events)

    @property
    def at(self) -> float:
        """The present, Unix seconds."""
        return self._start + self._elapsed

    @property
    def position(self) -> float:
        """The playhead, seconds of media."""
        return self._position

    @property
    def duration(self) -> float | None:
        """Length of the media, seconds; ``inf`` if live, None if unknown."""
        return self._duration

    @property
    def playing(self) -> bool:
        """Whether the media plays, or would if it were not stalled."""
        return self._playing

    # What a viewer does

    def play(self) -> Self:
        """Start or resume playback; after the end, from the start again. No time passes."""
        if not self._playing:
            if self._is_at_end():
                self.seek(0)
            self._playing = True
            self._tell(Play)  # play
            self._tell(Play)  # playing
        return self

    def play_to(self, position: float) -> Self:
        """Play until a position, starting or resuming if need be, and be seen there.

        Args:
            position: Seconds of media; beyond the duration it is the end. In a loop a position
                behind the playhead is reached by way of the end.

        Raises:
            InvalidValueError: The position lies behind the playhead.
        """
        position = number("position", position, minimum=0)
        start = 0.0 if self._is_at_end() else self._position
        if position < start and not self._loop:
            expected = f"at least {start:g}, where the playhead is (`seek` goes back)"
            raise InvalidValueError("position", position, expected)
        self.play()
        if position < start:
            self._advance_to(self._end)
        self._advance_to(position)
        return self

    def play_for(self, seconds: float) -> Self:
        """Play for some time, starting or resuming if need be, or to the end if it comes first.

        Args:
            seconds: Seconds of time; at a rate of 2 twice as much media is played.
        """
        media = number("seconds", seconds, minimum=0) * self._rate
        self.play()
        while media > 0 and self._playing:
            step = min(media, self._end - self._position)
            media -= step
            self._advance_to(self._position + step)
        return self

    def play_to_end(self) -> Self:
        """Play to the end; in a loop, until it has begun anew.

        Raises:
            InvalidValueError: There is no end: the duration is unknown or infinite.
        """
        if self._end == inf:
            expected = "known for playing to the end (`learn_duration` first)"
            raise InvalidValueError("duration", self._duration, expected)
        return self.play()._advance_to(self._end)

    def pause(self, seconds: float = 0.0) -> Self:
        """Pause, and do nothing for some seconds of time; playback does not resume by itself."""
        seconds = number("seconds", seconds, minimum=0)
        if self._playing:
            self._playing = False
            self._report()
            self._tell(Pause)
        return self.sleep(seconds)

    def seek(self, position: float) -> Self:
        """Seek to a position, seconds of media; beyond the duration it is the end."""
        return self.scrub(position)

    def scrub(self, *positions: float, every: float = 0.125) -> Self:
        """Drag the playhead along: a burst of seeks.

        Args:
            positions: Where it is dragged to, seconds of media; beyond the duration, the end.
            every: Seconds of time from one seek to the next. A seek that had no time to land
                (about 0.03 s) is overtaken by the next one.
        """
        positions = tuple(number("position", place, minimum=0) for place in positions)
        every = number("every", every, minimum=0)
        for index, position in enumerate(positions):
            self._position = min(position, self._end)
            self._tell(Seeking)
            is_last = index == len(positions) - 1
            if every < LATENCY and not is_last:
                self._elapsed += every
                continue
            self._elapsed += LATENCY
            self._land()
            if not is_last:
                self._elapsed += every - LATENCY
        return self

    def set_rate(self, rate: float) -> Self:
        """Play at another rate from now on, 0.0625 to 16; 1 is normal speed."""
        if not SLOWEST <= number("rate", rate) <= FASTEST:
            raise InvalidValueError(
                "rate", rate, f"from {SLOWEST:g} to {FASTEST:g}, as in Chromium"
            )
        if rate != self._rate:
            self._rate = float(rate)
            self._tell_info()
        return self

    def hide(self) -> Self:
        """Hide the page, as another tab does; playback goes on."""
        if not self._hidden:
            self._hidden = True
            self._tell(Unload)
        return self

    def show(self) -> Self:
        """Return to the page. Nothing is told of that."""
        self._hidden = False
        return self

    def close(self) -> Self:
        """Close the page; with the back button the viewer may yet return (`show`)."""
        self._tell(Unload)  # beforeunload
        self._tell(Unload)  # pagehide
        return self.hide()

    def mark_complete(self) -> Self:
        """Press the application's "mark as complete"."""
        self._tell(Complete)
        return self

    # What happens to a viewer

    def stall(self, seconds: float) -> Self:
        """Run out of data while playing, for some seconds of time; a few ms are normal."""
        seconds = number("seconds", seconds, minimum=0)
        self.play()
        told = min(seconds, self._interval)
        self._elapsed += told
        if told < seconds:
            # One more report from the same place, then silence: so it was recorded.
            self._report()
        self._elapsed += seconds - told
        self._tell(Play)
        return self

    def sleep(self, seconds: float) -> Self:
        """Let time pass without anything moving or being told, as in a laptop that sleeps."""
        self._elapsed += number("seconds", seconds, minimum=0)
        return self

    def tick(self) -> Self:
        """Let the host's timer strike now."""
        self._events.append(Tick(at=self.at))
        return self

    def learn_duration(self, duration: float | None) -> Self:
        """Learn another duration: a stream that grows, or ends.

        Args:
            duration: Seconds, ``inf`` or None, as in the constructor.

        Raises:
            InvalidValueError: It is shorter than what the playhead has reached.
        """
        duration = _length(duration)
        if duration is not None and duration < self._position:
            expected = f"at least {self._position:g}, where the playhead is (`seek` back first)"
            raise InvalidValueError("duration", duration, expected)
        if duration != self._duration:
            self._duration = duration
            self._tell_info()
            if self._is_at_end():
                self._reach_end()
        return self

    def switch_source(self, duration: float | None) -> Self:
        """Load other media into the element; it plays at once if the one before did.

        Args:
            duration: Length of the new media, seconds, ``inf`` or None, as in the constructor.
        """
        duration = _length(duration)
        moved = self._position > 0
        self._duration = None
        self._position = 0.0
        self._rate = 1.0
        self._events.append(Emptied(at=self.at, rate=self._rate))
        if moved:
            # The media is gone, the report of its position comes all the same.
            self._tell(TimeUpdate)
        if self._playing:
            self._tell(Play)  # play
        self._elapsed += LATENCY
        self._duration = duration
        self._load()
        if self._playing:
            self._tell(Play)  # playing
        return self

    # How the element works

    @property
    def _end(self) -> float:
        return inf if self._duration is None else self._duration

    def _is_at_end(self) -> bool:
        return self._position >= self._end

    def _tell(
        self, kind: type[TimeUpdate | Play | Pause | Seeking | Seeked | Ended | Unload | Complete]
    ) -> None:
        event = kind(at=self.at, position=self._position, duration=self._duration, rate=self._rate)
        self._events.append(event)

    def _tell_info(self) -> None:
        self._events.append(MediaInfo(at=self.at, duration=self._duration, rate=self._rate))

    def _report(self) -> None:
        """Report the playhead, if that was not just done."""
        last = self._events[-1] if self._events else None
        if not (
            isinstance(last, TimeUpdate) and last.position == self._position and last.at == self.at
        ):
            self._tell(TimeUpdate)

    def _load(self) -> None:
        if self._duration is not None:
            self._tell_info()  # durationchange
            self._tell_info()  # loadedmetadata

    def _advance_to(self, target: float) -> Self:
        """Play to a position, or to the end if that comes first."""
        target = min(target, self._end)
        while self._position < target:
            before = self._position
            step = self._interval * self._rate
            if self._random is not None:
                step *= self._random.uniform(1 - VARIATION, 1 + VARIATION)
            self._position = min(before + step, target)
            self._elapsed += (self._position - before) / self._rate
            if self._is_at_end():
                self._reach_end()
                break
            self._tell(TimeUpdate)
        return self

    def _land(self) -> None:
        self._tell(TimeUpdate)
        self._tell(Seeked)
        if self._is_at_end():
            self._reach_end()
        elif self._playing:
            self._tell(Play)  # playing

    def _reach_end(self) -> None:
        if self._loop:
            self.seek(0)
            return
        self._report()
        if self._playing:
            self._playing = False
            self._tell(Pause)
        self._tell(Ended)


def _length(duration: float | None) -> float | None:
    length = number_or_nothing("duration", duration)
    if length is None and duration is not None and duration <= 0:
        expected = "more than 0 seconds, infinity (live) or None (unknown)"
        raise InvalidValueError("duration", duration, expected)
    return length
