"""What a store promises to those who share its database: namespaces, workers and threads."""

from contextlib import suppress
from itertools import count
from threading import Event, Semaphore

import pytest
from attrs import evolve

from .._record import ConflictError, ProgressRecord
from ..errors import StoreError
from ..stores import save_merged
from ._store_extremes import NOW, a_record
from ._store_workers import PATIENCE, FullStore, Stores, at_once, can, outcome

__all__ = ["ClosingLaws", "ConcurrencyLaws", "SharingLaws"]

THREADS = 16
# Each of these is a store of its own, so that some threads share one and some do not.
WORKERS = 4


class SharingLaws:
    """Namespaces, viewers, and several stores of the same namespace."""

    def test_a_namespace_neither_sees_nor_touches_another(self, stores: Stores) -> None:
        """Whatever is done in one namespace, another stays as it is."""
        here, there = stores.open(), stores.open(stores.fresh_namespace())
        mine = here.save(a_record())
        here.save(a_record(viewer="bob", updated_at=1.0))

        def seen() -> list[object]:
            medias = ["intro", "other"]
            readers = (here.load_many("ann", medias), here.recent("ann"), here.recent("bob"))
            return [here.load("ann", "intro"), *readers]

        before = seen()
        assert there.load("ann", "intro") is None
        assert there.load_many("ann", ["intro"]) == {}
        assert there.recent("ann", include_completed=True) == []
        if can(there, "export_viewer"):
            assert there.export_viewer("ann") == []
        lost = outcome(there, mine)
        assert isinstance(lost, ConflictError)
        assert lost.stored is None
        theirs = there.save(a_record(position=99.0))
        there.save(a_record(media="other", updated_at=1.0))
        assert there.load("ann", "intro") == theirs
        assert seen() == before
        if can(there, "save_many"):
            there.save_many([theirs, a_record(viewer="bob")])
            assert seen() == before
        if can(there, "purge"):
            assert there.purge(NOW) == 1
            assert seen() == before
        if can(there, "delete_viewer"):
            assert there.delete_viewer("ann") == 1
            assert seen() == before

    def test_workers_see_at_once_what_others_save(self, stores: Stores) -> None:
        """What one store has saved, all stores of the same namespace return, in every way."""
        one, other = stores.open(), stores.open()
        for writer, reader in ((one, other), (other, one), (one, other)):
            stored = reader.load("ann", "intro")
            saved = writer.save(a_record() if stored is None else evolve(stored, position=50.0))
            assert reader.load("ann", "intro") == saved
            assert reader.load_many("ann", ["intro"]) == {"intro": saved}
            assert reader.recent("ann") == [saved]
            lost = outcome(reader, a_record())
            assert isinstance(lost, ConflictError)
            assert lost.stored == saved

    def test_workers_see_at_once_what_others_forget(self, stores: Stores) -> None:
        """What one store has deleted, no other returns any more."""
        one, other = stores.open(needs="delete_viewer"), stores.open()
        saved = other.save(a_record())
        assert other.load("ann", "intro") == saved
        assert one.delete_viewer("ann") == 1
        assert other.load("ann", "intro") is None
        assert other.recent("ann") == []
        lost = outcome(other, saved)
        assert isinstance(lost, ConflictError)
        assert lost.stored is None


