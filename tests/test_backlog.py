"""The backlog by itself: what it keeps, when it is to be tried again, and what has no room."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from milestone_progress import BacklogFull, ConflictPolicy, ProgressRecord, Trigger
from milestone_progress._additions import Addition
from milestone_progress._backlog import Backlog

KEYS = [(viewer, media) for viewer in ("ann", "bob") for media in ("m", "n", "o")]


def addition(
    key: tuple[str, str] = ("ann", "m"),
    *,
    position: float = 50.0,
    at: float = 1000.0,
    tells_age: bool = True,
    trigger: Trigger | None = Trigger.PAUSE,
    milestone: float = 0,
) -> Addition:
    viewer, media = key
    record = ProgressRecord(
        viewer=viewer, media=media, position=position, milestone=milestone, updated_at=at
    )
    return Addition(record=record, tells_age=tells_age, trigger=trigger)


def backlog(
    limit: int = 9, when_full: BacklogFull = BacklogFull.REFUSE, jitter: float = 0.0
) -> Backlog:
    return Backlog(limit, when_full, ConflictPolicy.NEWEST, lambda: jitter)


def keys(additions: Iterable[Addition]) -> list[tuple[str, str]]:
    return [one.key for one in additions]


def test_what_waits_for_the_same_viewer_and_media_is_one() -> None:
    kept = backlog(limit=1)
    kept.keep(addition(position=70.0, at=1000.0, milestone=50), 0.0)
    waits, given_up = kept.keep(
        addition(position=20.0, at=1001.0, tells_age=False, trigger=Trigger.SEEK), 0.0
    )
    assert len(kept) == 1
    assert given_up is None
    assert waits is kept.get(("ann", "m"))
    assert waits is not None
    record = waits.record
    assert (record.position, record.furthest, record.milestone) == (20.0, 70.0, 50)
    assert (waits.tells_age, waits.trigger) == (False, Trigger.SEEK)


def test_when_it_is_full_a_further_one_is_refused() -> None:
    kept = backlog(limit=2)
    for key in KEYS[:2]:
        kept.keep(addition(key), 0.0)
    assert kept.full
    assert kept.keep(addition(KEYS[2]), 0.0) == (None, None)
    assert keys(kept.all()) == KEYS[:2]


def test_when_it_is_full_the_oldest_can_be_given_up() -> None:
    kept = backlog(2, BacklogFull.GIVE_UP_OLDEST)
    first = addition(KEYS[0])
    for one in (first, addition(KEYS[1])):
        kept.keep(one, 0.0)
    # It is still the one that waits longest.
    merged, _ = kept.keep(addition(KEYS[0], position=60.0, at=1001.0), 5.0)
    _, given_up = kept.keep(addition(KEYS[2]), 6.0)
    assert given_up is merged
    assert keys(kept.all()) == KEYS[1:3]


@pytest.mark.parametrize("when_full", BacklogFull)
def test_without_room_nothing_is_kept(when_full: BacklogFull) -> None:
    kept = backlog(0, when_full)
    assert kept.keep(addition(), 0.0) == (None, None)
    assert (len(kept), kept.all(), kept.due(1e9, 9)) == (0, [], [])


def test_what_is_not_there_is_neither_failed_nor_saved() -> None:
    kept = backlog()
    kept.failed(addition(), 0.0)
    kept.saved(addition())
    assert (len(kept), kept.get(("ann", "m"))) == (0, None)


def test_what_came_in_while_it_was_being_saved_still_waits() -> None:
    kept = backlog()
    tried, _ = kept.keep(addition(), 0.0)
    later, _ = kept.keep(addition(position=60.0, at=1001.0), 0.0)
    assert tried is not None
    kept.saved(tried)
    assert kept.get(("ann", "m")) is later
    assert later is not None
    kept.saved(later)
    assert len(kept) == 0


def test_what_failed_most_often_comes_last_of_all() -> None:
    kept = backlog()
    waiting = [kept.keep(addition(key), 0.0)[0] for key in KEYS[:3]]
    for one in waiting[:2]:
        assert one is not None
        kept.failed(one, 1.0)
    assert keys(kept.all()) == [KEYS[2], KEYS[0], KEYS[1]]


def test_what_waits_is_told_by_viewer() -> None:
    kept = backlog()
    for key in KEYS:
        kept.keep(addition(key), 0.0)
    assert keys(kept.of_viewer("bob")) == KEYS[3:]
    assert kept.of_viewer("cleo") == []


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 200))
def test_delays_grow_twofold_up_to_five_minutes_and_are_spread(jitter: float, times: int) -> None:
    kept = backlog(jitter=jitter)
    kept.keep(addition(), 0.0)
    now = 0.0
    for failures in range(times):
        delay = min(300.0, 2.0**failures) * (0.5 + jitter / 2)
        assert kept.due(now + delay * 0.999_999, 9) == []
        now += delay * 1.000_001
        [due] = kept.due(now, 9)
        kept.failed(due, now)


def test_what_is_being_tried_is_not_due_once_more() -> None:
    kept = backlog()
    kept.keep(addition(), 0.0)
    assert len(kept.due(0.5, 9)) == 1
    assert kept.due(0.5, 9) == []
    # Nobody has told what became of it: as long as the first time.
    assert kept.due(0.999, 9) == []
    assert len(kept.due(1.0, 9)) == 1


def test_what_is_gone_takes_no_room() -> None:
    kept = backlog(2, BacklogFull.GIVE_UP_OLDEST)
    for number in range(1000):
        kept.keep(addition(("ann", f"media {number}")), 0.0)
    assert len(kept._times) < 20
    assert keys(kept.due(1.0, 9)) == [("ann", "media 998"), ("ann", "media 999")]


class Model(RuleBasedStateMachine):
    """A backlog and a naive model: rows in a list, each with all that it was told."""

    @initialize(
        limit=st.integers(0, 4),
        when_full=st.sampled_from(BacklogFull),
        jitter=st.sampled_from([0.0, 0.5, 0.999]),
    )
    def begins(self, limit: int, when_full: BacklogFull, jitter: float) -> None:
        self.limit, self.when_full, self.jitter = limit, when_full, jitter
        self.backlog = backlog(limit, when_full, jitter)
        self.now = 0.0
        # Key, times and positions, failures, when it is due.
        self.rows: list[tuple[tuple[str, str], list[tuple[float, float]], int, float]] = []
        self.tried: list[Addition] = []

    def wait(self, failures: int) -> float:
        longest = 1.0
        for _ in range(failures - 1):
            longest = min(300.0, longest * 2)
        return self.now + longest * (0.5 + self.jitter / 2)

    def row(self, key: tuple[str, str]) -> int | None:
        found = [index for index, row in enumerate(self.rows) if row[0] == key]
        return found[0] if found else None

    @rule(key=st.sampled_from(KEYS), at=st.integers(0, 5), position=st.integers(1, 9))
    def keeps(self, key: tuple[str, str], at: int, position: int) -> None:
        told = (float(at), float(position))
        kept, given_up = self.backlog.keep(addition(key, at=told[0], position=told[1]), self.now)
        index = self.row(key)
        oldest = None
        if index is not None:
            self.rows[index][1].append(told)
        elif len(self.rows) < self.limit:
            self.rows.append((key, [told], 1, self.wait(1)))
        elif self.when_full is BacklogFull.GIVE_UP_OLDEST and self.rows:
            oldest = self.rows.pop(0)[0]
            self.rows.append((key, [told], 1, self.wait(1)))
        assert (None if given_up is None else given_up.key) == oldest
        assert (kept is None) == (self.row(key) is None)

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 10.0, 400.0]), most=st.integers(0, 5))
    def time_passes(self, seconds: float, most: int) -> None:
        self.now += seconds
        due = self.backlog.due(self.now, most)
        expected = sorted((row for row in self.rows if row[3] <= self.now), key=lambda row: row[3])
        assert len(due) == min(most, len(expected))
        times = {row[0]: row[3] for row in self.rows}
        assert [times[one.key] for one in due] == [row[3] for row in expected[:most]]
        assert len(set(keys(due))) == len(due)
        for one in due:
            assert one is self.backlog.get(one.key)
            self.change(one.key, 0)
        self.tried += due

    def change(self, key: tuple[str, str], more: int) -> None:
        index = self.row(key)
        if index is not None:
            _, told, failures, _ = self.rows[index]
            self.rows[index] = (key, told, failures + more, self.wait(failures + more))

    @rule(fails=st.booleans())
    def tells_what_became_of_it(self, fails: bool) -> None:
        if not self.tried:
            return
        one = self.tried.pop(0)
        if fails:
            self.backlog.failed(one, self.now)
            self.change(one.key, 1)
            return
        still = self.backlog.get(one.key) is one
        self.backlog.saved(one)
        index = self.row(one.key)
        if still and index is not None:
            del self.rows[index]

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "backlog"):
            return
        waiting = self.backlog.all()
        assert len(self.backlog) == len(self.rows) <= self.limit
        assert self.backlog.full == (len(self.rows) >= self.limit)
        rows = sorted(self.rows, key=lambda row: row[2])
        assert keys(waiting) == [row[0] for row in rows]
        for one, (_, told, _, _) in zip(waiting, rows, strict=True):
            at, position = max(told)
            assert (one.record.updated_at, one.record.position) == (at, position)
            assert one.record.furthest == max(position for _, position in told)
        for viewer in ("ann", "bob"):
            theirs = [row[0] for row in self.rows if row[0][0] == viewer]
            assert keys(self.backlog.of_viewer(viewer)) == theirs


TestModel = Model.TestCase
TestModel.settings = settings(stateful_step_count=30)
