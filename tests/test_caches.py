"""The caches of snapshots: in memory, and on a real server."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import uuid4

import pytest
import redis
import redis.asyncio
import valkey as valkey_py
import valkey.asyncio as valkey_asyncio

from milestone_progress import InvalidValueError, SaveDecision, StoreError
from milestone_progress.caches import AsyncSnapshotCache, SnapshotCache
from milestone_progress.caches.memory import AsyncMemorySnapshotCache, MemorySnapshotCache
from milestone_progress.caches.redis import AsyncRedisSnapshotCache, RedisSnapshotCache
from milestone_progress.simulator import Player
from milestone_progress.testing._store_extremes import HOSTILE_IDENTIFIERS, INVALID_IDENTIFIERS
from recorders import ASYNC, NOW, SYNC, Desk, Driven
from servers import OwnServer, Server

AnyCache = SnapshotCache | AsyncSnapshotCache
TEXT = '{"schema":1,"ü":"🎬\\u0000"}'


def driven(cache: AnyCache) -> SnapshotCache:
    """Return a cache as one for threads, if it is not."""
    if asyncio.iscoroutinefunction(cache.get):
        return cast("SnapshotCache", Driven(cache, ASYNC.runner))
    return cast("SnapshotCache", cache)


@pytest.fixture
def namespace() -> str:
    return uuid4().hex


@pytest.fixture(params=["memory", "async memory", "redis", "async redis"])
def cache(request: pytest.FixtureRequest, namespace: str) -> Iterator[SnapshotCache]:
    """All four, those for asyncio as if they were for threads."""
    kind: str = request.param
    made: AnyCache
    if kind.endswith("memory"):
        made = AsyncMemorySnapshotCache() if kind.startswith("async") else MemorySnapshotCache()
    else:
        server: Server = request.getfixturevalue("valkey")
        flavour = AsyncRedisSnapshotCache if kind.startswith("async") else RedisSnapshotCache
        made = flavour(server.url, namespace=namespace)
    found = driven(made)
    yield found
    found.close()


@pytest.fixture(params=[RedisSnapshotCache, AsyncRedisSnapshotCache])
def open_redis(
    request: pytest.FixtureRequest, valkey: Server, namespace: str
) -> Iterator[Callable[..., SnapshotCache]]:
    """Opens either of the two on the server; all are closed in the end."""
    opened: list[SnapshotCache] = []

    def open_one(server: Any = None, **options: Any) -> SnapshotCache:
        flavour: type[RedisSnapshotCache] = request.param
        made = driven(flavour(server or valkey.url, **{"namespace": namespace} | options))
        opened.append(made)
        return made

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def client(valkey: Server) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url) as client:
        yield client


def key_of(namespace: str, viewer: str = "ann") -> str:
    return f"milestone-progress:{{{namespace}:{viewer}}}:snapshots"


def uses(cache: SnapshotCache) -> list[Callable[[], object]]:
    """Return all that can be asked of a cache."""
    return [
        lambda: cache.get("ann", "m"),
        lambda: cache.put("ann", "m", TEXT),
        lambda: cache.forget("ann", "m"),
        lambda: cache.forget("ann", "m", "tab"),
        lambda: cache.forget("ann"),
    ]


# What all of them do


def test_what_was_put_last_is_found(cache: SnapshotCache) -> None:
    assert cache.get("ann", "m") is None
    cache.put("ann", "m", "first")
    cache.put("ann", "m", TEXT)
    cache.put("ann", "n", "other media")
    cache.put("bob", "m", "other viewer")
    assert cache.get("ann", "m") == TEXT
    assert cache.get("ann", "n") == "other media"
    assert cache.get("bob", "m") == "other viewer"
    assert cache.get("bob", "n") is None


def test_one_media_is_forgotten_or_all_of_a_viewer(cache: SnapshotCache) -> None:
    for viewer in ("ann", "bob"):
        for media in "mno":
            cache.put(viewer, media, viewer + media)
    cache.forget("ann", "m")
    cache.forget("ann", "never put")
    assert [cache.get("ann", media) for media in "mno"] == [None, "annn", "anno"]
    cache.forget("ann")
    cache.forget("nobody")
    assert [cache.get("ann", media) for media in "mno"] == [None] * 3
    assert [cache.get("bob", media) for media in "mno"] == ["bobm", "bobn", "bobo"]


def test_players_are_told_apart_and_forgotten_with_their_media(cache: SnapshotCache) -> None:
    for media in ("m", "mm"):
        for player in ("", "m", "phone"):
            cache.put("ann", media, f"{media} {player}", player)
    assert cache.get("ann", "m", "phone") == "m phone"
    assert cache.get("ann", "m") == "m "
    assert cache.get("ann", "m", "mm") is None
    cache.forget("ann", "m")
    assert [cache.get("ann", "m", player) for player in ("", "m", "phone")] == [None] * 3
    assert [cache.get("ann", "mm", player) for player in ("", "m")] == ["mm ", "mm m"]
    cache.forget("ann", "m")


def test_one_player_is_forgotten_and_the_others_are_not(cache: SnapshotCache) -> None:
    for media in "mn":
        for player in ("", "tab", "phone"):
            cache.put("ann", media, f"{media} {player}", player)
    cache.forget("ann", "m", "tab")
    cache.forget("ann", "m", "never put")
    assert [cache.get("ann", "m", player) for player in ("", "tab", "phone")] == [
        "m ",
        None,
        "m phone",
    ]
    cache.forget("ann", "m", "")
    assert cache.get("ann", "m") is None
    assert cache.get("ann", "m", "phone") == "m phone"
    assert [cache.get("ann", "n", player) for player in ("", "tab")] == ["n ", "n tab"]
    with pytest.raises(InvalidValueError):
        cache.forget("ann", "m", "a\nb")


def test_of_a_viewing_that_was_idle_nothing_is_left_on_the_server(
    valkey: Server, client: redis.Redis, namespace: str
) -> None:
    with RedisSnapshotCache(valkey.url, namespace=namespace) as cache:
        desk = Desk(SYNC, snapshots=cache)
        for number in range(5):
            player = Player(duration=1000, at=desk.clock.now).play_to(5)
            desk.recorder.handle("ann", "m", player.events, player=f"connection {number}")
            desk.clock.now += 1800
            desk.recorder.tick()
            assert client.hlen(key_of(namespace)) == 0


def test_hostile_names_are_told_apart(cache: SnapshotCache) -> None:
    for name in HOSTILE_IDENTIFIERS:
        cache.put(name, "m", f"viewer {name}")
        cache.put("a viewer", name, f"media {name}")
    for name in HOSTILE_IDENTIFIERS:
        assert cache.get(name, "m") == f"viewer {name}"
        assert cache.get("a viewer", name) == f"media {name}"
    cache.forget("ann")
    cache.forget("a viewer", "ann")
    left = [name for name in HOSTILE_IDENTIFIERS if cache.get(name, "m") is not None]
    assert left == [name for name in HOSTILE_IDENTIFIERS if name != "ann"]
    left = [name for name in HOSTILE_IDENTIFIERS if cache.get("a viewer", name) is not None]
    assert left == [name for name in HOSTILE_IDENTIFIERS if name != "ann"]


@pytest.mark.parametrize("names", [("a:b", "c"), ("a", "b:c"), ("a}:b", "{c"), ("a", "b}:c")])
def test_joined_names_are_told_apart(cache: SnapshotCache, names: tuple[str, str]) -> None:
    cache.put(*names, TEXT)
    others = {("a:b", "c"), ("a", "b:c"), ("a}:b", "{c"), ("a", "b}:c")} - {names}
    assert [cache.get(*other) for other in others] == [None] * 3


def test_what_is_no_identifier_is_refused(cache: SnapshotCache) -> None:
    for wrong in INVALID_IDENTIFIERS:
        for viewer, media in ((wrong, "m"), ("ann", wrong)):
            with pytest.raises(InvalidValueError):
                cache.get(viewer, media)
            with pytest.raises(InvalidValueError):
                cache.put(viewer, media, TEXT)
            if media is not None:
                with pytest.raises(InvalidValueError):
                    cache.forget(viewer, media)
        with pytest.raises(InvalidValueError):
            cache.forget(wrong)


def test_a_closed_cache_fails_and_may_be_closed_again(cache: SnapshotCache) -> None:
    cache.put("ann", "m", TEXT)
    cache.close()
    cache.close()
    for use in uses(cache):
        with pytest.raises(StoreError, match="closed"):
            use()


def test_a_cache_closes_itself_at_the_end_of_a_block(valkey: Server) -> None:
    for cache in (MemorySnapshotCache(), RedisSnapshotCache(valkey.url)):
        with cache:
            cache.get("ann", "m")
        with pytest.raises(StoreError):
            cache.get("ann", "m")

    async def run() -> None:
        for cache in (AsyncMemorySnapshotCache(), AsyncRedisSnapshotCache(valkey.url)):
            async with cache:
                await cache.get("ann", "m")
            with pytest.raises(StoreError):
                await cache.get("ann", "m")

    asyncio.run(run())


def test_workers_on_one_server_go_on_with_the_viewings_of_each_other(
    valkey: Server, namespace: str
) -> None:
    def open_one() -> RedisSnapshotCache:
        return RedisSnapshotCache(valkey.url, namespace=namespace)

    with open_one() as first, open_one() as second:
        desk = Desk(SYNC, snapshots=first)
        workers = [desk.recorder, desk.another(snapshots=second)]
        player = Player(duration=1000, at=NOW)
        told = 0
        decisions: list[SaveDecision] = []
        for turn in range(20):
            player.play_for(15)
            decisions += workers[turn % 2].handle("ann", "m", player.events[told:]).decisions
            told = len(player.events)
            desk.clock.now = player.at
        assert [decision.milestone for decision in decisions] == [10, 25]
        record = desk.stored()
        assert record is not None
        assert record.played == (1 << 250) - 1
        workers[0].reset("ann", "m")
        assert second.get("ann", "m") is None


# What is special about a server


def test_caches_of_one_namespace_share_and_of_others_do_not(
    open_redis: Callable[..., SnapshotCache], namespace: str
) -> None:
    first, second = open_redis(), open_redis()
    other = open_redis(namespace=f"{namespace}:ann")
    first.put("ann", "m", TEXT)
    assert second.get("ann", "m") == TEXT
    assert other.get("ann", "m") is None
    other.forget("ann")
    assert second.get("ann", "m") == TEXT
    second.forget("ann")
    assert first.get("ann", "m") is None


@pytest.mark.parametrize(("expiry", "milliseconds"), [(None, 6 * 3_600_000), (90.5, 90_500)])
def test_who_stays_away_is_forgotten(
    open_redis: Callable[..., SnapshotCache],
    client: redis.Redis,
    namespace: str,
    expiry: float | None,
    milliseconds: int,
) -> None:
    cache = open_redis() if expiry is None else open_redis(expiry=expiry)
    for media in "mn":
        cache.put("ann", media, TEXT)
        # As long as after the last of the viewer's events, whichever media it was of.
        assert milliseconds - 60_000 < client.pttl(key_of(namespace)) <= milliseconds
        client.pexpire(key_of(namespace), 1_000)
    cache.get("ann", "m")
    assert 0 < client.pttl(key_of(namespace)) <= 1_000
    client.delete(key_of(namespace))
    assert cache.get("ann", "m") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"expiry": 0},
        {"expiry": 0.0009},
        {"expiry": float("inf")},
        {"expiry": True},
        {"timeout": 0},
        {"namespace": ""},
    ],
)
@pytest.mark.parametrize("flavour", [RedisSnapshotCache, AsyncRedisSnapshotCache])
def test_settings_that_are_none_are_refused(
    flavour: type[RedisSnapshotCache], wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValueError):
        flavour("redis://127.0.0.1", **wrong)
    with pytest.raises(InvalidValueError, match="a URL such as") as caught:
        flavour("http://user:secret@127.0.0.1")
    assert "secret" not in str(caught.value)


def test_what_somebody_else_keeps_there_is_an_error_and_stays(
    open_redis: Callable[..., SnapshotCache], client: redis.Redis, namespace: str
) -> None:
    cache = open_redis()
    client.set(key_of(namespace), "a text")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        cache.get("ann", "m")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        cache.put("ann", "m", TEXT)
    with pytest.raises(StoreError, match="WRONGTYPE"):
        cache.forget("ann", "m")
    assert client.get(key_of(namespace)) == b"a text"
    client.delete(key_of(namespace))
    client.hset(key_of(namespace), "m", b"\xff\xfe")
    with pytest.raises(StoreError):
        cache.get("ann", "m")


def test_a_server_that_is_down_is_an_error_until_it_is_back(
    private_valkey: OwnServer, open_redis: Callable[..., SnapshotCache]
) -> None:
    cache = open_redis(private_valkey.url, timeout=5.0)
    cache.put("ann", "m", TEXT)
    private_valkey.kill()
    for use in uses(cache):
        with pytest.raises(StoreError, match="the server, or the way there, failed"):
            use()
    private_valkey.start()
    cache.put("ann", "m", TEXT)
    assert cache.get("ann", "m") == TEXT


def test_without_its_server_a_recorder_goes_on_alone(private_valkey: OwnServer) -> None:
    with RedisSnapshotCache(private_valkey.url, timeout=5.0) as cache:
        desk = Desk(SYNC, snapshots=cache)
        player = Player(duration=1000, at=NOW).play_to(60)
        assert desk.recorder.handle("ann", "m", player.events).handled
        told = len(player.events)
        private_valkey.kill()
        player.play_to(120)
        result = desk.recorder.handle("ann", "m", player.events[told:])
        assert [decision.milestone for decision in result.decisions] == [10]
        record = desk.stored()
        assert record is not None
        assert record.played == (1 << 100) - 1


@pytest.mark.parametrize("decodes", [False, True])
@pytest.mark.parametrize("module", [redis, valkey_py])
def test_a_client_that_is_given_is_used_and_stays_open(
    module: Any, decodes: bool, valkey: Server, namespace: str
) -> None:
    url = valkey.url.replace("valkey://", "redis://")
    name = "Redis" if module is redis else "Valkey"
    with getattr(module, name).from_url(url, decode_responses=decodes) as client:
        with RedisSnapshotCache(client, namespace=namespace) as cache:
            cache.put("ann", "m", TEXT)
            assert cache.get("ann", "m") == TEXT
            cache.forget("ann", "m")
            assert cache.get("ann", "m") is None
        assert client.ping()


@pytest.mark.parametrize("decodes", [False, True])
@pytest.mark.parametrize("flavour", [redis.asyncio.Redis, valkey_asyncio.Valkey])
def test_an_asyncio_client_that_is_given_is_used_and_stays_open(
    flavour: Any, decodes: bool, valkey: Server, namespace: str
) -> None:
    url = valkey.url.replace("valkey://", "redis://")

    async def run() -> None:
        async with flavour.from_url(url, decode_responses=decodes) as client:
            async with AsyncRedisSnapshotCache(client, namespace=namespace) as cache:
                await cache.put("ann", "m", TEXT)
                assert await cache.get("ann", "m") == TEXT
                await cache.forget("ann")
                assert await cache.get("ann", "m") is None
            assert await client.ping()

    asyncio.run(run())


class Odd:
    """A client whose server answers with a number."""

    def execute_command(self, *_arguments: object) -> object:
        return 1


def test_an_answer_of_no_known_kind_is_an_error() -> None:
    cache = RedisSnapshotCache(cast("Any", Odd()))
    with pytest.raises(StoreError, match="answered with a int"):
        cache.get("ann", "m")


def test_a_cache_that_closes_waits_for_who_is_inside() -> None:
    pauses: list[float] = []
    cache = RedisSnapshotCache(cast("Any", Odd()), timeout=0.002)
    with cache._opened:
        cache.close()
        pauses += list(cache._opened.closing())
        awaited = AsyncRedisSnapshotCache(cast("Any", Odd()), timeout=0.002)
        with awaited._opened:
            asyncio.run(awaited.close())
    assert pauses
    assert list(cache._opened.closing()) == []
