"""Snapshots: all that a tracker knows, as plain JSON data, and back."""

from collections.abc import Callable, Mapping
from math import isfinite
from types import MappingProxyType
from typing import TypeVar

from attrs import asdict

from ._played import played_from_text, played_to_text
from ._states import Ending, Gesture, Jump, Phase, Seek
from ._viewing import Trigger, Viewing
from .errors import InvalidValueError

__all__ = ["restored", "snapshot_of"]

#: The version that is written. A reader of a new version reads every older one.
VERSION = 1

_Viewing = TypeVar("_Viewing", bound=Viewing)


def _number(field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise InvalidValueError(field, value, "a finite number")
    return value


def _number_or_none(field: str, value: object) -> float | None:
    return None if value is None else _number(field, value)


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
    if not isinstance(value, str):
        raise InvalidValueError(field, value, 'ranges of whole seconds such as "0-359"')
    return played_from_text(value)


def _pair_or_none(field: str, value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise InvalidValueError(field, value, "two numbers, or null")
    return _number(field, value[0]), _number(field, value[1])


_Read = Callable[[str, object], object]


def _part(kind: Callable[..., object], fields: Mapping[str, _Read]) -> _Read:
    """Return a reader of a part that is an object of its own, or null."""

    def read(field: str, value: object) -> object:
        return None if value is None else kind(**_fields_read(field, value, fields))

    return read


def _fields_read(name: str, data: object, fields: Mapping[str, _Read]) -> dict[str, object]:
    if not isinstance(data, Mapping) or data.keys() != fields.keys():
        raise InvalidValueError(name, data, f"an object of exactly {', '.join(fields)}")
    return {field: read(f"{name}.{field}", data[field]) for field, read in fields.items()}


_VIEWING_FIELDS: Mapping[str, _Read] = {
    "phase": _phase,
    "now": _number_or_none,
    "clock_lag": _number,
    "position": _number,
    "position_at": _number,
    "interval": _number,
    "duration": _number_or_none,
    "live": _flag,
    "duration_changed_at": _number_or_none,
    "rate": _number_or_none,
    "step_rate": _number_or_none,
    "seek": _part(Seek, {"origin": _number, "announced_at": _number, "phase": _phase}),
    "gesture": _part(
        Gesture,
        {
            "origin": _number,
            "landing": _number,
            "began_at": _number,
            "landed_at": _number,
            "unannounced_origin": _number_or_none,
        },
    ),
    "jump": _part(Jump, {"origin": _number, "landing": _number, "at": _number}),
    "paused_at": _number_or_none,
    "advance_from": _number_or_none,
    "ending": _part(Ending, {"sought": _flag, "position": _number_or_none, "at": _number}),
    "played_time": _number,
    "played": _played,
    "run_start": _number_or_none,
    "run_end": _number,
    "completed": _flag,
    "milestone": _number,
    "reasons": _triggers,
    "saved_position": _number,
    "saved_milestone": _number,
    "saved_played_time": _number,
}

#: The fields of each mode, by the name under which a snapshot says whose it is.
FIELDS: Mapping[str, Mapping[str, _Read]] = MappingProxyType(
    {
        "milestone": {
            **_VIEWING_FIELDS,
            "held_until": _number_or_none,
            "protection": _pair_or_none,
        },
        "interval": {**_VIEWING_FIELDS, "saved_at": _number_or_none},
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
    viewing._find_next_milestone()
    return viewing
