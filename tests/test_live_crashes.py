"""What a live viewing may lose when its worker is killed: what a tracker may have unsaved (§9)."""

import random
from collections import Counter
from math import ceil, floor
from pathlib import Path

import pytest

from live_worker import POLICY, LiveWorker
from milestone_progress import Event, MediaInfo, Play, ProgressRecord, TimeUpdate
from milestone_progress.simulator import Player
from milestone_progress.stores.sqlite import SQLiteStore
from recorders import NOW

# Seconds of media. One gesture at normal speed, one step of the player and a second for rounding;
# what protects the resume point; and until a player that says nothing of it is seen to play (3.6).
GESTURE, STEP, ROUNDING, PROTECTION, UNSEEN = 30.0, 1.0, 1.0, 10.0, 2.0
assert POLICY.max_unsaved is not None
BOUND = POLICY.max_unsaved + GESTURE + STEP + ROUNDING + PROTECTION + UNSEEN
WIRE = {"MediaInfo": "durationchange", "Unload": "pagehide"}


def wire(event: Event) -> dict[str, object]:
    """Return an event as a browser sends it."""
    name = type(event).__name__
    data: dict[str, object] = {"type": WIRE.get(name, name.lower()), "at": event.at}
    if isinstance(event, MediaInfo):
        return data | {"duration": event.duration}
    return data | {"position": getattr(event, "position", None)}


class Viewer:
    """Watches without an end: plays, pauses and seeks; and knows which seconds were played."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.player = Player(duration=100_000.0, at=NOW, interval=1.0).play()
        self._told = 0
        self.played: set[int] = set()

    def goes_on(self) -> list[dict[str, object]]:
        """Do something, and return what the player tells of it."""
        self.played.clear()
        match self._chance.choice(["play"] * 8 + ["pause", "long pause", "seek", "hide"]):
            case "pause":
                self.player.pause(5)
            case "long pause":
                self.player.pause(40)
            case "seek":
                self.player.seek(self._chance.randint(1, 90_000))
            case "hide":
                self.player.hide().show()
        start = self.player.position
        self.player.play_for(self._chance.randint(1, 15))
        self.played.update(range(ceil(start), floor(self.player.position)))
        events = self.player.events[self._told :]
        self._told += len(events)
        return [wire(event) for event in events]


def stored(path: Path) -> ProgressRecord | None:
    with SQLiteStore(path, synchronous="normal") as store:
        return store.load("ann", "m")


def kill(folder: Path, kills: int, seed: str) -> Counter[str]:
    """Kill workers one after the other, the player going on; return the worst that was lost."""
    chance = random.Random(seed)
    viewer = Viewer(chance)
    path = folder / "progress.db"
    figures: Counter[str] = Counter()
    again: list[dict[str, object]] = []
    for _ in range(kills):
        worker = LiveWorker(path, chance.choice(("sync", "async")))
        acknowledged: set[int] = set()
        batches = chance.randint(5, 40)
        for number in range(batches):
            # What was not acknowledged is sent again.
            events = again + viewer.goes_on()
            worker.tell(viewer.player.at, events)
            is_last = number == batches - 1
            if is_last and chance.random() < 0.5:
                worker.kill()
            if worker.is_answered():
                acknowledged |= viewer.played
                again = []
                figures["acknowledged"] += 1
            else:
                assert is_last
                again = events
                figures["unacknowledged"] += 1
        worker.kill()
        worker.close()
        record = stored(path)
        kept = 0 if record is None else record.played
        lost = sum(not kept >> second & 1 for second in acknowledged)
        figures["played"] += len(acknowledged)
        figures["lost"] += lost
        figures["worst"] = max(figures["worst"], lost)
    return figures


def test_what_was_acknowledged_and_is_lost_by_a_kill_is_no_more_than_may_be(
    tmp_path: Path,
) -> None:
    figures = kill(tmp_path, 6, "a seed")
    assert figures["worst"] <= BOUND
    assert figures["acknowledged"] > 50
    # Something is at risk always, and most of it is not.
    assert 0 < figures["lost"] < figures["played"] / 2


@pytest.mark.slow
def test_a_hundred_kills_lose_no_more_than_may_be(tmp_path: Path) -> None:
    figures = kill(tmp_path, 100, "another seed")
    assert figures["worst"] <= BOUND
    assert figures["acknowledged"] > 1_000
    assert figures["unacknowledged"] > 10
    assert 0 < figures["lost"] < figures["played"] / 5


def test_the_wire_says_what_the_player_did() -> None:
    told = [wire(event) for event in Player(duration=10).play_to(1).hide()]
    assert {one["type"] for one in told} >= {"durationchange", "play", "timeupdate", "pagehide"}
    assert wire(Play(at=1, position=2)) == {"type": "play", "at": 1, "position": 2}
    assert wire(TimeUpdate(at=1, position=2))["type"] == "timeupdate"
