"""Measure the PostgreSQL stores: ``python benchmarks/stores_postgres.py postgresql://… [--quick]``.

Against psycopg and its pool executing the same statements, with values that are there already and
with values taken from records. What is compared takes turns within a round; the ratios are medians
over the rounds. CPU times are those of the client. The tables are in a schema of the benchmark's
own, which is dropped in the end.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median
from time import perf_counter_ns, thread_time_ns
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from milestone_progress import ConflictError, ProgressRecord
from milestone_progress.stores._postgres_statements import SAVE_MANY, write_of
from milestone_progress.stores._rows import COLUMNS, Value, row_of
from milestone_progress.stores.postgres import AsyncPostgresStore, PostgresStore
from stopwatch import Lap, cpu_time

SCHEMA = "milestone_progress_benchmark"
ROUNDS, QUICK_ROUNDS = 25, 5
ROWS, QUICK_ROWS = (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000)
BATCH = 1_000
#: How many records are saved one by one in a lap, and how many are looked for in a large table.
SINGLE = 200
SAMPLE = 300
#: How many tasks save at once, and how often all of them together in a lap.
TASKS = (1, 16, 256)
SAVES = 512
#: As the store's own pool: of more connections than are needed each would take its turn.
POOL: dict[str, Any] = {"kwargs": {"autocommit": True}, "min_size": 0, "max_size": 10}

Row = tuple[Value, ...]
Write = tuple[str, Row]


def a_record(number: int) -> ProgressRecord:
    """Return the record of somebody in the middle of something; a hundred are of one viewer."""
    return ProgressRecord(
        viewer=f"viewer-{number // 100}",
        media=f"media-{number % 100}",
        position=1_800.5,
        duration=3_600.0,
        milestone=50,
        played=(1 << 1_800) - 1,
        updated_at=1.8e9 + number % 86_400,
    )


def race(
    title: str, laps: Mapping[str, Lap], ratios: Sequence[tuple[str, str]], rounds: int
) -> None:
    """Run laps in turn, in another order each round, and print what was measured."""
    taken: dict[str, list[float]] = {name: [] for name in laps}
    order = list(laps)
    for lap in laps.values():
        lap()  # Statements are prepared in the first.
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            taken[name].append(laps[name]())
    print(f"\n{title}")
    for name, times in taken.items():
        print(f"  {name:26} {median(times) / 1_000:9.2f} µs, at best {min(times) / 1_000:9.2f} µs")
    for over, under in ratios:
        each = [a / b for a, b in zip(taken[over], taken[under], strict=True)]
        best = min(taken[over]) / min(taken[under])
        print(f"  {over} / {under}: {median(each):.2f}, at best {best:.2f}")


def wall_time(work: Callable[[], object]) -> int:
    """Return the nanoseconds that some work takes."""
    start = perf_counter_ns()
    work()
    return perf_counter_ns() - start


class Table:
    """Records of a namespace of their own, saved again and again."""

    def __init__(self, namespace: str, store: PostgresStore) -> None:
        self.namespace = namespace
        self.records = [a_record(number) for number in range(BATCH)]
        store.save_many(self.records)
        self.records = [record.with_revision(1) for record in self.records]

    def lap(
        self,
        save: Callable[[Any], object],
        count: int,
        made: Callable[[list[ProgressRecord]], Any],
        clock: Callable[[Callable[[], object]], int] = cpu_time,
    ) -> Lap:
        """Return a lap that saves some of the records, made into something before."""

        def lap() -> float:
            given = made(self.records[:count])
            taken = clock(lambda: save(given))
            for number, record in enumerate(self.records[:count]):
                self.records[number] = record.with_revision(record.revision + 1)
            return taken / count

        return lap


# By hand


def writes_of(namespace: str, records: list[ProgressRecord]) -> list[Write]:
    """Return the statements that save records, and their values."""
    return [write_of(namespace, record) for record in records]


def save_writes(pool: ConnectionPool, writes: list[Write]) -> None:
    """Save what is at hand, one by one."""
    for statement, values in writes:
        with pool.connection() as connection:
            assert connection.execute(statement, values, prepare=True).rowcount == 1


def save_by_hand(pool: ConnectionPool, namespace: str, records: list[ProgressRecord]) -> None:
    """Save records one by one."""
    for record in records:
        statement, values = write_of(namespace, record)
        with pool.connection() as connection:
            assert connection.execute(statement, values, prepare=True).rowcount == 1


def rows_of(records: list[ProgressRecord]) -> list[Row]:
    """Return records as rows."""
    return [row_of(record, record.revision + 1) for record in records]


def save_rows(pool: ConnectionPool, namespace: str, rows: list[Row]) -> None:
    """Save what is at hand, at once: the columns as lists, of which psycopg makes arrays."""
    columns = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    with pool.connection() as connection:
        found = connection.execute(SAVE_MANY, {"namespace": namespace, **columns}, prepare=True)
        assert found.rowcount == len(rows)


def save_rows_by_hand(pool: ConnectionPool, namespace: str, records: list[ProgressRecord]) -> None:
    """Save records at once."""
    save_rows(pool, namespace, rows_of(records))


def save_each(store: PostgresStore, records: list[ProgressRecord]) -> None:
    """Save records one by one."""
    for record in records:
        store.save(record)


def same(records: list[ProgressRecord]) -> list[ProgressRecord]:
    """Return records as they are."""
    return records


@contextmanager
def stores(url: str, namespaces: Sequence[str]) -> Iterator[tuple[list[PostgresStore], Any]]:
    """Provide a store of each namespace, and the connections of who does without."""
    made = [PostgresStore(url, namespace=namespace) for namespace in namespaces]
    with ConnectionPool(url, open=True, **POOL) as pool:
        try:
            yield made, pool
        finally:
            for store in made:
                store.close()


def race_the_driver(url: str, rounds: int) -> None:
    """Race the store against psycopg executing the same statements."""
    names = ("driver, values at hand", "driver, by hand", "store")
    ratios = [(names[2], names[1]), (names[2], names[0])]
    with stores(url, names) as ((ready, by_hand, store), pool):
        tables = [
            Table(name, one) for name, one in zip(names, (ready, by_hand, store), strict=True)
        ]
        one_by_one = (
            tables[0].lap(partial(save_writes, pool), SINGLE, partial(writes_of, names[0])),
            tables[1].lap(partial(save_by_hand, pool, names[1]), SINGLE, same),
            tables[2].lap(partial(save_each, store), SINGLE, same),
        )
        at_once = (
            tables[0].lap(partial(save_rows, pool, names[0]), BATCH, rows_of),
            tables[1].lap(partial(save_rows_by_hand, pool, names[1]), BATCH, same),
            tables[2].lap(store.save_many, BATCH, same),
        )
        for title, laps in (("save", one_by_one), (f"save_many({BATCH:,})", at_once)):
            race(f"{title}: CPU per record", dict(zip(names, laps, strict=True)), ratios, rounds)


def race_the_batch(url: str, rounds: int) -> None:
    """Race a batch against saves one by one, each of which waits for the disk."""
    with PostgresStore(url, namespace="walls") as store:
        table = Table("walls", store)
        laps = {
            "save": table.lap(partial(save_each, store), SINGLE, same, wall_time),
            "save_many": table.lap(store.save_many, BATCH, same, wall_time),
        }
        race("time per record", laps, [("save", "save_many")], rounds)


# Tasks


async def save_in_tasks(
    tasks: int, save: Callable[[ProgressRecord], Awaitable[object]], records: list[ProgressRecord]
) -> None:
    """Save records of some tasks, each its own, one after the other."""

    async def work(number: int) -> None:
        for _ in range(SAVES // tasks):
            await save(records[number])
            records[number] = records[number].with_revision(records[number].revision + 1)

    await asyncio.gather(*map(work, range(tasks)))


async def race_the_tasks(url: str, rounds: int) -> None:
    """Race the asyncio store against psycopg's pool."""
    names = ("driver, by hand", "store")
    known = {}
    for name in names:
        with PostgresStore(url, namespace=f"{name}, tasks") as made:
            known[name] = [made.save(a_record(number)) for number in range(max(TASKS))]
    async with (
        AsyncPostgresStore(url, namespace="store, tasks") as store,
        AsyncConnectionPool(url, open=False, **POOL) as pool,
    ):

        async def save(record: ProgressRecord) -> None:
            statement, values = write_of("driver, by hand, tasks", record)
            async with pool.connection() as connection:
                done = await connection.execute(statement, values, prepare=True)
                assert done.rowcount == 1

        saves: dict[str, Callable[[ProgressRecord], Awaitable[object]]] = {
            "driver, by hand": save,
            "store": store.save,
        }
        for tasks in TASKS:
            taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
            for turn in range(rounds + 1):
                for name in random.sample(names, len(names)):
                    started, used = perf_counter_ns(), thread_time_ns()
                    await save_in_tasks(tasks, saves[name], known[name])
                    used, started = thread_time_ns() - used, perf_counter_ns() - started
                    if turn:
                        taken[name].append((used / SAVES, started / SAVES))
            print(f"\n{tasks} tasks: CPU and time per save")
            for name in names:
                cpu, wall = (median(times) / 1_000 for times in zip(*taken[name], strict=True))
                print(f"  {name:26} {cpu:9.2f} µs {wall:9.2f} µs")
            each = [a[0] / b[0] for a, b in zip(taken["store"], taken[names[0]], strict=True)]
            print(f"  store / {names[0]}: {median(each):.2f} of the CPU")


