"""Whole viewings: the acts of a viewer, performed by a player, and what may befall their events."""

from collections.abc import Callable, Iterable
from math import inf, isfinite
from types import MappingProxyType

from attrs import evolve
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .._events import Event, MediaInfo, Play, Seeked, Seeking
from ..simulator import Player
from ._ordinary import DAY, GRAIN, LONGEST, START, numbers, rates

__all__ = ["disordered_viewings", "viewings"]

# The longest media of a viewing, in intervals between two reports.
MOST_REPORTS = 100


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
    whole = st.integers(1, MOST_REPORTS)
    length = whole | whole.map(lambda reports: reports + 0.5) | st.sampled_from([None, inf])
    return st.builds(
        _viewing,
        interval=st.sampled_from([1.0, 0.25, 4.0, 16.0]),
        length=length,
        at=numbers(START, START + DAY, exact=exact),
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
    share = numbers(0, 1, exact=exact)
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
        act("pause", st.sampled_from([31.0, 5.0]) | numbers(0, 120, exact=exact)),
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
        act("stall", st.sampled_from([0.015625, 0.5]) | numbers(0, 30, exact=exact)),
        act("sleep", numbers(0, LONGEST, exact=exact)),
        act("set_rate", rates(exact=exact)),
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
    reach = duration if duration is not None and is_finite else MOST_REPORTS * interval

    def part(share: float) -> float:
        # A product has as many digits as both factors together: exact ones are cut back.
        return share * reach // GRAIN * GRAIN if exact else share * reach

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
        fault("change clock", numbers(-DAY, DAY, exact=exact)),
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
