"""Stores in a database that the host has already, by SQLAlchemy Core.

SQLite, PostgreSQL, MariaDB from 10.2 and MySQL from 8.0.16, by the host's own engine or inside its
own transaction::

    store = SQLAlchemyStore(engine)
    store.create_schema()

    with engine.begin() as connection:
        save_merged(SQLAlchemyStore(connection), record)
        ...

A host with migrations of its own leaves `create_schema` out, and takes `table` into them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, TypeVarTuple

try:
    from sqlalchemy import Connection, Engine, MetaData, Table
except ImportError as error:
    error.add_note("pip install 'milestone-progress[sqlalchemy]'")
    raise

from .._identifiers import identifier
from .._record import ConflictError, ProgressRecord
from ..errors import InvalidValueError, MilestoneProgressError, StoreError
from ._arguments import checked_limit, checked_medias, checked_time
from ._closing import AsyncClosing, Closing
from ._sqlalchemy_records import Records, in_hosts_transaction, in_own_transaction
from ._sqlalchemy_table import Untyped, Utf8, create_schema, table

try:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
except ImportError:
    # Without greenlet, nobody can have any of them.
    AsyncConnection = AsyncEngine = ()  # type: ignore[assignment,misc]  # fits nothing

__all__ = ["AsyncSQLAlchemyStore", "SQLAlchemyStore", "Untyped", "Utf8", "table"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

USUAL_TABLE = table(MetaData())


@contextmanager
def _store_errors() -> Iterator[None]:
    """Raise what a database or its driver raises as the cause of a `StoreError`."""
    try:
        yield
    except MilestoneProgressError:
        raise
    except Exception as error:  # SQLAlchemy does not wrap all that drivers raise.
        # Its own text tells the parameters, too: who watches what, and megabytes.
        what = getattr(error, "orig", None) or error
        raise StoreError(f"the database failed: {what}") from error


class SQLAlchemyStore(Closing):
    """Keeps records in a database that the host has.

    With an engine, each call is a transaction of its own, committed when it returns, and as safe as
    that database makes it; it is begun again if it had to give way to another. With a connection,
    all becomes part of the transaction that the host commits, or does not. There, a call that fails
    has changed nothing and the transaction can go on; only after a deadlock, MariaDB and MySQL have
    ended it.

    How long to wait for the database is for the engine to say: ``pool_timeout``, and the time-outs
    in ``connect_args``, SQLite's ``timeout`` there being how long to wait for others that write. An
    engine in AUTOCOMMIT cannot save batches. What connects to MariaDB or MySQL has to speak
    utf8mb4, as it does unless told otherwise.

    Args:
        bind: The host's engine or connection; it is never closed here. A store of a connection is
            for one thread at a time, as that is.
        namespace: Whose; records of other namespaces are as if they were not there.
        table: What `table` returned, if it has another name or schema than the usual.

    Raises:
        InvalidValueError: The namespace is no identifier, or the bind none of these.
    """

    def __init__(
        self,
        bind: Engine | Connection,
        *,
        namespace: str = "default",
        table: Table = USUAL_TABLE,
    ) -> None:
        if not isinstance(bind, (Engine, Connection)):
            raise InvalidValueError("bind", bind, "an Engine or a Connection of SQLAlchemy")
        self._bind = bind
        self._table = table
        self._records = Records(table, bind.dialect.name, namespace)
        self._closed = False

    def create_schema(self) -> None:
        """Create or upgrade the table, in one of any number of processes that do so at once.

        For hosts without migrations: what theirs have created is left as it is.

        Raises:
            InvalidValueError: The store is inside a transaction. MariaDB and MySQL would commit it.
            StoreError: The database failed, or its schema is that of a later version.
        """
        if isinstance(self._bind, Connection):
            raise InvalidValueError("bind", self._bind, "an Engine, for the schema to be created")
        self._check_open()
        with _store_errors(), self._bind.connect() as connection:
            create_schema(connection, self._table)

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        identifier("viewer", viewer)
        return self._do(self._records.load, viewer, identifier("media", media))

    def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        return self._do(self._records.save, record)

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        return self._do(self._records.save_many, records)

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        identifier("viewer", viewer)
        return self._do(self._records.load_many, viewer, checked_medias(medias))

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        identifier("viewer", viewer)
        return self._do(self._records.recent, viewer, checked_limit(limit), include_completed)

    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer, in order of media: `ViewerExporter.export_viewer`."""
        return self._do(self._records.export_viewer, identifier("viewer", viewer))

    def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        return self._do(self._records.delete_viewer, identifier("viewer", viewer))

    def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        return self._do(self._records.purge, checked_time(before))

    def close(self) -> None:
        """Close the store, and nothing else: the engine or connection is the host's."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    def _do(self, work: Callable[[Connection, *Ts], T], *arguments: *Ts) -> T:
        def act(connection: Connection) -> T:
            return work(connection, *arguments)

        self._check_open()
        with _store_errors():
            if isinstance(self._bind, Connection):
                return in_hosts_transaction(self._bind, act)
            with self._bind.connect() as connection:
                return in_own_transaction(connection, act)


class AsyncSQLAlchemyStore(AsyncClosing):
    """A `SQLAlchemyStore` for asyncio.

    Args:
        bind: The host's asyncio engine or connection; it is never closed here. A store of a
            connection is for one task at a time, as that is.
        namespace: Whose; records of other namespaces are as if they were not there.
        table: What `table` returned, if it has another name or schema than the usual.

    Raises:
        InvalidValueError: The namespace is no identifier, or the bind none of these.
    """

    def __init__(
        self,
        bind: "AsyncEngine | AsyncConnection",
        *,
        namespace: str = "default",
        table: Table = USUAL_TABLE,
    ) -> None:
        if not isinstance(bind, (AsyncEngine, AsyncConnection)):
            raise InvalidValueError("bind", bind, "an AsyncEngine or AsyncConnection of SQLAlchemy")
        self._bind = bind
        self._table = table
        self._records = Records(table, bind.dialect.name, namespace)
        self._closed = False

    async def create_schema(self) -> None:
        """Create or upgrade the table: `SQLAlchemyStore.create_schema`."""
        if isinstance(self._bind, AsyncConnection):
            expected = "an AsyncEngine, for the schema to be created"
            raise InvalidValueError("bind", self._bind, expected)
        self._check_open()
        with _store_errors():
            async with self._bind.connect() as connection:
                await connection.run_sync(create_schema, self._table)

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        identifier("viewer", viewer)
        return await self._do(self._records.load, viewer, identifier("media", media))

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        return await self._do(self._records.save, record)

    async def save_many(
        self, records: Sequence[ProgressRecord]
    ) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        return await self._do(self._records.save_many, records)

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        identifier("viewer", viewer)
        return await self._do(self._records.load_many, viewer, checked_medias(medias))

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        identifier("viewer", viewer)
        return await self._do(self._records.recent, viewer, checked_limit(limit), include_completed)

    async def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer, in order of media: `ViewerExporter.export_viewer`."""
        return await self._do(self._records.export_viewer, identifier("viewer", viewer))

    async def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        return await self._do(self._records.delete_viewer, identifier("viewer", viewer))

    async def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        return await self._do(self._records.purge, checked_time(before))

    async def close(self) -> None:
        """Close the store, and nothing else: the engine or connection is the host's."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    async def _do(self, work: Callable[[Connection, *Ts], T], *arguments: *Ts) -> T:
        def act(connection: Connection) -> T:
            return work(connection, *arguments)

        self._check_open()
        with _store_errors():
            if isinstance(self._bind, AsyncConnection):
                return await self._bind.run_sync(in_hosts_transaction, act)
            async with self._bind.connect() as connection:
                return await connection.run_sync(in_own_transaction, act)
