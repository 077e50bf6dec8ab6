"""What the player is doing: the rules of sections 2 and 3, by their numbers."""

from itertools import pairwise
from math import inf, nan

import pytest
from hypothesis import given

from milestone_progress import (
    Complete,
    Emptied,
    Event,
    MediaInfo,
    Phase,
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

# Whatever moves by more than half a second is then significant, so that every jump shows.
EVERY_SEEK = SavePolicy(seek_threshold=0)
ONLY_THE_END = SavePolicy(milestones=(100,))


def phase_of(viewing: Viewing) -> Phase:
    return viewing.tracker.phase  # A call: what it was before says nothing of what it is now.


def in_phase(phase: Phase) -> Viewing:
    """Return a viewing in that phase, of a media of 1000 s, at 20 s unless it ended."""
    if phase is Phase.IDLE:
        return Viewing(duration=1000, rate=1)
    viewing = playing(position=10)
    viewing.watch(10)
    if phase is Phase.PAUSED:
        viewing.pause()
    if phase is Phase.ENDED:
        viewing.seek(1000)
        viewing.ended()
    return viewing


# 2.3 Duration and rate


def test_2_3_an_infinite_duration_is_unknown() -> None:
    viewing = Viewing(duration=100)
    viewing.info(duration=inf)
    assert viewing.tracker.duration is None


@pytest.mark.parametrize("duration", [None, nan, 0, -5])
def test_2_3_a_duration_that_says_nothing_leaves_the_known_one_alone(
    duration: float | None,
) -> None:
    viewing = Viewing(duration=100)
    viewing.info(duration=duration)
    assert viewing.tracker.duration == 100


def test_2_3_a_new_duration_counts_from_its_own_event_on() -> None:
    viewing = playing(duration=None)
    viewing.watch(24)
    viewing.wait(1)
    decision = viewing.tell(TimeUpdate(at=viewing.at, position=25, duration=100))
    assert decision is not None
    assert (decision.milestone, decision.duration, decision.percent) == (25, 100, 25)


def test_2_3_a_rate_counts_after_its_own_event() -> None:
    viewing = playing(EVERY_SEEK, rate=1)
    viewing.wait(1)
    viewing.update(16, rate=16)  # Judged by rate 1, this is a jump.
    assert viewing.settles_in == 2
    viewing.wait(2)
    viewing.update(48)
    viewing.wait(1)
    viewing.update(64)
    assert viewing.played == "16-63"
    assert viewing.settles_in is None


@pytest.mark.parametrize("rate", [None, nan, 0, -2, inf])
def test_2_3_a_rate_that_says_nothing_leaves_the_known_one_alone(rate: float | None) -> None:
    viewing = playing(EVERY_SEEK, rate=2)
    viewing.info(rate=rate)
    viewing.wait(1)
    viewing.update(2 + 1)
    assert viewing.settles_in is None
    viewing.wait(1)
    viewing.update(6.25)
    assert viewing.settles_in == 2


def test_2_3_a_step_is_judged_by_the_largest_rate_since_the_last_report() -> None:
    viewing = playing(EVERY_SEEK, rate=16)
    viewing.watch(1)
    viewing.wait(0.5)
    viewing.info(rate=1)
    viewing.wait(0.5)
    viewing.update(24)  # Eight of these seconds were played before the rate changed.
    assert viewing.settles_in is None
    viewing.wait(1)
    viewing.update(32)  # The old rate is forgotten: what was played before it has been told.
    assert viewing.settles_in == 2


def test_2_3_reports_during_a_seek_do_not_make_the_old_rate_forgotten() -> None:
    viewing = playing(EVERY_SEEK, rate=16)
    viewing.seeking(100)
    viewing.info(rate=1)
    viewing.wait(0.25)
    viewing.update(100)
    viewing.seeked(100)
    viewing.wait(1)
    viewing.update(116)
    assert viewing.played == "100-115"


# 2.4 Positions and the duration


def test_2_4_a_position_beyond_the_duration_counts_as_the_duration() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=99)
    viewing.wait(1)
    viewing.update(100.25)
    assert viewing.saves == [("completion", 100)]
    assert viewing.tracker.position == 100
    assert viewing.tracker.percent == 100


