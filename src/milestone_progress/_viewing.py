"""One viewing: what of a viewer's progress is saved, and the way that each event takes.

Both trackers are viewings; they differ in their reasons to save. Rule numbers in comments (4.2)
are those of the behaviour specification in the documentation.
"""

from abc import abstractmethod
from collections.abc import Iterable
from math import inf

from attrs import evolve

from ._decision import COMPLETION, SaveDecision, SavedState, Trigger
from ._events import EVENT_KINDS, Emptied, Event, Pause, Play, Seeked, Seeking, TimeUpdate, saying
from ._numbers import number, number_or_nothing, percentage
from ._played import checked_played
from ._playhead import DURATION_SETTLE, LATE_ANNOUNCEMENT, ROUNDING
from ._progress import Progress
from ._states import PLAYING, Ending, Gesture, Observation, Seek
from .errors import InvalidValueError

__all__ = ["Viewing"]

# Seconds of media: a position that moved less is no news (4.2), and one below it is the start,
# which is never saved (4.3).
LEAST_NEWS = 1.0

_PRECEDENCE = tuple(Trigger)
# Beyond which position the fast way leads, when it is closed.
_CLOSED = -inf
_NO_REPORT = TimeUpdate(at=0.0, position=0.0)


def _covering(decision: SaveDecision, earlier: SaveDecision) -> SaveDecision:
    """Return a decision that also tells of the milestone which an earlier one, unsaid, told of."""
    return evolve(decision, milestone=decision.milestone or earlier.milestone)


def _is_saved_state(record: object) -> bool:
    fields = ("position", "duration", "milestone", "completed")
    return all(hasattr(record, field) for field in fields)


