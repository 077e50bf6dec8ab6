"""Opening the store that a URL names, for whoever keeps that in a setting."""

from ..errors import InvalidValueError, StoreError
from ._protocols import ProgressStore

__all__ = ["open_store"]


def open_store(url: str, *, namespace: str = "default") -> ProgressStore:
    """Return the store that a URL names.

    Args:
        url: ``sqlite:PATH`` (``sqlite::memory:``), ``redis://HOST…``, ``rediss://HOST…`` or
            ``postgresql://HOST…``.
        namespace: Whose; records of other namespaces are as if they were not there.

    Raises:
        InvalidValueError: It is no such URL, or the namespace no identifier.
        StoreError: The store cannot be opened, or its driver is not installed.
    """
    scheme, colon, rest = url.partition(":")
    # Each driver costs more than all of this library to import.
    try:
        if scheme == "sqlite" and rest:
            from .sqlite import SQLiteStore  # noqa: PLC0415  # as said

            return SQLiteStore(rest, namespace=namespace)
        if scheme in ("redis", "rediss"):
            from .redis import RedisStore  # noqa: PLC0415

            return RedisStore(url, namespace=namespace)
        if scheme in ("postgresql", "postgres"):
            from .postgres import PostgresStore  # noqa: PLC0415

            return PostgresStore(url, namespace=namespace)
    except ImportError as error:
        # psycopg says so, too, where it finds no libpq.
        needed = (
            "milestone-progress[redis]" if scheme.startswith("redis") else "psycopg[binary,pool]"
        )
        raise StoreError(f"{error}: pip install '{needed}'") from error
    # Not more of it than the scheme: a URL may hold a password.
    expected = "sqlite:PATH, redis://… or postgresql://…"
    raise InvalidValueError("store", f"{scheme}{colon}…", expected)
