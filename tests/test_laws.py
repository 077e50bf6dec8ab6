"""The laws of the behaviour specification (§9), each tried on arbitrary logs.

Each docstring states a law in one sentence, and below it, where it must be, for what it holds.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given, settings, target
from hypothesis import strategies as st

from arbitrary_logs import (
    AnyTracker,
    Case,
    Handled,
    Policy,
    Stretches,
    Witness,
    any_policies,
    bursts,
    cases,
    decisions_of,
    near_states,
    save_policies,
    shifted,
    times,
    uninterrupted_logs,
)
from milestone_progress import (
    Complete,
    Emptied,
    Event,
    IntervalTracker,
    InvalidValueError,
    SaveDecision,
    SavePolicy,
    Tick,
    TraceError,
    Tracker,
    Trigger,
    Unload,
    event_from_dict,
)
from milestone_progress._trace import read_trace
from milestone_progress.testing.strategies import EVENT_KINDS, hostile_json, wire_events

# Seconds that subtracting and adding Unix times in floats may lose (2.5).
ROUNDING = 1e-6
# Seconds before a deadline that are no rounding.
EARLY = 4 * ROUNDING
# Seconds up to which sums of Unix times are exact to a microsecond.
LARGEST_EXACT = 2.0**32

places = st.integers(0, 2**16)
intervals = st.sampled_from([1.0, 0.25, 3600.0]) | st.integers(1, 2**26).map(lambda n: n / 64)


def seen(tracker: AnyTracker) -> tuple[object, ...]:
    """Return what can be seen of a tracker at any time."""
    return (
        tracker.phase,
        tracker.position,
        tracker.duration,
        tracker.percent,
        tracker.milestone,
        tracker.completed,
        tracker.played,
        tracker.coverage,
        tracker.pending,
    )


def made(decisions: Sequence[SaveDecision | None]) -> list[SaveDecision]:
    return [decision for decision in decisions if decision is not None]


def restored(tracker: AnyTracker, policy: Policy) -> AnyTracker:
    """Return a tracker that was written down as JSON and read again."""
    snapshot = json.loads(json.dumps(tracker.snapshot(), allow_nan=False))
    if isinstance(policy, SavePolicy):
        return Tracker.restore(snapshot, policy)
    return IntervalTracker.restore(snapshot, policy)


def later_by(seconds: float, decisions: Sequence[SaveDecision | None]) -> list[SaveDecision | None]:
    return [
        None if decision is None else evolve(decision, at=decision.at + seconds)
        for decision in decisions
    ]


# The same log, the same decisions


@given(cases(), st.lists(places, max_size=8))
def test_however_a_log_is_cut_into_batches_the_decisions_are_the_same(
    case: Case, cuts: list[int]
) -> None:
    """However a log is cut into batches, the decisions are the same."""
    decisions = made(case.decisions())
    ends = sorted(cut % (len(case.events) + 1) for cut in cuts)
    batches = [case.events[a:b] for a, b in pairwise([0, *ends, len(case.events)])]
    at_once, in_batches = case.tracker(), case.tracker()
    assert at_once.feed(iter(case.events)) == decisions
    assert [decision for batch in batches for decision in in_batches.feed(batch)] == decisions
    assert seen(in_batches) == seen(at_once)


@given(cases(), places, places)
def test_a_batch_that_is_refused_changes_nothing_however_much_of_it_was_handled(
    case: Case, begin: int, end: int
) -> None:
    """A failed call changes nothing, wherever in a batch the one that is no event is."""
    begin, end = sorted(place % (len(case.events) + 1) for place in (begin, end))
    disturbed, undisturbed = case.tracker(), case.tracker()
    disturbed.feed(case.events[:begin])
    undisturbed.feed(case.events[:begin])
    no_event: Any = object()
    with pytest.raises(InvalidValueError) as caught:
        disturbed.feed([*case.events[begin:end], no_event, *case.events[end:]])
    assert caught.value.value is no_event
    assert disturbed.feed(case.events[begin:]) == undisturbed.feed(case.events[begin:])
    assert seen(disturbed) == seen(undisturbed)


@given(cases())
def test_looking_at_a_tracker_changes_nothing(case: Case) -> None:
    """Whoever looks at a tracker between two events, all that it decides is the same."""
    tracker, watched = case.tracker(), case.tracker()
    for event in case.events:
        _ = seen(watched), watched.played_time, watched.deadline, watched.snapshot()
        assert watched.handle(event) == tracker.handle(event)
    Handled.events += 2 * len(case.events)
    assert seen(watched) == seen(tracker)


@given(cases())
def test_two_trackers_that_are_told_the_same_agree(case: Case) -> None:
    """Two trackers that are told the same, by turns, decide the same and know the same."""
    one, other = case.tracker(), case.tracker()
    for event in case.events:
        assert one.handle(event) == other.handle(event)
    Handled.events += 2 * len(case.events)
    assert one.snapshot() == other.snapshot()


@given(cases(), places)
def test_snapshots_change_nothing(case: Case, place: int) -> None:
    """A tracker restored from a snapshot's JSON, at any event or at every one, goes on the same."""
    decisions = case.decisions()
    always = case.tracker()
    for event, decision in zip(case.events, decisions, strict=True):
        always = restored(always, case.policy)
        assert always.handle(event) == decision
    once = case.tracker()
    cut = place % (len(case.events) + 1)
    decisions_of(once, case.events[:cut])
    again = restored(once, case.policy)
    assert seen(again) == seen(once)
    assert decisions_of(again, case.events[cut:]) == decisions[cut:]
    assert decisions_of(once, case.events[cut:]) == decisions[cut:]
    assert seen(again) == seen(once) == seen(always)


