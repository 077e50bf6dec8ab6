"""A viewing told step by step: what the player does, in the order in which it reports it.

    watching = Viewing(duration=1000)
    watching.play()
    watching.watch(20)
    watching.seek(300)
    watching.watch(2)
    assert watching.saves == [("seek", 302)]

It keeps the clock and the position, so that a test need only say what changes.
"""

from milestone_progress import (
    Complete,
    Emptied,
    Ended,
    Event,
    IntervalPolicy,
    IntervalTracker,
    MediaInfo,
    Pause,
    Play,
    SaveDecision,
    SavedState,
    SavePolicy,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Tracker,
    Unload,
    played_to_text,
    tracker_for,
)


class Viewing:
    """Somebody with a player, and the tracker that listens to it."""

    tracker: Tracker | IntervalTracker

    def __init__(
        self,
        policy: SavePolicy | IntervalPolicy | None = None,
        record: SavedState | None = None,
        *,
        duration: float | None = None,
        rate: float | None = None,
    ) -> None:
        self.tracker = tracker_for(policy or SavePolicy(), record)
        self.at = 1_000.0
        self.position = 0.0
        #: What the viewer set; what the player reports of it is up to the test.
        self.rate = 1.0 if rate is None else rate
        self.decisions: list[SaveDecision] = []
        if duration is not None or rate is not None:
            self.info(duration=duration, rate=rate)

    @property
    def saves(self) -> list[tuple[str, float]]:
        """What was saved so far: trigger and position."""
        return [(str(decision.trigger), decision.position) for decision in self.decisions]

    @property
    def played(self) -> str:
        """The whole seconds played so far, as text."""
        return played_to_text(self.tracker.played)

    @property
    def settles_in(self) -> float | None:
        """Seconds until a timer is due: 2 right after a seek landed in a gesture."""
        deadline = self.tracker.deadline
        return None if deadline is None else deadline - self.at

    def tell(self, event: Event) -> SaveDecision | None:
        decision = self.tracker.handle(event)
        if decision is not None:
            self.decisions.append(decision)
        return decision

    # Time passes

    def wait(self, seconds: float) -> None:
        self.at += seconds

    def tick(self) -> SaveDecision | None:
        return self.tell(Tick(at=self.at))

    def watch(self, seconds: float, step: float = 1.0) -> list[SaveDecision]:
        """Play for some seconds, told by a `TimeUpdate` every `step` seconds."""
        count = len(self.decisions)
        for _ in range(round(seconds / step)):
            self.wait(step)
            self.update(self.position + step * self.rate)
        return self.decisions[count:]

    # What the player reports

    def update(self, position: float, *, rate: float | None = None) -> SaveDecision | None:
        self.position = position
        return self.tell(TimeUpdate(at=self.at, position=position, rate=rate))

    def play(self, position: float | None = None) -> SaveDecision | None:
        return self.tell(Play(at=self.at, position=self._moved(position)))

    def pause(self, position: float | None = None) -> SaveDecision | None:
        return self.tell(Pause(at=self.at, position=self._moved(position)))

    def seeking(self, position: float) -> SaveDecision | None:
        return self.tell(Seeking(at=self.at, position=self._moved(position)))

    def seeked(self, position: float | None = None) -> SaveDecision | None:
        return self.tell(Seeked(at=self.at, position=self._moved(position)))

    def seek(self, position: float) -> list[SaveDecision]:
        """Seek as players do: at the new position before `seeked`, and all in one moment."""
        count = len(self.decisions)
        self.seeking(position)
        self.update(position)
        self.seeked(position)
        return self.decisions[count:]

    def ended(self, position: float | None = None) -> SaveDecision | None:
        return self.tell(Ended(at=self.at, position=position))

    def unload(self, position: float | None = None) -> SaveDecision | None:
        return self.tell(Unload(at=self.at, position=position))

    def complete(self, position: float | None = None) -> SaveDecision | None:
        return self.tell(Complete(at=self.at, position=position))

    def emptied(self) -> SaveDecision | None:
        return self.tell(Emptied(at=self.at))

    def info(
        self, *, duration: float | None = None, rate: float | None = None
    ) -> SaveDecision | None:
        return self.tell(MediaInfo(at=self.at, duration=duration, rate=rate))

    def _moved(self, position: float | None) -> float:
        if position is not None:
            self.position = position
        return self.position


def playing(
    policy: SavePolicy | IntervalPolicy | None = None,
    record: SavedState | None = None,
    *,
    duration: float | None = 1000,
    position: float = 0,
    rate: float = 1,
) -> Viewing:
    """Return a viewing that has just begun to play, by a player that reports its rate."""
    viewing = Viewing(policy, record, duration=duration, rate=rate)
    viewing.play(position)
    return viewing
