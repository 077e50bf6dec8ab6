"""The command `stats`: what a deployment's metrics, or its records alone, tell."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence

from ._cli_stores import opened_to_read
from ._counts import LEGACY_INTERVAL, SECONDS_PER_HOUR, Counts
from ._record import ProgressRecord
from .errors import StoreError
from .metrics import Metrics
from .rollout import Arm
from .stores import FallbackStore

__all__ = ["add_stats"]

# Records that are read at most, about a kilobyte each.
MOST_RECORDS = 500_000
UNKNOWN = "unknown"

Figures = dict[str, float | None]


def add_stats(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    stats = commands.add_parser(
        "stats",
        help="show what a deployment saves, and how often",
        description="Show what a deployment saves, and how often: by the metrics that its workers "
        "wrote, or by what its records alone can tell.",
    )
    stats.set_defaults(run=run_stats)
    sources = stats.add_mutually_exclusive_group(required=True)
    sources.add_argument(
        "--metrics",
        action="append",
        metavar="FILE",
        help="what a worker's metrics wrote; may be repeated, files add up",
    )
    sources.add_argument("--store", metavar="URL", help="sqlite:PATH: where the records are")
    stats.add_argument(
        "--namespace", default="default", help='whose part of the store (default: "default")'
    )
    stats.add_argument("--json", action="store_true", help="one object of JSON")


def run_stats(options: argparse.Namespace) -> None:
    """Carry the command out."""
    if options.metrics is not None:
        metrics = Metrics.read(*options.metrics)
        arms = {arm: metrics.counts(arm) for arm in Arm}
        told = {arm: figures_of(arm, counts) for arm, counts in arms.items() if counts != Counts()}
        if options.json:
            print(json.dumps({"arms": told}, allow_nan=False, indent=2))
        elif told:
            print_arms(told)
        else:
            print("nothing was counted so far")
        return
    records = records_of(options.store, options.namespace)
    if options.json:
        print(json.dumps(records_told(records), allow_nan=False, indent=2))
    else:
        print_records(records_told(records))


# By metrics


def figures_of(arm: Arm, counts: Counts) -> Figures:
    """Return what an arm's counts come to; None for what nobody knows."""
    own, other = counts.writes_per_hour, counts.shadow_writes_per_hour
    estimated = None
    if arm is Arm.MILESTONE and other is None and own is not None:
        estimated = SECONDS_PER_HOUR / LEGACY_INTERVAL
    milestone, interval = (own, other) if arm is Arm.MILESTONE else (other, own)
    legacy = interval if estimated is None else estimated
    reduction = None if milestone is None or not legacy else 1 - milestone / legacy
    # Reports do not tell where playing began.
    live = bool(counts.played)
    return {
        "hours": counts.hours,
        "hours_estimated": counts.estimated / SECONDS_PER_HOUR,
        "requests": counts.requests,
        "writes": counts.writes,
        "writes_per_hour": own,
        "milestone_writes_per_hour": milestone,
        "interval_writes_per_hour": interval,
        "interval_writes_per_hour_estimated": estimated,
        "reduction": reduction,
        "resumed": counts.resumed if live else None,
        "started_over": counts.started_over if live else None,
        "resume_accuracy": counts.resume_accuracy,
        "mean_resume_error": counts.mean_resume_error,
        "begun": counts.begun,
        "completed": counts.completed,
        "completion_rate": counts.completion_rate,
        "failed": counts.failed,
        "refused": counts.refused,
        "error_rate": counts.error_rate,
    }


