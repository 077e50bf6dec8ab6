"""The map of live viewings against a naive model: a list, in the order in which they were heard of.

And what a cache holds of one: it says all of it.
"""

from attrs import asdict, define
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from arbitrary_logs import Policy, any_policies, logs
from milestone_progress import ConflictPolicy, Event, LiveLimits, SavePolicy
from milestone_progress._freezing import frozen_viewing, thawed
from milestone_progress._live import LiveViewing
from milestone_progress._live_viewings import LiveViewings
from milestone_progress._plausibility import FirstSeen

keys = st.tuples(st.sampled_from("ab"), st.sampled_from("mnop"))
KEYS = [(viewer, media) for viewer in "ab" for media in "mnop"]
BUSY = 30.0
IDLE = 60.0


@define
class Row:
    viewing: LiveViewing
    seen_at: float
    due_at: float | None


class Viewings(RuleBasedStateMachine):
    """Does to the map and to a list whatever a recorder does, on a clock that may be set back."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.rows: list[Row] = []

    @initialize(limit=st.integers(1, 5), per_viewer=st.integers(1, 3))
    def begins(self, limit: int, per_viewer: int) -> None:
        limits = LiveLimits(viewings=limit, per_viewer=per_viewer)
        self.limit, self.per_viewer = limits.viewings, limits.per_viewer
        self.map = LiveViewings(limits.viewings, limits.per_viewer, IDLE)

    def row(self, key: tuple[str, ...]) -> Row | None:
        return next((row for row in self.rows if row.viewing.key == key), None)

    def mine(self, viewer: str) -> list[Row]:
        return [row for row in self.rows if row.viewing.key[0] == viewer]

    @rule(seconds=st.sampled_from([1.0, 10.0, 30.0, 100.0, -20.0, -500.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        key=keys,
        wait=st.none() | st.sampled_from([0.0, 2.0, 30.0]),
        anew=st.sampled_from([False, False, True]),
    )
    def is_heard_of(self, key: tuple[str, str], wait: float | None, anew: bool) -> None:
        row = self.row(key)
        if row is None or anew:
            # Another worker has gone on with it, or it begins.
            viewing = LiveViewing.beginning(key, None, SavePolicy(), self.now)
        else:
            viewing = row.viewing
        viewing.seen_at = self.now
        viewing.due_at = None if wait is None else self.now + wait
        self.map.put(viewing, self.now)
        if row is not None:
            self.rows.remove(row)
        self.rows.append(Row(viewing, self.now, viewing.due_at))
        self.was_set_back()

    @precondition(lambda self: self.rows)
    @rule(wait=st.none() | st.sampled_from([1.0, 30.0]))
    def is_ticked(self, wait: float | None) -> None:
        due = [row for row in self.rows if row.due_at is not None and row.due_at <= self.now]
        found = self.map.due(self.now)
        if found is None:
            assert not due
            return
        row = self.row(found.key)
        assert row is not None
        assert row in due
        assert row.due_at == min(one.due_at for one in due if one.due_at is not None)
        # The same one, as long as nothing has become of it.
        assert self.map.due(self.now) is found
        found.due_at = row.due_at = None if wait is None else self.now + wait
        # Later than it was heard of: its place is what it was.
        assume(found.seen_at != self.now)
        self.map.put(found, self.now)
        self.was_set_back()

    def was_set_back(self) -> None:
        """Nobody can have been heard of later than now."""
        for row in self.rows:
            row.seen_at = min(row.seen_at, self.now)

    @rule(key=keys, stale=st.booleans())
    def ends(self, key: tuple[str, str], stale: bool) -> None:
        row = self.row(key)
        other = LiveViewing.beginning(key, None, SavePolicy(), self.now)
        assert not self.map.remove(other), "another one of the same name is not it"
        if row is not None and not stale:
            assert self.map.remove(row.viewing)
            assert not self.map.remove(row.viewing)
            self.rows.remove(row)

    @rule(key=keys)
    def makes_room(self, key: tuple[str, str]) -> None:
        found = self.map.excess(key)
        mine = self.mine(key[0])
        others = [row for row in mine if row.viewing.key != key]
        if len(self.rows) <= self.limit and len(mine) <= self.per_viewer:
            assert found is None
        elif others:
            assert found is not None
            assert found.key[0] == key[0]
            assert found.key != key
            assert found.seen_at == min(row.seen_at for row in others)
        elif self.rows[0].viewing.key == key:
            assert found is None
        else:
            assert found is self.rows[0].viewing

    @rule(key=keys)
    def asks_for_one_more(self, key: tuple[str, str]) -> None:
        mine = self.mine(key[0])
        room = len(mine) < self.per_viewer
        old = any(self.now - row.seen_at >= BUSY for row in mine)
        assert self.map.admits(key, self.now) == (room or old)

    @rule()
    def looks_for_the_idle(self) -> None:
        self.was_set_back()
        expected = [row.viewing for row in self.rows if row.seen_at + IDLE <= self.now]
        found = self.map.idle(self.now)
        assert [id(one) for one in found] == [id(one) for one in expected]

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "map"):
            return
        assert [id(one) for one in self.map.all()] == [id(row.viewing) for row in self.rows]
        assert len(self.map) == len(self.rows)
        for key in KEYS:
            row = self.row(key)
            assert self.map.get(key) is (None if row is None else row.viewing)
        for viewer in "ab":
            found = {one.key for one in self.map.of_viewer(viewer)}
            assert found == {row.viewing.key for row in self.mine(viewer)}
        times = [row.due_at for row in self.rows if row.due_at is not None]
        times += [row.seen_at + IDLE for row in self.rows]
        assert self.map.next_time == min(times, default=None)


def test_the_map_does_what_a_list_does() -> None:
    run_state_machine_as_test(
        Viewings, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )


def test_times_that_nobody_waits_for_any_more_do_not_pile_up() -> None:
    viewings = LiveViewings(10, 10, 1e9)
    viewing = LiveViewing.beginning(("ann", "m"), None, SavePolicy(), 0.0)
    for number in range(10_000):
        viewing.due_at = 1e6 - number
        viewings.put(viewing, 0.0)
    assert len(viewings._times) <= 102
    assert viewings.next_time == viewing.due_at
    assert viewings.due(1e6) is viewing


@given(any_policies(), logs(), st.floats(0, 2e9), st.booleans())
def test_what_is_put_into_a_cache_comes_out_the_same(
    policy: Policy, events: list[Event], now: float, judged: bool
) -> None:
    viewing = LiveViewing.beginning(("ann", "m"), None, policy, now)
    if judged:
        viewing.seen = FirstSeen().see("ann", "m", now)
    viewing.handle(events, now, None, ConflictPolicy.NEWEST)
    again = thawed(frozen_viewing(viewing), viewing.key, policy)
    assert again is not None
    trackers = viewing.tracker.snapshot(), again.tracker.snapshot()
    assert trackers[0] == trackers[1]
    again.tracker = viewing.tracker
    assert asdict(again) == asdict(viewing)
