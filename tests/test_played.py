"""Played seconds: a bitset and its text, checked against plain sets of seconds."""

import re
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import InvalidValueError, played_from_text, played_to_text
from milestone_progress._played import seconds_within

CAP = 10_000_000

seconds = st.sets(st.integers(0, 400), max_size=60)
ranges = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 40)).map(lambda pair: (pair[0], sum(pair))),
    max_size=12,
)


def bitset(of: set[int]) -> int:
    return sum(2**second for second in of)


def text_of(of: set[int]) -> str:
    """Write a set of seconds as ascending ranges, in the plainest way."""
    pieces = []
    for second in sorted(of):
        if second - 1 not in of:
            last = second
            while last + 1 in of:
                last += 1
            pieces.append(f"{second}-{last}")
    return ",".join(pieces)


@given(of=seconds)
def test_played_seconds_are_written_as_ascending_ranges(of: set[int]) -> None:
    assert played_to_text(bitset(of)) == text_of(of)


@given(of=seconds)
def test_what_is_written_reads_back(of: set[int]) -> None:
    assert played_from_text(played_to_text(bitset(of))) == bitset(of)


@given(pieces=ranges)
def test_ranges_may_come_in_any_order_and_overlap(pieces: list[tuple[int, int]]) -> None:
    text = ",".join(f"{first}-{last}" for first, last in pieces)
    named = {second for first, last in pieces for second in range(first, last + 1)}
    assert played_from_text(text) == bitset(named)


@given(one=seconds, other=seconds)
def test_the_union_of_two_viewings_is_the_union_of_their_seconds(
    one: set[int], other: set[int]
) -> None:
    union = played_from_text(text_of(one)) | played_from_text(text_of(other))
    assert union == bitset(one | other)
    assert union.bit_count() == len(one | other)


def test_the_example_of_the_documentation_reads() -> None:
    played = played_from_text("0-359,900-1799")
    assert played.bit_count() == 360 + 900
    assert played_to_text(played) == "0-359,900-1799"


def test_nothing_played_is_the_empty_text() -> None:
    assert played_to_text(0) == ""
    assert played_from_text("") == 0


def test_a_single_second_is_a_range() -> None:
    assert played_to_text(1 << 7) == "7-7"
    assert played_from_text("7-7") == 1 << 7


@given(start=st.floats(0, 300), length=st.floats(-2, 60))
def test_a_second_is_played_when_all_of_it_was(start: float, length: float) -> None:
    """3.7."""
    end = start + length
    covered = {n for n in range(400) if start <= n and n + 1 <= end}
    assert seconds_within(start, end) == bitset(covered)


# Hostile text


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-",
        "0-",
        "-1",
        "-1-5",
        "0--5",
        "5-3",
        "0-1,5-3",
        ",",
        "0-1,",
        ",0-1",
        "0-1,,2-3",
        "0-1 ",
        " 0-1",
        "0 -1",
        "0-1, 2-3",
        "0-1;2-3",
        "0-1\n",
        "0-1\x00",
        "+0-1",
        "0.0-1",
        "1e3-1e4",
        "0x0-0x1",
        "1_0-2_0",
        "٠-١",
        "²-³",
        "0–1",
        "NaN-1",
        "a-b",
        f"0-{CAP}",
        f"{CAP}-{CAP}",
        "0-99999999",
        "0-100000000",
        "0-1," * 50_000,
        "9" * 1_000_000,
        "0-" + "9" * 1_000_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        played_from_text(text)
    assert caught.value.field == "played"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", [None, 0, 7, 1.5, nan, inf, True, b"0-1", ["0-1"], {}, (0, 1)])
def test_what_is_no_text_is_refused(text: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        played_from_text(text)
    assert caught.value.field == "played"
    assert caught.value.value is text


@given(text=st.text(alphabet="0123456789-,", max_size=20) | st.text(max_size=20))
def test_arbitrary_text_names_seconds_or_is_refused_and_nothing_else(text: str) -> None:
    well_formed = text == "" or re.fullmatch(
        r"[0-9]{1,8}-[0-9]{1,8}(,[0-9]{1,8}-[0-9]{1,8})*", text
    )
    pieces = [(int(first), int(last)) for first, last in re.findall("([0-9]+)-([0-9]+)", text)]
    if well_formed and all(first <= last < CAP for first, last in pieces):
        played = played_from_text(text)
        assert played.bit_length() == max((last + 1 for _, last in pieces), default=0)
        assert all(played >> first & 1 and played >> last & 1 for first, last in pieces)
        assert played_from_text(played_to_text(played)) == played
    else:
        with pytest.raises(InvalidValueError):
            played_from_text(text)


# The cap


def test_115_days_of_media_fit() -> None:
    everything = played_from_text(f"0-{CAP - 1}")
    assert everything == 2**CAP - 1
    assert played_to_text(everything) == f"0-{CAP - 1}"


@pytest.mark.parametrize(
    ("start", "end", "played"),
    [
        (CAP - 2, CAP, f"{CAP - 2}-{CAP - 1}"),
        (CAP - 2, CAP + 5, f"{CAP - 2}-{CAP - 1}"),
        (CAP - 1.5, 1e12, f"{CAP - 1}-{CAP - 1}"),
        (CAP, CAP + 5, ""),
        (1.8e9, 1.8e9 + 3600, ""),
        (1e12 - 10, 1e12, ""),
        (0, 1e12, f"0-{CAP - 1}"),
    ],
)
def test_seconds_beyond_115_days_are_not_recorded(start: float, end: float, played: str) -> None:
    assert played_to_text(seconds_within(start, end)) == played


@pytest.mark.parametrize("played", [-1, -(2**70), -(10**5000)], ids=["-1", "-2**70", "-10**5000"])
def test_a_negative_number_is_no_bitset(played: int) -> None:
    with pytest.raises(InvalidValueError) as caught:
        played_to_text(played)
    assert caught.value.field == "played"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("wrong", ["7-7", 3.0, None, True])
def test_what_is_no_bitset_has_no_text(wrong: Any) -> None:
    with pytest.raises(InvalidValueError, match="played must be"):
        played_to_text(wrong)
