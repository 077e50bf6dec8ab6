"""Figures: computed from rounds, printed as one table, saved as JSON and read back."""

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from attrs import asdict, frozen

from goals import GOALS, Goal
from races import Race


@frozen
class Figure:
    """One number of the table.

    Attributes:
        race: What it was measured in.
        name: Of the contestant, or "one / other".
        unit: "ns" per event (or per import), "B" or "x", a ratio.
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

    @property
    def goal(self) -> Goal | None:
        """What it should be."""
        return GOALS.get((self.race, self.name))

    @property
    def met(self) -> bool | None:
        """Whether it is as it should be, None if nobody said how it should."""
        if self.goal is None:
            return None
        bound = self.goal.bound
        return self.median >= bound if self.more_is_better else self.median <= bound


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
    return Figure(race, name, unit, median(values), spread[0], spread[-1], more_is_better)


def table(all_figures: Iterable[Figure]) -> str:
    """Return the figures as one table in Markdown."""
    lines = ["| | median | 5-95 % | goal | |", "|---|--:|--:|--:|---|"]
    race = None
    for figure in all_figures:
        if figure.race != race:
            race = figure.race
            lines.append(f"| **{race}** | | | | |")
        goal = verdict = ""
        if figure.goal is not None:
            goal = f"{'≥' if figure.more_is_better else '≤'} {figure.goal.bound:,}"
            verdict = "met" if figure.met else "NOT MET"
        divisor, unit = _scale(figure)
        middle, low, high = (
            _number(value / divisor) for value in (figure.median, figure.low, figure.high)
        )
        spread = low if low == high else f"{low}-{high}"
        lines.append(f"| {figure.name} | {middle} {unit} | {spread} | {goal} | {verdict} |")
    return "\n".join(lines)


def reasons(all_figures: Iterable[Figure]) -> str:
    """Return where the goals of figures come from."""
    return "\n".join(
        f"- {figure.race}, {figure.name}: {figure.goal.reason}."
        for figure in all_figures
        if figure.goal is not None
    )


def _scale(figure: Figure) -> tuple[float, str]:
    """Return what to divide a figure by, and the unit it has then."""
    if figure.unit == "ns" and figure.median >= 1_000_000:
        return 1_000_000, "ms"
    if figure.unit == "ns" and figure.median >= 1_000:
        return 1_000, "µs"
    return 1, figure.unit


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@frozen
class Run:
    """One run of all races, on one interpreter."""

    python: str
    rounds: int
    figures: list[Figure]

    def save(self, path: Path) -> None:
        """Write the run as JSON."""
        data = {
            "python": self.python,
            "rounds": self.rounds,
            "figures": [
                asdict(figure) | {"goal": figure.goal and figure.goal.bound, "met": figure.met}
                for figure in self.figures
            ],
        }
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Run":
        """Read a run that was saved."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = [
            Figure(**{key: value for key, value in figure.items() if key not in ("goal", "met")})
            for figure in data["figures"]
        ]
        return cls(data["python"], data["rounds"], known)


def this_python() -> str:
    """Return the version of the interpreter, as runs name it."""
    return f"{platform.python_implementation()} {platform.python_version()}"
