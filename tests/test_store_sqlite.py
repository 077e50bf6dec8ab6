"""The stores in SQLite: the laws of stores, and what is only their own."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from math import inf, nan
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from attrs import evolve

from milestone_progress import ConflictError, InvalidValueError, ProgressRecord, StoreError
from milestone_progress.stores import open_store, save_merged, sqlite
from milestone_progress.stores._rows import COLUMNS, row_of
from milestone_progress.stores._sqlite_file import (
    MAKE_SCHEMA,
    MEMORY,
    MIGRATIONS,
    SET_SCHEMA,
    _after_fork,
    _before_fork,
    _use_write_ahead_log,
    transaction,
)
from milestone_progress.stores.sqlite import INSERT, RECENT, AsyncSQLiteStore, SQLiteStore
from milestone_progress.testing._store_workers import at_once
from milestone_progress.testing.conformance import StoreConformance

RECORD = ProgressRecord(
    viewer="ann",
    media="intro",
    position=50.0,
    duration=100.0,
    milestone=25,
    completed=True,
    completed_at=1.7e9,
    played=0b1100,
    updated_at=1.8e9,
)


class TestSQLiteStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _file(self, path: Path) -> None:
        self.path = path

    def make_store(self, namespace: str) -> SQLiteStore:
        return SQLiteStore(self.path, namespace=namespace, synchronous="normal")


class TestAsyncSQLiteStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _file(self, path: Path) -> None:
        self.path = path

    def make_store(self, namespace: str) -> AsyncSQLiteStore:
        return AsyncSQLiteStore(self.path, namespace=namespace, synchronous="normal")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with SQLiteStore(path, synchronous="normal", timeout=0.1) as store:
        yield store


@pytest.fixture
def driver(store: SQLiteStore, path: Path) -> Iterator[sqlite3.Connection]:
    """Provide a connection of somebody else to the store's database."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def ask(store: SQLiteStore, statement: str) -> Any:
    """Return what the store's own connection says."""
    return store.file.use(lambda connection: connection.execute(statement).fetchone())


# Opening


@pytest.mark.parametrize(("synchronous", "level"), [("full", 2), ("normal", 1)])
def test_what_a_save_survives_is_for_the_caller_to_say(
    path: Path, synchronous: Any, level: int
) -> None:
    with SQLiteStore(path, synchronous=synchronous) as store:
        assert ask(store, "PRAGMA synchronous") == (level,)
        assert ask(store, "PRAGMA journal_mode") == ("wal",)
        assert ask(store, "PRAGMA secure_delete") == (1,)


def test_a_save_survives_a_loss_of_power_unless_told_otherwise(path: Path) -> None:
    with SQLiteStore(path) as store:
        assert ask(store, "PRAGMA synchronous") == (2,)


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": ""},
        {"path": "a\0b"},
        {"path": b"progress.db"},
        {"path": None},
        {"path": 5},
        {"synchronous": "off"},
        {"synchronous": True},
        {"timeout": -1},
        {"timeout": nan},
        {"timeout": 1e7},
        {"timeout": "5"},
        {"namespace": ""},
    ],
)
def test_arguments_are_checked_before_anything_is_opened(
    path: Path, arguments: dict[str, Any]
) -> None:
    for kind in (SQLiteStore, AsyncSQLiteStore):
        with pytest.raises(InvalidValueError) as caught:
            kind(**{"path": path, **arguments})
        assert caught.value.field == next(iter(arguments))
    assert not path.exists()


def unreadable(folder: Path) -> Iterator[Path]:
    """Return paths where there is no database, and cannot be any."""
    yield folder / "nowhere" / "progress.db"
    yield folder
    text = folder / "text"
    text.write_text("Not a database, but long enough to be looked at as one. " * 20)
    yield text


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    async def load(path: Path) -> None:
        async with AsyncSQLiteStore(path) as store:
            await store.load("ann", "intro")

    for path in unreadable(tmp_path):
        opens: tuple[Callable[[Path], object], ...] = (
            SQLiteStore,
            lambda path: asyncio.run(load(path)),
        )
        for open_it in opens:
            with pytest.raises(StoreError, match=path.name) as caught:
                open_it(path)
            assert isinstance(caught.value.__cause__, sqlite3.Error)


