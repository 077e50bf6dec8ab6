"""Laws of the recorders: order, repetition, wrong clocks, lies, and viewers that are told apart."""

import json
from collections.abc import Iterable
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from milestone_progress import ConflictPolicy, ProgressRecord, Report, Trigger, parse_report
from milestone_progress.stores.memory import Memory, MemoryStore
from recorders import NOW, Clock, Kind, alike, both

YEARS = 10 * 365.25 * 86_400

# Around the start, around each other by less than a second, around and beyond a length.
positions = st.sampled_from([0.0, 0.5, 1.0, 20.0, 20.5, 21.0, 50.0, 99.5, 100.0, 100.5, 1e12])
durations = st.sampled_from([100.0, 100.0, None, 0.0, 50.0, 0.5, 5e-324, 1e12])
claims = st.sampled_from([None, None, 0, 10, 25.0, 33.3, 100])
# The one that is stored, and those that a browser made up.
generations = st.sampled_from([None, 0])
hostile_generations = st.sampled_from([None, 0, 1, 10**12])


@st.composite
def reports_with_age(draw: st.DrawFn, *, hostile: bool = False) -> Report:
    """Draw reports that tell their age: whole seconds, for less than one is no difference (4.2)."""
    sent_at = draw(st.sampled_from([NOW, 0.0, NOW - YEARS, NOW + YEARS, -5.0]))
    return Report(
        position=draw(positions),
        duration=draw(durations),
        trigger=draw(st.sampled_from(Trigger)),
        milestone=draw(claims),
        force_completion=draw(st.sampled_from([False, False, True])),
        # In the browser's future, too: that is an age of nothing.
        at=sent_at - draw(st.sampled_from([0, 0, 1, 2, 3, 600, 86_400, -1, -600])),
        sent_at=sent_at,
        generation=draw(hostile_generations if hostile else generations),
    )


def expected_record(
    viewer: str,
    media: str,
    reports: Iterable[tuple[float, Report]],
    conflict: ConflictPolicy = ConflictPolicy.NEWEST,
) -> ProgressRecord | None:
    """Return what reports amount to, by the specification: 4.3, 5.1, 5.3, 7.2 and the legacy mode.

    Args:
        viewer: Who sent them.
        media: What they are about.
        reports: With the time at which each arrived.
        conflict: Where the viewer resumes.
    """
    rows = []
    for arrived, report in reports:
        assert report.at is not None
        assert report.sent_at is not None
        at = max(0.0, arrived - max(0.0, report.sent_at - report.at))
        length = report.duration
        position = report.position if length is None else min(report.position, length)
        completes = report.force_completion or report.trigger == "completion"
        if position < 1 and not completes:
            continue
        milestone = report.milestone or 0
        if report.milestone is None and report.trigger == "interval" and length:
            share = 100 * position / length
            milestone = max([0, *(one for one in (10, 25, 50, 75, 90, 95, 100) if one <= share)])
        rows.append((at, position, length, 100 if completes else milestone, completes))
    if not rows:
        return None
    if conflict is ConflictPolicy.NEWEST:
        rows.sort(key=lambda row: (row[0], row[1], row[2] or 0))
    else:
        rows.sort(key=lambda row: (row[1], row[2] or 0))
    _, position, length, _, _ = rows[-1]
    completions = [row[0] for row in rows if row[4]]
    return ProgressRecord(
        viewer=viewer,
        media=media,
        position=position,
        duration=length,
        milestone=max(row[3] for row in rows),
        furthest=max(row[1] for row in rows),
        completed=bool(completions),
        completed_at=min(completions, default=None),
        updated_at=max(row[0] for row in rows),
    )


@both
@given(
    reports=st.lists(reports_with_age(hostile=True), min_size=1, max_size=8),
    conflict=st.sampled_from(ConflictPolicy),
    data=st.data(),
)
def test_in_whatever_order_reports_reach_whichever_worker_they_end_in_the_same_record(
    kind: Kind, reports: list[Report], conflict: ConflictPolicy, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(reports), max_size=4))
    deliveries = data.draw(st.permutations([*reports, *again]))
    store = kind.memory_store(Memory())
    workers = [kind.recorder(store, clock=Clock(), conflict=conflict) for _ in range(2)]
    for report in deliveries:
        worker = data.draw(st.sampled_from(workers))
        worker.report("ann", "m", report)
    arrived = [(NOW, report) for report in reports]
    expected = expected_record("ann", "m", arrived, conflict)
    assert alike(workers[0].load("ann", "m")) == expected


@both
@given(
    reports=st.lists(reports_with_age(), min_size=1, max_size=8),
    wrong=st.lists(st.sampled_from([-YEARS, YEARS, -3600.0, 0.25]), min_size=8, max_size=8),
)
def test_a_clock_of_a_browser_that_is_wrong_by_years_changes_nothing(
    kind: Kind, reports: list[Report], wrong: list[float]
) -> None:
    stores = MemoryStore(), MemoryStore()
    clock = Clock()
    right, other = (kind.recorder(store, clock=clock) for store in stores)
    for report, by in zip(reports, wrong, strict=False):
        clock.now += 30
        assert report.at is not None
        assert report.sent_at is not None
        shifted = evolve(report, at=report.at + by, sent_at=report.sent_at + by)
        assert right.report("ann", "m", report) == other.report("ann", "m", shifted)
    assert stores[0].records(9) == stores[1].records(9)


