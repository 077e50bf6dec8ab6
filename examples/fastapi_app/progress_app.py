"""Save how far viewers got, and let them resume: milestone_progress in FastAPI. See README.md."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from secrets import token_urlsafe
from typing import Annotated

from attrs import asdict
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import ClientDisconnect

import live_socket
import milestone_progress as progress
from milestone_progress.hooks import logging_hook
from milestone_progress.stores.sqlite import AsyncSQLiteStore
from sessions import Json, Viewer, session_routes, unforged

# Replace both, and `session_routes`, by what you have.
PASSWORDS: dict[str, str] = json.loads(os.environ.get("DEMO_PASSWORDS", "{}"))
CATALOGUE = {"big-buck-bunny": "Big Buck Bunny", "sintel": "Sintel", "spring": "Spring"}
AGAIN = {"Retry-After": "5"}
WIRE = json.loads((files(progress) / "schema.json").read_text("utf-8"))["$defs"]
TOLD: dict[str, Json] = {of: {"content": {"application/json": {"schema": WIRE[of]}}} for of in WIRE}
SENT: Json = {"requestBody": {"required": True} | TOLD["report"]}
ANSWERS: dict[int | str, Json] = {200: TOLD["response"], 413: {}, 422: TOLD["problems"]}


def media_of(request: Request, media: str) -> str:
    """Return the media that the path names."""
    if media not in request.app.state.catalogue:
        raise HTTPException(404, "There is no such media.")
    return media


Media = Annotated[str, Depends(media_of)]


def create_app(
    folder: str = os.environ.get("PROGRESS_FOLDER", "."),
    catalogue: Mapping[str, str] = CATALOGUE,
    resume: progress.ResumePolicy | None = None,
) -> FastAPI:
    """Return the application, with its databases in a folder and its media's titles by their ids.

    From where viewers resume is for ``resume`` to say, None for the library's defaults.
    """
    store = AsyncSQLiteStore(f"{folder}/progress.sqlite")
    unsaved = AsyncSQLiteStore(f"{folder}/unsaved.sqlite")
    recorder = progress.AsyncRecorder(
        store, fallback=unsaved, resume=resume, hooks=[logging_hook()]
    )

    async def keep_trying() -> None:
        while True:
            await asyncio.sleep(1)
            await recorder.tick()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with store, unsaved, recorder:
            trying = asyncio.create_task(keep_trying())
            yield
            trying.cancel()

    answers: dict[int | str, Json] = {status: {} for status in (401, 403, 404, 503)}
    app = FastAPI(lifespan=lifespan, dependencies=[Depends(unforged)], responses=answers)
    app.state.catalogue = catalogue
    # Refuses what is longer before it has been read.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=progress.LARGEST_BODY)
    # With several workers, and for sessions to survive a restart, it needs a secret of your own.
    secret = os.environ.get("SESSION_SECRET") or token_urlsafe()
    app.add_middleware(SessionMiddleware, secret, https_only="HTTPS_ONLY" in os.environ)

    app.router.routes.append(live_socket.live_route(recorder, catalogue))
    app.include_router(session_routes(PASSWORDS, secret))

    @app.exception_handler(progress.StoreError)
    def unavailable(_request: Request, _error: progress.StoreError) -> JSONResponse:
        return JSONResponse({"detail": "Try again later."}, 503, AGAIN)

    @app.post("/api/progress/{media}", openapi_extra=SENT, responses=ANSWERS)
    async def report(request: Request, viewer: Viewer, media: Media) -> JSONResponse:
        try:
            sent = progress.parse_report(await request.body())
        except progress.PayloadError as error:
            return JSONResponse(error.to_dict(), 422)
        except ClientDisconnect:
            return JSONResponse({"detail": "The body ended early."}, 400)  # Nobody reads it.
        result = await recorder.report(viewer, media, sent)
        refused = result.status is progress.SaveStatus.REFUSED
        return JSONResponse(result.to_dict(), 503 if refused else 200, AGAIN if refused else None)

    @app.get("/api/progress/{media}")
    async def where(viewer: Viewer, media: Media) -> Json:
        choice = await recorder.resume_choice(viewer, media)
        record = choice.record
        bar = progress.markers(record.duration if record else None, milestone=choice.last_milestone)
        about = record and {"percent": record.percent, "generation": record.generation}
        # What a tracker in the browser goes on from.
        kept = ("position", "duration", "milestone", "completed")
        saved = record and {name: getattr(record, name) for name in kept}
        points = list(map(asdict, bar))
        return {"record": about, "saved": saved, "resume": choice.to_dict(), "markers": points}

    @app.get("/api/continue-watching")
    async def recent(viewer: Viewer) -> list[Json]:
        return [
            {"media": record.media, "title": catalogue[record.media], "percent": record.percent}
            for record in await recorder.recent(viewer)
            if record.media in catalogue
        ]

    @app.post("/api/progress/{media}/complete")
    async def complete(viewer: Viewer, media: Media) -> Json:
        return (await recorder.complete(viewer, media)).to_dict()

    @app.delete("/api/progress/{media}")
    async def start_over(viewer: Viewer, media: Media) -> None:
        await recorder.reset(viewer, media)

    @app.delete("/api/me")
    async def forget_me(viewer: Viewer) -> None:
        await recorder.delete_viewer(viewer)

    return app
