"""Which numbers may enter: finite ones of a believable size, and never a bool."""

from math import isfinite

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
    result = _float(field, value)
    if not isfinite(result) or abs(result) > largest:
        raise InvalidValueError(field, value, f"a finite number up to {largest:g}")
    if minimum is not None and result < minimum:
        raise InvalidValueError(field, value, f"at least {minimum:g}")
    # Minus zero would print as "-0.0" and is no other position than zero.
    return result or 0.0


def number_or_nothing(field: str, value: object) -> float | None:
    """Return ``value`` if it says something: positive numbers do; None, NaN, 0 and below do not.

    Infinity is returned as it is.

    Raises:
        InvalidValueError: It is neither None nor an int or float, or finite but too large.
    """
    if value is None:
        return None
    result = _float(field, value)
    if not result > 0:
        return None
    if isfinite(result) and result > LARGEST:
        raise InvalidValueError(field, value, f"a number up to {LARGEST:g}, or infinity")
    return result


def _float(field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidValueError(field, value, "a number")
    try:
        return float(value)
    except OverflowError:
        raise InvalidValueError(field, value, f"a number up to {LARGEST:g}") from None
