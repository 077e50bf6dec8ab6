"""A worker that handles what it is told on its standard input, until it is killed.

Run as a program, it answers each batch by a line once it was handled. `LiveWorker` starts one.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from milestone_progress import AsyncRecorder, Event, Recorder, SavePolicy, event_from_dict
from milestone_progress.stores.sqlite import AsyncSQLiteStore, SQLiteStore

#: So little is at risk that a run of a minute meets it.
POLICY = SavePolicy(max_unsaved=20)


class Told:
    """What the standard input says, and the clock that goes by it."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def batches(self) -> Iterator[list[Event]]:
        for line in sys.stdin:
            data = json.loads(line)
            self.now = data["now"]
            yield [event for one in data["events"] if (event := event_from_dict(one)) is not None]


def answer() -> None:
    sys.stdout.write("handled\n")
    sys.stdout.flush()


def work(path: str) -> None:
    told = Told()
    # What is safe from a kill needs no disk that turns.
    recorder = Recorder(SQLiteStore(path, synchronous="normal"), policy=POLICY, clock=told.clock)
    for events in told.batches():
        assert recorder.handle("ann", "m", events).handled
        recorder.tick()
        answer()


async def work_async(path: str) -> None:
    told = Told()
    recorder = AsyncRecorder(
        AsyncSQLiteStore(path, synchronous="normal"), policy=POLICY, clock=told.clock
    )
    for events in told.batches():
        assert (await recorder.handle("ann", "m", events)).handled
        await recorder.tick()
        answer()


class LiveWorker:
    """A worker in a process of its own."""

    def __init__(self, path: Path, kind: str) -> None:
        command = [sys.executable, "-W", "error", __file__, str(path), kind]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, now: float, events: Sequence[dict[str, object]]) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        pipe.write(json.dumps({"now": now, "events": events}).encode() + b"\n")
        pipe.flush()

    def is_answered(self) -> bool:
        """Whether it answers; not if it was killed before."""
        pipe = self._process.stdout
        assert pipe is not None
        return pipe.readline() == b"handled\n"

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Wait for its end."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()


if __name__ == "__main__":
    PATH, KIND = sys.argv[1:]
    if KIND == "async":
        asyncio.run(work_async(PATH))
    else:
        work(PATH)
