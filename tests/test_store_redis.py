"""The Redis store: the laws of stores, and what is special about this one."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
import redis
from attrs import evolve

from milestone_progress._record import ConflictError, ProgressRecord
from milestone_progress.errors import InvalidValueError, StoreError
from milestone_progress.stores._redis_script import SCRIPT, SCRIPT_NAME
from milestone_progress.stores.redis import AsyncRedisStore, RedisStore
from milestone_progress.testing._store_extremes import NOW, RECORDS, SEPARATORS, a_record
from milestone_progress.testing._store_workers import FullStore, Stores
from milestone_progress.testing.conformance import StoreConformance
from servers import Server

HOSTILE = "a:b}{ é\u0301🎬*?[\\"


class TestRedisStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _server(self, valkey: Server) -> None:
        self.url = valkey.url

    def make_store(self, namespace: str) -> RedisStore:
        return RedisStore(self.url, namespace=namespace)


class TestAsyncRedisStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _server(self, valkey: Server) -> None:
        self.url = valkey.url

    def make_store(self, namespace: str) -> AsyncRedisStore:
        return AsyncRedisStore(self.url, namespace=namespace)


@pytest.fixture
def namespace() -> str:
    return uuid4().hex


@pytest.fixture(params=[RedisStore, AsyncRedisStore])
def store(request: pytest.FixtureRequest, valkey: Server, namespace: str) -> Iterator[FullStore]:
    """Both stores, the one for asyncio as if it were for threads."""
    with Stores(lambda name: request.param(valkey.url, namespace=name)) as stores:
        yield stores.open(namespace)


@pytest.fixture
def client(valkey: Server) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url) as client:
        yield client


def keys_of(namespace: str, viewer: str = "ann") -> list[str]:
    return [
        f"milestone-progress:{{{namespace}:{viewer}}}:{kind}"
        for kind in ("records", "newest", "unfinished")
    ]


def everything(client: redis.Redis, namespace: str) -> dict[bytes, bytes | None]:
    """Return all that the server keeps of a namespace."""
    keys = sorted(client.scan_iter(match=f"*{namespace}*", count=1_000))
    return {key: client.dump(key) for key in keys}


# What is stored


def test_a_record_is_stored_as_plain_json(
    store: FullStore, client: redis.Redis, namespace: str
) -> None:
    for record in RECORDS.values():
        saved = store.save(record)
        text = client.hget(keys_of(namespace)[0], record.media)
        assert text is not None
        expected = saved.to_dict()
        del expected["viewer"], expected["media"]
        assert json.loads(text) == expected
        assert [*json.loads(text)] == [*expected]


def test_nothing_is_left_of_a_deleted_viewer(
    store: FullStore, client: redis.Redis, namespace: str
) -> None:
    store.save_many([a_record(viewer=viewer) for viewer in ("ann", "Ann", HOSTILE)])
    store.save_many([a_record(media="finished", completed=True)])
    assert len(everything(client, namespace)) == 9
    for viewer in ("Ann", HOSTILE):
        assert store.delete_viewer(viewer) == 1
    assert sorted(everything(client, namespace)) == sorted(map(str.encode, keys_of(namespace)))
    assert store.delete_viewer("ann") == 2
    assert everything(client, namespace) == {}


def test_nothing_is_left_of_what_is_purged(
    store: FullStore, client: redis.Redis, namespace: str
) -> None:
    # More viewers than fit into one round trip, and one with more records than do.
    store.save_many([a_record(viewer=f"viewer {number}") for number in range(1_500)])
    store.save_many([a_record(media=f"media {number}") for number in range(9_000)])
    kept = store.save(a_record(media="kept", updated_at=NOW + 1))
    assert store.purge(NOW + 1) == 10_500
    assert store.export_viewer("ann") == [kept]
    assert sorted(everything(client, namespace)) == sorted(map(str.encode, keys_of(namespace)))
    assert store.purge(NOW + 2) == 1
    assert everything(client, namespace) == {}


def test_purge_leaves_alone_what_looks_like_ours(
    store: FullStore, client: redis.Redis, namespace: str
) -> None:
    others = [f"{namespace}:records", f"milestone-progress:{{{namespace}x:ann}}:records"]
    try:
        for key in others:
            client.hset(key, "intro", "theirs")
        store.save(a_record())
        assert store.purge(NOW + 1) == 1
        assert client.exists(*others) == 2
    finally:
        client.delete(*others)


def test_what_evicts_keys_one_by_one_breaks_nothing_else(
    store: FullStore, client: redis.Redis, namespace: str
) -> None:
    store.save_many([a_record(), a_record(media="other")])
    records, newest, unfinished = keys_of(namespace)
    client.delete(records)
    assert store.recent("ann") == []
    assert store.load("ann", "intro") is None
    saved = store.save(a_record())
    assert store.recent("ann") == [saved]
    client.delete(newest, unfinished)
    assert store.load("ann", "intro") == saved
    again = store.save(saved)
    assert store.recent("ann") == [again]
    assert store.purge(NOW + 1) == 1


def test_namespaces_and_viewers_are_never_taken_for_each_other(
    valkey: Server, namespace: str
) -> None:
    with Stores(lambda name: RedisStore(valkey.url, namespace=name)) as stores:
        for between in (*SEPARATORS, "%3A", "}:records", "}:newest"):
            long, short = (stores.open(f"{namespace}{end}") for end in (f"{between}b", ""))
            saved = long.save(a_record(viewer="c"))
            assert short.save(a_record(viewer=f"b{between}c")).revision == 1
            assert long.export_viewer("c") == [saved]
            assert short.delete_viewer(f"b{between}c") == 1
            assert long.delete_viewer("c") == 1


def test_a_namespace_with_wildcards_purges_no_other(valkey: Server, namespace: str) -> None:
    with Stores(lambda name: RedisStore(valkey.url, namespace=name)) as stores:
        store = stores.open(f"{namespace}a")
        saved = store.save(a_record())
        for pattern in ("*", "?", "[a-z]", "[^b]", "a*", "a:*}:records"):
            other = stores.open(f"{namespace}{pattern}")
            other.save(a_record())
            assert other.purge(NOW + 1) == 1
        assert store.export_viewer("ann") == [saved]
        assert store.purge(NOW + 1) == 1


# What the server refuses, if somebody goes past the edge

FIELDS = {
    "position": "1.5",
    "duration": "2.0",
    "milestone": "25",
    "furthest": "1.5",
    "completed": "false",
    "completed_at": "null",
    "played": '"0-1"',
    "updated_at": "1.5",
    "revision": "1",
    "generation": "0",
}
NO_NUMBERS = (
    *(
        "NaN",
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "-1",
        "-0.5",
        "1e308",
        "1e400",
        "1e13",
        "1000000000000.5",
    ),
    *(str(2**63), str(10**400), "true", "false", "True", '"5"', "'5'", "0x10", "0X1F", "0x1p4"),
    *(
        "",
        " 5",
        "5 ",
        "+5",
        "05",
        "00",
        ".5",
        "5.",
        "5.e-3",
        "1e5",
        "1E-5",
        "1_0",
        "1,0",
        "[1]",
        "{}",
    ),
    *("1.5.5", "1-1", "--1", "e-5", "\u0665", "5\n", "5\0", "None", "5}", '5,"x":6'),
)
NULLABLE = ("duration", "completed_at")
COUNTS = ("revision", "generation")


def refused(client: redis.Redis, namespace: str, media: bytes | str, text: bytes | str) -> bool:
    """Return whether the script refuses to save something, given to it as no store would."""
    keys = keys_of(namespace)
    beside = record_text()
    try:
        client.eval(SCRIPT, 3, *keys, "save", "beside", beside, media, text, "after", beside)
    except redis.ResponseError as error:
        return "no record" in str(error) and client.exists(*keys) == 0
    finally:
        client.delete(*keys)
    return False


def record_text(**changes: str) -> str:
    return '{"schema":1,' + ",".join(f'"{k}":{v}' for k, v in (FIELDS | changes).items()) + "}"


def test_the_script_takes_what_it_should(client: redis.Redis, namespace: str) -> None:
    good = {
        "position": [
            "0.0",
            "0",
            "7",
            "5e-324",
            "1.5e-07",
            "1000000000000.0",
            "0.30000000000000004",
        ],
        "duration": ["null", "5e-324"],
        "milestone": ["0", "100", "33.3", "99.99999999999999"],
        "completed": ["true", "false"],
        "completed_at": ["null", "0.0", "1700000000.25"],
        "played": ['""', '"0-359,900-1799"'],
        "revision": ["1", "10", str(2**53 - 1), str(2**53)],
        "generation": ["0", str(2**53 - 1)],
    }
    for field, texts in good.items():
        for text in texts:
            assert not refused(client, namespace, "intro", record_text(**{field: text})), text
    assert not refused(client, namespace, "🎬" * 200, record_text())


@pytest.mark.parametrize("field", [name for name in FIELDS if name != "played"])
def test_the_server_refuses_what_is_no_number(
    client: redis.Redis, namespace: str, field: str
) -> None:
    bad = {text for text in NO_NUMBERS if field != "completed" or text not in ("true", "false")}
    if field not in NULLABLE:
        bad.add("null")
    if field in COUNTS:
        bad |= {"1.0", "1.5", "5e-324", str(2**53 + 2)}
    if field == "milestone":
        bad |= {"101", "100.00000000000001"}
    if field == "duration":
        bad |= {"0", "0.0"}
    if field == "revision":
        bad.add("0")
    for text in sorted(bad):
        assert refused(client, namespace, "intro", record_text(**{field: text})), text


def test_the_server_refuses_what_is_no_record(client: redis.Redis, namespace: str) -> None:
    good = record_text()
    for text in (
        *("", "null", "{}", "[]", "5", '"text"', "\0", good[:-1], f"{good} ", f" {good}"),
        *(good.replace(":1,", ":2,", 1), good.replace('"schema":1,', "")),
        *(record_text(played=text) for text in ("5", "null", '"a"', '"0-1\\n"', '"0-1","x":1')),
        good.replace('"position":1.5,', ""),
        good.replace('"position":1.5,', '"position":1.5,"position":1.5,'),
        f'{good[:-1]},"generation":0}}',
    ):
        assert refused(client, namespace, "intro", text), text


def test_the_server_refuses_what_is_no_identifier(client: redis.Redis, namespace: str) -> None:
    for media in (b"", b"a\0", b"a\r\nb", b"\n", b"\x1b", b"\x7f", b"x" * 10_000):
        assert refused(client, namespace, media, record_text()), media


def test_a_revision_beyond_the_last_is_never_stored(client: redis.Redis, namespace: str) -> None:
    keys = keys_of(namespace)
    last = record_text(revision=str(2**53 - 1))
    client.hset(keys[0], "intro", last)
    try:
        text = record_text(revision=str(2**53))
        assert client.eval(SCRIPT, 3, *keys, "save", "intro", text) == [0, last.encode()]
    finally:
        client.delete(*keys)


# What somebody else keeps where our records should be


def failing(store: FullStore, *, reads: bool = True) -> None:
    """Assert that nothing can be done with what is stored of Ann."""
    calls: list[Callable[[], object]] = [
        lambda: store.save(a_record()),
        lambda: store.save_many([a_record(media="other"), a_record()]),
    ]
    if reads:
        calls += [
            lambda: store.load("ann", "intro"),
            lambda: store.load_many("ann", ["other", "intro"]),
            lambda: store.export_viewer("ann"),
        ]
    for call in calls:
        with pytest.raises(StoreError):
            call()


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_foreign_value_at_our_key_is_an_error_and_stays(
    store: FullStore, client: redis.Redis, namespace: str, kind: int
) -> None:
    saved = store.save(a_record())
    key = keys_of(namespace)[kind]
    client.delete(key)
    client.set(key, "theirs")
    before = everything(client, namespace)
    failing(store, reads=kind == 0)
    for call in (
        lambda: store.recent("ann"),
        lambda: store.delete_viewer("ann"),
        lambda: store.purge(NOW + 1),
    ):
        with pytest.raises(StoreError, match="WRONGTYPE"):
            call()
    assert everything(client, namespace) == before
    assert kind == 0 or store.load("ann", "intro") == saved


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "null", "true", "[]", "{}", '"text"', "not JSON", "NaN", "[" * 5_000, "\xff"),
        '{"revision": "1"}',
        '{"revision": null, "schema": 1}',
    ],
)
def test_a_foreign_text_in_our_hash_is_an_error_and_stays(
    store: FullStore, client: redis.Redis, namespace: str, text: str
) -> None:
    client.hset(keys_of(namespace)[0], "intro", text.encode("latin-1"))
    client.zadd(keys_of(namespace)[2], {"intro": -NOW})
    before = everything(client, namespace)
    failing(store)
    with pytest.raises(StoreError):
        store.recent("ann")
    assert everything(client, namespace) == before
    assert store.delete_viewer("ann") == 1


@pytest.mark.parametrize(
    "changes",
    [{"schema": 2}, {"position": "nan"}, {"milestone": 101}, {"played": "x"}, {"generation": -1}],
)
def test_what_a_later_version_or_somebody_else_stored_cannot_be_read_or_overwritten(
    store: FullStore, client: redis.Redis, namespace: str, changes: dict[str, Any]
) -> None:
    text = json.dumps(evolve(a_record(), revision=7).to_dict() | changes)
    client.hset(keys_of(namespace)[0], "intro", text)
    failing(store)
    assert client.hget(keys_of(namespace)[0], "intro") == text.encode()


def test_a_batch_fails_in_part_where_a_viewer_is_broken(
    store: FullStore, client: redis.Redis, namespace: str
) -> None:
    client.set(keys_of(namespace)[1], "theirs")
    batch = [a_record(viewer=viewer) for viewer in ("bob", "ann", "cleo")]
    with pytest.raises(StoreError, match="WRONGTYPE"):
        store.save_many(batch)
    assert [store.load(viewer, "intro") for viewer in ("bob", "cleo")] == [
        evolve(batch[0], revision=1),
        evolve(batch[2], revision=1),
    ]
    assert store.load("ann", "intro") is None


# The script


def test_a_server_that_forgot_the_script_is_told_again(
    store: FullStore, client: redis.Redis
) -> None:
    def forget() -> None:
        client.script_flush()
        assert client.script_exists(SCRIPT_NAME) == [False]

    forget()
    saved = store.save(a_record())
    forget()
    batch = [saved, a_record(), *(a_record(viewer=f"viewer {n}") for n in range(50))]
    again, lost, *others = store.save_many(batch)
    assert again == evolve(saved, revision=2)
    assert isinstance(lost, ConflictError)
    assert lost.stored == again
    assert [isinstance(one, ProgressRecord) for one in others] == [True] * 50
    forget()
    assert store.recent("ann") == [again]
    forget()
    assert store.purge(NOW + 1) == 51
    forget()
    assert store.delete_viewer("ann") == 0
    assert client.script_exists(SCRIPT_NAME) == [True]


# Clients


class OwningStore(AsyncRedisStore):
    """Closes its client, too: that has to be done where it was used, on the event loop."""

    def __init__(self, client: Any, namespace: str) -> None:
        super().__init__(client, namespace=namespace)
        self.given = client

    async def close(self) -> None:
        await super().close()
        assert await self.given.ping()
        await self.given.aclose()


def uses(store: FullStore, forget: Callable[[], object]) -> None:
    """Use all of a store, with names that are not ASCII."""
    saved = store.save(a_record(viewer=HOSTILE, media=HOSTILE))
    with pytest.raises(ConflictError) as conflict:
        store.save(a_record(viewer=HOSTILE, media=HOSTILE))
    assert conflict.value.stored == saved
    forget()
    again, lost = store.save_many([saved, saved])
    assert again == evolve(saved, revision=2)
    assert isinstance(lost, ConflictError)
    forget()
    assert store.recent(HOSTILE) == store.export_viewer(HOSTILE) == [again]
    assert store.load(HOSTILE, HOSTILE) == again
    assert store.load_many(HOSTILE, [HOSTILE, "other"]) == {HOSTILE: again}
    assert store.purge(NOW + 1) == 1
    assert store.delete_viewer(HOSTILE) == 0


OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"protocol": 2},
    {"protocol": 3, "decode_responses": True},
    {"protocol": 2, "decode_responses": True},
    {"encoding": "ascii"},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["redis.Redis", "valkey.Valkey"])
def test_any_client_will_do_and_stays_its_owners(
    valkey: Server, namespace: str, client: redis.Redis, name: str, options: dict[str, Any]
) -> None:
    package, _, kind = name.rpartition(".")
    with getattr(pytest.importorskip(package), kind).from_url(valkey.url, **options) as given:
        store = RedisStore(given, namespace=namespace)
        uses(store, client.script_flush)
        store.close()
        with pytest.raises(StoreError):
            store.load("ann", "intro")
        assert given.ping()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["redis.asyncio.Redis", "valkey.asyncio.Valkey"])
def test_any_client_for_asyncio_will_do_and_stays_its_owners(
    valkey: Server, namespace: str, client: redis.Redis, name: str, options: dict[str, Any]
) -> None:
    package, _, kind = name.rpartition(".")
    given = getattr(pytest.importorskip(package), kind).from_url(valkey.url, **options)
    with Stores(lambda name: OwningStore(given, namespace=name)) as stores:
        uses(stores.open(namespace), client.script_flush)


class FailingClient:
    """Fails, whatever it is asked for."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def execute_command(self, *arguments: object, **options: object) -> Any:
        raise self.error

    pipeline = scan_iter = execute_command


