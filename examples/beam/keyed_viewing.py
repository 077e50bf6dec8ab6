"""One viewing as keyed state: what was decided so far, what waits, and for when.

Pure: what is kept of a viewing and what waits go in, what is kept then and the decisions come out,
the same whenever and wherever it is done again. `transforms.py` puts it into an engine.
"""

import json
from collections.abc import Iterable, Iterator
from math import ceil, inf, nextafter
from typing import Self
from uuid import UUID, uuid5

import attrs
from attrs import Factory, define, frozen

from clickstream import Heard, Key, Place, from_text, in_order, to_text
from milestone_progress import (
    IntervalPolicy,
    IntervalTracker,
    ProgressRecord,
    SaveDecision,
    SavePolicy,
    Tick,
    Tracker,
    Unload,
    event_from_dict,
    tracker_for,
)

Json = dict[str, object]

# Of what is kept of a viewing. Whoever changes the form raises it, and teaches `from_text` the old.
VERSION = 1
_POLICY = SavePolicy()
# Any UUID will do, as long as it stays.
DECISIONS = UUID("6f0b6f0e-3c0e-5d2c-9a53-0f5a3d1f7c11")


@frozen(kw_only=True)
class Settings:
    """How viewings are handled.

    Attributes:
        policy: When to save.
        disorder: For how long an event that was received waits for earlier ones, seconds.
        expiry: After how long without an event a viewing is over and forgotten, seconds between
            two of its events.
        live: Whether time that passes decides, too: long pauses as they become long, and what is
            unsaved when a viewing is over. Without it nothing but events does, as in `replay`.
    """

    policy: SavePolicy | IntervalPolicy = _POLICY
    disorder: float = 30.0
    expiry: float = 86_400.0
    live: bool = False


@define(kw_only=True)
class KeyedViewing:
    """A viewing that is going on.

    Attributes:
        key: Whose it is.
        settings: How it is handled.
        tracker: Its tracker.
        generation: That of the record which the tracker started from.
        began_at: When its first event happened, Unix seconds.
        last: Where its last event stands among those of the player.
        at: The ``at`` of that.
        happened_at: When that happened, Unix seconds.
        ordinal: How many decisions there were.
        saved_at: The ``updated_at`` of the last one, -1 if there was none.
    """

    key: Key
    settings: Settings
    tracker: Tracker | IntervalTracker
    generation: int
    began_at: float
    last: Place
    at: float
    happened_at: float
    ordinal: int = 0
    saved_at: float = -1.0

    @classmethod
    def beginning(cls, key: Key, settings: Settings, first: Heard) -> Self:
        """Return a viewing that begins with an event, which is yet to be handled."""
        record = None if first.record is None else ProgressRecord.from_dict(first.record)
        return cls(
            key=key,
            settings=settings,
            tracker=tracker_for(settings.policy, record),
            generation=0 if record is None else record.generation,
            began_at=first.happened_at,
            last=first.place,
            at=-inf,
            happened_at=first.happened_at,
        )

    def to_text(self) -> str:
        """Return all that is kept of it, as JSON."""
        return json.dumps(
            {
                "version": VERSION,
                "snapshot": self.tracker.snapshot(),
                "generation": self.generation,
                "began_at": self.began_at,
                "last": self.last,
                "at": self.at,
                "happened_at": self.happened_at,
                "ordinal": self.ordinal,
                "saved_at": self.saved_at,
            }
        )

    @classmethod
    def from_text(cls, key: Key, settings: Settings, text: str) -> Self:
        """Return the viewing that `to_text` told of."""
        kept = json.loads(text)
        version, snapshot = kept.pop("version"), kept.pop("snapshot")
        if version != VERSION:
            raise ValueError(f"a viewing of version {version}, where {VERSION} can be read")
        policy = settings.policy
        tracker: Tracker | IntervalTracker
        if isinstance(policy, IntervalPolicy):
            tracker = IntervalTracker.restore(snapshot, policy)
        else:
            tracker = Tracker.restore(snapshot, policy)
        last = Place(*kept.pop("last"))
        return cls(key=key, settings=settings, tracker=tracker, last=last, **kept)

    def is_over(self, at: float) -> bool:
        """Whether it is over at a time, Unix seconds, if nothing was heard until then."""
        return at > self.happened_at + self.settings.expiry

    def handle(self, heard: Heard) -> Iterator[Json]:
        """Handle the next event, and yield what is decided."""
        event = event_from_dict(heard.event)
        assert event is not None, "others do not wait"
        yield from self._pass_time(event.at)
        self.last, self.at, self.happened_at = heard.place, event.at, heard.happened_at
        yield from self._decided(self.tracker.handle(event), heard.happened_at)

    def wait_until(self, until: float) -> Iterator[Json]:
        """Let time pass without an event, up to a time, Unix seconds; yield what is decided."""
        yield from self._pass_time(self.at + (until - self.happened_at))

    def leave(self) -> Iterator[Json]:
        """End it, and yield what is decided: if that is allowed to, what is unsaved is saved."""
        if self.settings.live:
            yield from self.wait_until(inf)
            yield from self._decided(self.tracker.handle(Unload(at=self.at)), self.happened_at)

    @property
    def waits_for(self) -> float | None:
        """When time alone leads to something, Unix seconds; None for never."""
        deadline = self.tracker.deadline if self.settings.live else None
        return None if deadline is None else self.happened_at + max(0.0, deadline - self.at)

    def _pass_time(self, before: float) -> Iterator[Json]:
        """Answer each deadline that comes before a reading of the player's clock."""
        if not self.settings.live:
            return
        while (deadline := self.tracker.deadline) is not None and deadline < before:
            happened_at = self.happened_at + max(0.0, deadline - self.at)
            yield from self._decided(self.tracker.handle(Tick(at=deadline)), happened_at)
            if self.tracker.deadline == deadline:
                # With times so large that seconds are rounded away: the next event will tell.
                return

    def _decided(self, decision: SaveDecision | None, happened_at: float) -> Iterator[Json]:
        if decision is None:
            return
        viewer, media, player = self.key
        # A later decision is newer, even if a clock says otherwise.
        self.saved_at = max(happened_at, nextafter(self.saved_at, inf))
        record = ProgressRecord.from_decision(
            decision,
            viewer=viewer,
            media=media,
            received_at=self.saved_at,
            played=self.tracker.played,
            generation=self.generation,
        )
        name = [*self.key, self.generation, self.began_at, self.ordinal]
        yield {
            "id": str(uuid5(DECISIONS, json.dumps(name))),
            "viewer": viewer,
            "media": media,
            "player": player,
            "ordinal": self.ordinal,
            "decision": attrs.asdict(decision) | {"trigger": str(decision.trigger)},
            "record": record.to_dict(),
        }
        self.ordinal += 1


