"""Stores in memory: for tests and demonstrations, and the simplest example of a store.

What they hold ends with the process.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from .._identifiers import identifier
from .._record import ConflictError, ProgressRecord
from ..errors import StoreError
from ._arguments import checked_limit, checked_medias, checked_time
from ._closing import AsyncClosing, Closing

__all__ = ["AsyncMemoryStore", "Memory", "MemoryStore"]


Records = dict[tuple[str, str, str], ProgressRecord]


class Memory:
    """What memory stores keep: give several the same to let them share it."""

    def __init__(self) -> None:
        self._records: Records = {}
        self._lock = Lock()


class MemoryStore(Closing):
    """Keeps records in memory.

    Args:
        memory: Where; None for one of its own.
        namespace: Whose; records of other namespaces are as if they were not there.

    Raises:
        InvalidValueError: The namespace is no identifier.
    """

    def __init__(self, memory: Memory | None = None, *, namespace: str = "default") -> None:
        self._memory = Memory() if memory is None else memory
        self._namespace = identifier("namespace", namespace)
        self._closed = False

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        return self.load_many(viewer, [media]).get(media)

    def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        [outcome] = self.save_many([record])
        if isinstance(outcome, ConflictError):
            raise outcome
        return outcome

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        with self._opened() as kept:
            return [self._save(kept, record) for record in records]

    def _save(self, kept: Records, record: ProgressRecord) -> ProgressRecord | ConflictError:
        key = (self._namespace, record.viewer, record.media)
        stored = kept.get(key)
        if record.revision != (0 if stored is None else stored.revision):
            return ConflictError(record, stored)
        saved = kept[key] = record.with_revision(record.revision + 1)
        return saved

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        whose = (self._namespace, identifier("viewer", viewer))
        keys = [(*whose, media) for media in checked_medias(medias)]
        with self._opened() as kept:
            return {key[2]: kept[key] for key in keys if key in kept}

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        checked_limit(limit)
        found = [
            record
            for record in self.export_viewer(viewer)
            if include_completed or not record.finished
        ]
        return sorted(found, key=lambda record: -record.updated_at)[:limit]

    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer: `ViewerExporter.export_viewer`."""
        whose = (self._namespace, identifier("viewer", viewer))
        with self._opened() as kept:
            found = [record for key, record in kept.items() if key[:2] == whose]
        return sorted(found, key=lambda record: record.media)

    def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        whose = (self._namespace, identifier("viewer", viewer))
        with self._opened() as kept:
            return _delete(kept, [key for key in kept if key[:2] == whose])

    def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        checked_time(before)
        with self._opened() as kept:
            old = [
                key
                for key, record in kept.items()
                if key[0] == self._namespace and record.updated_at < before
            ]
            return _delete(kept, old)

    def records(self, limit: int) -> list[ProgressRecord]:
        """Return the records of all viewers: `FallbackStore.records`."""
        checked_limit(limit)
        with self._opened() as kept:
            keys = sorted(key for key in kept if key[0] == self._namespace)
            return [kept[key] for key in keys[:limit]]

    def remove(self, record: ProgressRecord) -> bool:
        """Delete a record if its revision is the one stored: `FallbackStore.remove`."""
        key = (self._namespace, record.viewer, record.media)
        with self._opened() as kept:
            stored = kept.get(key)
            if stored is None or stored.revision != record.revision:
                return False
            del kept[key]
            return True

    def close(self) -> None:
        """Close the store; what it kept stays with its `Memory`."""
        self._closed = True

    @contextmanager
    def _opened(self) -> Iterator[Records]:
        if self._closed:
            raise StoreError("the store is closed")
        with self._memory._lock:
            yield self._memory._records


def _delete(kept: Records, keys: list[tuple[str, str, str]]) -> int:
    for key in keys:
        del kept[key]
    return len(keys)


class AsyncMemoryStore(AsyncClosing):
    """A `MemoryStore` for asyncio.

    Args:
        memory: Where; None for one of its own.
        namespace: Whose; records of other namespaces are as if they were not there.

    Raises:
        InvalidValueError: The namespace is no identifier.
    """

    def __init__(self, memory: Memory | None = None, *, namespace: str = "default") -> None:
        self._store = MemoryStore(memory, namespace=namespace)

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        return self._store.load(viewer, media)

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        return self._store.save(record)

    async def save_many(
        self, records: Sequence[ProgressRecord]
    ) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        return self._store.save_many(records)

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        return self._store.load_many(viewer, medias)

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        return self._store.recent(viewer, limit, include_completed=include_completed)

    async def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer: `ViewerExporter.export_viewer`."""
        return self._store.export_viewer(viewer)

    async def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        return self._store.delete_viewer(viewer)

    async def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        return self._store.purge(before)

    async def records(self, limit: int) -> list[ProgressRecord]:
        """Return the records of all viewers: `FallbackStore.records`."""
        return self._store.records(limit)

    async def remove(self, record: ProgressRecord) -> bool:
        """Delete a record if its revision is the one stored: `FallbackStore.remove`."""
        return self._store.remove(record)

    async def close(self) -> None:
        """Close the store; what it kept stays with its `Memory`."""
        self._store.close()