class Viewing(Progress):
    """What the trackers of both modes share; made by them only."""

    __slots__ = (
        "_before",
        "_last",
        "_next",
        "_next_timed",
        "_reasons",
        "_said",
        "_saved_milestone",
        "_saved_played_time",
        "_saved_position",
    )

    def __init__(self, record: SavedState | None) -> None:
        position = 0.0
        milestone: float = 0
        duration = None
        completed = False
        played = 0
        if record is not None:
            if isinstance(record, Viewing) or not _is_saved_state(record):
                # A tracker looks like one, but what it knows need not have been saved.
                expected = "what was saved, with position, duration, milestone and completed"
                raise InvalidValueError("record", record, expected)
            position = number("record.position", record.position, minimum=0)
            duration = number_or_nothing("record.duration", record.duration)
            milestone = percentage("record.milestone", record.milestone)
            completed = record.completed
            if not isinstance(completed, bool):
                raise InvalidValueError("record.completed", completed, "True or False")
            # A record has them; whoever has saved no more than a tracker needs, has not.
            played = checked_played(getattr(record, "played", 0))
        super().__init__(position, milestone)
        self._played = played
        if duration is not None:
            self._learn_duration(duration, 0.0)
        self._completed = completed
        self._saved_position = position
        self._saved_milestone = milestone
        # All that had been played when progress was last saved, seconds.
        self._saved_played_time = 0.0
        self._reasons: tuple[Trigger, ...] = ()
        # The last two events of those that took the fast way of `handle`, until `_catch_up`; the
        # last one is kept on.
        self._before: TimeUpdate | None = None
        self._last = _NO_REPORT
        # That way, described there: closed.
        self._said: object = None
        self._next = _CLOSED
        self._next_timed: tuple[float, float] | None = None
        self._find_goal()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.phase} at {self.position:g} s of "
            f"{'unknown' if self.duration is None else f'{self.duration:g} s'}, "
            f"milestone {self.milestone:g}{', completed' if self.completed else ''}>"
        )

    @property
    def pending(self) -> tuple[Trigger, ...]:
        """The reasons to save that wait, in order of precedence (4.10)."""
        return self._reasons

    @property
    @abstractmethod
    def deadline(self) -> float | None:
        """The ``at`` from which on a `Tick` could yield a decision, Unix seconds, or None."""

    def handle(self, event: Event) -> SaveDecision | None:
        """Handle one event.

        Late, repeated, contradictory and missing events are normal and never raise.

        Args:
            event: What the player reported.

        Returns:
            The decision to save that it leads to, or None.

        Raises:
            InvalidValueError: It is not one of this library's events; nothing was changed.
        """
        # The fast way, taken by nearly all events: a short step forward that reaches nothing.
        # `_next` is the nearest position at which something happens, and minus infinity while
        # every event must be looked at closely. A step of under a second is continuous whatever
        # the time (3.5), so keeping the event is all there is to do: `_catch_up` draws the
        # consequences when somebody asks. Each attribute costs a tenth of the whole, as does a
        # chained comparison. Hence `_bare_position`, which is infinite for all but the
        # `TimeUpdate`s that tell nothing else: those that repeat the duration take the second
        # turn. While something waits for a time to come it must be known what time it is, too:
        # then `_next_timed` stands in for `_next`, a position and the time until which it holds.
        try:
            position = event._bare_position
            if position < self._next:
                last = self._last
                step = position - last.position
                if step < 1.0 and step >= 0.0:
                    self._before = last
                    self._last = event  # type: ignore[assignment]  # a TimeUpdate, as said
                    return None
            elif event._says is self._said or self._says_no_more(event._says):
                last = self._last
                position = event.position  # type: ignore[union-attr, assignment]  # as said
                if position < self._next or (
                    (timed := self._next_timed) is not None
                    and position < timed[0]
                    and event.at >= last.at
                    and event.at < timed[1]
                ):
                    step = position - last.position
                    if step < 1.0 and step >= 0.0:
                        self._before = last
                        self._last = event  # type: ignore[assignment]  # a TimeUpdate, as said
                        return None
        except (AttributeError, TypeError):
            raise InvalidValueError("event", event, "one of the playback events") from None
        return self._handle_closely(event)

    def feed(self, events: Iterable[Event]) -> list[SaveDecision]:
        """Handle events in their order and return the decisions they lead to.

        Raises:
            InvalidValueError: One of them is not one of this library's events; none was handled.
        """
        # Whoever makes events out of what the tracker knows makes all of them first.
        events = list(events)
        decisions = []
        # The fast way of `handle` with what it asks of the tracker at hand. To ask for every kind
        # beforehand would cost as much again, so what was known when the tracker was first changed
        # is kept until the last event has turned out to be one.
        kept: dict[str, object] | None = None
        nearest, timed, said = self._next, self._next_timed, self._said
        before, last = self._before, self._last
        position = last.position
        for event in events:
            try:
                following = event._bare_position
                if following < nearest:
                    step = following - position
                    if step < 1.0 and step >= 0.0:
                        before = last
                        last = event  # type: ignore[assignment]  # a TimeUpdate, as said there
                        position = following
                        continue
                elif event._says is said or self._says_no_more(event._says):
                    following = event.position  # type: ignore[union-attr, assignment]  # as said
                    if following < nearest or (
                        timed is not None
                        and following < timed[0]
                        and event.at >= last.at
                        and event.at < timed[1]
                    ):
                        step = following - position
                        if step < 1.0 and step >= 0.0:
                            before = last
                            last = event  # type: ignore[assignment]  # as said
                            position = following
                            continue
            except (AttributeError, TypeError):
                pass  # It is no event, which is asked next.
            if type(event) not in EVENT_KINDS:
                for name, value in (kept or {}).items():
                    setattr(self, name, value)
                raise InvalidValueError("event", event, "one of the playback events")
            if kept is None:
                kept = self._kept()
            self._before, self._last = before, last
            decision = self._handle_closely(event)
            if decision is not None:
                decisions.append(decision)
            nearest, timed, said = self._next, self._next_timed, self._said
            before, last = self._before, self._last
            position = last.position
        self._before, self._last = before, last
        return decisions

    def _kept(self) -> dict[str, object]:
        """Return all that the tracker knows, by the names of its attributes."""
        known: dict[str, object] = {}
        for kind in type(self).__mro__:
            for name in getattr(kind, "__slots__", ()):
                value = getattr(self, name)
                known[name] = evolve(value) if isinstance(value, (Seek, Gesture, Ending)) else value
        return known

    def _says_no_more(self, says: object) -> bool:
        """Tell whether what a `TimeUpdate` says of duration and rate is nothing, or nothing new."""
        return says is None or says == self._said

    def _catch_up(self) -> None:
        """Draw the consequences of the events that took the fast way."""
        before = self._before
        if before is None:
            return
        last = self._last
        self._before = None
        self._played_time += last.position - self._position
        self._position = last.position
        if last.position > self._run_end:
            self._run_end = last.position
        self._interval = max(0.0, last.at - before.at)
        self._position_at = self._pass_time(last.at)
        self._step_rate = self._rate

    def _handle_closely(self, event: Event) -> SaveDecision | None:
        """Handle an event by all the rules, in their order."""
        kind = type(event)
        if kind not in EVENT_KINDS:
            raise InvalidValueError("event", event, "one of the playback events")
        if self._before is not None:
            self._catch_up()
        self._next = _CLOSED
        self._next_timed = None
        now = self._pass_time(event.at)
        if event.duration is not None and event.duration != self._duration:
            self._learn_duration(event.duration, now)
            self._find_goal()
        if self._duration_changed_at is not None:
            self._settle_duration(self._duration_changed_at, now)
        shown = Observation()
        decision = None
        if self._gesture is not None and self._seek is None:
            decision = self._settle_first(event, now, shown)
        self._observe(event, now, shown)
        if self._gesture is not None:
            self._settle_gesture(event, now, shown)
        # 3.3, 4.10: neither a `Seeking` nor a `TimeUpdate` during a seek yields anything.
        if kind is not Seeking and not (kind is TimeUpdate and self._seek is not None):
            self._collect(event, now, shown)
            if self._reasons:
                later = self._decide(event, now, shown)
                if later is not None:
                    # If there is an earlier one, the step that began the new seek has ended it, too
                    # (4.6, or nothing to settle): the later one says all that it would have said.
                    decision = later if decision is None else _covering(later, decision)
        if kind is Emptied:
            self._reasons = ()
            self._drop_media(self._saved_position)
        if event.rate is not None:
            self._learn_rate(event.rate)
        if decision is not None:
            self._note_save(decision.trigger, now)
        if shown.reported and self._phase is PLAYING and self._seek is None:
            self._open_fast_way(event, now)
        return decision

    def _settle_first(self, event: Event, now: float, shown: Observation) -> SaveDecision | None:
        """Settle a gesture that is due before the event moves the playhead (4.7).

        A new seek settles it where the playhead was, so the decision is made at once.
        """
        unannounced = isinstance(event, (TimeUpdate, Play, Pause)) and self._is_unannounced_seek(
            event.position, now
        )
        if unannounced and not isinstance(event, TimeUpdate):
            # Told by such an event it continues the gesture.
            return None
        if not unannounced and not isinstance(event, (Seeking, Seeked)):
            self._settle_gesture(event, now, shown)
            return None
        before = Observation()
        before.starts_seek = True
        self._settle_gesture(event, now, before)
        if not before.settled:
            return None
        self._collect(event, now, before)
        return self._decide(event, now, before)

    def _open_fast_way(self, event: Event, now: float) -> None:
        """Let `handle` take the fast way up to the nearest position at which something happens.

        While something waits for a time to come, also only until that time.
        """
        run_start = self._run_start
        position = event.position  # type: ignore[union-attr]  # it reported one
        if (
            self._is_protected()
            # The playhead went elsewhere (2.4, 4.8), or where the run does not reach (3.7).
            or position != self._position
            or run_start is None
            or position < run_start
        ):
            return
        waits = self._waits_until(now)
        # Until the first of these nothing depends on the time: a gesture settles, what is held may
        # be saved, a changed duration has stood, a jump can no longer be announced.
        until = inf if waits is None else waits
        settles = self._gesture_settles_at()
        if settles is not None and settles < until:
            until = settles
        changed_at = self._duration_changed_at
        if changed_at is not None and changed_at + DURATION_SETTLE < until:
            until = changed_at + DURATION_SETTLE
        jump = self._jump
        if jump is not None and now < jump.at + LATE_ANNOUNCEMENT + 2 * ROUNDING < until:
            until = jump.at + LATE_ANNOUNCEMENT + 2 * ROUNDING
        nearest = position + self._room()
        duration = self._duration
        if duration is not None:
            if duration < nearest:
                nearest = duration
            if self._gesture is None and changed_at is None:
                goal = self._goal
                if goal < nearest:
                    nearest = goal
        self._last = event  # type: ignore[assignment]  # as good as one: it reported its position
        self._said = saying(event.duration, event.rate)
        if until == inf:
            self._next = nearest
        else:
            self._next_timed = nearest, until - self._clock_lag - 2 * ROUNDING

    # What the modes decide

    @abstractmethod
    def _collect(self, event: Event, now: float, shown: Observation) -> None:
        """Add the reasons to save that an event gives to those that wait."""

    @abstractmethod
    def _may_act_on(self, trigger: Trigger, event: Event, now: float, shown: Observation) -> bool:
        """Tell whether a reason need not wait."""

    @abstractmethod
    def _is_protected(self) -> bool:
        """Tell whether nothing but completion is news (4.11)."""

    @abstractmethod
    def _waits_until(self, now: float) -> float | None:
        """Return the time still to come on which it depends what may be saved, or None."""

    @abstractmethod
    def _note_save(self, trigger: Trigger, now: float) -> None:
        """Take note of a decision that is being made."""

    @abstractmethod
    def _room(self) -> float:
        """Return how much may be played, in seconds, before that alone is a reason to save."""

    # What they have in common

    def _add_reasons(self, found: list[Trigger]) -> None:
        """Add reasons, in order of precedence, to those that wait."""
        if self._reasons:
            found = [trigger for trigger in _PRECEDENCE if trigger in (*self._reasons, *found)]
        self._reasons = tuple(found)

    def _decide(self, event: Event, now: float, shown: Observation) -> SaveDecision | None:
        """Make the one decision for all reasons, if any may be acted on and there is news."""
        for trigger in self._reasons:
            if self._may_act_on(trigger, event, now, shown):
                break
        else:
            return None
        self._reasons = ()
        position = self._position
        if trigger is COMPLETION and shown.finished is not None:
            position = shown.finished
        milestone = self._milestone
        reached = milestone > self._saved_milestone
        # 4.2, 4.3, 4.11; that it was completed is always news.
        if not shown.completed and (
            position < LEAST_NEWS
            or not (reached or abs(position - self._saved_position) >= LEAST_NEWS)
            or self._is_protected()
        ):
            return None
        self._saved_position = position
        self._saved_milestone = milestone
        self._saved_played_time = self._played_time
        return SaveDecision(
            at=event.at,
            trigger=trigger,
            position=position,
            duration=self._duration,
            percent=self._percent_of(position),
            milestone=milestone if reached else None,
            last_milestone=milestone,
            completed=self._completed,
        )
