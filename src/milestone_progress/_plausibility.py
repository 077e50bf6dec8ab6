"""Whether reported progress can be true: nobody watches faster than time passes.

A player says where it is, and nobody can see whether somebody watched. But the server's own clock
tells how long a viewing has been going on, and how much can have been played by then. What goes
beyond is told of, never refused: a viewer may skip to the end, and an operator may want to know.
"""

from enum import StrEnum

from attrs import field, frozen

from ._numbers import number
from ._record import ProgressRecord
from .errors import InvalidValueError

__all__ = ["Claim", "Implausible", "Plausibility"]

# Seconds. What is older when it is sent was told of late: by a device that was offline.
LATE = 60.0
# Of how many viewers it is remembered since when they watch what, and of how many media of each: by
# inventing media nobody makes others be forgotten.
REMEMBERED_VIEWERS = 100_000
REMEMBERED_MEDIAS = 50


class Claim(StrEnum):
    """What somebody claims to have done."""

    #: To have completed the media.
    COMPLETION = "completion"
    #: To have really played so many different seconds of it.
    COVERAGE = "coverage"
    #: To have got so far by playing, what was played twice counting twice.
    POSITION = "position"


@frozen(kw_only=True)
class Implausible:
    """A claim that cannot be true.

    Attributes:
        claim: What is claimed.
        claimed: How much must have been played for it, seconds of media.
        possible: How much can have been played since the viewing was first seen, seconds of media.
        late: Whether it was told of late.
    """

    claim: Claim
    claimed: float
    possible: float
    late: bool


def _rate(value: float) -> float:
    if number("rate", value) <= 0:
        raise InvalidValueError("rate", value, "more than 0")
    return value


def _slack(value: float) -> float:
    return number("slack", value, minimum=0)


@frozen(kw_only=True)
class Plausibility:
    """What is possible; a recorder that is given one flags what is not.

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    #: The fastest playback that is believed. Who watches speech at 3x is rare, at more is rarer.
    rate: float = field(default=4.0, converter=_rate)
    #: Seconds of media that may be more than time explains, and never more than a quarter of the
    #: media: requests overtake each other, and players report a little ahead.
    slack: float = field(default=5.0, converter=_slack)

    def possible(self, elapsed: float, duration: float | None) -> float:
        """Return how much can have been played in a time, seconds of media."""
        slack = self.slack if duration is None else min(self.slack, duration / 4)
        return max(0.0, elapsed) * self.rate + slack


@frozen(kw_only=True)
class Seen:
    """Where a viewing was when it was first seen.

    Attributes:
        at: When that was, Unix seconds of the server's clock.
        furthest: How far the viewer had got by then, seconds of media.
        played: How many different seconds had been played by then.
    """

    at: float
    furthest: float
    played: int


class FirstSeen:
    """Remembers where viewings were when they were first seen; it forgets the least recent."""

    def __init__(self) -> None:
        self._viewers: dict[str, dict[str, Seen]] = {}

    def see(self, viewer: str, media: str, record: ProgressRecord | None, now: float) -> Seen:
        """Return where a viewing was first seen: here, unless it was before.

        Args:
            viewer: Whose.
            media: In what.
            record: What is stored before anything new is.
            now: Unix seconds of the server's clock.
        """
        medias = self._viewers.pop(viewer, {})
        self._viewers[viewer] = medias
        seen = medias.pop(media, None)
        if seen is None:
            seen = Seen(
                at=now,
                furthest=0.0 if record is None else record.furthest,
                played=0 if record is None else record.played.bit_count(),
            )
        medias[media] = seen
        for memory, most in ((self._viewers, REMEMBERED_VIEWERS), (medias, REMEMBERED_MEDIAS)):
            if len(memory) > most:
                del memory[next(iter(memory))]
        return seen

    def forget(self, viewer: str) -> None:
        """Forget a viewer."""
        self._viewers.pop(viewer, None)


def implausible_claims(
    plausibility: Plausibility,
    seen: Seen,
    record: ProgressRecord,
    *,
    now: float,
    newly_completed: bool,
    played_time: float | None,
) -> tuple[Implausible, ...]:
    """Return which claims of a record cannot be true.

    Args:
        plausibility: What is possible.
        seen: Where the viewing was first seen.
        record: What is claimed; ``updated_at`` is when.
        now: When it came, Unix seconds of the server's clock.
        newly_completed: Whether it was not completed before.
        played_time: Seconds of media played since it was first seen, None if nobody knows.
    """
    late = now - record.updated_at > LATE
    elapsed = record.updated_at - seen.at
    if late and elapsed <= 0:
        # All of it happened before anybody looked: an offline device's first sign of life.
        return ()
    claims = []
    if newly_completed and record.duration is not None:
        claims.append((Claim.COMPLETION, record.duration - seen.furthest))
    if record.played:
        claims.append((Claim.COVERAGE, float(record.played.bit_count() - seen.played)))
    if played_time is not None:
        claims.append((Claim.POSITION, played_time))
    possible = plausibility.possible(elapsed, record.duration)
    return tuple(
        Implausible(claim=claim, claimed=claimed, possible=possible, late=late)
        for claim, claimed in claims
        if claimed > possible
    )
