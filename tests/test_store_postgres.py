"""The PostgreSQL stores: what all stores promise, and what is special to these."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf, nan
from pathlib import Path
from traceback import format_exception
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from attrs import evolve
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.types.string import StrDumper
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from milestone_progress import ConflictError, InvalidValueError, ProgressRecord, StoreError
from milestone_progress.stores import _postgres_connections, save_merged, save_merged_async
from milestone_progress.stores import _postgres_statements as statements
from milestone_progress.stores._rows import COLUMNS, row_of
from milestone_progress.stores.postgres import AsyncPostgresStore, PostgresStore
from milestone_progress.testing.conformance import StoreConformance
from servers import Server

NOW = 1_700_000_000.0


def a_record(**fields: Any) -> ProgressRecord:
    values: dict[str, Any] = {"viewer": "ann", "media": "intro", "position": 1.0}
    return ProgressRecord(**({**values, "updated_at": NOW} | fields))


def set_to(url: str, **settings: object) -> str:
    """Return a database as it is with other settings."""
    return make_conninfo(url, options=" ".join(f"-c {key}={settings[key]}" for key in settings))


def careless(url: str) -> str:
    """Return a database that does not wait for its disk, for where nothing crashes."""
    return set_to(url, synchronous_commit="off")


def ask(url: str, question: str, *values: object) -> list[tuple[Any, ...]]:
    """Return what a database answers to somebody else."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(question, values).fetchall()


