"""What all stores check of their arguments, in the same way."""

from collections.abc import Iterable

from .._identifiers import identifier
from .._numbers import number
from ..errors import InvalidValueError

__all__ = ["LARGEST_LIMIT", "checked_limit", "checked_medias", "checked_time"]


def checked_medias(medias: Iterable[str]) -> list[str]:
    """Return identifiers of media, each once, in the order in which they came.

    Raises:
        InvalidValueError: One is no identifier, or they are a single text.
    """
    if isinstance(medias, str):
        raise InvalidValueError("medias", medias, "identifiers of media, not a single one")
    return list(dict.fromkeys(identifier("medias", media) for media in medias))


# The largest that every database takes.
LARGEST_LIMIT = 2**31 - 1


def checked_limit(limit: int) -> int:
    """Return how many records are asked for.

    Raises:
        InvalidValueError: It is no whole number of at least 1.
    """
    if type(limit) is not int or not 0 < limit <= LARGEST_LIMIT:
        raise InvalidValueError("limit", limit, "a whole number from 1")
    return limit


def checked_time(before: float) -> float:
    """Return a Unix time in seconds.

    Raises:
        InvalidValueError: It is none.
    """
    return number("before", before)
