"""The events: what can be built, what cannot, and how they are read from their wire form."""

import json
import pickle
from copy import copy, deepcopy
from decimal import Decimal
from fractions import Fraction
from math import copysign, inf, isfinite, isnan, nan
from typing import Any, get_args

import pytest
from attrs import asdict, fields, fields_dict
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    Complete,
    Emptied,
    Ended,
    Event,
    InvalidValueError,
    MediaInfo,
    Pause,
    Play,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Unload,
    event_from_dict,
)

NEED_POSITION: tuple[type[Event], ...] = (TimeUpdate, Play, Pause, Seeking, Seeked)
MAY_LACK_POSITION: tuple[type[Event], ...] = (Ended, Unload, Complete)
HAVE_NO_POSITION: tuple[type[Event], ...] = (Emptied, MediaInfo, Tick)
KINDS = NEED_POSITION + MAY_LACK_POSITION + HAVE_NO_POSITION

# The table of the specification, written out once more.
WIRE_NAMES: dict[str, type[Event]] = {
    "timeupdate": TimeUpdate,
    "play": Play,
    "playing": Play,
    "pause": Pause,
    "seeking": Seeking,
    "seeked": Seeked,
    "ended": Ended,
    "pagehide": Unload,
    "beforeunload": Unload,
    "unload": Unload,
    "freeze": Unload,
    "emptied": Emptied,
    "loadedmetadata": MediaInfo,
    "durationchange": MediaInfo,
    "ratechange": MediaInfo,
    "complete": Complete,
    "tick": Tick,
}
OTHER_DOM_NAMES = (
    "progress",
    "canplay",
    "canplaythrough",
    "waiting",
    "stalled",
    "suspend",
    "error",
    "abort",
    "loadstart",
    "loadeddata",
    "volumechange",
    "pageshow",
    "resume",
)

NO_NUMBERS: tuple[object, ...] = (
    True,
    False,
    "1",
    "",
    "NaN",
    b"1",
    Decimal(1),
    Fraction(1, 2),
    1j,
    [1.0],
    {},
    (),
)
TOO_LARGE = (10**400, 1e308, 2**63, 1.0000000000001e12)
REFUSED_ANYWHERE = (*NO_NUMBERS, *TOO_LARGE)
REFUSED_AT = (*REFUSED_ANYWHERE, None, nan, inf, -inf, -(10**400), -1e308, -(2**63))
REFUSED_POSITION = (*(value for value in REFUSED_AT if value is not None), -1, -0.001, -5e-324)
SAYS_NOTHING = (None, nan, 0, 0.0, -0.0, -1, -5e-324, -1e308, -inf)


def built(kind: type[Event], **given_fields: Any) -> Event:
    """Build an event with an `at`, and a position where the kind needs one."""
    needed: dict[str, Any] = {"at": 1.0}
    if kind in NEED_POSITION:
        needed["position"] = 2.0
    return kind(**{**needed, **given_fields})


def refusal(kind: type[Event], field: str, value: object) -> InvalidValueError:
    with pytest.raises(InvalidValueError) as caught:
        built(kind, **{field: value})
    return caught.value


def assert_names(error: InvalidValueError, field: str, value: object) -> None:
    assert error.field == field
    assert error.value is value
    message = str(error)
    assert message.startswith(f"{field} must be ")
    if isinstance(value, int) and abs(value) > 10**100:
        assert f"{value.bit_length()} bits" in message
    else:
        assert message.endswith(f"not {value!r}")


