"""Measure what the recorder costs: ``python benchmarks/recorder.py [--rounds N]``.

Beside it stands what a back end would do by hand without asking whether a report is news, whose
generation it is, or what happens when the store fails: parse, load, merge, save. What is compared
takes turns within a round; the ratios are medians of those of the rounds, in the thread's CPU time.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from milestone_progress import ProgressRecord, Recorder, SaveDecision, Trigger, parse_report
from milestone_progress.stores import ProgressStore, save_merged
from milestone_progress.stores.memory import MemoryStore
from milestone_progress.stores.sqlite import SQLiteStore
from stopwatch import cpu_time

ROUNDS = 21
VIEWERS, REPORTS = 100, 9
NOW = 1.8e9

Work = Callable[[ProgressStore, Sequence[tuple[str, bytes]]], None]


def reports() -> list[tuple[str, bytes]]:
    """Return viewers and the bodies they send: nine each, as in an hour watched in one go."""
    bodies = []
    for number in range(1, REPORTS + 1):
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
    return [(f"viewer-{viewer}", body) for body in bodies for viewer in range(VIEWERS)]


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
    rounds: int = parser.parse_args().rounds
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
