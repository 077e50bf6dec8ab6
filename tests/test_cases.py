"""The worked cases: sequences of events in wire form, and the decisions they lead to.

They are for ports to other languages, too, and what their README promises of them is checked here.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pytest
from attrs import fields_dict
from jsonschema import Draft202012Validator

from milestone_progress import SavePolicy, Tracker, Trigger, event_from_dict
from milestone_progress._events import WIRE_TYPES
from viewing_logs import Saved


class Record(TypedDict):
    position: float
    duration: float | None
    milestone: float
    completed: bool


class Settings(TypedDict):
    milestones: NotRequired[tuple[float, ...]]
    seek_settle: NotRequired[float]


class Expected(TypedDict):
    event: int
    trigger: str
    position: float
    milestone: float | None
    completed: bool


class Case(TypedDict):
    name: str
    policy: Settings
    record: Record | None
    events: list[dict[str, object]]
    decisions: list[Expected]


FOLDER = Path(__file__).parent / "cases"
FILES = [path for path in sorted(FOLDER.glob("*.json")) if path.name != "schema.json"]
CASES: list[Case] = json.loads((FOLDER / "decisions.json").read_text(encoding="utf-8"))["cases"]
SCHEMA: dict[str, Any] = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
PARTS: dict[str, Any] = SCHEMA["$defs"]
README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_the_worked_case_leads_to_its_decisions(case: Case) -> None:
    record = case["record"]
    tracker = Tracker(SavePolicy(**case["policy"]), Saved(**record) if record else None)
    decisions: list[Expected] = []
    for number, data in enumerate(case["events"]):
        event = event_from_dict(data)
        assert event is not None
        decision = tracker.handle(event)
        if decision is None:
            continue
        assert decision.at == data["at"]
        decisions.append(
            {
                "event": number,
                "trigger": str(decision.trigger),
                "position": round(decision.position, 6),
                "milestone": decision.milestone,
                "completed": decision.completed,
            }
        )
    assert decisions == case["decisions"]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in FILES])
def test_every_file_of_cases_has_the_described_form(path: Path) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    data = json.loads(path.read_text(encoding="utf-8"))
    problems = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(SCHEMA).iter_errors(data)
    ]
    assert problems == []


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_the_decisions_of_a_case_are_as_described(case: Case) -> None:
    made = [decision["event"] for decision in case["decisions"]]
    assert made == sorted(set(made))
    assert all(number < len(case["events"]) for number in made)
    for decision in case["decisions"]:
        assert decision["position"] == round(decision["position"], 6)
    milestones = [one["milestone"] for one in case["decisions"] if one["milestone"] is not None]
    assert all(earlier < later for earlier, later in pairwise(milestones))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_case_can_be_told_from_its_policy_as_described(case: Case) -> None:
    policy = SavePolicy(**case["policy"])
    # Only what is not the default.
    assert all(getattr(policy, name) != getattr(SavePolicy(), name) for name in case["policy"])
    reached = {decision["milestone"] for decision in case["decisions"]} - {None}
    assert reached <= set(policy.milestones)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "canplay", "at": 1},
        {"type": "play", "at": 1},
        {"type": "tick"},
        {"type": "tick", "at": "1"},
        {"type": "play", "at": 1, "position": -1},
        {"type": "tick", "at": 1, "duration": "long"},
        {"type": "tick", "at": 1, "src": "a.webm"},
    ],
)
def test_the_described_form_refuses_other_events(wrong: dict[str, object]) -> None:
    data = {"about": "", "cases": [{**CASES[0], "events": [wrong]}]}
    assert not Draft202012Validator(SCHEMA).is_valid(data)


def test_the_described_form_names_all_that_the_library_knows() -> None:
    event = PARTS["event"]["properties"]
    assert set(event["type"]["enum"]) == set(WIRE_TYPES)
    assert set(PARTS["policy"]["properties"]) == set(fields_dict(SavePolicy))
    triggers = PARTS["decision"]["properties"]["trigger"]["enum"]
    assert triggers == [one.value for one in Trigger if one is not Trigger.INTERVAL]


@pytest.mark.parametrize("part", ["case", "event", "decision", "record"])
def test_the_readme_of_the_cases_describes_every_member(part: str) -> None:
    for name in PARTS[part]["properties"]:
        assert f"`{name}`" in README, name


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) == 46
