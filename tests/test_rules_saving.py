"""When to save: the rules of sections 4 and 8, by their numbers."""

import json
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    Complete,
    Emptied,
    Event,
    IntervalPolicy,
    IntervalTracker,
    Phase,
    Play,
    SavePolicy,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Unload,
)
from viewing_logs import Log, Saved, logs
from viewing_script import Viewing, playing

ONLY_THE_END = SavePolicy(milestones=(100,))
RECORD = Saved(position=400, duration=1000, milestone=25)


def newly_reached(viewing: Viewing) -> list[float]:
    return [d.milestone for d in viewing.decisions if d.milestone is not None]


def waiting(viewing: Viewing) -> list[str]:
    return [str(trigger) for trigger in viewing.tracker.pending]


# 4 Decisions


def test_4_one_decision_is_made_for_all_reasons_and_names_the_first() -> None:
    viewing = playing(duration=1000, position=90)
    viewing.pause()
    viewing.wait(29)
    viewing.seek(800)
    viewing.wait(2)
    decision = viewing.play()  # A seek, an extended pause and milestones.
    assert viewing.saves == [("seek", 800)]
    assert decision is not None
    assert decision.milestone == decision.last_milestone == 75
    assert waiting(viewing) == []


def test_4_a_decision_tells_all_there_is_to_save() -> None:
    viewing = playing(duration=200)
    viewing.watch(20)
    (decision,) = viewing.decisions
    assert decision.at == viewing.at
    assert decision.trigger == "milestone"
    assert (decision.position, decision.duration, decision.percent) == (20, 200, 10)
    assert (decision.milestone, decision.last_milestone, decision.completed) == (10, 10, False)


def test_4_a_later_decision_covers_what_an_earlier_one_said() -> None:
    viewing = playing(duration=100)
    viewing.watch(27)
    viewing.unload()
    later = viewing.decisions[-1]
    assert (later.trigger, later.milestone, later.last_milestone) == ("unload", None, 25)


# 4.1 Nothing in IDLE


def test_4_1_before_playback_begins_nothing_is_saved() -> None:
    viewing = Viewing(duration=1000)
    viewing.seek(600)
    viewing.pause(600)
    viewing.wait(60)
    viewing.tick()
    viewing.unload()
    viewing.emptied()
    assert viewing.saves == []


def test_4_1_complete_is_saved_even_before_playback() -> None:
    viewing = Viewing(record=RECORD)
    viewing.complete(20)
    assert viewing.saves == [("completion", 400)]
    assert viewing.tracker.completed


@pytest.mark.parametrize(
    "last", [Complete(at=34), Unload(at=34), Tick(at=34)], ids=["complete", "unload", "tick"]
)
def test_4_1_what_was_played_before_is_no_checkpoint_before_playback(last: Event) -> None:
    tracker = Tracker(SavePolicy(max_unsaved=10), Saved(position=0, duration=1000, completed=True))
    to_and_fro = [TimeUpdate(at=step / 2, position=step % 2 / 2) for step in range(1, 60)]
    tracker.feed([Play(at=0, position=0, duration=1000), *to_and_fro, Emptied(at=31)])
    assert tracker.played_time >= 10
    resumed: list[Event] = [Seeking(at=32, position=40), Seeked(at=33, position=40)]
    assert tracker.feed([*resumed, last]) == []


def test_4_1_the_seek_with_which_the_application_resumes_opens_no_gesture() -> None:
    viewing = Viewing(duration=1000)
    viewing.seek(80)
    viewing.play()
    viewing.watch(10)
    assert viewing.saves == []


def test_4_1_a_resume_seek_that_lands_after_play_is_still_the_applications() -> None:
    viewing = Viewing(duration=1000)
    viewing.seeking(80)
    viewing.play()
    viewing.seeked()
    viewing.watch(10)
    assert viewing.saves == []


# 4.2 News


@pytest.mark.parametrize(("moved", "saved"), [(0.75, False), (1, True), (-0.75, False), (-1, True)])
def test_4_2_a_position_is_news_when_it_moved_a_second(moved: float, saved: bool) -> None:
    viewing = playing(position=20)
    viewing.unload()
    viewing.wait(1)
    viewing.unload(20 + moved)
    assert (len(viewing.saves) == 2) is saved


def test_4_2_a_record_counts_as_saved() -> None:
    viewing = playing(record=RECORD, position=400.75)
    assert viewing.unload() is None
    assert viewing.unload(401) is not None


def test_4_2_without_news_the_reasons_are_spent() -> None:
    viewing = playing(position=20)
    viewing.unload()
    viewing.pause()
    viewing.wait(30)
    assert viewing.tick() is None
    viewing.play()
    viewing.watch(20)
    assert viewing.saves == [("unload", 20)]


def test_4_2_a_milestone_reached_without_news_stays_news_for_the_next_save() -> None:
    viewing = playing(record=Saved(position=400, duration=1000), position=95)
    viewing.watch(9)  # Protected: 10 % are passed, and not said.
    assert viewing.saves == []
    assert viewing.tracker.milestone == 10
    viewing.watch(1)
    viewing.unload()
    assert newly_reached(viewing) == [10]


def test_4_2_a_completion_is_news_wherever_it_is() -> None:
    viewing = playing(position=20)
    viewing.unload()
    viewing.complete(20)
    assert viewing.saves == [("unload", 20), ("completion", 20)]


# 4.3 Never the start


@pytest.mark.parametrize(("position", "saved"), [(0.75, False), (1, True)])
def test_4_3_a_position_below_a_second_is_no_news(position: float, saved: bool) -> None:
    viewing = playing()
    viewing.watch(position, step=0.25)
    assert (viewing.unload() is not None) is saved


def test_4_3_not_even_for_a_milestone_is_the_start_saved() -> None:
    viewing = playing(duration=4)
    viewing.watch(0.75, step=0.25)
    assert viewing.tracker.milestone == 10
    assert viewing.saves == []
    viewing.watch(0.25, step=0.25)
    assert viewing.saves == [("milestone", 1)]
    assert newly_reached(viewing) == [25]


