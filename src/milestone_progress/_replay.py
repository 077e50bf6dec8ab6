"""Replaying a recorded trace: every decision, and what the trace as a whole came to."""

from collections.abc import Iterable, Iterator

from attrs import Factory, define

from ._decision import SaveDecision
from ._events import Emptied, Event
from ._policy import IntervalPolicy, SavePolicy
from ._tracker import IntervalTracker, Tracker, tracker_for

__all__ = ["MediaSummary", "Replay"]


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
