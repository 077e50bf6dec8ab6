"""A file of SQLite: opened, upgraded, used by one thread at a time, and never across a fork."""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Literal, TypeVar
from weakref import WeakSet

from .._identifiers import LONGEST_IDENTIFIER
from .._numbers import LARGEST, number
from .._record import LARGEST_COUNT
from ..errors import InvalidValueError, StoreError

__all__ = ["DRIVER_ERRORS", "SQLiteFile", "Synchronous", "transaction"]

T = TypeVar("T")
Synchronous = Literal["full", "normal"]

MEMORY = ":memory:"
# What the driver raises; the last two for an int and a text that no database could hold.
DRIVER_ERRORS = (sqlite3.Error, OverflowError, UnicodeError)


def _identifies(column: str) -> str:
    # A text may hold a NUL, and then ends there for most functions.
    return (
        f"{column} ANY NOT NULL CHECK (typeof({column}) = 'text'"
        f" AND length({column}) BETWEEN 1 AND {LONGEST_IDENTIFIER}"
        f" AND instr({column}, char(0)) = 0 AND {column} NOT GLOB '*[\x01-\x1f\x7f-\x9f]*')"
    )


def _is_real(column: str, largest: float) -> str:
    return f"typeof({column}) = 'real' AND {column} BETWEEN 0 AND {largest:.0f}"


def _measures(column: str, largest: float = LARGEST) -> str:
    return f"{column} ANY NOT NULL CHECK ({_is_real(column, largest)})"


def _may_measure(column: str) -> str:
    # NaN is NULL to SQLite: unknown, as these may be.
    return f"{column} ANY CHECK ({column} IS NULL OR {_is_real(column, LARGEST)})"


def _counts(column: str, smallest: int, largest: int = LARGEST_COUNT) -> str:
    return (
        f"{column} ANY NOT NULL CHECK (typeof({column}) = 'integer'"
        f" AND {column} BETWEEN {smallest} AND {largest})"
    )