def test_4_3_a_completion_is_saved_at_the_start_too() -> None:
    viewing = playing(ONLY_THE_END, duration=0.75)
    viewing.watch(0.75, step=0.25)
    assert viewing.saves == [("completion", 0.75)]


# 4.4 Milestones


@pytest.mark.parametrize(("position", "milestone"), [(24.99, 10), (25, 25), (49.999999, 25)])
def test_4_4_a_milestone_is_reached_at_or_after_its_position_without_rounding(
    position: float, milestone: float
) -> None:
    viewing = playing(duration=100, position=position)
    assert viewing.tracker.milestone == milestone


def test_4_4_one_step_over_several_milestones_says_the_highest() -> None:
    viewing = playing(duration=100, rate=16)
    viewing.wait(4)
    viewing.update(60)
    assert viewing.saves == [("milestone", 60)]
    assert newly_reached(viewing) == [50]
    assert viewing.decisions[0].last_milestone == 50


def test_4_4_each_milestone_is_said_once_and_going_back_does_not_unreach_it() -> None:
    viewing = playing(duration=100)
    viewing.watch(30)
    viewing.seek(5)
    viewing.watch(25)
    assert newly_reached(viewing) == [10, 25]
    assert viewing.tracker.milestone == 25


def test_4_4_a_record_keeps_the_milestones_reached_before() -> None:
    viewing = playing(record=RECORD, position=399)
    viewing.watch(200)
    assert newly_reached(viewing) == [50]


@pytest.mark.parametrize("told", ["info", "tick"])
def test_4_4_milestones_are_checked_when_only_duration_or_time_is_told(told: str) -> None:
    viewing = playing(duration=1000, position=0)
    viewing.watch(30)
    viewing.info(duration=100)
    assert viewing.tracker.milestone == 0
    viewing.wait(10)
    assert getattr(viewing, told)() is not None
    assert viewing.tracker.milestone == 25


def test_4_4_no_milestone_is_reached_in_a_pause_or_in_idle() -> None:
    viewing = Viewing(duration=100, rate=1)
    viewing.update(60)
    assert viewing.tracker.milestone == 0
    viewing.play(5)
    viewing.pause()
    viewing.wait(5)
    viewing.update(60)
    viewing.wait(2)
    viewing.update(60)
    assert viewing.tracker.milestone == 0
    viewing.play(60)
    assert viewing.tracker.milestone == 50


def test_4_4_a_pause_tells_of_what_was_played_before_it() -> None:
    viewing = playing(duration=100)
    viewing.watch(24)
    viewing.wait(1)
    viewing.pause(25)
    assert newly_reached(viewing) == [10, 25]


def test_4_4_what_a_seek_jumped_over_is_reached_when_its_gesture_settles() -> None:
    viewing = playing(duration=100, position=5)
    assert viewing.seek(60) == []
    viewing.watch(1.75, step=0.25)
    assert viewing.tracker.milestone == 0
    viewing.watch(0.25, step=0.25)
    assert viewing.saves == [("seek", 62)]
    assert newly_reached(viewing) == [50]


def test_4_4_no_milestone_is_reached_at_a_seek_however_short() -> None:
    viewing = playing(SavePolicy(seek_settle=1), duration=100, position=9)
    viewing.seeking(11)
    viewing.wait(0.5)
    viewing.seeked()
    assert viewing.tracker.milestone == 0


def test_4_4_a_seek_that_settles_a_gesture_reaches_what_was_passed_before_it() -> None:
    viewing = playing(duration=100, position=5)
    viewing.seek(30)
    viewing.wait(5)
    viewing.seeking(60)
    assert viewing.saves == [("seek", 30)]
    assert newly_reached(viewing) == [25]


def test_4_4_the_landing_of_the_applications_seek_reaches_milestones() -> None:
    viewing = Viewing(duration=100)
    viewing.seeking(30)
    viewing.play()
    assert viewing.tracker.milestone == 0
    assert viewing.seeked() is not None
    assert newly_reached(viewing) == [25]


# 4.5 Completion


def test_4_5_a_step_that_reaches_the_duration_completes() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=90)
    viewing.watch(9)
    assert viewing.saves == []
    viewing.watch(1)
    (decision,) = viewing.decisions
    assert (decision.trigger, decision.position, decision.percent) == ("completion", 100, 100)
    assert (decision.milestone, decision.completed) == (100, True)


@pytest.mark.parametrize("event", ["pause", "unload", "play"])
def test_4_5_any_event_may_tell_of_that_step(event: str) -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=99)
    viewing.wait(1)
    getattr(viewing, event)(100)
    assert viewing.saves == [("completion", 100)]


def test_4_5_ended_completes_at_the_duration() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=95)
    viewing.ended(99)
    assert viewing.saves == [("completion", 100)]


def test_4_5_ended_completes_at_its_own_position_if_no_duration_is_known() -> None:
    viewing = playing(duration=None)
    viewing.watch(99)
    viewing.ended(100)
    assert viewing.saves == [("completion", 100)]
    assert viewing.decisions[0].percent is None


def test_4_5_ended_completes_where_the_playhead_is_if_nothing_else_is_known() -> None:
    viewing = playing(duration=None)
    viewing.watch(99)
    viewing.ended()
    assert viewing.saves == [("completion", 99)]


def test_4_5_ended_after_a_pause_completes_too() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=99)
    viewing.pause(99.75)
    viewing.ended()
    assert viewing.saves == [("completion", 100)]


def test_4_5_complete_completes_at_its_position() -> None:
    viewing = playing(duration=1000)
    viewing.watch(20)
    viewing.complete(20)
    (decision,) = viewing.decisions
    assert (decision.trigger, decision.position, decision.percent) == ("completion", 20, 2)
    assert (decision.milestone, decision.last_milestone) == (100, 100)


