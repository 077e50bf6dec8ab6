"""The FastAPI example, asked over HTTP as a browser would ask it, and by nobody friendly."""

import asyncio
import json
import logging
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from random import Random
from socket import create_connection
from threading import Event
from time import perf_counter
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner
from schemathesis.core.result import Ok
from schemathesis.python.asgi import get_client
from starlette.testclient import TestClient

import milestone_progress
import progress_app
from http_servers import HOST, PATIENCE, serving, serving_example
from milestone_progress import LARGEST_BODY, SaveDecision, Tracker
from milestone_progress.simulator import Player
from milestone_progress.stores.sqlite import SQLiteStore

SECRET = "of these tests"
FILM = "/api/progress/sintel"
REPORT = {"current_time_seconds": 50, "total_duration_seconds": 200}
# What needs a viewer, and of it what needs a token.
READS = [("GET", FILM), ("GET", "/api/continue-watching")]
CHANGES = [
    ("POST", FILM),
    ("POST", f"{FILM}/complete"),
    ("DELETE", FILM),
    ("DELETE", "/api/me"),
]
# To load certificates for each client would take longer than the tests, which need none.
TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ALL = [*READS, *CHANGES, ("GET", "/api/session"), ("DELETE", "/api/session")]
numbers = count()


class Browser:
    """Somebody's, with the cookies and the token of a session."""

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client
        self.token = client.get("/api/session").json()["csrf_token"]

    def sign_in(self, viewer: str, password: str | None = None) -> httpx2.Response:
        password = progress_app.PASSWORDS[viewer] if password is None else password
        answer = self.send("POST", "/api/session", auth=(viewer, password))
        if answer.is_success:
            self.token = answer.json()["csrf_token"]
        return answer

    def send(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        headers = {"X-CSRF-Token": self.token} | sent.pop("headers", {})
        return self.client.request(method, path, headers=headers, **sent)

    def report(self, report: object, media: str = "sintel") -> httpx2.Response:
        return self.send("POST", f"/api/progress/{media}", json=report)

    def progress(self, media: str = "sintel") -> Any:
        answer = self.client.get(f"/api/progress/{media}")
        assert answer.status_code == 200
        return answer.json()

    @property
    def position(self) -> float:
        """From where the film is resumed."""
        position: float = self.progress()["resume"]["options"][0]["position"]
        return position


def known_viewer() -> str:
    """Return somebody who may sign in, and never has."""
    viewer = f"viewer-{next(numbers)}"
    progress_app.PASSWORDS[viewer] = f"password of {viewer}"
    return viewer


def signed(viewer: str, token: str, secret: str = SECRET) -> str:
    """Return the cookie of somebody who has signed in."""
    data = b64encode(json.dumps({"viewer": viewer, "token": token}).encode())
    return TimestampSigner(secret).sign(data).decode()


@contextmanager
def browsing(url: str, viewer: str | None = None) -> Iterator[Browser]:
    with httpx2.Client(base_url=url, timeout=PATIENCE, trust_env=False, verify=TRUST) as client:
        browser = Browser(client)
        if viewer is not None:
            assert browser.sign_in(viewer).status_code == 200
        yield browser


@pytest.fixture(autouse=True, scope="module")
def _secret() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SESSION_SECRET", SECRET)
        patch.setattr(progress_app, "PASSWORDS", {})
        yield


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, _secret: None) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    with serving(progress_app.create_app(str(folder))) as url:
        yield url


@pytest.fixture
def browser(url: str) -> Iterator[Browser]:
    with browsing(url, known_viewer()) as browser:
        yield browser


@pytest.fixture
def other(url: str) -> Iterator[Browser]:
    with browsing(url, known_viewer()) as browser:
        yield browser


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Browser]:
    """A browser without a network between it and the application; what raises there, raises."""
    with TestClient(progress_app.create_app(str(tmp_path))) as client:
        inside = Browser(client)
        inside.sign_in(known_viewer())
        yield inside


