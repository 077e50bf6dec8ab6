"""What comes in through the doors of a tracker: no events, wrong records, extreme numbers."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import copysign, inf, nan
from typing import Any
from unittest.mock import MagicMock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from milestone_progress import (
    Complete,
    Emptied,
    Ended,
    Event,
    IntervalPolicy,
    IntervalTracker,
    InvalidValueError,
    MediaInfo,
    Pause,
    Phase,
    Play,
    SavePolicy,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Trigger,
    Unload,
    tracker_for,
)

AnyTracker = Tracker | IntervalTracker
MakeTracker = Callable[[], AnyTracker]
TRACKERS: tuple[MakeTracker, ...] = (Tracker, IntervalTracker)
DAY_115 = 10_000_000


def watching(start: int, end: int) -> list[Event]:
    """A step every quarter of a second: nearly all of them take the fast way."""
    return [
        TimeUpdate(at=1000 + step / 4, position=step / 4, duration=100, rate=1)
        for step in range(start * 4 + 1, end * 4 + 1)
    ]


BEGINNING: list[Event] = [Play(at=1000, position=0, duration=100, rate=1), *watching(0, 8)]
STATES: dict[str, list[Event]] = {
    "new": [],
    "playing": BEGINNING,
    "paused": [*BEGINNING, Pause(at=1008, position=8)],
    "seeking": [*BEGINNING, Seeking(at=1008, position=50)],
    "sought": [*BEGINNING, Seeking(at=1008, position=50), Seeked(at=1008.25, position=50)],
    "ended": [*BEGINNING, Ended(at=1009)],
}


@dataclass(frozen=True)
class Lookalike:
    at: float = 1008.25
    position: float = 8.25
    duration: float | None = 100
    rate: float | None = 1


class Chameleon:
    """Has every attribute that anybody may ask for, as mocks have."""

    def __getattr__(self, name: str) -> float:
        if name.startswith("_"):
            raise AttributeError(name)
        return 1.0


NO_EVENTS: dict[str, object] = {
    "nothing": None,
    "a flag": True,
    "a number": 1.5,
    "a text": "timeupdate",
    "a wire form": {"type": "timeupdate", "at": 1008.25, "position": 8.25},
    "a list of events": [TimeUpdate(at=1008.25, position=8.25)],
    "the class of an event": TimeUpdate,
    "the class of another event": Tick,
    "a lookalike": Lookalike(),
    "a chameleon": Chameleon(),
    "a mock": MagicMock(),
    "a policy": SavePolicy(),
    "a tracker": Tracker(),
    "a phase": Phase.PLAYING,
    "a trigger": Trigger.SEEK,
    "a function": watching,
    "an object": object(),
}


# No events


@pytest.mark.parametrize("make", TRACKERS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("no_event", NO_EVENTS.values(), ids=NO_EVENTS)
def test_what_is_no_event_is_refused_and_changes_nothing(
    no_event: Any, state: str, make: MakeTracker
) -> None:
    disturbed, undisturbed = make(), make()
    disturbed.feed(STATES[state])
    undisturbed.feed(STATES[state])
    with pytest.raises(InvalidValueError) as caught:
        disturbed.handle(no_event)
    assert (caught.value.field, id(caught.value.value)) == ("event", id(no_event))
    assert len(str(caught.value)) < 200
    assert disturbed.snapshot() == undisturbed.snapshot()
    before = disturbed.snapshot()
    with pytest.raises(InvalidValueError):
        disturbed.handle(no_event)
    assert disturbed.snapshot() == before
    rest = [*watching(8, 30), Pause(at=1031, position=30), Tick(at=1090), Unload(at=1091)]
    assert disturbed.feed(rest) == undisturbed.feed(rest)
    assert disturbed.snapshot() == undisturbed.snapshot()


@pytest.mark.parametrize("make", TRACKERS)
@pytest.mark.parametrize("no_event", NO_EVENTS.values(), ids=NO_EVENTS)
def test_what_is_no_event_changes_nothing_between_any_two_events(
    no_event: Any, make: MakeTracker
) -> None:
    disturbed, undisturbed = make(), make()
    for event in [*BEGINNING, *watching(8, 40), Pause(at=1040, position=40), Tick(at=1080)]:
        assert disturbed.handle(event) == undisturbed.handle(event)
        with pytest.raises(InvalidValueError):
            disturbed.handle(no_event)
    assert disturbed.snapshot() == undisturbed.snapshot()


@pytest.mark.parametrize("make", TRACKERS)
@pytest.mark.parametrize("no_event", NO_EVENTS.values(), ids=NO_EVENTS)
def test_a_batch_with_something_else_in_it_changes_nothing(
    no_event: Any, make: MakeTracker
) -> None:
    batched, one_by_one = make(), make()
    later: list[Event] = [*BEGINNING, Pause(at=1008, position=8), Unload(at=1008, position=8)]
    with pytest.raises(InvalidValueError) as caught:
        batched.feed([*BEGINNING, no_event, *later])
    assert caught.value.field == "event"
    assert caught.value.value is no_event
    assert batched.snapshot() == one_by_one.snapshot()
    assert batched.feed(later) == one_by_one.feed(later)


@pytest.mark.parametrize("make", TRACKERS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", [TimeUpdate, Play, Pause, Seeking, Seeked, Ended, Unload])
def test_what_a_refused_batch_began_with_is_forgotten(
    kind: type[TimeUpdate | Play | Pause | Seeking | Seeked | Ended | Unload],
    state: str,
    make: MakeTracker,
) -> None:
    tracker = make()
    tracker.feed(STATES[state])
    before = tracker.snapshot()
    no_event: Any = object()
    with pytest.raises(InvalidValueError):
        tracker.feed([kind(at=1009.5, position=20), kind(at=1010, position=60), no_event])
    assert tracker.snapshot() == before


@pytest.mark.parametrize("make", TRACKERS)
def test_a_batch_may_be_any_iterable_and_empty(make: MakeTracker) -> None:
    from_iterator, from_list = make(), make()
    events = [*BEGINNING, *watching(8, 60)]
    assert from_iterator.feed(iter(events)) == from_list.feed(events)
    assert from_iterator.feed(()) == []


# Policies


@pytest.mark.parametrize("kind", [Tracker, IntervalTracker, tracker_for])
@pytest.mark.parametrize("policy", [None, 30, {"max_unsaved": 300}, SavePolicy])
def test_a_policy_that_is_none_is_refused(kind: Any, policy: object) -> None:
    with pytest.raises(InvalidValueError, match="policy must be"):
        kind(policy)


def test_the_policy_of_the_other_mode_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="policy must be a SavePolicy"):
        Tracker(IntervalPolicy())  # type: ignore[arg-type]  # that is the point
    with pytest.raises(InvalidValueError, match="policy must be an IntervalPolicy"):
        IntervalTracker(SavePolicy())  # type: ignore[arg-type]  # that is the point


# Records


@dataclass(frozen=True)
class Record:
    position: Any = 40.0
    duration: Any = 100.0
    milestone: Any = 25
    completed: Any = False


NO_NUMBERS: tuple[object, ...] = (True, "1", b"1", Decimal(1), [1.0], {}, 1j)
NEVER: tuple[object, ...] = (*NO_NUMBERS, 10**400, 1e308, 2**63)
NEVER_FINITE: tuple[object, ...] = (*NEVER, None, nan, inf, -inf, -1, -5e-324)
NO_FLAGS: tuple[object, ...] = (None, 0, 1, 1.0, "True", "", [], {}, nan)

WRONG_RECORDS: list[tuple[str, object]] = [
    *(("position", value) for value in NEVER_FINITE),
    *(("duration", value) for value in NEVER),
    *(("milestone", value) for value in (*NEVER_FINITE, 100.001, 101)),
    *(("completed", value) for value in NO_FLAGS),
]


def makers_from_record(record: Record) -> Iterator[MakeTracker]:
    yield lambda: Tracker(record=record)
    yield lambda: IntervalTracker(record=record)
    yield lambda: tracker_for(SavePolicy(), record)
    yield lambda: tracker_for(IntervalPolicy(), record)


@pytest.mark.parametrize(("field", "value"), WRONG_RECORDS, ids=lambda value: repr(value)[:20])
def test_a_record_with_a_wrong_value_is_refused_and_the_field_named(
    field: str, value: object
) -> None:
    for make in makers_from_record(Record(**{field: value})):
        with pytest.raises(InvalidValueError) as caught:
            make()
        assert caught.value.field == f"record.{field}"
        assert caught.value.value is value
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("duration", [None, nan, 0, 0.0, -0.0, -1, -inf, inf])
def test_a_record_whose_duration_says_nothing_leaves_it_unknown(duration: float | None) -> None:
    """2.3."""
    for make in makers_from_record(Record(duration=duration)):
        tracker = make()
        assert tracker.duration is None
        assert tracker.percent is None
        assert tracker.coverage is None


def test_a_record_at_the_limits_is_taken() -> None:
    for make in makers_from_record(Record(1e12, 1e12, 100, completed=True)):
        tracker = make()
        assert (tracker.position, tracker.duration) == (1e12, 1e12)
        assert (tracker.milestone, tracker.completed) == (100, True)
    for make in makers_from_record(Record(0, 5e-324, 0, completed=False)):
        tracker = make()
        assert (tracker.position, tracker.duration) == (0, 5e-324)
        assert (tracker.milestone, tracker.completed) == (0, False)


@pytest.mark.parametrize("field", ["position", "milestone"])
def test_a_record_of_minus_zero_is_one_of_zero(field: str) -> None:
    for make in makers_from_record(Record(**{field: -0.0})):
        assert copysign(1, getattr(make(), field)) == 1


# Extreme numbers

EXTREME_POSITIONS = (0.0, 5e-324, 0.5, 1.0, 9_999_999.5, 1e7, 1.8e9, 1e12 - 1, 1e12)
EXTREME_TIMES = (0.0, 5e-324, -0.5, 1.0, 1.8e9, 1e12, 1e12 - 0.25, -1e12, -1e12 + 1)
EXTREME_RATES = (None, 5e-324, 1e-9, 0.0625, 1.0, 16.0, 1e6, 1e12)
EXTREME_DURATIONS = (None, 5e-324, 0.5, 1.0, 1e7, 1e7 + 0.5, 1e12 - 1, 1e12, inf)

WITH_POSITION: tuple[type[Event], ...] = (TimeUpdate, Play, Pause, Seeking, Seeked)
PERHAPS_WITH: tuple[type[Event], ...] = (Ended, Unload, Complete)
WITHOUT: tuple[type[Event], ...] = (Emptied, MediaInfo, Tick)


def event_of(kind: type[Event], **fields: Any) -> Event:
    return kind(**fields)


said = {
    "at": st.sampled_from(EXTREME_TIMES) | st.floats(-1e12, 1e12),
    "duration": st.sampled_from(EXTREME_DURATIONS) | st.floats(5e-324, 1e12),
    "rate": st.sampled_from(EXTREME_RATES) | st.floats(5e-324, 1e12),
}
positions = st.sampled_from(EXTREME_POSITIONS) | st.floats(0, 1e12)
extreme_events = st.one_of(
    st.builds(event_of, st.sampled_from(WITH_POSITION), position=positions, **said),
    st.builds(event_of, st.just(TimeUpdate), position=positions, **said),
    st.builds(event_of, st.sampled_from(PERHAPS_WITH), position=positions | st.none(), **said),
    st.builds(event_of, st.sampled_from(WITHOUT), **said),
)
extreme_records = st.none() | st.builds(
    Record,
    position=positions,
    duration=said["duration"],
    milestone=st.sampled_from([0, 5e-324, 50, 99.99, 100]),
    completed=st.booleans(),
)
extreme_policies: st.SearchStrategy[SavePolicy | IntervalPolicy] = st.one_of(
    st.just(SavePolicy()),
    st.just(IntervalPolicy()),
    st.builds(
        SavePolicy,
        milestones=st.sampled_from([(5e-324, 100), (99.99999999999999, 100), (100,)]),
        pause_threshold=st.sampled_from([0, 5e-324, 1e12]),
        seek_threshold=st.sampled_from([0, 1e12]),
        seek_settle=st.sampled_from([0, 5e-324, 1e12]),
        min_save_interval=st.sampled_from([0, 1e12]),
        max_unsaved=st.sampled_from([None, 5e-324, 1e12]),
    ),
    st.builds(
        IntervalPolicy,
        interval=st.sampled_from([5e-324, 1e12]),
        pause_debounce=st.sampled_from([0, 5e-324, 1e12]),
    ),
)


def assert_sane(tracker: AnyTracker) -> None:
    assert 0 <= tracker.position <= 1e12
    assert tracker.played.bit_length() <= DAY_115
    assert 0 <= tracker.milestone <= 100
    assert tracker.percent is None or 0 <= tracker.percent <= 100
    assert tracker.coverage is None or 0 <= tracker.coverage <= 1
    assert tracker.deadline is None or abs(tracker.deadline) < inf


@given(log=st.lists(extreme_events, max_size=20), record=extreme_records, policy=extreme_policies)
@example(
    log=[
        Play(at=0, position=0, rate=1e12),
        TimeUpdate(at=1, position=1e12),
        Seeking(at=1, position=0),
        Seeked(at=1, position=0),
    ],
    record=None,
    policy=SavePolicy(),
)
def test_extreme_numbers_are_handled_as_any_others(
    log: list[Event], record: Record | None, policy: SavePolicy | IntervalPolicy
) -> None:
    """2.5: nothing raises, freezes or grows for an event's timing; all of it stays JSON."""
    tracker = tracker_for(policy, record)
    for event in log:
        decision = tracker.handle(event)
        assert_sane(tracker)
        if decision is not None:
            assert decision.at == event.at
            assert 0 <= decision.position <= 1e12
            assert decision.percent is None or 0 <= decision.percent <= 100
    snapshot = json.loads(json.dumps(tracker.snapshot(), allow_nan=False))
    if isinstance(policy, SavePolicy):
        assert Tracker.restore(snapshot, policy).snapshot() == snapshot
    else:
        assert IntervalTracker.restore(snapshot, policy).snapshot() == snapshot


