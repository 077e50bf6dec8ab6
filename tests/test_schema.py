"""The JSON Schema says of the wire what the code does: no more is accepted, and no less."""

import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator

from milestone_progress import (
    Batch,
    InvalidValueError,
    PayloadError,
    Problem,
    ProgressRecord,
    Recorder,
    ResumePolicy,
    ResumeReason,
    SavePolicy,
    SaveStatus,
    StoreError,
    Trigger,
    event_from_dict,
    parse_events,
    parse_report,
    resume_choice,
)
from milestone_progress._cli import main
from milestone_progress._events import WIRE_TYPES
from milestone_progress.stores.memory import MemoryStore
from milestone_progress.testing.strategies import records

SCHEMA: dict[str, Any] = json.loads(
    files("milestone_progress").joinpath("schema.json").read_text("utf-8")
)
NAMES = ["report", "response", "problems", "choice", "record", "event", "events"]
START = 1_700_000_000.0


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMA["$defs"][name])


REPORT, RESPONSE, PROBLEMS, CHOICE, RECORD, EVENT, BATCH = map(validator, NAMES)


def members_of(name: str, *, required: bool = True) -> list[str]:
    """Return the members of a definition, all of which must be there if they are required."""
    definition = SCHEMA["$defs"][name]
    assert not required or definition["required"] == [*definition["properties"]]
    return [*definition["properties"]]


def complaints(validates: Draft202012Validator, data: object) -> list[str]:
    """Return what a schema has to say against data, once that has gone over the wire."""
    sent = json.loads(json.dumps(data, allow_nan=False))
    return [f"{error.json_path}: {error.message}" for error in validates.iter_errors(sent)]


# The file


def test_the_schema_is_one_of_draft_2020_12() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMA["$id"].startswith("urn:")
    assert list(SCHEMA["$defs"]) == NAMES


def test_the_constants_of_the_schema_are_those_of_the_code() -> None:
    defined = {name: SCHEMA["$defs"][name]["properties"] for name in NAMES[:-1]}
    assert defined["report"]["trigger_type"]["enum"] == [*TRIGGERS, None]
    assert defined["response"]["status"]["enum"] == [*SaveStatus]
    assert defined["choice"]["reason"]["enum"] == [*ResumeReason]
    [known, _] = SCHEMA["$defs"]["event"]["if"]["anyOf"]
    assert known["properties"]["type"]["enum"] == [*WIRE_TYPES]
    names = [attribute.name for attribute in fields(ProgressRecord)]
    assert [*defined["record"]] == ["schema", *names]


def test_every_member_is_described() -> None:
    def undescribed(schema: Mapping[str, Any], path: str) -> list[str]:
        found = [] if "description" in schema or "items" in schema else [path]
        for name, member in schema.get("properties", {}).items():
            found += undescribed(member, f"{path}.{name}")
        if "items" in schema and "properties" in schema["items"]:
            for name, member in schema["items"]["properties"].items():
                found += undescribed(member, f"{path}.{name}")
        return found

    found = [path for name in NAMES for path in undescribed(SCHEMA["$defs"][name], name)]
    assert found == []


# The command


def test_the_command_prints_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


