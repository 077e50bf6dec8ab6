"""Snapshots: all that a tracker knows as plain JSON, and a tracker that goes on from there (4.14).

Files under ``snapshots/`` were written by the version in their name, and must load for ever.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import inf, isclose, nan
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import asdict
from hypothesis import example, given, settings
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
    Play,
    SavePolicy,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Unload,
    event_from_dict,
    tracker_for,
)

HERE = Path(__file__).parent
AnyTracker = Tracker | IntervalTracker
Mode = Literal["milestone", "interval"]
MODES: tuple[Mode, ...] = ("milestone", "interval")

# Thresholds so low that short logs meet them.
EAGER: dict[Mode, SavePolicy | IntervalPolicy] = {
    "milestone": SavePolicy(
        pause_threshold=4, seek_threshold=3, min_save_interval=8, max_unsaved=12
    ),
    "interval": IntervalPolicy(interval=4, pause_debounce=2),
}
DEFAULT: dict[Mode, SavePolicy | IntervalPolicy] = {
    "milestone": SavePolicy(),
    "interval": IntervalPolicy(),
}


def restored(snapshot: Mapping[str, object], policy: SavePolicy | IntervalPolicy) -> AnyTracker:
    if isinstance(policy, SavePolicy):
        return Tracker.restore(snapshot, policy)
    return IntervalTracker.restore(snapshot, policy)


def through_json(snapshot: Mapping[str, object]) -> dict[str, object]:
    data: dict[str, object] = json.loads(json.dumps(snapshot, allow_nan=False))
    return data


def same(one: object, other: object) -> bool:
    """Compare snapshots; sums of seconds may differ by the rounding of their terms."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=0, abs_tol=1e-5)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


VISIBLE = (
    "phase",
    "position",
    "duration",
    "percent",
    "milestone",
    "completed",
    "played",
    "coverage",
    "pending",
    "deadline",
)


def outside(tracker: AnyTracker) -> dict[str, object]:
    """All that can be seen of a tracker without a snapshot."""
    return {name: getattr(tracker, name) for name in VISIBLE}


def clock_was_set_back(events: list[Event]) -> bool:
    return any(later.at < earlier.at for earlier, later in pairwise(events))


def assert_same_state(
    one: AnyTracker, other: AnyTracker, events: list[Event], *, exactly: bool
) -> None:
    """Compare two trackers that have handled the same events.

    How much time passed while nothing waited for any to pass is nobody's business: if a clock was
    set back, only what can be seen is compared, and what the two decide later.
    """
    assert outside(one) == outside(other)
    if not clock_was_set_back(events):
        one_snapshot, other_snapshot = one.snapshot(), other.snapshot()
        if exactly:
            assert one_snapshot == other_snapshot
        assert same(one_snapshot, other_snapshot)


def assert_continues_identically_from_every_point(
    events: list[Event], policy: SavePolicy | IntervalPolicy, *, exactly: bool
) -> None:
    undisturbed = tracker_for(policy)
    decisions = [undisturbed.handle(event) for event in events]
    seen = tracker_for(policy)
    for cut, event in enumerate(events):
        snapshot = seen.snapshot()
        again = restored(through_json(snapshot), policy)
        assert again.snapshot() == snapshot
        assert outside(again) == outside(seen)
        rest = [again.handle(event) for event in events[cut:]]
        assert rest == decisions[cut:], f"restored before event {cut}"
        assert_same_state(again, undisturbed, events, exactly=exactly)
        assert seen.handle(event) == decisions[cut], f"a snapshot was taken before event {cut}"
    assert_same_state(seen, undisturbed, events, exactly=exactly)


