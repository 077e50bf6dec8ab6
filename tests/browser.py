"""A browser for tests over real HTTP, and the servers of the examples that it talks to."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

EXAMPLES = Path(__file__).parents[1] / "examples"
PATIENCE = 60.0


@contextmanager
def served(folder: str, *command: str, **environment: str) -> Iterator[str]:
    """Run the server of an example, and provide its address; it has to tell where it listens."""
    with subprocess.Popen(
        [sys.executable, "-u", *command],
        cwd=EXAMPLES / folder,
        env=surroundings(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            yield address_told(server)
        finally:
            server.terminate()


def address_told(server: subprocess.Popen[str]) -> str:
    """Return where a server says that it listens, once it does."""
    assert server.stdout is not None
    said = []
    for line in server.stdout:
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:[1-9]\d*", line):
            return found[0]
    raise RuntimeError(f"the server does not start:\n{''.join(said)}")


def surroundings(**environment: str) -> dict[str, str]:
    """Return the environment of a process of an example."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))
    }
    return inherited | {"PYTHONDONTWRITEBYTECODE": "1"} | environment


class Browser:
    """Keeps cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._jar = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._jar), ProxyHandler({}))

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, object] | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        """Return the status of an answer and what it says; underscores in headers are dashes."""
        data = json.dumps(body).encode() if isinstance(body, Mapping) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(self.address + path, data, named, method=method)
        try:
            with self._opener.open(request, timeout=PATIENCE) as answer:
                return answer.status, said(answer.read())
        except HTTPError as refusal:
            with refusal:
                return refusal.code, said(refusal.read())

    def cookie(self, name: str) -> str:
        """Return the value of a cookie."""
        [value] = [cookie.value for cookie in self._jar if cookie.name == name]
        assert value is not None
        return value

    def announce(self, path: str, length: int, **headers: str) -> int:
        """Return the status of the answer to a request whose body is announced but never sent."""
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=PATIENCE)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._jar)
        connection.putrequest("POST", path)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in (named | {"Cookie": cookies, "Content-Length": str(length)}).items():
            connection.putheader(name, value)
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status


def said(body: bytes) -> Any:
    """Return what JSON says, or the text of anything else."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()
