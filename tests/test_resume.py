"""From where a viewer resumes, and what to ask who comes back: rules 6.4 and 6.5."""

from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    REWIND_BY_ABSENCE,
    InvalidValueError,
    ProgressRecord,
    ResumePoint,
    ResumePolicy,
    ResumeReason,
    resume_choice,
    resume_point,
)
from milestone_progress.testing.strategies import records

NOW = 1_700_000_000.0
BEGINNING = 0.0
RESUMED, NO_RECORD = ResumeReason.RESUMED, ResumeReason.NO_RECORD
NEAR_START, NEAR_END = ResumeReason.NEAR_START, ResumeReason.NEAR_END
FINISHED, TOO_SHORT = ResumeReason.FINISHED, ResumeReason.TOO_SHORT


def saved(position: float, duration: float | None = 3600, **more: Any) -> ProgressRecord:
    values: dict[str, Any] = {"position": position, "duration": duration, "updated_at": NOW}
    return ProgressRecord(viewer="ann", media="session-7", **values | more)


def point(
    record: ProgressRecord | None,
    *,
    now: float = NOW,
    duration: float | None = None,
    **settings: Any,
) -> tuple[float, ResumeReason]:
    found = resume_point(record, ResumePolicy(**settings), now=now, duration=duration)
    assert found.resumed == (found.reason is RESUMED)
    return found.position, found.reason


# The rules, each at its boundary


@pytest.mark.parametrize("position", [754.25, 5.0, 3590.0])
def test_a_viewer_resumes_at_the_very_second_saved(position: float) -> None:
    record = saved(position, milestone=10, played=7)
    assert resume_point(record, now=NOW) == ResumePoint(position=position, reason=RESUMED)


def test_who_never_watched_starts_from_the_beginning() -> None:
    assert point(None) == (BEGINNING, NO_RECORD)
    assert point(None, duration=10, minimum_duration=300) == (BEGINNING, NO_RECORD)


@pytest.mark.parametrize(
    ("position", "settings", "expected"),
    [
        (4.999, {}, (BEGINNING, NEAR_START)),
        (5, {}, (5, RESUMED)),
        (179.999, {"ignore_start": 180}, (BEGINNING, NEAR_START)),
        (180, {"ignore_start": 180}, (180, RESUMED)),
        (0, {"ignore_start": 0}, (0, RESUMED)),
        (179.999, {"ignore_start_percent": 5}, (BEGINNING, NEAR_START)),
        (180, {"ignore_start_percent": 5}, (180, RESUMED)),
        # Whichever of both is nearer to the end.
        (180, {"ignore_start": 181, "ignore_start_percent": 5}, (BEGINNING, NEAR_START)),
        (180, {"ignore_start": 5, "ignore_start_percent": 6}, (BEGINNING, NEAR_START)),
    ],
)
def test_who_hardly_began_starts_from_the_beginning(
    position: float, settings: dict[str, float], expected: tuple[float, ResumeReason]
) -> None:
    assert point(saved(position), **settings) == expected


@pytest.mark.parametrize(
    ("position", "settings", "expected"),
    [
        (3590, {}, (3590, RESUMED)),
        (3590.001, {}, (BEGINNING, NEAR_END)),
        (3600, {}, (BEGINNING, NEAR_END)),
        (3600, {"ignore_end": 0}, (3600, RESUMED)),
        # The credits.
        (3480, {"ignore_end": 120}, (3480, RESUMED)),
        (3480.5, {"ignore_end": 120}, (BEGINNING, NEAR_END)),
        (3240, {"ignore_end_percent": 90}, (3240, RESUMED)),
        (3240.001, {"ignore_end_percent": 90}, (BEGINNING, NEAR_END)),
        (3595, {"ignore_end_percent": 90, "ignore_end": 0}, (BEGINNING, NEAR_END)),
    ],
)
def test_who_has_hardly_anything_left_starts_from_the_beginning(
    position: float, settings: dict[str, float], expected: tuple[float, ResumeReason]
) -> None:
    assert point(saved(position), **settings) == expected


