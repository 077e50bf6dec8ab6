"""Measure what rows take up: ``python benchmarks/stores_size.py [--postgres URL] [--redis URL]``.

Bytes of storage by each row with its indices: of the file of SQLite, of the relation in PostgreSQL,
of the memory of Redis; as they are first written, and when each has been saved nine times more, as
an hour's is, in any order. Every viewer has twenty media and an identifier of 36 characters.

What is in PostgreSQL is in a schema of the benchmark's own, and in Redis in a namespace of its own;
both are deleted in the end.
"""

import argparse
import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve

from milestone_progress import ConflictError, ProgressRecord
from milestone_progress.stores import ManySaver, ProgressStore
from milestone_progress.stores.sqlite import SQLiteStore

ROWS, BATCH = 100_000, 1_000
MEDIAS = 20
#: How often each row is saved before it is as big as it gets.
SAVES = 10
SCHEMA = "milestone_progress_size"


def a_record(number: int) -> ProgressRecord:
    """Return a record as it is after half an hour with a minute of it skipped."""
    return ProgressRecord(
        viewer=f"3f0c7a52-6f3e-4d8e-b1a3-{number // MEDIAS:012}",
        media=f"course-7/session-{number % MEDIAS}",
        position=1_800.5 + number % 100,
        duration=3_600.0,
        milestone=50,
        furthest=1_900.25,
        played=(1 << 900) - 1 | ((1 << 840) - 1) << 960,
        updated_at=1.8e9 + number,
    )


def measure(name: str, store: ProgressStore, size: Callable[[], int], rows: int) -> None:
    """Print the bytes of each row in a store that is empty."""
    assert isinstance(store, ManySaver)
    chance = random.Random(0)  # noqa: S311  # nothing secret depends on it
    numbers = list(range(rows))
    empty = size()
    taken = []
    for saved in range(SAVES):
        chance.shuffle(numbers)
        for start in range(0, rows, BATCH):
            batch = [
                evolve(a_record(number).with_revision(saved), position=1_800.5 + saved)
                for number in numbers[start : start + BATCH]
            ]
            assert not any(isinstance(one, ConflictError) for one in store.save_many(batch))
        if saved in (0, SAVES - 1):
            taken.append((size() - empty) / rows)
    first, last = taken
    print(f"| {name} | {rows:,} | {first:.0f} B | {last:.0f} B |", flush=True)


def measure_sqlite(folder: Path, rows: int) -> None:
    """Measure a file of SQLite, its log written back."""
    path = folder / "size.db"
    with SQLiteStore(path, synchronous="normal") as store:

        def size() -> int:
            store.load("nobody", "nothing")
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return path.stat().st_size

        measure("SQLite", store, size, rows)


@contextmanager
def postgres(url: str) -> Iterator[tuple[ProgressStore, Callable[[], int]]]:
    """Provide a store in a schema of its own, and what tells the size of its table."""
    import psycopg  # noqa: PLC0415  # only who measures with a server needs its driver
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415  # as said

    from milestone_progress.stores.postgres import PostgresStore  # noqa: PLC0415  # as said

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        inside = make_conninfo(url, options=f"-c search_path={SCHEMA} -c synchronous_commit=off")

        def size() -> int:
            named = f"{SCHEMA}.milestone_progress"
            found = connection.execute("SELECT pg_total_relation_size(%s)", [named]).fetchone()
            assert found is not None
            return int(found[0])

        try:
            with PostgresStore(inside, timeout=60) as store:
                store.load("nobody", "nothing")
                yield store, size
        finally:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


@contextmanager
def redis(url: str) -> Iterator[tuple[ProgressStore, Callable[[], int]]]:
    """Provide a store in a namespace of its own, and what tells the memory of its server."""
    from redis import Redis  # noqa: PLC0415  # only who measures with a server needs its driver

    from milestone_progress.stores.redis import RedisStore  # noqa: PLC0415  # as said

    with RedisStore(url, namespace=SCHEMA) as store, Redis.from_url(url, protocol=2) as client:
        store.purge(1e12)
        try:
            yield store, lambda: int(client.info("memory")["used_memory"])
        finally:
            store.purge(1e12)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="Measure what rows take up.")
    parser.add_argument("--rows", type=int, default=ROWS, help="default: %(default)s")
    parser.add_argument("--postgres", metavar="URL", help="of a server to measure with, too")
    parser.add_argument("--redis", metavar="URL", help="of a server to measure with, too")
    options = parser.parse_args()
    print(f"Python {sys.version.split()[0]}\n")
    print(f"| | rows | written once | saved {SAVES} times |\n|---|--:|--:|--:|")
    with ExitStack() as stack:
        measure_sqlite(Path(stack.enter_context(TemporaryDirectory())), options.rows)
        if options.postgres is not None:
            measure("PostgreSQL", *stack.enter_context(postgres(options.postgres)), options.rows)
        if options.redis is not None:
            measure("Redis", *stack.enter_context(redis(options.redis)), options.rows)


if __name__ == "__main__":
    main()
