"""What a host says in the setting ``MILESTONE_PROGRESS``."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

from .._identifiers import identifier
from .._recorder import Recorder
from ..errors import InvalidValueError

if TYPE_CHECKING:
    # Not before Django has loaded the models.
    from .stores import DjangoStore

__all__ = ["SETTING", "Configuration", "configuration", "problems"]

SETTING = "MILESTONE_PROGRESS"


@frozen(kw_only=True)
class Configuration:
    """The setting ``MILESTONE_PROGRESS``, read.

    Attributes:
        is_media: ``IS_MEDIA``, which must be there: whether a media is one, and one that the user
            of a request may watch.
        make_recorder: ``RECORDER``: makes the recorder of the views, of the store that they use.
        namespace: ``NAMESPACE``: whose progress it is.
        using: ``USING``: in which of ``DATABASES``.
    """

    is_media: Callable[[HttpRequest, str], bool]
    make_recorder: "Callable[[DjangoStore], Recorder]"
    namespace: str
    using: str


def configuration() -> Configuration:
    """Return what the host has set.

    Raises:
        ImproperlyConfigured: It cannot be.
    """
    given = getattr(settings, SETTING, {})
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"{SETTING} must be a dictionary")
    unknown = given.keys() - {"IS_MEDIA", "RECORDER", "NAMESPACE", "USING"}
    if unknown:
        raise ImproperlyConfigured(f"{SETTING} knows no {', '.join(sorted(map(str, unknown)))}")
    if "IS_MEDIA" not in given:
        raise ImproperlyConfigured(
            f"{SETTING} must name a function of a request and a media in IS_MEDIA: any identifier "
            "is as good as another to a store, so only you can say which media there are"
        )
    using = given.get("USING", "default")
    if using not in settings.DATABASES:
        raise ImproperlyConfigured(f"{SETTING}: USING is none of DATABASES: {using!r}")
    try:
        namespace = identifier("NAMESPACE", given.get("NAMESPACE", "default"))
    except InvalidValueError as error:
        raise ImproperlyConfigured(f"{SETTING}: {error}") from error
    return Configuration(
        is_media=_function("IS_MEDIA", given["IS_MEDIA"]),
        make_recorder=_function("RECORDER", given["RECORDER"]) if "RECORDER" in given else Recorder,
        namespace=namespace,
        using=using,
    )


def _function(name: str, path: object) -> Callable[..., Any]:
    """Return what a path names; that it takes and returns what it should is the host's promise."""
    try:
        named = import_string(str(path))
    except ImportError as error:
        raise ImproperlyConfigured(f"{SETTING}: {name} cannot be imported: {error}") from error
    if not callable(named):
        raise ImproperlyConfigured(f"{SETTING}: {name} is no function: {path}")
    function: Callable[..., Any] = named
    return function


def problems(**_: object) -> list[CheckMessage]:
    """Return what is wrong with the setting, for Django's system checks."""
    try:
        configuration()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="milestone_progress.E001")]
    return []
