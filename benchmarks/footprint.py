"""What trackers and the import of the library take up."""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Mapping

from milestone_progress import Event, Tracker
from viewings import plain_viewing

TRACKERS = 200
EVENTS = 200

_IMPORT = """
from time import thread_time_ns
start = thread_time_ns()
import {module}
print(thread_time_ns() - start)
"""


def bytes_of_trackers() -> Mapping[str, float]:
    """Return the bytes that a tracker holds: fresh, and after some events.

    A tracker keeps its last two `TimeUpdate`s. They are its own where nobody else keeps them.
    """
    shared = plain_viewing(range(EVENTS))

    def live(events: list[Event]) -> Tracker:
        tracker = Tracker()
        tracker.feed(events)
        return tracker

    return {
        "fresh": _bytes_each(Tracker),
        "live": _bytes_each(lambda: live(shared)),
        "live, with the events it keeps": _bytes_each(lambda: live(plain_viewing(range(EVENTS)))),
    }


def _bytes_each(make: Callable[[], object]) -> float:
    make()
    gc.collect()
    kept: list[object] = [None] * TRACKERS
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for index in range(TRACKERS):
            kept[index] = make()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / TRACKERS


def import_times() -> Mapping[str, float]:
    """Return how long an interpreter that has just started takes to import each, nanoseconds."""
    return {module: _import_time(module) for module in ("attrs", "milestone_progress")}


def _import_time(module: str) -> float:
    command = [sys.executable, "-c", _IMPORT.format(module=module)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603  # ours
    return float(done.stdout)
