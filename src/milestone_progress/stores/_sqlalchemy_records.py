"""What the stores of `milestone_progress.stores.sqlalchemy` say to a database, on a connection."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Insert,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    false,
    insert,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

from .._identifiers import identifier
from .._played import played_to_text
from .._record import ConflictError, ProgressRecord
from ..errors import InvalidValueError, StoreError
from ._rows import COLUMNS, Value, record_of

__all__ = ["Records", "in_hosts_transaction", "in_own_transaction"]

T = TypeVar("T")
Key = tuple[str, str]
Parameters = dict[str, Value]
Outcome = ProgressRecord | ConflictError

# How often to try again what others prevented, before that is an error.
TRIES = 100
# So many rows are asked for at once. No database takes any number of parameters.
BUNCH = 1_000
# What MariaDB and MySQL call a key that is there already; a deadlock; and a savepoint that is gone
# because a deadlock has ended its transaction.
DUPLICATE, DEADLOCK, SAVEPOINT_GONE = 1062, 1213, 1305
# What PostgreSQL calls a transaction that cannot be as if after the others, and a deadlock.
NOT_SERIALIZABLE, DEADLOCK_DETECTED = "40001", "40P01"


def _insert_postgresql(records: Table) -> Insert:
    return postgresql.insert(records).on_conflict_do_nothing(index_elements=records.primary_key)


def _insert_sqlite(records: Table) -> Insert:
    return sqlite.insert(records).on_conflict_do_nothing(index_elements=records.primary_key)


# Insert what is not there. If it is, that of MariaDB and MySQL fails, which there undoes nothing
# else: what they could ignore it with ignores other errors, too.
_INSERTS: Mapping[str, Callable[[Table], Insert]] = {
    "mariadb": insert,
    "mysql": insert,
    "postgresql": _insert_postgresql,
    "sqlite": _insert_sqlite,
}


class _Statements:
    """All that is said about a table of records. SQLAlchemy compiles each once."""

    def __init__(self, records: Table, dialect: str) -> None:
        columns = records.c
        ours = columns.namespace == bindparam("of_namespace")
        viewers = and_(ours, columns.viewer == bindparam("of_viewer"))
        one = and_(viewers, columns.media == bindparam("of_media"))
        rows = select(*(columns[name] for name in COLUMNS))

        self.insert = (
            _INSERTS[dialect](records)
            .values(namespace=bindparam("of_namespace"))
            .values(viewer=bindparam("of_viewer"), media=bindparam("of_media"))
            .values({name: bindparam(name) for name in COLUMNS[2:]})
            .execution_options(preserve_rowcount=True)
        )
        self.update = update(records).where(one, columns.revision == bindparam("made_from"))
        self.delete_viewer = delete(records).where(viewers)
        self.purge = delete(records).where(ours, columns.updated_at < bindparam("before"))
        self.delete_nothing = delete(records).where(false())

        self.one = rows.where(one)
        self.some = rows.where(viewers, columns.media.in_(bindparam("medias", expanding=True)))
        keys = tuple_(columns.viewer, columns.media)
        self.stored = rows.where(ours, keys.in_(bindparam("keys", expanding=True)))
        if dialect in ("mariadb", "mysql"):
            # Else they tell what was stored when the transaction first read anything.
            self.stored = self.stored.with_for_update(read=True)
        self.all = rows.where(viewers).order_by(columns.media)
        self.recent = (
            rows.where(viewers)
            .order_by(columns.updated_at.desc(), columns.media)
            .limit(bindparam("limit"))
        )
        self.recent_unfinished = self.recent.where(
            or_(not_(columns.completed), columns.updated_at > columns.completed_at)
        )


_statements = lru_cache(maxsize=64)(_Statements)


class Records:
    """The records of a namespace, for a connection that is in a transaction.

    Raises:
        InvalidValueError: The namespace is no identifier, or the database of another kind than
            those that this was written for.
    """

    def __init__(self, records: Table, dialect: str, namespace: str) -> None:
        if dialect not in _INSERTS:
            raise InvalidValueError("bind", dialect, f"one for {', '.join(_INSERTS)}")
        self._say = _statements(records, dialect)
        self._namespace = identifier("namespace", namespace)

    def save(self, connection: Connection, record: ProgressRecord) -> ProgressRecord:
        """Save a record, or raise `ConflictError`."""
        statement = self._say.update if record.revision else self._say.insert
        if not _count(connection, statement, self._parameters(record)):
            key = (record.viewer, record.media)
            raise ConflictError(record, self._stored(connection, [key]).get(key))
        return record.with_revision(record.revision + 1)

    def save_many(self, connection: Connection, records: Sequence[ProgressRecord]) -> list[Outcome]:
        """Save records, and return for each what is stored or the conflict that it lost by."""
        first = {(record.viewer, record.media): record for record in reversed(records)}
        # In the same order wherever it is done, so that batches do not wait for each other.
        winning = {key: first[key] for key in sorted(first)}
        lost = self._write(connection, winning)
        saved: dict[Key, ProgressRecord] = {}
        outcomes: list[Outcome] = []
        for record in records:
            key = (record.viewer, record.media)
            if key in lost:
                outcomes.append(ConflictError(record, lost[key]))
            elif key in saved:
                outcomes.append(ConflictError(record, saved[key]))
            else:
                saved[key] = record.with_revision(record.revision + 1)
                outcomes.append(saved[key])
        return outcomes

    def _write(
        self, connection: Connection, records: dict[Key, ProgressRecord]
    ) -> dict[Key, ProgressRecord | None]:
        """Write the records that do not lose, and return what is stored instead of the others."""
        lost: dict[Key, ProgressRecord | None] = {}
        # Whoever reads before it writes, in SQLite, may not write any more; and only what writes
        # has its drivers begin a transaction, without which a savepoint would be one.
        connection.execute(self._say.delete_nothing)
        for _ in range(TRIES):
            if self._write_all(connection, records.values()):
                return lost
            # It is known how many were written, but not which.
            stored = self._stored(connection, list(records))
            for key, record in list(records.items()):
                found = stored.get(key)
                if record.revision != (found.revision if found else 0):
                    lost[key] = found
                    del records[key]
        raise StoreError(f"gave up after {TRIES} tries, since others saved the same each time")

    def _write_all(self, connection: Connection, records: Collection[ProgressRecord]) -> bool:
        """Write all of the records or, if one of them loses, none, and return whether."""
        inserted = [self._parameters(record) for record in records if not record.revision]
        updated = [self._parameters(record) for record in records if record.revision]
        with connection.begin_nested() as savepoint:
            for statement, rows in ((self._say.insert, inserted), (self._say.update, updated)):
                if rows and _count(connection, statement, rows) != len(rows):
                    savepoint.rollback()
                    return False
        return True

    def _parameters(self, record: ProgressRecord) -> Parameters:
        """Return what insert and update are told of a record.

        Without `row_of`: to name its values, too, would make a batch a twentieth slower.
        """
        return {
            "of_namespace": self._namespace,
            "of_viewer": record.viewer,
            "of_media": record.media,
            "made_from": record.revision,
            "position": record.position,
            "duration": record.duration,
            "milestone": float(record.milestone),
            "furthest": record.furthest,
            "completed": record.completed,
            "completed_at": record.completed_at,
            "played": played_to_text(record.played),
            "updated_at": record.updated_at,
            "revision": record.revision + 1,
            "generation": record.generation,
        }

    def _stored(self, connection: Connection, keys: Sequence[Key]) -> dict[Key, ProgressRecord]:
        return {
            (record.viewer, record.media): record
            for bunch in _bunches(keys)
            for record in self._read(connection, self._say.stored, keys=bunch)
        }

    def load(self, connection: Connection, viewer: str, media: str) -> ProgressRecord | None:
        """Return a record, None if there is none."""
        found = self._read(connection, self._say.one, of_viewer=viewer, of_media=media)
        return found[0] if found else None

    def load_many(
        self, connection: Connection, viewer: str, medias: Sequence[str]
    ) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media."""
        return {
            record.media: record
            for bunch in _bunches(medias)
            for record in self._read(connection, self._say.some, of_viewer=viewer, medias=bunch)
        }

    def recent(
        self, connection: Connection, viewer: str, limit: int, include_completed: bool
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last."""
        statement = self._say.recent if include_completed else self._say.recent_unfinished
        return self._read(connection, statement, of_viewer=viewer, limit=limit)

    def export_viewer(self, connection: Connection, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer."""
        return self._read(connection, self._say.all, of_viewer=viewer)

    def delete_viewer(self, connection: Connection, viewer: str) -> int:
        """Delete all records of a viewer."""
        whose = {"of_namespace": self._namespace, "of_viewer": viewer}
        return connection.execute(self._say.delete_viewer, whose).rowcount

    def purge(self, connection: Connection, before: float) -> int:
        """Delete what is old."""
        what = {"of_namespace": self._namespace, "before": before}
        return connection.execute(self._say.purge, what).rowcount

    def _read(
        self, connection: Connection, statement: Select[Any], **parameters: object
    ) -> list[ProgressRecord]:
        found = connection.execute(statement, {"of_namespace": self._namespace, **parameters})
        return [record_of(row) for row in found]


def _bunches(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + BUNCH] for start in range(0, len(values), BUNCH))


