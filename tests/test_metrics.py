"""Metrics: what is counted by arm, that it adds up, and that nothing personal is in it."""

import json
from collections.abc import Iterable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    Arm,
    Event,
    IntervalPolicy,
    InvalidValueError,
    Play,
    Rollout,
    StoreError,
    TimeUpdate,
    Tracker,
    Trigger,
    parse_report,
    tracker_for,
)
from milestone_progress.metrics import Counts, Metrics, MetricsError
from milestone_progress.simulator import Player
from recorders import NOW, Desk, Fault, Kind, both, legacy, new
from test_switching import viewing


def counts_of(desk_metrics: Metrics, arm: Arm = Arm.MILESTONE) -> Counts:
    return desk_metrics.counts(arm)


def watch(desk: Desk, events: Iterable[Event], viewer: str = "ann") -> None:
    for event in events:
        desk.clock.now = max(desk.clock.now, event.at)
        desk.recorder.handle(viewer, "m", [event])


counts = st.builds(
    Counts,
    **{
        one.name: st.integers(0, 10**9) if one.type is int else st.integers(0, 10**9).map(float)
        for one in fields(Counts)
    },
)


# Live viewings


@both
def test_requests_writes_and_what_was_played_are_counted(kind: Kind) -> None:
    for seed in range(6):
        metrics = Metrics()
        desk = Desk(kind, metrics=metrics)
        events = viewing(seed)
        watch(desk, events)
        tracker = Tracker()
        decisions = tracker.feed(events)
        stored = desk.stored()
        found = counts_of(metrics)
        assert found.requests == len(events)
        assert found.played == pytest.approx(tracker.played_time)
        assert found.writes == (0 if stored is None else stored.revision) <= len(decisions)
        assert found.estimated == found.failed == found.refused == 0
        assert found.begun == any(one.milestone for one in decisions)
        assert found.completed == tracker.completed


@both
def test_each_viewer_counts_in_their_arm(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, policy=Rollout(percent=50), metrics=metrics)
    for viewer in ("ann", "user-42"):
        watch(desk, Player(duration=1000, at=NOW, interval=1.0).play_to(300), viewer)
    milestone, interval = counts_of(metrics), counts_of(metrics, Arm.INTERVAL)
    assert milestone.played == interval.played == 300
    assert (milestone.writes, interval.writes) == (2, 10)


