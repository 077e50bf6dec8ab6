"""The example for Flask, over real HTTP."""

from base64 import b64encode
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

import pytest

from browser import EXAMPLES, Browser, served
from milestone_progress import LARGEST_BODY
from milestone_progress.stores.memory import Memory, MemoryStore

REPORT = {
    "current_time_seconds": 754.2,
    "total_duration_seconds": 3600,
    "trigger_type": "pause",
    "milestone_reached": 10,
}
PATH = "/api/progress/sintel"
EVERYTHING = [
    ("GET", PATH),
    ("POST", PATH),
    ("DELETE", PATH),
    ("POST", f"{PATH}/complete"),
    ("GET", "/api/continue-watching"),
    ("DELETE", "/api/me"),
]
CHANGING = [(method, path) for method, path in EVERYTHING if method != "GET"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(
        "flask_app",
        *("-m", "flask", "run", "--port", "0"),
        DEMO_PASSWORDS='{"alice": "ä-1", "bob": "b-2"}',
        PROGRESS_FOLDER=str(tmp_path_factory.mktemp("flask")),
    ) as address:
        yield address


class Page(Browser):
    """A page that knows its CSRF token."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        _, told = self.ask("GET", "/api/session")
        self.token = told["csrf_token"]

    def sign_in(self, name: str, password: str) -> int:
        given = b64encode(f"{name}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {given}", "X_CSRF_Token": self.token}
        status, told = self.ask("POST", "/api/session", **headers)
        if status == 200:
            self.token = told["csrf_token"]
        return status

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.ask(method, path, body, X_CSRF_Token=self.token)


def signed_in(address: str, name: str, password: str) -> Page:
    page = Page(address)
    assert page.sign_in(name, password) == 200
    return page


@pytest.fixture
def alice(address: str) -> Page:
    page = signed_in(address, "alice", "ä-1")
    assert page.send("DELETE", "/api/me") == (200, None)
    return page


@pytest.fixture
def bob(address: str) -> Page:
    page = signed_in(address, "bob", "b-2")
    assert page.send("DELETE", "/api/me") == (200, None)
    return page


def test_what_is_reported_can_be_resumed_completed_and_forgotten(alice: Page) -> None:
    assert alice.ask("GET", PATH)[1]["record"] is None
    status, told = alice.send("POST", PATH, REPORT)
    assert (status, told["status"], told["newly_reached"]) == (200, "written", [10])
    _, where = alice.ask("GET", PATH)
    assert where["record"] == {"percent": 20.95, "generation": 0}
    assert where["resume"]["options"][0] == {"label": "Resume from 12:34", "position": 754.2}
    assert [marker["percent"] for marker in where["markers"] if marker["reached"]] == [10]
    row = {"media": "sintel", "title": "Sintel", "percent": 20.95}
    assert alice.ask("GET", "/api/continue-watching") == (200, [row])

    assert alice.send("POST", f"{PATH}/complete")[1]["completed"] is True
    assert alice.ask("GET", "/api/continue-watching") == (200, [])
    assert alice.send("DELETE", PATH) == (200, None)
    assert alice.ask("GET", PATH)[1]["record"]["generation"] == 1
    assert alice.send("DELETE", "/api/me") == (200, None)
    assert alice.ask("GET", PATH)[1]["record"] is None


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_who_is_not_signed_in_is_asked_to(address: str, method: str, path: str) -> None:
    assert Page(address).send(method, path, REPORT if method == "POST" else None)[0] == 401


@pytest.mark.parametrize(("method", "path"), CHANGING)
@pytest.mark.parametrize("forged", [{}, {"X_CSRF_Token": "forged"}, {"X_CSRF_Token": "\u00e9"}])
def test_nothing_is_changed_without_the_token_of_the_session(
    alice: Page, method: str, path: str, forged: dict[str, str]
) -> None:
    alice.send("POST", PATH, REPORT)
    before = alice.ask("GET", PATH)
    later = {**REPORT, "current_time_seconds": 1000}
    assert alice.ask(method, path, later if method == "POST" else None, **forged)[0] == 403
    assert alice.ask("GET", PATH) == before


def test_a_token_of_before_signing_in_is_over(address: str) -> None:
    page = Page(address)
    before = page.token
    page.sign_in("alice", "ä-1")
    assert page.ask("POST", PATH, REPORT, X_CSRF_Token=before)[0] == 403


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "wrong"), ("alice", ""), ("nobody", "ä-1"), ("", "")]
)
def test_only_who_knows_the_password_is_signed_in(address: str, name: str, password: str) -> None:
    page = Page(address)
    assert page.sign_in(name, password) == 401
    assert page.ask("GET", PATH)[0] == 401


def test_nothing_that_is_sent_reaches_the_progress_of_another(alice: Page, bob: Page) -> None:
    alice.send("POST", PATH, REPORT)
    before = alice.ask("GET", PATH)
    claim = {"viewer": "alice", "user": "alice", "viewer_id": "alice", "generation": 0}
    asked = f"?{'&'.join(f'{name}={value}' for name, value in claim.items())}"
    assert bob.ask("GET", PATH + asked)[1]["record"] is None
    for method, path in CHANGING:
        status, _ = bob.send(method, path + asked, claim | REPORT | {"current_time_seconds": 5})
        assert status == 200
    assert bob.ask("GET", "/api/continue-watching" + asked) == (200, [])
    assert alice.ask("GET", PATH) == before


@pytest.mark.parametrize("media", ["nothing", "SINTEL", "sintel%00", "..%2Fsintel", "%FF"])
def test_an_unknown_media_is_not_found(alice: Page, media: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        body = REPORT if method == "POST" else None
        assert alice.send(method, f"/api/progress/{media}", body)[0] == 404
    assert alice.ask("GET", "/api/continue-watching") == (200, [])


def test_a_body_that_is_too_long_is_refused_before_it_is_read(alice: Page) -> None:
    token = {"X_CSRF_Token": alice.token}
    assert alice.announce(PATH, LARGEST_BODY + 1, **token) == 413
    assert alice.send("POST", PATH, b" " * LARGEST_BODY)[0] == 422


def test_all_that_is_wrong_with_a_report_is_told(alice: Page) -> None:
    status, told = alice.send("POST", PATH, {"current_time_seconds": "12"})
    assert status == 422
    paths = {problem["path"] for problem in told["problems"]}
    assert paths == {"$.current_time_seconds", "$.total_duration_seconds"}


# What happens when the store fails


class Closed(MemoryStore):
    """Fails, whatever it is asked for."""

    def __init__(self, _path: str) -> None:
        super().__init__(Memory())
        self.close()


def example() -> ModuleType:
    """Return the example as a module of its own."""
    spec = spec_from_file_location("flask_example", EXAMPLES / "flask_app" / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("waiting", [True, False])
def test_a_store_that_fails_is_no_error_of_the_page(
    monkeypatch: pytest.MonkeyPatch, waiting: bool
) -> None:
    module = example()
    usual = module.progress.Recorder
    monkeypatch.setattr(module, "SQLiteStore", Closed)
    monkeypatch.setattr(
        module.progress,
        "Recorder",
        lambda store, **options: usual(
            store, **options | {"fallback": None}, backlog_limit=int(waiting)
        ),
    )
    client = module.create_app(".").test_client()
    with client.session_transaction() as session:
        session.update(viewer="alice", token="token")
    headers = {"X-CSRF-Token": "token"}
    answer = client.post(PATH, json=REPORT, headers=headers)
    told = (answer.status_code, answer.json["status"])
    assert told == ((200, "kept") if waiting else (503, "refused"))
    assert ("Retry-After" in answer.headers) is not waiting
    for method, path in [("GET", PATH), ("DELETE", PATH), ("GET", "/api/continue-watching")]:
        answer = client.open(path, method=method, headers=headers)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert answer.json == {"detail": "Try again later."}