def _count(
    connection: Connection,
    statement: Insert | Update,
    parameters: Parameters | Sequence[Parameters],
) -> int:
    """Write a row, or many, and return how many were written.

    MariaDB and MySQL write none, if one of those to be inserted is there already.
    """
    dialect = connection.dialect
    try:
        if isinstance(parameters, dict) or (
            dialect.supports_sane_multi_rowcount and not dialect.use_insertmanyvalues_wo_returning
        ):
            return connection.execute(statement, parameters).rowcount
        # Some drivers do not count rows that were written with one call.
        return sum(connection.execute(statement, one).rowcount for one in parameters)
    except IntegrityError as error:
        if _mysql_code(error) != DUPLICATE:
            raise
        return 0


def _mysql_code(error: DBAPIError) -> object:
    return error.orig.args[0] if error.orig and error.orig.args else None


def _gave_way(error: DBAPIError) -> bool:
    """Return whether the database ended a transaction for the sake of another."""
    state = getattr(error.orig, "sqlstate", None)
    return state in (NOT_SERIALIZABLE, DEADLOCK_DETECTED) or _mysql_code(error) in (
        DEADLOCK,
        SAVEPOINT_GONE,
    )


def in_own_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Do some work in a transaction, and again if that had to give way to another."""
    for _ in range(TRIES - 1):
        try:
            with connection.begin():
                return work(connection)
        except DBAPIError as error:
            if not _gave_way(error):
                raise
    with connection.begin():
        return work(connection)


def in_hosts_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Do some work inside a transaction that goes on, even if the work fails."""
    if connection.dialect.name != "postgresql":
        return work(connection)
    # Here, a statement that fails ends its transaction, or only its savepoint.
    with connection.begin_nested():
        return work(connection)
