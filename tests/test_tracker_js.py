"""The tracker of the example's player, in JavaScript, decides as the library's does.

A Node process is asked in JSON, one line for a whole log, and its answers are compared with what
the library says: every decision, deadline, snapshot and text, to the last bit.

The library's fast way adds up several reports at once, which may round in another way than one by
one. So all that is known is compared with a tracker that does not take it, decisions with one that
does as well; but where clocks leap by thousands of years, and a float of their time no longer tells
tenths of a millisecond, only with the former.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from math import inf, isfinite, isnan, nan
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import asdict, evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from arbitrary_logs import logs as arbitrary_logs
from arbitrary_logs import near_states, save_policies
from milestone_progress import (
    Event,
    InvalidValueError,
    ProgressRecord,
    SaveDecision,
    SavedState,
    SavePolicy,
    Tracker,
    Trigger,
    display_percent,
    estimated_position,
    event_from_dict,
    format_time,
    markers,
    played_from_text,
    played_to_text,
)
from milestone_progress._events import WIRE_TYPES
from milestone_progress.testing.strategies import (
    Saved,
    hostile_json,
    records,
    saved_states,
    wire_events,
)
from viewing_logs import Log, logs, random_log

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases" / "decisions.json").read_text(encoding="utf-8"))["cases"]
NAMES = ["NaN", "Infinity", "-Infinity"]
TRACES = sorted((HERE / "traces").glob("*.jsonl"))

Json = dict[str, Any]  # Any: what a JSON object holds.
WIRE_NAMES = {kind: name for name, kind in WIRE_TYPES.items()}


class Node:
    """A process that does with the JavaScript tracker what it is asked to."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen(
            [program, str(HERE / "tracker_js_driver.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, ask: str, **request: object) -> Any:
        """Return the answer, or raise what a refusal is in Python."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps({"ask": ask, **request}, allow_nan=False)
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        if "refused" in said:
            raise InvalidValueError(said["refused"], None, "what it takes")
        assert "failed" not in said, said["failed"]
        return said["answer"]

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    program = shutil.which("node")
    if program is None:
        reason = "no node: install Node.js 20 or newer"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    process = Node(program)
    yield process
    process.close()


class WithoutFastWay(Tracker):
    """The library's tracker, handling every event by all the rules."""

    __slots__ = ()

    def _open_fast_way(self, event: Event, now: float) -> None:
        pass


# What is asked, in JSON


def named(value: float | None) -> float | str | None:
    """Return a number as JSON can say it."""
    if value is None or isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def wire(event: Event) -> Json:
    """Return an event in its wire form."""
    fields = asdict(event)
    told = {name: named(value) for name, value in fields.items()}
    return {"type": WIRE_NAMES[type(event)], **told}


def record_of(record: SavedState | None) -> Json | None:
    if record is None:
        return None
    return {
        "position": record.position,
        "duration": named(record.duration),
        "milestone": record.milestone,
        "completed": record.completed,
        "played": played_to_text(getattr(record, "played", 0)),
    }


def told(decision: SaveDecision | None) -> Json | None:
    return None if decision is None else {**asdict(decision), "trigger": str(decision.trigger)}


def follow(
    node: Node,
    policy: SavePolicy,
    record: SavedState | None,
    events: Sequence[Event],
    **options: bool,
) -> Json:
    asked = {
        "policy": asdict(policy),
        "record": record_of(record),
        "events": [wire(event) for event in events],
    }
    answer: Json = node.ask("follow", **asked, **options)
    return answer


# Comparing


def assert_same_decisions(
    node: Node, policy: SavePolicy, record: SavedState | None, events: Sequence[Event]
) -> None:
    """Compare the decisions and deadlines at every event, and where the log ends."""
    plain = Tracker(policy, record)
    careful = WithoutFastWay(policy, record)
    answer = follow(node, policy, record, events)
    for number, (event, step) in enumerate(zip(events, answer["steps"], strict=True)):
        decision = told(plain.handle(event))
        assert step["decision"] == decision, (number, event)
        careful.handle(event)
        assert step["deadline"] == careful.deadline, (number, event)
    assert answer["snapshot"] == careful.snapshot()
    assert answer["played"] == played_to_text(plain.played)


def assert_same_in_all(
    node: Node,
    policy: SavePolicy,
    record: SavedState | None,
    events: Sequence[Event],
    *,
    relive: bool = False,
) -> None:
    """Compare all that can be known after each event."""
    tracker = WithoutFastWay(policy, record)
    answer = follow(node, policy, record, events, closely=True, relive=relive)
    for number, (event, step) in enumerate(zip(events, answer["steps"], strict=True)):
        decision = tracker.handle(event)
        expected = {
            "decision": told(decision),
            "deadline": tracker.deadline,
            "shown": {
                "phase": str(tracker.phase),
                "position": tracker.position,
                "duration": tracker.duration,
                "milestone": tracker.milestone,
                "completed": tracker.completed,
                "coverage": tracker.coverage,
            },
            "played": played_to_text(tracker.played),
            "report": None if decision is None else decision.to_report(),
            "snapshot": tracker.snapshot(),
        }
        assert step == expected, (number, event)


def assert_same_decisions_on_seeds(node: Node, seeds: range) -> None:
    for seed in seeds:
        choose = Random(seed)
        log = random_log(choose.choice)
        # Half of them at times and positions whose sums are rounded.
        scale = 1.0 if seed % 2 else choose.uniform(0.7, 1.4)
        events = log.events if seed % 2 else [stretched(event, scale) for event in log.events]
        assert_same_decisions(node, log.policy, log.record, events)


def stretched(event: Event, scale: float) -> Event:
    """Return an event at another time and place."""
    told = asdict(event)
    scaled = {
        name: value * scale
        for name in ("position", "duration")
        if (value := told.get(name)) is not None
    }
    return evolve(event, at=1.79e9 + event.at * scale, **scaled)


# The same decisions


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_worked_case_leads_to_its_decisions(node: Node, case: Json) -> None:
    asked = {name: case[name] for name in ("policy", "record", "events")}
    steps = node.ask("follow", **asked)["steps"]
    decisions = [
        {
            "event": number,
            "trigger": decision["trigger"],
            "position": round(decision["position"], 6),
            "milestone": decision["milestone"],
            "completed": decision["completed"],
        }
        for number, step in enumerate(steps)
        if (decision := step["decision"]) is not None
    ]
    assert decisions == case["decisions"]
    events = [event for data in case["events"] if (event := event_from_dict(data)) is not None]
    record = Saved(**case["record"]) if case["record"] else None
    policy = SavePolicy(**case["policy"])
    assert_same_in_all(node, policy, record, events)
    assert_same_decisions(node, policy, record, events)


@pytest.mark.parametrize("dropped", ["nothing", "seeking"])
@pytest.mark.parametrize("trace", [pytest.param(path, id=path.stem) for path in TRACES])
def test_a_recording_leads_to_the_same_in_all(node: Node, trace: Path, dropped: str) -> None:
    lines = map(json.loads, trace.read_text(encoding="utf-8").splitlines())
    told = [data for data in lines if data["type"] != dropped]
    events = [event for data in told if (event := event_from_dict(data)) is not None]
    assert_same_in_all(node, SavePolicy(), None, events)
    assert_same_in_all(node, SavePolicy(), None, events, relive=True)
    assert_same_decisions(node, SavePolicy(), None, events)
    # Read from the recording itself, with its texts and the members that nobody asks for.
    read = [data for data in told if event_from_dict(data) is not None]
    assert (
        node.ask("follow", events=read)["steps"]
        == follow(node, SavePolicy(), None, events)["steps"]
    )


@given(logs())
def test_a_drawn_viewing_leads_to_the_same_in_all(node: Node, log: Log) -> None:
    assert_same_in_all(node, log.policy, log.record, log.events)
    assert_same_decisions(node, log.policy, log.record, log.events)


@given(
    save_policies(), st.none() | near_states() | saved_states(consistent=False), arbitrary_logs()
)
def test_an_arbitrary_log_leads_to_the_same_in_all(
    node: Node, policy: SavePolicy, record: Saved | None, events: list[Event]
) -> None:
    assert_same_in_all(node, policy, record, events)


@given(
    save_policies(exact=True),
    st.none() | near_states() | saved_states(consistent=False, exact=True),
    arbitrary_logs(exact=True),
)
def test_an_arbitrary_exact_log_leads_to_the_same_decisions(
    node: Node, policy: SavePolicy, record: Saved | None, events: list[Event]
) -> None:
    assert_same_decisions(node, policy, record, events)


@given(logs())
def test_a_tracker_restored_at_every_event_decides_the_same(node: Node, log: Log) -> None:
    assert_same_in_all(node, log.policy, log.record, log.events, relive=True)


@pytest.mark.parametrize("run", range(4))
def test_seeded_viewings_lead_to_the_same_decisions(node: Node, run: int) -> None:
    assert_same_decisions_on_seeds(node, range(run * 500, (run + 1) * 500))


@pytest.mark.slow
@pytest.mark.parametrize("run", range(20))
def test_many_seeded_viewings_lead_to_the_same_decisions(node: Node, run: int) -> None:
    start = 2_000_000 + run * 5_000
    assert_same_decisions_on_seeds(node, range(start, start + 5_000))


def test_far_positions_and_little_clocks_lead_to_the_same_in_all(node: Node) -> None:
    # Where whole seconds are no longer recorded, and where the rounding tolerance decides.
    told: list[Json] = [{"type": "play", "at": 0, "position": 0}]
    for number in range(1, 40):
        position = 9_999_990.5 + number
        told.append({"type": "timeupdate", "at": number * 0.9999995, "position": position})
    told += [
        {"type": "pause", "at": 50, "position": 10_000_020},
        {"type": "tick", "at": 79.9999995},
    ]
    events = [event for data in told if (event := event_from_dict(data)) is not None]
    assert_same_in_all(node, SavePolicy(), None, events)


@pytest.mark.parametrize("landing", [0, 0.75, 1, 1.25])
@pytest.mark.parametrize("end", [98.75, 99, 99.25])
def test_a_loop_is_seen_between_the_same_places(node: Node, end: float, landing: float) -> None:
    told: list[Json] = [
        {"type": "play", "at": 0, "position": 90, "duration": 100},
        {"type": "timeupdate", "at": end - 90, "position": end},
        {"type": "timeupdate", "at": end - 90, "position": landing},
        {"type": "tick", "at": 20},
    ]
    events = [event for data in told if (event := event_from_dict(data)) is not None]
    assert_same_in_all(node, SavePolicy(), None, events)


def test_a_held_seek_does_not_go_out_with_the_same_seeks(node: Node) -> None:
    # The third one is no significant one, and a fourth begins when the second is held no more.
    told: list[Json] = [{"type": "play", "at": 0, "position": 0, "duration": 1000}]
    for at, position in ((1, 300), (10, 600), (31, 603), (34, 700)):
        told.append({"type": "seeking", "at": at, "position": position})
        told.append({"type": "seeked", "at": at, "position": position})
        if at < 30:
            told.append({"type": "tick", "at": at + 2})
    events = [event for data in told if (event := event_from_dict(data)) is not None]
    assert_same_in_all(node, SavePolicy(milestones=(100,)), None, events)


@given(st.integers(0, 10_000_100), st.integers(0, 30), records())
def test_played_seconds_go_on_from_those_of_a_record(
    node: Node, start: int, length: int, record: ProgressRecord
) -> None:
    told: list[Json] = [{"type": "play", "at": 0, "position": start}]
    for second in range(1, length):
        told.append({"type": "timeupdate", "at": second, "position": start + second})
    events = [event for data in told if (event := event_from_dict(data)) is not None]
    assert_same_decisions(node, SavePolicy(), record, events)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7-7",
        "900-1799,0-359",
        "5-9,10-12,3-6",
        "0-0,2-2,1-1",
        "9999999-9999999",
        "10000000-10000000",
        "123456789-123456789",
        "5-3",
        "1",
        "1-2,",
        "-1-2",
        "1-2 ",
        "1-2\n",
        "١-٢",
    ],
)
def test_a_text_of_played_seconds_is_read_the_same(node: Node, text: str) -> None:
    def there() -> object:
        return node.ask("make", policy={}, record={"position": 0, "played": text})["played"]

    assert outcome(there) == outcome(lambda: played_to_text(played_from_text(text)))


