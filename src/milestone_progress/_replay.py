"""Replaying a recorded trace: every decision, and what the trace as a whole came to."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from attrs import Factory, define

from ._decision import SaveDecision
from ._events import Emptied, Event
from ._policy import IntervalPolicy, SavePolicy
from ._tracker import IntervalTracker, Tracker, tracker_for

__all__ = ["MediaSummary", "Replay", "Shown", "Stretch", "Timeline", "Way"]

# Seconds of media. A playhead that moved by so much more or less than was played has jumped.
LEAST_JUMP = 0.5

# From a time into the recording and a position to another such point, seconds.
Stretch = tuple[tuple[float, float], tuple[float, float]]


@define
class MediaSummary:
    """What the viewing of one media came to.

    Attributes:
        saves: Number of decisions.
        interval_saves: Number of decisions of the legacy mode on the same events.
        longest_at_risk: Longest stretch played between two saves, seconds of media.
        coverage: Share 0-1 really played, None if the duration is unknown.
        position: The playhead in the end, before the media was dropped, seconds of media.
        played: The whole seconds played up to the last decision, as `Tracker.played` gives them.
    """

    saves: int = 0
    interval_saves: int = 0
    longest_at_risk: float = 0.0
    coverage: float | None = None
    position: float = 0.0
    played: int = 0


@define
class Replay:
    """Feeds events to a fresh tracker for each media, and to the legacy mode's beside it.

    Attributes:
        policy: The policy to replay under.
        media: A summary of each media so far.
    """

    policy: SavePolicy | IntervalPolicy
    media: list[MediaSummary] = Factory(list)

    def decisions(self, events: Iterable[tuple[int, Event]]) -> Iterator[tuple[int, SaveDecision]]:
        """Yield each decision with the index of its media, which goes on from earlier calls."""
        first = len(self.media)
        tracker: Tracker | IntervalTracker
        for index, event in events:
            if first + index == len(self.media):
                tracker = tracker_for(self.policy)
                interval = IntervalTracker()
                saved_at = 0.0
                summary = MediaSummary()
                self.media.append(summary)
            decision = tracker.handle(event)
            if interval.handle(event) is not None:
                summary.interval_saves += 1
            at_risk = tracker.played_time - saved_at
            summary.longest_at_risk = max(summary.longest_at_risk, at_risk)
            summary.coverage = tracker.coverage
            if not isinstance(event, Emptied):
                summary.position = tracker.position
            if decision is not None:
                summary.saves += 1
                summary.played = tracker.played
                saved_at = tracker.played_time
                yield first + index, decision


class Way(StrEnum):
    """How a playhead came from where it was at one event to where it was at the next."""

    PLAYED = "played"
    STOOD = "stands still"
    JUMPED = "jumps"


@define
class Shown:
    """When a recording shows one media.

    Attributes:
        began: When its first event came, seconds into the recording.
        ended: When its last event came, seconds into the recording.
        duration: Its length, seconds, None if unknown.
    """

    began: float
    ended: float
    duration: float | None = None


@define
class Timeline:
    """What there is to draw of a recording, as a tracker understands it.

    Attributes:
        policy: The tracker's.
        media: When each media was shown.
        stretches: All ways of the playhead.
        decisions: Each decision, with the time into the recording, seconds.
        interval: When the legacy mode would have saved, seconds into the recording.
    """

    policy: SavePolicy | IntervalPolicy
    media: list[Shown] = Factory(list)
    stretches: list[tuple[Way, Stretch]] = Factory(list)
    decisions: list[tuple[float, SaveDecision]] = Factory(list)
    interval: list[float] = Factory(list)

    def following(self, events: Iterable[tuple[int, Event]]) -> Iterator[tuple[int, Event]]:
        """Take the events of a recording, each with the index of its media, and pass them on."""
        began_at: float | None = None
        for index, event in events:
            began_at = event.at if began_at is None else began_at
            now = event.at - began_at
            begins = index == len(self.media)
            if begins:
                shown = Shown(now, now)
                self.media.append(shown)
                tracker: Tracker | IntervalTracker = tracker_for(self.policy)
                interval = IntervalTracker()
            before, played_before = (shown.ended, tracker.position), tracker.played_time
            decision = tracker.handle(event)
            if decision is not None:
                self.decisions.append((now, decision))
            if interval.handle(event) is not None:
                self.interval.append(now)
            shown.ended = now
            # What drops the media takes its position and its length along.
            if not isinstance(event, Emptied):
                shown.duration = tracker.duration
                if not begins:
                    played = tracker.played_time - played_before
                    self._add_ways(before, (now, tracker.position), played)
            yield index, event

    def _add_ways(
        self, before: tuple[float, float], after: tuple[float, float], played: float
    ) -> None:
        (_, position), (now, landing) = before, after
        # A jump takes no time, and nothing tells when it was but that it is over.
        expected = position + played
        jumps = abs(landing - expected) > LEAST_JUMP
        until = (now, expected) if jumps else after
        self.stretches.append((Way.PLAYED if played else Way.STOOD, (before, until)))
        if jumps:
            self.stretches.append((Way.JUMPED, (until, after)))