# What is decided


@given(cases())
def test_milestones_in_decisions_strictly_increase(case: Case) -> None:
    """Each milestone that a decision tells of is higher than all that were told of before."""
    highest = case.record.milestone if case.record else 0.0
    for decision in made(case.decisions()):
        if decision.milestone is None:
            assert decision.last_milestone == highest
        else:
            assert decision.last_milestone == decision.milestone > highest
        highest = decision.last_milestone


@given(cases())
def test_completed_never_goes_back(case: Case) -> None:
    """What was completed once stays completed, for the tracker and in its decisions."""
    tracker = case.tracker()
    completed = case.record is not None and case.record.completed
    for event in case.events:
        decision = tracker.handle(event)
        assert tracker.completed >= completed
        completed = tracker.completed
        assert decision is None or decision.completed == completed
    Handled.events += len(case.events)


@given(cases())
def test_no_decision_repeats_what_is_saved(case: Case) -> None:
    """A decision tells of a milestone, or of completion, or is 1 s from the saved position.

    That takes a gesture that lasts: with `seek_settle` 0 a single event can settle two of them,
    and its one decision, that of the second, is then judged by where the first one settled.
    """
    assume(not isinstance(case.policy, SavePolicy) or case.policy.seek_settle > 0)
    position = case.record.position if case.record else 0.0
    completed = case.record is not None and case.record.completed
    for decision in made(case.decisions()):
        is_completion = decision.completed and not completed
        is_news = decision.milestone is not None or abs(decision.position - position) >= 1
        assert is_completion or (is_news and decision.position >= 1)
        position, completed = decision.position, decision.completed


@given(uninterrupted_logs(), any_policies(exact=True), st.sampled_from([0.0, 0.25, 3600.0]))
def test_a_log_repeated_from_the_start_adds_no_milestone(
    events: list[Event], policy: Policy, later: float
) -> None:
    """A log that is told a second time, at the same times or later, adds no milestone.

    That takes a log that passes all it tells of the first time: it begins with the duration of the
    media, which then stays, and with `Play`; it has no seek, no leap and no other media; and it
    does not leave (`Unload`) below 1 s. Each of these is needed:

    - Before the duration is known and has settled, the first time reaches no milestone.
    - Before `Play`, the first time is IDLE: no milestone is reached and `Ended` is ignored.
    - To start anew is a leap and opens a gesture. Seeks that follow at once continue it, so that
      it settles amid a scrub which was one gesture the first time; and a `Seeking` near the start
      is taken for the announcement of that leap, which looks like a loop's then.
    - `Unload` near the start looks like the teardown of a player that is in that gesture (4.8):
      the playhead goes back to where the log had ended, or a little further.

    And it takes milestones of positions: who stepped back within a second and paused there, and
    plays on a second later in the media, has played that second by 3.7, unlike the first time.
    """
    assume(not (isinstance(policy, SavePolicy) and policy.basis == "played"))
    tracker = Case(policy, None, events).tracker()
    decisions_of(tracker, events)
    milestone, completed = tracker.milestone, tracker.completed
    again = shifted(events, events[-1].at - events[0].at + later) if later else events
    decisions = made(decisions_of(tracker, again))
    assert (tracker.milestone, tracker.completed) == (milestone, completed)
    assert all(decision.last_milestone == milestone for decision in decisions)


