"""Recorders with a rollout: each viewer by their arm, and switched at once when it changes."""

import logging
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from milestone_progress import (
    Arm,
    IntervalPolicy,
    InvalidValueError,
    Recorder,
    ResumeReason,
    Rollout,
    SaveDecision,
    SavePolicy,
    Trigger,
)
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.simulator import Player
from recorders import NOW, Desk, Kind, both, legacy, new
from test_switching import check_decisions, viewing

# By the golden vectors: ann is among the first 50 %, user-42 is not.
HALF = Rollout(percent=50)
IN, OUT = "ann", "user-42"


class Switch:
    """What every worker asks for the rollout: a file, a row, a flag."""

    def __init__(self, rollout: Any) -> None:
        self.rollout = rollout

    def __call__(self) -> Any:
        if isinstance(self.rollout, Exception):
            raise self.rollout
        return self.rollout


class Screen:
    """A player of a viewer whose events go to a recorder as they happen."""

    def __init__(self, desk: Desk, viewer: str = IN, duration: float = 1000.0) -> None:
        self.desk = desk
        self.viewer = viewer
        self.player = Player(duration=duration, at=NOW, interval=1.0)
        self._told = 0

    def send(self, recorder: Recorder | None = None) -> list[SaveDecision]:
        """Hand over what happened since, all at once."""
        events = self.player.events[self._told :]
        self._told += len(events)
        self.desk.clock.now = self.player.at
        recorder = recorder or self.desk.recorder
        result = recorder.handle(self.viewer, "m", events, sent_at=self.player.at)
        assert result.handled
        return list(result.decisions)


@both
def test_each_viewer_is_saved_by_the_mode_of_their_arm(kind: Kind) -> None:
    desk = Desk(kind, policy=HALF)
    found = {}
    for viewer in (IN, OUT):
        screen = Screen(desk, viewer)
        screen.player.play_to(130)
        found[viewer] = [(one.trigger, one.milestone) for one in screen.send()]
    assert found == {
        IN: [(Trigger.MILESTONE, 10)],
        OUT: [(Trigger.INTERVAL, milestone) for milestone in (None, None, None, 10)],
    }
    assert desk.recorder.policy_of(IN) == SavePolicy()
    assert desk.recorder.policy_of(OUT) == IntervalPolicy()
    with pytest.raises(InvalidValueError):
        desk.recorder.policy_of("")


@both
def test_a_plain_policy_is_everybody_s(kind: Kind) -> None:
    for policy in (SavePolicy(max_unsaved=60), IntervalPolicy(interval=10)):
        recorder = Desk(kind, policy=policy).recorder
        assert recorder.policy_of(IN) == recorder.policy_of(OUT) == policy
    assert Desk(kind).recorder.policy_of(IN) == SavePolicy()


@both
def test_the_kill_switch_holds_from_the_next_event_on_every_worker(kind: Kind) -> None:
    """A viewer amid a video goes on in the other mode: nothing is lost, nothing told twice."""
    switch = Switch(Rollout(percent=100))
    cache = MemorySnapshotCache()
    desk = Desk(kind, policy=switch, snapshots=cache)
    workers = [desk.recorder, desk.another(policy=switch, snapshots=cache)]
    screen = Screen(desk)
    screen.player.play_to(190)
    decisions = screen.send(workers[0])
    assert [one.milestone for one in decisions] == [10]
    switch.rollout = evolve(switch.rollout, enabled=False)
    screen.player.play_for(1)
    # 91 s at risk are more than the interval mode allows.
    [saved] = screen.send(workers[1])
    assert (saved.trigger, saved.position) == (Trigger.INTERVAL, 191)
    screen.player.play_for(59)
    assert [one.position for one in screen.send(workers[0])] == [221]
    switch.rollout = evolve(switch.rollout, enabled=True)
    screen.player.play_for(1)
    # Reached at the last event before, and counted by the interval mode for its next save.
    [saved] = screen.send(workers[1])
    assert (saved.trigger, saved.position, saved.milestone) == (Trigger.MILESTONE, 251, 25)
    stored = desk.stored()
    assert stored is not None
    assert stored.milestone == 25


