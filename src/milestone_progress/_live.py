"""Live viewings: the trackers that a recorder keeps in memory, a bounded number of them.

Pure: it neither loads nor saves nor reads a clock. What happens to a viewing goes on in the order
of its events; `LiveViewings` knows which viewings there are, which of them wait for a time to come,
and which have to go.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from math import inf, nextafter

from attrs import Attribute, astuple, define, field, frozen

from ._additions import Addition, Change, SaveResult, SaveStatus
from ._decision import SaveDecision, Trigger
from ._events import EVENT_KINDS, Event, Tick, Unload
from ._numbers import LARGEST, number
from ._plausibility import LATE, Seen
from ._policy import IntervalPolicy, SavePolicy
from ._record import ConflictPolicy, ProgressRecord, merge, replaced
from ._tracker import IntervalTracker, Tracker, tracker_for
from .errors import InvalidValueError

__all__ = ["HandleResult", "LiveLimits"]

Key = tuple[str, str]
# Viewer, media, and, if that is told, which of the viewer's players it is.
LiveKey = tuple[str, str] | tuple[str, str, str]

# Of `frozen_viewing`. Whoever changes the form raises it, and has `thawed` pass over the old one.
SCHEMA = 1
# A deadline in a log whose clock leapt may lie a little beyond what an event may say.
FAR = 1e13
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
        key: Viewer and media, and the player, if it is told.
        tracker: Its tracker.
        generation: That of the record which the tracker started from.
        stored: Whether there was a record, or is one by now.
        seen_at: When its last events came, Unix seconds of the server's clock.
        at: The ``at`` of the last one.
        happened_at: When that was by the server's clock, Unix seconds.
        saved_at: The ``updated_at`` of the last decision, -inf if there was none.
        version: Larger after each of its batches, on whichever worker: the time, or a little more.
        due_at: When the tracker's deadline has come, by the server's clock; None for never.
        seen: Where it was when it began, if anybody asks what is plausible.
    """

    key: LiveKey
    tracker: Tracker | IntervalTracker
    generation: int
    stored: bool
    seen_at: float
    happened_at: float
    at: float = 0.0
    saved_at: float = -inf
    version: float = 0.0
    due_at: float | None = None
    seen: Seen | None = None

    @classmethod
    def beginning(
        cls,
        key: LiveKey,
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
            happened_at=now,
        )

    def handle(
        self, events: Sequence[Event], now: float, sent_at: float | None, conflict: ConflictPolicy
    ) -> tuple[tuple[SaveDecision, ...], Addition | None]:
        """Handle events; return their decisions, and what all of them add to what is stored."""
        if sent_at is None:
            # Nothing new does not put off what it waits for.
            sent_at = events[-1].at if events else self.at + max(0.0, now - self.happened_at)
        # By a clock at the end of what an event may say, time stands still.
        sent_at = min(sent_at, LARGEST)
        decisions = []
        played_before = 0.0 if self.seen is None else self.tracker.played_time
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
        self.happened_at = now - max(0.0, sent_at - self.at)
        if self.seen is not None and now - self.happened_at > LATE:
            self.seen.late_played += self.tracker.played_time - played_before
        deadline = self.tracker.deadline
        self.due_at = None
        if deadline is not None and deadline <= LARGEST:
            self.due_at = now + (deadline - sent_at)
        if record is None:
            return (), None
        return tuple(decisions), Addition(record=record, tells_age=True, trigger=trigger)

    def _record(self, decision: SaveDecision, now: float, sent_at: float) -> ProgressRecord:
        viewer, media = self.key[:2]
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
            later = nextafter(self.saved_at, inf)
            # Who has just completed it has watched nothing since.
            completed_at = later if record.completed else None
            record = replaced(record, updated_at=later, completed_at=completed_at)
        self.saved_at = record.updated_at
        return record

    def tick(
        self, now: float, conflict: ConflictPolicy
    ) -> tuple[tuple[SaveDecision, ...], Addition | None]:
        """Handle the `Tick` that answers the tracker's deadline, if that has come."""
        deadline = self.tracker.deadline
        if deadline is None or self.due_at is None or self.due_at > now:
            return (), None
        done = self.handle([Tick(at=deadline)], now, deadline + (now - self.due_at), conflict)
        if self.tracker.deadline is not None and self.tracker.deadline <= deadline:
            # With times so large that seconds are rounded away: the next event will tell.
            self.due_at = None
        return done

    def leave(self, now: float, conflict: ConflictPolicy) -> Addition | None:
        """Return what is unsaved, as if the viewer left when the last event came.

        The tracker must not be used any more.
        """
        sent_at = self.at + max(0.0, now - self.happened_at)
        return self.handle([Unload(at=self.at)], now, sent_at, conflict)[1]


