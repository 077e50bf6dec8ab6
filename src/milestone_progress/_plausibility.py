"""Whether reported progress can be true: nobody watches faster than time passes.

A player says where it is, and nobody can see whether somebody watched. But the server's own clock
tells how long a viewing has been going on, and how much can have been played by then. What goes
beyond is told of, never refused: an operator may want to know, and a mistake must cost no viewer
anything.

The rule. A viewing begins for a recorder when it first hears of it: by `load`, `resume_choice`, a
report or an event. If something was stored of it by then, it began when that was stored, and as far
on as that says: so it may go on with another worker, or after a restart. From then on

- a completion is implausible if not even half of what was left could have been played: time x
  ``rate`` + a little. The other half may have been skipped;
- with raw events, which say what was played: so is more played, in all or of different seconds,
  than time x ``rate`` + ``slack`` + a minute, which the first batch may tell of.

With the default rate of 4, whoever completes a whole media within a tenth of its length is told of.
Only what is written is judged. A save that failed is judged when it is tried again.

Late reports. What was decided over a minute before it was sent (``sent_at`` - ``at``) comes from a
device that was offline. If it claims to be older than the viewing, only the device's own clock can
tell: a completion is judged by the time since the earliest of such reports, and what was left then;
what was played in late events is believed, since trackers let nobody play faster than that clock.

What cannot be judged. A first sign of life that is late: all of it was before anybody looked, or is
made up. A completion as the very first sign of life that is not late is told of, though it may be
true: let pages ask for the resume choice before they play, from the worker that gets their reports.
Positions in reports: seeking is legitimate. What was played in reports: they do not say. How long
the media is: the player says so, and of one of unknown length no completion is judged.
"""

from collections import OrderedDict
from enum import StrEnum

from attrs import define, field, frozen

from ._numbers import number
from ._record import ProgressRecord
from .errors import InvalidValueError

__all__ = ["Claim", "Implausible", "Plausibility"]

# Seconds. What is older when it is sent was told of late: by a device that was offline.
LATE = 60.0
# Of what was left when a viewing began, so much must have been played by who completes it.
NOT_SKIPPED = 0.5
# Of what was left, so much of the slack at most: a clip must not be complete before it begins.
LARGEST_SLACK = 0.05
# Seconds of media that the first batch of events may tell of.
FIRST_BATCH = 60.0
# How many viewings are remembered, and how many of one viewer: by inventing media nobody makes more
# than so many of others be forgotten.
REMEMBERED = 100_000
REMEMBERED_OF_VIEWER = 50


class Claim(StrEnum):
    """What somebody claims to have done."""

    #: To have completed the media.
    COMPLETION = "completion"
    #: To have really played so many different seconds of it.
    COVERAGE = "coverage"
    #: To have played so many seconds of it, what was played twice counting twice.
    PLAYED_TIME = "played_time"


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
    #: Seconds of media that may be more than time explains: requests overtake each other, and
    #: players report a little ahead. For a completion never more than a twentieth of what was left.
    slack: float = field(default=5.0, converter=_slack)


@define(eq=False)
class Seen:
    """Where a viewing was when it was first seen.

    Attributes:
        at: When that was, Unix seconds of the server's clock.
        furthest: How far the viewer had got by then, seconds of media; None until the store tells.
        played: How many different seconds had been played by then.
        generation: That of what was stored then.
        late_at: When the earliest of the reports was decided that claim to be older than this,
            Unix seconds; None if there was none.
        late_furthest: How far the viewer had got by then, seconds of media.
        late_played: Seconds of media played that were told of late.
    """

    at: float
    furthest: float | None = None
    played: int = 0
    generation: int = 0
    late_at: float | None = None
    late_furthest: float = 0.0
    late_played: float = 0.0

    def learn(self, stored: ProgressRecord | None) -> None:
        """Take note of what is stored, if that was not known or the viewer has started over."""
        if stored is None:
            self.furthest = self.furthest or 0.0
        elif self.furthest is None or stored.generation > self.generation:
            started_over = self.furthest is not None
            self.at = stored.updated_at if started_over else min(self.at, stored.updated_at)
            self.furthest = stored.furthest
            self.played = stored.played.bit_count()
            self.generation = stored.generation
            self.late_at = None


class FirstSeen:
    """Remembers where viewings were when they were first seen; it forgets the least recent.

    One more of a viewer who has many makes that viewer's least recent one be forgotten; one more of
    all makes the viewer be forgotten who was heard of least recently.
    """

    def __init__(self) -> None:
        # Its first one is found at once, however many were removed before it.
        self._viewers: OrderedDict[str, OrderedDict[str, Seen]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def see(self, viewer: str, media: str, now: float) -> Seen:
        """Return where a viewing was first seen: now, unless it was before."""
        medias = self._viewers.setdefault(viewer, OrderedDict())
        self._viewers.move_to_end(viewer)
        if media in medias:
            medias.move_to_end(media)
            return medias[media]
        seen = medias[media] = Seen(now)
        self._count += 1
        if len(medias) > REMEMBERED_OF_VIEWER:
            medias.popitem(last=False)
            self._count -= 1
        elif self._count > REMEMBERED:
            self._count -= len(self._viewers.popitem(last=False)[1])
        return seen

    def forget(self, viewer: str) -> None:
        """Forget a viewer."""
        self._count -= len(self._viewers.pop(viewer, ()))


def implausible_claims(
    plausibility: Plausibility,
    seen: Seen,
    record: ProgressRecord,
    before: ProgressRecord | None,
    after: ProgressRecord | None,
    *,
    now: float | None,
    played_time: float | None,
) -> tuple[Implausible, ...]:
    """Return which claims of what was stored cannot be true.

    Args:
        plausibility: What is possible.
        seen: Where the viewing was first seen; takes note of what comes late.
        record: What was to be saved; ``updated_at`` is when it is said to have been decided.
        before: What was stored before.
        after: What is stored now; the same if nothing was written.
        now: When it came, Unix seconds of the server's clock; None if nobody knows any more.
        played_time: Seconds of media played since it was first seen, None if nobody knows.
    """
    seen.learn(before)
    assert seen.furthest is not None, "it has just been learnt"
    at = record.updated_at
    late = now is None or now - at > LATE
    since, furthest = seen.at, seen.furthest
    if late and at < since:
        if seen.late_at is None or at < seen.late_at:
            seen.late_at, seen.late_furthest = at, record.furthest
            return ()
        since, furthest = seen.late_at, max(furthest, seen.late_furthest)
    if after is None or after is before:
        return ()
    claims: list[tuple[Claim, float, float]] = []
    known = [one.duration for one in (before, after) if one is not None and one.duration]
    if known and after.completed and not (before is not None and before.completed):
        left = max(0.0, max(known) - furthest)
        slack = min(plausibility.slack, LARGEST_SLACK * left)
        possible = max(0.0, at - since) * plausibility.rate + slack
        claims.append((Claim.COMPLETION, NOT_SKIPPED * left, possible))
    if played_time is not None and now is not None:
        slack = plausibility.slack + FIRST_BATCH + seen.late_played
        possible = max(0.0, now - seen.at) * plausibility.rate + slack
        covered = float(record.played.bit_count() - seen.played)
        claims += [(Claim.COVERAGE, covered, possible), (Claim.PLAYED_TIME, played_time, possible)]
    return tuple(
        Implausible(claim=claim, claimed=claimed, possible=possible, late=late and now is not None)
        for claim, claimed, possible in claims
        if claimed > possible
    )