# Growth


def measure_growth(url: str, sizes: Sequence[int]) -> None:
    """Print how long the store takes at some sizes of the table."""
    print("\ngrowth: time of each call, at random places, median")
    first: Mapping[str, float] | None = None
    with PostgresStore(url, namespace="growth", timeout=60) as store:
        done = 0
        for size in sizes:
            print(f"{size:,} rows ...", file=sys.stderr)
            for start in range(done, size, 10_000):
                many = [a_record(one) for one in range(start, min(size, start + 10_000))]
                random.shuffle(many)
                assert not any(isinstance(one, ConflictError) for one in store.save_many(many))
            done = size
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE milestone_progress")
                connection.execute("CHECKPOINT")
            taken = at_random(store, size)
            first = first or taken
            figures = (
                f"{name} {each / 1_000:6.0f} µs ({each / first[name]:.2f} x)"
                for name, each in taken.items()
            )
            print(f"  {size:9,} rows: {', '.join(figures)}")


def at_random(store: PostgresStore, size: int) -> Mapping[str, float]:
    """Return what each method takes at records anywhere in the table, nanoseconds."""
    chosen = [a_record(number) for number in random.sample(range(size), SAMPLE)]
    found = [store.load_many(one.viewer, [one.media])[one.media] for one in chosen]

    def each(call: Callable[[ProgressRecord], object]) -> float:
        return median(wall_time(partial(call, one)) for one in found)

    return {
        "save": each(store.save),
        "load": each(lambda one: store.load(one.viewer, one.media)),
        "recent": each(lambda one: store.recent(one.viewer)),
    }


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description="Measure what a store in PostgreSQL costs.")
    parser.add_argument("url", help="of a server to measure with")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, few rows")
    options = parser.parse_args()
    rounds = QUICK_ROUNDS if options.quick else options.rounds
    settings = f"-c search_path={SCHEMA}"
    url = make_conninfo(options.url, options=settings)
    # What is measured of the client has not gone cold then, waiting for the disk.
    quick = make_conninfo(options.url, options=f"{settings} -c synchronous_commit=off")
    with psycopg.connect(options.url, autocommit=True) as connection:
        version = connection.info.parameter_status("server_version")
        print(f"Python {sys.version.split()[0]}, PostgreSQL {version}, {rounds} rounds")
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        try:
            race_the_driver(quick, rounds)
            race_the_batch(url, rounds)
            asyncio.run(race_the_tasks(url, rounds))
            measure_growth(quick, QUICK_ROWS if options.quick else ROWS)
        finally:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


if __name__ == "__main__":
    main()
