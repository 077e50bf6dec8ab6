"""The stores in a host's own database: SQLite, PostgreSQL and MariaDB, by SQLAlchemy."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from math import inf, isnan, nan
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any
from uuid import uuid4

import pytest
from attrs import evolve
from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from milestone_progress import ConflictError, InvalidValueError, ProgressRecord, StoreError
from milestone_progress.stores import save_merged
from milestone_progress.stores._rows import COLUMNS, row_of
from milestone_progress.stores._sqlalchemy_table import MIGRATIONS, versions
from milestone_progress.stores.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore, table
from milestone_progress.testing.conformance import StoreConformance
from servers import OwnServer, Server, free_port

NOW = 1_700_000_000.0
ASYNC_DRIVERS = {
    "sqlite+pysqlite": "sqlite+aiosqlite",
    "postgresql+psycopg": "postgresql+psycopg",
    "mariadb+pymysql": "mariadb+aiomysql",
}
BACKENDS = ("sqlite", "postgresql", "mariadb")
each_database = pytest.mark.parametrize("url", BACKENDS, indirect=True)


def a_record(**fields: Any) -> ProgressRecord:
    values: dict[str, Any] = {"viewer": "ann", "media": "intro", "position": 1.0}
    return ProgressRecord(**({**values, "updated_at": NOW} | fields))


# Databases and engines


def server_of(request: pytest.FixtureRequest, backend: str) -> URL:
    server: Server = request.getfixturevalue("postgres" if backend == "postgresql" else backend)
    url = make_url(server.url)
    if backend == "mariadb":
        return url
    # Nothing crashes here, so nothing needs to wait for the disk.
    careless = url.update_query_dict({"options": "-c synchronous_commit=off"})
    return careless.set(drivername="postgresql+psycopg")


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """The database of a kind, shared with other tests if there is a server."""
    if request.param == "sqlite":
        return URL.create("sqlite+pysqlite", database=str(tmp_path / "host.db"))
    return server_of(request, request.param)


def engine_of(url: URL, **options: Any) -> Engine:
    """Return the engine of a host that knows its database."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, **{"pool_size": 16, **options})
    engine = create_engine(url, connect_args={"timeout": 60}, **options)

    @event.listens_for(engine, "connect")
    def settle(connection: SQLiteConnection, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")

    return engine


@cache
def prepare(url: URL) -> None:
    """Create the schema, once for all tests that share a database."""
    engine = engine_of(url)
    SQLAlchemyStore(engine).create_schema()
    engine.dispose()


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    """Provide the engine of a host whose database has the table."""
    prepare(url)
    engine = engine_of(url)
    yield engine
    engine.dispose()


@pytest.fixture
def namespace() -> str:
    return uuid4().hex


@pytest.fixture
def store(engine: Engine, namespace: str) -> SQLAlchemyStore:
    return SQLAlchemyStore(engine, namespace=namespace)


@contextmanager
def new_database(request: pytest.FixtureRequest, backend: str, folder: Path) -> Iterator[URL]:
    """Provide an empty database."""
    name = f"test_{uuid4().hex}"
    if backend == "sqlite":
        yield URL.create("sqlite+pysqlite", database=str(folder / name))
        return
    url = server_of(request, backend)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name)
        connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()


# The promises of all stores


@each_database
class TestSQLAlchemyStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _engine(self, engine: Engine) -> None:
        self.engine = engine

    def make_store(self, namespace: str) -> SQLAlchemyStore:
        return SQLAlchemyStore(self.engine, namespace=namespace)


class WithAnEngine(AsyncSQLAlchemyStore):
    """Has an engine of its own, whose connections end with it, on the event loop they belong to."""

    def __init__(self, url: URL, namespace: str) -> None:
        options = {"timeout": 60} if url.get_backend_name() == "sqlite" else {}
        driver = ASYNC_DRIVERS[url.drivername]
        self.engine = create_async_engine(
            url.set(drivername=driver), pool_size=16, connect_args=options
        )
        super().__init__(self.engine, namespace=namespace)

    async def close(self) -> None:
        await super().close()
        while self.engine.pool.checkedout():  # type: ignore[attr-defined]  # a pool with a size
            await asyncio.sleep(0)
        await self.engine.dispose()


