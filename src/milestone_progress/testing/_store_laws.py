"""What a store promises to whoever uses it alone: saving, reading, batches and forgetting."""

from itertools import permutations
from math import inf, nextafter

from attrs import evolve

from .._record import LARGEST_COUNT, ConflictError, ProgressRecord
from ..stores import save_merged
from ._store_extremes import HOSTILE_IDENTIFIERS, NOW, RECORDS, a_record
from ._store_workers import FullStore, Stores, can, outcome

__all__ = ["BatchLaws", "ForgettingLaws", "ReadingLaws", "SavingLaws"]


def lose(store: FullStore, record: ProgressRecord, stored: ProgressRecord | None) -> None:
    """Assert that a record loses by what is stored, and that this stays."""
    conflict = outcome(store, record)
    assert isinstance(conflict, ConflictError)
    assert conflict.record == record
    assert conflict.stored == stored
    assert store.load(record.viewer, record.media) == stored


class SavingLaws:
    """Compare and swap."""

    def test_nothing_is_stored_at_first(self, stores: Stores) -> None:
        """A namespace nobody used is empty."""
        store = stores.open()
        assert store.load("ann", "intro") is None
        assert store.load_many("ann", ["intro"]) == {}
        assert store.recent("ann", include_completed=True) == []

    def test_a_saved_record_is_stored_with_the_next_revision(self, stores: Stores) -> None:
        """What `save` returns is stored: the record, its revision one more."""
        store = stores.open()
        record = a_record()
        for revision in range(1, 5):
            record = evolve(record, position=float(revision))
            saved = store.save(record)
            assert saved == evolve(record, revision=revision)
            assert store.load("ann", "intro") == saved
            record = saved

    def test_a_stale_record_loses(self, stores: Stores) -> None:
        """A record made from an earlier revision is not saved, and is told what is stored."""
        store = stores.open()
        first = store.save(a_record())
        second = store.save(evolve(first, position=20.0))
        lose(store, a_record(position=99.0), second)
        lose(store, evolve(first, position=99.0), second)

    def test_a_record_of_a_future_revision_loses(self, stores: Stores) -> None:
        """A record made from a revision that is yet to come is not saved."""
        store = stores.open()
        stored = store.save(a_record())
        for revision in (2, 10, 2**31, 2**32, 2**32 + 1, LARGEST_COUNT):
            lose(store, a_record(position=99.0, revision=revision), stored)

    def test_a_record_made_from_what_is_gone_loses(self, stores: Stores) -> None:
        """A record made from a stored one is not saved if nothing is stored."""
        store = stores.open()
        for revision in (1, 2, LARGEST_COUNT):
            lose(store, a_record(revision=revision), None)

    def test_a_record_that_loses_changes_nothing(self, stores: Stores) -> None:
        """Neither other records nor their order change with a save that loses."""
        store = stores.open()
        older = store.save(a_record(media="older", updated_at=NOW - 1))
        newer = store.save(a_record(media="newer"))
        lose(store, a_record(media="older", updated_at=NOW + 1, position=99.0), older)
        lose(store, a_record(media="nothing", revision=1, updated_at=NOW + 1), None)
        assert store.recent("ann") == [newer, older]

    def test_a_record_replaces_all_of_the_one_before(self, stores: Stores) -> None:
        """A store neither merges nor keeps anything of what it replaces."""
        store = stores.open()
        for name, record in RECORDS.items():
            full = store.save(evolve(RECORDS["the largest"], media=name))
            saved = store.save(evolve(record, media=name, revision=full.revision))
            assert saved == evolve(record, media=name, revision=2), name
            assert store.load("ann", name) == saved, name

    def test_every_value_is_kept_exactly(self, stores: Stores) -> None:
        """Every field is returned as it was saved, to the last digit, by all that return it."""
        store = stores.open()
        saved = {record.media: store.save(record) for record in RECORDS.values()}
        for name, record in RECORDS.items():
            found = store.load("ann", record.media)
            assert found == saved[record.media] == evolve(record, revision=1), name
            # 25 and 25.0 are equal, and so are 1 and True.
            assert repr(found) == repr(evolve(record, revision=1)), name
        assert store.load_many("ann", saved) == saved
        recent = store.recent("ann", limit=len(saved), include_completed=True)
        assert {record.media: record for record in recent} == saved

    def test_to_deliver_a_record_again_changes_nothing(self, stores: Stores) -> None:
        """`save_merged` writes what tells something new, and nothing else."""
        store = stores.open()
        record = a_record()
        saved = save_merged(store, record)
        assert saved.revision == 1
        for again in (record, saved, evolve(record, updated_at=NOW - 1, played=1)):
            assert save_merged(store, again) == saved
        assert store.load("ann", "intro") == saved

    def test_in_whatever_order_records_arrive_they_end_as_one(self, stores: Stores) -> None:
        """All orders of the same deliveries, some of them twice, end in the same record."""
        store = stores.open()
        deliveries = (
            a_record(position=80.0, furthest=90.0, played=0b0011, updated_at=NOW),
            a_record(position=20.0, furthest=20.0, played=0b0110, updated_at=NOW + 1),
            a_record(completed=True, completed_at=NOW - 5, milestone=100, updated_at=NOW - 5),
            a_record(position=30.0, played=0b1000, updated_at=NOW + 1),
        )
        for number, order in enumerate(permutations(deliveries)):
            media = f"order {number}"
            for record in (*order, order[0], order[-2]):
                save_merged(store, evolve(record, media=media))
            found = store.load("ann", media)
            assert found is not None
            assert evolve(found, revision=0) == a_record(
                media=media,
                position=30.0,
                furthest=90.0,
                milestone=100,
                completed=True,
                completed_at=NOW - 5,
                played=0b1111,
                updated_at=NOW + 1,
            )