# Snapshots


@given(logs(), st.integers(min_value=0))
def test_each_goes_on_from_the_other_ones_snapshot(node: Node, log: Log, cut: int) -> None:
    cut %= len(log.events) + 1
    policy = asdict(log.policy)
    there = Tracker(log.policy, log.record)
    there.feed(log.events[:cut])
    snapshot = json.loads(json.dumps(there.snapshot()))
    rest = [wire(event) for event in log.events[cut:]]
    here = Tracker.restore(
        follow(node, log.policy, log.record, log.events[:cut])["snapshot"], log.policy
    )
    on_from_there = node.ask("follow", policy=policy, snapshot=snapshot, events=rest)["steps"]
    decisions = [told(there.handle(event)) for event in log.events[cut:]]
    assert [step["decision"] for step in on_from_there] == decisions
    assert [told(here.handle(event)) for event in log.events[cut:]] == decisions


def test_the_snapshots_of_the_first_version_lead_to_their_decisions(node: Node) -> None:
    file = HERE / "snapshots" / "milestone-v1.json"
    for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
        assert node.ask("restore", snapshot=case["snapshot"]) == case["snapshot"]
        steps = node.ask("follow", snapshot=case["snapshot"], events=case["after"])["steps"]
        decisions = [
            {"event": number, **step["decision"]}
            for number, step in enumerate(steps)
            if step["decision"] is not None
        ]
        assert decisions == case["decisions"], case["name"]