def test_2_4_a_shrinking_duration_does_not_move_the_playhead() -> None:
    viewing = playing(duration=100, position=80)
    viewing.info(duration=50)
    assert viewing.tracker.position == 80
    assert viewing.tracker.percent == 100


# 2.5 Clocks


def test_2_5_a_clock_that_is_set_back_counts_as_no_time_and_goes_on_from_there() -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.pause()
    viewing.wait(20)
    viewing.tick()
    viewing.wait(-3600)
    viewing.tick()
    viewing.wait(9.75)
    assert viewing.tick() is None
    viewing.wait(0.25)
    decision = viewing.tick()
    assert viewing.saves == [("pause", 20)]
    assert decision is not None
    assert decision.at == viewing.at


@given(logs())
def test_2_5_decisions_carry_the_at_of_their_own_event(log: Log) -> None:
    tracker = Tracker(log.policy, log.record)
    for event in log.events:
        decision = tracker.handle(event)
        assert decision is None or decision.at == event.at


@given(logs())
def test_2_5_late_repeated_and_reversed_events_never_raise(log: Log) -> None:
    tracker = Tracker(log.policy, log.record)
    for earlier, later in pairwise(log.events):
        tracker.feed([later, earlier, earlier, later])
    tracker.feed(reversed(log.events))
    assert tracker.position >= 0


# 3.1 Phases


def test_3_1_a_fresh_tracker_is_idle_at_the_start() -> None:
    tracker = Tracker(SavePolicy())
    assert (tracker.phase, tracker.position, tracker.duration) == (Phase.IDLE, 0, None)


def test_3_1_a_tracker_begins_idle_with_what_its_record_knows() -> None:
    tracker = Tracker(SavePolicy(), Saved(position=400, duration=1000, milestone=25))
    assert (tracker.phase, tracker.position, tracker.duration) == (Phase.IDLE, 400, 1000)
    assert (tracker.milestone, tracker.completed) == (25, False)


# 3.2 Transitions


@pytest.mark.parametrize(
    ("phase", "event", "expected"),
    [
        (Phase.IDLE, "play", Phase.PLAYING),
        (Phase.PLAYING, "play", Phase.PLAYING),
        (Phase.PAUSED, "play", Phase.PLAYING),
        (Phase.ENDED, "play", Phase.PLAYING),
        (Phase.IDLE, "pause", Phase.IDLE),
        (Phase.PLAYING, "pause", Phase.PAUSED),
        (Phase.PAUSED, "pause", Phase.PAUSED),
        (Phase.ENDED, "pause", Phase.ENDED),
        (Phase.IDLE, "ended", Phase.IDLE),
        (Phase.PLAYING, "ended", Phase.ENDED),
        (Phase.PAUSED, "ended", Phase.ENDED),
        (Phase.ENDED, "ended", Phase.ENDED),
        (Phase.IDLE, "emptied", Phase.IDLE),
        (Phase.PLAYING, "emptied", Phase.IDLE),
        (Phase.PAUSED, "emptied", Phase.IDLE),
        (Phase.ENDED, "emptied", Phase.IDLE),
    ],
)
def test_3_2_an_event_leads_from_phase_to_phase(phase: Phase, event: str, expected: Phase) -> None:
    viewing = in_phase(phase)
    assert phase_of(viewing) is phase
    getattr(viewing, event)()
    assert phase_of(viewing) is expected


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("kind", [Seeking, Seeked, Unload, Complete, MediaInfo, Tick])
def test_3_2_other_events_leave_the_phase_alone(phase: Phase, kind: type[Event]) -> None:
    viewing = in_phase(phase)
    if issubclass(kind, (MediaInfo, Tick, Emptied)):
        viewing.tell(kind(at=viewing.at))
    else:
        viewing.tell(kind(at=viewing.at, position=viewing.position))
    assert phase_of(viewing) is phase


