"""What the player is doing, where a rule only just applies, or only just does not."""

import pytest

from milestone_progress import SavePolicy, Tracker
from viewing_script import Viewing, playing

# Whatever moves by more than half a second is then significant, so that every jump shows.
EVERY_SEEK = SavePolicy(seek_threshold=0)
ONLY_THE_END = SavePolicy(milestones=(100,))


def test_2_3_a_rate_that_nobody_has_played_by_yet_judges_the_next_step() -> None:
    viewing = playing(EVERY_SEEK, rate=1)
    viewing.info(rate=2)
    viewing.wait(1)
    viewing.update(3)
    assert viewing.settles_in is None
    viewing.info(rate=4)
    viewing.wait(1)
    viewing.update(9)
    assert viewing.settles_in == 2


def test_2_3_the_rate_of_a_player_that_ended_is_known_to_the_next_media() -> None:
    viewing = playing(duration=20, rate=1)
    viewing.watch(20)
    viewing.ended()
    viewing.emptied()
    viewing.seeked(5)
    viewing.wait(0.25)
    viewing.update(6.5)  # At rate 1 this is a jump, not the advance that counts as `Play` (3.6).
    assert viewing.tracker.phase == "idle"


def test_2_5_a_clock_may_be_set_back_again_and_again() -> None:
    viewing = playing()
    viewing.watch(5)
    viewing.pause()
    for _ in range(3):
        viewing.wait(-100)
        viewing.tick()
    viewing.wait(29)
    viewing.tick()
    assert viewing.saves == []
    viewing.wait(1)
    viewing.tick()
    assert viewing.saves == [("pause", 5)]


@pytest.mark.parametrize("rate", [None, 1.0])
def test_3_4_a_player_of_which_nothing_is_known_plays_for_a_second_at_the_usual_rate(
    rate: float | None,
) -> None:
    # Expected at 1 s, whatever time has passed: 10.5 s on are not significant, 10.6 are.
    for landing, significant in ((11.5, False), (11.6, True)):
        viewing = Viewing(ONLY_THE_END, duration=1000, rate=rate)
        viewing.play(0)
        viewing.wait(5)
        viewing.seeking(landing)
        viewing.seeked()
        viewing.wait(2)
        viewing.tick()
        assert viewing.saves == ([("seek", landing)] if significant else [])


@pytest.mark.parametrize(("beyond", "is_a_jump"), [(1e-6, False), (2e-6, True)])
def test_3_5_a_step_may_take_a_microsecond_more_than_time_and_tolerance(
    beyond: float, is_a_jump: bool
) -> None:
    viewing = playing(EVERY_SEEK, rate=1)
    viewing.wait(1)
    viewing.update(2 + beyond)
    assert viewing.settles_in == (2 if is_a_jump else None)


@pytest.mark.parametrize("announced", [True, False])
def test_3_5_a_seeked_alone_announces_no_jump(announced: bool) -> None:
    viewing = playing(ONLY_THE_END, rate=1)
    viewing.watch(20)
    viewing.update(30.4)  # Not significant, yet a jump.
    if announced:
        viewing.seeking(31.3)
    viewing.seeked(31.3)
    viewing.wait(2)
    viewing.tick()
    assert viewing.saves == ([("seek", 31.3)] if announced else [])


@pytest.mark.parametrize(("beyond", "announces"), [(1e-6, True), (2e-6, False)])
def test_3_5_a_seeking_announces_for_two_seconds_and_a_microsecond(
    beyond: float, announces: bool
) -> None:
    viewing = playing(ONLY_THE_END, rate=1)
    viewing.watch(20)
    viewing.update(30.4)
    viewing.wait(2 + beyond)
    viewing.seeking(31.3)
    viewing.seeked(31.3)
    viewing.wait(2)
    viewing.tick()
    assert viewing.saves == ([("seek", 31.3)] if announces else [])


@pytest.mark.parametrize(("beyond", "lost"), [(1e-6, False), (2e-6, True)])
def test_3_3_a_seeked_is_lost_after_two_seconds_and_a_microsecond(
    beyond: float, lost: bool
) -> None:
    viewing = playing(ONLY_THE_END)
    viewing.watch(5)
    viewing.seeking(300)
    viewing.wait(2 + beyond)
    viewing.update(300)
    assert viewing.settles_in == (2 if lost else None)


def test_3_7_a_pause_during_a_seek_keeps_what_was_played() -> None:
    viewing = playing(rate=1)
    viewing.watch(20)
    viewing.seeking(5)
    viewing.pause()
    assert (viewing.played, viewing.tracker.phase) == ("0-19", "paused")


def test_3_7_a_pause_that_reports_an_earlier_position_keeps_what_was_played() -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.seek(100)
    viewing.watch(10)
    viewing.pause(109.5)
    assert viewing.played == "0-19,100-109"


@pytest.mark.parametrize("restored", [False, True])
def test_3_2_after_the_end_a_player_may_play_anything(restored: bool) -> None:
    viewing = playing(duration=20)
    viewing.watch(20)
    viewing.ended()
    if restored:
        viewing.tracker = Tracker.restore(viewing.tracker.snapshot())
    viewing.play(5)
    viewing.watch(5)
    assert (viewing.tracker.phase, viewing.tracker.position) == ("playing", 10)


@pytest.mark.parametrize("position", [100, 19.5])
def test_3_6_a_pause_elsewhere_begins_the_advance_anew(position: float) -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.pause()
    viewing.pause(position)
    viewing.wait(0.5)
    viewing.update(position + 0.5)
    assert viewing.tracker.phase == "paused"
    viewing.wait(0.5)
    viewing.update(position + 1)
    assert viewing.tracker.phase == "playing"


def test_3_7_a_run_that_goes_back_below_where_it_began_is_taken_up_there() -> None:
    viewing = playing(rate=1)
    viewing.seek(20)
    viewing.update(19.2)
    viewing.update(18.4)
    viewing.wait(1)
    viewing.update(19)
    viewing.watch(6)
    assert viewing.played == "19-24"


def test_3_7_what_a_player_moved_over_while_it_stood_was_not_played() -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.pause()
    viewing.pause(100)
    viewing.play(100.9)
    viewing.watch(5)
    assert viewing.played == "0-19,101-104"


def test_3_7_what_ended_leaps_over_was_not_played() -> None:
    viewing = playing(rate=1)
    viewing.watch(20)
    viewing.seek(500)
    viewing.ended()
    assert viewing.played == "0-19"
    assert viewing.tracker.played_time == 20


@pytest.mark.parametrize("torn_down_to", [0, 0.5])
def test_3_2_a_player_may_play_anything_after_it_was_torn_down(torn_down_to: float) -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.seeking(torn_down_to)
    viewing.update(torn_down_to)
    viewing.emptied()
    assert viewing.saves == [("unload", 20)]
    viewing.play(500)
    viewing.watch(10)
    assert viewing.played == "0-19,500-509"