@pytest.mark.parametrize(
    "wrong",
    [{"version": 2}, {"mode": "interval"}, {"mode": None}, {"added": 1}, {"played": "5-3"}],
)
def test_what_is_no_snapshot_of_it_is_refused(node: Node, wrong: Json) -> None:
    with pytest.raises(InvalidValueError):
        node.ask("restore", snapshot={**Tracker().snapshot(), **wrong})


def test_a_snapshot_that_was_never_kept_is_refused(node: Node) -> None:
    with pytest.raises(InvalidValueError):
        node.ask("restore", snapshot=None)


def test_a_snapshot_without_a_member_is_refused(node: Node) -> None:
    snapshot = Tracker().snapshot()
    for name in snapshot:
        with pytest.raises(InvalidValueError):
            node.ask("restore", snapshot={key: snapshot[key] for key in snapshot if key != name})


# What is accepted


def outcome(do: Callable[[], object]) -> object:
    """Return what comes of it: a value, or the field that was refused."""
    try:
        return do()
    except InvalidValueError as error:
        return f"refused: {error.field}"


def read(data: Any) -> Json | None:
    """Return what the library reads of a wire form, in the JavaScript module's words."""
    event = event_from_dict(data)
    if event is None:
        return None
    fields = {"position": None, **asdict(event)}
    return {"kind": type(event).__name__.lower(), **fields, "duration": named(event.duration)}