# Each upgrades a database of the schema numbered like it to the next. A column of type ANY keeps
# what it is given; one of REAL would make numbers of texts and of booleans.
MIGRATIONS = (
    f"""
    CREATE TABLE milestone_progress (
        {_identifies("namespace")},
        {_identifies("viewer")},
        {_identifies("media")},
        {_measures("position")},
        {_may_measure("duration")} CHECK (duration > 0),
        {_measures("milestone", 100)},
        {_measures("furthest")},
        {_counts("completed", 0, 1)},
        {_may_measure("completed_at")},
        played ANY NOT NULL CHECK (typeof(played) = 'text' AND played NOT GLOB '*[^0-9,-]*'),
        {_measures("updated_at")},
        {_counts("revision", 1)},
        {_counts("generation", 0)},
        PRIMARY KEY (namespace, viewer, media)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE INDEX milestone_progress_recent
    ON milestone_progress (namespace, viewer, updated_at DESC, media)
    """,
)
HAS_SCHEMA = "SELECT 1 FROM sqlite_schema WHERE name = 'milestone_progress_schema'"
SCHEMA = "SELECT coalesce(max(number), 0) FROM milestone_progress_schema"
MAKE_SCHEMA = "CREATE TABLE IF NOT EXISTS milestone_progress_schema (number INTEGER PRIMARY KEY)"
SET_SCHEMA = "INSERT INTO milestone_progress_schema VALUES (?)"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what a block writes, unless it fails or rolls back itself."""
    try:
        # A deferred one fails where others write between its first reading and its first writing.
        connection.execute("BEGIN IMMEDIATE")
        yield
        if connection.in_transaction:
            connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class SQLiteFile:
    """A database of SQLite in a file, or in memory, opened when it is first used.

    Args:
        path: Where.
        synchronous: SQLite's setting of that name.
        timeout: How long to wait for other threads, and then for other processes, seconds.

    Raises:
        InvalidValueError: An argument is no such thing.
    """

    def __init__(
        self, path: str | os.PathLike[str], synchronous: Synchronous, timeout: float
    ) -> None:
        name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
        if not isinstance(name, str) or not name or "\0" in name:
            raise InvalidValueError("path", path, f"the path of a file, or {MEMORY!r}")
        if synchronous not in ("full", "normal"):
            raise InvalidValueError("synchronous", synchronous, "'full' or 'normal'")
        # Absolute, as it may be opened again when the process has gone to another folder.
        self.path = name if name == MEMORY else str(Path(name).absolute())
        self.synchronous = synchronous
        self.timeout = number("timeout", timeout, minimum=0, largest=1e6)
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        with _FORKING:
            _FILES.add(self)

    def use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what some work with the connection does.

        Raises:
            StoreError: The file cannot be opened, or was closed, or the work failed in SQLite.
        """
        if not self._lock.acquire(True, self.timeout):
            raise self.busy("other threads")
        try:
            return work(self._connection or self._connect())
        except DRIVER_ERRORS as error:
            raise self.failure(error) from error
        finally:
            self._lock.release()

    def busy(self, who: str) -> StoreError:
        """Return what to raise if others have used the file for all of the time-out."""
        return StoreError(f"{self.path}: {who} were using it for {self.timeout:g} seconds")

    def failure(self, error: Exception) -> StoreError:
        """Return what to raise instead of an error of the driver."""
        failure = StoreError(f"{self.path}: {error}")
        failure.__cause__ = error
        return failure

    def close(self) -> None:
        """Close the file, after what is being done with it; more than once is fine."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError("the store is closed")
        connection = sqlite3.connect(
            self.path,
            timeout=self.timeout,
            isolation_level=None,  # Each statement is a transaction, but where we begin one.
            check_same_thread=False,  # There is the lock.
        )
        try:
            _use_write_ahead_log(connection, self.timeout)
            connection.execute(f"PRAGMA synchronous = {self.synchronous}")
            connection.execute("PRAGMA secure_delete = ON")
            _upgrade(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _use_write_ahead_log(connection: sqlite3.Connection, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            # The change needs the file for itself. SQLite does not wait for one who is writing.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0, 0.01))  # noqa: S311  # nothing secret depends on it
    if mode not in ("wal", "memory"):
        raise StoreError(f"the database can have no write-ahead log, its journal is {mode!r}")


def _upgrade(connection: sqlite3.Connection) -> None:
    if _schema(connection) == len(MIGRATIONS):
        return
    with transaction(connection):
        connection.execute(MAKE_SCHEMA)
        # Asked again, for another process may have been faster.
        for schema in range(_schema(connection), len(MIGRATIONS)):
            connection.execute(MIGRATIONS[schema])
            connection.execute(SET_SCHEMA, (schema + 1,))


def _schema(connection: sqlite3.Connection) -> int:
    if connection.execute(HAS_SCHEMA).fetchone() is None:
        return 0
    schema: int
    [schema] = connection.execute(SCHEMA).fetchone()
    if schema > len(MIGRATIONS):
        raise StoreError(
            f"the database is of schema {schema}, which a newer version of milestone-progress has "
            f"made; this one knows {len(MIGRATIONS)}"
        )
    return schema


# SQLite takes a connection that a process inherited for its own, and the parent's locks along with
# it: what the child saves by another one can be lost, although it was acknowledged. So that there
# is none, files are closed while a process forks. A copy of a database in memory does no harm.
_FILES: WeakSet[SQLiteFile] = WeakSet()
_FORKING = Lock()
_HELD: list[SQLiteFile] = []


def _before_fork() -> None:
    _FORKING.acquire()
    for file in list(_FILES):
        file._lock.acquire()
        _HELD.append(file)
        if file.path != MEMORY:
            file._disconnect()


def _after_fork() -> None:
    while _HELD:
        _HELD.pop()._lock.release()
    _FORKING.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
