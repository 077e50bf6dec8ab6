"""The table that `milestone_progress.stores.sqlalchemy` keeps records in, and how it is created."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    false,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable, conv
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.types import UserDefinedType

from .._identifiers import LONGEST_IDENTIFIER
from .._numbers import LARGEST
from .._record import LARGEST_COUNT
from ..errors import StoreError

__all__ = ["MIGRATIONS", "Untyped", "Utf8", "create_schema", "table", "versions"]

# How long a process waits for another that creates the schema, seconds, in MariaDB and MySQL.
PATIENCE = 60
# What those that create a schema meet at: PostgreSQL knows locks by number, MariaDB by name.
LOCK_NUMBER, LOCK_NAME = 0x6D696C6573746F6E, "milestone_progress_schema"


class Utf8(UserDefinedType[str]):
    """Text as bytes, in MariaDB and MySQL: their texts overlook spaces at the end, or case."""

    # Where migrations import it from.
    __module__ = "milestone_progress.stores.sqlalchemy"

    cache_ok = True

    def __init__(self, length: int) -> None:
        self.length = length

    def get_col_spec(self, **_: object) -> str:
        """Return the type in SQL, of four bytes for each character."""
        return f"VARBINARY({4 * self.length})"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[bytes], str]:
        """Return what makes text of what is stored; what is sent is made bytes by the database."""
        return _text


def _text(stored: bytes) -> str:
    return bytes(stored).decode()


class Untyped(UserDefinedType[float]):
    """A number in SQLite, in a column that makes no number of a text, so that it can be refused."""

    __module__ = "milestone_progress.stores.sqlalchemy"

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the only name of a type that SQLite converts nothing to."""
        return "BLOB"


_IDENTIFIER = (
    String(LONGEST_IDENTIFIER)
    .with_variant(String(LONGEST_IDENTIFIER, collation="C"), "postgresql")
    .with_variant(Utf8(LONGEST_IDENTIFIER), "mysql", "mariadb")
)
_MEASURE: Double[float] = Double().with_variant(Untyped(), "sqlite")
_COUNT = BigInteger().with_variant(Untyped(), "sqlite")
_LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


class _Condition(ColumnElement[bool]):
    """What must hold for a column, said as each dialect understands it.

    One constraint with several wordings: Alembic takes several constraints, each for a dialect, to
    be for all of them.
    """

    inherit_cache = True

    def __init__(self, usually: str, **elsewhere: str) -> None:
        self.usually = usually
        self.elsewhere = elsewhere


@compiles(_Condition)
def _worded(condition: _Condition, compiler: SQLCompiler, **_: object) -> str:
    return condition.elsewhere.get(compiler.dialect.name, condition.usually)


def _identifies(column: str) -> _Condition:
    length = f"length({column}) BETWEEN 1 AND {LONGEST_IDENTIFIER}"
    control = "'*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || ']*'"
    # MySQL makes NULL of what is no text, and searches no bytes but as hexadecimal digits.
    as_bytes = (
        f"char_length(coalesce(convert({column} USING utf8mb4), ''))"
        f" BETWEEN 1 AND {LONGEST_IDENTIFIER}"
        f" AND hex({column}) NOT REGEXP '^(..)*([01].|7F|C2[89].|ED[AB].)'"
    )
    return _Condition(
        length,
        postgresql=rf"{length} AND {column} !~ '[\x01-\x1f\x7f-\x9f]'",
        # A text of SQLite may hold a NUL, and ends there for nearly all functions.
        sqlite=f"typeof({column}) = 'text' AND {length} AND instr({column}, char(0)) = 0"
        f" AND {column} NOT GLOB {control}",
        mysql=as_bytes,
        mariadb=as_bytes,
    )


# Before they check it, MariaDB and MySQL make a number of True and of "5", and PostgreSQL of a "5"
# whose type it is not told. To SQLite a whole number and True are the same, and NaN is NULL.


def _ranges(column: str, condition: str, kind: str = "real") -> _Condition:
    # NULL fulfils all that is not true of it; where it may not be, the column refuses it.
    return _Condition(condition, sqlite=f"typeof({column}) IN ('{kind}', 'null') AND {condition}")


def _measures(column: str, largest: float = LARGEST) -> _Condition:
    return _ranges(column, f"{column} BETWEEN 0 AND {largest:.0f}")


def _counts(column: str, smallest: int) -> _Condition:
    return _ranges(column, f"{column} BETWEEN {smallest} AND {LARGEST_COUNT}", "integer")


