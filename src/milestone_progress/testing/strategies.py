"""Hypothesis strategies: events, viewings, policies, wire forms and saved states.

From the orderly to the hostile:

- `viewings`: whole viewings as a browser reports them,
- `disordered_viewings`: the same after a bad network, a wrong clock and a careless integration,
- `events`, `hostile_events`: single events, to be made into lists (``st.lists(hostile_events())``),
- `wire_events`, `hostile_json`: what arrives as JSON, right and wrong,
- `save_policies`, `interval_policies`, `saved_states`: what a tracker is made with.

``exact=True`` draws sums of few powers of two only, so that no sum or product of them is rounded
and a model may be compared by equality. It needs Hypothesis; no other part of the library does.
"""

from collections.abc import Callable, Collection, Iterable
from math import inf, isfinite, nan
from types import MappingProxyType
from typing import Any, get_args

from attrs import evolve, fields_dict, frozen
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .._events import WIRE_TYPES, Event, MediaInfo, Play, Seeked, Seeking
from .._numbers import LARGEST
from .._policy import IntervalPolicy, SavePolicy
from ..simulator import Player

__all__ = [
    "EVENT_KINDS",
    "Saved",
    "disordered_viewings",
    "events",
    "hostile_events",
    "hostile_json",
    "interval_policies",
    "save_policies",
    "saved_states",
    "viewings",
    "wire_events",
]

#: The classes of events, all of them.
EVENT_KINDS: tuple[type[Event], ...] = get_args(Event)

# When the drawn events happen, Unix seconds: within a day from here.
_START = 1_700_000_000
_DAY = 86_400
# The longest ordinary media, seconds.
_LONGEST = 7_200
# Exact numbers are multiples of this.
_GRAIN = 1 / 64
# The longest media of a viewing, in intervals between two reports.
_MOST_REPORTS = 100


@frozen(kw_only=True)
class Saved:
    """What was saved before: as much of a record as a tracker reads.

    Attributes:
        position: Where to resume, seconds of media.
        duration: Length of the media, seconds, None if unknown.
        milestone: Highest milestone reached, percent 0-100, 0 if none.
        completed: Whether the media was ever completed.
    """

    position: float
    duration: float | None
    milestone: float
    completed: bool


# Single events


def events(
    *, kinds: Collection[type[Event]] = EVENT_KINDS, exact: bool = False
) -> SearchStrategy[Event]:
    """Draw events with ordinary values: within a day, of media of up to two hours.

    Args:
        kinds: The classes to draw from.
        exact: Whether all numbers are multiples of 1/64.
    """
    return _events(
        kinds,
        at=_numbers(_START, _START + _DAY, exact=exact),
        position=_numbers(0, _LONGEST, exact=exact),
        duration=st.none() | st.just(inf) | _numbers(1, _LONGEST, exact=exact),
        rate=st.none() | _rates(exact=exact),
    )


def hostile_events(*, kinds: Collection[type[Event]] = EVENT_KINDS) -> SearchStrategy[Event]:
    """Draw events that can be built, with values that nobody wants.

    Clocks stand still, run backwards and leap by centuries; positions lie on, around and far
    beyond the durations; durations and rates say nothing or the impossible. The same few values
    come again and again, for it is in lists of them that they hurt.

    Args:
        kinds: The classes to draw from.
    """
    # Around the ends and thresholds of a media of 100 s, which is among the durations.
    around = (0.0, 0.5, 1.0, 9.5, 10.0, 49.0, 50.0, 94.75, 99.0, 99.5, 100.0, 100.25, 101.0)
    return _events(
        kinds,
        at=st.sampled_from([_START + second for second in (0, 0.25, 1, 2, 3, 31, 32, -1, -_DAY)])
        | st.sampled_from([0.0, -LARGEST, LARGEST, 1e-300])
        | st.floats(-LARGEST, LARGEST),
        position=st.sampled_from(around)
        | st.sampled_from([5e-324, 1e7, LARGEST])
        | st.floats(0, LARGEST),
        duration=st.sampled_from([None, 100.0, 100.25, 50.0, 60.0])
        | st.sampled_from([inf, nan, 0.0, -1.0, -inf, 5e-324, 0.5, LARGEST])
        | st.floats(max_value=LARGEST),
        rate=st.sampled_from([None, 1.0, 2.0, 16.0])
        | st.sampled_from([0.0, -1.0, nan, inf, 5e-324, LARGEST])
        | st.floats(max_value=LARGEST),
    )


