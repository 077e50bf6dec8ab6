"""What the example on Apache Beam makes of a clickstream, without Beam: see `on_beam` for that."""

import json
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream import Key, heard_in
from clickstreams import (
    arriving,
    as_json,
    batches,
    by_key,
    decided_as_it_came,
    decided_at_once,
    decided_in_order,
    expected,
    line,
    recordings,
    simulated,
    single_lines,
)
from keyed_viewing import KeyedViewing, Released, Settings
from milestone_progress import (
    Complete,
    Event,
    IntervalPolicy,
    Pause,
    PayloadError,
    Play,
    ProgressRecord,
    SavePolicy,
    TimeUpdate,
    Unload,
)
from milestone_progress.simulator import Player
from milestone_progress.testing import strategies

KEY = "ann", "film", "tab-1"
START = 1_700_000_000.0


def viewing(seconds: float = 60) -> Player:
    return Player(duration=100, at=START, interval=1).play_to(seconds)


# Order


@pytest.mark.parametrize("seed", [1, 2])
def test_recordings_in_files_lead_to_the_decisions_of_replay(seed: int) -> None:
    viewings = recordings()
    engine = decided_at_once(batches(viewings, seed))
    assert by_key(engine.decisions) == expected(viewings)
    assert engine.left_out == []


@pytest.mark.parametrize("policy", [SavePolicy(), IntervalPolicy()])
def test_a_stream_shuffled_within_the_allowance_leads_to_the_decisions_of_replay(
    policy: SavePolicy | IntervalPolicy,
) -> None:
    settings = Settings(policy=policy)
    viewings = dict(recordings()) | dict(simulated(60))
    engine = decided_as_it_came(arriving(viewings, 29.9, 1), settings)
    assert by_key(engine.decisions) == expected(viewings, settings)
    assert engine.left_out == []


@pytest.mark.slow
def test_two_thousand_viewings_shuffled_within_thirty_seconds_lead_to_the_same() -> None:
    viewings = simulated(2_000)
    engine = decided_as_it_came(arriving(viewings, 29.9, 1))
    assert by_key(engine.decisions) == expected(viewings)
    assert engine.left_out == []


@given(st.data())
def test_whatever_a_player_tells_by_whatever_clock_its_numbers_give_the_order(
    data: st.DataObject,
) -> None:
    events = data.draw(strategies.disordered_viewings(exact=True))
    # When each really happened, and how long it was on its way.
    gaps = st.lists(st.integers(0, 40), min_size=len(events), max_size=len(events))
    happened = [START + sum(gaps[: n + 1]) for gaps in [data.draw(gaps)] for n in range(len(gaps))]
    late = data.draw(gaps.map(lambda delays: [delay * 0.72 for delay in delays]))
    lines = []
    for number, event in enumerate(events):
        received_at = happened[number] + late[number]
        told = line(
            KEY, number, [event], received_at=received_at, sent_at=max(0, event.at + late[number])
        )
        lines.append((received_at, told))
    lines.sort()
    # The shift to the collector's clock does not round more than that.
    settings = Settings(disorder=30.5, expiry=1e9)
    engine = decided_as_it_came(lines, settings)
    assert by_key(engine.decisions) == expected({KEY: events} if events else {}, settings)
    assert engine.left_out == []


def test_events_that_happened_at_once_stay_in_the_order_of_their_line() -> None:
    viewings = recordings()
    lines = [
        line(key, None, [event for event in events if int(event.at) == second])
        for key, events in viewings.items()
        for second in {int(event.at) for event in events}
    ]
    assert by_key(decided_at_once(lines).decisions) == expected(viewings)


def test_players_that_do_not_count_are_ordered_by_their_clock() -> None:
    events = list(viewing())
    # One report for each second.
    lines = [line(KEY, None, [event]) for event in events if isinstance(event, TimeUpdate)]
    lines.append(line(KEY, None, [e for e in events if not isinstance(e, TimeUpdate)]))
    lines += lines
    Random(1).shuffle(lines)
    assert by_key(decided_at_once(lines).decisions) == expected({KEY: events})