@each_database
class TestAsyncSQLAlchemyStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _url(self, url: URL, engine: Engine) -> None:
        self.url = url

    def make_store(self, namespace: str) -> AsyncSQLAlchemyStore:
        return WithAnEngine(self.url, namespace)


# Inside the host's transaction


@pytest.fixture
def notes(engine: Engine) -> Iterator[Table]:
    """Provide a table of the host's."""
    notes = Table(f"notes_{uuid4().hex}", MetaData(), Column("note", String(9)))
    notes.create(engine)
    yield notes
    notes.drop(engine)


def notes_in(engine: Engine, notes: Table) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(notes.c.note).order_by(notes.c.note)))


def save_beside(connection: Connection, notes: Table, namespace: str) -> list[ProgressRecord]:
    """Save something as the first thing of a transaction, and note that."""
    store = SQLAlchemyStore(connection, namespace=namespace)
    [first] = store.save_many([a_record(media="a")])
    assert isinstance(first, ProgressRecord)
    connection.execute(insert(notes), {"note": "saved"})
    saved = [first, store.save(a_record(media="b"))]
    assert store.recent("ann") == saved
    return saved


@each_database
def test_what_is_saved_inside_a_hosts_transaction_is_the_hosts_to_commit(
    engine: Engine, store: SQLAlchemyStore, namespace: str, notes: Table
) -> None:
    with engine.connect() as connection:
        save_beside(connection, notes, namespace)
        connection.rollback()
        assert (store.recent("ann"), notes_in(engine, notes)) == ([], [])
        saved = save_beside(connection, notes, namespace)
        connection.commit()
    assert (store.recent("ann"), notes_in(engine, notes)) == (saved, ["saved"])


@each_database
def test_a_hosts_transaction_goes_on_after_a_conflict(
    engine: Engine, store: SQLAlchemyStore, namespace: str, notes: Table
) -> None:
    stored = store.save(a_record())
    with engine.begin() as connection:
        inside = SQLAlchemyStore(connection, namespace=namespace)
        connection.execute(insert(notes), {"note": "before"})
        with pytest.raises(ConflictError) as conflict:
            inside.save(a_record(position=2.0))
        assert conflict.value.stored == stored
        lost, saved = inside.save_many([a_record(), a_record(media="other")])
        assert isinstance(lost, ConflictError)
        assert lost.stored == stored
        connection.execute(insert(notes), {"note": "then"})
    assert store.recent("ann") == [stored, saved]
    assert notes_in(engine, notes) == ["before", "then"]


def spoilt(record: ProgressRecord) -> ProgressRecord:
    """Return a record as none can be made."""
    copy = record.with_revision(record.revision)
    vars(copy)["position"] = -1.0
    return copy


@each_database
def test_a_hosts_transaction_goes_on_after_a_failure_which_changed_nothing(
    engine: Engine, store: SQLAlchemyStore, namespace: str, notes: Table
) -> None:
    stored = store.save(a_record())
    with engine.begin() as connection:
        inside = SQLAlchemyStore(connection, namespace=namespace)
        connection.execute(insert(notes), {"note": "before"})
        for batch in (
            [spoilt(stored)],
            [a_record(media="a"), spoilt(a_record(media="b"))],
            [a_record(media="new"), spoilt(stored)],
        ):
            with pytest.raises(StoreError):
                inside.save_many(batch)
            with pytest.raises(StoreError):
                inside.save(batch[-1])
        connection.execute(insert(notes), {"note": "then"})
    assert store.recent("ann") == [stored]
    assert notes_in(engine, notes) == ["before", "then"]