def test_3_2_ended_in_idle_is_ignored() -> None:
    viewing = Viewing(duration=100)
    assert viewing.ended() is None
    assert (viewing.tracker.position, viewing.tracker.completed) == (0, False)


def test_3_2_ended_after_the_end_is_ignored_until_a_seek() -> None:
    viewing = playing(duration=100, position=15)
    viewing.ended()  # A player that leapt to the end (4.5): back where it was.
    viewing.ended(100)
    assert (viewing.tracker.position, viewing.tracker.completed) == (15, False)
    viewing.seek(90)
    viewing.ended(100)
    assert (viewing.tracker.position, viewing.tracker.completed) == (100, True)


def test_3_2_ended_ends_a_seek() -> None:
    viewing = playing(duration=100, position=95)
    viewing.seeking(99)
    viewing.ended()
    viewing.wait(1)
    viewing.update(40)
    assert phase_of(viewing) is Phase.ENDED
    assert viewing.tracker.position == 100  # Not that of a report during a seek.


def test_3_2_emptied_leads_to_the_last_saved_position() -> None:
    viewing = playing(position=20)
    viewing.unload()
    viewing.watch(0.75, step=0.25)
    assert viewing.emptied() is None  # No news.
    assert viewing.tracker.position == 20


def test_3_2_emptied_drops_seek_gesture_and_waiting_reasons() -> None:
    viewing = playing(duration=None, position=20)
    viewing.seek(300)
    viewing.watch(2)
    viewing.seek(600)
    viewing.watch(2)
    viewing.seek(100)
    viewing.seeking(50)
    assert list(viewing.tracker.pending) == ["seek"]
    viewing.emptied()
    assert list(viewing.tracker.pending) == []
    assert viewing.tracker.deadline is None
    saves = viewing.saves
    viewing.wait(60)
    viewing.tick()
    viewing.play(0)
    viewing.watch(5)
    assert viewing.saves == saves


# 3.3 During a seek


def test_3_3_a_time_update_while_seeking_only_moves_the_playhead() -> None:
    viewing = playing(duration=100, position=5)
    viewing.seeking(50)
    viewing.wait(0.25)
    assert viewing.update(60) is None
    assert viewing.tracker.position == 60
    assert viewing.tracker.milestone == 0
    assert viewing.played == ""


@pytest.mark.parametrize("event", ["play", "pause", "unload", "complete"])
def test_3_3_other_positions_while_seeking_are_ignored(event: str) -> None:
    viewing = playing(position=20)
    viewing.seeking(300)
    getattr(viewing, event)(500)
    assert viewing.tracker.position == 300


@pytest.mark.parametrize("event", ["pause", "unload", "complete"])
def test_3_3_in_idle_the_positions_of_these_are_ignored(event: str) -> None:
    viewing = Viewing(record=Saved(position=40), duration=1000)
    getattr(viewing, event)(500)
    assert viewing.tracker.position == 40


def test_3_3_in_idle_the_position_of_play_counts() -> None:
    viewing = Viewing(duration=1000)
    viewing.play(500)
    assert viewing.tracker.position == 500


def test_3_3_a_lost_seeked_is_replaced_by_the_next_time_update_after_two_seconds() -> None:
    viewing = playing()
    viewing.seeking(300)
    viewing.wait(2)
    viewing.update(302)
    assert viewing.settles_in is None  # Still seeking: exactly two seconds are not too long.
    viewing.wait(0.25)
    viewing.update(302.25)
    assert viewing.settles_in == 2


