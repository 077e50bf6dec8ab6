"""What counts towards milestones and completion: rule 4.15."""

from typing import Literal

import pytest
from hypothesis import given

from milestone_progress import (
    Complete,
    MediaInfo,
    Play,
    SavePolicy,
    Seeked,
    TimeUpdate,
    Tracker,
)
from viewing_logs import Log, Saved, logs
from viewing_script import Viewing, playing

PLAYED = SavePolicy(basis="played")


def newly_reached(viewing: Viewing) -> list[float]:
    return [d.milestone for d in viewing.decisions if d.milestone is not None]


def triggers(viewing: Viewing) -> list[str]:
    return [str(decision.trigger) for decision in viewing.decisions]


# Played seconds


def test_watched_in_one_go_the_same_milestones_are_reached_at_the_same_places() -> None:
    by_position, by_playing = playing(duration=1000), playing(PLAYED, duration=1000)
    for viewing in (by_position, by_playing):
        viewing.watch(949)
    assert by_playing.saves == by_position.saves


def test_a_seek_earns_no_milestone() -> None:
    viewing = playing(PLAYED, duration=1000)
    viewing.watch(5)
    viewing.seek(890)
    viewing.watch(60)
    assert newly_reached(viewing) == []
    assert triggers(viewing) == ["seek"]


def test_seconds_played_anywhere_add_up() -> None:
    viewing = playing(PLAYED, duration=100)
    viewing.watch(8)
    viewing.seek(50)
    viewing.watch(17)
    assert newly_reached(viewing) == [10, 25]


def test_seconds_played_twice_count_once() -> None:
    viewing = playing(PLAYED, duration=100)
    for _ in range(5):
        viewing.watch(9)
        viewing.seek(0)
    viewing.watch(9)
    assert newly_reached(viewing) == []


def test_seconds_of_earlier_viewings_count() -> None:
    class Record(Saved):
        played = (1 << 9) - 1

    viewing = playing(PLAYED, record=Record(9, 100), duration=100, position=9)
    viewing.watch(1)
    assert newly_reached(viewing) == [10]


def test_completion_takes_95_percent_of_playing_unless_another_percent_is_asked_for() -> None:
    viewing = playing(PLAYED, duration=1000)
    viewing.watch(949)
    assert not viewing.tracker.completed
    viewing.watch(1)
    decision = viewing.decisions[-1]
    assert (decision.trigger, decision.position, decision.milestone) == ("completion", 950, 100)

    viewing = playing(SavePolicy(basis="played", completion_percent=40), duration=100)
    viewing.watch(60)
    assert viewing.saves == [("milestone", 10), ("milestone", 25), ("completion", 40)]


def test_whoever_seeks_to_the_end_has_not_completed_what_must_be_played() -> None:
    viewing = playing(PLAYED, duration=100)
    viewing.watch(30)
    viewing.seek(99)
    viewing.watch(1)
    viewing.ended()
    viewing.unload()
    assert not viewing.tracker.completed
    assert viewing.saves[-1] == ("unload", 100)


def test_what_was_missing_completes_when_it_is_played_later() -> None:
    viewing = playing(PLAYED, duration=100)
    viewing.seek(50)
    viewing.watch(50)
    viewing.ended()
    viewing.seek(0)
    viewing.play()
    viewing.watch(46)
    assert viewing.saves[-1] == ("completion", 45)


def test_ended_completes_what_was_played() -> None:
    viewing = playing(SavePolicy(basis="played", completion_percent=100), duration=10)
    viewing.watch(9)
    assert newly_reached(viewing) == [10, 25, 50, 75, 90]
    viewing.ended(10)
    assert viewing.saves[-1] == ("completion", 10)


def test_ended_reaches_the_milestones_of_what_was_played_last() -> None:
    viewing = playing(SavePolicy(basis="played", milestones=(75, 100)), duration=4)
    viewing.seek(1)
    viewing.wait(3)
    viewing.watch(2.75, step=0.25)
    viewing.ended(4)
    assert viewing.saves[-1] == ("milestone", 4)
    assert not viewing.tracker.completed


def test_a_loop_completes_what_was_played_and_no_more() -> None:
    looping = SavePolicy(basis="played", completion_percent=90)
    viewing = playing(looping, duration=10)
    viewing.watch(9.75, step=0.25)
    assert viewing.tracker.completed
    viewing = playing(looping, duration=10)
    viewing.seek(5)
    viewing.wait(3)
    viewing.watch(4.75, step=0.25)
    viewing.seek(0)
    assert not viewing.tracker.completed


