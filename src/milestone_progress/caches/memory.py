"""A cache of snapshots in memory: for tests, and for recorders that share a process."""

from .._identifiers import identifier
from ..stores._closing import AsyncClosing, Closing

__all__ = ["AsyncMemorySnapshotCache", "MemorySnapshotCache"]


class MemorySnapshotCache(Closing):
    """Keeps snapshots in memory, until they are forgotten."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], str] = {}

    def get(self, viewer: str, media: str) -> str | None:
        """Return the text that was put last: `SnapshotCache.get`."""
        return self._texts.get((identifier("viewer", viewer), identifier("media", media)))

    def put(self, viewer: str, media: str, text: str) -> None:
        """Keep a text in place of what there is: `SnapshotCache.put`."""
        self._texts[identifier("viewer", viewer), identifier("media", media)] = text

    def forget(self, viewer: str, media: str | None = None) -> None:
        """Forget the text of a viewer and a media: `SnapshotCache.forget`."""
        identifier("viewer", viewer)
        for key in list(self._texts):
            if key[0] == viewer and media in (None, key[1]):
                self._texts.pop(key, None)

    def close(self) -> None:
        """Do nothing."""


class AsyncMemorySnapshotCache(AsyncClosing):
    """A `MemorySnapshotCache` for asyncio."""

    def __init__(self) -> None:
        self._cache = MemorySnapshotCache()

    async def get(self, viewer: str, media: str) -> str | None:
        """Return the text that was put last: `SnapshotCache.get`."""
        return self._cache.get(viewer, media)

    async def put(self, viewer: str, media: str, text: str) -> None:
        """Keep a text in place of what there is: `SnapshotCache.put`."""
        self._cache.put(viewer, media, text)

    async def forget(self, viewer: str, media: str | None = None) -> None:
        """Forget the text of a viewer and a media: `SnapshotCache.forget`."""
        self._cache.forget(viewer, media)

    async def close(self) -> None:
        """Do nothing."""
