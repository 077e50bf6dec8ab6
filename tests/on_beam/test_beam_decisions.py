"""The example on Apache Beam decides as a tracker does that gets the events in their order."""

import json
from itertools import groupby

import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: the extra `beam` has it")

from attrs import asdict

from clickstreams import (
    DEFAULT,
    Json,
    arriving,
    batches,
    by_key,
    decided_at_once,
    expected,
    line,
    recordings,
    simulated,
)
from keyed_viewing import Settings
from milestone_progress import ProgressRecord, SavePolicy, event_from_dict
from milestone_progress.simulator import Player
from on_beam.running import Run
from test_cases import CASES, Case

KEY = "ann", "film", "tab"


def test_every_recording_leads_to_the_decisions_of_replay() -> None:
    viewings = recordings()
    assert len(viewings) > 26
    run = Run(DEFAULT).at_once(batches(viewings, 1))
    assert by_key(run.decisions) == expected(viewings)
    assert run.dead_letters == []


def test_every_recording_leads_to_the_same_where_each_bundle_is_done_three_times() -> None:
    viewings = recordings()
    once = Run(DEFAULT).at_once(batches(viewings, 2))
    run = Run(DEFAULT).at_once(batches(viewings, 2), again=2)
    assert len(run.decisions) == 3 * len(once.decisions)
    assert by_key(run.decisions) == expected(viewings)


def test_two_thousand_viewings_shuffled_and_every_bundle_done_twice_lead_to_the_same() -> None:
    viewings = simulated(2_000)
    assert len(viewings) >= 2_000
    lines = [told for _, told in arriving(viewings, 30, 1)]
    run = Run(DEFAULT).at_once(lines, again=1)
    assert by_key(run.decisions) == expected(viewings)
    assert run.dead_letters == []


def test_every_line_told_twice_leads_to_the_same() -> None:
    viewings = recordings()
    lines = batches(viewings, 3)
    run = Run(DEFAULT).at_once([*lines, *reversed(lines)])
    assert by_key(run.decisions) == expected(viewings)


def _policy(case: Case) -> str:
    return json.dumps(asdict(SavePolicy(**case["policy"])))


def test_every_worked_case_leads_to_its_decisions() -> None:
    tried = 0
    for _, cases in groupby(sorted(CASES, key=_policy), key=_policy):
        group = list(cases)
        settings = Settings(policy=SavePolicy(**group[0]["policy"]))
        run = Run(settings).at_once([_line(case) for case in group])
        decided = by_key(run.decisions)
        for case in group:
            tried += 1
            events = case["events"]
            found = [
                (one["at"], one["trigger"], round(one["position"], 6), one["milestone"])
                for one in decided.get(("ann", case["name"], "tab"), [])
            ]
            assert found == [
                (events[one["event"]]["at"], one["trigger"], one["position"], one["milestone"])
                for one in case["decisions"]
            ]
    assert tried == len(CASES)


def _line(case: Case) -> bytes:
    events = [event for data in case["events"] if (event := event_from_dict(data)) is not None]
    key = "ann", case["name"], "tab"
    if case["record"] is None:
        return line(key, 0, events)
    record = ProgressRecord(viewer="ann", media=case["name"], updated_at=0, **case["record"])
    return line(key, 0, events, record=record.to_dict())


def test_a_stream_shuffled_within_thirty_seconds_leads_to_the_decisions_of_replay() -> None:
    viewings = dict(list(recordings().items())[::7])
    run = Run(DEFAULT).as_it_came(arriving(viewings, 29, 1))
    assert by_key(run.decisions) == expected(viewings)
    assert run.dead_letters == []


def test_what_comes_too_late_in_a_stream_is_a_dead_letter() -> None:
    events = list(Player(duration=100, at=1_700_000_000.0, interval=1).play_to_end())
    told = [(event.at, line(KEY, number, [event])) for number, event in enumerate(events)]
    at, late = told.pop(50)
    run = Run(DEFAULT).as_it_came(sorted([*told, (at + 45, late)]))
    assert by_key(run.decisions) == expected({KEY: events[:50] + events[51:]})
    assert [one["problem"] for one in run.dead_letters] == ["came too late, or again"]
    assert json.loads(run.dead_letters[0]["line"])["event"]["at"] == at


def test_lines_that_cannot_be_read_are_dead_letters_and_the_others_count() -> None:
    viewings = {KEY: list(Player(duration=100, at=1_700_000_000.0).play_to(60))}
    bad = [b"\xff\x00", b"{", b'{"viewer": "ann"}', line(("ann", "", "tab"), 0, [])]
    run = Run(DEFAULT).at_once([*bad, b"", b" ", *batches(viewings, 1)])
    assert by_key(run.decisions) == expected(viewings)
    assert len(run.dead_letters) == len(bad)
    told: list[Json] = sorted(run.dead_letters, key=lambda one: str(one["line"]))
    assert [one["line"] for one in told if not one["line"].startswith("{")] == ["\\xff\x00"]
    assert all(one["problem"].startswith("$") for one in told)


@pytest.mark.parametrize("again", [0, 1])
def test_where_time_decides_too_it_is_as_on_a_host_with_timers(again: int) -> None:
    settings = Settings(live=True)
    viewings = recordings()
    run = Run(settings).at_once(batches(viewings, 4), again=again)
    # Which is compared with such a host in `test_example_beam`.
    engine = decided_at_once(batches(viewings, 5), settings)
    assert by_key(run.decisions) == by_key(engine.decisions) != expected(viewings)