def test_3_3_a_lost_seeked_is_waited_for_since_the_last_seeking() -> None:
    viewing = playing()
    viewing.seeking(300)
    viewing.wait(1.5)
    viewing.seeking(400)
    viewing.wait(1.5)
    viewing.update(401)
    assert viewing.settles_in is None
    viewing.wait(0.75)
    viewing.update(401.75)
    assert viewing.settles_in == 2


# 3.4 The expected position


def significant(viewing: Viewing, landing: float) -> bool:
    """Tell whether a seek to there, now, is a significant one."""
    viewing.seek(landing)
    viewing.wait(2)
    viewing.tick()
    return viewing.saves[-1:] == [("seek", landing)]


@pytest.mark.parametrize(("landing", "expected"), [(31.5, False), (31.75, True)])
def test_3_4_a_seek_begins_at_the_expected_position(landing: float, expected: bool) -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.wait(1)  # 21 is expected.
    assert significant(viewing, landing) is expected


@pytest.mark.parametrize(("landing", "expected"), [(52.5, False), (52.75, True)])
def test_3_4_the_playhead_is_expected_to_move_at_its_rate(landing: float, expected: bool) -> None:
    viewing = playing(rate=2)
    viewing.watch(20)
    viewing.wait(1)  # 42 is expected.
    assert significant(viewing, landing) is expected


@pytest.mark.parametrize(("landing", "expected"), [(32.5, False), (32.75, True)])
def test_3_4_a_sleeping_laptop_plays_no_longer_than_two_intervals(
    landing: float, expected: bool
) -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.wait(8 * 3600)  # 22 is expected: updates came every second.
    assert significant(viewing, landing) is expected


@pytest.mark.parametrize(("landing", "expected"), [(31.5, False), (31.75, True)])
def test_3_4_at_least_a_second_of_playing_is_expected(landing: float, expected: bool) -> None:
    viewing = playing()
    viewing.watch(20, step=0.25)
    viewing.wait(8 * 3600)  # 21 is expected.
    assert significant(viewing, landing) is expected


@pytest.mark.parametrize(("landing", "expected"), [(89.5, False), (89.25, True)])
def test_3_4_nothing_is_expected_beyond_the_duration(landing: float, expected: bool) -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=90)
    viewing.watch(9)
    viewing.wait(2)  # 100 is expected, not 101.
    assert significant(viewing, landing) is expected


@pytest.mark.parametrize(("landing", "expected"), [(30.5, False), (30.75, True)])
def test_3_4_a_paused_playhead_is_expected_to_stay(landing: float, expected: bool) -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.pause()
    viewing.wait(10)
    assert significant(viewing, landing) is expected


# 3.5 Jumps


@pytest.mark.parametrize(("position", "jumps"), [(19, False), (18.75, True)])
def test_3_5_a_step_back_of_more_than_a_second_is_a_jump(position: float, jumps: bool) -> None:
    viewing = playing(EVERY_SEEK)
    viewing.watch(20)
    viewing.wait(0.25)
    viewing.update(position)
    assert (viewing.settles_in == 2) is jumps


@pytest.mark.parametrize(
    ("rate", "position", "jumps"),
    [
        (1.0, 22, False),
        (1.0, 22.25, True),
        (2.0, 43, False),
        (2.0, 43.25, True),
        # A rate below 1 counts as 1.
        (0.5, 12, False),
        (0.5, 12.25, True),
    ],
)
def test_3_5_a_step_of_more_than_time_times_rate_and_a_second_is_a_jump(
    rate: float, position: float, jumps: bool
) -> None:
    viewing = playing(EVERY_SEEK, rate=rate)
    viewing.watch(20)
    viewing.wait(1)
    viewing.update(position)
    assert (viewing.settles_in == 2) is jumps


@pytest.mark.parametrize(("position", "jumps"), [(37, False), (37.25, True)])
def test_3_5_until_a_rate_is_reported_sixteen_is_thought_possible(
    position: float, jumps: bool
) -> None:
    viewing = Viewing(EVERY_SEEK, duration=1000)
    viewing.play()
    viewing.watch(20)
    viewing.wait(1)
    viewing.update(position)
    assert (viewing.settles_in == 2) is jumps


