"""What a tracker says, and what it needs to know: a decision to save, and what was saved before."""

from enum import StrEnum
from typing import Protocol

from attrs import frozen

__all__ = ["SaveDecision", "SavedState", "Trigger"]


class Trigger(StrEnum):
    """Why progress is saved, in order of precedence."""

    #: The end was reached, or the viewer marked the media as complete.
    COMPLETION = "completion"
    #: The page goes away, or the player drops its media.
    UNLOAD = "unload"
    #: The viewer moved significantly far.
    SEEK = "seek"
    #: A milestone was reached.
    MILESTONE = "milestone"
    #: An extended pause.
    PAUSE = "pause"
    #: As much was played as may be at risk.
    CHECKPOINT = "checkpoint"
    #: The legacy mode's save every so often.
    INTERVAL = "interval"


# As the phases, they are found faster as names of a module.
COMPLETION, UNLOAD, SEEK, MILESTONE, PAUSE, CHECKPOINT, INTERVAL = Trigger


@frozen(kw_only=True)
class SaveDecision:
    """Progress should be saved now; the decision covers all that earlier ones said.

    Attributes:
        at: The deciding event's own ``at``, Unix seconds by the reporter's clock.
        trigger: The reason it is named after.
        position: Where to resume, seconds of media.
        duration: Length of the media, seconds, None if unknown (live).
        percent: Position as percent 0-100 of the duration, None if that is unknown.
        milestone: Highest milestone newly reached since the last save, percent 0-100, or None.
        last_milestone: Highest milestone so far, percent 0-100, 0 if none.
        completed: Whether the media was ever completed.
    """

    at: float
    trigger: Trigger
    position: float
    duration: float | None
    percent: float | None
    milestone: float | None
    last_milestone: float
    completed: bool

    def to_report(
        self, *, sent_at: float | None = None, generation: int | None = None
    ) -> dict[str, object]:
        """Return the decision as plain JSON data to send to a server, which `parse_report` reads.

        Args:
            sent_at: When it is sent, Unix seconds by the clock of ``at``; None for at once.
            generation: That of the record which the tracker started from, None if unknown.
        """
        report: dict[str, object] = {
            "current_time_seconds": self.position,
            "total_duration_seconds": self.duration,
            "trigger_type": self.trigger.value,
            "milestone_reached": self.last_milestone,
            "at": self.at,
            "sent_at": self.at if sent_at is None else sent_at,
        }
        # What an earlier report said that got lost is said again.
        if self.completed:
            report["force_completion"] = True
        if generation is not None:
            report["generation"] = generation
        return report


class SavedState(Protocol):
    """What a tracker needs to know of progress that was saved before."""

    @property
    def position(self) -> float:
        """Where to resume, seconds of media."""

    @property
    def duration(self) -> float | None:
        """Length of the media, seconds, None if unknown."""

    @property
    def milestone(self) -> float:
        """Highest milestone reached, percent 0-100, 0 if none."""

    @property
    def completed(self) -> bool:
        """Whether the media was ever completed."""
