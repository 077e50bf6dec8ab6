import json
import random
from collections.abc import Iterable
from itertools import pairwise
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from milestone_progress import (
    Complete,
    Emptied,
    Ended,
    Event,
    InvalidValueError,
    MediaInfo,
    Pause,
    Phase,
    Play,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Trigger,
    Unload,
    event_from_dict,
)
from milestone_progress.simulator import Player

RECORDINGS = Path(__file__).parent / "traces"

Kinds = tuple[type[Event], ...]


def recorded(name: str) -> list[Event]:
    """Return the events of a recording, without those that the library skips."""
    lines = (RECORDINGS / f"{name}.jsonl").read_text().splitlines()
    events = [event_from_dict(json.loads(line)) for line in lines]
    return [event for event in events if event is not None]


def kinds(events: Iterable[Event]) -> Kinds:
    return tuple(type(event) for event in events)


def around(
    events: Iterable[Event], kind: type[Event], *, before: int = 0, after: int
) -> list[list[Event]]:
    """Return each event of a kind with its neighbours, as far as it has so many."""
    events = list(events)
    return [
        events[index - before : index + after + 1]
        for index, event in enumerate(events)
        if isinstance(event, kind) and before <= index < len(events) - after
    ]


def orders(neighbourhoods: Iterable[Iterable[Event]]) -> set[Kinds]:
    return {kinds(events) for events in neighbourhoods}


def positions(events: Iterable[Event]) -> list[float | None]:
    return [event.position for event in events if not isinstance(event, (Emptied, MediaInfo, Tick))]


def decisions(player: Player) -> list[tuple[Trigger, float]]:
    return [(made.trigger, made.position) for made in Tracker().feed(player)]


# Each act has the order, and the relations of time and position, that recordings have.


@pytest.mark.parametrize(
    "name", ["a-straight-60s-chromium", "c-pauses-short-long-chromium", "h-replay-chromium"]
)
def test_loading_and_starting_are_told_as_recorded(name: str) -> None:
    simulated = list(Player(duration=60.008).play_for(1))
    assert kinds(simulated[:6]) == kinds(recorded(name)[:6])


