"""Run the benchmarks: ``python benchmarks/run.py [--rounds N] [--json FILE] [--quick]``.

Needs ``pip install -e '.[bench]'``. Prints one table; a goal that is not met is no failure, since a
busy machine misses goals, too. With ``--compare`` the exit status is that of `compare`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from compare import add_slack, report_changes
from race import Race
from races import all_races
from report import Run, begun, figures

ROUNDS, QUICK_ROUNDS = 40, 5


def run_race(race: Race, rounds: int) -> list[Mapping[str, float]]:
    """Return what was measured in each round, after one that only warms up."""
    rounds = rounds if race.rounds is None else min(rounds, race.rounds)
    race.run()
    return [race.run() for _ in range(rounds)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all races."""
    parser = argparse.ArgumentParser(description="Measure what handling an event costs.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help=f"only {QUICK_ROUNDS} rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the run")
    parser.add_argument("--compare", type=Path, metavar="OLD.json", help="with a saved run")
    add_slack(parser)
    options = parser.parse_args(arguments)
    rounds = QUICK_ROUNDS if options.quick else options.rounds
    if rounds < 1:
        parser.error("at least one round")
    run = begun(rounds)
    for race in all_races():
        print(f"{race.name} ...", file=sys.stderr)
        run.figures.extend(figures(race, run_race(race, rounds)))
    print(f"{run.python}, {rounds} rounds\n\n{run.table()}\n\nThe goals:\n\n{run.reasons()}")
    if options.json is not None:
        run.save(options.json)
    if options.compare is not None:
        print()
        return report_changes(Run.load_from(options.compare), run, options.slack)
    return 0


if __name__ == "__main__":
    sys.exit(main())