def test_two_players_of_a_viewer_do_not_disturb_each_other() -> None:
    other = "ann", "film", "tab-2"
    viewings = {KEY: list(viewing()), other: list(viewing(30).seek(80).play_to(95))}
    engine = decided_as_it_came(arriving(viewings, 20, 3))
    assert by_key(engine.decisions) == expected(viewings)


# Too late, or again


def test_what_comes_again_is_left_out_and_changes_nothing() -> None:
    viewings = simulated(20)
    lines = arriving(viewings, 10, 1)
    again = [(at + 300, told) for at, told in lines]
    engine = decided_as_it_came(sorted(lines + again))
    assert by_key(engine.decisions) == expected(viewings)
    assert len(engine.left_out) > len(lines) / 2


def test_what_comes_too_late_is_left_out_as_if_it_had_never_been_told() -> None:
    viewings = simulated(20)
    random = Random(4)
    lines = sorted(
        (at + (random.uniform(90, 500) if random.random() < 0.05 else random.uniform(0, 29)), told)
        for at, told in single_lines(viewings)
    )
    engine = decided_as_it_came(lines)
    assert len(engine.left_out) > 10
    left_out = {(key, int(one.place.first)) for key, one in engine.left_out}
    told = {
        key: [event for number, event in enumerate(events) if (key, number) not in left_out]
        for key, events in viewings.items()
    }
    assert by_key(engine.decisions) == expected(told)


def test_an_hour_that_was_watched_without_a_network_counts_when_it_comes() -> None:
    events = list(Player(duration=3600, at=START, interval=5).play_to(3000).close())
    begun, offline = events[:100], events[100:]
    later = [(START + 9_000, line(KEY, 100, offline))]
    engine = decided_as_it_came([(START, line(KEY, 0, begun)), *later])
    assert by_key(engine.decisions) == expected({KEY: events})
    assert engine.left_out == []


def test_so_does_one_that_was_sent_in_many_lines_which_overtake_each_other() -> None:
    events = list(Player(duration=3600, at=START, interval=5).play_to(3000).close())
    random = Random(2)
    back = START + 9_000
    lines = []
    for number in range(0, len(events), 7):
        at = back + 29 * random.random()
        told = line(KEY, number, events[number : number + 7], received_at=at, sent_at=back)
        lines.append((at, told))
    engine = decided_as_it_came(sorted(lines))
    assert by_key(engine.decisions) == expected({KEY: events})
    assert engine.left_out == []


# Time that passes


def live_viewings() -> dict[Key, list[Event]]:
    viewings = dict(simulated(30, seed=9))
    player = viewing().pause(100).play_to(70).pause(20).seek(90).sleep(50)
    return {key: list(events) for key, events in viewings.items()} | {KEY: list(player)}


def test_a_live_stream_answers_each_deadline_and_says_goodbye_for_the_player() -> None:
    settings = Settings(live=True)
    viewings = live_viewings()
    # What is due later comes before anything is over: at the last event of all, a day later.
    ended = {key: [*events, Pause(at=1e10, position=0)] for key, events in viewings.items()}
    wanted = {}
    for key, events in ended.items():
        decided = [d for d, _ in decided_in_order(events, settings)]
        tracker_decided = [as_json(d) for d in decided if d.at < 1e10]
        if tracker_decided:
            wanted[key] = tracker_decided
    engines = [
        decided_as_it_came(arriving(viewings, 29.9, 1), settings),
        decided_at_once(batches(viewings, 1), settings),
    ]
    first, second = (by_key(engine.decisions) for engine in engines)
    assert first == second
    for key, decisions in first.items():
        farewell = len(decisions) - len(wanted.get(key, []))
        assert decisions[: len(decisions) - farewell] == wanted.get(key, [])
        assert farewell in (0, 1)
        if farewell:
            assert decisions[-1]["trigger"] == "unload"
            assert decisions[-1]["at"] == viewings[key][-1].at


@pytest.mark.parametrize("seed", [1, 2])
def test_no_deadline_is_answered_before_an_event_that_still_waits(seed: int) -> None:
    settings = Settings(live=True)
    viewings = recordings()
    one_by_one = [
        line(key, n, [e]) for key, events in viewings.items() for n, e in enumerate(events)
    ]
    wanted = by_key(decided_at_once(one_by_one, settings).decisions)
    assert by_key(decided_at_once(batches(viewings, seed), settings).decisions) == wanted


