"""Save how far viewers got, and let them resume: milestone_progress in FastAPI. See README.md."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from secrets import compare_digest, token_urlsafe
from typing import Annotated

from attrs import asdict
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response, security
from fastapi.responses import JSONResponse
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import ClientDisconnect

import live_socket
import milestone_progress as progress
from milestone_progress.hooks import logging_hook
from milestone_progress.stores.sqlite import AsyncSQLiteStore

# Replace both, and `sign_in`, by what you have. A viewer's id must never become somebody else's.
PASSWORDS: dict[str, str] = json.loads(os.environ.get("DEMO_PASSWORDS", "{}"))
CATALOGUE = {"big-buck-bunny": "Big Buck Bunny", "sintel": "Sintel", "spring": "Spring"}
AGAIN = {"Retry-After": "5"}
Json = dict[str, object]
WIRE = json.loads((files(progress) / "schema.json").read_text("utf-8"))["$defs"]
TOLD: dict[str, Json] = {of: {"content": {"application/json": {"schema": WIRE[of]}}} for of in WIRE}
SENT: Json = {"requestBody": {"required": True} | TOLD["report"]}
COOKIE = Depends(security.APIKeyCookie(name="session", auto_error=False))  # For the description.
ANSWERS: dict[int | str, Json] = {200: TOLD["response"], 413: {}, 422: TOLD["problems"]}


def unforged(request: Request, x_csrf_token: Annotated[str, Header()] = "") -> None:
    """Refuse what another site may have made the browser send."""
    token, sent = request.session.get("token", ""), x_csrf_token.encode()
    if request.method != "GET" and not (token and compare_digest(sent, token.encode())):
        raise HTTPException(403 if token else 401, "X-CSRF-Token is not that of the session.")


def viewer_of(request: Request, response: Response, _: Annotated[str | None, COOKIE]) -> str:
    """Return who is signed in; nothing else may say whose progress it is."""
    if "viewer" not in request.session:
        raise HTTPException(401, "Nobody is signed in.")
    response.headers["Cache-Control"] = "no-store"
    return str(request.session["viewer"])


def media_of(media: str) -> str:
    """Return the media that the path names."""
    if media not in CATALOGUE:
        raise HTTPException(404, "There is no such media.")
    return media


Viewer = Annotated[str, Depends(viewer_of)]
Media = Annotated[str, Depends(media_of)]
Basic = Annotated[security.HTTPBasicCredentials, Depends(security.HTTPBasic())]


def create_app(folder: str = os.environ.get("PROGRESS_FOLDER", ".")) -> FastAPI:
    """Return the application, with its databases in a folder."""
    store = AsyncSQLiteStore(f"{folder}/progress.sqlite")
    unsaved = AsyncSQLiteStore(f"{folder}/unsaved.sqlite")
    recorder = progress.AsyncRecorder(store, fallback=unsaved, hooks=[logging_hook()])

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
    # Refuses what is longer before it has been read.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=progress.LARGEST_BODY)
    # With several workers, and for sessions to survive a restart, it needs a secret of your own.
    secret = os.environ.get("SESSION_SECRET") or token_urlsafe()
    app.add_middleware(SessionMiddleware, secret, https_only="HTTPS_ONLY" in os.environ)

    app.router.routes.append(live_socket.live_route(recorder, CATALOGUE))

    @app.exception_handler(progress.StoreError)
    def unavailable(_request: Request, _error: progress.StoreError) -> JSONResponse:
        return JSONResponse({"detail": "Try again later."}, 503, AGAIN)

    @app.get("/api/session")
    async def session(request: Request) -> Json:
        token = request.session.setdefault("token", token_urlsafe())
        return {"csrf_token": token, "signed_in": "viewer" in request.session}

    @app.post("/api/session")
    async def sign_in(request: Request, given: Basic) -> Json:
        password = PASSWORDS.get(given.username, token_urlsafe())
        if not compare_digest(given.password.encode(), password.encode()):
            raise HTTPException(401, "There is no such viewer, or the password is wrong.")
        request.session.clear()
        request.session["viewer"] = given.username
        return await session(request)

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
        record = await recorder.load(viewer, media)
        choice = await recorder.resume_choice(viewer, media)
        bar = progress.markers(record.duration if record else None, milestone=choice.last_milestone)
        about = record and {"percent": record.percent, "generation": record.generation}
        return {"record": about, "resume": choice.to_dict(), "markers": list(map(asdict, bar))}

    @app.get("/api/continue-watching")
    async def recent(viewer: Viewer) -> list[Json]:
        return [
            {"media": record.media, "title": CATALOGUE[record.media], "percent": record.percent}
            for record in await recorder.recent(viewer)
            if record.media in CATALOGUE
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
