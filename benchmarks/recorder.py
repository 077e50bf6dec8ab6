"""Measure what the recorder costs: ``python benchmarks/recorder.py [--rounds N] [--postgres URL]``.

Beside it stands what a back end would do by hand without asking whether a report is news, whose
generation it is, or what happens when the store fails: parse, load, merge, save. What is compared
takes turns within a round; the ratios are medians of those of the rounds, in the thread's CPU time.

Then saves are made one at a time, and by write-behind, with and without a fallback: by the clock,
since each of them waits for a disk. As many are written either way. What is in PostgreSQL is in a
schema of the benchmark's own, which is dropped in the end.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter_ns

from milestone_progress import Batch, ProgressRecord, Recorder, SaveDecision, Trigger, parse_report
from milestone_progress.stores import ProgressStore, save_merged
from milestone_progress.stores._sqlite_file import Synchronous
from milestone_progress.stores.memory import MemoryStore
from milestone_progress.stores.sqlite import SQLiteStore
from stopwatch import cpu_time

ROUNDS = 21
VIEWERS, REPORTS = 100, 9
# More viewers than a batch has, so that each report is a save.
BUSY_VIEWERS, BUSY_REPORTS = 1_000, 3
BATCH = Batch(max_count=500)
SCHEMA = "milestone_progress_benchmark"
NOW = 1.8e9

Work = Callable[[ProgressStore, Sequence[tuple[str, bytes]]], None]


def reports(viewers: int = VIEWERS, each: int = REPORTS) -> list[tuple[str, bytes]]:
    """Return viewers and the bodies they send: nine each, as in an hour watched in one go."""
    bodies = []
    for number in range(1, each + 1):
        decision = SaveDecision(
            at=NOW + 400 * number,
            trigger=Trigger.MILESTONE,
            position=400.25 * number,
            duration=3_700.5,
            percent=None,
            milestone=10 * number,
            last_milestone=10 * number,
            completed=False,
        )
        bodies.append(json.dumps(decision.to_report()).encode())
    return [(f"viewer-{viewer}", body) for body in bodies for viewer in range(viewers)]


def parse(_store: ProgressStore, sent: Sequence[tuple[str, bytes]]) -> None:
    """Parse only."""
    for _viewer, body in sent:
        parse_report(body)


def by_hand(store: ProgressStore, sent: Sequence[tuple[str, bytes]]) -> None:
    """Parse, merge and store."""
    for viewer, body in sent:
        report = parse_report(body)
        record = ProgressRecord(
            viewer=viewer,
            media="session-7",
            position=report.position,
            duration=report.duration,
            milestone=report.milestone or 0,
            updated_at=NOW + report.position,
        )
        save_merged(store, record)


def recorded(store: ProgressStore, sent: Sequence[tuple[str, bytes]]) -> None:
    """Have the recorder do it."""
    times = iter(range(len(sent)))
    recorder = Recorder(store, clock=lambda: NOW + next(times))
    for viewer, body in sent:
        recorder.report(viewer, "session-7", parse_report(body))


def main() -> None:
    """Print a table for each store."""
    parser = argparse.ArgumentParser(description="Measure what the recorder costs.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--postgres", metavar="URL", help="of a server to measure with, too")
    options = parser.parse_args()
    rounds: int = options.rounds
    sent = reports()
    works: dict[str, Work] = {"parse": parse, "by hand": by_hand, "recorder": recorded}
    with TemporaryDirectory() as folder:
        files = (Path(folder, f"{number}.db") for number in range(10**6))
        makers: dict[str, Callable[[], ProgressStore]] = {
            "memory": MemoryStore,
            "SQLite": lambda: SQLiteStore(next(files), synchronous="normal"),
        }
        print(f"CPython {sys.version.split()[0]}, {rounds} rounds of {len(sent)} reports")
        for name, make in makers.items():
            laps: list[dict[str, float]] = []
            for _ in range(rounds + 1):  # The first one only warms up.
                works = dict(reversed(works.items()))
                laps.append({work: lap(make, works[work], sent) for work in works})
            print(f"\n{name}")
            for work in sorted(works):
                print(f"  {work:<20}{median(one[work] for one in laps[1:]) / 1000:>8.1f} µs")
            ratio = median(one["recorder"] / one["by hand"] for one in laps[1:])
            print(f"  {'recorder / by hand':<20}{ratio:>8.2f}    goal 1.5")
        print(f"\nwrite-behind, rounds of {BUSY_VIEWERS * BUSY_REPORTS} saves")
        each: tuple[Synchronous, ...] = ("full", "normal")
        for synchronous in each:
            make_sqlite = partial(sqlite_store, files, synchronous)
            race_the_batch(f"SQLite, {synchronous}", make_sqlite, files, rounds)
        if options.postgres is not None:
            with postgres_stores(options.postgres) as make_postgres:
                race_the_batch("PostgreSQL", make_postgres, files, rounds)


def sqlite_store(files: Iterator[Path], synchronous: Synchronous) -> SQLiteStore:
    """Return a store in a file of its own."""
    return SQLiteStore(next(files), synchronous=synchronous)


@contextmanager
def postgres_stores(url: str) -> Iterator[Callable[[], ProgressStore]]:
    """Provide what makes stores, each with nothing in it."""
    # Only who measures with a server needs its driver.
    import psycopg  # noqa: PLC0415  # as said
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415  # as said

    from milestone_progress.stores.postgres import PostgresStore  # noqa: PLC0415  # as said

    inside = make_conninfo(url, options=f"-c search_path={SCHEMA}")
    names = map(str, count())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        try:
            yield lambda: PostgresStore(inside, namespace=next(names))
        finally:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def race_the_batch(
    name: str, make: Callable[[], ProgressStore], files: Iterator[Path], rounds: int
) -> None:
    """Race saves one at a time against write-behind."""
    sent = reports(BUSY_VIEWERS, BUSY_REPORTS)
    works: dict[str, tuple[Batch | None, bool]] = {
        "one at a time": (None, False),
        "write-behind": (BATCH, False),
        "with a fallback": (BATCH, True),
    }
    laps: list[dict[str, float]] = []
    for _ in range(rounds + 1):  # The first one only warms up.
        works = dict(reversed(works.items()))
        lap = {}
        for work, (batch, safe) in works.items():
            fallback = SQLiteStore(next(files), synchronous="normal") if safe else None
            lap[work] = busy_lap(make(), batch, fallback, sent)
        laps.append(lap)
    print(f"\n{name}")
    for work in sorted(works):
        ratios = sorted(one["one at a time"] / one[work] for one in laps[1:])
        took = median(one[work] for one in laps[1:])
        print(
            f"  {work:<20}{took / 1000:>8.1f} µs {1e9 / took:>8,.0f} /s"
            f"{median(ratios):>8.1f} x, {ratios[0]:.1f}-{ratios[-1]:.1f}"
        )


def busy_lap(
    store: ProgressStore,
    batch: Batch | None,
    fallback: SQLiteStore | None,
    sent: Sequence[tuple[str, bytes]],
) -> float:
    """Return the nanoseconds until a report is answered and written."""
    with ExitStack() as stack:
        for one in (store, fallback):
            if one is not None:
                stack.callback(one.close)
                one.load("nobody", "nothing")
        times = count()
        told = [(viewer, parse_report(body)) for viewer, body in sent]
        recorder = Recorder(
            store, clock=lambda: NOW + next(times) / 1e4, batch=batch, fallback=fallback
        )
        start = perf_counter_ns()
        for viewer, report in told:
            recorder.report(viewer, "session-7", report)
        recorder.close()
        took = perf_counter_ns() - start
        for number in (0, BUSY_VIEWERS - 1):
            record = store.load(f"viewer-{number}", "session-7")
            assert record is not None
            assert record.revision == BUSY_REPORTS, "each report is a write"
    return took / len(sent)


def lap(make: Callable[[], ProgressStore], work: Work, sent: Sequence[tuple[str, bytes]]) -> float:
    """Return the nanoseconds that a report takes."""
    store = make()
    # The first call makes the file.
    store.load("nobody", "nothing")
    try:
        return cpu_time(lambda: work(store, sent)) / len(sent)
    finally:
        store.close()


if __name__ == "__main__":
    main()