# Bounded writes


@given(cases(save_policies()))
def test_seek_and_pause_saves_are_as_rare_as_the_policy_wants(case: Case) -> None:
    """In any T seconds there are at most T ÷ `min_save_interval` + 1 saves for seeks and pauses.

    Time is the sum of the forward differences of `at`, and compared with a microsecond of
    tolerance (2.5); where times are so large that floats have no microseconds, with more.
    """
    assert isinstance(case.policy, SavePolicy)
    assume(case.policy.min_save_interval > 0)
    largest = max((abs(event.at) for event in case.events), default=0.0)
    interval = case.policy.min_save_interval - ROUNDING - len(case.events) * largest * 2**-50
    assume(interval > 0)
    saves = [
        time
        for time, decision in zip(times(case.events), case.decisions(), strict=True)
        if decision is not None and decision.trigger in {Trigger.SEEK, Trigger.PAUSE}
    ]
    most = 0.0
    for index, start in enumerate(saves):
        # The shortest window that holds so many ends with the last of them.
        for count, end in enumerate(saves[index:], start=1):
            assert count <= (end - start) / interval + 1
            most = max(most, count - (end - start) / interval)
    target(len(saves), label="saves for seeks and pauses")
    target(most, label="saves in a window beyond those that its length allows")


@given(cases(save_policies()))
def test_milestones_and_completion_cost_one_save_each(case: Case) -> None:
    """There are at most as many saves for milestones and completion as milestones, and one more."""
    triggers = [decision.trigger for decision in made(case.decisions())]
    saves = triggers.count(Trigger.MILESTONE) + triggers.count(Trigger.COMPLETION)
    target(saves, label="saves for milestones and completion")
    assert saves <= len(case.policy.milestones) + 1
    assert triggers.count(Trigger.COMPLETION) <= 1


@given(cases(save_policies(exact=True), exact=True))
def test_checkpoints_cost_one_save_for_each_max_unsaved_played(case: Case) -> None:
    """Up to any point there are at most played ÷ `max_unsaved` checkpoints.

    `max_unsaved` is a millisecond less here: what sums of short steps may fall short by (4.8).
    """
    assert isinstance(case.policy, SavePolicy)
    tracker, witness = case.tracker(), Witness(case)
    played, checkpoints = 0.0, 0
    for event in case.events:
        witness.see(event)
        if witness.step is not None:
            played += witness.step[1] - witness.step[0]
        decision = tracker.handle(event)
        if decision is not None and decision.trigger is Trigger.CHECKPOINT:
            checkpoints += 1
            assert case.policy.max_unsaved is not None
            assert checkpoints <= played / (case.policy.max_unsaved - 0.001)
    Handled.events += len(case.events)
    target(checkpoints, label="checkpoints")


@given(cases(save_policies()))
def test_leaving_costs_one_save_each_time(case: Case) -> None:
    """Up to any point there are at most as many unload saves as `Unload`s and `Emptied`s.

    Each is even made at one of them.
    """
    left = saves = 0
    for event, decision in zip(case.events, case.decisions(), strict=True):
        leaves = isinstance(event, (Unload, Emptied))
        left += leaves
        if decision is not None and decision.trigger is Trigger.UNLOAD:
            saves += 1
            assert leaves
        assert saves <= left


# Bounded loss


