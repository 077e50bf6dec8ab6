"""What simulating costs, beside handling the same events alone."""

from collections.abc import Callable, Mapping

from milestone_progress import IntervalPolicy, IntervalTracker, SavePolicy, Tracker
from milestone_progress.simulator import Audience, Mix, compare
from stopwatch import cpu_time
from viewings import HOUR

VIEWERS = 5


def simulating_times() -> Callable[[], Mapping[str, float]]:
    """Return what measures the nanoseconds of a viewer-hour simulated under both policies."""
    audience = Audience(duration=HOUR, viewers=VIEWERS, mix=Mix(shares={"pauser": 100}), seed=7)
    policies: Mapping[str, SavePolicy | IntervalPolicy] = {
        "milestone": SavePolicy(),
        "interval": IntervalPolicy(),
    }
    hours = compare(audience, policies).viewer_hours
    viewings = [visit.events for index in range(VIEWERS) for visit in audience.visits(index)]

    def replay() -> None:
        for events in viewings:
            for tracker in (Tracker(), IntervalTracker()):
                tracker.feed(events)

    def make() -> None:
        for index in range(VIEWERS):
            audience.visits(index)

    def run() -> Mapping[str, float]:
        laps = {
            "events replayed": replay,
            "events made": make,
            "simulated": lambda: compare(audience, policies),
        }
        return {name: cpu_time(lap) / hours for name, lap in laps.items()}

    return run
