"""Measure live viewings: ``python benchmarks/live.py [--viewings N] [--rounds N]``.

How much memory they take, with a shadow as well, and what is remembered beside them; how long their
text for a cache is; and what an event costs in ``Recorder.handle`` when few of them go on at
the same time and when many do, in batches of one and of twenty. CPU time of the thread, medians of
the rounds; the store is in memory, and an event in a few hundred leads to a save.
"""

import argparse
import gc
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from statistics import median

import psutil

from milestone_progress import (
    ConflictPolicy,
    Event,
    LiveLimits,
    Play,
    Recorder,
    Rollout,
    SavePolicy,
    TimeUpdate,
)
from milestone_progress._freezing import frozen_viewing
from milestone_progress._live import LiveViewing
from milestone_progress._plausibility import FirstSeen
from milestone_progress.stores.memory import MemoryStore
from stopwatch import cpu_time

VIEWINGS, FEW, ROUNDS = 200_000, 1_000, 11
BATCHES = (1, 20)
# Events in a round.
EVENTS = 20_000
NOW, DURATION, INTERVAL = 1.8e9, 3_600.0, 0.25
GOAL_BYTES, GOAL_RATIO = 1_500, 2.0


class Site:
    """A recorder with so many live viewings, and a clock that goes on with them."""

    def __init__(self, viewings: int) -> None:
        self.now = NOW
        limits = LiveLimits(viewings=viewings, idle=1e6)
        self.recorder = Recorder(MemoryStore(), live=limits, clock=lambda: self.now)
        self.viewings = viewings
        # How far each has got, in events; and whose turn it is, far from the one before.
        self.told = [0] * viewings
        self._turn = 0
        for viewing in range(viewings):
            begins = Play(at=NOW, position=0.0, duration=DURATION)
            self.recorder.handle(f"viewer-{viewing}", "session-7", [begins])
        for _ in range(viewings):
            self.handle([self.batch(1)])

    def batch(self, size: int) -> tuple[str, list[Event]]:
        """Return what the next viewer tells, made here so that it is not timed."""
        self._turn = (self._turn + 7_919) % self.viewings
        first = self.told[self._turn] + 1
        self.told[self._turn] += size
        events: list[Event] = [
            TimeUpdate(at=NOW + INTERVAL * number, position=INTERVAL * number)
            for number in range(first, first + size)
        ]
        return f"viewer-{self._turn}", events

    def handle(self, batches: Sequence[tuple[str, list[Event]]]) -> None:
        """Handle some batches."""
        handle = self.recorder.handle
        for viewer, events in batches:
            self.now += 1e-5
            handle(viewer, "session-7", events)


def megabytes() -> float:
    """Return the resident memory of this process, MiB."""
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20


def lap(site: Site, size: int) -> float:
    """Return the nanoseconds that an event takes."""
    batches = [site.batch(size) for _ in range(EVENTS // size)]
    return cpu_time(lambda: site.handle(batches)) / EVENTS


def sizes() -> dict[str, float]:
    """Return the bytes of what there is of each viewing, and of what more there may be."""
    plain, shadowed = (
        Rollout(percent=100, shadow=shadow, milestone=SavePolicy()) for shadow in (False, True)
    )
    key = ("viewer-1", "session-7")
    texts = []
    for rollout in (plain, shadowed):
        shadow = rollout.shadow_of("viewer-1")
        viewing = LiveViewing.beginning(key, None, SavePolicy(), NOW, shadow)
        viewing.handle(
            [Play(at=NOW, position=0, duration=DURATION)], NOW, None, ConflictPolicy.NEWEST
        )
        texts.append(len(frozen_viewing(viewing)))
    return {
        "a shadow": _held(lambda: _began(FEW, shadowed)) - _held(lambda: _began(FEW, plain)),
        "a snapshot for a cache": texts[0],
        "the same with a shadow": texts[1],
        "a first sight": _held(_first_sights),
    }


def _began(viewings: int, rollout: Rollout) -> tuple[object, int]:
    recorder = Recorder(MemoryStore(), policy=rollout, clock=lambda: NOW)
    for viewing in range(viewings):
        begins = Play(at=NOW, position=0.0, duration=DURATION)
        recorder.handle(f"viewer-{viewing}", "session-7", [begins])
    return recorder, viewings


def _first_sights() -> tuple[object, int]:
    seen = FirstSeen()
    for viewer in range(FEW):
        seen.see(f"viewer-{viewer}", "session-7", NOW)
    return seen, FEW


def _held(make: Callable[[], tuple[object, int]]) -> float:
    """Return the bytes that each of some things holds that are made, and counted."""
    gc.collect()
    tracemalloc.start()
    try:
        made, count = make()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] / count
        del made
    finally:
        tracemalloc.stop()
    return held


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="Measure live viewings.")
    parser.add_argument("--viewings", type=int, default=VIEWINGS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    viewings: int = options.viewings
    rounds: int = options.rounds
    print(f"CPython {sys.version.split()[0]}, {rounds} rounds of {EVENTS} events")
    empty = megabytes()
    many = Site(viewings)
    assert many.recorder.viewings == viewings
    full = megabytes()
    each = (full - empty) * 2**20 / viewings
    print(f"\nresident, no viewing        {empty:>8.0f} MiB")
    print(f"resident, {viewings:,} viewings {full:>8.0f} MiB")
    print(f"each                        {each:>8.0f} B    goal {GOAL_BYTES:,}")
    for name, bytes_each in sizes().items():
        print(f"{name:<28}{bytes_each:>8.0f} B")
    few = Site(FEW)
    for size in BATCHES:
        laps: list[tuple[float, float]] = []
        for _ in range(rounds + 1):  # The first one only warms up.
            laps.append((lap(few, size), lap(many, size)))
        ratio = median(one[1] / one[0] for one in laps[1:])
        print(f"\nbatches of {size}")
        for name, column in ((f"{FEW:,} viewings", 0), (f"{viewings:,} viewings", 1)):
            print(f"  {name:<24}{median(one[column] for one in laps[1:]):>8.0f} ns an event")
        print(f"  {'ratio':<24}{ratio:>8.2f}    goal {GOAL_RATIO:g}")


if __name__ == "__main__":
    main()
