"""The table of `milestone-progress simulate`, of the viewers of a clickstream; of files only."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import apache_beam as beam

from clickstream import Key, from_text, in_order
from milestone_progress import (
    IntervalPolicy,
    InvalidValueError,
    SavePolicy,
    event_from_dict,
    format_time,
)
from milestone_progress.simulator import Comparison, Outcome, Watched, comparison_of, recorded

Policies = Mapping[str, SavePolicy | IntervalPolicy]
# What one viewer came to, by each of the policies.
Outcomes = list[Outcome]

HEAD = """\
           saves per viewer-hour       % fewer     crash costs  % end
           median   mean    p95  worst  (med.)    mean   worst"""


def compared(events: beam.PCollection, policies: Policies) -> beam.PCollection:
    """Return the table of policies that are tried on the same viewers, as a text.

    Args:
        events: With their keys, as `events_of` gives them; each key counts as a viewer.
        policies: By name; one of them is ``"interval"``, the others' measure.
    """
    return (
        events
        | "of each viewer" >> beam.GroupByKey()
        | "try policies" >> beam.FlatMap(partial(outcomes_of, dict(policies)))
        | "all viewers" >> beam.combiners.ToList()
        | "compare" >> beam.Map(partial(table_of, list(policies)))
    )


def outcomes_of(
    policies: Policies, viewer: tuple[Key, Iterable[str]]
) -> Iterator[tuple[Key, Outcomes]]:
    """Yield what policies come to with a viewer; nothing if no time passes in the events."""
    key, texts = viewer
    events = []
    for heard in in_order(one for text in texts for one in from_text(text)):
        event = event_from_dict(heard.event)
        assert event is not None, "others were left out"
        events.append(event)
    try:
        watched = Watched.through(recorded(events))
    except InvalidValueError:
        return
    yield key, [watched.outcome(policy) for policy in policies.values()]


def table_of(names: list[str], viewers: Iterable[tuple[Key, Outcomes]]) -> str:
    """Return the table."""
    # In the same order whoever was done first.
    outcomes = [of_one for _, of_one in sorted(viewers, key=lambda viewer: viewer[0])]
    if not outcomes:
        return "no time passes in these events"
    return as_text(comparison_of(names, outcomes))


def as_text(comparison: Comparison) -> str:
    """Return a comparison as a table."""
    rows = [f"{comparison.viewers:,} viewers, {comparison.viewer_hours:,.1f} viewer-hours", HEAD]
    for name, figures in comparison.policies.items():
        rates = (figures.saves_per_viewer_hour, figures.mean, figures.p95, figures.worst)
        fewer = "" if name == "interval" or figures.fewer is None else f"{figures.fewer:.0f}"
        crash = (figures.lost_at_crash_mean, figures.lost_at_crash_worst)
        rows.append(
            f"{name:<10}"
            + "".join(f"{rate:7.1f}" for rate in rates)
            + f"{fewer:>8}"
            + "".join(f"{format_time(round(seconds)):>8}" for seconds in crash)
            + f"{figures.completed:7.0f}"
        )
    return "\n".join(rows)
