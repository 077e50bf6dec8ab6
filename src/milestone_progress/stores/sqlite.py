"""Stores in an SQLite database: one file, and no server.

The file is kept in SQLite's write-ahead mode; beside it lie its ``-wal`` and ``-shm``. It may be a
database of the application's own: `milestone_progress` and `milestone_progress_schema` are the
tables that are added. Any number of processes of one machine may share it, but not machines that
share a network file system. SQLite must be 3.37 or newer.
"""
# ruff: noqa: S608  # The SQL is put together of constants.

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from .._identifiers import identifier
from .._record import ConflictError, ProgressRecord
from ..errors import StoreError
from ._arguments import checked_limit, checked_medias, checked_time
from ._closing import AsyncClosing, Closing
from ._rows import COLUMNS, Value, record_of, row_of
from ._sqlite_file import DRIVER_ERRORS, SQLiteFile, Synchronous, transaction

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

__all__ = ["AsyncSQLiteStore", "SQLiteStore"]

P = ParamSpec("P")
T = TypeVar("T")
#: A record to save, the statement that saves it, and what that is given.
Write = tuple[ProgressRecord, str, tuple[Value, ...]]
Outcome = ProgressRecord | ConflictError | StoreError
#: The outcome of a save, or what went wrong with all that were saved together.
Answer = Outcome | BaseException
#: Viewer and media.
Key = tuple[str, str]

# So many records are purged in one transaction. Others save in between.
SLICE = 1_000
# A thread that the system lets wait so many seconds is not kept by other calls.
PATIENCE = 1.0
FIRST: Key = ("", "")

_NAMES = ", ".join(COLUMNS)
_PLACES = ", ".join("?" * len(COLUMNS))
_ASSIGNMENTS = ", ".join(f"{column} = ?" for column in COLUMNS[2:])
_SELECT = f"SELECT {_NAMES} FROM milestone_progress WHERE namespace = ? AND viewer = ?"

INSERT = f"""
    INSERT INTO milestone_progress (namespace, {_NAMES}) VALUES (?, {_PLACES})
    ON CONFLICT DO NOTHING
"""
UPDATE = f"""
    UPDATE milestone_progress SET {_ASSIGNMENTS}
    WHERE namespace = ? AND viewer = ? AND media = ? AND revision = ?
"""
LOAD = f"{_SELECT} AND media = ?"
LOAD_MANY = f"{_SELECT} AND media IN (SELECT value FROM json_each(?))"
EXPORT = f"{_SELECT} ORDER BY media"
RECENT = f"{_SELECT} ORDER BY updated_at DESC, media LIMIT ?"
RECENT_UNFINISHED = f"""
    {_SELECT} AND NOT (completed AND (completed_at IS NULL OR updated_at <= completed_at))
    ORDER BY updated_at DESC, media LIMIT ?
"""
RECORDS = f"""
    SELECT {_NAMES} FROM milestone_progress
    WHERE namespace = ? ORDER BY viewer, media LIMIT ?
"""
REMOVE = """
    DELETE FROM milestone_progress
    WHERE namespace = ? AND viewer = ? AND media = ? AND revision = ?
"""
DELETE_VIEWER = "DELETE FROM milestone_progress WHERE namespace = ? AND viewer = ?"
OLD = """
    SELECT viewer, media FROM milestone_progress
    WHERE namespace = ? AND (viewer, media) > (?, ?) AND updated_at < ?
    ORDER BY viewer, media LIMIT ?
"""
PURGE = """
    DELETE FROM milestone_progress
    WHERE namespace = ? AND viewer = ? AND media = ? AND updated_at < ?
"""


