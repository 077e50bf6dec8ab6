"""A live viewing: a tracker that a recorder keeps in memory, and what it knows beside it.

Pure: it neither loads nor saves nor reads a clock. What happens to a viewing goes on in the order
of its events.
"""

from collections.abc import Iterable, Sequence
from math import inf, nextafter

from attrs import define, frozen

from ._additions import Addition, Change, SaveResult, SaveStatus
from ._counts import Counts
from ._decision import SaveDecision, Trigger
from ._events import EVENT_KINDS, Event, Tick, Unload
from ._numbers import LARGEST
from ._plausibility import LATE, Seen
from ._policy import IntervalPolicy, SavePolicy
from ._record import ConflictPolicy, ProgressRecord, merge, replaced
from ._switching import switched
from ._tracker import IntervalTracker, Tracker, tracker_for
from .errors import InvalidValueError

__all__ = ["HandleResult"]

Key = tuple[str, str]
Policy = SavePolicy | IntervalPolicy
# Viewer, media, and, if that is told, which of the viewer's players it is.
LiveKey = tuple[str, str] | tuple[str, str, str]

# Seconds of media. Who begins to play nearer than this to where they were told to resume was
# brought there; and who begins nearer than that to the start has started over.
NEAR_OFFER, NEAR_START = 2.0, 1.0
# Seconds of media that count as played by one batch of events, at most: a day.
MOST_PLAYED = 86_400.0


@frozen(kw_only=True)
class HandleResult:
    """What became of a batch of events.

    Attributes:
        handled: Whether the events were handled. They were not if the viewer has too many viewings
            that go on at the same time.
        decisions: The decisions to save that they led to, in their order.
        saved: What became of these; None if there were none. They are saved as one.
        deadline: When its tracker waits for `tick`, Unix seconds of the server's clock; None for
            never. Events that come before make it another one. `Recorder.deadline` knows when a
            viewing that fell silent has to go, too.
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
        shadow: The other arm's tracker, which saves nothing; None without one.
        offered: The resume point that the viewer was offered and has not played from yet, seconds
            of media; None for none. Known to one worker only.
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
    shadow: Tracker | IntervalTracker | None = None
    offered: float | None = None

    @classmethod
    def beginning(
        cls,
        key: LiveKey,
        record: ProgressRecord | None,
        policy: Policy,
        now: float,
        shadow: Policy | None = None,
    ) -> "LiveViewing":
        """Return a viewing that begins with what is stored."""
        return cls(
            key,
            tracker_for(policy, record),
            generation=0 if record is None else record.generation,
            stored=record is not None,
            seen_at=now,
            happened_at=now,
            shadow=None if shadow is None else tracker_for(shadow, record),
        )

    def follow(self, policy: Policy, shadow: Policy | None) -> None:
        """Go on by another policy from now on, and with the shadow of another one or without."""
        tracker = switched(self.tracker, policy)
        if shadow is None:
            self.shadow = None
        else:
            # A shadow goes on with what it would have saved, a new one with what is saved.
            self.shadow = switched(self.shadow or self.tracker, shadow)
        if tracker is not self.tracker:
            self.tracker = tracker
            self.wait_anew()

    def wait_anew(self) -> None:
        """Find out when the tracker's deadline comes by the server's clock."""
        deadline = self.tracker.deadline
        self.due_at = None
        if deadline is not None and deadline <= LARGEST:
            self.due_at = self.happened_at + (deadline - self.at)

    def handle(
        self,
        events: Sequence[Event],
        now: float,
        sent_at: float | None,
        conflict: ConflictPolicy,
        counts: Counts | None = None,
    ) -> tuple[tuple[SaveDecision, ...], Addition | None]:
        """Handle events; return their decisions, and what all of them add to what is stored.

        What they come to is added to the counts, if there are any.
        """
        if sent_at is None:
            # Nothing new does not put off what it waits for.
            sent_at = events[-1].at if events else self.at + max(0.0, now - self.happened_at)
        # By a clock at the end of what an event may say, time stands still.
        sent_at = min(sent_at, LARGEST)
        decisions = []
        played_before = self.tracker.played_time
        record: ProgressRecord | None = None
        trigger: Trigger | None = None
        for event in events:
            self.at = event.at
            if self.offered is None or counts is None:
                decision = self.tracker.handle(event)
            else:
                decision = self._handle_until_played(event, self.offered, counts)
            if decision is None:
                continue
            decisions.append(decision)
            said = self._record(decision, now, sent_at)
            record = said if record is None else merge(record, said, conflict)
            trigger = decision.trigger
        if counts is not None:
            self._count(events, self.tracker.played_time - played_before, counts)
        self.happened_at = now - max(0.0, sent_at - self.at)
        if self.seen is not None and now - self.happened_at > LATE:
            self.seen.late_played += self.tracker.played_time - played_before
        self.wait_anew()
        if record is None:
            return (), None
        return tuple(decisions), Addition(record=record, tells_age=True, trigger=trigger)

    def _count(self, events: Sequence[Event], played: float, counts: Counts) -> None:
        """Count what was played, and whether the shadow would have saved."""
        # One player whose positions are made up must not count for all others.
        played = min(played, MOST_PLAYED)
        counts.played += played
        if self.shadow is not None:
            counts.shadowed += played
            # As one, as the decisions of a batch are.
            counts.shadow_writes += bool(self.shadow.feed(events))

    def _handle_until_played(
        self, event: Event, offered: float, counts: Counts
    ) -> SaveDecision | None:
        """Handle an event; if it is the first one played at, count where that was."""
        tracker = self.tracker
        before = tracker.played_time
        decision = tracker.handle(event)
        played = tracker.played_time - before
        if played > 0:
            self.offered = None
            began = tracker.position - played
            if began < NEAR_START:
                counts.started_over += 1
            else:
                counts.resumed += 1
                error = abs(began - offered)
                counts.resumed_near += error <= NEAR_OFFER
                counts.resume_error += error
        return decision

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
        self, now: float, conflict: ConflictPolicy, counts: Counts | None = None
    ) -> tuple[tuple[SaveDecision, ...], Addition | None]:
        """Handle the `Tick` that answers the tracker's deadline, if that has come."""
        deadline = self.tracker.deadline
        if deadline is None or self.due_at is None or self.due_at > now:
            return (), None
        sent_at = deadline + (now - self.due_at)
        done = self.handle([Tick(at=deadline)], now, sent_at, conflict, counts)
        if self.tracker.deadline is not None and self.tracker.deadline <= deadline:
            # With times so large that seconds are rounded away: the next event will tell.
            self.due_at = None
        return done

    def leave(
        self, now: float, conflict: ConflictPolicy, counts: Counts | None = None
    ) -> Addition | None:
        """Return what is unsaved, as if the viewer left when the last event came.

        The tracker must not be used any more.
        """
        sent_at = self.at + max(0.0, now - self.happened_at)
        return self.handle([Unload(at=self.at)], now, sent_at, conflict, counts)[1]


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
