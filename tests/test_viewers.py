"""Simulated viewers do what is said of them, and always the same."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from milestone_progress import (
    Event,
    InvalidValueError,
    Pause,
    Play,
    Seeked,
    Seeking,
    Tracker,
    Unload,
)
from milestone_progress.simulator import (
    BEHAVIOURS,
    MIXES,
    Audience,
    Ending,
    Mix,
    Viewer,
    Visit,
    recorded,
)

HOUR = 3600.0


def alone(behaviour: str, viewers: int = 6, duration: float = HOUR) -> Audience:
    return Audience(duration=duration, viewers=viewers, mix=MIXES[behaviour], interval=2.0)


def of(behaviour: str, viewers: int = 6) -> list[tuple[Visit, ...]]:
    audience = alone(behaviour, viewers)
    return [audience.visits(index) for index in range(viewers)]


class OnlyRandom(Random):
    """Knows but the one number that is the same in every version of Python."""

    def __init__(self, seed: int) -> None:
        self._numbers = Random(seed)
        self.drawn = 0

    def random(self) -> float:
        self.drawn += 1
        return self._numbers.random()

    def getrandbits(self, k: int, /) -> int:
        raise AssertionError(f"{k} bits differ between versions of Python")

    def uniform(self, a: float, b: float) -> float:
        raise AssertionError(f"{a} to {b} may differ between versions of Python")


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_viewer_draws_nothing_but_what_every_python_draws_alike(behaviour: str) -> None:
    random = OnlyRandom(1)
    viewer = Viewer(duration=HOUR, interval=2.0)
    BEHAVIOURS[behaviour](viewer, random)
    assert viewer.visits
    assert random.drawn > 0


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_viewer_is_the_same_whenever_asked_for_and_another_with_another_seed(
    behaviour: str,
) -> None:
    forwards = of(behaviour, 4)
    audience = alone(behaviour, 4)
    assert [audience.visits(index) for index in (3, 2, 1, 0)] == forwards[::-1]
    another = Audience(duration=HOUR, viewers=4, mix=MIXES[behaviour], seed=2, interval=2.0)
    assert [another.visits(index) for index in range(4)] != forwards


@pytest.mark.parametrize("duration", [30.0, 300.0, HOUR])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_time_goes_forwards_from_visit_to_visit(behaviour: str, duration: float) -> None:
    audience = alone(behaviour, duration=duration)
    for index in range(audience.viewers):
        at = 0.0
        for visit in audience.visits(index):
            times = [event.at for event in visit.events]
            assert at <= times[0]
            assert times == sorted(times)
            assert times[-1] <= visit.ended_at
            assert visit.events[0].at <= visit.began_at <= visit.ended_at
            at = visit.ended_at


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_whoever_opens_a_page_to_go_on_goes_to_where_they_left(behaviour: str) -> None:
    for visits in of(behaviour):
        for before, visit in pairwise(visits):
            left = [event.position for event in before.events if isinstance(event, Unload | Pause)]
            is_new = visit.page > max(one.page for one in visits if one.ended_at < visit.began_at)
            assert (visit.resumes is not None) == is_new
            if visit.resumes is None:
                continue
            seek = next(event for event in visit.events if isinstance(event, Seeking))
            assert seek.position == visit.resumes
            first_play = next(event for event in visit.events if isinstance(event, Play))
            assert first_play.position == visit.resumes
            if before.ending is not Ending.KILL:
                assert left[-1] == visit.resumes


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_only_a_goodbye_says_goodbye(behaviour: str) -> None:
    for visits in of(behaviour):
        for visit in visits:
            said = isinstance(visit.events[-1], Unload)
            assert said == (visit.ending is Ending.GOODBYE)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_about_half_of_the_viewers_or_more_get_to_the_end(behaviour: str) -> None:
    ends = 0
    for visits in of(behaviour, 40):
        tracker = Tracker()
        for visit in visits:
            tracker.feed(visit.events)
        ends += tracker.position == HOUR
    assert 16 <= ends <= 40


def test_the_one_at_twice_the_speed_needs_half_the_time() -> None:
    for straight, binge in zip(of("straight"), of("binge"), strict=True):
        for slow, fast in zip(straight, binge, strict=True):
            once, twice = (visit.ended_at - visit.began_at for visit in (slow, fast))
            assert twice == pytest.approx(once / 2, abs=0.1)


def test_three_of_ten_applications_on_the_phone_are_killed() -> None:
    endings = Counter(visit.ending for visits in of("phone", 100) for visit in visits)
    assert endings.keys() == {Ending.KILL, Ending.GOODBYE}
    assert 0.24 < endings[Ending.KILL] / endings.total() < 0.36


def test_several_devices_are_two_pages_by_turns_and_the_one_left_is_closed_last() -> None:
    longest = max(of("devices"), key=len)
    pages = [visit.page for visit in longest]
    assert pages == [turn % 2 for turn in range(len(pages))]
    assert len(pages) > 2
    assert [visit.ending for visit in longest[-2:]] == [Ending.GOODBYE, Ending.GOODBYE]
    assert {visit.ending for visit in longest[:-2]} == {Ending.LEFT_OPEN}


def test_the_sleeper_goes_back_to_where_sleep_came_on_the_same_page() -> None:
    for visits in of("sleeper"):
        night, morning = visits
        assert (night.page, morning.page) == (0, 0)
        assert night.ending is Ending.SUSPENSION
        assert morning.began_at - night.ended_at >= 6 * HOUR
        seek = next(event for event in morning.events if isinstance(event, Seeked))
        assert 0.2 * HOUR <= seek.position <= 0.8 * HOUR


@pytest.mark.parametrize(
    ("behaviour", "forwards", "backwards", "pauses"),
    [
        ("pauser", False, False, True),
        ("skimmer", True, False, False),
        ("scrubber", True, True, False),
        ("notes", False, True, True),
    ],
)
def test_each_kind_of_restlessness_shows(
    behaviour: str, forwards: bool, backwards: bool, pauses: bool
) -> None:
    landings, waits = [], []
    for visits in of(behaviour):
        for visit in visits:
            resumed = visit.resumes is None
            position, paused_at = 0.0, None
            for event in visit.events:
                if isinstance(event, Seeking):
                    # The first one is the application's, where there is one.
                    if resumed:
                        landings.append(event.position - position)
                    resumed = True
                elif isinstance(event, Pause):
                    paused_at = event.at
                elif isinstance(event, Play) and paused_at is not None:
                    waits.append(event.at - paused_at)
                    paused_at = None
                position = getattr(event, "position", None) or position
    assert any(step > 0 for step in landings) == forwards
    assert any(step < 0 for step in landings) == backwards
    assert any(wait >= 30 for wait in waits) == pauses


def test_the_viewers_of_a_mix_are_what_its_shares_say() -> None:
    mix = MIXES["default"]
    random = Random(3)
    drawn = Counter(mix.behaviour(random) for _ in range(20_000))
    for name, share in mix.shares.items():
        assert drawn[BEHAVIOURS[name]] / 200 == pytest.approx(share, abs=1)


def test_every_behaviour_has_a_mix_of_its_own_and_a_share_in_the_default_one() -> None:
    assert MIXES["default"].shares.keys() == BEHAVIOURS.keys()
    for name, behaviour in BEHAVIOURS.items():
        assert MIXES[name].behaviour(Random(1)) is behaviour


@pytest.mark.parametrize("shares", [{}, {"straight": 99}, {"straight": 50, "nobody": 50}])
def test_shares_that_are_none_are_refused(shares: dict[str, int]) -> None:
    with pytest.raises(InvalidValueError, match="shares must be percentages that add up to 100"):
        Mix(shares=shares)


@pytest.mark.parametrize("viewers", [0, -1, 1.0, True])
def test_an_audience_has_at_least_one_viewer(viewers: int) -> None:
    with pytest.raises(InvalidValueError, match="viewers must be a whole number of at least 1"):
        Audience(duration=HOUR, viewers=viewers)


@pytest.mark.parametrize("duration", [0.0, -1.0, float("inf"), float("nan")])
def test_media_have_a_length(duration: float) -> None:
    with pytest.raises(InvalidValueError, match="duration must be"):
        Audience(duration=duration, viewers=1)
    with pytest.raises(InvalidValueError, match="duration must be"):
        Viewer(duration=duration)


def test_a_recording_is_a_visit_that_breaks_off() -> None:
    events: list[Event] = [Play(at=5.0, position=0.0), Pause(at=9.0, position=4.0)]
    [visit] = recorded(events)
    assert (visit.began_at, visit.ended_at, visit.ending) == (5.0, 9.0, Ending.KILL)
    assert visit.events == tuple(events)


@pytest.mark.parametrize("events", [[], [Play(at=5.0, position=0.0)]])
def test_a_recording_takes_time(events: list[Play]) -> None:
    with pytest.raises(InvalidValueError, match="events must be events between which time passes"):
        recorded(events)
