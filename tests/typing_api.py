"""The public surface as its users write it, for `mypy --strict` to read; nothing here is ever run.

`assert_type` says which types they get. Each `type: ignore` says what must be refused, and by which
code: mypy warns of one that is not needed any more.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import assert_type

from milestone_progress import (
    Arm,
    AsyncRecorder,
    Batch,
    ConflictError,
    Event,
    HandleResult,
    IntervalPolicy,
    IntervalTracker,
    LiveLimits,
    Marker,
    MediaInfo,
    Pause,
    PayloadError,
    Phase,
    Play,
    Problem,
    ProgressRecord,
    Recorder,
    Report,
    ResumeChoice,
    ResumePoint,
    ResumePolicy,
    ResumeReason,
    Rollout,
    SaveDecision,
    SavedState,
    SavePolicy,
    SaveResult,
    SaveStatus,
    Tick,
    TimeUpdate,
    Tracker,
    Trigger,
    display_percent,
    event_from_dict,
    markers,
    merge,
    parse_events,
    parse_report,
    resume_choice,
    resume_point,
    switched,
    tracker_for,
)
from milestone_progress.hooks import Details, Hook, logging_hook
from milestone_progress.simulator import Audience, Comparison, Player, compare
from milestone_progress.stores import AsyncProgressStore, ProgressStore, open_store, save_merged
from milestone_progress.stores.memory import AsyncMemoryStore, MemoryStore
from milestone_progress.stores.sqlite import SQLiteStore


def events() -> None:
    update = TimeUpdate(at=1, position=2.5, duration=None)
    assert_type(update.position, float)
    assert_type(update.duration, float | None)
    happened: Event = Tick(at=0.0)
    assert_type(event_from_dict({"type": "play"}), Event | None)
    assert_type(parse_events(b"[]"), list[Event])
    Play(1.0, 2.0)  # type: ignore[call-arg]  # keywords only: who would remember the order?
    Play(at=1.0)  # type: ignore[call-arg]  # a position must be told
    TimeUpdate(at="now", position=0)  # type: ignore[arg-type]  # a time is a number
    update.position = 3.0  # type: ignore[misc]  # events are frozen
    MediaInfo(at=0.0, position=1.0)  # type: ignore[call-arg]  # it tells of no position
    del happened


def trackers(record: ProgressRecord | None, policy: SavePolicy | IntervalPolicy) -> None:
    tracker = Tracker(SavePolicy(max_unsaved=None), record)
    assert_type(tracker.handle(Pause(at=0, position=0)), SaveDecision | None)
    assert_type(tracker.feed([Pause(at=0, position=0)]), list[SaveDecision])
    assert_type(tracker.feed(Player(duration=60).play_to_end()), list[SaveDecision])
    assert_type(tracker.deadline, float | None)
    assert_type(tracker.phase, Phase)
    assert_type(tracker.played, int)
    assert_type(tracker.snapshot(), dict[str, object])
    assert_type(Tracker.restore(tracker.snapshot()), Tracker)
    assert_type(tracker_for(SavePolicy()), Tracker)
    assert_type(tracker_for(IntervalPolicy()), IntervalTracker)
    assert_type(tracker_for(policy), Tracker | IntervalTracker)
    assert_type(switched(tracker, policy), Tracker | IntervalTracker)
    tracker.handle({"type": "play"})  # type: ignore[arg-type]  # event_from_dict comes first
    Tracker(IntervalPolicy())  # type: ignore[arg-type]  # each mode has its own tracker
    tracker.position = 3.0  # type: ignore[misc]  # only events move it
    if (decision := tracker.handle(Tick(at=1.0))) is not None:
        assert_type(decision.trigger, Trigger)
        assert_type(decision.milestone, float | None)
        assert_type(decision.to_report(), dict[str, object])
    SavePolicy(milestones=[50, 100], basis="played")
    SavePolicy(basis="watched")  # type: ignore[arg-type]  # one of two
    SavePolicy(max_unsaved="600")  # type: ignore[arg-type]  # seconds are numbers
    SavePolicy([100])  # type: ignore[call-arg]  # settings have names
    assert_type(SavePolicy().thinned(60), SavePolicy)


class Place:
    """What somebody's own database has of a viewer: enough to begin a tracker with."""

    position = 12.5
    duration: float | None = None
    milestone = 10.0
    completed = False


class Nowhere:
    """Not enough."""

    position = 12.5


def beginnings() -> None:
    place: SavedState = Place()
    Tracker(record=place)
    Tracker(record=Nowhere())  # type: ignore[arg-type]  # no milestone, no duration


