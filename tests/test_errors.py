"""The errors: one root, one shallow tree, and messages that can be logged whatever they show."""

import copy
import inspect
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    InvalidValueError,
    MilestoneProgressError,
    Tick,
    TraceError,
    errors,
    event_from_dict,
    played_from_text,
)


def nested(depth: int) -> list[object]:
    inner: list[object] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def containing_itself() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


HOSTILE: dict[str, object] = {
    "an empty text": "",
    "a long text": "x" * 10_000_000,
    "a long text of quotes": "'\"" * 1_000_000,
    "a text of lines": "first\nsecond\r\nthird\u2028fourth\x85fifth",
    "a forged log line": "x\n2024-01-01 00:00:00 INFO everything is fine",
    "a terminal escape": "\x1b[2J\x1b[31mred",
    "a null": "\x00",
    "text written backwards": "\u202egnp.exe",
    "half a surrogate pair": "\ud800",
    "other alphabets": "жизнь 一生 🎬" * 100,
    "bytes": b"\n\xff" * 1_000_000,
    "a huge integer": 10**400,
    "an integer that cannot be printed": 10**5000,
    "a huge negative integer": -(10**100_000),
    "a list with an integer that cannot be printed": [10**5000],
    "a long decimal": Decimal("1" * 10_000),
    "a long list": ["x"] * 1_000_000,
    "a long object": {str(number): number for number in range(100_000)},
    "a list nested too deeply to print": nested(100_000),
    "a list in itself": containing_itself(),
    "a list of lines": ["a\nb", {"c\r": "\x1b"}],
    "nothing": None,
    "a class": dict,
    "a function": print,
}


def is_fit_for_a_log(message: str) -> bool:
    """Whether a message is short, one line, and nothing in it but the ellipsis is beyond ASCII."""
    plain = message.replace("…", "")
    return len(message) < 200 and plain.isascii() and plain.isprintable()


def test_every_error_is_below_the_one_root() -> None:
    public = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(error, MilestoneProgressError) for error in public)
    assert MilestoneProgressError.__bases__ == (Exception,)


def test_the_tree_is_the_one_that_the_documentation_draws() -> None:
    drawn = inspect.getdoc(errors) or ""
    defined = {
        name
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and thing.__module__ == errors.__name__
    }
    assert defined == set(errors.__all__)
    for name in defined - {"MilestoneProgressError"}:
        assert getattr(errors, name).__bases__[0] is MilestoneProgressError
        assert f"── {name} " in drawn
    assert "\nMilestoneProgressError\n" in drawn.replace("    ", "")


def test_a_wrong_value_is_a_value_error_too() -> None:
    assert issubclass(InvalidValueError, ValueError)
    assert not issubclass(TraceError, ValueError)


def test_a_wrong_value_says_where_what_and_what_instead() -> None:
    error = InvalidValueError("position", -1, "at least 0")
    assert str(error) == "position must be at least 0, not -1"
    assert (error.field, error.value, error.expected) == ("position", -1, "at least 0")


def test_an_unreadable_line_says_where_and_why() -> None:
    error = TraceError("log.jsonl", 7, "no JSON")
    assert str(error) == "log.jsonl:7: no JSON"
    assert (error.source, error.line, error.reason) == ("log.jsonl", 7, "no JSON")


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_message_is_short_and_one_plain_line_whatever_the_value(value: object) -> None:
    error = InvalidValueError("position", value, "a number")
    message = str(error)
    assert is_fit_for_a_log(message)
    assert message.startswith("position must be a number, not ")
    assert len(message) > len("position must be a number, not ")
    assert error.value is value


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_any_value_can_be_shown(value: object) -> None:
    assert is_fit_for_a_log(str(InvalidValueError("position", value, "a number")))


@given(value=st.one_of(st.integers(-(2**256) + 1, 2**256 - 1), st.floats(), st.text(max_size=10)))
def test_a_value_of_ordinary_size_is_shown_as_it_is(value: object) -> None:
    message = str(InvalidValueError("at", value, "a number"))
    if len(ascii(value)) <= 80:
        assert message == f"at must be a number, not {value!a}"
    else:
        assert message == f"at must be a number, not {ascii(value)[:80]}…"


@pytest.mark.parametrize(
    "provoke",
    [
        lambda junk: Tick(at=junk),
        event_from_dict,
        lambda junk: event_from_dict({"type": "play", "at": 1, "position": junk}),
        lambda junk: event_from_dict({"type": [junk]}),
        played_from_text,
    ],
    ids=["event", "wire form", "field of a wire form", "type of a wire form", "played seconds"],
)
@pytest.mark.parametrize(
    "junk", ["\x1b\n" * 1_000_000, 10**5000, nested(100_000)], ids=["text", "integer", "nested"]
)
def test_junk_at_the_doors_gives_a_message_fit_for_a_log(
    provoke: Callable[[Any], object], junk: Any
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        provoke(junk)
    assert is_fit_for_a_log(str(caught.value))


@pytest.mark.parametrize(
    "error",
    [InvalidValueError("position", -1, "at least 0"), TraceError("log.jsonl", 7, "no JSON")],
    ids=["InvalidValueError", "TraceError"],
)
def test_an_error_travels_between_processes(error: MilestoneProgressError) -> None:
    for arrived in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(arrived) is type(error)
        assert str(arrived) == str(error)
        assert vars(arrived) == vars(error)


def test_an_integer_beyond_all_floats_is_refused_like_any_other_large_number() -> None:
    with pytest.raises(InvalidValueError) as caught:
        Tick(at=10**400)
    assert caught.value.field == "at"
    assert caught.value.__context__ is None
