"""Who is signed in: replace `session_routes` by what you have, and keep the rest. See README.md.

A viewer's id must never become somebody else's.
"""

import hmac
from collections.abc import Mapping
from secrets import compare_digest, token_urlsafe
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response, security

COOKIE = Depends(security.APIKeyCookie(name="session", auto_error=False))  # For the description.
Json = dict[str, object]


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


Viewer = Annotated[str, Depends(viewer_of)]
Basic = Annotated[security.HTTPBasicCredentials, Depends(security.HTTPBasic())]


def session_routes(passwords: Mapping[str, str], secret: str) -> APIRouter:
    """Return the routes to sign in and out; need a `SessionMiddleware`.

    Args:
        passwords: Those of the viewers who may sign in.
        secret: That of the sessions. Also of `viewer_tag`, by which a browser tells the viewers
            apart whose places it keeps, and which tells nobody who they are.
    """
    routes = APIRouter()

    def tag_of(viewer: str) -> str:
        return hmac.digest(secret.encode(), f"viewer_tag {viewer}".encode(), "sha256").hex()

    @routes.get("/api/session")
    async def session(request: Request, response: Response) -> Json:
        response.headers["Cache-Control"] = "no-store"
        token = request.session.setdefault("token", token_urlsafe())
        viewer = request.session.get("viewer")
        tag = None if viewer is None else tag_of(viewer)
        return {"csrf_token": token, "signed_in": viewer is not None, "viewer_tag": tag}

    @routes.post("/api/session")
    async def sign_in(request: Request, response: Response, given: Basic) -> Json:
        password = passwords.get(given.username, token_urlsafe())
        if not compare_digest(given.password.encode(), password.encode()):
            raise HTTPException(401, "There is no such viewer, or the password is wrong.")
        request.session.clear()
        request.session["viewer"] = given.username
        return await session(request, response)

    @routes.delete("/api/session")
    async def sign_out(request: Request, response: Response) -> Json:
        request.session.clear()
        return await session(request, response)

    return routes
