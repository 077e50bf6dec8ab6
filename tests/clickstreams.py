"""Clickstreams for the example on Apache Beam, what they must lead to, and a small engine.

What must be decided is what a tracker decides that is given the events in their order; an engine
may get them in any other.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from attrs import asdict

from clickstream import Heard, Key, heard_in, to_text
from keyed_viewing import Released, Settings, release, wake_at
from milestone_progress import (
    Event,
    ProgressRecord,
    SaveDecision,
    Tick,
    tracker_for,
)
from milestone_progress._events import WIRE_TYPES
from milestone_progress._trace import events_of_media, read_trace
from milestone_progress.simulator import Audience
from milestone_progress.stores import save_merged
from milestone_progress.stores.memory import MemoryStore

TRACES = sorted((Path(__file__).parent / "traces").glob("*.jsonl"))
NAMES = {kind: name for name, kind in reversed([*WIRE_TYPES.items()])}
DEFAULT = Settings()
Json = dict[str, Any]
# By key, in their order.
Viewings = Mapping[Key, Sequence[Event]]


# What players tell


@cache
def recordings() -> Viewings:
    """Return the events of every media of every recording."""
    viewings: dict[Key, list[Event]] = {}
    for path in TRACES:
        with path.open("rb") as stream:
            for index, event in events_of_media(read_trace(stream, path.name)):
                viewings.setdefault(("ann", f"{path.stem}/{index}", "tab"), []).append(event)
    return viewings


def simulated(viewers: int, seed: int = 1) -> Viewings:
    """Return what the pages of simulated viewers tell; few reports, so that there can be many."""
    audience = Audience(duration=600, viewers=viewers, seed=seed, interval=10)
    viewings: dict[Key, list[Event]] = {}
    for index in range(viewers):
        for visit in audience.visits(index):
            key = f"viewer-{index}", "film", f"page-{visit.page}"
            viewings.setdefault(key, []).extend(visit.events)
    return viewings


def wire(event: Event) -> Json:
    """Return the wire form of an event."""
    told = {"type": NAMES[type(event)], **asdict(event)}
    return {name: value for name, value in told.items() if value is not None}


def line(key: Key, sequence: int | None, events: Iterable[Event], **more: object) -> bytes:
    """Return a line of a clickstream."""
    viewer, media, player = key
    data = {"viewer": viewer, "media": media, "player": player, "sequence": sequence}
    return json.dumps(data | {"events": [wire(event) for event in events]} | more).encode()


def single_lines(viewings: Viewings) -> list[tuple[float, bytes]]:
    """Return a line for each event, and when it happened, Unix seconds."""
    return [
        (event.at, line(key, number, [event]))
        for key, events in viewings.items()
        for number, event in enumerate(events)
    ]


def arriving(viewings: Viewings, within: float, seed: int) -> list[tuple[float, bytes]]:
    """Return the lines in the order of their arrival, each up to so many seconds late, and when."""
    random = Random(seed)
    return sorted((at + within * random.random(), told) for at, told in single_lines(viewings))


def batches(viewings: Viewings, seed: int) -> list[bytes]:
    """Return lines of one to twelve events each, all of them in any order."""
    random = Random(seed)
    lines = []
    for key, events in viewings.items():
        start = 0
        while start < len(events):
            end = start + random.randint(1, 12)
            lines.append(line(key, start, events[start:end]))
            start = end
    random.shuffle(lines)
    return lines


# What must come of it


def expected(viewings: Viewings, settings: Settings = DEFAULT) -> dict[Key, list[Json]]:
    """Return what a tracker decides of each, as JSON data; nothing where it decides nothing."""
    decided: dict[Key, list[Json]] = {}
    for key, events in viewings.items():
        decisions = [decision for decision, _ in decided_in_order(events, settings)]
        if decisions:
            decided[key] = [as_json(decision) for decision in decisions]
    return decided


def decided_in_order(
    events: Iterable[Event], settings: Settings = DEFAULT, record: ProgressRecord | None = None
) -> Iterator[tuple[SaveDecision, int]]:
    """Yield what a tracker decides, and what had been played by then."""
    tracker = tracker_for(settings.policy, record)

    def decisions(event: Event) -> Iterator[tuple[SaveDecision, int]]:
        decision = tracker.handle(event)
        if decision is not None:
            yield decision, tracker.played

    for event in events:
        if settings.live:
            while (deadline := tracker.deadline) is not None and deadline < event.at:
                yield from decisions(Tick(at=deadline))
        yield from decisions(event)


def as_json(decision: SaveDecision) -> Json:
    """Return a decision as it comes out of JSON."""
    data: Json = json.loads(json.dumps(asdict(decision)))
    return data


def stored(viewings: Viewings) -> dict[tuple[str, str], ProgressRecord]:
    """Return what is stored in the end, where each decision is saved when it was made."""
    store = MemoryStore()
    saved = {}
    for (viewer, media, _), events in viewings.items():
        for decision, played in decided_in_order(events):
            record = ProgressRecord.from_decision(
                decision, viewer=viewer, media=media, received_at=decision.at, played=played
            )
            saved[viewer, media] = save_merged(store, record)
    return saved


def by_key(decisions: Iterable[Json]) -> dict[Key, list[Json]]:
    """Return what was decided of each viewing, in its order; what came twice must be the same."""
    found: dict[Key, dict[int, Json]] = {}
    for one in decisions:
        key = one["viewer"], one["media"], one["player"]
        same = found.setdefault(key, {}).setdefault(one["ordinal"], one)
        assert same == one
    ids = [one["id"] for ordinals in found.values() for one in ordinals.values()]
    assert len(set(ids)) == len(ids)
    decided = {}
    for key, ordinals in found.items():
        assert sorted(ordinals) == list(range(len(ordinals)))
        decided[key] = [ordinals[ordinal]["decision"] for ordinal in sorted(ordinals)]
    return decided


# An engine


@dataclass
class Engine:
    """Does what Beam does: keeps state and one timer for each key, which a watermark fires.

    All that is kept goes through JSON. Each time a timer fires, it is done twice, as a bundle that
    is done again.
    """

    settings: Settings = field(default_factory=Settings)
    viewings: dict[Key, str | None] = field(default_factory=dict)
    waiting: dict[Key, list[str]] = field(default_factory=dict)
    timers: dict[Key, int] = field(default_factory=dict)
    decisions: list[Json] = field(default_factory=list)
    left_out: list[tuple[Key, Heard]] = field(default_factory=list)
    #: Told what was released, each time.
    watch: Callable[[Released], None] = lambda _released: None

    def hear(self, told: bytes) -> None:
        """Take a line."""
        key, heard = heard_in(told)
        if heard:
            self.waiting.setdefault(key, []).append(to_text(heard))
            turn = wake_at(heard[0].received_at, self.settings)
            self.timers[key] = min(turn, self.timers.get(key, turn))

    def advance(self, watermark: float) -> None:
        """Let the watermark come to a time, Unix seconds: what happened before has come."""
        while due := [key for key, at in self.timers.items() if at <= watermark * 1000]:
            for key in due:
                self._fire(key, self.timers.pop(key))

    def _fire(self, key: Key, now: int) -> None:
        waiting = self.waiting.pop(key, [])
        kept = self.viewings.get(key)
        done = release(key, self.settings, kept, waiting, now)
        assert release(key, self.settings, kept, reversed(waiting), now) == done
        self.watch(done)
        self.viewings[key], self.waiting[key] = done.viewing, done.waiting
        if done.wake_at is not None:
            assert done.wake_at > now
            self.timers[key] = done.wake_at
        self.decisions += json.loads(json.dumps(done.decisions))
        self.left_out += [(key, one) for one in done.left_out]


def decided_at_once(lines: Iterable[bytes], settings: Settings = DEFAULT) -> Engine:
    """Return an engine that was given all lines before time began to pass, as those of files."""
    engine = Engine(settings)
    for told in lines:
        engine.hear(told)
    engine.advance(float("inf"))
    return engine


def decided_as_it_came(
    arriving: Iterable[tuple[float, bytes]], settings: Settings = DEFAULT
) -> Engine:
    """Return an engine that was given lines as they arrived, at the times given with them.

    Its watermark moves on once a second.
    """
    engine = Engine(settings)
    watermark = 0.0
    for at, told in arriving:
        if at >= watermark + 1:
            watermark = at
            engine.advance(at)
        engine.hear(told)
    engine.advance(float("inf"))
    return engine
