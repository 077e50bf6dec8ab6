"""The trackers step by step against the oracle, an independent and naive model of the rules.

What else can be told apart no further than the specification does, `test_against_oracle` tells: a
gesture that settles at once (`seek_settle` 0), and which seconds a step back leaves played. Here
policies settle later, and nobody looks at seconds.
"""

import json
from dataclasses import asdict as as_dict
from math import isclose

import pytest
from attrs import asdict
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from arbitrary_logs import (
    DURATION,
    START,
    AnyTracker,
    Case,
    Handled,
    Move,
    Policy,
    Teller,
    acts,
    any_policies,
    as_told,
    cases,
    moves,
    rests,
    scrubs,
    seeks,
    stalls,
    watches,
)
from milestone_progress import (
    Complete,
    Emptied,
    Ended,
    Event,
    IntervalTracker,
    MediaInfo,
    Pause,
    Play,
    SaveDecision,
    SavePolicy,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Unload,
)
from milestone_progress.testing.strategies import Saved
from oracle import Decision, IntervalOracle, Oracle

policies = any_policies(exact=True).filter(
    lambda policy: not isinstance(policy, SavePolicy) or policy.seek_settle > 0
)
records = cases(exact=True).map(lambda case: case.record)


class Viewing(RuleBasedStateMachine):
    """A viewing by somebody who does anything, with whom tracker and oracle must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.policy: Policy = SavePolicy()
        self.tracker: AnyTracker = Tracker()
        self.oracle = Oracle()
        self.teller = Teller()

    @initialize(
        policy=policies,
        record=records,
        duration=st.sampled_from([DURATION, DURATION, 1000.0, 8.0, None]),
    )
    def begins(self, policy: Policy, record: Saved | None, duration: float | None) -> None:
        self.policy = policy
        self.tracker = Case(policy, record, []).tracker()
        model = Oracle if isinstance(policy, SavePolicy) else IntervalOracle
        self.oracle = model(asdict(policy), asdict(record) if record else None)
        self.tell(MediaInfo(at=START, duration=duration), Play(at=START, position=0))

    # Each kind of event

    @rule(move=moves([TimeUpdate]))
    def is_seen(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Play]))
    def plays(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Pause]))
    def pauses(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Seeking]))
    def begins_a_seek(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Seeked]))
    def lands_a_seek(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Ended]))
    def ends(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Unload]))
    def leaves(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Emptied]))
    def drops_the_media(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([MediaInfo]))
    def learns(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Complete]))
    def marks_as_complete(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    @rule(move=moves([Tick]))
    def waits(self, move: Move) -> None:
        self.tell(*self.teller.tell(move))

    # What players and hosts do

    @rule(act=watches())
    def watches(self, act: list[Move]) -> None:
        self.tell(*self.teller.tell(*act))

    @rule(act=seeks())
    def seeks(self, act: list[Move]) -> None:
        self.tell(*self.teller.tell(*act))

    @rule(act=scrubs())
    def scrubs(self, act: list[Move]) -> None:
        self.tell(*self.teller.tell(*act))

    @rule(act=rests())
    def rests(self, act: list[Move]) -> None:
        self.tell(*self.teller.tell(*act))

    @rule(act=stalls())
    def stalls(self, act: list[Move]) -> None:
        self.tell(*self.teller.tell(*act))

    @rule(seconds=st.sampled_from([-3600.0, -1.0, 1.0, 11.0, 3600.0]))
    def changes_the_clock(self, seconds: float) -> None:
        self.teller.at += seconds

    @precondition(lambda self: self.tracker.deadline is not None)
    @rule(early=st.sampled_from([0.0, 0.0, 0.25, 1.0]))
    def ticks_at_the_deadline(self, early: float) -> None:
        deadline = self.tracker.deadline
        assert deadline is not None
        self.teller.at = max(self.teller.at, deadline - early)
        self.tell(Tick(at=self.teller.at))

    @rule()
    def is_restored(self) -> None:
        snapshot = json.loads(json.dumps(self.tracker.snapshot(), allow_nan=False))
        if isinstance(self.policy, SavePolicy):
            self.tracker = Tracker.restore(snapshot, self.policy)
        else:
            self.tracker = IntervalTracker.restore(snapshot, self.policy)
        self.agree()

    @rule(batch=st.lists(acts(), max_size=6))
    def sends_a_batch(self, batch: list[list[Move]]) -> None:
        events = self.teller.tell(*(move for act in batch for move in act))
        expected = [self.oracle.handle(as_told(event)) for event in events]
        decisions = self.tracker.feed(events)
        Handled.events += len(events)
        for decision, one in zip(decisions, filter(None, expected), strict=True):
            agree(decision, one)
        self.agree()

    def tell(self, *events: Event) -> None:
        for event in events:
            agree(self.tracker.handle(event), self.oracle.handle(as_told(event)))
            self.agree()
        Handled.events += len(events)

    def agree(self) -> None:
        tracker, oracle = self.tracker, self.oracle
        assert (tracker.phase, tracker.position, tracker.duration) == (
            oracle.phase,
            oracle.position,
            oracle.duration,
        )
        assert (tracker.milestone, tracker.completed, tracker.pending) == (
            oracle.milestone,
            oracle.completed,
            oracle.pending,
        )


def agree(decision: SaveDecision | None, expected: Decision | None) -> None:
    assert (decision is None) == (expected is None)
    if decision is not None and expected is not None:
        if decision.percent is not None and expected.percent is not None:
            # The order of multiplying and dividing is nobody's business.
            assert isclose(decision.percent, expected.percent)
            expected.percent = decision.percent
        assert asdict(decision) == as_dict(expected)


TestViewing = Viewing.TestCase
TestViewing.settings = settings(stateful_step_count=50)


@pytest.mark.slow
def test_the_laws_were_tried_on_a_million_events(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The slow run makes trackers handle a million events at least."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        with capsys.disabled():
            reporter.write_line(f"\nThe laws were tried on {Handled.events:,} events.")
    assert Handled.events >= 1_000_000
