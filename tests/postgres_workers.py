"""Processes that share databases: `python postgres_workers.py PROCESSES SAVES URL…`.

They are forked by a process of its own, as there may be threads in one that runs tests. Once all
are there, each plays seconds of its own, each by a save, into one record of each database, which
all of them share.
"""

import os
import sys
import traceback

from milestone_progress import ProgressRecord
from milestone_progress.stores import save_merged
from milestone_progress.stores.postgres import PostgresStore


def work(number: int, saves: int, stores: list[PostgresStore]) -> None:
    for store in stores:
        with store:
            for second in range(number * saves, (number + 1) * saves):
                played = 1 << second
                record = ProgressRecord(
                    viewer="ann", media="intro", position=0.0, updated_at=0.0, played=played
                )
                save_merged(store, record)


def main(processes: int, saves: int, urls: list[str]) -> int:
    """Return how many of the processes failed."""
    stores = [PostgresStore(url, timeout=60) for url in urls]
    reading, writing = os.pipe()
    children = []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # Until the last of them is there and the pipe is closed.
            try:
                work(number, saves, stores)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    os.close(writing)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
