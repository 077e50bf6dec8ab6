"""The laws of live viewings: however a log is cut, the decisions and the record are the same."""

import json
from collections.abc import Sequence

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from arbitrary_logs import AnyTracker, any_policies, logs
from milestone_progress import (
    Event,
    IntervalPolicy,
    LiveLimits,
    ProgressRecord,
    Recorder,
    SaveDecision,
    SavePolicy,
    Tick,
    event_from_dict,
    tracker_for,
)
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.stores import ProgressStore
from milestone_progress.stores.memory import MemoryStore
from recorders import ASYNC, NOW, SYNC, Kind, both
from test_cases import CASES, Case
from test_recordings import NAMES, TRACES

Policy = SavePolicy | IntervalPolicy
kinds = st.sampled_from([SYNC, ASYNC])
cuts = st.lists(st.integers(1, 8), max_size=20)
SINGLY = [1] * 100_000
# Seconds: nobody is idle for that long, by any clock.
NEVER_IDLE = 1e9
YEARS = 2.0**28


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
        if not events:
            break
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


def outcome(
    kind: Kind,
    policy: Policy,
    log: Sequence[Sequence[Event]],
    *,
    workers: int = 1,
    forgets: bool = False,
    before: ProgressRecord | None = None,
) -> tuple[list[SaveDecision], ProgressRecord | None]:
    """Return what some workers decide that take turns with a log, and what is stored in the end.

    Args:
        kind: Of which kind the recorders are.
        policy: Theirs.
        log: Its pieces.
        workers: How many; several share a cache of snapshots.
        forgets: Whether somebody else's viewing drops this one from memory after each piece.
        before: What is stored before.
    """
    clock, store = Clock(), MemoryStore()
    if before is not None:
        store.save(before)
    cache = MemorySnapshotCache() if workers > 1 or forgets else None
    limits = LiveLimits(viewings=1) if forgets else None
    recorders = [
        kind.recorder(store, policy=policy, clock=clock, snapshots=cache, live=limits)
        for _ in range(workers)
    ]
    if not forgets:
        return handled(recorders, clock, log), stored(store)
    decisions = []
    for piece in log:
        decisions += handled(recorders, clock, [piece])
        for recorder in recorders:
            recorder.handle("bob", "intro", [])
            assert recorder.viewings == 1
    return decisions, stored(store)


@given(kinds, any_policies(), logs(), cuts)
def test_however_a_log_is_cut_the_decisions_are_those_of_the_tracker(
    kind: Kind, policy: Policy, events: list[Event], sizes: list[int]
) -> None:
    """One worker, any pieces: the decisions of the log as a whole, and the same record."""
    expected = tracker_for(policy).feed(events)
    records = []
    for log in (pieces(events, []), pieces(events, sizes), pieces(events, SINGLY)):
        decisions, record = outcome(kind, policy, log)
        assert decisions == expected
        records.append(record)
    assert records[0] == records[1] == records[2]


@given(kinds, any_policies(), logs(), cuts, st.integers(2, 3))
def test_workers_that_share_a_cache_take_turns_at_every_point(
    kind: Kind, policy: Policy, events: list[Event], sizes: list[int], workers: int
) -> None:
    """Workers with one cache of snapshots decide as one tracker that sees all of it."""
    expected = tracker_for(policy).feed(events)
    alone = outcome(kind, policy, pieces(events, sizes))
    for log in (pieces(events, sizes), pieces(events, SINGLY)):
        assert outcome(kind, policy, log, workers=workers) == alone
    assert alone[0] == expected