def test_a_pause_is_saved_as_it_becomes_long_only_where_time_may_decide() -> None:
    events = list(viewing(5.5).pause(1))
    pause = next(event for event in events if isinstance(event, Pause))
    engine = decided_at_once([line(KEY, 0, events)])
    assert engine.decisions == []
    engine = decided_at_once([line(KEY, 0, events)], Settings(live=True))
    assert [(d["trigger"], d["at"]) for d in by_key(engine.decisions)[KEY]] == [
        ("pause", pause.at + 30)
    ]
    assert engine.decisions[0]["record"]["updated_at"] == pause.at + 30


def test_a_viewing_that_nothing_is_heard_of_is_forgotten() -> None:
    kept: list[Released] = []
    engine = decided_at_once([line(KEY, 0, viewing())])
    assert engine.viewings == {KEY: None}
    assert engine.timers == {}
    engine.watch = kept.append
    engine.hear(line(KEY, 0, viewing()))
    engine.advance(START + 3_600)
    assert kept[-1].viewing is not None
    engine.advance(START + 100_000)
    assert kept[-1].viewing is None


def test_after_a_viewing_is_over_another_one_begins_in_files_as_in_streams() -> None:
    first = list(viewing())
    player = Player(duration=100, at=START + 200_000, interval=1).play_to(60)
    second = list(player)
    lines = [line(KEY, 0, first), line(KEY, len(first), second)]
    each = expected({KEY: first})[KEY], expected({KEY: second})[KEY]
    engines = [
        decided_at_once(lines),
        decided_as_it_came([(START, lines[0]), (START + 200_000, lines[1])]),
    ]
    for engine in engines:
        assert [one["decision"] for one in engine.decisions] == [*each[0], *each[1]]
        assert len({one["id"] for one in engine.decisions}) == len(engine.decisions)


# What is kept


def test_what_is_kept_of_a_viewing_is_small() -> None:
    sizes: list[int] = []
    engine = decided_as_it_came([])
    engine.watch = lambda done: sizes.append(len(done.viewing or ""))
    for at, told in arriving(simulated(30), 20, 1):
        engine.advance(at)
        engine.hear(told)
    assert len(sizes) > 300
    assert max(sizes) < 1_500


def test_what_another_version_kept_is_refused() -> None:
    _, heard = heard_in(line(KEY, 0, viewing()))
    kept = json.loads(KeyedViewing.beginning(KEY, Settings(), heard[0]).to_text())
    with pytest.raises(ValueError, match="version 2, where 1 can be read"):
        KeyedViewing.from_text(KEY, Settings(), json.dumps(kept | {"version": 2}))


def test_a_viewing_begins_with_the_record_that_its_player_began_with() -> None:
    record = ProgressRecord(
        viewer="ann", media="film", position=50, duration=100, milestone=50, updated_at=START
    )
    events = list(Player(duration=100, at=START).seek(50).play_to(80))
    engine = decided_at_once([line(KEY, 0, events, record=record.to_dict())])
    wanted = [as_json(d) for d, _ in decided_in_order(events, record=record)]
    assert [one["decision"] for one in engine.decisions] == wanted != expected({KEY: events})[KEY]


def test_who_starts_over_and_forgets_begins_anew() -> None:
    record = ProgressRecord(viewer="ann", media="film", position=90, updated_at=START, generation=3)
    first = list(viewing())
    player = Player(duration=100, at=START + 100, interval=1).play_to(30)
    second = list(player)
    lines = [
        line(KEY, 0, first, record=record.to_dict()),
        line(KEY, len(first), second, record=record.reset(START + 90).to_dict()),
    ]
    engine = decided_at_once(lines)
    generations = [one["record"]["generation"] for one in engine.decisions]
    assert generations == sorted(generations)
    later = [one["decision"] for one in engine.decisions if one["record"]["generation"] == 4]
    assert later == expected({KEY: second})[KEY]


