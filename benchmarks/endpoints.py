"""One endpoint that takes a page's reports, twice: bare WSGI, called without a network.

What is around it is the same in both, and the least there is: no framework, no authentication.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from milestone_progress import LARGEST_BODY, PayloadError, Recorder, parse_report
from milestone_progress.stores.sqlite import SQLiteStore
from recorder import NOW, reports
from stopwatch import cpu_time

MEDIA = "session-7"
# What a body becomes: a status, and what is answered.
Answer = tuple[str, Mapping[str, object]]
Take = Callable[[str, str, bytes], Answer]
TOO_LARGE: Answer = ("413 Content Too Large", {})

TABLE = """
    CREATE TABLE progress (
        viewer TEXT, media TEXT, position REAL, duration REAL, milestone INTEGER, completed INTEGER,
        updated_at REAL, PRIMARY KEY (viewer, media)
    ) WITHOUT ROWID
"""
UPSERT = """
    INSERT INTO progress VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        position = excluded.position, duration = excluded.duration,
        milestone = max(milestone, excluded.milestone),
        completed = max(completed, excluded.completed), updated_at = excluded.updated_at
"""


def by_hand(path: Path) -> tuple[Take, Callable[[], object]]:
    """Return what parses, checks and upserts by hand, and what closes it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(TABLE)
    times = iter(range(10**9))

    def take(viewer: str, media: str, body: bytes) -> Answer:
        try:
            sent = json.loads(body)
            position, duration = (
                float(sent[name]) for name in ("current_time_seconds", "total_duration_seconds")
            )
            milestone = int(sent.get("milestone_reached") or 0)
        except (AttributeError, KeyError, TypeError, ValueError):
            return "422 Unprocessable Entity", {"detail": "This is no report."}
        if not (isfinite(position) and isfinite(duration) and 0 <= position <= duration):
            return "422 Unprocessable Entity", {"detail": "There is no such position."}
        values = (viewer, media, position, duration, milestone, milestone >= 100, NOW + next(times))
        connection.execute(UPSERT, values)
        return "200 OK", {"position": position, "milestone": milestone}

    return take, connection.close


def by_the_library(path: Path) -> tuple[Take, Callable[[], object]]:
    """Return what has a recorder do it, and what closes it."""
    times = iter(range(10**9))
    store = SQLiteStore(path, synchronous="normal")
    recorder = Recorder(store, clock=lambda: NOW + next(times))

    def take(viewer: str, media: str, body: bytes) -> Answer:
        try:
            result = recorder.report(viewer, media, parse_report(body))
        except PayloadError as error:
            return "422 Unprocessable Entity", error.to_dict()
        return "200 OK", result.to_dict()

    # The first call makes the file.
    store.load("nobody", MEDIA)
    return take, store.close


def application(take: Take) -> WSGIApplication:
    """Return an application with the one endpoint."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        media = environ["PATH_INFO"].removeprefix("/api/progress/")
        length = int(environ["CONTENT_LENGTH"])
        status, answer = TOO_LARGE
        if length <= LARGEST_BODY:
            body = environ["wsgi.input"].read(length)
            status, answer = take(environ["REMOTE_USER"], media, body)
        text = json.dumps(answer).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]
        start_response(status, headers)
        return [text]

    return app


def request_times() -> Mapping[str, float]:
    """Return the nanoseconds that a request takes, in each way; each of them is a save."""
    sent = reports()
    ways = {"by hand": by_hand, "the library": by_the_library}
    with TemporaryDirectory() as folder:
        return {
            name: _lap(*make(Path(folder, f"{name}.db")), sent=sent) for name, make in ways.items()
        }


def _lap(take: Take, close: Callable[[], object], *, sent: list[tuple[str, bytes]]) -> float:
    app = application(take)
    answered: list[str] = []

    def start_response(status: str, _headers: object, _error: object = None) -> Any:
        answered.append(status)

    environs: list[WSGIEnvironment] = [
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/api/progress/{MEDIA}",
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": viewer,
            "wsgi.input": BytesIO(body),
        }
        for viewer, body in sent
    ]

    def serve() -> None:
        for environ in environs:
            for _part in app(environ, start_response):
                pass

    try:
        taken = cpu_time(serve)
    finally:
        close()
    assert answered == ["200 OK"] * len(sent)
    return taken / len(sent)