def test_a_stranger_can_read_it_at_a_sitting() -> None:
    assert len(Path(progress_app.__file__).read_text().splitlines()) < 150


# Watching


def test_a_viewer_resumes_at_the_second_they_left_at(browser: Browser) -> None:
    decisions = list(Tracker().feed(Player(duration=600).play_to(200.5).hide()))
    assert [decision.trigger for decision in decisions] == ["milestone", "milestone", "unload"]
    for decision in decisions:
        answer = browser.report(decision.to_report(sent_at=decision.at + 1, generation=0))
        assert (answer.status_code, answer.json()["status"]) == (200, "written")
    progress = browser.progress()
    assert progress["resume"] == {
        "options": [
            {"label": "Resume from 3:20", "position": 200.5},
            {"label": "Start from the beginning", "position": 0.0},
        ],
        "reason": "resumed",
        "last_milestone": 25,
        "generation": 0,
    }
    assert progress["record"] == {"percent": pytest.approx(33.42, abs=0.01), "generation": 0}
    reached = {marker["position"]: marker["reached"] for marker in progress["markers"]}
    assert reached == {60: True, 150: True, 300: False, 450: False, 540: False, 570: False} | {
        600: False
    }


def test_a_player_that_saves_every_thirty_seconds_is_understood(browser: Browser) -> None:
    answer = browser.report({"current_time_seconds": 60, "total_duration_seconds": 120}).json()
    assert answer["newly_reached"] == [10, 25, 50]
    assert browser.position == 60


def test_what_a_page_sends_as_it_goes_is_taken(browser: Browser) -> None:
    """Like fetch with `keepalive`, whose body has no type unless the page says so."""
    body = json.dumps(REPORT).encode()
    sent = {"Content-Type": "text/plain;charset=UTF-8", "Connection": "keep-alive"}
    assert browser.send("POST", FILM, content=body, headers=sent).status_code == 200
    assert browser.position == 50


def test_who_watched_nothing_has_nothing_to_resume(browser: Browser) -> None:
    progress = browser.progress()
    assert progress["record"] is None
    assert progress["resume"]["reason"] == "no_record"
    assert browser.client.get("/api/continue-watching").json() == []


def test_what_was_watched_last_is_offered_first_unless_it_is_finished(browser: Browser) -> None:
    for media, age in [("spring", 10), ("sintel", 20), ("big-buck-bunny", 30)]:
        browser.report(REPORT | {"at": 1000, "sent_at": 1000 + age}, media)
    browser.send("POST", "/api/progress/spring/complete")
    assert browser.client.get("/api/continue-watching").json() == [
        {"media": "sintel", "title": "Sintel", "percent": 25},
        {"media": "big-buck-bunny", "title": "Big Buck Bunny", "percent": 25},
    ]


def test_a_media_that_is_marked_as_complete_begins_anew(browser: Browser) -> None:
    browser.report(REPORT)
    answer = browser.send("POST", f"{FILM}/complete").json()
    assert (answer["completed"], answer["last_milestone"]) == (True, 100)
    assert browser.progress()["resume"]["reason"] == "finished"


def test_a_player_that_is_still_running_does_not_undo_starting_over(browser: Browser) -> None:
    browser.report(REPORT | {"generation": 0})
    assert browser.send("DELETE", FILM).status_code == 200
    assert browser.progress()["record"] == {"percent": 0, "generation": 1}
    late = REPORT | {"current_time_seconds": 60, "generation": 0}
    assert browser.report(late).json()["status"] == "superseded"
    assert browser.position == 0


# What is refused


def test_all_that_is_wrong_with_a_report_is_told_at_once(browser: Browser) -> None:
    answer = browser.report({"current_time_seconds": "9", "trigger_type": "bogus", "at": True})
    assert answer.status_code == 422
    assert {problem["path"] for problem in answer.json()["problems"]} == {
        "$.current_time_seconds",
        "$.total_duration_seconds",
        "$.trigger_type",
        "$.at",
    }
    assert browser.progress()["record"] is None


