"""The Redis store on a cluster of two servers: the laws of stores, and keys on both."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from attrs import evolve
from redis import Redis, RedisCluster
from redis.asyncio import RedisCluster as AsyncRedisCluster
from redis.cluster import ClusterNode

from milestone_progress.stores.redis import AsyncRedisStore, RedisStore
from milestone_progress.testing._store_extremes import NOW, a_record
from milestone_progress.testing._store_workers import FullStore, Stores
from milestone_progress.testing.conformance import StoreConformance
from servers import HOST, OwnServer, Valkey, before_long, running
from test_store_redis import OwningStore

SLOTS = 16_384


class ConnectedCluster(AsyncRedisCluster):
    """Learns where the slots are before it sends anything.

    By itself (redis-py 8.1) it sends anywhere what other tasks send meanwhile, and disconnects all
    of them if that was wrong.
    """

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        await self.initialize()
        return await super().execute_command(*arguments, **options)


@pytest.fixture(scope="module")
def servers(server_files: Path) -> Iterator[list[OwnServer]]:
    """Two servers that are a cluster, each with half of the slots."""
    with ExitStack() as stack:
        options = ("cluster-enabled yes",)
        servers = [stack.enter_context(running(Valkey, server_files, *options)) for _ in range(2)]
        nodes = [stack.enter_context(Redis.from_url(server.url)) for server in servers]
        for number, node in enumerate(nodes):
            # A client knows one password for all of them.
            node.config_set("requirepass", servers[0].password)
            first = number * SLOTS // 2
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, first + SLOTS // 2 - 1)
        nodes[0].execute_command("CLUSTER MEET", HOST, servers[1].port)

        def agree() -> bool:
            states = [node.execute_command("CLUSTER INFO")["cluster_state"] for node in nodes]
            return states == ["ok", "ok"]

        assert before_long(agree)
        yield servers


@pytest.fixture(scope="module")
def cluster(servers: list[OwnServer]) -> Iterator[RedisCluster]:
    with RedisCluster.from_url(servers[0].url) as cluster:
        yield cluster


class TestRedisStoreOnACluster(StoreConformance):
    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: RedisCluster) -> None:
        self.cluster = cluster

    def make_store(self, namespace: str) -> RedisStore:
        return RedisStore(self.cluster, namespace=namespace)


@pytest.mark.slow
class TestAsyncRedisStoreOnACluster(StoreConformance):
    # It makes hundreds of stores, each of which would have to learn where the slots are.
    test_it_does_what_a_plain_model_does = None  # type: ignore[assignment]  # so it is no test

    @pytest.fixture(autouse=True)
    def _cluster(self, servers: list[OwnServer]) -> None:
        self.url = servers[0].url

    def make_store(self, namespace: str) -> AsyncRedisStore:
        return OwningStore(ConnectedCluster.from_url(self.url), namespace)


@pytest.fixture(params=[RedisStore, AsyncRedisStore])
def store(
    request: pytest.FixtureRequest, servers: list[OwnServer], cluster: RedisCluster
) -> Iterator[FullStore]:
    def make(namespace: str) -> RedisStore | AsyncRedisStore:
        if request.param is RedisStore:
            return RedisStore(cluster, namespace=namespace)
        return OwningStore(ConnectedCluster.from_url(servers[0].url), namespace)

    with Stores(make) as stores:
        yield stores.open(uuid4().hex)


def test_a_batch_and_a_purge_reach_all_servers(store: FullStore, cluster: RedisCluster) -> None:
    primaries: list[ClusterNode] = cluster.get_primaries()  # type: ignore[no-untyped-call]  # theirs
    for node in primaries:
        cluster.flushall(target_nodes=node)
    batch = [
        a_record(viewer=f"viewer {viewer}", media=f"media {media}")
        for viewer in range(50)
        for media in range(4)
    ]
    for revision in (1, 2):
        # Every server has to be told the script on its own.
        node = primaries[revision - 1]
        cluster.execute_command("SCRIPT FLUSH", target_nodes=node)  # type: ignore[no-untyped-call]  # theirs
        saved = store.save_many(batch)
        assert saved == [evolve(record, revision=revision) for record in batch]
        batch = [evolve(record, revision=revision) for record in batch]
    assert all(cluster.dbsize(target_nodes=node) > 0 for node in primaries)
    for viewer in range(50):
        assert len(store.recent(f"viewer {viewer}")) == 4
    assert store.delete_viewer("viewer 1") == 4
    assert store.purge(NOW + 1) == len(batch) - 4
    assert [cluster.dbsize(target_nodes=node) for node in primaries] == [0, 0]
