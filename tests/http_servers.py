"""Serves an ASGI application on a port of 127.0.0.1: in a thread, or as a program.

As a program it serves the FastAPI example on a socket that it inherits, whose number is its
argument.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import uvicorn
from starlette.types import ASGIApp

import progress_app
from milestone_progress import LARGEST_BODY

HOST = "127.0.0.1"
# Seconds after which something is wrong with a server.
PATIENCE = 30.0


class _Server(uvicorn.Server):
    """Tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def listening(port: int = 0) -> socket.socket:
    """Return a socket that listens on a port, by default a free one."""
    # asyncio asks for no delay, which would be 40 ms, only where the protocol is said to be TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # What talked to an earlier server at this port may not have let go of it yet.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1024)
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return how to reach it."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


def _configured(app: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            lifespan="on",
            ws="websockets-sansio",
            ws_max_size=LARGEST_BODY,
            log_config=None,
            access_log=False,
        )
    )


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve an application in a thread during a block, by default on a free port; yield its URL."""
    with listening(port) as listener:
        server = _configured(app)
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert server.ready.wait(PATIENCE)
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
        assert not thread.is_alive()


@contextmanager
def serving_example(folder: Path, secret: str) -> Iterator[str]:
    """Serve the FastAPI example in a process of its own during a block; yield its URL."""
    environment = os.environ | {
        "PROGRESS_FOLDER": str(folder),
        "SESSION_SECRET": secret,
        "PYTHONPATH": str(Path(progress_app.__file__).parent),
    }
    with listening() as listener:
        number = listener.fileno()
        command = [sys.executable, __file__, str(number)]
        with subprocess.Popen(command, pass_fds=[number], env=environment) as process:
            try:
                # It is asked by connections that wait until it is up.
                yield url_of(listener)
            finally:
                process.terminate()
                process.wait(PATIENCE)


if __name__ == "__main__":
    _configured(progress_app.create_app()).run([socket.socket(fileno=int(sys.argv[1]))])