def tell(url: str, *statements: str) -> None:
    """Have somebody else do something with a database."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


class TestPostgresStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: Server) -> None:
        self.url = careless(postgres.url)

    def make_store(self, namespace: str) -> PostgresStore:
        return PostgresStore(self.url, namespace=namespace)


class TestAsyncPostgresStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: Server) -> None:
        self.url = careless(postgres.url)

    def make_store(self, namespace: str) -> AsyncPostgresStore:
        return AsyncPostgresStore(self.url, namespace=namespace)


@contextmanager
def new_database(server: Server) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    tell(server.url, f"CREATE DATABASE {name}")
    try:
        yield make_conninfo(server.url, dbname=name)
    finally:
        tell(server.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    """Provide an empty database on the shared server."""
    with new_database(postgres) as url:
        yield url


# The schema


def make_old(url: str) -> None:
    """Create the schema as the first version of this library had it."""
    tell(
        url,
        statements.MIGRATIONS[0],
        "CREATE TABLE milestone_progress_schema (number integer PRIMARY KEY)",
        "INSERT INTO milestone_progress_schema VALUES (1)",
    )


def schema_of(url: str) -> list[tuple[Any, ...]]:
    """Return the tables of a database and their indexes."""
    return ask(
        url,
        "SELECT relname, relkind FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace ORDER BY relname",
    )


SCHEMA = [
    ("milestone_progress", "r"),
    ("milestone_progress_pkey", "i"),
    ("milestone_progress_recent", "i"),
    ("milestone_progress_schema", "r"),
    ("milestone_progress_schema_pkey", "i"),
]


def work_at_once(processes: int, saves: int, *urls: str) -> None:
    """Run processes that save into the same record of each database."""
    program = Path(__file__).with_name("postgres_workers.py")
    numbers = (str(processes), str(saves))
    command = [sys.executable, "-W", "error", str(program), *numbers, *urls]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_sixteen_processes_start_at_once_on_an_empty_and_on_an_old_database(
    postgres: Server,
) -> None:
    with new_database(postgres) as empty, new_database(postgres) as old:
        make_old(old)
        work_at_once(16, 3, empty, old)
        for url in (empty, old):
            assert schema_of(url) == SCHEMA
            with PostgresStore(url) as store:
                record = store.load("ann", "intro")
            assert record is not None
            assert (record.played, record.revision) == ((1 << 48) - 1, 48)


def save_into_one_record(url: str, threads: int, saves: int) -> None:
    def work(number: int) -> None:
        for second in range(number * saves, (number + 1) * saves):
            save_merged(store, a_record(played=1 << second))

    with PostgresStore(url, namespace=uuid4().hex, timeout=60) as store:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        record = store.load("ann", "intro")
    assert record is not None
    assert (record.played, record.revision) == ((1 << threads * saves) - 1, threads * saves)


def test_nothing_is_lost_of_what_sixteen_threads_save_into_one_record(postgres: Server) -> None:
    save_into_one_record(careless(postgres.url), 16, 20)


@pytest.mark.slow
def test_nothing_is_lost_of_thousands_of_saves_into_one_record(postgres: Server) -> None:
    save_into_one_record(postgres.url, 16, 200)


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_stores_that_start_at_once_wait_for_each_other(
    database: str, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    first, *others = statements.MIGRATIONS
    slow = (f"SELECT pg_sleep(0.1); {first}", *others)
    monkeypatch.setattr(statements, "MIGRATIONS", slow)
    url = set_to(database, default_transaction_isolation=level.replace(" ", r"\ "))

    def start(number: int) -> ProgressRecord:
        with PostgresStore(url) as store:
            return store.save(a_record(media=f"media {number}"))

    with ThreadPoolExecutor(4) as threads:
        assert {record.revision for record in threads.map(start, range(4))} == {1}
    assert schema_of(database) == SCHEMA


@pytest.mark.slow
def test_nothing_is_lost_of_what_eight_processes_save_into_one_record(database: str) -> None:
    work_at_once(8, 200, database)
    with PostgresStore(database) as store:
        record = store.load("ann", "intro")
    assert record is not None
    assert (record.played, record.revision) == ((1 << 1_600) - 1, 1_600)


def test_the_records_of_an_old_database_stay(database: str) -> None:
    make_old(database)
    [(statement, values)] = [statements.write_of("default", a_record(position=7.0))]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement, values)
    with PostgresStore(database) as store:
        assert store.recent("ann") == [a_record(position=7.0, revision=1)]
    assert schema_of(database) == SCHEMA


def test_a_newer_schema_is_refused(database: str) -> None:
    with PostgresStore(database) as store:
        store.save(a_record())
    tell(database, "INSERT INTO milestone_progress_schema VALUES (99)")
    with PostgresStore(database) as store, pytest.raises(StoreError, match="of schema 99"):
        store.save(a_record(media="other"))
    assert ask(database, "SELECT media FROM milestone_progress") == [("intro",)]


def test_only_the_first_store_needs_the_right_to_create_tables(database: str) -> None:
    user = f"user_{uuid4().hex}"
    theirs = make_conninfo(database, user=user, password="secret")
    tell(database, f"CREATE USER {user} PASSWORD 'secret'")
    try:
        with PostgresStore(theirs) as store, pytest.raises(StoreError, match="permission denied"):
            store.load("ann", "intro")
        with PostgresStore(database) as store:
            store.load("ann", "intro")
        tell(
            database,
            f"GRANT SELECT ON milestone_progress_schema TO {user}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON milestone_progress TO {user}",
        )
        with PostgresStore(theirs) as store:
            saved = store.save(a_record())
            assert store.save_many([saved, a_record(media="other")])
            assert len(store.recent("ann")) == 2
            assert store.purge(NOW + 1) == 2
    finally:
        tell(database, f"DROP OWNED BY {user}", f"DROP USER {user}")


def test_stores_live_in_the_first_schema_of_the_search_path(database: str) -> None:
    tell(database, "CREATE SCHEMA tenant")
    elsewhere = set_to(database, search_path="tenant")
    with PostgresStore(elsewhere) as theirs, PostgresStore(database) as ours:
        theirs.save(a_record())
        assert ours.load("ann", "intro") is None
    assert ask(database, "SELECT media FROM tenant.milestone_progress") == [("intro",)]


# What the database refuses by itself

ROW: dict[str, object] = dict(zip(COLUMNS, row_of(a_record(), 1), strict=True))
NO_MEASURES = (nan, inf, -inf, -1.0, -5e-324, 1e308, 2.0**63, 1.0000001e12, True, "5", "five")
NO_COUNTS = (-1, 2**53, 2**63, nan, inf, 1e308, True, "5", "five")
NO_IDENTIFIERS = ("", "a" * 201, "a" * 10_000, "\n", "a\rb", "\x01", "\x7f", "\x9f", "\0", "\udc80")
REFUSED: dict[str, tuple[object, ...]] = {
    "namespace": (*NO_IDENTIFIERS, None),
    "viewer": (*NO_IDENTIFIERS, None),
    "media": (*NO_IDENTIFIERS, None),
    "position": (*NO_MEASURES, None),
    "duration": (*NO_MEASURES, 0.0),
    "milestone": (*NO_MEASURES, 100.1, None),
    "furthest": (*NO_MEASURES, None),
    "completed": (1, 0, 1.0, nan, "true", None),
    "completed_at": NO_MEASURES,
    "played": ("five", "1 2", "NaN", "1-2\n", None),
    "updated_at": (*NO_MEASURES, None),
    "revision": (*NO_COUNTS, 0, None),
    "generation": (*NO_COUNTS, None),
}


@pytest.fixture
def bypass(postgres: Server) -> Iterator[psycopg.Connection]:
    """Provide a connection that writes past the store, and takes everything back."""
    with PostgresStore(postgres.url) as store:
        store.load("ann", "intro")
    with psycopg.connect(postgres.url) as connection:
        # A text is a text, and no literal of whatever type the column has.
        connection.adapters.register_dumper(str, StrDumper)
        yield connection
        connection.rollback()


def insert(connection: psycopg.Connection, row: dict[str, object]) -> None:
    places = ", ".join(f"%({column})s" for column in row)
    with connection.transaction(force_rollback=True):
        connection.execute(
            f"INSERT INTO milestone_progress ({', '.join(row)}) VALUES ({places})", row
        )


@pytest.mark.parametrize("column", REFUSED)
def test_what_is_no_value_is_refused_by_the_database_itself(
    bypass: psycopg.Connection, column: str
) -> None:
    whole = {**ROW, "namespace": uuid4().hex}
    insert(bypass, whole)
    for value in REFUSED[column]:
        try:
            insert(bypass, {**whole, column: value})
        except (psycopg.Error, UnicodeError):
            continue
        pytest.fail(f"{column} took {value!r:.50}")


def test_the_database_takes_what_is_at_its_bounds(bypass: psycopg.Connection) -> None:
    bounds: dict[str, tuple[object, ...]] = {
        "position": (0.0, 5e-324, 1e12),
        "duration": (5e-324, 1e12, None),
        "milestone": (0.0, 100.0),
        "completed_at": (0.0, 1e12, None),
        "updated_at": (0.0, 5e-324, 1e12),
        "revision": (1, 2**53 - 1),
        "generation": (0, 2**53 - 1),
        "played": ("", "0-0,2-9999999"),
    }
    for column, values in bounds.items():
        for value in values:
            insert(bypass, {**ROW, "namespace": uuid4().hex, column: value})


def test_the_longest_of_names_fit_into_the_index(postgres: Server) -> None:
    chance = random.Random(4)
    # Nothing to compress.
    longest = ("".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(200)) for _ in "nvm")
    namespace, viewer, media = longest
    with PostgresStore(postgres.url, namespace=namespace) as store:
        saved = store.save(a_record(viewer=viewer, media=media))
        assert store.save_many([saved]) == [evolve(saved, revision=2)]
        assert len(store.recent(viewer)) == 1


def test_what_is_stored_but_no_record_is_a_store_error(postgres: Server) -> None:
    namespace = uuid4().hex
    with PostgresStore(postgres.url, namespace=namespace) as store:
        store.save(a_record())
        tell(
            postgres.url,
            f"UPDATE milestone_progress SET played = '5-3' WHERE namespace = '{namespace}'",
        )
        with pytest.raises(StoreError, match="no record"):
            store.load("ann", "intro")
        with pytest.raises(StoreError, match="no record"):
            store.save_many([a_record()])
        assert store.delete_viewer("ann") == 1


# What it costs


def test_a_save_touches_no_index(database: str) -> None:
    with PostgresStore(database) as store:
        many = store.save_many([a_record(media=f"media {number}") for number in range(1_000)])
    later = [
        evolve(one, position=99.0, updated_at=NOW + 60)
        for one in many[::20]
        if isinstance(one, ProgressRecord)
    ]
    touched = "SELECT pg_stat_get_xact_tuples_hot_updated('milestone_progress'::regclass)"
    with psycopg.connect(database) as connection:
        connection.execute(*statements.write_of("default", later.pop()))
        connection.execute(statements.SAVE_MANY, statements.values_of("default", later))
        assert connection.execute(touched).fetchall() == [(50,)]


def most_rows(plan: dict[str, Any]) -> int:
    """Return how many rows the busiest step of a plan has read."""
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    read = int(rows * plan["Actual Loops"])
    return max([read, *map(most_rows, plan.get("Plans", []))])


@pytest.mark.parametrize("known", [False, True], ids=["unknown", "known"])
def test_no_more_is_read_than_needed_of_who_watches_much(database: str, known: bool) -> None:
    """Whether PostgreSQL knows that this viewer has so many records, or believes it is one."""
    count = 10_000
    many = [a_record(media=f"{number}", updated_at=NOW + 100 * number) for number in range(count)]
    others = [a_record(viewer=f"viewer {number}") for number in range(1_000)]
    analyse = "VACUUM ANALYZE milestone_progress"
    with PostgresStore(database, namespace="others") as store:
        store.save_many(others)
    with PostgresStore(database) as store:
        tell(database, "ALTER TABLE milestone_progress SET (autovacuum_enabled = off)", analyse)
        store.save_many(many)
    if known:
        tell(database, analyse)
    batch = [record.with_revision(1) for record in random.Random(4).sample(many, 50)]
    values = statements.values_of("default", batch)
    medias = statements.array([record.media for record in batch])
    statement, change = statements.write_of("default", batch[0])
    with psycopg.connect(database) as connection:
        for asked, given, limit in (
            (statement, change, 1),
            (statements.LOAD, ("default", "ann", "77"), 1),
            (statements.LOAD_MANY, ("default", "ann", medias), 50),
            (statements.LOAD_KEYS, values, 50),
            (statements.SAVE_MANY, values, 50),
            (statements.RECENT, ("default", "ann", 20), 1_000),
            (statements.RECENT_UNFINISHED, ("default", "ann", 20), 1_000),
        ):
            explained = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}", given)
            [[[plan]]] = explained.fetchall()
            assert most_rows(plan["Plan"]) <= limit, asked
        connection.rollback()


def test_more_is_purged_than_one_statement_deletes(postgres: Server) -> None:
    count = statements.SLICE + 1
    old = [a_record(media=f"media {number}") for number in range(count)]
    with PostgresStore(careless(postgres.url), namespace=uuid4().hex) as store:
        store.save_many([*old, a_record(media="new", updated_at=NOW + 1)])
        assert store.purge(NOW + 1) == count
        assert [record.media for record in store.export_viewer("ann")] == ["new"]


# Batches


def test_a_large_batch_of_all_kinds_is_saved_as_far_as_it_can_be(postgres: Server) -> None:
    with PostgresStore(careless(postgres.url), namespace=uuid4().hex) as store:
        known = store.save_many([a_record(media=f"known {number}") for number in range(2_500)])
        stale = store.save_many([a_record(media=f"stale {number}") for number in range(50)])
        newer = store.save_many([one for one in stale if isinstance(one, ProgressRecord)])
        newer += store.save_many([a_record(media=f"taken {number}") for number in range(50)])
        batch = [one for one in known if isinstance(one, ProgressRecord)]
        batch += [a_record(media=f"new {number}") for number in range(2_500)]
        batch += [one for one in stale if isinstance(one, ProgressRecord)]
        batch += [a_record(media=f"taken {number}", position=9.0) for number in range(50)]
        batch += [a_record(media="gone", revision=3), a_record(media="new 7", position=9.0)]
        random.Random(4).shuffle(batch)
        outcomes = store.save_many(batch)
        stored = {record.media: record for record in store.export_viewer("ann")}
    assert len(batch) == len(outcomes) == 5_102
    kept = {record.media: record for record in newer if isinstance(record, ProgressRecord)}
    for record, outcome in zip(batch, outcomes, strict=True):
        name = record.media.split()[0]
        if isinstance(outcome, ConflictError):
            assert outcome.record is record
            assert outcome.stored == (kept | stored).get(record.media)
            assert name in ("stale", "taken", "gone") or record.media == "new 7"
        else:
            assert outcome == evolve(record, revision=record.revision + 1) == stored[record.media]
            assert name in ("known", "new")
    assert sum(isinstance(one, ConflictError) for one in outcomes) == 102
    assert len(stored) == 5_100


def wait_for_locks(url: str, count: int) -> None:
    """Return once so many wait for a lock in a database."""
    waiting = """
        SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()
    """
    with psycopg.connect(url, autocommit=True) as watcher:
        while watcher.execute(waiting).fetchall() != [(count,)]:
            watcher.execute("SELECT pg_sleep(0.01)")


@pytest.mark.parametrize("known", [True, False])
def test_overlapping_batches_wait_for_each_other_in_one_order(
    database: str, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Two batches of opposite order, both held up in their middle: neither keeps the other's."""
    monkeypatch.setattr(_postgres_connections, "GAVE_WAY", ())
    medias = [f"media {number:02}" for number in range(50)]
    batch = [a_record(media=media) for media in medias]
    with (
        PostgresStore(database, timeout=60) as store,
        psycopg.connect(database) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        store.load("ann", "intro")
        if known:
            batch = [one for one in store.save_many(batch) if isinstance(one, ProgressRecord)]
        other.execute(*statements.write_of("default", batch[25]))
        saving = [threads.submit(store.save_many, order) for order in (batch, batch[::-1])]
        wait_for_locks(database, 2)
        other.rollback()
        outcomes = [outcome for one in saving for outcome in one.result()]
    won = [one for one in outcomes if isinstance(one, ProgressRecord)]
    assert sorted(one.media for one in won) == medias
    assert {one.revision for one in won} == {2 if known else 1}


@pytest.mark.parametrize("together", [True, False], ids=["save_many", "save"])
def test_what_is_deleted_at_the_same_time_does_not_come_back(database: str, together: bool) -> None:
    def save() -> ProgressRecord | ConflictError:
        if together:
            [outcome] = store.save_many([saved])
            return outcome
        with pytest.raises(ConflictError) as caught:
            store.save(saved)
        return caught.value

    with (
        PostgresStore(database, timeout=60) as store,
        psycopg.connect(database) as other,
        ThreadPoolExecutor(1) as threads,
    ):
        saved = store.save(a_record())
        other.execute(statements.DELETE_VIEWER, ("default", "ann"))
        saving = threads.submit(save)
        wait_for_locks(database, 1)
        other.commit()
        outcome = saving.result()
        assert isinstance(outcome, ConflictError)
        assert outcome.stored is None
        assert store.load("ann", "intro") is None


def test_batches_that_meet_all_the_time_lose_nothing(postgres: Server) -> None:
    medias = [f"media {number}" for number in range(200)]
    rounds, threads = 10, 4

    def work(number: int) -> int:
        lost = 0
        order = medias if number % 2 else medias[::-1]
        for _ in range(rounds):
            unsaved = set(medias)
            while unsaved:
                stored = store.load_many("ann", unsaved)
                batch = [
                    stored.get(name, a_record(media=name)) for name in order if name in unsaved
                ]
                outcomes = store.save_many(batch)
                lost += sum(isinstance(one, ConflictError) for one in outcomes)
                unsaved -= {one.media for one in outcomes if isinstance(one, ProgressRecord)}
        return lost

    url = careless(postgres.url)
    with PostgresStore(url, namespace=uuid4().hex, timeout=60) as store:
        with ThreadPoolExecutor(threads) as pool:
            lost = sum(pool.map(work, range(threads)))
        found = store.load_many("ann", medias)
    assert lost > 0, "they never met"
    assert [found[media].revision for media in medias] == [rounds * threads] * len(medias)


# The host's settings


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_nothing_is_lost_whatever_isolation_is_the_default(postgres: Server, level: str) -> None:
    url = set_to(
        postgres.url,
        synchronous_commit="off",
        default_transaction_isolation=level.replace(" ", r"\ "),
    )
    assert ask(url, "SHOW transaction_isolation") == [(level,)]
    threads, saves = 8, 15

    def work(number: int) -> None:
        for save in range(saves):
            played = 1 << (number * saves + save)
            save_merged(store, a_record(played=played))
            save_merged(store, a_record(media=f"media {number}", played=played))
            store.save_many([a_record(media=f"new {save} {other}") for other in range(20)])

    with PostgresStore(url, namespace=uuid4().hex, timeout=60) as store:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        record = store.load("ann", "intro")
        assert record is not None
        assert (record.played, record.revision) == ((1 << threads * saves) - 1, threads * saves)
        found = store.export_viewer("ann")
        assert {one.revision for one in found if one.media.startswith("new")} == {1}
        assert len(found) == 1 + threads + saves * 20


def test_tasks_lose_nothing_either(postgres: Server) -> None:
    url = set_to(postgres.url, default_transaction_isolation="serializable")
    tasks, saves = 8, 10

    async def work(store: AsyncPostgresStore, number: int) -> None:
        for second in range(number * saves, (number + 1) * saves):
            await save_merged_async(store, a_record(played=1 << second))

    async def work_all() -> ProgressRecord | None:
        async with AsyncPostgresStore(url, namespace=uuid4().hex, timeout=60) as store:
            await asyncio.gather(*(work(store, number) for number in range(tasks)))
            return await store.load("ann", "intro")

    record = asyncio.run(work_all())
    assert record is not None
    assert (record.played, record.revision) == ((1 << tasks * saves) - 1, tasks * saves)


def strange(url: str) -> dict[str, Any]:
    """Return how a host makes its pool whose connections are not as ours would be."""
    return {
        "conninfo": careless(url),
        "min_size": 1,
        "max_size": 1,
        "open": False,
        "kwargs": {"row_factory": dict_row, "prepare_threshold": None},
    }


def test_a_hosts_pool_is_used_and_left_as_it_was(postgres: Server) -> None:
    options = strange(postgres.url)
    options["kwargs"] |= {"cursor_factory": psycopg.RawCursor}
    with ConnectionPool[psycopg.Connection[dict[str, Any]]](**options) as pool:
        store = PostgresStore(pool, namespace=uuid4().hex)
        saved = store.save(a_record())
        assert store.save_many([saved, a_record()])[0] == evolve(saved, revision=2)
        with pytest.raises(ConflictError):
            store.save(saved)
        assert store.recent("ann") == [evolve(saved, revision=2)]
        assert store.purge(NOW + 1) == 1
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.load("ann", "intro")
        with pool.connection() as connection:
            assert not connection.autocommit
            assert "wait" not in vars(connection)
            answer = connection.execute("SELECT $1::int AS answer", [42]).fetchone()
            assert answer == {"answer": 42}
        assert pool.get_stats()["connections_num"] == 1


def test_a_hosts_asynchronous_pool_is_used_and_left_as_it_was(postgres: Server) -> None:
    async def use() -> None:
        options = strange(postgres.url)
        async with AsyncConnectionPool[psycopg.AsyncConnection[dict[str, Any]]](**options) as pool:
            store = AsyncPostgresStore(pool, namespace=uuid4().hex)
            saved = await store.save(a_record())
            many = await asyncio.gather(
                *(store.save(a_record(media=f"media {number}")) for number in range(50))
            )
            assert [one.revision for one in many] == [1] * 50
            with pytest.raises(ConflictError):
                await store.save(a_record())
            assert await store.load("ann", "intro") == saved
            assert await store.delete_viewer("ann") == 51
            await store.close()
            with pytest.raises(StoreError, match="closed"):
                await store.load("ann", "intro")
            async with pool.connection() as connection:
                assert not connection.autocommit
                assert "wait" not in vars(connection)
            assert pool.get_stats()["connections_num"] == 1

    asyncio.run(use())


def test_closing_ends_the_connections_of_the_store(postgres: Server) -> None:
    name = uuid4().hex
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    store = PostgresStore(make_conninfo(postgres.url, application_name=name))
    assert ask(postgres.url, count, name) == [(0,)]
    store.load("ann", "intro")
    assert ask(postgres.url, count, name) == [(1,)]
    store.close()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        # A backend takes a moment to end.
        while connection.execute(count, [name]).fetchone() != (0,):
            connection.execute("SELECT pg_sleep(0.01)")


@pytest.mark.parametrize("cls", [PostgresStore, AsyncPostgresStore])
def test_what_is_no_database_is_refused_and_no_password_shown(
    cls: type[PostgresStore] | type[AsyncPostgresStore],
) -> None:
    for database in (
        "postgresql://ann:secret@[host",
        "password=secret nonsense",
        "secret",
        5,
        None,
    ):
        with pytest.raises(InvalidValueError) as caught:
            cls(database)  # type: ignore[arg-type]  # on purpose
        assert caught.value.field == "database"
        assert "secret" not in str(caught.value.value)
        assert "secret" not in "".join(format_exception(caught.value))
    for timeout in (0, -1.0, nan, inf, True, "5", None):
        with pytest.raises(InvalidValueError, match="timeout"):
            cls("postgresql://", timeout=timeout)  # type: ignore[arg-type]  # on purpose