class _Store(Closing):
    """What both stores do, in a file that is opened when it is first used."""

    def __init__(self, file: SQLiteFile, namespace: str) -> None:
        self.file = file
        self._namespace = identifier("namespace", namespace)

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        identifier("viewer", viewer)
        identifier("media", media)
        return self.file.use(lambda connection: self._load(connection, viewer, media))

    def _load(
        self, connection: sqlite3.Connection, viewer: str, media: str
    ) -> ProgressRecord | None:
        row = connection.execute(LOAD, (self._namespace, viewer, media)).fetchone()
        return None if row is None else record_of(row)

    def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        _, statement, values = self.write_of(record)
        if self.file.use(lambda connection: connection.execute(statement, values).rowcount):
            return record.with_revision(record.revision + 1)
        raise ConflictError(record, self.load(record.viewer, record.media))

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        return self._save_all([self.write_of(record) for record in records], self._save_one)

    def save_together(self, writes: Sequence[Write]) -> list[Outcome]:
        """Save records of several who know nothing of each other; what one fails by is its own.

        Raises:
            StoreError: All of them failed.
        """
        return self._save_all(writes, self._try_one)

    def _save_all(
        self, writes: Sequence[Write], save_one: Callable[[sqlite3.Connection, Write], T]
    ) -> list[ProgressRecord | T]:
        def save_all(connection: sqlite3.Connection) -> list[ProgressRecord | T]:
            if len(writes) == 1:
                # A statement is a transaction of its own.
                return [save_one(connection, writes[0])]
            if _saved_at_once(connection, writes):
                return [record.with_revision(record.revision + 1) for record, _, _ in writes]
            with transaction(connection):
                return [save_one(connection, write) for write in writes]

        return self.file.use(save_all)

    def write_of(self, record: ProgressRecord) -> Write:
        """Return how to save a record."""
        values = row_of(record, record.revision + 1)
        if record.revision == 0:
            return record, INSERT, (self._namespace, *values)
        key = (self._namespace, record.viewer, record.media)
        return record, UPDATE, (*values[2:], *key, record.revision)

    def _try_one(self, connection: sqlite3.Connection, write: Write) -> Outcome:
        try:
            return self._save_one(connection, write)
        except StoreError as error:
            return error
        except DRIVER_ERRORS as error:
            if not connection.in_transaction:  # SQLite has given up all of it.
                raise
            return self.file.failure(error)

    def _save_one(
        self, connection: sqlite3.Connection, write: Write
    ) -> ProgressRecord | ConflictError:
        record, statement, values = write
        if connection.execute(statement, values).rowcount:
            return record.with_revision(record.revision + 1)
        return ConflictError(record, self._load(connection, record.viewer, record.media))

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        wanted = json.dumps(checked_medias(medias), ensure_ascii=False)
        return {record.media: record for record in self._select(LOAD_MANY, viewer, wanted)}

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
        return self._rows(statement, self._namespace, identifier("viewer", viewer), *further)

    def _rows(self, statement: str, *values: Value) -> list[ProgressRecord]:
        rows = self.file.use(lambda connection: connection.execute(statement, values).fetchall())
        return [record_of(row) for row in rows]

    def records(self, limit: int) -> list[ProgressRecord]:
        """Return the records of all viewers: `FallbackStore.records`."""
        return self._rows(RECORDS, self._namespace, checked_limit(limit))

    def remove(self, record: ProgressRecord) -> bool:
        """Delete a record if its revision is the one stored: `FallbackStore.remove`."""
        values = (self._namespace, record.viewer, record.media, record.revision)
        return self.file.use(lambda connection: connection.execute(REMOVE, values).rowcount) > 0

    def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`.

        They are overwritten in the file, too, and the log that they were in is emptied, unless
        another process keeps on reading it for longer than the time-out. Between other rows a name
        may be legible until the file is vacuumed.
        """
        values = (self._namespace, identifier("viewer", viewer))

        def delete(connection: sqlite3.Connection) -> int:
            deleted = connection.execute(DELETE_VIEWER, values).rowcount
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return deleted

        return self.file.use(delete)

    def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        deleted = 0
        after: Key | None = FIRST
        while after is not None:
            some, after = self.purge_some(before, after)
            deleted += some
        return deleted

    def purge_some(self, before: float, after: Key) -> tuple[int, Key | None]:
        """Delete some old records; return how many, and after which there may be more."""
        checked_time(before)

        def purge(connection: sqlite3.Connection) -> tuple[int, Key | None]:
            found = connection.execute(OLD, (self._namespace, *after, before, SLICE)).fetchall()
            with transaction(connection):
                # Not those that were saved since.
                values = [(self._namespace, *key, before) for key in found]
                deleted = connection.executemany(PURGE, values).rowcount
            return deleted, found[-1] if len(found) == SLICE else None

        return self.file.use(purge)

    def close(self) -> None:
        """Close the file, after the calls that are under way."""
        self.file.close()


def _saved_at_once(connection: sqlite3.Connection, writes: Sequence[Write]) -> bool:
    """Save all records by one call of the driver for each statement, or none of them."""
    batches = {
        statement: [values for _, its, values in writes if its is statement]
        for statement in (INSERT, UPDATE)
    }
    if all(batches.values()):
        keys = {(record.viewer, record.media) for record, _, _ in writes}
        if len(keys) < len(writes):
            return False  # They may not change places.
    try:
        with transaction(connection):
            for statement, batch in batches.items():
                if connection.executemany(statement, batch).rowcount < len(batch):
                    connection.execute("ROLLBACK")
                    return False
    except sqlite3.OperationalError:
        raise
    except DRIVER_ERRORS:
        return False
    return True


class SQLiteStore(_Store):
    """Keeps records in an SQLite database.

    A save that was acknowledged survives the end of the process, however it ends. With
    ``synchronous="full"`` it survives a loss of power as well, provided that the disk does not
    lie. With ``"normal"``, which is several times as fast, the last saves may be lost with the
    power, but the file is never corrupt.

    Args:
        path: The file, made if it is not there, in a folder that is there; ``":memory:"`` for none.
        namespace: Whose; records of other namespaces are as if they were not there.
        synchronous: What a save survives: ``"full"`` or ``"normal"``.
        timeout: How long to wait for other threads, and then for other processes, seconds.

    Raises:
        InvalidValueError: An argument is no such thing.
        StoreError: The file cannot be opened, or a newer version of this library made it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        namespace: str = "default",
        synchronous: Synchronous = "full",
        timeout: float = 5.0,
    ) -> None:
        super().__init__(SQLiteFile(path, synchronous, timeout), namespace)
        self.file.use(lambda _connection: None)


class AsyncSQLiteStore(AsyncClosing):
    """A `SQLiteStore` for asyncio, which does all its work in one thread of its own.

    Saves that come while others are being written share the next transaction, and each returns once
    that is committed: the more tasks save at once, the cheaper it gets. What waits is what tasks
    await, and no more; so whoever awaits each save never gets ahead of the disk.

    The file is opened by the first call, and the store belongs to the event loop of that call. One
    that nobody closes does not keep the interpreter from ending.

    Args:
        path: The file, made if it is not there, in a folder that is there; ``":memory:"`` for none.
        namespace: Whose; records of other namespaces are as if they were not there.
        synchronous: What a save survives, as for `SQLiteStore`: ``"full"`` or ``"normal"``.
        timeout: How long to wait for other calls, and then for other processes, seconds.

    Raises:
        InvalidValueError: An argument is no such thing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        namespace: str = "default",
        synchronous: Synchronous = "full",
        timeout: float = 5.0,
    ) -> None:
        # Who has an asyncio store has loaded such modules; who has not need not pay for them.
        from asyncio import get_running_loop  # noqa: PLC0415  # as said
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        self._store = _Store(SQLiteFile(path, synchronous, timeout), namespace)
        self._thread = ThreadPoolExecutor(1, "milestone-progress")
        self._running_loop = get_running_loop
        self._loop: AbstractEventLoop | None = None
        self._waiting: list[tuple[Write, Future[Answer]]] = []
        self._writing = False
        self._closed: Future[None] | None = None

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        return await self._call(self._store.load, viewer, media)

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        loop = self._entered()
        answer: Future[Answer] = loop.create_future()
        self._waiting.append((self._store.write_of(record), answer))
        if not self._writing:
            self._writing = True
            # Not at once: other tasks that are about to run may save, too.
            loop.call_soon(self._write)
        outcome = await answer
        if isinstance(outcome, ProgressRecord):
            return outcome
        raise outcome

    def _write(self) -> None:
        # Nobody waits for what was cancelled meanwhile.
        batch = [(write, answer) for write, answer in self._waiting if not answer.done()]
        self._waiting.clear()
        self._writing = bool(batch)
        if batch:
            written = self._start(self._store.save_together, [write for write, _ in batch])
            written.add_done_callback(partial(self._answer, [answer for _, answer in batch]))

    def _answer(self, answers: list["Future[Answer]"], written: "Future[list[Outcome]]") -> None:
        error = written.exception()
        outcomes = [_again(error) for _ in answers] if error else written.result()
        for answer, outcome in zip(answers, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)
        # After the tasks that are answered now, which may have more to save.
        self._running_loop().call_soon(self._write)

    async def save_many(
        self, records: Sequence[ProgressRecord]
    ) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        return await self._call(self._store.save_many, tuple(records))

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        return await self._call(self._store.load_many, viewer, checked_medias(medias))

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        recent = self._store.recent
        return await self._call(recent, viewer, limit, include_completed=include_completed)

    async def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer: `ViewerExporter.export_viewer`."""
        return await self._call(self._store.export_viewer, viewer)

    async def records(self, limit: int) -> list[ProgressRecord]:
        """Return the records of all viewers: `FallbackStore.records`."""
        return await self._call(self._store.records, limit)

    async def remove(self, record: ProgressRecord) -> bool:
        """Delete a record if its revision is the one stored: `FallbackStore.remove`."""
        return await self._call(self._store.remove, record)

    async def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer, as `SQLiteStore.delete_viewer` does."""
        return await self._call(self._store.delete_viewer, viewer)

    async def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        deleted = 0
        after: Key | None = FIRST
        while after is not None:
            some, after = await self._call(self._store.purge_some, before, after)
            deleted += some
        return deleted

    async def close(self) -> None:
        """Do what was asked for before, close the file, and end the thread."""
        from asyncio import shield  # noqa: PLC0415  # as said

        if self._closed is None:
            self._write()
            self._closed = self._running_loop().run_in_executor(self._thread, self._store.close)
            self._thread.shutdown(wait=False)
        # Cancelling this task does not undo it.
        await shield(self._closed)

    async def _call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._entered()
        return await self._start(work, *args, **kwargs)

    def _entered(self) -> "AbstractEventLoop":
        """Return the event loop, if it is the store's."""
        loop = self._running_loop()
        if self._closed is not None:
            raise StoreError("the store is closed")
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise StoreError("the store belongs to the event loop that it was first used in")
        return loop

    def _start(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Have the thread do some work after all other that it has, if it gets to it in time."""
        file = self._store.file
        latest = monotonic() + file.timeout + PATIENCE

        def start() -> T:
            if monotonic() > latest:
                raise file.busy("other calls")
            return work(*args, **kwargs)

        return self._running_loop().run_in_executor(self._thread, start)


def _again(error: BaseException) -> BaseException:
    """Return an error to be raised in one more task."""
    if not isinstance(error, StoreError):
        return error
    copy = StoreError(*error.args)
    copy.__cause__ = error.__cause__
    return copy
