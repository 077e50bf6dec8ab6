"""Recordings of real players, checked against what their viewers really did.

Beside each recording lies its ground truth: seeks, pauses, what the browser itself says was
played, how it ended. Each is told twice: as recorded, and without its `seeking` events, which
some players and most analytics sources do not send.
"""

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import ceil, floor
from pathlib import Path
from typing import NotRequired, TypedDict

import pytest

from milestone_progress import (
    Emptied,
    Event,
    MediaInfo,
    SaveDecision,
    SavePolicy,
    Seeking,
    Tick,
    Tracker,
    Unload,
    event_from_dict,
)

TRACES = Path(__file__).parent / "traces"
NAMES = sorted(path.name.removesuffix(".jsonl") for path in TRACES.glob("*.jsonl"))
MILESTONES = SavePolicy().milestones


class SeekFact(TypedDict):
    wall: float
    to: float
    delta: float


class ScrubFact(TypedDict):
    to: float


class PauseFact(TypedDict):
    position: float
    from_wall: float
    to_wall: float
    over_30s: NotRequired[bool]


class SourceFact(TypedDict):
    duration: float
    position: NotRequired[float]
    played_ranges: NotRequired[list[tuple[float, float]]]
    played_ranges_from_time_pos: NotRequired[list[tuple[float, float]]]
    milestones_played_over: list[float]


class Facts(TypedDict):
    seeks: NotRequired[list[SeekFact]]
    scrubs: NotRequired[list[ScrubFact]]
    pauses: list[PauseFact]
    pauses_over_30s: int
    sources: list[SourceFact]
    last_position: NotRequired[float]
    really_watched_to: NotRequired[float]
    milestones_truly_watched: NotRequired[list[float]]


@dataclass(frozen=True)
class Media:
    """One media of a recording, and the truth about it."""

    events: tuple[Event, ...]
    duration: float
    #: Where the viewer really was in the end.
    position: float
    #: Whole seconds that were really played.
    played: frozenset[int]
    #: How many stretches they are.
    stretches: int
    #: The milestones that were played over or jumped over by a seek that landed.
    milestones: frozenset[float]

    @property
    def completed(self) -> bool:
        return 100 in self.milestones

    @property
    def said_goodbye(self) -> bool:
        # A browser that is closed may still report a `timeupdate` and a `pause` after it.
        return any(isinstance(event, (Unload, Emptied)) for event in self.events[-4:])


@dataclass(frozen=True)
class Recording:
    medias: tuple[Media, ...]
    seeks: list[SeekFact]
    scrubs: list[ScrubFact]
    long_pauses: list[PauseFact]


# A stalled Firefox leapt from here on and counts that as played; nobody saw it.
PLAYED_BEFORE_THE_LEAP = {"m2-buffering-firefox": 21.1}


