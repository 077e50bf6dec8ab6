"""What is drawn of a recording: where the playhead was, by what it did."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given

from milestone_progress import Emptied, Event, IntervalPolicy, SavePolicy
from milestone_progress._replay import Replay, Timeline, Way
from milestone_progress._trace import events_of_media, read_trace
from milestone_progress.simulator import Player
from milestone_progress.testing.strategies import disordered_viewings

TRACES = Path(__file__).parent / "traces"


def followed(events: Sequence[Event]) -> Timeline:
    timeline = Timeline(SavePolicy())
    of_media = list(events_of_media(iter(events)))
    assert list(timeline.following(of_media)) == of_media
    return timeline


def moved(timeline: Timeline, way: Way) -> float:
    stretches = [stretch for one, stretch in timeline.stretches if one is way]
    return sum(abs(end[1] - start[1]) for start, end in stretches)


def lasted(timeline: Timeline, way: Way) -> float:
    stretches = [stretch for one, stretch in timeline.stretches if one is way]
    return sum(end[0] - start[0] for start, end in stretches)


def test_a_viewing_is_told_apart_into_playing_pauses_and_jumps() -> None:
    player = Player(duration=100, at=0).play_to(20).pause(40).seek(60).play_to(70).close()
    timeline = followed([*player])
    assert moved(timeline, Way.PLAYED) == pytest.approx(30)
    assert lasted(timeline, Way.STOOD) == pytest.approx(40, abs=0.1)
    assert moved(timeline, Way.JUMPED) == pytest.approx(40)
    assert lasted(timeline, Way.JUMPED) == 0
    [shown] = timeline.media
    assert (shown.began, shown.duration) == (0.0, 100.0)
    assert shown.ended == pytest.approx(70, abs=0.2)


@given(disordered_viewings())
def test_all_decisions_are_there_and_a_way_from_each_event_to_the_next(
    events: Sequence[Event],
) -> None:
    timeline = followed(events)
    of_media = list(events_of_media(iter(events)))
    decided = [decision for _, decision in Replay(SavePolicy()).decisions(of_media)]
    assert timeline.decisions == [(one.at - of_media[0][1].at, one) for one in decided]
    of_positions = [index for index, event in of_media if not isinstance(event, Emptied)]
    lasting = [stretch for way, stretch in timeline.stretches if way is not Way.JUMPED]
    assert len(lasting) == len(of_positions) - len(timeline.media)
    replay = Replay(IntervalPolicy())
    assert len(timeline.interval) == len(list(replay.decisions(of_media)))


def test_the_media_of_a_recording_have_their_own_times_and_lengths() -> None:
    path = TRACES / "l-source-switch-chromium.jsonl"
    timeline = Timeline(SavePolicy())
    with path.open("rb") as stream:
        assert list(timeline.following(events_of_media(read_trace(stream, path.name))))
    assert [one.duration for one in timeline.media] == [60.008, 180.008, 45.008]
    for one, other in pairwise(timeline.media):
        assert one.began < one.ended == other.began < other.ended