def test_4_5_completion_is_said_once_and_survives_a_rewatch() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=95)
    viewing.watch(5)
    viewing.ended()
    viewing.complete()
    viewing.seek(0)
    viewing.play()
    viewing.watch(100)
    viewing.ended()
    triggers = [trigger for trigger, _ in viewing.saves]
    assert triggers.count("completion") == 1
    assert newly_reached(viewing) == [100]
    assert viewing.decisions[-1].completed


def test_4_5_a_seek_to_the_end_does_not_complete_by_itself() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=20)
    viewing.seek(100)
    for _ in range(10):
        viewing.wait(1)
        viewing.update(100)
    assert viewing.saves == [("seek", 100)]
    assert viewing.tracker.completed is False
    viewing.ended()
    assert viewing.saves == [("seek", 100), ("completion", 100)]


def test_4_5_ended_soon_after_a_seek_to_the_end_completes() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=20)
    viewing.seek(99)
    viewing.wait(1)
    viewing.ended()
    assert viewing.saves == [("completion", 100)]


def test_4_5_ended_during_a_seek_completes() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=20)
    viewing.seeking(100)
    viewing.ended()
    assert viewing.saves == [("completion", 100)]


def test_4_5_ended_after_an_unannounced_landing_goes_back_and_does_not_complete() -> None:
    viewing = playing(duration=60)
    viewing.watch(15)
    viewing.wait(0.25)
    viewing.update(60)
    viewing.pause(60)
    viewing.ended(60)
    assert viewing.tracker.completed is False
    assert viewing.tracker.phase is Phase.ENDED
    assert viewing.tracker.position == 15.25
    assert newly_reached(viewing) == [10, 25]


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize(("duration", "completes"), [(25.5, True), (25.75, False)])
def test_4_5_an_ended_that_is_itself_a_leap_goes_back_and_does_not_complete(
    duration: float, completes: bool, paused: bool
) -> None:
    viewing = playing(ONLY_THE_END, duration=duration, position=5)
    viewing.watch(10)
    if paused:
        viewing.pause()
    viewing.ended()
    assert viewing.tracker.completed is completes
    assert viewing.tracker.position == (duration if completes else 15)


# 4.6 Looping players


@pytest.mark.parametrize("announced", [False, True])
def test_4_6_a_return_from_the_end_to_the_start_completes_as_it_lands(announced: bool) -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=95)
    viewing.watch(4)
    viewing.wait(0.75)
    if announced:
        viewing.seek(0.5)
    else:
        viewing.update(0.5)
    (decision,) = viewing.decisions
    assert (decision.trigger, decision.position, decision.at) == ("completion", 100, viewing.at)
    assert (decision.milestone, decision.completed) == (100, True)
    assert viewing.tracker.position == 0.5


def test_4_6_only_the_first_loop_saves_and_none_is_a_seek() -> None:
    viewing = playing(ONLY_THE_END, duration=20)
    for _ in range(3):
        viewing.watch(19.75, step=0.25)
        viewing.wait(0.25)
        viewing.seek(0)
    viewing.watch(5)
    assert viewing.saves == [("completion", 20)]


@pytest.mark.parametrize(
    ("rate", "before", "after", "wraps"),
    [
        (1, 99, 1, True),
        (1, 98.75, 1, False),
        (1, 99, 1.25, False),
        (0.5, 99, 1, True),
        (16, 92, 8, True),
        (16, 91.75, 8, False),
        (16, 92, 8.25, False),
    ],
)
def test_4_6_both_ends_of_a_loop_are_within_a_second_or_half_the_rate(
    rate: float, before: float, after: float, wraps: bool
) -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=before, rate=rate)
    viewing.seek(after)
    assert viewing.tracker.completed is wraps


@pytest.mark.parametrize("event", ["play", "pause", "unload", "complete"])
def test_4_6_only_time_update_and_seeked_tell_of_a_loop(event: str) -> None:
    viewing = playing(ONLY_THE_END, Saved(0, completed=True), duration=100, position=99)
    getattr(viewing, event)(0)
    assert viewing.settles_in == 2  # A gesture is open: it was a seek.


@pytest.mark.parametrize("state", ["paused", "gesture"])
def test_4_6_in_a_pause_or_gesture_a_return_to_the_start_is_a_seek(state: str) -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=99)
    if state == "paused":
        viewing.pause()
    else:
        viewing.seek(99.5)
    viewing.seek(0)
    assert viewing.tracker.completed is False
    assert viewing.settles_in == 2


def test_4_6_a_loop_does_not_complete_while_the_duration_is_unsettled() -> None:
    viewing = playing(ONLY_THE_END, duration=200, position=99)
    viewing.info(duration=100)
    viewing.update(0)
    assert viewing.tracker.completed is False
    assert viewing.settles_in == 2


def test_4_6_a_loop_of_what_is_completed_is_one_even_while_the_duration_is_unsettled() -> None:
    viewing = playing(ONLY_THE_END, Saved(0, completed=True), duration=50, position=49)
    viewing.info(duration=50.5)
    viewing.wait(0.5)
    viewing.update(0)
    assert viewing.settles_in is None


# 4.7 Seek gestures


@pytest.mark.parametrize(("landing", "significant"), [(30.5, False), (30.75, True), (9.25, True)])
def test_4_7_a_gesture_is_significant_beyond_the_threshold_and_half_a_second(
    landing: float, significant: bool
) -> None:
    viewing = playing(duration=None, position=20)
    viewing.seek(landing)
    viewing.watch(2)
    assert viewing.saves == ([("seek", landing + 2)] if significant else [])


@pytest.mark.parametrize(("seconds", "saved"), [(1.75, False), (2, True)])
def test_4_7_a_gesture_settles_when_no_seek_has_happened_for_two_seconds(
    seconds: float, saved: bool
) -> None:
    viewing = playing(position=20)
    viewing.seek(80)
    viewing.wait(seconds)
    assert (viewing.tick() is not None) is saved


def test_4_7_a_gesture_settles_with_the_position_of_the_event_that_settles_it() -> None:
    viewing = playing(position=20)
    viewing.seek(80)
    viewing.wait(5)
    viewing.update(85)
    assert viewing.saves == [("seek", 85)]