@given(wire_events())
def test_an_event_on_the_wire_is_read_the_same(node: Node, data: Json) -> None:
    assert node.ask("accept", data=data) == read(data)


@given(hostile_json())
def test_what_is_no_event_is_refused_for_the_same_field(node: Node, data: Any) -> None:
    assume(can_be_said(data))
    assert outcome(partial(node.ask, "accept", data=data)) == outcome(partial(read, data))


def can_be_said(data: Any) -> bool:
    """Tell whether JSON can carry data, and JavaScript's numbers can hold it."""
    try:
        json.dumps(data, allow_nan=False)
    except ValueError:
        return False
    if isinstance(data, dict):
        return all(map(can_be_said, data.values()))
    # Python reads a whole number of any size, JavaScript one of 310 digits as infinity.
    return not isinstance(data, int) or abs(data) < 10**300


@pytest.mark.parametrize("name", [*WIRE_TYPES, "visibilitychange", "progress", "constructor", ""])
def test_every_name_and_value_is_read_the_same(node: Node, name: str) -> None:
    fields = ["at", "wall", "position", "duration", "rate", "visibility"]
    values: list[object] = [None, 0, -0.0, 1, 1.5, -1, 1e12, 1.1e12, "1", *NAMES, True, [], {}]
    whole: Json = {"type": name, "at": 5, "position": 7, "visibility": "hidden"}
    for field, value in product(fields, values):
        for data in ({**whole, field: value}, {"type": name, "wall": 5, field: value}):
            here, there = partial(read, data), partial(node.ask, "accept", data=data)
            assert outcome(there) == outcome(here), data


@pytest.mark.parametrize(
    "settings",
    [
        {"milestones": []},
        {"milestones": [50]},
        {"milestones": [50, 50, 100]},
        {"milestones": [50, 100, 101]},
        {"milestones": [0, 100]},
        {"milestones": ["50", 100]},
        {"milestones": 100},
        {"milestones": "100"},
        {"milestones": None},
        {"pause_threshold": -1},
        {"pause_threshold": None},
        {"seek_threshold": "10"},
        {"seek_settle": -0.5},
        {"min_save_interval": True},
        {"max_unsaved": 0},
        {"max_unsaved": 1.1e12},
        {"basis": "seconds"},
        {"basis": None},
        {"completion_percent": 0},
        {"completion_percent": 101},
        {"completion_percent": "90"},
        {"completion_seconds_left": 0},
        {"completion_seconds_left": -1},
        {"completion_least_percent": None},
        {"completion_least_percent": 0},
    ],
)
def test_a_wrong_setting_is_refused_for_the_same_field(node: Node, settings: Json) -> None:
    with pytest.raises(InvalidValueError) as here:
        SavePolicy(**settings)
    with pytest.raises(InvalidValueError) as there:
        node.ask("make", policy=settings, record=None)
    assert there.value.field == here.value.field


