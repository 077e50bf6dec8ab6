"""Played seconds: which whole seconds of a media were really played.

In memory they are one int in which bit *n* stands for the second [*n*, *n* + 1), so that union is
``|`` and their count is ``int.bit_count()``; an hour takes 450 bytes. As text they are inclusive
ranges: ``"0-359,900-1799"``, a single second being ``"7-7"``.
"""

from math import ceil, floor
from re import compile as compile_pattern

from .errors import InvalidValueError

__all__ = ["played_from_text", "played_to_text"]

# Beyond 115 days of media (a live stream on a timeline anchored at the Unix epoch) seconds are not
# recorded: coverage means nothing there and the int would grow to hundreds of megabytes.
LONGEST = 10_000_000

_RANGES = compile_pattern(r"(?:[0-9]{1,8}-[0-9]{1,8}(?:,[0-9]{1,8}-[0-9]{1,8})*)?\Z")


def seconds_within(start: float, end: float) -> int:
    """Return the whole seconds that lie between two positions, in seconds, as a bitset."""
    first = ceil(start)
    last = min(floor(end), LONGEST)
    return (1 << last) - (1 << first) if last > first else 0


def checked_played(played: object) -> int:
    """Return played seconds.

    Raises:
        InvalidValueError: They are no int, or negative, or go beyond 10,000,000 seconds.
    """
    if type(played) is not int or played < 0 or played.bit_length() > LONGEST:
        raise InvalidValueError("played", played, f"a bitset of at most {LONGEST} seconds")
    return played


def played_to_text(played: int) -> str:
    """Return played seconds as ascending inclusive ranges, ``""`` if there are none.

    Raises:
        InvalidValueError: They are no int, or negative, or go beyond 10,000,000 seconds.
    """
    checked_played(played)
    if played and played & (played + (played & -played)) == 0:
        # Nearly all viewings are one range.
        return f"{(played & -played).bit_length() - 1}-{played.bit_length() - 1}"
    # Texts are searched in one go, where shifting an int copies it for every range.
    digits = f"{played:b}"
    ranges = []
    end = len(digits)
    while (low := digits.rfind("1", 0, end)) >= 0:
        end = digits.rfind("0", 0, low) + 1
        ranges.append(f"{len(digits) - 1 - low}-{len(digits) - 1 - end}")
    return ",".join(ranges)


def played_from_text(text: str) -> int:
    """Return the played seconds that a text of inclusive ranges names; their order is free.

    >>> played = played_from_text("0-359,900-1799") | played_from_text("300-419")
    >>> played.bit_count(), played_to_text(played)
    (1320, '0-419,900-1799')

    Raises:
        InvalidValueError: It is no such text, a range ends before it starts, or it goes beyond
            10,000,000 seconds.
    """
    if not isinstance(text, str) or not _RANGES.match(text):
        raise InvalidValueError("played", text, 'ranges of whole seconds such as "0-359,900-1799"')
    ranges = []
    for piece in text.split(",") if text else ():
        first, last = map(int, piece.split("-"))
        if not first <= last < LONGEST:
            raise InvalidValueError("played", piece, f"a range from low to high below {LONGEST}")
        ranges.append((first, last))
    pieces = ["0"]
    end = 0
    for first, last in sorted(ranges):
        pieces.append("0" * (first - end))
        end = max(end, first)
        pieces.append("1" * (last + 1 - end))
        end = max(end, last + 1)
    return int("".join(pieces)[:0:-1] or "0", 2)
