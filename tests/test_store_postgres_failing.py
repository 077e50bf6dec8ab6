"""The PostgreSQL stores while their server crashes, restarts, hangs or is not there."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from attrs import evolve
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from milestone_progress import ConflictError, ProgressRecord, StoreError
from milestone_progress.stores import save_merged, save_merged_async
from milestone_progress.stores.postgres import AsyncPostgresStore, PostgresStore
from servers import PATIENCE, OwnServer, Postgres, Server, free_port, running

#: What the stores here are given for a time-out, and what a call may take besides, seconds.
TIMEOUT = 0.5
GRACE = 0.9


@pytest.fixture(scope="module")
def own_server(server_files: Path) -> Iterator[OwnServer]:
    with running(Postgres, server_files) as server:
        yield server


@pytest.fixture
def server(own_server: OwnServer) -> Iterator[OwnServer]:
    """Provide a server that a test may crash."""
    yield own_server
    own_server.resume()
    if not own_server.running:
        own_server.start()


def fresh() -> str:
    """Return a namespace without records."""
    return uuid4().hex


def a_record(media: str = "intro", played: int = 0) -> ProgressRecord:
    return ProgressRecord(viewer="ann", media=media, position=0.0, updated_at=0.0, played=played)


def later(record: ProgressRecord) -> ProgressRecord:
    """Return what a record becomes next; it tells how often that has happened."""
    return evolve(record, position=float(record.revision + 1))


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# Crashes


class Crash:
    """Threads and tasks that save until the server fails them, each of them rows of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.namespace = fresh()
        self.options: Any = {"namespace": self.namespace, "timeout": TIMEOUT}
        self.acknowledged: dict[str, ProgressRecord] = {}
        self.saves = 0

    def known(self, media: str) -> ProgressRecord:
        return self.acknowledged.get(media, a_record(media))

    def acknowledge(self, outcome: ProgressRecord | ConflictError) -> None:
        assert isinstance(outcome, ProgressRecord), outcome
        self.acknowledged[outcome.media] = outcome
        self.saves += 1

    def save(self, writer: str) -> None:
        with PostgresStore(self.url, **self.options) as store:
            while True:
                self.acknowledge(store.save(later(self.known(writer))))

    def save_many(self, writer: str) -> None:
        medias = [f"{writer} {number}" for number in range(50)]
        with PostgresStore(self.url, **self.options) as store:
            while True:
                for outcome in store.save_many([later(self.known(media)) for media in medias]):
                    self.acknowledge(outcome)

    def save_in_tasks(self, writer: str) -> None:
        async def save(store: AsyncPostgresStore, media: str) -> None:
            while True:
                self.acknowledge(await store.save(later(self.known(media))))

        async def save_all() -> None:
            async with AsyncPostgresStore(self.url, **self.options) as store:
                tasks = [save(store, f"{writer} {task}") for task in range(8)]
                errors = await asyncio.gather(*tasks, return_exceptions=True)
            for error in errors:
                assert isinstance(error, StoreError), error
                raise error

        asyncio.run(save_all())

    def amid(self, saves: int, strike: Callable[[], None]) -> None:
        """Let all save, and do something after so many saves that ends them."""
        kinds = (self.save, self.save, self.save_many, self.save_in_tasks)
        goal = self.saves + saves
        with ThreadPoolExecutor(len(kinds)) as pool:
            writers = [pool.submit(kind, f"writer {number}") for number, kind in enumerate(kinds)]
            wait_until(lambda: self.saves >= goal or any(one.done() for one in writers))
            strike()
            for writer in writers:
                with pytest.raises(StoreError):
                    writer.result()

    def check(self) -> None:
        """Assert that all is stored as acknowledged, or one save later; go on from there."""
        with PostgresStore(self.url, namespace=self.namespace) as store:
            stored = {record.media: record for record in store.export_viewer("ann")}
        for media, record in stored.items():
            known = self.known(media)
            assert record in (known, evolve(later(known), revision=known.revision + 1))
        assert self.acknowledged.keys() <= stored.keys()
        self.acknowledged = stored


def survive(server: OwnServer, kills: int) -> Crash:
    crash = Crash(server.url)
    chance = random.Random(kills)
    for _ in range(kills):
        crash.amid(chance.randrange(1, 1_000), server.kill)
        server.start()
        crash.check()
    return crash


def test_a_crash_loses_no_save_that_was_acknowledged(server: OwnServer) -> None:
    assert survive(server, kills=3).saves > 100


@pytest.mark.slow
def test_fifty_crashes_lose_no_save_that_was_acknowledged(server: OwnServer) -> None:
    assert survive(server, kills=50).saves > 5_000


# Restarts


