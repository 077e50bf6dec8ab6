"""What is said of a value that a record cannot hold: the field, what it takes, and the value."""

import pickle
from typing import Any, cast

import pytest
from attrs import evolve

from milestone_progress import (
    ConflictError,
    InvalidValueError,
    ProgressRecord,
    SaveDecision,
    Trigger,
    merge,
)
from milestone_progress.errors import shown

RECORD = ProgressRecord(viewer="ann", media="session-7", position=754.25, updated_at=1_700_000_000)
IDENTIFIER = "a text of 1 to 200 characters, without control characters and surrogates"


def decided(received_at: float, sent_at: float | None = None) -> ProgressRecord:
    decision = SaveDecision(
        at=100.0,
        trigger=Trigger.PAUSE,
        position=50.0,
        duration=200.0,
        percent=25.0,
        milestone=25,
        last_milestone=25,
        completed=False,
    )
    return ProgressRecord.from_decision(
        decision, viewer="ann", media="session-7", received_at=received_at, sent_at=sent_at
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("viewer", "", f"viewer must be {IDENTIFIER}, not ''"),
        ("media", "", f"media must be {IDENTIFIER}, not ''"),
        ("position", -1, "position must be at least 0, not -1"),
        ("position", "5", "position must be a number, not '5'"),
        ("duration", 0, "duration must be more than 0 seconds, or None, not 0"),
        ("duration", "5", "duration must be a number, not '5'"),
        ("milestone", -1, "milestone must be at least 0, not -1"),
        ("milestone", 100.5, "milestone must be a percentage up to 100, not 100.5"),
        ("furthest", -1, "furthest must be at least 0, not -1"),
        ("completed", 1, "completed must be True or False, not 1"),
        ("completed_at", -1, "completed_at must be at least 0, not -1"),
        ("updated_at", -1, "updated_at must be at least 0, not -1"),
        ("revision", -1, "revision must be a whole number from 0 to 9007199254740991, not -1"),
        (
            "generation",
            1.5,
            "generation must be a whole number from 0 to 9007199254740991, not 1.5",
        ),
    ],
)
def test_a_field_says_what_it_takes_instead(field: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        evolve(RECORD, **{field: value})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ((-1.0,), "received_at must be at least 0, not -1.0"),
        ((cast(Any, None),), "received_at must be a number, not None"),
        ((5_000.0, cast(Any, "5")), "sent_at must be a number, not '5'"),
    ],
)
def test_a_time_of_a_decision_says_what_it_takes_instead(
    times: tuple[float, ...], message: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        decided(*times)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["viewer", "media"])
def test_records_that_are_not_of_the_same_say_whose_the_first_is(name: str) -> None:
    first, second = (evolve(RECORD, **cast(Any, {name: value})) for value in ("ann", "bob"))
    with pytest.raises(InvalidValueError) as caught:
        merge(first, second)
    assert str(caught.value) == f"{name} must be the same in both records, 'ann', not 'bob'"


def test_a_policy_of_merging_that_there_is_not_says_which_there_are() -> None:
    with pytest.raises(InvalidValueError) as caught:
        merge(RECORD, RECORD, cast(Any, "oldest"))
    assert str(caught.value) == "policy must be one of newest, furthest, not 'oldest'"


def without(*names: str) -> dict[str, object]:
    return {name: value for name, value in RECORD.to_dict().items() if name not in names}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "record must be an object, not []"),
        (without("schema"), "record.schema must be 1, not None"),
        (without() | {"schema": "2"}, "record.schema must be 1, not '2'"),
        (
            without("viewer"),
            f"record must be an object with viewer, not {shown(without('viewer'))}",
        ),
    ],
    ids=["a list", "no schema", "an unknown schema", "a field is missing"],
)
def test_data_that_is_no_record_says_what_is_missing(data: Any, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        ProgressRecord.from_dict(data)
    assert str(caught.value) == message


def test_all_fields_that_are_missing_are_named() -> None:
    with pytest.raises(InvalidValueError) as caught:
        ProgressRecord.from_dict(without("played", "furthest"))
    assert caught.value.expected == "an object with furthest, played"


def test_a_conflict_travels_between_processes() -> None:
    stored = RECORD.with_revision(3)
    arrived = pickle.loads(pickle.dumps(ConflictError(RECORD, stored)))
    assert (arrived.record, arrived.stored) == arrived.args == (RECORD, stored)


# And what is just not refused


def test_the_limits_of_a_field_are_values_of_it() -> None:
    largest = 2**53 - 1
    record = evolve(RECORD, milestone=100, revision=largest, generation=largest)
    assert (record.milestone, record.revision, record.generation) == (100, largest, largest)
    assert evolve(RECORD, duration=0.5).duration == 0.5
    # And who does not say what was played has played nothing.
    record = decided(received_at=0)
    assert (record.updated_at, record.played) == (0, 0)


def test_a_milestone_keeps_its_fraction_and_a_whole_one_has_none() -> None:
    assert evolve(RECORD, milestone=12.5).milestone == 12.5
    # A database returns 25.0 where 25 was stored; `repr` and JSON are the same nevertheless.
    assert repr(evolve(RECORD, milestone=25.0).milestone) == "25"
