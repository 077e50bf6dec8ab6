"""The WebSocket of the FastAPI example, asked by a client over a real server."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from queue import Queue
from random import Random
from socket import SHUT_RDWR
from typing import Any

import pytest
from itsdangerous import TimestampSigner
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import progress_app
from http_servers import PATIENCE, serving
from live_socket import live_route
from milestone_progress import (
    LARGEST_BODY,
    AsyncRecorder,
    Event,
    LiveLimits,
    ProgressRecord,
    SavePolicy,
    StoreError,
    Tracker,
    Trigger,
)
from milestone_progress._events import WIRE_TYPES
from milestone_progress.hooks import Details, Occasion
from milestone_progress.simulator import Player
from milestone_progress.stores.memory import AsyncMemoryStore, Memory, MemoryStore

SECRET = "of these tests"
MEDIAS = {"film", "clip"}
NAMES = {kind: name for name, kind in reversed([*WIRE_TYPES.items()])}
START = 1_700_000_000.0


class Down(AsyncMemoryStore):
    """A store that fails when told."""

    fails = False

    async def load(self, viewer: str, media: str) -> ProgressRecord | None:
        if self.fails:
            raise StoreError("it is down")
        return await super().load(viewer, media)


class Site:
    """A server with only the socket, what is stored there, and what its recorder told of."""

    def __init__(self, **options: Any) -> None:
        memory = Memory()
        self.store = Down(memory)
        self._below = MemoryStore(memory)
        self.saves: Queue[Details] = Queue()
        recorder = AsyncRecorder(self.store, hooks=[self._listen], **options)

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> Any:
            async with recorder:
                yield

        self.app = Starlette(
            routes=[live_route(recorder, MEDIAS)],
            middleware=[Middleware(SessionMiddleware, secret_key=SECRET)],
            lifespan=lifespan,
        )
        self.url = ""

    def _listen(self, details: Details) -> None:
        if details.occasion is Occasion.SAVE:
            self.saves.put(details)

    def stored(self, viewer: str = "ann", media: str = "film") -> ProgressRecord | None:
        return self._below.load(viewer, media)

    def saved(self) -> Details:
        """Return the next save, which may be yet to come."""
        return self.saves.get(timeout=PATIENCE)

    @contextmanager
    def socket(
        self, viewer: str | None = "ann", media: str = "film", **options: Any
    ) -> Iterator["Socket"]:
        with opened(self.url, viewer, media, **options) as socket:
            yield socket


class Socket:
    """A player's connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.resume = self.answer()["resume"]

    def answer(self) -> Any:
        return json.loads(self.connection.recv(timeout=PATIENCE))

    def say(self, events: Sequence[Event]) -> Any:
        return self.send(json.dumps([on_the_wire(event) for event in events]))

    def send(self, message: str | bytes) -> Any:
        self.connection.send(message)
        return self.answer()


def on_the_wire(event: Event) -> dict[str, object]:
    names = ("at", "position", "duration", "rate")
    said = {name: getattr(event, name) for name in names if getattr(event, name, None) is not None}
    return {"type": NAMES[type(event)]} | said


@contextmanager
def opened(
    url: str,
    viewer: str | None,
    media: str = "film",
    *,
    secret: str = SECRET,
    origin: str | None = "",
) -> Iterator[Socket]:
    """Open a connection, as a page of the site does unless another origin is given."""
    data = b64encode(json.dumps({} if viewer is None else {"viewer": viewer}).encode())
    cookie = f"session={TimestampSigner(secret).sign(data).decode()}"
    with connect(
        f"ws{url.removeprefix('http')}/api/live/{media}",
        origin=url if origin == "" else origin,  # type: ignore[arg-type]  # any text, for once
        additional_headers={"Cookie": cookie},
        open_timeout=PATIENCE,
        proxy=None,
        compression=None,
    ) as connection:
        yield Socket(connection)


@contextmanager
def running(**options: Any) -> Iterator[Site]:
    site = Site(**options)
    with serving(site.app) as site.url:
        yield site


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as site:
        yield site


# Watching


