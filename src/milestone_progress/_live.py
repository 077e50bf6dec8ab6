"""Live viewings: the trackers that a recorder keeps in memory, a bounded number of them.

Pure: it neither loads nor saves nor reads a clock. What happens to a viewing goes on in the order
of its events; `LiveViewings` knows which viewings there are, which of them wait for a time to come,
and which have to go.
"""

import json
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from math import inf, nextafter

from attrs import Attribute, astuple, define, field, frozen

from ._additions import Addition, Change, SaveResult, SaveStatus
from ._decision import SaveDecision, Trigger
from ._events import EVENT_KINDS, Event, Tick, Unload
from ._numbers import number
from ._plausibility import Seen
from ._policy import IntervalPolicy, SavePolicy
from ._record import ConflictPolicy, ProgressRecord, merge, replaced
from ._tracker import IntervalTracker, Tracker, tracker_for
from .errors import InvalidValueError

__all__ = ["HandleResult", "LiveLimits"]

Key = tuple[str, str]

# Of `frozen_viewing`. Whoever changes the form raises it, and has `thawed` pass over the old one.
SCHEMA = 1
# A deadline in a log whose clock leapt may lie beyond what an event may say.
FAR = 1e300
# Seconds. Who has as many viewings as may be, and was heard of in each of them within this time, is
# not let have another one: to make room costs a save.
BUSY = 30.0


def _some(_limits: object, attribute: "Attribute[int]", value: int) -> None:
    if type(value) is not int or value < 1:
        raise InvalidValueError(attribute.name, value, "a whole number from 1")


def _idle(_limits: object, attribute: "Attribute[float]", value: float) -> None:
    if number(attribute.name, value) <= 0:
        raise InvalidValueError(attribute.name, value, "more than 0 seconds")


@frozen(kw_only=True)
class LiveLimits:
    """How many live viewings a recorder keeps in memory; 1.2 kB each.

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    #: In all. The one that was heard of least recently makes room for another one, and is saved.
    viewings: int = field(default=100_000, validator=_some)
    #: Of one viewer, who makes room by their own. A further one has to wait while each of them was
    #: heard of within the last 30 s.
    per_viewer: int = field(default=20, validator=_some)
    #: Seconds after which a viewing that was not heard of is saved and dropped.
    idle: float = field(default=1800.0, validator=_idle)


@frozen(kw_only=True)
class HandleResult:
    """What became of a batch of events.

    Attributes:
        handled: Whether the events were handled. They were not if the viewer has too many viewings
            that go on at the same time.
        decisions: The decisions to save that they led to, in their order.
        saved: What became of these; None if there were none. They are saved as one.
        deadline: When the viewing waits for `tick`, Unix seconds of the server's clock; None for
            never. Events that come before make it another one.
    """

    handled: bool
    decisions: tuple[SaveDecision, ...]
    saved: SaveResult | None
    deadline: float | None


@define(eq=False)
class LiveViewing:
    """One viewing that is going on.

    Attributes:
        key: Viewer and media.
        tracker: Its tracker.
        generation: That of the record which the tracker started from.
        stored: Whether there was a record, or is one by now.
        seen_at: When its last events came, Unix seconds of the server's clock.
        at: The ``at`` of the last one.
        saved_at: The ``updated_at`` of the last decision, -inf if there was none.
        version: How often it was put into the cache.
        due_at: When the tracker's deadline has come, by the server's clock; None for never.
        seen: Where it was when it began, if anybody asks what is plausible.
    """

    key: Key
    tracker: Tracker | IntervalTracker
    generation: int
    stored: bool
    seen_at: float
    at: float = 0.0
    saved_at: float = -inf
    version: int = 0
    due_at: float | None = None
    seen: Seen | None = None

    @classmethod
    def beginning(
        cls,
        key: Key,
        record: ProgressRecord | None,
        policy: SavePolicy | IntervalPolicy,
        now: float,
    ) -> "LiveViewing":
        """Return a viewing that begins with what is stored."""
        return cls(
            key,
            tracker_for(policy, record),
            generation=0 if record is None else record.generation,
            stored=record is not None,
            seen_at=now,
        )

    def handle(
        self, events: Iterable[Event], now: float, sent_at: float, conflict: ConflictPolicy
    ) -> tuple[tuple[SaveDecision, ...], Addition | None]:
        """Handle events; return their decisions, and what all of them add to what is stored."""
        decisions = []
        record: ProgressRecord | None = None
        trigger: Trigger | None = None
        for event in events:
            self.at = event.at
            decision = self.tracker.handle(event)
            if decision is None:
                continue
            decisions.append(decision)
            said = self._record(decision, now, sent_at)
            record = said if record is None else merge(record, said, conflict)
            trigger = decision.trigger
        deadline = self.tracker.deadline
        self.due_at = None if deadline is None else now + (deadline - sent_at)
        if record is None:
            return (), None
        return tuple(decisions), Addition(record=record, tells_age=True, trigger=trigger)

    def _record(self, decision: SaveDecision, now: float, sent_at: float) -> ProgressRecord:
        viewer, media = self.key
        record = ProgressRecord.from_decision(
            decision,
            viewer=viewer,
            media=media,
            received_at=now,
            sent_at=sent_at,
            played=self.tracker.played,
            generation=self.generation,
        )
        if record.updated_at <= self.saved_at:
            # A log that comes faster than it was played, or a clock that was set back: a later
            # decision is newer all the same.
            record = replaced(record, updated_at=nextafter(self.saved_at, inf))
        self.saved_at = record.updated_at
        return record

    def tick(
        self, now: float, conflict: ConflictPolicy
    ) -> tuple[tuple[SaveDecision, ...], Addition | None]:
        """Handle the `Tick` that answers the tracker's deadline, if that has come."""
        deadline = self.tracker.deadline
        if deadline is None or self.due_at is None or self.due_at > now:
            return (), None
        return self.handle([Tick(at=deadline)], now, deadline + (now - self.due_at), conflict)

    def leave(self, now: float, conflict: ConflictPolicy) -> Addition | None:
        """Return what is unsaved, as if the viewer left; the tracker must not be used any more."""
        return self.handle([Unload(at=self.at)], now, self.at, conflict)[1]


