"""Figures: computed from rounds, printed as one table, saved as JSON and read back."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Self

from attrs import asdict, frozen

from goals import Goal, goals_of
from race import Race


@frozen
class Figure:
    """One number of the table.

    Attributes:
        race: What it was measured in.
        name: Of the contestant, or "one / other".
        unit: "ns" per event (request, viewer-hour, import), "B" or "x", a ratio.
        median: Over the rounds.
        low: Below it lie 5 % of the rounds.
        high: Below it lie 95 % of the rounds.
        more_is_better: For ratios.
    """

    race: str
    name: str
    unit: str
    median: float
    low: float
    high: float
    more_is_better: bool = False


def figures(race: Race, rounds: Sequence[Mapping[str, float]]) -> list[Figure]:
    """Return the figures of a race: what each contestant took, then the ratios."""
    taken = [
        _figure(race.name, name, race.unit, [measures[name] for measures in rounds])
        for name in rounds[0]
    ]
    ratios = [
        _figure(
            race.name,
            f"{ratio.over} / {ratio.under}",
            "x",
            [measures[ratio.over] / measures[ratio.under] for measures in rounds],
            more_is_better=ratio.more_is_better,
        )
        for ratio in race.ratios
    ]
    return [*taken, *ratios]


def _figure(
    race: str, name: str, unit: str, values: Sequence[float], *, more_is_better: bool = False
) -> Figure:
    spread = quantiles(values, n=20, method="inclusive") if len(values) > 1 else values
    # More digits than these differ between any two runs.
    middle, low, high = (float(f"{value:.5g}") for value in (median(values), spread[0], spread[-1]))
    return Figure(race, name, unit, middle, low, high, more_is_better)


def _line(figure: Figure, goal: Goal | None) -> str:
    wanted = verdict = ""
    if goal is not None:
        wanted = f"{'≥' if figure.more_is_better else '≤'} {goal.bound:,}"
        met = figure.median >= goal.bound if figure.more_is_better else figure.median <= goal.bound
        verdict = "met" if met else "NOT MET"
    divisor, unit = _scale(figure)
    middle, low, high = (
        number(value / divisor) for value in (figure.median, figure.low, figure.high)
    )
    spread = low if low == high else f"{low}-{high}"
    return f"| {figure.name} | {middle} {unit} | {spread} | {wanted} | {verdict} |"


def _scale(figure: Figure) -> tuple[float, str]:
    """Return what to divide a figure by, and the unit it has then."""
    if figure.unit == "ns" and figure.median >= 1_000_000:
        return 1_000_000, "ms"
    if figure.unit == "ns" and figure.median >= 1_000:
        return 1_000, "µs"
    return 1, figure.unit


def number(value: float) -> str:
    """Return a number with three digits, as tables show it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@frozen
class Run:
    """One run of all races, on one interpreter.

    Attributes:
        python: The interpreter, as `this_python` names it.
        rounds: How many there were.
        day: When, as "2026-11-23".
        load: How many processes wanted a core when it began, the mean over the last minute.
        figures: What was measured.
    """

    python: str
    rounds: int
    day: str
    load: float
    figures: list[Figure]

    @property
    def interpreter(self) -> str:
        """The interpreter without its last number: what runs that can be compared share."""
        return self.python.rpartition(".")[0]

    def figure(self, race: str, name: str) -> Figure:
        """Return the figure of a contestant or a ratio in a race."""
        return next(one for one in self.figures if (one.race, one.name) == (race, name))

    def table(self) -> str:
        """Return the figures as one table in Markdown."""
        goals = goals_of(self.python)
        lines = ["| | median | 5-95 % | goal | |", "|---|--:|--:|--:|---|"]
        race = None
        for figure in self.figures:
            if figure.race != race:
                race = figure.race
                lines.append(f"| **{race}** | | | | |")
            goal = goals.get((figure.race, figure.name))
            lines.append(_line(figure, goal))
        return "\n".join(lines)

    def reasons(self) -> str:
        """Return where the goals come from."""
        goals = goals_of(self.python)
        return "\n".join(
            f"- {figure.race}, {figure.name}: {goals[figure.race, figure.name].reason}."
            for figure in self.figures
            if (figure.race, figure.name) in goals
        )

    def save(self, path: Path) -> None:
        """Write the run as JSON, a line for each figure."""
        about = {"python": self.python, "rounds": self.rounds, "day": self.day, "load": self.load}
        lines = ",\n".join(json.dumps(asdict(figure)) for figure in self.figures)
        head = json.dumps(about).removesuffix("}")
        path.write_text(f'{head}, "figures": [\n{lines}\n]}}\n', encoding="utf-8")

    @classmethod
    def load_from(cls, path: Path) -> Self:
        """Read a run that was saved."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**data | {"figures": [Figure(**figure) for figure in data["figures"]]})


def this_python() -> str:
    """Return the version of the interpreter, as runs name it."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def begun(rounds: int) -> Run:
    """Return a run that begins now."""
    day = datetime.now(UTC).date().isoformat()
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0
    return Run(this_python(), rounds, day, load, [])
