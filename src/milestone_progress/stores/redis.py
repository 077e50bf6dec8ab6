"""Stores in Redis or Valkey, with redis-py."""

import asyncio
import time
from collections.abc import Iterable, Sequence

try:
    from redis import BlockingConnectionPool, Redis
    from redis.asyncio import BlockingConnectionPool as AsyncBlockingConnectionPool
    from redis.asyncio import Redis as AsyncRedis
except ImportError as error:
    error.add_note("pip install 'milestone-progress[redis]'")
    raise

from .._record import ConflictError, ProgressRecord
from ._arguments import checked_medias, checked_time
from ._closing import AsyncClosing, Closing
from ._redis_connections import (
    AsyncClient,
    Client,
    Opened,
    Translating,
    complete,
    opened_pool,
    script_is_unknown,
)
from ._redis_script import (
    BATCH,
    SCRIPT,
    SCRIPT_NAME,
    Call,
    delete_call,
    exported_of,
    fields_of,
    found_of,
    key_of,
    outcome_of,
    outcomes_of,
    pattern_of,
    places_by_viewer,
    purge_calls,
    recent_call,
    recent_of,
    save_call,
    save_calls,
    stem_of,
    total_of,
)

__all__ = ["AsyncClient", "AsyncRedisStore", "Client", "RedisStore"]


class RedisStore(Closing):
    """Keeps records in Redis or Valkey, on one server or on a cluster.

    How safe a saved record is depends on how the server is set up:

    - Without persistence all is lost whenever the server ends.
    - With snapshots (``save``) all since the last one is lost when it crashes.
    - With ``appendonly yes`` and ``appendfsync everysec`` about two seconds are lost when its
      machine crashes, and seldom anything when only the server does.
    - With ``appendfsync always`` nothing is lost, and each save waits for the disk.
    - Replicas follow a little later: what had not reached the one that takes over is lost.

    ``maxmemory-policy`` has to be ``noeviction``, or ``volatile-…``, as no key here expires; with
    ``allkeys-…`` the server deletes records whenever its memory is full.

    Args:
        server: A URL (``redis://…``, ``rediss://…`` or ``unix://…``, with redis-py's options), or a
            client, whose own time-outs and retries count, and which is not closed. One that repeats
            commands by itself, as redis-py's do unless told otherwise, can let a save lose to
            itself; `save_merged` notices.
        namespace: Whose; records of other namespaces are as if they were not there.
        timeout: How long to wait for a free connection, to connect, and for an answer, seconds
            each. Nothing is tried twice.

    Raises:
        InvalidValueError: It is no such URL, namespace or time.
    """

    def __init__(
        self, server: str | Client, *, namespace: str = "default", timeout: float = 5.0
    ) -> None:
        self._stem = stem_of(namespace)
        self._opened = Opened(timeout)
        self._own: Redis | None = None
        if isinstance(server, str):
            pool = opened_pool(BlockingConnectionPool.from_url, server, timeout)
            server = self._own = Redis.from_pool(pool)
        self._client: Client = server

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        return self.load_many(viewer, [media]).get(media)

    def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        answer = self._run(save_call(self._stem, record.viewer, [record]))
        outcome = outcome_of(record, answer)
        if isinstance(outcome, ConflictError):
            raise outcome
        return outcome

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        outcomes: list[ProgressRecord | ConflictError] = []
        with self._opened:
            for start in range(0, len(records), BATCH):
                batch = records[start : start + BATCH]
                places = places_by_viewer(batch)
                answers = self._run_many(save_calls(self._stem, batch, places))
                outcomes += outcomes_of(batch, places.values(), answers)
        return outcomes

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        key = key_of(self._stem, viewer)
        names = checked_medias(medias)
        with self._opened:
            found = names and self._client.execute_command("HMGET", key, *fields_of(names))
        return found_of(viewer, names, found)

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        answer = self._run(recent_call(self._stem, viewer, limit, include_completed))
        return recent_of(viewer, answer)

    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer: `ViewerExporter.export_viewer`."""
        key = key_of(self._stem, viewer)
        with self._opened:
            found = self._client.execute_command("HGETALL", key)
        return exported_of(viewer, found)

    def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        return total_of([self._run(delete_call(self._stem, viewer))])

    def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`.

        All keys of the database are looked through, those of others, too; nobody has to wait.
        """
        checked_time(before)
        count = 0
        keys: list[object] = []
        with self._opened:
            for key in self._client.scan_iter(match=pattern_of(self._stem), count=BATCH):
                keys.append(key)
                if len(keys) == BATCH:
                    count += total_of(self._run_many(purge_calls(keys, before)))
                    keys.clear()
            return count + total_of(self._run_many(purge_calls(keys, before)))

    def close(self) -> None:
        """Close the connections that the store has opened, once nobody uses them any more."""
        for pause in self._opened.closing():
            time.sleep(pause)
        if self._own is not None:
            with Translating():
                self._own.close()

    def _run(self, call: Call) -> object:
        with self._opened:
            try:
                return self._client.execute_command("EVALSHA", SCRIPT_NAME, *call)
            except Exception as error:
                if not script_is_unknown(error):
                    raise
            return self._client.execute_command("EVAL", SCRIPT, *call)

    def _run_many(self, calls: Sequence[Call]) -> list[object]:
        with self._opened:
            answers = self._send("EVALSHA", SCRIPT_NAME, calls)
            unknown = [i for i, answer in enumerate(answers) if script_is_unknown(answer)]
            again = self._send("EVAL", SCRIPT, [calls[i] for i in unknown])
            return complete(answers, unknown, again)

    def _send(self, command: str, script: str, calls: Sequence[Call]) -> list[object]:
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command(command, script, *call)
        return pipeline.execute(raise_on_error=False)


