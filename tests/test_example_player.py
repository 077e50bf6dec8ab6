"""The example player's server: what it serves, and to whom it says what."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import player_app
import progress_app

PLAYER = Path(player_app.__file__).parent
CLIP = "/api/progress/counter"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("SESSION_SECRET", "of these tests")
    monkeypatch.setattr(progress_app, "PASSWORDS", {"ann": "one", "bob": "two"})
    with TestClient(player_app.create_app(str(tmp_path))) as client:
        yield client


def token(client: TestClient) -> dict[str, str]:
    return {"X-CSRF-Token": client.get("/api/session").json()["csrf_token"]}


def tag_after_signing_in(client: TestClient, viewer: str) -> str:
    auth = (viewer, progress_app.PASSWORDS[viewer])
    answer = client.post("/api/session", auth=auth, headers=token(client))
    tag: str = answer.json()["viewer_tag"]
    assert client.get("/api/session").json()["viewer_tag"] == tag
    return tag


def test_every_answer_lets_nothing_in_from_elsewhere(client: TestClient) -> None:
    for path in ["/", "/player.js", "/page.css", "/clips/counter.webm", "/api/session", "/none"]:
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_all_that_the_page_names_is_served_and_of_a_type_that_browsers_take(
    client: TestClient,
) -> None:
    page = client.get("/").text
    modules = {"player.js"}
    for module in PLAYER.glob("*.js"):
        modules |= set(re.findall(r'from "\./([a-z_]+\.js)"', module.read_text()))
    assert modules == {module.name for module in PLAYER.glob("*.js")}
    named = modules | set(re.findall(r'(?:src|href)="([^"]+)"', page))
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for name in named:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(types[Path(name).suffix])
    for clip in client.get("/clips/catalogue.json").json():
        assert client.get(clip["video"]).headers["Content-Type"] == "video/webm"
        assert client.get(clip["captions"]).headers["Content-Type"].startswith("text/vtt")


def test_the_page_names_no_other_host_and_has_nothing_inline() -> None:
    for file in [*PLAYER.glob("*.js"), *PLAYER.glob("*.css"), PLAYER / "index.html"]:
        assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}/", file.read_text())
    page = (PLAYER / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page)


def test_the_modules_make_no_markup_of_texts() -> None:
    for module in PLAYER.glob("*.js"):
        text = module.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)


@pytest.mark.parametrize("path", ["/player_app.py", "/README.md", "/clips/../player_app.py"])
def test_nothing_else_of_the_folder_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_clip_can_be_sought_in(client: TestClient) -> None:
    answer = client.get("/clips/counter.webm", headers={"Range": "bytes=1000-1999"})
    assert answer.status_code == 206
    assert answer.content == (PLAYER / "clips/counter.webm").read_bytes()[1000:2000]


def test_a_tag_tells_viewers_apart_and_not_who_they_are(client: TestClient) -> None:
    assert client.get("/api/session").json()["viewer_tag"] is None
    ann, bob = (tag_after_signing_in(client, viewer) for viewer in ("ann", "bob"))
    assert re.fullmatch("[0-9a-f]{64}", ann)
    assert ann != bob
    assert tag_after_signing_in(client, "ann") == ann


def test_who_signs_out_is_nobody(client: TestClient) -> None:
    tag_after_signing_in(client, "ann")
    assert client.delete("/api/session").status_code == 403
    assert client.get(CLIP).status_code == 200
    answer = client.delete("/api/session", headers=token(client)).json()
    assert (answer["signed_in"], answer["viewer_tag"]) == (False, None)
    assert client.get(CLIP).status_code == 401


def test_a_tracker_is_told_what_it_goes_on_from(client: TestClient) -> None:
    tag_after_signing_in(client, "ann")
    assert client.get(CLIP).json()["saved"] is None
    report = {"current_time_seconds": 7.6, "total_duration_seconds": 15.0}
    sent = report | {"trigger_type": "unload", "milestone_reached": 50}
    assert client.post(CLIP, json=sent, headers=token(client)).status_code == 200
    where = client.get(CLIP).json()
    saved = {"position": 7.6, "duration": 15.0, "milestone": 50, "completed": False}
    assert where["saved"] == saved
    # The library's defaults would resume no clip as short as this.
    assert [option["position"] for option in where["resume"]["options"]] == [7.6, 0]
