"""What each figure should be, and where that comes from."""

from collections.abc import Mapping

from attrs import frozen

_ALL_RULES = (
    "the goal of this project for all of its rules together: two closures, or 2.6 where closures "
    "run faster, and methods hardly do, since 3.12"
)
_TOLD = "a fifth of a closure more, for one more comparison"
_AT_ONCE = "the goal of this project: without the calls it is half a closure less"
_NEXT = "only the next milestone is compared with: the same, but for noise"
_MACHINES = "the goal of this project: a general state machine costs that much more at least"


@frozen
class Goal:
    """The bound of a figure: the most it should be, or the least.

    Attributes:
        bound: In the figure's unit.
        reason: Where the bound comes from.
    """

    bound: float
    reason: str


def goals_of(python: str) -> Mapping[tuple[str, str], Goal]:
    """Return the goals of runs on an interpreter, by race and figure as the table names them.

    Args:
        python: The interpreter, as `report.this_python` names it.
    """
    version = tuple(map(int, python.rpartition(" ")[2].split(".")[:2]))
    closures = 2.6 if version >= (3, 12) else 2.0
    return {
        ("viewer-hour", "handle / closure"): Goal(closures, _ALL_RULES),
        ("viewer-hour", "feed / closure"): Goal(1.5, _AT_ONCE),
        ("viewer-hour", "transitions / handle"): Goal(40, _MACHINES),
        ("viewer-hour", "python-statemachine / handle"): Goal(750, _MACHINES),
        ("viewer-hour, a duration on every event", "handle / closure"): Goal(
            round(closures + 0.2, 1), _TOLD
        ),
        ("hour of TimeUpdates only", "handle / closure"): Goal(closures, _ALL_RULES),
        ("hour of TimeUpdates only", "feed / closure"): Goal(1.5, _AT_ONCE),
        ("milestones, none crossed", "100,000 / 7"): Goal(1.5, _NEXT),
        ("milestones, none crossed", "1,000,000 / 7"): Goal(1.5, _NEXT),
        ("seeks in one viewing", "all 10,000 / the first 100"): Goal(
            3.0, "what was played grows by a bit per second, and each seek ends a run of it"
        ),
        ("memory of a tracker", "live"): Goal(
            350, "a prototype held 321 bytes; the events that it keeps are the host's"
        ),
        ("import", "milestone_progress / attrs"): Goal(
            1.6, "attrs is the one dependency, and twenty classes of it bring it to 1.35"
        ),
    }