def test_4_7_seeks_that_follow_each_other_are_one_gesture_from_first_origin_to_last_landing() -> (
    None
):
    viewing = playing(position=20)
    for target in (29, 38, 47):  # None of them is significant by itself.
        viewing.seek(target)
        viewing.watch(1.75, step=0.25)
    viewing.watch(0.25, step=0.25)
    assert viewing.saves == [("seek", 49)]


def test_4_7_a_gesture_that_returns_to_where_it_began_is_none() -> None:
    viewing = playing(position=20)
    viewing.seek(80)
    viewing.wait(1)
    viewing.seek(21)
    viewing.watch(5)
    assert viewing.saves == []


def test_4_7_thirty_scrub_steps_are_one_save() -> None:
    viewing = playing(duration=None, position=20)
    for step in range(30):
        viewing.wait(0.1)
        viewing.seek(100 + 5 * step)
    viewing.watch(60)
    assert viewing.saves == [("seek", 247)]


def test_4_7_a_seek_that_began_within_two_seconds_continues_however_late_it_lands() -> None:
    viewing = playing(position=20)
    viewing.seek(60)
    viewing.wait(1.75)
    viewing.seeking(80)
    viewing.wait(1)
    viewing.seeked()
    viewing.watch(1.75, step=0.25)
    assert viewing.saves == []
    viewing.watch(0.25, step=0.25)
    assert viewing.saves == [("seek", 82)]


@pytest.mark.parametrize("announced", [False, True])
def test_4_7_a_new_seek_after_two_seconds_first_settles_the_old_one(announced: bool) -> None:
    viewing = playing(position=20)
    viewing.seek(60)
    viewing.wait(2)
    if announced:
        viewing.seeking(90)
    else:
        viewing.update(90)
    assert viewing.saves == [("seek", 60)]  # With the last position.
    assert viewing.tracker.position == 90


@pytest.mark.parametrize("told", ["play", "pause"])
def test_4_7_an_unannounced_seek_told_by_play_or_pause_continues_the_open_gesture(
    told: str,
) -> None:
    viewing = playing(position=20)
    viewing.seek(60)
    viewing.wait(5)
    getattr(viewing, told)(90)
    assert viewing.saves == []
    viewing.wait(2)
    viewing.tick()
    assert viewing.saves == [("seek", 90)]


@pytest.mark.parametrize(("told", "trigger"), [("unload", "unload"), ("complete", "completion")])
def test_4_7_an_unannounced_seek_told_by_these_continues_the_open_gesture(
    told: str, trigger: str
) -> None:
    viewing = playing(position=20)
    viewing.seek(60)
    viewing.wait(5)
    getattr(viewing, told)(90)
    assert viewing.saves == [(trigger, 90)]
    assert viewing.settles_in == 2


@pytest.mark.parametrize("told", ["unload", "complete"])
def test_4_7_a_gesture_is_not_settled_by_unload_or_complete(told: str) -> None:
    viewing = playing(position=20)
    viewing.seek(60)
    viewing.wait(5)
    getattr(viewing, told)()
    assert viewing.settles_in == 0  # It is still open, and due.
    viewing.watch(1)
    assert viewing.saves[1:] == [("seek", 61)]


def test_4_7_a_gesture_does_not_settle_while_a_seek_is_under_way() -> None:
    viewing = playing(position=20)
    viewing.seek(60)
    viewing.wait(1)
    viewing.seeking(80)
    for _ in range(3):
        viewing.wait(30)
        viewing.tick()
    assert viewing.saves == []
    viewing.seeked()
    assert viewing.saves == [("seek", 80)]  # Longer than 30 s: settled as it lands.


def test_4_7_after_thirty_seconds_a_gesture_settles_although_the_viewer_scrubs_on() -> None:
    viewing = playing(duration=None, position=20)
    viewing.seek(100)
    for step in range(1, 30):
        viewing.wait(1)
        viewing.seek(100 + step)
    assert viewing.saves == []
    viewing.wait(1)
    viewing.seeking(130)
    assert viewing.saves == [("seek", 129)]


def test_4_7_ended_drops_the_gesture() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=20)
    viewing.seek(95)
    viewing.ended()
    viewing.wait(5)
    viewing.tick()
    assert viewing.saves == [("completion", 100)]
    assert viewing.settles_in is None


def test_4_7_completion_by_position_waits_while_a_gesture_is_open() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=20)
    viewing.seek(99)
    viewing.wait(1)
    assert viewing.update(100) is None
    viewing.wait(1)
    viewing.update(100)
    assert viewing.saves == [("seek", 100)]
    assert viewing.tracker.completed is False


def test_4_7_an_extended_pause_waits_while_a_gesture_is_open() -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(29)
    viewing.seek(80)
    viewing.wait(1.75)
    assert viewing.tick() is None
    viewing.wait(0.25)
    viewing.tick()
    assert viewing.saves == [("seek", 80)]
    assert waiting(viewing) == []  # One save for both.


def test_4_7_a_checkpoint_waits_while_a_gesture_is_open() -> None:
    viewing = playing(SavePolicy(max_unsaved=10), duration=None, position=20)
    viewing.watch(9)
    viewing.seek(30)  # Not significant.
    viewing.watch(1.75, step=0.25)
    assert viewing.saves == []
    viewing.watch(0.25, step=0.25)
    assert viewing.saves == [("checkpoint", 32)]


def test_4_7_with_no_time_to_settle_a_seek_is_saved_as_it_lands() -> None:
    viewing = playing(SavePolicy(seek_settle=0), position=20)
    assert viewing.seek(60) != []
    assert viewing.saves == [("seek", 60)]


# 4.8 Extended pause, checkpoint, unload


@pytest.mark.parametrize(("seconds", "saved"), [(29.75, False), (30, True)])
@pytest.mark.parametrize("shown_by", ["tick", "play", "pause", "info", "unload"])
def test_4_8_a_pause_of_thirty_seconds_is_saved_at_the_first_event_that_shows_it(
    shown_by: str, seconds: float, saved: bool
) -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(seconds)
    getattr(viewing, shown_by)()
    if shown_by == "unload":
        assert viewing.saves == [("unload", 20)]
    else:
        assert viewing.saves == ([("pause", 20)] if saved else [])


