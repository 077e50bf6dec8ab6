"""The stores in memory, which promise what all stores do."""

import pytest

from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore
from milestone_progress.testing.conformance import StoreConformance


class TestMemoryStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def memory(self) -> None:
        self.shared = Memory()

    def make_store(self, namespace: str) -> MemoryStore:
        return MemoryStore(self.shared, namespace=namespace)


class TestAsyncMemoryStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def memory(self) -> None:
        self.shared = Memory()

    def make_store(self, namespace: str) -> AsyncMemoryStore:
        return AsyncMemoryStore(self.shared, namespace=namespace)
