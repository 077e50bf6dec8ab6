"""Several policies on the same viewers, measured in ways that have nothing in common."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from math import ceil
from statistics import fmean, median

import pytest
from attrs import evolve

from milestone_progress import (
    Event,
    IntervalPolicy,
    SaveDecision,
    SavePolicy,
    Tick,
    Tracker,
    tracker_for,
)
from milestone_progress.simulator import (
    BEHAVIOURS,
    MIXES,
    Audience,
    Ending,
    Figures,
    Outcome,
    Player,
    Viewer,
    Visit,
    Watched,
    compare,
    compare_recordings,
    recorded,
)

HOUR = 3600.0
BOTH: dict[str, SavePolicy | IntervalPolicy] = {
    "milestone": SavePolicy(),
    "interval": IntervalPolicy(),
}


def audience(
    mix: str = "default", viewers: int = 20, duration: float = HOUR, interval: float = 4.0
) -> Audience:
    return Audience(duration=duration, viewers=viewers, mix=MIXES[mix], interval=interval)


def outcome(visits: Iterable[Visit], policy: SavePolicy | IntervalPolicy | None = None) -> Outcome:
    return Watched.through([*visits]).outcome(policy or SavePolicy())


def an_hour_in_one_go() -> list[Event]:
    return [*Player(duration=HOUR).play_to_end().close()]


def test_an_hour_in_one_go_is_nine_saves_and_120_before() -> None:
    visits = recorded(an_hour_in_one_go())
    milestone, interval = outcome(visits), outcome(visits, IntervalPolicy())
    assert (milestone.saves, milestone.requests, milestone.seconds) == (9, 9, HOUR)
    # The last interval, and the end.
    assert (interval.saves, interval.completed, milestone.completed) == (121, True, True)


def test_what_is_at_risk_in_an_hour_in_one_go_is_what_one_can_work_out() -> None:
    """Saves at 360, 900, 1500, 1800, 2400, 2700, 3240, 3420 and 3600 s."""
    risk = outcome(recorded(an_hour_in_one_go())).risk
    saves = [0, 360, 900, 1500, 1800, 2400, 2700, 3240, 3420, 3600]
    gaps = [later - earlier for earlier, later in pairwise(saves)]
    assert risk.playing == HOUR
    assert risk.worst == max(gaps) == 600
    assert risk.seconds == pytest.approx(sum(gap**2 / 2 for gap in gaps))


def hosted(visit: Visit, policy: SavePolicy | IntervalPolicy) -> list[SaveDecision]:
    """Return the decisions of a host whose timer strikes whenever the tracker wants it to."""
    tracker = tracker_for(policy)
    found = []
    for event in visit.events:
        while (deadline := tracker.deadline) is not None and deadline < event.at:
            found.append(tracker.handle(Tick(at=deadline)))
        found.append(tracker.handle(event))
    return [decision for decision in found if decision is not None]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_without_faults_saves_are_what_the_tracker_of_a_host_decides(behaviour: str) -> None:
    for policy in BOTH.values():
        for index in range(3):
            visit, *_ = audience(behaviour).visits(index)
            decisions = hosted(visit, policy)
            found = outcome([visit], policy)
            assert found.saves == found.requests == len(decisions)
            after = [decision.at - visit.began_at for decision in decisions]
            assert found.decided_after == pytest.approx(after)


def test_a_viewer_who_is_killed_is_offered_the_last_save() -> None:
    viewer = Viewer(duration=HOUR)
    viewer.open().play_to(1000)
    viewer.turn_away(Ending.KILL)
    viewer.open(after=60).play_to(1010)
    viewer.turn_away()
    # 25 % is at 900 s; the interval mode saved at most 30 s ago.
    [error] = outcome(viewer.visits).resume_errors
    assert error == pytest.approx(100, abs=0.5)
    [error] = outcome(viewer.visits, IntervalPolicy()).resume_errors
    assert 0 < error <= 31


def test_a_viewer_who_says_goodbye_is_offered_the_very_place() -> None:
    viewer = Viewer(duration=HOUR)
    viewer.open().play_to(1000)
    viewer.turn_away()
    viewer.open(after=60).play_to(1010)
    viewer.turn_away()
    assert outcome(viewer.visits).resume_errors == (0.0,)
    # Which saves nothing when the page goes away.
    assert outcome(viewer.visits, IntervalPolicy()).resume_errors[0] > 5


def test_time_away_is_no_viewer_time() -> None:
    viewer = Viewer(duration=HOUR)
    viewer.open().play_to(600)
    viewer.turn_away()
    viewer.open(after=10 * HOUR).play_to(700)
    viewer.turn_away()
    assert outcome(viewer.visits).seconds == pytest.approx(700)


def test_a_page_that_is_left_paused_saves_when_its_timer_strikes() -> None:
    viewer = Viewer(duration=HOUR)
    viewer.open().play_to(400).pause()
    viewer.turn_away(Ending.LEFT_OPEN)
    viewer.open(after=60).play_to(410)
    viewer.turn_away()
    assert outcome(viewer.visits).resume_errors == (0.0,)
    viewer.visits[0] = evolve(viewer.visits[0], ending=Ending.SUSPENSION)
    [error] = outcome(viewer.visits).resume_errors
    assert error == pytest.approx(40, abs=0.5)


def test_nobody_loses_more_than_the_law_allows() -> None:
    for mix in BEHAVIOURS:
        for index in range(5):
            found = outcome(audience(mix).visits(index))
            assert found.allowed is not None
            assert not found.breaks_the_law
            assert found.undecided <= found.allowed


def test_a_tracker_that_forgets_its_checkpoints_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Tracker, "_room", lambda _: float("inf"))
    figures = compare(audience(viewers=12), BOTH).policies["milestone"]
    assert figures.beyond_the_law
    assert figures.allowed is not None
    assert figures.undecided_worst > figures.allowed
    # From 50 to 75 % of an hour.
    assert figures.undecided_worst == pytest.approx(900, abs=9)


def of_each(mix: str = "default", viewers: int = 20) -> dict[str, list[Outcome]]:
    these = audience(mix, viewers)
    watched = [Watched.through(these.visits(index)) for index in range(viewers)]
    return {
        name: [one.outcome(policy, these.connection(index)) for index, one in enumerate(watched)]
        for name, policy in BOTH.items()
    }


@pytest.mark.parametrize("mix", ["default", "subway"])
@pytest.mark.parametrize("viewers", [1, 2, 11])
def test_the_figures_are_those_that_a_statistician_finds(mix: str, viewers: int) -> None:
    compared = compare(audience(mix, viewers), BOTH)
    outcomes = of_each(mix, viewers)
    hours = sum(one.seconds for one in outcomes["interval"]) / HOUR
    assert compared.viewers == viewers
    assert compared.viewer_hours == pytest.approx(hours)
    for name, figures in compared.policies.items():
        ones = outcomes[name]
        rates = [one.saves * HOUR / one.seconds for one in ones]
        assert figures.saves_per_viewer_hour == pytest.approx(median(rates))
        assert figures.mean == pytest.approx(fmean(rates))
        assert figures.worst == max(rates)
        assert sum(rate <= figures.p95 for rate in rates) >= ceil(0.95 * viewers)
        assert sum(rate < figures.p95 for rate in rates) < 0.95 * viewers
        assert figures.saves == sum(one.saves for one in ones)
        assert figures.saves_per_hour_in_all == pytest.approx(figures.saves / hours)
        assert figures.requests == sum(one.requests for one in ones)
        playing = sum(one.risk.playing for one in ones)
        at_risk = sum(one.risk.seconds for one in ones) / playing
        assert figures.lost_at_crash_mean == pytest.approx(at_risk)
        assert figures.lost_at_crash_worst == max(one.risk.worst for one in ones)
        assert figures.completed == pytest.approx(100 * fmean(one.completed for one in ones))
        errors = [error for one in ones for error in one.resume_errors]
        assert figures.resumed == len(errors)
        if errors:
            assert figures.resume_error_mean == pytest.approx(fmean(errors))
            assert figures.resume_error_worst == max(errors)
            near = [error <= 2 for error in errors]
            assert figures.resumed_at_once == pytest.approx(100 * fmean(near))
        else:
            assert figures.resume_error_mean is None


def test_the_reduction_is_measured_on_the_same_viewers() -> None:
    compared = compare(audience(), BOTH).policies
    milestone, interval = compared["milestone"], compared["interval"]
    less = 1 - milestone.saves_per_viewer_hour / interval.saves_per_viewer_hour
    assert milestone.fewer == pytest.approx(100 * less)
    assert milestone.fewer_in_all == pytest.approx(100 * (1 - milestone.saves / interval.saves))
    assert (interval.fewer, interval.fewer_in_all) == (0, 0)


def test_where_the_interval_mode_never_saves_there_is_no_reduction() -> None:
    visits = [recorded([*Player(duration=100).play_to(5).close()])]
    compared = compare_recordings(visits, BOTH).policies
    assert compared["interval"].saves == 0
    assert compared["milestone"].saves == 1
    assert compared["milestone"].fewer is None


def test_what_is_simulated_and_what_is_recorded_is_measured_alike() -> None:
    these = audience(viewers=12)
    visits = [these.visits(index) for index in range(12)]
    assert compare_recordings(visits, BOTH) == compare(these, BOTH)


def test_whoever_does_the_work_the_figures_are_the_same() -> None:
    told: list[int] = []
    with ThreadPoolExecutor(3) as executor:
        at_once = compare(audience(), BOTH, executor=executor, progress=told.append)
    assert at_once == compare(audience(), BOTH)
    assert sum(told) == 20
    assert len(told) > 1


def test_other_policies_change_nothing_for_the_others() -> None:
    alone = compare(audience(), BOTH).policies
    more = compare(audience(), {"third": SavePolicy(max_unsaved=60)} | BOTH).policies
    assert {name: more[name] for name in BOTH} == alone
    assert more["third"].saves > alone["milestone"].saves
    assert more["third"].lost_at_crash_worst <= 60 + 2 * 4.0 + 1


def test_a_short_clip_is_mended_by_thinning_its_milestones() -> None:
    policies = BOTH | {"thinned": SavePolicy().thinned(60)}
    compared = compare(audience(duration=60, interval=0.265625), policies).policies
    milestone, thinned = compared["milestone"], compared["thinned"]
    assert milestone.fewer is not None
    assert thinned.fewer is not None
    assert milestone.fewer < 0 < thinned.fewer


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_an_hour_of_video_keeps_its_promise(seed: int) -> None:
    """At most 12 saves an hour, 85 % fewer than before, and no crash beyond the law."""
    these = Audience(duration=HOUR, viewers=1_000, seed=seed)
    milestone = compare(these, BOTH).policies["milestone"]
    assert milestone.saves_per_viewer_hour <= 12
    assert milestone.fewer is not None
    assert milestone.fewer_in_all is not None
    assert min(milestone.fewer, milestone.fewer_in_all) >= 85
    assert milestone.beyond_the_law == ()


@pytest.mark.slow
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("duration", [30.0, 300.0, 1200.0, 10_800.0])
def test_no_crash_is_beyond_the_law(mix: str, duration: float) -> None:
    policies = BOTH | {
        "careful": SavePolicy(max_unsaved=60),
        "thinned": SavePolicy().thinned(duration),
    }
    compared = compare(audience(mix, 60, duration), policies).policies
    figures: Figures
    for figures in compared.values():
        assert figures.beyond_the_law == ()