def test_4_8_a_pause_is_saved_once() -> None:
    viewing = playing(SavePolicy(min_save_interval=0), position=20)
    viewing.pause()
    for _ in range(4):
        viewing.wait(30)
        viewing.tick()
    viewing.play(22)
    assert viewing.saves == [("pause", 20)]


def test_4_8_each_pause_counts_by_itself() -> None:
    viewing = playing(position=20)
    for _ in range(2):
        viewing.pause()
        viewing.wait(20)
        viewing.play()
    assert viewing.saves == []


def test_4_8_time_updates_that_count_as_play_end_a_pause_too() -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(30)
    viewing.update(21)
    assert viewing.saves == [("pause", 21)]
    assert viewing.tracker.phase is Phase.PLAYING


def test_4_8_play_ends_a_pause_even_while_a_gesture_is_open() -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(29)
    viewing.seek(80)
    viewing.wait(1)
    viewing.play()
    assert viewing.saves == [("pause", 80)]


def test_4_8_play_ends_a_pause_even_while_a_seek_is_under_way() -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(29)
    viewing.seeking(80)
    viewing.wait(1)
    viewing.play()
    assert viewing.saves == [("pause", 80)]


def test_4_8_seeking_never_shows_a_pause() -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(60)
    assert viewing.seeking(80) is None
    viewing.wait(1)
    viewing.tick()
    assert waiting(viewing) == []
    viewing.seeked()
    viewing.wait(2)
    viewing.tick()
    assert viewing.saves == [("seek", 80)]


def test_4_8_ended_ends_a_pause() -> None:
    viewing = playing(ONLY_THE_END, Saved(0, completed=True), duration=100, position=95)
    viewing.pause()
    viewing.wait(30)
    viewing.ended()
    assert viewing.saves == [("pause", 100)]


def test_4_8_a_checkpoint_is_saved_when_that_much_was_played() -> None:
    viewing = playing(duration=None)
    viewing.watch(599)
    assert viewing.saves == []
    viewing.watch(1)
    assert viewing.saves == [("checkpoint", 600)]
    viewing.watch(600)
    assert viewing.saves == [("checkpoint", 600), ("checkpoint", 1200)]


def test_4_8_a_checkpoint_is_not_late_for_rounding() -> None:
    viewing = playing(SavePolicy(max_unsaved=20), duration=None)
    viewing.watch(20, step=0.1)
    (decision,) = viewing.decisions
    assert decision.trigger == "checkpoint"
    assert decision.position == pytest.approx(20)


def test_4_8_a_checkpoint_counts_what_was_played_since_the_last_save() -> None:
    viewing = playing(SavePolicy(max_unsaved=20), duration=None)
    viewing.watch(15)
    viewing.unload()
    viewing.pause()
    viewing.wait(20)
    viewing.play()
    viewing.watch(10)
    viewing.seek(20)  # Not significant, and not played.
    viewing.watch(9)
    assert viewing.saves == [("unload", 15)]
    viewing.watch(1)
    assert viewing.saves == [("unload", 15), ("checkpoint", 30)]


def test_4_8_without_a_limit_there_are_no_checkpoints() -> None:
    viewing = playing(SavePolicy(max_unsaved=None), duration=None)
    viewing.watch(3600, step=4)
    assert viewing.saves == []


def test_4_8_unload_and_emptied_are_never_held() -> None:
    viewing = playing(duration=None, position=20)
    viewing.seek(80)
    viewing.watch(3)
    viewing.unload()
    viewing.watch(3)
    viewing.emptied()
    assert viewing.saves == [("seek", 82), ("unload", 83), ("unload", 86)]


@pytest.mark.parametrize("event", ["unload", "emptied"])
def test_4_8_a_teardown_that_sought_to_the_start_is_saved_where_it_began(event: str) -> None:
    viewing = playing(duration=None, position=300)
    viewing.seek(0)
    getattr(viewing, event)()
    assert viewing.saves == [("unload", 300)]


@pytest.mark.parametrize("event", ["unload", "emptied"])
def test_4_8_so_is_one_whose_seek_has_not_landed(event: str) -> None:
    viewing = playing(duration=None, position=300)
    viewing.seeking(0.75)
    getattr(viewing, event)()
    assert viewing.saves == [("unload", 300)]


def test_4_8_so_is_one_that_the_unload_itself_tells_of() -> None:
    viewing = playing(duration=None, position=300)
    viewing.unload(0)
    assert viewing.saves == [("unload", 300)]


def test_4_8_a_seek_to_one_second_is_no_teardown() -> None:
    viewing = playing(duration=None, position=300)
    viewing.seek(1)
    viewing.unload()
    assert viewing.saves == [("unload", 1)]


def test_4_8_whoever_stays_at_the_start_is_not_brought_back() -> None:
    viewing = playing(position=20)
    viewing.seek(0)
    viewing.watch(0.75, step=0.25)
    viewing.wait(2)
    viewing.update(0.75)
    viewing.unload()
    assert viewing.saves == []
    assert viewing.tracker.position == 0.75


# 4.9 Deadline


def test_4_9_there_is_none_while_nothing_can_come_of_time_alone() -> None:
    viewing = Viewing(duration=1000)
    assert viewing.tracker.deadline is None
    viewing.seek(500)
    assert viewing.tracker.deadline is None
    viewing.play()
    assert viewing.tracker.deadline is None
    viewing.watch(10)
    assert viewing.tracker.deadline is None


def test_4_9_a_pause_is_due_at_its_threshold() -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(10)
    viewing.tick()
    assert viewing.settles_in == 20


def test_4_9_a_gesture_is_due_when_it_settles() -> None:
    viewing = playing(position=20)
    viewing.seek(80)
    assert viewing.settles_in == 2
    viewing.wait(0.5)
    viewing.tick()
    assert viewing.settles_in == 1.5
    viewing.wait(10)
    assert viewing.tracker.deadline == viewing.at - 8.5