@both
def test_a_switch_before_a_timer_fires_holds_for_it(kind: Kind) -> None:
    """A pause that would have been saved when it became long is saved at once."""
    switch = Switch(Rollout(percent=100))
    desk = Desk(kind, policy=switch)
    screen = Screen(desk)
    screen.player.play_to(90).pause()
    screen.send()
    assert desk.recorder.deadline is not None
    switch.rollout = Rollout(percent=0)
    desk.clock.now += 40
    desk.recorder.tick()
    # Only that it is heard of no more.
    assert desk.recorder.deadline == NOW + 90 + 1800
    stored = desk.stored()
    assert stored is not None
    assert stored.position == 90


@both
def test_a_worker_with_another_rollout_goes_on_from_the_cache(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    desk = Desk(kind, snapshots=cache, policy=Rollout(percent=0))
    screen = Screen(desk)
    screen.player.play_to(125).pause()
    assert [one.position for one in screen.send()] == [30, 60, 90, 120, 125]
    deployed = desk.another(snapshots=cache, policy=Rollout(percent=100))
    screen.player.play_for(200)
    assert [(one.position, one.milestone) for one in screen.send(deployed)] == [(250, 25)]
    assert [one.position for one in screen.send()] == []


@both
def test_a_pause_in_the_cache_becomes_long_in_the_other_mode(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    interval = IntervalPolicy(pause_debounce=1000)
    desk = Desk(kind, snapshots=cache, policy=interval)
    screen = Screen(desk)
    screen.player.play_to(35).pause()
    assert [one.position for one in screen.send()] == [30]
    deployed = desk.another(snapshots=cache)
    deployed.handle(IN, "m", [])
    assert deployed.deadline == NOW + 35 + 30
    desk.clock.now += 31
    deployed.tick()
    stored = desk.stored()
    assert stored is not None
    assert stored.position == 35


@both
def test_a_viewing_switched_all_the_time_is_stored_as_one_that_never_was(kind: Kind) -> None:
    for seed in range(12):
        switch = Switch(Rollout(percent=0))
        desk = Desk(kind, policy=switch)
        events = viewing(seed)
        decisions: list[SaveDecision] = []
        for number, event in enumerate(events):
            switch.rollout = Rollout(percent=100 * (number % 2))
            desk.clock.now = max(desk.clock.now, event.at)
            decisions += desk.recorder.handle(IN, "m", [event]).decisions
        switch.rollout = Rollout(percent=100)
        desk.recorder.handle(IN, "m", [])
        desk.recorder.close()
        check_decisions(decisions)
        never = Desk(kind)
        never.recorder.handle(IN, "m", events)
        never.recorder.close()
        stored, expected = desk.stored(), never.stored()
        if expected is None:
            assert stored is None
            continue
        assert stored is not None
        assert abs(stored.position - expected.position) < 1
        assert (stored.milestone, stored.completed) == (expected.milestone, expected.completed)


# Reports


@both
def test_a_report_is_told_the_milestones_of_its_viewer_s_arm(kind: Kind) -> None:
    rollout = Rollout(
        percent=50,
        milestone=SavePolicy(milestones=(50, 100)),
        interval=IntervalPolicy(milestones=(10, 20, 30, 100)),
    )
    desk = Desk(kind, policy=rollout)
    told = desk.recorder.report(IN, "m", new(60.0, milestone=50))
    assert (told.reached, told.next_milestone) == ((50,), 100)
    told = desk.recorder.report(OUT, "m", legacy(25.0))
    assert (told.reached, told.next_milestone) == ((10, 20), 30)


# What is asked for the rollout


@both
def test_what_is_asked_for_the_rollout_may_fail_and_the_last_one_holds_on(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    switch = Switch(Rollout(percent=100))
    desk = Desk(kind, policy=switch)
    for wrong in (OSError("the password is secret"), "90 %", None.__class__):
        switch.rollout = wrong
        assert desk.recorder.report(IN, "m", new()).record is not None
        assert desk.recorder.policy_of(IN) == SavePolicy()
    assert caplog.records
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert "secret" not in caplog.text
    switch.rollout = Rollout(percent=0)
    assert desk.recorder.policy_of(IN) == IntervalPolicy()


@both
@pytest.mark.parametrize("wrong", ["90 %", 90, Arm.MILESTONE, lambda: "90 %"])
def test_what_is_no_policy_is_refused_when_the_recorder_is_made(kind: Kind, wrong: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"^policy must be"):
        Desk(kind, policy=wrong)


@both
def test_raising_the_percentage_switches_only_who_joins(kind: Kind) -> None:
    switch = Switch(Rollout(percent=0))
    recorder = Desk(kind, policy=switch).recorder
    viewers = [f"user-{number}" for number in range(200)]
    inside = []
    for percent in (0, 1, 10, 50, 100):
        switch.rollout = Rollout(percent=percent)
        inside.append({one for one in viewers if recorder.policy_of(one) == SavePolicy()})
    assert all(one <= other for one, other in pairwise(inside))
    assert (len(inside[0]), len(inside[-1])) == (0, 200)


@both
def test_a_rollout_that_is_not_there_any_more_does_not_undo_the_kill_switch(kind: Kind) -> None:
    switch = Switch(Rollout(percent=100, enabled=False))
    desk = Desk(kind, policy=switch)
    switch.rollout = None
    assert isinstance(desk.recorder.policy_of(IN), IntervalPolicy)
    with pytest.raises(InvalidValueError, match="policy"):
        Desk(kind, policy=switch)


@both
def test_a_worker_with_other_settings_goes_on_with_its_own_deadline(kind: Kind) -> None:
    cache = MemorySnapshotCache()
    patient = Desk(kind, snapshots=cache, policy=SavePolicy(pause_threshold=600))
    screen = Screen(patient)
    screen.player.play_to(20).pause()
    screen.send()
    hasty = patient.another(snapshots=cache, policy=SavePolicy(pause_threshold=30))
    assert hasty.handle(IN, "m", []).deadline == NOW + 20 + 30


# What completes before the end


@both
def test_who_left_in_the_credits_has_finished_and_is_not_asked_to_continue(kind: Kind) -> None:
    for policy in (
        SavePolicy(completion_percent=90),
        SavePolicy(completion_seconds_left=150),
        SavePolicy(basis="played"),
    ):
        desk = Desk(kind, policy=policy)
        screen = Screen(desk)
        screen.player.play_to(970).close()
        screen.send()
        stored = desk.stored()
        assert stored is not None
        assert (stored.position, stored.completed, stored.finished) == (970, True, False)
        assert desk.recorder.recent(IN) == []
        assert desk.recorder.recent(IN, include_completed=True) == [stored]
        choice = desk.recorder.resume_choice(IN, "m")
        assert (choice.reason, choice.position) == (ResumeReason.FINISHED, 0)


@both
def test_a_rewatch_of_what_completed_before_the_end_is_resumed(kind: Kind) -> None:
    desk = Desk(kind, policy=SavePolicy(completion_percent=90))
    screen = Screen(desk)
    screen.player.play_to(970).seek(0).play_to(400).close()
    screen.send()
    assert desk.recorder.resume_choice(IN, "m").position == 400
    assert len(desk.recorder.recent(IN)) == 1


@both
def test_what_was_left_in_its_credits_makes_room_for_what_was_not(kind: Kind) -> None:
    desk = Desk(kind, policy=SavePolicy(completion_percent=90))
    for number in range(12):
        desk.clock.now += 10
        completed = number > 2
        desk.recorder.report(IN, f"m{number}", new(950.0 if completed else 500.0, duration=1000.0))
        if completed:
            desk.recorder.complete(IN, f"m{number}")
            desk.clock.now += 10
            desk.recorder.report(IN, f"m{number}", new(970.0, duration=1000.0))
    assert [one.media for one in desk.recorder.recent(IN, 2)] == ["m2", "m1"]
    assert [one.media for one in desk.recorder.recent(IN, 20)] == ["m2", "m1", "m0"]