@each_database
def test_an_asyncio_host_commits_what_is_saved_inside_its_transaction(
    url: URL, store: SQLAlchemyStore, namespace: str
) -> None:
    async def host() -> ProgressRecord:
        engine = create_async_engine(url.set(drivername=ASYNC_DRIVERS[url.drivername]))
        async with engine.connect() as connection:
            inside = AsyncSQLAlchemyStore(connection, namespace=namespace)
            await inside.save_many([a_record(), a_record(media="other")])
            await connection.rollback()
            saved = await inside.save(a_record())
            with pytest.raises(StoreError):
                await inside.save_many([a_record(media="new"), spoilt(saved)])
            with pytest.raises(ConflictError):
                await inside.save(a_record())
            await connection.commit()
        await engine.dispose()
        return saved

    saved = asyncio.run(host())
    assert store.recent("ann") == [saved]


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_conflict_tells_what_is_stored_now_and_not_what_the_transaction_sees(
    engine: Engine, store: SQLAlchemyStore, namespace: str
) -> None:
    seen = store.save(a_record())
    with engine.begin() as connection:
        inside = SQLAlchemyStore(connection, namespace=namespace)
        assert inside.load("ann", "intro") == seen
        stored = store.save(evolve(seen, played=1))
        with pytest.raises(ConflictError) as conflict:
            inside.save(seen)
        assert (inside.load("ann", "intro"), conflict.value.stored) == (seen, stored)
        [lost] = inside.save_many([seen])
        assert isinstance(lost, ConflictError)
        assert lost.stored == stored
        merged = save_merged(inside, a_record(played=2))
    assert store.load("ann", "intro") == merged == evolve(stored, played=3, revision=3)


def begin_by_sqlalchemy(url: URL) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def never_begin(connection: SQLiteConnection, _: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def begin_always(url: URL) -> Engine:
    return create_engine(url, connect_args={"autocommit": False})


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "make",
    [
        begin_by_sqlalchemy,
        pytest.param(
            begin_always,
            marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="needs Python 3.12"),
        ),
    ],
)
def test_a_host_may_have_sqlite_begin_transactions_in_another_way(
    url: URL, make: Callable[[URL], Engine], namespace: str
) -> None:
    engine = make(url)
    store = SQLAlchemyStore(engine, namespace=namespace)
    for _ in range(2):
        store.create_schema()
    with engine.connect() as connection:
        inside = SQLAlchemyStore(connection, namespace=namespace)
        inside.save_many([a_record(), a_record(media="other")])
        connection.rollback()
        assert store.recent("ann") == []
        saved = inside.save_many([a_record(), a_record(media="other")])
        connection.commit()
    assert store.recent("ann") == saved
    assert store.save_many([a_record(revision=1)]) == [a_record(revision=2)]
    engine.dispose()


# The schema


def make_old(engine: Engine) -> None:
    """Create the schema as the first version of this library had it."""
    records = table(MetaData())
    with engine.begin() as connection:
        MIGRATIONS[0](connection, records)
        versions(records).create(connection)
        connection.execute(insert(versions(records)), {"number": 1})


def schema_in(engine: Engine) -> tuple[set[str], set[str | None], list[int]]:
    """Return the tables of a database, the indexes of the records, and what migrations it had."""
    found = inspect(engine)
    indexes = {index["name"] for index in found.get_indexes("milestone_progress_records")}
    with engine.connect() as connection:
        numbers = connection.scalars(select(versions(table(MetaData())).c.number))
        return set(found.get_table_names()), indexes, sorted(numbers)


