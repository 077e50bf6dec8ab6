"""What a browser sends: reports, when it has decided that progress should be saved, or raw events.

On the wire a report is one JSON object (7.1), and a batch of events one array. A body is untrusted:
its size is limited before it is parsed, all that is wrong with it is told at once, and what it says
never decides whose progress it is. The legacy form of reports, of players that save every thirty
seconds, has neither ``trigger_type`` nor ``milestone_reached``; everything else is the same.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from re import DOTALL
from re import compile as compile_pattern
from typing import NamedTuple, Never

from attrs import field, frozen

from ._decision import Trigger
from ._events import Event, event_from_dict
from ._numbers import number, percentage
from .errors import InvalidValueError, MilestoneProgressError, shown

__all__ = ["LARGEST_BODY", "PayloadError", "Problem", "Report", "parse_events", "parse_report"]

#: Bytes of a body. A report has 300, an event 100.
LARGEST_BODY = 65_536
# Members and elements, levels and digits of a body, whatever they belong to. A report has 8, 1 and
# 17.
MOST_ITEMS = 100
DEEPEST = 4
# Events of a batch, four minutes of a browser's; 64 KiB hold about two thirds of that. Members and
# elements for each: it is one, and has up to six; a page may send along some that nobody reads.
MOST_EVENTS = 1_000
MOST_ITEMS_OF_EVENT = 10
MOST_DIGITS = 64

# Of what is wrong with one body; who made more mistakes corrects these first.
MOST_PROBLEMS = 20

# A text, to its end or that of the body, so that no quote is looked at twice.
_TEXT = compile_pattern(r'"(?:[^"\\]|\\.?)*+"?', DOTALL)
_BRACKET = compile_pattern(r"[\[\]{}]")
# What a body may come as, unless it was parsed already.
_TEXTS = (bytes, bytearray, memoryview, str)
# What is right in each field of an event.
_RIGHT: Mapping[str, object] = {
    "type": "progress",
    "at": 0.0,
    "position": 0.0,
    "duration": None,
    "rate": None,
}
_LONG_NUMBER = compile_pattern(rf"[0-9]{{{MOST_DIGITS + 1}}}")


class Problem(NamedTuple):
    """One thing that is wrong with a body.

    Attributes:
        path: Where, as a JSON path: ``"$.current_time_seconds"``, ``"$"`` for all of it.
        message: What, as the end of a sentence that begins with the path; safe to print.
    """

    path: str
    message: str


class PayloadError(MilestoneProgressError):
    """A body from outside is not what it should be; nothing was changed.

    Attributes:
        problems: All that is wrong with it, at most 20.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)[:MOST_PROBLEMS]
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "; ".join(f"{path} {message}" for path, message in self.problems)

    def to_dict(self) -> dict[str, object]:
        """Return the problems as plain JSON data, to answer the request with."""
        return {"problems": [problem._asdict() for problem in self.problems]}


# Named functions, not lambdas: the types of the constructor are read off them.
def _position(value: float) -> float:
    return number("position", value, minimum=0)


def _duration(value: float | None) -> float | None:
    # Players that do not know it yet say NaN, which is null in JSON, or 0.
    return (number("duration", value, minimum=0) or None) if value is not None else None


def _trigger(value: Trigger | None) -> Trigger:
    if value is None:
        return Trigger.INTERVAL
    try:
        return Trigger(value)
    except ValueError:
        expected = f"one of {', '.join(Trigger)}"
        raise InvalidValueError("trigger", value, expected) from None


def _milestone(value: float | None) -> float | None:
    return None if value is None else percentage("milestone", value)


def _force_completion(value: bool | None) -> bool:
    if value is not None and not isinstance(value, bool):
        raise InvalidValueError("force_completion", value, "true or false")
    return bool(value)


def _at(value: float | None) -> float | None:
    return None if value is None else number("at", value)


def _sent_at(value: float | None) -> float | None:
    return None if value is None else number("sent_at", value)