def test_reports_come_as_often_as_recorded() -> None:
    def intervals(events: Iterable[Event]) -> list[float]:
        updates = [event.at for event in events if isinstance(event, TimeUpdate)]
        return [later - earlier for earlier, later in pairwise(updates[:-1])]

    of_chromium = sorted(intervals(recorded("a-straight-60s-chromium")))
    most_of_them = of_chromium[len(of_chromium) // 20 : -len(of_chromium) // 20]
    varied = Player(duration=60.008, interval=0.266, random=7).play_to_end()
    assert min(most_of_them) - 0.01 < min(intervals(varied))
    assert max(intervals(varied)) < max(most_of_them) + 0.01
    assert set(intervals(Player(duration=60.008).play_to_end())) == {0.25}


def test_a_pause_is_told_as_recorded() -> None:
    simulated = Player(duration=180).play_to(8.1).pause(5).play_to(14).pause(34).play_for(1)
    pauses = around(simulated, Pause, before=1, after=3)
    of_chromium = around(recorded("c-pauses-short-long-chromium"), Pause, before=1, after=3)
    assert len(pauses) == 2
    assert orders(pauses) == orders(of_chromium)
    for report, pause, resumed, *_ in pauses + of_chromium:
        assert len(set(positions([report, pause]))) == 1
        assert resumed.at - pause.at >= 5


def test_a_seek_while_playing_is_told_as_recorded() -> None:
    simulated = Player(duration=300.008).play_to(5).seek(65).play_for(3).seek(38).play_for(1)
    seeks = around(simulated, Seeking, before=1, after=4)
    of_chromium = around(recorded("d-seeks-chromium"), Seeking, before=1, after=4)
    assert len(seeks) == 2
    assert orders(seeks) == orders(of_chromium)
    shortest, *_, longest = sorted(landed.at - began.at for _, began, _, landed, *_ in of_chromium)
    for _, began, told, landed, resumed, _ in seeks:
        assert shortest <= landed.at - began.at <= longest
        assert len(set(positions([began, told, landed, resumed]))) == 1
    # The recorded ones play on for some milliseconds before they are told of.
    for _, began, *rest, _ in of_chromium:
        [start] = positions([began])
        assert all(place == pytest.approx(start, abs=0.02) for place in positions(rest))


def test_a_seek_after_the_end_is_told_as_recorded() -> None:
    simulated = Player(duration=20.008).play_to_end().sleep(3).seek(0).play_for(1)
    [after_the_end] = around(simulated, Seeking, before=1, after=5)
    assert orders([after_the_end]) == orders(
        around(recorded("h-replay-chromium"), Seeking, before=1, after=5)
    )


def test_playing_after_the_end_is_seeking_to_the_start_first() -> None:
    by_itself = Player(duration=20).play_to_end().play()
    assert by_itself.events == Player(duration=20).play_to_end().seek(0).play().events


@pytest.mark.parametrize(("every", "length"), [(0.125, 4), (0.015625, 5)])
def test_a_scrub_is_told_as_recorded_overtaken_seeks_included(every: float, length: int) -> None:
    simulated = Player(duration=300).play_to(5).scrub(17, 29.5, 41.75, 54, every=every)
    of_chromium = recorded("e-scrub-chromium")
    landings = [events[-length:] for events in around(simulated, Play, before=length - 1, after=0)]
    assert kinds(landings[-1])[:-3] == (Seeking,) * (length - 3)
    assert orders(landings[-1:]) <= orders(around(of_chromium, Seeking, after=length - 1))


@pytest.mark.parametrize(
    "name", ["a-straight-60s-chromium", "h-replay-chromium", "k-live-infinity-chromium"]
)
def test_the_end_is_told_as_recorded(name: str) -> None:
    simulated = around(Player(duration=60.008).play_to_end(), Ended, before=3, after=0)
    of_chromium = around(recorded(name), Ended, before=3, after=0)
    assert orders(simulated) == orders(of_chromium)
    for _, told, paused, ended in simulated + of_chromium:
        assert positions([told, paused, ended]) == [ended.duration] * 3
        assert ended.at - told.at < 0.02


def test_a_loop_is_told_as_recorded() -> None:
    player = Player(duration=20.008, loop=True).play_for(65)
    rounds = around(player, Seeking, before=1, after=4)
    of_chromium = around(recorded("i-loop-chromium"), Seeking, before=1, after=4)
    assert len(rounds) == len(of_chromium) == 3
    assert orders(rounds) == orders(of_chromium)
    for last, *landing, _ in rounds + of_chromium:
        assert last.duration is not None
        assert positions([last]) < [last.duration]
        assert positions(landing) == [0.0] * 4
    assert Pause not in kinds(player)
    assert Ended not in kinds(player)


def test_another_source_is_told_as_recorded() -> None:
    simulated = Player(duration=60.008).play_to(20).switch_source(180).play_for(1)
    switches = around(simulated, Emptied, before=1, after=6)
    of_chromium = around(recorded("l-source-switch-chromium"), Emptied, before=1, after=6)
    assert orders(switches) == orders(of_chromium)
    for _, _, told, started, *_ in switches + of_chromium:
        assert positions([told, started]) == [0.0, 0.0]
        assert told.duration is None


def test_another_source_of_a_paused_player_does_not_play() -> None:
    player = Player(duration=60).play_to(20).pause().switch_source(180)
    assert kinds(player)[-5:] == (Pause, Emptied, TimeUpdate, MediaInfo, MediaInfo)
    assert not player.playing
    assert (player.position, player.duration) == (0.0, 180.0)


def test_a_short_stall_is_told_as_recorded() -> None:
    simulated = Player(duration=60).play_to(8).stall(0.01).play_for(1)
    stalled = around(simulated, Play, before=1, after=1)[-1:]
    assert orders(stalled) == {(TimeUpdate, Play, TimeUpdate)}
    for name in ("f-close-tab-chromium", "i-loop-chromium", "j-rates-chromium"):
        assert orders(stalled) <= orders(around(recorded(name), Play, before=1, after=1))


def test_a_long_stall_is_told_as_recorded() -> None:
    simulated = Player(duration=60).play_to(20).stall(11.5).play_for(1)
    [*_, stalled] = around(simulated, Play, before=2, after=1)
    [*_, of_chromium] = around(recorded("m-buffering-chromium"), Play, before=2, after=1)
    assert kinds(stalled) == kinds(of_chromium)
    for last, told, resumed, _ in (stalled, of_chromium):
        assert len(set(positions([last, told]))) == 1
        assert resumed.at - last.at == pytest.approx(11.5, abs=0.05)


def test_a_hidden_page_is_told_once_and_plays_on_as_recorded() -> None:
    player = Player(duration=60.008).play_to(8).hide().hide().play_to(28).show().play_for(1)
    hidden = around(player, Unload, before=1, after=2)
    of_chromium = around(recorded("g-hide-return-chromium"), Unload, before=1, after=2)[:1]
    assert len(hidden) == 1
    assert orders(hidden) == orders(of_chromium)
    for _, _, *reports in hidden + of_chromium:
        assert reports[1].at - reports[0].at < 0.5


def test_a_closed_page_is_told_as_recorded() -> None:
    closed = list(Player(duration=60.008).play_to(22).close())[-4:]
    for name in ("f-close-tab-chromium", "g-hide-return-chromium", "m-buffering-chromium"):
        assert kinds(closed) == kinds(recorded(name)[-4:])
    assert len(set(positions(closed))) == 1


def test_a_page_that_was_hidden_is_not_hidden_again_by_closing() -> None:
    assert kinds(Player(duration=60).play_to(22).hide().close()).count(Unload) == 3


def test_rates_are_told_as_recorded() -> None:
    player = Player(duration=180).play_to(8).set_rate(2).play_to(27).set_rate(0.5).play_to(31)
    player.set_rate(1).play_for(1)
    changes = around(list(player)[2:], MediaInfo, before=1, after=1)
    of_chromium = around(recorded("j-rates-chromium")[2:], MediaInfo, before=1, after=1)
    assert orders(changes) == orders(of_chromium)
    told = [[event.rate for event in change] for change in changes]
    assert told == [[event.rate for event in change] for change in of_chromium]


def test_the_end_of_a_live_stream_is_told_as_recorded() -> None:
    player = Player(duration=inf).play_to(47).learn_duration(50.001).play_to_end()
    of_chromium = recorded("k-live-infinity-chromium")
    assert list(dict.fromkeys(event.duration for event in player)) == [inf, 50.001]
    assert list(dict.fromkeys(event.duration for event in of_chromium)) == [inf, 50.001]
    learnt = around(player, MediaInfo, before=1, after=1)[-1:]
    assert orders(learnt) <= orders(around(of_chromium, MediaInfo, before=1, after=1))


def test_a_growing_duration_is_told_as_recorded() -> None:
    player = Player(duration=3.5).play_to(2).learn_duration(4.5).play_to(3).learn_duration(6)
    learnt = around(player.play_for(1), MediaInfo, before=1, after=1)[-2:]
    of_firefox = recorded("k2-live-infinity-firefox")
    assert orders(learnt) <= orders(around(of_firefox, MediaInfo, before=1, after=1))


# What recordings do not show.


def test_a_player_that_does_not_know_its_duration_does_not_tell_it() -> None:
    for unknown in (None, nan):
        player = Player(duration=unknown).play_for(5)
        assert kinds(player)[:3] == (Play, Play, TimeUpdate)
        assert {event.duration for event in player} == {None}


def test_seeking_to_the_end_ends() -> None:
    playing = Player(duration=60).play_to(5).seek(90)
    assert kinds(playing)[-5:] == (TimeUpdate, Seeked, TimeUpdate, Pause, Ended)
    paused = Player(duration=60).play_to(5).pause().seek(60)
    assert kinds(paused)[-4:] == (TimeUpdate, Seeked, TimeUpdate, Ended)
    assert playing.position == paused.position == 60


def test_learning_that_the_playhead_is_at_the_end_ends() -> None:
    player = Player(duration=inf).play_to(5).learn_duration(5)
    assert kinds(player)[-4:] == (MediaInfo, TimeUpdate, Pause, Ended)


def test_positions_never_lie_beyond_the_duration() -> None:
    player = Player(duration=60.1).play_to(70)
    assert player.position == max(filter(None, positions(player))) == 60.1


def test_playing_to_a_position_is_seen_there_whatever_the_interval() -> None:
    player = Player(duration=60, interval=0.7, random=3).play_to(10)
    assert positions(player)[-1] == player.position == 10


def test_time_passes_by_the_script_alone() -> None:
    player = Player(duration=3600, at=1000)
    assert player.play_to(10).at == 1010
    assert player.set_rate(2).play_for(5).at == 1015
    assert player.position == 20
    assert player.pause(31).at == 1046
    assert player.pause(1).at == 1047
    assert player.sleep(7200).at == 8247
    assert player.stall(0.5).at == 8247.5
    assert player.position == 20


def test_playing_for_a_time_stops_at_the_end() -> None:
    player = Player(duration=10, at=1000).play_for(30)
    assert (player.at, player.position, player.playing) == (1010, 10, False)


def test_a_sleeping_laptop_tells_nothing() -> None:
    player = Player(duration=60).play_to(5)
    events = player.events
    assert player.sleep(3600).events == events
    assert player.playing


def test_a_loop_reaches_an_earlier_position_by_way_of_the_end() -> None:
    player = Player(duration=20, loop=True).play_to(15).play_to(5)
    assert player.position == 5
    assert kinds(player).count(Seeking) == 1


def test_a_timer_and_a_button_tell_their_own_events() -> None:
    player = Player(duration=60).play_to(5).pause(31).tick().mark_complete()
    tick, complete = player.events[-2:]
    assert tick == Tick(at=player.at)
    assert isinstance(complete, Complete)
    assert complete.position == 5


def test_acts_chain_on_one_player() -> None:
    player = Player(duration=60)
    assert player.play() is player.play_to(1) is player.play_for(1) is player.pause() is player
    assert player.seek(3) is player.scrub(4, 5) is player.stall(1) is player.sleep(1) is player
    assert player.set_rate(2) is player.hide() is player.show() is player.close() is player
    assert player.learn_duration(70) is player.switch_source(80) is player.tick() is player
    assert player.mark_complete() is player.play_to_end() is player
    assert list(player) == list(player) == list(player.events)


def test_the_same_seed_yields_the_same_events_and_leaves_other_chance_alone() -> None:
    state = random.getstate()

    def watched(chance: Any) -> list[Event]:
        return list(Player(duration=60, random=chance).play_to_end())

    assert watched(5) == watched(5) == watched(random.Random(5))
    assert watched(5) != watched(6)
    assert watched(5) != watched(None)
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("act", "arguments", "advice"),
    [
        ("play_to", [20], "at least 30, where the playhead is"),
        ("play_to", [-1], "at least 0"),
        ("play_to", [nan], "finite"),
        ("play_for", [-1], "at least 0"),
        ("pause", [-1], "at least 0"),
        ("seek", [-1], "at least 0"),
        ("seek", ["40"], "a number"),
        ("scrub", [40, -1], "at least 0"),
        ("stall", [inf], "finite"),
        ("sleep", [-1], "at least 0"),
        ("set_rate", [0], "from 0.0625 to 16"),
        ("set_rate", [20], "from 0.0625 to 16"),
        ("learn_duration", [29], "at least 30, where the playhead is"),
        ("learn_duration", [0], "more than 0 seconds"),
        ("switch_source", [-5], "more than 0 seconds"),
        ("switch_source", ["60"], "a number"),
    ],
)
def test_an_impossible_act_says_what_to_do_and_changes_nothing(
    act: str, arguments: list[Any], advice: str
) -> None:
    player = Player(duration=60).play_to(30)
    before = (player.events, player.at, player.position, player.duration, player.playing)
    with pytest.raises(InvalidValueError, match=advice):
        getattr(player, act)(*arguments)
    assert before == (player.events, player.at, player.position, player.duration, player.playing)


