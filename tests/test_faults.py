"""What a simulated network does to reports, and what that does to what is stored."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    IntervalPolicy,
    InvalidValueError,
    ProgressRecord,
    SaveDecision,
    SavePolicy,
    Tracker,
    merge,
)
from milestone_progress.simulator import (
    MIXES,
    NETWORKS,
    Audience,
    Connection,
    Network,
    Player,
    Watched,
)

HOUR = 3600.0


def sent(network: Network, times: Sequence[float], seed: int = 1) -> list[tuple[float, ...]]:
    connection = Connection(network, Random(seed))
    return [connection.send(at) for at in times]


def watched(behaviour: str, index: int = 0) -> Watched:
    audience = Audience(duration=HOUR, viewers=index + 1, mix=MIXES[behaviour], interval=2.0)
    return Watched.through(audience.visits(index))


def test_a_perfect_network_delivers_at_once_and_once() -> None:
    assert sent(NETWORKS["perfect"], [1.0, 1.0, 7.5]) == [(1.0,), (1.0,), (7.5,)]


def test_a_network_loses_repeats_and_delays_as_much_as_it_says() -> None:
    network = Network(delay=1.0, delay_varies=4.0, loss=0.25, duplication=0.1)
    arrivals = sent(network, [100.0] * 10_000)
    arrived = [one for one in arrivals if one]
    assert 1 - len(arrived) / 10_000 == pytest.approx(0.25, abs=0.02)
    assert sum(len(one) == 2 for one in arrived) / len(arrived) == pytest.approx(0.1, abs=0.02)
    delays = [one[0] - 100.0 for one in arrived]
    assert 1.0 <= min(delays) < 1.05
    assert 4.95 < max(delays) <= 5.0
    assert all(one[1] > one[0] for one in arrived if len(one) == 2)


def test_two_reports_may_arrive_in_the_other_order() -> None:
    arrivals = sent(Network(delay_varies=10.0), [float(at) for at in range(100)])
    times = [at for one in arrivals for at in one]
    assert len(times) == 100
    assert times != sorted(times)


def test_an_outage_loses_all_that_is_sent_in_it_and_nothing_else() -> None:
    arrivals = sent(Network(outage_every=100.0, outage=20.0), [at / 4 for at in range(4_000)])
    lost = [at for at, one in enumerate(arrivals) if not one]
    # Ten outages of 20 s, four reports a second, the first and the last one perhaps cut.
    assert len(lost) == pytest.approx(800, abs=2)
    runs = [at for at in lost if at - 1 not in lost]
    assert 10 <= len(runs) <= 11
    assert all(later - earlier == 400 for earlier, later in pairwise(runs[1:]))


def test_the_same_seed_has_the_same_outages_whatever_is_sent() -> None:
    network = Network(outage_every=60.0, outage=10.0)
    rarely = sent(network, [at * 7.0 for at in range(100)])
    often = sent(network, [float(at) for at in range(700)])
    assert rarely == often[::7]


@pytest.mark.parametrize(
    "setting", [{"loss": 1.5}, {"duplication": -0.5}, {"delay": -1.0}, {"outage": float("nan")}]
)
def test_settings_that_cannot_be_are_refused(setting: dict[str, float]) -> None:
    [name] = setting
    with pytest.raises(InvalidValueError, match=f"{name} must be"):
        Network(**setting)


def decisions() -> list[SaveDecision]:
    player = Player(duration=600, interval=1.0).play_to(200).pause(40).seek(30).play_to(90)
    return Tracker().feed(player.seek(500).play_to_end().close())


def stored(records: Sequence[ProgressRecord]) -> ProgressRecord:
    first, *others = records
    for record in others:
        first = merge(first, record)
    return first


@given(st.data())
def test_neither_the_order_nor_the_number_of_arrivals_changes_what_is_stored(
    data: st.DataObject,
) -> None:
    """What is stored is what the last arrival says, and the highest milestone of all."""
    delays = st.integers(0, 500).map(float)
    records = [
        ProgressRecord.from_decision(
            decision,
            viewer="ann",
            media="film",
            received_at=decision.at + data.draw(delays),
        )
        for decision in decisions()
    ]
    assert len(records) > 5
    again = data.draw(st.permutations([*records, *data.draw(st.lists(st.sampled_from(records)))]))
    found = stored(again)
    assert found == stored(records)
    last = max(records, key=lambda record: (record.updated_at, record.position))
    assert (found.position, found.updated_at) == (last.position, last.updated_at)
    assert found.milestone == max(record.milestone for record in records)


@pytest.mark.parametrize("policy", [SavePolicy(), IntervalPolicy()])
@pytest.mark.parametrize("behaviour", ["straight", "scrubber", "phone", "devices"])
def test_a_network_that_says_all_twice_costs_requests_and_nothing_else(
    behaviour: str, policy: SavePolicy | IntervalPolicy
) -> None:
    viewer = watched(behaviour)
    once = viewer.outcome(policy)
    twice = viewer.outcome(policy, Connection(Network(duplication=1.0), Random(1)))
    assert twice.requests == 2 * once.requests
    assert evolve(twice, requests=once.requests) == once


def test_what_is_lost_is_at_risk_and_still_decided() -> None:
    viewer = watched("straight")
    perfect = viewer.outcome(SavePolicy())
    lossy = viewer.outcome(SavePolicy(), Connection(Network(loss=1.0), Random(1)))
    assert (lossy.saves, lossy.completed) == (0, False)
    assert lossy.requests == perfect.requests > 0
    assert lossy.undecided == perfect.undecided < 610
    assert lossy.risk.worst == pytest.approx(lossy.risk.playing)
    assert lossy.risk.worst > perfect.risk.worst
    assert lossy.risk.playing == perfect.risk.playing


def test_what_is_late_is_at_risk_for_so_much_longer() -> None:
    viewer = watched("straight")
    policy = IntervalPolicy()
    perfect = viewer.outcome(policy)
    late = viewer.outcome(policy, Connection(Network(delay=10.0), Random(1)))
    assert late.saves == perfect.saves
    assert late.risk.worst == pytest.approx(perfect.risk.worst + 10, abs=0.5)
    at_risk, more = (one.risk.seconds / one.risk.playing for one in (perfect, late))
    assert more == pytest.approx(at_risk + 10, abs=0.5)


def test_a_subway_costs_the_viewers_more_than_a_cell_and_that_more_than_nothing() -> None:
    means = []
    for network in ("perfect", "mobile", "subway"):
        mix = evolve(MIXES["phone"], network=NETWORKS[network])
        audience = Audience(duration=HOUR, viewers=20, mix=mix, interval=2.0)
        outcomes = [
            Watched.through(audience.visits(index)).outcome(
                SavePolicy(), audience.connection(index)
            )
            for index in range(20)
        ]
        means.append(sum(one.risk.seconds for one in outcomes))
    assert means == sorted(means)
    assert means[0] < means[1] < means[2]
