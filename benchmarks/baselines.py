"""The least that anybody could write by hand: what all else is a multiple of."""

from collections.abc import Callable
from math import inf

from milestone_progress import TimeUpdate

OnEvent = Callable[[TimeUpdate], float | None]
OnPosition = Callable[[float], float | None]


def closure(milestones: tuple[float, ...], duration: float) -> OnEvent:
    """Return a function that only compares with the next milestone.

    It knows no seeks, pauses, ends or checkpoints, and believes every position.
    """
    positions = [milestone * duration / 100 for milestone in milestones]
    index = 0
    following = positions[0]

    def handle(event: TimeUpdate) -> float | None:
        nonlocal index, following
        position = event.position
        if position >= following:
            while index < len(positions) and position >= positions[index]:
                index += 1
            following = positions[index] if index < len(positions) else inf
            return milestones[index - 1]
        return None

    return handle


def closure_that_remembers(milestones: tuple[float, ...], duration: float) -> OnEvent:
    """Return the same with the position kept, without which nothing can be saved at the end."""
    positions = [milestone * duration / 100 for milestone in milestones]
    index = 0
    following = positions[0]
    last = 0.0

    def handle(event: TimeUpdate) -> float | None:
        nonlocal index, following, last
        last = position = event.position
        if position >= following:
            while index < len(positions) and position >= positions[index]:
                index += 1
            following = positions[index] if index < len(positions) else inf
            return milestones[index - 1]
        return None

    return handle


def closure_of_positions(milestones: tuple[float, ...], duration: float) -> OnPosition:
    """Return the same for bare numbers: somebody else has taken them out of the events."""
    positions = [milestone * duration / 100 for milestone in milestones]
    index = 0
    following = positions[0]

    def handle(position: float) -> float | None:
        nonlocal index, following
        if position >= following:
            while index < len(positions) and position >= positions[index]:
                index += 1
            following = positions[index] if index < len(positions) else inf
            return milestones[index - 1]
        return None

    return handle


class Nothing:
    """Does nothing: what a method call alone costs."""

    __slots__ = ()

    def handle(self, event: TimeUpdate) -> None:
        """Handle an event by ignoring it."""
