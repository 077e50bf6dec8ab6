"""Caches of snapshots: what lets any worker go on with a viewing that another one began.

A recorder that is given one puts the state of every live viewing there after each batch of events,
and looks there first, so that whichever worker gets the next batch goes on exactly. A cache may
forget what it likes: a viewing that is forgotten begins again with the record that is stored.
`milestone_progress.caches.memory` and `.redis` each hold a cache and its asyncio twin; nothing of
them is imported here.
"""

from typing import Protocol

__all__ = ["AsyncSnapshotCache", "SnapshotCache"]


class SnapshotCache(Protocol):
    """Keeps a text for each viewer, media and player, for a while.

    ``player`` is an identifier, or ``""`` for the only one. What a driver raises becomes the cause
    of a `StoreError`.
    """

    def get(self, viewer: str, media: str, player: str = "") -> str | None:
        """Return the text that was put last, None if there is none or it is forgotten.

        Raises:
            StoreError: The cache failed.
        """

    def put(self, viewer: str, media: str, text: str, player: str = "") -> None:
        """Keep a text in place of what there is.

        Raises:
            StoreError: The cache failed.
        """

    def forget(self, viewer: str, media: str | None = None, player: str | None = None) -> None:
        """Forget the texts of a viewer and a media; of all media for None.

        Args:
            viewer: Whose.
            media: Of what; None for all, whichever the player.
            player: Of which player, ``""`` for the only one; None for whichever.

        Raises:
            StoreError: The cache failed.
        """

    def close(self) -> None:
        """Close what the cache opened itself, and nothing it was given; more than once is fine."""


class AsyncSnapshotCache(Protocol):
    """A `SnapshotCache` for asyncio: the same, awaited."""

    async def get(self, viewer: str, media: str, player: str = "") -> str | None:
        """Return the text that was put last: `SnapshotCache.get`."""

    async def put(self, viewer: str, media: str, text: str, player: str = "") -> None:
        """Keep a text in place of what there is: `SnapshotCache.put`."""

    async def forget(
        self, viewer: str, media: str | None = None, player: str | None = None
    ) -> None:
        """Forget the texts of a viewer and a media: `SnapshotCache.forget`."""

    async def close(self) -> None:
        """Close what the cache opened itself: `SnapshotCache.close`."""