@pytest.mark.parametrize("make", TRACKERS)
@pytest.mark.parametrize("kind", WITH_POSITION + PERHAPS_WITH)
def test_the_first_event_may_be_as_extreme_as_any(kind: type[Event], make: MakeTracker) -> None:
    for at, position, duration in product(EXTREME_TIMES, EXTREME_POSITIONS, EXTREME_DURATIONS):
        tracker = make()
        tracker.handle(event_of(kind, at=at, position=position, duration=duration, rate=1e12))
        tracker.feed([Play(at=at, position=position), Pause(at=at, position=position)])
        assert_sane(tracker)


@pytest.mark.parametrize("make", TRACKERS)
def test_a_clock_that_keeps_jumping_between_the_ends_of_time_stops_nothing(
    make: MakeTracker,
) -> None:
    """2.5."""
    tracker = make()
    tracker.handle(Play(at=0, position=0, duration=10_000))
    decisions = 0
    for step in range(1, 4000):
        at = 1e12 if step % 2 else -1e12
        decisions += tracker.handle(TimeUpdate(at=at, position=step / 2)) is not None
    assert tracker.position == 1999.5
    assert tracker.milestone == 10
    assert tracker.played.bit_count() == 1999
    assert decisions >= 3
    snapshot = json.loads(json.dumps(tracker.snapshot(), allow_nan=False))
    assert type(tracker).restore(snapshot).snapshot() == snapshot


