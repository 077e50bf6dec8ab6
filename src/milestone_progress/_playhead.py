"""What the player is doing: phase, position, rate, seeks and gestures, played seconds.

Real players are messy, and the mess has its one room here. Nothing in this module knows of saving;
nothing reads a clock: time arrives on events. Rule numbers in comments (3.4, 4.7) are those of the
behaviour specification in the documentation.

*Time* here is the sum of the forward differences of the events' ``at`` (2.5): a clock that is set
back counts as no time passed, and goes on from there.
"""

from abc import abstractmethod
from math import inf

from ._events import (
    Complete,
    Emptied,
    Ended,
    Event,
    Pause,
    Play,
    Seeked,
    Seeking,
    TimeUpdate,
    Unload,
)
from ._numbers import LARGEST
from ._played import seconds_within
from ._policy import SavePolicy
from ._states import (
    IDLE,
    PAUSED,
    PLAYING,
    TRANSITIONS,
    Ending,
    Gesture,
    Jump,
    Observation,
    Phase,
    Seek,
)

# Chromium plays at up to 16x and that is the fastest any browser goes; until a player says how
# fast it plays, a step that 16x would explain is playback.
FASTEST_UNREPORTED_RATE = 16.0
# Seconds a step may exceed what time and rate explain, or go back (WebKit reports stale positions).
STEP_TOLERANCE = 1.0
# Seconds of media that a significant seek must exceed its threshold by: skip buttons of 10 s
# measure up to 10.2 s, and a timeupdate comes every quarter of a second.
SEEK_TOLERANCE = 0.5
# Seconds after the last `seeking` without a `seeked`: the slowest one recorded took 0.4.
LOST_SEEKED = 2.0
# Seconds within which a `seeking` still announces the jump that came before it.
LATE_ANNOUNCEMENT = 2.0
# Seconds after which a gesture is settled although the viewer scrubs on.
LONGEST_GESTURE = 30.0
# Seconds a changed duration must have stood: playlists grow every few seconds.
DURATION_SETTLE = 10.0
# Seconds. Differences of Unix times lose up to a quarter of a microsecond in a float, and whether
# two seconds have passed must not depend on when they did.
ROUNDING = 1e-6
# Seconds by which a duration may be corrected without counting as changed.
DURATION_TOLERANCE = 0.25


