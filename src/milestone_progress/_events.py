"""The playback events: what a player reports, one frozen class for each kind.

All of them behave alike. They are built with keyword arguments and cannot be built with a wrong
value; they are never subclassed; they carry

- ``at``: when it happened, Unix seconds by the reporter's clock,
- ``position``: the playhead, seconds of media (where the kind has one),
- ``duration``: seconds of media; ``inf`` means live or unknown; NaN, None, 0 and below say nothing,
- ``rate``: playback rate, 1.0 being normal speed; anything not finite and above 0 says nothing.

The names on the wire are the DOM's (HTML Standard, "Event summary" of media elements).
"""

from collections.abc import Mapping
from functools import lru_cache
from math import inf, isinf, nan
from types import MappingProxyType
from typing import ClassVar, get_args

from attrs import field, frozen

from ._numbers import number, number_or_nothing
from .errors import InvalidValueError

__all__ = [
    "Complete",
    "Emptied",
    "Ended",
    "Event",
    "MediaInfo",
    "Pause",
    "Play",
    "Seeked",
    "Seeking",
    "Tick",
    "TimeUpdate",
    "Unload",
    "event_from_dict",
]


# Named functions, not lambdas or partials: the types of the constructors are read off them.
def _at(value: float) -> float:
    return number("at", value)


def _position(value: float) -> float:
    return number("position", value, minimum=0)


def _position_or_none(value: float | None) -> float | None:
    return None if value is None else number("position", value, minimum=0)


def _duration(value: float | None) -> float | None:
    return number_or_nothing("duration", value)


def _rate(value: float | None) -> float | None:
    rate = number_or_nothing("rate", value)
    return None if rate is None or isinf(rate) else rate


@lru_cache(maxsize=1024)
def _pair(duration: float | None, rate: float | None) -> tuple[float | None, float | None]:
    """Return the same pair for the same values, as long as it is remembered."""
    return duration, rate


def saying(duration: float | None, rate: float | None) -> object:
    """Return what an event says of duration and rate as one object, None for nothing."""
    return None if duration is None and rate is None else _pair(duration, rate)


class _Told:
    """The room for what a `TimeUpdate` tells, as trackers want to know it of nearly every event.

    ``_bare_position`` is the position of a `TimeUpdate` that tells nothing else, and infinity for
    all other events: so that one comparison is all it takes to know that it is one, and not too
    far. ``_says`` is what a `TimeUpdate` says of duration and rate, as one object, since identity
    is asked fastest. Neither is a field, as both follow from those.
    """

    __slots__ = ("_bare_position", "_says")

    _bare_position: float
    _says: object


class _NoTimeUpdate:
    """What other events have in its place: too far, and nothing that any `TimeUpdate` says."""

    __slots__ = ()

    _bare_position: ClassVar[float] = inf
    _says: ClassVar[object] = object()


@frozen(kw_only=True)
class TimeUpdate(_Told):
    """The playhead was seen here."""

    at: float = field(converter=_at)
    position: float = field(converter=_position)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)

    def __attrs_post_init__(self) -> None:
        says = saying(self.duration, self.rate)
        object.__setattr__(self, "_says", says)
        object.__setattr__(self, "_bare_position", self.position if says is None else inf)

    def __reduce__(self) -> tuple[object, ...]:
        return _time_update, (self.at, self.position, self.duration, self.rate)


@frozen(kw_only=True)
class Play(_NoTimeUpdate):
    """Playback started or resumed."""

    at: float = field(converter=_at)
    position: float = field(converter=_position)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class Pause(_NoTimeUpdate):
    """Playback stopped, by the viewer or by the player."""

    at: float = field(converter=_at)
    position: float = field(converter=_position)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class Seeking(_NoTimeUpdate):
    """A seek began; ``position`` is already the new one."""

    at: float = field(converter=_at)
    position: float = field(converter=_position)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class Seeked(_NoTimeUpdate):
    """A seek landed here."""

    at: float = field(converter=_at)
    position: float = field(converter=_position)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class Ended(_NoTimeUpdate):
    """The end was reached; without a position, at the duration."""

    at: float = field(converter=_at)
    position: float | None = field(default=None, converter=_position_or_none)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class Unload(_NoTimeUpdate):
    """Perhaps the last thing ever heard of this player; not terminal, the viewer may come back.

    Without a position, at the last known one.
    """

    at: float = field(converter=_at)
    position: float | None = field(default=None, converter=_position_or_none)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class Emptied(_NoTimeUpdate):
    """The player dropped its media; the position it reports then means nothing."""

    at: float = field(converter=_at)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class MediaInfo(_NoTimeUpdate):
    """Duration or rate became known; the position that players report here may be stale."""

    at: float = field(converter=_at)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class Complete(_NoTimeUpdate):
    """The viewer pressed "mark as complete"; without a position, at the last known one."""

    at: float = field(converter=_at)
    position: float | None = field(default=None, converter=_position_or_none)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