# What cannot be built (2.2)


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_takes_keywords_only(kind: type[Event]) -> None:
    untyped: Any = kind
    with pytest.raises(TypeError, match="positional"):
        untyped(1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_needs_a_time(kind: type[Event]) -> None:
    untyped: Any = kind
    with pytest.raises(TypeError, match="'at'"):
        untyped(**({"position": 2.0} if kind in NEED_POSITION else {}))


@pytest.mark.parametrize("kind", NEED_POSITION)
def test_an_event_that_reports_the_playhead_needs_a_position(kind: type[Event]) -> None:
    untyped: Any = kind
    with pytest.raises(TypeError, match="'position'"):
        untyped(at=1.0)


@pytest.mark.parametrize("kind", HAVE_NO_POSITION)
def test_an_event_whose_position_would_mean_nothing_has_none(kind: type[Event]) -> None:
    with pytest.raises(TypeError, match="position"):
        built(kind, position=2.0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_cannot_be_changed(kind: type[Event]) -> None:
    event = built(kind, duration=60.0, rate=1.0)
    for field in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(event, field.name, 3.0)
    with pytest.raises((FrozenInstanceError, AttributeError)):
        event.other = 3.0  # type: ignore[union-attr]
    assert event == built(kind, duration=60.0, rate=1.0)


@pytest.mark.parametrize("value", REFUSED_AT, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("kind", KINDS)
def test_a_time_that_is_no_finite_believable_number_is_refused(
    kind: type[Event], value: object
) -> None:
    assert_names(refusal(kind, "at", value), "at", value)


@pytest.mark.parametrize("value", REFUSED_POSITION, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("kind", NEED_POSITION + MAY_LACK_POSITION)
def test_a_position_that_is_no_finite_believable_number_from_0_is_refused(
    kind: type[Event], value: object
) -> None:
    assert_names(refusal(kind, "position", value), "position", value)


@pytest.mark.parametrize("kind", NEED_POSITION)
def test_no_position_is_refused_where_one_is_needed(kind: type[Event]) -> None:
    assert_names(refusal(kind, "position", None), "position", None)


@pytest.mark.parametrize("value", REFUSED_ANYWHERE, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("field", ["duration", "rate"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_duration_or_rate_that_is_no_believable_number_is_refused(
    kind: type[Event], field: str, value: object
) -> None:
    assert_names(refusal(kind, field, value), field, value)


def test_milliseconds_are_not_taken_for_seconds() -> None:
    refusal(Tick, "at", 1_795_346_435_145)


# What can be built


@pytest.mark.parametrize("kind", MAY_LACK_POSITION)
def test_the_last_events_of_a_player_may_lack_a_position(kind: type[Event]) -> None:
    assert built(kind) == built(kind, position=None)
    assert built(kind) != built(kind, position=0.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["duration", "rate"])
@pytest.mark.parametrize("value", SAYS_NOTHING)
def test_a_duration_or_rate_of_nan_none_zero_or_below_says_nothing(
    kind: type[Event], field: str, value: float | None
) -> None:
    """2.3."""
    event = built(kind, **{field: value})
    assert getattr(event, field) is None
    assert event == built(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_an_infinite_duration_is_kept_for_it_means_live(kind: type[Event]) -> None:
    """2.3."""
    assert built(kind, duration=inf).duration == inf


@pytest.mark.parametrize("kind", KINDS)
def test_an_infinite_rate_says_nothing(kind: type[Event]) -> None:
    """2.3."""
    assert built(kind, rate=inf).rate is None


@pytest.mark.parametrize("kind", KINDS)
def test_whole_numbers_are_numbers(kind: type[Event]) -> None:
    event = built(kind, at=-7, duration=60, rate=2)
    assert (event.at, event.duration, event.rate) == (-7.0, 60.0, 2.0)
    assert {type(event.at), type(event.duration), type(event.rate)} == {float}


def test_minus_zero_is_zero() -> None:
    event = TimeUpdate(at=-0.0, position=-0.0)
    assert copysign(1, event.at) == 1
    assert copysign(1, event.position) == 1


any_number = st.one_of(
    st.floats(),
    st.integers(),
    st.floats(-1e13, 1e13),
    st.sampled_from([1e12, -1e12, 1.0000001e12, -0.0, 5e-324, 2**1024]),
)


def believable(value: float) -> bool:
    return -(10**12) <= value <= 10**12  # NaN is not, and integers compare exactly


@given(at=any_number, position=any_number)
def test_times_and_positions_are_taken_as_they_are_or_refused(at: float, position: float) -> None:
    if believable(at) and believable(position) and position >= 0:
        event = TimeUpdate(at=at, position=position)
        assert (event.at, event.position) == (float(at), float(position))
    else:
        with pytest.raises(InvalidValueError) as caught:
            TimeUpdate(at=at, position=position)
        assert caught.value.field == ("position" if believable(at) else "at")


@given(duration=st.floats(), rate=st.floats())
def test_durations_and_rates_are_kept_ignored_or_refused(duration: float, rate: float) -> None:
    """2.3."""
    says_duration = duration > 0
    says_rate = rate > 0 and rate != inf
    if (says_duration and 1e12 < duration < inf) or (says_rate and rate > 1e12):
        with pytest.raises(InvalidValueError):
            Tick(at=0.0, duration=duration, rate=rate)
    else:
        event = Tick(at=0.0, duration=duration, rate=rate)
        assert event.duration == (duration if says_duration else None)
        assert event.rate == (rate if says_rate else None)


def test_events_of_equal_fields_are_equal_whatever_said_nothing() -> None:
    one = TimeUpdate(at=1, position=2, duration=nan, rate=-1)
    other = TimeUpdate(at=1.0, position=2.0)
    assert one == other
    assert hash(one) == hash(other)
    assert one != TimeUpdate(at=1, position=2, duration=3)


def test_events_of_different_kinds_are_never_equal() -> None:
    assert len({built(kind) for kind in KINDS}) == len(KINDS)


# The wire form


@pytest.mark.parametrize(("name", "kind"), WIRE_NAMES.items())
def test_each_dom_event_has_its_class(name: str, kind: type[Event]) -> None:
    data = {"type": name, "at": 5, "position": 7.5, "duration": 60, "rate": 2, "visibility": "x"}
    known: dict[str, Any] = {"at": 5.0, "duration": 60.0, "rate": 2.0}
    if kind not in HAVE_NO_POSITION:
        known["position"] = 7.5
    assert event_from_dict(data) == kind(**known)


def test_the_page_becoming_hidden_is_an_unload() -> None:
    data = {"type": "visibilitychange", "visibility": "hidden", "at": 5, "position": 7}
    assert event_from_dict(data) == Unload(at=5, position=7)


@pytest.mark.parametrize("visibility", ["visible", "prerender", "", "HIDDEN", None, True, 1, []])
def test_any_other_change_of_visibility_is_skipped(visibility: object) -> None:
    data = {"type": "visibilitychange", "visibility": visibility, "at": 5, "position": 7}
    assert event_from_dict(data) is None


def test_a_change_of_visibility_that_does_not_say_to_what_is_skipped() -> None:
    assert event_from_dict({"type": "visibilitychange", "at": 5, "position": 7}) is None


def test_being_hidden_does_not_turn_other_events_into_an_unload() -> None:
    data = {"type": "timeupdate", "visibility": "hidden", "at": 5, "position": 7}
    assert event_from_dict(data) == TimeUpdate(at=5, position=7)
    assert event_from_dict({**data, "type": "progress"}) is None


@pytest.mark.parametrize("name", [*OTHER_DOM_NAMES, "", "TimeUpdate", "TIMEUPDATE", " play", "\0"])
def test_an_event_of_another_type_is_skipped_whatever_else_it_says(name: str) -> None:
    """2.1."""
    assert event_from_dict({"type": name, "at": 5, "position": 7}) is None
    assert event_from_dict({"type": name, "at": "junk", "position": [], "duration": {}}) is None
    assert event_from_dict({"type": name}) is None


def test_recordings_call_the_time_wall() -> None:
    assert event_from_dict({"type": "play", "wall": 5, "position": 7}) == Play(at=5, position=7)


def test_where_both_are_given_at_counts_and_not_wall() -> None:
    assert event_from_dict({"type": "tick", "at": 5, "wall": "junk"}) == Tick(at=5)


@pytest.mark.parametrize("name", WIRE_NAMES)
def test_numbers_that_json_lacks_may_be_texts_in_duration_and_rate(name: str) -> None:
    data = {"type": name, "at": 5, "position": 7}
    said_nothing = event_from_dict(data)
    live = event_from_dict({**data, "duration": inf})
    assert said_nothing is not None
    assert live is not None
    assert live != said_nothing
    assert event_from_dict({**data, "duration": "NaN", "rate": "NaN"}) == said_nothing
    assert event_from_dict({**data, "duration": "-Infinity", "rate": "-Infinity"}) == said_nothing
    assert event_from_dict({**data, "duration": "Infinity", "rate": "Infinity"}) == live


@pytest.mark.parametrize("field", ["at", "wall", "position"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "5", nan, inf])
def test_times_and_positions_may_not_be_texts_nor_infinite(field: str, value: object) -> None:
    data: dict[str, object] = {"type": "play", "wall": 5, "position": 7, field: value}
    with pytest.raises(InvalidValueError) as caught:
        event_from_dict(data)
    assert_names(caught.value, "at" if field == "wall" else field, value)


@pytest.mark.parametrize("text", ["nan", "infinity", "inf", "Inf", "+Infinity", "60", "", " NaN"])
@pytest.mark.parametrize("field", ["duration", "rate"])
def test_no_other_text_is_a_duration_or_rate(field: str, text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        event_from_dict({"type": "tick", "at": 5, field: text})
    assert_names(caught.value, field, text)


@pytest.mark.parametrize("name", WIRE_NAMES)
def test_an_event_without_a_time_is_refused(name: str) -> None:
    for data in ({}, {"at": None}, {"wall": None}, {"at": None, "wall": 5}):
        with pytest.raises(InvalidValueError) as caught:
            event_from_dict({"type": name, "position": 7, **data})
        assert_names(caught.value, "at", None)


@pytest.mark.parametrize(("name", "kind"), WIRE_NAMES.items())
def test_a_position_that_is_missing_or_null_is_refused_only_where_it_is_needed(
    name: str, kind: type[Event]
) -> None:
    for data in ({"type": name, "at": 5}, {"type": name, "at": 5, "position": None}):
        if kind in NEED_POSITION:
            with pytest.raises(InvalidValueError) as caught:
                event_from_dict(data)
            assert_names(caught.value, "position", None)
        else:
            assert event_from_dict(data) == built(kind, at=5.0)


@pytest.mark.parametrize("name", [n for n, kind in WIRE_NAMES.items() if kind in HAVE_NO_POSITION])
@pytest.mark.parametrize("position", [-1, "junk", nan, {"x": []}])
def test_a_position_that_means_nothing_is_not_even_looked_at(name: str, position: object) -> None:
    data = {"type": name, "at": 5, "position": position}
    assert event_from_dict(data) == event_from_dict({"type": name, "at": 5})


@pytest.mark.parametrize("name", [None, 1, True, 1.5, [], {}, ["play"], b"play"])
def test_a_type_that_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        event_from_dict({"type": name, "at": 5, "position": 7})
    assert_names(caught.value, "type", name)


def test_an_event_without_a_type_is_refused() -> None:
    with pytest.raises(InvalidValueError) as caught:
        event_from_dict({"at": 5, "position": 7})
    assert_names(caught.value, "type", None)


@pytest.mark.parametrize(
    "data",
    [None, 1, nan, True, "play", [], ["type", "play"], [("type", "play")], Play(at=1, position=2)],
)
def test_what_is_no_mapping_is_no_event(data: object) -> None:
    untyped: Any = data
    with pytest.raises(InvalidValueError) as caught:
        event_from_dict(untyped)
    assert_names(caught.value, "event", data)


@pytest.mark.parametrize("field", ["at", "position", "duration", "rate"])
def test_nested_junk_in_a_field_is_refused(field: str) -> None:
    nested: list[object] = []
    for _ in range(50_000):
        nested = [nested]
    all_junk: list[object] = [nested, [[[{}]]], {"value": 5}, {"at": {"at": 5}}, ["x"] * 100_000]
    for junk in all_junk:
        with pytest.raises(InvalidValueError) as caught:
            event_from_dict({"type": "play", "at": 5, "position": 7, field: junk})
        assert caught.value.field == field
        assert len(str(caught.value)) < 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
plausible_numbers = st.one_of(
    st.floats(0, 1e6), st.integers(0, 2**64), st.sampled_from(["NaN", "Infinity"]), json_values
)
event_like = st.fixed_dictionaries(
    {
        "type": st.one_of(
            st.sampled_from([*WIRE_NAMES, "visibilitychange", *OTHER_DOM_NAMES]), json_values
        )
    },
    optional={
        "at": plausible_numbers,
        "wall": plausible_numbers,
        "position": plausible_numbers,
        "duration": plausible_numbers,
        "rate": plausible_numbers,
        "visibility": st.sampled_from(["hidden", "visible"]) | json_values,
        "other": json_values,
    },
)


@given(data=json_values | event_like)
def test_arbitrary_json_is_an_event_or_skipped_or_refused_and_nothing_else(data: Any) -> None:
    parsed = json.loads(json.dumps(data))
    refused: str | None = None
    event = None
    try:
        event = event_from_dict(parsed)
    except InvalidValueError as error:
        refused = error.field
    if refused is not None:
        assert refused in {"event", "type", "at", "position", "duration", "rate"}
        return
    name = parsed["type"]
    if name == "visibilitychange" and parsed.get("visibility") == "hidden":
        assert type(event) is Unload
    elif name in WIRE_NAMES:
        assert type(event) is WIRE_NAMES[name]
    else:
        assert event is None
    if event is not None:
        assert isfinite(event.at)
        assert event.duration is None or (event.duration > 0 and not isnan(event.duration))
        assert event.rate is None or 0 < event.rate < inf


@pytest.mark.parametrize("kind", get_args(Event))
def test_an_event_can_be_made_again_from_its_fields_and_copied_and_pickled(kind: Any) -> None:
    event = kind(
        at=1.5,
        duration=60.0,
        rate=2.0,
        **({"position": 2.0} if "position" in fields_dict(kind) else {}),
    )
    assert kind(**asdict(event)) == event
    for again in (copy(event), deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert again == event
        tracker = Tracker()
        tracker.handle(again)
        assert tracker.duration == 60.0


def test_a_tracker_does_not_mind_how_many_media_others_watch() -> None:
    alone, among_many = Tracker(), Tracker()
    events: list[Event] = [Play(at=0, position=0)]
    events += [TimeUpdate(at=at / 4, position=at / 4, duration=1000.0) for at in range(1, 800)]
    decisions = alone.feed(events)
    for number, event in enumerate(events):
        for other in range(2):
            TimeUpdate(at=0, position=0, duration=5000.0 + 2 * number + other)
        again = pickle.loads(pickle.dumps(event))
        decision = among_many.handle(again)
        if decision is not None:
            assert decision == decisions.pop(0)
    assert decisions == []
    assert among_many.played == alone.played
