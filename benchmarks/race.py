"""What a race is: contestants that are measured together, round by round.

Each round measures every contestant, and what is compared is compared within the round: what slows
the machine down for a while slows both.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from attrs import frozen

Unit = Literal["ns", "B"]


@frozen
class Ratio:
    """One contestant as a multiple of another."""

    over: str
    under: str
    more_is_better: bool = False


@frozen
class Race:
    """Some contestants that are measured together.

    Attributes:
        name: What is measured.
        run: Runs one round and returns a measure of each contestant by name.
        ratios: What is compared.
        unit: Of the measures.
        rounds: At most so many rounds; None for as many as are asked for.
    """

    name: str
    run: Callable[[], Mapping[str, float]]
    ratios: Sequence[Ratio]
    unit: Unit = "ns"
    rounds: int | None = None