def test_a_body_may_have_64_kib(browser: Browser) -> None:
    body = json.dumps(REPORT).encode().ljust(LARGEST_BODY)
    assert browser.send("POST", FILM, content=body).status_code == 200
    assert browser.send("POST", FILM, content=iter([body])).status_code == 200


@pytest.mark.parametrize(
    ("header", "start"),
    [
        (f"Content-Length: {LARGEST_BODY + 1}", b""),
        (f"Content-Length: {LARGEST_BODY + 1}\r\nExpect: 100-continue", b""),
        ("Content-Length: 10000000000000", b"{"),
        ("Transfer-Encoding: chunked", b"10001\r\n" + b" " * (LARGEST_BODY + 1)),
    ],
)
def test_a_longer_one_is_refused_before_it_has_come(
    browser: Browser, header: str, start: bytes
) -> None:
    [host, port] = [browser.client.base_url.host, browser.client.base_url.port]
    head = f"POST {FILM} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nX-CSRF-Token: {browser.token}\r\n"
    head += f"Cookie: session={browser.client.cookies['session']}\r\n\r\n"
    with create_connection((host, port), PATIENCE) as connection:
        connection.sendall(head.encode() + start)
        # Nothing further comes; yet there is an answer.
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 5_000])
def test_a_length_that_is_none_is_refused(browser: Browser, length: str) -> None:
    head = f"POST {FILM} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n"
    head += f"X-CSRF-Token: {browser.token}\r\n"
    head += f"Cookie: session={browser.client.cookies['session']}\r\n\r\n"
    port = browser.client.base_url.port
    assert port is not None
    with create_connection((HOST, port), PATIENCE) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "media", ["none", "Sintel", "sintel%00", "%ff%fe", "m" * 300, "..%2Fsintel", "%ED%A0%80", "%20"]
)
def test_there_is_no_media_but_the_catalogue(browser: Browser, method: str, media: str) -> None:
    assert browser.send(method, f"/api/progress/{media}", json=REPORT).status_code == 404


@pytest.mark.parametrize(("method", "path"), READS + CHANGES)
def test_nobody_has_no_progress(url: str, method: str, path: str) -> None:
    with browsing(url) as nobody:
        assert nobody.send(method, path, json=REPORT).status_code == 401
        nobody.client.cookies.clear()
        assert nobody.send(method, path, json=REPORT).status_code == 401


@pytest.mark.parametrize(("method", "path"), [*CHANGES, ("POST", "/api/session")])
def test_another_site_cannot_make_a_browser_change_anything(
    browser: Browser, other: Browser, method: str, path: str
) -> None:
    browser.report(REPORT)
    for token in ["", "wrong", other.token, browser.token[:-1], "\xe9"]:
        forged = {"X-CSRF-Token": token.encode("latin-1")}
        sent = browser.client.request(method, path, headers=forged, json=REPORT)
        assert sent.status_code == 403
    assert browser.client.request(method, path, json=REPORT).status_code == 403
    assert browser.position == 50


def test_another_site_cannot_sign_anybody_in(url: str) -> None:
    """Not even in a browser that has never been here."""
    viewer = known_viewer()
    with browsing(url) as victim:
        auth = (viewer, progress_app.PASSWORDS[viewer])
        assert victim.client.post("/api/session", auth=auth).status_code == 403
        victim.client.cookies.clear()
        answer = victim.client.post("/api/session", auth=auth)
        assert answer.status_code == 401
        # Else a browser would take name and password out of a link.
        assert "WWW-Authenticate" not in answer.headers


def test_signing_in_makes_a_new_session(url: str) -> None:
    """Whoever planted the old one in the browser is not signed in with it."""
    with browsing(url) as browser:
        planted, token = browser.client.cookies["session"], browser.token
        browser.sign_in(known_viewer())
        assert browser.token != token
        browser.client.cookies.clear()
        answer = browser.client.get(FILM, headers={"Cookie": f"session={planted}"})
        assert answer.status_code == 401


