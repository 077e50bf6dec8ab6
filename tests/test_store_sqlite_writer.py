"""The asyncio store in SQLite: who shares a transaction, who fails with it, and how it ends."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from milestone_progress import ConflictError, ProgressRecord, StoreError
from milestone_progress.stores.sqlite import AsyncSQLiteStore, SQLiteStore

RECORD = ProgressRecord(viewer="ann", media="intro", position=50.0, updated_at=1.8e9)
MANY = [evolve(RECORD, media=f"media {number:03}") for number in range(256)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.db"


def run(path: Path, use: Callable[[AsyncSQLiteStore], Coroutine[Any, Any, None]]) -> None:
    """Use an asyncio store on an event loop of its own."""

    async def main() -> None:
        async with AsyncSQLiteStore(path, synchronous="normal", timeout=0.2) as store:
            await store.load("ann", "intro")  # So that it is open.
            await use(store)

    asyncio.run(main())


async def outcomes(
    saves: list[Coroutine[Any, Any, ProgressRecord]],
) -> list[ProgressRecord | BaseException]:
    return await asyncio.gather(*saves, return_exceptions=True)


def told(store: AsyncSQLiteStore) -> list[str]:
    """Return a list to which all that SQLite is told will be added."""
    statements: list[str] = []
    store._store.file.use(lambda connection: connection.set_trace_callback(statements.append))
    return statements


class Held:
    """Holds the store's thread, so that whatever it is asked for piles up."""

    def __init__(self, store: AsyncSQLiteStore) -> None:
        self._begun, self._free = threading.Event(), threading.Event()
        self._task = asyncio.ensure_future(store._call(self._hold))

    def _hold(self) -> bool:
        self._begun.set()
        return self._free.wait(60)

    async def __aenter__(self) -> None:
        while not self._begun.is_set():
            await asyncio.sleep(0)

    async def __aexit__(self, *_: object) -> None:
        self._free.set()
        assert await self._task


async def turn() -> None:
    """Let all tasks do what they can do now."""
    for _ in range(3):
        await asyncio.sleep(0)


# Sharing