@given(
    st.builds(Case, save_policies(exact=True), st.none() | near_states(), bursts(max_size=30))
    | cases(save_policies(exact=True), exact=True)
)
def test_no_more_is_at_risk_than_the_policy_allows(case: Case) -> None:
    """Distinct media played and not covered never exceeds `max_unsaved`, a gesture and a step.

    Where that needs words:

    - Covered is what was played before a decision, or before an event that found nothing to save
      though it might have: one outside seeks and gestures, or that settles one, or an `Unload` or
      `Emptied`, with the playhead within 1 s of the saved position (4.2) or below 1 s (4.3).
      Without the latter the law would not hold: a viewer can leave the saved position, scrub and
      play for less than 30 s and come back to it, all in one gesture, and do so again and again.
    - A gesture is what was played in its first 30 s, counted from its first landing; each step is
      bounded by its time × rate + 1 s (3.5). So the sum can be more than 30 s × rate by a second
      for each report: reports that come without any time passing are not known to be wrong.
    - A step reaches from the last event but `Complete` to the next one. `Complete` does not settle
      gestures (4.7), so pressing it again and again keeps what is due waiting.
    - What is played while the resume point is protected (4.11), 10 s each time, comes on top.
    """
    policy = case.policy
    assert isinstance(policy, SavePolicy)
    assume(policy.max_unsaved is not None)
    assert policy.max_unsaved is not None
    tracker, witness = case.tracker(), Witness(case)
    at_risk = Stretches()
    saved = witness.position
    in_gesture = in_step = most = 0.0
    rates: list[float] = []
    fastest, reports = 16.0, 0
    for event in case.events:
        before, gesture, protected = witness.position, witness.gesture, witness.protects
        witness.see(event)
        if witness.step is not None and not protected:
            at_risk.add(*witness.step)
            in_step += witness.step[1] - witness.step[0]
        # The worst moment: played on, and not decided yet.
        assert at_risk.seconds <= policy.max_unsaved + in_gesture + in_step
        most = max(most, at_risk.seconds - policy.max_unsaved)

        decision = tracker.handle(event)
        is_free = witness.gesture is None and not witness.is_seeking
        is_settled = gesture is not None and witness.gesture is not gesture
        if decision is not None:
            saved = decision.position
            at_risk = Stretches()
        elif is_free or is_settled or isinstance(event, (Unload, Emptied)):
            # `Emptied` moves the playhead, and so does a new seek that settles a gesture.
            moved = isinstance(event, Emptied) or not is_free
            here = before if moved and not isinstance(event, Unload) else witness.position
            if here < 1 or abs(here - saved) < 1:
                at_risk = Stretches()

        if witness.gesture is None or witness.gesture is not gesture:
            in_gesture = in_step = 0.0
            fastest, reports = max(1.0, *rates) if rates else 16.0, 0
        elif witness.time <= gesture.began + 30:
            reports += 1
            in_gesture += in_step
            in_step = 0.0
            assert in_gesture <= 30 * fastest + reports
        elif not isinstance(event, Complete):
            in_step = 0.0
        if event.rate is not None:
            rates.append(event.rate)
            fastest = max(fastest, event.rate)
    Handled.events += len(case.events)
    target(most, label="media at risk beyond what may be")


# Time


@given(cases(exact=True), intervals, st.booleans())
def test_shifting_all_times_changes_nothing_else(case: Case, by: float, back: bool) -> None:
    """Shifting every `at` by a constant changes no decision but its `at`."""
    seconds = -by if back else by
    here, there = case.tracker(), case.tracker()
    decisions = decisions_of(here, case.events)
    assert decisions_of(there, shifted(case.events, seconds)) == later_by(seconds, decisions)
    assert seen(there) == seen(here)
    assert there.deadline == (None if here.deadline is None else here.deadline + seconds)


@given(cases(exact=True), places, intervals)
def test_setting_the_clock_back_once_is_as_if_no_time_had_passed(
    case: Case, place: int, back: float
) -> None:
    """Setting the clock back once is as if no time had passed between those two events."""
    assume(len(case.events) > 1)
    cut = 1 + place % (len(case.events) - 1)
    before, after = case.events[:cut], case.events[cut:]
    # From here on as if no time had passed.
    after = shifted(after, before[-1].at - after[0].at)
    stood, went_back = case.tracker(), case.tracker()
    assert decisions_of(stood, before) == decisions_of(went_back, before)
    standing = decisions_of(stood, after)
    assert decisions_of(went_back, shifted(after, -back)) == later_by(-back, standing)
    assert seen(went_back) == seen(stood)
    assert went_back.deadline == (None if stood.deadline is None else stood.deadline - back)


