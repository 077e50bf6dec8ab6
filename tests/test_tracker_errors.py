"""What is said of what a tracker cannot start from: what it is, what was expected, what came."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from milestone_progress import (
    IntervalPolicy,
    IntervalTracker,
    InvalidValueError,
    SavePolicy,
    TimeUpdate,
    Tracker,
    tracker_for,
)

A_TRACKER = "what was saved, with position, duration, milestone and completed"


class Later(TimeUpdate):
    """Of a kind that the library does not know."""


def saved(**changes: object) -> Any:
    fields = {"position": 400.0, "duration": 1000.0, "milestone": 25, "completed": False}
    return SimpleNamespace(**(fields | changes))


@pytest.mark.parametrize(
    ("kind", "policy", "message"),
    [
        (Tracker, None, "policy must be a SavePolicy, not None"),
        (Tracker, 30, "policy must be a SavePolicy, not 30"),
        (IntervalTracker, None, "policy must be an IntervalPolicy, not None"),
        (IntervalTracker, 30, "policy must be an IntervalPolicy, not 30"),
        (tracker_for, 30, "policy must be a SavePolicy, not 30"),
    ],
)
def test_a_tracker_says_which_policy_it_takes(kind: Any, policy: object, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        kind(policy)
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", [Tracker, IntervalTracker])
def test_the_policy_of_one_mode_is_none_of_the_other(
    kind: type[Tracker] | type[IntervalTracker],
) -> None:
    other = IntervalPolicy() if kind is Tracker else SavePolicy()
    with pytest.raises(InvalidValueError) as caught:
        kind(cast(Any, other))
    assert caught.value.field == "policy"
    assert caught.value.value is other


@pytest.mark.parametrize("policy", [SavePolicy(), IntervalPolicy()], ids=["save", "interval"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position": -1}, "record.position must be at least 0, not -1"),
        ({"position": None}, "record.position must be a number, not None"),
        ({"duration": "5"}, "record.duration must be a number, not '5'"),
        ({"milestone": -1}, "record.milestone must be at least 0, not -1"),
        ({"milestone": 100.5}, "record.milestone must be a percentage up to 100, not 100.5"),
        ({"completed": 1}, "record.completed must be True or False, not 1"),
    ],
)
def test_a_record_says_which_field_a_tracker_cannot_start_from(
    policy: SavePolicy | IntervalPolicy, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        tracker_for(policy, saved(**changes))
    assert str(caught.value) == message


@pytest.mark.parametrize("missing", ["position", "duration", "milestone", "completed"])
def test_what_lacks_a_field_is_no_record(missing: str) -> None:
    record = saved()
    delattr(record, missing)
    with pytest.raises(InvalidValueError) as caught:
        Tracker(record=record)
    told = caught.value
    assert (told.field, told.value, told.expected) == ("record", record, A_TRACKER)


def test_a_tracker_is_no_record_though_it_looks_like_one() -> None:
    other = Tracker()
    with pytest.raises(InvalidValueError) as caught:
        Tracker(record=other)
    told = caught.value
    assert (told.field, told.value, told.expected) == ("record", other, A_TRACKER)


def test_a_record_of_the_largest_milestone_is_one_and_minus_zero_is_none() -> None:
    assert Tracker(record=saved(milestone=100)).milestone == 100
    assert repr(Tracker(record=saved(milestone=-0.0)).milestone) == "0"


@pytest.mark.parametrize("kind", [Tracker, IntervalTracker])
@pytest.mark.parametrize(
    "event", [None, "play", {"type": "play"}, Later(at=0, position=0)], ids=str
)
def test_what_is_no_event_is_refused_by_name(
    kind: type[Tracker] | type[IntervalTracker], event: Any
) -> None:
    for tell in (kind().handle, lambda event: kind().feed([event])):
        with pytest.raises(InvalidValueError) as caught:
            tell(event)
        told = caught.value
        assert (told.field, told.value, told.expected) == (
            "event",
            event,
            "one of the playback events",
        )


@pytest.mark.parametrize(
    ("kind", "other", "mode", "name"),
    [
        (Tracker, IntervalTracker, "milestone", "interval"),
        (IntervalTracker, Tracker, "interval", "milestone"),
    ],
)
def test_a_snapshot_of_the_other_mode_is_refused(
    kind: Any, other: Any, mode: str, name: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        kind.restore(other().snapshot())
    assert str(caught.value) == f"snapshot.mode must be \"{mode}\", not '{name}'"