def test_3_5_jumps_and_seeks_are_never_played() -> None:
    viewing = playing()
    viewing.watch(10)
    viewing.update(400)
    viewing.watch(10)
    viewing.seek(700)
    viewing.watch(10)
    assert viewing.played == "0-9,400-409,700-709"
    assert viewing.tracker.played.bit_count() == 30


@pytest.mark.parametrize("event", ["update", "play", "pause", "unload", "complete"])
@pytest.mark.parametrize("phase", [Phase.PLAYING, Phase.PAUSED])
def test_3_5_a_significant_jump_while_playing_or_paused_opens_a_gesture(
    phase: Phase, event: str
) -> None:
    viewing = in_phase(phase)
    getattr(viewing, event)(500)
    assert viewing.settles_in == 2


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.ENDED])
def test_3_5_a_jump_elsewhere_opens_none(phase: Phase) -> None:
    viewing = in_phase(phase)
    viewing.wait(1)
    viewing.update(500)
    assert viewing.settles_in is None


def test_3_5_a_jump_that_lands_near_the_expected_position_opens_no_gesture() -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.wait(1)
    viewing.update(31.5)
    assert viewing.settles_in is None


def test_3_5_a_late_seeking_announces_the_jump_before_it() -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.wait(1)
    viewing.update(30)  # The drag begins: from 21, where the playhead was expected.
    viewing.wait(2)
    viewing.seeking(31)
    viewing.seeked(32)  # 11 from there, 0 from where it would be expected otherwise.
    viewing.wait(2)
    viewing.tick()
    assert viewing.saves == [("seek", 32)]


@pytest.mark.parametrize(("later", "further"), [(2.25, 1), (2, 1.25)])
def test_3_5_a_seeking_too_late_or_elsewhere_announces_no_jump(
    later: float, further: float
) -> None:
    viewing = playing()
    viewing.watch(20)
    viewing.wait(1)
    viewing.update(30)
    viewing.wait(later)
    viewing.seeking(30 + further)
    viewing.seeked(32)
    viewing.wait(2)
    viewing.tick()
    assert viewing.saves == []


def test_3_5_a_seeking_after_a_loop_announces_nothing() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=99)
    viewing.wait(0.5)
    viewing.update(0)
    assert viewing.saves == [("completion", 100)]
    viewing.seek(0.75)  # Not 99 back.
    viewing.wait(2)
    viewing.update(2.75)
    assert viewing.saves == [("completion", 100)]


def test_3_5_an_announced_landing_is_no_leap_to_the_end() -> None:
    viewing = playing(ONLY_THE_END, duration=100, position=20)
    viewing.update(99)
    viewing.seeking(99)
    viewing.ended()
    assert viewing.saves == [("completion", 100)]


def test_3_5_a_seeking_announces_no_other_landing_than_its_own() -> None:
    viewing = playing(duration=100, position=3)
    viewing.wait(1)
    viewing.update(69)  # By itself: this is the landing of the open gesture.
    viewing.wait(1)
    viewing.update(80)  # Not far enough from 70 to be another one.
    viewing.seeking(80)
    viewing.ended()
    assert viewing.tracker.completed is False
    assert viewing.tracker.position == 4


# 3.6 Sources that send no `Play`


def test_3_6_time_updates_that_advance_a_second_in_all_count_as_play() -> None:
    viewing = Viewing(duration=1000)
    for position in (5, 5.5, 5.75):
        viewing.wait(0.5)
        viewing.update(position)
        assert phase_of(viewing) is Phase.IDLE
    viewing.wait(0.5)
    viewing.update(6)
    assert phase_of(viewing) is Phase.PLAYING
    viewing.watch(2)
    assert viewing.played == "6-7"