def _generation(value: int | None) -> int | None:
    if value is None:
        return None
    if number("generation", value, minimum=0) != int(value):
        raise InvalidValueError("generation", value, "a whole number")
    return int(value)


@frozen(kw_only=True)
class Report:
    """What a browser says of one viewer and one media; who and which are for the host to know.

    Attributes:
        position: Where to resume, seconds of media.
        duration: Length of the media, seconds; None if unknown, for which 0 may be given.
        trigger: Why it was sent; None is taken for `Trigger.INTERVAL`, the legacy mode's only one.
        milestone: Highest milestone reached, percent 0-100, as the browser claims; None if it does
            not say.
        force_completion: Whether the media was completed, whatever the trigger.
        at: When it was decided, Unix seconds of the browser's clock, None if it does not say.
        sent_at: When it was sent, by the same clock; None likewise. Only the difference counts.
        generation: That of the record which the player began with, None if it does not say. A
            report of an earlier generation than the one stored is not saved: the viewer has started
            over elsewhere meanwhile.

    Raises:
        InvalidValueError: A field holds a value it cannot hold.
    """

    position: float = field(converter=_position)
    duration: float | None = field(default=None, converter=_duration)
    trigger: Trigger = field(default=Trigger.INTERVAL, converter=_trigger)
    milestone: float | None = field(default=None, converter=_milestone)
    force_completion: bool = field(default=False, converter=_force_completion)
    at: float | None = field(default=None, converter=_at)
    sent_at: float | None = field(default=None, converter=_sent_at)
    generation: int | None = field(default=None, converter=_generation)

    @property
    def completed(self) -> bool:
        """Whether it completes the media (7.2)."""
        return self.force_completion or self.trigger is Trigger.COMPLETION

    @property
    def age(self) -> float | None:
        """How long before it was sent it was decided, seconds; None if it does not say (5.3)."""
        if self.at is None or self.sent_at is None:
            return None
        return max(0.0, self.sent_at - self.at)


# The fields on the wire: name, attribute, whether it must be there, and what checks it.
_FIELDS: tuple[tuple[str, str, bool, Callable[..., object]], ...] = (
    ("current_time_seconds", "position", True, _position),
    ("total_duration_seconds", "duration", True, _duration),
    ("trigger_type", "trigger", False, _trigger),
    ("milestone_reached", "milestone", False, _milestone),
    ("force_completion", "force_completion", False, _force_completion),
    ("at", "at", False, _at),
    ("sent_at", "sent_at", False, _sent_at),
    ("generation", "generation", False, _generation),
)


def parse_report(body: bytes | bytearray | memoryview | str | Mapping[str, object]) -> Report:
    """Return the report that the body of a request holds, in the new form or the legacy one.

    >>> parse_report(b'{"current_time_seconds": 90, "total_duration_seconds": 600}').position
    90.0
    >>> parse_report("{}")
    Traceback (most recent call last):
    PayloadError: $.current_time_seconds is missing; $.total_duration_seconds is missing

    Args:
        body: JSON as it was received, of at most 65,536 bytes, or what it says as a mapping.
            Members that no report has are ignored, whoever they claim the viewer to be.

    Raises:
        PayloadError: It is no report; all that is wrong is listed, each with its JSON path.
    """
    # A framework may have parsed it already, and found no object.
    data = _parsed(body, MOST_ITEMS) if isinstance(body, _TEXTS) else body
    if not isinstance(data, Mapping):
        raise PayloadError([Problem("$", f"must be an object, not {shown(data)}")])
    problems = []
    values: dict[str, object] = {}
    for name, attribute, required, check in _FIELDS:
        if name not in data:
            if required:
                problems.append(Problem(f"$.{name}", "is missing"))
            continue
        try:
            values[attribute] = check(data[name])
        except InvalidValueError as error:
            told = f"must be {error.expected}, not {shown(error.value)}"
            problems.append(Problem(f"$.{name}", told))
    if problems:
        raise PayloadError(problems)
    return Report(**values)  # type: ignore[arg-type]  # each was checked above