def _events(
    kinds: Collection[type[Event]],
    *,
    at: SearchStrategy[float],
    position: SearchStrategy[float],
    duration: SearchStrategy[float | None],
    rate: SearchStrategy[float | None],
) -> SearchStrategy[Event]:
    def of_kind(kind: type[Event]) -> SearchStrategy[Event]:
        # Read off the class, so that a new kind of event is drawn from the day it exists.
        fields: dict[str, SearchStrategy[Any]] = {"at": at, "duration": duration, "rate": rate}
        if "position" in (known := fields_dict(kind)):
            can_lack_it = known["position"].default is None
            fields["position"] = st.none() | position if can_lack_it else position
        return st.builds(kind, **fields)

    return st.one_of([of_kind(kind) for kind in kinds])


def _numbers(lowest: float, highest: float, *, exact: bool) -> SearchStrategy[float]:
    if not exact:
        return st.floats(lowest, highest)
    grains = st.integers(int(lowest / _GRAIN), int(highest / _GRAIN))
    return grains.map(lambda count: count * _GRAIN)


def _rates(*, exact: bool) -> SearchStrategy[float]:
    usual = st.sampled_from([1.0, 2.0, 0.5, 4.0, 16.0])
    return usual if exact else usual | st.floats(0.25, 4)


# Whole viewings


def viewings(*, max_acts: int = 12, exact: bool = False) -> SearchStrategy[list[Event]]:
    """Draw whole viewings: a few acts of a viewer, and all the events of them in browser order.

    The acts are those of `milestone_progress.simulator.Player`; the media is up to 100 reports
    long, one report standing for 0.25 to 16 seconds. What a failing test prints contains the
    script, ready to be pasted.

    Args:
        max_acts: How many acts there are at most, at least one.
        exact: Whether positions are multiples of 1/64 and times of 1/1024.
    """
    # In intervals; half a one more, so that the end does not always fall on a report.
    whole = st.integers(1, _MOST_REPORTS)
    length = whole | whole.map(lambda reports: reports + 0.5) | st.sampled_from([None, inf])
    return st.builds(
        _viewing,
        interval=st.sampled_from([1.0, 0.25, 4.0, 16.0]),
        length=length,
        at=_numbers(_START, _START + _DAY, exact=exact),
        loop=st.booleans(),
        random=st.none() if exact else st.none() | st.integers(0, 255),
        acts=st.lists(_acts(exact=exact), min_size=1, max_size=max_acts),
        exact=st.just(exact),
    )


def disordered_viewings(
    *, max_acts: int = 12, max_faults: int = 6, exact: bool = False
) -> SearchStrategy[list[Event]]:
    """Draw viewings of which events were lost, delayed or repeated, or whose clock was changed.

    Or of which a kind of event was never sent: `Seeking`, `Seeked`, `Play`, or a duration with
    anything but `MediaInfo`.

    Args:
        max_acts: How many acts there are at most.
        max_faults: How many faults there are at most, at least one.
        exact: As for `viewings`.
    """
    faults = st.lists(_faults(exact=exact), min_size=1, max_size=max_faults)
    return st.builds(_disordered, viewings(max_acts=max_acts, exact=exact), faults)


# The name of a method of `Player`, and how much of it: shares, counts or seconds.
_Act = tuple[str, tuple[float, ...]]


def _acts(*, exact: bool) -> SearchStrategy[_Act]:
    share = _numbers(0, 1, exact=exact)
    # In intervals: so a viewing has hundreds of events whatever the media's length.
    intervals: SearchStrategy[float] = st.integers(1, 40)
    if not exact:
        intervals |= st.floats(1, 40)

    def act(name: str, *amounts: SearchStrategy[float]) -> SearchStrategy[_Act]:
        return st.tuples(st.just(name), st.tuples(*amounts))

    # The likelier, the more often it stands here; the plainest first.
    return st.one_of(
        act("play_for", intervals),
        act("play_for", intervals),
        act("pause", st.sampled_from([31.0, 5.0]) | _numbers(0, 120, exact=exact)),
        act("seek", share),
        act("pause", st.just(31.0)),
        act("play_for", intervals),
        act("skip", st.sampled_from([10.0, -10.0, 30.0, -30.0, 1.0])),
        act("play_to_end"),
        act("scrub", st.sampled_from([0.125, 0.5, 0.015625]), share, share, share),
        act("play"),
        act("hide"),
        act("show"),
        act("tick"),
        act("stall", st.sampled_from([0.015625, 0.5]) | _numbers(0, 30, exact=exact)),
        act("sleep", _numbers(0, _LONGEST, exact=exact)),
        act("set_rate", _rates(exact=exact)),
        act("learn_duration", intervals),
        act("switch_source", intervals),
        act("mark_complete"),
        act("close"),
    )