@pytest.mark.parametrize("duration", [None, inf])
def test_there_is_no_playing_to_an_unknown_end(duration: float | None) -> None:
    with pytest.raises(InvalidValueError, match="learn_duration"):
        Player(duration=duration).play_to_end()


@pytest.mark.parametrize(
    "settings", [{"duration": 0}, {"interval": 0}, {"interval": -1}, {"at": nan}, {"at": "now"}]
)
def test_an_impossible_player_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        Player(**{"duration": 60, **settings})


# The sentences of the documentation, through a tracker.


@pytest.mark.parametrize(
    ("player", "expected"),
    [
        pytest.param(
            Player(duration=100).play_to(50).pause(31).seek(80).hide().close(),
            [("milestone", 10), ("milestone", 25), ("milestone", 50), ("unload", 80)],
            id="4.8: the hidden page saves for the pause and the seek, closing is no news",
        ),
        pytest.param(
            Player(duration=100).play_to(9).pause(31).tick(),
            [("pause", 9)],
            id="4.8: an extended pause",
        ),
        pytest.param(Player(duration=100).play_to(9).pause(29).tick(), [], id="4.8: a short pause"),
        pytest.param(
            Player(duration=1000).play_to(9).seek(80).play_to(90),
            [("seek", 82)],
            id="4.7: a significant seek is saved once it has settled",
        ),
        pytest.param(
            Player(duration=1000).play_to(9).scrub(*range(20, 80)).play_to(90),
            [("seek", 81)],
            id="4.7: a scrub is one save",
        ),
        pytest.param(
            Player(duration=1000).play_to(9).seek(19).play_to(30), [], id="4.7: a skip of 10 s"
        ),
        pytest.param(
            Player(duration=20, loop=True).play_to_end().play_for(50),
            [("milestone", share / 5) for share in (10, 25, 50, 75, 90, 95)] + [("completion", 20)],
            id="4.6: a loop completes once, though it never ends",
        ),
        pytest.param(
            Player(duration=60).play_to(5).switch_source(600).play_to(5).hide(),
            [("unload", 5)],
            id="4.8: other media; 4.11: the position of the one before is protected",
        ),
        pytest.param(Player(duration=60).hide().close(), [], id="4.1: nothing before playback"),
        pytest.param(
            Player(duration=None).play_to(700).close(),
            [("checkpoint", 600), ("unload", 700)],
            id="4.13: an unknown duration",
        ),
    ],
)
def test_a_sentence_leads_to_the_decisions_of_the_rules(
    player: Player, expected: list[tuple[str, float]]
) -> None:
    made = [(str(trigger), position) for trigger, position in decisions(player)]
    assert [trigger for trigger, _ in made] == [trigger for trigger, _ in expected]
    # A milestone or a settled gesture is noticed at the next report.
    for (_, position), (_, least) in zip(made, expected, strict=True):
        assert least <= position <= least + 0.25


def test_an_hour_watched_in_one_go_is_nine_saves() -> None:
    made = decisions(Player(duration=3600).play_to_end())
    assert len(made) == 9
    assert made[-1] == (Trigger.COMPLETION, 3600)


def test_nothing_is_playing_before_the_first_act() -> None:
    tracker = Tracker()
    tracker.feed(Player(duration=60))
    assert tracker.phase is Phase.IDLE
    assert tracker.duration == 60


def test_seeked_is_told_once_for_each_seek_that_lands() -> None:
    assert kinds(Player(duration=60).scrub(1, 2, 3)).count(Seeked) == 3
    assert kinds(Player(duration=60).scrub(1, 2, 3, every=0.01)).count(Seeked) == 1
