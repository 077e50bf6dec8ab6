"""What trackers and the import of the library take up."""

import gc
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from tempfile import TemporaryDirectory

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


def import_times() -> Callable[[], Mapping[str, float]]:
    """Return what measures how long an interpreter that has just started imports, nanoseconds.

    Bytecode is cached, as it is where the library is installed, but outside the source tree.
    """
    cache = TemporaryDirectory()

    def import_time(module: str) -> float:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache.name}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", _IMPORT.format(module=module)]
        done = subprocess.run(  # noqa: S603  # our own
            command, capture_output=True, check=True, env=environment, text=True
        )
        return float(done.stdout)

    def run() -> Mapping[str, float]:
        return {module: import_time(module) for module in ("attrs", "milestone_progress")}

    return run