def test_an_unknown_setting_is_refused(node: Node) -> None:
    with pytest.raises(InvalidValueError, match=r"policy\.pauseThreshold"):
        node.ask("make", policy={"pauseThreshold": 5}, record=None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position", -1),
        ("position", None),
        ("duration", "100"),
        ("duration", 1.1e12),
        ("milestone", 100.5),
        ("milestone", -1),
        ("completed", 1),
    ],
)
def test_a_wrong_record_is_refused_for_the_same_field(
    node: Node, field: str, value: object
) -> None:
    record: Json = {"position": 5, "duration": 100, "milestone": 10, "completed": False}
    wrong = {**record, field: value}
    with pytest.raises(InvalidValueError) as here:
        Tracker(record=Saved(**wrong))
    with pytest.raises(InvalidValueError) as there:
        node.ask("make", policy={}, record=wrong)
    assert there.value.field == here.value.field == f"record.{field}"


def test_a_record_need_say_no_more_than_a_position(node: Node) -> None:
    expected = Tracker(record=Saved(position=5, duration=None, milestone=0, completed=False))
    assert node.ask("make", policy={}, record={"position": 5}) == expected.snapshot()


# Reports


@pytest.mark.parametrize("completed", [False, True])
@pytest.mark.parametrize("trigger", [one for one in Trigger if one is not Trigger.INTERVAL])
def test_a_decision_is_reported_the_same(node: Node, trigger: Trigger, completed: bool) -> None:
    decision = SaveDecision(
        at=1_700_000_000.25,
        trigger=trigger,
        position=12.5,
        duration=None,
        percent=None,
        milestone=None,
        last_milestone=10,
        completed=completed,
    )
    for sent_at, generation in product((None, 0, 1_700_000_060.5), (None, 0, 3)):
        options = {"sentAt": sent_at, "generation": generation}
        said = {name: value for name, value in options.items() if value is not None}
        expected = decision.to_report(sent_at=sent_at, generation=generation)
        assert node.ask("report", decision=told(decision), options=said) == expected


# Display


def shown(node: Node, name: str, calls: Sequence[Sequence[object]]) -> list[Any]:
    answer: list[Any] = node.ask("display", name=name, calls=calls)
    return answer


POSITIONS = [0, 0.5, 6, 9.999999999999, 10, 59.99999999999999, 60, 99.5, 100, 3600, 12587.429, 1e12]
DURATIONS = [None, nan, 0, -1, inf, 5e-324, 1 / 3, 60, 100, 1024, 102400, 12587.429, 1e12]
REACHED = [0, 9.5, 10, 33, 95, 99.5, 100]
milestone_lists = st.just(SavePolicy().milestones) | st.sets(
    st.integers(1, 99) | st.floats(0.5, 99.5)
).map(lambda some: (*sorted(some), 100))


def test_the_same_percent_is_shown_on_a_grid(node: Node) -> None:
    grid = list(product(POSITIONS, DURATIONS, REACHED))
    calls = [[at, named(duration), {"milestone": reached}] for at, duration, reached in grid]
    assert shown(node, "displayPercent", calls) == [
        display_percent(at, duration, milestone=reached) for at, duration, reached in grid
    ]


@given(st.integers(0, 200_000), st.integers(1, 200_000))
def test_the_same_percent_is_shown_where_rounding_meets_the_middle(
    node: Node, parts: int, whole: int
) -> None:
    # 1/1024 percent has exactly ten digits, the last of which is 5.
    pairs = [(parts / 1024, 100.0), (parts / 1024, whole / 1024), (parts, whole)]
    said = [[at, duration, {"milestone": 95}] for at, duration in pairs]
    assert shown(node, "displayPercent", said) == [
        display_percent(at, duration, milestone=95) for at, duration in pairs
    ]


reached = st.fixed_dictionaries({"milestone": st.floats(0, 100), "milestones": milestone_lists})
moved = st.fixed_dictionaries({"elapsed": st.floats(0, 1e6), "rate": st.floats(0, 100)})


