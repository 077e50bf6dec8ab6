"""Caches of snapshots in Redis or Valkey, with redis-py; they forget who is away for long.

The snapshots of a viewer are the fields of one hash, which expires as a whole. Give them a server
that may evict keys, not that of a `RedisStore`.
"""

import asyncio
import time

try:
    from redis import BlockingConnectionPool, Redis
    from redis.asyncio import BlockingConnectionPool as AsyncBlockingConnectionPool
    from redis.asyncio import Redis as AsyncRedis
except ImportError as error:
    error.add_note("pip install 'milestone-progress[redis]'")
    raise

from .._identifiers import identifier
from .._numbers import number
from ..errors import InvalidValueError, StoreError
from ..stores._closing import AsyncClosing, Closing
from ..stores._redis_connections import (
    AsyncClient,
    Client,
    Opened,
    Translating,
    complete,
    opened_pool,
)
from ..stores._redis_script import stem_of, viewer_key_of

__all__ = ["AsyncRedisSnapshotCache", "RedisSnapshotCache"]

# Nobody comes back to a paused player after this long and expects the pause to go on.
EXPIRY = 6 * 3600.0


class _Keys:
    """How both caches name what they keep, and for how long they do."""

    def __init__(self, namespace: str, expiry: float) -> None:
        if number("expiry", expiry) < 0.001:
            raise InvalidValueError("expiry", expiry, "at least a millisecond")
        self._stem = stem_of(namespace)
        self._milliseconds = int(1000 * expiry)

    def _key(self, viewer: str) -> str:
        return f"{viewer_key_of(self._stem, viewer)}:snapshots"

    def _field(self, media: str, player: str = "") -> bytes:
        # No identifier has a NUL.
        rest = f"\0{identifier('player', player)}" if player else ""
        return f"{identifier('media', media)}{rest}".encode()


def _fields_of(media: bytes, answer: object) -> list[bytes]:
    """Return the fields of a media among all of a viewer's."""
    assert isinstance(answer, list), "that is what HKEYS answers"
    fields = [field.encode() if isinstance(field, str) else field for field in answer]
    return [field for field in fields if field == media or field.startswith(media + b"\0")]


def _text(answer: object) -> str | None:
    if answer is None or isinstance(answer, str):
        return answer
    if isinstance(answer, bytes):
        return answer.decode()
    raise StoreError(f"the server answered with a {type(answer).__name__}")


class RedisSnapshotCache(_Keys, Closing):
    """Keeps snapshots in Redis or Valkey.

    Args:
        server: A URL or a client, as for `RedisStore`.
        namespace: Whose; what is in other namespaces is as if it were not there.
        expiry: For how long after the last of a viewer's events, seconds.
        timeout: As for `RedisStore`.

    Raises:
        InvalidValueError: It is no such URL, namespace or time.
    """

    def __init__(
        self,
        server: str | Client,
        *,
        namespace: str = "default",
        expiry: float = EXPIRY,
        timeout: float = 5.0,
    ) -> None:
        super().__init__(namespace, expiry)
        self._opened = Opened(timeout)
        self._own: Redis | None = None
        if isinstance(server, str):
            pool = opened_pool(BlockingConnectionPool.from_url, server, timeout)
            server = self._own = Redis.from_pool(pool)
        self._client: Client = server

    def get(self, viewer: str, media: str, player: str = "") -> str | None:
        """Return the text that was put last: `SnapshotCache.get`."""
        key, field = self._key(viewer), self._field(media, player)
        with self._opened:
            return _text(self._client.execute_command("HGET", key, field))

    def put(self, viewer: str, media: str, text: str, player: str = "") -> None:
        """Keep a text in place of what there is: `SnapshotCache.put`."""
        key, field = self._key(viewer), self._field(media, player)
        with self._opened:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.execute_command("HSET", key, field, text)
            pipeline.execute_command("PEXPIRE", key, self._milliseconds)
            complete(pipeline.execute(raise_on_error=False), (), ())

    def forget(self, viewer: str, media: str | None = None, player: str | None = None) -> None:
        """Forget the texts of a viewer and a media: `SnapshotCache.forget`."""
        key = self._key(viewer)
        field = None if media is None else self._field(media, player or "")
        with self._opened:
            if field is None:
                self._client.execute_command("DEL", key)
            elif player is not None:
                self._client.execute_command("HDEL", key, field)
            else:
                every = self._client.execute_command("HKEYS", key)
                if fields := _fields_of(field, every):
                    self._client.execute_command("HDEL", key, *fields)

    def close(self) -> None:
        """Close the connections that the cache has opened, once nobody uses them any more."""
        for pause in self._opened.closing():
            time.sleep(pause)
        if self._own is not None:
            with Translating():
                self._own.close()


class AsyncRedisSnapshotCache(_Keys, AsyncClosing):
    """A `RedisSnapshotCache` for asyncio, with the same arguments.

    It belongs to the event loop that it is first used in.
    """

    def __init__(
        self,
        server: str | AsyncClient,
        *,
        namespace: str = "default",
        expiry: float = EXPIRY,
        timeout: float = 5.0,
    ) -> None:
        super().__init__(namespace, expiry)
        self._opened = Opened(timeout)
        self._own: AsyncRedis | None = None
        if isinstance(server, str):
            pool = opened_pool(AsyncBlockingConnectionPool.from_url, server, timeout)
            server = self._own = AsyncRedis.from_pool(pool)
        self._client: AsyncClient = server

    async def get(self, viewer: str, media: str, player: str = "") -> str | None:
        """Return the text that was put last: `SnapshotCache.get`."""
        key, field = self._key(viewer), self._field(media, player)
        with self._opened:
            return _text(await self._client.execute_command("HGET", key, field))

    async def put(self, viewer: str, media: str, text: str, player: str = "") -> None:
        """Keep a text in place of what there is: `SnapshotCache.put`."""
        key, field = self._key(viewer), self._field(media, player)
        with self._opened:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.execute_command("HSET", key, field, text)
            pipeline.execute_command("PEXPIRE", key, self._milliseconds)
            complete(await pipeline.execute(raise_on_error=False), (), ())

    async def forget(
        self, viewer: str, media: str | None = None, player: str | None = None
    ) -> None:
        """Forget the texts of a viewer and a media: `SnapshotCache.forget`."""
        key = self._key(viewer)
        field = None if media is None else self._field(media, player or "")
        with self._opened:
            if field is None:
                await self._client.execute_command("DEL", key)
            elif player is not None:
                await self._client.execute_command("HDEL", key, field)
            else:
                every = await self._client.execute_command("HKEYS", key)
                if fields := _fields_of(field, every):
                    await self._client.execute_command("HDEL", key, *fields)

    async def close(self) -> None:
        """Close the connections that the cache has opened, once nobody uses them any more."""
        for pause in self._opened.closing():
            await asyncio.sleep(pause)
        if self._own is not None:
            with Translating():
                await self._own.aclose()
