"""What stores say to PostgreSQL, and what they make of its answers."""
# ruff: noqa: S608  # The SQL is put together of constants.

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from .._identifiers import LONGEST_IDENTIFIER
from .._numbers import LARGEST
from .._record import LARGEST_COUNT, ConflictError, ProgressRecord
from ..errors import StoreError
from ._rows import COLUMNS, Value, record_of, row_of

__all__ = [
    "DELETE_VIEWER",
    "EXPORT",
    "LOAD",
    "LOAD_KEYS",
    "LOAD_MANY",
    "MIGRATIONS",
    "PURGE",
    "RECENT",
    "RECENT_UNFINISHED",
    "SAVE_MANY",
    "SCHEMA",
    "Key",
    "Outcome",
    "array",
    "batches_of",
    "conflicts_of",
    "in_order",
    "key_of",
    "losers_of",
    "saved_of",
    "upgrade_from",
    "values_of",
    "write_of",
]

Key = tuple[str, str]
Outcome = ProgressRecord | ConflictError

# So many records are saved by one statement, and so many are purged.
BATCH = 1_000
SLICE = 10_000


def _identifies(column: str) -> str:
    return (
        f'{column} text COLLATE "C" NOT NULL CHECK (char_length({column})'
        rf" BETWEEN 1 AND {LONGEST_IDENTIFIER} AND {column} !~ '[\x01-\x1f\x7f-\x9f]')"
    )


def _measures(column: str, largest: float = LARGEST) -> str:
    # NaN is larger than all other numbers there.
    return f"{column} double precision CHECK ({column} BETWEEN 0 AND {largest:.0f})"


def _counts(column: str, smallest: int) -> str:
    return f"{column} bigint NOT NULL CHECK ({column} BETWEEN {smallest} AND {LARGEST_COUNT})"


# Each upgrades a database of the schema numbered like it to the next one. Each may find that done:
# processes that start at once do all of it, one after the other.
MIGRATIONS = (
    # An update touches no index as long as there is room on the row's page and nothing changes that
    # an index is of. So the one for `recent` is of days, which hardly ever change.
    f"""
    CREATE TABLE IF NOT EXISTS milestone_progress (
        {_identifies("namespace")},
        {_identifies("viewer")},
        {_identifies("media")},
        {_measures("position")} NOT NULL,
        {_measures("duration")} CHECK (duration > 0),
        {_measures("milestone", 100)} NOT NULL,
        {_measures("furthest")} NOT NULL,
        completed boolean NOT NULL,
        {_measures("completed_at")},
        played text NOT NULL CHECK (played !~ '[^0-9,-]'),
        {_measures("updated_at")} NOT NULL,
        {_counts("revision", 1)},
        {_counts("generation", 0)},
        day integer NOT NULL GENERATED ALWAYS AS (floor(updated_at)::bigint / 86400) STORED,
        PRIMARY KEY (namespace, viewer, media)
    ) WITH (fillfactor = 80)
    """,
    # All days are so; but who does not ask for that is not given this index. Where PostgreSQL does
    # not know how much some viewers watch, it would take it for the primary key.
    """
    CREATE INDEX IF NOT EXISTS milestone_progress_recent
    ON milestone_progress (namespace, viewer, day DESC) WHERE day >= 0
    """,
)
SCHEMA = "SELECT coalesce(max(number), 0) FROM milestone_progress_schema"
# At any other isolation level it would not see what was done while it waited for the lock.
_UPGRADE = """
    BEGIN ISOLATION LEVEL READ COMMITTED;
    SELECT pg_advisory_xact_lock(x'6d696c6573746f6e'::bigint);
    CREATE TABLE IF NOT EXISTS milestone_progress_schema (number integer PRIMARY KEY);
    {migrations};
    INSERT INTO milestone_progress_schema VALUES ({number}) ON CONFLICT DO NOTHING;
    COMMIT
"""

_TYPES = dict.fromkeys(COLUMNS, "double precision") | {
    "viewer": "text",
    "media": "text",
    "completed": "boolean",
    "played": "text",
    "revision": "bigint",
    "generation": "bigint",
}
_NAMES = ", ".join(COLUMNS)
_PLACES = ", ".join(["%s"] * len(COLUMNS))
_ASSIGNMENTS = ", ".join(f"{column} = %s" for column in COLUMNS[2:])
_GIVEN = ", ".join(f"%({column})s::{_TYPES[column]}[]" for column in COLUMNS)
_NEW = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[2:])
_SELECT = f"SELECT {_NAMES} FROM milestone_progress WHERE namespace = %s AND viewer = %s"

