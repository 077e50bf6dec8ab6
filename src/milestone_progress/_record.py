"""What is stored of one viewer and one media, and how two versions of it become one.

Records of several devices, workers and retries arrive in any order and any number of times.
`merge` is commutative, associative and idempotent, so that all of them end in the same record; and
nothing it keeps ever gets less, except by `ProgressRecord.reset`, which begins a new generation.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self, TypeVar

from attrs import Attribute, Factory, field, fields, frozen

from ._decision import SaveDecision
from ._identifiers import identifier
from ._numbers import number, percentage
from ._played import checked_played, played_from_text, played_to_text
from .errors import InvalidValueError, MilestoneProgressError

__all__ = ["ConflictError", "ConflictPolicy", "ProgressRecord", "merge"]

R = TypeVar("R", bound="ProgressRecord")

# Seconds. What is said to be older has a clock that was set in between; it counts as just decided.
LONGEST_AGE = 366 * 86_400.0
# Of `ProgressRecord.to_dict`. Whoever changes the form raises it, and teaches `from_dict` the old.
SCHEMA = 1
# The largest whole number that JSON, Lua and every database agree upon.
LARGEST_COUNT = 2**53 - 1


class ConflictPolicy(StrEnum):
    """Where a viewer resumes of whom two records tell."""

    #: Where the viewer was last.
    NEWEST = "newest"
    #: Where the viewer got farthest; never goes back, not even where the viewer does.
    FURTHEST = "furthest"


def _identifier(_record: object, attribute: "Attribute[str]", value: str) -> None:
    identifier(attribute.name, value)


# Named functions, not lambdas: the types of the constructor are read off them.
def _position(value: float) -> float:
    return number("position", value, minimum=0)


def _duration(value: float | None) -> float | None:
    if value is not None and number("duration", value) <= 0:
        raise InvalidValueError("duration", value, "more than 0 seconds, or None")
    return None if value is None else float(value)


def _milestone(value: float) -> float:
    milestone = float(percentage("milestone", value))
    # Policies say 25, not 25.0, and databases do not know the difference.
    return int(milestone) if milestone.is_integer() else milestone


def _furthest(value: float) -> float:
    return number("furthest", value, minimum=0)


def _completed(_record: object, _attribute: "Attribute[bool]", value: bool) -> None:
    if not isinstance(value, bool):
        raise InvalidValueError("completed", value, "True or False")


def _completed_at(value: float | None) -> float | None:
    return None if value is None else number("completed_at", value, minimum=0)


def _played(_record: object, _attribute: "Attribute[int]", value: int) -> None:
    checked_played(value)


def _updated_at(value: float) -> float:
    return number("updated_at", value, minimum=0)


def _count(_record: object, attribute: "Attribute[int]", value: int) -> None:
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        expected = f"a whole number from 0 to {LARGEST_COUNT}"
        raise InvalidValueError(attribute.name, value, expected)


# Without slots, so that one can be copied at once (`replaced`).
@frozen(kw_only=True, slots=False)
class ProgressRecord:
    """How far one viewer got with one media.

    Attributes:
        viewer: Whose progress; an identifier of 1-200 characters.
        media: In what; an identifier of 1-200 characters.
        position: Where to resume, seconds of media.
        duration: Length of the media when ``position`` was reported, seconds, None if unknown.
        milestone: Highest milestone reached, percent 0-100, 0 if none.
        furthest: The largest position ever saved, seconds of media.
        completed: Whether the media was ever completed.
        completed_at: When it first was, or was marked by hand, Unix seconds of the server's clock;
            None if it was not, or nobody knows.
        played: The whole seconds really played: bit *n* stands for [*n*, *n* + 1).
        updated_at: When ``position`` was reported, Unix seconds of the server's clock.
        revision: How often this was stored; 0 for a record that was not. A store writes a record
            only over the revision it was made from.
        generation: How often the viewer started over and forgot. A larger one wins outright.

    Raises:
        InvalidValueError: A field holds a value it cannot hold.
    """

    viewer: str = field(validator=_identifier)
    media: str = field(validator=_identifier)
    position: float = field(converter=_position)
    duration: float | None = field(default=None, converter=_duration)
    milestone: float = field(default=0, converter=_milestone)
    furthest: float = field(
        default=Factory(lambda record: record.position, takes_self=True), converter=_furthest
    )
    completed: bool = field(default=False, validator=_completed)
    completed_at: float | None = field(default=None, converter=_completed_at)
    played: int = field(default=0, validator=_played, repr=played_to_text)
    updated_at: float = field(converter=_updated_at)
    revision: int = field(default=0, validator=_count)
    generation: int = field(default=0, validator=_count)

    @classmethod
    def from_decision(
        cls,
        decision: SaveDecision,
        *,
        viewer: str,
        media: str,
        received_at: float,
        sent_at: float | None = None,
        played: int = 0,
        generation: int = 0,
    ) -> Self:
        """Return what a decision says as a record, to be merged with what is stored.

        Args:
            decision: What a tracker decided, here or in a browser.
            viewer: Whose progress it is; never taken from what the browser sent.
            media: In what; likewise.
            received_at: When the decision arrived, Unix seconds of the server's clock.
            sent_at: When it was sent, by the same clock as ``decision.at``, Unix seconds; None for
                at once. A decision is as old as the difference says, whatever that clock shows
                (5.3), and never older than the Unix epoch; if that is over 366 days, the clock was
                set in between, and the decision counts as new.
            played: The tracker's ``played``.
            generation: That of the record the tracker started from.

        Raises:
            InvalidValueError: A field holds a value it cannot hold.
        """
        age = None if sent_at is None else believed(number("sent_at", sent_at) - decision.at)
        updated_at = max(0.0, number("received_at", received_at, minimum=0) - (age or 0.0))
        return cls(
            viewer=viewer,
            media=media,
            position=decision.position,
            duration=decision.duration,
            milestone=decision.last_milestone,
            completed=decision.completed,
            completed_at=updated_at if decision.completed else None,
            played=played,
            updated_at=updated_at,
            generation=generation,
        )

    @property
    def finished(self) -> bool:
        """Whether the media was completed and nothing was watched since."""
        return self.completed and (
            self.completed_at is None or self.updated_at <= self.completed_at
        )

    @property
    def percent(self) -> float | None:
        """The position as percent 0-100 of the duration, None if that is unknown."""
        if self.duration is None:
            return None
        # Without what division leaves behind: 99.99999999999999 at the end.
        return min(100.0, round(100 * self.position / self.duration, 9))

    def reset(self, at: float) -> Self:
        """Return the record of a viewer who starts over, all else forgotten: the next generation.

        Args:
            at: When, Unix seconds of the server's clock.

        Raises:
            InvalidValueError: ``at`` is no such time.
        """
        return type(self)(
            viewer=self.viewer,
            media=self.media,
            position=0.0,
            duration=self.duration,
            updated_at=at,
            revision=self.revision,
            generation=self.generation + 1,
        )

    def with_revision(self, revision: int) -> Self:
        """Return this record with another revision, as a store does that has saved it."""
        return replaced(self, revision=revision)

    def to_dict(self) -> dict[str, object]:
        """Return the record as plain JSON data, with the number of its schema."""
        data: dict[str, object] = {name: getattr(self, name) for name in _NAMES}
        return {"schema": SCHEMA} | data | {"played": played_to_text(self.played)}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Self:
        """Return the record that `to_dict` told of, in this or an earlier schema.

        Raises:
            InvalidValueError: It is no such data, or a field holds a value it cannot hold.
        """
        if not isinstance(data, Mapping):
            raise InvalidValueError("record", data, "an object")
        if data.get("schema") != SCHEMA or isinstance(data["schema"], (bool, float)):
            raise InvalidValueError("record.schema", data.get("schema"), f"{SCHEMA}")
        values = {name: data[name] for name in _NAMES if name in data}
        missing = [name for name in _NAMES if name not in data]
        if missing:
            raise InvalidValueError("record", data, f"an object with {', '.join(missing)}")
        values["played"] = played_from_text(values["played"])  # type: ignore[arg-type]  # checked there
        return cls(**values)  # type: ignore[arg-type]  # the constructor checks what comes


def believed(age: float | None) -> float | None:
    """Return an age in seconds; None if there is none, or a clock was set meanwhile (5.3)."""
    return None if age is None or age > LONGEST_AGE else max(0.0, age)


def replaced(record: R, **values: object) -> R:
    """Return a record with some other values, which were checked already.

    To check all of them again would cost a quarter of a save into SQLite.
    """
    copy = object.__new__(type(record))
    fields_of_copy = copy.__dict__
    fields_of_copy.update(record.__dict__)
    fields_of_copy.update(values)
    return copy


_NAMES = tuple(attribute.name for attribute in fields(ProgressRecord))


class ConflictError(MilestoneProgressError):
    """A record was not saved, because what is stored is not what the record was made from.

    Attributes:
        record: The record that was not saved.
        stored: What is stored instead, None if nothing is.
    """

    def __init__(self, record: ProgressRecord, stored: ProgressRecord | None) -> None:
        super().__init__(record, stored)
        self.record = record
        self.stored = stored

    def __str__(self) -> str:
        stored = "nothing" if self.stored is None else f"revision {self.stored.revision}"
        return (
            f"a record made from revision {self.record.revision} was not saved, since {stored} is "
            "stored: merge it with that and save it again, as save_merged does"
        )


def merge(
    first: ProgressRecord,
    second: ProgressRecord,
    policy: ConflictPolicy = ConflictPolicy.NEWEST,
) -> ProgressRecord:
    """Return one record for two of the same viewer and media; their order does not matter.

    Position and duration are those of the newer one (of the larger position where that is as new),
    or by `ConflictPolicy.FURTHEST` those of the larger position; of all else the larger, or both
    together (5.1, 5.2). A larger generation wins outright.

    >>> telephone = ProgressRecord(
    ...     viewer="ann", media="film", position=300, duration=600, milestone=50, updated_at=2000
    ... )
    >>> television = ProgressRecord(
    ...     viewer="ann", media="film", position=480, duration=600, milestone=75, updated_at=1000
    ... )
    >>> both = merge(telephone, television)
    >>> both.position, both.milestone
    (300.0, 75)

    Raises:
        InvalidValueError: Viewer or media differ, or there is no such policy.
    """
    if policy not in _RESUMES_BY:
        raise InvalidValueError("policy", policy, f"one of {', '.join(ConflictPolicy)}")
    for name in ("viewer", "media"):
        if getattr(first, name) != getattr(second, name):
            expected = f"the same in both records, {getattr(first, name)!r}"
            raise InvalidValueError(name, getattr(second, name), expected)
    if first.generation != second.generation:
        return first if first.generation > second.generation else second
    resume = max(first, second, key=_RESUMES_BY[policy])
    times = [at for at in (first.completed_at, second.completed_at) if at is not None]
    return replaced(
        first,
        position=resume.position,
        duration=resume.duration,
        milestone=max(first.milestone, second.milestone),
        furthest=max(first.furthest, second.furthest),
        completed=first.completed or second.completed,
        completed_at=min(times, default=None),
        played=first.played | second.played,
        updated_at=max(first.updated_at, second.updated_at),
        revision=max(first.revision, second.revision),
    )


def _newer(record: ProgressRecord) -> tuple[float, float, float]:
    return record.updated_at, record.position, record.duration or 0.0


def _further(record: ProgressRecord) -> tuple[float, float]:
    # Not by time at the same position: once merged, a record is as new as the newest, whichever
    # its position is, and the order of merging would matter.
    return record.position, record.duration or 0.0


_RESUMES_BY = {ConflictPolicy.NEWEST: _newer, ConflictPolicy.FURTHEST: _further}