@pytest.mark.parametrize("make", TRACKERS)
def test_positions_at_the_end_of_the_number_line_take_no_memory(make: MakeTracker) -> None:
    """An hour of live media that is anchored at the Unix epoch, and beyond."""
    tracemalloc.start()
    try:
        tracker = make()
        for anchor in (1.8e9, 1e12 - 10_000):
            tracker.handle(Play(at=anchor, position=anchor, duration=inf, rate=1))
            for step in range(1, 2000):
                tracker.handle(TimeUpdate(at=anchor + step, position=anchor + step))
            tracker.handle(Seeking(at=anchor + 2000, position=anchor))
            tracker.handle(Seeked(at=anchor + 2000, position=anchor))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert tracker.played == 0
    assert tracker.position == 1e12 - 10_000
    assert peak < 1_000_000


@pytest.mark.parametrize("make", TRACKERS)
def test_playing_all_of_the_number_line_at_once_takes_at_most_a_few_megabytes(
    make: MakeTracker,
) -> None:
    tracemalloc.start()
    try:
        tracker = make()
        tracker.handle(Play(at=0, position=0, duration=1e12, rate=1e12))
        for turn in range(100):
            tracker.handle(TimeUpdate(at=turn * 10 + 5, position=1e12 - 1, rate=1e12))
            tracker.handle(Seeking(at=turn * 10 + 6, position=0, rate=1e12))
            tracker.handle(Seeked(at=turn * 10 + 7, position=0, rate=1e12))
        assert tracker.played.bit_count() == DAY_115
        text = tracker.snapshot()["played"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert text == f"0-{DAY_115 - 1}"
    assert peak < 20_000_000


@pytest.mark.parametrize("make", [Tracker, IntervalTracker])
@pytest.mark.parametrize("record", [{"position": 5, "duration": None, "milestone": 0}, 5, "x"])
def test_what_is_no_record_is_refused(make: Any, record: object) -> None:
    with pytest.raises(InvalidValueError, match="record must be"):
        make(record=record)


def test_another_tracker_is_no_record_for_it_may_know_what_was_not_saved() -> None:
    with pytest.raises(InvalidValueError, match="what was saved"):
        tracker_for(IntervalPolicy(), record=Tracker())


def test_a_tracker_shows_where_it_is() -> None:
    tracker = Tracker()
    assert repr(tracker) == "<Tracker idle at 0 s of unknown, milestone 0>"
    tracker.feed([Play(at=0, position=3, duration=10), TimeUpdate(at=1, position=4), Ended(at=7)])
    assert repr(tracker) == "<Tracker ended at 10 s of 10 s, milestone 100, completed>"