def print_arms(arms: dict[Arm, Figures]) -> None:
    """Print what the arms come to, side by side."""
    columns = []
    about = False
    for figures in arms.values():
        guessed = bool(figures["hours_estimated"])
        estimate = figures["interval_writes_per_hour_estimated"]
        interval = figures["interval_writes_per_hour"] if estimate is None else estimate
        column = {
            "hours played": decimal(figures["hours"], about=guessed),
            "requests": whole(figures["requests"]),
            "writes": whole(figures["writes"]),
            "writes per hour played": decimal(figures["writes_per_hour"], about=guessed),
            "  under the interval mode": decimal(interval, about=estimate is not None or guessed),
            "  under the milestone mode": decimal(
                figures["milestone_writes_per_hour"], about=guessed
            ),
            "  reduction": percent(figures["reduction"], about=estimate is not None or guessed),
            "resumed viewings": whole(figures["resumed"]),
            "  within 2 s of the point": percent(figures["resume_accuracy"]),
            "  mean distance from it": decimal(figures["mean_resume_error"], unit=" s"),
            "started over instead": whole(figures["started_over"]),
            "begun (first milestone)": whole(figures["begun"]),
            "completed": whole(figures["completed"]),
            "  of those begun": percent(figures["completion_rate"]),
            "requests failed": whole(figures["failed"]),
            "  of all": percent(figures["error_rate"], digits=3),
        }
        about = about or any("~" in text for text in column.values())
        columns.append(column)
    print(f"{'arm':<28}" + "".join(f"{arm:>14}" for arm in arms))
    for name in columns[0]:
        print(f"{name:<28}" + "".join(f"{column[name]:>14}" for column in columns))
    if about:
        print("\n~ estimated: hours of reports by how far positions moved on, the interval mode's")
        print("  writes, where no shadow counts them, as one for each 30 s played")


# By records


def records_of(url: str, namespace: str) -> list[ProgressRecord]:
    """Return the records of a store.

    Raises:
        StoreError: The store failed, or cannot list what it holds.
    """
    with opened_to_read(url, namespace) as store:
        if not isinstance(store, FallbackStore):
            raise StoreError(
                f"a {type(store).__name__} cannot list the records of all viewers: "
                "have the recorder count, and use --metrics"
            )
        return store.records(MOST_RECORDS)


def records_told(records: Sequence[ProgressRecord]) -> dict[str, object]:
    """Return what records tell; None for what they cannot."""
    # Reports do not tell what was played; who has got somewhere has played something.
    telling = [record for record in records if record.played]
    hours = sum(record.played.bit_count() for record in telling) / SECONDS_PER_HOUR
    writes = sum(record.revision for record in telling)
    completed = sum(record.completed for record in records)
    highest = Counter(record.milestone for record in records)
    return {
        "records": len(records),
        "all": len(records) < MOST_RECORDS,
        "viewers": len({record.viewer for record in records}),
        "media": len({record.media for record in records}),
        "completed": completed,
        "completion_rate": completed / len(records) if records else None,
        "highest_milestones": {f"{one:g}": highest[one] for one in sorted(highest)},
        "writes": sum(record.revision for record in records),
        "records_with_played": len(telling),
        "hours": hours if telling else None,
        "writes_per_hour": writes / hours if telling else None,
        "interval_writes_per_hour": None,
        "reduction": None,
        "requests": None,
        "resume_accuracy": None,
        "error_rate": None,
    }


def print_records(told: dict[str, object]) -> None:
    """Print what records tell."""
    telling = f"{told['records_with_played']:,} of {told['records']:,} records tell"
    rows = [
        ("records", whole(told["records"]) + ("" if told["all"] else ", and more were not read")),
        ("viewers", whole(told["viewers"])),
        ("media", whole(told["media"])),
        ("completed", whole(told["completed"])),
        ("  of all records", percent(told["completion_rate"])),
        ("writes", whole(told["writes"])),
        ("hours played", f"{decimal(told['hours'])} ({telling})"),
        ("writes per hour played", decimal(told["writes_per_hour"])),
        ("  under the interval mode", UNKNOWN),
        ("requests", UNKNOWN),
        ("resume accuracy", UNKNOWN),
        ("requests failed", UNKNOWN),
    ]
    for name, text in rows:
        print(f"{name:<28}{text}")
    highest = told["highest_milestones"]
    assert isinstance(highest, dict)
    if highest:
        print("\nhighest milestone reached")
    for milestone, count in highest.items():
        name = "none" if milestone == "0" else f"{milestone} %"
        print(f"  {name:>6}{count:>10,}")
    print("\nunknown: only metrics tell, see --metrics")


# How numbers are written


def whole(value: object) -> str:
    """Return a count as people write it."""
    return UNKNOWN if value is None else f"{value:,}"


def decimal(value: object, *, unit: str = "", about: bool = False) -> str:
    """Return a quantity as people write it, marked if it is estimated."""
    return UNKNOWN if value is None else f"{'~' if about else ''}{value:,.1f}{unit}"


def percent(value: object, *, digits: int = 1, about: bool = False) -> str:
    """Return a share 0-1 as a percentage, marked if it is estimated."""
    if value is None:
        return UNKNOWN
    assert isinstance(value, float)
    return f"{'~' if about else ''}{100 * value:.{digits}f} %"