class ReadingLaws:
    """`load_many`, `recent` and `export_viewer`."""

    def test_many_are_loaded_by_media(self, stores: Stores) -> None:
        """`load_many` returns what is stored of what it is asked for, and nothing else."""
        store = stores.open()
        saved = {name: store.save(a_record(media=name)) for name in ("a", "b", "c")}
        store.save(a_record(viewer="bob", media="d"))
        assert store.load_many("ann", ["a", "c", "d", "e"]) == {"a": saved["a"], "c": saved["c"]}
        assert store.load_many("ann", iter(["b", "b", "b"])) == {"b": saved["b"]}
        assert store.load_many("ann", {"a", "b", "c"}) == saved
        assert store.load_many("ann", []) == {}
        assert store.load_many("nobody", ["a"]) == {}

    def test_thousands_are_loaded_at_once(self, stores: Stores) -> None:
        """No catalogue page is too long for `load_many`."""
        store = stores.open()
        saved = store.save(a_record(media="media 4321"))
        medias = [f"media {number}" for number in range(5_000)]
        assert store.load_many("ann", medias) == {"media 4321": saved}

    def test_the_newest_come_first(self, stores: Stores) -> None:
        """`recent` is in order of `updated_at`, the newest first, to the last digit."""
        store = stores.open()
        times = [NOW, 5.0, nextafter(NOW, inf), 0.0, NOW - 0.001, 1e12, NOW - 1, 999.0, 1e-9]
        for at in times:
            store.save(a_record(media=f"at {at!r}", updated_at=at))
        assert [one.updated_at for one in store.recent("ann")] == sorted(times, reverse=True)

    def test_what_is_as_new_is_in_order_of_media(self, stores: Stores) -> None:
        """Ties in `recent` are in order of media: by code points, as Python sorts texts."""
        store = stores.open()
        for media in reversed(HOSTILE_IDENTIFIERS):
            store.save(a_record(media=media))
        found = [record.media for record in store.recent("ann", limit=len(HOSTILE_IDENTIFIERS))]
        assert found == sorted(HOSTILE_IDENTIFIERS)
        assert [record.media for record in store.recent("ann", limit=3)] == found[:3]

    def test_the_limit_is_how_many_come_at_most(self, stores: Stores) -> None:
        """`recent` returns the newest up to its limit, 20 if there is none given."""
        store = stores.open()
        for number in range(22):
            store.save(a_record(media=f"media {number}", updated_at=NOW + number))
        for limit in (1, 5, 21, 22, 1_000_000):
            found = [record.updated_at - NOW for record in store.recent("ann", limit)]
            assert found == list(range(21, -1, -1))[:limit]
        assert len(store.recent("ann")) == 20

    def test_what_is_finished_is_left_out_unless_asked_for(self, stores: Stores) -> None:
        """`recent` leaves out what was completed and not watched since, before it counts."""
        store = stores.open()
        finished = {
            "a": a_record(completed=True, completed_at=NOW),
            "b": a_record(completed=True, completed_at=NOW + 1),
            "nobody knows when": a_record(completed=True),
        }
        unfinished = {
            "watched since": a_record(completed=True, completed_at=nextafter(NOW, 0)),
            "not completed": a_record(milestone=100),
            "only a time": a_record(completed_at=NOW),
        }
        everything = {**finished, **unfinished}
        for media, record in everything.items():
            store.save(evolve(record, media=media))

        def seen(limit: int, *, include_completed: bool) -> list[str]:
            found = store.recent("ann", limit, include_completed=include_completed)
            return [record.media for record in found]

        assert seen(9, include_completed=False) == sorted(unfinished)
        assert seen(9, include_completed=True) == sorted(everything)
        assert seen(2, include_completed=False) == sorted(unfinished)[:2]
        assert seen(2, include_completed=True) == ["a", "b"]

    def test_recent_follows_what_is_saved(self, stores: Stores) -> None:
        """A record moves with each save, forth or back, out when finished and in again."""
        store = stores.open()
        store.save(a_record(media="other"))
        record = a_record(media="mine")
        for at, completed_at, expected in (
            (NOW + 1, None, ["mine", "other"]),
            (NOW - 1, None, ["other", "mine"]),
            (NOW + 2, None, ["mine", "other"]),
            (NOW + 3, NOW + 3, ["other"]),
            (NOW + 4, NOW + 3, ["mine", "other"]),
            (NOW + 4, NOW + 4, ["other"]),
            (NOW + 4, None, ["mine", "other"]),
        ):
            completed = completed_at is not None
            record = evolve(record, updated_at=at, completed=completed, completed_at=completed_at)
            record = store.save(record)
            assert [one.media for one in store.recent("ann")] == expected
            everything = store.recent("ann", include_completed=True)
            assert {one.media for one in everything} == {"mine", "other"}

    def test_all_of_a_viewer_is_exported(self, stores: Stores) -> None:
        """`export_viewer` returns all records of a viewer, finished ones too, in order of media."""
        store = stores.open(needs="export_viewer")
        saved = [store.save(record) for record in RECORDS.values()]
        saved += [store.save(a_record(media=media)) for media in HOSTILE_IDENTIFIERS]
        store.save(a_record(viewer="bob"))
        assert store.export_viewer("ann") == sorted(saved, key=lambda record: record.media)
        assert store.export_viewer("nobody") == []


