"""Plausibility: honest viewers are left alone, and who claims what cannot be is told of."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honest_viewers import viewing
from milestone_progress import (
    Claim,
    Complete,
    Ended,
    Event,
    Implausible,
    InvalidValueError,
    Pause,
    Plausibility,
    Play,
    Recorder,
    Report,
    SaveResult,
    SaveStatus,
    Seeked,
    Seeking,
    TimeUpdate,
    Trigger,
)
from milestone_progress import _plausibility as module
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.hooks import Details, Occasion
from milestone_progress.stores.memory import MemoryStore
from recorders import NOW, Clock, Desk, Fault, Kind, both

HOUR = 3600.0
# Of a thousand honest viewings, less than one may be told of.
ALLOWED = 0.001
# An end that a clock has made of a tenth, exactly.
TENTH = 0.1


def desk(kind: Kind, **options: Any) -> Desk:
    return Desk(kind, plausibility=Plausibility(), **options)


def completion(duration: float = 100.0, **values: Any) -> Report:
    return Report(position=duration, duration=duration, trigger=Trigger.COMPLETION, **values)


def paused(position: float, duration: float = 100.0, **values: Any) -> Report:
    return Report(position=position, duration=duration, trigger=Trigger.PAUSE, **values)


def claims(result: SaveResult | None) -> list[Claim]:
    assert result is not None
    return [one.claim for one in result.implausible]


# Honest viewers


def assert_honest_viewers_are_believed(seeds: range) -> None:
    sites = [(seed, viewing(seed).told) for seed in seeds]
    told_of = {seed: told[0].implausible for seed, told in sites if told}
    assert len(told_of) < ALLOWED * len(seeds), told_of


def test_honest_viewers_are_believed() -> None:
    assert_honest_viewers_are_believed(range(1001))


@pytest.mark.slow
def test_twenty_thousand_honest_viewers_are_believed() -> None:
    assert_honest_viewers_are_believed(range(20_000))


# Dishonest ones


@st.composite
def hasty_completions(draw: st.DrawFn) -> tuple[float, list[tuple[float, Report | list[Event]]]]:
    """Return a duration, and what is sent when, seconds from the beginning: a completion at last.

    All of it is within the first tenth of the duration, and claims to be decided as it is sent, or
    up to a minute before.
    """
    duration = draw(st.one_of(st.floats(1, 120), st.floats(1, 36_000), st.just(HOUR)))
    times = sorted(draw(st.lists(st.floats(0, TENTH), max_size=4)))
    sent: list[tuple[float, Report | list[Event]]] = []
    for share in times:
        position = draw(st.floats(0, 0.999)) * duration
        trigger = draw(st.sampled_from([Trigger.SEEK, Trigger.MILESTONE, Trigger.INTERVAL]))
        report = Report(position=position, duration=duration, trigger=trigger, milestone=99)
        sent.append((share * duration, report))
    at = draw(st.floats(times[-1] if times else 0, TENTH)) * duration
    how = draw(st.sampled_from(["trigger", "force", "forged", "seek", "ended", "button"]))
    age = draw(st.one_of(st.none(), st.floats(0, module.LATE - 1)))
    told: dict[str, Any] = {} if age is None else {"at": 5e8, "sent_at": 5e8 + age}
    claim: Report | list[Event]
    if how == "trigger":
        claim = Report(
            position=draw(st.floats(0, 1)) * duration,
            duration=duration,
            trigger=Trigger.COMPLETION,
            **told,
        )
    elif how == "force":
        trigger = draw(st.sampled_from(Trigger))
        claim = Report(
            position=duration, duration=duration, trigger=trigger, force_completion=True, **told
        )
    elif how == "forged":
        begun = draw(st.floats(0, 2e9))
        steps = draw(st.integers(1, 50))
        claim = [
            Play(at=begun, position=0.0, duration=duration),
            *(
                TimeUpdate(at=begun + duration * step / steps, position=duration * step / steps)
                for step in range(1, steps + 1)
            ),
            Ended(at=begun + duration + 1),
        ]
    elif how == "seek":
        claim = [
            Play(at=NOW, position=0.0, duration=duration),
            Seeking(at=NOW + 1, position=0.99 * duration),
            Seeked(at=NOW + 1.1, position=0.99 * duration),
            TimeUpdate(at=NOW + 4, position=0.99 * duration),
            TimeUpdate(at=NOW + 4 + duration / 100, position=duration),
            Ended(at=NOW + 5 + duration / 100),
        ]
    elif how == "ended":
        claim = [Play(at=0.0, position=0.0, duration=duration), Ended(at=duration)]
    else:
        claim = [Complete(at=0.0, position=0.0, duration=duration)]
    return duration, [*sent, (at, claim)]


@given(hasty_completions(), st.booleans(), st.booleans())
def test_whoever_completes_within_a_tenth_of_the_length_is_told_of(
    hasty: tuple[float, list[tuple[float, Report | list[Event]]]], asks: bool, shared: bool
) -> None:
    """Whatever the length, and whichever way it is claimed."""
    _, sent = hasty
    clock = Clock()
    told: list[Details] = []
    recorder = Recorder(
        MemoryStore(),
        plausibility=Plausibility(),
        snapshots=MemorySnapshotCache() if shared else None,
        hooks=[told.append],
        clock=clock,
    )
    if asks:
        recorder.resume_choice("ann", "m")
    result: SaveResult | None = None
    for at, what in sent:
        clock.now = NOW + at
        if isinstance(what, Report):
            result = recorder.report("ann", "m", what)
        else:
            result = recorder.handle("ann", "m", what).saved
    assert result is not None
    assert result.newly_completed
    assert Claim.COMPLETION in claims(result)
    [last] = [details for details in told if details.occasion is Occasion.IMPLAUSIBLE][-1:]
    assert last.implausible == result.implausible


@both
def test_what_is_implausible_is_saved_and_said_with_what_was_possible(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.load("ann", "m")
    it.clock.now += 5
    result = it.recorder.report("ann", "m", completion())
    # Half of it, of which 5 s at 4x are 20 s, and a little.
    expected = Implausible(claim=Claim.COMPLETION, claimed=50.0, possible=25.0, late=False)
    assert result.implausible == (expected,)
    assert result.status is SaveStatus.WRITTEN
    assert (stored := it.stored()) is not None
    assert stored.completed
    occasions = [(details.occasion, details.implausible) for details in it.told]
    assert (Occasion.IMPLAUSIBLE, (expected,)) in occasions


@both
def test_raw_events_that_tell_of_more_than_can_have_been_played_are_told_of(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.handle("ann", "m", [Play(at=0.0, position=0.0, duration=HOUR)])
    it.clock.now += 10
    # An hour's quarter in ten seconds.
    forged: list[Event] = [TimeUpdate(at=float(at), position=float(at)) for at in range(1, 901)]
    saved = it.recorder.handle("ann", "m", forged).saved
    assert claims(saved) == [Claim.COVERAGE, Claim.PLAYED_TIME]
    assert saved is not None
    assert saved.implausible[1].claimed == 900
    assert saved.implausible[1].possible == 10 * 4 + 5 + 60


@both
def test_who_was_not_asked_flags_nothing_and_remembers_nobody(kind: Kind) -> None:
    it = Desk(kind)
    it.recorder.load("ann", "m")
    assert it.recorder.report("ann", "m", completion()).implausible == ()
    played: list[Event] = [Play(at=0.0, position=0.0, duration=9.0), Ended(at=9.0)]
    saved = it.recorder.handle("ben", "m", played).saved
    assert saved is not None
    assert saved.implausible == ()
    driven = getattr(it.recorder, "driven", it.recorder)
    assert len(driven._first_seen) == 0
    assert Occasion.IMPLAUSIBLE not in it.occasions()


# What is known of a viewing


@both
def test_a_worker_that_has_not_seen_a_viewing_goes_by_what_is_stored(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.report("ann", "m", paused(10))
    it.clock.now += 80
    it.recorder.report("ann", "m", paused(90))
    it.clock.now += 10
    other = it.another(plausibility=Plausibility())
    assert other.report("ann", "m", completion()).implausible == ()


@both
def test_a_completion_that_is_the_first_sign_of_life_is_told_of(kind: Kind) -> None:
    """It may be true, of a clip whose page does not ask from where to resume."""
    it = desk(kind)
    assert claims(it.recorder.report("ann", "m", completion(20))) == [Claim.COMPLETION]


@both
def test_a_page_that_does_not_ask_first_is_believed_after_its_first_report(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.report("ann", "m", paused(10))
    it.clock.now += 45
    assert it.recorder.report("ann", "m", completion()).implausible == ()


@both
def test_the_button_of_the_host_is_not_judged(kind: Kind) -> None:
    it = desk(kind)
    assert it.recorder.complete("ann", "m").implausible == ()


@both
def test_who_has_completed_it_before_claims_nothing_new(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.complete("ann", "m")
    it.clock.now += 1
    it.recorder.report("ann", "m", paused(50))
    it.clock.now += 1
    assert it.recorder.report("ann", "m", completion()).implausible == ()


@both
def test_starting_over_begins_a_new_viewing(kind: Kind) -> None:
    it = desk(kind)
    other = it.another(plausibility=Plausibility())
    for recorder in (it.recorder, other):
        recorder.load("ann", "m")
    it.clock.now += 100
    assert it.recorder.report("ann", "m", completion()).implausible == ()
    it.clock.now += 100
    other.reset("ann", "m")
    it.clock.now += 5
    assert claims(it.recorder.report("ann", "m", completion())) == [Claim.COMPLETION]


@both
def test_an_old_player_after_starting_over_is_not_judged_since_it_is_not_saved(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.report("ann", "m", paused(50, generation=0))
    it.recorder.reset("ann", "m")
    it.clock.now += 1
    result = it.recorder.report("ann", "m", completion(generation=0))
    assert result.status is SaveStatus.SUPERSEDED
    assert result.implausible == ()


@both
def test_events_after_starting_over_elsewhere_are_not_judged_since_they_are_not_saved(
    kind: Kind,
) -> None:
    it = desk(kind)
    it.recorder.report("ann", "m", paused(50))
    it.recorder.handle("ann", "m", [Play(at=0.0, position=50.0, duration=HOUR)])
    it.clock.now += 1
    it.another().reset("ann", "m")
    forged: list[Event] = [TimeUpdate(at=at, position=50 + at) for at in range(1, 901)]
    saved = it.recorder.handle("ann", "m", forged).saved
    assert saved is not None
    assert saved.status is SaveStatus.SUPERSEDED
    assert saved.implausible == ()


@both
def test_whose_data_is_deleted_is_forgotten(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.load("ann", "m")
    it.clock.now += HOUR
    it.recorder.delete_viewer("ann")
    assert claims(it.recorder.report("ann", "m", completion())) == [Claim.COMPLETION]


@both
@pytest.mark.parametrize("duration", [None, 0])
def test_of_a_media_of_unknown_length_no_completion_is_judged(
    kind: Kind, duration: float | None
) -> None:
    it = desk(kind)
    report = Report(position=50, duration=duration, trigger=Trigger.COMPLETION)
    assert it.recorder.report("ann", "m", report).implausible == ()


@both
@pytest.mark.parametrize("duration", [None, 51])
def test_a_length_that_was_told_before_counts_if_a_completion_tells_a_shorter_one(
    kind: Kind, duration: float | None
) -> None:
    it = desk(kind)
    it.recorder.report("ann", "m", paused(50))
    it.clock.now += 10
    report = Report(position=51, duration=duration, force_completion=True)
    assert claims(it.recorder.report("ann", "m", report)) == [Claim.COMPLETION]


# Late reports


@both
def test_a_late_completion_before_anybody_looked_cannot_be_judged(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.load("ann", "m")
    assert it.recorder.report("ann", "m", completion(at=0, sent_at=300)).implausible == ()


@both
def test_late_reports_are_judged_by_the_clock_of_the_device(kind: Kind) -> None:
    for began, expected in ((0, []), (95, [Claim.COMPLETION])):
        it = desk(kind)
        it.recorder.report("ann", "m", paused(10, at=began, sent_at=HOUR))
        result = it.recorder.report("ann", "m", completion(at=100, sent_at=HOUR))
        assert claims(result) == expected
        assert all(one.late for one in result.implausible)


@both
def test_a_late_completion_must_have_left_time_for_what_was_left_at_the_first_late_report(
    kind: Kind,
) -> None:
    it = desk(kind)
    it.recorder.report("ann", "m", paused(90, at=0, sent_at=HOUR))
    assert it.recorder.report("ann", "m", completion(at=5, sent_at=HOUR)).implausible == ()


@both
def test_a_report_is_not_late_if_it_is_not_over_a_minute_old(kind: Kind) -> None:
    it = desk(kind)
    result = it.recorder.report("ann", "m", completion(at=0, sent_at=module.LATE))
    assert claims(result) == [Claim.COMPLETION]
    assert not result.implausible[0].late


@both
def test_what_was_played_late_does_not_count_against_what_is_played_now(kind: Kind) -> None:
    it = desk(kind)
    it.recorder.load("ann", "m")
    offline: list[Event] = [
        Play(at=0.0, position=0.0, duration=HOUR),
        *(TimeUpdate(at=float(at), position=float(at)) for at in range(1, 1801)),
    ]
    it.recorder.handle("ann", "m", offline, sent_at=2000.0)
    it.clock.now += 10
    now: list[Event] = [TimeUpdate(at=2000.0, position=1800.0), Pause(at=2001, position=1801)]
    for at in (2001, 2040):
        it.recorder.handle("ann", "m", now, sent_at=float(at))
        it.clock.now += 40
    saved = it.recorder.handle("ann", "m", [Play(at=2060.0, position=1850.0)]).saved
    assert claims(saved) == []


# A store that fails


@both
def test_a_completion_that_waits_for_the_store_is_judged_when_it_is_saved(kind: Kind) -> None:
    it = desk(kind)
    it.goes_down(Fault.BEFORE)
    it.recorder.report("ann", "m", Report(position=99, duration=100, trigger=Trigger.SEEK))
    it.clock.now += 5
    assert it.recorder.report("ann", "m", completion()).implausible == ()
    it.told.clear()
    it.drain()
    [told] = [details for details in it.told if details.occasion is Occasion.IMPLAUSIBLE]
    assert [one.claim for one in told.implausible] == [Claim.COMPLETION]


@both
def test_what_waits_for_the_store_is_no_excuse_for_what_comes_next(kind: Kind) -> None:
    it = desk(kind)
    it.goes_down(Fault.BEFORE)
    it.recorder.report("ann", "m", Report(position=99, duration=100, trigger=Trigger.SEEK))
    it.comes_back()
    assert it.recorder.load("ann", "m") is not None
    it.clock.now += 5
    assert claims(it.recorder.report("ann", "m", completion())) == [Claim.COMPLETION]


@both
def test_a_resumed_viewing_that_began_while_the_store_was_down_is_believed(kind: Kind) -> None:
    it = desk(kind)
    it.another().report("ann", "m", paused(90))
    it.clock.now += HOUR
    it.goes_down(Fault.BEFORE)
    it.recorder.report("ann", "m", paused(92))
    it.clock.now += 8
    it.comes_back()
    assert it.recorder.report("ann", "m", completion()).implausible == ()


# Memory


def test_a_viewer_who_invents_media_is_remembered_in_fifty() -> None:
    clock = Clock()
    recorder = Recorder(MemoryStore(), plausibility=Plausibility(), clock=clock)
    recorder.load("ann", "m")
    for number in range(10 * module.REMEMBERED_OF_VIEWER):
        recorder.load("eve", f"media {number}")
    assert len(recorder._first_seen) == 1 + module.REMEMBERED_OF_VIEWER
    clock.now += 50
    assert recorder.report("ann", "m", completion()).implausible == ()


def test_a_viewer_who_invents_media_makes_the_oldest_of_their_own_be_forgotten() -> None:
    seen = module.FirstSeen()
    for now in range(module.REMEMBERED_OF_VIEWER + 1):
        seen.see("eve", f"media {now}", float(now))
        seen.see("eve", "media 0", float(now))
    assert seen.see("eve", "media 0", 99.0).at == 0.0
    assert seen.see("eve", f"media {now}", 99.0).at == now
    assert seen.see("eve", "media 1", 99.0).at == 99.0


def test_any_number_of_viewers_take_a_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound, whoever was heard of least recently is forgotten, and no more than need be."""
    monkeypatch.setattr(module, "REMEMBERED", 200)
    seen = module.FirstSeen()
    random = Random(1)
    recent: list[str] = []
    for number in range(5000):
        viewer = f"viewer {random.randrange(400)}"
        recent = [*(one for one in recent if one != viewer), viewer]
        seen.see(viewer, f"media {random.randrange(80)}", float(number))
        assert len(seen) <= 200
        medias = sum(map(len, seen._viewers.values()))
        assert len(seen) == medias
        assert list(seen._viewers) == recent[-len(seen._viewers) :]
    seen.forget(recent[-1])
    assert len(seen) == sum(map(len, seen._viewers.values()))


# Settings


@pytest.mark.parametrize(
    "setting", [{"rate": 0}, {"rate": -1.0}, {"rate": "4"}, {"slack": -1}, {"slack": True}]
)
def test_a_setting_holds_no_wrong_value(setting: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(setting))):
        Plausibility(**setting)


def test_the_greatest_rate_and_the_slack_are_for_the_host_to_say() -> None:
    clock = Clock()
    strict = Plausibility(rate=1.0, slack=0.0)
    recorder = Recorder(MemoryStore(), plausibility=strict, clock=clock)
    for after, expected in ((49.9, [Claim.COMPLETION]), (50.0, [])):
        recorder.load("ann", f"{after}")
        clock.now = NOW + after
        assert claims(recorder.report("ann", f"{after}", completion())) == expected
        clock.now = NOW
