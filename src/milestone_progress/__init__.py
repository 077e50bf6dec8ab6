"""Tracking of how far people have watched video and audio.

Playback events go in, decisions to save come out: at the moments that matter instead of every
thirty seconds.
"""

from ._decision import SaveDecision, SavedState, Trigger
from ._events import (
    Complete,
    Emptied,
    Ended,
    Event,
    MediaInfo,
    Pause,
    Play,
    Seeked,
    Seeking,
    Tick,
    TimeUpdate,
    Unload,
    event_from_dict,
)
from ._played import played_from_text, played_to_text
from ._policy import IntervalPolicy, SavePolicy
from ._record import ConflictError, ConflictPolicy, ProgressRecord, merge
from ._states import Phase
from ._tracker import IntervalTracker, Tracker, tracker_for
from .errors import InvalidValueError, MilestoneProgressError, StoreError, TraceError

__all__ = [
    "Complete",
    "ConflictError",
    "ConflictPolicy",
    "Emptied",
    "Ended",
    "Event",
    "IntervalPolicy",
    "IntervalTracker",
    "InvalidValueError",
    "MediaInfo",
    "MilestoneProgressError",
    "Pause",
    "Phase",
    "Play",
    "ProgressRecord",
    "SaveDecision",
    "SavePolicy",
    "SavedState",
    "Seeked",
    "Seeking",
    "StoreError",
    "Tick",
    "TimeUpdate",
    "TraceError",
    "Tracker",
    "Trigger",
    "Unload",
    "event_from_dict",
    "merge",
    "played_from_text",
    "played_to_text",
    "tracker_for",
]