def test_4_9_a_pause_in_a_gesture_is_due_when_the_gesture_settles() -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(29)
    viewing.seek(21)
    assert viewing.settles_in == 2


def test_4_9_a_held_reason_is_due_when_the_least_time_is_over() -> None:
    viewing = playing(duration=None, position=20)
    viewing.seek(80)
    viewing.watch(2)
    viewing.seek(200)
    viewing.watch(2)
    assert waiting(viewing) == ["seek"]
    assert viewing.settles_in == 28


def test_4_9_an_unsettled_duration_is_due_when_it_has_settled() -> None:
    viewing = playing(position=90)
    viewing.info(duration=100)
    viewing.wait(4)
    viewing.tick()
    assert viewing.settles_in == 6


def test_4_9_it_is_told_by_the_reporters_clock() -> None:
    viewing = playing(position=20)
    viewing.pause()
    viewing.wait(10)
    viewing.tick()
    viewing.wait(-3600)
    viewing.tick()
    assert viewing.settles_in == 20


@given(logs())
def test_4_9_before_the_deadline_no_tick_yields_a_decision(log: Log) -> None:
    tracker = Tracker(log.policy, log.record)
    for event in log.events:
        tracker.handle(event)
        deadline = tracker.deadline
        later = event.at + 3600 if deadline is None else deadline - 1 / 16
        if later >= event.at:
            copy = Tracker.restore(tracker.snapshot(), log.policy)
            assert copy.handle(Tick(at=later)) is None


@given(logs())
def test_4_9_a_tick_at_the_deadline_is_enough(log: Log) -> None:
    """A host that ticks at every deadline is never asked to tick for the same thing again."""
    tracker = Tracker(log.policy, log.record)
    for event in log.events:
        tracker.handle(event)
        deadline = tracker.deadline
        for _ in range(4):
            if deadline is None:
                break
            tracker.handle(Tick(at=deadline))
            later = tracker.deadline
            assert later is None or later > deadline
            deadline = later


# 4.10 Held


def held_seek() -> Viewing:
    """Return a viewing in which a `seek` waits, 4 s after the save that holds it."""
    viewing = playing(duration=None, position=20)
    viewing.seek(80)
    viewing.watch(2)
    viewing.watch(2)
    viewing.seek(200)
    viewing.watch(2)
    assert viewing.saves == [("seek", 82)]
    assert waiting(viewing) == ["seek"]
    return viewing


def test_4_10_a_seek_waits_until_thirty_seconds_after_the_last_one() -> None:
    viewing = held_seek()
    viewing.watch(25.75, step=0.25)
    assert viewing.saves == [("seek", 82)]
    viewing.watch(0.25, step=0.25)
    assert viewing.saves == [("seek", 82), ("seek", 228)]
    assert waiting(viewing) == []


def test_4_10_a_pause_waits_too() -> None:
    viewing = playing(SavePolicy(pause_threshold=5), duration=None, position=20)
    viewing.seek(80)
    viewing.watch(2)
    viewing.watch(8)
    viewing.pause()
    viewing.wait(5)
    viewing.tick()
    assert waiting(viewing) == ["pause"]
    viewing.wait(17)
    viewing.tick()
    assert viewing.saves == [("seek", 82), ("pause", 90)]


def test_4_10_what_is_held_does_not_go_out_with_a_seeking_or_during_a_seek() -> None:
    viewing = held_seek()
    viewing.wait(27)
    assert viewing.seeking(300) is None
    viewing.wait(1)
    assert viewing.update(301) is None
    assert viewing.tick() is not None
    assert viewing.saves == [("seek", 82), ("seek", 301)]


def test_4_10_a_seek_that_a_seeking_settles_goes_out_with_it() -> None:
    viewing = playing(SavePolicy(min_save_interval=5), duration=None, position=20)
    viewing.seek(80)
    viewing.watch(3)
    viewing.seek(200)
    viewing.wait(6)
    viewing.seeking(300)
    assert viewing.saves == [("seek", 82), ("seek", 200)]


def test_4_10_what_is_held_goes_out_with_any_other_save_before() -> None:
    viewing = held_seek()
    viewing.unload()
    assert viewing.saves == [("seek", 82), ("unload", 202)]
    assert waiting(viewing) == []
    viewing.watch(60)
    assert len(viewing.saves) == 2


def test_4_10_a_save_that_takes_a_held_one_along_is_named_after_itself() -> None:
    viewing = playing(duration=1000, position=20)
    viewing.seek(60)
    viewing.watch(2)
    viewing.seek(95)
    viewing.watch(2)
    assert waiting(viewing) == ["seek"]
    viewing.watch(3)
    assert viewing.saves == [("seek", 62), ("milestone", 100)]
    assert waiting(viewing) == []


def test_4_10_only_saves_named_seek_or_pause_hold_others() -> None:
    viewing = playing(duration=None, position=20)
    viewing.unload()
    viewing.seek(80)
    viewing.watch(2)
    assert viewing.saves == [("unload", 20), ("seek", 82)]


def test_4_10_a_seek_that_becomes_a_completion_holds_nothing() -> None:
    viewing = playing(SavePolicy(milestones=(100,)), duration=20, position=1)
    viewing.seek(19.5)
    viewing.wait(5)
    viewing.seeked(0)  # Settles the old seek, and is itself the wrap of a looping player.
    assert viewing.saves == [("completion", 20)]
    viewing.seek(15)
    viewing.watch(2)
    assert viewing.saves == [("completion", 20), ("seek", 17)]


# 4.11 Protecting the resume point


def test_4_11_a_viewer_who_is_not_yet_there_does_not_overwrite_the_resume_point() -> None:
    viewing = playing(record=RECORD, position=0)
    viewing.watch(5)
    viewing.unload()
    viewing.pause()
    viewing.wait(60)
    viewing.tick()
    assert viewing.saves == []


def test_4_11_completion_is_news_all_the_same() -> None:
    viewing = playing(record=RECORD, position=0)
    viewing.complete(3)
    assert viewing.saves == [("completion", 3)]