SCHEMA = (
    {"milestone_progress_records", "milestone_progress_records_schema"},
    {"milestone_progress_records_recent"},
    [1, 2],
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_sixteen_processes_start_at_once_on_an_empty_and_on_an_old_database(
    request: pytest.FixtureRequest, tmp_path: Path, backend: str
) -> None:
    with (
        new_database(request, backend, tmp_path) as empty,
        new_database(request, backend, tmp_path) as old,
    ):
        if backend == "postgresql":
            # There, a transaction that waits may go on with what was before.
            options = "-c default_transaction_isolation=serializable"
            empty = empty.update_query_dict({"options": options})
        engines = [create_engine(url) for url in (empty, old)]
        make_old(engines[1])
        urls = [url.render_as_string(hide_password=False) for url in (empty, old)]
        program = Path(__file__).with_name("sqlalchemy_workers.py")
        command = [sys.executable, "-W", "error", str(program), "16", *urls]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        for engine in engines:
            assert schema_in(engine) == SCHEMA
            record = SQLAlchemyStore(engine).load("ann", "intro")
            assert record is not None
            assert (record.played, record.revision) == ((1 << 16) - 1, 16)
            engine.dispose()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_old_schema_keeps_its_records_and_a_newer_one_is_refused(
    request: pytest.FixtureRequest, tmp_path: Path, backend: str
) -> None:
    with new_database(request, backend, tmp_path) as url:
        engine = create_engine(url)
        make_old(engine)
        store = SQLAlchemyStore(engine)
        saved = store.save(a_record())
        store.create_schema()
        assert schema_in(engine) == SCHEMA
        assert store.recent("ann") == [saved]
        with engine.begin() as connection:
            connection.execute(insert(versions(table(MetaData()))), {"number": 3})
        with pytest.raises(StoreError, match="version 3"):
            store.create_schema()
        engine.dispose()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_host_creates_the_table_itself_by_another_name_beside_its_own_conventions(
    request: pytest.FixtureRequest, tmp_path: Path, backend: str
) -> None:
    with new_database(request, backend, tmp_path) as url:
        engine = create_engine(url)
        metadata = MetaData(naming_convention={"ck": "ck_%(column_0_name)s"})
        theirs = table(metadata, "watched")
        metadata.create_all(engine)
        store = SQLAlchemyStore(engine, table=theirs)
        saved = store.save(a_record())
        store.create_schema()
        assert set(inspect(engine).get_table_names()) == {"watched", "watched_schema"}
        with pytest.raises(StoreError):
            store.save(spoilt(saved))
        with engine.connect() as connection:
            assert (
                connection.scalar(select(theirs.c.media).where(theirs.c.viewer == "ann")) == "intro"
            )
        assert store.recent("ann") == [saved]
        engine.dispose()


@each_database
def test_a_schema_is_not_created_inside_a_hosts_transaction(url: URL, engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(InvalidValueError, match="bind"):
        SQLAlchemyStore(connection).create_schema()

    async def inside() -> None:
        asynchronous = create_async_engine(url.set(drivername=ASYNC_DRIVERS[url.drivername]))
        async with asynchronous.connect() as connection:
            with pytest.raises(InvalidValueError, match="bind"):
                await AsyncSQLAlchemyStore(connection).create_schema()
        await AsyncSQLAlchemyStore(asynchronous).create_schema()
        await asynchronous.dispose()

    asyncio.run(inside())


# What the database refuses by itself

NO_MEASURES = (nan, inf, -inf, -1.0, -5e-324, 1e308, 2.0**63, 1.0000001e12, True, "5", "five")
NO_COUNTS = (-1, 2**53, 2**63, nan, inf, 1e308, True, "5", "five")
NO_IDENTIFIERS = (
    *("", "a" * 201, "a" * 10_000, "\U0001f3ac" * 201),
    *("\n", "a\rb", "\x01", "\x7f", "\x9f", "\0", "a\0b", "\udc80"),
)
REFUSED: dict[str, tuple[object, ...]] = {
    "namespace": (*NO_IDENTIFIERS, None),
    "viewer": (*NO_IDENTIFIERS, None),
    "media": (*NO_IDENTIFIERS, None),
    "position": (*NO_MEASURES, None),
    "duration": (*NO_MEASURES, 0.0),
    "milestone": (*NO_MEASURES, 100.1, None),
    "furthest": (*NO_MEASURES, None),
    "completed": (2, -1, nan, "five", None),
    "completed_at": NO_MEASURES,
    "played": ("five", "1 2", "NaN", "1-2\n", None),
    "updated_at": (*NO_MEASURES, None),
    "revision": (*NO_COUNTS, 0, None),
    "generation": (*NO_COUNTS, None),
}


def taken_for_a_number(backend: str, column: str, value: object) -> bool:
    """Return whether a database makes a good number of a value before it can be asked about it."""
    match backend:
        case "mariadb":
            return value is True or value == "5"
        case "postgresql":
            return value == "5"
        case _ if column in ("revision", "generation"):
            return value is True
        case _:
            return (
                isinstance(value, float) and isnan(value) and column in ("duration", "completed_at")
            )


@each_database
@pytest.mark.parametrize("column", REFUSED)
def test_what_is_no_value_is_refused_by_the_database_itself(
    url: URL, engine: Engine, namespace: str, column: str
) -> None:
    row = {"namespace": namespace, **dict(zip(COLUMNS, row_of(a_record(), 1), strict=True))}
    places = ", ".join(f":{name}" for name in row)
    statement = text(f"INSERT INTO milestone_progress_records ({', '.join(row)}) VALUES ({places})")
    with engine.connect() as connection:
        connection.execute(statement, row)
        connection.rollback()
        for value in REFUSED[column]:
            try:
                connection.execute(statement, {**row, column: value})
            except (StatementError, OverflowError, UnicodeError):
                connection.rollback()
                continue
            taken = taken_for_a_number(url.get_backend_name(), column, value)
            assert taken, f"{column} took {value!r:.50}"
            # What it was made is a number that a record can have.
            assert SQLAlchemyStore(connection, namespace=namespace).load("ann", "intro")
            connection.rollback()


@each_database
def test_the_longest_names_fit_into_the_index(engine: Engine) -> None:
    chance = random.Random(4)
    # Nothing to compress.
    longest = ("".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(200)) for _ in "nvm")
    namespace, viewer, media = longest
    store = SQLAlchemyStore(engine, namespace=namespace)
    saved = store.save(a_record(viewer=viewer, media=media))
    assert store.save_many([saved]) == store.recent(viewer) == [evolve(saved, revision=2)]


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_mariadb_keeps_every_double_as_it_is(engine: Engine, store: SQLAlchemyStore) -> None:
    chance = random.Random(4)
    doubles = [chance.random() * 10 ** chance.randrange(-300, 12) for _ in range(2_000)]
    batch = [a_record(media=f"{at!r}", position=at, updated_at=at) for at in doubles]
    store.save_many(batch)
    assert [one.position for one in store.recent("ann", 2_000)] == sorted(doubles, reverse=True)


# Batches


@each_database
@pytest.mark.parametrize("counted", [True, False])
def test_a_large_batch_of_all_kinds_is_saved_as_far_as_it_can_be(
    engine: Engine, store: SQLAlchemyStore, counted: bool
) -> None:
    # As with drivers that do not tell how many rows they wrote with one call.
    engine.dialect.supports_sane_multi_rowcount = counted
    calls: set[bool] = set()
    event.listen(engine, "before_cursor_execute", lambda *call: calls.add(call[-1]))
    size = 400 if counted else 100
    known = store.save_many([a_record(media=f"{number}") for number in range(3 * size)])
    fresh = [one for one in known[:size] if isinstance(one, ProgressRecord)]
    stale = [a_record(media=f"{number}") for number in range(size, 2 * size)]
    gone = [a_record(media=f"gone {number}", revision=7) for number in range(size)]
    new = [a_record(media=f"new {number}") for number in range(size)]
    batch = [record for four in zip(stale, fresh, gone, new, strict=True) for record in four]
    outcomes = store.save_many([*batch, *batch[:9]])
    stored: dict[str, ProgressRecord | None] = {
        record.media: evolve(record, revision=record.revision + 1) for record in (*fresh, *new)
    }
    stored |= {record.media: None for record in gone}
    stored |= {record.media: evolve(record, revision=1) for record in stale}
    for place, (record, one) in enumerate(zip([*batch, *batch[:9]], outcomes, strict=True)):
        if place < len(batch) and record.media in {one.media for one in (*fresh, *new)}:
            assert one == stored[record.media]
        else:
            assert isinstance(one, ConflictError)
            assert (one.record, one.stored) == (record, stored[record.media])
    assert calls == ({True, False} if counted else {False})


@each_database
@pytest.mark.slow
def test_nothing_is_lost_of_two_hundred_writes_by_each_of_sixteen_threads(
    store: SQLAlchemyStore,
) -> None:
    def work(thread: int) -> None:
        for second in range(thread * 200, (thread + 1) * 200):
            save_merged(store, a_record(played=1 << second))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    assert store.load("ann", "intro") == a_record(played=(1 << 3_200) - 1, revision=3_200)


@each_database
def test_overlapping_batches_of_sixteen_threads_get_through(store: SQLAlchemyStore) -> None:
    def work(thread: int) -> int:
        chance = random.Random(thread)
        written = 0
        for _ in range(3):
            batch = [a_record(media=f"{number}") for number in chance.sample(range(60), 30)]
            while batch:
                outcomes = store.save_many(batch)
                lost = [one.stored for one in outcomes if isinstance(one, ConflictError)]
                written += len(batch) - len(lost)
                batch = [one for one in lost if one is not None]
                chance.shuffle(batch)
        return written

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(work, range(16))) == 16 * 3 * 30
    assert sum(record.revision for record in store.export_viewer("ann")) == 16 * 3 * 30


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("postgresql", "REPEATABLE READ"),
        ("postgresql", "SERIALIZABLE"),
        ("mariadb", "READ COMMITTED"),
        ("mariadb", "SERIALIZABLE"),
        ("sqlite", "SERIALIZABLE"),
    ],
    indirect=["url"],
)
def test_nothing_is_lost_whatever_isolation_is_the_hosts(
    url: URL, engine: Engine, namespace: str, level: str
) -> None:
    isolated = engine_of(url, isolation_level=level)
    store = SQLAlchemyStore(isolated, namespace=namespace)
    store.create_schema()

    def work(thread: int) -> None:
        for second in range(thread, 80, 8):
            save_merged(store, a_record(played=1 << second))
            store.save_many([a_record(media=f"{number}") for number in range(9)])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    stored = store.load("ann", "intro")
    assert stored == a_record(played=(1 << 80) - 1, revision=80)
    assert len(store.recent("ann")) == 10
    isolated.dispose()


