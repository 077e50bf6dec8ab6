"""Records: what they hold, and how two of them become one (§5).

Files under ``records/`` were written by the version in their name, and must load for ever.
"""

import json
from functools import reduce
from itertools import permutations
from math import inf, nan
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from milestone_progress import (
    ConflictError,
    ConflictPolicy,
    InvalidValueError,
    Pause,
    Play,
    ProgressRecord,
    SaveDecision,
    TimeUpdate,
    Tracker,
    Trigger,
    Unload,
    merge,
    played_from_text,
)
from milestone_progress.testing.strategies import records

HERE = Path(__file__).parent
POLICIES = st.sampled_from(ConflictPolicy)
# The laws of `merge` are cheap to check, and everything rests upon them.
MANY = 100_000 if settings().max_examples >= 2_000 else 1_000

RECORD = ProgressRecord(viewer="ann", media="session-7", position=754.25, updated_at=1_700_000_000)


def decided(**changes: Any) -> SaveDecision:
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
    return evolve(decision, **changes)


# merge


@given(records(), records(), records(), POLICIES)
@settings(max_examples=MANY)
def test_merge_is_commutative_associative_idempotent_and_monotone(
    a: ProgressRecord, b: ProgressRecord, c: ProgressRecord, policy: ConflictPolicy
) -> None:
    """It is a join, so no order and no number of deliveries makes a difference (5.1)."""
    joined = merge(a, b, policy)
    # Idempotent for what was made by merging, too: what one has taken in changes it no more.
    assert merge(a, a, policy) == a
    assert merge(joined, a, policy) == joined
    assert merge(joined, b, policy) == joined
    assert merge(b, a, policy) == joined
    assert merge(joined, c, policy) == merge(a, merge(b, c, policy), policy)
    for one in (a, b):
        assert joined.generation >= one.generation
        if joined.generation == one.generation:
            assert joined.milestone >= one.milestone
            assert joined.furthest >= one.furthest
            assert joined.completed >= one.completed
            assert joined.updated_at >= one.updated_at
            assert joined.revision >= one.revision
            assert joined.played & one.played == one.played
            if one.completed_at is not None:
                assert joined.completed_at is not None
                assert joined.completed_at <= one.completed_at


@given(records(), records())
@settings(max_examples=MANY)
def test_merge_takes_from_each_what_it_should(a: ProgressRecord, b: ProgressRecord) -> None:
    """Said once more, field by field, by somebody who has only read the rules (5.1, 5.2)."""
    merged = merge(a, b)
    furthest = merge(a, b, ConflictPolicy.FURTHEST)
    if a.generation != b.generation:
        winner = a if a.generation > b.generation else b
        assert merged == furthest == winner
        return
    if a.updated_at > b.updated_at:
        assert (merged.position, merged.duration) == (a.position, a.duration)
    elif a.updated_at == b.updated_at:
        assert merged.position == max(a.position, b.position)
        if a.position > b.position:
            assert merged.duration == a.duration
        elif a.position == b.position:
            assert (merged.duration or 0) == max(a.duration or 0, b.duration or 0)
    assert furthest.position == max(a.position, b.position)
    assert furthest.duration in (a.duration, b.duration)
    for one in (merged, furthest):
        assert one.milestone == max(a.milestone, b.milestone)
        assert one.furthest == max(a.furthest, b.furthest)
        assert one.completed == (a.completed or b.completed)
        known = {a.completed_at, b.completed_at} - {None}
        assert one.completed_at == (min(known, key=float) if known else None)  # type: ignore[arg-type]  # None is not among them
        assert one.played == a.played | b.played
        assert one.updated_at == max(a.updated_at, b.updated_at)
        assert one.revision == max(a.revision, b.revision)


