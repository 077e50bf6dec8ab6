"""Whether a store keeps its promises: a test class for every store, whoever wrote it.

Subclass `StoreConformance`, say how a store is made, and pytest runs all the laws::

    class TestMyStore(StoreConformance):
        def make_store(self, namespace: str) -> MyStore:
            return MyStore("127.0.0.1", namespace=namespace)

Stores for asyncio are tested by the same laws, and so are all stores of this library. It needs
pytest and Hypothesis; no other part of the library needs pytest.
"""

from collections.abc import Iterator

import pytest

from ..stores import AsyncProgressStore, ProgressStore
from ._store_workers import Stores

# So that a law that is broken shows the values it is broken by, as other tests do.
pytest.register_assert_rewrite(
    f"{__package__}._store_argument_laws",
    f"{__package__}._store_fallback_laws",
    f"{__package__}._store_laws",
    f"{__package__}._store_machine",
    f"{__package__}._store_sharing_laws",
)

from ._store_argument_laws import IdentifierLaws, NumberLaws  # noqa: E402  # as said
from ._store_fallback_laws import FallbackLaws  # noqa: E402
from ._store_laws import BatchLaws, ForgettingLaws, ReadingLaws, SavingLaws  # noqa: E402
from ._store_machine import ModelLaws  # noqa: E402
from ._store_sharing_laws import ClosingLaws, ConcurrencyLaws, SharingLaws  # noqa: E402

__all__ = ["StoreConformance"]


class StoreConformance(
    SavingLaws,
    ReadingLaws,
    BatchLaws,
    ForgettingLaws,
    FallbackLaws,
    IdentifierLaws,
    NumberLaws,
    SharingLaws,
    ConcurrencyLaws,
    ClosingLaws,
    ModelLaws,
):
    """The laws of stores, a test each; what they promise is in their docstrings.

    Each test uses namespaces that nobody used before and leaves behind what it saved there, so
    that nothing needs to be cleaned up between tests, and nothing else in the database is touched.
    All stores that were made are closed when it ends. Laws of the methods that a store need not
    have are skipped where it does not have them.

    Stores for asyncio do their work on one event loop, which runs in a thread of its own.
    """

    def make_store(self, namespace: str) -> ProgressStore | AsyncProgressStore:
        """Return a new store of a namespace; to be overridden.

        All stores made during a test share one database; each is what another worker would make
        for itself. Stores are made outside of the event loop.
        """
        raise NotImplementedError

    @pytest.fixture
    def stores(self) -> Iterator[Stores]:
        """Provide the stores of a test."""
        with Stores(self.make_store) as stores:
            yield stores
