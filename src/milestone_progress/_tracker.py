"""When to save: trackers consume playback events and emit save decisions.

The whole idea: at each event the reasons to save are collected (`Tracker._collect`, in order of
precedence); if any of them may be acted on and there is news, there is *one* decision for all of
them, named after the first that may be acted on, and all are spent. Decisions are cumulative: a
later one covers every earlier one, so a write that failed needs no retry of its own.

Rule numbers in comments (4.10) are those of the behaviour specification in the documentation.
"""

from collections.abc import Mapping
from math import ceil, floor, inf
from typing import Self, overload

from ._decision import (
    CHECKPOINT,
    COMPLETION,
    INTERVAL,
    MILESTONE,
    PAUSE,
    SEEK,
    UNLOAD,
    SavedState,
    Trigger,
)
from ._events import Complete, Emptied, Ended, Event, Seeking, Unload
from ._playhead import DURATION_SETTLE, ROUNDING
from ._policy import IntervalPolicy, SavePolicy
from ._snapshot import restored, snapshot_of
from ._states import IDLE, PLAYING, Observation
from ._viewing import Viewing
from .errors import InvalidValueError

__all__ = ["IntervalTracker", "Tracker", "tracker_for"]

# Seconds of media within which a playhead has come back to the resume point (4.11).
AT_RESUME_POINT = 2.0
# Seconds played that show that a viewer who is elsewhere means it (4.11).
MEANT_BY_PLAYING = 10.0
# Seconds of played media that sums of short steps may fall short by (4.8).
PLAYED_ROUNDING = 0.001


# One for all trackers that are given none: policies are frozen.
_SAVE_POLICY = SavePolicy()
_INTERVAL_POLICY = IntervalPolicy()