# Failures


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+pysqlite:////nowhere/at/all.db",
        "postgresql+psycopg://tester:secret@127.0.0.1:{port}/test",
        "mariadb+pymysql://tester:secret@127.0.0.1:{port}/test",
    ],
)
def test_a_database_that_is_down_is_a_store_error(url: str) -> None:
    there = make_url(url.format(port=free_port()))
    store = SQLAlchemyStore(create_engine(there))
    for call in (
        store.create_schema,
        lambda: store.load("ann", "intro"),
        lambda: store.save(a_record()),
        lambda: store.save_many([a_record()]),
        lambda: store.purge(NOW),
    ):
        with pytest.raises(StoreError) as failure:
            call()
        assert isinstance(failure.value.__cause__, OperationalError)
        assert "secret" not in str(failure.value)

    async def save() -> None:
        engine = create_async_engine(there.set(drivername=ASYNC_DRIVERS[there.drivername]))
        with pytest.raises(StoreError):
            await AsyncSQLAlchemyStore(engine).save(a_record())
        await engine.dispose()

    if there.get_backend_name() != "sqlite":  # aiosqlite leaves a thread behind.
        asyncio.run(save())


def test_a_server_that_was_restarted_is_reached_again(private_postgres: OwnServer) -> None:
    url = make_url(private_postgres.url).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    store = SQLAlchemyStore(engine)
    store.create_schema()
    saved = store.save(a_record())
    private_postgres.kill()
    with pytest.raises(StoreError):
        store.load("ann", "intro")
    private_postgres.start()
    assert store.load("ann", "intro") == saved
    engine.dispose()


