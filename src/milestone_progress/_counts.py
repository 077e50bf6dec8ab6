"""What is counted of an arm: numbers that add up, and what can be said by them.

Nothing personal is in it: neither viewers nor media, nor anything that one could be told by.
"""

from attrs import asdict, define, fields

from ._numbers import number
from .errors import InvalidValueError

__all__ = ["Counts"]

SECONDS_PER_HOUR = 3600.0
# Seconds played between two saves of the legacy mode, where no shadow counts them.
LEGACY_INTERVAL = 30.0
# A sum of many years of many viewers' seconds, and far from where a float stops counting by ones.
LARGEST_SUM = 10**15


@define(kw_only=True)
class Counts:
    """What was counted of an arm. All but the rates adds up.

    Attributes:
        requests: Reports, and batches of events.
        failed: Those of them that the store failed at; what they said is kept, or was refused.
        refused: Those of them that were refused, and have to be sent again or are lost.
        writes: Records written to the store, by requests, time passing, and what was tried again.
        played: Seconds of media played in live viewings, as their trackers saw it.
        estimated: Seconds of media played in viewings of which reports tell: as far as the
            position moved on from one record to the next, and no more than the time in between.
        shadowed: Seconds of media played in live viewings with a shadow.
        shadow_writes: Batches at which the shadow would have saved.
        begun: Viewers who reached the first milestone of a media.
        completed: Viewers who completed a media.
        resumed: Live viewings that were offered a resume point and did not start at the beginning.
        resumed_near: Those of them whose first played position was within 2 s of it.
        resume_error: Sum of how far they were from it, seconds of media.
        started_over: Live viewings that were offered a resume point and started at the beginning.
    """

    requests: int = 0
    failed: int = 0
    refused: int = 0
    writes: int = 0
    played: float = 0.0
    estimated: float = 0.0
    shadowed: float = 0.0
    shadow_writes: int = 0
    begun: int = 0
    completed: int = 0
    resumed: int = 0
    resumed_near: int = 0
    resume_error: float = 0.0
    started_over: int = 0

    def add(self, other: "Counts") -> None:
        """Add what was counted elsewhere."""
        for name in NAMES:
            # What cannot be read back says nothing.
            setattr(self, name, min(getattr(self, name) + getattr(other, name), LARGEST_SUM))

    @property
    def hours(self) -> float | None:
        """Hours of media played, None if it is less than a second."""
        seconds = self.played + self.estimated
        # Of less nothing can be said, and it may divide by nothing.
        return seconds / SECONDS_PER_HOUR if seconds >= 1 else None

    @property
    def writes_per_hour(self) -> float | None:
        """Writes per hour played, None if less than a second was played."""
        return None if self.hours is None else self.writes / self.hours

    @property
    def shadow_writes_per_hour(self) -> float | None:
        """Writes per hour played that the shadow would have made, None without one."""
        if self.shadowed < 1:
            return None
        return self.shadow_writes / (self.shadowed / SECONDS_PER_HOUR)

    @property
    def resume_accuracy(self) -> float | None:
        """The share 0-1 of resumed viewings that began within 2 s of the point offered."""
        return self.resumed_near / self.resumed if self.resumed else None

    @property
    def mean_resume_error(self) -> float | None:
        """How far resumed viewings began from the point offered, seconds of media."""
        return self.resume_error / self.resumed if self.resumed else None

    @property
    def completion_rate(self) -> float | None:
        """Of those who reached the first milestone the share 0-1 that completed the media.

        It may exceed 1 by those who had begun before anybody counted, or in the other arm.
        """
        return self.completed / self.begun if self.begun else None

    @property
    def error_rate(self) -> float | None:
        """The share 0-1 of requests that the store failed at."""
        return self.failed / self.requests if self.requests else None

    def to_dict(self) -> dict[str, float]:
        """Return the counts as plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> "Counts":
        """Return the counts that `to_dict` returned; what it did not know yet is 0.

        Raises:
            InvalidValueError: They are none.
        """
        if not isinstance(data, dict):
            raise InvalidValueError("counts", data, "an object")
        values: dict[str, float] = {}
        for name, value in data.items():
            if name not in NAMES:
                raise InvalidValueError(f"counts.{name}", value, "left out: nobody counts that")
            counted = number(f"counts.{name}", value, minimum=0, largest=LARGEST_SUM)
            if NAMES[name] is int:
                if not isinstance(value, int):
                    raise InvalidValueError(f"counts.{name}", value, "a whole number")
                counted = value
            values[name] = counted
        return cls(**values)  # type: ignore[arg-type]  # ints where they must be, as just seen


#: What is counted, and of which type it is.
NAMES = {one.name: one.type for one in fields(Counts)}
