"""The policies: their defaults, what they refuse, and milestones for short media."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest
from attrs import asdict
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import IntervalPolicy, InvalidValueError, SavePolicy

Policy = SavePolicy | IntervalPolicy
POLICIES: tuple[type[Policy], ...] = (SavePolicy, IntervalPolicy)

MAY_BE_ZERO: list[tuple[type[Policy], str]] = [
    (SavePolicy, "pause_threshold"),
    (SavePolicy, "seek_threshold"),
    (SavePolicy, "seek_settle"),
    (SavePolicy, "min_save_interval"),
    (IntervalPolicy, "pause_debounce"),
]
MUST_NOT_BE_ZERO: list[tuple[type[Policy], str]] = [
    (SavePolicy, "max_unsaved"),
    (SavePolicy, "completion_seconds_left"),
    (IntervalPolicy, "interval"),
]
MAY_BE_SWITCHED_OFF = ("max_unsaved", "completion_seconds_left")
PERCENTAGES = ("completion_percent", "completion_least_percent")
NO_NUMBERS: tuple[object, ...] = (True, "30", b"30", Decimal(30), [30.0], {})
NEVER_SECONDS = (*NO_NUMBERS, nan, inf, -inf, -1, -5e-324, 10**400, 1e308, 2**63)

BAD_MILESTONES: list[object] = [
    (),
    [],
    (50,),
    (50, 99.999),
    (0, 100),
    (-0.0, 100),
    (-1, 100),
    (50, 25, 100),
    (50, 50, 100),
    (100, 100),
    (50, 100, 101),
    (100, 50),
    (50, 101),
    (nan, 100),
    (nan,),
    (50, nan),
    (inf,),
    (-inf, 100),
    (10**400,),
    (1e308, 100),
    (True, 100),
    ("50", 100),
    (None, 100),
    (Decimal(50), 100),
    ((50,), 100),
    ({}, 100),
    "100",
    b"d",
    {50: "half"},
    100,
    100.0,
    None,
    True,
]


def policy_with(kind: type[Policy], **settings: Any) -> Policy:
    return kind(**settings)


def refused(kind: type[Policy], field: str, value: object) -> InvalidValueError:
    with pytest.raises(InvalidValueError) as caught:
        policy_with(kind, **{field: value})
    assert caught.value.field == field
    assert field in str(caught.value)
    return caught.value


def test_the_milestone_mode_saves_by_default_as_the_plan_says() -> None:
    """1."""
    assert asdict(SavePolicy()) == {
        "milestones": (10, 25, 50, 75, 90, 95, 100),
        "pause_threshold": 30,
        "seek_threshold": 10,
        "seek_settle": 2,
        "min_save_interval": 30,
        "max_unsaved": 600,
        "basis": "position",
        "completion_percent": None,
        "completion_seconds_left": None,
        "completion_least_percent": 75,
    }


def test_the_legacy_mode_saves_by_default_as_it_did() -> None:
    """8."""
    assert asdict(IntervalPolicy()) == {
        "interval": 30,
        "pause_debounce": 5,
        "milestones": (10, 25, 50, 75, 90, 95, 100),
    }


@pytest.mark.parametrize("kind", POLICIES)
def test_a_policy_takes_keywords_only(kind: type[Policy]) -> None:
    untyped: Any = kind
    with pytest.raises(TypeError, match="positional"):
        untyped((50, 100))


@pytest.mark.parametrize("kind", POLICIES)
def test_a_policy_cannot_be_changed(kind: type[Policy]) -> None:
    policy = kind()
    for name in asdict(policy):
        with pytest.raises(FrozenInstanceError):
            setattr(policy, name, 1.0)
    assert policy == kind()


@pytest.mark.parametrize("kind", POLICIES)
def test_equal_policies_are_one_key(kind: type[Policy]) -> None:
    assert len({kind(), kind(), policy_with(kind, milestones=[100])}) == 2


@pytest.mark.parametrize(("kind", "field"), MAY_BE_ZERO + MUST_NOT_BE_ZERO)
@pytest.mark.parametrize("value", NEVER_SECONDS, ids=lambda value: repr(value)[:20])
def test_a_setting_that_is_no_finite_number_of_seconds_is_refused(
    kind: type[Policy], field: str, value: object
) -> None:
    assert refused(kind, field, value).value is value


@pytest.mark.parametrize(("kind", "field"), MAY_BE_ZERO)
def test_a_threshold_may_be_zero(kind: type[Policy], field: str) -> None:
    assert getattr(policy_with(kind, **{field: 0}), field) == 0


@pytest.mark.parametrize(("kind", "field"), MUST_NOT_BE_ZERO)
@pytest.mark.parametrize("value", [0, 0.0, -0.0])
def test_saving_after_every_no_seconds_is_refused(
    kind: type[Policy], field: str, value: float
) -> None:
    refused(kind, field, value)


@pytest.mark.parametrize(
    ("kind", "field"),
    [one for one in MAY_BE_ZERO + MUST_NOT_BE_ZERO if one[1] not in MAY_BE_SWITCHED_OFF],
)
def test_a_threshold_cannot_be_switched_off(kind: type[Policy], field: str) -> None:
    refused(kind, field, None)


@pytest.mark.parametrize("field", MAY_BE_SWITCHED_OFF)
def test_checkpoints_and_completion_by_what_is_left_can_be_switched_off(field: str) -> None:
    assert getattr(policy_with(SavePolicy, **{field: None}), field) is None


@pytest.mark.parametrize("field", PERCENTAGES)
@pytest.mark.parametrize("value", [0, -0.0, -1, 100.1, nan, inf, True, "90", 10**400])
def test_what_is_no_percentage_completes_nothing(field: str, value: object) -> None:
    assert refused(SavePolicy, field, value).value is value


@pytest.mark.parametrize("value", ["seconds", "", "Played", None, 1, True, ["played"], b"played"])
def test_only_positions_and_played_seconds_can_count(value: object) -> None:
    assert refused(SavePolicy, "basis", value).value is value


@given(length=st.floats(1e-3, 1e9), percent=st.floats(1e-3, 100), left=st.floats(1e-3, 1e6))
def test_a_media_completes_by_percent_or_with_little_left_but_not_before_its_least_percent(
    length: float, percent: float, left: float
) -> None:
    completes_at = SavePolicy(
        completion_percent=percent, completion_seconds_left=left, completion_least_percent=50
    ).completes_at(length)
    assert completes_at <= length
    by_percent, with_little_left = percent * length / 100, max(length - left, length / 2)
    assert completes_at == pytest.approx(min(by_percent, with_little_left, length))


@given(value=st.floats(0, 1e12, exclude_min=True))
def test_any_believable_number_of_seconds_is_kept(value: float) -> None:
    for kind, field in MAY_BE_ZERO + MUST_NOT_BE_ZERO:
        assert getattr(policy_with(kind, **{field: value}), field) == value


@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("milestones", BAD_MILESTONES, ids=lambda value: repr(value)[:30])
def test_milestones_that_do_not_rise_from_above_0_to_100_are_refused(
    kind: type[Policy], milestones: object
) -> None:
    refused(kind, "milestones", milestones)


@pytest.mark.parametrize("kind", POLICIES)
@given(milestones=st.lists(st.one_of(st.floats(), st.integers(-1, 101)), max_size=4))
def test_milestones_are_kept_as_they_are_or_refused(
    kind: type[Policy], milestones: list[float]
) -> None:
    strictly_increasing = all(a < b for a, b in pairwise(milestones))
    within = all(0 < milestone <= 100 for milestone in milestones)
    if milestones and strictly_increasing and within and milestones[-1] == 100:
        assert policy_with(kind, milestones=milestones).milestones == tuple(milestones)
    else:
        refused(kind, "milestones", milestones)


@pytest.mark.parametrize("kind", POLICIES)
def test_a_policy_does_not_share_the_list_it_was_given(kind: type[Policy]) -> None:
    given_list = [50.0, 100.0]
    policy = policy_with(kind, milestones=given_list)
    given_list.append(200.0)
    assert policy.milestones == (50, 100)
    assert policy_with(kind, milestones=iter([50, 100])) == policy


# Milestones for short media (1)


@pytest.mark.parametrize(
    ("duration", "kept"),
    [
        (1, (100,)),
        (59, (100,)),
        (60, (50, 100)),
        (119, (50, 100)),
        (120, (25, 50, 75, 100)),
        (300, (10, 25, 50, 75, 90, 100)),
        (599, (10, 25, 50, 75, 90, 100)),
        (600, (10, 25, 50, 75, 90, 95, 100)),
        (3600, (10, 25, 50, 75, 90, 95, 100)),
    ],
)
def test_short_media_have_fewer_milestones(duration: float, kept: tuple[float, ...]) -> None:
    assert SavePolicy().thinned(duration).milestones == kept


@given(
    milestone=st.integers(1, 99),
    spacing=st.floats(0.1, 1000),
)
def test_a_milestone_exactly_as_far_from_the_start_or_end_as_it_must_stays(
    milestone: int, spacing: float
) -> None:
    policy = SavePolicy(milestones=(milestone, 100))
    nearer_end = min(milestone, 100 - milestone)
    duration = spacing * 100 / nearer_end
    assert policy.thinned(duration, spacing).milestones == (milestone, 100)
    assert policy.thinned(duration * 0.999, spacing).milestones == (100,)


@given(gap=st.integers(1, 33), data=st.data(), spacing=st.floats(0.1, 1000))
def test_a_milestone_exactly_as_far_from_the_one_before_as_it_must_stays(
    gap: int, data: st.DataObject, spacing: float
) -> None:
    first = data.draw(st.integers(gap, 100 - 2 * gap))
    policy = SavePolicy(milestones=(first, first + gap, 100))
    duration = spacing * 100 / gap
    assert policy.thinned(duration, spacing) == policy
    assert policy.thinned(duration * 0.999, spacing) != policy


@given(
    milestones=st.lists(st.floats(0.01, 99.99), max_size=12, unique=True).map(sorted),
    duration=st.floats(0.1, 1e6),
    spacing=st.floats(0, 1e5),
)
def test_thinned_milestones_obey_the_three_distances_and_none_is_dropped_without_need(
    milestones: list[float], duration: float, spacing: float
) -> None:
    """Judged in exact arithmetic, with a hundredth of a millisecond for rounding."""
    kept = SavePolicy(milestones=(*milestones, 100)).thinned(duration, spacing).milestones
    assert kept[-1] == 100
    assert set(kept[:-1]) <= set(milestones)
    slack = Fraction(1, 100_000)
    last = Fraction(0)
    for milestone in milestones:
        position = Fraction(milestone) * Fraction(duration) / 100
        distance = min(position - last, Fraction(duration) - position)
        if milestone in kept:
            assert distance >= Fraction(spacing) - slack
            last = position
        else:
            assert distance < Fraction(spacing) + slack


@given(duration=st.floats(0.1, 1e6), spacing=st.floats(0, 1e5))
def test_thinning_twice_is_thinning_once(duration: float, spacing: float) -> None:
    once = SavePolicy().thinned(duration, spacing)
    assert once.thinned(duration, spacing) == once


@given(duration=st.floats(0.1, 1e6), longer=st.floats(0, 1e6))
def test_default_milestones_only_grow_with_the_duration(duration: float, longer: float) -> None:
    fewer = SavePolicy().thinned(duration).milestones
    assert set(fewer) <= set(SavePolicy().thinned(duration + longer).milestones)


def test_thinning_changes_nothing_but_the_milestones() -> None:
    policy = SavePolicy(
        milestones=(20, 50, 100),
        pause_threshold=1,
        seek_threshold=2,
        seek_settle=3,
        min_save_interval=4,
        max_unsaved=None,
    )
    thinned = policy.thinned(60)
    assert asdict(thinned) == {**asdict(policy), "milestones": (50, 100)}
    assert policy.milestones == (20, 50, 100)


@pytest.mark.parametrize(
    "duration", [*NEVER_SECONDS, None, 0, -0.0], ids=lambda value: repr(value)[:20]
)
def test_milestones_cannot_be_thinned_for_a_duration_that_is_none(duration: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        SavePolicy().thinned(duration)
    assert caught.value.field == "duration"
    assert caught.value.value is duration


@pytest.mark.parametrize("spacing", [*NEVER_SECONDS, None], ids=lambda value: repr(value)[:20])
def test_milestones_cannot_be_thinned_to_a_distance_that_is_none(spacing: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        SavePolicy().thinned(60, spacing)
    assert caught.value.field == "spacing"
    assert caught.value.value is spacing


def test_a_spacing_of_zero_keeps_every_milestone() -> None:
    assert SavePolicy().thinned(0.001, spacing=0) == SavePolicy()