@pytest.mark.parametrize(("position", "there"), [(398, True), (397.75, False), (402, True)])
@pytest.mark.parametrize("by", ["play", "update", "seek"])
def test_4_11_a_playhead_within_two_seconds_of_the_resume_point_is_there(
    by: str, position: float, there: bool
) -> None:
    viewing = Viewing(record=RECORD, duration=1000, rate=1)
    if by != "play":
        viewing.play(0)
        getattr(viewing, by)(position)
    else:
        viewing.play(position)
    viewing.unload(position + 3 if by == "play" else None)
    assert (viewing.saves != []) is there


def test_4_11_seeking_and_ended_do_not_show_that_the_playhead_is_there() -> None:
    viewing = playing(record=Saved(7, 8, completed=True), duration=8)
    viewing.seeking(7)
    viewing.unload()
    viewing.ended()
    viewing.unload()
    assert viewing.tracker.position == 8
    assert viewing.saves == []


@pytest.mark.parametrize(("landing", "meant"), [(700, True), (50, True), (1, True), (0.75, False)])
def test_4_11_a_viewer_who_seeks_elsewhere_means_it(landing: float, meant: bool) -> None:
    viewing = playing(ONLY_THE_END, record=RECORD, position=100)
    viewing.seek(landing)
    viewing.watch(3)
    assert viewing.saves == ([("seek", landing + 2)] if meant else [])


def test_4_11_a_viewer_who_plays_ten_seconds_elsewhere_means_it() -> None:
    viewing = playing(record=RECORD, position=20)
    viewing.watch(9.75, step=0.25)
    assert viewing.unload() is None
    viewing.watch(0.25, step=0.25)
    assert viewing.unload() is not None


def test_4_11_the_start_needs_no_protection() -> None:
    viewing = playing(record=Saved(position=0.75), position=0)
    viewing.watch(2)
    assert viewing.unload() is not None


def test_4_11_after_emptied_the_last_saved_position_is_protected() -> None:
    viewing = playing(duration=None, position=300)
    viewing.emptied()
    viewing.play(0)
    viewing.watch(5)
    assert viewing.unload() is None
    viewing.watch(5)
    assert viewing.unload() is not None
    assert viewing.saves == [("unload", 300), ("unload", 10)]


# 4.12 Unsettled duration


@pytest.mark.parametrize(("duration", "waits"), [(100.25, False), (100.5, True), (99.75, False)])
def test_4_12_a_duration_that_changes_is_not_believed_at_once(duration: float, waits: bool) -> None:
    viewing = playing(duration=100, position=24)
    viewing.info(duration=duration)
    viewing.watch(2)
    assert viewing.tracker.milestone == (10 if waits else 25)


def test_4_12_nor_is_one_that_becomes_known_after_being_infinite() -> None:
    viewing = playing(duration=inf, position=24)
    viewing.info(duration=100)
    viewing.watch(5)
    assert viewing.tracker.milestone == 0


def test_4_12_the_first_duration_is_believed_at_once() -> None:
    viewing = playing(duration=None, position=24)
    viewing.info(duration=100)
    assert viewing.tracker.milestone == 10


def test_4_12_a_duration_is_believed_when_it_has_stood_for_ten_seconds() -> None:
    viewing = playing(duration=200, position=30)
    viewing.info(duration=100)
    viewing.wait(9.75)
    assert viewing.tick() is None
    viewing.wait(0.25)
    assert viewing.tick() is not None
    assert newly_reached(viewing) == [10, 25]


def test_4_12_a_growing_playlist_keeps_its_milestones_waiting() -> None:
    viewing = playing(duration=4)
    for second in range(60):
        viewing.info(duration=4 + second)
        viewing.watch(1)
    assert viewing.tracker.milestone == 25  # Of the four seconds that it had at first.
    assert viewing.tracker.completed is False


def test_4_12_a_step_that_reached_an_unsettled_end_is_not_remembered() -> None:
    viewing = playing(ONLY_THE_END, duration=200, position=95)
    viewing.info(duration=100)
    viewing.watch(5)
    for _ in range(10):
        viewing.wait(1)
        viewing.update(100)
    assert viewing.tracker.completed is False
    viewing.ended()
    assert viewing.tracker.completed is True


def test_4_12_a_further_step_completes_when_the_duration_has_settled() -> None:
    viewing = playing(ONLY_THE_END, duration=200, position=90)
    viewing.info(duration=100)
    viewing.watch(9)
    viewing.watch(1)
    assert viewing.saves == [("completion", 100)]


def test_4_12_ended_completes_although_the_duration_is_unsettled() -> None:
    viewing = playing(ONLY_THE_END, duration=200, position=95)
    viewing.info(duration=100)
    viewing.ended()
    assert viewing.saves == [("completion", 100)]


def test_4_12_milestones_are_never_taken_back() -> None:
    viewing = playing(duration=100)
    viewing.watch(60)
    viewing.info(duration=1000)
    viewing.wait(20)
    viewing.watch(60)
    assert viewing.tracker.milestone == 50
    assert newly_reached(viewing) == [10, 25, 50]


# 4.13 Unknown duration


@pytest.mark.parametrize("duration", [None, inf])
def test_4_13_without_a_duration_all_but_percent_and_milestones_works(
    duration: float | None,
) -> None:
    viewing = playing(duration=duration)
    viewing.watch(600)
    viewing.seek(900)
    viewing.watch(2)
    viewing.watch(40)
    viewing.pause()
    viewing.wait(30)
    viewing.tick()
    viewing.play()
    viewing.watch(5)
    viewing.unload()
    viewing.watch(5)
    viewing.ended()
    assert viewing.saves == [
        ("checkpoint", 600),
        ("seek", 902),
        ("pause", 942),
        ("unload", 947),
        ("completion", 952),
    ]
    assert {decision.percent for decision in viewing.decisions} == {None}
    assert newly_reached(viewing) == [100]


# 4.14 Snapshots


