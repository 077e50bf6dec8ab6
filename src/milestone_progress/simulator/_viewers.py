"""Viewers: who watches one media, in visits, on simulated players.

What viewers do is written down before any policy sees it: they come back to where they left, not
to where a policy would have taken them, so that all policies are tried on the same viewers.
"""

from enum import StrEnum

from attrs import frozen

from .._events import Event, Play
from .._numbers import number
from ..errors import InvalidValueError
from ._player import SHORTEST_INTERVAL, Player

__all__ = ["BETWEEN_REPORTS", "Ending", "Viewer", "Visit"]

# Seconds between two reports of a playing player: the median of those recorded from Chromium, as a
# sum of powers of two, so that positions are exact.
BETWEEN_REPORTS = 0.265625
# Where the days of the viewers begin, Unix seconds.
START = 1_700_000_000.0


class Ending(StrEnum):
    """How a visit ends."""

    #: The page is hidden and closed: it can say goodbye.
    GOODBYE = "goodbye"
    #: The application is killed, or the battery is empty: nothing is said.
    KILL = "kill"
    #: The device falls asleep with the page, and its timers with it: nothing is said.
    SUSPENSION = "suspension"
    #: The page stays open, and its timers run.
    LEFT_OPEN = "left open"


@frozen(kw_only=True)
class Visit:
    """A viewer's time at one page, from turning to it to turning away from it.

    Attributes:
        page: Which page, counted from 0: a page that was left open or fell asleep can be visited
            again, and is the same one then.
        resumes: Where the viewer wants to go on, seconds of media, if the page was opened for
            that; None at the first page of all, and at one that was still there.
        events: What the page's player tells, in order.
        ended_at: When the viewer turned away, Unix seconds.
        ending: How.
    """

    page: int
    resumes: float | None
    events: tuple[Event, ...]
    ended_at: float
    ending: Ending

    @property
    def began_at(self) -> float:
        """When playing began, or the first event came if nothing tells of that, Unix seconds."""
        return next((one.at for one in self.events if isinstance(one, Play)), self.events[0].at)


class Viewer:
    """One person and one media, seen through one page after the other.

    Args:
        duration: Length of the media, seconds.
        interval: Seconds between two reports of a player while playing; by default what Chromium
            takes.

    Raises:
        InvalidValueError: An argument holds a value it cannot hold.
    """

    def __init__(self, *, duration: float, interval: float = BETWEEN_REPORTS) -> None:
        if number("duration", duration) <= 0:
            raise InvalidValueError("duration", duration, "more than 0 seconds")
        self.duration = float(duration)
        self.visits: list[Visit] = []
        self._interval = number("interval", interval, minimum=SHORTEST_INTERVAL)
        self._players: list[Player] = []
        self._now = START
        # Where the viewer is with the media, seconds.
        self._place = 0.0
        self._page = -1
        self._resumes: float | None = None
        self._told = 0

    def open(self, *, after: float = 0.0) -> Player:
        """Open a page, whose application goes to where the viewer left off.

        Args:
            after: Seconds since the last visit.
        """
        player = Player(duration=self.duration, at=self._now + after, interval=self._interval)
        self._players.append(player)
        self._resumes = self._place if self.visits else None
        self._page, self._told = len(self._players) - 1, 0
        if self._place:
            player.seek(self._place)
        return player

    def turn_to(self, page: int, *, after: float = 0.0) -> Player:
        """Turn to a page that is still there; its player stands where it was left.

        Args:
            page: Which, counted from 0.
            after: Seconds since the last visit.
        """
        player = self._players[page]
        player.sleep(self._now + after - player.at).show()
        self._resumes = None
        self._page, self._told = page, len(player.events)
        return player

    def turn_away(self, ending: Ending = Ending.GOODBYE) -> None:
        """End the visit."""
        player = self._players[self._page]
        if ending is Ending.GOODBYE:
            player.close()
        self._now, self._place = player.at, player.position
        visit = Visit(
            page=self._page,
            resumes=self._resumes,
            events=player.events[self._told :],
            ended_at=player.at,
            ending=ending,
        )
        self.visits.append(visit)
