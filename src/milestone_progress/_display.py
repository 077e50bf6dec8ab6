"""What a viewer is shown of progress: percent, an estimate, markers on the bar, and times."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from ._numbers import number, number_or_nothing, percentage
from ._policy import SavePolicy

__all__ = ["Marker", "display_percent", "estimated_position", "format_time", "markers"]

_DEFAULT_MILESTONES = SavePolicy().milestones


@frozen(kw_only=True)
class Marker:
    """A milestone on the bar.

    Attributes:
        percent: Where, percent 0-100.
        position: Where, seconds of media; None if the duration is unknown.
        reached: Whether the viewer has reached it.
        label: Its name.
    """

    percent: float
    position: float | None
    reached: bool
    label: str


def display_percent(
    position: float,
    duration: float | None,
    *,
    milestone: float = 0,
    milestones: Iterable[float] = _DEFAULT_MILESTONES,
) -> float:
    """Return the percent 0-100 to show for a position; 0 if the duration is unknown (6.1).

    It is that of the position, but never beyond the next milestone: a bar that shows 50 % says that
    50 % was reached.

    Args:
        position: What the player reports, seconds of media.
        duration: Length of the media, seconds; None if unknown.
        milestone: The highest milestone that was reached, or that a landed seek jumped over,
            percent; 0 if none.
        milestones: Those of the policy, percentages, increasing.

    Raises:
        InvalidValueError: The position is no finite number of at least 0, the duration none, or the
            milestone no percentage.
    """
    number("position", position, minimum=0)
    percentage("milestone", milestone)
    length = _length(duration)
    if length is None:
        return 0.0
    # Without what division leaves behind: 99.99999999999999 at the end.
    percent = round(100 * position / length, 9)
    return min(percent, next_milestone(milestone, milestones) or 100.0)


def estimated_position(
    position: float,
    duration: float | None,
    *,
    elapsed: float,
    rate: float = 1.0,
    milestone: float = 0,
    milestones: Iterable[float] = _DEFAULT_MILESTONES,
) -> float:
    """Return where a playing viewer is by now, seconds of media; for display, never to be stored.

    It goes beyond neither the duration nor the next milestone (6.2).

    Args:
        position: What the player reported last, seconds of media.
        duration: Length of the media, seconds; None if unknown.
        elapsed: Seconds since then.
        rate: Playback rate.
        milestone: As in `display_percent`.
        milestones: As in `display_percent`.

    Raises:
        InvalidValueError: One of them is no finite number of at least 0, or the milestone no
            percentage.
    """
    number("position", position, minimum=0)
    percentage("milestone", milestone)
    moved = number("elapsed", elapsed, minimum=0) * number("rate", rate, minimum=0)
    length = _length(duration)
    if length is None:
        return position + moved
    limit = (next_milestone(milestone, milestones) or 100.0) * length / 100
    # A viewer who is beyond the milestone already stays there.
    return min(position + moved, max(min(limit, length), min(position, length)))


def markers(
    duration: float | None,
    *,
    milestone: float = 0,
    milestones: Iterable[float] = _DEFAULT_MILESTONES,
    labels: Mapping[float, str] | None = None,
) -> tuple[Marker, ...]:
    """Return the milestones as markers on the bar, in their order (6.3).

    Args:
        duration: Length of the media, seconds; None if unknown.
        milestone: The highest milestone reached, percent, 0 if none.
        milestones: Those of the policy, percentages, increasing.
        labels: Their names by milestone; one that is missing is called by its percent, ``"25 %"``.

    Raises:
        InvalidValueError: The duration is no number, or the milestone no percentage.
    """
    percentage("milestone", milestone)
    length = _length(duration)
    names = labels or {}
    return tuple(
        Marker(
            percent=percent,
            position=None if length is None else percent * length / 100,
            reached=percent <= milestone,
            label=names.get(percent, f"{percent:g} %"),
        )
        for percent in milestones
    )


def next_milestone(milestone: float, milestones: Iterable[float]) -> float | None:
    """Return the next one above a milestone, None if there is none."""
    return min((percent for percent in milestones if percent > milestone), default=None)


def format_time(seconds: float) -> str:
    """Return seconds as people write them: 0:07, 12:34, 1:02:03.

    >>> format_time(3723.5)
    '1:02:03'

    Raises:
        InvalidValueError: They are no finite number of at least 0.
    """
    minutes, rest = divmod(int(number("seconds", seconds, minimum=0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _length(duration: float | None) -> float | None:
    length = number_or_nothing("duration", duration)
    return None if length is None or length == float("inf") else length