def frozen_viewing(viewing: LiveViewing) -> str:
    """Return a viewing as text, for a cache."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "generation": viewing.generation,
            "stored": viewing.stored,
            "seen_at": viewing.seen_at,
            "happened_at": viewing.happened_at,
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


def seen_from(values: Iterable[float]) -> Seen:
    """Return where a viewing was first seen."""
    at, furthest, played, generation, late_at, late_furthest, late_played = values
    return Seen(
        at=number("at", at),
        furthest=None if furthest is None else number("furthest", furthest),
        played=int(number("played", played)),
        generation=int(number("generation", generation)),
        late_at=None if late_at is None else number("late_at", late_at),
        late_furthest=number("late_furthest", late_furthest),
        late_played=number("late_played", late_played),
    )


def thawed(text: str, key: LiveKey, policy: SavePolicy | IntervalPolicy) -> LiveViewing | None:
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
            generation=int(number("generation", data["generation"], minimum=0)),
            stored=bool(data["stored"]),
            seen_at=number("seen_at", data["seen_at"]),
            happened_at=number("happened_at", data["happened_at"], largest=FAR),
            at=number("at", data["at"]),
            saved_at=-inf
            if data["saved_at"] is None
            else number("saved_at", data["saved_at"], largest=FAR),
            version=number("version", data["version"], largest=FAR),
            due_at=None
            if data["due_at"] is None
            else number("due_at", data["due_at"], largest=FAR),
            seen=None if data["seen"] is None else seen_from(data["seen"]),
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
        # Ordered, as the first one is found at once however many before it are gone.
        self._viewings: OrderedDict[LiveKey, LiveViewing] = OrderedDict()
        # Those of each viewer: nearly all have one.
        self._keys: dict[str, tuple[LiveKey, ...]] = {}
        # When to look at which; a viewing that is due at another time by now is passed over.
        self._times: list[tuple[float, LiveKey]] = []

    def __len__(self) -> int:
        return len(self._viewings)

    def get(self, key: LiveKey) -> LiveViewing | None:
        """Return a viewing."""
        return self._viewings.get(key)

    def of_viewer(self, viewer: str) -> list[LiveViewing]:
        """Return the viewings of a viewer."""
        return [self._viewings[key] for key in self._keys.get(viewer, ())]

    def admits(self, key: LiveKey, now: float) -> bool:
        """Whether there may be one more of a viewer: there is room, or an older one can go."""
        mine = self.of_viewer(key[0])
        return len(mine) < self._limit_per_viewer or any(
            now - viewing.seen_at >= BUSY for viewing in mine
        )

    def put(self, viewing: LiveViewing, now: float) -> None:
        """Add a viewing, or move it to the end if it is heard of now."""
        viewer = viewing.key[0]
        if viewing.key not in self._viewings:
            self._keys[viewer] = (*self._keys.get(viewer, ()), viewing.key)
        self._viewings[viewing.key] = viewing
        if viewing.seen_at == now:
            self._viewings.move_to_end(viewing.key)
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
        viewer = viewing.key[0]
        del self._viewings[viewing.key]
        keys = tuple(key for key in self._keys[viewer] if key != viewing.key)
        if keys:
            self._keys[viewer] = keys
        else:
            del self._keys[viewer]
        return True

    def all(self) -> list[LiveViewing]:
        """Return all viewings."""
        return list(self._viewings.values())

    def excess(self, key: LiveKey) -> LiveViewing | None:
        """Return which viewing has to go after one was added, if any has to.

        A viewer who has others makes room by one of these, so that nobody gets rid of the viewings
        of others by inventing media.
        """
        too_many = len(self._keys.get(key[0], ())) > self._limit_per_viewer
        if len(self._viewings) <= self._limit and not too_many:
            return None
        mine = [viewing for viewing in self.of_viewer(key[0]) if viewing.key != key]
        if mine:
            return min(mine, key=lambda viewing: viewing.seen_at)
        oldest = next(iter(self._viewings.values()))
        return None if oldest.key == key else oldest

    def due(self, now: float) -> LiveViewing | None:
        """Return the viewing whose deadline came first, if it has come.

        The same one again until it waits for another time.
        """
        due_at = self.next_time
        return None if due_at is None or due_at > now else self._viewings[self._times[0][1]]

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
