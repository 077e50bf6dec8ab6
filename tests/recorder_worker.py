"""A worker that reports for ever, on a store that fails now and then, and is killed meanwhile.

Run as a program, it writes a line for each report that was taken: what it said, and its status.
`Worker` starts one, listens and kills it.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, evolve

from milestone_progress import AsyncRecorder, Batch, Recorder, Report, Trigger
from milestone_progress.stores.sqlite import SQLiteStore
from recorders import AwaitedFallback, Failing, Fault

VIEWERS, MEDIAS = ("ann", "bob", "cleo"), ("m", "n")
MILESTONES = (0, 10, 25, 50, 75)
#: Seconds of the clock that all workers of a kind with a batch may keep a report to themselves.
MAX_AGE = 5.0


@define
class Acknowledged:
    """A report that was taken."""

    viewer: str
    media: str
    position: float
    milestone: float
    at: float
    status: str


def reports(chance: random.Random, start: float) -> Iterator[tuple[str, str, float, Report]]:
    """Tell for ever who reports what, and when."""
    for number in count():
        at = start + number
        report = Report(
            position=float(chance.randint(1, 999)),
            duration=1000.0,
            trigger=Trigger.PAUSE,
            milestone=chance.choice(MILESTONES),
            at=at,
        )
        yield chance.choice(VIEWERS), chance.choice(MEDIAS), at, report


def answer(viewer: str, media: str, at: float, report: Report, status: str) -> None:
    row = (viewer, media, report.position, report.milestone, at, status)
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


class World:
    """What a worker works with: its stores, its clock and its dice.

    Its kind is ``sync`` or ``async``, then ``batch`` or nothing, then ``alone`` or nothing: without
    a fallback, and with a store that never fails.
    """

    def __init__(self, folder: str, seed: str, start: str, kind: str) -> None:
        self.alone = "alone" in kind
        self.batch = Batch(max_age=MAX_AGE, max_count=50) if "batch" in kind else None
        self.chance = random.Random(seed)
        # What is safe from a kill needs no disk that turns.
        self.main = Failing(SQLiteStore(f"{folder}/main.db", synchronous="normal"))
        self.fallback = SQLiteStore(f"{folder}/fallback.db", synchronous="normal")
        self.now = float(start)

    def clock(self) -> float:
        return self.now

    def goes_on(self) -> Iterator[tuple[str, str, float, Report]]:
        for told in reports(self.chance, self.now):
            self.now = told[2]
            if not self.alone:
                self.main.fault = self.chance.choice((Fault.BEFORE, *Fault))
            yield told


def work(world: World) -> None:
    fallback = None if world.alone else world.fallback
    recorder = Recorder(world.main, fallback=fallback, clock=world.clock, batch=world.batch)
    for viewer, media, at, report in world.goes_on():
        answer(viewer, media, at, report, recorder.report(viewer, media, report).status)
        recorder.tick()


async def work_async(world: World) -> None:
    fallback = None if world.alone else AwaitedFallback(world.fallback)
    recorder = AsyncRecorder(
        AwaitedFallback(world.main), fallback=fallback, clock=world.clock, batch=world.batch
    )

    async def take(viewer: str, media: str, at: float, report: Report) -> None:
        # By now it is as late as the last of them says.
        report = evolve(report, sent_at=world.now)
        answer(viewer, media, at, report, (await recorder.report(viewer, media, report)).status)

    told = world.goes_on()
    while True:
        # Three at once, and a retry beside them.
        await asyncio.gather(*(take(*next(told)) for _ in range(3)), recorder.tick())


class Worker:
    """A worker in a process of its own."""

    def __init__(self, folder: Path, seed: str, start: float, kind: str) -> None:
        command = [sys.executable, "-W", "error", __file__, str(folder), seed, str(start), kind]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def die_after(self, answers: int) -> list[Acknowledged]:
        """Kill it after so many answers; return all those that it got out."""
        pipe = self._process.stdout
        assert pipe is not None
        with self._process, pipe:
            lines = [pipe.readline() for _ in range(answers)]
            self._process.kill()
            lines += pipe.readlines()
        # The last one may be cut off: nobody has received it.
        rows: list[list[Any]] = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [Acknowledged(*row) for row in rows]


if __name__ == "__main__":
    WORLD = World(*sys.argv[1:])
    if sys.argv[-1].startswith("async"):
        asyncio.run(work_async(WORLD))
    else:
        work(WORLD)