@given(logs(), st.integers(min_value=0))
def test_4_14_a_restored_tracker_behaves_identically(log: Log, number: int) -> None:
    cut = number % (len(log.events) + 1)
    tracker = Tracker(log.policy, log.record)
    tracker.feed(log.events[:cut])
    snapshot = json.loads(json.dumps(tracker.snapshot()))
    restored = Tracker.restore(snapshot, log.policy)
    assert restored.feed(log.events[cut:]) == tracker.feed(log.events[cut:])
    assert restored.snapshot() == tracker.snapshot()


# 8 The legacy mode


def test_8_every_thirty_seconds_played_are_a_save() -> None:
    viewing = playing(IntervalPolicy(), duration=3600)
    viewing.watch(29.75, step=0.25)
    assert viewing.saves == []
    viewing.watch(30.25, step=0.25)
    assert viewing.saves == [("interval", 30), ("interval", 60)]


def test_8_what_is_not_played_does_not_count() -> None:
    viewing = playing(IntervalPolicy(pause_debounce=60), duration=None)
    viewing.watch(20)
    viewing.pause()
    viewing.wait(600)
    viewing.play()
    viewing.seek(500)
    viewing.watch(5)
    assert [trigger for trigger, _ in viewing.saves] == ["pause"]
    viewing.watch(25)
    assert viewing.saves[1:] == [("interval", 530)]


@pytest.mark.parametrize(("seconds", "saved"), [(4.75, False), (5, True)])
def test_8_a_pause_saves_when_the_last_save_is_five_seconds_old(
    seconds: float, saved: bool
) -> None:
    viewing = playing(IntervalPolicy())
    viewing.watch(30)
    viewing.watch(seconds, step=0.25)
    viewing.pause()
    assert (viewing.saves[1:] == [("pause", 30 + seconds)]) is saved


def test_8_the_first_pause_saves_at_once() -> None:
    viewing = playing(IntervalPolicy())
    viewing.watch(2)
    viewing.pause()
    viewing.pause()
    assert viewing.saves == [("pause", 2)]


def test_8_ended_and_complete_save_as_completion() -> None:
    viewing = playing(IntervalPolicy(), duration=20)
    viewing.watch(5)
    viewing.complete()
    viewing.watch(14)
    viewing.ended()
    assert viewing.saves == [("completion", 5), ("completion", 20)]
    assert newly_reached(viewing) == [100]


def test_8_a_step_that_reaches_the_end_does_not_complete() -> None:
    viewing = playing(IntervalPolicy(), duration=20)
    viewing.watch(20)
    assert viewing.tracker.completed is False


def test_8_milestones_are_reached_and_reported_but_cause_no_save() -> None:
    viewing = playing(IntervalPolicy(), duration=100)
    viewing.watch(29)
    assert viewing.tracker.milestone == 25
    assert viewing.saves == []
    viewing.watch(61)
    assert viewing.saves == [("interval", 30), ("interval", 60), ("interval", 90)]
    assert newly_reached(viewing) == [25, 50, 90]


def test_8_in_idle_nothing_but_complete_is_saved() -> None:
    viewing = Viewing(IntervalPolicy(), RECORD)
    viewing.seek(600)
    viewing.pause(600)
    viewing.ended()
    assert viewing.saves == []
    viewing.complete()
    assert viewing.saves == [("completion", 600)]


def test_8_without_news_and_at_the_start_nothing_is_saved() -> None:
    viewing = playing(IntervalPolicy(pause_debounce=0))
    viewing.watch(0.75, step=0.25)
    viewing.pause()
    assert viewing.saves == []
    viewing.play()
    viewing.watch(1, step=0.25)
    viewing.pause()
    viewing.play()
    viewing.watch(0.75, step=0.25)
    viewing.pause()
    assert viewing.saves == [("pause", 1.75)]


def test_8_unload_and_emptied_save_nothing() -> None:
    viewing = playing(IntervalPolicy())
    viewing.watch(20)
    viewing.unload()
    viewing.emptied()
    assert viewing.saves == []


def test_8_seeks_save_nothing() -> None:
    viewing = playing(IntervalPolicy())
    viewing.watch(20)
    viewing.seek(600)
    viewing.watch(9)
    assert viewing.saves == []


def test_8_there_is_no_deadline() -> None:
    viewing = playing(IntervalPolicy())
    viewing.pause()
    assert viewing.tracker.deadline is None


def test_8_a_viewer_is_switched_between_the_modes_without_losing_anything() -> None:
    viewing = playing(IntervalPolicy(), duration=100)
    viewing.watch(30)
    old = viewing.decisions[-1]
    record = Saved(old.position, old.duration, old.last_milestone, old.completed)
    switched = playing(SavePolicy(), record, duration=100, position=30)
    switched.watch(20)
    assert switched.saves == [("milestone", 50)]
    new = switched.decisions[-1]
    back = playing(
        IntervalPolicy(),
        Saved(new.position, new.duration, new.last_milestone, new.completed),
        duration=100,
        position=50,
    )
    back.watch(30)
    assert back.saves == [("interval", 80)]
    assert newly_reached(back) == [75]


@given(logs(), st.integers(min_value=0))
def test_8_a_restored_interval_tracker_behaves_identically(log: Log, number: int) -> None:
    cut = number % (len(log.events) + 1)
    tracker = IntervalTracker(log.interval_policy, log.record)
    tracker.feed(log.events[:cut])
    snapshot = json.loads(json.dumps(tracker.snapshot()))
    restored = IntervalTracker.restore(snapshot, log.interval_policy)
    assert restored.feed(log.events[cut:]) == tracker.feed(log.events[cut:])
    assert restored.snapshot() == tracker.snapshot()


def test_4_4_a_seek_over_thousands_of_milestones_reaches_the_highest_of_them() -> None:
    milestones = tuple(number / 1000 for number in range(1, 100_001))
    viewing = playing(SavePolicy(milestones=milestones), duration=1000, position=0.005)
    viewing.seek(750)
    viewing.watch(2)
    assert viewing.tracker.milestone == 75.2