_INSERT = f"""
    INSERT INTO milestone_progress (namespace, {_NAMES}) VALUES (%s, {_PLACES})
    ON CONFLICT DO NOTHING
"""
_UPDATE = f"""
    UPDATE milestone_progress SET {_ASSIGNMENTS}
    WHERE namespace = %s AND viewer = %s AND media = %s AND revision = %s
"""
# In order of the keys, so that of two batches that share some one waits for the other; in any other
# order each could wait for the other. What is not new is locked first: if it was deleted meanwhile,
# it is not to be inserted.
SAVE_MANY = f"""
    INSERT INTO milestone_progress AS stored (namespace, {_NAMES})
    SELECT %(namespace)s, given.* FROM (
        SELECT * FROM unnest({_GIVEN}) AS given ({_NAMES})
        ORDER BY viewer COLLATE "C", media COLLATE "C"
    ) AS given
    WHERE revision = 1 OR EXISTS (
        SELECT FROM milestone_progress AS known
        WHERE known.namespace = %(namespace)s AND known.viewer = given.viewer
        AND known.media = given.media AND known.revision = given.revision - 1
        FOR UPDATE
    )
    ON CONFLICT (namespace, viewer, media) DO UPDATE SET {_NEW}
    WHERE stored.revision = excluded.revision - 1
    RETURNING viewer, media
"""
LOAD = f"{_SELECT} AND media = %s"
LOAD_MANY = f"{_SELECT} AND media = ANY(%s::text[])"
# The limit has each of them looked up, however many of the namespace PostgreSQL expects.
LOAD_KEYS = f"""
    SELECT stored.* FROM unnest(%(viewer)s::text[], %(media)s::text[]) AS given (viewer, media)
    CROSS JOIN LATERAL (
        SELECT {_NAMES} FROM milestone_progress AS known
        WHERE known.namespace = %(namespace)s AND known.viewer = given.viewer
        AND known.media = given.media
        LIMIT 1
    ) AS stored
"""
EXPORT = f"{_SELECT} ORDER BY media"
_NEWEST = "AND day >= 0 ORDER BY day DESC, updated_at DESC, media LIMIT %s"
RECENT = f"{_SELECT} {_NEWEST}"
RECENT_UNFINISHED = f"""
    {_SELECT} AND NOT (completed AND (completed_at IS NULL OR updated_at <= completed_at)) {_NEWEST}
"""
DELETE_VIEWER = "DELETE FROM milestone_progress WHERE namespace = %s AND viewer = %s"
PURGE = f"""
    DELETE FROM milestone_progress WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM milestone_progress WHERE namespace = %s AND updated_at < %s LIMIT {SLICE}
    ))
"""


def upgrade_from(schema: int) -> str | None:
    """Return what upgrades a database of a schema; None if it is of the last one.

    Raises:
        StoreError: It is of a later one.
    """
    if schema > len(MIGRATIONS):
        raise StoreError(
            f"the database is of schema {schema}, which a newer version of milestone-progress has "
            f"made; this one knows {len(MIGRATIONS)}"
        )
    if schema == len(MIGRATIONS):
        return None
    return _UPGRADE.format(migrations=";".join(MIGRATIONS[schema:]), number=len(MIGRATIONS))


def write_of(namespace: str, record: ProgressRecord) -> tuple[str, tuple[Value, ...]]:
    """Return the statement that saves a record, and its values."""
    row = row_of(record, record.revision + 1)
    if record.revision == 0:
        return _INSERT, (namespace, *row)
    return _UPDATE, (*row[2:], namespace, record.viewer, record.media, record.revision)


def key_of(record: ProgressRecord) -> Key:
    """Return what tells a record from others of its namespace."""
    return record.viewer, record.media


def batches_of(records: Iterable[ProgressRecord]) -> Iterator[list[ProgressRecord]]:
    """Return what of many records is saved together: of each key the first."""
    firsts: dict[Key, ProgressRecord] = {}
    for record in records:
        firsts.setdefault(key_of(record), record)
    rest = iter(firsts.values())
    while batch := list(islice(rest, BATCH)):
        yield batch


def values_of(namespace: str, records: Iterable[ProgressRecord]) -> dict[str, str]:
    """Return the values of a statement for many records: an array of each column."""
    rows = [row_of(record, record.revision + 1) for record in records]
    columns = zip(COLUMNS, zip(*rows, strict=True), strict=True)
    return {"namespace": namespace} | {column: array(values) for column, values in columns}


def array(values: Sequence[Value]) -> str:
    """Return the text of an array."""
    # It is that of a JSON list but for the brackets, as no text here has a control character in it.
    # psycopg makes one of lists, too, and takes four times as long.
    return f"{{{json.dumps(values, ensure_ascii=False)[1:-1]}}}"


def losers_of(batch: Iterable[ProgressRecord], winners: Iterable[Key]) -> list[ProgressRecord]:
    """Return the records of a batch that were not saved."""
    won = set(winners)
    return [record for record in batch if key_of(record) not in won]


def saved_of(batch: Iterable[ProgressRecord]) -> dict[Key, Outcome]:
    """Return the records of a batch as they are stored if they were saved."""
    return {key_of(record): record.with_revision(record.revision + 1) for record in batch}


def conflicts_of(
    losers: Iterable[ProgressRecord], rows: Iterable[Sequence[Value]]
) -> dict[Key, Outcome]:
    """Return what records have lost by: what the rows hold, which are stored."""
    stored = {key_of(record): record for record in map(record_of, rows)}
    return {key_of(record): ConflictError(record, stored.get(key_of(record))) for record in losers}


def in_order(
    records: Iterable[ProgressRecord], outcomes: Mapping[Key, Outcome]
) -> Iterator[Outcome]:
    """Return what became of each record; whichever is not the first of its key lost to that."""
    seen = set()
    for record in records:
        key = key_of(record)
        outcome = outcomes[key]
        if key in seen:
            stored = outcome.stored if isinstance(outcome, ConflictError) else outcome
            outcome = ConflictError(record, stored)
        seen.add(key)
        yield outcome