@cache
def recording(name: str) -> Recording:
    events = [
        event
        for line in (TRACES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        if (event := event_from_dict(json.loads(line))) is not None
    ]
    scenario = json.loads((TRACES / f"{name}.scenario.json").read_text(encoding="utf-8"))
    facts: Facts = scenario["facts"]
    parts = _split(events)
    # What was watched again in the same element is told as a source of its own.
    sources = facts["sources"][-len(parts) :]
    medias = tuple(
        _media(name, part, source, facts) for part, source in zip(parts, sources, strict=True)
    )
    pauses = [pause for pause in facts["pauses"] if pause.get("over_30s")]
    assert len(pauses) == facts["pauses_over_30s"]
    return Recording(
        medias,
        # A skip of ten seconds and what a player makes of it are not significant.
        [seek for seek in facts.get("seeks", []) if abs(seek["delta"]) > 10.5],
        facts.get("scrubs", []),
        pauses,
    )


def _split(events: list[Event]) -> list[list[Event]]:
    """Return the events of each media that the element played one after the other."""
    parts: list[list[Event]] = [[]]
    for event in events:
        parts[-1].append(event)
        begun = any(not isinstance(told, (MediaInfo, Unload, Emptied)) for told in parts[-1])
        if isinstance(event, Emptied) and begun:
            parts.append([])
    return parts


def _media(name: str, events: list[Event], source: SourceFact, facts: Facts) -> Media:
    duration = source["duration"]
    ranges = source.get("played_ranges") or source["played_ranges_from_time_pos"]
    watched_to = facts.get("really_watched_to", PLAYED_BEFORE_THE_LEAP.get(name, duration))
    ranges = [(start, min(end, watched_to)) for start, end in ranges]
    watched = facts.get("milestones_truly_watched", source["milestones_played_over"])
    landings = [seek["to"] for seek in (*facts.get("seeks", []), *facts.get("scrubs", []))]
    reached = max([0, *watched, *(100 * landing / duration for landing in landings)])
    return Media(
        tuple(events),
        duration,
        facts.get("really_watched_to")
        or facts.get("last_position")
        or source.get("position", duration),
        frozenset(n for start, end in ranges for n in range(ceil(start), floor(end))),
        len(ranges),
        frozenset(milestone for milestone in MILESTONES if milestone <= reached),
    )


@dataclass(frozen=True)
class Outcome:
    tracker: Tracker
    decisions: list[SaveDecision]


def told(
    events: tuple[Event, ...], policy: SavePolicy | None = None, *, seeking: bool = True
) -> Outcome:
    tracker = Tracker(policy or SavePolicy())
    kept = [event for event in events if seeking or not isinstance(event, Seeking)]
    return Outcome(tracker, tracker.feed(kept))


every_recording = pytest.mark.parametrize("name", NAMES)
with_and_without_seeking = pytest.mark.parametrize(
    "seeking", [True, False], ids=["announced", "unannounced"]
)


def test_all_recordings_are_here() -> None:
    assert len(NAMES) == 26
    assert len(recording("l-source-switch-chromium").medias) == 3


@with_and_without_seeking
@every_recording
def test_the_milestones_are_those_that_were_truly_passed(name: str, seeking: bool) -> None:
    for media in recording(name).medias:
        outcome = told(media.events, seeking=seeking)
        assert outcome.tracker.milestone == max(media.milestones, default=0)
        newly = [d.milestone for d in outcome.decisions if d.milestone is not None]
        assert set(newly) <= media.milestones
        assert newly[-1:] == sorted(media.milestones)[-1:]


@every_recording
def test_a_milestone_is_saved_when_the_playhead_passes_it(name: str) -> None:
    for media in recording(name).medias:
        for decision in told(media.events).decisions:
            if decision.trigger == "milestone" and decision.milestone in _played_over(media):
                assert decision.duration is not None
                passed = decision.milestone * decision.duration / 100
                assert passed <= decision.position < passed + 8  # the longest step, at 16x


def _played_over(media: Media) -> set[float]:
    return {m for m in MILESTONES if floor(m * media.duration / 100) - 1 in media.played}


@with_and_without_seeking
@every_recording
def test_completed_is_what_was_watched_to_the_end(name: str, seeking: bool) -> None:
    for media in recording(name).medias:
        outcome = told(media.events, seeking=seeking)
        assert outcome.tracker.completed is media.completed
        completions = [d for d in outcome.decisions if d.trigger == "completion"]
        assert len(completions) == media.completed


@with_and_without_seeking
@every_recording
def test_the_playhead_ends_where_the_viewer_was(name: str, seeking: bool) -> None:
    for media in recording(name).medias:
        outcome = told(media.events, seeking=seeking)
        assert outcome.tracker.position == pytest.approx(media.position, abs=0.5)


@with_and_without_seeking
@every_recording
def test_what_is_saved_is_where_the_viewer_left(name: str, seeking: bool) -> None:
    for media in recording(name).medias:
        if media.said_goodbye:
            outcome = told(media.events, seeking=seeking)
            assert outcome.decisions[-1].position == pytest.approx(media.position, abs=1)


def test_most_recordings_end_with_a_goodbye() -> None:
    goodbyes = [media.said_goodbye for name in NAMES for media in recording(name).medias]
    assert sum(goodbyes) > len(goodbyes) / 2


@with_and_without_seeking
@every_recording
def test_each_significant_seek_is_one_save(name: str, seeking: bool) -> None:
    # Without the least time between saves none of them waits inside another one.
    policy = SavePolicy(min_save_interval=0)
    seeks = recording(name).seeks
    scrubs = recording(name).scrubs
    saves = [
        decision
        for media in recording(name).medias
        for decision in told(media.events, policy, seeking=seeking).decisions
        if decision.trigger == "seek"
    ]
    assert len(saves) == len(seeks) + len(scrubs)
    for seek, save in zip(seeks, saves, strict=False):
        # The driver notes the time around the click.
        assert 1 < save.at - seek["wall"] < 4
        assert seek["to"] <= save.position + 0.1 < seek["to"] + 2 * 4
    for scrub, save in zip(scrubs, saves, strict=False):
        assert scrub["to"] <= save.position < scrub["to"] + 4


@with_and_without_seeking
@every_recording
def test_a_significant_seek_is_saved_within_the_least_time_between_saves(
    name: str, seeking: bool
) -> None:
    medias = recording(name).medias
    saves = [d for media in medias for d in told(media.events, seeking=seeking).decisions]
    last = medias[-1].events[-1].at
    for seek in recording(name).seeks:
        due = seek["wall"] + 30 + 4
        assert due > last or any(seek["wall"] + 1 < save.at < due for save in saves)


@with_and_without_seeking
@every_recording
def test_each_extended_pause_is_saved_when_the_viewer_returns(name: str, seeking: bool) -> None:
    saves = [
        decision
        for media in recording(name).medias
        for decision in told(media.events, seeking=seeking).decisions
        if decision.trigger == "pause"
    ]
    pauses = recording(name).long_pauses
    assert [save.position for save in saves] == pytest.approx(
        [pause["position"] for pause in pauses], abs=0.5
    )
    assert [save.at for save in saves] == pytest.approx(
        [pause["to_wall"] for pause in pauses], abs=0.5
    )


@every_recording
def test_a_host_with_timers_saves_each_extended_pause_after_thirty_seconds(name: str) -> None:
    saves = []
    for media in recording(name).medias:
        tracker = Tracker(SavePolicy())
        for event in media.events:
            while (deadline := tracker.deadline) is not None and deadline < event.at:
                decision = tracker.handle(Tick(at=deadline))
                assert decision or tracker.deadline != deadline
                if decision and decision.trigger == "pause":
                    saves.append(decision)
            tracker.handle(event)
    assert [save.at for save in saves] == pytest.approx(
        [pause["from_wall"] + 30 for pause in recording(name).long_pauses], abs=0.5
    )


@with_and_without_seeking
@every_recording
def test_played_is_never_more_than_was_played_and_little_less(name: str, seeking: bool) -> None:
    for media in recording(name).medias:
        played = told(media.events, seeking=seeking).tracker.played
        seconds = {n for n in range(played.bit_length()) if played >> n & 1}
        assert seconds <= media.played
        # A second at each end of a stretch may lie between two reports; so may, at 16x on a busy
        # machine, the eight seconds of one stall.
        assert len(media.played - seconds) <= 2 * media.stretches + len(media.played) * 0.005


@with_and_without_seeking
@every_recording
def test_the_decisions_obey_the_laws(name: str, seeking: bool) -> None:
    for media in recording(name).medias:
        decisions = told(media.events, seeking=seeking).decisions
        reached = [d.milestone for d in decisions if d.milestone is not None]
        assert all(earlier < later for earlier, later in pairwise(reached))
        for earlier, later in pairwise(decisions):
            assert _state(earlier) != _state(later)
            assert earlier.last_milestone <= later.last_milestone
            assert earlier.completed <= later.completed
        held = [d.at for d in decisions if d.trigger in {"seek", "pause"}]
        assert all(later - earlier >= 30 for earlier, later in pairwise(held))


def _state(decision: SaveDecision) -> tuple[float, float, bool]:
    return decision.position, decision.last_milestone, decision.completed