@pytest.mark.parametrize(
    ("position", "duration", "expected"),
    [
        # Of 80 s, a minute is left from 20 on and three quarters are watched at 60.
        (20.5, 80, (20.5, RESUMED)),
        (59.999, 80, (59.999, RESUMED)),
        (60, 80, (BEGINNING, NEAR_END)),
        # Of an hour, three quarters are watched long before a minute is left.
        (2700, 3600, (2700, RESUMED)),
        (3540, 3600, (3540, RESUMED)),
        (3540.001, 3600, (BEGINNING, NEAR_END)),
    ],
)
def test_little_may_have_to_be_left_and_much_watched(
    position: float, duration: float, expected: tuple[float, ResumeReason]
) -> None:
    settings = {"ignore_end": 60, "ignore_end_from_percent": 75}
    assert point(saved(position, duration), **settings) == expected


@pytest.mark.parametrize("duration", [12587.429, 10802.651, 10976.426, 1 / 3 + 10, 10.0])
def test_a_hundred_percent_is_the_end_whatever_division_makes_of_it(duration: float) -> None:
    """Of some durations 100 * duration / duration is 100.00000000000001."""
    assert point(saved(duration, duration), ignore_end=0) == (duration, RESUMED)
    assert point(saved(duration, duration), ignore_end=0, ignore_start_percent=100) == (
        duration,
        RESUMED,
    )
    near_end = (BEGINNING, NEAR_END)
    assert point(saved(duration, duration), ignore_end=1, ignore_end_from_percent=100) == near_end


def test_media_that_are_too_short_are_never_resumed() -> None:
    assert point(saved(100, 299.999), minimum_duration=300) == (BEGINNING, TOO_SHORT)
    assert point(saved(100, 300), minimum_duration=300) == (100, RESUMED)
    assert point(saved(100, 400), duration=200, minimum_duration=300) == (BEGINNING, TOO_SHORT)
    assert point(saved(100, None), minimum_duration=300) == (100, RESUMED)


def test_who_has_finished_starts_from_the_beginning() -> None:
    finished = saved(1800, completed=True, completed_at=NOW, milestone=100)
    assert point(finished) == (BEGINNING, FINISHED)
    # Nobody knows when: nothing was watched since, as far as anybody knows.
    assert point(evolve(finished, completed_at=None)) == (BEGINNING, FINISHED)
    # However short it is.
    assert point(finished, minimum_duration=9000) == (BEGINNING, FINISHED)


def test_a_rewatch_is_resumed() -> None:
    rewatched = saved(1800, completed=True, completed_at=NOW - 0.5, milestone=100)
    assert point(rewatched) == (1800, RESUMED)
    assert point(evolve(rewatched, position=2.0)) == (BEGINNING, NEAR_START)
    assert point(evolve(rewatched, position=3599.0)) == (BEGINNING, NEAR_END)


def test_a_media_that_was_shortened_is_resumed_within_it() -> None:
    assert point(saved(1800), duration=1900) == (1800, RESUMED)
    assert point(saved(1800), duration=1700) == (BEGINNING, NEAR_END)
    assert point(saved(1800), duration=1700, ignore_end=0) == (1700, RESUMED)
    # Seconds, not percent of another duration.
    assert point(saved(1800), duration=7200) == (1800, RESUMED)
    assert point(saved(3599), duration=7200) == (3599, RESUMED)


def test_a_position_beyond_the_end_is_the_end() -> None:
    assert point(saved(3700)) == (BEGINNING, NEAR_END)
    assert point(saved(3700), ignore_end=0) == (3600, RESUMED)


def test_without_a_duration_only_the_start_is_known() -> None:
    assert point(saved(4, None)) == (BEGINNING, NEAR_START)
    settings = {"ignore_start_percent": 99, "ignore_end": 1e6, "ignore_end_percent": 1}
    assert point(saved(100_000, None), **settings) == (100_000, RESUMED)


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (0, 0),
        (59.5, 0),
        (60, 3),
        (3599, 3),
        (3600, 10),
        (86_399, 10),
        (86_400, 20),
        (1e9, 20),
        # The clock was set back, or is that of another server.
        (-0.5, 0),
        (-1e6, 0),
    ],
)
def test_who_was_away_goes_back_a_little(away: float, back: float) -> None:
    record = saved(1800)
    assert point(record, now=NOW + away, rewind=REWIND_BY_ABSENCE) == (1800 - back, RESUMED)
    assert point(record, now=NOW + away) == (1800, RESUMED)


