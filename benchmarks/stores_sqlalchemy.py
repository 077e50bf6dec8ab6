"""The SQLAlchemy stores against SQLAlchemy itself, doing the same statements.

    python benchmarks/stores_sqlalchemy.py [ROUNDS [URL...]]

With SQLite, and with each database named, such as ``postgresql+psycopg://…``. CPU times are those
of the process, medians of interleaved rounds, in microseconds for a row; what a server does is not
in them.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time_ns
from typing import Any

from sqlalchemy import (
    Engine,
    MetaData,
    Table,
    Update,
    bindparam,
    create_engine,
    delete,
    event,
    false,
    make_url,
    update,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from milestone_progress import ProgressRecord, played_to_text
from milestone_progress.stores.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore, table

ASYNC_DRIVERS = {"sqlite": "aiosqlite", "postgresql": "psycopg", "mariadb": "aiomysql"}
SINGLE = 200
BATCH = 1_000

Lap = Callable[[int], Callable[[], Any]]


def record(media: int, revision: int) -> ProgressRecord:
    """Return an ordinary record: an hour, seen halfway."""
    return ProgressRecord(
        viewer="viewer-1234",
        media=f"session-{media}",
        position=1_800.0 + revision,
        duration=3_600.0,
        milestone=25,
        played=(1 << 1_800) - 1,
        updated_at=1_700_000_000.0 + revision,
        revision=revision,
    )


def parameters(record: ProgressRecord, namespace: str) -> dict[str, object]:
    """Return what an application that knew no records would send."""
    return {
        "of_namespace": namespace,
        "of_viewer": record.viewer,
        "of_media": record.media,
        "made_from": record.revision,
        "position": record.position,
        "duration": record.duration,
        "milestone": float(record.milestone),
        "furthest": record.furthest,
        "completed": record.completed,
        "completed_at": record.completed_at,
        "played": played_to_text(record.played),
        "updated_at": record.updated_at,
        "revision": record.revision + 1,
        "generation": record.generation,
    }


def statement(records: Table) -> Update:
    """Return what an application would write itself to replace a revision."""
    columns = records.c
    return update(records).where(
        columns.namespace == bindparam("of_namespace"),
        columns.viewer == bindparam("of_viewer"),
        columns.media == bindparam("of_media"),
        columns.revision == bindparam("made_from"),
    )


def cpu_time(work: Callable[[], object]) -> int:
    """Return the nanoseconds of CPU time that all threads of this process take for some work."""
    gc.collect()
    gc.disable()
    try:
        start = process_time_ns()
        work()
        return process_time_ns() - start
    finally:
        gc.enable()


def race(name: str, rounds: int, rows: int, raw: Lap, ours: Lap) -> None:
    """Run two contestants in turns, every other round in the opposite order, and print medians."""
    times: dict[str, list[float]] = {"raw": [], "ours": []}
    contestants = {"raw": raw, "ours": ours}
    for turn in range(rounds + 1):
        order = list(contestants) if turn % 2 else list(contestants)[::-1]
        for contestant in order:
            work = contestants[contestant](turn)
            times[contestant].append(cpu_time(work) / rows / 1_000)
    # The first round compiles the statements.
    pairs = list(zip(times["raw"][1:], times["ours"][1:], strict=True))
    ratio = median(ours / raw for raw, ours in pairs)
    print(
        f"{name:34} raw {median(times['raw'][1:]):8.2f}   store {median(times['ours'][1:]):8.2f}"
        f"   ratio {ratio:5.2f}"
    )


def sync_races(engine: Engine, records: Table, rounds: int) -> None:
    """Race stores for threads, saving single records and batches."""
    name = engine.dialect.name
    store = SQLAlchemyStore(engine, namespace="ours")
    rival = SQLAlchemyStore(engine, namespace="raw")
    sql = statement(records)
    # What both begin a batch with, so that no half of it can be saved.
    nothing = delete(records).where(false())
    for each in (store, rival):
        each.create_schema()
        each.delete_viewer("viewer-1234")
        each.save_many([record(media, 0) for media in range(BATCH + 1)])

    def raw_saves(turn: int) -> Callable[[], None]:
        made = [parameters(record(BATCH, at), "raw") for at in revisions(turn, SINGLE)]

        def work() -> None:
            for one in made:
                with engine.begin() as connection:
                    assert connection.execute(sql, one).rowcount == 1

        return work

    def saves(turn: int) -> Callable[[], None]:
        made = [record(BATCH, at) for at in revisions(turn, SINGLE)]

        def work() -> None:
            for one in made:
                store.save(one)

        return work

    def raw_batch(turn: int) -> Callable[[], None]:
        made = [parameters(record(media, turn + 1), "raw") for media in range(BATCH)]

        def work() -> None:
            with engine.begin() as connection:
                connection.execute(nothing)
                with connection.begin_nested():
                    assert connection.execute(sql, made).rowcount == BATCH

        return work

    def batch(turn: int) -> Callable[[], object]:
        made = [record(media, turn + 1) for media in range(BATCH)]
        return lambda: store.save_many(made)

    race(f"{name}: save", rounds, SINGLE, raw_saves, saves)
    race(f"{name}: save_many({BATCH:,})", rounds, BATCH, raw_batch, batch)


def revisions(turn: int, count: int) -> Sequence[int]:
    """Return what the records of a turn are made from."""
    return range(turn * count + 1, (turn + 1) * count + 1)


def async_races(engine: AsyncEngine, records: Table, rounds: int) -> None:
    """Race asyncio stores, saving 1 and 16 records at a time."""
    store = AsyncSQLAlchemyStore(engine, namespace="asyncio ours")
    rival = AsyncSQLAlchemyStore(engine, namespace="asyncio raw")
    sql = statement(records)

    with asyncio.Runner() as runner:

        async def begin(each: AsyncSQLAlchemyStore) -> None:
            await each.delete_viewer("viewer-1234")
            await each.save_many([record(media, 0) for media in range(32)])

        async def raw_save(one: dict[str, object]) -> None:
            async with engine.begin() as connection:
                assert (await connection.execute(sql, one)).rowcount == 1

        async def all_of(
            act: Callable[[Any], Awaitable[object]], tasks: Sequence[Sequence[Any]]
        ) -> None:
            async def task(arguments: Sequence[Any]) -> None:
                for argument in arguments:
                    await act(argument)

            await asyncio.gather(*map(task, tasks))

        def lap(
            at_once: int,
            act: Callable[[Any], Awaitable[object]],
            make: Callable[[ProgressRecord], object],
        ) -> Lap:
            def prepare(turn: int) -> Callable[[], None]:
                medias = [0] if at_once == 1 else range(1, at_once + 1)
                count = SINGLE // at_once
                tasks = [
                    [make(record(media, at)) for at in revisions(turn, count)] for media in medias
                ]
                return lambda: runner.run(all_of(act, tasks))

            return prepare

        for each in (store, rival):
            runner.run(begin(each))
        for at_once in (1, 16):
            race(
                f"{engine.dialect.name}, asyncio: {at_once} at once",
                rounds,
                SINGLE // at_once * at_once,
                lap(at_once, raw_save, lambda one: parameters(one, "asyncio raw")),
                lap(at_once, store.save, lambda one: one),
            )
        runner.run(engine.dispose())


def main(rounds: int, urls: Sequence[str]) -> None:
    """Print how many times the CPU time of SQLAlchemy the stores take."""
    with TemporaryDirectory() as folder:
        for given in (f"sqlite:///{Path(folder) / 'benchmark.db'}", *urls):
            url = make_url(given)
            engine = create_engine(url)
            driver = f"{url.get_backend_name()}+{ASYNC_DRIVERS[url.get_backend_name()]}"
            asynchronous = create_async_engine(url.set(drivername=driver), pool_size=16)
            if engine.dialect.name == "sqlite":

                @event.listens_for(engine, "connect")
                @event.listens_for(asynchronous.sync_engine, "connect")
                def settle(connection: Any, _: object) -> None:
                    cursor = connection.cursor()
                    cursor.execute("PRAGMA journal_mode = WAL")
                    cursor.execute("PRAGMA synchronous = OFF")
                    cursor.close()

            records = table(MetaData())
            sync_races(engine, records, rounds)
            engine.dispose()
            async_races(asynchronous, records, rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 15, sys.argv[2:])