def test_3_6_in_a_pause_the_advance_counts_from_the_pause() -> None:
    viewing = in_phase(Phase.PAUSED)
    viewing.wait(0.5)
    viewing.update(20.75)
    assert phase_of(viewing) is Phase.PAUSED
    viewing.wait(0.5)
    viewing.update(21)
    assert phase_of(viewing) is Phase.PLAYING


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.PAUSED])
def test_3_6_after_a_seek_the_advance_counts_from_its_landing(phase: Phase) -> None:
    viewing = in_phase(phase)
    viewing.seek(500)
    viewing.wait(1)
    viewing.update(500.75)
    assert phase_of(viewing) is phase
    viewing.update(501)
    assert phase_of(viewing) is Phase.PLAYING


def test_3_6_a_report_below_where_the_advance_began_starts_it_anew() -> None:
    viewing = in_phase(Phase.PAUSED)
    viewing.wait(1)
    viewing.update(19.5)
    viewing.wait(1)
    viewing.update(20.25)
    assert phase_of(viewing) is Phase.PAUSED
    viewing.wait(1)
    viewing.update(20.5)
    assert phase_of(viewing) is Phase.PLAYING


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.PAUSED])
def test_3_6_a_jump_starts_the_advance_anew(phase: Phase) -> None:
    viewing = in_phase(phase)
    viewing.wait(1)
    viewing.update(20)
    viewing.wait(1)
    viewing.update(30)
    viewing.wait(1)
    viewing.update(30.75)
    assert phase_of(viewing) is phase
    viewing.wait(1)
    viewing.update(31)
    assert phase_of(viewing) is Phase.PLAYING


def test_3_6_what_is_reported_during_a_seek_is_no_advance() -> None:
    viewing = in_phase(Phase.PAUSED)
    viewing.seeking(30)
    for position in (31, 32, 33):
        viewing.wait(0.25)
        viewing.update(position)
    assert phase_of(viewing) is Phase.PAUSED


def test_3_6_after_the_end_only_a_second_of_advance_moves_the_playhead() -> None:
    viewing = in_phase(Phase.ENDED)
    for position in (30, 30.5):
        viewing.wait(0.5)
        viewing.update(position)
        assert (viewing.tracker.phase, viewing.tracker.position) == (Phase.ENDED, 1000)
    viewing.wait(0.5)
    viewing.update(31)
    assert (viewing.tracker.phase, viewing.tracker.position) == (Phase.PLAYING, 31)


def test_3_6_after_the_end_a_jump_is_judged_against_the_last_time_update_there() -> None:
    viewing = in_phase(Phase.ENDED)
    viewing.wait(0.5)
    viewing.update(30)
    viewing.wait(0.5)
    viewing.update(40)
    viewing.wait(0.5)
    viewing.update(40.5)
    assert phase_of(viewing) is Phase.ENDED
    viewing.wait(0.5)
    viewing.update(41)
    assert phase_of(viewing) is Phase.PLAYING


def test_3_6_after_the_end_play_and_seek_move_the_playhead() -> None:
    viewing = in_phase(Phase.ENDED)
    viewing.seek(70)
    assert viewing.tracker.position == 70
    viewing.play(80)
    assert viewing.tracker.position == 80


def test_3_6_a_step_after_the_end_is_judged_by_the_rate_since_the_last_report_there() -> None:
    viewing = playing(EVERY_SEEK, duration=1000, position=992, rate=16)
    viewing.watch(0.5, step=0.5)
    viewing.info(rate=1)
    viewing.ended()
    for position in (0, 0.5, 1):
        viewing.wait(0.5)
        viewing.update(position)
    assert phase_of(viewing) is Phase.PLAYING
    viewing.wait(1)
    viewing.update(9)
    assert viewing.settles_in == 2  # At rate 16 it would have been playback.


# 3.7 Played seconds


def test_3_7_a_second_is_played_when_all_of_it_was() -> None:
    viewing = playing(position=0.5)
    viewing.watch(1.25, step=0.25)
    assert viewing.played == ""
    viewing.watch(0.25, step=0.25)
    assert viewing.played == "1-1"


