import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from math import isfinite
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.strategies import SearchStrategy, lists

from milestone_progress import (
    Emptied,
    Event,
    IntervalPolicy,
    InvalidValueError,
    MediaInfo,
    Pause,
    Play,
    SavePolicy,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Trigger,
    event_from_dict,
    tracker_for,
)
from milestone_progress import Phase as PlayerPhase
from milestone_progress.testing import strategies
from milestone_progress.testing.strategies import EVENT_KINDS, Saved

T = TypeVar("T")

# Found among this many, or not drawn often enough to be of use.
SEARCH = settings(max_examples=2000, database=None, derandomize=True)
WITHOUT_SHRINKING = settings(SEARCH, phases=[Phase.generate])
A_FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_drawn(strategy: SearchStrategy[T], condition: Callable[[T], bool]) -> bool:
    find(strategy, condition, settings=WITHOUT_SHRINKING)
    return True


def position_of(event: Event) -> float | None:
    return None if isinstance(event, (Emptied, MediaInfo, Tick)) else event.position


def is_multiple(value: float | None, grain: float) -> bool:
    return value is None or not isfinite(value) or (value / grain).is_integer()


def test_importing_the_package_of_tests_imports_no_hypothesis() -> None:
    code = "import sys, milestone_progress.testing; print('hypothesis' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout.strip() == "False"


# Single events


@pytest.mark.parametrize("kind", EVENT_KINDS)
@pytest.mark.parametrize(
    "strategy",
    [
        strategies.events(),
        strategies.events(exact=True),
        strategies.hostile_events(),
        strategies.wire_events().map(event_from_dict),
    ],
    ids=["events", "exact events", "hostile_events", "wire_events"],
)
def test_every_kind_of_event_is_drawn(strategy: SearchStrategy[Event], kind: type[Event]) -> None:
    assert is_drawn(strategy, lambda event: isinstance(event, kind))


@given(strategies.events(kinds=[Play, Pause]) | strategies.hostile_events(kinds=[Play, Pause]))
def test_only_the_kinds_asked_for_are_drawn(event: Event) -> None:
    assert isinstance(event, (Play, Pause))


@given(strategies.events(exact=True))
def test_exact_events_hold_multiples_of_a_64th(event: Event) -> None:
    for value in (event.at, position_of(event), event.duration, event.rate):
        assert is_multiple(value, 1 / 64)


@pytest.mark.parametrize(
    "condition",
    [
        lambda log: any(later.at < earlier.at for earlier, later in pairwise(log)),
        lambda log: any(later.at > earlier.at + 1e9 for earlier, later in pairwise(log)),
        lambda log: any(
            event.duration is not None and (position_of(event) or 0) > event.duration
            for event in log
        ),
        lambda log: any(event.rate is not None and event.rate > 1e6 for event in log),
        lambda log: any(event.duration is not None and event.duration < 1 for event in log),
    ],
    ids=["clock back", "clock leaps", "beyond the duration", "impossible rate", "no media at all"],
)
def test_hostile_events_are_hostile(condition: Callable[[list[Event]], bool]) -> None:
    assert is_drawn(lists(strategies.hostile_events(), min_size=2), condition)


@A_FEW
@given(lists(strategies.hostile_events(), max_size=30))
def test_hostile_events_are_events_all_the_same(log: list[Event]) -> None:
    Tracker().feed(log)


# Viewings


@A_FEW
@given(strategies.viewings())
def test_a_viewing_is_in_browser_order(viewing: list[Event]) -> None:
    assert all(earlier.at <= later.at for earlier, later in pairwise(viewing))
    for event, following in pairwise(viewing):
        position = position_of(event)
        assert position is None or event.duration is None or position <= event.duration
        if isinstance(event, Seeking):
            assert isinstance(following, (Seeking, TimeUpdate))
        if isinstance(following, Seeked):
            assert isinstance(event, TimeUpdate)
            assert event.position == following.position


@A_FEW
@given(strategies.viewings())
def test_a_viewing_begins_before_playback(viewing: list[Event]) -> None:
    tracker = Tracker()
    for event in viewing:
        if isinstance(event, Play):
            break
        tracker.handle(event)
        assert tracker.phase is PlayerPhase.IDLE


@A_FEW
@given(strategies.viewings(exact=True) | strategies.disordered_viewings(exact=True))
def test_exact_viewings_hold_multiples_of_powers_of_two(viewing: list[Event]) -> None:
    for event in viewing:
        assert is_multiple(event.at, 1 / 1024)
        for value in (position_of(event), event.duration, event.rate):
            assert is_multiple(value, 1 / 64)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_every_kind_of_event_occurs_in_viewings(kind: type[Event]) -> None:
    assert is_drawn(strategies.viewings(), lambda log: kind in map(type, log))


@pytest.mark.parametrize("trigger", [trigger for trigger in Trigger if trigger != "interval"])
@pytest.mark.parametrize("strategy", [strategies.viewings(), strategies.disordered_viewings()])
def test_viewings_lead_to_saves_of_every_trigger(
    strategy: SearchStrategy[list[Event]], trigger: Trigger
) -> None:
    assert is_drawn(
        strategy, lambda log: any(made.trigger is trigger for made in Tracker().feed(log))
    )