@pytest.mark.parametrize("make", [RedisStore, AsyncRedisStore])
@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError(),
        redis.exceptions.RedisClusterException("not one of redis.RedisError"),
        OSError(5, "broken"),
        AttributeError("closed by another thread"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "foreign"),
        TimeoutError(),
    ],
    ids=repr,
)
def test_whatever_a_client_raises_is_the_cause_of_a_store_error(
    error: Exception, make: Callable[..., RedisStore | AsyncRedisStore]
) -> None:
    with Stores(lambda namespace: make(FailingClient(error), namespace=namespace)) as stores:
        store = stores.open()
        for call in (
            lambda: store.load("ann", "intro"),
            lambda: store.save(a_record()),
            lambda: store.save_many([a_record()]),
            lambda: store.load_many("ann", ["intro"]),
            lambda: store.recent("ann"),
            lambda: store.export_viewer("ann"),
            lambda: store.delete_viewer("ann"),
            lambda: store.purge(NOW),
        ):
            with pytest.raises(StoreError, match=type(error).__name__) as raised:
                call()
            assert raised.value.__cause__ is error


@pytest.mark.parametrize("kind", [RedisStore, AsyncRedisStore])
@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost", "http://:secret@localhost", "redis://:secret@localhost:port"),
        "redis://:secret@localhost?socket_timeout=secret",
    ],
)
def test_what_is_no_url_is_refused_and_its_password_not_shown(
    kind: type[RedisStore | AsyncRedisStore], url: str
) -> None:
    with pytest.raises(InvalidValueError) as error:
        kind(url)
    assert error.value.field == "server"
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("kind", [RedisStore, AsyncRedisStore])
@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), float("inf"), True, "5", None])
def test_what_is_no_time_is_refused(kind: type[RedisStore | AsyncRedisStore], timeout: Any) -> None:
    with pytest.raises(InvalidValueError) as error:
        kind("redis://127.0.0.1", timeout=timeout)
    assert error.value.field == "timeout"


