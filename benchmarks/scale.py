"""The arithmetic of scale: ``python benchmarks/scale.py`` prints the tables of `docs/scale.md`.

From what one viewer does and what one save, row, report or event takes to a hundred million who
watch at the same time. `benchmarks/publish.py` puts the tables where they belong.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, log10

WATCHING = tuple(10**power for power in range(3, 9))
HOUR = 3_600

# What a viewer does.

#: A player's `TimeUpdate`s in a second: browsers send one every 0.25 to 0.28 s,
#: docs/real-players.md.
EVENTS = 4
#: Saves, each of which is a request, and those of the interval mode, for each hour watched: all by
#: all hours, `milestone-progress simulate --viewers 200 --duration 3600 --json`.
SAVES, INTERVAL_SAVES = 12.387, 121.219

# What that takes, on two shared cores, 2026-11-23, by CPython 3.11.7.

#: Seconds of CPU time of a request with a report: `benchmarks/applications.py`.
REQUEST = 343e-6
#: Seconds of CPU time of a raw event in batches of twenty, and bytes of a live viewing:
#: `benchmarks/live.py --viewings 1000000`.
LIVE_EVENT, LIVE_BYTES = 1.192e-6, 1_188
#: Saves in a second, by the clock, from one thread by one connection, the server on the same two
#: cores: what `benchmarks/recorder.py --postgres URL` says of reports, docs/benchmarks.md; of Redis
#: loading and saving with a million rows, `benchmarks/stores_redis.py`.
STORES: Mapping[str, float] = {
    "SQLite, `full`": 1 / 247e-6,
    "Redis": 1 / (130e-6 + 101e-6),
    "PostgreSQL, one at a time": 1 / 583e-6,
    "PostgreSQL, write-behind": 1 / 49.1e-6,
}
#: Bytes of a row and its indices: `benchmarks/stores_size.py --postgres URL --redis URL`.
ROW_BYTES: Mapping[str, float] = {"SQLite": 244, "PostgreSQL": 363, "Redis": 357}

# Estimates.

#: Viewers who are known for each who watches at the busiest time, and media that each began.
KNOWN, MEDIAS = 20, 20
#: How much of a core or of a store is used at the busiest time.
USED = 0.5
#: Cores of a machine with a store: as here, where the measurements are from.
STORE_CORES = 2


def rounded(value: float) -> str:
    """Return a number with two digits; no more of them are known."""
    value = float(f"{value:.1e}")
    return f"{value:,.{max(0, 1 - floor(log10(value)))}f}"


def size(count: float) -> str:
    """Return bytes with two digits."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1_000:
            return f"{rounded(count)} {unit}"
        count /= 1_000
    return f"{rounded(count)} TB"


def machines(needed: float) -> str:
    """Return how many there must be, at half of what each can do."""
    return f"{ceil(needed / USED):,}"


def saves(watching: int, each: float = SAVES) -> float:
    """Return saves in a second."""
    return watching * each / HOUR


def rows(watching: int) -> int:
    """Return rows in the store."""
    return watching * KNOWN * MEDIAS


def table(head: Sequence[str], row: Callable[[int], Sequence[str]]) -> str:
    """Return a Markdown table with a row for each order of magnitude."""
    lines = [f"| watching now | {' | '.join(head)} |", "|--:|" + "--:|" * len(head)]
    lines += [f"| {watching:,} | {' | '.join(row(watching))} |" for watching in WATCHING]
    return "\n".join(lines)


def tables() -> Mapping[str, str]:
    """Return the tables of the page by the names they have there."""
    return {
        "traffic": table(
            ("reports, saves /s", "interval mode /s", "player events /s"),
            lambda watching: (
                rounded(saves(watching)),
                rounded(saves(watching, INTERVAL_SAVES)),
                rounded(watching * EVENTS),
            ),
        ),
        "workers": table(
            ("cores for reports", "for the interval mode", "for raw events", "memory of these"),
            lambda watching: (
                machines(saves(watching) * REQUEST),
                machines(saves(watching, INTERVAL_SAVES) * REQUEST),
                machines(watching * EVENTS * LIVE_EVENT),
                size(watching * LIVE_BYTES),
            ),
        ),
        "stores": table(
            ("saves /s", *STORES),
            lambda watching: [
                rounded(saves(watching)),
                *(machines(saves(watching) / most) for most in STORES.values()),
            ],
        ),
        "rows": table(
            ("rows", *ROW_BYTES),
            lambda watching: [
                rounded(rows(watching)),
                *(size(rows(watching) * each) for each in ROW_BYTES.values()),
            ],
        ),
        "cost": table(
            ("cores, reports", "cores, interval mode", "cores, raw events", "disk"),
            lambda watching: (
                f"{_cores(watching, SAVES, 0.0):,}",
                f"{_cores(watching, INTERVAL_SAVES, 0.0):,}",
                f"{_cores(watching, SAVES, EVENTS):,}",
                size(rows(watching) * ROW_BYTES["PostgreSQL"]),
            ),
        ),
    }


def _cores(watching: int, each: float, events: float) -> int:
    """Return the cores of workers and of stores: PostgreSQL, written behind."""
    written = saves(watching, each)
    work = watching * events * LIVE_EVENT if events else written * REQUEST
    stores = ceil(written / STORES["PostgreSQL, write-behind"] / USED)
    return ceil(work / USED) + stores * STORE_CORES


if __name__ == "__main__":
    for name, text in tables().items():
        print(f"{name}\n\n{text}\n")
