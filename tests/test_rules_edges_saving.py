"""When to save, where a rule only just applies, or only just does not."""

import pytest

from milestone_progress import IntervalPolicy, SavePolicy, TimeUpdate, switched
from viewing_logs import Saved
from viewing_script import Viewing, playing

ONLY_THE_END = SavePolicy(milestones=(100,))
PLAYED = SavePolicy(basis="played")


def newly_reached(viewing: Viewing) -> list[float]:
    return [d.milestone for d in viewing.decisions if d.milestone is not None]


def waiting(viewing: Viewing) -> list[str]:
    return [str(trigger) for trigger in viewing.tracker.pending]


# When to save


def test_4_5_it_is_the_last_landing_of_a_gesture_that_tells_whether_the_player_leapt() -> None:
    viewing = playing(duration=1000, position=20)
    viewing.seek(300)
    viewing.update(1000)  # As after a network error, amid the gesture.
    viewing.ended(1000)
    assert not viewing.tracker.completed
    assert viewing.tracker.position == pytest.approx(300, abs=1)


def test_4_6_what_was_held_goes_out_where_a_loop_begins_and_not_where_it_ends() -> None:
    completed = Saved(position=0, duration=100, milestone=100, completed=True)
    for landing, saves in ((0.5, []), (1.0, [("seek", 1.0)])):
        viewing = playing(ONLY_THE_END, completed, duration=100, position=10)
        viewing.seek(40)
        viewing.watch(2)
        assert viewing.saves == [("seek", 42)]
        viewing.seek(72)
        viewing.watch(27)
        assert waiting(viewing) == ["seek"]
        viewing.wait(3.5)
        viewing.update(landing)
        # The start is never saved (4.3).
        assert viewing.saves[1:] == saves
        assert waiting(viewing) == []


def test_4_8_a_checkpoint_forgives_a_millisecond() -> None:
    viewing = playing(SavePolicy(max_unsaved=600), duration=None)
    viewing.wait(600)
    viewing.update(599.998)
    assert viewing.saves == []
    viewing = playing(SavePolicy(max_unsaved=600), duration=None)
    viewing.wait(600)
    viewing.update(599.999)
    assert viewing.saves == [("checkpoint", 599.999)]


def test_4_10_what_is_held_does_not_go_out_with_a_seeking_that_settles_a_small_seek() -> None:
    viewing = playing(ONLY_THE_END, duration=1000)
    viewing.seek(300)
    viewing.watch(2)
    viewing.seek(600)
    viewing.watch(27)
    assert (viewing.saves, waiting(viewing)) == ([("seek", 302)], ["seek"])
    viewing.seek(632)
    viewing.wait(5)
    viewing.seeking(100)
    assert (viewing.saves, waiting(viewing)) == ([("seek", 302)], ["seek"])
    viewing.seeked()
    assert viewing.saves == [("seek", 302), ("seek", 100)]


# A microsecond is forgiven (2.5), two are not.
TIMELY = [(1e-6, True), (2e-6, False)]


@pytest.mark.parametrize(("early", "counts"), TIMELY)
def test_4_8_a_pause_is_extended_a_microsecond_early(early: float, counts: bool) -> None:
    viewing = playing()
    viewing.watch(5)
    viewing.pause()
    viewing.wait(30 - early)
    viewing.tick()
    assert viewing.saves == ([("pause", 5)] if counts else [])


def test_4_8_a_pause_that_ended_ends_while_a_gesture_is_open_is_not_saved() -> None:
    viewing = playing(ONLY_THE_END)
    viewing.watch(20)
    viewing.complete()
    viewing.pause()
    viewing.wait(29)
    viewing.seek(500)
    viewing.wait(1.5)
    viewing.ended()
    assert viewing.saves == [("completion", 20)]


def test_4_8_a_seeking_does_not_show_a_long_pause() -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.pause()
    viewing.wait(29)
    viewing.seek(25)
    viewing.wait(2.5)
    viewing.seeking(28)  # It settles the small seek before, 31.5 s into the pause.
    assert waiting(viewing) == []
    viewing.seeked()
    viewing.wait(2)
    viewing.tick()
    assert viewing.saves == [("pause", 28)]