@given(kinds, any_policies(), logs(), cuts)
@settings(max_examples=settings().max_examples // 3)
def test_a_viewing_dropped_from_memory_after_each_batch_goes_on_with_a_cache(
    kind: Kind, policy: Policy, events: list[Event], sizes: list[int]
) -> None:
    """What has to go may be saved once more; the decisions are the same."""
    decisions, _ = outcome(kind, policy, pieces(events, sizes), forgets=True)
    assert decisions == tracker_for(policy).feed(events)


# Real logs


def check_cuts(
    kind: Kind, policy: SavePolicy, events: Sequence[Event], before: ProgressRecord | None = None
) -> None:
    expected = tracker_for(policy, before).feed(events)
    records = []
    mixed = [1, 2, 3, 5, 8] * 1000
    for workers, sizes in ((1, []), (1, SINGLY), (2, mixed), (2, SINGLY), (3, SINGLY)):
        log = pieces(events, sizes)
        decisions, record = outcome(kind, policy, log, workers=workers, before=before)
        assert decisions == expected
        records.append(record)
    assert all(record == records[0] for record in records)
    assert records[0] is not None or not expected


@both
@pytest.mark.parametrize("name", NAMES)
def test_a_real_player_in_any_pieces_on_any_workers(kind: Kind, name: str) -> None:
    lines = (TRACES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    events = [one for line in lines if (one := event_from_dict(json.loads(line))) is not None]
    # Of the longest ones as much as takes no longer than the others.
    check_cuts(kind, SavePolicy(), events[:400])


@both
@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_worked_case_in_any_pieces_on_any_workers(kind: Kind, case: Case) -> None:
    events = [one for data in case["events"] if (one := event_from_dict(data)) is not None]
    before = case["record"]
    record = None
    if before is not None:
        record = ProgressRecord(viewer="ann", media="intro", updated_at=0.0, **before)
    check_cuts(kind, SavePolicy(**case["policy"]), events, record)


# Timers


class Host:
    """The plainest host with a timer: it answers each deadline by a `Tick` when that has come."""

    def __init__(self, tracker: AnyTracker) -> None:
        self.tracker = tracker
        self.decisions: list[SaveDecision] = []
        # Those that answer a batch, not a `Tick`.
        self.answers: list[SaveDecision] = []
        self.deadlines: list[float | None] = []
        self.now = 0.0

    def feed(self, told: Sequence[tuple[Sequence[Event], float, Sequence[float]]]) -> None:
        """Feed batches, with how late each comes and how long it waits between looks at a clock."""
        for piece, late, waits in told:
            sent_at = piece[-1].at + late
            self.now = max(self.now, sent_at + YEARS)
            answers = self.tracker.feed(piece)
            self.answers += answers
            self.decisions += answers
            # By how much the server's clock is ahead as far as it can know.
            ahead = self.now - sent_at
            for wait in waits:
                self.now += wait
                self._pass(ahead)
                deadline = self.tracker.deadline
                self.deadlines.append(None if deadline is None else deadline + ahead)

    def _pass(self, ahead: float) -> None:
        while (deadline := self.tracker.deadline) is not None and deadline + ahead <= self.now:
            self.decisions += self.tracker.feed([Tick(at=deadline)])


waits = st.lists(st.sampled_from([0.0, 0.25, 2.0, 5.0, 29.75, 30.0, 600.0]), max_size=3)
lates = st.sampled_from([0.0, 0.0, 0.5, 31.0, 86_400.0])


@given(kinds, any_policies(exact=True), logs(exact=True), cuts, st.data())
def test_a_timer_does_what_ticks_in_the_log_would(
    kind: Kind, policy: Policy, events: list[Event], sizes: list[int], data: st.DataObject
) -> None:
    """Batches come late by a clock that is years off, and `tick` is called at any time between."""
    told = [(piece, data.draw(lates), [0.0, *data.draw(waits)]) for piece in pieces(events, sizes)]
    expected = Host(tracker_for(policy))
    expected.feed(told)
    clock, store = Clock(), MemoryStore()
    recorder = kind.recorder(store, policy=policy, clock=clock, live=LiveLimits(idle=NEVER_IDLE))
    deadlines: list[float | None] = []
    decisions: list[SaveDecision] = []
    for piece, late, times in told:
        sent_at = piece[-1].at + late
        clock.pass_until(sent_at + YEARS)
        heard_at = clock.now
        decisions += recorder.handle("ann", "intro", piece, sent_at=sent_at).decisions
        for wait in times:
            clock.now += wait
            recorder.tick()
            deadline = recorder.deadline
            # What is left to wait for is yet to come.
            assert deadline is not None
            assert deadline > clock.now
            idle = heard_at + NEVER_IDLE
            assert deadline <= idle
            deadlines.append(None if deadline == idle else deadline)
    assert deadlines == expected.deadlines
    assert decisions == expected.answers
    record = stored(store)
    if not expected.decisions:
        assert record is None
        return
    assert record is not None
    last = expected.decisions[-1]
    assert record.milestone == last.last_milestone
    assert record.completed == last.completed
    assert record.position == last.position
    assert record.furthest == max(one.position for one in expected.decisions)


@given(kinds, any_policies(), logs(), cuts)
def test_whatever_is_told_every_timer_comes_to_an_end(
    kind: Kind, policy: Policy, events: list[Event], sizes: list[int]
) -> None:
    """The server's clock is right, whatever those of the players show."""
    clock = Clock()
    clock.pass_until(NOW)
    limits = LiveLimits(idle=NEVER_IDLE)
    recorder = kind.recorder(MemoryStore(), policy=policy, clock=clock, live=limits)
    for piece in pieces(events, sizes):
        idle = clock.now + NEVER_IDLE
        recorder.handle("ann", "intro", piece)
        for _ in range(20):
            deadline = recorder.deadline
            if deadline is None or deadline == idle:
                break
            clock.pass_until(deadline)
            recorder.tick()
        assert recorder.deadline in (None, idle)