class Tracker(Viewing):
    """Decides when progress must be saved: at the moments that matter.

    It owns no clock and does no I/O: time arrives on events, and what to do with a decision is
    the host's business. An hour watched in one go leads to nine decisions.

    >>> from milestone_progress import Play, TimeUpdate
    >>> tracker = Tracker()
    >>> tracker.handle(Play(at=0, position=0, duration=100))
    >>> decision = tracker.handle(TimeUpdate(at=12, position=12))
    >>> decision.trigger.value, decision.position, decision.milestone
    ('milestone', 12.0, 10)

    Args:
        policy: When to save.
        record: What is saved already, None for nothing.

    Raises:
        InvalidValueError: The policy is of another kind, or a field of the record holds a value
            it cannot hold.
    """

    __slots__ = ("_held_until", "_protection")

    _policy: SavePolicy

    def __init__(self, policy: SavePolicy = _SAVE_POLICY, record: SavedState | None = None) -> None:
        if not isinstance(policy, SavePolicy):
            raise InvalidValueError("policy", policy, "a SavePolicy")
        self._policy = policy
        super().__init__(record)
        # Until when reasons that are held wait (4.10).
        self._held_until: float | None = None
        # The resume point that is protected, and what had been played when that began (4.11).
        self._protection: tuple[float, float] | None
        self._protect()

    @property
    def deadline(self) -> float | None:
        """The ``at`` from which on a `Tick` could yield a decision, Unix seconds, or None (4.9)."""
        self._catch_up()
        if self._policy.basis == "played":
            self._find_goal()
        if self._phase is IDLE:
            return None
        times = []
        settles_at = self._gesture_settles_at()
        if self._reasons:
            times.append(-inf if self._held_until is None else self._held_until)
        if settles_at is not None:
            times.append(settles_at)
        if self._seek is None:
            waits_until = -inf if settles_at is None else settles_at
            if self._paused_at is not None:
                times.append(max(waits_until, self._paused_at + self._policy.pause_threshold))
            if (
                self._duration_changed_at is not None
                and self._duration is not None
                and self._phase is PLAYING
                and self._position >= self._goal
            ):
                times.append(max(waits_until, self._duration_changed_at + DURATION_SETTLE))
        return self._at(min(times)) if times else None

    def snapshot(self) -> dict[str, object]:
        """Return all that this tracker knows as plain JSON data, without its policy (4.14)."""
        return snapshot_of(self, "milestone")

    @classmethod
    def restore(cls, snapshot: Mapping[str, object], policy: SavePolicy = _SAVE_POLICY) -> Self:
        """Return a tracker that goes on exactly where the one that was snapshot stood.

        Args:
            snapshot: What `snapshot` returned, of this or an older version of the library.
            policy: The policy of the tracker that was snapshot.

        Raises:
            InvalidValueError: The snapshot is not one of a tracker of this kind.
        """
        return restored(cls(policy), snapshot, "milestone")

    def _seeks(self) -> SavePolicy:
        return self._policy

    def _collect(self, event: Event, now: float, shown: Observation) -> None:
        if self._protection is not None:
            self._judge_protection(*self._protection, shown)
        kind = type(event)
        # 4.1: nothing before playback begins, except that the viewer says so.
        if self._phase is IDLE and kind is not Complete:
            return
        found = []
        if self._policy.basis == "played":
            # Where enough will have been played depends on where the run began.
            self._find_goal()
        # All reasons to save, in order of precedence; completing reaches all milestones, too.
        # 4.5, 4.6: the end was reached, or the viewer says so; once.
        if kind is Complete:
            shown.finished = self._position
        elif not self._policy.completes_at_end:
            self._judge_completion(shown)
        if shown.finished is not None and not self._completed:
            self._complete(shown)
            found.append(COMPLETION)
        # 4.8: the page goes away, or the player drops its media.
        if kind is Unload or kind is Emptied:
            found.append(UNLOAD)
        # 4.7: a gesture settled significantly far from where it began.
        if shown.significant:
            found.append(SEEK)
        # 4.4: a milestone was reached, outside seeks and gestures.
        if self._reach_milestones(shown):
            found.append(MILESTONE)
        # 4.8: a pause is, or was until this event, extended.
        if self._ends_extended_pause(now, shown):
            found.append(PAUSE)
        # 4.8: as much was played as may be at risk, outside seeks and gestures.
        if self._room() <= 0 and self._seek is None and self._phase is not IDLE:
            found.append(CHECKPOINT)
        if found:
            self._add_reasons(found)

    def _judge_completion(self, shown: Observation) -> None:
        """Judge by what counts, rather than by the end alone, what is complete (4.15)."""
        at_end = shown.finished
        if self._policy.basis == "played":
            shown.finished = None
            shown.played_to_end = at_end is not None
        elif at_end is not None:
            return
        if (
            self._duration is not None
            and not self._completed
            and (shown.played_to_end or self._may_reach(shown))
            and self._counted() >= self._policy.completes_at(self._length())
        ):
            shown.finished = self._position if at_end is None else at_end

    def _next_goal(self) -> float:
        goal = super()._next_goal()
        policy = self._policy
        if not self._completed and not policy.completes_at_end:
            goal = min(goal, policy.completes_at(self._length()))
        if policy.basis == "position" or goal == inf:
            return goal
        missing = ceil(goal - self._counted())
        # Each second that is played covers one more at best.
        return floor(max(self._run_end, self._position)) + missing if missing > 0 else -inf

    def _counted(self) -> float:
        if self._policy.basis == "position":
            return self._position
        return float(self.played.bit_count())

    def _amount_of(self, milestone: float) -> float:
        return min(milestone * self._length() / 100, self._length())

    def _length(self) -> float:
        """Return how much of the media there is that counts, seconds; the duration is known."""
        duration = self._duration
        assert duration is not None
        if self._policy.basis == "position":
            return duration
        # Of what is shorter than a second, no second can be played.
        return int(duration) or inf

    def _ends_extended_pause(self, now: float, shown: Observation) -> bool:
        """Judge a pause, once, if it is extended: when it ends, or outside seeks and gestures."""
        since = shown.paused_since
        if since is None:
            since = self._paused_at
            if since is None or self._seek or self._gesture or shown.starts_seek:
                return False
        if now < since + self._policy.pause_threshold - ROUNDING:
            return False
        self._paused_at = None
        return True

    def _may_act_on(self, trigger: Trigger, event: Event, now: float, shown: Observation) -> bool:
        if trigger is not SEEK and trigger is not PAUSE:
            return True
        if isinstance(event, Seeking) and not (trigger is SEEK and shown.significant):
            return False
        return self._held_until is None or now >= self._held_until - ROUNDING

    def _waits_until(self, now: float) -> float | None:
        until = self._held_until
        return until if until is not None and now < until else None

    def _note_save(self, trigger: Trigger, now: float) -> None:
        if trigger is SEEK or trigger is PAUSE:
            self._held_until = now + self._policy.min_save_interval

    def _room(self) -> float:
        most = self._policy.max_unsaved
        # 4.7: checkpoints wait while a gesture is open.
        if most is None or self._gesture is not None:
            return inf
        return most - PLAYED_ROUNDING - (self._played_time - self._saved_played_time)

    def _protect(self) -> None:
        """Protect the resume point, if it is not the start (4.11)."""
        saved = self._saved_position
        self._protection = (saved, self._played_time) if saved >= 1.0 else None

    def _is_protected(self) -> bool:
        return self._protection is not None

    def _judge_protection(self, position: float, played_before: float, shown: Observation) -> None:
        if (
            (shown.reported and abs(self._position - position) <= AT_RESUME_POINT)
            or (shown.significant and shown.landing >= 1.0)
            or self._played_time - played_before >= MEANT_BY_PLAYING - PLAYED_ROUNDING
        ):
            self._protection = None

    def _drop_media(self, position: float) -> None:
        super()._drop_media(position)
        self._protect()


