"""Stores that each break a promise, and the laws that they break: every law is among these."""

import asyncio
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from math import inf, nextafter
from threading import Lock
from typing import ClassVar
from unicodedata import normalize

from attrs import evolve

from milestone_progress import ConflictError, ProgressRecord, StoreError
from milestone_progress._identifiers import identifier
from milestone_progress.stores._arguments import checked_medias
from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore, Records

AnyStore = type[MemoryStore] | type[AsyncMemoryStore]
Outcome = ProgressRecord | ConflictError

#: Each store, and the laws that it breaks for certain.
BROKEN: list[tuple[AnyStore, str]] = []
MODEL = "it_does_what_a_plain_model_does"


def breaks(*laws: str) -> Callable[[AnyStore], AnyStore]:
    def remember(store: AnyStore) -> AnyStore:
        BROKEN.extend((store, f"test_{law}") for law in laws)
        return store

    return remember


def others_turn() -> None:
    """Let another thread go on, as a driver does that waits for its database."""
    time.sleep(0)


class Seamed(MemoryStore):
    """A store whose seams are wide enough to break it at: as it is, it keeps all promises."""

    def key(self, viewer: str, media: str) -> tuple[str, str, str]:
        return self._namespace, viewer, media

    def is_made_from(self, record: ProgressRecord, stored: ProgressRecord | None) -> bool:
        return record.revision == (0 if stored is None else stored.revision)

    def kept(self, record: ProgressRecord, stored: ProgressRecord | None) -> ProgressRecord:
        return record

    def conflict(self, record: ProgressRecord, stored: ProgressRecord | None) -> ConflictError:
        return ConflictError(record, stored)

    def _save(self, kept: Records, record: ProgressRecord) -> Outcome:
        key = self.key(record.viewer, record.media)
        stored = kept.get(key)
        if not self.is_made_from(record, stored):
            return self.conflict(record, stored)
        saved = kept[key] = self.kept(record, stored).with_revision(record.revision + 1)
        return saved

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        keys = {media: self.key(viewer, media) for media in checked_medias(medias)}
        identifier("viewer", viewer)
        with self._opened() as kept:
            return {media: kept[key] for media, key in keys.items() if key in kept}


# What is compared and swapped


@breaks("a_stale_record_loses", "of_many_saves_at_once_one_wins", MODEL)
class IgnoresRevisions(Seamed):
    def is_made_from(self, record: ProgressRecord, stored: ProgressRecord | None) -> bool:
        return True


@breaks("a_record_of_a_future_revision_loses", MODEL)
class TakesLaterRevisions(Seamed):
    def is_made_from(self, record: ProgressRecord, stored: ProgressRecord | None) -> bool:
        return record.revision >= (0 if stored is None else stored.revision)


@breaks("a_record_made_from_what_is_gone_loses", "workers_see_at_once_what_others_forget", MODEL)
class SavesOverWhatIsGone(Seamed):
    def is_made_from(self, record: ProgressRecord, stored: ProgressRecord | None) -> bool:
        return stored is None or record.revision == stored.revision


@breaks("a_saved_record_is_stored_with_the_next_revision", MODEL)
class ReturnsTheRevisionBefore(MemoryStore):
    def save(self, record: ProgressRecord) -> ProgressRecord:
        super().save(record)
        return record


@breaks("a_stale_record_loses", MODEL)
class DoesNotTellWhatIsStored(Seamed):
    def conflict(self, record: ProgressRecord, stored: ProgressRecord | None) -> ConflictError:
        return ConflictError(record, None)


@breaks("a_record_that_loses_changes_nothing")
class MovesUpWhatLoses(Seamed):
    def conflict(self, record: ProgressRecord, stored: ProgressRecord | None) -> ConflictError:
        if stored is not None:
            moved = evolve(stored, updated_at=record.updated_at)
            self._memory._records[self.key(record.viewer, record.media)] = moved
        return ConflictError(record, stored)


@breaks("to_deliver_a_record_again_changes_nothing", MODEL)
class RemembersWhenItWasAsked(MemoryStore):
    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        found = super().load(viewer, media)
        return None if found is None else evolve(found, updated_at=found.updated_at + 1)


@breaks("a_record_replaces_all_of_the_one_before", MODEL)
class KeepsWhatIsNoLongerKnown(Seamed):
    def kept(self, record: ProgressRecord, stored: ProgressRecord | None) -> ProgressRecord:
        if stored is None or record.duration is not None:
            return record
        return evolve(record, duration=stored.duration)


@breaks("a_record_replaces_all_of_the_one_before", MODEL)
@breaks("in_whatever_order_records_arrive_they_end_as_one")
class NeverGoesBack(Seamed):
    def kept(self, record: ProgressRecord, stored: ProgressRecord | None) -> ProgressRecord:
        if stored is None or record.position >= stored.position:
            return record
        return evolve(record, position=stored.position)


# Values and names


@breaks("every_value_is_kept_exactly", "every_value_of_a_batch_is_kept_exactly", MODEL)
class ForgetsWhenItWasCompleted(Seamed):
    def kept(self, record: ProgressRecord, stored: ProgressRecord | None) -> ProgressRecord:
        return evolve(record, completed_at=None)


