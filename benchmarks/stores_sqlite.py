"""Measure the SQLite stores: ``python benchmarks/stores_sqlite.py [--rounds N] [--quick]``.

What is compared takes turns within a round, every other round in the opposite order; the ratios
are medians of those of the rounds. Saves are measured by the CPU time of the thread that makes
them, since how long a disk takes depends on what else it is doing; asyncio by the clock as well, as
waiting together is what it is about.
"""

import argparse
import asyncio
import gc
import random
import sqlite3
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import Any

from milestone_progress import ProgressRecord
from milestone_progress._played import played_to_text
from milestone_progress.stores._sqlite_file import Synchronous
from milestone_progress.stores.sqlite import UPDATE, AsyncSQLiteStore, SQLiteStore

ROUNDS, QUICK_ROUNDS = 21, 5
#: How many records a batch has, and how many are saved one by one where the disk is waited for.
BATCH, SINGLE = 1_000, {"normal": 1_000, "full": 100}
#: How many tasks save at once, and how many saves they make together.
TASKS, SAVES = (1, 16, 256), {"normal": 2_048, "full": 512}
#: Rows in the table.
ROWS, QUICK_ROWS = (10**3, 10**4, 10**5, 10**6), (10**3, 10**4)
#: How many times something is done at each size.
SAMPLE = 1_000

Lap = Callable[[], float]
Values = tuple[Any, ...]
Save = Callable[[ProgressRecord], Coroutine[Any, Any, ProgressRecord]]

# The same places in every run.
chance = random.Random(0)  # noqa: S311  # nothing secret depends on it


def cpu_time(work: Callable[[], object]) -> int:
    """Return the nanoseconds of CPU time that some work takes, without the garbage collector."""
    gc.disable()
    try:
        start = thread_time_ns()
        work()
        return thread_time_ns() - start
    finally:
        gc.enable()


def a_record(number: int) -> ProgressRecord:
    """Return a record as it is after half an hour, ten for each viewer."""
    return ProgressRecord(
        viewer=f"viewer-{number // 10}",
        media=f"media-{number % 10}",
        position=1_800.5,
        duration=3_600.0,
        milestone=50,
        played=(1 << 1_800) - 1,
        updated_at=1.8e9 + number,
    )


def race(
    name: str, laps: Mapping[str, Lap], ratios: Iterable[tuple[str, str]], rounds: int
) -> None:
    """Print the medians of what laps take, nanoseconds, and those of their ratios."""
    print(f"{name} ...", file=sys.stderr)
    order = list(laps)
    measured: list[Mapping[str, float]] = []
    for _ in range(rounds + 1):  # The first one only warms up.
        order.reverse()
        measured.append({contestant: laps[contestant]() for contestant in order})
    del measured[0]
    print(f"\n{name}")
    for contestant in laps:
        taken = median(one[contestant] for one in measured)
        print(f"  {contestant:48} {taken / 1_000:9.2f} µs")
    for over, under in ratios:
        times = median(one[over] / one[under] for one in measured)
        print(f"  {f'{over} / {under}':48} {times:9.2f} x")


# The store and the driver


def values_of(record: ProgressRecord) -> Values:
    """Return what the store's statement is given, as one would write it by hand."""
    return (
        record.position,
        record.duration,
        float(record.milestone),
        record.furthest,
        record.completed,
        record.completed_at,
        played_to_text(record.played),
        record.updated_at,
        record.revision + 1,
        record.generation,
        "default",
        record.viewer,
        record.media,
        record.revision,
    )


def save_values(connection: sqlite3.Connection, many: Iterable[Values]) -> None:
    """Save what is at hand, and see of each whether it was."""
    execute = connection.execute
    for values in many:
        assert execute(UPDATE, values).rowcount == 1


def save_values_at_once(connection: sqlite3.Connection, many: Iterable[Values]) -> None:
    """Do so in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    save_values(connection, many)
    connection.execute("COMMIT")


def save_by_hand(
    save: Callable[[sqlite3.Connection, Iterable[Values]], None],
    connection: sqlite3.Connection,
    records: Sequence[ProgressRecord],
) -> None:
    """Save records."""
    save(connection, map(values_of, records))


def save_each(store: SQLiteStore, records: Sequence[ProgressRecord]) -> None:
    """Save records one by one."""
    for record in records:
        store.save(record)


class Table:
    """A database with records, which are saved again and again."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self.store = SQLiteStore(path, synchronous=synchronous)
        self.store.save_many([a_record(number) for number in range(BATCH)])
        self.driver = sqlite3.connect(path, isolation_level=None)
        self.driver.execute(f"PRAGMA synchronous = {synchronous}")
        self.driver.execute("PRAGMA secure_delete = ON")
        self.records = [a_record(number).with_revision(1) for number in range(BATCH)]

    def lap(
        self, save: Callable[[Any], object], count: int, made: Callable[[ProgressRecord], Any]
    ) -> Lap:
        """Return a lap that saves some records, made into something before."""

        def lap() -> float:
            # Nobody pays for what others have put into the log.
            self.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            chance.shuffle(self.records)
            given = [made(record) for record in self.records[:count]]
            taken = cpu_time(lambda: save(given))
            for number, record in enumerate(self.records[:count]):
                self.records[number] = record.with_revision(record.revision + 1)
            return taken / count

        return lap

    def close(self) -> None:
        """Close it."""
        self.driver.close()
        self.store.close()