def test_4_8_whoever_comes_back_after_a_teardown_plays_on_where_it_began() -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.seek(0)
    viewing.unload()
    assert viewing.saves == [("unload", 20)]
    viewing.position = 20
    viewing.watch(5)
    assert viewing.played == "0-24"


def test_4_7_the_one_decision_for_two_seeks_tells_what_the_first_one_reached() -> None:
    viewing = playing(SavePolicy(seek_settle=0))
    viewing.unload(300)  # Nothing announced it, and an `Unload` settles nothing.
    decision = viewing.update(100)
    assert decision is not None
    assert (decision.trigger, decision.position) == ("seek", 100)
    assert (decision.milestone, decision.last_milestone) == (25, 25)


@pytest.mark.parametrize(("early", "counts"), TIMELY)
def test_4_7_a_gesture_settles_a_microsecond_early(early: float, counts: bool) -> None:
    viewing = playing()
    viewing.watch(5)
    viewing.pause()
    viewing.seek(80)
    viewing.wait(2 - early)
    viewing.tick()
    assert viewing.saves == ([("seek", 80)] if counts else [])


def test_4_9_what_waits_without_being_held_is_due_at_once() -> None:
    viewing = playing(IntervalPolicy(interval=200))
    viewing.watch(110)
    viewing.tracker = switched(viewing.tracker, SavePolicy())
    assert (waiting(viewing), viewing.settles_in) == (["milestone"], 0)
    viewing.tick()
    assert viewing.saves == [("milestone", 110)]


@pytest.mark.parametrize(("early", "counts"), TIMELY)
def test_4_10_what_is_held_goes_out_a_microsecond_early(early: float, counts: bool) -> None:
    viewing = playing(ONLY_THE_END)
    viewing.seek(300)
    viewing.watch(2)
    viewing.seek(600)
    viewing.watch(2)
    viewing.wait(28 - early)
    viewing.tick()
    assert viewing.saves == [("seek", 302), *([("seek", 602)] if counts else [])]


@pytest.mark.parametrize(("early", "counts"), TIMELY)
def test_4_12_a_changed_duration_has_stood_a_microsecond_early(early: float, counts: bool) -> None:
    viewing = playing(duration=1000, position=90)
    viewing.wait(1)
    viewing.info(duration=100)
    viewing.wait(10 - early)
    viewing.tick()
    assert newly_reached(viewing) == ([90] if counts else [])


def test_4_12_a_milestone_that_is_just_reached_waits_for_the_duration_to_settle() -> None:
    viewing = playing(duration=2000, position=90)
    viewing.watch(10)
    viewing.info(duration=1000)
    assert viewing.settles_in == 10
    viewing.wait(10)
    viewing.tick()
    assert viewing.saves == [("milestone", 100)]


@pytest.mark.parametrize(
    ("position", "protected"), [(0.9, False), (1, True), (1.5, True), (400, True)]
)
def test_4_11_a_resume_point_is_protected_from_a_second_on(
    position: float, protected: bool
) -> None:
    viewing = playing(record=Saved(position, 1000), position=50)
    viewing.watch(1)
    viewing.unload()
    assert viewing.saves == ([] if protected else [("unload", 51)])


@pytest.mark.parametrize(("seconds", "counts"), [(9.998, False), (9.999, True)])
def test_4_11_of_ten_seconds_played_a_millisecond_is_forgiven(seconds: float, counts: bool) -> None:
    viewing = playing(ONLY_THE_END, record=Saved(400, 1000))
    viewing.wait(10)
    viewing.update(seconds)
    viewing.unload()
    assert viewing.saves == ([("unload", seconds)] if counts else [])


def test_4_11_playing_on_after_the_end_comes_back_to_the_resume_point() -> None:
    viewing = playing(ONLY_THE_END, record=Saved(400, 1000), position=50)
    viewing.seek(1000)
    viewing.ended()
    viewing.update(400)
    viewing.wait(1)
    viewing.update(401)
    viewing.unload()
    assert viewing.saves == [("completion", 1000), ("unload", 401)]