def test_a_store_in_memory_keeps_to_itself() -> None:
    with SQLiteStore(MEMORY) as store, closing(open_store("sqlite::memory:")) as other:
        saved = store.save(RECORD)
        assert store.load("ann", "intro") == saved
        assert other.load("ann", "intro") is None
    assert not Path(MEMORY).exists()


def test_an_asyncio_store_opens_its_file_with_the_first_call(path: Path) -> None:
    async def use() -> None:
        async with AsyncSQLiteStore(str(path)) as store:
            assert not path.exists()
            assert await store.load("ann", "intro") is None
            assert path.exists()

    asyncio.run(use())


def test_a_file_is_the_same_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use() -> ProgressRecord | None:
        async with AsyncSQLiteStore("progress.db") as store:
            monkeypatch.chdir("/")
            return await store.save(RECORD)

    monkeypatch.chdir(tmp_path)
    saved = asyncio.run(use())
    with SQLiteStore(tmp_path / "progress.db") as store:
        assert store.load("ann", "intro") == saved


def test_a_database_of_the_application_stays_its_own(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as host:
        host.execute("PRAGMA user_version = 7")
        host.execute("CREATE TABLE progress (viewer)")
        with SQLiteStore(path) as store:
            store.save(RECORD)
            assert store.delete_viewer("ann") == 1
        assert host.execute("PRAGMA user_version").fetchone() == (7,)
        tables = host.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        ours = ("milestone_progress",), ("milestone_progress_schema",)
        assert sorted(tables) == [*ours, ("progress",)]


# Upgrading


@pytest.mark.parametrize("schema", range(len(MIGRATIONS) + 1))
def test_a_database_of_every_schema_is_upgraded(path: Path, schema: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        if schema > 0:
            connection.execute(MAKE_SCHEMA)
        for number, migration in enumerate(MIGRATIONS[:schema], 1):
            connection.execute(migration)
            connection.execute(SET_SCHEMA, (number,))
        if schema > 0:
            connection.execute(INSERT, ("default", *row_of(RECORD, 1)))
    expected = [evolve(RECORD, revision=1)] if schema > 0 else []
    for _ in range(2):
        with SQLiteStore(path) as store:
            assert store.recent("ann", include_completed=True) == expected
            plan = store.file.use(
                lambda connection: connection.execute(
                    f"EXPLAIN QUERY PLAN {RECENT}", ("default", "ann", 20)
                ).fetchall()
            )
            # And nothing is sorted.
            assert len(plan) == 1
            assert "INDEX milestone_progress_recent" in plan[0][3]


def test_a_database_of_a_newer_schema_is_left_alone(
    store: SQLiteStore, driver: sqlite3.Connection, path: Path
) -> None:
    driver.execute(SET_SCHEMA, (len(MIGRATIONS) + 1,))
    with pytest.raises(StoreError, match=f"schema {len(MIGRATIONS) + 1}"):
        SQLiteStore(path)


def test_who_makes_a_log_possible_waits_for_those_who_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_it(_: float) -> None:
        writer.execute("COMMIT")

    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("CREATE TABLE progress (viewer)")
        with pytest.raises(StoreError, match="locked"):
            SQLiteStore(path, timeout=0)
        monkeypatch.setattr("milestone_progress.stores._sqlite_file.time.sleep", end_it)
        with SQLiteStore(path, timeout=60) as store:
            assert store.load("ann", "intro") is None
        assert not writer.in_transaction


def test_a_place_where_no_log_can_be_is_refused() -> None:
    # A temporary database has none.
    with (
        closing(sqlite3.connect("")) as connection,
        pytest.raises(StoreError, match="write-ahead log"),
    ):
        _use_write_ahead_log(connection, 0)


# What the database refuses

NUMBERS = (
    *("position", "duration", "milestone", "furthest", "completed_at", "updated_at"),
    *("completed", "revision", "generation"),
)
POISON: dict[str, Any] = {
    "NaN": nan,
    "infinity": inf,
    "minus infinity": -inf,
    "a boolean": True,
    "a text": "5",
    "bytes": b"5",
    "negative": -1,
    "a negative float": -1.0,
    "too large": 1e308,
    "too large an int": 2**63,
    "a large int": 2**53,
    "an empty text": "",
}
# Nothing there can tell a boolean from a 0 or a 1, and to these it is one.
COUNTS = ("completed", "revision", "generation")
# Where NULL may be, NaN is: SQLite knows no other.
UNKNOWN = ("duration", "completed_at")


def values(**changes: Any) -> tuple[Any, ...]:
    row = {"namespace": "default", **dict(zip(COLUMNS, row_of(RECORD, 1), strict=True)), **changes}
    return tuple(row.values())


@pytest.mark.parametrize(
    ("column", "poison"),
    [
        (column, poison)
        for column in NUMBERS
        for poison in POISON
        if not (column in COUNTS and poison == "a boolean")
        and not (column in UNKNOWN and poison == "NaN")
    ],
)
def test_the_database_itself_refuses_what_is_no_such_number(
    store: SQLiteStore, driver: sqlite3.Connection, column: str, poison: str
) -> None:
    value = POISON[poison]
    with pytest.raises((sqlite3.IntegrityError, OverflowError)):
        driver.execute(INSERT, values(**{column: value}))
    assert store.load("ann", "intro") is None
    saved = store.save(RECORD)
    with pytest.raises((sqlite3.IntegrityError, OverflowError)):
        driver.execute(f"UPDATE milestone_progress SET {column} = ?", (value,))
    assert store.load("ann", "intro") == saved


@pytest.mark.parametrize("column", UNKNOWN)
def test_a_nan_is_stored_as_nothing_known(
    store: SQLiteStore, driver: sqlite3.Connection, column: str
) -> None:
    driver.execute(INSERT, values(**{column: nan}))
    assert getattr(store.load("ann", "intro"), column) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": 0.0},
        {"position": 5},
        {"milestone": 100.1},
        {"position": 1.1e12},
        {"completed": 2},
        {"revision": 0},
        {"revision": 1.0},
        {"played": "0-1;"},
        {"played": 5},
        {"played": None},
        *({column: None} for column in NUMBERS if column not in UNKNOWN),
    ],
)
def test_the_database_itself_refuses_what_no_record_holds(
    store: SQLiteStore, driver: sqlite3.Connection, changes: dict[str, Any]
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        driver.execute(INSERT, values(**changes))
    driver.execute(INSERT, values())
    assert store.load("ann", "intro") == evolve(RECORD, revision=1)


@pytest.mark.parametrize("column", ["namespace", "viewer", "media"])
@pytest.mark.parametrize(
    "name",
    [
        *("", "\0", "ann\0", "\0ann", "a\nb", "a\r", "\x1f", "\x7f", "é\x80", "\x9f", "x" * 201),
        *(5, 5.0, None, b"ann"),
    ],
)
def test_the_database_itself_refuses_what_is_no_identifier(
    driver: sqlite3.Connection, column: str, name: Any
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        driver.execute(INSERT, values(**{column: name}))


def forged(**changes: Any) -> ProgressRecord:
    """Return a record that no constructor has looked at."""
    record = evolve(RECORD)
    vars(record).update(changes)
    return record


@pytest.mark.parametrize(
    "changes",
    [
        {"position": inf},
        {"furthest": nan},
        {"position": "5"},
        {"updated_at": True},
        {"generation": 2**63},
        {"generation": [1]},
        {"viewer": "ann\ud800"},
        {"media": "a\0b"},
        {"media": "forged", "revision": 2**53 - 1},
    ],
)
def test_what_the_database_refuses_hinders_no_neighbour(
    store: SQLiteStore, path: Path, changes: dict[str, Any]
) -> None:
    async def save_all(records: list[ProgressRecord]) -> list[ProgressRecord | BaseException]:
        async with AsyncSQLiteStore(path, synchronous="normal") as twin:
            saves = map(twin.save, records)
            return await asyncio.gather(*saves, return_exceptions=True)

    with pytest.raises((StoreError, ConflictError)):
        store.save(forged(**changes))
    assert store.export_viewer("ann") == []
    before, after = evolve(RECORD, media="before"), evolve(RECORD, media="after")
    first, refused, last = asyncio.run(save_all([before, forged(**changes), after]))
    assert (first, last) == (evolve(before, revision=1), evolve(after, revision=1))
    assert isinstance(refused, (StoreError, ConflictError))
    assert store.export_viewer("ann") == [last, first]


def test_records_of_a_batch_are_saved_in_their_order(store: SQLiteStore) -> None:
    first = evolve(RECORD, revision=1)
    lost, saved = store.save_many([first, RECORD])
    assert isinstance(lost, ConflictError)
    assert (lost.record, lost.stored) == (first, None)
    assert saved == evolve(RECORD, revision=1) == store.load("ann", "intro")


def test_a_batch_that_the_database_refuses_a_part_of_is_not_saved(store: SQLiteStore) -> None:
    with pytest.raises(StoreError):
        store.save_many([RECORD, forged(media="forged", position=inf)])
    assert store.export_viewer("ann") == []


def test_a_row_that_is_no_record_is_an_error_of_the_store(
    store: SQLiteStore, driver: sqlite3.Connection, path: Path
) -> None:
    async def save() -> list[object]:
        async with AsyncSQLiteStore(path) as twin:
            saves = [twin.save(RECORD), twin.save(evolve(RECORD, media="other"))]
            return list(await asyncio.gather(*saves, return_exceptions=True))

    driver.execute(INSERT, values(played="5-1"))
    for ask in (
        lambda: store.load("ann", "intro"),
        lambda: store.load_many("ann", ["intro"]),
        lambda: store.export_viewer("ann"),
        lambda: store.save(RECORD),
        lambda: store.save_many([RECORD, evolve(RECORD, media="none of this")]),
    ):
        with pytest.raises(StoreError, match="no record"):
            ask()
    lost, saved = asyncio.run(save())
    assert isinstance(lost, StoreError)
    assert saved == evolve(RECORD, media="other", revision=1)


# Waiting for others


def test_a_database_that_others_lock_is_waited_for_and_then_given_up(
    store: SQLiteStore, driver: sqlite3.Connection
) -> None:
    saved = store.save(RECORD)
    driver.execute("BEGIN IMMEDIATE")
    for write in (
        lambda: store.save(saved),
        lambda: store.save_many([saved]),
        lambda: store.delete_viewer("ann"),
        lambda: store.purge(1.9e9),
    ):
        with pytest.raises(StoreError, match="locked") as caught:
            write()
        assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    # Who only reads does not wait.
    assert store.load("ann", "intro") == saved
    driver.execute("COMMIT")
    assert store.save(saved) == evolve(saved, revision=2)


def test_threads_are_waited_for_and_then_given_up(store: SQLiteStore) -> None:
    begun, ended = Event(), Event()

    def keep_busy(_: sqlite3.Connection) -> None:
        begun.set()
        assert ended.wait(60)

    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(store.file.use, keep_busy)
        assert begun.wait(60)
        with pytest.raises(StoreError, match="threads"):
            store.load("ann", "intro")
        ended.set()
        busy.result()
    assert store.load("ann", "intro") is None


@pytest.mark.parametrize("shared", [True, False], ids=["one store", "a store each"])
@pytest.mark.parametrize(("threads", "writes"), [(16, 200), (64, 10)])
def test_nothing_is_lost_when_threads_save_one_record(
    path: Path, threads: int, writes: int, *, shared: bool
) -> None:
    with ExitStack() as opened:
        stores = [
            opened.enter_context(SQLiteStore(path, synchronous="normal"))
            for _ in range(1 if shared else threads)
        ]

        def write(thread: int) -> None:
            for second in range(thread * writes, (thread + 1) * writes):
                record = evolve(RECORD, played=1 << second)
                save_merged(stores[thread % len(stores)], record)

        at_once(threads, write)
        total = threads * writes
        stored = stores[0].load("ann", "intro")
        assert stored == evolve(RECORD, played=(1 << total) - 1, revision=total)


# Forking


def test_no_file_is_open_while_the_process_forks(path: Path) -> None:
    # `test_store_sqlite_crashes` forks, and shows what would be lost.
    with (
        SQLiteStore(path, timeout=0) as store,
        SQLiteStore(path) as unused,
        SQLiteStore(MEMORY) as memory,
    ):
        unused.close()
        saved = [one.save(RECORD) for one in (store, memory)]
        _before_fork()
        try:
            assert store.file._connection is None
            # Nor can a thread that goes on open it again.
            with pytest.raises(StoreError, match="threads"):
                store.load("ann", "intro")
        finally:
            _after_fork()
        assert [one.load("ann", "intro") for one in (store, memory)] == saved


# Forgetting


def test_a_deleted_viewer_is_overwritten_in_the_file_and_its_log(
    store: SQLiteStore, path: Path
) -> None:
    names = [f"media-{number}-of-ann" for number in range(200)]
    for revision in range(3):
        store.save_many(
            [evolve(RECORD, viewer="viewer-ann", media=one, revision=revision) for one in names]
        )
        store.save(evolve(RECORD, viewer="viewer-bob", revision=revision))
    assert store.delete_viewer("viewer-ann") == len(names)
    files = list(path.parent.iterdir())
    assert path in files
    written = b"".join(file.read_bytes() for file in files)
    assert b"viewer-bob" in written
    assert b"viewer-ann" not in written
    assert b"of-ann" not in written


@pytest.mark.parametrize("old", [0, 1, 9, 10, 11, 25])
def test_much_is_purged_a_part_at_a_time(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch, old: int
) -> None:
    async def purge() -> int:
        async with AsyncSQLiteStore(path) as twin:
            return await twin.purge(1.8e9)

    monkeypatch.setattr(sqlite, "SLICE", 10)
    kept = [evolve(RECORD, viewer=f"viewer {one}", media="new") for one in range(30)]
    forgotten = [
        evolve(RECORD, viewer=f"viewer {one % 7}", media=f"media {one}", updated_at=1.7e9)
        for one in range(old)
    ]
    with SQLiteStore(path, namespace="another") as other:
        other.save_many(forgotten)
        for in_thread in (True, False):
            store.save_many([*kept, *forgotten])
            assert (asyncio.run(purge()) if in_thread else store.purge(1.8e9)) == old
            for record in kept:
                assert store.export_viewer(record.viewer) == [evolve(record, revision=1)]
        assert other.purge(1.8e9) == old


def test_what_is_saved_while_others_are_purged_stays(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = store.save(evolve(RECORD, updated_at=1.7e9))

    @contextmanager
    def late(connection: sqlite3.Connection) -> Iterator[None]:
        # What is old was found, and is not yet deleted.
        with SQLiteStore(path) as other:
            other.save(evolve(saved, updated_at=1.8e9))
        with transaction(connection):
            yield

    monkeypatch.setattr(sqlite, "transaction", late)
    assert store.purge(1.75e9) == 0
    assert store.load("ann", "intro") == evolve(RECORD, revision=2)