def test_3_7_nothing_is_played_in_a_pause() -> None:
    viewing = in_phase(Phase.PAUSED)
    played = viewing.played
    for position in (20.25, 20.5, 20.25, 20.75):
        viewing.wait(1)
        viewing.update(position)
    assert viewing.played == played == "10-19"


@pytest.mark.parametrize(
    ("resumed", "played"), [(10.5, "0-12"), (11.5, "0-12"), (11.75, "0-9,12-12"), (9.5, "0-12")]
)
def test_3_7_a_pause_that_resumes_within_a_second_does_not_break_the_run(
    resumed: float, played: str
) -> None:
    viewing = playing()
    viewing.watch(10.5, step=0.25)
    viewing.pause()
    viewing.wait(5)
    viewing.play(resumed)
    viewing.watch(13 - resumed, step=0.25)
    assert viewing.played == played


def test_3_7_a_pause_stops_where_the_playhead_is_not_where_the_run_was_longest() -> None:
    viewing = playing()
    viewing.watch(10, step=0.25)
    viewing.wait(0.25)
    viewing.update(9.25)
    viewing.pause()
    viewing.wait(5)
    viewing.play(10.75)  # A second and a half from where it stopped.
    viewing.watch(1.25, step=0.25)
    assert viewing.played == "0-9,11-11"


def test_3_7_a_seek_breaks_the_run_however_short_it_is() -> None:
    viewing = playing()
    viewing.watch(10.5, step=0.25)
    viewing.seek(10.75)
    viewing.watch(1.25, step=0.25)
    assert viewing.played == "0-9,11-11"


def test_3_7_a_pause_during_a_seek_does_not_mend_the_run() -> None:
    viewing = playing()
    viewing.watch(10)
    viewing.seeking(11)
    viewing.pause()
    viewing.play()
    viewing.seeked()
    assert viewing.played == "0-9"


def test_3_7_what_a_teardown_sought_over_was_not_played() -> None:
    viewing = playing(position=300)
    viewing.seek(0)
    viewing.unload(0)
    assert viewing.tracker.position == 300
    viewing.play(300)
    viewing.watch(2)
    assert viewing.played == "300-301"


def test_3_7_coverage_is_the_share_of_the_whole_seconds() -> None:
    viewing = playing(duration=10.5)
    viewing.watch(5, step=0.25)
    assert viewing.tracker.coverage == 0.5
    viewing.watch(5.5, step=0.25)
    assert viewing.tracker.coverage == 1


def test_3_7_coverage_is_at_most_1_although_the_duration_shrank() -> None:
    viewing = playing(duration=100)
    viewing.watch(50)
    viewing.info(duration=20)
    assert viewing.tracker.coverage == 1


@pytest.mark.parametrize("duration", [None, inf, 0.75])
def test_3_7_without_a_whole_second_there_is_no_coverage(duration: float | None) -> None:
    viewing = playing(duration=duration)
    viewing.watch(0.5, step=0.25)
    assert viewing.tracker.coverage is None


@given(logs())
def test_3_7_never_more_seconds_are_played_than_the_playhead_moved_while_playing(log: Log) -> None:
    tracker = Tracker(log.policy, log.record)
    resumed = 0
    for event in log.events:
        before = tracker.phase
        tracker.handle(event)
        # A pause that resumes up to a second from where it stopped is played over.
        resumed += before is not Phase.PLAYING and tracker.phase is Phase.PLAYING
        assert tracker.played.bit_count() <= tracker.played_time + resumed


@pytest.mark.parametrize("event", ["pause", "play", "ended", "emptied"])
def test_3_7_what_was_played_stays_played(event: str) -> None:
    viewing = playing(duration=100)
    viewing.watch(50)
    getattr(viewing, event)()
    assert viewing.played == "0-49"