class IntervalTracker(Viewing):
    """Decides as the legacy mode did: every so often while playing, on pause and at the end (§8).

    It has the interface of `Tracker`, so that a flag can switch a viewer between the modes.

    Args:
        policy: When to save.
        record: What is saved already, None for nothing.

    Raises:
        InvalidValueError: The policy is of another kind, or a field of the record holds a value
            it cannot hold.
    """

    __slots__ = ("_saved_at",)

    _policy: IntervalPolicy

    def __init__(
        self, policy: IntervalPolicy = _INTERVAL_POLICY, record: SavedState | None = None
    ) -> None:
        if not isinstance(policy, IntervalPolicy):
            raise InvalidValueError("policy", policy, "an IntervalPolicy")
        self._policy = policy
        super().__init__(record)
        self._saved_at: float | None = None

    @property
    def deadline(self) -> float | None:
        """None, as time alone never makes this mode save; or now, if it has been switched to.

        Then what the other mode would have saved later waits for the next event.
        """
        self._catch_up()
        return self._at(-inf) if self._reasons else None

    def snapshot(self) -> dict[str, object]:
        """Return all that this tracker knows as plain JSON data, without its policy (4.14)."""
        return snapshot_of(self, "interval")

    @classmethod
    def restore(
        cls, snapshot: Mapping[str, object], policy: IntervalPolicy = _INTERVAL_POLICY
    ) -> Self:
        """Return a tracker that goes on exactly where the one that was snapshot stood.

        Args:
            snapshot: What `snapshot` returned, of this or an older version of the library.
            policy: The policy of the tracker that was snapshot.

        Raises:
            InvalidValueError: The snapshot is not one of a tracker of this kind.
        """
        return restored(cls(policy), snapshot, "interval")

    def _seeks(self) -> SavePolicy:
        # What is a seek does not depend on when progress is saved.
        return _SAVE_POLICY

    def _collect(self, event: Event, now: float, shown: Observation) -> None:
        if self._phase is IDLE and not isinstance(event, Complete):
            return
        self._reach_milestones(shown)
        if isinstance(event, Complete):
            shown.finished = self._position
        if isinstance(event, (Complete, Ended)) and shown.finished is not None:
            if not self._completed:
                self._complete(shown)
            self._add_reasons([COMPLETION])
        if shown.paused:
            saved_at = self._saved_at
            if saved_at is None or now >= saved_at + self._policy.pause_debounce - ROUNDING:
                self._add_reasons([PAUSE])
        if self._room() <= 0 and self._seek is None:
            self._add_reasons([INTERVAL])

    def _may_act_on(self, trigger: Trigger, event: Event, now: float, shown: Observation) -> bool:
        return True

    def _is_protected(self) -> bool:
        return False

    def _waits_until(self, now: float) -> float | None:
        # What a `Pause` does depends on the time, and nothing else.
        return None

    def _note_save(self, trigger: Trigger, now: float) -> None:
        self._saved_at = now

    def _room(self) -> float:
        played = self._played_time - self._saved_played_time
        return self._policy.interval - PLAYED_ROUNDING - played


@overload
def tracker_for(policy: SavePolicy, record: SavedState | None = None) -> Tracker: ...
@overload
def tracker_for(policy: IntervalPolicy, record: SavedState | None = None) -> IntervalTracker: ...
@overload
def tracker_for(
    policy: SavePolicy | IntervalPolicy, record: SavedState | None = None
) -> Tracker | IntervalTracker: ...
def tracker_for(
    policy: SavePolicy | IntervalPolicy, record: SavedState | None = None
) -> Tracker | IntervalTracker:
    """Return the tracker of a policy's mode.

    >>> type(tracker_for(IntervalPolicy(interval=10))).__name__
    'IntervalTracker'

    To switch a viewer in mid-video from one mode to the other use `switched`: what is stored is
    less than what the tracker knows.

    Raises:
        InvalidValueError: The policy is of neither mode, or a field of the record holds a value it
            cannot hold.
    """
    if isinstance(policy, IntervalPolicy):
        return IntervalTracker(policy, record)
    return Tracker(policy, record)
