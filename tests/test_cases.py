"""The worked cases: sequences of events in wire form, and the decisions they lead to."""

import json
from pathlib import Path
from typing import NotRequired, TypedDict

import pytest

from milestone_progress import SavePolicy, Tracker, event_from_dict
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


CASES: list[Case] = json.loads(
    (Path(__file__).parent / "cases" / "decisions.json").read_text(encoding="utf-8")
)["cases"]


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


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) == 42
