"""The Redis store while its server crashes, hangs or restarts, and while many write at once."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Semaphore
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from attrs import evolve

from milestone_progress._record import ConflictError, ProgressRecord
from milestone_progress.errors import StoreError
from milestone_progress.stores import save_merged
from milestone_progress.stores.redis import AsyncRedisStore, RedisStore
from milestone_progress.testing._store_extremes import NOW, a_record
from milestone_progress.testing._store_workers import (
    PATIENCE,
    FullStore,
    Stores,
    at_once,
    outcome,
)
from servers import OwnServer, Server

TIMEOUT = 0.2
# What tried again, ten times as clients of redis-py do by default, would take longer.
SOON = 10 * TIMEOUT


# A server that ends while others write


def numbered(viewer: str, media: str, revision: int) -> ProgressRecord:
    """Return the record that is stored with a revision: every field tells which."""
    return a_record(
        viewer=viewer,
        media=media,
        position=float(revision),
        milestone=revision % 101,
        played=(1 << revision % 1_000) - 1,
        updated_at=NOW + revision,
        revision=revision,
    )


class Writer:
    """Saves the next revision of the same records again and again, and knows what was answered."""

    def __init__(self, store: RedisStore, viewer: str, records: int) -> None:
        self.store = store
        self.viewer = viewer
        self.answered = [numbered(viewer, f"media {n}", 0) for n in range(records)]
        self.answers = Semaphore(0)
        self.failures = 0

    def write(self, ended: Event) -> None:
        while not ended.is_set():
            try:
                self.save()
            except StoreError:
                self.failures += 1
                self.look()
            self.answers.release()

    def save(self) -> None:
        following = [numbered(self.viewer, one.media, one.revision + 1) for one in self.answered]
        batch = [evolve(one, revision=one.revision - 1) for one in following]
        saved = [self.store.save(batch[0])] if len(batch) == 1 else self.store.save_many(batch)
        assert saved == following
        self.answered = following

    def look(self) -> None:
        """Go on from what is stored, once the server is back, and assert that nothing is lost."""
        medias = [one.media for one in self.answered]
        while True:
            try:
                stored = self.store.load_many(self.viewer, medias)
                break
            except StoreError:
                Event().wait(0.01)
        for place, one in enumerate(self.answered):
            found = stored.get(one.media, numbered(self.viewer, one.media, 0))
            # What was not answered may have been saved or not.
            assert found.revision in (one.revision, one.revision + 1)
            assert found == numbered(self.viewer, one.media, found.revision)
            self.answered[place] = found


@contextmanager
def writing(store: RedisStore) -> Iterator[list[Writer]]:
    """Have three threads save single records and one save batches, as long as the context lasts."""
    writers = [Writer(store, f"viewer {n}", records) for n, records in enumerate([1, 1, 1, 20])]
    ended = Event()
    with ThreadPoolExecutor(len(writers)) as threads:
        futures = [threads.submit(writer.write, ended) for writer in writers]
        try:
            yield writers
        finally:
            ended.set()
        for future in futures:
            future.result(PATIENCE)


def interrupted(server: OwnServer, end: Callable[[], None], times: int) -> int:
    """End a server again and again while others write; return how many saves were answered."""
    with RedisStore(server.url) as store:
        with writing(store) as writers:
            for _ in range(times):
                # At any moment, but not before each has saved something.
                for writer in writers:
                    assert writer.answers.acquire(timeout=PATIENCE)
                for _ in range(random.randrange(200)):
                    assert writers[0].answers.acquire(timeout=PATIENCE)
                end()
                server.start()
        for writer in writers:
            writer.look()
            newest = sorted(writer.answered, key=lambda one: (-one.updated_at, one.media))
            assert store.recent(writer.viewer, 50) == newest
        assert sum(writer.failures for writer in writers) >= times
    return sum(one.revision for writer in writers for one in writer.answered)


def test_a_crash_loses_no_save_that_was_answered(private_valkey: OwnServer) -> None:
    assert interrupted(private_valkey, private_valkey.kill, times=3) > 0


@pytest.mark.slow
def test_fifty_crashes_lose_no_save_that_was_answered(private_valkey: OwnServer) -> None:
    assert interrupted(private_valkey, private_valkey.kill, times=50) > 0


def test_a_restart_loses_no_save_that_was_answered(private_valkey: OwnServer) -> None:
    assert interrupted(private_valkey, private_valkey.stop, times=2) > 0


# A server that is down, or does not answer


@pytest.fixture(params=[RedisStore, AsyncRedisStore])
def hasty(request: pytest.FixtureRequest, private_valkey: OwnServer) -> Iterator[Stores]:
    """Makes both stores, with a short time-out, of a server that may be ended."""
    url = private_valkey.url
    with Stores(lambda name: request.param(url, namespace=name, timeout=TIMEOUT)) as stores:
        yield stores


def fails_soon(store: FullStore, method: str, *arguments: object) -> None:
    started = monotonic()
    with pytest.raises(StoreError) as error:
        getattr(store, method)(*arguments)
    assert monotonic() - started < SOON
    assert error.value.__cause__ is not None


CALLS: tuple[tuple[Any, ...], ...] = (
    ("load", "ann", "intro"),
    ("save", a_record()),
    ("save_many", [a_record(), a_record(media="other"), a_record(viewer="bob")]),
    ("load_many", "ann", ["intro"]),
    ("recent", "ann"),
    ("export_viewer", "ann"),
    ("delete_viewer", "ann"),
    ("purge", NOW),
)


@pytest.mark.parametrize("how", ["stop", "pause"])
def test_a_server_that_does_not_answer_is_an_error_within_the_timeout(
    private_valkey: OwnServer, hasty: Stores, how: str
) -> None:
    used, unused = hasty.open(), hasty.open()
    saved = used.save(a_record())
    getattr(private_valkey, how)()
    for method, *arguments in CALLS:
        fails_soon(used, method, *arguments)
    fails_soon(unused, "load", "ann", "intro")
    if how == "stop":
        private_valkey.start()
    else:
        private_valkey.resume()
    assert unused.save_many([a_record(viewer="cleo")]) == [a_record(viewer="cleo", revision=1)]
    assert used.load("cleo", "intro") == a_record(viewer="cleo", revision=1)
    # The server may have done what it was asked for, after nobody waited any more.
    assert used.load("ann", "intro") in (None, saved)


def test_a_save_whose_answer_was_lost_is_made_once(
    private_valkey: OwnServer, hasty: Stores
) -> None:
    store = hasty.open()
    saved = store.save(a_record())
    private_valkey.pause()
    later = evolve(saved, position=50.0, updated_at=NOW + 1)
    with pytest.raises(StoreError):
        store.save(later)
    private_valkey.resume()
    assert save_merged(store, later) == evolve(later, revision=2)


def test_a_server_that_loses_everything_is_a_conflict(
    private_valkey: OwnServer, hasty: Stores
) -> None:
    store = hasty.open()
    saved = store.save(a_record())
    private_valkey.stop()
    private_valkey.options = ()  # No append-only file.
    private_valkey.start()
    lost = outcome(store, saved)
    assert isinstance(lost, ConflictError)
    assert lost.stored is None
    assert save_merged(store, saved) == saved


def test_a_cancelled_save_leaves_its_answer_to_nobody_else(private_valkey: OwnServer) -> None:
    async def saves() -> None:
        async with AsyncRedisStore(f"{private_valkey.url}?max_connections=1") as store:
            saved = await store.save(a_record())
            private_valkey.pause()
            task = asyncio.create_task(store.save(evolve(saved, position=50.0)))
            # It waits for the answer once it has nothing else to do.
            for _ in range(100):
                await asyncio.sleep(0)
            assert task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            private_valkey.resume()
            assert await store.load("ann", "other") is None
            found = await store.load("ann", "intro")
            assert found in (saved, evolve(saved, position=50.0, revision=2))

    asyncio.run(saves())


# Many at once


@pytest.mark.slow
def test_sixteen_threads_with_two_hundred_writes_each_lose_none(valkey: Server) -> None:
    threads, writes = 16, 200

    def write(thread: int) -> None:
        for second in range(thread, threads * writes, threads):
            save_merged(store, a_record(position=float(second), played=1 << second))

    with RedisStore(valkey.url, namespace=uuid4().hex) as store:
        at_once(threads, write)
        seconds = threads * writes
        expected = a_record(position=seconds - 1, played=(1 << seconds) - 1, revision=seconds)
        assert store.load("ann", "intro") == expected
        assert store.delete_viewer("ann") == 1


# The children use the store of their parent, which is connected already.
FORKING = """
import os, sys
from milestone_progress.stores import save_merged
from milestone_progress.stores.redis import RedisStore
from milestone_progress.testing._store_extremes import a_record

