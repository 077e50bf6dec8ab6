"""Saving by compare and swap: load, merge, save, and again if somebody else was faster."""

import random
import time
from collections.abc import Callable

from .._record import ConflictError, ConflictPolicy, ProgressRecord, merge
from ..errors import StoreError
from ._protocols import AsyncProgressStore, ProgressStore

__all__ = ["save_merged", "save_merged_async", "update", "update_async"]

# Makes of what is stored what is to be stored.
Change = Callable[[ProgressRecord | None], ProgressRecord | None]
Conflicted = Callable[[ConflictError], None]


def _no_matter(_conflict: ConflictError) -> None:
    pass


# Sixty-four threads that save one record without a pause need up to thirty.
TRIES = 100
# Seconds to wait, at most, after the second lost race; after each further one twice as long, up to
# the longest.
FIRST_WAIT = 0.002
LONGEST_WAIT = 0.1


def save_merged(
    store: ProgressStore,
    record: ProgressRecord,
    policy: ConflictPolicy = ConflictPolicy.NEWEST,
    *,
    tries: int = TRIES,
) -> ProgressRecord:
    """Merge a record with what is stored and save that; again, as long as somebody else is faster.

    The record's own revision does not matter, and doing it twice is the same as doing it once.

    Args:
        store: Where.
        record: What became known; it need not be newer than what is stored.
        policy: Where the viewer resumes.
        tries: How often to try, at most. From the second lost race on it sleeps before it tries
            again, up to 0.1 s, at random.

    Returns:
        What is stored now. If the record told nothing new, nothing was written.

    Raises:
        StoreError: The store failed, or somebody else was faster each time.
    """
    return _stored(
        update(store, record.viewer, record.media, _merging(record, policy), tries=tries)
    )


async def save_merged_async(
    store: AsyncProgressStore,
    record: ProgressRecord,
    policy: ConflictPolicy = ConflictPolicy.NEWEST,
    *,
    tries: int = TRIES,
) -> ProgressRecord:
    """Do what `save_merged` does, with an asyncio store."""
    change = _merging(record, policy)
    return _stored(await update_async(store, record.viewer, record.media, change, tries=tries))


def _merging(record: ProgressRecord, policy: ConflictPolicy) -> Change:
    def merged(stored: ProgressRecord | None) -> ProgressRecord:
        return record if stored is None else merge(record, stored, policy)

    return merged


def _stored(outcome: tuple[ProgressRecord | None, ProgressRecord | None]) -> ProgressRecord:
    _, after = outcome
    assert after is not None, "merging leaves something stored"
    return after


def update(
    store: ProgressStore,
    viewer: str,
    media: str,
    change: Change,
    *,
    tries: int = TRIES,
    conflicted: Conflicted = _no_matter,
) -> tuple[ProgressRecord | None, ProgressRecord | None]:
    """Load a record, save what a function makes of it, and again if somebody else was faster.

    Args:
        store: Where.
        viewer: Whose.
        media: In what.
        change: Returns what is to be stored in place of what is, at whatever revision; the same, or
            None, for no change. It may be called more than once.
        tries: As in `save_merged`.
        conflicted: Called with each race that was lost.

    Returns:
        What was stored before and what is stored now: the very same if nothing was written.

    Raises:
        StoreError: The store failed, or somebody else was faster each time.
    """
    stored = store.load(viewer, media)
    for attempt in range(tries):
        changed = _changed(change, stored)
        if changed is None:
            return stored, stored
        try:
            return stored, store.save(changed)
        except ConflictError as conflict:
            conflicted(conflict)
            stored = conflict.stored
        if attempt > 0:
            time.sleep(_wait(attempt))
            stored = store.load(viewer, media)
    raise _outrun(tries)


async def update_async(
    store: AsyncProgressStore,
    viewer: str,
    media: str,
    change: Change,
    *,
    tries: int = TRIES,
    conflicted: Conflicted = _no_matter,
) -> tuple[ProgressRecord | None, ProgressRecord | None]:
    """Do what `update` does, with an asyncio store."""
    stored = await store.load(viewer, media)
    for attempt in range(tries):
        changed = _changed(change, stored)
        if changed is None:
            return stored, stored
        try:
            return stored, await store.save(changed)
        except ConflictError as conflict:
            conflicted(conflict)
            stored = conflict.stored
        if attempt > 0:
            # Who has an asyncio store has loaded it; who has not need not pay for it.
            import asyncio  # noqa: PLC0415  # as said

            await asyncio.sleep(_wait(attempt))
            stored = await store.load(viewer, media)
    raise _outrun(tries)


def _changed(change: Change, stored: ProgressRecord | None) -> ProgressRecord | None:
    """Return what to save in place of what is stored, None for nothing."""
    changed = change(stored)
    if changed is None:
        return None
    changed = changed.with_revision(0 if stored is None else stored.revision)
    return None if changed == stored else changed


def _wait(attempt: int) -> float:
    """Return how long to wait after a lost race, seconds: at random, so that not all come back."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
    return random.uniform(0, longest)  # noqa: S311  # nothing secret depends on it


def _outrun(tries: int) -> StoreError:
    return StoreError(
        f"gave up after {tries} tries, since somebody else saved the same record first each time"
    )
