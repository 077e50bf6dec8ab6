"""Saving by compare and swap: load, merge, save, and again if somebody else was faster."""

import random
import time

from attrs import evolve

from .._record import ConflictError, ConflictPolicy, ProgressRecord, merge
from ..errors import StoreError
from ._protocols import AsyncProgressStore, ProgressStore

__all__ = ["save_merged", "save_merged_async"]

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
    stored = store.load(record.viewer, record.media)
    for attempt in range(tries):
        merged = _merged(record, stored, policy)
        if merged == stored:
            return merged
        try:
            return store.save(merged)
        except ConflictError as conflict:
            stored = conflict.stored
        if attempt > 0:
            time.sleep(_wait(attempt))
            stored = store.load(record.viewer, record.media)
    raise _outrun(tries)


async def save_merged_async(
    store: AsyncProgressStore,
    record: ProgressRecord,
    policy: ConflictPolicy = ConflictPolicy.NEWEST,
    *,
    tries: int = TRIES,
) -> ProgressRecord:
    """Do what `save_merged` does, with an asyncio store."""
    # Who has an asyncio store has loaded it; who has not need not pay for it.
    import asyncio  # noqa: PLC0415  # as said

    stored = await store.load(record.viewer, record.media)
    for attempt in range(tries):
        merged = _merged(record, stored, policy)
        if merged == stored:
            return merged
        try:
            return await store.save(merged)
        except ConflictError as conflict:
            stored = conflict.stored
        if attempt > 0:
            await asyncio.sleep(_wait(attempt))
            stored = await store.load(record.viewer, record.media)
    raise _outrun(tries)


def _merged(
    record: ProgressRecord, stored: ProgressRecord | None, policy: ConflictPolicy
) -> ProgressRecord:
    """Return what to save in place of what is stored; the same, if there is nothing new."""
    if stored is None:
        return evolve(record, revision=0)
    return evolve(merge(record, stored, policy), revision=stored.revision)


def _wait(attempt: int) -> float:
    """Return how long to wait after a lost race, seconds: at random, so that not all come back."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1))
    return random.uniform(0, longest)  # noqa: S311  # nothing secret depends on it


def _outrun(tries: int) -> StoreError:
    return StoreError(
        f"gave up after {tries} tries, since somebody else saved the same record first each time"
    )
