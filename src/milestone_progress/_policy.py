"""When to save: every threshold, its default and where the default comes from."""

from collections.abc import Iterable
from typing import Literal

from attrs import Attribute, evolve, field, frozen

from ._numbers import number
from .errors import InvalidValueError

__all__ = ["IntervalPolicy", "SavePolicy"]


def _milestones(values: Iterable[float]) -> tuple[float, ...]:
    expected = "percentages above 0, strictly increasing, the last one 100"
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidValueError("milestones", values, expected)
    milestones = tuple(values)
    last = 0.0
    for milestone in milestones:
        if not last < number("milestones", milestone) <= 100:
            raise InvalidValueError("milestones", milestones, expected)
        last = milestone
    if last != 100:
        raise InvalidValueError("milestones", milestones, expected)
    return milestones


def _seconds(_policy: object, attribute: "Attribute[float]", value: float) -> None:
    number(attribute.name, value, minimum=0)


def _some_seconds(_policy: object, attribute: "Attribute[float]", value: float) -> None:
    if number(attribute.name, value, minimum=0) == 0:
        raise InvalidValueError(attribute.name, value, "more than 0 seconds")


def _some_seconds_or_none(
    policy: object, attribute: "Attribute[float]", value: float | None
) -> None:
    if value is not None:
        _some_seconds(policy, attribute, value)


def _basis(_policy: object, attribute: "Attribute[str]", value: str) -> None:
    if value not in ("position", "played"):
        raise InvalidValueError(attribute.name, value, '"position" or "played"')


def _percentage(_policy: object, attribute: "Attribute[float]", value: float) -> None:
    if not 0 < number(attribute.name, value) <= 100:
        raise InvalidValueError(attribute.name, value, "a percentage above 0, up to 100")


def _percentage_or_none(policy: object, attribute: "Attribute[float]", value: float | None) -> None:
    if value is not None:
        _percentage(policy, attribute, value)


# Where one wants to know of a viewer who came, got half way, stayed to the end.
_DEFAULT_MILESTONES: tuple[float, ...] = (10, 25, 50, 75, 90, 95, 100)
# Percent; the reason is given at `completion_percent`.
_PLAYED_COMPLETES = 95


@frozen(kw_only=True)
class SavePolicy:
    """When the milestone mode saves.

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    #: Percentages 0-100, strictly increasing, the last one 100.
    milestones: tuple[float, ...] = field(default=_DEFAULT_MILESTONES, converter=_milestones)
    #: Seconds. An extended pause is at least this long: a shorter one costs less than the legacy
    #: mode's next save, which came every 30 s.
    pause_threshold: float = field(default=30.0, validator=_seconds)
    #: Seconds of media. A significant seek moves more than this and half a second: a skip button
    #: of 10 s measures 9.7 to 10.2 s in recordings and is not one.
    seek_threshold: float = field(default=10.0, validator=_seconds)
    #: Seconds. A seek gesture is over when nothing was sought for this long: a scrub across the
    #: bar gives ten seeks a second, a row of skips one or two.
    seek_settle: float = field(default=2.0, validator=_seconds)
    #: Seconds between saves for seeks and pauses: so they never cost more than the legacy mode's
    #: save every 30 s did, however a viewer scrubs.
    min_save_interval: float = field(default=30.0, validator=_seconds)
    #: Seconds of played media that may be at risk, None for any amount. 600 leaves an hour watched
    #: in one go at 9 saves (7 milestones, 2 checkpoints); 300 would make it 14.
    max_unsaved: float | None = field(default=600.0, validator=_some_seconds_or_none)
    #: What counts towards milestones and completion: the ``position``, or the seconds really
    #: ``played`` by the viewer in all viewings, which seeking cannot earn. Reports do not say which
    #: these are: for all viewings to count, let `Recorder.handle` decide.
    basis: Literal["position", "played"] = field(default="position", validator=_basis)
    #: Percent 0-100 from which on the media is completed; None for the end if positions count, and
    #: for 95 if played seconds do: each seek and each return costs a part of a second, and who
    #: leaves at the credits has seen it. (The xAPI video players of open learning platforms ask for
    #: 95 % of media that are ten minutes or longer.)
    completion_percent: float | None = field(default=None, validator=_percentage_or_none)
    #: Seconds. It is completed, too, when no more than this is left to be reached, or to be played;
    #: None for any length of credits being part of it.
    completion_seconds_left: float | None = field(default=None, validator=_some_seconds_or_none)
    #: Percent 0-100 that must have been reached, or played, for little being left to complete it:
    #: a minute is all of a short clip.
    completion_least_percent: float = field(default=75.0, validator=_percentage)

    @property
    def completes_at_end(self) -> bool:
        """Whether reaching the end completes the media, and nothing before it does."""
        return (
            self.basis == "position"
            and self.completion_seconds_left is None
            and self.completion_percent in (None, 100)
        )

    def completes_at(self, length: float) -> float:
        """Return how much must be reached, or have been played, for the media to be completed.

        Args:
            length: What there is of it, seconds; if played seconds count, whole ones.
        """
        percent = self.completion_percent
        if percent is None:
            percent = 100 if self.basis == "position" else _PLAYED_COMPLETES
        needed = min(percent * length / 100, length)
        left = self.completion_seconds_left
        if left is None:
            return needed
        return min(needed, max(length - left, self.completion_least_percent * length / 100))

    def thinned(self, duration: float, spacing: float = 30.0) -> "SavePolicy":
        """Return the policy without the milestones that a short media does not need.

        Dropped is each milestone nearer than ``spacing`` to the start, to the one kept before it,
        or to the end; 100 always stays. A clip of 60 s is then saved at 50 and 100 %.

        >>> SavePolicy().thinned(60).milestones
        (50, 100)

        Args:
            duration: Length of the media, seconds.
            spacing: Least distance between milestones, seconds of media.

        Raises:
            InvalidValueError: ``duration`` is not a finite number above 0, or ``spacing`` is not
                one of at least 0.
        """
        if number("duration", duration) <= 0:
            raise InvalidValueError("duration", duration, "more than 0 seconds")
        # A milestone that is exactly `spacing` away stays, whatever rounding does to it.
        nearest = number("spacing", spacing, minimum=0) - 1e-6
        kept: list[float] = []
        last = 0.0
        for milestone in self.milestones[:-1]:
            position = milestone * duration / 100
            if position - last >= nearest and duration - position >= nearest:
                kept.append(milestone)
                last = position
        return evolve(self, milestones=(*kept, self.milestones[-1]))


@frozen(kw_only=True)
class IntervalPolicy:
    """When the legacy mode saves: every so often while playing, and on pause and end.

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    #: Seconds played between two saves: what the platform did before milestones.
    interval: float = field(default=30.0, validator=_some_seconds)
    #: Seconds. A pause saves if the last save is at least this old: browsers and impatient viewers
    #: pause in bursts.
    pause_debounce: float = field(default=5.0, validator=_seconds)
    #: Percentages 0-100, reached and reported as in the milestone mode, but causing no save.
    milestones: tuple[float, ...] = field(default=_DEFAULT_MILESTONES, converter=_milestones)
