"""What a viewer is shown: rules 6.1 to 6.3, times, and that a percent is what it says."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from math import floor, inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    Event,
    InvalidValueError,
    Marker,
    MediaInfo,
    Phase,
    ProgressRecord,
    SavePolicy,
    TimeUpdate,
    Tracker,
    display_percent,
    estimated_position,
    format_time,
    markers,
)
from milestone_progress.simulator import Player
from milestone_progress.testing.strategies import viewings

DEFAULT = SavePolicy().milestones
# Of some, 100 * duration / duration is not 100, but a little less or more.
DURATIONS = [100.0, 3600.0, 12587.429, 6068.067, 10976.426, 10802.651, 5239.52, 8935.12, 1 / 3]

positions = st.sampled_from([0.0, 10.0, 50.0, 99.999, 100.0, 1e12]) | st.floats(0, 20_000)
lengths = st.sampled_from([5e-324, 100.0, 1e12]) | st.floats(0.001, 20_000)
milestone_lists = st.just(DEFAULT) | st.sets(st.integers(1, 99) | st.floats(0.5, 99.5)).map(
    lambda some: (*sorted(some), 100)
)
reached = st.sampled_from([0.0, *DEFAULT]) | st.floats(0, 100)


def next_above(milestone: float, milestones: tuple[float, ...]) -> float:
    return next((one for one in milestones if one > milestone), 100)


# 6.1


@pytest.mark.parametrize(
    ("position", "milestone", "expected"),
    [
        (0, 0, 0),
        (5, 0, 5),
        (10, 0, 10),
        # Not reached, since it was not played to: no more is shown than the next one.
        (60, 0, 10),
        (60, 10, 25),
        # A landed seek jumped over 50.
        (60, 50, 60),
        (76, 50, 75),
        (100, 95, 100),
        (130, 95, 100),
        (100, 100, 100),
        # Who went back is shown there.
        (20, 100, 20),
        (20, 12.5, 20),
    ],
)
def test_a_percent_is_shown_up_to_the_next_milestone(
    position: float, milestone: float, expected: float
) -> None:
    assert display_percent(position, 100, milestone=milestone) == expected


@pytest.mark.parametrize("unknown", [None, 0, -1, nan, inf, -inf])
def test_without_a_duration_nothing_is_shown(unknown: float | None) -> None:
    assert display_percent(50, unknown) == 0


@given(positions, lengths, reached, milestone_lists)
def test_a_percent_is_that_of_the_position_or_the_next_milestone(
    position: float, duration: float, milestone: float, milestones: tuple[float, ...]
) -> None:
    """What is shown is the percent, as exact arithmetic has it, or what it may not exceed."""
    shown = display_percent(position, duration, milestone=milestone, milestones=iter(milestones))
    exact = min(
        Fraction(position) * 100 / Fraction(duration), Fraction(next_above(milestone, milestones))
    )
    assert abs(shown - exact) <= Fraction(1, 10**9)
    assert 0 <= shown <= next_above(milestone, milestones)


@given(positions, positions, lengths, reached, reached)
def test_who_gets_further_is_never_shown_less(
    one: float, other: float, duration: float, fewer: float, more: float
) -> None:
    """A larger position with no lower milestone is no lower percent."""
    here, there = sorted((one, other))
    before, after = sorted((fewer, more))
    assert display_percent(here, duration, milestone=before) <= display_percent(
        there, duration, milestone=after
    )


@given(viewings(max_acts=20))
def test_what_is_shown_grows_while_playing_forwards(events: list[Event]) -> None:
    """From one report to the next while playing, what is shown of a tracker does not go back.

    Unless the position does, or the duration changes.
    """
    tracker = Tracker()
    last: tuple[float, float | None, float] | None = None
    for event in events:
        tracker.handle(event)
        if tracker.phase is not Phase.PLAYING or not isinstance(event, (TimeUpdate, MediaInfo)):
            last = None
            continue
        position, duration = tracker.position, tracker.duration
        shown = display_percent(position, duration, milestone=tracker.milestone)
        assert shown <= next_above(tracker.milestone, DEFAULT)
        if last is not None and last[1] == duration and last[0] <= position:
            assert last[2] <= shown
        last = position, duration, shown


def test_a_viewing_from_start_to_end_is_shown_from_0_to_100() -> None:
    tracker = Tracker()
    shown = []
    for event in Player(duration=100.0).play_to_end():
        tracker.handle(event)
        shown.append(display_percent(tracker.position, 100, milestone=tracker.milestone))
    assert shown == sorted(shown)
    assert (shown[0], shown[-1]) == (0, 100)
    # Nothing holds it up: each percent is shown within a report of when it was played.
    assert {floor(percent) for percent in shown} == {*range(101)}


# 6.2


@pytest.mark.parametrize(
    ("position", "elapsed", "rate", "milestone", "expected"),
    [
        (20, 0, 1, 10, 20),
        (20, 2, 1, 10, 22),
        (20, 2, 2, 10, 24),
        (20, 2, 0, 10, 20),
        (20, 60, 1, 10, 25),
        (99, 60, 1, 95, 100),
        (99, 60, 16, 100, 100),
        (130, 1, 1, 100, 100),
        # Beyond the next milestone already: it stays there.
        (60, 60, 1, 10, 60),
    ],
)
def test_between_reports_a_playhead_moves_on_up_to_the_next_milestone(
    position: float, elapsed: float, rate: float, milestone: float, expected: float
) -> None:
    moved = estimated_position(position, 100, elapsed=elapsed, rate=rate, milestone=milestone)
    assert moved == expected


@pytest.mark.parametrize("unknown", [None, 0, -1, nan, inf])
def test_without_a_duration_a_playhead_moves_on(unknown: float | None) -> None:
    assert estimated_position(50, unknown, elapsed=1000, rate=1.5) == 1550


@given(
    position=positions,
    duration=lengths,
    elapsed=st.floats(0, 1e12),
    rate=st.floats(0, 16),
    milestone=reached,
    milestones=milestone_lists,
)
def test_an_estimate_is_beyond_neither_the_end_nor_the_next_milestone(
    *,
    position: float,
    duration: float,
    elapsed: float,
    rate: float,
    milestone: float,
    milestones: tuple[float, ...],
) -> None:
    """An estimate moves forwards, and stops at the next milestone and at the end."""
    moved = estimated_position(
        position, duration, elapsed=elapsed, rate=rate, milestone=milestone, milestones=milestones
    )
    began = min(position, duration)
    limit = min(next_above(milestone, milestones) * duration / 100, duration)
    assert began <= moved <= max(began, limit)
    assert moved <= position + elapsed * rate or moved == began
    # Who is shown the estimate is shown no more than the report may say.
    shown = display_percent(moved, duration, milestone=milestone, milestones=milestones)
    assert shown <= next_above(milestone, milestones)


@given(
    began=st.tuples(positions, lengths, reached),
    times=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)),
    rate=st.floats(0, 16),
)
def test_an_estimate_does_not_go_back_as_time_passes(
    began: tuple[float, float, float], times: tuple[float, float], rate: float
) -> None:
    """A later estimate is not before an earlier one."""
    position, duration, milestone = began
    sooner, later = (
        estimated_position(position, duration, elapsed=elapsed, rate=rate, milestone=milestone)
        for elapsed in sorted(times)
    )
    assert sooner <= later


# 6.3


def test_there_is_a_marker_for_each_milestone() -> None:
    found = markers(3600, milestone=25, milestones=(25, 50, 100), labels={50: "Half", 75: "no"})
    assert found == (
        Marker(percent=25, position=900, reached=True, label="25 %"),
        Marker(percent=50, position=1800, reached=False, label="Half"),
        Marker(percent=100, position=3600, reached=False, label="100 %"),
    )
    assert [marker.percent for marker in markers(3600)] == [*DEFAULT]
    assert {marker.reached for marker in markers(3600)} == {False}
    assert {marker.reached for marker in markers(3600, milestone=100)} == {True}
    assert [marker.label for marker in markers(60, milestones=(12.5, 100))] == ["12.5 %", "100 %"]


@pytest.mark.parametrize("unknown", [None, 0, nan, inf])
def test_without_a_duration_nobody_knows_where_markers_are(unknown: float | None) -> None:
    assert {marker.position for marker in markers(unknown, milestone=10)} == {None}
    assert [marker.reached for marker in markers(unknown, milestone=10)] == [True, *[False] * 6]


@given(st.floats(1, 20_000))
def test_a_marker_is_where_the_tracker_reaches_its_milestone(duration: float) -> None:
    """A viewing that is played to a marker has reached it, and no other one."""
    for marker in markers(duration)[:-1]:
        assert marker.position is not None
        tracker = Tracker()
        tracker.feed(Player(duration=duration, interval=duration / 50).play_to(marker.position))
        assert tracker.milestone == marker.percent


# Percent


@pytest.mark.parametrize("duration", DURATIONS)
def test_at_a_milestone_its_percent_is_shown(duration: float) -> None:
    """Neither 94.99999999999999 nor 95.00000000000001, whatever rounding makes of a quotient."""
    for milestone in DEFAULT:
        position = min(milestone * duration / 100, duration)
        assert display_percent(position, duration, milestone=milestone) == milestone
        record = ProgressRecord(
            viewer="ann", media="s", position=position, duration=duration, updated_at=1
        )
        assert record.percent == milestone


@given(st.floats(0.001, 1e6), st.sampled_from([*DEFAULT, 1, 29, 57, 58, 99]))
def test_at_any_milestone_of_any_duration_its_percent_is_shown(
    duration: float, milestone: float
) -> None:
    """The percent of where a milestone is reached is the milestone, and not a little less."""
    position = min(milestone * duration / 100, duration)
    assert display_percent(position, duration, milestone=milestone) == milestone
    record = ProgressRecord(
        viewer="ann", media="s", position=position, duration=duration, updated_at=1
    )
    assert record.percent == milestone


@given(positions, st.none() | lengths)
def test_the_percent_of_a_record_is_that_of_its_position(
    position: float, duration: float | None
) -> None:
    """As exact arithmetic has it to a billionth, and never beyond 100."""
    record = ProgressRecord(
        viewer="ann", media="s", position=position, duration=duration, updated_at=1
    )
    if duration is None:
        assert record.percent is None
        return
    assert record.percent is not None
    exact = min(Fraction(position) * 100 / Fraction(duration), Fraction(100))
    assert abs(record.percent - exact) <= Fraction(1, 10**9)
    assert 0 <= record.percent <= 100


# Times


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (-0.0, "0:00"),
        (0.999, "0:00"),
        (7, "0:07"),
        (59.999, "0:59"),
        (60, "1:00"),
        (754.9, "12:34"),
        (3599.999, "59:59"),
        (3600, "1:00:00"),
        (3723, "1:02:03"),
        (36_000, "10:00:00"),
        (1e12, "277777777:46:40"),
    ],
)
def test_times_are_written_as_people_write_them(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


@given(st.floats(0, 1e12))
def test_a_time_says_the_whole_seconds(seconds: float) -> None:
    """Read again, it is the second that was going on."""
    pieces = format_time(seconds).split(":")
    assert len(pieces) == (3 if seconds >= 3600 else 2)
    assert all(len(piece) == 2 and int(piece) < 60 for piece in pieces[1:])
    total = 0
    for piece in pieces:
        total = 60 * total + int(piece)
    assert total == floor(seconds)


# What is refused


@pytest.mark.parametrize("wrong", [-1, -1e-9, nan, inf, None, True, "7", 1e13])
def test_what_is_no_time_is_refused_by_name(wrong: Any) -> None:
    calls: dict[str, Any] = {
        "seconds": lambda: format_time(wrong),
        "position": lambda: display_percent(wrong, 100),
        "elapsed": lambda: estimated_position(1, 100, elapsed=wrong),
        "rate": lambda: estimated_position(1, 100, elapsed=1, rate=wrong),
    }
    for name, call in calls.items():
        with pytest.raises(InvalidValueError) as caught:
            call()
        assert caught.value.field == name
    with pytest.raises(InvalidValueError, match="position"):
        estimated_position(wrong, 100, elapsed=1)


@pytest.mark.parametrize("wrong", [True, "100", [], 1e13])
def test_what_is_no_duration_is_refused_by_name(wrong: Any) -> None:
    for call in (
        lambda: display_percent(1, wrong),
        lambda: estimated_position(1, wrong, elapsed=1),
        lambda: markers(wrong),
    ):
        with pytest.raises(InvalidValueError, match="duration"):
            call()


@pytest.mark.parametrize("show", [display_percent, partial(estimated_position, elapsed=1)])
@pytest.mark.parametrize("milestone", [-1, 101, nan, "25", None])
def test_a_milestone_that_is_no_percentage_is_refused(
    show: Callable[..., float], milestone: Any
) -> None:
    with pytest.raises(InvalidValueError, match="milestone must be"):
        show(10, 100, milestone=milestone)
    with pytest.raises(InvalidValueError, match="milestone must be"):
        markers(100, milestone=milestone)