@pytest.mark.parametrize(
    "condition",
    [
        lambda log: any(later.at < earlier.at for earlier, later in pairwise(log)),
        lambda log: any(log.count(event) > 1 for event in log if isinstance(event, TimeUpdate)),
        lambda log: Seeked in map(type, log) and Seeking not in map(type, log),
        lambda log: Seeking in map(type, log) and Seeked not in map(type, log),
        lambda log: TimeUpdate in map(type, log) and Play not in map(type, log),
        lambda log: TimeUpdate in map(type, log) and MediaInfo not in map(type, log),
        lambda log: (
            TimeUpdate in map(type, log)
            and all(event.duration is None for event in log if not isinstance(event, MediaInfo))
        ),
    ],
    ids=[
        "clock or order changed",
        "repeated",
        "no seeking",
        "no seeked",
        "no play",
        "lost",
        "no duration",
    ],
)
def test_disordered_viewings_are_disordered(condition: Callable[[list[Event]], bool]) -> None:
    assert is_drawn(strategies.disordered_viewings(), condition)


def test_the_number_of_acts_bounds_a_viewing() -> None:
    # At most: forty rounds of the shortest loop, five events each.
    @settings(A_FEW, database=None)
    @given(strategies.viewings(max_acts=1))
    def check(viewing: list[Event]) -> None:
        assert len(viewing) < 500

    check()


def test_a_viewing_shrinks_to_the_acts_that_matter() -> None:
    def is_saved_for_a_seek(log: list[Event]) -> bool:
        return any(made.trigger is Trigger.SEEK for made in Tracker().feed(log))

    assert len(find(strategies.viewings(max_acts=6), is_saved_for_a_seek, settings=SEARCH)) < 40


# What a tracker is made with


@given(strategies.save_policies(exact=True), strategies.interval_policies(exact=True))
def test_exact_policies_hold_multiples_of_a_64th(
    policy: SavePolicy, legacy: IntervalPolicy
) -> None:
    thresholds = (policy.pause_threshold, policy.seek_threshold, policy.max_unsaved)
    for value in (*policy.milestones, *thresholds, legacy.interval, legacy.pause_debounce):
        assert is_multiple(value, 1 / 64)


@given(strategies.save_policies() | strategies.interval_policies(), strategies.saved_states())
def test_policies_and_saved_states_make_trackers(
    policy: SavePolicy | IntervalPolicy, saved: Saved
) -> None:
    tracker = tracker_for(policy, saved)
    assert tracker.milestone == saved.milestone
    assert tracker.completed is saved.completed


def test_the_plainest_policies_are_the_default_ones() -> None:
    assert find(strategies.save_policies(), lambda _: True) == SavePolicy()
    assert find(strategies.interval_policies(), lambda _: True) == IntervalPolicy()
    assert is_drawn(strategies.save_policies(), lambda policy: policy.max_unsaved is None)
    assert is_drawn(strategies.save_policies(), lambda policy: len(policy.milestones) > 7)


@given(strategies.saved_states())
def test_the_parts_of_a_saved_state_agree(saved: Saved) -> None:
    assert saved.duration is None or saved.position <= saved.duration
    assert saved.completed is (saved.milestone == 100)


@pytest.mark.parametrize(
    "condition",
    [
        lambda saved: saved.completed and saved.milestone < 100,
        lambda saved: saved.duration is not None and saved.position > saved.duration,
    ],
)
def test_the_parts_of_an_inconsistent_saved_state_need_not_agree(
    condition: Callable[[Saved], bool],
) -> None:
    assert is_drawn(strategies.saved_states(consistent=False), condition)


# JSON


@given(strategies.wire_events())
def test_wire_events_are_strict_json_that_is_read_without_complaint(wire: dict[str, Any]) -> None:
    assert json.loads(json.dumps(wire, allow_nan=False)) == wire
    event_from_dict(wire)


@pytest.mark.parametrize(
    "condition",
    [
        lambda wire: event_from_dict(wire) is None,
        lambda wire: wire.get("duration") == "NaN",
        lambda wire: "at" not in wire,
        lambda wire: "paused" in wire,
        lambda wire: wire["type"] == "visibilitychange" and wire["visibility"] == "hidden",
    ],
    ids=["skipped", "named number", "wall", "ignored key", "hidden"],
)
def test_wire_events_come_in_all_forms(condition: Callable[[dict[str, Any]], bool]) -> None:
    assert is_drawn(strategies.wire_events(), condition)


def complaint(data: Any) -> str | None:
    try:
        event_from_dict(data)
    except InvalidValueError as error:
        return error.field
    return None


@given(strategies.hostile_json())
def test_hostile_json_is_json(data: Any) -> None:
    text = json.dumps(data)
    assert json.dumps(json.loads(text)) == text


@pytest.mark.parametrize("field", ["event", "type", "at", "position", "duration", "rate"])
def test_hostile_json_breaks_every_field(field: str) -> None:
    assert is_drawn(strategies.hostile_json(), lambda data: complaint(data) == field)


@pytest.mark.parametrize("kind", [dict, list, str, int, float, bool, type(None)])
def test_hostile_json_is_of_every_kind(kind: type) -> None:
    assert is_drawn(strategies.hostile_json(), lambda data: type(data) is kind)