# Recordings of real players


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "name",
    [
        "c-pauses-short-long-chromium",
        "d2-seeks-firefox",
        "e-scrub-chromium",
        "f-close-tab-chromium",
        "i2-loop-firefox",
        "j-rates-chromium",
        "k2-live-infinity-firefox",
        "l-source-switch-chromium",
        "n2-network-error-firefox",
        "o-mpv-watch-pause-seek",
        "p-mixed-webkitgtk",
    ],
)
def test_a_recording_goes_on_identically_from_a_snapshot_at_every_point(
    name: str, mode: Mode
) -> None:
    lines = (HERE / "traces" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    events = [event for line in lines if (event := event_from_dict(json.loads(line))) is not None]
    assert len(events) > 30
    for policy in (EAGER[mode], DEFAULT[mode]):
        assert_continues_identically_from_every_point(events, policy, exactly=False)


# Arbitrary logs, of players that report duration and rate with everything they say. All numbers are
# multiples of an eighth: no sum of them is rounded, and the same is exactly the same.

eighths = st.integers(0, 8 * 24).map(lambda number: number / 8)


@dataclass(frozen=True)
class Step:
    kind: type[Event]
    wait: float
    goes: float | None  # as many times as fast as the clock
    to: float
    rate: float | None
    duration: float | None


steps = st.builds(
    Step,
    kind=st.sampled_from(
        [TimeUpdate] * 20
        + [Play, Play, Pause, Pause, Seeking, Seeking, Seeked, Seeked, Seeked]
        + [Ended, Unload, Emptied, MediaInfo, Complete, Tick, Tick]
    ),
    wait=st.sampled_from([0.25] * 5 + [0.125, 0.5, 1.0, 1.0, 2.0, 2.5, 5.0, 11.0, 0.0, -3.0]),
    goes=st.sampled_from([1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 0.5, 0.0, None]),
    to=eighths,
    rate=st.sampled_from([None] * 5 + [1.0, 2.0, 4.0]),
    duration=st.sampled_from([None] * 19 + [16.0, 24.0, inf]),
)
# Most players never set a clock.
logs = st.booleans().flatmap(
    lambda steady: st.lists(
        steps.filter(lambda step: step.wait >= 0) if steady else steps, max_size=40
    ).map(log_of)
)


def log_of(steps_taken: list[Step]) -> list[Event]:
    at, position = 1024.0, 0.0
    rate, duration = 1.0, 20.0
    events: list[Event] = []
    for step in steps_taken:
        at += step.wait
        position = step.to if step.goes is None else position + max(0.0, step.wait) * step.goes
        rate = step.rate or rate
        duration = step.duration or duration
        fields: dict[str, Any] = {"at": at, "rate": rate, "duration": duration}
        if step.kind not in (Emptied, MediaInfo, Tick):
            fields["position"] = position
        events.append(step.kind(**fields))
    return events


def reported(*reports: tuple[float, float, float]) -> list[Step]:
    """Steps of a player that reports: after so long, gone so many times as fast, at this rate."""
    return [Step(TimeUpdate, wait, goes, 0.0, rate, None) for wait, goes, rate in reports]


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=150)
@given(log=logs)
@example(
    log=log_of(
        # A step is judged by the rate known at the last report (2.3), and that was not 4.
        [
            Step(Play, 0.0, 0.0, 0.0, 4.0, None),
            *reported((1.0, 4.0, 4.0), (0.25, 4.0, 2.0), (0.25, 2.0, 2.0), (1.0, 3.5, 2.0)),
        ]
    )
)
def test_any_log_goes_on_identically_from_a_snapshot_at_every_point(
    log: list[Event], mode: Mode
) -> None:
    """4.14."""
    assert_continues_identically_from_every_point(log, EAGER[mode], exactly=True)


@pytest.mark.parametrize("mode", MODES)
@given(log=logs)
def test_a_tracker_that_lives_in_snapshots_only_decides_as_one_that_never_left_memory(
    log: list[Event], mode: Mode
) -> None:
    """4.14, and the way of several workers that share nothing but a cache."""
    policy = EAGER[mode]
    cached = through_json(tracker_for(policy).snapshot())
    decisions = []
    for event in log:
        tracker = restored(cached, policy)
        decisions.append(tracker.handle(event))
        cached = through_json(tracker.snapshot())
    memory = tracker_for(policy)
    assert decisions == [memory.handle(event) for event in log]
    assert_same_state(restored(cached, policy), memory, log, exactly=True)


@pytest.mark.parametrize("mode", MODES)
def test_a_snapshot_is_not_changed_by_what_happens_later(mode: Mode) -> None:
    tracker = tracker_for(DEFAULT[mode])
    tracker.feed(log_of(reported(*[(0.25, 1.0, 1.0)] * 20)))
    tracker.feed([Seeking(at=1030, position=9), Seeked(at=1031, position=9)])
    snapshot = tracker.snapshot()
    before = deepcopy(snapshot)
    tracker.feed([Seeking(at=1032, position=15), Seeked(at=1033, position=15), Tick(at=1090)])
    assert snapshot == before
    restored(snapshot, DEFAULT[mode]).feed([Pause(at=1034, position=15), Tick(at=1099)])
    assert snapshot == before


# Snapshots that were written long ago


