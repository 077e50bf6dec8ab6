"""Several policies on the same viewers: what each costs, and what it keeps safe."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from math import ceil, fsum

from attrs import frozen

from ._audience import Audience
from ._outcome import Outcome, Policy, Watched
from ._viewers import Visit

__all__ = ["Comparison", "Figures", "compare", "compare_recordings", "comparison_of"]

HOUR = 3600.0
# Seconds of media: who is offered a point this near is where they left (the metric of accuracy).
AT_ONCE = 2.0
# Viewers that a process works on before it tells of them.
CHUNK = 10


@frozen(kw_only=True)
class Figures:
    """What a policy came to with all viewers.

    Attributes:
        saves_per_viewer_hour: The median over viewers of the saves in an hour of each one's time:
            from the first play to the end of each visit, the time away not counted.
        mean: The mean of the same.
        p95: What 95 % of the viewers do not exceed.
        worst: The highest.
        saves: Saves in all.
        saves_per_hour_in_all: All saves by all hours.
        fewer: By how much the median is below that of the interval mode on the same viewers,
            percent; below 0 if it is above it, None if there is none.
        fewer_in_all: The same of all saves.
        requests: Reports that were sent, repeated and lost ones included.
        lost_at_crash_mean: Distinct media played and not saved if the player crashed now, seconds,
            the mean over all time of playing.
        lost_at_crash_worst: The most of it.
        undecided_worst: The most that was not even decided to be saved, of the viewer who came
            nearest to what the law of bounded loss allows, seconds.
        allowed: What it allows for that viewer, seconds; None for any amount.
        beyond_the_law: The viewers, counted from 0, with more.
        resumed: How often somebody opened a page to go on.
        resume_error_mean: How far the point offered was from the place, seconds of media; None if
            nobody resumed.
        resume_error_p95: What 95 % of them do not exceed.
        resume_error_worst: The most of it.
        resumed_at_once: Percent of them within 2 s.
        completed: Percent of the viewers of whom it is stored that they completed the media.
    """

    saves_per_viewer_hour: float
    mean: float
    p95: float
    worst: float
    saves: int
    saves_per_hour_in_all: float
    fewer: float | None
    fewer_in_all: float | None
    requests: int
    lost_at_crash_mean: float
    lost_at_crash_worst: float
    undecided_worst: float
    allowed: float | None
    beyond_the_law: tuple[int, ...]
    resumed: int
    resume_error_mean: float | None
    resume_error_p95: float | None
    resume_error_worst: float | None
    resumed_at_once: float | None
    completed: float


@frozen(kw_only=True)
class Comparison:
    """What policies came to with the same viewers.

    Attributes:
        viewers: How many there were.
        viewer_hours: Their time, hours.
        policies: The figures by name of the policy.
    """

    viewers: int
    viewer_hours: float
    policies: Mapping[str, Figures]


def compare(
    audience: Audience,
    policies: Mapping[str, Policy],
    *,
    executor: Executor | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Try policies on the same viewers.

    Args:
        audience: Who watches.
        policies: When to save, by name; one of them is ``"interval"``, the others' measure.
        executor: Who does the work, in pieces; None for this thread. The figures are the same.
        progress: Told how many viewers were done since it was told last.
    """
    policies = dict(policies)
    last = audience.viewers
    chunks = [range(start, min(start + CHUNK, last)) for start in range(0, last, CHUNK)]
    work = [(audience, policies, chunk) for chunk in chunks]
    outcomes = []
    for done in map(_outcomes, work) if executor is None else executor.map(_outcomes, work):
        outcomes += done
        progress(len(done))
    return comparison_of(list(policies), outcomes)


def compare_recordings(
    viewers: Sequence[Sequence[Visit]], policies: Mapping[str, Policy]
) -> Comparison:
    """Try policies on recorded viewers, as `recorded` gives them; at least one.

    Args:
        viewers: The visits of each.
        policies: As for `compare`.
    """
    outcomes = []
    for visits in viewers:
        watched = Watched.through(visits)
        outcomes.append([watched.outcome(policy) for policy in policies.values()])
    return comparison_of(list(policies), outcomes)


def _outcomes(work: tuple[Audience, dict[str, Policy], range]) -> list[list[Outcome]]:
    """Return the outcomes of some viewers, for each of them in the order of the policies."""
    audience, policies, indices = work
    return [list(_of_viewer(audience, policies, index)) for index in indices]


def _of_viewer(audience: Audience, policies: dict[str, Policy], index: int) -> Iterator[Outcome]:
    watched = Watched.through(audience.visits(index))
    for policy in policies.values():
        yield watched.outcome(policy, audience.connection(index))


def comparison_of(names: Sequence[str], outcomes: Sequence[Sequence[Outcome]]) -> Comparison:
    """Return what policies came to with all viewers, from what they came to with each.

    Args:
        names: Of the policies; one of them is ``"interval"``, the others' measure.
        outcomes: Of each viewer, at least one, in the order of the names.
    """
    by_policy = dict(zip(names, zip(*outcomes, strict=True), strict=True))
    interval = by_policy["interval"]
    return Comparison(
        viewers=len(outcomes),
        viewer_hours=fsum(one.seconds for one in interval) / HOUR,
        policies={name: _figures(ones, interval) for name, ones in by_policy.items()},
    )


def _figures(outcomes: Sequence[Outcome], interval: Sequence[Outcome]) -> Figures:
    rates = _rates(outcomes)
    hours = fsum(one.seconds for one in outcomes) / HOUR
    playing = fsum(one.risk.playing for one in outcomes)
    errors = sorted(error for one in outcomes for error in one.resume_errors)
    nearest = max(outcomes, key=lambda one: one.undecided - (one.allowed or 0.0))
    saves = sum(one.saves for one in outcomes)
    return Figures(
        saves_per_viewer_hour=_median(rates),
        mean=fsum(rates) / len(rates),
        p95=_p95(rates),
        worst=rates[-1],
        saves=saves,
        saves_per_hour_in_all=saves / hours,
        fewer=_fewer(_median(rates), _median(_rates(interval))),
        fewer_in_all=_fewer(saves, sum(one.saves for one in interval)),
        requests=sum(one.requests for one in outcomes),
        lost_at_crash_mean=fsum(one.risk.seconds for one in outcomes) / playing if playing else 0.0,
        lost_at_crash_worst=max(one.risk.worst for one in outcomes),
        undecided_worst=nearest.undecided,
        allowed=nearest.allowed,
        beyond_the_law=tuple(index for index, one in enumerate(outcomes) if one.breaks_the_law),
        resumed=len(errors),
        resume_error_mean=fsum(errors) / len(errors) if errors else None,
        resume_error_p95=_p95(errors) if errors else None,
        resume_error_worst=errors[-1] if errors else None,
        resumed_at_once=_percent([error <= AT_ONCE for error in errors]) if errors else None,
        completed=_percent([one.completed for one in outcomes]),
    )


def _rates(outcomes: Sequence[Outcome]) -> list[float]:
    return sorted(one.saves * HOUR / one.seconds for one in outcomes)


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _p95(ordered: Sequence[float]) -> float:
    return ordered[ceil(0.95 * len(ordered)) - 1]


def _percent(answers: Sequence[bool]) -> float:
    return 100 * sum(answers) / len(answers)


def _fewer(count: float, of: float) -> float | None:
    return 100 * (1 - count / of) if of else None
