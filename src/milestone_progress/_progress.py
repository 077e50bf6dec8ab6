"""How far the viewer got: what was played, which milestones were reached, what was completed.

Nothing in this module knows of saving. Rule numbers in comments (4.4) are those of the behaviour
specification in the documentation.
"""

from abc import abstractmethod
from bisect import bisect_right
from math import inf

from ._played import seconds_within
from ._playhead import Playhead
from ._policy import IntervalPolicy, SavePolicy
from ._states import PLAYING, Observation, Phase


class Progress(Playhead):
    """How far a viewer got with the media of a player."""

    __slots__ = ("_goal", "_milestone", "_policy")

    # Of which only the milestones matter here; each mode has its own kind.
    _policy: SavePolicy | IntervalPolicy

    def __init__(self, position: float, milestone: float) -> None:
        super().__init__(position)
        self._milestone = milestone
        # The least position at which anything more can be reached, infinite if nothing can.
        self._goal = inf

    @property
    def phase(self) -> Phase:
        """What the player is doing."""
        return self._phase

    @property
    def position(self) -> float:
        """The playhead, seconds of media."""
        self._catch_up()
        return self._position

    @property
    def duration(self) -> float | None:
        """Length of the media, seconds, None if unknown (live)."""
        return self._duration

    @property
    def percent(self) -> float | None:
        """The playhead as percent 0-100 of the duration, None if that is unknown."""
        return self._percent_of(self.position)

    @property
    def milestone(self) -> float:
        """The highest milestone reached, percent 0-100, 0 if none."""
        return self._milestone

    @property
    def completed(self) -> bool:
        """Whether the media was ever completed."""
        return self._completed

    @property
    def played(self) -> int:
        """The whole seconds really played: bit *n* stands for the second [*n*, *n* + 1).

        With those of the record that the tracker started from, if it had any.
        """
        self._catch_up()
        if self._run_start is None:
            return self._played
        return self._played | seconds_within(self._run_start, self._run_end)

    @property
    def coverage(self) -> float | None:
        """The share 0-1 of the media's whole seconds that was really played.

        None if the duration is unknown or below a second.
        """
        if self._duration is None or self._duration < 1:
            return None
        return min(1.0, self.played.bit_count() / int(self._duration))

    @property
    def played_time(self) -> float:
        """Seconds of media played in all; what was played twice counts twice."""
        self._catch_up()
        return self._played_time

    @abstractmethod
    def _catch_up(self) -> None:
        """Draw the consequences of the events that were only kept so far."""

    def _complete(self, shown: Observation) -> None:
        """Take note that the media was completed (4.5)."""
        shown.completed = True
        self._completed = True
        self._milestone = max(self._milestone, 100)
        self._find_goal()

    def _reach_milestones(self, shown: Observation) -> bool:
        """Reach the milestones up to the playhead; return whether there were any (4.4)."""
        if self._position < self._goal or not self._may_reach(shown):
            return False
        # A seek may pass thousands at once.
        milestones = self._policy.milestones
        reached = bisect_right(milestones, self._counted(), key=self._amount_of)
        milestone = milestones[reached - 1]
        # Where the goal is to complete the media, it has been completed by now.
        assert reached > 0
        assert milestone > self._milestone
        self._milestone = milestone
        self._find_goal()
        return True

    def _may_reach(self, shown: Observation) -> bool:
        """Tell whether an event may show that something was reached (4.4)."""
        return (
            self._seek is None
            and self._gesture is None
            and self._duration_changed_at is None
            # Not at a `Seeked`, unless it settles a gesture or ends the application's seek.
            and not (shown.landed and not shown.settled and not shown.resumed)
            # A `Pause` reports what was played before it.
            and (self._phase is PLAYING or shown.paused or shown.played_to_end)
        )

    def _find_goal(self) -> None:
        """Find out from where on anything more can be reached."""
        self._goal = inf if self._duration is None else self._next_goal()

    def _next_goal(self) -> float:
        """Return the least position, in seconds, at which anything more can be reached.

        The duration must be known.
        """
        milestones = self._policy.milestones
        following = bisect_right(milestones, self._milestone)
        return inf if following == len(milestones) else self._amount_of(milestones[following])

    def _counted(self) -> float:
        """Return how much of the media counts as reached, seconds."""
        return self._position

    def _amount_of(self, milestone: float) -> float:
        """Return how much must have been reached for a milestone, seconds."""
        duration = self._duration
        assert duration is not None
        amount = milestone * duration / 100
        # The last one must be within reach, whatever rounding does to the product.
        return amount if amount < duration else duration

    def _percent_of(self, position: float) -> float | None:
        duration = self._duration
        return None if duration is None else min(100.0, position / duration * 100)
