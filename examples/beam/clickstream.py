"""Lines of a clickstream: what players tell, as it was collected. See README.md.

A line is a JSON object: events of one player with one media, in the order that they happened in.
"""

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import NamedTuple

from milestone_progress import (
    LARGEST_BODY,
    Event,
    InvalidValueError,
    PayloadError,
    Problem,
    ProgressRecord,
    event_from_dict,
    parse_events,
)

# Whose events they are: viewer, media, and which of the viewer's players, "" if that is not told.
Key = tuple[str, str, str]
# What is kept of an event. Pages may say more of their viewers than anybody here needs.
KEPT = ("type", "at", "wall", "position", "duration", "rate", "visibility")
# What JSON, JavaScript and databases can count to; seconds, in years 33,000.
LARGEST_COUNT, LATEST = 2**53 - 1, 1e12


class Place(NamedTuple):
    """Where an event stands among those of its player.

    Attributes:
        first: Its number, if the player counts its events, else its ``at``.
        second: Where it stands in its line, if the player does not count.
        third: What it says, if the player does not count: so that equal ones are the same, and the
            order of others that happened at once does not depend on which came first.
    """

    first: float
    second: int = 0
    third: str = ""


class Heard(NamedTuple):
    """An event of a player, as it waits for its turn.

    Attributes:
        happened_at: When it happened by the collector's clock, Unix seconds; by the player's if
            the line does not say when it was received.
        received_at: When its line was received, by the same clock; when the last one in it
            happened, if nobody says.
        place: Where it stands among those of its player.
        event: Its wire form.
        record: What was stored when the player began, if its line says so: the wire form.
    """

    happened_at: float
    received_at: float
    place: Place
    event: Mapping[str, object]
    record: Mapping[str, object] | None = None


def to_text(heard: Iterable[Heard]) -> str:
    """Return events as JSON."""
    return json.dumps(list(heard))


def from_text(text: str) -> list[Heard]:
    """Return the events that `to_text` told of."""
    return [
        Heard(happened_at, received_at, Place(*place), event, record)
        for happened_at, received_at, place, event, record in json.loads(text)
    ]


def heard_in(line: bytes) -> tuple[Key, list[Heard]]:
    """Return whose events a line has, and the events.

    Raises:
        PayloadError: It is no such line; what is wrong is listed, each with its JSON path.
    """
    data = _parsed(line)
    key = _key(data)
    number = _sequence(data, key)
    sent_at, received_at = _time(data, "sent_at"), _time(data, "received_at")
    record = _record(data, key)
    sent = data.get("events")
    try:
        parse_events(sent)  # type: ignore[arg-type]  # it refuses what is no list
    except PayloadError as error:
        # The paths are those of the list.
        problems = [Problem(f"$.events{one.path[1:]}", one.message) for one in error.problems]
        raise PayloadError(problems) from None
    assert isinstance(sent, list)
    found = [
        (index, one, event)
        for index, one in enumerate(sent)
        if (event := event_from_dict(one)) is not None
    ]
    times = [_happened_at(event, sent_at, received_at) for _, _, event in found]
    if received_at is None:
        received_at = max(times, default=0.0)
    heard = []
    for (index, one, event), happened_at in zip(found, times, strict=True):
        wire = {name: one[name] for name in KEPT if name in one}
        if number is None:
            place = Place(event.at, index, json.dumps(wire, sort_keys=True))
        else:
            place = Place(number + index)
        heard.append(
            Heard(
                happened_at=happened_at,
                received_at=received_at,
                place=place,
                event=wire,
                record=record,
            )
        )
        # It is said once.
        record = None
    return key, heard


def _parsed(line: bytes) -> Mapping[str, object]:
    if len(line) > LARGEST_BODY:
        raise _refused("$", f"must be of at most {LARGEST_BODY:,} bytes, not {len(line):,}")
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise _refused("$", "must be JSON in UTF-8, not nested too deeply") from None
    if not isinstance(data, dict):
        raise _refused("$", "must be an object")
    return data


def _key(data: Mapping[str, object]) -> Key:
    viewer, media = (_name(name, data.get(name)) for name in ("viewer", "media"))
    player = data.get("player", "")
    return viewer, media, "" if player == "" else _name("player", player)


def _name(field: str, value: object) -> str:
    try:
        # Whatever cannot be stored must not get as far as the store.
        return ProgressRecord(viewer=value, media="-", position=0.0, updated_at=0.0).viewer  # type: ignore[arg-type]  # that is asked
    except InvalidValueError as error:
        raise _refused(f"$.{field}", f"must be {error.expected}") from None


def _sequence(data: Mapping[str, object], key: Key) -> int | None:
    value = data.get("sequence")
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise _refused("$.sequence", f"must be a whole number from 0 to {LARGEST_COUNT}")
    if not key[2]:
        # The next page would count from 0 again, and all it says would seem to come too late.
        raise _refused("$.player", "must be told where a sequence is")
    return value


def _time(data: Mapping[str, object], name: str) -> float | None:
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LATEST:
        raise _refused(f"$.{name}", f"must be Unix seconds, up to {LATEST:g}")
    assert isfinite(value)
    return float(value)


def _record(data: Mapping[str, object], key: Key) -> Mapping[str, object] | None:
    told = data.get("record")
    if told is None:
        return None
    try:
        record = ProgressRecord.from_dict(told)  # type: ignore[arg-type]  # it refuses others
    except InvalidValueError as error:
        raise _refused("$.record", str(error)) from None
    if (record.viewer, record.media) != key[:2]:
        raise _refused("$.record", "must be of the same viewer and media")
    return record.to_dict()


def _happened_at(event: Event, sent_at: float | None, received_at: float | None) -> float:
    # 5.3: the age of an event is the difference of two readings of one clock; else it has none.
    if received_at is None:
        return max(0.0, event.at)
    age = 0.0 if sent_at is None else max(0.0, sent_at - event.at)
    return max(0.0, received_at - age)


def _refused(path: str, message: str) -> PayloadError:
    return PayloadError([Problem(path, message)])


def in_order(heard: Iterable[Heard]) -> list[Heard]:
    """Return events in their order, each once."""
    return [heard_once for _, heard_once in sorted({one.place: one for one in heard}.items())]