def _viewing(
    *,
    interval: float,
    length: float | None,
    at: float,
    loop: bool,
    random: int | None,
    acts: list[_Act],
    exact: bool,
) -> list[Event]:
    duration = None if length is None else length * interval
    player = Player(duration=duration, at=at, interval=interval, loop=loop, random=random)
    script = (
        f"Player(duration={_written(duration)}, at={at!r}, interval={interval!r}, "
        f"loop={loop!r}, random={random!r})"
    )
    for act in acts:
        name, arguments, options = _call(player, interval, act, exact)
        getattr(player, name)(*arguments, **options)
        told = [*map(repr, arguments), *(f"{key}={value!r}" for key, value in options.items())]
        script += f".{name}({', '.join(told)})"
    note(script)
    return list(player)


def _written(duration: float | None) -> str:
    return 'float("inf")' if duration == inf else repr(duration)


def _call(
    player: Player, interval: float, act: _Act, exact: bool
) -> tuple[str, tuple[float, ...], dict[str, float]]:
    """Return the call of a player's method that an act amounts to, given where the player is."""
    name, amounts = act
    duration = player.duration
    is_finite = duration is not None and isfinite(duration)
    reach = duration if duration is not None and is_finite else _MOST_REPORTS * interval

    def part(share: float) -> float:
        # A product has as many digits as both factors together: exact ones are cut back.
        return share * reach // _GRAIN * _GRAIN if exact else share * reach

    match name, amounts:
        case "play_for" | "switch_source", (intervals,):
            return name, (intervals * interval,), {}
        case "learn_duration", (intervals,):
            # Never shorter than what was played.
            return name, (player.position + intervals * interval,), {}
        case "seek", (share,):
            return name, (part(share),), {}
        case "skip", (seconds,):
            return "seek", (max(0.0, player.position + seconds),), {}
        case "scrub", (every, *shares):
            return name, tuple(map(part, shares)), {"every": every}
        case "play_to_end", () if not is_finite:
            return "play", (), {}
        case _:
            return name, amounts, {}


# What went wrong, where (in 256ths of the viewing), and how much of it.
_Fault = tuple[str, int, float]


def _faults(*, exact: bool) -> SearchStrategy[_Fault]:
    places = st.integers(0, 255)
    few = st.integers(1, 8)

    def fault(name: str, amounts: SearchStrategy[float]) -> SearchStrategy[_Fault]:
        return st.tuples(st.just(name), places, amounts)

    return st.one_of(
        fault("lose", few),
        fault("delay", few),
        fault("repeat", few),
        fault("change clock", _numbers(-_DAY, _DAY, exact=exact)),
        fault("change clock", st.sampled_from([-1.0, 1.0, -3600.0, 3600.0])),
        st.sampled_from(list(_OMITTED)).map(lambda name: (name, 0, 0.0)),
    )


#: What a careless integration does to each event: None for sending none.
_OMITTED: MappingProxyType[str, Callable[[Event], Event | None]] = MappingProxyType(
    {
        "no seeking": lambda event: None if isinstance(event, Seeking) else event,
        "no seeked": lambda event: None if isinstance(event, Seeked) else event,
        "no play": lambda event: None if isinstance(event, Play) else event,
        "no duration": lambda event: (
            event if isinstance(event, MediaInfo) else evolve(event, duration=None, rate=None)
        ),
    }
)


def _disordered(viewing: list[Event], faults: Iterable[_Fault]) -> list[Event]:
    result = list(viewing)
    for name, place, amount in faults:
        if name in _OMITTED:
            kept = map(_OMITTED[name], result)
            result = [event for event in kept if event is not None]
        elif result:
            index = place * len(result) // 256
            later = index + int(amount)
            if name == "lose":
                del result[index:later]
            elif name == "delay":
                result.insert(later, result.pop(index))
            elif name == "repeat":
                result.insert(later, result[index])
            else:
                changed = [evolve(event, at=event.at + amount) for event in result[index:]]
                result[index:] = changed
    return result


# What a tracker is made with


def save_policies(*, exact: bool = False) -> SearchStrategy[SavePolicy]:
    """Draw policies of the milestone mode; the default one is the plainest.

    Args:
        exact: Whether all settings are multiples of 1/64.
    """
    return st.just(SavePolicy()) | st.builds(
        SavePolicy,
        milestones=_milestones(exact=exact),
        pause_threshold=_numbers(0, 120, exact=exact),
        seek_threshold=_numbers(0, 60, exact=exact),
        seek_settle=_numbers(0, 10, exact=exact),
        min_save_interval=_numbers(0, 120, exact=exact),
        max_unsaved=st.none() | _numbers(1, 1200, exact=exact),
    )


