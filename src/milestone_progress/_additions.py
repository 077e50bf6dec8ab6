"""What becomes of a report: which record it adds to what is stored, and what there is to say of it.

Pure: the recorders load, save and try again; what to save is decided here.
"""

from bisect import bisect_right
from collections.abc import Sequence
from enum import StrEnum

from attrs import frozen

from ._decision import Trigger
from ._plausibility import Implausible
from ._record import LARGEST_COUNT, ConflictPolicy, ProgressRecord, believed, merge, replaced
from ._reports import Report

__all__ = ["SaveResult", "SaveStatus"]

# Who is nearer than this to what is saved has moved no further: seconds of media, and, between two
# that tell their age, seconds of time. Also how far the start reaches (4.2, 4.3).
NEAR = 1.0
# Of a report that does not say which generation it belongs to: of the one that is stored.
ANY_GENERATION = LARGEST_COUNT
# Added to the generation of what a fallback holds, so that nothing else that may be in the same
# database is ever taken for it, and removed.
HELD = 2**52
# Seconds of media that are played without a report, at most: `SavePolicy.max_unsaved` by default.
LONGEST_UNREPORTED = 600.0


class SaveStatus(StrEnum):
    """What became of what was to be saved."""

    #: It is stored.
    WRITTEN = "written"
    #: Nothing was written: what is stored says as much already.
    NO_NEWS = "no_news"
    #: Nothing was written: the start of a media is never saved.
    AT_START = "at_start"
    #: Nothing was written: the viewer has started over since.
    SUPERSEDED = "superseded"
    #: It waits for others to be written together with; what is stored is not known yet.
    QUEUED = "queued"
    #: The store failed. It is kept, and will be saved later.
    KEPT = "kept"
    #: The store failed, and there is no room to keep it: send it again later.
    REFUSED = "refused"


@frozen(kw_only=True)
class SaveResult:
    """What became of what was to be saved.

    Attributes:
        status: Whether it was written, or why not.
        record: What is known of the viewer and the media now: the record stored; or what is kept
            for the store if that failed; or what is queued, with what was stored when the store was
            asked last, if it was; None if nothing is.
        reached: Milestones newly reached by what was written, percent 0-100, ascending. Of all
            requests to all workers, each milestone is in one.
        newly_completed: Whether what was written completed the media; of one request, likewise.
        next_milestone: The next one above the highest reached, percent 0-100; None if there is
            none.
        generation: That which later reports of the same player are to tell; None if only the store
            knows, which failed or was not asked.
        given_up: What was given up to make room for this, None if nothing was: somebody else's
            progress, perhaps.
        implausible: What of it cannot be true, if anybody asked.
    """

    status: SaveStatus
    record: ProgressRecord | None
    reached: tuple[float, ...] = ()
    newly_completed: bool = False
    next_milestone: float | None
    generation: int | None
    given_up: ProgressRecord | None = None
    implausible: tuple[Implausible, ...] = ()

    @property
    def written(self) -> bool:
        """Whether anything was written."""
        return self.status is SaveStatus.WRITTEN

    def to_dict(self) -> dict[str, object]:
        """Return the response to the browser as plain JSON data (7.4)."""
        record = self.record
        return {
            "position": 0.0 if record is None else record.position,
            "duration": None if record is None else record.duration,
            "percent": None if record is None else record.percent,
            "last_milestone": 0 if record is None else record.milestone,
            "newly_reached": list(self.reached),
            "next_milestone": self.next_milestone,
            "completed": record is not None and record.completed,
            "generation": self.generation,
            "written": self.written,
            "status": self.status.value,
        }


