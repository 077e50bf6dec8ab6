"""From where a viewer resumes, and what to ask who comes back."""

from collections.abc import Iterable
from enum import StrEnum

from attrs import Attribute, field, frozen

from ._display import format_time
from ._numbers import number, percentage
from ._policy import SavePolicy
from ._record import ProgressRecord
from .errors import InvalidValueError

__all__ = [
    "REWIND_BY_ABSENCE",
    "ResumeChoice",
    "ResumeOption",
    "ResumePoint",
    "ResumePolicy",
    "ResumeReason",
    "resume_choice",
    "resume_point",
]


def _seconds(_policy: object, attribute: "Attribute[float]", value: float) -> None:
    number(attribute.name, value, minimum=0)


def _percent(_policy: object, attribute: "Attribute[float]", value: float) -> None:
    percentage(attribute.name, value)


def _rewind(steps: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    expected = "pairs of seconds away, increasing, and of seconds to go back"
    if isinstance(steps, (str, bytes)) or not isinstance(steps, Iterable):
        raise InvalidValueError("rewind", steps, expected)
    pairs = []
    last = -1.0
    for step in (checked := tuple(steps)):
        if not isinstance(step, (tuple, list)) or len(step) != 2:
            raise InvalidValueError("rewind", checked, expected)
        away, back = (number("rewind", value, minimum=0) for value in step)
        if away <= last:
            raise InvalidValueError("rewind", checked, expected)
        pairs.append((away, back))
        last = away
    return tuple(pairs)


#: For `ResumePolicy.rewind`: 3 s after a minute, 10 s after an hour, 20 s after a day (AntennaPod's
#: steps, which its users like).
REWIND_BY_ABSENCE: tuple[tuple[float, float], ...] = ((60, 3), (3600, 10), (86_400, 20))


@frozen(kw_only=True)
class ResumePolicy:
    """From where a viewer resumes: the exact position saved, but for what is set here.

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    #: Seconds. Who got less far than this starts from the beginning: Kodi has 180, NewPipe 5.
    ignore_start: float = field(default=5.0, validator=_seconds)
    #: Percent 0-100. Who got less far than this starts from the beginning: Jellyfin has 5.
    ignore_start_percent: float = field(default=0.0, validator=_percent)
    #: Seconds. Whom less than this remains starts from the beginning: NewPipe has 60. The length of
    #: the credits, where that is known.
    ignore_end: float = field(default=10.0, validator=_seconds)
    #: Percent 0-100. ``ignore_end`` holds from here on: with 60 and 75, a viewer of a clip of 80 s
    #: is not sent back to its beginning from second 20.
    ignore_end_from_percent: float = field(default=0.0, validator=_percent)
    #: Percent 0-100. Who got beyond this starts from the beginning: Jellyfin has 90, Kodi 92.
    ignore_end_percent: float = field(default=100.0, validator=_percent)
    #: Seconds. Media shorter than this always start from the beginning: Jellyfin has 300.
    minimum_duration: float = field(default=0.0, validator=_seconds)
    #: How far to go back for whom was away: pairs of seconds away, increasing, and of seconds of
    #: media; the last pair that fits counts. `REWIND_BY_ABSENCE` is a good choice.
    rewind: tuple[tuple[float, float], ...] = field(default=(), converter=_rewind)


_DEFAULT_POLICY = ResumePolicy()
# What is nearly the end, where played seconds count: what completes by default.
_NEARLY_ALL_PLAYED = SavePolicy(basis="played")


class ResumeReason(StrEnum):
    """Why a viewer resumes where they do."""

    #: At the position saved, or a little before.
    RESUMED = "resumed"
    #: From the beginning: nothing is stored.
    NO_RECORD = "no_record"
    #: From the beginning: the viewer had hardly begun.
    NEAR_START = "near_start"
    #: From the beginning: completed, and nothing watched since.
    FINISHED = "finished"
    #: From the beginning: hardly anything is left.
    NEAR_END = "near_end"
    #: From the beginning: the media is too short to resume.
    TOO_SHORT = "too_short"


@frozen(kw_only=True)
class ResumePoint:
    """From where to play.

    Attributes:
        position: Seconds of media; 0 unless ``reason`` is `ResumeReason.RESUMED`.
        reason: Why there.
    """

    position: float
    reason: ResumeReason

    @property
    def resumed(self) -> bool:
        """Whether it is not from the beginning on principle."""
        return self.reason is ResumeReason.RESUMED


@frozen(kw_only=True)
class ResumeOption:
    """One of the ways to go on.

    Attributes:
        label: What to call it: ``"Resume from 12:34"``.
        position: From where it plays, seconds of media.
    """

    label: str
    position: float


@frozen(kw_only=True)
class ResumeChoice:
    """What to ask a viewer who comes back.

    Attributes:
        options: Resume and start over, in this order; only the latter if there is nothing to
            resume, and then there is nothing to ask.
        reason: Why.
        last_milestone: Highest milestone reached, percent 0-100, 0 if none.
        record: What is known, for whatever else a page shows; None if nothing is.
    """

    options: tuple[ResumeOption, ...]
    reason: ResumeReason
    last_milestone: float
    record: ProgressRecord | None

    @property
    def position(self) -> float:
        """From where to play if nobody is asked, seconds of media."""
        return self.options[0].position

    @property
    def generation(self) -> int:
        """What reports of this page are to tell as their ``generation``; 0 if nothing is known."""
        return 0 if self.record is None else self.record.generation

    def to_dict(self) -> dict[str, object]:
        """Return the choice as plain JSON data, without the record."""
        return {
            "options": [
                {"label": option.label, "position": option.position} for option in self.options
            ],
            "reason": self.reason.value,
            "last_milestone": self.last_milestone,
            "generation": self.generation,
        }


def resume_point(
    record: ProgressRecord | None,
    policy: ResumePolicy = _DEFAULT_POLICY,
    *,
    now: float,
    duration: float | None = None,
    completion: SavePolicy | None = None,
) -> ResumePoint:
    """Return from where a viewer resumes: the very second saved, or the beginning (6.4).

    >>> record = ProgressRecord(
    ...     viewer="ann", media="film", position=754.2, duration=3600, milestone=10, updated_at=0
    ... )
    >>> resume_point(record, now=60.0)
    ResumePoint(position=754.2, reason=<ResumeReason.RESUMED: 'resumed'>)
    >>> resume_point(record, ResumePolicy(rewind=REWIND_BY_ABSENCE), now=7200.0).position
    744.2

    Args:
        record: What is stored, None if nothing is.
        policy: What is too near the start or the end, and how far to go back after an absence.
        now: Unix seconds of the server's clock.
        duration: Length of the media as it is today, seconds; None for that of the record.
        completion: What completes the media, so that who completed it before the end and left in
            the credits has finished it; None for the end.

    Raises:
        InvalidValueError: ``now`` or ``duration`` is no such number.
    """
    number("now", now)
    if duration is not None and number("duration", duration) <= 0:
        raise InvalidValueError("duration", duration, "more than 0 seconds, or None")
    if record is None:
        return ResumePoint(position=0.0, reason=ResumeReason.NO_RECORD)
    length = record.duration if duration is None else duration
    position = record.position if length is None else min(record.position, length)
    reason = _reason(record, position, length, policy, completion)
    if reason is not ResumeReason.RESUMED:
        return ResumePoint(position=0.0, reason=reason)
    # A clock that was set back says that no time has passed.
    away = max(0.0, now - record.updated_at)
    backs = [back for absence, back in policy.rewind if away >= absence]
    return ResumePoint(position=max(0.0, position - (backs[-1] if backs else 0)), reason=reason)


def has_finished(
    record: ProgressRecord, length: float | None, completion: SavePolicy | None
) -> bool:
    """Whether a viewer completed a media and has watched nothing since, but for its end."""
    if record.finished or not record.completed or length is None:
        return record.finished
    completes_at = length if completion is None else completion.completes_at(length)
    if completion is not None and completion.basis == "played":
        # That half of it was played may complete it, and says of no position that the end is near.
        completes_at = max(completes_at, _NEARLY_ALL_PLAYED.completes_at(length))
    return record.position >= completes_at


def _reason(
    record: ProgressRecord,
    position: float,
    length: float | None,
    policy: ResumePolicy,
    completion: SavePolicy | None,
) -> ResumeReason:
    if has_finished(record, length, completion):
        return ResumeReason.FINISHED
    if length is not None and length < policy.minimum_duration:
        return ResumeReason.TOO_SHORT
    if position < policy.ignore_start:
        return ResumeReason.NEAR_START
    if length is None:
        return ResumeReason.RESUMED
    # Products, not quotients: 100 * position / length can be more than 100 at the end.
    share = 100 * position
    if share < policy.ignore_start_percent * length:
        return ResumeReason.NEAR_START
    is_far = share >= policy.ignore_end_from_percent * length
    near_end = is_far and length - position < policy.ignore_end
    if near_end or share > policy.ignore_end_percent * length:
        return ResumeReason.NEAR_END
    return ResumeReason.RESUMED


def resume_choice(
    record: ProgressRecord | None,
    policy: ResumePolicy = _DEFAULT_POLICY,
    *,
    now: float,
    duration: float | None = None,
    completion: SavePolicy | None = None,
) -> ResumeChoice:
    """Return what to ask a viewer who comes back: to resume, or to start over (6.5).

    The arguments and errors are those of `resume_point`.
    """
    point = resume_point(record, policy, now=now, duration=duration, completion=completion)
    options = [ResumeOption(label="Start from the beginning", position=0.0)]
    if point.position > 0:
        label = f"Resume from {format_time(point.position)}"
        options.insert(0, ResumeOption(label=label, position=point.position))
    return ResumeChoice(
        options=tuple(options),
        reason=point.reason,
        last_milestone=0 if record is None else record.milestone,
        record=record,
    )