_CONDITIONS: Mapping[str, _Condition] = {
    "namespace": _identifies("namespace"),
    "viewer": _identifies("viewer"),
    "media": _identifies("media"),
    "position": _measures("position"),
    "duration": _ranges("duration", f"duration > 0 AND duration <= {LARGEST:.0f}"),
    "milestone": _measures("milestone", 100),
    "furthest": _measures("furthest"),
    "completed": _Condition("completed IN (0, 1)", postgresql="completed IN (true, false)"),
    "completed_at": _measures("completed_at"),
    "played": _Condition(
        "played NOT REGEXP '[^0-9,-]'",
        postgresql="played !~ '[^0-9,-]'",
        sqlite="typeof(played) = 'text' AND played NOT GLOB '*[^0-9,-]*'",
    ),
    "updated_at": _measures("updated_at"),
    "revision": _counts("revision", 1),
    "generation": _counts("generation", 0),
}


def table(metadata: MetaData, name: str = "milestone_progress_records") -> Table:
    """Return the table that records are kept in, with all its constraints.

    It is all that a store needs, for a host whose migrations create it. A migration that Alembic
    wrote of it is for the kind of database it was connected to, and has to ``import
    milestone_progress.stores.sqlalchemy``.

    Args:
        metadata: The host's. The table is added to it, and is in its schema.
        name: What to call it, at most 50 characters. Stores are told of another name, or of a
            schema, by ``table=``.
    """
    updated_at = Column("updated_at", _MEASURE, nullable=False)
    return Table(
        name,
        metadata,
        Column("namespace", _IDENTIFIER, primary_key=True),
        Column("viewer", _IDENTIFIER, primary_key=True),
        Column("media", _IDENTIFIER, primary_key=True),
        Column("position", _MEASURE, nullable=False),
        Column("duration", _MEASURE),
        Column("milestone", _MEASURE, nullable=False),
        Column("furthest", _MEASURE, nullable=False),
        Column("completed", Boolean, nullable=False),
        Column("completed_at", _MEASURE),
        Column("played", _LONG_TEXT, nullable=False),
        updated_at,
        Column("revision", _COUNT, nullable=False),
        Column("generation", _COUNT, nullable=False),
        # With names that the host's naming conventions leave as they are.
        *(
            CheckConstraint(condition, name=conv(f"{name}_{column}"))
            for column, condition in _CONDITIONS.items()
        ),
        Index(conv(f"{name}_recent"), "namespace", "viewer", updated_at.desc(), "media"),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
        sqlite_with_rowid=False,
    )


def versions(records: Table) -> Table:
    """Return the table that holds the numbers of the migrations that a table of records had."""
    return Table(
        f"{records.name}_schema",
        MetaData(schema=records.schema),
        Column("number", Integer, primary_key=True, autoincrement=False),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


def _create_table(connection: Connection, records: Table) -> None:
    connection.execute(CreateTable(records, if_not_exists=True))


def _create_index(connection: Connection, records: Table) -> None:
    for index in records.indexes:
        if index.name == f"{records.name}_recent":
            index.create(connection, checkfirst=True)


# What upgrades a database of each schema to the next one. Each may find that it was done, as
# MariaDB and MySQL commit every step.
MIGRATIONS: tuple[Callable[[Connection, Table], None], ...] = (_create_table, _create_index)


def create_schema(connection: Connection, records: Table) -> None:
    """Create or upgrade a table of records, on a connection that is in no transaction.

    Raises:
        StoreError: The schema is newer than this version of the library knows, or another process
            is creating it and does not come to an end.
    """
    done = versions(records)
    if connection.dialect.name == "postgresql":
        # So that whoever was let in sees what was done until then.
        connection.execution_options(isolation_level="READ COMMITTED")
    with _alone(connection):
        connection.execute(CreateTable(done, if_not_exists=True))
    with _alone(connection):
        # Lets in one after the other, in SQLite.
        connection.execute(delete(done).where(false()))
        version = connection.scalar(select(func.max(done.c.number))) or 0
        if version > len(MIGRATIONS):
            raise StoreError(f"the schema is version {version}, this knows up to {len(MIGRATIONS)}")
        for number, migrate in enumerate(MIGRATIONS[version:], version + 1):
            migrate(connection, records)
            connection.execute(insert(done), {"number": number})


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Begin a transaction that no other process is in, where tables cannot be created at once."""
    match connection.dialect.name:
        case "postgresql":
            with connection.begin():
                connection.execute(select(func.pg_advisory_xact_lock(LOCK_NUMBER)))
                yield
        case "mysql" | "mariadb":
            # A lock that outlives transactions, as each table that is created ends one.
            with connection.begin():
                let_in = connection.scalar(select(func.get_lock(LOCK_NAME, PATIENCE)))
            if let_in != 1:
                raise StoreError("another process has been creating the schema for too long")
            try:
                with connection.begin():
                    yield
            finally:
                with connection.begin():
                    connection.execute(select(func.release_lock(LOCK_NAME)))
        case _:
            with connection.begin():
                yield
