"""Identifiers: what viewers, media and namespaces may be called."""

from unicodedata import category

from .errors import InvalidValueError

__all__ = ["identifier"]

# Four times as many bytes in UTF-8 fit into the keys of every database.
LONGEST_IDENTIFIER = 200

_EXPECTED = (
    f"a text of 1 to {LONGEST_IDENTIFIER} characters, without control characters and surrogates"
)


def identifier(field: str, value: object) -> str:
    """Return ``value`` if it can name a viewer, a media or a namespace.

    Identifiers are compared exactly, character by character: upper and lower case differ, and so
    do composed and decomposed accents.

    Raises:
        InvalidValueError: It is no such text.
    """
    if type(value) is not str or not 0 < len(value) <= LONGEST_IDENTIFIER:
        raise InvalidValueError(field, value, _EXPECTED)
    # Nearly all are printable, and nothing that is printable is a control or a surrogate.
    if not value.isprintable() and any(category(character) in ("Cc", "Cs") for character in value):
        raise InvalidValueError(field, value, _EXPECTED)
    return value