def test_saves_that_come_together_share_a_transaction(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        statements = told(store)
        for revision in (1, 2):
            saved = await outcomes([store.save(evolve(one, revision=revision - 1)) for one in MANY])
            assert saved == [evolve(one, revision=revision) for one in MANY]
            assert statements.count("COMMIT") == revision
        assert len(await store.export_viewer("ann")) == len(MANY)

    run(path, use)


def test_tasks_that_save_again_and_again_share_every_time(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        async def save(record: ProgressRecord) -> ProgressRecord:
            for _ in range(5):
                record = await store.save(record)
            return record

        statements = told(store)
        saved = await asyncio.gather(*map(save, MANY))
        assert saved == [evolve(one, revision=5) for one in MANY]
        assert statements.count("COMMIT") == 5

    run(path, use)


def test_saves_that_pile_up_during_a_commit_share_the_next(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        statements = told(store)
        async with Held(store):
            first = [asyncio.create_task(store.save(one)) for one in MANY[:2]]
            await turn()
            others = [asyncio.create_task(store.save(one)) for one in MANY[2:]]
            await turn()
            assert not first[0].done()
        saved = await asyncio.gather(*first, *others)
        assert saved == [evolve(one, revision=1) for one in MANY]
        assert statements.count("COMMIT") == 2

    run(path, use)


def test_what_was_answered_is_committed(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        def seen() -> int:
            return sum(map(len, connection.execute("SELECT 1 FROM milestone_progress")))

        async def save(record: ProgressRecord) -> None:
            await store.save(record)
            stored = connection.execute(
                "SELECT 1 FROM milestone_progress WHERE media = ?", (record.media,)
            )
            assert stored.fetchall() == [(1,)]

        with closing(sqlite3.connect(path)) as connection:
            assert seen() == 0
            await asyncio.gather(*map(save, MANY))
            assert seen() == len(MANY)

    run(path, use)


def test_of_saves_over_the_same_revision_one_wins_and_the_others_are_told(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        rivals = [evolve(RECORD, position=float(number)) for number in range(20)]
        first, *others = await outcomes([store.save(one) for one in (*rivals, *MANY)])
        assert first == evolve(rivals[0], revision=1)
        assert others[19:] == [evolve(one, revision=1) for one in MANY]
        for rival, lost in zip(rivals[1:], others, strict=False):
            assert isinstance(lost, ConflictError)
            assert (lost.record, lost.stored) == (rival, first)

    run(path, use)


def test_a_batch_is_a_transaction_of_its_own(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        statements = told(store)
        known = [evolve(one, revision=1) for one in MANY]
        batch, single, nothing, rest = await asyncio.gather(
            store.save_many(MANY[:100]),
            store.save(MANY[100]),
            store.save_many([]),
            store.save_many(MANY[101:]),
        )
        assert [*batch, single, *nothing, *rest] == known
        # The single one needs none that is begun.
        assert statements.count("COMMIT") == 3

    run(path, use)


# Failing


def test_who_saves_what_is_no_record_fails_alone(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        nothing: Any = None
        first, failed, last = await outcomes(
            [store.save(MANY[0]), store.save(nothing), store.save(MANY[1])]
        )
        assert isinstance(failed, AttributeError)
        assert (first, last) == (evolve(MANY[0], revision=1), evolve(MANY[1], revision=1))

    run(path, use)


# A row that is checked at the end of the transaction, and then refused.
BREAK_COMMITS = """
    PRAGMA foreign_keys = ON;
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER breaks AFTER INSERT ON milestone_progress BEGIN
        INSERT INTO child VALUES (1);
    END;
"""


def test_all_saves_of_a_commit_that_fails_fail_each_with_an_error_of_its_own(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        file = store._store.file
        file.use(lambda connection: connection.executescript(BREAK_COMMITS))
        failed = await outcomes([store.save(one) for one in MANY])
        assert [type(error) for error in failed] == [StoreError] * len(MANY)
        assert len(set(map(id, failed))) == len(MANY)
        for error in failed:
            assert isinstance(error, StoreError)
            assert isinstance(error.__cause__, sqlite3.IntegrityError)
        assert await store.export_viewer("ann") == []
        file.use(lambda connection: connection.execute("DROP TRIGGER breaks"))
        assert await store.save(RECORD) == evolve(RECORD, revision=1)

    run(path, use)


def test_an_error_that_nobody_thought_of_reaches_all_who_wait(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(store._store, "save_together", None)
            for error in await outcomes([store.save(one) for one in MANY]):
                assert isinstance(error, TypeError)
        assert await store.save(RECORD) == evolve(RECORD, revision=1)

    run(path, use)


# Ends the transaction in which a certain media is saved.
BREAK_TRANSACTIONS = """
    CREATE TRIGGER breaks AFTER INSERT ON milestone_progress WHEN new.media = 'bad' BEGIN
        SELECT RAISE(ROLLBACK, 'all of it');
    END
"""


def test_if_one_ends_the_transaction_nobody_is_told_that_it_was_saved(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        store._store.file.use(lambda connection: connection.execute(BREAK_TRANSACTIONS))
        batch = [evolve(RECORD, media=media) for media in ("before", "bad", "after")]
        for error in await outcomes([store.save(one) for one in batch]):
            assert isinstance(error, StoreError)
            assert "all of it" in str(error)
        assert await store.export_viewer("ann") == []
        assert await store.save(batch[2]) == evolve(batch[2], revision=1)

    run(path, use)


def test_a_database_that_others_lock_fails_all_who_wait_for_it_at_once(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            statements = told(store)
            failed = await outcomes([store.save(one) for one in MANY])
            assert [type(error) for error in failed] == [StoreError] * len(MANY)
            # The time-out has passed once.
            assert statements.count("BEGIN IMMEDIATE") == 1
            assert await store.load("ann", "intro") is None
        assert await store.save(RECORD) == evolve(RECORD, revision=1)

    run(path, use)


def test_what_the_thread_does_not_get_to_in_time_fails(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        now = 1.0
        monkeypatch.setattr("milestone_progress.stores.sqlite.monotonic", lambda: now)
        async with Held(store):
            late = [
                asyncio.create_task(store.save(RECORD)),
                asyncio.create_task(store.load("ann", "intro")),
            ]
            await turn()
            now = 2.3
            calls = [*late, asyncio.create_task(store.load("ann", "intro"))]
            await turn()
        *failed, found = await asyncio.gather(*calls, return_exceptions=True)
        for error in failed:
            assert isinstance(error, StoreError)
            assert "other calls" in str(error)
        assert found is None

    run(path, use)


def test_a_store_that_waits_for_nobody_works_as_long_as_nobody_is_in_the_way(path: Path) -> None:
    async def use() -> None:
        async with AsyncSQLiteStore(path, timeout=0) as store:
            saved = await store.save(RECORD)
            assert await store.load("ann", "intro") == saved

    asyncio.run(use())


def test_saves_that_are_cancelled_harm_no_others(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        async with Held(store):
            # One transaction waits for the thread, and what comes then for that one.
            going = [asyncio.create_task(store.save(one)) for one in MANY[:4]]
            await turn()
            waiting = [asyncio.create_task(store.save(one)) for one in MANY[4:8]]
            loading = [asyncio.create_task(store.load("ann", one.media)) for one in MANY[:2]]
            await turn()
            for task in (going[1], waiting[2], loading[0]):
                task.cancel()
            await turn()
        found = await asyncio.gather(*going, *waiting, *loading, return_exceptions=True)
        cancelled = [
            number for number, one in enumerate(found) if not isinstance(one, ProgressRecord)
        ]
        assert cancelled == [1, 6, 8]
        assert all(isinstance(found[one], asyncio.CancelledError) for one in cancelled)
        # Of what was cancelled, the one whose transaction had begun is stored.
        stored = await store.export_viewer("ann")
        assert [evolve(record, revision=0) for record in stored] == [*MANY[:6], MANY[7]]

    run(path, use)


# Ending


def threads() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name.startswith("milestone-progress")}


def test_closing_answers_all_that_was_asked_for_before_and_ends_the_thread(path: Path) -> None:
    before = threads()

    async def use(store: AsyncSQLiteStore) -> None:
        async with Held(store):
            saves = [asyncio.create_task(store.save(one)) for one in MANY[:2]]
            await turn()
            saves += [asyncio.create_task(store.save(one)) for one in MANY[2:]]
            load = asyncio.create_task(store.load("ann", MANY[0].media))
            await turn()
            closes = [asyncio.create_task(store.close()) for _ in range(2)]
            await turn()
            with pytest.raises(StoreError, match="closed"):
                await store.save(RECORD)
            # Whoever closes may well be in a hurry.
            closes[0].cancel()
        assert await asyncio.gather(*saves) == [evolve(one, revision=1) for one in MANY]
        assert await load == evolve(MANY[0], revision=1)
        await closes[1]
        for thread in threads() - before:
            thread.join(60)
        assert threads() <= before

    run(path, use)


def test_a_store_is_closed_even_if_who_closes_it_is_cancelled(path: Path) -> None:
    async def use(store: AsyncSQLiteStore) -> None:
        async with Held(store):
            closing = asyncio.create_task(store.close())
            await turn()
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            store._store.load("ann", "intro")

    run(path, use)


def test_a_store_belongs_to_one_event_loop(path: Path) -> None:
    store = AsyncSQLiteStore(path)
    saved = asyncio.run(store.save(RECORD))
    for ask in (store.save(saved), store.load("ann", "intro"), store.save_many([])):
        with pytest.raises(StoreError, match="event loop"):
            asyncio.run(ask)
    # But whoever tidies up may do so from anywhere.
    asyncio.run(store.close())
    asyncio.run(store.close())


def test_a_store_whose_loop_ended_amid_saves_can_be_closed(path: Path) -> None:
    store = AsyncSQLiteStore(path, synchronous="normal")

    async def leave() -> None:
        await store.load("ann", "intro")
        async with Held(store):
            abandoned = [asyncio.create_task(store.save(one)) for one in MANY[:2]]
            await turn()
            abandoned += [asyncio.create_task(store.save(one)) for one in MANY[2:]]
            await turn()
        assert not any(task.done() for task in abandoned)

    asyncio.run(leave())
    asyncio.run(store.close())
    with SQLiteStore(path) as other:
        stored = other.export_viewer("ann")
    assert [evolve(record, revision=0) for record in stored] == MANY[: len(stored)]


FORGETFUL = """
import asyncio, sys
from milestone_progress import ProgressRecord
from milestone_progress.stores.sqlite import AsyncSQLiteStore

async def main():
    global store
    store = AsyncSQLiteStore(sys.argv[1])
    await store.save(ProgressRecord(viewer="ann", media="awaited", position=1, updated_at=1))
    later = ProgressRecord(viewer="ann", media="not awaited", position=1, updated_at=1)
    asyncio.create_task(store.save(later))
    await asyncio.sleep(0)

asyncio.run(main())
"""


def test_a_store_that_nobody_closed_does_not_keep_the_interpreter(path: Path) -> None:
    command = [sys.executable, "-c", FORGETFUL, str(path)]
    ended = subprocess.run(command, timeout=60, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    with SQLiteStore(path) as store:
        assert store.load("ann", "awaited") is not None
