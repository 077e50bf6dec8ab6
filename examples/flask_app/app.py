"""Save how far viewers got, and let them resume: milestone_progress in Flask. See README.md."""

import json
import os
from secrets import compare_digest, token_urlsafe

from attrs import asdict
from flask import Flask, Response, abort, jsonify, request, session
from werkzeug.exceptions import HTTPException

import milestone_progress as progress
from milestone_progress.hooks import logging_hook
from milestone_progress.stores.sqlite import SQLiteStore

# Replace both, and `sign_in`, by what you have. A viewer's id must never become somebody else's.
PASSWORDS: dict[str, str] = json.loads(os.environ.get("DEMO_PASSWORDS", "{}"))
CATALOGUE = {"big-buck-bunny": "Big Buck Bunny", "sintel": "Sintel", "spring": "Spring"}
AGAIN = {"Retry-After": "5"}
Answer = tuple[Response, int, dict[str, str]]


def viewer() -> str:
    """Return who is signed in; nothing else may say whose progress it is."""
    if "viewer" not in session:
        abort(401, "Nobody is signed in.")
    return str(session["viewer"])


def known(media: str) -> str:
    """Return the media that the path names."""
    if media not in CATALOGUE:
        abort(404, "There is no such media.")
    return media


def create_app(folder: str = os.environ.get("PROGRESS_FOLDER", ".")) -> Flask:
    """Return the application, with its databases in a folder."""
    store = SQLiteStore(f"{folder}/progress.sqlite")
    # What the store cannot take waits in the second file, for later reports or the next process.
    unsaved = SQLiteStore(f"{folder}/unsaved.sqlite")
    recorder = progress.Recorder(store, fallback=unsaved, hooks=[logging_hook()])

    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=os.environ.get("SESSION_SECRET") or token_urlsafe(),  # Workers need the first.
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE="HTTPS_ONLY" in os.environ,
        MAX_CONTENT_LENGTH=progress.LARGEST_BODY,
    )

    @app.before_request
    def unforged() -> None:
        """Refuse what another site may have made the browser send."""
        token, sent = session.get("token", ""), request.headers.get("X-CSRF-Token", "")
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return
        if not token or not compare_digest(sent.encode(), token.encode()):
            abort(403 if token else 401, "X-CSRF-Token is not that of the session.")

    @app.after_request
    def private(response: Response) -> Response:
        response.cache_control.no_store = True
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Answer:
        return jsonify(detail=error.description), error.code or 500, {}

    @app.errorhandler(progress.StoreError)
    def unavailable(_error: progress.StoreError) -> Answer:
        return jsonify(detail="Try again later."), 503, AGAIN

    @app.get("/api/session")
    def about_session() -> Response:
        token = session.setdefault("token", token_urlsafe())
        return jsonify(csrf_token=token, signed_in="viewer" in session)

    @app.post("/api/session")
    def sign_in() -> Response:
        given = request.authorization
        name = (given and given.username) or ""
        password = PASSWORDS.get(name, token_urlsafe())
        if not compare_digest(((given and given.password) or "").encode(), password.encode()):
            abort(401, "There is no such viewer, or the password is wrong.")
        session.clear()
        session["viewer"] = name
        return about_session()

    @app.post("/api/progress/<media>")
    def report(media: str) -> Answer:
        who, what = viewer(), known(media)
        try:
            sent = progress.parse_report(request.get_data())
        except progress.PayloadError as error:
            return jsonify(error.to_dict()), 422, {}
        result = recorder.report(who, what, sent)
        refused = result.status is progress.SaveStatus.REFUSED
        return jsonify(result.to_dict()), 503 if refused else 200, AGAIN if refused else {}

    @app.get("/api/progress/<media>")
    def where(media: str) -> Response:
        choice = recorder.resume_choice(viewer(), known(media))
        record = choice.record
        bar = progress.markers(record.duration if record else None, milestone=choice.last_milestone)
        about = record and {"percent": record.percent, "generation": record.generation}
        return jsonify(record=about, resume=choice.to_dict(), markers=list(map(asdict, bar)))

    @app.get("/api/continue-watching")
    def recent() -> Response:
        return jsonify(
            [
                {"media": record.media, "title": CATALOGUE[record.media], "percent": record.percent}
                for record in recorder.recent(viewer())
                if record.media in CATALOGUE
            ]
        )

    @app.post("/api/progress/<media>/complete")
    def complete(media: str) -> Response:
        return jsonify(recorder.complete(viewer(), known(media)).to_dict())

    @app.delete("/api/progress/<media>")
    def start_over(media: str) -> Response:
        recorder.reset(viewer(), known(media))
        return jsonify(None)

    @app.delete("/api/me")
    def forget_me() -> Response:
        recorder.delete_viewer(viewer())
        return jsonify(None)

    return app
