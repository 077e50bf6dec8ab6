"""In which arm a viewer is now, and what is counted of it."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock

from ._additions import SaveResult, SaveStatus, played_between
from ._counts import Counts
from ._decision import Trigger
from ._events import Emptied, Event, MediaInfo
from ._live import LiveViewing
from ._policy import IntervalPolicy, SavePolicy
from ._record import ProgressRecord
from ._resume import ResumeChoice, ResumeReason
from ._states import Phase
from .errors import InvalidValueError
from .hooks import log_failure
from .metrics import Metrics
from .rollout import Rollout, arm_of_policy

__all__ = ["Arms", "Plan"]

Plan = SavePolicy | IntervalPolicy | Rollout

# What says that the store does not work.
FAILED = (SaveStatus.KEPT, SaveStatus.REFUSED)
# How many resume points that were offered are remembered until somebody plays from there.
REMEMBERED_OFFERS = 10_000


def rollout_of(plan: Plan) -> Rollout:
    """Return the rollout that a plain policy amounts to: the same one for everybody.

    Raises:
        InvalidValueError: It is neither a policy nor a rollout.
    """
    if isinstance(plan, SavePolicy):
        return Rollout(percent=100, milestone=plan)
    if isinstance(plan, IntervalPolicy):
        return Rollout(percent=0, interval=plan)
    if not isinstance(plan, Rollout):
        raise InvalidValueError("policy", plan, "a SavePolicy, an IntervalPolicy or a Rollout")
    return plan


class Arms:
    """Who is in which arm, as far as a recorder knows, and the counts of both.

    Args:
        plan: A policy for everybody, a rollout, or what returns one of them whenever it is asked;
            None for the default policy.
        metrics: Where to count; None for nowhere.

    Raises:
        InvalidValueError: It is no such thing.
    """

    def __init__(self, plan: Plan | Callable[[], Plan] | None, metrics: Metrics | None) -> None:
        self._ask = plan if callable(plan) else None
        self._plan: Plan = plan() if callable(plan) else plan or SavePolicy()
        self._rollout = rollout_of(self._plan)
        # One policy for everybody, which nobody need be asked about.
        self._only: SavePolicy | IntervalPolicy | None = None
        if self._ask is None and not isinstance(self._plan, Rollout):
            self._only = self._plan
        self._metrics = metrics
        self._lock = Lock()
        # Which resume points were offered, by viewer and media, the latest at the end.
        self._offers: OrderedDict[tuple[str, str], float] = OrderedDict()

    @property
    def rollout(self) -> Rollout:
        """Who is in which arm now."""
        if self._ask is None:
            return self._rollout
        try:
            plan = self._ask()
            if plan is not self._plan:
                self._rollout = rollout_of(plan)
                self._plan = plan
        except Exception as error:  # Whatever keeps it: nobody's progress must wait for it.
            log_failure("the policy cannot be asked for, the last one holds on", error)
        return self._rollout

    def policy_of(self, viewer: str) -> SavePolicy | IntervalPolicy:
        """Return by which policy a viewer's progress is saved now."""
        return self.rollout.policy_of(viewer) if self._only is None else self._only

    def counts(self, *, requests: int = 0, failed: int = 0, refused: int = 0) -> Counts | None:
        """Return what to count in, None if nobody counts."""
        if self._metrics is None:
            return None
        return Counts(requests=requests, failed=failed, refused=refused)

    def follow(self, viewing: LiveViewing, events: Iterable[Event] = ()) -> None:
        """Have a viewing go on in the arm that its viewer is in now, before it handles events."""
        rollout, viewer = self.rollout, viewing.key[0]
        viewing.follow(rollout.policy_of(viewer), rollout.shadow_of(viewer))
        # Who watches already, and has not loaded the media again, was not brought there.
        if self._offers and (
            viewing.tracker.phase is not Phase.PLAYING
            or any(isinstance(event, (MediaInfo, Emptied)) for event in events)
        ):
            with self._lock:
                viewing.offered = self._offers.pop(viewing.key[:2], viewing.offered)

    def offer(self, viewer: str, media: str, choice: ResumeChoice) -> None:
        """Remember what a viewer was offered, if anybody counts what comes of it."""
        if self._metrics is None:
            return
        with self._lock:
            self._offers.pop((viewer, media), None)
            if choice.reason is ResumeReason.RESUMED:
                self._offers[viewer, media] = choice.position
                if len(self._offers) > REMEMBERED_OFFERS:
                    self._offers.popitem(last=False)

    def forget(self, viewer: str) -> None:
        """Forget what a viewer was offered."""
        with self._lock:
            for key in [key for key in self._offers if key[0] == viewer]:
                del self._offers[key]

    def count(
        self,
        viewer: str,
        counts: Counts | None,
        result: SaveResult | None = None,
        *,
        viewing: LiveViewing | None = None,
    ) -> None:
        """Count what happened, and whether saving what a request said has failed.

        A viewing that ends counts in the arm it was in, whichever its viewer is in by now.
        """
        if self._metrics is not None and counts is not None:
            if result is not None:
                counts.failed += result.status in FAILED
                counts.refused += result.status is SaveStatus.REFUSED
            arm = (
                self.rollout.arm(viewer)
                if viewing is None
                else arm_of_policy(viewing.tracker._policy)
            )
            self._metrics.add(arm, counts)

    def count_saved(
        self,
        viewer: str,
        before: ProgressRecord | None,
        result: SaveResult,
        trigger: Trigger | None,
        *,
        reported: bool,
    ) -> None:
        """Count what was written, and what a report tells by that of having been played."""
        if self._metrics is None or not result.written or result.record is None:
            return
        rollout = self.rollout
        counts = Counts(writes=1, completed=int(result.newly_completed))
        counts.begun += rollout.policy_of(viewer).milestones[0] in result.reached
        if reported:
            counts.estimated += played_between(before, result.record, trigger)
        self._metrics.add(rollout.arm(viewer), counts)
