"""The picture of what an event costs, drawn from saved runs: `python benchmarks/publish.py` does.

By hand, and not by a library whose next version draws it otherwise: a test says when it is not that
of the saved runs.
"""

from collections.abc import Sequence
from math import log10

from report import Run, number

RACE, LEAST = "viewer-hour", "closure"
CONTESTANTS = (
    "closure",
    "empty method",
    "feed",
    "handle",
    "transitions",
    "python-statemachine",
)
# Pixels: of all, of the names at the left, of what stands behind the longest bar, of a bar.
WIDTH, LEFT, RIGHT, BAR = 720, 160, 150, 15
# Above the first bar and below the last; between two contestants.
TOP, BOTTOM, GAP = 64, 40, 12
# Nanoseconds at the left end: bars on a logarithmic scale begin at no zero.
ORIGIN = 10.0
COLOURS = ("#1f6fb2", "#e08a2c")
INK, FAINT = "#234", "#d5dde5"


def drawing(runs: Sequence[Run]) -> str:
    """Return the picture as SVG, a bar for each run and contestant.

    Args:
        runs: At most as many as there are colours.
    """
    decades = 1 + int(
        max(log10(run.figure(RACE, name).median / ORIGIN) for run in runs for name in CONTESTANTS)
    )
    scale = (WIDTH - LEFT - RIGHT) / decades
    group = BAR * len(runs) + GAP
    bottom = TOP + group * len(CONTESTANTS)
    height = bottom + BOTTOM
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"\n'
        f'  width="{WIDTH}" font-family="sans-serif" font-size="13" fill="{INK}">\n'
        "<title>What an event costs, as a multiple of a closure that compares a position</title>\n"
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#fff"/>\n'
    )
    parts = [head, _text(16, 24, "CPU time per event of a viewer-hour, logarithmic", size=15)]
    for decade in range(decades + 1):
        x = LEFT + decade * scale
        parts.append(f'<path d="M{x:.1f} {TOP - 6}V{bottom}" stroke="{FAINT}"/>\n')
        parts.append(_text(x, bottom + 18, _time(ORIGIN * 10**decade), anchor="middle"))
    for index, run in enumerate(runs):
        x = WIDTH - 16 - 130 * (len(runs) - index)
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{COLOURS[index]}"/>\n')
        parts.append(_text(x + 18, 45, run.python))
    for row, name in enumerate(CONTESTANTS):
        top = TOP + row * group
        parts.append(_text(LEFT - 10, top + BAR * len(runs) / 2 + 5, name, anchor="end"))
        for index, run in enumerate(runs):
            taken = run.figure(RACE, name).median
            length = log10(taken / ORIGIN) * scale
            y = top + index * BAR
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" '
                f'fill="{COLOURS[index]}"/>\n'
            )
            label = f"{_time(taken)} = {number(_multiple(run, name))} x"
            parts.append(_text(LEFT + length + 6, y + BAR - 4, label, size=12))
    return "".join(parts) + "</svg>\n"


def _multiple(run: Run, name: str) -> float:
    """Return how many closures a contestant takes: as the table says, where it does."""
    for figure in run.figures:
        if (figure.race, figure.name) == (RACE, f"{name} / {LEAST}"):
            return figure.median
    return run.figure(RACE, name).median / run.figure(RACE, LEAST).median


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 13) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{words}</text>\n'
    )


def _time(nanoseconds: float) -> str:
    if nanoseconds < 1_000:
        return f"{number(nanoseconds)} ns"
    return f"{number(nanoseconds / 1_000)} µs"
