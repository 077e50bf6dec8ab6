"""Stores in PostgreSQL, by psycopg 3 and its pool.

PostgreSQL must be 14 or newer, and the database in UTF-8. It may be one of the application's own:
`milestone_progress` and `milestone_progress_schema` are the tables that are added, to the first
schema of the ``search_path``. The first store of a new version of this library needs the right to
do so. All others need SELECT on both, and INSERT, UPDATE and DELETE on the first.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

try:
    from psycopg import AsyncConnection, Connection
    from psycopg_pool import AsyncConnectionPool, ConnectionPool
except ImportError as error:
    error.add_note("pip install 'milestone-progress[postgres]' 'psycopg[binary]'")
    raise

from .._identifiers import identifier
from .._record import ConflictError, ProgressRecord
from ._arguments import checked_limit, checked_medias, checked_time
from ._closing import AsyncClosing, Closing
from ._postgres_connections import AsyncConnections, Connections
from ._postgres_statements import (
    DELETE_VIEWER,
    EXPORT,
    LOAD,
    LOAD_KEYS,
    LOAD_MANY,
    PURGE,
    RECENT,
    RECENT_UNFINISHED,
    SAVE_MANY,
    Key,
    Outcome,
    array,
    batches_of,
    conflicts_of,
    in_order,
    losers_of,
    saved_of,
    values_of,
    write_of,
)
from ._rows import Value, record_of

__all__ = ["AsyncPostgresStore", "PostgresStore"]

# Of the host's pool.
ForThreads = TypeVar("ForThreads", bound=Connection[object])
ForTasks = TypeVar("ForTasks", bound=AsyncConnection[object])


class PostgresStore(Closing):
    """Keeps records in PostgreSQL.

    A saved record is as safe as the server makes its commits: with ``synchronous_commit``, which is
    on unless told otherwise, it survives a crash.

    The first call connects, and creates or upgrades the tables. It has to come after a fork.

    Args:
        database: A connection string (``postgresql://…``), or an open pool, which is not closed. A
            pool brings its own ``statement_timeout``: without one the server may do later what has
            been waiting for a lock for longer than ``timeout``. Behind a PgBouncer that gives each
            transaction another connection it has to be a pool, whose connections are made with
            ``prepare_threshold=None`` unless that PgBouncer knows prepared statements
            (``max_prepared_statements``).
        namespace: Whose; records of other namespaces are as if they were not there.
        timeout: How long a call may take, seconds; one that saves or purges thousands of records,
            for each part of them. Why there is no connection is told in the log of psycopg's pool.

    Raises:
        InvalidValueError: It is no such string, namespace or time.
    """

    def __init__(
        self,
        database: str | ConnectionPool[ForThreads],
        *,
        namespace: str = "default",
        timeout: float = 5.0,
    ) -> None:
        self._namespace = identifier("namespace", namespace)
        self._connections = Connections(database, timeout)

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        found = self._select(LOAD, viewer, identifier("media", media))
        return found[0] if found else None

    def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        statement, values = write_of(self._namespace, record)
        saved = self._connections.execute(statement, values)
        if saved.rowcount:
            return record.with_revision(record.revision + 1)
        raise ConflictError(record, self.load(record.viewer, record.media))

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        outcomes: dict[Key, Outcome] = {}
        for batch in batches_of(records):
            saved = self._connections.execute(SAVE_MANY, values_of(self._namespace, batch))
            outcomes |= saved_of(batch)
            if saved.rowcount < len(batch):
                losers = losers_of(batch, saved.fetchall())
                keys = values_of(self._namespace, losers)
                stored = self._connections.execute(LOAD_KEYS, keys)
                outcomes |= conflicts_of(losers, stored.fetchall())
        return list(in_order(records, outcomes))

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        found = self._select(LOAD_MANY, viewer, array(checked_medias(medias)))
        return {record.media: record for record in found}

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        statement = RECENT if include_completed else RECENT_UNFINISHED
        return self._select(statement, viewer, checked_limit(limit))

    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer: `ViewerExporter.export_viewer`."""
        return self._select(EXPORT, viewer)

    def _select(self, statement: str, viewer: str, *further: Value) -> list[ProgressRecord]:
        values = (self._namespace, identifier("viewer", viewer), *further)
        found = self._connections.execute(statement, values)
        return [record_of(row) for row in found.fetchall()]

    def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        values = (self._namespace, identifier("viewer", viewer))
        return self._connections.execute(DELETE_VIEWER, values).rowcount

    def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        values = (self._namespace, checked_time(before))
        purged = 0
        while count := self._connections.execute(PURGE, values).rowcount:
            purged += count
        return purged

    def close(self) -> None:
        """Close the connections that the store has opened."""
        self._connections.close()


class AsyncPostgresStore(AsyncClosing):
    """A `PostgresStore` for asyncio, as safe as that.

    It belongs to the event loop in which it is first asked for something.

    Args:
        database: A connection string, or an open pool; as for `PostgresStore`.
        namespace: Whose; records of other namespaces are as if they were not there.
        timeout: How long a call may take, seconds; as for `PostgresStore`.

    Raises:
        InvalidValueError: It is no such string, namespace or time.
    """

    def __init__(
        self,
        database: str | AsyncConnectionPool[ForTasks],
        *,
        namespace: str = "default",
        timeout: float = 5.0,
    ) -> None:
        self._namespace = identifier("namespace", namespace)
        self._connections = AsyncConnections(database, timeout)

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        found = await self._select(LOAD, viewer, identifier("media", media))
        return found[0] if found else None

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        statement, values = write_of(self._namespace, record)
        saved = await self._connections.execute(statement, values)
        if saved.rowcount:
            return record.with_revision(record.revision + 1)
        raise ConflictError(record, await self.load(record.viewer, record.media))

    async def save_many(
        self, records: Sequence[ProgressRecord]
    ) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        outcomes: dict[Key, Outcome] = {}
        for batch in batches_of(records):
            saved = await self._connections.execute(SAVE_MANY, values_of(self._namespace, batch))
            outcomes |= saved_of(batch)
            if saved.rowcount < len(batch):
                losers = losers_of(batch, await saved.fetchall())
                keys = values_of(self._namespace, losers)
                stored = await self._connections.execute(LOAD_KEYS, keys)
                outcomes |= conflicts_of(losers, await stored.fetchall())
        return list(in_order(records, outcomes))

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        found = await self._select(LOAD_MANY, viewer, array(checked_medias(medias)))
        return {record.media: record for record in found}

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        statement = RECENT if include_completed else RECENT_UNFINISHED
        return await self._select(statement, viewer, checked_limit(limit))

    async def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer: `ViewerExporter.export_viewer`."""
        return await self._select(EXPORT, viewer)

    async def _select(self, statement: str, viewer: str, *further: Value) -> list[ProgressRecord]:
        values = (self._namespace, identifier("viewer", viewer), *further)
        found = await self._connections.execute(statement, values)
        return [record_of(row) for row in await found.fetchall()]

    async def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        values = (self._namespace, identifier("viewer", viewer))
        deleted = await self._connections.execute(DELETE_VIEWER, values)
        return deleted.rowcount

    async def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        values = (self._namespace, checked_time(before))
        purged = 0
        while count := (await self._connections.execute(PURGE, values)).rowcount:
            purged += count
        return purged

    async def close(self) -> None:
        """Close the connections that the store has opened."""
        await self._connections.close()
