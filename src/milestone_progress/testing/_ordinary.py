"""Ordinary numbers: the times, lengths and rates that viewings really have."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

__all__ = ["DAY", "GRAIN", "LONGEST", "START", "numbers", "rates"]

# When the drawn events happen, Unix seconds: within a day from here.
START = 1_700_000_000
DAY = 86_400
# The longest ordinary media, seconds.
LONGEST = 7_200
# Exact numbers are multiples of this.
GRAIN = 1 / 64


def numbers(lowest: float, highest: float, *, exact: bool) -> SearchStrategy[float]:
    """Draw numbers between two, these included; exact ones are multiples of `GRAIN`."""
    if not exact:
        return st.floats(lowest, highest)
    grains = st.integers(int(lowest / GRAIN), int(highest / GRAIN))
    return grains.map(lambda count: count * GRAIN)


def rates(*, exact: bool) -> SearchStrategy[float]:
    """Draw playback rates; exact ones are powers of two."""
    usual = st.sampled_from([1.0, 2.0, 0.5, 4.0, 16.0])
    return usual if exact else usual | st.floats(0.25, 4)