@frozen(kw_only=True)
class Addition:
    """What is to be added to what is stored.

    Attributes:
        record: What became known; its generation may be `ANY_GENERATION`.
        tells_age: Whether ``updated_at`` is when it was decided, not only when it arrived.
        trigger: Why, None if that is forgotten.
        reported: Whether only reports tell of it.
        continues: Whether it goes on with what is stored, and is nothing without it (5.4).
    """

    record: ProgressRecord
    tells_age: bool
    trigger: Trigger | None
    reported: bool = False
    continues: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Viewer and media."""
        return self.record.viewer, self.record.media

    @property
    def at_start(self) -> bool:
        """Whether it says no more than that the viewer is at the start."""
        return self.record.position < NEAR and not self.record.completed


def addition_of(
    report: Report, viewer: str, media: str, received_at: float, milestones: Sequence[float]
) -> Addition:
    """Return what a report adds.

    Raises:
        InvalidValueError: Viewer or media is no identifier, or the time no such number.
    """
    position = report.position
    if report.duration is not None:
        # Players report up to a tenth of a percent beyond the end.
        position = min(position, report.duration)
    if report.completed:
        milestone: float = 100
    elif report.milestone is not None:
        milestone = report.milestone
    elif report.trigger is Trigger.INTERVAL and report.duration is not None:
        # The legacy form says nothing of milestones, and its positions were played at.
        # As trackers have it, whatever rounding does: the end is the last milestone.
        end = report.duration
        passed = (one for one in milestones if min(one * end / 100, end) <= position)
        milestone = max(passed, default=0)
    else:
        milestone = 0
    age = believed(report.age)
    updated_at = max(0.0, received_at - (age or 0.0))
    record = ProgressRecord(
        viewer=viewer,
        media=media,
        position=position,
        duration=report.duration,
        milestone=milestone,
        completed=report.completed,
        completed_at=updated_at if report.completed else None,
        updated_at=updated_at,
        generation=ANY_GENERATION if report.generation is None else report.generation,
    )
    return Addition(record=record, tells_age=age is not None, trigger=report.trigger, reported=True)


def joined(first: ProgressRecord, second: ProgressRecord, policy: ConflictPolicy) -> ProgressRecord:
    """Return two additions as one.

    If the generation of one of them is not known, that of both is not: what is kept must not be
    lost with a player that has begun before the viewer started over.
    """
    if ANY_GENERATION in (first.generation, second.generation):
        first = replaced(first, generation=ANY_GENERATION)
        second = replaced(second, generation=ANY_GENERATION)
    return merge(first, second, policy)


def held(record: ProgressRecord) -> ProgressRecord:
    """Return an addition's record as a fallback holds it, marked by a generation nobody reaches."""
    return replaced(record, generation=min(record.generation + HELD, ANY_GENERATION))


def unheld(record: ProgressRecord) -> ProgressRecord | None:
    """Return what a fallback holds as an addition's record; None if no recorder put it there."""
    if record.generation < HELD:
        return None
    known = record.generation != ANY_GENERATION
    generation = record.generation - HELD if known else ANY_GENERATION
    return replaced(record, generation=generation, revision=0)


def told(record: ProgressRecord) -> ProgressRecord:
    """Return an addition's record as others may see it."""
    if record.generation == ANY_GENERATION:
        return replaced(record, generation=0)
    return record


class Change:
    """What is to be made of what is stored: a function for `stores.update`.

    Attributes:
        status: What became of the last addition when it was called last.
    """

    def __init__(self, additions: Sequence[Addition], policy: ConflictPolicy) -> None:
        self._additions = additions
        self._policy = policy
        self.status = SaveStatus.NO_NEWS

    def __call__(self, stored: ProgressRecord | None) -> ProgressRecord | None:
        changed = stored
        for addition in self._additions:
            changed, self.status = added(changed, addition, self._policy)
        return changed