class BatchLaws:
    """`save_many`."""

    def test_outcomes_are_in_the_order_of_the_batch(self, stores: Stores) -> None:
        """`save_many` returns for each record, in its place, what is stored now."""
        store = stores.open(needs="save_many")
        batch = [
            a_record(viewer=viewer, media=media, position=float(number))
            for number, (viewer, media) in enumerate([("bob", "z"), ("ann", "b"), ("ann", "a")])
        ]
        for revision in range(1, 4):
            saved = store.save_many(batch)
            assert saved == [evolve(record, revision=revision) for record in batch]
            assert [store.load(one.viewer, one.media) for one in batch] == saved
            batch = [evolve(record, revision=revision) for record in reversed(batch)]

    def test_a_record_that_loses_hinders_no_neighbour(self, stores: Stores) -> None:
        """In `save_many` each record wins or loses for itself, as it would in `save`."""
        store = stores.open(needs="save_many")
        stale = store.save(a_record(media="stale"))
        newer = store.save(evolve(stale, position=20.0))
        fresh = store.save(a_record(media="fresh"))
        batch = [
            a_record(media="new"),
            evolve(stale, position=99.0),
            evolve(fresh, position=99.0),
            a_record(media="gone", revision=3),
            a_record(media="last"),
        ]
        outcomes = store.save_many(batch)
        lost = [one for one in outcomes if isinstance(one, ConflictError)]
        saved = [one for one in outcomes if not isinstance(one, ConflictError)]
        assert [outcomes.index(one) for one in lost] == [1, 3]
        assert [(one.record, one.stored) for one in lost] == [(batch[1], newer), (batch[3], None)]
        assert saved == [evolve(batch[at], revision=batch[at].revision + 1) for at in (0, 2, 4)]
        medias = [record.media for record in batch]
        found = {record.media: record for record in (*saved, newer)}
        assert store.load_many("ann", medias) == found

    def test_of_two_in_a_batch_the_second_loses_to_the_first(self, stores: Stores) -> None:
        """Of two records of the same viewer and media in a batch the first is saved."""
        store = stores.open(needs="save_many")
        for revision in range(3):
            first = a_record(position=1.0, revision=revision)
            second = a_record(position=2.0, revision=revision)
            other = a_record(media="other", revision=revision)
            saved, lost, third, beside = store.save_many([first, second, first, other])
            assert saved == evolve(first, revision=revision + 1)
            assert isinstance(lost, ConflictError)
            assert (lost.record, lost.stored) == (second, saved)
            assert isinstance(third, ConflictError)
            assert (third.record, third.stored) == (first, saved)
            assert beside == evolve(other, revision=revision + 1)
            assert store.load("ann", "intro") == saved

    def test_an_empty_batch_is_nothing(self, stores: Stores) -> None:
        """`save_many` of no records returns no outcomes."""
        assert stores.open(needs="save_many").save_many([]) == []

    def test_a_thousand_are_saved_at_once(self, stores: Stores) -> None:
        """`save_many` takes a thousand records of many viewers, new or known."""
        store = stores.open(needs="save_many")
        medias = [f"media {number:03}" for number in range(250)]
        viewers = ("ann", "bob", "cleo", "dan")
        batch = [a_record(viewer=one, media=media) for media in medias for one in viewers]
        for revision in (1, 2):
            saved = store.save_many(batch)
            assert saved == [evolve(record, revision=revision) for record in batch]
            batch = [evolve(record, revision=revision, position=50.0) for record in batch]
        expected = {one.media: one for one in saved if isinstance(one, ProgressRecord)}
        found = store.load_many("dan", medias)
        assert found == {media: evolve(one, viewer="dan") for media, one in expected.items()}

    def test_every_value_of_a_batch_is_kept_exactly(self, stores: Stores) -> None:
        """`save_many` keeps the same as `save` does: numbers and names, to the last digit."""
        store = stores.open(needs="save_many")
        batch = [*RECORDS.values()]
        batch += [a_record(viewer=name, media=name) for name in HOSTILE_IDENTIFIERS]
        for revision in (1, 2):
            assert store.save_many(batch) == [evolve(one, revision=revision) for one in batch]
            batch = [evolve(one, revision=revision) for one in batch]
            for record in batch:
                assert repr(store.load(record.viewer, record.media)) == repr(record)


