"""What the library's tracker decides on what a page has recorded."""

from collections.abc import Callable

from attrs import asdict, frozen

from milestone_progress import ProgressRecord, SaveDecision, SavePolicy, Tracker, event_from_dict
from milestone_progress.testing.strategies import Saved

from .player_page import Json
from .player_server import PlayerServer


@frozen
class Decided:
    """A decision of the library's tracker.

    Attributes:
        media: Of which media.
        decision: What was decided.
        entry: At which entry of the log.
    """

    media: str
    decision: SaveDecision
    entry: int


@frozen
class Replay:
    """A log, replayed.

    Attributes:
        decided: All decisions, in order.
        milestones: The highest milestone reached after each entry, of the media it is about.
    """

    decided: list[Decided]
    milestones: list[float]

    def last(self, media: str) -> SaveDecision:
        """Return the last decision about a media."""
        return [one.decision for one in self.decided if one.media == media][-1]


def replayed(log: list[Json]) -> Replay:
    """Feed the events of a log to the library's trackers; they must decide what the page's did."""
    trackers: dict[str, Tracker] = {}
    decided: list[Decided] = []
    milestones: list[float] = []
    told: list[tuple[int, Json]] = []
    for number, entry in enumerate(log):
        media = entry["media"]
        if "policy" in entry:
            record = None if entry["record"] is None else Saved(**entry["record"])
            trackers[media] = Tracker(SavePolicy(**entry["policy"]), record)
        elif "event" in entry:
            event = event_from_dict(entry["event"])
            assert event is not None
            decision = trackers[media].handle(event)
            if decision is not None:
                decided.append(Decided(media, decision, number))
        else:
            told.append((number - 1, {"media": media} | entry["decision"]))
        milestones.append(trackers[media].milestone)
    assert told == [
        (
            one.entry,
            {"media": one.media} | asdict(one.decision) | {"trigger": str(one.decision.trigger)},
        )
        for one in decided
    ]
    return Replay(decided, milestones)


def is_stored(decision: SaveDecision, record: ProgressRecord) -> bool:
    """Return whether a record says what a decision does."""
    return (record.position, record.duration, record.milestone, record.completed) == (
        decision.position,
        decision.duration,
        decision.last_milestone,
        decision.completed,
    )


def stored_as_decided(
    server: PlayerServer, log: Callable[[], list[Json]], media: str = "counter"
) -> Replay:
    """Wait until ann's record says what the library decides last on what was recorded.

    Args:
        server: Where it is stored.
        log: Returns what was recorded so far: who plays on is ahead of what is stored.
        media: Of what.
    """
    server.record_when("ann", media, lambda record: is_stored(replayed(log()).last(media), record))
    return replayed(log())


def place_left(log: list[Json], media: str = "counter") -> float:
    """Return where the player was when something was last heard of a media."""
    events = [entry["event"] for entry in log if entry["media"] == media and "event" in entry]
    return float([event["position"] for event in events if "position" in event][-1])