class Playhead:
    """A model of the player behind the events.

    The trackers inherit from it instead of holding one: the hottest comparison of the library
    reads both its position and theirs, and an attribute of an attribute costs a tenth of it.
    """

    __slots__ = (
        "_advance_from",
        "_clock_lag",
        "_completed",
        "_duration",
        "_duration_changed_at",
        "_ending",
        "_gesture",
        "_interval",
        "_jump",
        "_live",
        "_now",
        "_paused_at",
        "_phase",
        "_played",
        "_played_time",
        "_position",
        "_position_at",
        "_rate",
        "_run_end",
        "_run_start",
        "_seek",
        "_step_rate",
    )

    def __init__(self, position: float) -> None:
        self._phase = IDLE
        # Time, and what to add to an event's `at` to get it; no event yet is None.
        self._now: float | None = None
        self._clock_lag = 0.0
        # The position last taken, when, and the time from the one before the last `TimeUpdate` to
        # that `TimeUpdate`.
        self._position = position
        self._position_at = 0.0
        self._interval = 0.0
        self._duration: float | None = None
        self._live = False
        self._duration_changed_at: float | None = None
        # The known rate, and the largest one known since the last report outside a seek.
        self._rate: float | None = None
        self._step_rate: float | None = None
        self._seek: Seek | None = None
        self._gesture: Gesture | None = None
        self._jump: Jump | None = None
        # Since when a pause lasts that nobody has judged yet.
        self._paused_at: float | None = None
        # Where the advance that counts as `Play` began.
        self._advance_from: float | None = None
        self._ending: Ending | None = None
        # Seconds of media played in all; whole seconds played in the runs before the current one,
        # and that run.
        self._played_time = 0.0
        self._played = 0
        self._run_start: float | None = None
        self._run_end = position
        self._completed = False

    @abstractmethod
    def _seeks(self) -> SavePolicy:
        """Return the policy whose settings tell what a significant seek is."""

    # Time, duration, rate

    def _pass_time(self, at: float) -> float:
        """Let the time pass up to an event and return the time it is then (2.5)."""
        # Most clocks are never set; the event's own number, then, takes no memory of its own.
        now = at + self._clock_lag if self._clock_lag else at
        if self._now is None:
            self._position_at = now
        elif now < self._now:
            self._clock_lag += self._now - now
            now = self._now
        self._now = now
        return now

    def _at(self, time: float) -> float:
        """Return the ``at`` of an event that would come at a time, or now if that has passed."""
        if self._now is not None and time < self._now:
            time = self._now
        return time - self._clock_lag

    def _learn_duration(self, duration: float, now: float) -> None:
        """Take a duration from an event (2.3, 4.12)."""
        if duration == inf:
            self._live = True
            self._duration = None
            return
        known = self._duration
        if self._live or (known is not None and abs(duration - known) > DURATION_TOLERANCE):
            self._duration_changed_at = now
        self._live = False
        self._duration = duration

    def _learn_rate(self, rate: float) -> None:
        """Take a rate from an event that has been handled (2.3)."""
        self._rate = rate
        if self._step_rate is None or rate > self._step_rate:
            self._step_rate = rate

    def _settle_duration(self, changed_at: float, now: float) -> None:
        """Trust a changed duration again once it has stood (4.12)."""
        if now >= changed_at + DURATION_SETTLE - ROUNDING:
            self._duration_changed_at = None

    # Where the playhead should be

    def _expected(self, now: float) -> float:
        """Return where the playhead is expected to be (3.4)."""
        position = self._position
        if self._phase is PLAYING:
            elapsed = min(now - self._position_at, max(1.0, 2 * self._interval))
            position += elapsed * (self._rate or 1.0)
        end = LARGEST if self._duration is None else self._duration
        return position if position < end else end

    def _within_duration(self, position: float) -> float:
        """Return a reported position, the duration if it lies beyond (2.4)."""
        duration = self._duration
        return position if duration is None or position < duration else duration

    def _is_jump(self, step: float, elapsed: float) -> bool:
        """Tell whether a step is too far to be playback (3.5)."""
        rate = self._step_rate
        fastest = FASTEST_UNREPORTED_RATE if rate is None else max(1.0, rate)
        return step < -STEP_TOLERANCE or step > (elapsed + ROUNDING) * fastest + STEP_TOLERANCE

    def _is_significant(self, distance: float) -> bool:
        return abs(distance) > self._seeks().seek_threshold + SEEK_TOLERANCE

    def _jumps_to(self, position: float, now: float) -> bool:
        """Tell whether a report of this position is a jump."""
        step = self._within_duration(position) - self._position
        return self._is_jump(step, now - self._position_at)

    def _is_unannounced_seek(self, position: float, now: float) -> bool:
        """Tell whether a report outside a seek is one of a seek that nothing announced (3.5)."""
        return (
            self._seek is None
            and (self._phase is PLAYING or self._phase is PAUSED)
            and self._jumps_to(position, now)
            and self._is_significant(self._within_duration(position) - self._expected(now))
        )

    def _is_wrap(self, origin: float, landing: float, began_in: Phase) -> bool:
        """Tell whether a seek or jump is a looping player's return to the start (4.6)."""
        near = max(1.0, (self._rate or 1.0) / 2)
        return (
            began_in is PLAYING
            and self._phase is PLAYING
            and self._gesture is None
            and self._duration is not None
            and origin >= self._duration - near
            and landing <= near
            and (self._completed or self._duration_changed_at is None)
        )

    # One event

    def _observe(self, event: Event, now: float, shown: Observation) -> None:
        """Move on by one event, whose time has passed and whose duration is known."""
        if isinstance(event, TimeUpdate):
            self._time_update(event.position, now, shown)
        elif isinstance(event, Play):
            if self._seek is None:
                self._report(event.position, now, shown)
            self._play(shown)
        elif isinstance(event, Pause):
            self._report_while_begun(event.position, now, shown)
            self._pause(now, shown)
        elif isinstance(event, Seeking):
            self._begin_seek(event.position, now, announced=True)
        elif isinstance(event, Seeked):
            if self._seek is None:
                self._begin_seek(event.position, now, announced=False)
            self._land(event.position, now, shown)
        elif isinstance(event, Ended):
            self._end(event.position, now, shown)
        elif isinstance(event, (Unload, Complete)):
            self._report_while_begun(event.position, now, shown)
            if isinstance(event, Unload):
                self._retreat(now)
        elif isinstance(event, Emptied):
            self._retreat(now)

    def _report_while_begun(self, position: float | None, now: float, shown: Observation) -> None:
        """Take a position that counts only while PLAYING or PAUSED and outside a seek (3.3)."""
        begun = self._phase is PLAYING or self._phase is PAUSED
        if position is not None and begun and self._seek is None:
            self._report(position, now, shown)

    def _enter(self, kind: type[Event]) -> bool:
        """Go where an event of a kind leads; return whether that is somewhere else."""
        before = self._phase
        self._phase = TRANSITIONS[before].get(kind, before)
        return self._phase is not before

    def _pause(self, now: float, shown: Observation) -> None:
        if not self._enter(Pause):
            return
        shown.paused = True
        self._paused_at = now
        self._advance_from = self._position
        if self._run_start is not None and self._position < self._run_end:
            # It stops here, wherever it has been: what it covered is kept.
            self._played |= seconds_within(self._run_start, self._run_end)
            self._run_end = self._position

    def _time_update(self, position: float, now: float, shown: Observation) -> None:
        if self._seek is not None:
            if now > self._seek.announced_at + LOST_SEEKED + ROUNDING:
                self._land(position, now, shown)
            else:
                self._position = self._within_duration(position)
                self._position_at = now
            return
        if self._ending is not None:
            # 3.6: only a seek or `Play` moves a playhead that reached the end.
            ending = self._ending
            position = self._within_duration(position)
            jumped = ending.position is None or self._is_jump(
                position - ending.position, now - ending.at
            )
            ending.position = position
            ending.at = now
            self._step_rate = self._rate
            if self._advance(position, jumped=jumped):
                self._position = position
                self._position_at = now
                shown.reported = True
                self._play(shown)
            return
        shown.tells_wrap = True
        before = self._position_at
        self._report(position, now, shown)
        self._interval = now - before
        # Where it has jumped the advance begins anew already.
        if self._phase is not PLAYING and self._advance(self._position, jumped=False):
            self._play(shown)

    def _advance(self, position: float, *, jumped: bool) -> bool:
        """Tell whether `TimeUpdate`s have advanced far enough to count as `Play` (3.6)."""
        start = self._advance_from
        if start is None or jumped or position < start:
            self._advance_from = position
            return False
        return position - start >= 1.0

    def _report(self, position: float, now: float, shown: Observation) -> None:
        """Take a position that is reported outside a seek."""
        position = self._within_duration(position)
        step = position - self._position
        # Most steps are short, which needs no judging.
        jumped = not 0.0 <= step < STEP_TOLERANCE and self._is_jump(step, now - self._position_at)
        playing = self._phase is PLAYING
        if jumped:
            if playing or self._phase is PAUSED:
                self._jump_to(position, now, shown)
            self._begin_run(position)
        elif playing:
            self._run_to(position, shown)
        self._position = position
        self._position_at = now
        self._step_rate = self._rate
        shown.reported = True
        if self._advance_from is not None and (jumped or position < self._advance_from):
            self._advance_from = position

    def _jump_to(self, position: float, now: float, shown: Observation) -> None:
        """Judge a jump while PLAYING or PAUSED (3.5, 4.6)."""
        origin = self._expected(now)
        if shown.tells_wrap and self._is_wrap(origin, position, self._phase):
            shown.finished = self._duration
            return
        self._jump = Jump(origin, position, now)
        if self._is_significant(position - origin):
            self._land_gesture(origin, position, now, unannounced=True)

    def _run_to(self, position: float, shown: Observation) -> None:
        """Play on to a position (3.7, 4.5)."""
        step = position - self._position
        if step > 0:
            self._played_time += step
            if (
                self._duration is not None
                and position >= self._duration
                and self._gesture is None
                and self._duration_changed_at is None
            ):
                shown.finished = position
        if self._run_start is None or position < self._run_start:
            self._begin_run(position)
        elif position > self._run_end:
            self._run_end = position

    def _end_run(self) -> None:
        """End the continuous run, if there is one."""
        if self._run_start is not None:
            self._played |= seconds_within(self._run_start, self._run_end)
            self._run_start = None

    def _begin_run(self, position: float) -> None:
        """End the continuous run; while PLAYING outside a seek another begins at a position."""
        self._end_run()
        if self._phase is PLAYING and self._seek is None:
            self._run_start = self._run_end = position

    def _play(self, shown: Observation) -> None:
        """Begin or go on to play, at the current position."""
        if not self._enter(Play):
            return
        if self._paused_at is not None:
            shown.paused_since = self._paused_at
            self._paused_at = None
        self._ending = None
        self._advance_from = None
        # 3.7: a pause that resumes where it stopped does not break the run.
        if self._run_start is None or abs(self._position - self._run_end) > STEP_TOLERANCE:
            self._begin_run(self._position)
        elif self._position > self._run_end:
            self._run_end = self._position

    # Seeks and gestures

    def _begin_seek(self, position: float, now: float, *, announced: bool) -> None:
        if self._seek is not None:
            self._seek.announced_at = now
        else:
            origin = self._expected(now)
            jump = self._jump
            if (
                announced
                and jump is not None
                and now <= jump.at + LATE_ANNOUNCEMENT + ROUNDING
                and abs(jump.landing - self._within_duration(position)) <= STEP_TOLERANCE
            ):
                origin = jump.origin
                gesture = self._gesture
                if gesture is not None and (gesture.landing, gesture.landed_at) == (
                    jump.landing,
                    jump.at,
                ):
                    gesture.unannounced_origin = None
            self._seek = Seek(origin, now, self._phase)
            self._end_run()
        if self._ending is not None:
            self._ending.sought = True
        self._position = self._within_duration(position)
        self._position_at = now

    def _land(self, position: float, now: float, shown: Observation) -> None:
        """Let the seek under way land."""
        seek = self._seek
        assert seek is not None
        self._seek = None
        self._position = position = self._within_duration(position)
        self._position_at = now
        self._begin_run(position)
        shown.reported = shown.landed = True
        if self._phase is not PLAYING:
            self._advance_from = position
        if seek.phase is IDLE:
            shown.resumed = True
        elif self._is_wrap(seek.origin, position, seek.phase):
            shown.finished = self._duration
        else:
            self._land_gesture(seek.origin, position, now, unannounced=False)

    def _land_gesture(
        self, origin: float, landing: float, now: float, *, unannounced: bool
    ) -> None:
        """Open a gesture, or continue the open one (4.7)."""
        unannounced_origin = origin if unannounced else None
        gesture = self._gesture
        if gesture is None:
            self._gesture = Gesture(origin, landing, now, now, unannounced_origin)
        else:
            gesture.landing = landing
            gesture.landed_at = now
            gesture.unannounced_origin = unannounced_origin

    def _gesture_settles_at(self) -> float | None:
        """Return when the open gesture can be settled, None without one or during a seek."""
        gesture = self._gesture
        if gesture is None or self._seek is not None:
            return None
        settled_at = gesture.landed_at + self._seeks().seek_settle
        return min(settled_at, gesture.began_at + LONGEST_GESTURE)

    def _settle_gesture(self, event: Event, now: float, shown: Observation) -> None:
        """Settle the open gesture if it is time and the event may do so (4.7)."""
        due = self._gesture_settles_at()
        if (
            due is None
            or now < due - ROUNDING
            or isinstance(event, (Unload, Complete, Emptied, Ended))
        ):
            return
        gesture = self._gesture
        assert gesture is not None
        self._gesture = None
        shown.settled = True
        shown.landing = gesture.landing
        shown.significant = self._is_significant(gesture.landing - gesture.origin)

    def _retreat(self, now: float) -> None:
        """Go back to where the open seek or gesture began, if a teardown sought to 0 (4.8)."""
        if self._position < 1.0 and self._phase is not IDLE:
            began = self._gesture or self._seek
            if began is not None:
                self._position = began.origin
                self._position_at = now
                self._begin_run(began.origin)

    # The end

    def _end(self, reported: float | None, now: float, shown: Observation) -> None:
        phase = self._phase
        if phase is IDLE or (self._ending is not None and not self._ending.sought):
            return
        end = self._duration
        if end is None:
            end = self._position if reported is None else reported
        gesture = self._gesture
        if gesture is None and self._seek is None:
            shown.paused_since = self._paused_at
        # 4.5: a player that leapt to the end after a network error has not played there.
        false_start: float | None = None
        if gesture is not None:
            false_start = gesture.unannounced_origin
        elif self._is_unannounced_seek(end, now):
            false_start = self._expected(now)
        if false_start is None:
            if self._seek is None and phase is PLAYING and not self._jumps_to(end, now):
                self._run_to(end, shown)
            shown.finished = end
        self._seek = self._gesture = None
        self._paused_at = self._advance_from = None
        self._step_rate = self._rate
        self._enter(Ended)
        self._ending = Ending(False, None, now)
        self._end_run()
        self._position = end if false_start is None else false_start
        self._position_at = now

    def _drop_media(self, position: float) -> None:
        """Become IDLE at a position: the element dropped its media (3.2)."""
        self._enter(Emptied)
        self._seek = self._gesture = self._jump = self._ending = None
        self._paused_at = self._advance_from = None
        self._end_run()
        self._position = position