processes, writes = 8, 25
store = RedisStore(sys.argv[1], namespace=sys.argv[2])
assert store.load("ann", "intro") is None
children = []
for process in range(processes):
    child = os.fork()
    if child == 0:
        for second in range(process, processes * writes, processes):
            save_merged(store, a_record(position=float(second), played=1 << second))
        store.close()
        sys.exit()
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
seconds = processes * writes
expected = a_record(position=seconds - 1, played=(1 << seconds) - 1, revision=seconds)
assert store.load("ann", "intro") == expected
assert store.delete_viewer("ann") == 1
store.close()
"""


def test_eight_processes_forked_with_one_store_lose_nothing(valkey: Server) -> None:
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", FORKING, valkey.url, uuid4().hex]
    subprocess.run(command, check=True, timeout=PATIENCE)


def test_a_purge_deletes_nothing_that_was_saved_anew(valkey: Server) -> None:
    ended = Event()

    def purge() -> int:
        purged = 0
        while not ended.is_set():
            purged += store.purge(NOW)
        return purged

    def save(thread: int) -> None:
        record = a_record(viewer=f"viewer {thread}")
        for turn in range(100):
            old = store.save(evolve(record, updated_at=NOW - 1, position=float(turn)))
            renewed = outcome(store, evolve(old, updated_at=NOW))
            if isinstance(renewed, ConflictError):
                assert renewed.stored is None
                renewed = store.save(evolve(old, updated_at=NOW, revision=0))
            assert store.load(renewed.viewer, renewed.media) == renewed
            assert store.recent(renewed.viewer) == [renewed]
            record = renewed

    with RedisStore(valkey.url, namespace=uuid4().hex) as store, ThreadPoolExecutor(1) as thread:
        purger = thread.submit(purge)
        try:
            at_once(3, save)
        finally:
            ended.set()
        assert purger.result(PATIENCE) > 0