def records(record: ProgressRecord, store: ProgressStore) -> None:
    assert_type(merge(record, record), ProgressRecord)
    assert_type(ProgressRecord.from_dict(record.to_dict()), ProgressRecord)
    assert_type(record.finished, bool)
    assert_type(store.load("ann", "film"), ProgressRecord | None)
    assert_type(store.recent("ann"), list[ProgressRecord])
    assert_type(save_merged(store, record), ProgressRecord)
    assert_type(open_store("sqlite:progress.db"), ProgressStore)
    record.position = 0.0  # type: ignore[misc]  # records are frozen
    float(store.load("ann", "film").position)  # type: ignore[union-attr]  # nothing may be stored
    save_merged(AsyncMemoryStore(), record)  # type: ignore[arg-type]  # awaited ones are not these
    SQLiteStore("progress.db", synchronous="off")  # type: ignore[arg-type]  # one of two


class OwnStore:
    """A store that inherits from nothing."""

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return what is stored."""
        raise NotImplementedError

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return what is stored of these."""
        raise NotImplementedError

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what was watched last."""
        raise NotImplementedError

    def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save."""
        raise NotImplementedError

    def close(self) -> None:
        """Close."""


def own_stores() -> None:
    store: ProgressStore = OwnStore()
    with Recorder(store) as recorder:
        assert_type(recorder, Recorder)
    other: AsyncProgressStore = OwnStore()  # type: ignore[assignment]  # nothing of it is awaited
    del other


def reports(body: bytes, form: Mapping[str, object]) -> None:
    assert_type(parse_report(body), Report)
    assert_type(parse_report(form), Report)
    try:
        parse_report("{}")
    except PayloadError as error:
        for problem in error.problems:
            assert_type(problem, Problem)
        assert_type(error.to_dict(), dict[str, object])
    parse_report(None)  # type: ignore[arg-type]  # a body that is not there is none


def recorders(plan: Callable[[], Rollout], hook: Callable[[Details], None]) -> None:
    own: Hook = hook
    recorder = Recorder(
        MemoryStore(),
        policy=plan,
        hooks=[own, logging_hook()],
        live=LiveLimits(per_viewer=3),
        batch=Batch(max_age=0.5),
        resume=ResumePolicy(rewind=[(60, 3)]),
    )
    result = recorder.report("ann", "film", parse_report("{}"))
    assert_type(result, SaveResult)
    assert_type(result.status, SaveStatus)
    assert_type(result.record, ProgressRecord | None)
    assert_type(recorder.handle("ann", "film", [Tick(at=0)]), HandleResult)
    assert_type(recorder.resume_choice("ann", "film"), ResumeChoice)
    assert_type(recorder.close(), tuple[ProgressRecord, ...])
    Recorder(AsyncMemoryStore())  # type: ignore[arg-type]  # `AsyncRecorder` is for that
    Recorder(MemoryStore(), SavePolicy())  # type: ignore[call-arg]  # settings have names
    recorder.report("ann", "film", {})  # type: ignore[arg-type]  # parse_report comes first
    recorder.handle("ann", "film", Tick(at=0))  # type: ignore[arg-type]  # events come in batches
    Rollout(shadow=True)  # type: ignore[call-arg]  # nobody but you knows the percentage
    assert_type(Rollout(percent=10).arm("ann"), Arm)


async def awaited() -> None:
    recorder = AsyncRecorder(AsyncMemoryStore())
    assert_type(await recorder.report("ann", "film", parse_report("{}")), SaveResult)
    assert_type(await recorder.load("ann", "film"), ProgressRecord | None)
    recorder.load("ann", "film")  # type: ignore[unused-coroutine]  # it has to be awaited
    AsyncRecorder(MemoryStore())  # type: ignore[arg-type]  # `Recorder` is for that


def resuming(record: ProgressRecord | None) -> None:
    point = resume_point(record, now=0.0)
    assert_type(point, ResumePoint)
    assert_type(point.reason, ResumeReason)
    assert_type(resume_choice(record, now=0.0), ResumeChoice)
    assert_type(markers(60.0, milestone=10), tuple[Marker, ...])
    assert_type(display_percent(1.0, None, milestone=0), float)
    resume_point(record)  # type: ignore[call-arg]  # nothing here reads a clock


def simulated() -> None:
    audience = Audience(duration=60, viewers=2)
    assert_type(compare(audience, {"ours": SavePolicy()}), Comparison)
    Player()  # type: ignore[call-arg]  # None is a duration, too, but must be said


def failures(store: ProgressStore, record: ProgressRecord) -> None:
    try:
        store.save(record)
    except ConflictError as conflict:
        assert_type(conflict.stored, ProgressRecord | None)