def test_watching_through_the_socket_stores_what_the_tracker_decides(site: Site) -> None:
    events = Player(duration=600, at=START).play_to(100).seek(300).play_to(400).hide().events
    expected = Tracker().feed(events)
    assert len(expected) == 3
    decisions = 0
    with site.socket() as socket:
        for first in range(0, len(events), 100):
            answer = socket.say(events[first : first + 100])
            assert set(answer) == {"decisions", "saved", "deadline"}
            assert (answer["saved"] is not None) == (answer["decisions"] > 0)
            decisions += answer["decisions"]
    assert decisions == len(expected)
    stored = site.stored()
    assert stored is not None
    assert stored.position == expected[-1].position
    assert stored.milestone == expected[-1].last_milestone


def test_what_was_saved_is_said_as_to_a_report(site: Site) -> None:
    with site.socket() as socket:
        answer = socket.say(Player(duration=100, at=START).play_to(30).events)
    assert answer["saved"]["newly_reached"] == [10, 25]
    assert answer["saved"]["status"] == "written"


def test_a_pause_is_saved_by_the_timer() -> None:
    policy = SavePolicy(pause_threshold=0.2, milestones=(100,))
    with running(policy=policy) as site, site.socket() as socket:
        answer = socket.say(Player(duration=100, at=START).play_to(30).pause().events)
        assert answer["decisions"] == 0
        assert answer["deadline"] is not None
        told = socket.answer()
        assert told["decisions"] == 1
        assert told["saved"]["position"] == 30
        assert site.saved().trigger is Trigger.PAUSE


def test_a_clock_at_the_end_of_time_stops_nobody() -> None:
    """No event can say a later time, so that nothing waits for one."""
    policy = SavePolicy(pause_threshold=0.01, milestones=(100,))
    with running(policy=policy) as site, site.socket() as socket:
        events = [{"type": name, "at": 1e12, "position": 30} for name in ("play", "pause")]
        assert socket.send(json.dumps(events))["deadline"] is None
        assert socket.send("[]")["decisions"] == 0


@pytest.mark.parametrize("abnormal", [False, True])
def test_what_is_unsaved_is_saved_when_the_connection_ends(site: Site, abnormal: bool) -> None:
    with site.socket() as socket:
        socket.say(Player(duration=1000, at=START).play_to(40).events)
        assert site.stored() is None
        if abnormal:
            socket.connection.socket.shutdown(SHUT_RDWR)
    assert site.saved().trigger is Trigger.UNLOAD
    assert (stored := site.stored()) is not None
    assert stored.position == 40


def test_who_comes_back_is_told_where_to_resume(site: Site) -> None:
    with site.socket() as socket:
        assert [option["position"] for option in socket.resume["options"]] == [0]
        socket.say(Player(duration=1000, at=START).play_to(40).events)
    site.saved()
    with site.socket() as socket:
        assert [option["position"] for option in socket.resume["options"]] == [40, 0]
        socket.say(Player(duration=1000, at=START + 99).seek(40).play_to(60).events)
    site.saved()
    assert (stored := site.stored()) is not None
    assert stored.position == 60


def test_a_message_may_be_bytes_and_say_nothing(site: Site) -> None:
    with site.socket() as socket:
        for nothing in (b"[]", "[]", '[{"type": "canplay"}]'):
            answer = socket.send(nothing)
            assert answer == {"decisions": 0, "saved": None, "deadline": None}


# Who may, and who may not


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://127.0.0.1", "http://127.0.0.1:1", "x"]
)
def test_a_page_of_another_site_opens_no_connection(site: Site, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused, site.socket(origin=origin):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "asked",
    [{"viewer": None}, {"secret": "another one"}, {"media": "no-such"}, {"media": "%66ilm%00"}],
)
def test_nobody_and_nothing_opens_no_connection(site: Site, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus) as refused, site.socket(**asked):
        pass
    assert refused.value.response.status_code == 403


def test_nobody_reaches_the_progress_of_another(site: Site) -> None:
    with site.socket("ann") as socket:
        socket.say(Player(duration=1000, at=START).play_to(40).events)
    site.saved()
    before = site.stored("ann")
    with site.socket("ben") as socket:
        assert socket.resume["reason"] == "no_record"
        claim = {"type": "complete", "at": START, "viewer": "ann", "media": "clip"}
        assert socket.send(json.dumps([claim]))["decisions"] == 1
    assert site.stored("ann") == before
    assert site.stored("ann", "clip") is None
    assert (stored := site.stored("ben")) is not None
    assert stored.completed


