"""The conformance suite: each of its laws can be broken, and is by some store that breaks it."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import Phase, settings

import broken_sharing  # noqa: F401  # puts more of them into BROKEN
from broken_stores import BROKEN, AnyStore, Seamed
from milestone_progress import MilestoneProgressError
from milestone_progress.stores import ProgressStore
from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore
from milestone_progress.testing import _store_workers
from milestone_progress.testing._store_workers import Stores, at_once
from milestone_progress.testing.conformance import StoreConformance
from test_readme import blocks

LAWS = {name for name in dir(StoreConformance) if name.startswith("test_")}


def check(store: AnyStore, law: str) -> None:
    """Run one test of the suite with a store that keeps records in memory."""

    class Suite(StoreConformance):
        memory = Memory()

        def make_store(self, namespace: str) -> MemoryStore | AsyncMemoryStore:
            return store(self.memory, namespace=namespace)

    suite = Suite()
    with Stores(suite.make_store) as stores:
        getattr(suite, law)(stores)


@pytest.fixture
def no_shrinking() -> Iterator[None]:
    """Let Hypothesis be content with the first failure, and draw until there is one.

    Even derandomized it draws constants of the modules that happen to be loaded: what it finds soon
    in one run, it finds late in another.
    """
    usual = settings()
    settings.register_profile(
        "found", usual, derandomize=True, max_examples=20_000, phases=[Phase.generate]
    )
    settings.register_profile("usual", usual)
    settings.load_profile("found")
    yield
    settings.load_profile("usual")


@pytest.mark.usefixtures("no_shrinking")
@pytest.mark.parametrize(
    ("store", "law"), [pytest.param(*one, id=f"{one[0].__name__}-{one[1]}") for one in BROKEN]
)
def test_a_store_that_breaks_a_promise_breaks_its_law(store: AnyStore, law: str) -> None:
    with pytest.raises((AssertionError, MilestoneProgressError, pytest.fail.Exception)):
        check(store, law)


def test_every_law_is_broken_by_some_store() -> None:
    assert {law for _, law in BROKEN} == LAWS


def test_what_hangs_fails_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_store_workers, "PATIENCE", 0.01)
    never = Event()
    with pytest.raises(pytest.fail.Exception, match="deadlock"):
        at_once(2, lambda thread: thread == 0 or never.wait())
    never.set()


class TestUnbroken(StoreConformance):
    """What the broken stores are made from is not broken itself."""

    @pytest.fixture(autouse=True)
    def memory(self) -> None:
        self.shared = Memory()

    def make_store(self, namespace: str) -> Seamed:
        return Seamed(self.shared, namespace=namespace)


# The page's own store, and its test.
page: dict[str, Any] = {"__name__": __name__}
for example in blocks("python", "docs/stores-testing.md"):
    exec(compile(example, "<docs/stores-testing.md>", "exec"), page)
TestJsonStore = page["TestJsonStore"]


def test_a_law_of_a_method_that_is_not_there_is_skipped_and_says_so(tmp_path: Path) -> None:
    def make_store(namespace: str) -> ProgressStore:
        store: ProgressStore = page["JsonStore"](tmp_path / "progress.db", namespace=namespace)
        return store

    with (
        Stores(make_store) as stores,
        pytest.raises(pytest.skip.Exception, match="the store has no save_many"),
    ):
        StoreConformance().test_an_empty_batch_is_nothing(stores)
