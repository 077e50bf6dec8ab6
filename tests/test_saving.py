"""`save_merged`: load, merge, save, and again if somebody else was faster."""

import asyncio
from collections.abc import Callable
from itertools import count
from threading import current_thread
from types import SimpleNamespace

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import ConflictPolicy, ProgressRecord, StoreError, merge
from milestone_progress.stores import open_store, save_merged, save_merged_async
from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore
from milestone_progress.testing.strategies import records

RECORD = ProgressRecord(viewer="ann", media="m", position=50.0, updated_at=100.0, played=0b1100)
Save = Callable[[Memory, ProgressRecord, ConflictPolicy, int], ProgressRecord]


class Racing(MemoryStore):
    """A store where somebody else saves first, so many times."""

    def __init__(self, memory: Memory, lost: int) -> None:
        super().__init__(memory)
        self._others = MemoryStore(memory)
        self._lost = lost
        self.tried = 0

    def save(self, record: ProgressRecord) -> ProgressRecord:
        self.tried += 1
        if self.tried <= self._lost:
            theirs = evolve(RECORD, position=1.0, updated_at=1.0, played=1 << (100 + self.tried))
            save_merged(self._others, theirs)
        return super().save(record)


class AsyncRacing(AsyncMemoryStore):
    def __init__(self, memory: Memory, lost: int) -> None:
        super().__init__(memory)
        self._store = self.racing = Racing(memory, lost)


def save_sync(
    memory: Memory, record: ProgressRecord, policy: ConflictPolicy, lost: int
) -> ProgressRecord:
    return save_merged(Racing(memory, lost), record, policy, tries=5)


def save_async(
    memory: Memory, record: ProgressRecord, policy: ConflictPolicy, lost: int
) -> ProgressRecord:
    return asyncio.run(save_merged_async(AsyncRacing(memory, lost), record, policy, tries=5))


@pytest.fixture(params=[save_sync, save_async], ids=["sync", "async"])
def save(request: pytest.FixtureRequest) -> Save:
    chosen: Save = request.param
    return chosen


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect how long it would have slept."""
    asked: list[float] = []

    usual = asyncio.sleep
    mine = current_thread()

    async def sleep(seconds: float) -> None:
        if current_thread() is mine:
            asked.append(seconds)
        else:
            # A server that other tests have started sleeps, too.
            await usual(seconds)

    # Not of the module `time` itself, for the same reason.
    clock = SimpleNamespace(sleep=asked.append)
    monkeypatch.setattr("milestone_progress.stores._saving.time", clock)
    monkeypatch.setattr("asyncio.sleep", sleep)
    return asked


def test_the_first_save_of_a_record_is_that_record(save: Save) -> None:
    saved = save(Memory(), evolve(RECORD, revision=7), ConflictPolicy.NEWEST, 0)
    assert saved == evolve(RECORD, revision=1)


@pytest.mark.parametrize("lost", range(5))
def test_whoever_was_faster_nothing_is_lost(save: Save, lost: int) -> None:
    memory = Memory()
    saved = save(memory, RECORD, ConflictPolicy.NEWEST, lost)
    assert saved == MemoryStore(memory).load("ann", "m")
    theirs = sum(1 << (101 + index) for index in range(lost))
    assert (saved.position, saved.played) == (50.0, RECORD.played | theirs)
    assert saved.revision == lost + 1


def test_a_lost_race_is_run_again_at_once_and_then_after_ever_longer_pauses(
    save: Save, waits: list[float]
) -> None:
    save(Memory(), RECORD, ConflictPolicy.NEWEST, 4)
    assert len(waits) == 3
    assert all(
        0 <= wait <= longest for wait, longest in zip(waits, [0.002, 0.004, 0.008], strict=True)
    )


def test_who_loses_every_race_is_told_so(save: Save) -> None:
    memory = Memory()
    with pytest.raises(StoreError, match="gave up after 5 tries"):
        save(memory, RECORD, ConflictPolicy.NEWEST, 5)
    stored = MemoryStore(memory).load("ann", "m")
    assert stored is not None
    assert (stored.position, stored.revision) == (1.0, 5)


def test_what_tells_nothing_new_is_not_written(save: Save) -> None:
    memory = Memory()
    first = save(memory, RECORD, ConflictPolicy.NEWEST, 0)
    again = save(memory, RECORD, ConflictPolicy.NEWEST, 0)
    older = save(
        memory, evolve(RECORD, position=3.0, furthest=3.0, updated_at=5.0), ConflictPolicy.NEWEST, 0
    )
    assert first == again == older
    assert first.revision == 1


def test_the_conflict_policy_decides_where_to_resume(save: Save) -> None:
    later = evolve(RECORD, position=3.0, updated_at=200.0)
    for policy, position in ((ConflictPolicy.NEWEST, 3.0), (ConflictPolicy.FURTHEST, 50.0)):
        memory = Memory()
        save(memory, RECORD, policy, 0)
        assert save(memory, later, policy, 0).position == position


@given(st.lists(records(), min_size=1, max_size=6))
def test_what_is_stored_in_the_end_is_the_merge_of_all_that_came(
    deliveries: list[ProgressRecord],
) -> None:
    store = MemoryStore()
    saved = [save_merged(store, record) for record in deliveries][-1]
    expected = deliveries[0]
    for record in deliveries:
        expected = merge(expected, record)
    assert evolve(saved, revision=0) == evolve(expected, revision=0)


def test_a_store_that_is_always_outrun_waits_no_longer_than_a_tenth_of_a_second(
    waits: list[float],
) -> None:
    class Outrun(MemoryStore):
        def save(self, record: ProgressRecord) -> ProgressRecord:
            return super().save(evolve(record, revision=next(wrong)))

    wrong = count(1)
    with pytest.raises(StoreError, match="100 tries"):
        save_merged(Outrun(), RECORD)
    assert len(waits) == 99
    assert 0.05 < max(waits) <= 0.1


# open_store


@pytest.mark.parametrize(
    "url", ["", "sqlite", "sqlite:", "mysql://me:secret@host/db", "progress.db"]
)
def test_a_url_of_no_store_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="store must be") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)
