"""How things are timed: the thread's CPU time, without the garbage collector."""

import gc
from collections.abc import Callable, Sequence
from time import thread_time_ns
from types import FunctionType
from typing import Any

# Bound to what it is called on, and the position it is told of.
Call = tuple[Callable[..., object], float]
# Runs once and returns the nanoseconds that one event took.
Lap = Callable[[], float]


def cpu_time(work: Callable[[], object]) -> int:
    """Return the nanoseconds of CPU time that some work takes."""
    gc.disable()
    try:
        start = thread_time_ns()
        work()
        return thread_time_ns() - start
    finally:
        gc.enable()


def _specialising(loop: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a copy of a loop with code of its own.

    The interpreter specialises code for what it calls. Contestants that shared a loop would pay
    for each other.
    """
    assert isinstance(loop, FunctionType)
    return FunctionType(loop.__code__.replace(), loop.__globals__, closure=loop.__closure__)


def each(make: Callable[[], Callable[[Any], object]], arguments: Sequence[Any]) -> Lap:
    """Return a lap that calls a fresh function with each argument."""

    @_specialising
    def loop(function: Callable[[Any], object]) -> None:
        for argument in arguments:
            function(argument)

    def lap() -> float:
        function = make()
        return cpu_time(lambda: loop(function)) / len(arguments)

    return lap


def at_once(make: Callable[[], Callable[[Any], object]], arguments: Sequence[Any]) -> Lap:
    """Return a lap that calls a fresh function with all arguments at once."""

    def lap() -> float:
        function = make()
        return cpu_time(lambda: function(arguments)) / len(arguments)

    return lap


def calls(make: Callable[[], Sequence[Call]]) -> Lap:
    """Return a lap that makes fresh calls."""

    @_specialising
    def loop(fresh: Sequence[Call]) -> None:
        for function, position in fresh:
            function(position=position)

    def lap() -> float:
        fresh = make()
        return cpu_time(lambda: loop(fresh)) / len(fresh)

    return lap