class ForgettingLaws:
    """`delete_viewer` and `purge`."""

    def test_a_deleted_viewer_is_forgotten(self, stores: Stores) -> None:
        """`delete_viewer` deletes all records of one viewer and returns how many there were."""
        store = stores.open(needs="delete_viewer")
        for record in RECORDS.values():
            store.save(record)
        other = store.save(a_record(viewer="bob"))
        assert store.delete_viewer("ann") == len(RECORDS)
        medias = [record.media for record in RECORDS.values()]
        assert store.load_many("ann", medias) == {}
        assert store.recent("ann", include_completed=True) == []
        if can(store, "export_viewer"):
            assert store.export_viewer("ann") == []
        assert store.delete_viewer("ann") == 0
        assert store.recent("bob") == [other]
        lose(store, a_record(media=medias[0], revision=1), None)
        assert store.save(a_record(media=medias[0])).revision == 1

    def test_what_is_older_is_purged(self, stores: Stores) -> None:
        """`purge` deletes what is older than a time, of all viewers; not what is as old."""
        store = stores.open(needs="purge")
        old = [
            store.save(a_record(viewer=viewer, media=f"at {at!r}", updated_at=at))
            for viewer in ("ann", "bob")
            for at in (nextafter(NOW, 0), NOW - 1, 5.0, 0.0)
        ]
        kept = [
            store.save(a_record(viewer="ann", media=f"at {at!r}", updated_at=at))
            for at in (1e12, nextafter(NOW, inf), NOW)
        ]
        assert store.purge(0) == 0
        assert store.purge(-1.0) == 0
        assert store.purge(NOW) == len(old)
        assert store.recent("ann", include_completed=True) == kept
        assert store.recent("bob", include_completed=True) == []
        assert store.purge(NOW) == 0
        lose(store, evolve(old[0], position=99.0), None)
        assert store.save(evolve(old[0], revision=0)).revision == 1

    def test_what_is_saved_again_is_as_old_as_it_says(self, stores: Stores) -> None:
        """`purge` goes by the `updated_at` that is stored last, larger or smaller."""
        store = stores.open(needs="purge")
        later = store.save(a_record(media="later", updated_at=NOW - 1))
        later = store.save(evolve(later, updated_at=NOW))
        sooner = store.save(a_record(media="sooner", updated_at=NOW))
        store.save(evolve(sooner, updated_at=NOW - 1))
        assert store.purge(NOW) == 1
        assert store.recent("ann") == [later]