def test_the_example_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_SECRET", SECRET)
    with serving(progress_app.create_app(str(tmp_path))) as url:
        with opened(url, "ann", "sintel") as socket:
            answer = socket.say(Player(duration=100, at=START).play_to(30).events)
            assert answer["saved"]["newly_reached"] == [10, 25]
        for viewer, origin in ((None, ""), ("ann", "https://evil.example")):
            with pytest.raises(InvalidStatus), opened(url, viewer, "sintel", origin=origin):
                pass


# What goes wrong


def test_all_that_is_wrong_with_a_message_is_told_with_its_path(site: Site) -> None:
    with site.socket() as socket:
        answer = socket.send('[{"type": "play", "at": 1, "position": -1, "rate": []}, 7]')
        assert [one["path"] for one in answer["problems"]] == ["$[0].position", "$[0].rate", "$[1]"]
        assert socket.send("[]")["decisions"] == 0


def garbage(random: Random) -> str | bytes:
    kind = random.randrange(4)
    if kind == 0:
        return random.randbytes(random.randrange(50))
    if kind == 1:
        return "".join(random.choices('[]{}",:01eE.-tfn\\u \x00\u00e9', k=random.randrange(60)))
    values: list[object] = [None, True, -1, 0, 1e300, 1e12, -1e12, "NaN", "x", [], {}, 10**60]
    names = ["type", "at", "position", "duration", "rate", "visibility", "wall"]
    kinds = [*WIRE_TYPES, "visibilitychange", "canplay", 3]
    sent = [
        {name: random.choice(values) for name in names if random.random() < 0.7}
        | {"type": random.choice(kinds)}
        for _ in range(random.randrange(5))
    ]
    if kind == 2:
        return json.dumps(sent)
    good = {"position": random.choice([0, 1e12, 5]), "duration": random.choice([None, 1e12, 9])}
    at = random.choice([-1e12, 0.0, 1e12])
    return json.dumps([one | {"at": at, "rate": 1} | good for one in sent if one["type"] != 3])


def test_garbage_is_answered_and_ends_nothing(site: Site) -> None:
    random = Random(6)
    told = set()
    with site.socket() as socket:
        for _ in range(400):
            answer = socket.send(garbage(random))
            assert set(answer) in ({"problems"}, {"decisions", "saved", "deadline"}), answer
            told |= set(answer)
    assert told == {"problems", "decisions", "saved", "deadline"}
    with site.socket("ben") as socket:
        answer = socket.say(Player(duration=100, at=START).play_to(30).events)
        assert answer["saved"]["newly_reached"] == [10, 25]


def closed(socket: Socket, act: Callable[[], object]) -> int:
    """Return the code with which the server ends a connection."""
    with pytest.raises(ConnectionClosed) as ended:
        act()
    assert ended.value.rcvd is not None
    return ended.value.rcvd.code


def test_a_message_of_more_than_64_kib_ends_the_connection_and_no_more(site: Site) -> None:
    with site.socket() as socket:
        assert socket.send("[" + " " * (LARGEST_BODY - 2) + "]")["decisions"] == 0
        socket.say(Player(duration=1000, at=START).play_to(40).events)
        assert closed(socket, lambda: socket.send("[" + " " * LARGEST_BODY + "]")) == 1009
    assert site.saved().trigger is Trigger.UNLOAD


def test_who_has_too_many_viewings_is_to_come_back_later() -> None:
    with running(live=LiveLimits(per_viewer=1)) as site, site.socket() as first:
        first.say(Player(duration=1000, at=START).play_to(40).events)
        with site.socket(media="clip") as second:
            assert closed(second, lambda: second.send("[]")) == 1013
        with site.socket("ben", "clip") as other:
            assert other.send("[]")["decisions"] == 0
        assert first.send("[]")["decisions"] == 0


def test_who_comes_while_the_store_fails_is_to_come_back_later(site: Site) -> None:
    site.store.fails = True
    with pytest.raises(ConnectionClosed) as ended, site.socket():
        pass
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1013
    site.store.fails = False
    with site.socket() as socket:
        assert socket.send("[]")["decisions"] == 0
