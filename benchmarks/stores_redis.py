"""Measure the Redis stores: ``python benchmarks/stores_redis.py URL [--rounds N] [--quick]``.

Against redis-py making the same calls: with the arguments ready, which is the least there is, and
with values made of a dict by `json.dumps`, as anybody would by hand. What is compared takes turns
within a round, and the ratios are medians over the rounds. CPU times are the client's; how long
the server took is in the time per save of the growth only.

Everything is saved in a namespace of its own, and deleted in the end.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from time import perf_counter_ns
from typing import Any
from uuid import uuid4

from attrs import evolve
from redis import BlockingConnectionPool, Redis
from redis.asyncio import BlockingConnectionPool as AsyncBlockingConnectionPool
from redis.asyncio import Redis as AsyncRedis

from milestone_progress._record import ProgressRecord
from milestone_progress.stores._redis_script import (
    SCRIPT,
    SCRIPT_NAME,
    Call,
    places_by_viewer,
    save_calls,
    stem_of,
)
from milestone_progress.stores.redis import AsyncRedisStore, RedisStore
from stopwatch import cpu_time

ROUNDS, QUICK_ROUNDS = 25, 5
BATCH = 1_000
CONCURRENCY = (1, 16, 256)
GROWTH, QUICK_GROWTH = (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000)
READY, BY_HAND, STORE = "redis-py, arguments ready", "redis-py by hand", "store"

# A viewer, a media, and the rest of a record as whoever has no store would have it.
Row = tuple[str, str, dict[str, object]]
# What each contestant took in one round, nanoseconds for each record.
Round = Mapping[str, float]


def record_of(viewer: int, media: int) -> ProgressRecord:
    """Return a record as it is after twenty minutes."""
    return ProgressRecord(
        viewer=f"3f0c7a52-6f3e-4d8e-b1a3-{viewer:012}",
        media=f"course-7/session-{media}",
        position=1_234.567,
        duration=3_600.0,
        milestone=25,
        furthest=1_300.25,
        played=(1 << 1_234) - 1,
        updated_at=1.7e9 + media,
    )


def batch_of(viewers: int) -> list[ProgressRecord]:
    """Return a thousand records of some viewers by turns."""
    return [record_of(index % viewers, index // viewers) for index in range(BATCH)]


def row_of(record: ProgressRecord) -> Row:
    """Return a record without its class."""
    data = record.to_dict() | {"revision": record.revision + 1}
    return record.viewer, record.media, {key: data[key] for key in [*data][:1] + [*data][3:]}


def calls_of(stem: str, batch: Sequence[ProgressRecord]) -> list[Call]:
    """Return the calls that save a batch, one for each viewer."""
    return save_calls(stem, batch, places_by_viewer(batch))


ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def call_by_hand(stem: str, viewer: str, *medias_and_texts: str) -> Sequence[Any]:
    """Return a call with keys put together, as for a viewer whose name needs no quoting."""
    tag = f"{stem}{viewer}}}:"
    return 3, f"{tag}records", f"{tag}newest", f"{tag}unfinished", "save", *medias_and_texts


def calls_by_hand(stem: str, rows: Iterable[Row]) -> list[Sequence[Any]]:
    """Return the same calls as `calls_of`, made of rows."""
    by_viewer: dict[str, list[str]] = {}
    for viewer, media, fields in rows:
        by_viewer.setdefault(viewer, []).extend((media, ENCODE(fields)))
    return [call_by_hand(stem, viewer, *texts) for viewer, texts in by_viewer.items()]


class Bench:
    """The contestants, and where they save."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.namespace = f"benchmark {uuid4()}"
        self.stem = stem_of(self.namespace)
        self.store = RedisStore(url, namespace=self.namespace)
        self.client = Redis.from_pool(BlockingConnectionPool.from_url(url, protocol=2))
        self.client.script_load(SCRIPT)

    def close(self) -> None:
        """Delete everything."""
        self.store.purge(1e12)
        self.store.close()
        self.client.close()

    def taken(self, save: Callable[[], object], count: int) -> float:
        """Return the CPU time of saving records, each for the first time."""
        self.store.purge(1e12)
        return cpu_time(save) / count

    def singly(self, viewers: int = 50) -> Round:
        """Save one record after the other."""
        some = batch_of(viewers)
        evalsha = self.client.evalsha
        ready = [calls_of(self.stem, [record])[0] for record in some]
        rows = [row_of(record) for record in some]

        def by_ready() -> None:
            for call in ready:
                evalsha(SCRIPT_NAME, *call)  # type: ignore[arg-type]  # the number of keys is first

        def by_hand() -> None:
            for viewer, media, fields in rows:
                evalsha(SCRIPT_NAME, *call_by_hand(self.stem, viewer, media, ENCODE(fields)))

        def by_store() -> None:
            for record in some:
                self.store.save(record)

        contestants = {READY: by_ready, BY_HAND: by_hand, STORE: by_store}
        return {name: self.taken(save, BATCH) for name, save in contestants.items()}

    def at_once(self, viewers: int) -> Round:
        """Save a batch."""
        some = batch_of(viewers)
        ready = calls_of(self.stem, some)
        rows = [row_of(record) for record in some]

        def send(calls: Iterable[Sequence[Any]]) -> None:
            pipeline = self.client.pipeline(transaction=False)
            for call in calls:
                pipeline.evalsha(SCRIPT_NAME, *call)
            pipeline.execute()

        contestants = {
            READY: lambda: send(ready),
            BY_HAND: lambda: send(calls_by_hand(self.stem, rows)),
            STORE: lambda: self.store.save_many(some),
        }
        return {name: self.taken(save, BATCH) for name, save in contestants.items()}

    def awaited(self, tasks: int) -> Round:
        """Save one record after the other in each of so many tasks."""
        some = batch_of(50)
        ready = [calls_of(self.stem, [record])[0] for record in some]
        rows = [row_of(record) for record in some]
        with asyncio.Runner() as runner:
            store = AsyncRedisStore(self.url, namespace=self.namespace)
            pool = AsyncBlockingConnectionPool.from_url(self.url, protocol=2)
            client = AsyncRedis.from_pool(pool)

            async def evalsha(call: Sequence[Any]) -> None:
                await client.evalsha(SCRIPT_NAME, *call)

            async def by_hand(row: Row) -> None:
                viewer, media, fields = row
                call = call_by_hand(self.stem, viewer, media, ENCODE(fields))
                await client.evalsha(SCRIPT_NAME, *call)

            def all_of(save: Callable[[Any], Awaitable[object]], many: Sequence[Any]) -> None:
                async def work(part: Sequence[Any]) -> None:
                    for one in part:
                        await save(one)

                async def everything() -> None:
                    await asyncio.gather(*(work(many[task::tasks]) for task in range(tasks)))

                runner.run(everything())

            contestants: Mapping[str, Callable[[], None]] = {
                READY: lambda: all_of(evalsha, ready),
                BY_HAND: lambda: all_of(by_hand, rows),
                STORE: lambda: all_of(store.save, some),
            }
            for save in contestants.values():
                self.taken(save, BATCH)  # It connects.
            measured = {name: self.taken(save, BATCH) for name, save in contestants.items()}
            runner.run(store.close())
            runner.run(client.aclose())
        return measured