@breaks("every_value_is_kept_exactly", "the_newest_come_first", MODEL)
class RoundsTimes(Seamed):
    def kept(self, record: ProgressRecord, stored: ProgressRecord | None) -> ProgressRecord:
        [rounded] = struct.unpack("f", struct.pack("f", record.updated_at))
        return evolve(record, updated_at=rounded)


@breaks("every_value_is_kept_exactly")
class KnowsNoWholeMilestones(MemoryStore):
    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        found = super().load(viewer, media)
        if found is not None:
            found = found.with_revision(found.revision)
            vars(found)["milestone"] = float(found.milestone)
        return found


@breaks("hostile_viewers_are_told_apart", "hostile_medias_are_told_apart", MODEL)
class IgnoresCase(Seamed):
    def key(self, viewer: str, media: str) -> tuple[str, str, str]:
        return self._namespace, viewer.lower(), media.lower()


@breaks("hostile_viewers_are_told_apart", "hostile_medias_are_told_apart", MODEL)
class StripsTrailingSpaces(Seamed):
    def key(self, viewer: str, media: str) -> tuple[str, str, str]:
        return self._namespace, viewer.rstrip(" "), media.rstrip(" ")


@breaks("hostile_viewers_are_told_apart", "hostile_medias_are_told_apart")
class ComposesAccents(Seamed):
    def key(self, viewer: str, media: str) -> tuple[str, str, str]:
        return self._namespace, normalize("NFC", viewer), normalize("NFC", media)


@breaks("hostile_viewers_are_told_apart", "hostile_medias_are_told_apart")
class CutsLongNames(Seamed):
    def key(self, viewer: str, media: str) -> tuple[str, str, str]:
        return self._namespace, viewer[:191], media[:191]


@breaks("joined_names_are_told_apart")
class JoinsNames(Seamed):
    def key(self, viewer: str, media: str) -> tuple[str, str, str]:
        return self._namespace, f"{viewer}:{media}", ""


@breaks("hostile_namespaces_are_told_apart")
class ComparesNamespacesLoosely(Seamed):
    def __init__(self, memory: Memory, *, namespace: str) -> None:
        super().__init__(memory, namespace=namespace.casefold().rstrip())


@breaks("what_is_no_identifier_is_refused")
class TakesAnyName(MemoryStore):
    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        with self._opened() as kept:
            return kept.get((self._namespace, str(viewer), str(media)))


@breaks("a_single_text_is_no_list_of_medias")
class TakesLettersForMedias(MemoryStore):
    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        return super().load_many(viewer, [*medias])


# Reading


@breaks("nothing_is_stored_at_first", "many_are_loaded_by_media", MODEL)
class HasSomethingForEverybody(MemoryStore):
    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        medias = [*medias]
        blank = {
            media: ProgressRecord(viewer=viewer, media=media, position=0, updated_at=0)
            for media in medias
        }
        return blank | super().load_many(viewer, medias)


@breaks("thousands_are_loaded_at_once", "a_thousand_are_saved_at_once")
class HasFewParameters(MemoryStore):
    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        medias = [*medias]
        if len(medias) > 999:
            raise StoreError("too many variables")
        return super().load_many(viewer, medias)

    def save_many(self, records: Sequence[ProgressRecord]) -> list[Outcome]:
        if 12 * len(records) > 9_999:
            raise StoreError("too many variables")
        return super().save_many(records)


@breaks("the_newest_come_first", MODEL)
class ShowsTheOldestFirst(MemoryStore):
    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        found = super().recent(viewer, 10**6, include_completed=include_completed)
        return found[::-1][:limit]


@breaks("what_is_as_new_is_in_order_of_media", MODEL)
class LeavesTiesToChance(MemoryStore):
    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        found = super().recent(viewer, 10**6, include_completed=include_completed)
        return sorted(found, key=lambda record: (-record.updated_at, record.media[::-1]))[:limit]


@breaks("the_limit_is_how_many_come_at_most", MODEL)
class ShowsOneMore(MemoryStore):
    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        return super().recent(viewer, limit + 1, include_completed=include_completed)


@breaks("what_is_finished_is_left_out_unless_asked_for", "recent_follows_what_is_saved", MODEL)
class ShowsWhatIsFinished(MemoryStore):
    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        return super().recent(viewer, limit, include_completed=True)


@breaks("what_is_finished_is_left_out_unless_asked_for", MODEL)
class CountsWhatIsFinished(MemoryStore):
    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        found = super().recent(viewer, limit, include_completed=True)
        return [record for record in found if include_completed or not record.finished]


@breaks("recent_follows_what_is_saved", MODEL)
class NeverMovesBackInRecent(Seamed):
    def kept(self, record: ProgressRecord, stored: ProgressRecord | None) -> ProgressRecord:
        later = max(record.updated_at, record.updated_at if stored is None else stored.updated_at)
        return evolve(record, updated_at=later)


@breaks("what_is_no_limit_is_refused")
class TakesAnyLimit(MemoryStore):
    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        found = super().recent(viewer, include_completed=include_completed)
        return found[: int(limit)]


@breaks("all_of_a_viewer_is_exported")
class ExportsAPage(MemoryStore):
    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        return super().export_viewer(viewer)[:50]


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


@breaks("of_many_saves_at_once_one_wins", "nothing_is_lost_when_many_save_the_same_record")
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