legacy_reports = st.builds(Report, position=positions, duration=durations)
half_told = st.builds(
    Report,
    position=positions,
    duration=durations,
    trigger=st.sampled_from(Trigger),
    milestone=claims,
    at=st.sampled_from([None, 0.0, NOW, NOW + YEARS, -1e12]),
    sent_at=st.sampled_from([None, 0.0, NOW, NOW - YEARS, 1e12]),
    generation=hostile_generations,
)


@both
@given(
    told=st.lists(
        st.tuples(
            legacy_reports | half_told | reports_with_age(hostile=True),
            st.sampled_from([0.0, 0.5, 30.0, -30.0, -NOW]),
        ),
        max_size=12,
    )
)
def test_nothing_that_is_reported_takes_anything_back(
    kind: Kind, told: list[tuple[Report, float]]
) -> None:
    clock = Clock()
    recorder = kind.recorder(MemoryStore(), clock=clock)
    before = ProgressRecord(viewer="ann", media="m", position=0, updated_at=0)
    for report, seconds in told:
        clock.now = max(0.0, clock.now + seconds)
        result = recorder.report("ann", "m", report)
        after = recorder.load("ann", "m")
        assert after == result.record
        if after is None:
            continue
        assert after.milestone >= before.milestone
        assert after.furthest >= before.furthest
        assert after.completed >= before.completed
        assert after.updated_at >= before.updated_at
        assert (after.viewer, after.media) == ("ann", "m")
        assert result.written == (after.revision > before.revision)
        assert all(before.milestone < one <= after.milestone for one in result.reached)
        before = after


# Viewers

VIEWERS = (
    "ann",
    "Ann",
    "ann ",
    "ann:m",
    "'; DROP TABLE progress; --",
    "*",
    "\U0001f3ac",
    "\u202ebob",
)
MEDIAS = ("m", "M", "m:m", "ann", "%")
claimed = st.sampled_from([*VIEWERS, None, 0, {"viewer": "ann"}, ["bob"]])
bodies = st.builds(
    lambda report, lies: {**lies, **report},
    st.fixed_dictionaries(
        {
            "current_time_seconds": st.sampled_from([0, 5, 50.5, 100.0, 1e9]),
            "total_duration_seconds": st.sampled_from([None, 0, 100]),
        },
        optional={
            "trigger_type": st.sampled_from([one.value for one in Trigger]),
            "milestone_reached": st.sampled_from([0, 50, 100]),
            "force_completion": st.booleans(),
            "at": st.sampled_from([0, NOW, NOW - 60]),
            "sent_at": st.sampled_from([0, NOW]),
            "generation": st.sampled_from([0, 1, 2]),
        },
    ),
    st.dictionaries(
        st.sampled_from(
            ["viewer", "viewer_id", "media", "media_id", "namespace", "user", "__proto__", "record"]
        ),
        claimed,
    ),
)


class Viewers(RuleBasedStateMachine):
    """Two viewers on the same workers, and each of them alone on a worker of their own."""

    kind: Kind

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        memory = Memory()
        self.shared = [
            self.kind.recorder(self.kind.memory_store(memory), clock=self.clock) for _ in range(2)
        ]
        self.alone = {
            viewer: self.kind.recorder(MemoryStore(), clock=self.clock) for viewer in VIEWERS
        }

    viewers = st.sampled_from(VIEWERS)
    medias = st.sampled_from(MEDIAS)
    workers = st.integers(0, 1)

    @rule(seconds=st.sampled_from([0.25, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(viewer=viewers, media=medias, worker=workers, body=bodies, as_text=st.booleans())
    def reports(
        self, viewer: str, media: str, worker: int, body: dict[str, Any], as_text: bool
    ) -> None:
        report = parse_report(json.dumps(body) if as_text else body)
        result = self.shared[worker].report(viewer, media, report)
        assert result == self.alone[viewer].report(viewer, media, report)

    @rule(viewer=viewers, media=medias, worker=workers)
    def completes(self, viewer: str, media: str, worker: int) -> None:
        result = self.shared[worker].complete(viewer, media)
        assert result == self.alone[viewer].complete(viewer, media)

    @rule(viewer=viewers, media=medias, worker=workers)
    def starts_over(self, viewer: str, media: str, worker: int) -> None:
        result = self.shared[worker].reset(viewer, media)
        assert result == self.alone[viewer].reset(viewer, media)

    @rule(viewer=viewers, worker=workers)
    def is_deleted(self, viewer: str, worker: int) -> None:
        count = self.shared[worker].delete_viewer(viewer)
        assert count == self.alone[viewer].delete_viewer(viewer)

    @rule(viewer=viewers, worker=workers)
    def looks(self, viewer: str, worker: int) -> None:
        shared, alone = self.shared[worker], self.alone[viewer]
        found = shared.load_many(viewer, MEDIAS)
        assert found == alone.load_many(viewer, MEDIAS)
        assert all((one.viewer, one.media) == (viewer, name) for name, one in found.items())
        for completed in (False, True):
            row = shared.recent(viewer, include_completed=completed)
            assert row == alone.recent(viewer, include_completed=completed)


@both
def test_what_is_known_of_a_viewer_depends_on_their_own_reports_only(kind: Kind) -> None:
    machine = type("Viewers", (Viewers,), {"kind": kind})
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=30))
