"""Which numbers may enter: finite ones of a believable size, and never a bool."""

from math import inf

from .errors import InvalidValueError

# Room for media whose timeline is anchored at the Unix epoch (live DASH, 1.8e9) and for any date
# in seconds, and small enough that a product of two of them is still a number. It also catches
# the commonest mistake with `at`: milliseconds (1.8e12).
LARGEST = 1e12


def number(
    field: str, value: object, *, minimum: float | None = None, largest: float = LARGEST
) -> float:
    """Return ``value`` as a float.

    Raises:
        InvalidValueError: It is no int or float, or not finite, or too large, or below ``minimum``.
    """
    # Nearly all are plain floats above 0, and need no closer look.
    if type(value) is float and 0.0 < value <= largest and (minimum is None or minimum <= value):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidValueError(field, value, "a number")
    # Comparisons of ints and floats are exact, so that the largest of ints are no special case.
    if not -largest <= value <= largest or value in (inf, -inf):
        raise InvalidValueError(field, value, f"a finite number up to {largest:g}")
    if minimum is not None and value < minimum:
        raise InvalidValueError(field, value, f"at least {minimum:g}")
    # Minus zero would print as "-0.0" and is no other position than zero.
    return float(value) or 0.0


def percentage(field: str, value: object) -> float:
    """Return ``value``, percent 0-100; an int stays one, as policies say 25 and not 25.0.

    Raises:
        InvalidValueError: It is no such number.
    """
    percent = number(field, value, minimum=0)
    if percent > 100:
        raise InvalidValueError(field, value, "a percentage up to 100")
    # Minus zero is none.
    return value or 0  # type: ignore[return-value]  # a number, as just seen


def number_or_nothing(field: str, value: object) -> float | None:
    """Return ``value`` if it says something: positive numbers do; None, NaN, 0 and below do not.

    Infinity is returned as it is.

    Raises:
        InvalidValueError: It is neither None nor an int or float, or finite but too large.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidValueError(field, value, "a number")
    if not value > 0:
        return None
    if LARGEST < value < inf:
        raise InvalidValueError(field, value, f"a number up to {LARGEST:g}, or infinity")
    return float(value)