def added(
    stored: ProgressRecord | None, addition: Addition, policy: ConflictPolicy
) -> tuple[ProgressRecord | None, SaveStatus]:
    """Return what to store, the same if the addition says nothing new, and why."""
    record = addition.record
    if addition.at_start:
        return stored, SaveStatus.AT_START
    if stored is None:
        if addition.continues:
            return None, SaveStatus.SUPERSEDED
        # A generation that nobody remembers is over.
        return replaced(record, generation=0), SaveStatus.WRITTEN
    if record.generation < stored.generation:
        return stored, SaveStatus.SUPERSEDED
    older = record.generation == ANY_GENERATION and record.updated_at <= stored.updated_at
    if older and _just_reset(stored):
        return stored, SaveStatus.SUPERSEDED
    since = stored
    if stored.completed and stored.completed_at is None:
        # Nobody knows when, but not now: who watches again has not finished by that (6.4).
        since = replaced(stored, completed_at=stored.updated_at)
    # A generation yet to come is a mistake, or a lie that would be stored for ever.
    merged = merge(since, replaced(record, generation=stored.generation), policy)
    if merged == since or _is_no_news(stored, merged, addition):
        return stored, SaveStatus.NO_NEWS
    return merged, SaveStatus.WRITTEN


def _just_reset(stored: ProgressRecord) -> bool:
    return stored.generation > 0 and not (stored.furthest or stored.milestone or stored.completed)


def _is_no_news(stored: ProgressRecord, merged: ProgressRecord, addition: Addition) -> bool:
    """Whether a viewer only still is where they were (4.2).

    When a viewer was there matters to what arrives late: of two additions that tell their age, the
    newer must win in whichever order they come. Without it, they are in the order they come in; and
    with less than a second between, it is the same report once more.
    """
    newer_by = addition.record.updated_at - stored.updated_at
    return (
        newer_by > 0
        and (newer_by < NEAR or not addition.tells_age)
        and abs(addition.record.position - stored.position) < NEAR
        # What waited may have been further on and come back.
        and merged.furthest - stored.furthest < NEAR
        and merged.milestone == stored.milestone
        and merged.completed == stored.completed
        # Nor has seen anything else meanwhile: a batch of events may end where the last one did.
        and merged.played == stored.played
    )


def result_of(
    before: ProgressRecord | None,
    after: ProgressRecord | None,
    status: SaveStatus,
    milestones: Sequence[float],
) -> SaveResult:
    """Return what to say of what was stored before and what is stored now."""
    # Those up to here were reached before, and those up to there are now.
    here = 0 if before is None else bisect_right(milestones, before.milestone)
    there = 0 if after is None else bisect_right(milestones, after.milestone)
    was_completed = before is not None and before.completed
    return SaveResult(
        status=status if after is before else SaveStatus.WRITTEN,
        record=after,
        reached=tuple(milestones[here:there]),
        newly_completed=after is not None and after.completed and not was_completed,
        next_milestone=milestones[there] if there < len(milestones) else None,
        generation=0 if after is None else after.generation,
    )


def played_between(
    before: ProgressRecord | None, after: ProgressRecord, trigger: Trigger | None
) -> float:
    """Return how much was played from one record to the next as far as they tell, seconds.

    As far as the position moved on, and no more than the time in between; nothing if it was sought.
    What was played before a seek, and twice, is missed; a seek that says nothing of itself is not.
    A first report may come from anywhere, but players do not play on for longer without one.
    """
    if trigger is Trigger.SEEK:
        return 0.0
    if before is None:
        return min(after.position, LONGEST_UNREPORTED)
    return max(0.0, min(after.position - before.position, after.updated_at - before.updated_at))


def completed(
    stored: ProgressRecord | None, viewer: str, media: str, now: float
) -> ProgressRecord | None:
    """Return the record of a viewer who marks a media as complete."""
    if stored is None:
        return ProgressRecord(
            viewer=viewer,
            media=media,
            position=0.0,
            milestone=100,
            completed=True,
            completed_at=now,
            updated_at=now,
        )
    if stored.finished:
        return stored
    # A rewatch is finished, too, by this: the last word is the viewer's.
    at = max(now, stored.updated_at)
    return replaced(stored, milestone=100, completed=True, completed_at=at, updated_at=at)
