"""Raw playback events over a WebSocket, for players that cannot decide when to save. See README.md.

A connection is a viewing. It begins with where to resume: `{"resume": ...}`. Then each message is
an array of events, and is answered: with `{"decisions": 1, "saved": ..., "deadline": ...}`, or with
`{"problems": [...]}` if it is none. What is saved because time passes is told of likewise.
"""

import asyncio
import time
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from secrets import token_urlsafe
from urllib.parse import urlsplit

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

import milestone_progress as progress

REFUSED, TRY_AGAIN_LATER = 1008, 1013
# Seconds. However often a player's clock says that it is time, it is not more often than this.
LEAST_WAIT = 0.1
# What the clock of a player can say at most.
LATEST = 1e12
Json = dict[str, object]


class BusyError(Exception):
    """The viewer has too many viewings, or the store fails: to be tried again later."""


class Viewing:
    """What a connection says goes to the recorder, and what becomes of it comes back."""

    def __init__(
        self,
        recorder: progress.AsyncRecorder,
        viewer: str,
        media: str,
        clock: Callable[[], float],
    ) -> None:
        self._recorder, self._viewer, self._media = recorder, viewer, media
        self._clock = clock
        self._deadline: float | None = None
        # Two tabs are two viewings, whatever they show.
        self._player = token_urlsafe()
        # What the player's clock said when it was heard of, and what ours did.
        self._said: tuple[float, float] | None = None

    @property
    def wait(self) -> float | None:
        """Seconds until it is time for a tick."""
        left = None if self._deadline is None else self._deadline - self._clock()
        return None if left is None else max(LEAST_WAIT, left)

    async def resume(self) -> Json:
        """Return from where to play."""
        try:
            choice = await self._recorder.resume_choice(self._viewer, self._media)
        except progress.StoreError as error:
            raise BusyError from error
        return {"resume": choice.to_dict()}

    async def hear(self, message: str | bytes) -> Json:
        """Return what to answer a message."""
        try:
            events = progress.parse_events(message)
        except progress.PayloadError as error:
            return error.to_dict()
        if events:
            self._said = events[-1].at, self._clock()
        return await self._handle(events)

    async def tick(self) -> Json:
        """Return what to say when it is time."""
        return await self._handle([progress.Tick(at=self._there())])

    async def leave(self) -> None:
        """Save what is unsaved: whatever ended the connection, the viewer may have left."""
        if self._said is not None:
            with suppress(BusyError):
                await self._handle([progress.Unload(at=self._there())])

    def _there(self) -> float:
        """Return what the player's clock says now."""
        assert self._said is not None, "nothing waits before anything was said"
        at, heard_at = self._said
        return min(LATEST, at + max(0.0, self._clock() - heard_at))

    async def _handle(self, events: Sequence[progress.Event]) -> Json:
        try:
            result = await self._recorder.handle(
                self._viewer, self._media, events, player=self._player
            )
        except progress.StoreError as error:
            raise BusyError from error
        if not result.handled:
            raise BusyError
        self._deadline = result.deadline
        return {
            "decisions": len(result.decisions),
            "saved": None if result.saved is None else result.saved.to_dict(),
            "deadline": result.deadline,
        }


def is_from_here(socket: WebSocket) -> bool:
    """Whether a page of this site opens it: browsers let any other do so, with our cookies."""
    origin = urlsplit(socket.headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc == socket.headers.get("host")


def live_route(
    recorder: progress.AsyncRecorder,
    medias: Container[str],
    clock: Callable[[], float] = time.time,
) -> WebSocketRoute:
    """Return the route of live viewings; needs a `SessionMiddleware`.

    Args:
        recorder: Whose trackers decide.
        medias: Which there are.
        clock: The recorder's.
    """

    async def watch(socket: WebSocket) -> None:
        viewer, media = socket.session.get("viewer"), str(socket.path_params["media"])
        if viewer is None or media not in medias or not is_from_here(socket):
            # Before it is accepted, this is an answer with the status 403.
            await socket.close(REFUSED)
            return
        await socket.accept()
        viewing = Viewing(recorder, str(viewer), media, clock)
        # A connection that ends between two messages says so when the next one is sent.
        with suppress(WebSocketDisconnect):
            try:
                await converse(socket, viewing)
            except BusyError:
                await socket.close(TRY_AGAIN_LATER)
        await viewing.leave()

    return WebSocketRoute("/api/live/{media}", watch)


async def converse(socket: WebSocket, viewing: Viewing) -> None:
    """Answer messages, and time that passes, until the connection ends."""
    await socket.send_json(await viewing.resume())
    receiving = asyncio.create_task(socket.receive())
    try:
        while True:
            # It goes on receiving when it is time for a tick.
            await asyncio.wait([receiving], timeout=viewing.wait)
            if not receiving.done():
                answer = await viewing.tick()
                if answer["decisions"]:
                    await socket.send_json(answer)
                continue
            message = receiving.result()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            heard = await viewing.hear(message["bytes"] if text is None else text)
            await socket.send_json(heard)
            receiving = asyncio.create_task(socket.receive())
    finally:
        receiving.cancel()