def growth(bench: Bench, sizes: Sequence[int]) -> None:
    """Print what some calls take when so many records are stored, and how much memory those do."""
    store = bench.store
    store.purge(1e12)
    empty = bench.client.info("memory")["used_memory"]
    stored = 0
    print("\n| records | save | load | recent | memory per record |\n|--:|--:|--:|--:|--:|")
    for size in sizes:
        while stored < size:
            batch = [
                record_of(index // 100, index % 100) for index in range(stored, stored + BATCH)
            ]
            store.save_many(batch)
            stored += BATCH
        memory = (bench.client.info("memory")["used_memory"] - empty) / size
        known = [
            store.export_viewer(record_of(viewer, 0).viewer)[viewer % 100]
            for viewer in range(0, size // 100, max(1, size // 100 // BATCH))
        ]
        calls: Sequence[Callable[[ProgressRecord], object]] = (
            lambda record: store.save(evolve(record, position=2_000.0)),
            lambda record: store.load(record.viewer, record.media),
            lambda record: store.recent(record.viewer),
        )
        cells = [f"{median(times(call, known)) / 1_000:.0f} µs" for call in calls]
        print(f"| {size:,} | {' | '.join(cells)} | {memory:.0f} B |", flush=True)


def times(
    call: Callable[[ProgressRecord], object], records: Iterable[ProgressRecord]
) -> Iterator[int]:
    """Return how long a call takes with each record, nanoseconds."""
    for record in records:
        start = perf_counter_ns()
        call(record)
        yield perf_counter_ns() - start


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description="Measure what saving into Redis costs.")
    parser.add_argument("url", help="of a server to test with")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help=f"only {QUICK_ROUNDS} rounds, and few")
    options = parser.parse_args(arguments)
    rounds = QUICK_ROUNDS if options.quick else options.rounds
    bench = Bench(options.url)
    races: Mapping[str, Callable[[], Round]] = {
        "save": bench.singly,
        **{
            f"save_many({BATCH:,}) of {viewers:,} viewers": partial(bench.at_once, viewers)
            for viewers in (1, 50, BATCH)
        },
        **{f"asyncio, {tasks} at once": partial(bench.awaited, tasks) for tasks in CONCURRENCY},
    }
    try:
        print(f"Python {sys.version.split()[0]}, {rounds} rounds, CPU time of the client\n")
        print("| | arguments ready | by hand | store | store / ready | store / by hand |")
        print("|---|--:|--:|--:|--:|--:|")
        for name, race in races.items():
            race()
            measured = [race() for _ in range(rounds)]
            cells = [
                f"{median(one[key] for one in measured) / 1_000:.2f} µs" for key in measured[0]
            ]
            for other in (READY, BY_HAND):
                cells.append(f"{median(one[STORE] / one[other] for one in measured):.2f}")
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
        growth(bench, QUICK_GROWTH if options.quick else GROWTH)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