@each_database
def test_a_pool_without_a_connection_is_a_store_error_once_its_timeout_has_passed(
    url: URL, engine: Engine
) -> None:
    small = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    store = SQLAlchemyStore(small)
    with small.connect():
        with pytest.raises(StoreError) as failure:
            store.load("ann", "intro")
        assert isinstance(failure.value.__cause__, PoolTimeoutError)
    assert store.load("ann", uuid4().hex) is None
    small.dispose()


@each_database
def test_a_missing_table_is_a_store_error_that_names_nobody(engine: Engine) -> None:
    store = SQLAlchemyStore(engine, table=table(MetaData(), "missing"))
    with pytest.raises(StoreError, match="missing") as failure:
        store.save(a_record(viewer="somebody"))
    assert "somebody" not in str(failure.value)


@each_database
def test_what_is_stored_but_no_record_is_a_store_error(
    engine: Engine, store: SQLAlchemyStore, namespace: str
) -> None:
    store.save(a_record())
    records = table(MetaData())
    with engine.begin() as connection:
        ours = update(records).where(records.c.namespace == namespace)
        connection.execute(ours, {"played": "9-1"})
    for call in (
        lambda: store.load("ann", "intro"),
        lambda: store.load_many("ann", ["intro"]),
        lambda: store.recent("ann"),
        lambda: store.export_viewer("ann"),
        lambda: store.save(a_record()),
        lambda: store.save_many([a_record()]),
    ):
        with pytest.raises(StoreError, match="no record"):
            call()
    assert store.save(a_record(revision=1)).revision == 2


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_connection_that_does_not_speak_unicode_stores_nothing_else_instead(
    url: URL, engine: Engine, namespace: str
) -> None:
    narrow = create_engine(url.update_query_dict({"charset": "latin1"}))
    store = SQLAlchemyStore(narrow, namespace=namespace)
    for viewer in ("é", "\U0001f3ac"):
        with pytest.raises(StoreError):
            store.save(a_record(viewer=viewer))
    assert store.save(a_record()) == SQLAlchemyStore(engine, namespace=namespace).load(
        "ann", "intro"
    )
    narrow.dispose()