def test_mark_as_complete_completes_whatever_was_played() -> None:
    viewing = playing(PLAYED, duration=100)
    viewing.watch(20)
    viewing.complete()
    assert viewing.saves[-1] == ("completion", 20)


@pytest.mark.parametrize("duration", [None, 0.5])
def test_without_whole_seconds_to_play_none_of_it_is_reached(duration: float | None) -> None:
    viewing = playing(PLAYED, duration=duration)
    viewing.watch(20 if duration is None else 0.5)
    viewing.ended()
    viewing.unload()
    assert not viewing.tracker.completed
    assert newly_reached(viewing) == []


@given(logs())
def test_no_milestone_is_told_before_so_much_was_played(log: Log) -> None:
    tracker = Tracker(PLAYED)
    for event in log.events:
        if isinstance(event, Complete):
            continue
        decision = tracker.handle(event)
        if decision is not None and decision.milestone is not None:
            assert tracker.coverage is not None
            at_least = 95 if decision.completed else decision.milestone
            assert 100 * tracker.coverage >= at_least - 1e-9


# Completion before the end


@pytest.mark.parametrize("basis", ["position", "played"])
def test_a_percent_completes(basis: Literal["position", "played"]) -> None:
    viewing = playing(SavePolicy(basis=basis, completion_percent=90), duration=100)
    viewing.watch(89)
    assert not viewing.tracker.completed
    viewing.watch(1)
    assert viewing.saves[-1] == ("completion", 90)
    assert viewing.decisions[-1].milestone == 100


@pytest.mark.parametrize("basis", ["position", "played"])
def test_little_left_completes_from_the_least_percent_on(
    basis: Literal["position", "played"],
) -> None:
    policy = SavePolicy(basis=basis, completion_percent=100, completion_seconds_left=60)
    long = playing(policy, duration=1000)
    long.watch(1000)
    assert long.saves[-1] == ("completion", 940)
    short = playing(policy, duration=100)
    short.watch(100)
    assert short.saves[-1] == ("completion", 75)


def test_the_end_completes_whatever_percent_does() -> None:
    viewing = playing(SavePolicy(completion_percent=99.99), duration=100)
    viewing.watch(99)
    viewing.ended()
    assert viewing.saves[-1] == ("completion", 100)


def test_a_seek_beyond_the_percent_completes_when_it_is_played_on_from_there() -> None:
    viewing = playing(SavePolicy(completion_percent=90), duration=1000)
    viewing.seek(950)
    assert not viewing.tracker.completed
    viewing.watch(2)
    assert viewing.saves == [("completion", 952)]


def test_completing_before_the_end_is_told_once() -> None:
    viewing = playing(SavePolicy(completion_percent=50), duration=100)
    viewing.watch(100)
    viewing.ended()
    viewing.seek(0)
    viewing.play()
    viewing.watch(100)
    assert triggers(viewing).count("completion") == 1


def test_a_percent_waits_for_a_duration_that_grows() -> None:
    viewing = playing(SavePolicy(completion_percent=50), duration=10)
    viewing.watch(4)
    viewing.info(duration=12)
    viewing.watch(4)
    assert not viewing.tracker.completed
    viewing.info(duration=1000)
    viewing.watch(12)
    assert not viewing.tracker.completed


# The fast way


@given(logs())
def test_the_deadline_is_that_of_a_tracker_that_begins_anew_from_a_snapshot(log: Log) -> None:
    policy = SavePolicy(basis="played")
    tracker = Tracker(policy)
    for event in log.events:
        tracker.handle(event)
        restored = Tracker.restore(tracker.snapshot(), policy)
        assert tracker.deadline == restored.deadline


def test_marking_as_complete_elsewhere_in_the_run_does_not_put_off_what_is_reached() -> None:
    """At 16×, where eight seconds back within the same event are told by no seek."""
    tracker = Tracker(PLAYED, Saved(0.0, completed=True))
    tracker.feed(
        [
            MediaInfo(at=1000.0, duration=100.0, rate=16.0),
            Seeked(at=1000.0, position=50.0),
            Play(at=1000.0, position=50.0),
            *(TimeUpdate(at=1000 + n / 64, position=50 + n / 4) for n in range(1, 5)),
            Complete(at=1000.0625, position=42.0),
        ]
    )
    decisions = tracker.feed(
        TimeUpdate(at=1000.0625 + n / 64, position=42 + n / 4) for n in range(1, 50)
    )
    assert [(one.milestone, one.position) for one in decisions] == [(10, 52.0)]
