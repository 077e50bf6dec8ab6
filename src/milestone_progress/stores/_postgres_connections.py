"""Connections with PostgreSQL: what its stores need of psycopg and of psycopg's pool."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from psycopg import AsyncConnection, AsyncCursor, Connection, Cursor, Error, OperationalError
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import DeadlockDetected, SerializationFailure, UndefinedTable
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from .._numbers import number
from ..errors import InvalidValueError, StoreError
from ._postgres_statements import SCHEMA, upgrade_from
from ._rows import Value

__all__ = ["AsyncConnections", "Connections"]

Values = Sequence[Value] | Mapping[str, Value]

# A pool of a store's own grows up to so many connections.
LARGEST_POOL = 10
# What the server says when it has undone all of a statement, so that another could go on.
GAVE_WAY = (DeadlockDetected, SerializationFailure)


class Connections:
    """Executes statements on the connections of a pool, its own or the host's.

    Args:
        database: A connection string, or an open pool, which is not closed.
        timeout: How long a statement may take, the wait for a connection included, seconds.

    Raises:
        InvalidValueError: It is no such string or time.
    """

    def __init__(self, database: str | ConnectionPool[Any], timeout: float) -> None:
        self._timeout = _checked_timeout(timeout)
        self._own: ConnectionPool | None = None
        if not isinstance(database, ConnectionPool):
            options = _pool_options(database, timeout)
            database = self._own = ConnectionPool(**options, configure=self._configure)
        self._pool = database
        self._upgraded = False
        self._closed = False

    def close(self) -> None:
        """Close the connections that the store has opened."""
        self._closed = True
        if self._own is not None:
            self._own.close(self._timeout)

    def execute(self, statement: str, values: Values) -> Cursor[TupleRow]:
        """Execute a statement as a transaction of its own.

        Returns:
            The cursor, which has all rows.

        Raises:
            StoreError: The database failed, or the connections are closed.
        """
        if self._closed:
            raise StoreError("the store is closed")
        deadline = monotonic() + self._timeout
        try:
            connection = self._borrow(deadline)
            autocommit = connection.autocommit
            try:
                _hurry(connection, deadline)
                if not autocommit:
                    connection.set_autocommit(True)
                if not self._upgraded:
                    self._upgrade(connection)
                while True:
                    cursor = Cursor(connection, row_factory=tuple_row)
                    try:
                        return cursor.execute(statement, values, prepare=True)
                    except GAVE_WAY:
                        if monotonic() > deadline:
                            raise
            finally:
                _unhurry(connection)
                if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                    # `close` may only return it to the pool.
                    connection.pgconn.finish()
                elif not autocommit:
                    connection.set_autocommit(False)
                self._pool.putconn(connection)
        except Error as error:
            raise StoreError(f"the database failed: {error}") from error

    def _borrow(self, deadline: float) -> Connection[Any]:
        if self._own is not None and not self._upgraded:
            self._own.open()
        while True:
            connection: Connection[Any] = self._pool.getconn(deadline - monotonic())
            if _alive(connection):
                return connection
            connection.pgconn.finish()
            self._pool.putconn(connection)

    def _upgrade(self, connection: Connection[Any]) -> None:
        cursor = Cursor(connection, row_factory=tuple_row)
        try:
            [[schema]] = cursor.execute(SCHEMA).fetchall()
        except UndefinedTable:
            schema = 0
        if upgrade := upgrade_from(schema):
            cursor.execute(upgrade)
        self._upgraded = True

    def _configure(self, connection: Connection[Any]) -> None:
        _hurry(connection, monotonic() + self._timeout)
        connection.execute(_limit(self._timeout))
        _unhurry(connection)


class AsyncConnections:
    """`Connections` for asyncio."""

    def __init__(self, database: str | AsyncConnectionPool[Any], timeout: float) -> None:
        self._timeout = _checked_timeout(timeout)
        self._own: AsyncConnectionPool | None = None
        if not isinstance(database, AsyncConnectionPool):
            options = _pool_options(database, timeout)
            database = self._own = AsyncConnectionPool(**options, configure=self._configure)
        self._pool = database
        self._upgraded = False
        self._closed = False

    async def close(self) -> None:
        """Close the connections that the store has opened."""
        self._closed = True
        if self._own is not None:
            await self._own.close(self._timeout)

    async def execute(self, statement: str, values: Values) -> AsyncCursor[TupleRow]:
        """Execute a statement as a transaction of its own.

        Returns:
            The cursor, which has all rows.

        Raises:
            StoreError: The database failed, or the connections are closed.
        """
        if self._closed:
            raise StoreError("the store is closed")
        deadline = monotonic() + self._timeout
        try:
            connection = await self._borrow(deadline)
            autocommit = connection.autocommit
            try:
                _hurry(connection, deadline)
                if not autocommit:
                    await connection.set_autocommit(True)
                if not self._upgraded:
                    await self._upgrade(connection)
                while True:
                    cursor = AsyncCursor(connection, row_factory=tuple_row)
                    try:
                        return await cursor.execute(statement, values, prepare=True)
                    except GAVE_WAY:
                        if monotonic() > deadline:
                            raise
            finally:
                _unhurry(connection)
                if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                    connection.pgconn.finish()
                elif not autocommit:
                    await connection.set_autocommit(False)
                await self._pool.putconn(connection)
        except Error as error:
            raise StoreError(f"the database failed: {error}") from error

    async def _borrow(self, deadline: float) -> AsyncConnection[Any]:
        if self._own is not None and not self._upgraded:
            await self._own.open()
        while True:
            connection: AsyncConnection[Any] = await self._pool.getconn(deadline - monotonic())
            if _alive(connection):
                return connection
            connection.pgconn.finish()
            await self._pool.putconn(connection)

    async def _upgrade(self, connection: AsyncConnection[Any]) -> None:
        cursor = AsyncCursor(connection, row_factory=tuple_row)
        try:
            [[schema]] = await (await cursor.execute(SCHEMA)).fetchall()
        except UndefinedTable:
            schema = 0
        if upgrade := upgrade_from(schema):
            await cursor.execute(upgrade)
        self._upgraded = True

    async def _configure(self, connection: AsyncConnection[Any]) -> None:
        _hurry(connection, monotonic() + self._timeout)
        await connection.execute(_limit(self._timeout))
        _unhurry(connection)


def _checked_timeout(timeout: float) -> float:
    if number("timeout", timeout, largest=1e6) <= 0:
        raise InvalidValueError("timeout", timeout, "more than 0 seconds")
    return timeout


def _pool_options(database: str, timeout: float) -> dict[str, Any]:
    """Return what a pool of a store's own is made with.

    Raises:
        InvalidValueError: There is no such connection string.
    """
    if not isinstance(database, str):
        raise InvalidValueError("database", database, "a connection string, or a pool of psycopg's")
    try:
        conninfo_to_dict(database)
    except Error:
        # Neither is said what it was, nor what is wrong with it: there may be a password in it.
        expected = "a connection string such as postgresql://HOST/NAME"
        raise InvalidValueError("database", "…", expected) from None
    return {
        "conninfo": database,
        "kwargs": {"autocommit": True, "connect_timeout": max(2, round(timeout))},
        "open": False,
        "min_size": 0,
        "max_size": LARGEST_POOL,
        # Then it is for the next call to try again. The pauses between tries get longer and longer.
        "reconnect_timeout": timeout,
    }


def _limit(timeout: float) -> str:
    """Return what makes the server give up, too, on what waits for a lock that is never released.

    PostgreSQL does not notice that nobody waits for the answer any more.
    """
    return f"SET statement_timeout = {max(1, round(1_000 * timeout))}"


def _alive(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Return whether an idle connection has not been closed by the server, without asking it."""
    try:
        # The first may read its farewell. Only the second then comes upon the end.
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except OperationalError:
        return False
    return True


def _hurry(connection: Connection[Any] | AsyncConnection[Any], deadline: float) -> None:
    """Let a connection wait for the server until a time of the monotonic clock, and no longer.

    From a server that is halted or cut off nothing comes, not even an error, and psycopg waits for
    ever. All its waiting is in the method `wait` of its connections.
    """
    wait: Callable[..., Any] = connection.wait
    vars(connection)["wait"] = lambda waiting: wait(waiting, timeout=deadline - monotonic())


def _unhurry(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    vars(connection).pop("wait", None)
