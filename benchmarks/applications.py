"""Measure a request to the example in Flask: ``python benchmarks/applications.py [--rounds N]``.

The application is called in process, without a network: a report that is saved in SQLite, beside a
request that only finds out who is signed in. So it shows what of a request is the library's, and
what the framework's, sessions and tokens included. CPU time of the thread.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples" / "flask_app"))
os.environ["DEMO_PASSWORDS"] = json.dumps({"ann": "a password of this benchmark"})

from app import CATALOGUE, create_app  # noqa: E402  # an example is no package
from flask import Flask  # noqa: E402  # as the example

from milestone_progress import SaveDecision, Trigger  # noqa: E402  # as said
from milestone_progress.stores.sqlite import SQLiteStore  # noqa: E402  # as said
from stopwatch import cpu_time  # noqa: E402  # as said

ROUNDS, REQUESTS = 21, 300
SESSION, MEDIA = "/api/session", next(iter(CATALOGUE))


def sign_in(app: Flask) -> dict[str, str]:
    """Return the headers of somebody signed in, as a WSGI server tells them."""
    client = app.test_client()
    told = client.post(
        SESSION,
        auth=("ann", "a password of this benchmark"),
        headers={"X-CSRF-Token": client.get(SESSION).get_json()["csrf_token"]},
    )
    cookie = client.get_cookie("session")
    assert cookie is not None
    return {
        "HTTP_COOKIE": f"session={cookie.value}",
        "HTTP_X_CSRF_TOKEN": told.get_json()["csrf_token"],
    }


def environ(method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """Return what a WSGI server makes of a request."""
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **headers,
    }


def a_report(number: int) -> bytes:
    """Return a report that is news after all with a lower number."""
    decision = SaveDecision(
        at=1.8e9 + number,
        trigger=Trigger.PAUSE,
        position=10.0 + number,
        duration=36_000.0,
        percent=None,
        milestone=None,
        last_milestone=0,
        completed=False,
    )
    return json.dumps(decision.to_report()).encode()


def lap(app: Flask, environs: Sequence[dict[str, Any]]) -> float:
    """Return the nanoseconds that a request takes."""
    answered: list[str] = []

    def start_response(status: str, _headers: object, _error: object = None) -> Any:
        answered.append(status)

    def serve() -> None:
        for one in environs:
            for _part in app(one, start_response):
                pass

    taken = cpu_time(serve)
    assert answered == ["200 OK"] * len(environs)
    return taken / len(environs)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="Measure a request to an example.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    options = parser.parse_args()
    print(f"CPython {sys.version.split()[0]}, {options.rounds} rounds of {REQUESTS} requests")
    with TemporaryDirectory() as folder:
        with patch("app.SQLiteStore", partial(SQLiteStore, synchronous="normal")):
            app = create_app(folder)
        headers = sign_in(app)
        laps: list[tuple[float, float]] = []
        for turn in range(options.rounds + 1):  # The first one only warms up.
            numbers = range(turn * REQUESTS, (turn + 1) * REQUESTS)
            asked = [environ("GET", SESSION, b"", headers) for _ in numbers]
            reported = [
                environ("POST", f"/api/progress/{MEDIA}", a_report(number), headers)
                for number in numbers
            ]
            laps.append((lap(app, asked), lap(app, reported)))
    for name, column in (("who is signed in", 0), ("a report", 1)):
        print(f"  {name:<24}{median(one[column] for one in laps[1:]) / 1_000:>8.1f} µs")
    print(f"  {'ratio':<24}{median(one[1] / one[0] for one in laps[1:]):>8.2f}")


if __name__ == "__main__":
    main()