@pytest.mark.parametrize("kind", [RedisStore, AsyncRedisStore])
def test_a_wrong_password_is_an_error_that_does_not_show_it(
    valkey: Server, kind: type[RedisStore | AsyncRedisStore]
) -> None:
    url = re.sub(":[^:@]*@", ":secret@", valkey.url)
    if url == valkey.url:
        pytest.skip("the server asks for no password")
    with Stores(lambda name: kind(url, namespace=name)) as stores:
        store = stores.open()
        with pytest.raises(StoreError) as error:
            store.load("ann", "intro")
        assert isinstance(error.value.__cause__, redis.AuthenticationError)
        assert "secret" not in str(error.value)


def test_closing_again_waits_for_nobody(store: FullStore) -> None:
    store.close()
    for _ in range(3):
        with pytest.raises(StoreError):
            store.load("ann", "intro")
    started = monotonic()
    store.close()
    assert monotonic() - started < 2.5


# asyncio


def test_more_tasks_than_connections_wait_for_each_other(valkey: Server, namespace: str) -> None:
    async def saves() -> None:
        async with AsyncRedisStore(f"{valkey.url}?max_connections=3", namespace=namespace) as store:
            records = [a_record(media=f"media {number}") for number in range(300)]
            saved = await asyncio.gather(*map(store.save, records))
            assert saved == [evolve(record, revision=1) for record in records]

    asyncio.run(saves())


def test_closing_waits_for_what_is_under_way(valkey: Server, namespace: str) -> None:
    async def saves() -> None:
        store = AsyncRedisStore(f"{valkey.url}?max_connections=1", namespace=namespace)
        tasks = [asyncio.create_task(store.save(a_record(media=f"{n}"))) for n in range(20)]
        await asyncio.sleep(0)
        await asyncio.gather(store.close(), store.close())
        assert [task.done() for task in tasks] == [True] * 20
        assert [task.result().revision for task in tasks] == [1] * 20
        with pytest.raises(StoreError):
            await store.save(a_record())

    asyncio.run(saves())


def test_another_event_loop_is_an_error_and_harms_nothing(valkey: Server, namespace: str) -> None:
    store = AsyncRedisStore(valkey.url, namespace=namespace)
    with asyncio.Runner() as its_own, asyncio.Runner() as another:
        saved = its_own.run(store.save(a_record()))
        with pytest.raises(StoreError):
            another.run(store.load("ann", "intro"))
        assert its_own.run(store.load("ann", "intro")) == saved
        its_own.run(store.close())
