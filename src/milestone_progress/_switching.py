"""Switching a viewing from one policy to another, in the middle and either way.

Both modes watch the player in the same way and differ in when they save. So all that is known of
the player, of what was reached and of what is saved passes over; only what a mode remembers of its
own saves begins anew.
"""

from collections.abc import Mapping

from ._decision import Trigger
from ._policy import IntervalPolicy, SavePolicy
from ._states import Phase
from ._tracker import IntervalTracker, Tracker, tracker_for

__all__ = ["restored_following", "switched"]

Policy = SavePolicy | IntervalPolicy
AnyTracker = Tracker | IntervalTracker


def switched(tracker: AnyTracker, policy: Policy) -> AnyTracker:
    """Return a tracker that goes on where one stands, by another policy, of either mode.

    No position is lost: what is at risk stays so, and reasons that wait wait on, at most until
    the next event. No milestone is told twice, and what is completed stays so. If the policy is the
    tracker's own, it is the tracker itself; else the one given must not be used any more.

    Args:
        tracker: Of either mode.
        policy: When to save from now on.

    Raises:
        InvalidValueError: It is no policy.
    """
    if tracker._policy == policy:
        return tracker
    return _restored(_passed_on(tracker.snapshot(), policy), policy)


def restored_following(snapshot: Mapping[str, object], policy: Policy) -> AnyTracker:
    """Return a tracker of a policy that goes on where the one of a snapshot stood, of either mode.

    Raises:
        InvalidValueError: It is no snapshot.
    """
    mode = "interval" if isinstance(policy, IntervalPolicy) else "milestone"
    if not isinstance(snapshot, Mapping) or snapshot.get("mode") in (mode, None):
        return _restored(snapshot, policy)
    # First as what it is, so that it is looked at closely.
    own = Tracker if isinstance(policy, IntervalPolicy) else IntervalTracker
    return switched(own.restore(snapshot), policy)


def _restored(snapshot: Mapping[str, object], policy: Policy) -> AnyTracker:
    if isinstance(policy, IntervalPolicy):
        return IntervalTracker.restore(snapshot, policy)
    return Tracker.restore(snapshot, policy)


def _passed_on(snapshot: Mapping[str, object], policy: Policy) -> Mapping[str, object]:
    """Return a snapshot of a tracker of the policy's mode, with all that the modes share."""
    fresh = tracker_for(policy).snapshot()
    if snapshot["mode"] == fresh["mode"]:
        return snapshot
    shared = {name: value for name, value in snapshot.items() if name in fresh and name != "mode"}
    passed = fresh | shared
    if isinstance(policy, IntervalPolicy):
        if snapshot["protection"] is None and passed["phase"] != Phase.IDLE:
            _save_at_once(passed)
        return passed
    if passed["phase"] == Phase.IDLE:
        # As for one that starts from a record (4.11): the legacy mode protects nothing.
        saved = passed["saved_position"]
        assert isinstance(saved, float)
        if saved >= 1.0:
            passed["protection"] = [saved, passed["played_time"]]
    elif passed["milestone"] != passed["saved_milestone"]:
        # The legacy mode would have saved it within its interval, this one in ten minutes perhaps.
        reasons = passed["reasons"]
        assert isinstance(reasons, list)
        passed["reasons"] = [*reasons, str(Trigger.MILESTONE)]
    return passed


def _save_at_once(passed: dict[str, object]) -> None:
    """Have the legacy mode save with the next event what the other one would have saved later.

    It judges a `Pause` when it comes and saves nothing as the page goes away.
    """
    reasons = passed["reasons"]
    assert isinstance(reasons, list)
    if passed["paused_at"] is not None:
        reasons = [*reasons, str(Trigger.PAUSE)]
    if passed["seek"] is not None or passed["gesture"] is not None:
        reasons = [*reasons, str(Trigger.SEEK)]
    passed["reasons"] = reasons
