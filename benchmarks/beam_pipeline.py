"""Measure the example on Apache Beam: ``python benchmarks/beam_pipeline.py [--viewers N]``.

Events a second of the whole command, start included, as it is run on one machine, with several
events in a line and with one; and what is kept of a viewing, beside the events that wait. Needs the
extra `beam`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from attrs import asdict

from milestone_progress import Event
from milestone_progress._events import WIRE_TYPES
from milestone_progress.simulator import Audience

EXAMPLE = Path(__file__).parents[1] / "examples" / "beam"
sys.path.append(str(EXAMPLE))

from clickstream import heard_in  # noqa: E402  # as said
from keyed_viewing import KeyedViewing, Settings  # noqa: E402  # as said

VIEWERS, DURATION = 200, 600.0
# Events in a line; and seconds between the reports of a viewing whose kept size is measured.
BATCHES, FEW_REPORTS = (20, 1), 10.0
NAMES = {kind: name for name, kind in reversed([*WIRE_TYPES.items()])}


def viewings(audience: Audience) -> dict[tuple[str, str], list[Event]]:
    """Return what the pages of simulated viewers tell, by viewer and page."""
    told: dict[tuple[str, str], list[Event]] = {}
    for index in range(audience.viewers):
        for visit in audience.visits(index):
            told.setdefault((f"viewer-{index}", f"page-{visit.page}"), []).extend(visit.events)
    return told


def lines(told: Mapping[tuple[str, str], list[Event]], batch: int) -> Iterator[str]:
    """Yield the lines of a clickstream, so many events in each."""
    for (viewer, player), events in told.items():
        for start in range(0, len(events), batch):
            wire = [
                {"type": NAMES[type(event)]}
                | {name: value for name, value in asdict(event).items() if value is not None}
                for event in events[start : start + batch]
            ]
            yield json.dumps(
                {
                    "viewer": viewer,
                    "media": "film",
                    "player": player,
                    "sequence": start,
                    "events": wire,
                }
            )


def seconds(told: Mapping[tuple[str, str], list[Event]], batch: int) -> float:
    """Return how long the command takes, by the clock."""
    with TemporaryDirectory() as folder:
        clicks = Path(folder, "clicks.jsonl")
        clicks.write_text("".join(f"{line}\n" for line in lines(told, batch)), encoding="utf-8")
        command = [
            sys.executable,
            "pipeline.py",
            f"--input={clicks}",
            f"--store=sqlite:{folder}/progress.sqlite",
            f"--decisions={folder}/decisions.jsonl",
        ]
        start = perf_counter()
        subprocess.run(command, check=True, cwd=EXAMPLE, capture_output=True)  # noqa: S603  # our own
        return perf_counter() - start


def kept_bytes(audience: Audience) -> list[int]:
    """Return how much is kept of viewings after each of their events has been handled."""
    sizes = []
    for page, told in viewings(audience).items():
        heard = [one for line in lines({page: told}, 1) for one in heard_in(line.encode())[1]]
        viewing = KeyedViewing.beginning((*page, "film"), Settings(), heard[0])
        for one in heard:
            list(viewing.handle(one))
            sizes.append(len(viewing.to_text()))
    return sizes


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description="Measure the example on Apache Beam.")
    parser.add_argument("--viewers", type=int, default=VIEWERS)
    options = parser.parse_args()
    told = viewings(Audience(duration=DURATION, viewers=options.viewers))
    events = sum(len(each) for each in told.values())
    print(f"CPython {sys.version.split()[0]}, {options.viewers} viewers of {DURATION:g} s")
    for batch in BATCHES:
        taken = seconds(told, batch)
        print(
            f"{events:,} events, {batch} in a line: {taken:.1f} s, {events / taken:,.0f} a second"
        )
    few = Audience(duration=DURATION, viewers=min(50, options.viewers), interval=FEW_REPORTS)
    sizes = kept_bytes(few)
    print(f"kept of a viewing: {median(sizes):,.0f} bytes in the median, {max(sizes):,} at most")


if __name__ == "__main__":
    main()