class AsyncRedisStore(AsyncClosing):
    """A `RedisStore` for asyncio, and as safe.

    It connects once it is asked for something, and belongs to the event loop that runs then.

    Args:
        server: A URL, or a client of `redis.asyncio`; as for `RedisStore`. Let a client of a
            cluster connect (``await cluster.initialize()``) before many tasks use it: until then,
            redis-py sends commands to any server and repeats them.
        namespace: Whose; records of other namespaces are as if they were not there.
        timeout: How long to wait for a free connection, to connect, and for an answer, seconds
            each. Nothing is tried twice.

    Raises:
        InvalidValueError: It is no such URL, namespace or time.
    """

    def __init__(
        self, server: str | AsyncClient, *, namespace: str = "default", timeout: float = 5.0
    ) -> None:
        self._stem = stem_of(namespace)
        self._opened = Opened(timeout)
        self._own: AsyncRedis | None = None
        if isinstance(server, str):
            pool = opened_pool(AsyncBlockingConnectionPool.from_url, server, timeout)
            server = self._own = AsyncRedis.from_pool(pool)
        self._client: AsyncClient = server

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        found = await self.load_many(viewer, [media])
        return found.get(media)

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        answer = await self._run(save_call(self._stem, record.viewer, [record]))
        outcome = outcome_of(record, answer)
        if isinstance(outcome, ConflictError):
            raise outcome
        return outcome

    async def save_many(
        self, records: Sequence[ProgressRecord]
    ) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        outcomes: list[ProgressRecord | ConflictError] = []
        with self._opened:
            for start in range(0, len(records), BATCH):
                batch = records[start : start + BATCH]
                places = places_by_viewer(batch)
                answers = await self._run_many(save_calls(self._stem, batch, places))
                outcomes += outcomes_of(batch, places.values(), answers)
        return outcomes

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        key = key_of(self._stem, viewer)
        names = checked_medias(medias)
        with self._opened:
            found = names and await self._client.execute_command("HMGET", key, *fields_of(names))
        return found_of(viewer, names, found)

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        answer = await self._run(recent_call(self._stem, viewer, limit, include_completed))
        return recent_of(viewer, answer)

    async def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer: `ViewerExporter.export_viewer`."""
        key = key_of(self._stem, viewer)
        with self._opened:
            found = await self._client.execute_command("HGETALL", key)
        return exported_of(viewer, found)

    async def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        return total_of([await self._run(delete_call(self._stem, viewer))])

    async def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `RedisStore.purge`."""
        checked_time(before)
        count = 0
        keys: list[object] = []
        with self._opened:
            async for key in self._client.scan_iter(match=pattern_of(self._stem), count=BATCH):
                keys.append(key)
                if len(keys) == BATCH:
                    count += total_of(await self._run_many(purge_calls(keys, before)))
                    keys.clear()
            return count + total_of(await self._run_many(purge_calls(keys, before)))

    async def close(self) -> None:
        """Close the connections that the store has opened, once nobody uses them any more."""
        for pause in self._opened.closing():
            await asyncio.sleep(pause)
        if self._own is not None:
            with Translating():
                await self._own.aclose()

    async def _run(self, call: Call) -> object:
        with self._opened:
            try:
                return await self._client.execute_command("EVALSHA", SCRIPT_NAME, *call)
            except Exception as error:
                if not script_is_unknown(error):
                    raise
            return await self._client.execute_command("EVAL", SCRIPT, *call)

    async def _run_many(self, calls: Sequence[Call]) -> list[object]:
        with self._opened:
            answers = await self._send("EVALSHA", SCRIPT_NAME, calls)
            unknown = [i for i, answer in enumerate(answers) if script_is_unknown(answer)]
            again = await self._send("EVAL", SCRIPT, [calls[i] for i in unknown])
            return complete(answers, unknown, again)

    async def _send(self, command: str, script: str, calls: Sequence[Call]) -> list[object]:
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command(command, script, *call)
        return await pipeline.execute(raise_on_error=False)
