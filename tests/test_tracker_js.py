"""The tracker of the example's player, in JavaScript, decides as the library's does.

A Node process is asked in JSON, one line for a whole log, and its answers are compared with what
the library says: every decision, deadline, snapshot and text, to the last bit. One freedom is left:
the library's fast way sums up several reports at once, which rounds differently from adding them
one by one, so that snapshots are compared with a tracker that does not take it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import inf, isfinite, isinf, isnan
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import asdict
from hypothesis import assume, given
from hypothesis import strategies as st

from arbitrary_logs import near_states, save_policies
from arbitrary_logs import logs as arbitrary_logs
from milestone_progress import (
    Event,
    InvalidValueError,
    SaveDecision,
    SavePolicy,
    SavedState,
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
from milestone_progress.testing.strategies import Saved, hostile_json, saved_states, wire_events
from viewing_logs import Log, logs, random_log

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases" / "decisions.json").read_text(encoding="utf-8"))["cases"]
TRACES = sorted((HERE / "traces").glob("*.jsonl"))

Json = dict[str, Any]  # Any: what a JSON object holds.
WIRE_NAMES = {kind: name for name, kind in reversed(WIRE_TYPES.items())}


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


class Compared:
    """How many logs and events were compared in this process."""

    logs = events = decisions = 0


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
        Compared.decisions += decision is not None
    assert answer["snapshot"] == careful.snapshot()
    assert answer["played"] == played_to_text(plain.played)
    Compared.logs += 1
    Compared.events += len(events)


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
    assert_same_decisions(node, policy, record, events)


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
    assert_same_in_all(node, SavePolicy(**case["policy"]), record, events)


@pytest.mark.parametrize("dropped", ["nothing", "seeking"])
@pytest.mark.parametrize("trace", [pytest.param(path, id=path.stem) for path in TRACES])
def test_a_recording_leads_to_the_same_in_all(node: Node, trace: Path, dropped: str) -> None:
    lines = map(json.loads, trace.read_text(encoding="utf-8").splitlines())
    told = [data for data in lines if data["type"] != dropped]
    events = [event for data in told if (event := event_from_dict(data)) is not None]
    assert_same_in_all(node, SavePolicy(), None, events)
    assert_same_in_all(node, SavePolicy(), None, events, relive=True)
    # Read from the recording itself, with its texts and the members that nobody asks for.
    read = [data for data in told if event_from_dict(data) is not None]
    assert (
        node.ask("follow", events=read)["steps"]
        == follow(node, SavePolicy(), None, events)["steps"]
    )


@given(logs())
def test_a_drawn_viewing_leads_to_the_same_in_all(node: Node, log: Log) -> None:
    assert_same_in_all(node, log.policy, log.record, log.events)


@given(
    save_policies(), st.none() | near_states() | saved_states(consistent=False), arbitrary_logs()
)
def test_an_arbitrary_log_leads_to_the_same_in_all(
    node: Node, policy: SavePolicy, record: Saved | None, events: list[Event]
) -> None:
    assert_same_in_all(node, policy, record, events)


@given(logs())
def test_a_tracker_restored_at_every_event_decides_the_same(node: Node, log: Log) -> None:
    assert_same_in_all(node, log.policy, log.record, log.events, relive=True)


@pytest.mark.parametrize("run", range(4))
def test_seeded_viewings_lead_to_the_same_decisions(node: Node, run: int) -> None:
    for seed in range(run * 500, (run + 1) * 500):
        log = random_log(Random(seed).choice)
        assert_same_decisions(node, log.policy, log.record, log.events)


@pytest.mark.slow
@pytest.mark.parametrize("run", range(20))
def test_many_seeded_viewings_lead_to_the_same_decisions(node: Node, run: int) -> None:
    for seed in range(2_000_000 + run * 5_000, 2_000_000 + (run + 1) * 5_000):
        log = random_log(Random(seed).choice)
        assert_same_decisions(node, log.policy, log.record, log.events)