@both
def test_what_time_and_leaving_save_is_written_but_no_request(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    player = Player(duration=1000, at=NOW, interval=1.0).play_to(40).pause()
    watch(desk, player)
    desk.clock.now += 31
    desk.recorder.tick()
    found = counts_of(metrics)
    assert (found.writes, found.requests) == (1, len(player.events))


@both
def test_who_is_not_let_in_and_who_only_looks_costs_no_request(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    desk.recorder.load("ann", "m")
    desk.recorder.resume_choice("ann", "m")
    desk.recorder.tick()
    assert counts_of(metrics) == Counts()


# Resuming


def offered(desk: Desk, position: float = 500.0) -> float:
    """Let a viewer be offered to resume, and return where."""
    desk.recorder.report("ann", "m", new(position, duration=1000.0))
    return desk.recorder.resume_choice("ann", "m").position


@both
@pytest.mark.parametrize(
    ("begins", "error"), [(500.0, 0.0), (501.75, 1.75), (502.5, 2.5), (490.0, 10.0)]
)
def test_how_far_from_the_point_offered_a_viewer_begins_is_counted(
    kind: Kind, begins: float, error: float
) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    offered(desk)
    watch(desk, Player(duration=1000, at=NOW).seek(begins).play_for(30).pause(5).play_for(30))
    found = counts_of(metrics)
    assert (found.resumed, found.started_over) == (1, 0)
    assert found.resume_error == pytest.approx(error)
    assert found.resumed_near == (error <= 2)
    assert found.resume_accuracy == found.resumed_near
    assert found.mean_resume_error == found.resume_error


@both
def test_who_starts_over_is_no_inaccurate_resume(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    offered(desk)
    watch(desk, Player(duration=1000, at=NOW).play_for(30))
    found = counts_of(metrics)
    assert (found.resumed, found.started_over) == (0, 1)
    assert found.resume_accuracy is None
    assert found.mean_resume_error is None


@both
def test_an_offer_counts_once_and_only_where_there_is_something_to_resume(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    desk.recorder.resume_choice("ann", "m")
    watch(desk, Player(duration=1000, at=NOW).play_for(30))
    assert counts_of(metrics).started_over == 0
    offered(desk)
    for _ in range(2):
        desk.clock.now += 10
        start = desk.clock.now
        watch(desk, Player(duration=1000, at=start).seek(500).play_for(30))
    assert counts_of(metrics).resumed == 1


@both
def test_no_more_than_so_many_offers_are_remembered(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milestone_progress._arms.REMEMBERED_OFFERS", 2)
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    for viewer in ("ann", "bob", "cid"):
        desk.recorder.report(viewer, "m", new(500.0, duration=1000.0))
        desk.recorder.resume_choice(viewer, "m")
    for viewer in ("ann", "bob", "cid"):
        watch(desk, Player(duration=1000, at=NOW).seek(500).play_for(5), viewer)
    assert counts_of(metrics).resumed == 2


@both
def test_a_viewer_who_is_deleted_is_offered_nothing_any_more(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    offered(desk)
    desk.recorder.delete_viewer("ann")
    watch(desk, Player(duration=1000, at=NOW).seek(500).play_for(5))
    assert counts_of(metrics).resumed == 0


# Reports


def reported(desk: Desk, player: Player, policy: Any = None) -> float:
    """Have a browser report what its tracker decides, and return what was really played."""
    tracker = Tracker() if policy is None else tracker_for(policy)
    for decision in tracker.feed(player):
        desk.clock.now = max(desk.clock.now, decision.at)
        body = json.dumps(decision.to_report())
        desk.recorder.report("ann", "m", parse_report(body))
    return tracker.played_time


@both
@pytest.mark.parametrize("policy", [None, IntervalPolicy()])
def test_what_reports_tell_of_having_been_played_is_an_estimate(kind: Kind, policy: Any) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    player = Player(duration=3600, at=NOW, interval=1.0).play_to(800).pause(600).play_to_end()
    played = reported(desk, player, policy)
    found = counts_of(metrics)
    assert found.estimated == pytest.approx(played)
    assert found.played == 0
    assert found.requests == found.writes
    assert (found.begun, found.completed) == (1, 1)


@both
def test_what_was_sought_is_not_taken_for_played(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    player = Player(duration=3600, at=NOW, interval=1.0).play_to(370).seek(2000).play_for(600)
    played = reported(desk, player.close())
    assert 0.9 * played <= counts_of(metrics).estimated <= played


@both
def test_what_the_store_fails_at_is_counted_by_request(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics, backlog_limit=1)
    desk.recorder.report("ann", "m", legacy(10.0))
    desk.goes_down()
    desk.recorder.report("ann", "m", legacy(40.0))
    desk.recorder.report("bob", "m", legacy(40.0))
    with pytest.raises(StoreError):
        desk.recorder.handle("cid", "m", [])
    found = counts_of(metrics)
    assert (found.requests, found.failed, found.refused, found.writes) == (4, 3, 2, 1)
    assert found.error_rate == 0.75
    desk.drain()
    # What was tried again is a write, and no request.
    assert counts_of(metrics).writes == 2
    assert counts_of(metrics).requests == 4


@both
def test_a_fault_after_the_commit_is_a_failure_too(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    desk.goes_down(Fault.AFTER)
    desk.recorder.report("ann", "m", new(trigger=Trigger.MILESTONE, milestone=50))
    assert counts_of(metrics).failed == 1


@both
def test_a_completion_is_counted_once(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    for _ in range(2):
        desk.recorder.report("ann", "m", new(100.0, trigger=Trigger.COMPLETION))
        desk.clock.now += 10
        desk.recorder.complete("bob", "m")
    found = counts_of(metrics)
    assert (found.begun, found.completed, found.completion_rate) == (2, 2, 1.0)


# Adding up


@given(counts, counts)
def test_counts_of_workers_add_up(one: Counts, other: Counts) -> None:
    metrics = Metrics()
    for part in (one, other):
        metrics.add(Arm.INTERVAL, part)
    found = counts_of(metrics, Arm.INTERVAL)
    for field in fields(Counts):
        total = getattr(one, field.name) + getattr(other, field.name)
        assert getattr(found, field.name) == total
    assert counts_of(metrics) == Counts()


@given(counts)
def test_counts_come_out_of_json_as_they_went_in(found: Counts) -> None:
    assert Counts.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_threads_lose_no_count() -> None:
    metrics = Metrics()

    def work() -> None:
        for _ in range(2_000):
            metrics.add(Arm.MILESTONE, Counts(requests=1, played=0.5))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts_of(metrics) == Counts(requests=8_000, played=4_000.0)


def test_rates_are_unknown_where_nothing_was_counted() -> None:
    nothing = Counts()
    assert nothing.hours is None
    assert nothing.writes_per_hour is None
    assert nothing.shadow_writes_per_hour is None
    assert nothing.completion_rate is None
    assert nothing.error_rate is None


def test_rates_are_per_hour_played() -> None:
    found = Counts(writes=20, played=3600.0, estimated=3600.0, shadowed=1800.0, shadow_writes=60)
    assert (found.hours, found.writes_per_hour, found.shadow_writes_per_hour) == (2, 10, 120)


# Files


def test_what_workers_wrote_is_read_as_one(tmp_path: Path) -> None:
    paths = [tmp_path / f"worker-{number}.json" for number in range(3)]
    for path in paths:
        metrics = Metrics()
        metrics.add(Arm.MILESTONE, Counts(requests=2, played=1.5))
        metrics.write(path)
    assert Metrics.read(*paths).counts(Arm.MILESTONE) == Counts(requests=6, played=4.5)
    assert Metrics.read().counts(Arm.MILESTONE) == Counts()


def test_a_file_is_replaced_whole_and_nothing_else_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metrics.json"
    metrics = Metrics()
    metrics.write(path)
    metrics.add(Arm.MILESTONE, Counts(requests=1))
    metrics.write(path)
    assert Metrics.read(path).counts(Arm.MILESTONE).requests == 1

    def fails(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(Path, "replace", fails)
    metrics.add(Arm.MILESTONE, Counts(requests=1))
    with pytest.raises(OSError, match="no room"):
        metrics.write(path)
    assert Metrics.read(path).counts(Arm.MILESTONE).requests == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_an_earlier_version_lacks_what_was_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text('{"schema": 1, "arms": {"interval": {"requests": 3}}}', encoding="utf-8")
    assert Metrics.read(path).counts(Arm.INTERVAL) == Counts(requests=3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"schema": 2, "arms": {}}',
        '{"schema": 1}',
        '{"schema": 1, "arms": 7}',
        '{"schema": 1, "arms": {"other": {}}}',
        '{"schema": 1, "arms": {"interval": []}}',
        '{"schema": 1, "arms": {"interval": {"viewers": 1}}}',
        '{"schema": 1, "arms": {"interval": {"requests": -1}}}',
        '{"schema": 1, "arms": {"interval": {"requests": 1.5}}}',
        '{"schema": 1, "arms": {"interval": {"requests": true}}}',
        '{"schema": 1, "arms": {"interval": {"played": NaN}}}',
        '{"schema": 1, "arms": {"interval": {"played": "1"}}}',
        "[" * 100_000,
        '"\ud800"',
    ],
)
def test_what_is_no_file_of_metrics_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "strange.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(MetricsError, match=r"strange\.json holds no metrics"):
        Metrics.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MetricsError, match=r"cannot read .*nothing\.json"):
        Metrics.read(tmp_path / "nothing.json")


def test_what_is_no_count_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidValueError, match=r"^counts\.viewers must be left out"):
        Counts.from_dict({"viewers": 1})


@both
def test_nothing_personal_is_in_a_file(kind: Kind, tmp_path: Path) -> None:
    metrics = Metrics()
    desk = Desk(kind, policy=Rollout(percent=50, shadow=True), metrics=metrics)
    for viewer in ("ann@example.org", "bob@example.org"):
        desk.recorder.report(viewer, "secret-media", new(500.0, duration=1000.0))
        desk.recorder.resume_choice(viewer, "secret-media")
        desk.recorder.handle(viewer, "secret-media", list(Player(duration=1000).play_to(40)))
    metrics.write(tmp_path / "metrics.json")
    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert "requests" in text
    assert "example" not in text
    assert "secret" not in text


# What players make up


@both
def test_one_player_that_makes_up_positions_does_not_count_for_all_others(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    desk.recorder.handle(
        "ann",
        "m",
        [Play(at=NOW, position=0.0), TimeUpdate(at=NOW + 1e9, position=1e9)],
    )
    desk.recorder.report("bob", "m", new(1e9))
    counted = counts_of(metrics)
    assert 0 < counted.played <= 86_400
    assert 0 < counted.estimated <= 600


def test_whatever_was_counted_can_be_read_again(tmp_path: Path) -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.add(Arm.INTERVAL, Counts(requests=10**15, played=1e15))
    metrics.write(tmp_path / "much")
    assert Metrics.read(tmp_path / "much").counts(Arm.INTERVAL) == metrics.counts(Arm.INTERVAL)


@pytest.mark.parametrize("little", [5e-324, 1e-300, 0.999])
def test_of_less_than_a_second_nothing_is_said(little: float) -> None:
    for counted in (Counts(played=little, writes=1), Counts(estimated=little, writes=1)):
        assert counted.writes_per_hour is None
    assert Counts(shadowed=little, shadow_writes=1).shadow_writes_per_hour is None


@both
def test_who_looks_at_the_page_while_it_plays_elsewhere_has_not_resumed(kind: Kind) -> None:
    metrics = Metrics()
    desk = Desk(kind, metrics=metrics)
    player = Player(duration=1000, at=NOW).play_to(200)
    watch(desk, player)
    desk.recorder.resume_choice("ann", "m")
    told = len(player.events)
    watch(desk, player.play_to(210).events[told:])
    assert counts_of(metrics).resumed == 0


@both
def test_a_viewing_that_ends_after_a_switch_counts_in_the_arm_it_was_in(kind: Kind) -> None:
    plan = [Rollout(percent=0, shadow=True)]
    metrics = Metrics()
    desk = Desk(kind, policy=lambda: plan[0], metrics=metrics)
    watch(desk, Player(duration=1000, at=NOW).play_to(8))
    plan[0] = Rollout(percent=100, shadow=True)
    desk.recorder.close()
    assert counts_of(metrics, Arm.MILESTONE) == Counts()
    assert counts_of(metrics, Arm.INTERVAL).shadow_writes == 1
