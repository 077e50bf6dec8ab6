"""Stores that break a promise about many records or many users, and the laws that they break."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from math import inf, nextafter
from threading import Lock
from typing import ClassVar

from attrs import evolve

from broken_stores import MODEL, Outcome, Seamed, breaks
from milestone_progress import ConflictError, ProgressRecord, StoreError
from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore


def others_turn() -> None:
    """Let another thread go on, as a driver does that waits for its database."""
    time.sleep(0)


# Batches


@breaks("outcomes_are_in_the_order_of_the_batch", MODEL)
class ReturnsOutcomesSorted(MemoryStore):
    def save_many(self, records: Sequence[ProgressRecord]) -> list[Outcome]:
        return super().save_many(sorted(records, key=lambda record: record.media))


@breaks("a_record_that_loses_hinders_no_neighbour", MODEL)
class StopsAtTheFirstConflict(MemoryStore):
    def save_many(self, records: Sequence[ProgressRecord]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for record in records:
            outcomes += super().save_many([record])
            if isinstance(outcomes[-1], ConflictError):
                break
        return outcomes


@breaks("of_two_in_a_batch_the_second_loses_to_the_first", MODEL)
class SavesTheLastOfTwo(MemoryStore):
    def save_many(self, records: Sequence[ProgressRecord]) -> list[Outcome]:
        return super().save_many(records[::-1])[::-1]


@breaks("an_empty_batch_is_nothing", MODEL)
class NeedsARecord(MemoryStore):
    def save_many(self, records: Sequence[ProgressRecord]) -> list[Outcome]:
        if not records:
            raise StoreError("syntax error at or near VALUES")
        return super().save_many(records)


# Forgetting


@breaks("a_deleted_viewer_is_forgotten", MODEL)
class HidesTheDeleted(MemoryStore):
    def delete_viewer(self, viewer: str) -> int:
        found = self.export_viewer(viewer)
        for record in found:
            self.save(record.reset(0))
        return len(found)


@breaks("hostile_viewers_are_told_apart")
class DeletesByPattern(MemoryStore):
    def delete_viewer(self, viewer: str) -> int:
        with self._opened() as kept:
            viewers = {key[1] for key in kept if fnmatchcase(key[1], viewer)}
        return sum(map(super().delete_viewer, viewers))


@breaks("a_namespace_neither_sees_nor_touches_another")
class DeletesFromAllNamespaces(MemoryStore):
    def delete_viewer(self, viewer: str) -> int:
        super().export_viewer(viewer)
        with self._opened() as kept:
            found = [key for key in kept if key[1] == viewer]
            for key in found:
                del kept[key]
            return len([key for key in found if key[0] == self._namespace])


@breaks("what_is_older_is_purged", "what_is_saved_again_is_as_old_as_it_says", MODEL)
class PurgesWhatIsAsOld(MemoryStore):
    def purge(self, before: float) -> int:
        return super().purge(nextafter(before, inf))


@breaks("what_is_no_time_is_refused")
class PurgesByAnyTime(MemoryStore):
    def purge(self, before: float) -> int:
        return super().purge(min(float(before), 1e12))


# Being a fallback


@breaks("the_records_of_all_viewers_are_listed")
class ListsInTheOrderOfSaving(MemoryStore):
    def records(self, limit: int) -> list[ProgressRecord]:
        super().records(limit)
        with self._opened() as kept:
            return [one for key, one in kept.items() if key[0] == self._namespace][:limit]


@breaks("no_other_namespace_is_listed_or_removed_from")
class ListsAllNamespaces(MemoryStore):
    def records(self, limit: int) -> list[ProgressRecord]:
        super().records(limit)
        with self._opened() as kept:
            return sorted(kept.values(), key=lambda one: (one.viewer, one.media))[:limit]


@breaks("only_what_is_stored_is_removed")
class RemovesAnyRevision(MemoryStore):
    def remove(self, record: ProgressRecord) -> bool:
        stored = self.load(record.viewer, record.media)
        return stored is not None and super().remove(stored)


@breaks("of_many_who_remove_the_same_record_one_does")
class LooksThenRemoves(MemoryStore):
    def remove(self, record: ProgressRecord) -> bool:
        stored = self.load(record.viewer, record.media)
        others_turn()
        super().remove(record)
        return stored is not None and stored.revision == record.revision


@breaks("what_is_no_number_of_records_is_refused")
class ListsAnyNumber(MemoryStore):
    def records(self, limit: int) -> list[ProgressRecord]:
        return super().records(10**6)[: int(limit)]


# Several at once


@breaks("workers_see_at_once_what_others_save", "workers_see_at_once_what_others_forget", MODEL)
class RemembersWhatItLoaded(MemoryStore):
    def __init__(self, memory: Memory, *, namespace: str) -> None:
        super().__init__(memory, namespace=namespace)
        self._loaded: dict[tuple[str, str], ProgressRecord] = {}

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        found = self._loaded.get((viewer, media)) or super().load(viewer, media)
        if found is not None:
            self._loaded[viewer, media] = found
        return found


@breaks("of_many_saves_at_once_one_wins", "nothing_is_lost_when_many_save_the_same_record")
class ReadsThenWrites(Seamed):
    def save(self, record: ProgressRecord) -> ProgressRecord:
        stored = self.load(record.viewer, record.media)
        if not self.is_made_from(record, stored):
            raise self.conflict(record, stored)
        others_turn()
        saved = record.with_revision(record.revision + 1)
        self._memory._records[self.key(record.viewer, record.media)] = saved
        return saved


@breaks("nothing_is_lost_when_many_save_the_same_record")
class AwaitsBetweenReadingAndWriting(AsyncMemoryStore):
    async def save(self, record: ProgressRecord) -> ProgressRecord:
        stored = await self.load(record.viewer, record.media)
        if record.revision != (0 if stored is None else stored.revision):
            raise ConflictError(record, stored)
        await asyncio.sleep(0)
        saved = record.with_revision(record.revision + 1)
        key = (self._store._namespace, record.viewer, record.media)
        self._store._memory._records[key] = saved
        return saved


@breaks("readers_see_whole_records_and_never_older_ones")
class ReadsFieldByField(MemoryStore):
    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        found = super().load(viewer, media)
        others_turn()
        later = super().load(viewer, media)
        return found and later and evolve(found, updated_at=later.updated_at)


@breaks("overlapping_batches_neither_deadlock_nor_lose")
class LocksInTheOrderOfTheBatch(MemoryStore):
    """Notices after a while that it is in a deadlock, and gives up as databases do."""

    locks: ClassVar[defaultdict[str, Lock]] = defaultdict(Lock)

    def save_many(self, records: Sequence[ProgressRecord]) -> list[Outcome]:
        with ExitStack() as held:
            for record in records:
                lock = self.locks[record.media]
                if not lock.acquire(timeout=0.1):
                    raise StoreError("deadlock detected")
                held.callback(lock.release)
                others_turn()
            return super().save_many(records)


# Closing


@breaks("a_closed_store_fails")
class StaysOpen(MemoryStore):
    def close(self) -> None:
        pass


@breaks("closing_more_than_once_is_fine")
class ClosesOnce(MemoryStore):
    def close(self) -> None:
        with self._opened():
            super().close()


@breaks("closing_a_store_closes_no_other", "what_was_saved_outlives_the_store", MODEL)
class ClosesForAll(MemoryStore):
    def close(self) -> None:
        super().close()
        self._memory._records.clear()


@breaks("what_was_saved_outlives_the_store", "workers_see_at_once_what_others_save")
class KeepsItToItself(MemoryStore):
    def __init__(self, memory: Memory, *, namespace: str) -> None:
        super().__init__(namespace=namespace)


@breaks("closing_amid_saves_loses_none_that_was_answered", "a_closed_store_fails")
class SavesNothingWhenClosed(MemoryStore):
    def save(self, record: ProgressRecord) -> ProgressRecord:
        return record.with_revision(record.revision + 1) if self._closed else super().save(record)
