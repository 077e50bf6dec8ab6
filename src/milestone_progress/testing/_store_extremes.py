"""Identifiers and records at the edges of what may be stored, for the laws of stores."""

from math import nextafter
from types import MappingProxyType
from typing import Any
from unicodedata import normalize

from .._identifiers import LONGEST_IDENTIFIER
from .._numbers import LARGEST
from .._played import LONGEST
from .._record import LARGEST_COUNT, ProgressRecord

__all__ = ["HOSTILE_IDENTIFIERS", "INVALID_IDENTIFIERS", "NOW", "RECORDS", "SEPARATORS", "a_record"]

NOW = 1_700_000_000.0


ORDINARY: dict[str, Any] = {
    "viewer": "ann",
    "media": "intro",
    "position": 12.5,
    "duration": 100.0,
    "milestone": 10,
    "played": 0b1111,
    "updated_at": NOW,
}


def a_record(**changes: Any) -> ProgressRecord:
    """Return an ordinary record, changed as told."""
    return ProgressRecord(**ORDINARY | changes)


#: What often stands between the parts of a key.
SEPARATORS = (*":/|,;.-_ #@%\\+=~&", "::", "}{", "\u2028")

#: Different valid names, all of them, and each taken for another or for a command somewhere.
HOSTILE_IDENTIFIERS = (
    # Case, spaces, accents and forms that some comparisons overlook.
    *("ann", "Ann", "ANN", "änn", "ann ", "ann  ", " ann", "ann\u00a0", "ann\u200b", "a\u00adnn"),
    *("ａnn", "an\u0430", "an", "annn", "ß", "ss", "ſs", "K", "\u212a", "i", "ı", "İ"),
    *(normalize("NFC", "é"), normalize("NFD", "é"), "\ufeffann", "\u202eann", "\u2028", " "),
    # Quotes, comments, patterns, placeholders, escapes, parts of keys.
    *("'", "''", '"', "`", "'; DROP TABLE progress; --", "' OR '1'='1", "/*", "\\", "\\\\", "\\'"),
    *("%", "_", "a%", "a_n", "*", "a*", "?", "[a]nn", "^", "$1", ":viewer", "%s", "%(viewer)s"),
    *("{ann}", "{}", "{", "}", "{ann", "ann}", "(ann)", "a:b", ":", "a,b", ",", "a\\nb", "\\x00"),
    *("../ann", "/", ".", "..", "&amp;", "<b>", "ann\u2029"),
    # What looks like another type.
    *("NULL", "null", "None", "true", "0", "00", "0.0", "-0", "1e3", "1000", "NaN", "[]", '""'),
    # Long ones, and those that differ in the last character only.
    "x" * LONGEST_IDENTIFIER,
    "x" * (LONGEST_IDENTIFIER - 1) + "y",
    "\U0001f3ac" * LONGEST_IDENTIFIER,
    "\U0001f3ac" * (LONGEST_IDENTIFIER - 1) + "\U0001f3ad",
    *("\U0001f3ac", "\U0001f469\u200d\U0001f680", "\U0001f469", "\U0010ffff", "\uffff", "\ue000"),
)


class _Text(str):
    """Might compare, or print, as it likes."""

    __slots__ = ()


#: What no viewer, media or namespace can be called.
INVALID_IDENTIFIERS: tuple[Any, ...] = (
    *("", "\0", "ann\0", "a\nb", "a\r\nb", "ann\n", "\t", "\x1b[0m", "\x7f", "\x85", "\x9f"),
    *("\ud800", "ann\udfff", "\ud83d\ude00"),
    *("x" * (LONGEST_IDENTIFIER + 1), "\U0001f3ac" * (LONGEST_IDENTIFIER + 1), "x" * 10_000),
    *(None, 5, 0.5, True, b"ann", ("ann",), ["ann"], {"ann": 1}, _Text("ann")),
)

#: Records with everything at an edge, by what is at it.
RECORDS = MappingProxyType(
    {
        "zero": ProgressRecord(viewer="ann", media="zero", position=0, updated_at=0),
        "the largest": ProgressRecord(
            viewer="ann",
            media="the largest",
            position=LARGEST,
            duration=LARGEST,
            milestone=100,
            furthest=LARGEST,
            completed=True,
            completed_at=LARGEST,
            played=(1 << 36_000) - 1,
            updated_at=LARGEST,
            generation=LARGEST_COUNT,
        ),
        "tiny": ProgressRecord(
            viewer="ann",
            media="tiny",
            position=5e-324,
            duration=5e-324,
            milestone=5e-324,
            furthest=2.2250738585072014e-308,
            completed_at=5e-324,
            updated_at=5e-324,
        ),
        "all digits": ProgressRecord(
            viewer="ann",
            media="all digits",
            position=0.1 + 0.2,
            duration=nextafter(LARGEST, 0),
            milestone=nextafter(100, 0),
            furthest=1 / 3,
            completed=True,
            completed_at=nextafter(NOW, 0),
            updated_at=nextafter(NOW, LARGEST),
        ),
        "a third": a_record(media="a third", milestone=33.3),
        "a whole milestone": a_record(media="a whole milestone", milestone=25, position=7),
        "no duration": a_record(media="no duration", duration=None),
        "position 0": a_record(media="position 0", position=0, furthest=50),
        "completed, nobody knows when": a_record(media="unknown", completed=True),
        "a time without completion": a_record(media="only a time", completed_at=NOW),
        "nothing played": a_record(media="nothing played", played=0),
        "a second": a_record(media="a second", played=1),
        "ten hours": a_record(media="ten hours", played=(1 << 36_000) - 1),
        "thousands of ranges": a_record(media="thousands", played=int("01" * 18_000, 2)),
        "the last second": a_record(media="the last second", played=1 << (LONGEST - 1)),
        "a 32nd bit": a_record(media="a 32nd bit", generation=2**31),
        "a 33rd bit": a_record(media="a 33rd bit", generation=2**32),
    }
)
