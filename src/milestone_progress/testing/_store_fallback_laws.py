"""What a store promises that can hold what another could not save: `records` and `remove`."""

from functools import partial
from math import inf, nan

from attrs import evolve

from .._record import ProgressRecord
from ..stores import FallbackStore
from ._store_argument_laws import refuse
from ._store_extremes import HOSTILE_IDENTIFIERS, RECORDS, a_record
from ._store_workers import Stores, at_once

__all__ = ["FallbackLaws"]


def _remove(store: FallbackStore, record: ProgressRecord, _thread: int) -> bool:
    return store.remove(record)


class FallbackLaws:
    """`records` and `remove`."""

    def test_the_records_of_all_viewers_are_listed(self, stores: Stores) -> None:
        """`records` returns the first ones, in order of viewer and media, as they were saved."""
        store = stores.open(needs="records")
        assert store.records(1) == []
        saved = [store.save(record) for record in RECORDS.values()]
        for name in reversed(HOSTILE_IDENTIFIERS):
            saved.append(store.save(a_record(viewer=name, media="n")))
            saved.append(store.save(a_record(viewer=name, media="m")))
        saved.sort(key=lambda record: (record.viewer, record.media))
        for limit in (1, 2, len(saved) - 1, len(saved), len(saved) + 1, 1_000_000):
            assert store.records(limit) == saved[:limit]
        assert [repr(record) for record in store.records(1_000)] == [repr(one) for one in saved]

    def test_no_other_namespace_is_listed_or_removed_from(self, stores: Stores) -> None:
        """`records` and `remove` know their own namespace only."""
        store = stores.open(needs="records")
        other = stores.open(stores.fresh_namespace())
        saved, others = store.save(a_record()), other.save(a_record(position=99.0))
        assert (store.records(9), other.records(9)) == ([saved], [others])
        assert store.remove(saved)
        assert (store.records(9), other.records(9)) == ([], [others])
        assert not store.remove(others)
        assert other.records(9) == [others]

    def test_only_what_is_stored_is_removed(self, stores: Stores) -> None:
        """`remove` deletes a record at the revision stored, and tells whether it did."""
        store = stores.open(needs="remove")
        neighbours = [
            store.save(a_record(viewer=viewer, media=media))
            for viewer, media in (("Ann", "intro"), ("ann", "Intro"))
        ]
        first = store.save(a_record())
        second = store.save(evolve(first, position=20.0))
        for stale in (a_record(), first, evolve(second, revision=3)):
            assert not store.remove(stale)
        assert store.load("ann", "intro") == second
        # What a record says does not matter, only which revision it is.
        assert store.remove(evolve(second, position=99.0))
        assert store.load("ann", "intro") is None
        assert store.records(9) == neighbours
        assert not store.remove(second)
        assert store.save(a_record()).revision == 1

    def test_of_many_who_remove_the_same_record_one_does(self, stores: Stores) -> None:
        """Of all that remove the same revision at once, one is told that it did."""
        store = stores.open(needs="remove")
        for attempt in range(5):
            saved = store.save(a_record(media=f"media {attempt}"))
            done = at_once(8, partial(_remove, store, saved))
            assert sorted(done) == [*[False] * 7, True]
        assert store.records(9) == []

    def test_what_is_no_number_of_records_is_refused(self, stores: Stores) -> None:
        """`records` takes whole numbers from 1."""
        store = stores.open(needs="records")
        saved = store.save(a_record())
        refuse((0, -1, -(2**63), True, False, 1.0, nan, inf, "1", None, [1]), store.records)
        assert store.records(1) == [saved]
