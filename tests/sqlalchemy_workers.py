"""Processes that start at once on databases: `python sqlalchemy_workers.py PROCESSES URL…`.

They are forked by a process of its own, as there may be threads in one that runs tests. Once all
are there, each creates the schema of each database, and plays a second of its own of one record.
"""

import os
import sys
import traceback

from sqlalchemy import create_engine

from milestone_progress import ProgressRecord
from milestone_progress.stores import save_merged
from milestone_progress.stores.sqlalchemy import SQLAlchemyStore


def work(number: int, urls: list[str]) -> None:
    for url in urls:
        options = {"timeout": 60} if url.startswith("sqlite") else {}
        engine = create_engine(url, connect_args=options)
        store = SQLAlchemyStore(engine)
        store.create_schema()
        record = ProgressRecord(
            viewer="ann", media="intro", position=0.0, updated_at=0.0, played=1 << number
        )
        save_merged(store, record)
        engine.dispose()


def main(processes: int, urls: list[str]) -> int:
    """Return how many of the processes failed."""
    reading, writing = os.pipe()
    children = []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # Until the last of them is there and the pipe is closed.
            try:
                work(number, urls)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    os.close(writing)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