def test_nobody_goes_back_beyond_the_beginning() -> None:
    assert point(saved(7), now=NOW + 1e6, rewind=REWIND_BY_ABSENCE) == (0, RESUMED)


@pytest.mark.parametrize("away", [0.0, 100.0, -100.0])
def test_who_is_to_go_back_always_does_so_whatever_the_clock_says(away: float) -> None:
    assert point(saved(1800), now=NOW + away, rewind=[(0, 5)]) == (1795, RESUMED)


def test_a_point_near_the_end_is_judged_before_going_back() -> None:
    later = NOW + 86_400
    assert point(saved(3595), now=later, rewind=REWIND_BY_ABSENCE) == (BEGINNING, NEAR_END)
    assert point(saved(5), now=later, rewind=[(0, 1)]) == (4, RESUMED)


# The rules of others


JELLYFIN = ResumePolicy(
    ignore_start=0,
    ignore_start_percent=5,
    ignore_end=1,
    ignore_end_percent=90,
    minimum_duration=300,
)
KODI = ResumePolicy(ignore_start=180, ignore_end=0, ignore_end_percent=92)
NEWPIPE = ResumePolicy(ignore_start=5, ignore_end=60, ignore_end_from_percent=75)
ANTENNAPOD = ResumePolicy(ignore_start=0, ignore_end=0, rewind=REWIND_BY_ABSENCE)


@pytest.mark.parametrize(
    ("policy", "position", "duration", "away", "expected"),
    [
        # Below 5 % and beyond 90 % from the beginning; below 300 s played, whatever was seen.
        (JELLYFIN, 359, 7200, 0, (BEGINNING, NEAR_START)),
        (JELLYFIN, 360, 7200, 0, (360, RESUMED)),
        (JELLYFIN, 6480, 7200, 0, (6480, RESUMED)),
        (JELLYFIN, 6481, 7200, 0, (BEGINNING, NEAR_END)),
        (JELLYFIN, 15, 299, 0, (BEGINNING, TOO_SHORT)),
        (JELLYFIN, 15, 300, 0, (15, RESUMED)),
        # Below 180 s and with less than 8 % left from the beginning.
        (KODI, 179, 7200, 0, (BEGINNING, NEAR_START)),
        (KODI, 181, 7200, 0, (181, RESUMED)),
        (KODI, 6624, 7200, 0, (6624, RESUMED)),
        (KODI, 6625, 7200, 0, (BEGINNING, NEAR_END)),
        (KODI, 170, 175, 0, (BEGINNING, NEAR_START)),
        # 5 s, and a minute left with three quarters seen. (That a quarter of a clip of less than
        # 20 s is enough, too, is no rule of ours.)
        (NEWPIPE, 4, 3600, 0, (BEGINNING, NEAR_START)),
        (NEWPIPE, 6, 3600, 0, (6, RESUMED)),
        (NEWPIPE, 3539, 3600, 0, (3539, RESUMED)),
        (NEWPIPE, 3541, 3600, 0, (BEGINNING, NEAR_END)),
        (NEWPIPE, 59, 80, 0, (59, RESUMED)),
        (NEWPIPE, 61, 80, 0, (BEGINNING, NEAR_END)),
        # Whatever was saved, a little earlier for whom was away.
        (ANTENNAPOD, 1, 3600, 0, (1, RESUMED)),
        (ANTENNAPOD, 1000, 3600, 59, (1000, RESUMED)),
        (ANTENNAPOD, 1000, 3600, 61, (997, RESUMED)),
        (ANTENNAPOD, 1000, 3600, 3601, (990, RESUMED)),
        (ANTENNAPOD, 1000, 3600, 86_401, (980, RESUMED)),
        (ANTENNAPOD, 2, 3600, 61, (0, RESUMED)),
        (ANTENNAPOD, 3599, 3600, 0, (3599, RESUMED)),
    ],
)
def test_the_rules_of_others_are_policies(
    policy: ResumePolicy,
    position: float,
    duration: float,
    away: float,
    expected: tuple[float, ResumeReason],
) -> None:
    found = resume_point(saved(position, duration), policy, now=NOW + away)
    assert (found.position, found.reason) == expected