@each_database
def test_what_was_given_is_left_open(engine: Engine, namespace: str) -> None:
    with engine.connect() as connection:
        with SQLAlchemyStore(connection, namespace=namespace) as store:
            saved = store.save(a_record())
        with pytest.raises(StoreError, match="closed"):
            store.load("ann", "intro")
        connection.commit()
    with SQLAlchemyStore(engine, namespace=namespace) as store:
        assert store.load("ann", "intro") == saved
    with pytest.raises(StoreError, match="closed"):
        store.create_schema()
    with engine.connect() as connection:
        assert connection.scalar(select(1)) == 1


@pytest.mark.parametrize("bind", [None, "sqlite://", MetaData()])
def test_what_is_no_engine_is_refused(bind: Any) -> None:
    for kind in (SQLAlchemyStore, AsyncSQLAlchemyStore):
        with pytest.raises(InvalidValueError, match="bind"):
            kind(bind)


def test_an_engine_of_the_other_kind_or_for_another_database_is_refused() -> None:
    asynchronous = create_async_engine("sqlite+aiosqlite://")
    with pytest.raises(InvalidValueError, match="bind"):
        SQLAlchemyStore(asynchronous)  # type: ignore[arg-type]  # as said
    engine = create_engine("sqlite://")
    with pytest.raises(InvalidValueError, match="bind"):
        AsyncSQLAlchemyStore(engine)  # type: ignore[arg-type]  # as said
    with pytest.raises(InvalidValueError, match="namespace"):
        SQLAlchemyStore(engine, namespace="a\n")
    engine.dialect.name = "oracle"
    with pytest.raises(InvalidValueError, match="sqlite"):
        SQLAlchemyStore(engine)


def test_who_has_no_asyncio_engine_needs_no_greenlet() -> None:
    program = (
        "import sys; sys.modules['greenlet'] = None\n"
        "from milestone_progress.stores.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore\n"
        "from sqlalchemy import create_engine\n"
        "engine = create_engine('sqlite://')\n"
        "store = SQLAlchemyStore(engine)\n"
        "store.create_schema()\n"
        "assert store.load('ann', 'intro') is None\n"
        "engine.dispose()\n"
        "try:\n"
        "    AsyncSQLAlchemyStore(engine)\n"
        "except ValueError as refused:\n"
        "    print(refused)\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout.startswith("bind must be")
