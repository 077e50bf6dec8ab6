"""The example player's server, which can be stopped and started, and what it was asked."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Condition

from attrs import frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import player_app
from http_servers import PATIENCE, serving
from milestone_progress import ProgressRecord
from milestone_progress.stores.sqlite import SQLiteStore


@frozen
class Request:
    """A request that was answered."""

    method: str
    path: str
    status: int


class PlayerServer:
    """Serves the player from a folder with its databases, at the same address after each start.

    Attributes:
        url: Where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._requests: list[Request] = []
        self._changed = Condition()
        self._running = ExitStack()
        self.url = ""
        self.start()

    def start(self) -> None:
        port = int(self.url.rpartition(":")[2] or 0)
        app = _Noting(player_app.create_app(str(self._folder)), self._note)
        self.url = self._running.enter_context(serving(app, port))

    def stop(self) -> None:
        self._running.close()

    @property
    def requests(self) -> list[Request]:
        """What was answered so far, in order."""
        with self._changed:
            return list(self._requests)

    def reports(self, media: str) -> int:
        """Return how many reports of a media were answered."""
        path = f"/api/progress/{media}"
        return sum((one.method, one.path) == ("POST", path) for one in self.requests)

    def record(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return what is stored, from the file."""
        with closing(SQLiteStore(str(self._folder / "progress.sqlite"))) as store:
            return store.load(viewer, media)

    def record_when(
        self, viewer: str, media: str, is_right: Callable[[ProgressRecord], bool]
    ) -> ProgressRecord:
        """Return what is stored as soon as it is as expected."""
        with self._changed:
            while (record := self.record(viewer, media)) is None or not is_right(record):
                assert self._changed.wait(PATIENCE), f"stored is {record}"
        return record

    def remember(self, media: str, position: float, milestone: float) -> None:
        """Store how far ann got with a clip, long ago."""
        record = ProgressRecord(
            viewer="ann",
            media=media,
            position=position,
            duration=15.008,
            milestone=milestone,
            updated_at=1_700_000_000,
        )
        with closing(SQLiteStore(str(self._folder / "progress.sqlite"))) as store:
            store.save(record)

    def _note(self, request: Request) -> None:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()


@frozen
class _Noting:
    """Tells what an application has answered."""

    app: ASGIApp
    note: Callable[[Request], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_note(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                self.note(Request(scope["method"], scope["path"], message["status"]))

        await self.app(scope, receive, send_and_note)
