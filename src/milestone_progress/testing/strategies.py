"""Hypothesis strategies: events, viewings, policies, wire forms and saved states.

From the orderly to the hostile:

- `viewings`: whole viewings as a browser reports them,
- `disordered_viewings`: the same after a bad network, a wrong clock and a careless integration,
- `events`, `hostile_events`: single events, to be made into lists (``st.lists(hostile_events())``),
- `wire_events`, `hostile_json`: what arrives as JSON, right and wrong,
- `save_policies`, `interval_policies`, `saved_states`: what a tracker is made with,
- `records`: what is stored.

``exact=True`` draws sums of few powers of two only, so that no sum or product of them is rounded
and a model may be compared by equality. It needs Hypothesis; no other part of the library does.
"""

from collections.abc import Collection
from math import inf, nan
from typing import Any, get_args

from attrs import evolve, fields_dict, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .._events import WIRE_TYPES, Event
from .._numbers import LARGEST
from .._played import seconds_within
from .._policy import IntervalPolicy, SavePolicy
from .._record import LARGEST_COUNT, ProgressRecord
from ._ordinary import DAY, LONGEST, START, numbers, rates
from ._viewings import disordered_viewings, viewings

__all__ = [
    "EVENT_KINDS",
    "Saved",
    "disordered_viewings",
    "events",
    "hostile_events",
    "hostile_json",
    "interval_policies",
    "records",
    "save_policies",
    "saved_states",
    "viewings",
    "wire_events",
]

#: The classes of events, all of them.
EVENT_KINDS: tuple[type[Event], ...] = get_args(Event)


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
        at=numbers(START, START + DAY, exact=exact),
        position=numbers(0, LONGEST, exact=exact),
        duration=st.none() | st.just(inf) | numbers(1, LONGEST, exact=exact),
        rate=st.none() | rates(exact=exact),
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
        at=st.sampled_from([START + second for second in (0, 0.25, 1, 2, 3, 31, 32, -1, -DAY)])
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


# What a tracker is made with


def save_policies(*, exact: bool = False) -> SearchStrategy[SavePolicy]:
    """Draw policies of the milestone mode; the default one is the plainest.

    Args:
        exact: Whether all settings are multiples of 1/64.
    """
    return st.just(SavePolicy()) | st.builds(
        SavePolicy,
        milestones=_milestones(exact=exact),
        pause_threshold=numbers(0, 120, exact=exact),
        seek_threshold=numbers(0, 60, exact=exact),
        seek_settle=numbers(0, 10, exact=exact),
        min_save_interval=numbers(0, 120, exact=exact),
        max_unsaved=st.none() | numbers(1, 1200, exact=exact),
        basis=st.sampled_from(["position", "played"]),
        completion_percent=st.none() | numbers(1, 100, exact=exact),
        completion_seconds_left=st.none() | numbers(1, 120, exact=exact),
        completion_least_percent=numbers(1, 100, exact=exact),
    )


def interval_policies(*, exact: bool = False) -> SearchStrategy[IntervalPolicy]:
    """Draw policies of the legacy mode; the default one is the plainest.

    Args:
        exact: Whether all settings are multiples of 1/64.
    """
    return st.just(IntervalPolicy()) | st.builds(
        IntervalPolicy,
        interval=numbers(1, 120, exact=exact),
        pause_debounce=numbers(0, 30, exact=exact),
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
        position=numbers(0, LONGEST, exact=exact),
        duration=st.none() | numbers(1, LONGEST, exact=exact),
        milestone=st.sampled_from([0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 100.0])
        | numbers(0, 100, exact=exact),
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


ANN = st.just("ann")
SESSION_7 = st.just("session-7")


def records(
    *,
    viewers: SearchStrategy[str] = ANN,
    medias: SearchStrategy[str] = SESSION_7,
    hostile: bool = False,
) -> SearchStrategy[ProgressRecord]:
    """Draw records: of one viewer and one media, so that they can be merged, unless told otherwise.

    The same few times and positions come again and again, for it is in ties that merging fails.

    Args:
        viewers: Whose progress.
        medias: In what.
        hostile: Whether fields go to the limits of what they can hold.
    """
    seconds = st.sampled_from([0.0, 4.75, 12.0, 60.0]) | st.floats(0, LONGEST)
    times = st.sampled_from([0.0, START, START + 1]) | st.floats(START, START + DAY)
    counts = st.integers(0, 3)
    milestones = st.sampled_from([0, 10, 25, 50, 99.5, 100])
    if hostile:
        seconds |= st.sampled_from([5e-324, 0.1 + 0.2, LARGEST])
        times |= st.sampled_from([5e-324, LARGEST])
        counts |= st.sampled_from([LARGEST_COUNT - 1, 2**31, 2**32])
        milestones |= st.floats(0, 100)
    return st.builds(
        _record,
        viewer=viewers,
        media=medias,
        position=seconds,
        duration=st.none() | seconds.filter(bool),
        milestone=milestones,
        furthest=seconds,
        completed_at=st.none() | times,
        played=st.lists(st.tuples(st.integers(0, 600), st.integers(1, 60)), max_size=4).map(_union),
        updated_at=times,
        revision=counts,
        generation=st.just(0) | counts,
    )


def _record(*, completed_at: float | None, **values: Any) -> ProgressRecord:
    return ProgressRecord(completed=completed_at is not None, completed_at=completed_at, **values)


def _union(stretches: list[tuple[int, int]]) -> int:
    played = 0
    for start, length in stretches:
        played |= seconds_within(start, start + length)
    return played


def _milestones(*, exact: bool) -> SearchStrategy[tuple[float, ...]]:
    percentages = st.integers(1, 99) | numbers(0.5, 99.5, exact=exact)
    return st.sets(percentages, max_size=10).map(lambda some: (*sorted(some), 100))


# JSON


def wire_events(*, exact: bool = False) -> SearchStrategy[dict[str, Any]]:
    """Draw events in their wire form: JSON objects that `event_from_dict` reads without complaint.

    Among them are events that the library skips, and keys that it ignores.

    Args:
        exact: Whether all numbers are multiples of 1/64.
    """
    at = numbers(START, START + DAY, exact=exact)
    position = numbers(0, LONGEST, exact=exact)
    ignored: dict[str, SearchStrategy[Any]] = {
        "duration": st.sampled_from(["NaN", "Infinity", None, 0])
        | numbers(1, LONGEST, exact=exact),
        "rate": st.none() | rates(exact=exact),
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