@given(st.lists(records(), min_size=2, max_size=6), POLICIES)
@settings(max_examples=max(20, settings().max_examples // 10))
def test_all_orders_of_up_to_six_deliveries_end_in_the_same_record(
    deliveries: list[ProgressRecord], policy: ConflictPolicy
) -> None:
    ends = {
        reduce(lambda one, other: merge(one, other, policy), order)
        for order in permutations(deliveries)
    }
    assert len(ends) == 1


@pytest.mark.parametrize("field", ["viewer", "media"])
def test_records_of_different_viewers_or_media_are_never_merged(field: str) -> None:
    with pytest.raises(InvalidValueError, match=field):
        merge(RECORD, evolve(RECORD, **{field: cast(Any, "other")}))


# What a record can hold

NUMBERS = ["position", "duration", "milestone", "furthest", "completed_at", "updated_at"]
COUNTS = ["played", "revision", "generation"]


@pytest.mark.parametrize("field", [*NUMBERS, *COUNTS])
@pytest.mark.parametrize(
    "value", [nan, inf, -inf, True, "5", -1, 1e308, 2**63 + 0.0, b"5", [5], 5j], ids=repr
)
def test_what_is_no_number_is_refused_in_every_field_that_holds_one(field: str, value: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        evolve(RECORD, **{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("field", [*NUMBERS, "revision", "generation"])
def test_no_number_of_a_record_is_larger_than_databases_agree_upon(field: str) -> None:
    with pytest.raises(InvalidValueError):
        evolve(RECORD, **{field: cast(Any, 2**63)})


def test_a_milestone_is_a_percentage() -> None:
    with pytest.raises(InvalidValueError, match="milestone"):
        evolve(RECORD, milestone=100.5)


@pytest.mark.parametrize("duration", [0, -5.0])
def test_a_duration_is_more_than_nothing(duration: float) -> None:
    with pytest.raises(InvalidValueError, match="duration"):
        evolve(RECORD, duration=duration)


@pytest.mark.parametrize("field", ["viewer", "media"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "a" * 201,
        "a" * 10_000,
        "a\0b",
        "a\r\nb",
        "a\tb",
        "a\x7fb",
        "a\x85b",
        "\ud800",
        None,
        7,
        b"ann",
        type("Text", (str,), {})("ann"),
    ],
    ids=ascii,
)
def test_an_identifier_that_is_none_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        evolve(RECORD, **{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "value", ["a", "\U0001f3ac" * 200, "'; --", '"', "{a:b}", "a b ", "\u0065\u0301", "\u2028"]
)
def test_any_other_text_is_an_identifier_and_stays_as_it_is(value: str) -> None:
    assert evolve(RECORD, viewer=value).viewer == value


@pytest.mark.parametrize("value", [1, 0, "yes", None])
def test_completed_is_true_or_false_and_nothing_like_it(value: Any) -> None:
    with pytest.raises(InvalidValueError, match="completed"):
        evolve(RECORD, completed=value)


def test_a_record_starts_with_what_is_known() -> None:
    assert RECORD.furthest == 754.25
    assert (RECORD.duration, RECORD.milestone, RECORD.completed, RECORD.completed_at) == (
        None,
        0,
        False,
        None,
    )
    assert (RECORD.played, RECORD.revision, RECORD.generation) == (0, 0, 0)


def test_played_seconds_are_shown_as_ranges() -> None:
    assert "played=0-359,900-1799" in repr(
        evolve(RECORD, played=played_from_text("0-359,900-1799"))
    )


@pytest.mark.parametrize(
    ("completed", "completed_at", "updated_at", "finished"),
    [
        (False, None, 100, False),
        (True, 100, 100, True),
        (True, 100, 99, True),
        (True, 100, 101, False),
        (True, None, 101, True),
    ],
)
def test_finished_is_what_was_completed_and_not_watched_since(
    completed: bool, completed_at: float | None, updated_at: float, finished: bool
) -> None:
    record = evolve(RECORD, completed=completed, completed_at=completed_at, updated_at=updated_at)
    assert record.finished is finished


@given(records())
def test_starting_over_forgets_everything_and_wins_against_what_was(record: ProgressRecord) -> None:
    again = record.reset(at=5.0)
    assert again == ProgressRecord(
        viewer="ann",
        media="session-7",
        position=0,
        duration=record.duration,
        updated_at=5.0,
        revision=record.revision,
        generation=record.generation + 1,
    )
    assert merge(again, record) == merge(record, again) == again


@given(records(), st.integers(0, 2**53 - 1))
def test_a_record_gets_another_revision_and_changes_in_nothing_else(
    record: ProgressRecord, revision: int
) -> None:
    before = record.to_dict()
    assert record.with_revision(revision) == evolve(record, revision=revision)
    assert record.to_dict() == before


# From decisions


def test_a_decision_becomes_a_record_of_the_time_it_was_received() -> None:
    record = ProgressRecord.from_decision(
        decided(), viewer="ann", media="session-7", received_at=5_000.0, played=0b1100, generation=2
    )
    assert record == ProgressRecord(
        viewer="ann",
        media="session-7",
        position=50.0,
        duration=200.0,
        milestone=25,
        furthest=50.0,
        played=0b1100,
        updated_at=5_000.0,
        generation=2,
    )


@pytest.mark.parametrize(
    ("at", "sent_at", "updated_at"),
    [
        (100.0, 100.0, 5_000.0),
        # Backed up, and sent a week later: as old as it is.
        (100.0, 100.0 + 3_000.0, 2_000.0),
        # An hour wrong, in either direction, changes nothing.
        (100.0 + 3600, 103.0 + 3600, 4_997.0),
        (100.0 - 3600, 103.0 - 3600, 4_997.0),
        # The clock was set back in between: the age is never negative.
        (100.0, 40.0, 5_000.0),
        # Older than the epoch is as old as the epoch.
        (100.0, 6_100.0, 0.0),
    ],
)
def test_the_age_of_a_decision_is_the_difference_of_two_readings_of_one_clock(
    at: float, sent_at: float, updated_at: float
) -> None:
    """So nothing but that difference depends on what a client's clock shows (5.3)."""
    record = ProgressRecord.from_decision(
        decided(at=at), viewer="ann", media="m", received_at=5_000.0, sent_at=sent_at
    )
    assert record.updated_at == updated_at


def test_what_completes_is_completed_when_it_was_decided() -> None:
    decision = decided(completed=True, last_milestone=100, position=200.0)
    record = ProgressRecord.from_decision(
        decision, viewer="ann", media="m", received_at=5_000.0, sent_at=110.0
    )
    assert (record.completed, record.completed_at) == (True, 4_990.0)
    assert record.finished


def test_a_backup_a_week_late_does_not_beat_newer_progress() -> None:
    week = 7 * 86_400.0
    newer = evolve(RECORD, position=20.0, updated_at=week)
    late = ProgressRecord.from_decision(
        decided(), viewer="ann", media="session-7", received_at=week + 1, sent_at=100.0 + week
    )
    merged = merge(newer, late)
    assert (merged.position, merged.furthest, merged.milestone) == (20.0, 754.25, 25)


# A tracker starts from it, and it takes the tracker's played seconds along


def test_a_tracker_starts_from_a_record_and_adds_to_what_was_played() -> None:
    record = evolve(RECORD, position=50.0, duration=100.0, milestone=50, played=(1 << 50) - 1)
    tracker = Tracker(record=record)
    assert (tracker.position, tracker.milestone, tracker.coverage) == (50.0, 50, 0.5)
    decisions = tracker.feed(
        [
            Play(at=0.0, position=50.0),
            *[TimeUpdate(at=float(at), position=50.0 + at) for at in range(1, 11)],
            Pause(at=10.0, position=60.0),
            Unload(at=11.0),
        ]
    )
    assert tracker.played == (1 << 60) - 1
    later = ProgressRecord.from_decision(
        decisions[-1], viewer="ann", media="session-7", received_at=11.0, played=tracker.played
    )
    assert merge(record, later).played == (1 << 60) - 1


@pytest.mark.parametrize("played", [-1, 1.5, "0-5", True, 1 << 10_000_001], ids=type)
def test_a_tracker_takes_no_played_seconds_that_are_none(played: object) -> None:
    class Saved:
        position, duration, milestone, completed = 0.0, None, 0.0, False

    saved = Saved()
    saved.played = played  # type: ignore[attr-defined]  # that is the point
    with pytest.raises(InvalidValueError, match="played"):
        Tracker(record=saved)


# As plain data


@given(records(hostile=True))
def test_a_record_comes_back_from_json_as_it_was(record: ProgressRecord) -> None:
    text = json.dumps(record.to_dict(), allow_nan=False)
    assert ProgressRecord.from_dict(json.loads(text)) == record


@pytest.mark.parametrize("path", sorted((HERE / "records").glob("*.json")), ids=lambda p: p.stem)
def test_records_that_earlier_versions_wrote_are_read_for_ever(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    record = ProgressRecord.from_dict(golden)
    assert record == ProgressRecord(
        viewer="ann",
        media="session-7",
        position=754.25,
        duration=3600.0,
        milestone=10,
        furthest=1800.0,
        completed=True,
        completed_at=1_700_000_000.0,
        played=played_from_text("0-359,900-1799"),
        updated_at=1_700_000_600.5,
        revision=7,
        generation=2,
    )


def test_the_newest_golden_record_is_what_is_written_today() -> None:
    newest = max((HERE / "records").glob("*.json"), key=lambda path: int(path.stem.split("-v")[1]))
    golden = json.loads(newest.read_text(encoding="utf-8"))
    assert ProgressRecord.from_dict(golden).to_dict() == golden


@pytest.mark.parametrize("schema", [None, 0, 2, "1", True, 1.0, [1]])
def test_a_schema_that_is_not_known_is_refused(schema: object) -> None:
    with pytest.raises(InvalidValueError, match="schema"):
        ProgressRecord.from_dict(RECORD.to_dict() | {"schema": schema})


@pytest.mark.parametrize("name", [attribute.name for attribute in fields(ProgressRecord)])
def test_data_without_a_field_is_refused(name: str) -> None:
    data = RECORD.to_dict()
    del data[name]
    with pytest.raises(InvalidValueError, match=name):
        ProgressRecord.from_dict(data)


@pytest.mark.parametrize("data", [None, [], "record", 5])
def test_data_that_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(InvalidValueError, match="object"):
        ProgressRecord.from_dict(data)


def test_a_conflict_says_what_to_do() -> None:
    assert str(ConflictError(RECORD, RECORD.with_revision(3))) == (
        "a record made from revision 0 was not saved, since revision 3 is stored: merge it with "
        "that and save it again, as save_merged does"
    )
    assert "since nothing is stored" in str(ConflictError(RECORD.with_revision(3), None))


@pytest.mark.parametrize(
    ("position", "duration", "percent"),
    [
        (50, 200, 25),
        (100, 300, 33.333333333),
        # The media was shortened.
        (200, 50, 100),
        (50, None, None),
    ],
)
def test_percent_is_the_share_of_a_known_duration(
    position: float, duration: float | None, percent: float | None
) -> None:
    assert evolve(RECORD, position=position, duration=duration).percent == percent


def test_a_decision_of_another_year_has_had_its_clock_set_and_counts_as_just_made() -> None:
    def of_age(days: float) -> ProgressRecord:
        sent_at = decided().at + days * 86_400
        return ProgressRecord.from_decision(
            decided(), viewer="ann", media="film", received_at=2e9, sent_at=sent_at
        )

    assert of_age(366).updated_at == 2e9 - 366 * 86_400
    assert of_age(366.001).updated_at == of_age(20_000).updated_at == 2e9


def test_records_are_merged_by_a_policy_that_there_is() -> None:
    first, second = (
        ProgressRecord(viewer="ann", media="film", position=position, updated_at=1000 + at)
        for position, at in ((50, 0), (10, 1))
    )
    by_name: Any = "newest"
    assert merge(first, second, by_name).position == 10
    by_no_name: Any = "nearest"
    with pytest.raises(InvalidValueError, match="policy must be one of newest, furthest"):
        merge(first, second, by_no_name)
