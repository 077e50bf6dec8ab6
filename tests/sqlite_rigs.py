"""Processes that share a file of SQLite: run as a program, which forks them and prints figures.

They are forked by a process of its own, as forking is no good where there are threads, and a test
may have some. `rig` runs one so.
"""

import asyncio
import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import count

from milestone_progress import ProgressRecord
from milestone_progress.stores import save_merged, save_merged_async
from milestone_progress.stores._sqlite_file import MAKE_SCHEMA, MIGRATIONS, SET_SCHEMA
from milestone_progress.stores.sqlite import AsyncSQLiteStore, SQLiteStore

#: Writers at a time in `crashes`, and tasks of those that use asyncio.
WRITERS, TASKS = 4, 8
#: How many seconds are set aside for what each writer has played.
SECONDS = 10_000
#: So many are killed before a new file is begun.
KILLS_PER_FILE = 10


def rig(name: str, *arguments: object) -> dict[str, int]:
    """Run a rig in a process of its own and return its figures."""
    command = [sys.executable, "-W", "error", __file__, name, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    figures: dict[str, int] = json.loads(ended.stdout)
    return figures


def watched(media: str, second: int) -> ProgressRecord:
    """Return the record of somebody who watched one second."""
    return ProgressRecord(
        viewer="ann",
        media=media,
        position=float(second),
        played=1 << second,
        updated_at=1.8e9 + second,
    )


class Child:
    """A forked process.

    Args:
        work: What it does with what it shall write its answers to; then it ends.
    """

    def __init__(self, work: Callable[[int], None]) -> None:
        self.answers, writing = os.pipe()
        self.text = b""
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(self.answers)
                work(writing)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(writing)

    def listen(self) -> bool:
        """Take an answer, once there is one; return whether there may be more."""
        heard = os.read(self.answers, 65_536)
        self.text += heard
        return heard != b""

    def lines(self) -> Iterator[list[str]]:
        """Return the answers that are complete, each as its words."""
        for line in self.text.split(b"\n")[:-1]:
            yield line.decode().split()

    def kill(self) -> None:
        """Kill it, whatever it is doing, and take what it has answered until then."""
        os.kill(self.pid, signal.SIGKILL)
        self.end()

    def end(self) -> int:
        """Wait until it ends, and return its exit status."""
        while self.listen():
            pass
        os.close(self.answers)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


# Killing


def write_for_ever(path: str, synchronous: str, writer: int, answers: int) -> None:
    """Save into rows of its own and into one that all share, telling of each save that was made."""
    with SQLiteStore(path, synchronous=synchronous) as store:  # type: ignore[arg-type]  # either
        for number in count():
            second = writer * SECONDS + number
            saved = [save_merged(store, watched(media, second)) for media in ("all", f"{writer}")]
            many = [watched(f"{writer}/{number}/{part}", second) for part in range(3)]
            for record in (*saved, *store.save_many(many)):
                assert isinstance(record, ProgressRecord)
                tell(answers, record, second)


def write_for_ever_async(path: str, synchronous: str, writer: int, answers: int) -> None:
    """Do the same in tasks that share an asyncio store."""
    numbers = count()

    async def write(store: AsyncSQLiteStore, task: int) -> None:
        for number in numbers:
            second = writer * SECONDS + number
            media = "all" if number % 5 == 0 else f"{writer}/{task}"
            tell(answers, await save_merged_async(store, watched(media, second)), second)

    async def write_all() -> None:
        store = AsyncSQLiteStore(path, synchronous=synchronous)  # type: ignore[arg-type]  # either
        await asyncio.gather(*(write(store, task) for task in range(TASKS)))

    asyncio.run(write_all())


def tell(answers: int, record: ProgressRecord, second: int) -> None:
    os.write(answers, f"{record.media} {second} {record.revision}\n".encode())


def listen(children: list[Child], patience: float | None = None) -> None:
    """Take the next answers of some children, waiting for so many seconds."""
    by_pipe = {child.answers: child for child in children}
    for pipe in select.select(by_pipe, [], [], patience)[0]:
        assert by_pipe[pipe].listen(), "a writer ended by itself"


def crashes(folder: str, kills: str, seed: str, synchronous: str) -> dict[str, int]:
    """Kill writers at random; return what they had told of and what is lost of that."""
    chance = random.Random(seed)
    figures = dict.fromkeys(("kills", "acknowledged", "lost", "corrupt"), 0)
    for file in count():
        if figures["kills"] >= int(kills):
            break
        crash(f"{folder}/{file}.db", synchronous, chance, figures)
    return figures


def crash(path: str, synchronous: str, chance: random.Random, figures: dict[str, int]) -> None:
    """Kill some of several writers, who are replaced, and then all of them."""
    numbers = count()

    def writer() -> Child:
        number, write = next(numbers), chance.choice((write_for_ever, write_for_ever_async))
        return Child(lambda answers: write(path, synchronous, number, answers))

    living = [writer() for _ in range(WRITERS)]
    dead: list[Child] = []
    for _ in range(KILLS_PER_FILE - WRITERS):
        victim = chance.choice(living)
        while not victim.text:
            listen(living)
        end = time.monotonic() + chance.uniform(0, 0.03)
        while (left := end - time.monotonic()) > 0:
            listen(living, left)
        victim.kill()
        dead.append(victim)
        living[living.index(victim)] = writer()
    for child in living:
        while not child.text:
            listen([child])
    # All of them first, so that the next one to come finds a log that nobody has open.
    for child in living:
        os.kill(child.pid, signal.SIGKILL)
    for child in living:
        child.end()
    count_losses(path, [*dead, *living], figures)


def count_losses(path: str, dead: list[Child], figures: dict[str, int]) -> None:
    """Add to the figures what the dead have told of, and what became of it."""
    with SQLiteStore(path) as store:
        stored = {record.media: record for record in store.export_viewer("ann")}
    with closing(sqlite3.connect(path)) as connection:
        sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    figures["kills"] += len(dead)
    figures["corrupt"] += not sound
    for child in dead:
        for media, second, revision in child.lines():
            found = stored.get(media)
            kept = found and found.revision >= int(revision) and found.played >> int(second) & 1
            figures["acknowledged"] += 1
            figures["lost"] += not kept


# Starting, and saving, at once


def at_once(works: list[Callable[[], None]]) -> None:
    """Do some works at once, each in a process of its own."""
    waiting, ready = os.pipe()

    def started(work: Callable[[], None]) -> Callable[[int], None]:
        def start(_answers: int) -> None:
            os.close(ready)
            os.read(waiting, 1)  # Until all that could write there are gone.
            work()

        return start

    children = [Child(started(work)) for work in works]
    os.close(ready)
    assert [child.end() for child in children] == [0] * len(children)
    os.close(waiting)


def starts(folder: str, processes: str, old: str) -> dict[str, int]:
    """Start on an empty or an old database; return how many could save."""
    path = f"{folder}/starts.db"
    if old == "old":
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(MAKE_SCHEMA)
            connection.execute(MIGRATIONS[0])
            connection.execute(SET_SCHEMA, (1,))

    def start(second: int) -> None:
        with SQLiteStore(path) as store:
            save_merged(store, watched("all", second))

    at_once([partial(start, second) for second in range(int(processes))])
    return told(path, "all")


def one_row(folder: str, processes: str, threads: str, writes: str) -> dict[str, int]:
    """Save one record in threads of processes; return how often it was and what is in it."""
    path = f"{folder}/row.db"

    def write(store: SQLiteStore, first: int) -> None:
        for second in range(first, first + int(writes)):
            save_merged(store, watched("all", second))

    def work(process: int) -> None:
        firsts = [(process * int(threads) + thread) * int(writes) for thread in range(int(threads))]
        with (
            SQLiteStore(path, synchronous="normal") as store,
            ThreadPoolExecutor(int(threads)) as pool,
        ):
            list(pool.map(partial(write, store), firsts))

    at_once([partial(work, process) for process in range(int(processes))])
    return told(path, "all")


def told(path: str, media: str) -> dict[str, int]:
    with SQLiteStore(path) as store:
        record = store.load("ann", media)
    assert record is not None
    return {"revision": record.revision, "played": record.played.bit_count()}


# Forking


def fork(folder: str) -> dict[str, int]:
    """Fork while a store is open; return what is stored of what parent and child have saved."""
    path = f"{folder}/fork.db"
    inherited = SQLiteStore(path)
    inherited.save(watched("parent before", 0))
    closed, closing = os.pipe()

    def work(answers: int) -> None:
        os.close(closing)
        with SQLiteStore(path) as own:
            own.save(watched("own before", 0))
            inherited.save(watched("inherited before", 0))
            os.write(answers, b"saved\n")
            os.read(closed, 1)  # Until the parent has closed the file.
            inherited.save(watched("inherited after", 0))
            own.save(watched("own after", 0))
            # What is told must be safe; and whoever opens the file next must find it.
            os.kill(os.getpid(), signal.SIGKILL)

    child = Child(work)
    child.listen()
    inherited.save(watched("parent after", 0))
    inherited.close()
    os.close(closing)
    assert child.end() == -signal.SIGKILL
    os.close(closed)
    with SQLiteStore(path) as store:
        return {record.media: record.revision for record in store.export_viewer("ann")}


if __name__ == "__main__":
    RIGS = {rig.__name__: rig for rig in (crashes, starts, one_row, fork)}
    sys.stdout.write(json.dumps(RIGS[sys.argv[1]](*sys.argv[2:])) + "\n")
