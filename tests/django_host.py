"""A Django project of the tests: settings, and databases that come and go.

To be imported before any models are.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.http import HttpRequest

T = TypeVar("T")
MEDIAS = ("intro", "course/7", "ü")


def is_media(_request: HttpRequest, media: str) -> bool:
    return media in MEDIAS


# Databases come by `database`.
NONE = {"ENGINE": "django.db.backends.dummy"}

# Django takes settings once for each process, and says nothing to who configures none.
settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DATABASES={"default": NONE},
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "milestone_progress.django",
    ],
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    MILESTONE_PROGRESS={"IS_MEDIA": "django_host.is_media"},
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF="django_host_urls",
    SECRET_KEY="of no use to anybody",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    USE_TZ=True,
)
django.setup()


@contextmanager
def database(alias: str, *, migrated: bool = True, **described: Any) -> Iterator[str]:
    """Add a database to those of the project, for as long as the context lasts."""
    described = {"ENGINE": f"django.db.backends.{described.pop('vendor')}", **described}
    before = dict(connections.settings)
    complete = connections.configure_settings({"default": NONE, alias: described})
    connections.settings[alias] = complete[alias]
    with suppress(AttributeError):  # Django may have looked at it.
        del connections[alias]
    if migrated:
        call_command("migrate", database=alias, verbosity=0)
    try:
        yield alias
    finally:
        connection = connections[alias]
        connection.close()
        if "pool" in described.get("OPTIONS", {}):
            connection.close_pool()  # type: ignore[attr-defined]  # of PostgreSQL
        del connections[alias]
        del connections.settings[alias]
        connections.settings.update(before)


def at_the_end_of_a_request() -> None:
    """Close the connections of this thread, as Django does: there is nobody else to do it."""
    connections.close_all()


def in_another_thread(work: Callable[[], T]) -> T:
    """Return what some work does in a thread that is like one of a server."""

    def request() -> T:
        try:
            return work()
        finally:
            at_the_end_of_a_request()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(request).result()
