"""Stores that each break a promise to one who uses them alone, and the laws that they break."""

import struct
from collections.abc import Callable, Iterable, Sequence
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