@pytest.mark.parametrize("name", NAMES)
def test_the_command_prints_a_definition_that_stands_alone(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", name]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('{\n  "$schema"')
    schema = json.loads(printed)
    Draft202012Validator.check_schema(schema)
    assert schema.pop("$schema") == SCHEMA["$schema"]
    assert schema.pop("$id") == f"{SCHEMA['$id']}:{name}"
    assert schema == SCHEMA["$defs"][name]
    assert "$ref" not in printed


@pytest.mark.parametrize("unknown", ["reports", "", "$defs", "Report\n" * 100])
def test_an_unknown_definition_is_refused_with_the_names_of_all(
    unknown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", unknown]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("milestone-progress: schema: there is no '")
    assert output.err.endswith("report, response, problems, choice, record, event, events\n")
    assert output.err.count("\n") == 1


# What is accepted

TRIGGERS = [trigger.value for trigger in Trigger]
# Of everything that JSON can write, what lies on and beside the borders of what is accepted.
ODD: list[Any] = [
    *[
        None,
        True,
        False,
        [],
        {},
        [1],
        {"type": "play"},
        0,
        1,
        -1,
        0.5,
        -0.5,
        -0.0,
        1.0,
        7.0,
        5e-324,
    ],
    *[99.5, 100, 100.5, 101, 2**53 - 1, 2**53, 1e12, 10**12, 10**12 + 1, 1.1e12, 1e300, 10**400],
    *[-1e12, -(10**12), -(10**12) - 1, -1.1e12, -1e300, "", "a", "1", "NaN", "Infinity", "nan"],
    *[
        "-Infinity",
        "hidden",
        "visible",
        "Pause",
        *TRIGGERS,
        *WIRE_TYPES,
        "visibilitychange",
        "error",
    ],
    *["a" * 200, "a" * 201, "🎬" * 200, "🎬" * 201, "a\n", "\x00", "\x1f", " ", "\x7f", "\x80"],
    *["\x9f", "\xa0", "\u2028", "\ud800", "\udfff", "\ue000", "0-0", "0-1,5-7", "5-7,0-1", "1-"],
    *["-1", "0-1\n", "0-1,", ",0-1", "0-1 ", "٣-٤", "7-5", "0-9999999", "0-10000000", "0-09999999"],
    *["00000001-2", "000000001-2", "10000000-10000001"],
]
REPORTS: list[dict[str, Any]] = [
    {"current_time_seconds": 1, "total_duration_seconds": None},
    {
        "current_time_seconds": 1,
        "total_duration_seconds": 2.5,
        "trigger_type": "seek",
        "milestone_reached": 10,
        "force_completion": False,
        "at": START,
        "sent_at": START,
        "generation": 1,
    },
]
EVENTS: list[dict[str, Any]] = [
    {"type": name, "at": START, "position": 1, "duration": 2, "rate": 1, "visibility": "hidden"}
    for name in [*WIRE_TYPES, "visibilitychange", "error"]
]
EVENTS += [{"type": "play", "wall": START, "position": 1}, {"type": "visibilitychange"}]

RECORD_OF_ANN = ProgressRecord(
    viewer="ann",
    media="session-7",
    position=5,
    duration=10,
    milestone=50,
    completed=True,
    completed_at=1,
    played=31,
    updated_at=2,
)


def bordering(data: dict[str, Any], names: list[str]) -> Iterator[dict[str, Any]]:
    """Return what an object is with one member put or left out."""
    yield data
    for name in (*names, "more"):
        yield {other: value for other, value in data.items() if other != name}
        for value in ODD:
            yield data | {name: value}


def near(names: list[str], bases: list[dict[str, Any]]) -> SearchStrategy[dict[str, Any]]:
    """Draw objects with some members put and some left out."""
    wrong = st.dictionaries(st.sampled_from(names), st.sampled_from(ODD), max_size=4)

    def mutated(data: dict[str, Any], put: dict[str, Any], out: set[str]) -> dict[str, Any]:
        return {name: value for name, value in (data | put).items() if name not in out}

    return st.builds(
        mutated, st.sampled_from(bases), wrong, st.sets(st.sampled_from(names), max_size=2)
    )


reports = near(members_of("report", required=False), REPORTS)
anything = st.recursive(
    st.sampled_from(ODD) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def is_report(data: Any) -> bool:
    try:
        parse_report(data)
    except PayloadError:
        return False
    return True


def is_event(data: Any) -> bool:
    try:
        event_from_dict(data)
    except InvalidValueError:
        return False
    return True


def are_events(data: Any) -> bool:
    try:
        parse_events(data)
    except PayloadError:
        return False
    return True


def is_record(data: Any) -> bool:
    try:
        ProgressRecord.from_dict(data)
    except InvalidValueError:
        return False
    return True


def agree_on_report(data: Any) -> bool:
    """Whether schema and code say the same of a report: accepted, or not."""
    valid = REPORT.is_valid(data)
    # As text it meets the limits of bodies, too, of which only that of digits is exceeded here.
    sent = is_report(json.dumps(data)) if largest_in(data) < 10**64 else valid
    # Of a text as such it is another question: that is a body still to be parsed.
    return sent == valid == (valid if isinstance(data, str) else is_report(data))


def agree_on_event(data: Any) -> bool:
    return EVENT.is_valid(data) == is_event(data) == BATCH.is_valid([data]) == are_events([data])


def agree_on_record(data: Any) -> bool:
    """Whether they say the same of a record, but for what no schema can tell.

    That is a range of ``played`` that ends before it starts, and that a whole number must not be
    written as 1.0, which is the same number to a schema.
    """
    valid, accepted = RECORD.is_valid(data), is_record(data)
    if not valid or accepted:
        return valid == accepted
    pointed = any(isinstance(data[name], float) for name in ("schema", "revision", "generation"))
    ranges = [piece.split("-") for piece in data["played"].split(",") if piece]
    return pointed or any(int(first) > int(last) for first, last in ranges)


def largest_in(data: object) -> int:
    if isinstance(data, (dict, list)):
        return max(map(largest_in, data.values() if isinstance(data, dict) else data), default=0)
    return abs(data) if isinstance(data, int) else 0


AGREE: dict[str, tuple[Callable[[Any], bool], list[dict[str, Any]]]] = {
    "report": (agree_on_report, REPORTS),
    "event": (agree_on_event, EVENTS),
    "record": (agree_on_record, [RECORD_OF_ANN.to_dict()]),
}


@pytest.mark.parametrize("name", AGREE)
def test_along_all_borders_the_schema_finds_fault_with_what_is_refused(name: str) -> None:
    """One member at a time, each with every value that is odd anywhere."""
    agree, bases = AGREE[name]
    names = members_of(name, required=False)
    differ = [data for base in bases for data in bordering(base, names) if not agree(data)]
    assert differ == []


@pytest.mark.parametrize("name", AGREE)
@given(data=st.data())
def test_the_schema_finds_fault_with_what_is_refused_and_nothing_else(
    name: str, data: st.DataObject
) -> None:
    """A schema finds no fault with data if and only if the code accepts it."""
    agree, bases = AGREE[name]
    assert agree(data.draw(near(members_of(name, required=False), bases) | anything))


@pytest.mark.parametrize("played", ["7-5", "0-1,9-8"])
def test_a_schema_cannot_tell_a_range_that_ends_before_it_starts(played: str) -> None:
    record = ProgressRecord(viewer="ann", media="s", position=1, updated_at=1)
    assert RECORD.is_valid(record.to_dict() | {"played": played})
    with pytest.raises(InvalidValueError, match="played"):
        ProgressRecord.from_dict(record.to_dict() | {"played": played})


# What is said


@given(records(hostile=True))
def test_every_record_that_is_told_is_one(record: ProgressRecord) -> None:
    assert complaints(RECORD, record.to_dict()) == []


class Broken(MemoryStore):
    """Fails whatever it is asked to save."""

    def save(self, record: ProgressRecord) -> ProgressRecord:
        raise StoreError("broken")


@given(st.lists(reports.filter(is_report), max_size=6), st.booleans(), st.integers(0, 1))
def test_every_response_is_one(bodies: list[Any], broken: bool, room: int) -> None:
    """Whatever is reported, and whatever becomes of it, the response is what the schema says."""
    now = [START]
    store = Broken() if broken else MemoryStore()
    recorder = Recorder(store, clock=lambda: now[0], backlog_limit=room)
    for data in bodies:
        now[0] += 7
        result = recorder.report("ann", "session-7", parse_report(data))
        answer = result.to_dict()
        assert complaints(RESPONSE, answer) == []
        assert list(answer) == members_of("response")


def test_every_status_was_seen_in_a_response() -> None:
    now = [START]
    stores = {"works": MemoryStore(), "is broken": Broken()}
    seen = set()

    def report(recorder: Recorder, **said: Any) -> None:
        now[0] += 60
        data = {"current_time_seconds": 50, "total_duration_seconds": 100} | said
        answer = recorder.report("ann", "session-7", parse_report(data)).to_dict()
        assert complaints(RESPONSE, answer) == []
        assert answer["written"] == (answer["status"] == "written")
        seen.add(answer["status"])

    recorder = Recorder(stores["works"], clock=lambda: now[0])
    report(recorder, current_time_seconds=0)
    report(recorder)
    report(recorder)
    recorder.reset("ann", "session-7")
    report(recorder, generation=0)
    report(Recorder(stores["works"], clock=lambda: now[0], batch=Batch()))
    report(Recorder(stores["is broken"], clock=lambda: now[0]))
    report(Recorder(stores["is broken"], clock=lambda: now[0], backlog_limit=0))
    assert seen == set(SaveStatus)


@given(
    st.none() | records(hostile=True),
    st.sampled_from([0.0, START, START + 86_400, 1e12]),
    st.none() | st.sampled_from([5e-324, 60.0, 1e12]),
    st.sampled_from(
        [
            ResumePolicy(),
            ResumePolicy(ignore_start=0, ignore_end=0, rewind=[(0, 3)]),
            ResumePolicy(minimum_duration=300, ignore_start_percent=5, ignore_end_percent=90),
        ]
    ),
)
def test_every_choice_is_one(
    record: ProgressRecord | None, now: float, duration: float | None, policy: ResumePolicy
) -> None:
    """Whatever is stored, and whatever is asked about it, the choice is what the schema says."""
    choice = resume_choice(record, policy, now=now, duration=duration).to_dict()
    assert complaints(CHOICE, choice) == []
    assert list(choice) == members_of("choice")


@given(reports.filter(lambda data: not is_report(data)))
def test_every_list_of_problems_is_one(data: Any) -> None:
    """Whatever is wrong with a report, it is told as the schema says."""
    with pytest.raises(PayloadError) as caught:
        parse_report(data)
    assert complaints(PROBLEMS, caught.value.to_dict()) == []


def test_more_problems_than_are_told_are_still_a_list_of_them() -> None:
    error = PayloadError(Problem("$", "is wrong") for _ in range(21))
    assert complaints(PROBLEMS, error.to_dict()) == []
    assert complaints(PROBLEMS, {"problems": []}) != []


def test_a_milestone_is_newly_reached_once() -> None:
    """The schema would tell of a milestone that is said twice."""
    milestones = [*SavePolicy().milestones]
    recorder = Recorder(MemoryStore(), clock=lambda: START)
    data = {"current_time_seconds": 100, "total_duration_seconds": 100, "force_completion": True}
    answer = recorder.report("ann", "session-7", parse_report(data)).to_dict()
    assert answer["newly_reached"] == milestones
    assert complaints(RESPONSE, answer | {"newly_reached": [10, 10]}) != []
    assert complaints(RESPONSE, answer | {"percent": 100.5}) != []
