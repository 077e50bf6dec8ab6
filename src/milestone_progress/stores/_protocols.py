"""What a store is asked for, and what it must promise.

These hold for every store and every method:

- A store belongs to one namespace (``namespace=``, an identifier). It neither sees nor touches
  what belongs to another.
- ``viewer``, ``media`` and the namespace are identifiers: 1-200 characters without control
  characters and surrogates, compared exactly. Anything else is an `InvalidValueError`, and nothing
  was done. Their order is that of their code points.
- What is returned equals what was saved, field by field, but for the revision.
- What a driver raises never gets out; it becomes the cause of a `StoreError`. A database that does
  not answer is a `StoreError`, too, once the time-out has passed that the store was made with.
- A store may be used by any number of threads (an asyncio store: tasks) at once, and many stores,
  in many processes, may share a database.
- What a store can do beyond that it has the method for: ask ``isinstance(store, ManySaver)``.
- Times are Unix seconds of the server's clock, positions and durations seconds of media.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from .._record import ConflictError, ProgressRecord

__all__ = [
    "AsyncFallbackStore",
    "AsyncManySaver",
    "AsyncProgressStore",
    "AsyncPurger",
    "AsyncViewerDeleter",
    "AsyncViewerExporter",
    "FallbackStore",
    "ManySaver",
    "ProgressStore",
    "Purger",
    "ViewerDeleter",
    "ViewerExporter",
]


class ProgressStore(Protocol):
    """Keeps one record for each viewer and media."""

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media, None if there is none.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed, or what it holds is no record.
        """

    def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from (compare and swap).

        It is saved if the revision stored is the record's own, 0 standing for nothing stored; then
        its revision becomes one more. Otherwise nothing changes. Once this returns, the record is
        as safe as the store's description says.

        Returns:
            The record as it is stored.

        Raises:
            ConflictError: Another revision is stored; the error carries it.
            StoreError: The store failed; whether the record was saved is unknown.
        """

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media by media, in no order; without those not stored.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed.
        """

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: the "continue watching" row.

        Ties of ``updated_at`` are in order of media.

        Args:
            viewer: Whose.
            limit: At most so many, from 1.
            include_completed: Whether records that are `finished` (completed, and nothing watched
                since) are among them.

        Raises:
            InvalidValueError: The viewer is no identifier, or the limit no such number.
            StoreError: The store failed.
        """

    def close(self) -> None:
        """Close what the store opened itself, and nothing it was given; more than once is fine.

        A closed store raises `StoreError`, whatever it is asked for.
        """


@runtime_checkable
class ManySaver(Protocol):
    """Can save many records at once, cheaper than one by one."""

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        """Save records, each as `ProgressStore.save` does; one that loses hinders no other.

        Returns:
            For each record, in their order, what is stored or the conflict that it lost by. If two
            of the same viewer and media were made from the same revision, the second loses to the
            first; which wins if they were not is not promised.

        Raises:
            StoreError: The store failed; which of them were saved is unknown.
        """


@runtime_checkable
class ViewerDeleter(Protocol):
    """Can forget a viewer."""

    def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer, leaving no trace, and return how many there were.

        Raises:
            InvalidValueError: The viewer is no identifier.
            StoreError: The store failed.
        """


@runtime_checkable
class ViewerExporter(Protocol):
    """Can tell all it knows of a viewer."""

    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer, in order of media.

        Raises:
            InvalidValueError: The viewer is no identifier.
            StoreError: The store failed, or what it holds is no record.
        """


@runtime_checkable
class Purger(Protocol):
    """Can forget what is old."""

    def purge(self, before: float) -> int:
        """Delete the records of all viewers with ``updated_at`` below a time; return how many.

        Raises:
            InvalidValueError: ``before`` is no Unix time in seconds.
            StoreError: The store failed; some of them may be deleted.
        """


@runtime_checkable
class FallbackStore(ProgressStore, ViewerDeleter, Protocol):
    """A store that can hold what another one could not save, until that can."""

    def records(self, limit: int) -> list[ProgressRecord]:
        """Return the records of all viewers, at most so many, in order of viewer and media.

        Raises:
            InvalidValueError: The limit is no whole number from 1.
            StoreError: The store failed, or what it holds is no record.
        """

    def remove(self, record: ProgressRecord) -> bool:
        """Delete a record if its revision is the one stored, and return whether it was.

        Raises:
            StoreError: The store failed; whether it was deleted is unknown.
        """


class AsyncProgressStore(Protocol):
    """A `ProgressStore` for asyncio: the same promises, awaited."""

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""

    async def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`.

        If the task is cancelled meanwhile, whether it was saved is unknown.
        """

    async def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""

    async def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""

    async def close(self) -> None:
        """Close what the store opened itself: `ProgressStore.close`."""


@runtime_checkable
class AsyncManySaver(Protocol):
    """A `ManySaver` for asyncio."""

    async def save_many(
        self, records: Sequence[ProgressRecord]
    ) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""


@runtime_checkable
class AsyncViewerDeleter(Protocol):
    """A `ViewerDeleter` for asyncio."""

    async def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""


@runtime_checkable
class AsyncViewerExporter(Protocol):
    """A `ViewerExporter` for asyncio."""

    async def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer: `ViewerExporter.export_viewer`."""


@runtime_checkable
class AsyncPurger(Protocol):
    """A `Purger` for asyncio."""

    async def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""


@runtime_checkable
class AsyncFallbackStore(AsyncProgressStore, AsyncViewerDeleter, Protocol):
    """A `FallbackStore` for asyncio."""

    async def records(self, limit: int) -> list[ProgressRecord]:
        """Return the records of all viewers: `FallbackStore.records`."""

    async def remove(self, record: ProgressRecord) -> bool:
        """Delete a record if its revision is the one stored: `FallbackStore.remove`."""
