"""Merging two records, example by example (5.1, 5.2); its laws are in `test_record`."""

from typing import Any

import pytest
from attrs import evolve

from milestone_progress import ConflictPolicy, ProgressRecord, merge

NEWEST, FURTHEST = ConflictPolicy.NEWEST, ConflictPolicy.FURTHEST
#: At home; all that one record can tell.
HERE = ProgressRecord(
    viewer="ann",
    media="session-7",
    position=600.0,
    duration=3600.0,
    milestone=50,
    furthest=1900.0,
    completed=False,
    played=0b0110,
    updated_at=2_000.0,
    revision=3,
    generation=1,
)
#: On the train, an hour before, and farther.
THERE = evolve(
    HERE,
    position=1200.0,
    duration=3500.0,
    milestone=25,
    furthest=1200.0,
    completed=True,
    completed_at=900.0,
    played=0b0011,
    updated_at=1_000.0,
    revision=5,
)


def merged(
    first: ProgressRecord, second: ProgressRecord, policy: ConflictPolicy = NEWEST
) -> ProgressRecord:
    """Merge two records, and see that their order does not matter."""
    result = merge(first, second, policy)
    assert result == merge(second, first, policy)
    return result


def test_of_two_records_the_newer_tells_where_and_all_else_adds_up() -> None:
    assert merged(HERE, THERE) == ProgressRecord(
        viewer="ann",
        media="session-7",
        position=600.0,
        duration=3600.0,
        milestone=50,
        furthest=1900.0,
        completed=True,
        completed_at=900.0,
        played=0b0111,
        updated_at=2_000.0,
        revision=5,
        generation=1,
    )


def test_by_furthest_the_farther_record_tells_where_and_all_else_is_the_same() -> None:
    assert merged(HERE, THERE, FURTHEST) == evolve(
        merged(HERE, THERE), position=1200.0, duration=3500.0
    )


def test_by_itself_merge_takes_the_newest() -> None:
    assert merge(HERE, THERE) == merge(HERE, THERE, NEWEST) != merge(HERE, THERE, FURTHEST)


@pytest.mark.parametrize(
    ("policy", "changes", "position", "duration"),
    [
        # As new: the farther one; as far, too: the longer duration, whatever it is better than.
        (NEWEST, {"updated_at": 2_000.0, "position": 700.0, "duration": 100.0}, 700.0, 100.0),
        (NEWEST, {"updated_at": 2_000.0, "duration": 3700.0}, 600.0, 3700.0),
        (NEWEST, {"updated_at": 2_000.0, "duration": 3500.0}, 600.0, 3600.0),
        (NEWEST, {"updated_at": 2_000.0, "duration": None}, 600.0, 3600.0),
        (NEWEST, {"updated_at": 2_000.0, "duration": 0.5}, 600.0, 3600.0),
        # As far: the longer duration, not the newer record.
        (FURTHEST, {"updated_at": 9_000.0, "duration": 3500.0}, 600.0, 3600.0),
        (FURTHEST, {"updated_at": 1_000.0, "duration": 3700.0}, 600.0, 3700.0),
        (FURTHEST, {"updated_at": 9_000.0, "duration": None}, 600.0, 3600.0),
        (FURTHEST, {"updated_at": 9_000.0, "duration": 0.5}, 600.0, 3600.0),
    ],
)
def test_ties_are_broken_by_what_the_records_say(
    policy: ConflictPolicy, changes: dict[str, Any], position: float, duration: float
) -> None:
    result = merged(HERE, evolve(HERE, **changes), policy)
    assert (result.position, result.duration) == (position, duration)


@pytest.mark.parametrize("policy", list(ConflictPolicy))
def test_a_short_duration_is_longer_than_an_unknown_one(policy: ConflictPolicy) -> None:
    assert merged(evolve(HERE, duration=0.5), evolve(HERE, duration=None), policy).duration == 0.5


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(None, None, None), (None, 900.0, 900.0), (800.0, 900.0, 800.0), (0.0, 900.0, 0.0)],
)
def test_completed_when_it_first_was(
    first: float | None, second: float | None, expected: float | None
) -> None:
    result = merged(
        evolve(HERE, completed=True, completed_at=first),
        evolve(HERE, completed=True, completed_at=second),
    )
    assert (result.completed, result.completed_at) == (True, expected)


@pytest.mark.parametrize("policy", list(ConflictPolicy))
def test_a_later_generation_wins_outright_however_little_it_tells(policy: ConflictPolicy) -> None:
    again = HERE.reset(at=5.0)
    assert again.generation == 2
    assert merged(HERE, again, policy) == again
    assert merged(THERE, again, policy) == again


def test_starting_over_keeps_the_duration_and_the_revision_and_nothing_else() -> None:
    assert THERE.reset(at=5.0) == ProgressRecord(
        viewer="ann",
        media="session-7",
        position=0.0,
        duration=3500.0,
        updated_at=5.0,
        revision=5,
        generation=2,
    )
