"""What each figure should be, and where that comes from."""

import sys
from collections.abc import Mapping

from attrs import frozen

# What a prototype with all the rules reached before the library was written, and a little more.
# Interpreters since 3.12 run closures faster, and methods hardly.
_CLOSURES = 3.0 if sys.version_info >= (3, 12) else 2.2
_PROTOTYPE = "a prototype with all the rules took 2.1 closures on 3.11 and 2.9 on 3.13"


@frozen
class Goal:
    """The bound of a figure: the most it should be, or the least.

    Attributes:
        bound: In the figure's unit.
        reason: Where the bound comes from.
    """

    bound: float
    reason: str


# By race and figure, as the table names them.
GOALS: Mapping[tuple[str, str], Goal] = {
    ("viewer-hour", "handle / closure"): Goal(_CLOSURES, _PROTOTYPE),
    ("viewer-hour, a duration on every event", "handle / closure"): Goal(
        round(_CLOSURES + 0.2, 1), "one more comparison, a fifth of a closure"
    ),
    ("viewer-hour", "transitions / handle"): Goal(
        35, "it takes 80 closures, we may take 2.2 on 3.11"
    ),
    ("viewer-hour", "python-statemachine / handle"): Goal(
        650, "it takes 1,500 closures, we may take 2.2 on 3.11"
    ),
    ("milestones, none crossed", "100,000 / 7"): Goal(
        1.5, "only the next milestone is compared with: the same, but for noise"
    ),
    ("seeks in one viewing", "all 10,000 / the first 100"): Goal(
        3.0, "what was played grows by a bit per second, and each seek ends a run of it"
    ),
    ("memory of a tracker", "live"): Goal(
        450, "the prototype held 321 bytes; its events are the host's"
    ),
    ("import", "milestone_progress / attrs"): Goal(
        1.6, "attrs is the one dependency, and twenty classes of it bring it to 1.35"
    ),
}