@dataclass(frozen=True)
class Golden:
    mode: Mode
    name: str
    record: "Record | None"
    before: list[Event]
    snapshot: dict[str, object]
    after: list[Event]
    decisions: list[dict[str, object]]

    def __str__(self) -> str:
        return f"{self.mode}: {self.name}"


@dataclass(frozen=True)
class Record:
    position: float
    duration: float | None
    milestone: float
    completed: bool


def golden(mode: Mode) -> Iterator[Golden]:
    data = json.loads((HERE / "snapshots" / f"{mode}-v1.json").read_text(encoding="utf-8"))
    for case in data["cases"]:
        record = case["record"]
        yield Golden(
            mode=mode,
            name=case["name"],
            record=None if record is None else Record(**record),
            before=events_of(case["before"]),
            snapshot=case["snapshot"],
            after=events_of(case["after"]),
            decisions=case["decisions"],
        )


def events_of(wire: list[dict[str, object]]) -> list[Event]:
    events = [event_from_dict(data) for data in wire]
    return [event for event in events if event is not None]


GOLDEN = [*golden("milestone"), *golden("interval")]


def told(tracker: AnyTracker, events: list[Event]) -> list[dict[str, object]]:
    """Handle events and return the decisions as the files have them."""
    return [
        {"event": number, **asdict(decision)}
        for number, event in enumerate(events)
        if (decision := tracker.handle(event)) is not None
    ]


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_a_snapshot_of_version_1_leads_to_the_decisions_it_led_to_when_it_was_written(
    case: Golden,
) -> None:
    tracker = restored(case.snapshot, DEFAULT[case.mode])
    assert told(tracker, case.after) == case.decisions


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_the_log_of_a_written_snapshot_leads_to_the_same_decisions_in_one_go(case: Golden) -> None:
    tracker = tracker_for(DEFAULT[case.mode], case.record)
    tracker.feed(case.before)
    assert told(tracker, case.after) == case.decisions


@pytest.mark.parametrize("mode", MODES)
def test_the_written_snapshots_hold_something_in_every_field(mode: Mode) -> None:
    filled = {
        name
        for case in GOLDEN
        for name, value in case.snapshot.items()
        if case.mode == mode and value not in (None, [], "", False, 0)
    }
    never = {"reasons"} if mode == "interval" else set()  # The legacy mode holds nothing back.
    assert filled == tracker_for(DEFAULT[mode]).snapshot().keys() - never


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_fields_do_not_change_without_a_new_version(case: Golden) -> None:
    tracker = tracker_for(DEFAULT[case.mode], case.record)
    tracker.feed(case.before)
    written = tracker.snapshot()
    assert written["version"] != 1 or same(written, case.snapshot)


# Hostile snapshots

Kind = Literal["number", "number?", "flag", "phase", "played", "reasons", "pair?", "part?"]

FIELDS: dict[str, Kind] = {
    "phase": "phase",
    "now": "number?",
    "clock_lag": "number",
    "position": "number",
    "position_at": "number",
    "interval": "number",
    "duration": "number?",
    "live": "flag",
    "duration_changed_at": "number?",
    "rate": "number?",
    "step_rate": "number?",
    "seek": "part?",
    "seek.origin": "number",
    "seek.announced_at": "number",
    "seek.phase": "phase",
    "gesture": "part?",
    "gesture.origin": "number",
    "gesture.landing": "number",
    "gesture.began_at": "number",
    "gesture.landed_at": "number",
    "gesture.unannounced_origin": "number?",
    "jump": "part?",
    "jump.origin": "number",
    "jump.landing": "number",
    "jump.at": "number",
    "paused_at": "number?",
    "advance_from": "number?",
    "ending": "part?",
    "ending.sought": "flag",
    "ending.position": "number?",
    "ending.at": "number",
    "played_time": "number",
    "played": "played",
    "run_start": "number?",
    "run_end": "number",
    "completed": "flag",
    "milestone": "number",
    "reasons": "reasons",
    "saved_position": "number",
    "saved_milestone": "number",
    "saved_played_time": "number",
}
OWN_FIELDS: dict[Mode, dict[str, Kind]] = {
    "milestone": {**FIELDS, "held_until": "number?", "protection": "pair?"},
    "interval": {**FIELDS, "saved_at": "number?"},
}

