"""Tracking of how far people have watched video and audio.

Playback events go in, decisions to save come out: at the moments that matter instead of every
thirty seconds. A recorder saves what browsers decided, and tells from where to resume.
"""

from importlib import import_module
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from ._additions import SaveResult, SaveStatus
    from ._backlog import BacklogFull
    from ._batch import Batch
    from ._display import Marker, display_percent, estimated_position, format_time, markers
    from ._live import HandleResult
    from ._live_viewings import LiveLimits
    from ._plausibility import Claim, Implausible, Plausibility
    from ._recorder import Recorder
    from ._recorder_async import AsyncRecorder
    from ._reports import (
        LARGEST_BODY,
        PayloadError,
        Problem,
        Report,
        parse_events,
        parse_report,
    )
    from ._resume import (
        REWIND_BY_ABSENCE,
        ResumeChoice,
        ResumeOption,
        ResumePoint,
        ResumePolicy,
        ResumeReason,
        resume_choice,
        resume_point,
    )
    from ._switching import switched
    from .rollout import Arm, Rollout, policy_to_dict

__all__ = [
    "LARGEST_BODY",
    "REWIND_BY_ABSENCE",
    "Arm",
    "AsyncRecorder",
    "BacklogFull",
    "Batch",
    "Claim",
    "Complete",
    "ConflictError",
    "ConflictPolicy",
    "Emptied",
    "Ended",
    "Event",
    "HandleResult",
    "Implausible",
    "IntervalPolicy",
    "IntervalTracker",
    "InvalidValueError",
    "LiveLimits",
    "Marker",
    "MediaInfo",
    "MilestoneProgressError",
    "Pause",
    "PayloadError",
    "Phase",
    "Plausibility",
    "Play",
    "Problem",
    "ProgressRecord",
    "Recorder",
    "Report",
    "ResumeChoice",
    "ResumeOption",
    "ResumePoint",
    "ResumePolicy",
    "ResumeReason",
    "Rollout",
    "SaveDecision",
    "SavePolicy",
    "SaveResult",
    "SaveStatus",
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
    "display_percent",
    "estimated_position",
    "event_from_dict",
    "format_time",
    "markers",
    "merge",
    "parse_events",
    "parse_report",
    "played_from_text",
    "played_to_text",
    "policy_to_dict",
    "resume_choice",
    "resume_point",
    "switched",
    "tracker_for",
]

# Where to find what only a back end needs. To load it takes as long as to load all of the core,
# which is all that a player, a simulator or a stream processor needs.
_LATER = {
    "Arm": "rollout",
    "AsyncRecorder": "_recorder_async",
    "BacklogFull": "_backlog",
    "Batch": "_batch",
    "Claim": "_plausibility",
    "HandleResult": "_live",
    "Implausible": "_plausibility",
    "LARGEST_BODY": "_reports",
    "LiveLimits": "_live_viewings",
    "Marker": "_display",
    "PayloadError": "_reports",
    "Plausibility": "_plausibility",
    "Problem": "_reports",
    "REWIND_BY_ABSENCE": "_resume",
    "Recorder": "_recorder",
    "Report": "_reports",
    "ResumeChoice": "_resume",
    "ResumeOption": "_resume",
    "ResumePoint": "_resume",
    "ResumePolicy": "_resume",
    "ResumeReason": "_resume",
    "Rollout": "rollout",
    "SaveResult": "_additions",
    "SaveStatus": "_additions",
    "display_percent": "_display",
    "estimated_position": "_display",
    "format_time": "_display",
    "markers": "_display",
    "parse_events": "_reports",
    "parse_report": "_reports",
    "policy_to_dict": "rollout",
    "resume_choice": "_resume",
    "resume_point": "_resume",
    "switched": "_switching",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = value
    return value