@given(st.floats(0, 20_000), st.none() | st.floats(0, 20_000), reached, moved)
def test_the_same_is_shown_of_anything(
    node: Node, position: float, duration: float | None, reached: Json, moved: Json
) -> None:
    since = reached | moved
    assert shown(node, "displayPercent", [[position, duration, reached]]) == [
        display_percent(position, duration, **reached)
    ]
    assert shown(node, "estimatedPosition", [[position, duration, since]]) == [
        estimated_position(position, duration, **since)
    ]
    assert shown(node, "markers", [[duration, reached]]) == [
        [asdict(one) for one in markers(duration, **reached)]
    ]
    assert shown(node, "formatTime", [[position]]) == [format_time(position)]


def test_the_same_position_is_estimated_on_a_grid(node: Node) -> None:
    grid = list(product(POSITIONS, DURATIONS, REACHED, (0, 0.3, 1e6), (0, 1, 1.7)))
    calls = [
        [at, named(duration), {"milestone": reached, "elapsed": elapsed, "rate": rate}]
        for at, duration, reached, elapsed, rate in grid
    ]
    assert shown(node, "estimatedPosition", calls) == [
        estimated_position(at, duration, milestone=reached, elapsed=elapsed, rate=rate)
        for at, duration, reached, elapsed, rate in grid
    ]


def test_a_rate_that_is_left_out_is_normal_speed(node: Node) -> None:
    assert shown(node, "estimatedPosition", [[5, 100, {"elapsed": 2}]]) == [7]


@pytest.mark.parametrize("duration", DURATIONS)
def test_the_same_markers_are_on_the_bar(node: Node, duration: float | None) -> None:
    # Among them are some with more than six digits, and some in the middle between two.
    milestones = (0.0001, 0.5, 10.03125, 12.40625, 33.333333333, 50, 62.5, 99.99999, 100)
    labels = {50.0: "half way", 100.0: "the end"}
    said = {"labels": {"50": "half way", "100": "the end"}}
    assert shown(
        node,
        "markers",
        [
            [named(duration)],
            [named(duration), {"milestone": 50}],
            [named(duration), {"milestones": milestones, "milestone": 33.5, **said}],
        ],
    ) == [
        [asdict(one) for one in told]
        for told in (
            markers(duration),
            markers(duration, milestone=50),
            markers(duration, milestones=milestones, milestone=33.5, labels=labels),
        )
    ]


def test_times_are_written_the_same(node: Node) -> None:
    seconds = [
        *range(130),
        0.999,
        59.9999999,
        599,
        600,
        3599.5,
        3600,
        3661,
        35999,
        36000,
        1e6,
        1e12,
    ]
    assert shown(node, "formatTime", [[one] for one in seconds]) == list(map(format_time, seconds))


def test_short_media_keep_the_same_milestones(node: Node) -> None:
    policies = [
        SavePolicy(),
        SavePolicy(milestones=(0.5, 20, 40, 60, 80, 99.5, 100), seek_settle=1),
    ]
    durations = [0.5, 29.999, 60, 60.000001, 75, 100, 120, 300, 600, 1 / 3, 3600, 1e12]
    grid = list(product(policies, durations, (30, 0, 1e-7, 15, 7.5)))
    said = shown(node, "thinned", [[asdict(one), *rest] for one, *rest in grid])
    assert [SavePolicy(**one) for one in said] == [
        one.thinned(duration, spacing) for one, duration, spacing in grid
    ]
    assert shown(node, "thinned", [[{}, 60]])[0]["milestones"] == [50, 100]


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("displayPercent", [-1, 100], "position"),
        ("displayPercent", ["5", 100], "position"),
        ("displayPercent", [5, "100"], "duration"),
        ("estimatedPosition", [5, 100, {}], "elapsed"),
        ("estimatedPosition", [5, 100, {"elapsed": -1}], "elapsed"),
        ("estimatedPosition", [5, 100, {"elapsed": 1, "rate": -1}], "rate"),
        ("markers", [True], "duration"),
        ("formatTime", [-1], "seconds"),
        ("formatTime", ["Infinity"], "seconds"),
        ("thinned", [{}, 0], "duration"),
        ("thinned", [{}, "Infinity"], "duration"),
        ("thinned", [{}, 60, -1], "spacing"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    node: Node, name: str, values: list[object], field: str
) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        shown(node, name, [values])
    assert refusal.value.field == field