def frozen_viewing(viewing: LiveViewing) -> str:
    """Return a viewing as text, for a cache."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "generation": viewing.generation,
            "stored": viewing.stored,
            "seen_at": viewing.seen_at,
            "at": viewing.at,
            "saved_at": None if viewing.saved_at == -inf else viewing.saved_at,
            "version": viewing.version,
            "due_at": viewing.due_at,
            "seen": None if viewing.seen is None else astuple(viewing.seen),
            "tracker": viewing.tracker.snapshot(),
        },
        allow_nan=False,
        separators=(",", ":"),
    )


def seen_from(at: float, furthest: float, played: int) -> Seen:
    """Return where a viewing was first seen."""
    return Seen(at=number("at", at), furthest=number("furthest", furthest), played=int(played))


def thawed(text: str, key: Key, policy: SavePolicy | IntervalPolicy) -> LiveViewing | None:
    """Return the viewing that a text tells of; None if it is of another mode or form."""
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            return None
        tracker: Tracker | IntervalTracker
        if isinstance(policy, IntervalPolicy):
            tracker = IntervalTracker.restore(data["tracker"], policy)
        else:
            tracker = Tracker.restore(data["tracker"], policy)
        return LiveViewing(
            key,
            tracker,
            generation=int(data["generation"]),
            stored=bool(data["stored"]),
            seen_at=number("seen_at", data["seen_at"], largest=FAR),
            at=number("at", data["at"]),
            saved_at=-inf
            if data["saved_at"] is None
            else number("saved_at", data["saved_at"], largest=FAR),
            version=int(data["version"]),
            due_at=None
            if data["due_at"] is None
            else number("due_at", data["due_at"], largest=FAR),
            seen=None if data["seen"] is None else seen_from(*data["seen"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        # Of a newer version, of another policy, or not ours: a cache may forget.
        return None


class LiveChange(Change):
    """What a live viewing makes of what is stored: nothing, if the viewer has started over since.

    Attributes:
        superseded: Whether what is stored belongs to a later generation, or is gone (5.4).
        found: What is stored then.
    """

    def __init__(
        self, viewing: LiveViewing, additions: Sequence[Addition], policy: ConflictPolicy
    ) -> None:
        super().__init__(additions, policy)
        self._viewing = viewing
        self.superseded = False
        self.found: ProgressRecord | None = None

    def __call__(self, stored: ProgressRecord | None) -> ProgressRecord | None:
        viewing = self._viewing
        gone = viewing.stored if stored is None else stored.generation > viewing.generation
        self.superseded = gone
        self.found = stored
        if gone:
            self.status = SaveStatus.SUPERSEDED
            return stored
        return super().__call__(stored)


def checked_events(events: Iterable[Event]) -> Sequence[Event]:
    """Return events as a sequence.

    Raises:
        InvalidValueError: One of them is not one of this library's events.
    """
    batch = tuple(events)
    for event in batch:
        if type(event) not in EVENT_KINDS:
            raise InvalidValueError("events", event, "some of the playback events")
    return batch


class LiveViewings:
    """The viewings that are going on, those heard of last at the end.

    Args:
        limit: How many there may be.
        limit_per_viewer: How many of one viewer.
    """

    def __init__(self, limit: int, limit_per_viewer: int) -> None:
        self._limit = limit
        self._limit_per_viewer = limit_per_viewer
        self._viewings: dict[Key, LiveViewing] = {}
        # The media of each viewer: nearly all have one.
        self._medias: dict[str, tuple[str, ...]] = {}
        # When to look at which; a viewing that is due at another time by now is passed over.
        self._times: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        return len(self._viewings)

    def get(self, key: Key) -> LiveViewing | None:
        """Return a viewing."""
        return self._viewings.get(key)

    def of_viewer(self, viewer: str) -> list[LiveViewing]:
        """Return the viewings of a viewer."""
        return [self._viewings[viewer, media] for media in self._medias.get(viewer, ())]

    def admits(self, key: Key, now: float) -> bool:
        """Whether there may be one more of a viewer: there is room, or an older one can go."""
        mine = self.of_viewer(key[0])
        return len(mine) < self._limit_per_viewer or any(
            now - viewing.seen_at >= BUSY for viewing in mine
        )

    def put(self, viewing: LiveViewing) -> None:
        """Add a viewing that was heard of, or move it to the end."""
        viewer, media = viewing.key
        if self._viewings.pop(viewing.key, None) is None:
            self._medias[viewer] = (*self._medias.get(viewer, ()), media)
        self._viewings[viewing.key] = viewing
        if viewing.due_at is not None:
            heappush(self._times, (viewing.due_at, viewing.key))
            if len(self._times) > 2 * len(self._viewings) + 100:
                self._times = [
                    (one.due_at, key)
                    for key, one in self._viewings.items()
                    if one.due_at is not None
                ]
                heapify(self._times)

    def remove(self, viewing: LiveViewing) -> bool:
        """Remove a viewing; return whether it was there."""
        if self._viewings.get(viewing.key) is not viewing:
            return False
        viewer, media = viewing.key
        del self._viewings[viewing.key]
        medias = tuple(other for other in self._medias[viewer] if other != media)
        if medias:
            self._medias[viewer] = medias
        else:
            del self._medias[viewer]
        return True

    def all(self) -> list[LiveViewing]:
        """Return all viewings."""
        return list(self._viewings.values())

    def excess(self, key: Key) -> LiveViewing | None:
        """Return which viewing has to go after one was added, if any has to.

        A viewer who has others makes room by one of these, so that nobody gets rid of the viewings
        of others by inventing media.
        """
        too_many = len(self._medias.get(key[0], ())) > self._limit_per_viewer
        if len(self._viewings) <= self._limit and not too_many:
            return None
        mine = [viewing for viewing in self.of_viewer(key[0]) if viewing.key != key]
        if mine:
            return min(mine, key=lambda viewing: viewing.seen_at)
        oldest = next(iter(self._viewings.values()))
        return None if oldest.key == key else oldest

    def due(self, now: float) -> list[LiveViewing]:
        """Return the viewings whose deadline has come."""
        found = []
        while self._times and self._times[0][0] <= now:
            due_at, key = heappop(self._times)
            viewing = self._viewings.get(key)
            if viewing is not None and viewing.due_at == due_at:
                found.append(viewing)
        return found

    def idle(self, since: float) -> list[LiveViewing]:
        """Return the viewings that were heard of last before a time."""
        found = []
        for viewing in self._viewings.values():
            if viewing.seen_at >= since:
                break
            found.append(viewing)
        return found

    @property
    def next_time(self) -> float | None:
        """When the next deadline comes, by the server's clock; None for never."""
        while self._times:
            due_at, key = self._times[0]
            viewing = self._viewings.get(key)
            if viewing is not None and viewing.due_at == due_at:
                return due_at
            heappop(self._times)
        return None