# Coverage


@given(cases(exact=True))
def test_coverage_never_exceeds_what_was_played(case: Case) -> None:
    """Coverage never exceeds 1 nor what was played: each of its seconds was, from end to end.

    A pause that resumes up to 1 s further on counts as played through (3.7).
    """
    tracker, witness = case.tracker(), Witness(case)
    played, known = Stretches(), 0
    for event in case.events:
        witness.see(event)
        for stretch in (witness.step, witness.bridge):
            if stretch is not None:
                played.add(*stretch)
        tracker.handle(event)
        digits = f"{tracker.played & ~known:b}"[::-1]
        known = tracker.played
        for second, is_new in enumerate(digits):
            assert is_new == "0" or played.contain(second, second + 1)
        assert known.bit_count() <= played.seconds
        if tracker.duration is not None and tracker.coverage is not None:
            assert 0 <= tracker.coverage <= 1
            assert tracker.coverage * int(tracker.duration) <= played.seconds + ROUNDING
    Handled.events += len(case.events)


@given(cases())
def test_coverage_is_a_share(case: Case) -> None:
    """Coverage is from 0 to 1, whatever a player says of its position and duration."""
    tracker = case.tracker()
    for event in case.events:
        tracker.handle(event)
        assert tracker.coverage is None or 0 <= tracker.coverage <= 1
    Handled.events += len(case.events)


# What is parsed


@given(hostile_json() | wire_events())
@settings(max_examples=10 * settings().max_examples)
def test_what_is_parsed_gives_an_event_nothing_or_our_own_error(data: Any) -> None:
    """Whatever JSON holds is an event, nothing, or an `InvalidValueError`; nothing else."""
    try:
        event = event_from_dict(data)
    except InvalidValueError:
        return
    assert event is None or type(event) in EVENT_KINDS


@given(st.lists(st.binary(max_size=40) | (hostile_json() | wire_events()).map(json.dumps)))
def test_what_is_read_gives_events_nothings_or_our_own_error(lines: list[bytes | str]) -> None:
    """Whatever bytes a trace holds are events, nothings, or a `TraceError`; nothing else."""
    trace = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    try:
        read = list(read_trace(BytesIO(trace), "trace"))
    except TraceError:
        return
    assert all(event is None or type(event) in EVENT_KINDS for event in read)


# Deadlines


@given(cases(), st.floats(0, 1))
def test_no_tick_decides_before_the_deadline_and_none_at_it_is_in_vain(
    case: Case, share: float
) -> None:
    """No `Tick` before the deadline decides, and one at it does, or moves the deadline on.

    So a host that always ticks at the deadline does not spin, and once there is none it is done.
    That takes clocks that were never set back by more than a century in all: where sums of times
    have no microseconds, a `Tick` at the deadline can come too early by their rounding.

    In the legacy mode there is never a deadline. There a `Tick` can decide all the same, once in a
    blue moon: as much as the interval was played, but back to within 1 s of the saved position, and
    now a changed duration settles and shows a milestone, which is news.
    """
    tracker = case.tracker()
    set_back, last = 0.0, None
    for event in case.events:
        tracker.handle(event)
        set_back += 0.0 if last is None else max(0.0, last - event.at)
        last = event.at
        if abs(event.at) + set_back < LARGEST_EXACT:
            assert_the_deadline_is_right(deepcopy(tracker), event.at, share)
    Handled.events += len(case.events)


def assert_the_deadline_is_right(tracker: AnyTracker, at: float, share: float) -> None:
    for _ in range(20):
        deadline = tracker.deadline
        if deadline is None:
            break
        assert deadline >= at
        for early in (at + (deadline - at) * share, deadline - 0.5, deadline - EARLY):
            if at <= early <= deadline - EARLY:
                assert deepcopy(tracker).handle(Tick(at=early)) is None
        decision = tracker.handle(Tick(at=deadline))
        later = tracker.deadline
        assert decision is not None or later is None or later > deadline
        at = deadline
    else:
        pytest.fail("there is a deadline after every deadline")
    if isinstance(tracker, IntervalTracker):
        return  # That blue moon.
    for seconds in (0.0, 1.0, 30.0, 3600.0):
        assert tracker.handle(Tick(at=at + seconds)) is None
