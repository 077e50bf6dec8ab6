"""Compare two saved runs: ``python benchmarks/compare.py OLD.json NEW.json``.

Ratios and bytes are compared. Times are not: they say how busy the machine was as well.
Exit status: 0 if nothing got worse than the slack allows, 1 if something did, 2 if the two cannot
be compared.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from report import Figure, Run

# Ratios of one run move by 5 % from run to run on a busy machine, and closures by as much again.
SLACK = 0.15


def changes(old: Run, new: Run) -> list[tuple[Figure, Figure, float]]:
    """Return the figures that both runs have, and how many times as bad each has become."""
    before = {(figure.race, figure.name): figure for figure in old.figures}
    pairs = [
        (before[figure.race, figure.name], figure)
        for figure in new.figures
        if figure.unit != "ns" and (figure.race, figure.name) in before
    ]
    return [
        (was, now, was.median / now.median if now.more_is_better else now.median / was.median)
        for was, now in pairs
    ]


def report_changes(old: Run, new: Run, slack: float) -> int:
    """Print what became of each figure; return the exit status."""
    if old.interpreter != new.interpreter:
        print(f"{old.python} and {new.python} cannot be compared: closures differ more than we do")
        return 2
    worse = 0
    print("| | old | new | times as bad | |\n|---|--:|--:|--:|---|")
    for was, now, factor in changes(old, new):
        verdict = ""
        if factor > 1 + slack:
            verdict = "WORSE"
            worse += 1
        elif factor < 1 / (1 + slack):
            verdict = "better"
        name = f"{now.race}: {now.name}"
        print(f"| {name} | {was.median:.4g} | {now.median:.4g} | {factor:.2f} | {verdict} |")
    print(f"\n{worse} worse by more than {slack:.0%}")
    return 1 if worse else 0


def add_slack(parser: argparse.ArgumentParser) -> None:
    """Add the option that tells how much worse is still the same."""
    parser.add_argument(
        "--slack",
        type=float,
        default=SLACK,
        help="how much worse a figure may be, as a share of it (default: %(default)s)",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two saved runs."""
    parser = argparse.ArgumentParser(description="Compare two saved runs of the benchmarks.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    add_slack(parser)
    options = parser.parse_args(arguments)
    return report_changes(Run.load_from(options.old), Run.load_from(options.new), options.slack)


if __name__ == "__main__":
    sys.exit(main())