@frozen(kw_only=True)
class Tick(_NoTimeUpdate):
    """Only time passed; the answer to a tracker's ``deadline``."""

    at: float = field(converter=_at)
    duration: float | None = field(default=None, converter=_duration)
    rate: float | None = field(default=None, converter=_rate)


def _time_update(
    at: float, position: float, duration: float | None, rate: float | None
) -> TimeUpdate:
    """Make one again that was pickled or copied."""
    return TimeUpdate(at=at, position=position, duration=duration, rate=rate)


Event = (
    TimeUpdate
    | Play
    | Pause
    | Seeking
    | Seeked
    | Ended
    | Unload
    | Emptied
    | MediaInfo
    | Complete
    | Tick
)

EVENT_KINDS: frozenset[type] = frozenset(get_args(Event))

#: Wire ``type`` to class. ``visibilitychange`` is decided by its ``visibility``.
WIRE_TYPES: Mapping[str, type[Event]] = MappingProxyType(
    {
        "timeupdate": TimeUpdate,
        "play": Play,
        "playing": Play,
        "pause": Pause,
        "seeking": Seeking,
        "seeked": Seeked,
        "ended": Ended,
        "pagehide": Unload,
        "beforeunload": Unload,
        "unload": Unload,
        "freeze": Unload,
        "emptied": Emptied,
        "loadedmetadata": MediaInfo,
        "durationchange": MediaInfo,
        "ratechange": MediaInfo,
        "complete": Complete,
        "tick": Tick,
    }
)

# JSON has no such numbers, so recorders and browsers write them as text.
_NAMED_NUMBERS = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}


def event_from_dict(data: Mapping[str, object]) -> Event | None:
    """Return the event that its wire form describes.

    Args:
        data: ``type`` (a DOM event name, ``"complete"`` or ``"tick"``), ``at`` (or ``wall``, as
            recordings have it; Unix seconds), ``position``, ``duration``, ``rate`` and, for
            ``visibilitychange``, ``visibility``. ``duration`` and ``rate`` may be the texts
            ``"NaN"`` and ``"Infinity"``. Other keys are ignored.

    Returns:
        The event, or None if its ``type`` is not one of ours (``progress``, ``canplay``, …).

    Raises:
        InvalidValueError: ``data`` is no mapping, or a field is missing or wrong.
    """
    if not isinstance(data, Mapping):
        raise InvalidValueError("event", data, "an object")
    name = data.get("type")
    if not isinstance(name, str):
        raise InvalidValueError("type", name, "the name of an event")
    kind = WIRE_TYPES.get(name)
    if name == "visibilitychange" and data.get("visibility") == "hidden":
        kind = Unload
    if kind is None:
        return None
    # The constructors check what comes: here it is only named.
    at: float = data.get("at", data.get("wall"))  # type: ignore[assignment]  # checked by _at
    duration = _unnamed(data.get("duration"))
    rate = _unnamed(data.get("rate"))
    if issubclass(kind, (Emptied, MediaInfo, Tick)):
        return kind(at=at, duration=duration, rate=rate)
    position: float = data.get("position")  # type: ignore[assignment]  # checked by _position
    return kind(at=at, position=position, duration=duration, rate=rate)


def _unnamed(value: object) -> float | None:
    named = _NAMED_NUMBERS.get(value) if isinstance(value, str) else None
    return value if named is None else named  # type: ignore[return-value]  # checked by _duration
