"""Put what was measured into the docs: ``python benchmarks/publish.py [--rounds N] [PYTHON ...]``.

Measures with each interpreter that is given, which must have the extra `bench`, and keeps the run
in `benchmarks/measured`. Then, or with none, writes the tables of `docs/benchmarks.md` and its
picture from what is kept there, and those of `docs/scale.md`. A test says when any is out of date.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import scale
from picture import drawing
from report import Run

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "benchmarks" / "measured"
PICTURE = Path("docs", "images", "event-costs.svg")


def measure(python: str, rounds: int) -> None:
    """Run all races with an interpreter, and keep what was measured."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with TemporaryDirectory() as folder:
        path = Path(folder, "run.json")
        script = ROOT / "benchmarks" / "run.py"
        command = [python, str(script), "--rounds", str(rounds), "--json", str(path)]
        subprocess.run(command, check=True, env=environment)  # noqa: S603  # our own
        run = Run.load_from(path)
    MEASURED.mkdir(exist_ok=True)
    run.save(MEASURED / f"{run.interpreter.rpartition(' ')[2]}.json")


def kept() -> list[Run]:
    """Return the runs that are kept, the oldest interpreter first."""
    return [Run.load_from(path) for path in sorted(MEASURED.glob("*.json"))]


def tables(runs: Sequence[Run]) -> str:
    """Return the tables of `docs/benchmarks.md`."""
    return "\n\n".join(
        f"### {run.python}\n\n{run.day}, {run.rounds} rounds; "
        f"the load of the machine was {run.load} as it began.\n\n{run.table()}"
        for run in runs
    )


def published() -> Mapping[Path, str]:
    """Return what the files made of measurements should be, by their path from the root."""
    runs = kept()
    texts = {PICTURE: drawing(runs)}
    for page, parts in (
        (Path("docs", "benchmarks.md"), {"measured": tables(runs)}),
        (Path("docs", "scale.md"), scale.tables()),
    ):
        text = (ROOT / page).read_text(encoding="utf-8")
        for name, part in parts.items():
            text = _replaced(text, name, part)
        texts[page] = text
    return texts


def _replaced(text: str, name: str, part: str) -> str:
    """Return a page with what is between the two comments of a name replaced."""
    begin, end = f"<!-- {name}: benchmarks/publish.py -->", f"<!-- end of {name} -->"
    inside = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    assert len(inside.findall(text)) == 1, f"the page has one place for {name}"
    return inside.sub(lambda _: f"{begin}\n\n{part}\n\n{end}", text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, if interpreters are given, and write."""
    parser = argparse.ArgumentParser(description="Put what was measured into the docs.")
    parser.add_argument("--rounds", type=int, default=8, help="default: %(default)s")
    parser.add_argument("pythons", nargs="*", metavar="PYTHON", help="to measure with")
    options = parser.parse_args(arguments)
    for python in options.pythons:
        print(f"{python}:", file=sys.stderr)
        measure(python, options.rounds)
    for path, text in published().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