def test_a_later_decision_makes_a_newer_record_whatever_the_clock_says() -> None:
    back: list[Event] = [
        Play(at=START, position=0.0, duration=100.0),
        *(TimeUpdate(at=START + n, position=float(n)) for n in range(1, 21)),
        TimeUpdate(at=START - 3_600, position=21.0),
        Unload(at=START - 3_590, position=22.0),
        Complete(at=START - 3_590, position=22.0),
    ]
    records = [one["record"] for one in decided_at_once([line(KEY, 0, back)]).decisions]
    times = [record["updated_at"] for record in records]
    assert len(times) == 3
    assert times == sorted(set(times))


def test_a_record_is_as_new_as_the_event_by_the_collectors_clock() -> None:
    events = [event for event in viewing(15) if event.at <= START + 12]
    # The player's clock is an hour fast, and the last event was sent after 5 s.
    told = line(KEY, 0, events, sent_at=events[-1].at + 5, received_at=START - 3_600)
    decisions = decided_at_once([told]).decisions
    ages = [events[-1].at + 5 - one["decision"]["at"] for one in decisions]
    assert [one["record"]["updated_at"] for one in decisions] == pytest.approx(
        [START - 3_600 - age for age in ages]
    )


# Lines


def problems_of(told: bytes) -> list[tuple[str, str]]:
    with pytest.raises(PayloadError) as caught:
        heard_in(told)
    return [(one.path, one.message) for one in caught.value.problems]


def test_what_is_no_event_of_ours_is_skipped_and_only_what_is_used_is_kept() -> None:
    told = {
        "viewer": "ann",
        "media": "film",
        "events": [
            {"type": "volumechange", "at": 1, "volume": 0.2},
            {"type": "play", "at": 2, "position": 3, "address": "10.0.0.1"},
        ],
    }
    key, heard = heard_in(json.dumps(told).encode())
    assert key == ("ann", "film", "")
    assert [one.event for one in heard] == [{"type": "play", "at": 2, "position": 3}]


@pytest.mark.parametrize(
    ("told", "path"),
    [
        (b"{", "$"),
        (b"\xff", "$"),
        (b"[" * 60_000, "$"),
        (b"[]", "$"),
        (b'"' + b"a" * 70_000 + b'"', "$"),
        (b'{"media": "film", "events": []}', "$.viewer"),
        (b'{"viewer": "ann", "media": "", "events": []}', "$.media"),
        (b'{"viewer": "ann", "media": "a\\ud800", "events": []}', "$.media"),
        (b'{"viewer": "ann", "media": "film", "player": 7, "events": []}', "$.player"),
        (b'{"viewer": "ann", "media": "film", "player": "\\ud800", "events": []}', "$.player"),
        (b'{"viewer": "ann", "media": "film", "sequence": 0, "events": []}', "$.player"),
        (
            b'{"viewer": "ann", "media": "film", "player": "a", "sequence": -1, "events": []}',
            "$.sequence",
        ),
        (b'{"viewer": "ann", "media": "film", "sent_at": true, "events": []}', "$.sent_at"),
        (b'{"viewer": "ann", "media": "film", "received_at": NaN, "events": []}', "$.received_at"),
        (b'{"viewer": "ann", "media": "film", "record": {}, "events": []}', "$.record"),
        (b'{"viewer": "ann", "media": "film"}', "$.events"),
        (b'{"viewer": "ann", "media": "film", "events": [3]}', "$.events[0]"),
        (
            b'{"viewer": "ann", "media": "film", "events": [{"type": "play", "at": 1}]}',
            "$.events[0].position",
        ),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_what_is_wrong(told: bytes, path: str) -> None:
    assert [one[0] for one in problems_of(told)] == [path]


def test_the_record_of_somebody_else_is_refused() -> None:
    record = ProgressRecord(viewer="bob", media="film", position=50, updated_at=START)
    assert problems_of(line(KEY, 0, [], record=record.to_dict()))[0][0] == "$.record"


@given(st.binary(max_size=100) | strategies.hostile_json().map(lambda it: json.dumps(it).encode()))
def test_a_line_is_read_or_refused_and_nothing_else(told: bytes) -> None:
    with suppress(PayloadError):
        heard_in(told)