WRONG_ANYWHERE: tuple[object, ...] = (
    nan,
    inf,
    -inf,
    10**400,
    -(10**400),
    "junk",
    "1",
    "NaN",
    b"1",
    Decimal(1),
    [1],
    [[]],
    [None],
    [1, 2, 3],
    [1, "2"],
    [1, None],
    [True, 1],
    [nan, 1],
    [10**400, 1],
    (1, 2),
    ["junk"],
    {},
    {"origin": 1},
    {"": {"": {}}},
)
WRONG: dict[Kind, tuple[object, ...]] = {
    "number": (*WRONG_ANYWHERE, None, True, False, "", [], [1, 2], "idle"),
    "number?": (*WRONG_ANYWHERE, True, False, "", [], [1, 2], "idle"),
    "flag": (*WRONG_ANYWHERE, None, 0, 1, 1.0, "", "true", [], "idle"),
    "phase": (*WRONG_ANYWHERE, None, True, 0, "", "IDLE", "seeking", []),
    "played": (*WRONG_ANYWHERE, None, True, 0, 7, "0", "5-3", "-1-5", "0-99999999", "0-1\n", []),
    "reasons": (*WRONG_ANYWHERE, None, True, 0, "", "seek", {"seek": 1}, ["seek", 1], [["seek"]]),
    "pair?": (*WRONG_ANYWHERE, True, 0, "", "12", []),
    "part?": (*WRONG_ANYWHERE, True, 0, "", []),
}


def example_of(mode: Mode, path: str) -> dict[str, Any]:
    """Return a snapshot of which a path exists."""
    part = path.partition(".")[0]
    return deepcopy(
        next(
            case.snapshot
            for case in GOLDEN
            if case.mode == mode and ("." not in path or case.snapshot[part] is not None)
        )
    )


def parent_of(snapshot: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    part, _, name = path.rpartition(".")
    return (snapshot[part] if part else snapshot), name


def refusal(mode: Mode, snapshot: Any) -> InvalidValueError:
    with pytest.raises(InvalidValueError) as caught:
        restored(snapshot, DEFAULT[mode])
    assert "\n" not in str(caught.value)
    return caught.value


EVERY_FIELD = [(mode, path) for mode in MODES for path in OWN_FIELDS[mode]]


@pytest.mark.parametrize("mode", MODES)
def test_the_table_above_names_every_field_of_a_snapshot(mode: Mode) -> None:
    for case in GOLDEN:
        if case.mode == mode:
            names = set(case.snapshot) - {"version", "mode"}
            for part, value in case.snapshot.items():
                if isinstance(value, dict):
                    names |= {f"{part}.{name}" for name in value}
            assert names <= OWN_FIELDS[mode].keys()
            assert {path for path in OWN_FIELDS[mode] if "." not in path} <= names


@pytest.mark.parametrize(("mode", "path"), EVERY_FIELD)
def test_a_snapshot_with_a_wrong_value_is_refused_and_the_field_named(
    mode: Mode, path: str
) -> None:
    for wrong in WRONG[OWN_FIELDS[mode][path]]:
        snapshot = example_of(mode, path)
        parent, name = parent_of(snapshot, path)
        parent[name] = wrong
        refused = refusal(mode, snapshot).field
        # Of an object with wrong fields, the field within.
        assert refused == f"snapshot.{path}" or (
            isinstance(wrong, dict) and refused.startswith(f"snapshot.{path}.")
        )


@pytest.mark.parametrize(("mode", "path"), EVERY_FIELD)
def test_a_snapshot_that_lacks_a_field_is_refused(mode: Mode, path: str) -> None:
    snapshot = example_of(mode, path)
    parent, name = parent_of(snapshot, path)
    del parent[name]
    error = refusal(mode, snapshot)
    assert error.field == f"snapshot.{path}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", ["phase", "seek.phase", "gesture.origin", "jump.at", "ending.at"])
@pytest.mark.parametrize("extra", ["more", "", "__class__", 1, None])
def test_a_snapshot_with_one_field_more_is_refused(mode: Mode, path: str, extra: object) -> None:
    snapshot = example_of(mode, path)
    parent: dict[Any, object] = parent_of(snapshot, path)[0]
    parent[extra] = 1
    parent_name = f"snapshot.{path}".rpartition(".")[0]
    assert refusal(mode, snapshot).field == f"{parent_name}.{extra}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", [0, 2, -1, 1.0, "1", True, None, nan, [1], 10**400])
def test_a_snapshot_of_a_version_that_nobody_knows_is_refused(mode: Mode, version: object) -> None:
    snapshot = {**example_of(mode, "phase"), "version": version}
    assert refusal(mode, snapshot).field == "snapshot.version"
    del snapshot["version"]
    assert refusal(mode, snapshot).field == "snapshot.version"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("other", ["", "Milestone", "INTERVAL", None, 1, [], {}, True])
