"""What a page asks for: the progress of whoever is signed in, and of nobody else.

Whose it is, only the session says, and every request but a GET has to carry the CSRF token, in its
header ``X-CSRFToken``.
"""

from http import HTTPStatus

from django.db import connections
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponseBase, JsonResponse, UnreadablePostError
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie

from .._additions import SaveStatus
from .._identifiers import identifier
from .._reports import LARGEST_BODY, PayloadError, parse_report
from ..errors import InvalidValueError, StoreError
from .recorder import recorder
from .settings import configuration

__all__ = ["CompleteView", "MeView", "MediaView", "RecentView"]

# Not in the transaction of a request (ATOMIC_REQUESTS): what an earlier one could not save is saved
# with this one, and must not be undone with it. The token is asked for even if the host's
# middleware does not.
_PROTECTED = [
    *(non_atomic_requests(using=alias) for alias in connections),
    never_cache,
    csrf_protect,
]


@method_decorator(_PROTECTED, name="dispatch")
class _ViewerView(View):
    """What somebody who is signed in asks, of one of the host's media if the path names one."""

    def dispatch(self, request: HttpRequest, **path: str) -> HttpResponseBase:
        """Answer by the method of the request, which is told the viewer first."""
        if not request.user.is_authenticated:
            return _refusal(HTTPStatus.UNAUTHORIZED, "Nobody is signed in.")
        try:
            if "media" in path and not _is_media(request, path["media"]):
                return _refusal(HTTPStatus.NOT_FOUND, "There is no such media.")
            return super().dispatch(request, str(request.user.pk), **path)
        except StoreError:
            return _later(_detail("Try again later."))


class MediaView(_ViewerView):
    """Progress in one media."""

    @method_decorator(ensure_csrf_cookie)
    def get(self, _request: HttpRequest, viewer: str, media: str) -> JsonResponse:
        """Tell from where to resume, and what a player has to know to report."""
        choice = recorder().resume_choice(viewer, media)
        record = choice.record
        return JsonResponse(
            {
                "record": record
                and {
                    "percent": record.percent,
                    "completed": record.completed,
                    "generation": record.generation,
                },
                "resume": choice.to_dict(),
            }
        )

    def post(self, request: HttpRequest, viewer: str, media: str) -> JsonResponse:
        """Take a report."""
        try:
            body = _body(request)
        except UnreadablePostError:
            return _refusal(HTTPStatus.BAD_REQUEST, "The body ends too early.")
        if body is None:
            told = f"A report has at most {LARGEST_BODY} bytes."
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
        try:
            report = parse_report(body)
        except PayloadError as error:
            return JsonResponse(error.to_dict(), status=HTTPStatus.UNPROCESSABLE_ENTITY)
        result = recorder().report(viewer, media, report)
        refused = result.status is SaveStatus.REFUSED
        return _later(result.to_dict()) if refused else JsonResponse(result.to_dict())

    def delete(self, _request: HttpRequest, viewer: str, media: str) -> JsonResponse:
        """Let the viewer start over, and tell which generation this is."""
        record = recorder().reset(viewer, media)
        return JsonResponse({"generation": record.generation if record else 0})


class CompleteView(_ViewerView):
    """The button "mark as complete"."""

    def post(self, _request: HttpRequest, viewer: str, media: str) -> JsonResponse:
        """Complete a media."""
        return JsonResponse(recorder().complete(viewer, media).to_dict())


class RecentView(_ViewerView):
    """The row "continue watching"."""

    def get(self, _request: HttpRequest, viewer: str) -> JsonResponse:
        """List what was watched last, newest first."""
        recent = [
            {
                "media": record.media,
                "position": record.position,
                "percent": record.percent,
                "last_milestone": record.milestone,
                "updated_at": record.updated_at,
            }
            for record in recorder().recent(viewer)
        ]
        return JsonResponse({"recent": recent})


class MeView(_ViewerView):
    """All that is known of a viewer."""

    def delete(self, _request: HttpRequest, viewer: str) -> JsonResponse:
        """Forget it."""
        return JsonResponse({"deleted": recorder().delete_viewer(viewer)})


def _is_media(request: HttpRequest, media: str) -> bool:
    try:
        return configuration().is_media(request, identifier("media", media))
    except InvalidValueError:
        return False


def _body(request: HttpRequest) -> bytes | None:
    """Return the body, of which no more is read than a report can have; None if it is longer."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    # Nor is a number of thousands of digits.
    if length.isdecimal() and (len(length) > 20 or int(length) > LARGEST_BODY):
        return None
    body: bytes = request.read(LARGEST_BODY + 1)
    return body if len(body) <= LARGEST_BODY else None


def _detail(told: str) -> dict[str, object]:
    return {"detail": told}


def _refusal(status: HTTPStatus, told: str) -> JsonResponse:
    return JsonResponse(_detail(told), status=status)


def _later(told: dict[str, object]) -> JsonResponse:
    headers = {"Retry-After": "5"}
    return JsonResponse(told, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