class ConcurrencyLaws:
    """Threads, or tasks, that use a few stores of one namespace at the same time."""

    def test_of_many_saves_at_once_one_wins(self, stores: Stores) -> None:
        """Of many saves over the same revision one is stored, and all others are told which."""
        workers = [stores.open() for _ in range(WORKERS)]

        def save(thread: int) -> ProgressRecord | ConflictError:
            record = a_record(position=float(thread), revision=revision)
            return outcome(workers[thread % WORKERS], record)

        for revision in range(10):
            outcomes = at_once(THREADS, save)
            winners = [one for one in outcomes if isinstance(one, ProgressRecord)]
            losers = [one.stored for one in outcomes if isinstance(one, ConflictError)]
            assert len(winners) == 1
            winner = winners[0]
            assert winner.revision == revision + 1
            assert losers == [winner] * (THREADS - 1)
            assert [one.load("ann", "intro") for one in workers] == [winner] * WORKERS

    def test_nothing_is_lost_when_many_save_the_same_record(self, stores: Stores) -> None:
        """All that many threads merge into one record is in it, and every write was counted."""
        workers = [stores.open() for _ in range(WORKERS)]
        rounds = 12
        seconds = rounds * THREADS

        def save(thread: int) -> None:
            for second in range(thread, seconds, THREADS):
                record = a_record(position=float(second), played=1 << second)
                save_merged(workers[thread % WORKERS], record)

        at_once(THREADS, save)
        expected = a_record(position=seconds - 1, played=(1 << seconds) - 1, revision=seconds)
        for worker in workers:
            assert worker.load("ann", "intro") == expected
            assert worker.recent("ann") == [expected]

    def test_overlapping_batches_neither_deadlock_nor_lose(self, stores: Stores) -> None:
        """Batches of the same records in opposite orders, saved at once, all get through."""
        workers = [stores.open(needs="save_many") for _ in range(WORKERS)]
        medias = [f"media {number}" for number in range(40)]
        rounds = 4

        def save(thread: int) -> None:
            worker = workers[thread]
            for second in range(thread, rounds * WORKERS, WORKERS):
                left = medias if thread % 2 else medias[::-1]
                while left:
                    known = {media: a_record(media=media, played=0) for media in left}
                    known |= worker.load_many("ann", left)
                    batch = [evolve(one, played=one.played | 1 << second) for one in known.values()]
                    outcomes = zip(left, worker.save_many(batch), strict=True)
                    left = [media for media, one in outcomes if isinstance(one, ConflictError)]

        at_once(WORKERS, save)
        writes = rounds * WORKERS
        expected = a_record(played=(1 << writes) - 1, revision=writes)
        found = workers[0].load_many("ann", medias)
        assert found == {media: evolve(expected, media=media) for media in medias}

    def test_readers_see_whole_records_and_never_older_ones(self, stores: Stores) -> None:
        """What is read while somebody writes was saved so, and is no older than what was read."""
        workers = [stores.open() for _ in range(WORKERS)]
        readers = {*range(1, WORKERS)}

        def whole(revision: int) -> ProgressRecord:
            return a_record(
                position=float(revision),
                milestone=revision % 101,
                played=1 << revision,
                updated_at=NOW + revision,
                revision=revision,
            )

        def work(thread: int) -> None:
            if thread in readers:
                try:
                    read(workers[thread])
                finally:
                    readers.remove(thread)
            else:
                for revision in count(1):
                    workers[thread].save(evolve(whole(revision), revision=revision - 1))
                    if not readers:
                        break

        def read(worker: FullStore) -> None:
            seen = changes = 0
            for _ in range(1_000):
                before = seen
                one = worker.load("ann", "intro")
                found = [] if one is None else [one]
                found += worker.load_many("ann", ["intro"]).values()
                found += worker.recent("ann")
                for record in found:
                    assert record == whole(record.revision)
                    assert record.revision >= seen
                    seen = record.revision
                changes += seen > before
                if changes == 20:
                    break

        at_once(WORKERS, work)


class ClosingLaws:
    """`close`."""

    def test_closing_more_than_once_is_fine(self, stores: Stores) -> None:
        """A closed store can be closed again, whether it was used or not."""
        used, unused = stores.open(), stores.open()
        used.save(a_record())
        for store in (used, unused, used, unused):
            store.close()

    def test_a_closed_store_fails(self, stores: Stores) -> None:
        """A closed store raises StoreError, whatever it is asked for, and does nothing."""
        used, unused = stores.open(), stores.open()
        saved = used.save(a_record())
        for store in (used, unused):
            store.close()
            with pytest.raises(StoreError):
                store.load("ann", "intro")
            with pytest.raises(StoreError):
                store.save(saved)
            with pytest.raises(StoreError):
                store.save(a_record())
            with pytest.raises(StoreError):
                store.load_many("ann", ["intro"])
            with pytest.raises(StoreError):
                store.recent("ann")
            for method, argument in (
                ("save_many", [a_record(media="other")]),
                ("delete_viewer", "ann"),
                ("export_viewer", "ann"),
                ("purge", NOW + 1),
            ):
                if can(store, method):
                    with pytest.raises(StoreError):
                        getattr(store, method)(argument)
        assert stores.open().recent("ann") == [saved]

    def test_closing_a_store_closes_no_other(self, stores: Stores) -> None:
        """Other stores of the same database go on, whether they were opened before or after."""
        first, second = stores.open(), stores.open()
        elsewhere = stores.open(stores.fresh_namespace())
        saved = first.save(a_record())
        first.close()
        for number, store in enumerate((second, elsewhere, stores.open())):
            assert store.save(a_record(viewer="bob", media=f"media {number}")).revision == 1
        assert second.load("ann", "intro") == saved

    def test_what_was_saved_outlives_the_store(self, stores: Stores) -> None:
        """A store opened anew holds what the one before has saved."""
        saved: list[ProgressRecord] = []
        for number in range(3):
            store = stores.open()
            assert [store.load("ann", one.media) for one in saved] == saved
            saved.append(store.save(a_record(media=f"media {number}")))
            store.close()

    def test_closing_amid_saves_loses_none_that_was_answered(self, stores: Stores) -> None:
        """Who saves while the store is closed is answered: saved, or a StoreError."""
        store = stores.open()
        answers = Semaphore(0)
        closed = Event()

        def work(thread: int) -> ProgressRecord:
            record = a_record(media=f"media {thread}")
            if thread == 0:
                for _ in range(4 * THREADS):
                    assert answers.acquire(timeout=PATIENCE)
                store.close()
                closed.set()
                return record
            with suppress(StoreError):
                while not closed.is_set():
                    record = store.save(record)
                    answers.release()
                record = store.save(record)
            return record

        answered = at_once(THREADS, work)
        found = stores.open().load_many("ann", [record.media for record in answered])
        for record in answered:
            stored = found.get(record.media, evolve(record, revision=0))
            assert stored.revision in (record.revision, record.revision + 1)
            assert evolve(stored, revision=record.revision) == record
