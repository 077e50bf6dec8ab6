"""A naive model of SPEC.md sections 1 to 4 and 8, to test the real tracker against.

Written from the text alone, for clarity and not for speed: one method per idea, each
with the number of the rule it follows. Nothing of the package is imported.

An event passes through `handle` in this order:
clock, duration, then what the player does (playhead, phase, seeks, gestures),
then the reasons to save, then the one decision, and last the rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

IDLE, PLAYING, PAUSED, ENDED = "idle", "playing", "paused", "ended"

# §1: triggers in order of precedence; `interval` belongs to the legacy mode (§8).
ORDER = ("completion", "unload", "seek", "milestone", "pause", "checkpoint", "interval")

DEFAULTS: dict[str, object] = {  # §1
    "milestones": (10, 25, 50, 75, 90, 95, 100),
    "pause_threshold": 30,
    "seek_threshold": 10,
    "seek_settle": 2,
    "min_save_interval": 30,
    "max_unsaved": 600,
    "basis": "position",  # 4.15
    "completion_percent": None,
    "completion_seconds_left": None,
    "completion_least_percent": 75,
    "interval": 30,  # §8
    "pause_debounce": 5,  # §8
}


@dataclass
class Decision:
    at: float
    trigger: str
    position: float
    duration: float | None
    percent: float | None
    milestone: float | None
    last_milestone: float
    completed: bool


@dataclass
class Seek:
    """3.1: from `Seeking` to `Seeked`."""

    origin: float  # 3.4, or that of the jump it announces (3.5)
    phase: str  # the phase it began in (4.1, 4.6)
    last_seeking: float  # 3.3


@dataclass
class Gesture:
    """4.7: one or more seeks; measured from the first origin to the last landing."""

    origin: float
    began: float  # read: when its first seek landed, which is what opens it
    landing: float
    landed: float  # time of the last landing
    leapt_from: float | None  # 4.5: where the last landing's jump began, if unannounced


@dataclass
class Jump:
    """3.5: remembered because a `Seeking` may announce it afterwards."""

    origin: float
    landing: float
    time: float


@dataclass
class Happening:
    """What one event turned out to be; thrown away after the event."""

    kind: str
    was: str  # the phase before the event
    reasons: set[str] = field(default_factory=set)
    position: float | None = None  # of the decision, where it is not the playhead
    protected: bool | None = None  # 4.11, with such a position
    reached_end: bool = False  # 4.5: a continuous forward step to the duration
    looped: bool = False  # 4.6
    reported: bool = False  # 4.11: at a position outside a seek
    landed: bool = False  # a `Seeked`, or a `TimeUpdate` that counts as one
    settled: bool = False  # it settled a gesture
    dropped: bool = False  # it was the `Ended` that dropped a seek or gesture
    resume_landed: bool = False  # 4.4: it ended the application's seek
    completed: bool = False  # 4.2: the completion is new


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


class Oracle:
    def __init__(
        self,
        policy: Mapping[str, object] | None = None,
        record: Mapping[str, object] | None = None,
    ) -> None:
        settings = {**DEFAULTS, **(policy or {})}
        self.milestones = tuple(float(m) for m in cast("tuple[float, ...]", settings["milestones"]))
        self.pause_threshold = cast("float", settings["pause_threshold"])
        self.seek_threshold = cast("float", settings["seek_threshold"])
        self.seek_settle = cast("float", settings["seek_settle"])
        self.min_save_interval = cast("float", settings["min_save_interval"])
        self.max_unsaved = cast("float | None", settings["max_unsaved"])
        self.by_playing = settings["basis"] == "played"
        self.completion_percent = cast("float | None", settings["completion_percent"])
        self.seconds_left = cast("float | None", settings["completion_seconds_left"])
        self.least_percent = cast("float", settings["completion_least_percent"])
        self.interval = cast("float", settings["interval"])
        self.pause_debounce = cast("float", settings["pause_debounce"])

        record = record or {}
        # 2.5 the clock
        self._at: float | None = None
        self._now = 0.0
        # 2.3 duration and rate; the duration may be None (never told) or inf (live)
        self._known_duration = _number(record.get("duration"))
        self._unsettled_since: float | None = None  # 4.12
        self._rate: float | None = None
        self._rates: set[float] = set()  # known since the last report outside a seek
        # 3.1 the player
        self._phase = IDLE
        self._position = _number(record.get("position")) or 0.0
        # Of the last event with a position; read (3.4, 3.5): before any, of the first event, when
        # the tracker first heard that its position is the last known one.
        self._position_time = 0.0
        self._update_interval = 0.0  # 3.4: from the position before the last TimeUpdate to it
        self._seek: Seek | None = None
        self._gesture: Gesture | None = None
        self._jump: Jump | None = None
        self._paused_at = 0.0
        self._pause_shown = True  # 4.8: once per pause
        self._seek_since_ended = False  # 3.2
        self._advance_from: float | None = None  # 3.6
        self._ended_update: tuple[float, float] | None = None  # 3.6: position and time
        # 3.7 played seconds
        self._played: set[int] = set(cast("set[int]", record.get("played", set())))
        self._run: tuple[float, float] | None = None
        self._stopped = 0.0
        # 4 what is saved, and what is new
        self._highest = _number(record.get("milestone")) or 0.0
        self._completed = bool(record.get("completed", False))
        self._saved = self._position  # 4.2: 0 if fresh
        self._new_milestone: float | None = None
        self._waiting: set[str] = set()
        self._unsaved_played = 0.0  # 4.8 checkpoint
        self._last_save: float | None = None  # §8
        self._last_seek_or_pause: float | None = None  # 4.10
        self._protected: float | None = None  # 4.11
        self._protected_played = 0.0
        self._protect()

    # ---------------------------------------------------------------- to be looked at

    @property
    def phase(self) -> str:
        return self._phase

    @property
    def position(self) -> float:
        return self._position

    @property
    def duration(self) -> float | None:
        known = self._known_duration
        return None if known is None or math.isinf(known) else known

    @property
    def milestone(self) -> float:
        return self._highest

    @property
    def completed(self) -> bool:
        return self._completed

    @property
    def played(self) -> set[int]:
        return set(self._played)

    @property
    def gesture_is_open(self) -> bool:
        return self._gesture is not None

    @property
    def pending(self) -> tuple[str, ...]:
        return tuple(reason for reason in ORDER if reason in self._waiting)

    @property
    def deadline(self) -> float | None:
        """4.9: the `at` at which a `Tick` could yield a decision."""
        if self._phase == IDLE or self._at is None:
            return None
        due: list[float] = []
        quiet = self._seek is None and self._gesture is None
        if self._phase == PAUSED and not self._pause_shown and quiet:
            due.append(self._paused_at + self.pause_threshold)
        if self._gesture is not None and self._seek is None:
            due.append(self._gesture_due_at(self._gesture))
        if self._waiting and self._last_seek_or_pause is not None:
            due.append(self._last_seek_or_pause + self.min_save_interval)
        if self._phase == PLAYING and quiet and self._unsettled() and self.duration is not None:
            due.append(cast("float", self._unsettled_since) + 10)
        return self._at + max(0.0, min(due) - self._now) if due else None

    # ---------------------------------------------------------------- one event

    def handle(self, event: Mapping[str, object]) -> Decision | None:
        kind = str(event["kind"])
        at = cast("float", event["at"])
        now = Happening(kind, self._phase)
        self._take_clock(at)
        self._take_duration(_number(event.get("duration")))
        position = _number(event.get("position"))
        position = self.within_duration(position)
        decision = None
        if kind == "TimeUpdate" and self._seek is not None and not self._seek_timed_out():
            self._move(cast("float", position))  # 3.3: only moves the playhead, yields nothing
        else:
            self._player(now, position)
            self._settle(now)
            self._collect(now)
            decision = self._decide(now, at)
        if kind == "Emptied":
            self._drop_media()
        self._take_rate(_number(event.get("rate")))
        return decision

    def _player(self, now: Happening, position: float | None) -> None:
        match now.kind:
            case "Seeking":
                self._seeking(now, cast("float", position))
            case "Seeked":
                self._seeked(now, cast("float", position))
            case "TimeUpdate" if self._seek is not None:  # 3.3: counts as the Seeked
                self._seeked(now, cast("float", position))
            case "TimeUpdate" if self._phase == ENDED:
                self._update_in_ended(now, cast("float", position))
            case "TimeUpdate":
                interval = self._now - self._position_time
                self._report(now, cast("float", position))
                self._update_interval = interval
            case "Play":
                if self._seek is None:  # 3.3
                    self._report(now, cast("float", position))
                self._play()
            case "Pause":
                if self._seek is None and self._phase not in (IDLE, ENDED):  # 3.3, 3.6
                    self._report(now, cast("float", position))
                self._pause()
            case "Unload" | "Complete" | "Emptied":
                outside = self._seek is None and self._phase not in (IDLE, ENDED)
                if position is not None and outside:  # 3.3, 3.6
                    self._report(now, position)
                if now.kind != "Complete":
                    self._undo_teardown()
                else:
                    now.reasons.add("complete")
            case "Ended":
                self._end(now, position)
            case _:  # MediaInfo, Tick
                pass
        if now.reported or now.landed:  # read: a teardown's 0 has been undone by now (4.8)
            self._came_to(self._position)

    # ---------------------------------------------------------------- 2: clock, duration, rate

    def _take_clock(self, at: float) -> None:
        if self._at is not None:  # 2.5: the sum of the forward differences
            self._now += max(0.0, at - self._at)
        self._at = at

    def _take_duration(self, duration: float | None) -> None:
        if duration is None or math.isnan(duration) or duration <= 0:
            return  # 2.3: no information
        known = self._known_duration
        number = not math.isinf(duration)
        if known is not None and number and (math.isinf(known) or abs(duration - known) > 0.25):
            self._unsettled_since = self._now  # 4.12
        self._known_duration = duration  # 2.4: the playhead stays

    def within_duration(self, position: float | None) -> float | None:  # 2.4
        if position is None or self.duration is None:
            return position
        return min(position, self.duration)

    def _unsettled(self) -> bool:  # 4.12
        return self._unsettled_since is not None and self._now - self._unsettled_since < 10

    def _take_rate(self, rate: float | None) -> None:
        if rate is not None and math.isfinite(rate) and rate > 0:  # 2.3
            self._rate = rate
            self._rates.add(rate)

    def _report_taken(self) -> None:  # 2.3: outside a seek
        self._rates = set() if self._rate is None else {self._rate}

    # ---------------------------------------------------------------- 3: the playhead

    def _move(self, position: float) -> None:
        self._position = position
        self._position_time = self._now

    def _expected(self) -> float:  # 3.4
        expected = self._position
        if self._phase == PLAYING:
            elapsed = min(self._now - self._position_time, max(1.0, 2 * self._update_interval))
            expected += elapsed * (self._rate or 1.0)
        return expected if self.duration is None else min(expected, self.duration)

    def _is_jump(self, old: float, new: float, since: float) -> bool:  # 3.5
        elapsed = self._now - since
        rate = max(1.0, *self._rates) if self._rates else 16.0
        return new < old - 1 or new > old + elapsed * rate + 1

    def _is_far(self, origin: float, landing: float) -> bool:  # §1 seek_threshold
        return abs(landing - origin) > self.seek_threshold + 0.5

    def _is_wrap(self, origin: float, landing: float) -> bool:  # 4.6
        if self.duration is None or (self._unsettled() and not self._completed):
            return False
        near = max(1.0, (self._rate or 1.0) / 2)
        return origin >= self.duration - near and landing <= near

    def _report(self, now: Happening, new: float) -> None:
        """A position told outside a seek, where it counts."""
        old, origin = self._position, self._expected()
        jump = self._is_jump(old, new, self._position_time)
        if jump:
            self._jumped(now, origin, new)
        elif self._phase == PLAYING:
            self._play_step(now, old, new)
        self._report_taken()
        self._move(new)
        now.reported = True
        if self._phase in (IDLE, PAUSED):
            self._advance(new, jump, now.kind == "TimeUpdate")

    def _jumped(self, now: Happening, origin: float, new: float) -> None:
        self._start_run(new)  # 3.5: jumps are never played
        if self._phase not in (PLAYING, PAUSED):
            return
        told_by_update = now.kind == "TimeUpdate"
        wrap = told_by_update and self._phase == PLAYING and self._is_wrap(origin, new)
        far = self._is_far(origin, new)
        if told_by_update and far:
            self._settle_old(now)  # 4.7: told by others it continues the open gesture
        elif wrap and self._gesture_is_due():
            self._close_gesture(now)  # no seek: this event settles, and then finds none open
        if wrap and self._gesture is None:
            now.looped = True
            return
        if far:  # 3.5: an unannounced seek
            self._land(origin, new, leapt_from=origin)
        self._jump = Jump(origin, new, self._now)

    def _play_step(self, now: Happening, old: float, new: float) -> None:
        """3.7, 4.5, 4.8: a continuous step while PLAYING."""
        self._extend_run(new)
        if new <= old:
            return
        self._unsaved_played += new - old
        self._protected_played += new - old
        now.reached_end = self.duration is not None and new >= self.duration

    def _start_run(self, position: float | None = None) -> None:
        """3.7: read: a run begins wherever the playhead is set while PLAYING."""
        position = self._position if position is None else position
        playing = self._phase == PLAYING and self._seek is None
        self._run = (position, position) if playing else None

    def _extend_run(self, position: float) -> None:  # 3.7
        low, high = self._run or (position, position)
        self._run = low, high = min(low, position), max(high, position)
        self._played.update(range(math.ceil(low), math.floor(high)))  # [n, n+1) covered

    def _advance(self, new: float, jump: bool, update: bool) -> None:
        """3.6: `TimeUpdate`s that advance 1 s in all count as `Play`."""
        if self._advance_from is None:
            if update:
                self._advance_from = new
        elif jump or new < self._advance_from:
            self._advance_from = new
        elif update and new - self._advance_from >= 1:
            self._move(new)  # matters in ENDED only
            self._play()

    def _update_in_ended(self, now: Happening, new: float) -> None:  # 3.6
        jump = True
        if self._ended_update is not None:
            last, since = self._ended_update
            jump = self._is_jump(last, new, since)
        self._ended_update = new, self._now
        self._report_taken()
        if jump:
            self._advance_from = new
        self._advance(new, jump, True)
        now.reported = self._phase == PLAYING

    def _play(self) -> None:  # 3.2
        near = abs(self._position - self._stopped) <= 1
        was, self._phase = self._phase, PLAYING
        if was == PAUSED and near and self._run is not None:
            self._extend_run(self._position)  # 3.7: such a pause does not break the run
        elif was != PLAYING:
            self._start_run()
        self._advance_from = None
        self._ended_update = None

    def _pause(self) -> None:  # 3.2
        if self._phase != PLAYING:
            return
        self._phase = PAUSED
        self._paused_at = self._now
        self._pause_shown = False
        self._stopped = self._position
        self._advance_from = self._position  # 3.6

    def _end(self, now: Happening, own: float | None) -> None:
        if self._phase == IDLE or (self._phase == ENDED and not self._seek_since_ended):
            now.kind = "Ignored"  # 3.2
            return
        end = self.duration if self.duration is not None else own
        if end is None:  # §2: the last known one
            end = self._position
        origin, leapt_from = self._expected(), None
        jump = self._is_jump(self._position, end, self._position_time)
        if self._gesture is not None:  # 4.5, the exception
            leapt_from = self._gesture.leapt_from
        elif self._seek is None and self._phase in (PLAYING, PAUSED):
            leapt_from = origin if jump and self._is_far(origin, end) else None
        played = self._phase == PLAYING and self._seek is None and not jump
        if played and leapt_from is None:  # read: nothing of a leap to the end was played
            self._play_step(now, self._position, end)
        now.reached_end = False  # `Ended` completes by itself or not at all
        now.dropped = self._seek is not None or self._gesture is not None
        self._seek = self._gesture = self._run = None  # 3.2, 4.7
        self._phase = ENDED
        self._seek_since_ended = False
        self._report_taken()  # 2.3: read: what ends a seek is outside it
        self._advance_from = self._ended_update = None
        self._move(end if leapt_from is None else leapt_from)
        if leapt_from is None:
            now.reasons.add("ended")

    def _undo_teardown(self) -> None:  # 4.8
        if self._phase != IDLE and self._position < 1:
            began = self._gesture or self._seek
            if began is not None:
                self._move(began.origin)
                self._start_run()  # nobody played from 0 to there

    def _drop_media(self) -> None:  # 3.2
        self._phase = IDLE
        self._position = self._saved
        self._seek = self._gesture = self._jump = self._run = None
        self._advance_from = self._ended_update = None
        self._waiting.clear()
        self._protect()  # 4.11

    # ---------------------------------------------------------------- 3.3, 4.7: seeks and gestures

    def _seek_timed_out(self) -> bool:  # 3.3
        return self._seek is not None and self._now - self._seek.last_seeking > 2

    def _begin_seek(self, now: Happening, origin: float) -> None:
        self._settle_old(now)
        self._seek = Seek(origin, self._phase, self._now)
        self._run = None
        if self._phase == ENDED:
            self._seek_since_ended = True

    def _seeking(self, now: Happening, position: float) -> None:
        if self._seek is None:
            origin, jump = self._expected(), self._jump
            if jump and self._now - jump.time <= 2 and abs(position - jump.landing) <= 1:
                origin = jump.origin  # 3.5: the jump's announcement
                gesture = self._gesture
                if gesture and (gesture.landed, gesture.landing) == (jump.time, jump.landing):
                    gesture.leapt_from = None
            self._begin_seek(now, origin)
        if self._seek is not None:
            self._seek.last_seeking = self._now
        self._move(position)

    def _seeked(self, now: Happening, position: float) -> None:
        if self._seek is None:  # a Seeked alone: begins and lands here
            self._begin_seek(now, self._expected())
        seek, self._seek = cast("Seek", self._seek), None
        now.landed = True
        self._move(position)
        self._start_run()
        if self._phase != PLAYING:
            self._advance_from = position  # 3.6
        if seek.phase == IDLE:
            now.resume_landed = True  # 4.1: the application's, opens no gesture
        elif (
            seek.phase == self._phase == PLAYING
            and self._gesture is None
            and self._is_wrap(seek.origin, position)
        ):
            now.looped = True  # 4.6
        else:
            self._land(seek.origin, position, leapt_from=None)

    def _land(self, origin: float, landing: float, leapt_from: float | None) -> None:
        """4.7: opens a gesture, or continues the open one (what was due is settled already)."""
        if self._gesture is None:
            self._gesture = Gesture(origin, self._now, landing, self._now, leapt_from)
        else:
            self._gesture.landing = landing
            self._gesture.landed = self._now
            self._gesture.leapt_from = leapt_from

    def _gesture_due_at(self, gesture: Gesture) -> float:
        return min(gesture.landed + self.seek_settle, gesture.began + 30)

    def _gesture_is_due(self) -> bool:
        gesture = self._gesture
        return gesture is not None and (
            self._now - gesture.landed >= self.seek_settle or self._now - gesture.began >= 30
        )

    def _close_gesture(self, now: Happening) -> None:
        gesture = cast("Gesture", self._gesture)
        self._gesture = None
        now.settled = True
        if self._is_far(gesture.origin, gesture.landing):
            now.reasons.add("seek")
            if gesture.landing >= 1:
                self._protected = None  # 4.11

    def _settle(self, now: Happening) -> None:  # 4.7
        if now.kind in ("Unload", "Complete", "Emptied") or self._seek is not None:
            return
        if self._gesture_is_due():
            self._close_gesture(now)
            now.position = now.protected = None  # with this event's position

    def _settle_old(self, now: Happening) -> None:
        """4.7: a new seek first settles the old gesture, with the last position."""
        if self._gesture_is_due():
            self._close_gesture(now)
            self._check_early_completion(now)  # they waited for the gesture only
            self._check_milestones(now)
            self._check_checkpoint(now)
            if now.reasons or self._waiting:  # read: what is held may go out with it (4.10)
                now.position = self._position
                now.protected = self._is_protected()

    # ---------------------------------------------------------------- 4: reasons

    def _collect(self, now: Happening) -> None:
        if now.was == IDLE and self._phase == IDLE:  # 4.1
            if "complete" in now.reasons:
                self._complete(now)
            return
        quiet = self._seek is None and self._gesture is None
        if now.kind in ("Unload", "Emptied"):
            now.reasons.add("unload")
        at_seek = now.landed and not (now.settled or now.resume_landed)
        reached = quiet and now.kind != "Seeking" and not at_seek
        if "complete" in now.reasons:  # 4.5
            self._complete(now)
        elif "ended" in now.reasons:  # 4.5, 4.15
            if not self.by_playing or self._is_enough():
                self._complete(now)
        elif now.looped and not self._completed:  # 4.6, 4.15
            if not self.by_playing or self._is_enough():
                self._complete(now)
                now.position = self.duration
        elif now.reached_end and quiet and not self._unsettled() and not self.by_playing:
            self._complete(now)  # 4.5, 4.12
        elif reached and now.kind != "Ended":
            self._check_early_completion(now)
        if quiet and now.kind != "Seeking":
            counts = now.kind != "Ended" or (self.by_playing and "ended" in now.reasons)
            if not at_seek and counts:  # 4.4, 4.15
                self._check_milestones(now)
            self._check_checkpoint(now)
        self._check_pause(now, quiet and not now.dropped)  # read: it waited, and is over

    def _check_milestones(self, now: Happening) -> None:  # 4.4
        if self.duration is None or self._unsettled():  # 4.13, 4.12
            return
        if PLAYING not in (now.was, self._phase) and "ended" not in now.reasons:
            return
        for milestone in self.milestones:
            if milestone > self._highest and self._is_reached(milestone):
                self._highest = self._new_milestone = milestone
                now.reasons.add("milestone")

    def _is_reached(self, percent: float) -> bool:  # 4.4, 4.15
        duration = cast("float", self.duration)
        if not self.by_playing:
            return self._position >= percent * duration / 100
        seconds = math.floor(duration)
        return seconds > 0 and min(len(self._played), seconds) >= percent * seconds / 100

    def _is_enough(self) -> bool:
        """4.15: by percent, or by what is left."""
        if self.duration is None:
            return False
        percent = self.completion_percent
        if percent is None:
            percent = 95 if self.by_playing else 100
        if self._is_reached(percent):
            return True
        length = float(math.floor(self.duration)) if self.by_playing else self.duration
        done = len(self._played) if self.by_playing else self._position
        little_left = self.seconds_left is not None and done >= length - self.seconds_left
        return length > 0 and little_left and self._is_reached(self.least_percent)

    def _check_early_completion(self, now: Happening) -> None:  # 4.15
        if self.duration is None or self._unsettled():
            return
        if PLAYING not in (now.was, self._phase):
            return
        early = self.completion_percent not in (None, 100) or self.seconds_left is not None
        if (self.by_playing or early) and not self._completed and self._is_enough():
            self._complete(now)

    def _complete(self, now: Happening) -> None:  # 4.5: once
        if self._completed:
            return
        self._completed = now.completed = True
        now.reasons.add("completion")
        if self._highest < 100:
            self._highest = self._new_milestone = 100.0

    def _check_pause(self, now: Happening, quiet: bool) -> None:  # 4.8
        if PAUSED not in (now.was, self._phase) or self._pause_shown or now.kind == "Seeking":
            return
        resumed = self._phase == PLAYING
        if self._now - self._paused_at >= self.pause_threshold and (quiet or resumed):
            self._pause_shown = True
            now.reasons.add("pause")

    def _check_checkpoint(self, now: Happening) -> None:  # 4.8
        if self.max_unsaved is not None and self._unsaved_played >= self.max_unsaved - 0.001:
            now.reasons.add("checkpoint")

    def _protect(self) -> None:  # 4.11
        self._protected = self._saved if self._saved >= 1 else None
        self._protected_played = 0.0

    def _came_to(self, position: float) -> None:  # 4.11
        if self._protected is not None and abs(position - self._protected) <= 2:
            self._protected = None

    def _is_protected(self) -> bool:
        return self._protected is not None and self._protected_played < 10

    # ---------------------------------------------------------------- 4: the decision

    def _may_act(self, now: Happening, reason: str) -> bool:  # 4.10
        if reason not in ("seek", "pause"):
            return True
        last = self._last_seek_or_pause
        if last is not None and self._now - last < self.min_save_interval:
            return False
        return reason in now.reasons or now.kind != "Seeking"

    def _has_news(self, now: Happening, position: float) -> bool:
        if now.completed:
            return True
        protected = self._is_protected() if now.protected is None else now.protected
        if position < 1 or protected:  # 4.3, 4.11
            return False
        return abs(position - self._saved) >= 1 or self._new_milestone is not None  # 4.2

    def _decide(self, now: Happening, at: float) -> Decision | None:
        now.reasons &= set(ORDER)
        reasons = self._waiting | now.reasons
        actable = [r for r in ORDER if r in reasons and self._may_act(now, r)]
        if not actable:
            self._waiting = reasons
            return None
        self._waiting = set()  # 4: all reasons are spent
        position = self._position if now.position is None else now.position
        if not self._has_news(now, position):
            return None
        decision = Decision(
            at=at,
            trigger=actable[0],
            position=position,
            duration=self.duration,
            percent=None if self.duration is None else min(100.0, 100 * position / self.duration),
            milestone=self._new_milestone,
            last_milestone=self._highest,
            completed=self._completed,
        )
        self._saved = position
        self._new_milestone = None
        self._unsaved_played = 0.0
        self._last_save = self._now
        if decision.trigger in ("seek", "pause"):
            self._last_seek_or_pause = self._now
        return decision


class IntervalOracle(Oracle):
    """§8: the legacy mode; what the player does is the same, the reasons are others."""

    @property
    def deadline(self) -> float | None:
        return None  # no reason here comes with time alone

    def _protect(self) -> None:
        self._protected = None  # nor is 4.11

    def _collect(self, now: Happening) -> None:
        ended = {"ended", "complete"} & now.reasons
        now.reasons &= {"interval"}  # from before a new seek (4.7), then with that position
        if now.position is None or not self._has_news(now, now.position):
            now.reasons.clear()  # spent before the new seek
        if not now.reasons:
            now.position = None
        if ended:
            self._complete(now)
            now.reasons.add("completion")  # each Ended and Complete saves, if there is news
        if now.was == IDLE and self._phase == IDLE:  # 4.1
            return
        at_seek = now.landed and not (now.settled or now.resume_landed)
        quiet = self._seek is None and self._gesture is None
        if quiet and now.kind not in ("Seeking", "Ended") and not at_seek:
            milestones = Happening(now.kind, now.was)
            self._check_milestones(milestones)  # reached, but they cause no save
        if now.was == PLAYING and self._phase == PAUSED:
            last = self._last_save
            if last is None or self._now - last >= self.pause_debounce:
                now.reasons.add("pause")
        if self._seek is None:
            self._check_checkpoint(now)

    def _check_checkpoint(self, now: Happening) -> None:  # what §8 has in its place
        if self._unsaved_played >= self.interval - 0.001:
            now.reasons.add("interval")

    def _may_act(self, now: Happening, reason: str) -> bool:
        return True