def same(record: ProgressRecord) -> ProgressRecord:
    """Return a record as it is."""
    return record


def race_the_driver(folder: Path, synchronous: Synchronous, rounds: int) -> None:
    """Race the store against the driver that executes the same statement."""
    ratios = [("store", "driver, by hand"), ("store", "driver, values at hand")]
    with closing(Table(folder / f"driver-{synchronous}.db", synchronous)) as table:
        for name, count, theirs, ours in (
            ("save", SINGLE[synchronous], save_values, partial(save_each, table.store)),
            (f"save_many({BATCH:,})", BATCH, save_values_at_once, table.store.save_many),
        ):
            at_hand = partial(theirs, table.driver)
            by_hand = partial(save_by_hand, theirs, table.driver)
            laps = {
                "driver, values at hand": table.lap(at_hand, count, values_of),
                "driver, by hand": table.lap(by_hand, count, same),
                "store": table.lap(ours, count, same),
            }
            race(f"{name}, synchronous={synchronous}: CPU time per record", laps, ratios, rounds)


# Tasks


async def save_in_tasks(
    tasks: int,
    saves: int,
    save: Save,
    records: list[ProgressRecord],
) -> None:
    """Save records of some tasks, each its own, one after the other."""

    async def work(number: int) -> None:
        for _ in range(saves // tasks):
            records[number] = await save(records[number])

    await asyncio.gather(*map(work, range(tasks)))


def race_the_hops(folder: Path, synchronous: Synchronous, rounds: int) -> None:
    """Race the asyncio store against a thread hop for each save."""
    hopping = SQLiteStore(folder / f"hops-{synchronous}.db", synchronous=synchronous)
    drained = AsyncSQLiteStore(folder / f"drained-{synchronous}.db", synchronous=synchronous)

    def hop(record: ProgressRecord) -> Coroutine[Any, Any, ProgressRecord]:
        return asyncio.to_thread(hopping.save, record)

    with asyncio.Runner() as runner:
        saving: tuple[Save, ...] = (hop, drained.save)
        known = {save: [a_record(number) for number in range(max(TASKS))] for save in saving}

        def lap(tasks: int, save: Save, clock: Callable[[], int]) -> float:
            # Who is alone waits for the disk every time.
            saves = SAVES[synchronous] // (8 if tasks == 1 else 1)
            begin = clock()
            runner.run(save_in_tasks(tasks, saves, save, known[save]))
            return (clock() - begin) / saves

        for tasks in TASKS:
            for what, clock in (("time", perf_counter_ns), ("CPU time", process_time_ns)):
                laps = {
                    "hop": partial(lap, tasks, hop, clock),
                    "store": partial(lap, tasks, drained.save, clock),
                }
                name = f"{tasks} tasks, synchronous={synchronous}: {what} per save"
                race(name, laps, [("hop", "store")], rounds)
        runner.run(drained.close())
    hopping.close()


# Growth


def measure_growth(folder: Path, sizes: Sequence[int]) -> None:
    """Print what the store takes at some sizes of the table, by the CPU."""
    print("\ngrowth, synchronous=normal: CPU time, each at random places")
    first: Mapping[str, float] | None = None
    with SQLiteStore(folder / "growth.db", synchronous="normal") as store:
        done = 0
        for size in sizes:
            print(f"{size:,} rows ...", file=sys.stderr)
            for start in range(done, size, 10_000):
                many = [a_record(one) for one in range(start, min(size, start + 10_000))]
                chance.shuffle(many)
                store.save_many(many)
            done = size
            taken = at_random(store, size)
            first = first or taken
            figures = (
                f"{name} {each / 1_000:7.2f} µs ({each / first[name]:.2f} x)"
                for name, each in taken.items()
            )
            print(f"  {size:9,} rows: {', '.join(figures)}")


def at_random(store: SQLiteStore, size: int) -> Mapping[str, float]:
    """Return what each method takes at records anywhere in the table, nanoseconds."""
    chosen = [a_record(chance.randrange(size)) for _ in range(SAMPLE)]
    known = {}
    for record in chosen:
        found = store.load(record.viewer, record.media)
        assert found is not None
        known[record.viewer, record.media] = found
    return {
        "save": cpu_time(lambda: save_each(store, list(known.values()))) / len(known),
        "load": cpu_time(lambda: [store.load(one.viewer, one.media) for one in chosen]) / SAMPLE,
        "recent": cpu_time(lambda: [store.recent(one.viewer) for one in chosen]) / SAMPLE,
    }


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description="Measure what a store in SQLite costs.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, few rows")
    options = parser.parse_args()
    rounds = QUICK_ROUNDS if options.quick else options.rounds
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {rounds} rounds")
    levels: tuple[Synchronous, ...] = ("full", "normal")
    with TemporaryDirectory() as name:
        folder = Path(name)
        for synchronous in levels:
            race_the_driver(folder, synchronous, rounds)
        for synchronous in levels:
            race_the_hops(folder, synchronous, rounds)
        measure_growth(folder, QUICK_ROWS if options.quick else ROWS)


if __name__ == "__main__":
    main()
