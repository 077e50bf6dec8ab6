"""The command line with a store: what is decided is saved, and what is stored is shown."""

import json
from pathlib import Path

import pytest

from milestone_progress import ProgressRecord, played_from_text
from milestone_progress.stores import open_store
from servers import Server
from test_cli import lines, run, watched

# A minute of 100 s: three milestones, and the page goes away.
WATCHED = lines(*watched(60.0), {"type": "pagehide", "at": 61.0, "position": 60.0})


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'progress.db'}"


def to(store: str, media: str = "session-7", namespace: str = "default") -> list[str]:
    return ["--store", store, "--viewer", "ann", "--media", media, "--namespace", namespace]


def shown(*arguments: str) -> list[dict[str, object]]:
    done = run("show", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_replaying_into_a_store_ends_with_what_is_stored(sqlite: str) -> None:
    done = run("replay", "-", *to(sqlite), given=WATCHED)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert text.splitlines()[-3:] == [
        "stored",
        "position  percent  milestone    played  updated           media",
        "    1:00   60.0 %       50 %      1:00  1970-01-01 00:01  session-7",
    ]
    with open_store(sqlite) as store:  # type: ignore[attr-defined]  # ours can
        stored = store.load("ann", "session-7")
    assert stored == ProgressRecord(
        viewer="ann",
        media="session-7",
        position=60.0,
        duration=100.0,
        milestone=50,
        played=played_from_text("0-59"),
        updated_at=61.0,
        revision=4,
    )


@pytest.mark.parametrize("server", ["valkey", "postgres"])
def test_all_stores_that_a_url_can_name_are_saved_to(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    started = request.getfixturevalue(server)
    assert isinstance(started, Server)
    # The server is shared with other tests, and the folder's name with nobody.
    arguments = to(started.url, namespace=f"command line {tmp_path}")
    assert run("replay", "-", *arguments, given=WATCHED).returncode == 0
    [record] = shown(*arguments)
    assert (record["position"], record["played"], record["revision"]) == (60.0, "0-59", 4)


def test_replaying_twice_changes_nothing(sqlite: str) -> None:
    assert run("replay", "--demo", *to(sqlite)).returncode == 0
    once = shown(*to(sqlite))
    assert run("replay", "--demo", *to(sqlite)).returncode == 0
    assert shown(*to(sqlite)) == once


def test_json_tells_decisions_first_and_then_what_is_stored(sqlite: str) -> None:
    done = run("replay", "--json", "-", *to(sqlite), given=WATCHED)
    *decisions, record = [json.loads(line) for line in done.stdout.splitlines()]
    assert [decision["trigger"] for decision in decisions] == [*["milestone"] * 3, "unload"]
    assert [record] == shown(*to(sqlite))
    assert record["schema"] == 1


def test_further_media_of_a_trace_are_saved_under_names_of_their_own(sqlite: str) -> None:
    other = [{"type": "emptied", "at": 102.0}, *watched(40.0, at=103.0)]
    page_hides = {"type": "pagehide", "at": 144.0, "position": 40.0}
    given = WATCHED + b"\n" + lines(*other, page_hides)
    assert run("replay", "-", *to(sqlite), given=given).returncode == 0
    stored = shown("--store", sqlite, "--viewer", "ann")
    assert [(one["media"], one["position"]) for one in stored] == [
        ("session-7", 60.0),
        ("session-7/2", 40.0),
    ]


def test_a_viewer_who_started_over_is_not_sent_back_by_an_old_generation(sqlite: str) -> None:
    with open_store(sqlite) as store:  # type: ignore[attr-defined]  # ours can
        old = store.save(
            ProgressRecord(viewer="ann", media="session-7", position=900.0, updated_at=1.0)
        )
        store.save(old.reset(at=2.0))
    assert run("replay", "-", *to(sqlite), given=WATCHED).returncode == 0
    [record] = shown(*to(sqlite))
    assert (record["position"], record["generation"]) == (60.0, 1)


def test_one_media_or_all_are_shown(sqlite: str) -> None:
    for media in ("b", "a"):
        assert run("replay", "-", *to(sqlite, media), given=WATCHED).returncode == 0
    assert [one["media"] for one in shown("--store", sqlite, "--viewer", "ann")] == ["a", "b"]
    assert [one["media"] for one in shown(*to(sqlite, "b"))] == ["b"]


@pytest.mark.parametrize("viewer", ["bob", "an\x1bn"])
def test_what_is_not_stored_cannot_be_shown(sqlite: str, viewer: str) -> None:
    run("replay", "-", *to(sqlite), given=WATCHED)
    done = run("show", "--store", sqlite, "--viewer", viewer)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize("missing", ["--store", "--viewer", "--media"])
def test_store_viewer_and_media_go_together(sqlite: str, missing: str) -> None:
    arguments = to(sqlite)
    index = arguments.index(missing)
    done = run("replay", "--demo", *arguments[:index], *arguments[index + 2 :])
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"go together" in done.stderr


@pytest.mark.parametrize(
    ("store", "complaint"),
    [
        ("mysql://me:secret@host/db", b"store must be"),
        ("sqlite:/no/such/folder/progress.db", b"/no/such/folder/progress.db"),
        ("redis://me:secret@127.0.0.1:1", b"127.0.0.1:1"),
        ("postgresql://me:secret@127.0.0.1:1/db", b"127.0.0.1"),
    ],
)
def test_a_store_that_cannot_be_opened_is_named_without_its_password(
    store: str, complaint: bytes
) -> None:
    done = run("show", "--store", store, "--viewer", "ann")
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.splitlines()[-1].startswith(b"milestone-progress: ")
    assert b"Traceback" not in done.stderr
    assert b"secret" not in done.stderr


def test_what_a_terminal_cannot_show_and_no_calendar_has_is_shown_all_the_same(sqlite: str) -> None:
    with open_store(sqlite) as store:  # type: ignore[attr-defined]  # ours can
        store.save(ProgressRecord(viewer="ann", media="café", position=60, updated_at=5e11))
    done = run("show", "--store", sqlite, "--viewer", "ann", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "500000000000 s  caf\\xe9" in done.stdout.decode("ascii")