def interval_policies(*, exact: bool = False) -> SearchStrategy[IntervalPolicy]:
    """Draw policies of the legacy mode; the default one is the plainest.

    Args:
        exact: Whether all settings are multiples of 1/64.
    """
    return st.just(IntervalPolicy()) | st.builds(
        IntervalPolicy,
        interval=_numbers(1, 120, exact=exact),
        pause_debounce=_numbers(0, 30, exact=exact),
        milestones=_milestones(exact=exact),
    )


def saved_states(*, consistent: bool = True, exact: bool = False) -> SearchStrategy[Saved]:
    """Draw what may have been saved before.

    Args:
        consistent: Whether the parts agree as they do in what this library writes: the position
            lies within the duration, completed means a milestone of 100 and the other way round.
            Without it each part is drawn on its own, as a migration of old data may leave them.
        exact: Whether all numbers are multiples of 1/64.
    """
    states = st.builds(
        Saved,
        position=_numbers(0, _LONGEST, exact=exact),
        duration=st.none() | _numbers(1, _LONGEST, exact=exact),
        milestone=st.sampled_from([0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 100.0])
        | _numbers(0, 100, exact=exact),
        completed=st.booleans(),
    )
    return states.map(_made_consistent) if consistent else states


def _made_consistent(state: Saved) -> Saved:
    position, duration, milestone = state.position, state.duration, state.milestone
    return evolve(
        state,
        position=position if duration is None else min(position, duration),
        milestone=100.0 if state.completed else 0.0 if milestone == 100 else milestone,
    )


def _milestones(*, exact: bool) -> SearchStrategy[tuple[float, ...]]:
    percentages = st.integers(1, 99) | _numbers(0.5, 99.5, exact=exact)
    return st.sets(percentages, max_size=10).map(lambda some: (*sorted(some), 100))


# JSON


def wire_events(*, exact: bool = False) -> SearchStrategy[dict[str, Any]]:
    """Draw events in their wire form: JSON objects that `event_from_dict` reads without complaint.

    Among them are events that the library skips, and keys that it ignores.

    Args:
        exact: Whether all numbers are multiples of 1/64.
    """
    at = _numbers(_START, _START + _DAY, exact=exact)
    position = _numbers(0, _LONGEST, exact=exact)
    ignored: dict[str, SearchStrategy[Any]] = {
        "duration": st.sampled_from(["NaN", "Infinity", None, 0])
        | _numbers(1, _LONGEST, exact=exact),
        "rate": st.none() | _rates(exact=exact),
        "paused": st.booleans(),
        "seq": st.integers(0, 1000),
    }

    def named(name: str) -> SearchStrategy[dict[str, Any]]:
        kind = WIRE_TYPES.get(name)
        required: dict[str, SearchStrategy[Any]] = {"type": st.just(name)}
        optional = dict(ignored)
        known = {} if kind is None else fields_dict(kind)
        if "position" in known and known["position"].default is not None:
            required["position"] = position
        else:
            optional["position"] = st.none() | position
        if name == "visibilitychange":
            required["visibility"] = st.sampled_from(["hidden", "visible"])
        # Recordings call it `wall`.
        return st.sampled_from(["at", "wall"]).flatmap(
            lambda clock: st.fixed_dictionaries({**required, clock: at}, optional=optional)
        )

    skipped = ["visibilitychange", "progress", "canplay", "waiting", "volumechange"]
    return st.one_of([named(name) for name in (*WIRE_TYPES, *skipped)])


def hostile_json() -> SearchStrategy[Any]:
    """Draw whatever `json.loads` may return: arbitrary JSON and nearly right events.

    NaN, infinities and integers of hundreds of digits are among it: Python's reader lets them in.
    """
    junk = _json_values()
    broken = st.builds(
        _with_wrong_field,
        wire_events(),
        st.sampled_from(["type", "at", "wall", "position", "duration", "rate", "visibility"]),
        st.none() | junk.map(lambda value: (value,)),
    )
    nearly_right = broken | wire_events()
    return (
        junk
        | broken
        | st.lists(nearly_right | junk, max_size=4)
        | st.fixed_dictionaries({"events": st.lists(nearly_right | junk, max_size=4) | junk})
    )


def _with_wrong_field(event: dict[str, Any], field: str, junk: tuple[Any] | None) -> dict[str, Any]:
    """Return an event with a field replaced, or without it if there is nothing to put there."""
    rest = {key: value for key, value in event.items() if key != field}
    return rest if junk is None else {**rest, field: junk[0]}


def _json_values() -> SearchStrategy[Any]:
    numbers = (
        st.integers()
        | st.floats()
        | st.sampled_from([nan, inf, -inf, -0.0, 1.8e12, 1e300, 10**400, -(10**400)])
    )
    texts = st.text(max_size=20) | st.sampled_from(["NaN", "Infinity", "timeupdate", "\x00", "1"])
    scalars = st.none() | st.booleans() | numbers | texts
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    )
