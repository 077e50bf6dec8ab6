"""The states a player can be in, and what leads from one to another.

Times are those of `_playhead`; positions are seconds of media. Rule numbers in comments (3.2) are
those of the behaviour specification in the documentation.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from attrs import define, frozen

from ._events import Emptied, Ended, Event, Pause, Play


class Phase(StrEnum):
    """What the player is doing; seeking is a condition on top of a phase."""

    #: Nothing played yet.
    IDLE = "idle"
    #: The playhead moves.
    PLAYING = "playing"
    #: The playhead stands, and may go on.
    PAUSED = "paused"
    #: The end was reached.
    ENDED = "ended"


# As names of a module they are found ten times as fast as as attributes of an enumeration (3.11),
# and every event that is looked at closely asks for a dozen.
IDLE, PLAYING, PAUSED, ENDED = Phase


#: Which event leads from a phase to another; every pair that is not named stays where it is.
#: In IDLE, PAUSED and ENDED, `TimeUpdate`s that advance by a second count as `Play` (3.6).
TRANSITIONS: Mapping[Phase, Mapping[type[Event], Phase]] = MappingProxyType(
    {
        Phase.IDLE: {Play: Phase.PLAYING},
        Phase.PLAYING: {Pause: Phase.PAUSED, Ended: Phase.ENDED, Emptied: Phase.IDLE},
        Phase.PAUSED: {Play: Phase.PLAYING, Ended: Phase.ENDED, Emptied: Phase.IDLE},
        # 3.2: a player that ended can end again after a seek.
        Phase.ENDED: {Play: Phase.PLAYING, Ended: Phase.ENDED, Emptied: Phase.IDLE},
    }
)


@define
class Seek:
    """A seek under way: from `Seeking` to `Seeked`. Positions in seconds, times as above."""

    #: Where the playhead was expected when it began.
    origin: float
    #: When the last `Seeking` came.
    announced_at: float
    #: The phase in which it began. In IDLE it is the application's, which resumes (4.1).
    phase: Phase


@define
class Gesture:
    """A burst of seeks that counts as one (4.7). Positions in seconds, times as above."""

    origin: float
    landing: float
    began_at: float
    landed_at: float
    #: Where the last seek began if no event announced it, else None.
    unannounced_origin: float | None


@frozen
class Jump:
    """A step that nothing announced so far (3.5). Positions in seconds, the time as above."""

    origin: float
    landing: float
    at: float


@define
class Ending:
    """What must be known of a player that reached the end (3.2, 3.6)."""

    #: Whether a seek began since.
    sought: bool
    #: The last `TimeUpdate` since, outside a seek.
    position: float | None
    at: float


class Observation:
    """What one event showed, for whoever decides about saving."""

    # A plain class: most events show nothing, and what is not set costs nothing here.

    #: The playhead's position was reported outside a seek, or a seek landed.
    reported: bool = False
    #: A gesture was settled, and whether it moved significantly far.
    settled: bool = False
    significant: bool = False
    #: Where the settled gesture landed.
    landing: float = 0.0
    #: The event is about to begin a new seek; what is shown is the player before it.
    starts_seek: bool = False
    #: A seek landed, and whether it was the one with which the application resumes.
    landed: bool = False
    resumed: bool = False
    #: The media was completed, for the first time.
    completed: bool = False
    #: Where the end was reached, or None.
    finished: float | None = None
    #: The end was reached, and what was played up to it counts (4.15).
    played_to_end: bool = False
    #: Since when the pause had lasted that this event ended, if nobody had judged it.
    paused_since: float | None = None
    #: The event paused a player that was playing.
    paused: bool = False
    #: The report is one that can tell of a looping player's return to the start (4.6).
    tells_wrap: bool = False