def test_a_wrong_password_signs_nobody_in(url: str) -> None:
    viewer = known_viewer()
    for name, password in [(viewer, "wrong"), (viewer, ""), ("nobody", ""), ("nöbody", "ü")]:
        with browsing(url) as browser:
            answer = browser.sign_in(name, password)
            assert answer.status_code == 401
            assert name not in answer.text
            assert browser.client.get(FILM).status_code == 401


def test_a_session_that_somebody_else_signed_is_none(url: str) -> None:
    with browsing(url) as browser:
        for secret, expected in [("another", 401), (SECRET, 200)]:
            cookie = signed(known_viewer(), "token", secret)
            browser.client.cookies.clear()
            answer = browser.client.get(FILM, headers={"Cookie": f"session={cookie}"})
            assert answer.status_code == expected


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(url: str) -> None:
    with browsing(url) as browser:
        browser.client.cookies.clear()
        cookie = browser.client.get("/api/session").headers["Set-Cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie


# Whose progress it is

members = st.sampled_from(
    ["viewer", "viewer_id", "user", "user_id", "session", "media", "namespace", "id", "record"]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nobody_reaches_the_progress_of_another(
    url: str, browser: Browser, other: Browser, data: st.DataObject
) -> None:
    victim = known_viewer()
    with browsing(url, victim) as owner:
        owner.report(REPORT)
        before = owner.progress()
        values = st.sampled_from([victim, [victim], {"id": victim}, None])
        claims = data.draw(st.dictionaries(members, values, min_size=1))
        flat = dict.fromkeys(claims, victim)
        method, path = data.draw(st.sampled_from(READS + CHANGES))
        answer = other.send(
            method,
            path,
            json=REPORT | {"current_time_seconds": 151} | claims,
            params=flat,
            headers={f"X-{name.replace('_', '-')}": victim for name in claims}
            | {"X-Forwarded-User": victim, "Remote-User": victim, "Authorization": victim},
        )
        assert answer.status_code == 200
        assert victim not in answer.text
        for wrong in [f"/api/progress/{victim}", f"/api/{victim}/progress/sintel"]:
            assert other.send(method, wrong, json=REPORT).status_code == 404
        assert owner.progress() == before


def test_deleting_my_data_leaves_nothing_of_mine_and_all_of_the_others(tmp_path: Path) -> None:
    mine, theirs = known_viewer(), known_viewer()
    site = serving(progress_app.create_app(str(tmp_path)))
    with site as url, browsing(url, mine) as browser, browsing(url, theirs) as other:
        for media in progress_app.CATALOGUE:
            browser.report(REPORT, media)
            other.report(REPORT, media)
        assert browser.send("DELETE", "/api/me").status_code == 200
        assert browser.progress()["record"] is None
        assert browser.client.get("/api/continue-watching").json() == []
        assert len(other.client.get("/api/continue-watching").json()) == 3
    assert stored(tmp_path, mine) == {}
    assert stored(tmp_path, theirs) == dict.fromkeys(progress_app.CATALOGUE, 50)
    for file in tmp_path.iterdir():
        assert mine.encode() not in file.read_bytes()


# A database that fails


def stored(folder: Path, viewer: str, file: str = "progress.sqlite") -> dict[str, float]:
    """Return how far a viewer got by media, by what is in a file."""
    with SQLiteStore(folder / file) as store:
        return {record.media: record.position for record in store.export_viewer(viewer)}


@contextmanager
def broken(folder: Path) -> Iterator[Callable[[], None]]:
    """Make a database that cannot be opened; yield how to repair it."""
    file = folder / "progress.sqlite"
    file.mkdir()
    yield file.rmdir
    with suppress(FileNotFoundError, NotADirectoryError):
        file.rmdir()


def test_what_a_failing_database_cannot_take_is_there_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = known_viewer()
    saved = Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("save:"):
                saved.set()

    logger = logging.getLogger("milestone_progress")
    listener = Listener()
    logger.addHandler(listener)
    caplog.set_level(logging.INFO)
    try:
        with broken(tmp_path) as repair, serving(progress_app.create_app(str(tmp_path))) as url:
            with browsing(url, viewer) as browser:
                assert browser.report(REPORT).json()["status"] == "kept"
                with browsing(url, known_viewer()) as other:
                    assert_unavailable(other)
                repair()
                # Nobody asks for anything; once a second it is tried again.
                assert saved.wait(PATIENCE)
                assert browser.position == 50
            assert stored(tmp_path, viewer) == {"sintel": 50}
    finally:
        logger.removeHandler(listener)
    assert "failure: trigger interval, StoreError, kept" in caplog.text
    assert viewer not in caplog.text


def assert_unavailable(browser: Browser) -> None:
    unable = [*READS, *CHANGES[1:]]
    for method, path in unable:
        answer = browser.send(method, path)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert answer.json() == {"detail": "Try again later."}


def test_what_a_failing_database_cannot_take_survives_the_process(tmp_path: Path) -> None:
    viewer = known_viewer()
    with broken(tmp_path) as repair:
        with serving(progress_app.create_app(str(tmp_path))) as url, browsing(url, viewer) as one:
            assert one.report(REPORT).json()["status"] == "kept"
        assert stored(tmp_path, viewer, "unsaved.sqlite") == {"sintel": 50}
        repair()
        with serving(progress_app.create_app(str(tmp_path))):
            pass
    assert stored(tmp_path, viewer) == {"sintel": 50}
    assert stored(tmp_path, viewer, "unsaved.sqlite") == {}


def test_a_report_for_which_there_is_no_room_is_to_be_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = milestone_progress.AsyncRecorder

    def without_room(*arguments: Any, **options: Any) -> object:
        return recorder(*arguments, **options | {"fallback": None}, backlog_limit=0)

    monkeypatch.setattr(milestone_progress, "AsyncRecorder", without_room)
    site = serving(progress_app.create_app(str(tmp_path)))
    with broken(tmp_path), site as url, browsing(url, known_viewer()) as browser:
        answer = browser.report(REPORT)
    assert (answer.status_code, answer.json()["status"]) == (503, "refused")
    assert answer.headers["Retry-After"]


# Whatever is sent


def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    head = f"POST {FILM} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100\r\n"
    head += f"X-CSRF-Token: {browser.token}\r\n"
    head += f"Cookie: session={browser.client.cookies['session']}\r\n\r\n"
    port = browser.client.base_url.port
    assert port is not None
    with create_connection((HOST, port), PATIENCE) as connection:
        connection.sendall(head.encode() + b"{")
        connection.shutdown(1)
        connection.recv(65_536)
    assert browser.progress()["record"] is None
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_any_bytes_are_answered(inside: Browser, request: pytest.FixtureRequest) -> None:
    most = 20_000 if request.config.getoption("--slow") else 300
    anything: st.SearchStrategy[object]
    anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([[]])
    reports = st.fixed_dictionaries(
        {name: st.floats(0, 1e3) | anything for name in REPORT},
        optional=dict.fromkeys(["trigger_type", "milestone_reached", "at", "x"], anything),
    ).map(lambda report: json.dumps(report).encode())
    mangled = st.tuples(reports, st.integers(0, 100), st.binary(max_size=4)).map(
        lambda it: it[0][: it[1]] + it[2] + it[0][it[1] :]
    )
    answers = set()

    @settings(max_examples=most)
    @given(body=st.binary(max_size=200) | reports | mangled)
    def answered(body: bytes) -> None:
        answer = inside.send("POST", FILM, content=body)
        assert answer.status_code in (200, 422)
        answers.add(answer.status_code)

    answered()
    assert answers == {200, 422}


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_it_does_as_its_description_says(
    tmp_path: Path, request: pytest.FixtureRequest, mode: schemathesis.GenerationMode
) -> None:
    app = progress_app.create_app(str(tmp_path))
    described = schemathesis.openapi.from_asgi("/openapi.json", app)
    answers = set()
    # It is an application, but types of dictionaries differ.
    with get_client(app) as client:  # type: ignore[arg-type]  # as said
        viewer = known_viewer()
        token = {"X-CSRF-Token": client.get("/api/session").json()["csrf_token"]}
        auth = (viewer, progress_app.PASSWORDS[viewer])
        answer = client.post("/api/session", headers=token, auth=auth)
        token = {"X-CSRF-Token": answer.json()["csrf_token"]}
        cookies = dict(client.cookies)
        for found in described.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if mode is schemathesis.GenerationMode.NEGATIVE and not operation.body:
                continue  # What could be wrong with it?
            # Always with the session: requests without it get no further than to 401.
            any_media = operation.as_strategy(mode, headers=token, cookies=cookies)
            film = {"media": "sintel"} if "{media}" in operation.path else None
            this_one = operation.as_strategy(
                mode, headers=token, cookies=cookies, path_parameters=film
            )

            @settings(
                max_examples=2_000 if request.config.getoption("--slow") else 20,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=any_media | this_one)
            def holds(case: schemathesis.Case[Any]) -> None:
                answer = case.call_and_validate(session=client)
                answers.add((case.method, case.operation.path, answer.status_code))

            holds()
    refused = {("POST", "/api/progress/{media}", status) for status in (422, 404)}
    if mode is schemathesis.GenerationMode.NEGATIVE:
        assert answers
        assert answers <= refused
    else:
        tried = {(method, path) for method, path, status in answers if status == 200}
        assert tried == {(method, path.replace("sintel", "{media}")) for method, path in ALL}


# Many at once


def watched(seed: int) -> list[SaveDecision]:
    """Return what is decided while somebody watches a film in their own way."""
    random = Random(seed)
    duration = random.uniform(60, 6_000)
    player = Player(duration=duration, interval=5)
    for _ in range(random.randint(1, 6)):
        player.play_for(random.uniform(1, duration / 3))
        if random.random() < 0.5:
            player.pause(random.uniform(1, 100))
        if random.random() < 0.3:
            player.seek(random.uniform(0, duration)).play_for(5)
    return list(Tracker().feed(player.play_for(5).hide()))


async def send_all(url: str, viewers: dict[str, list[SaveDecision]]) -> int:
    """Report all that was decided, each viewer's in order, some twice; return how many went."""
    most = asyncio.Semaphore(64)
    sent = 0

    async def send(client: httpx2.AsyncClient, viewer: str) -> None:
        nonlocal sent
        headers = {"Cookie": f"session={signed(viewer, 'token')}", "X-CSRF-Token": "token"}
        decisions = viewers[viewer]
        random = Random(viewer)
        async with most:
            for decision in decisions:
                report = decision.to_report(sent_at=decisions[-1].at + 1, generation=0)
                for _ in range(random.choice([1, 1, 1, 2])):
                    answer = await client.post(FILM, json=report, headers=headers)
                    assert answer.status_code == 200
                    assert answer.json()["status"] in ("written", "no_news")
                    sent += 1

    limits = httpx2.Limits(max_connections=64)
    async with (
        httpx2.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, verify=TRUST) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for viewer in viewers:
            tasks.create_task(send(client, viewer))
    return sent


@pytest.mark.slow
def test_a_thousand_viewers_at_once_are_stored_as_they_watched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    viewers = {f"viewer-{number}": watched(number) for number in range(1_000)}
    viewers = {viewer: decisions for viewer, decisions in viewers.items() if decisions}
    assert len(viewers) > 900
    with serving_example(tmp_path, SECRET) as url:
        began = perf_counter()
        sent = asyncio.run(send_all(url, viewers))
        took = perf_counter() - began
    with capsys.disabled():
        print(f"\n{sent:,} reports, {sent / took:,.0f} a second")  # noqa: T201  # a measurement
    with SQLiteStore(tmp_path / "progress.sqlite") as store:
        for viewer, decisions in viewers.items():
            record = store.load(viewer, "sintel")
            last = decisions[-1]
            assert record is not None
            assert record.position == last.position
            assert record.milestone == max(decision.last_milestone for decision in decisions)
            assert record.completed == any(decision.completed for decision in decisions)