class Load:
    """Threads and tasks that play seconds of one record, and save each until it is saved."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.options: Any = {"namespace": fresh(), "timeout": TIMEOUT}
        self.saved = [0] * 8
        self.failed = [0] * 8
        self.ended = False

    def second(self, writer: int) -> ProgressRecord:
        return a_record(played=1 << (writer + len(self.saved) * self.saved[writer]))

    def save(self, store: PostgresStore, writer: int) -> None:
        while not self.ended:
            try:
                save_merged(store, self.second(writer))
                self.saved[writer] += 1
            except StoreError:
                self.failed[writer] += 1

    async def save_async(self, store: AsyncPostgresStore, writer: int) -> None:
        while not self.ended:
            try:
                await save_merged_async(store, self.second(writer))
                self.saved[writer] += 1
            except StoreError:
                self.failed[writer] += 1

    def save_in_tasks(self, writers: range) -> None:
        async def save_all() -> None:
            async with AsyncPostgresStore(self.url, **self.options) as store:
                await asyncio.gather(*(self.save_async(store, writer) for writer in writers))

        asyncio.run(save_all())

    def wait_for(self, counts: list[int], more: int) -> None:
        """Wait until each of them has saved, or failed, some times more."""
        goals = [count + more for count in counts]
        wait_until(lambda: all(count >= goal for count, goal in zip(counts, goals, strict=True)))

    def amid(self, happens: Callable[[], None]) -> None:
        """Let all save until something has happened, and some time longer."""
        with PostgresStore(self.url, **self.options) as store, ThreadPoolExecutor(5) as pool:
            writers = [pool.submit(self.save, store, writer) for writer in range(4)]
            writers.append(pool.submit(self.save_in_tasks, range(4, 8)))
            try:
                happens()
                self.wait_for(self.saved, 3)
            finally:
                self.ended = True
            for writer in writers:
                writer.result()


@pytest.mark.parametrize("end", [OwnServer.stop, OwnServer.kill])
def test_who_saves_while_the_server_restarts_goes_on_afterwards(
    server: OwnServer, end: Callable[[OwnServer], None]
) -> None:
    load = Load(server.url)

    def restart() -> None:
        load.wait_for(load.saved, 3)
        end(server)
        load.wait_for(load.failed, 1)
        server.start()

    load.amid(restart)
    with PostgresStore(server.url, **load.options) as store:
        record = store.load("ann", "intro")
    assert record is not None
    for writer, saved in enumerate(load.saved):
        for number in range(saved):
            assert record.played >> (writer + len(load.saved) * number) & 1
    assert record.played.bit_count() == record.revision


@pytest.mark.parametrize("end", [OwnServer.stop, OwnServer.kill])
def test_who_does_not_save_while_the_server_restarts_does_not_notice(
    server: OwnServer, end: Callable[[OwnServer], None]
) -> None:
    url = server.url
    with (
        ConnectionPool[psycopg.Connection](url, min_size=4, open=True) as pool,
        PostgresStore(url, namespace=fresh()) as store,
        PostgresStore(pool, namespace=fresh()) as hosts,
        ThreadPoolExecutor(8) as threads,
    ):
        pool.wait(PATIENCE)
        list(threads.map(lambda number: store.load("ann", f"{number}"), range(50)))
        saved = [one.save(a_record()) for one in (store, hosts)]
        end(server)
        server.start()
        for _ in range(10):
            saved = [
                one.save(later(record)) for one, record in zip((store, hosts), saved, strict=True)
            ]


@pytest.mark.slow
def test_after_a_long_outage_the_next_calls_connect(server: OwnServer) -> None:
    with PostgresStore(server.url, timeout=TIMEOUT, namespace=fresh()) as store:
        saved = store.save(a_record())
        server.stop()
        # psycopg's pool would try again after 1, 2, 4, 8 seconds, and so on.
        for _ in range(16):
            with in_time():
                store.load("ann", "intro")
        server.start()
        started = time.monotonic()
        assert recovered(store) == saved
        assert time.monotonic() - started < 1 + TIMEOUT + GRACE


def test_tasks_do_not_notice_either(server: OwnServer) -> None:
    async def save() -> None:
        async with AsyncPostgresStore(server.url, namespace=fresh()) as store:
            many = await asyncio.gather(*(store.save(a_record(f"{i}")) for i in range(20)))
            server.stop()
            server.start()
            await asyncio.gather(*(store.save(later(record)) for record in many))

    asyncio.run(save())


# No answer


@contextmanager
def in_time() -> Iterator[None]:
    """Expect a call to fail before its time is over, by what the driver raised."""
    started = time.monotonic()
    with pytest.raises(StoreError) as caught:
        yield
    assert time.monotonic() - started < TIMEOUT + GRACE
    assert isinstance(caught.value.__cause__, psycopg.Error)


def ask_all(store: PostgresStore) -> Iterator[Callable[[], object]]:
    yield lambda: store.save(a_record())
    yield lambda: store.save_many([a_record()])
    yield lambda: store.load("ann", "intro")
    yield lambda: store.load_many("ann", ["intro"])
    yield lambda: store.recent("ann")
    yield lambda: store.export_viewer("ann")
    yield lambda: store.delete_viewer("ann")
    yield lambda: store.purge(1.0)


def test_a_server_that_is_not_there_fails_in_time() -> None:
    url = make_conninfo("postgresql://postgres@127.0.0.1/postgres", port=free_port())
    with PostgresStore(url, timeout=TIMEOUT) as store:
        for ask in islice(ask_all(store), 3):
            with in_time():
                ask()
        started = time.monotonic()
    assert time.monotonic() - started < TIMEOUT + GRACE

    async def load() -> None:
        async with AsyncPostgresStore(url, timeout=TIMEOUT) as store:
            with in_time():
                await store.load("ann", "intro")

    asyncio.run(load())


def test_a_server_that_hangs_fails_in_time(server: OwnServer) -> None:
    """Those that are connected, and those that are not; then they go on."""
    url = server.url
    with (
        ConnectionPool[psycopg.Connection](url, min_size=1, open=True, close_returns=True) as pool,
        PostgresStore(url, timeout=TIMEOUT, namespace=fresh()) as store,
        PostgresStore(pool, timeout=TIMEOUT, namespace=fresh()) as hosts,
        PostgresStore(url, timeout=TIMEOUT, namespace=fresh()) as new,
    ):
        for one in (store, hosts):
            one.save(a_record())
        server.pause()
        for one in (store, hosts, new):
            for ask in islice(ask_all(one), 3):
                with in_time():
                    ask()
        server.resume()
        for one in (store, hosts, new):
            assert recovered(one).revision == 1


def recovered(store: PostgresStore) -> ProgressRecord:
    found: list[ProgressRecord] = []

    def load() -> bool:
        try:
            found.append(save_merged(store, a_record()))
        except StoreError:
            return False
        return True

    wait_until(load)
    return found[0]


def test_a_server_that_hangs_fails_tasks_in_time(server: OwnServer) -> None:
    url = server.url

    async def save() -> None:
        async with (
            AsyncConnectionPool[psycopg.AsyncConnection](
                url, min_size=1, open=False, close_returns=True
            ) as pool,
            AsyncPostgresStore(url, timeout=TIMEOUT, namespace=fresh()) as store,
            AsyncPostgresStore(pool, timeout=TIMEOUT, namespace=fresh()) as hosts,
            AsyncPostgresStore(url, timeout=TIMEOUT, namespace=fresh()) as new,
        ):
            for one in (store, hosts):
                await one.save(a_record())
            server.pause()
            for one in (store, hosts, new):
                with in_time():
                    await one.save(a_record("other"))
                with in_time():
                    await one.load("ann", "intro")
            started = time.monotonic()
            await asyncio.gather(*(one.close() for one in (store, hosts, new)))
            assert time.monotonic() - started < TIMEOUT + GRACE
            server.resume()

    asyncio.run(save())


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold a lock on all records, as nobody should."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE milestone_progress")
        yield
        connection.rollback()


def test_what_waits_for_a_lock_fails_in_time_and_is_not_done_later(postgres: Server) -> None:
    name = fresh()
    url = make_conninfo(postgres.url, application_name=name)
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND state = 'active'"
    with (
        PostgresStore(url, timeout=TIMEOUT, namespace=name) as store,
        psycopg.connect(postgres.url, autocommit=True) as other,
    ):
        saved = store.save(a_record())
        with locked(postgres.url):
            with in_time():
                store.save(later(saved))
            with in_time():
                store.save_many([later(saved)])
            wait_until(lambda: other.execute(busy, [name]).fetchall() == [(0,)])
        assert store.load("ann", "intro") == saved


def test_cancelled_tasks_leave_no_connection_behind(postgres: Server) -> None:
    async def save() -> None:
        async with AsyncPostgresStore(postgres.url, namespace=fresh()) as store:
            saved = await store.save(a_record())
            with locked(postgres.url):
                # More than there are connections.
                tasks = [asyncio.create_task(store.save(later(saved))) for _ in range(25)]
                for _ in range(3):
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                assert all(
                    isinstance(outcome, asyncio.CancelledError)
                    for outcome in await asyncio.gather(*tasks, return_exceptions=True)
                )
            await asyncio.gather(*(store.save(a_record(f"{number}")) for number in range(25)))

    asyncio.run(save())


def test_a_database_that_is_only_read_is_a_store_error(postgres: Server) -> None:
    name = fresh()
    with PostgresStore(postgres.url, namespace=name) as store:
        saved = store.save(a_record())
    url = make_conninfo(postgres.url, options="-c default_transaction_read_only=on")
    with PostgresStore(url, namespace=name) as store:
        for change in (store.save, lambda record: store.save_many([record])):
            with pytest.raises(StoreError) as caught:
                change(later(saved))
            assert isinstance(caught.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)
        assert store.load("ann", "intro") == saved
