"""What a crash would cost, measured twice: by runs, and cell by cell."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    Emptied,
    Event,
    IntervalPolicy,
    MediaInfo,
    Pause,
    Play,
    SavePolicy,
    TimeUpdate,
    Tracker,
)
from milestone_progress.simulator import BEHAVIOURS, MIXES, Audience, Player
from milestone_progress.simulator._loss import Cover, Played, Run, loss_allowed, risk_of

# Seconds: all runs and times of these tests are multiples of it.
CELL = 0.25


def played(*events: Event) -> list[tuple[float, float]]:
    return [(run.low, run.high) for run in Played.of(events).runs]


def test_a_viewing_is_one_run_between_its_interruptions() -> None:
    player = Player(duration=100, at=0.0).play_to(10).pause(5).play_to(20).seek(50).play_to_end()
    runs = Played.of(player).runs
    assert [(run.low, run.high) for run in runs] == [(0, 10), (10, 20), (50, 100)]
    assert [run.ended_at - run.began_at for run in runs] == [10, 10, 50]


def test_at_twice_the_speed_a_run_takes_half_the_time() -> None:
    found = Played.of(Player(duration=100).set_rate(2).play_to(40))
    [run] = found.runs
    assert (run.low, run.high, run.ended_at - run.began_at) == (0, 40, 20)
    assert (found.fastest, found.longest_step) == (2, 0.5)


def test_a_player_that_waits_for_data_plays_nothing_meanwhile() -> None:
    player = Player(duration=100, at=0.0).play_to(10).stall(30).play_to(20)
    assert sum(run.high - run.low for run in Played.of(player).runs) == 20
    for run in Played.of(player).runs:
        assert run.ended_at - run.began_at == run.high - run.low


def test_what_is_jumped_over_was_not_played() -> None:
    events: list[Event] = [Play(at=0.0, position=0.0), TimeUpdate(at=1.0, position=1.0)]
    assert played(*events, TimeUpdate(at=2.0, position=60.0)) == [(0, 1)]
    assert played(*events, TimeUpdate(at=2.0, position=0.5)) == [(0, 1)]
    assert played(*events, TimeUpdate(at=2.0, position=2.5)) == [(0, 1), (1, 2.5)]


def test_a_player_that_is_paused_or_has_dropped_its_media_plays_nothing() -> None:
    paused: list[Event] = [Play(at=0.0, position=0.0), Pause(at=1.0, position=1.0)]
    assert played(*paused, TimeUpdate(at=2.0, position=2.0)) == [(0, 1)]
    dropped: list[Event] = [
        Play(at=0.0, position=0.0),
        TimeUpdate(at=1.0, position=1.0),
        Emptied(at=1.0),
    ]
    assert played(*dropped, TimeUpdate(at=2.0, position=2.0)) == [(0, 1)]
    assert played(MediaInfo(at=0.0, duration=9.0), TimeUpdate(at=1.0, position=1.0)) == []


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_as_much_was_played_as_the_tracker_says(behaviour: str) -> None:
    """Two witnesses who never spoke to each other."""
    audience = Audience(duration=1800, viewers=5, mix=MIXES[behaviour])
    for index in range(5):
        trackers: dict[int, Tracker] = {}
        seen: dict[int, list[Run]] = {}
        for visit in audience.visits(index):
            trackers.setdefault(visit.page, Tracker()).feed(visit.events)
            seen.setdefault(visit.page, []).extend(Played.of(visit.events).runs)
        for page, tracker in trackers.items():
            media = sum(run.high - run.low for run in seen[page])
            assert media == pytest.approx(tracker.played_time, abs=0.001)


def runs_and_covers() -> st.SearchStrategy[tuple[list[Run], list[Cover]]]:
    """Draw runs in order of time, at rates of 1 and 2, and saves that take up to 10 s to arrive."""

    def built(
        acts: list[tuple[int, int, int, int]], saves: list[tuple[int, int]]
    ) -> tuple[list[Run], list[Cover]]:
        runs, at = [], 0.0
        for pause, low, time, rate in acts:
            began_at = at + pause * CELL
            at = began_at + time * CELL
            runs.append(Run(began_at, at, low * CELL, (low + time * rate) * CELL))
        covers = [Cover((at + late) * CELL, at * CELL) for at, late in saves]
        return runs, sorted(covers)

    acts = st.tuples(st.integers(0, 8), st.integers(0, 60), st.integers(1, 40), st.integers(1, 2))
    saves = st.tuples(st.integers(0, 200), st.just(0) | st.integers(0, 40))
    return st.builds(built, st.lists(acts, max_size=6), st.lists(saves, max_size=6))


def by_cells(runs: Sequence[Run], covers: Sequence[Cover]) -> tuple[float, float, float]:
    """Return the time played, the sum over it of what was at risk, and the worst: cell by cell."""
    heard: list[tuple[float, set[int]]] = []
    cells = total = worst = 0.0
    for run in runs:
        rate = round((run.high - run.low) / (run.ended_at - run.began_at))
        for cell in range(round((run.ended_at - run.began_at) / CELL)):
            at = run.began_at + cell * CELL
            safe = max((one.covers_at for one in covers if one.known_at <= at), default=-1.0)
            media = {round(run.low / CELL) + cell * rate + part for part in range(rate)}
            before = {one for time, part in heard if time > safe for one in part}
            after = before | media
            cells += 1
            # Within a cell it may rise in its first half or in its second; a half is one cell of
            # media at twice the speed, and on the average the difference is nothing but rounding.
            order = sorted(media)
            risk = float(len(before))
            for one in order:
                more = one not in before
                total += (risk + more / 2) / rate
                risk += more
            worst = max(worst, len(after))
            heard.append((at + CELL, media))
    return cells * CELL, total * CELL * CELL, worst * CELL


@given(runs_and_covers())
def test_what_is_at_risk_is_what_a_count_of_cells_finds(
    case: tuple[list[Run], list[Cover]],
) -> None:
    runs, covers = case
    risk = risk_of(runs, covers)
    playing, seconds, worst = by_cells(runs, covers)
    assert risk.playing == pytest.approx(playing)
    assert risk.seconds == pytest.approx(seconds)
    assert risk.worst == pytest.approx(worst)


def test_what_is_heard_again_is_not_lost_twice() -> None:
    runs = [Run(0.0, 10.0, 0.0, 10.0), Run(10.0, 20.0, 0.0, 10.0)]
    assert risk_of(runs, []).worst == 10
    assert risk_of(runs, []).seconds == 50 + 100


def test_the_law_allows_a_gesture_a_step_a_second_and_ten_besides() -> None:
    slow, fast = Played(longest_step=0.25), Played(longest_step=0.5, fastest=2.0)
    assert loss_allowed(SavePolicy(), [slow]) == 600 + 30 + 0.25 + 1 + 10
    assert loss_allowed(SavePolicy(max_unsaved=60), [slow, fast]) == 60 + 60 + 0.5 + 1 + 10


def test_where_nothing_was_promised_the_law_allows_all() -> None:
    assert loss_allowed(SavePolicy(max_unsaved=None), [Played()]) is None
    assert loss_allowed(IntervalPolicy(), [Played()]) is None