# Whatever is stored


percentages = st.sampled_from([0.0, 5.0, 50.0, 100.0]) | st.floats(0, 100)
seconds = st.sampled_from([0.0, 5.0, 12.0, 60.0]) | st.floats(0, 10_000)
steps = st.lists(st.tuples(seconds, seconds), max_size=4, unique_by=lambda step: step[0]).map(
    sorted
)
policies = st.just(ResumePolicy()) | st.builds(
    ResumePolicy,
    ignore_start=seconds,
    ignore_start_percent=percentages,
    ignore_end=seconds,
    ignore_end_from_percent=percentages,
    ignore_end_percent=percentages,
    minimum_duration=seconds,
    rewind=steps,
)
durations = st.none() | st.sampled_from([12.0, 60.0, 5e-324]) | st.floats(0.5, 1e12)


@given(st.none() | records(hostile=True), policies, st.sampled_from([0.0, NOW, 2e9]), durations)
def test_a_viewer_resumes_where_they_were_or_a_little_before(
    record: ProgressRecord | None, policy: ResumePolicy, now: float, duration: float | None
) -> None:
    """The point is the beginning, or the position saved less a step of the policy.

    It is never outside the media, and whoever finds a reason not to resume finds it for every
    other policy that ignores no less.
    """
    found = resume_point(record, policy, now=now, duration=duration)
    if not found.resumed:
        assert found.position == 0
        return
    assert record is not None
    length = record.duration if duration is None else duration
    whole = record.position if length is None else min(record.position, length)
    assert found.position in {max(0.0, whole - back) for _, back in ((0, 0), *policy.rewind)}
    assert 0 <= found.position <= whole
    assert not record.finished
    assert whole >= policy.ignore_start
    if length is not None:
        assert length >= policy.minimum_duration
    # Nobody is sent back to the beginning by a policy that ignores nothing.
    everything = ResumePolicy(ignore_start=0, ignore_end=0)
    assert resume_point(record, everything, now=now, duration=duration).position == whole


@given(records(), policies, durations, st.floats(0, 1e6), st.floats(0, 1e6))
def test_who_was_away_longer_does_not_resume_elsewhere_but_for_the_steps(
    record: ProgressRecord, policy: ResumePolicy, duration: float | None, one: float, other: float
) -> None:
    """How long somebody was away changes no reason, and with growing steps goes further back."""
    steps = tuple((away, 10.0 * index) for index, (away, _) in enumerate(policy.rewind))
    growing = evolve(policy, rewind=steps)
    sooner, later = (
        resume_point(record, growing, now=record.updated_at + away, duration=duration)
        for away in sorted((one, other))
    )
    assert sooner.reason is later.reason
    assert sooner.position >= later.position


# What to ask


def test_who_comes_back_is_asked_with_the_time_and_the_milestone() -> None:
    record = saved(754.25, milestone=10, generation=2)
    choice = resume_choice(record, now=NOW)
    assert choice.to_dict() == {
        "options": [
            {"label": "Resume from 12:34", "position": 754.25},
            {"label": "Start from the beginning", "position": 0.0},
        ],
        "reason": "resumed",
        "last_milestone": 10,
        "generation": 2,
    }
    assert choice.position == 754.25
    assert choice.record is record


@pytest.mark.parametrize(
    ("position", "label"),
    [(7, "Resume from 0:07"), (59.99, "Resume from 0:59"), (3723, "Resume from 1:02:03")],
)
def test_the_label_says_when(position: float, label: str) -> None:
    assert resume_choice(saved(position, 7200), now=NOW).options[0].label == label