def parse_events(
    body: bytes | bytearray | memoryview | str | Sequence[Mapping[str, object]],
) -> list[Event]:
    """Return the events that a message or the body of a request holds, in their order.

    Args:
        body: A JSON array as it was received, of at most 65,536 bytes and 1,000 events, or what it
            says as a list. What each of them says is described at `event_from_dict`; those that are
            none of ours are skipped.

    Raises:
        PayloadError: It is no such array; all that is wrong is listed, each with its JSON path.
    """
    most = MOST_EVENTS * MOST_ITEMS_OF_EVENT
    data = _parsed(body, most) if isinstance(body, _TEXTS) else body
    # A framework may have parsed it already, and found no array.
    if not isinstance(data, (list, tuple)):
        raise _refused(f"must be an array, not {shown(data)}")
    if len(data) > MOST_EVENTS:
        raise _refused(f"must have at most {MOST_EVENTS:,} events, not {len(data):,}")
    events = []
    problems: list[Problem] = []
    for index, sent in enumerate(data):
        try:
            event = event_from_dict(sent)
        except InvalidValueError as error:
            problems += _problems_of_event(sent, error, f"$[{index}]")
            if len(problems) >= MOST_PROBLEMS:
                break
            continue
        if event is not None:
            events.append(event)
    if problems:
        raise PayloadError(problems)
    return events


def _problems_of_event(
    sent: Mapping[str, object], error: InvalidValueError | None, path: str
) -> list[Problem]:
    """Return all that is wrong with an event, of which the first is known."""
    problems: list[Problem] = []
    while error is not None:
        if error.field == "event":
            return [Problem(path, f"must be {error.expected}, not {shown(error.value)}")]
        name = (
            "wall" if error.field == "at" and "at" not in sent and "wall" in sent else error.field
        )
        told = f"must be {error.expected}, not {shown(error.value)}"
        problems.append(Problem(f"{path}.{name}", told if name in sent else "is missing"))
        # With this one right, which is the next?
        sent = {**sent, name: _RIGHT[error.field]}
        try:
            event_from_dict(sent)
            error = None
        except InvalidValueError as another:
            error = another
    return problems


def _parsed(body: bytes | bytearray | memoryview | str, most_items: int) -> object:
    """Return what a JSON text says, once it is known to be of a harmless size."""
    size = body.nbytes if isinstance(body, memoryview) else len(body)
    if isinstance(body, str) and size <= LARGEST_BODY:
        size = len(body.encode("utf-8", "surrogatepass"))
    if size > LARGEST_BODY:
        raise _refused(f"must be of at most {LARGEST_BODY:,} bytes, not {size:,}")
    try:
        # Of a view of every other byte, say, only bytes can be made.
        text = body if isinstance(body, str) else str(bytes(body), "utf-8")
    except UnicodeDecodeError as error:
        raise _refused(f"must be UTF-8, which byte {error.start} is not") from None
    _limit(text, most_items)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise _refused(f"must be JSON: {error.msg} at {where}") from None


def _limit(text: str, most_items: int) -> None:
    outside = _TEXT.sub("", text)
    if outside.count(",") + outside.count("[") + outside.count("{") > most_items:
        raise _refused(f"must have at most {most_items:,} members and elements")
    level = 0
    for bracket in _BRACKET.findall(outside):
        level += 1 if bracket in "[{" else -1
        if level > DEEPEST:
            raise _refused(f"must be nested at most {DEEPEST} levels deep")
    if _LONG_NUMBER.search(outside):
        raise _refused(f"must have no number of more than {MOST_DIGITS} digits")


def _refuse_constant(name: str) -> Never:
    raise _refused(f"must be JSON, which knows no {name}")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _refused(message: str) -> PayloadError:
    return PayloadError([Problem("$", message)])
