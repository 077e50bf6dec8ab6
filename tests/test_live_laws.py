"""The laws of live viewings: however a log is cut, the decisions and the record are the same."""

from collections.abc import Sequence

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from arbitrary_logs import any_policies, logs
from milestone_progress import (
    Event,
    IntervalPolicy,
    ProgressRecord,
    Recorder,
    SaveDecision,
    SavePolicy,
    tracker_for,
)
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.stores import ProgressStore
from milestone_progress.stores.memory import Memory, MemoryStore

Policy = SavePolicy | IntervalPolicy
cuts = st.lists(st.integers(1, 8), max_size=20)


class Clock:
    """The server's clock, which is the players', too, but never goes back."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_until(self, at: float) -> None:
        self.now = max(self.now, at)


def pieces(events: Sequence[Event], sizes: Sequence[int]) -> list[Sequence[Event]]:
    """Return a log cut into pieces of some sizes, the last one being what is left."""
    found = []
    for size in sizes:
        found.append(events[:size])
        events = events[size:]
    return [piece for piece in [*found, events] if piece]


def handled(
    recorders: Sequence[Recorder], clock: Clock, log: Sequence[Sequence[Event]]
) -> list[SaveDecision]:
    """Return the decisions of recorders that take turns with the pieces of a log."""
    decisions: list[SaveDecision] = []
    for number, piece in enumerate(log):
        clock.pass_until(piece[-1].at)
        result = recorders[number % len(recorders)].handle("ann", "intro", piece)
        assert result.handled
        decisions += result.decisions
    return decisions


def stored(store: ProgressStore) -> ProgressRecord | None:
    """Return what is stored, but for how often it was and when exactly."""
    record = store.load("ann", "intro")
    return None if record is None else evolve(record, revision=0, updated_at=0, completed_at=None)


@given(any_policies(), logs(), cuts)
def test_however_a_log_is_cut_the_decisions_are_those_of_the_tracker(
    policy: Policy, events: list[Event], sizes: list[int]
) -> None:
    """One worker, any pieces: the decisions of the log as a whole, and the same record."""
    expected = tracker_for(policy).feed(events)
    records = []
    for log in ([events] if events else [], pieces(events, sizes), pieces(events, [1] * 1000)):
        clock = Clock()
        store = MemoryStore()
        recorder = Recorder(store, policy=policy, clock=clock)
        assert handled([recorder], clock, log) == expected
        records.append(stored(store))
    assert records[0] == records[1] == records[2]


@given(any_policies(), logs(), cuts)
def test_workers_that_share_a_cache_take_turns_at_every_point(
    policy: Policy, events: list[Event], sizes: list[int]
) -> None:
    """Two workers with one cache of snapshots decide as one tracker that sees all of it."""
    expected = tracker_for(policy).feed(events)
    records = []
    for log in (pieces(events, sizes), pieces(events, [1] * 1000)):
        clock, cache, memory = Clock(), MemorySnapshotCache(), Memory()
        recorders = [
            Recorder(MemoryStore(memory), policy=policy, clock=clock, snapshots=cache)
            for _ in range(2)
        ]
        assert handled(recorders, clock, log) == expected
        records.append(stored(MemoryStore(memory)))
    assert records[0] == records[1]
