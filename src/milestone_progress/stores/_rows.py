"""A record as a row of a table, for all databases that have tables."""

from collections.abc import Sequence

from attrs import fields

from .._played import played_from_text, played_to_text
from .._record import ProgressRecord
from ..errors import InvalidValueError, StoreError

__all__ = ["COLUMNS", "Value", "record_of", "row_of"]

Value = str | float | int | None

#: The columns beside ``namespace``, in the order of the rows: the fields of a record.
COLUMNS = tuple(attribute.name for attribute in fields(ProgressRecord))


def row_of(record: ProgressRecord, revision: int) -> tuple[Value, ...]:
    """Return a record as a row, with the revision that it gets by being written."""
    return (
        record.viewer,
        record.media,
        record.position,
        record.duration,
        float(record.milestone),
        record.furthest,
        record.completed,
        record.completed_at,
        played_to_text(record.played),
        record.updated_at,
        revision,
        record.generation,
    )


def record_of(row: Sequence[Value]) -> ProgressRecord:
    """Return the record that a row holds.

    Raises:
        StoreError: It holds none: somebody else has written it.
    """
    values: dict[str, Value] = dict(zip(COLUMNS, row, strict=True))
    try:
        values["played"] = played_from_text(values["played"])  # type: ignore[arg-type]  # checked there
        # Some databases have no other truth than 1 and 0.
        if values["completed"] in (0, 1):
            values["completed"] = bool(values["completed"])
        return ProgressRecord(**values)  # type: ignore[arg-type]  # checked there
    except InvalidValueError as error:
        raise StoreError(f"what is stored is no record: {error}") from error
