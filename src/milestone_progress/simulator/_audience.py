"""Audiences: as many seeded viewers as wanted, or those of recordings."""

from collections.abc import Sequence
from hashlib import sha256
from random import Random

from attrs import frozen

from .._events import Event
from .._numbers import number
from ..errors import InvalidValueError
from ._behaviours import MIXES, Mix
from ._faults import Connection
from ._viewers import BETWEEN_REPORTS, Ending, Viewer, Visit

__all__ = ["Audience", "recorded"]


@frozen(kw_only=True)
class Audience:
    """Viewers of media of one length, each the same whenever asked for.

    Attributes:
        duration: Length of the media, seconds.
        viewers: How many.
        mix: Who they are, and what is between them and the server.
        seed: Another one gives other viewers.
        interval: Seconds between two reports of a player while playing; by default what
            Chromium takes.

    Raises:
        InvalidValueError: An attribute holds a value it cannot hold.
    """

    duration: float
    viewers: int
    mix: Mix = MIXES["default"]
    seed: int = 1
    interval: float = BETWEEN_REPORTS

    def __attrs_post_init__(self) -> None:
        if number("duration", self.duration) <= 0:
            raise InvalidValueError("duration", self.duration, "more than 0 seconds")
        if type(self.viewers) is not int or self.viewers < 1:
            raise InvalidValueError("viewers", self.viewers, "a whole number of at least 1")

    def visits(self, index: int) -> tuple[Visit, ...]:
        """Return what one viewer does.

        Args:
            index: Which, counted from 0.
        """
        random = self._random("viewer", index)
        viewer = Viewer(duration=self.duration, interval=self.interval)
        self.mix.behaviour(random)(viewer, random)
        return tuple(viewer.visits)

    def connection(self, index: int) -> Connection:
        """Return what is between that viewer and the server, each time as new."""
        return Connection(self.mix.network, self._random("connection", index))

    def _random(self, purpose: str, index: int) -> Random:
        # Not `hash`, which differs between processes; and of `Random` nothing but `random()`,
        # which is the same in every version of Python.
        text = f"{self.seed} {float(self.duration)!r} {purpose} {index}"
        seed = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
        return Random(seed)  # noqa: S311  # to be predictable is the point


def recorded(events: Sequence[Event]) -> tuple[Visit, ...]:
    """Return the recording of one media as a viewer's only visit, which ends without a goodbye.

    Args:
        events: What a player told, in order.

    Raises:
        InvalidValueError: No time passes in them.
    """
    ended_at = max((event.at for event in events), default=0.0)
    if not events or ended_at <= events[0].at:
        raise InvalidValueError("events", list(events), "events between which time passes")
    visit = Visit(page=0, resumes=None, events=tuple(events), ended_at=ended_at, ending=Ending.KILL)
    return (visit,)
