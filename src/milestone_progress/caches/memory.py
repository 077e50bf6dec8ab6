"""A cache of snapshots in memory: for tests, and for recorders that share a process."""

from .._identifiers import identifier
from ..errors import StoreError
from ..stores._closing import AsyncClosing, Closing

__all__ = ["AsyncMemorySnapshotCache", "MemorySnapshotCache"]


class MemorySnapshotCache(Closing):
    """Keeps snapshots in memory, until they are forgotten."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str, str], str] = {}
        self._closed = False

    def _key(self, viewer: str, media: str, player: str) -> tuple[str, str, str]:
        if self._closed:
            raise StoreError("the cache is closed")
        if player:
            identifier("player", player)
        return identifier("viewer", viewer), identifier("media", media), player

    def get(self, viewer: str, media: str, player: str = "") -> str | None:
        """Return the text that was put last: `SnapshotCache.get`."""
        return self._texts.get(self._key(viewer, media, player))

    def put(self, viewer: str, media: str, text: str, player: str = "") -> None:
        """Keep a text in place of what there is: `SnapshotCache.put`."""
        self._texts[self._key(viewer, media, player)] = text

    def forget(self, viewer: str, media: str | None = None, player: str | None = None) -> None:
        """Forget the texts of a viewer and a media: `SnapshotCache.forget`."""
        one = self._key(viewer, "any" if media is None else media, player or "")
        if media is not None and player is not None:
            self._texts.pop(one, None)
            return
        for key in list(self._texts):
            if key[0] == viewer and media in (None, key[1]):
                self._texts.pop(key, None)

    def close(self) -> None:
        """Let nobody use it any more: `SnapshotCache.close`."""
        self._closed = True


class AsyncMemorySnapshotCache(AsyncClosing):
    """A `MemorySnapshotCache` for asyncio."""

    def __init__(self) -> None:
        self._cache = MemorySnapshotCache()

    async def get(self, viewer: str, media: str, player: str = "") -> str | None:
        """Return the text that was put last: `SnapshotCache.get`."""
        return self._cache.get(viewer, media, player)

    async def put(self, viewer: str, media: str, text: str, player: str = "") -> None:
        """Keep a text in place of what there is: `SnapshotCache.put`."""
        self._cache.put(viewer, media, text, player)

    async def forget(
        self, viewer: str, media: str | None = None, player: str | None = None
    ) -> None:
        """Forget the texts of a viewer and a media: `SnapshotCache.forget`."""
        self._cache.forget(viewer, media, player)

    async def close(self) -> None:
        """Let nobody use it any more: `SnapshotCache.close`."""
        self._cache.close()