def test_a_snapshot_of_another_mode_is_refused(mode: Mode, other: object) -> None:
    snapshot = {**example_of(mode, "phase"), "mode": other}
    assert refusal(mode, snapshot).field == "snapshot.mode"
    del snapshot["mode"]
    assert refusal(mode, snapshot).field == "snapshot.mode"


def test_a_snapshot_of_one_mode_does_not_restore_the_other() -> None:
    assert refusal("milestone", IntervalTracker().snapshot()).field == "snapshot.mode"
    assert refusal("interval", Tracker().snapshot()).field == "snapshot.mode"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "junk", [None, 1, nan, True, "", "{}", b"{}", [], [("version", 1)], (), Tracker()]
)
def test_what_is_no_mapping_is_no_snapshot(mode: Mode, junk: object) -> None:
    assert refusal(mode, junk).field == "snapshot"


@pytest.mark.parametrize("mode", MODES)
@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    )
)
def test_arbitrary_json_is_no_snapshot(data: object, mode: Mode) -> None:
    refusal(mode, data)
    refusal(mode, {"version": 1, "mode": mode, "phase": data})
    refusal(mode, {**example_of(mode, "phase"), "seek": {"origin": data}})


# What is well formed but impossible: whoever edits a snapshot by hand must learn of it at once, not
# from an unrelated error in the middle of somebody's film.

AFTERWARDS: list[Event] = [
    Tick(at=1_795_000_100),
    TimeUpdate(at=1_795_000_100.25, position=5, duration=200, rate=1),
    TimeUpdate(at=1_795_000_102, position=7, duration=200, rate=1),
    Seeking(at=1_795_000_103, position=0),
    TimeUpdate(at=1_795_000_103, position=0),
    Unload(at=1_795_000_104, position=0),
    Seeked(at=1_795_000_104, position=90),
    Pause(at=1_795_000_105, position=91),
    Play(at=1_795_000_140, position=91),
    TimeUpdate(at=1_795_000_141, position=92),
    Ended(at=1_795_000_150),
    Complete(at=1_795_000_150),
    Unload(at=1_795_000_150),
    Emptied(at=1_795_000_151),
]


def assert_refused_or_harmless(mode: Mode, snapshot: dict[str, Any]) -> None:
    try:
        tracker = restored(snapshot, DEFAULT[mode])
    except InvalidValueError as error:
        refused = error.field
    else:
        for begin in range(len(AFTERWARDS)):
            tracker = restored(snapshot, DEFAULT[mode])
            for event in AFTERWARDS[begin:]:
                tracker.handle(event)
                outside(tracker)
                restored(through_json(tracker.snapshot()), DEFAULT[mode])
        return
    assert refused.startswith("snapshot")


IMPOSSIBLE: list[tuple[str, object]] = [
    ("duration", 0),
    ("duration", -1),
    ("duration", 5e-324),
    ("position", -1.5),
    ("run_start", -1.5),
    ("run_end", -1.5),
    ("run_end", 1e5),
    ("saved_position", -1.5),
    ("milestone", -1),
    ("milestone", 101),
    ("saved_milestone", 101),
    ("rate", 0),
    ("rate", -1),
    ("rate", 1e300),
    ("step_rate", -1),
    ("interval", -1),
    ("played_time", -1),
    ("played_time", 1e300),
    ("position", 1e300),
    ("clock_lag", 1e308),
    ("now", 1e308),
    ("now", None),
    ("phase", "idle"),
    ("phase", "ended"),
    ("phase", "playing"),
    ("phase", "paused"),
    ("live", True),
    ("seek", None),
    ("gesture", None),
    ("ending", None),
    ("run_start", None),
    ("seek.origin", -1.5),
    ("gesture.origin", -1.5),
    ("gesture.landing", -1.5),
    ("jump.origin", -1.5),
    ("advance_from", -1.5),
    ("ending.position", -1.5),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("path", "value"), IMPOSSIBLE)
def test_an_impossible_snapshot_is_refused_or_does_no_harm(
    mode: Mode, path: str, value: object
) -> None:
    part = path.partition(".")[0]
    for case in GOLDEN:
        if case.mode == mode and ("." not in path or case.snapshot[part] is not None):
            snapshot: dict[str, Any] = deepcopy(case.snapshot)
            parent, name = parent_of(snapshot, path)
            parent[name] = value
            assert_refused_or_harmless(mode, snapshot)
