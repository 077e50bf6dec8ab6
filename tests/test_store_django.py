"""The store of the Django app: SQLite, PostgreSQL and MariaDB, in and out of transactions."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from math import inf, nan
from pathlib import Path
from threading import Barrier, current_thread, local, main_thread
from typing import Any
from uuid import uuid4

import pymysql.constants
import pymysql.converters
import pytest
from attrs import evolve
from django.core.management import call_command
from django.db import Error, OperationalError, connections
from django.db.transaction import atomic, set_autocommit
from django.test.utils import CaptureQueriesContext
from django.utils.connection import ConnectionDoesNotExist
from sqlalchemy import make_url

from django_host import database, in_another_thread
from milestone_progress import ConflictError, InvalidValueError, ProgressRecord, StoreError
from milestone_progress.django.models import Progress
from milestone_progress.django.stores import DjangoStore
from milestone_progress.stores import FallbackStore, ManySaver, Purger, ViewerExporter, save_merged
from milestone_progress.stores._rows import COLUMNS, row_of
from milestone_progress.testing.conformance import StoreConformance
from servers import Server, free_port

NOW = 1_700_000_000.0
each_database = pytest.mark.parametrize("alias", ["sqlite", "postgresql", "mariadb"], indirect=True)


def a_record(**fields: Any) -> ProgressRecord:
    values: dict[str, Any] = {"viewer": "ann", "media": "intro", "position": 1.0}
    return ProgressRecord(**({**values, "updated_at": NOW} | fields))


# Databases


def careless_sqlite(folder: Path) -> dict[str, Any]:
    """Return a database on a disk that nothing waits for, as nothing crashes here."""
    return {
        "vendor": "sqlite3",
        "NAME": folder / "host.db",
        "OPTIONS": {
            "timeout": 60,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF",
        },
    }


def of_server(server: Server) -> dict[str, Any]:
    url = make_url(server.url)
    named = {"NAME": url.database, "USER": url.username, "PASSWORD": url.password}
    return {**named, "HOST": url.host, "PORT": url.port}


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with database("sqlite", **careless_sqlite(tmp_path_factory.mktemp("django"))) as alias:
        yield alias


@pytest.fixture(scope="module")
def postgresql(postgres: Server) -> Iterator[str]:
    options = {"pool": {"min_size": 1, "max_size": 20}, "options": "-c synchronous_commit=off"}
    with database("postgresql", vendor="postgresql", OPTIONS=options, **of_server(postgres)) as one:
        yield one


@pytest.fixture(scope="module")
def mariadb_alias(mariadb: Server) -> Iterator[str]:
    # Stands in for mysqlclient, which has to be compiled.
    pymysql.install_as_MySQLdb()
    for module in (pymysql.constants, pymysql.converters):
        sys.modules[module.__name__.replace("pymysql", "MySQLdb")] = module
    with database("mariadb", vendor="mysql", **of_server(mariadb)) as alias:
        yield alias


@pytest.fixture
def alias(request: pytest.FixtureRequest) -> str:
    """The name of a database, shared with other tests of this module."""
    fixture = "mariadb_alias" if request.param == "mariadb" else request.param
    name: str = request.getfixturevalue(fixture)
    return name


@pytest.fixture
def namespace() -> str:
    return uuid4().hex


@pytest.fixture
def store(alias: str, namespace: str) -> DjangoStore:
    return DjangoStore(namespace, alias)


# The promises of all stores


class Connected:
    """Closes the connection of a thread when that ends. A server does when a request has ended."""

    def __init__(self, alias: str) -> None:
        self.connection = connections[alias]

    def __del__(self) -> None:
        self.connection.close()


class OfThreads:
    """A store that is used by threads which have nobody else to close their connections."""

    here = local()

    def __init__(self, store: DjangoStore, alias: str) -> None:
        self._store = store
        self._alias = alias

    def __getattr__(self, name: str) -> Any:
        if current_thread() is not main_thread() and not hasattr(self.here, self._alias):
            setattr(self.here, self._alias, Connected(self._alias))
        return getattr(self._store, name)


@pytest.mark.parametrize(
    "alias",
    ["sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.slow)],
    indirect=True,
)
class TestDjangoStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _alias(self, alias: str) -> None:
        self.alias = alias

    def make_store(self, namespace: str) -> Any:
        return OfThreads(DjangoStore(namespace, self.alias), self.alias)


def test_it_can_do_all_that_a_store_can() -> None:
    store = DjangoStore()
    for protocol in (FallbackStore, ManySaver, Purger, ViewerExporter):
        assert isinstance(store, protocol)


# Inside the host's transaction


def spoilt(record: ProgressRecord) -> ProgressRecord:
    """Return a record as none can be made."""
    copy = record.with_revision(record.revision)
    vars(copy)["position"] = -1.0
    return copy


@contextmanager
def undone(alias: str) -> Iterator[None]:
    """Begin a transaction of the host which it does not commit in the end."""
    with atomic(alias):
        yield
        connections[alias].set_rollback(True)


@each_database
def test_what_is_saved_inside_a_transaction_is_the_hosts_to_commit(
    alias: str, store: DjangoStore
) -> None:
    stored = store.save(a_record(media="before"))

    def save_some() -> list[ProgressRecord]:
        known = store.save(evolve(stored, position=2.0))
        new = store.save(a_record(media="new"))
        [batch] = store.save_many([a_record(media="batch")])
        assert isinstance(batch, ProgressRecord)
        assert store.export_viewer("ann") == [batch, known, new]
        return [batch, known, new]

    with undone(alias):
        save_some()
    assert store.export_viewer("ann") == [stored]
    with atomic(alias):
        saved = save_some()
        assert in_another_thread(lambda: store.export_viewer("ann")) == [stored]
    assert store.export_viewer("ann") == saved


@each_database
def test_what_is_deleted_inside_a_transaction_is_the_hosts_to_commit(
    alias: str, store: DjangoStore
) -> None:
    stored = store.save(a_record())
    forgetting: list[Callable[[], int]] = [
        lambda: store.delete_viewer("ann"),
        lambda: store.purge(NOW + 1),
        lambda: store.remove(stored),
    ]
    for forget in forgetting:
        with undone(alias):
            assert forget() == 1
            assert store.load("ann", "intro") is None
        assert store.load("ann", "intro") == stored


@each_database
def test_a_hosts_transaction_goes_on_after_a_conflict(alias: str, store: DjangoStore) -> None:
    stored = store.save(a_record())
    with atomic(alias):
        first = store.save(a_record(media="first"))
        for stale in (a_record(position=2.0), evolve(stored, position=2.0, revision=7)):
            with pytest.raises(ConflictError) as conflict:
                store.save(stale)
            assert conflict.value.stored == stored
        lost, second = store.save_many([a_record(position=2.0), a_record(media="second")])
        assert isinstance(lost, ConflictError)
    assert store.export_viewer("ann") == [first, stored, second]


@each_database
def test_a_hosts_transaction_goes_on_after_a_failure_which_changed_nothing(
    alias: str, store: DjangoStore
) -> None:
    stored = store.save(a_record())
    with atomic(alias):
        first = store.save(a_record(media="first"))
        for batch in (
            [spoilt(stored)],
            [a_record(media="a"), spoilt(a_record(media="b"))],
            [a_record(media="new"), spoilt(stored)],
        ):
            with pytest.raises(StoreError):
                store.save_many(batch)
            with pytest.raises(StoreError) as failure:
                store.save(batch[-1])
            assert "ann" not in str(failure.value)
        second = store.save(a_record(media="second"))
    assert store.export_viewer("ann") == [first, stored, second]


@each_database
@pytest.mark.parametrize("known", [True, False])
def test_of_two_threads_that_save_the_same_record_one_wins_and_both_transactions_go_on(
    alias: str, store: DjangoStore, known: bool
) -> None:
    stored = store.save(a_record()) if known else a_record()
    together = Barrier(2)

    def save(thread: int) -> ProgressRecord | ConflictError:
        outcome: ProgressRecord | ConflictError
        together.wait()
        with atomic(alias):
            try:
                outcome = store.save(evolve(stored, position=float(thread)))
            except ConflictError as conflict:
                outcome = conflict
            store.save(a_record(media=f"of thread {thread}"))
        return outcome

    with ThreadPoolExecutor(2) as threads:
        requests = [partial(in_another_thread, partial(save, thread)) for thread in (1, 2)]
        outcomes = list(threads.map(lambda request: request(), requests))
    [winner] = [one for one in outcomes if isinstance(one, ProgressRecord)]
    [loser] = [one for one in outcomes if isinstance(one, ConflictError)]
    assert winner.revision == stored.revision + 1
    assert loser.stored == winner
    found = {record.media: record.position for record in store.export_viewer("ann")}
    assert found == {"intro": winner.position, "of thread 1": 1.0, "of thread 2": 1.0}


# With SQLite, Django has no savepoints there.
@pytest.mark.parametrize("alias", ["postgresql", "mariadb"], indirect=True)
def test_a_host_that_commits_by_itself_has_to_commit_what_is_saved(
    alias: str, store: DjangoStore
) -> None:
    connection = connections[alias]
    set_autocommit(False, alias)
    try:
        stored = store.save(a_record())
        connection.rollback()
        assert store.load("ann", "intro") is None
        connection.rollback()
        assert store.save(a_record()) == stored
        with pytest.raises(ConflictError):
            store.save(a_record())
        connection.commit()
    finally:
        connection.rollback()
        set_autocommit(True, alias)
    assert store.load("ann", "intro") == stored


@pytest.mark.parametrize("alias", ["mariadb"], indirect=True)
def test_a_conflict_tells_what_is_stored_now_and_not_what_the_transaction_sees(
    alias: str, store: DjangoStore
) -> None:
    seen = store.save(a_record())
    with connections[alias].cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    try:
        with atomic(alias):
            assert store.load("ann", "intro") == seen
            stored = in_another_thread(lambda: store.save(evolve(seen, played=1)))
            with pytest.raises(ConflictError) as conflict:
                store.save(seen)
            assert (store.load("ann", "intro"), conflict.value.stored) == (seen, stored)
            merged = save_merged(store, a_record(played=2))
    finally:
        connections[alias].close()
    assert store.load("ann", "intro") == merged == evolve(stored, played=3, revision=3)


@each_database
def test_a_transaction_that_is_broken_already_is_a_store_error(
    alias: str, store: DjangoStore
) -> None:
    with atomic(alias):
        connections[alias].set_rollback(True)
        with pytest.raises(StoreError):
            store.load("ann", "intro")


@each_database
def test_a_batch_outside_of_a_transaction_is_saved_as_a_whole(
    alias: str, store: DjangoStore
) -> None:
    known = [store.save(a_record(media=media)) for media in "ab"]
    with pytest.raises(StoreError):
        store.save_many([a_record(media="new"), known[0], spoilt(known[1])])
    assert store.export_viewer("ann") == known
    assert connections[alias].get_autocommit()


# What it costs


@each_database
def test_outside_of_a_transaction_every_call_is_one_statement(
    alias: str, store: DjangoStore
) -> None:
    known = store.save_many([a_record(media=f"{number}") for number in range(30)])
    first = known[0]
    assert isinstance(first, ProgressRecord)
    for call in (
        lambda: store.load("ann", "0"),
        lambda: store.load_many("ann", [f"{number}" for number in range(40)]),
        lambda: store.recent("ann"),
        lambda: store.save(first),
        lambda: store.save(a_record()),
        lambda: store.delete_viewer("ann"),
        lambda: store.purge(NOW),
    ):
        with CaptureQueriesContext(connections[alias]) as said:
            call()
        assert len(said) == 1, said.captured_queries


@pytest.mark.parametrize("alias", ["sqlite"], indirect=True)
def test_what_was_watched_last_is_read_from_its_index(alias: str, store: DjangoStore) -> None:
    with CaptureQueriesContext(connections[alias]) as said:
        store.recent("ann")
    with connections[alias].cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {said.captured_queries[0]['sql']}")
        [[*_, plan]] = cursor.fetchall()
    assert "USING INDEX milestone_progress_of_viewer" in plan


# What the database refuses by itself

NO_MEASURES = (nan, inf, -inf, -1.0, -5e-324, 1e308, 2.0**63, 1.0000001e12, "five")
NO_COUNTS = (-1, 2**53, 2**63, nan, inf, 1e308, "five", None)
REFUSED: dict[str, tuple[object, ...]] = {
    "position": (*NO_MEASURES, None),
    "duration": (*NO_MEASURES, 0.0),
    "milestone": (*NO_MEASURES, 100.1, None),
    "furthest": (*NO_MEASURES, None),
    "completed_at": NO_MEASURES,
    "updated_at": (*NO_MEASURES, None),
    "revision": (*NO_COUNTS, 0),
    "generation": NO_COUNTS,
}


@each_database
@pytest.mark.parametrize("column", REFUSED)
def test_what_is_no_number_is_refused_by_the_database_itself(
    alias: str, store: DjangoStore, namespace: str, column: str
) -> None:
    row: dict[str, Any] = {
        "namespace": namespace,
        **dict(zip(COLUMNS, row_of(a_record(), 1), strict=True)),
    }
    places = ", ".join(f"%({name})s" for name in row)
    table = Progress._meta.db_table
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"
    for value in (row[column], *REFUSED[column]):
        taken = True
        with connections[alias].cursor() as cursor:
            try:
                cursor.execute(statement, {**row, column: value})
            except (Error, OverflowError):
                taken = False
        # NaN is NULL to SQLite: unknown, as these two may be.
        unknown = (
            alias == "sqlite" and repr(value) == "nan" and column in ("duration", "completed_at")
        )
        assert taken == (value == row[column] or unknown), f"{column}: {value!r}"
        assert store.delete_viewer("ann") == taken


@pytest.mark.parametrize(
    ("alias", "collation"),
    [("postgresql", "C"), ("mariadb", "utf8mb4_nopad_bin")],
    indirect=["alias"],
)
def test_names_are_compared_exactly_whatever_is_usual_in_the_database(
    alias: str, collation: str
) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT column_name, collation_name FROM information_schema.columns"
            " WHERE table_name = %s AND column_name IN ('namespace', 'viewer', 'media')",
            [Progress._meta.db_table],
        )
        found = dict(cursor.fetchall())
    assert found == dict.fromkeys(("namespace", "viewer", "media"), collation)


def test_the_migrations_make_the_table_that_the_model_describes() -> None:
    call_command("makemigrations", "milestone_progress", check=True, dry_run=True, verbosity=0)


# Failures


@pytest.mark.parametrize(
    "described",
    [
        {"vendor": "sqlite3", "NAME": "/nowhere/at/all.db"},
        {
            "vendor": "postgresql",
            "NAME": "test",
            "USER": "tester",
            "PASSWORD": "secret",
            "HOST": "127.0.0.1",
        },
    ],
)
def test_a_database_that_is_down_is_a_store_error(described: dict[str, Any]) -> None:
    if described["vendor"] == "postgresql":
        described = {**described, "PORT": free_port()}
    with database("down", migrated=False, **described) as alias:
        store = DjangoStore(using=alias)
        for call in (
            lambda: store.load("ann", "intro"),
            lambda: store.save(a_record()),
            lambda: store.save_many([a_record()]),
            lambda: store.purge(NOW),
        ):
            with pytest.raises(StoreError) as failure:
                call()
            assert isinstance(failure.value.__cause__, OperationalError)
            assert "secret" not in str(failure.value)


def test_a_missing_table_is_a_store_error_that_names_nobody(tmp_path: Path) -> None:
    with database("empty", migrated=False, **careless_sqlite(tmp_path)) as alias:
        with pytest.raises(StoreError, match="milestone_progress") as failure:
            DjangoStore(using=alias).save(a_record(viewer="somebody"))
        assert "somebody" not in str(failure.value)


@each_database
def test_what_is_stored_but_no_record_is_a_store_error(
    alias: str, store: DjangoStore, namespace: str
) -> None:
    store.save(a_record())
    Progress.objects.using(alias).filter(namespace=namespace).update(played="9-1")
    for call in (
        lambda: store.load("ann", "intro"),
        lambda: store.recent("ann"),
        lambda: store.save(a_record()),
        lambda: store.save_many([a_record()]),
    ):
        with pytest.raises(StoreError, match="no record"):
            call()
    assert store.save(a_record(revision=1)).revision == 2


def test_a_namespace_has_to_be_an_identifier() -> None:
    with pytest.raises(InvalidValueError, match="namespace"):
        DjangoStore("a\n")


def test_a_database_that_is_none_of_the_hosts_is_no_store_error() -> None:
    with pytest.raises(ConnectionDoesNotExist):
        DjangoStore(using="nothing").load("ann", "intro")
