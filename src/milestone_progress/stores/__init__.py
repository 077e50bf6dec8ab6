"""Stores: where records are kept, behind one small protocol.

`milestone_progress.stores.memory`, `.sqlite`, `.redis`, `.postgres` and `.sqlalchemy` each hold a
store and its asyncio twin; nothing of them is imported here. Anybody else's class with these
methods is a store, too: `milestone_progress.testing.conformance` tells whether it keeps the
promises below.
"""

from ._opening import open_store
from ._protocols import (
    AsyncFallbackStore,
    AsyncManySaver,
    AsyncProgressStore,
    AsyncPurger,
    AsyncViewerDeleter,
    AsyncViewerExporter,
    FallbackStore,
    ManySaver,
    ProgressStore,
    Purger,
    ViewerDeleter,
    ViewerExporter,
)
from ._saving import save_merged, save_merged_async

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
    "open_store",
    "save_merged",
    "save_merged_async",
]