@define
class Released:
    """What became of a viewing when the engine's clock had come to a time.

    Attributes:
        viewing: What is kept of it then, None if it is over.
        waiting: The events that still wait.
        decisions: What was decided.
        left_out: The events that came too late, or again.
        wake_at: When to go on, milliseconds since the Unix epoch; None for not at all.
    """

    viewing: str | None
    waiting: list[str] = Factory(list)
    decisions: list[Json] = Factory(list)
    left_out: list[Heard] = Factory(list)
    wake_at: int | None = None


def wake_at(received_at: float, settings: Settings) -> int:
    """Return when an event has its turn, milliseconds since the Unix epoch.

    Whole ones: engines keep no finer times.
    """
    return ceil((received_at + settings.disorder) * 1000)


def release(
    key: Key, settings: Settings, kept: str | None, waiting: Iterable[str], now: int
) -> Released:
    """Handle the events that have their turn.

    Args:
        key: Whose viewing it is.
        settings: How it is handled.
        kept: What is kept of it; None if there is none yet.
        waiting: The events that wait, in any order.
        now: The engine's time, milliseconds since the Unix epoch.
    """
    viewing = None if kept is None else KeyedViewing.from_text(key, settings, kept)
    heard = in_order(one for text in waiting for one in from_text(text))
    done = Released(None)
    turn = 0
    for one in heard:
        if wake_at(one.received_at, settings) > now:
            # Nor have those after it, whenever they were received.
            break
        turn += 1
        if viewing is not None and viewing.is_over(one.happened_at):
            done.decisions += viewing.leave()
            viewing = None
        elif viewing is not None and one.place <= viewing.last:
            done.left_out.append(one)
            continue
        if viewing is None or _began_anew(viewing, one):
            viewing = KeyedViewing.beginning(key, settings, one)
        done.decisions += viewing.handle(one)
    if heard[turn:]:
        done.waiting = [to_text(heard[turn:])]
    if done.waiting:
        # For the last of them, so that not each of them wakes it. Time passes with them.
        done.wake_at = max(wake_at(one.received_at, settings) for one in heard[turn:])
        done.viewing = None if viewing is None else viewing.to_text()
    elif viewing is not None:
        _let_time_pass(viewing, done, now)
    return done


def _began_anew(viewing: KeyedViewing, heard: Heard) -> bool:
    """Whether the viewer has started over and forgotten since the viewing began (5.4)."""
    record = heard.record
    return record is not None and ProgressRecord.from_dict(record).generation > viewing.generation


def _let_time_pass(viewing: KeyedViewing, done: Released, now: int) -> None:
    settings = viewing.settings
    over_at = wake_at(viewing.happened_at + settings.expiry, settings) + 1
    if over_at <= now:
        done.decisions += viewing.leave()
        return
    done.decisions += viewing.wait_until(now / 1000 - settings.disorder)
    done.viewing = viewing.to_text()
    waits_for = viewing.waits_for
    times = [over_at]
    if waits_for is not None:
        # A little later, so that rounding does not make it too early.
        times.append(wake_at(waits_for, settings) + 1)
    # What was to be done by now is done.
    done.wake_at = min(time for time in times if time > now)
