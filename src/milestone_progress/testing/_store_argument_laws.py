"""What a store takes for a name or a number, and what it refuses."""

from collections.abc import Callable, Iterable
from math import inf, nan
from typing import Any

import pytest
from attrs import evolve

from .._numbers import LARGEST
from ..errors import InvalidValueError
from ._store_extremes import HOSTILE_IDENTIFIERS, INVALID_IDENTIFIERS, SEPARATORS, a_record
from ._store_workers import Stores, can

__all__ = ["IdentifierLaws", "NumberLaws"]


def refuse(values: Iterable[Any], ask: Callable[[Any], object]) -> None:
    """Assert that something cannot be asked for with any of the values."""
    for value in values:
        try:
            ask(value)
        except InvalidValueError:
            continue
        pytest.fail(f"took {value!r:.100}, where it has to raise InvalidValueError")


class IdentifierLaws:
    """Viewers, medias and namespaces."""

    def test_hostile_viewers_are_told_apart(self, stores: Stores) -> None:
        """Every viewer has records of their own, whatever they are called."""
        store = stores.open()
        saved = {
            viewer: store.save(a_record(viewer=viewer, position=float(number)))
            for number, viewer in enumerate(HOSTILE_IDENTIFIERS)
        }
        for viewer, record in saved.items():
            assert store.load(viewer, "intro") == record
            assert store.load_many(viewer, ["intro"]) == {"intro": record}
            assert store.recent(viewer) == [record]
            if can(store, "export_viewer"):
                assert store.export_viewer(viewer) == [record]
        if can(store, "delete_viewer"):
            for viewer in saved:
                # Had another been deleted with an earlier one, it would not be there any more.
                assert store.delete_viewer(viewer) == 1, viewer

    def test_hostile_medias_are_told_apart(self, stores: Stores) -> None:
        """Every media has a record of its own, whatever it is called."""
        store = stores.open()
        saved = {
            media: store.save(a_record(media=media, position=float(number)))
            for number, media in enumerate(HOSTILE_IDENTIFIERS)
        }
        for media, record in saved.items():
            assert store.load("ann", media) == record
        assert store.load_many("ann", HOSTILE_IDENTIFIERS) == saved
        for media, record in saved.items():
            saved[media] = store.save(evolve(record, position=99.0))
        assert store.load_many("ann", HOSTILE_IDENTIFIERS) == saved

    def test_hostile_namespaces_are_told_apart(self, stores: Stores) -> None:
        """Every namespace has records of its own, whatever it is called."""
        base = stores.fresh_namespace()
        suffixes = ("a", "A", "a ", "'", '"', ":", "{a}", "\\", "%", "_", "*", "\U0001f3ac" * 150)
        opened = [stores.open(base), *(stores.open(base + suffix) for suffix in suffixes)]
        for number, store in enumerate(opened):
            assert store.recent("ann") == []
            store.save(a_record(position=float(number)))
        for number, store in enumerate(opened):
            assert store.recent("ann") == [a_record(position=float(number), revision=1)]

    def test_joined_names_are_told_apart(self, stores: Stores) -> None:
        """Viewer "a:b" with media "c" is not viewer "a" with media "b:c", for any separator."""
        store = stores.open()
        pairs: list[tuple[str, str]] = []
        for between in SEPARATORS:
            pairs += (f"a{between}b", "c"), ("a", f"b{between}c")
            pairs += (f"a{between}", "c"), ("a", f"{between}c")
        saved = [store.save(a_record(viewer=viewer, media=media)) for viewer, media in pairs]
        assert [store.load(viewer, media) for viewer, media in pairs] == saved

    def test_what_is_no_identifier_is_refused(self, stores: Stores) -> None:
        """All methods refuse what can be the name of nothing, and so does the store itself."""
        store = stores.open()
        saved = store.save(a_record())
        refuse(INVALID_IDENTIFIERS, lambda name: store.load(name, "intro"))
        refuse(INVALID_IDENTIFIERS, lambda name: store.load("ann", name))
        refuse(INVALID_IDENTIFIERS, lambda name: store.load_many(name, ["intro"]))
        refuse(INVALID_IDENTIFIERS, lambda name: store.load_many("ann", ["intro", name]))
        refuse(INVALID_IDENTIFIERS, store.recent)
        if can(store, "export_viewer"):
            refuse(INVALID_IDENTIFIERS, store.export_viewer)
        if can(store, "delete_viewer"):
            refuse(INVALID_IDENTIFIERS, store.delete_viewer)
        refuse(INVALID_IDENTIFIERS, stores.make)
        assert store.recent("ann") == [saved]

    def test_a_single_text_is_no_list_of_medias(self, stores: Stores) -> None:
        """`load_many` does not take the letters of one media for many."""
        store = stores.open()
        refuse(["intro", "i"], lambda medias: store.load_many("ann", medias))


class NumberLaws:
    """Limits and times."""

    def test_what_is_no_limit_is_refused(self, stores: Stores) -> None:
        """`recent` takes whole numbers from 1."""
        store = stores.open()
        store.save(a_record())
        limits = (0, -1, -(2**63), True, False, 1.0, 0.5, nan, inf, "1", b"1", None, [1])
        refuse(limits, lambda limit: store.recent("ann", limit))

    def test_what_is_no_time_is_refused(self, stores: Stores) -> None:
        """`purge` takes Unix seconds, and nothing that compares with them in some other way."""
        store = stores.open(needs="purge")
        saved = store.save(a_record())
        times = (nan, inf, -inf, 10 * LARGEST, 1e308, 2**63, True, "1700000001", b"1", None, [1.0])
        refuse(times, store.purge)
        assert store.load("ann", "intro") == saved
