"""Snapshots: all that a tracker knows, as plain JSON data, and back."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from attrs import asdict

from ._decision import Trigger
from ._numbers import number, percentage
from ._played import played_from_text, played_to_text
from ._states import Ending, Gesture, Jump, Phase, Seek
from ._viewing import Viewing
from .errors import InvalidValueError

__all__ = ["restored", "snapshot_of"]

#: The version that is written. A reader of a new version reads every older one.
VERSION = 1

# Seconds. A clock that was set back again and again makes times that no single event can have.
FAR = 1e300

_Viewing = TypeVar("_Viewing", bound=Viewing)


def _position(field: str, value: object) -> float:
    return number(field, value, minimum=0)


def _length(field: str, value: object) -> float:
    return number(field, value, minimum=0, largest=FAR)


def _position_or_none(field: str, value: object) -> float | None:
    return None if value is None else _position(field, value)


def _time(field: str, value: object) -> float:
    return number(field, value, largest=FAR)


def _time_or_none(field: str, value: object) -> float | None:
    return None if value is None else _time(field, value)


def _more_than_zero_or_none(field: str, value: object) -> float | None:
    if value is None or _position(field, value) > 0:
        return value  # type: ignore[return-value]  # None or, as just seen, a number
    raise InvalidValueError(field, value, "more than 0, or null")


def _flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValueError(field, value, "true or false")
    return value


def _phase(field: str, value: object) -> Phase:
    try:
        return Phase(value)  # type: ignore[arg-type]  # Phase() refuses what is no phase
    except ValueError:
        raise InvalidValueError(field, value, f"one of {', '.join(Phase)}") from None


def _triggers(field: str, value: object) -> tuple[Trigger, ...]:
    if not isinstance(value, list) or not all(name in list(Trigger) for name in value):
        raise InvalidValueError(field, value, f"a list of some of {', '.join(Trigger)}")
    return tuple(trigger for trigger in Trigger if trigger in value)


def _played(field: str, value: object) -> int:
    try:
        return played_from_text(value)  # type: ignore[arg-type]  # it refuses what is no text
    except InvalidValueError as error:
        raise InvalidValueError(field, value, error.expected) from None


def _pair_or_none(field: str, value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise InvalidValueError(field, value, "two numbers, or null")
    return _position(field, value[0]), _length(field, value[1])


_Read = Callable[[str, object], object]


def _part(kind: Callable[..., object], fields: Mapping[str, _Read]) -> _Read:
    """Return a reader of a part that is an object of its own, or null."""

    def read(field: str, value: object) -> object:
        return None if value is None else kind(**_fields_read(field, value, fields))

    return read


def _fields_read(name: str, data: object, fields: Mapping[str, _Read]) -> dict[str, object]:
    if not isinstance(data, Mapping):
        raise InvalidValueError(name, data, "an object")
    for field, value in data.items():
        if field not in fields:
            raise InvalidValueError(f"{name}.{field}", value, "left out: there is no such field")
    for field in fields:
        if field not in data:
            raise InvalidValueError(f"{name}.{field}", None, "there")
    return {field: read(f"{name}.{field}", data[field]) for field, read in fields.items()}


_VIEWING_FIELDS: Mapping[str, _Read] = {
    "phase": _phase,
    "now": _time_or_none,
    "clock_lag": _time,
    "position": _position,
    "position_at": _time,
    "interval": _length,
    "duration": _more_than_zero_or_none,
    "live": _flag,
    "duration_changed_at": _time_or_none,
    "rate": _more_than_zero_or_none,
    "step_rate": _more_than_zero_or_none,
    "seek": _part(Seek, {"origin": _position, "announced_at": _time, "phase": _phase}),
    "gesture": _part(
        Gesture,
        {
            "origin": _position,
            "landing": _position,
            "began_at": _time,
            "landed_at": _time,
            "unannounced_origin": _position_or_none,
        },
    ),
    "jump": _part(Jump, {"origin": _position, "landing": _position, "at": _time}),
    "paused_at": _time_or_none,
    "advance_from": _position_or_none,
    "ending": _part(Ending, {"sought": _flag, "position": _position_or_none, "at": _time}),
    "played_time": _length,
    "played": _played,
    "run_start": _position_or_none,
    "run_end": _position,
    "completed": _flag,
    "milestone": percentage,
    "reasons": _triggers,
    "saved_position": _position,
    "saved_milestone": percentage,
    "saved_played_time": _length,
}

#: The fields of each mode, by the name under which a snapshot says whose it is.
FIELDS: Mapping[str, Mapping[str, _Read]] = MappingProxyType(
    {
        "milestone": {
            **_VIEWING_FIELDS,
            "held_until": _time_or_none,
            "protection": _pair_or_none,
        },
        "interval": {**_VIEWING_FIELDS, "saved_at": _time_or_none},
    }
)


def snapshot_of(viewing: Viewing, mode: str) -> dict[str, object]:
    """Return all that a tracker of a mode knows as plain JSON data."""
    viewing._catch_up()
    data: dict[str, object] = {"version": VERSION, "mode": mode}
    for field in FIELDS[mode]:
        value = getattr(viewing, f"_{field}")
        if field == "played":
            value = played_to_text(value)
        elif isinstance(value, (Seek, Gesture, Jump, Ending)):
            value = {
                name: str(part) if isinstance(part, Phase) else part
                for name, part in asdict(value).items()
            }
        elif isinstance(value, tuple):
            value = [str(item) if isinstance(item, Trigger) else item for item in value]
        elif isinstance(value, Phase):
            value = str(value)
        data[field] = value
    return data


def restored(viewing: _Viewing, snapshot: object, mode: str) -> _Viewing:
    """Return a new tracker of a mode with the state that a snapshot holds.

    Raises:
        InvalidValueError: It is no snapshot of that mode, or of a version this library can read.
    """
    if not isinstance(snapshot, Mapping):
        raise InvalidValueError("snapshot", snapshot, "an object")
    data = dict(snapshot)
    version = data.pop("version", None)
    if type(version) is not int or version != VERSION:
        raise InvalidValueError("snapshot.version", version, f"{VERSION}")
    if (kind := data.pop("mode", None)) != mode:
        raise InvalidValueError("snapshot.mode", kind, f'"{mode}"')
    for field, value in _fields_read("snapshot", data, FIELDS[mode]).items():
        setattr(viewing, f"_{field}", value)
    viewing._find_goal()
    return viewing
