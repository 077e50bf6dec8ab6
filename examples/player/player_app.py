"""The FastAPI example with a page to watch on, which knows where one left off. See README.md."""

import json
import mimetypes
import os
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import progress_app
from milestone_progress import ResumePolicy

HERE = Path(__file__).parent
# All that is served of this folder.
SERVED = {".html", ".css", ".js", ".svg"}
PAGE = {file.name: file for file in HERE.iterdir() if file.suffix in SERVED}
CLIPS = HERE / "clips"
# The clips are short: who saw two seconds may resume, and who has three left, too.
RESUME = ResumePolicy(ignore_start=2, ignore_end=1)
HEADERS = {
    # Nothing from elsewhere, and no script or style but in files of its own.
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# Not every system knows them, and with `nosniff` a browser does not guess.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/vtt", ".vtt")
mimetypes.add_type("video/webm", ".webm")


class HeadersMiddleware:
    """Adds `HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def create_app(folder: str = os.environ.get("PROGRESS_FOLDER", ".")) -> FastAPI:
    """Return the application, with its databases in a folder."""
    clips = json.loads((CLIPS / "catalogue.json").read_text("utf-8"))
    catalogue = {clip["media"]: clip["title"] for clip in clips}
    app = progress_app.create_app(folder, catalogue, RESUME)
    app.add_middleware(HeadersMiddleware)
    app.mount("/clips", StaticFiles(directory=CLIPS))

    @app.get("/", include_in_schema=False)
    @app.get("/{name}", include_in_schema=False)
    def page(name: str = "index.html") -> FileResponse:
        if name not in PAGE:
            raise HTTPException(404)
        # What was changed is seen at the next visit.
        return FileResponse(PAGE[name], headers={"Cache-Control": "no-cache"})

    return app
