"""The same milestones on two general state machines, in their ordinary documented use.

Both know four states and reach milestones in the callback of an internal transition, the one that
their documentation recommends where the state stays. They judge neither seeks nor pauses, and what
they do not know (`MediaInfo`, `Unload`) is not even sent to them.
"""

from collections.abc import Iterable

from statemachine import State, StateMachine
from transitions import Machine

from milestone_progress import Ended, Event, Pause, Play, Seeked, Seeking, TimeUpdate
from stopwatch import Call

_TRIGGERS: dict[type[Event], str] = {
    TimeUpdate: "timeupdate",
    Seeking: "timeupdate",
    Seeked: "timeupdate",
    Play: "play",
    Pause: "pause",
    Ended: "end",
}


class _Milestones:
    """What both are to do: reach milestones, each once."""

    def __init__(self, milestones: tuple[float, ...], duration: float) -> None:
        self.positions = [milestone * duration / 100 for milestone in milestones]
        self.reached = 0

    def reach(self, position: float) -> None:
        while self.reached < len(self.positions) and position >= self.positions[self.reached]:
            self.reached += 1


class _Viewing(_Milestones):
    """A model for `transitions`."""

    def advance(self, position: float) -> None:
        self.reach(position)


class _ViewingMachine(StateMachine):
    """A machine of `python-statemachine`."""

    idle = State(initial=True)
    playing = State()
    paused = State()
    ended = State()

    play = (
        idle.to(playing) | paused.to(playing) | ended.to(playing) | playing.to.itself(internal=True)
    )
    pause = playing.to(paused)
    end = playing.to(ended) | paused.to(ended)
    timeupdate = playing.to.itself(internal=True, on="advance")

    allow_event_without_transition = True

    def __init__(self, milestones: _Milestones) -> None:
        self.milestones = milestones
        super().__init__()

    def advance(self, position: float) -> None:
        """Reach the milestones up to a position."""
        self.milestones.reach(position)


def transitions_calls(
    events: Iterable[Event], milestones: tuple[float, ...], duration: float
) -> list[Call]:
    """Return the calls that tell a fresh machine of `transitions` of events."""
    viewing = _Viewing(milestones, duration)
    Machine(
        viewing,
        states=["idle", "playing", "paused", "ended"],
        initial="idle",
        transitions=[
            {"trigger": "play", "source": ["idle", "paused", "ended"], "dest": "playing"},
            {"trigger": "play", "source": "playing", "dest": None},
            {"trigger": "pause", "source": "playing", "dest": "paused"},
            {"trigger": "end", "source": ["playing", "paused"], "dest": "ended"},
            {"trigger": "timeupdate", "source": "playing", "dest": None, "after": "advance"},
        ],
        # Callbacks get what the trigger is given, so those of other triggers would, too.
        ignore_invalid_triggers=True,
        auto_transitions=False,
    )
    return _calls(viewing, events)


def statemachine_calls(
    events: Iterable[Event], milestones: tuple[float, ...], duration: float
) -> list[Call]:
    """Return the calls that tell a fresh machine of `python-statemachine` of events."""
    return _calls(_ViewingMachine(_Milestones(milestones, duration)), events)


def _calls(machine: object, events: Iterable[Event]) -> list[Call]:
    # What a machine is sent: its own triggers, already looked up.
    calls = []
    for event in events:
        name = _TRIGGERS.get(type(event))
        position = getattr(event, "position", None)
        if name is not None and position is not None:
            calls.append((getattr(machine, name), position))
    return calls
