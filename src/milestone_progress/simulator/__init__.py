"""Players and viewers made of nothing: for tests, examples and the comparison of policies."""

from ._audience import Audience, recorded
from ._behaviours import BEHAVIOURS, MIXES, Behaviour, Mix
from ._comparison import Comparison, Figures, compare, compare_recordings, comparison_of
from ._faults import NETWORKS, Connection, Network
from ._loss import Risk
from ._outcome import Outcome, Watched
from ._player import Player
from ._viewers import Ending, Viewer, Visit

__all__ = [
    "BEHAVIOURS",
    "MIXES",
    "NETWORKS",
    "Audience",
    "Behaviour",
    "Comparison",
    "Connection",
    "Ending",
    "Figures",
    "Mix",
    "Network",
    "Outcome",
    "Player",
    "Risk",
    "Viewer",
    "Visit",
    "Watched",
    "compare",
    "compare_recordings",
    "comparison_of",
    "recorded",
]