def test_4_11_after_emptied_ten_seconds_more_must_be_played() -> None:
    viewing = playing(ONLY_THE_END)
    viewing.watch(20)
    viewing.emptied()
    viewing.play(500)
    viewing.watch(9)
    viewing.unload()
    assert viewing.saves == [("unload", 20)]
    viewing.watch(1)
    viewing.unload()
    assert viewing.saves == [("unload", 20), ("unload", 510)]


# The legacy mode


def test_8_the_legacy_mode_starts_from_a_record_too() -> None:
    viewing = Viewing(IntervalPolicy(), Saved(400, 1000, 25))
    tracker = viewing.tracker
    assert (tracker.position, tracker.duration, tracker.milestone) == (400, 1000, 25)
    viewing.play(400)
    viewing.watch(29)
    assert viewing.saves == []
    viewing.watch(1)
    assert viewing.saves == [("interval", 430)]


def test_8_an_interval_forgives_a_millisecond() -> None:
    viewing = playing(IntervalPolicy(interval=30))
    viewing.wait(30)
    viewing.update(29.998)
    assert viewing.saves == []
    viewing = playing(IntervalPolicy(interval=30))
    viewing.wait(30)
    viewing.update(29.999)
    assert viewing.saves == [("interval", 29.999)]


@pytest.mark.parametrize(("early", "counts"), TIMELY)
def test_8_a_pause_is_saved_a_microsecond_early(early: float, counts: bool) -> None:
    viewing = playing(IntervalPolicy(pause_debounce=5))
    viewing.watch(20)
    viewing.pause()
    viewing.play()
    viewing.watch(4)
    viewing.wait(1 - early)
    viewing.pause(25)
    assert viewing.saves == [("pause", 20), *([("pause", 25)] if counts else [])]


# What counts


def test_4_15_a_loop_that_completes_what_was_played_is_saved_at_the_end() -> None:
    viewing = playing(SavePolicy(basis="played", completion_percent=50), duration=8)
    viewing.watch(3)
    viewing.seek(6)
    viewing.watch(1)  # Half of it by now, which waits for the seek to settle.
    assert not viewing.tracker.completed
    viewing.wait(1.25)
    viewing.update(0.25)
    assert viewing.saves[-1] == ("completion", 8)


def test_4_15_what_was_played_counts_though_the_playhead_stepped_back_since() -> None:
    viewing = playing(PLAYED, duration=None)
    viewing.watch(10.25, step=0.25)
    viewing.wait(0.25)
    viewing.tell(TimeUpdate(at=viewing.at, position=9.75, duration=100))
    assert newly_reached(viewing) == [10]


def test_4_15_a_timer_is_not_set_for_what_is_yet_to_be_played() -> None:
    viewing = playing(PLAYED, duration=1000, position=0.5)
    viewing.info(duration=20)  # Two seconds to play, the first of them from 1 on.
    viewing.watch(2, step=0.25)
    assert viewing.settles_in is None
    viewing.watch(0.5, step=0.25)
    assert viewing.settles_in == 7.5


def test_4_15_a_fraction_of_a_second_need_not_be_played() -> None:
    viewing = playing(SavePolicy(basis="played", completion_percent=90), duration=10.9)
    viewing.watch(1)
    assert newly_reached(viewing) == [10]
    viewing.watch(8)
    assert viewing.saves[-1] == ("completion", 9)


def test_4_15_by_position_a_fraction_of_a_second_counts() -> None:
    viewing = playing(SavePolicy(completion_percent=90), duration=10.9)
    viewing.watch(1)
    assert newly_reached(viewing) == []
    viewing.watch(8)
    assert not viewing.tracker.completed
    viewing.watch(1)
    assert viewing.saves[-1] == ("completion", 10)


# What is shown of it


def test_a_tracker_is_printed_with_all_that_it_would_save() -> None:
    viewing = Viewing()
    assert repr(viewing.tracker) == "<Tracker idle at 0 s of unknown, milestone 0>"
    viewing = playing(IntervalPolicy(), duration=100)
    viewing.watch(12)
    assert repr(viewing.tracker) == "<IntervalTracker playing at 12 s of 100 s, milestone 10>"
    viewing.complete()
    assert repr(viewing.tracker).endswith("milestone 100, completed>")