def test_the_label_says_the_time_gone_back_to() -> None:
    policy = ResumePolicy(rewind=REWIND_BY_ABSENCE)
    [resume, over] = resume_choice(saved(754.25), policy, now=NOW + 86_400).options
    assert (resume.label, resume.position) == ("Resume from 12:14", 734.25)
    assert over.position == 0


@pytest.mark.parametrize(
    ("record", "reason", "last_milestone"),
    [
        (None, NO_RECORD, 0),
        (saved(3, milestone=25), NEAR_START, 25),
        (saved(3599, milestone=95), NEAR_END, 95),
        (saved(3600, completed=True, milestone=100), FINISHED, 100),
    ],
)
def test_where_nothing_is_to_be_resumed_nothing_is_asked(
    record: ProgressRecord | None, reason: ResumeReason, last_milestone: float
) -> None:
    choice = resume_choice(record, now=NOW)
    assert [option.label for option in choice.options] == ["Start from the beginning"]
    assert (choice.position, choice.reason, choice.last_milestone) == (0, reason, last_milestone)


@given(st.none() | records(hostile=True), policies, durations)
def test_the_first_choice_is_the_point(
    record: ProgressRecord | None, policy: ResumePolicy, duration: float | None
) -> None:
    """Who is not asked plays where the point is, and the last option is always the beginning."""
    choice = resume_choice(record, policy, now=NOW, duration=duration)
    found = resume_point(record, policy, now=NOW, duration=duration)
    assert (choice.position, choice.reason) == (found.position, found.reason)
    assert len(choice.options) == (2 if found.resumed else 1)
    assert choice.options[-1].position == 0
    assert choice.last_milestone == (0 if record is None else record.milestone)
    assert choice.generation == (0 if record is None else record.generation)
    assert choice.record is record


# What is refused


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(
            (name, wrong)
            for name in ("ignore_start", "ignore_end", "minimum_duration")
            for wrong in (-1, -1e-9, nan, inf, True, "5", None, 1e13)
        ),
        *(
            (name, wrong)
            for name in ("ignore_start_percent", "ignore_end_from_percent", "ignore_end_percent")
            for wrong in (-1, 100.001, nan, inf, False, "50", None)
        ),
        *(
            ("rewind", wrong)
            for wrong in (
                None,
                60,
                "ab",
                b"ab",
                [60],
                ["ab"],
                [(60,)],
                [(60, 3, 1)],
                [(60, 3), (60, 10)],
                [(3600, 10), (60, 3)],
                [(-1, 3)],
                [(60, -3)],
                [(60, nan)],
                [(True, 3)],
                [("60", 3)],
                [{60, 3}],
            )
        ),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, wrong: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        ResumePolicy(**{name: wrong})
    assert caught.value.field == name


def test_steps_may_be_any_pairs_and_are_kept_as_tuples() -> None:
    steps = [[0, 1], (60, 3)]
    expected = ((0, 1), (60, 3))
    assert ResumePolicy(rewind=iter(steps)).rewind == expected  # type: ignore[arg-type]  # lists
    assert all(one < other for (one, _), (other, _) in pairwise(REWIND_BY_ABSENCE))


@pytest.mark.parametrize("record", [None, saved(1800)])
@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"now": nan}, "now"),
        ({"now": None}, "now"),
        ({"now": True}, "now"),
        ({"now": NOW, "duration": 0}, "duration"),
        ({"now": NOW, "duration": -1}, "duration"),
        ({"now": NOW, "duration": nan}, "duration"),
        ({"now": NOW, "duration": inf}, "duration"),
        ({"now": NOW, "duration": "3600"}, "duration"),
    ],
)
def test_a_wrong_time_or_duration_is_refused_by_name(
    record: ProgressRecord | None, wrong: dict[str, Any], name: str
) -> None:
    for ask in (resume_point, resume_choice):
        with pytest.raises(InvalidValueError) as caught:
            ask(record, **wrong)
        assert caught.value.field == name
