"""A store against a model: a dictionary, and the rules of merging written down once more."""

from typing import Any

from attrs import asdict, evolve
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from .._record import ConflictError, ProgressRecord
from ..stores import save_merged
from ._ordinary import DAY, START
from ._store_extremes import a_record
from ._store_workers import Stores, can, outcome

__all__ = ["ModelLaws"]

# How much less is tried than of a property that needs no database, and how long each try is.
SHARE = 4
STEPS = 20

# What devices tell. It is little, for stores fail where things meet, and a failure shrinks fast.
NEWS: tuple[dict[str, Any], ...] = (
    {},
    {"position": 1 / 3, "milestone": 33.3, "played": 0b110000},
    {"position": 80, "duration": None, "milestone": 75},
    {"position": 0, "furthest": 90, "duration": None, "played": 0},
    {"milestone": 100, "completed": True, "completed_at": START},
    {"milestone": 100, "completed": True, "completed_at": START + DAY},
    {"completed": True},
    {"position": 5, "played": 1 << 60, "generation": 1},
)


def told(viewer: str, media: str, updated_at: float, news: dict[str, Any]) -> ProgressRecord:
    """Return what a device tells as a record."""
    return a_record(viewer=viewer, media=media, updated_at=updated_at, **news)


viewers = st.sampled_from(["ann", "Ann"])
medias = st.sampled_from(["intro", "intro ", "a:b", "\U0001f3ac"])
times = st.sampled_from([START, START + 1, START + 0.5, 0])
records = st.builds(told, viewers, medias, times, st.sampled_from(NEWS))
workers = st.integers(0, 1)
# How many revisions a record is behind what is stored.
delays = st.sampled_from([0, 0, 0, 1, -1])
limits = st.sampled_from([20, 1, 2])

# The fields of a record by name.
Row = dict[str, Any]


def row_of(record: ProgressRecord | ConflictError | None) -> Row | None:
    """Return what is stored, by what a store has answered, as the model keeps it."""
    if isinstance(record, ConflictError):
        record = record.stored
    return None if record is None else asdict(record)


def is_finished(row: Row) -> bool:
    """Return whether it was completed and not watched since."""
    at = row["completed_at"]
    return bool(row["completed"]) and (at is None or row["updated_at"] <= at)


def merged(one: Row, other: Row) -> Row:
    """Return what two versions of a record amount to."""
    if one["generation"] != other["generation"]:
        return one if one["generation"] > other["generation"] else other
    row = dict(one if _age(one) >= _age(other) else other)
    for name in ("milestone", "furthest", "completed", "updated_at"):
        row[name] = max(one[name], other[name])
    known = {one["completed_at"], other["completed_at"]} - {None}
    row["completed_at"] = min(known) if known else None
    row["played"] = one["played"] | other["played"]
    return row


def _age(row: Row) -> tuple[float, float, float]:
    return row["updated_at"], row["position"], row["duration"] or 0.0


class TwoWorkers(RuleBasedStateMachine):
    """Two stores of a namespace do anything in any order, and the model the same."""

    delivered: Bundle[ProgressRecord] = Bundle("delivered")

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.stores = stores
        self.namespace = stores.fresh_namespace()
        self.workers = [stores.open(self.namespace), stores.open(self.namespace)]
        self.rows: dict[tuple[str, str], Row] = {}

    # What is saved

    @initialize(worker=workers, some=st.lists(records, min_size=3, max_size=6))
    def begins(self, worker: int, some: list[ProgressRecord]) -> None:
        for record in some:
            self.deliver(worker, record)

    @rule(target=delivered, worker=workers, record=records)
    def delivers(self, worker: int, record: ProgressRecord) -> ProgressRecord:
        self.deliver(worker, record)
        return record

    @rule(worker=workers, record=delivered)
    def delivers_again(self, worker: int, record: ProgressRecord) -> None:
        self.deliver(worker, record)

    def deliver(self, worker: int, record: ProgressRecord) -> None:
        """Merge a record into the model and the store."""
        key = (record.viewer, record.media)
        stored = self.rows.get(key)
        row = {**asdict(record), "revision": 0}
        if stored is not None:
            row = {**merged(row, stored), "revision": stored["revision"]}
        if row != stored:
            self.rows[key] = {**row, "revision": row["revision"] + 1}
        assert row_of(save_merged(self.workers[worker], record)) == self.rows[key]
        self.looks_at_recent(1 - worker, record.viewer, 2)

    @rule(worker=workers, record=records, delay=delays)
    def saves(self, worker: int, record: ProgressRecord, delay: int) -> None:
        made = self.made(record, delay)
        self.expects((made, outcome(self.workers[worker], made)))
        self.looks_at_recent(1 - worker, record.viewer, 2)

    @precondition(lambda self: can(self.workers[0], "save_many"))
    @rule(worker=workers, batch=st.lists(st.tuples(records, delays), max_size=5))
    def saves_many(self, worker: int, batch: list[tuple[ProgressRecord, int]]) -> None:
        delays = {(record.viewer, record.media): delay for record, delay in batch}
        made = [self.made(one, delays[one.viewer, one.media]) for one, _ in batch]
        outcomes = self.workers[worker].save_many(made)
        assert len(outcomes) == len(made)
        self.expects(*zip(made, outcomes, strict=True))

    @rule(worker=workers, viewer=viewers, media=medias, at=times)
    def starts_over(self, worker: int, viewer: str, media: str, at: float) -> None:
        stored = self.load(worker, viewer, media)
        if stored is not None:
            made = stored.reset(at)
            self.expects((made, outcome(self.workers[worker], made)))

    def made(self, record: ProgressRecord, delay: int) -> ProgressRecord:
        """Return the record as one that was made from a stored revision, or nearly so."""
        stored = self.rows.get((record.viewer, record.media), {"revision": 0})
        return evolve(record, revision=max(0, stored["revision"] - delay))

    def expects(self, *outcomes: tuple[ProgressRecord, ProgressRecord | ConflictError]) -> None:
        """Save records in the model, and compare with what became of them in the store."""
        for record, found in outcomes:
            key = (record.viewer, record.media)
            stored = self.rows.get(key)
            wins = record.revision == (0 if stored is None else stored["revision"])
            if wins:
                stored = self.rows[key] = {**asdict(record), "revision": record.revision + 1}
            assert isinstance(found, ProgressRecord) is wins
            assert row_of(found) == stored

    # What is forgotten

    @precondition(lambda self: self.is_worth("delete_viewer"))
    @rule(worker=workers, viewer=viewers)
    def deletes(self, worker: int, viewer: str) -> None:
        kept = {key: row for key, row in self.rows.items() if key[0] != viewer}
        assert self.workers[worker].delete_viewer(viewer) == len(self.rows) - len(kept)
        self.rows = kept

    @precondition(lambda self: self.is_worth("purge"))
    @rule(worker=workers, before=times)
    def purges(self, worker: int, before: float) -> None:
        kept = {key: row for key, row in self.rows.items() if row["updated_at"] >= before}
        assert self.workers[worker].purge(before) == len(self.rows) - len(kept)
        self.rows = kept

    def is_worth(self, method: str) -> bool:
        """Return whether there is much to forget, and a method for it."""
        return len(self.rows) >= 4 and can(self.workers[0], method)

    # What is found

    @rule(worker=workers, viewer=viewers, media=medias)
    def loads(self, worker: int, viewer: str, media: str) -> None:
        self.load(worker, viewer, media)

    def load(self, worker: int, viewer: str, media: str) -> ProgressRecord | None:
        """Return what a store and the model agree is stored."""
        found = self.workers[worker].load(viewer, media)
        assert row_of(found) == self.rows.get((viewer, media))
        return found

    @rule(worker=workers, viewer=viewers, some=st.lists(medias))
    def loads_many(self, worker: int, viewer: str, some: list[str]) -> None:
        found = self.workers[worker].load_many(viewer, some)
        expected = {row["media"]: row for row in self.of(viewer) if row["media"] in some}
        assert {media: asdict(record) for media, record in found.items()} == expected

    @rule(worker=workers, viewer=viewers, limit=limits)
    def looks_at_recent(self, worker: int, viewer: str, limit: int) -> None:
        store = self.workers[worker]
        rows = sorted(self.of(viewer), key=lambda row: row["updated_at"], reverse=True)
        unfinished = [row for row in rows if not is_finished(row)]
        found = store.recent(viewer, limit)
        assert [asdict(record) for record in found] == unfinished[:limit]
        found = store.recent(viewer, limit, include_completed=True)
        assert [asdict(record) for record in found] == rows[:limit]

    @precondition(lambda self: can(self.workers[0], "export_viewer"))
    @rule(worker=workers, viewer=viewers)
    def exports(self, worker: int, viewer: str) -> None:
        found = self.workers[worker].export_viewer(viewer)
        assert [asdict(record) for record in found] == self.of(viewer)

    def of(self, viewer: str) -> list[Row]:
        """Return all rows of a viewer in order of media."""
        return [row for key, row in sorted(self.rows.items()) if key[0] == viewer]

    # Who does it

    @rule(worker=workers)
    def reopens(self, worker: int) -> None:
        self.workers[worker].close()
        self.workers[worker] = self.stores.open(self.namespace)

    def teardown(self) -> None:
        for worker in self.workers:
            worker.close()


class ModelLaws:
    """All of it together."""

    def test_it_does_what_a_plain_model_does(self, stores: Stores) -> None:
        """Whatever two stores do in turn, all that they return is what a model says.

        The active Hypothesis profile says how much is tried.
        """
        profile = settings()
        run_state_machine_as_test(
            lambda: TwoWorkers(stores),  # type: ignore[arg-type]  # a function is fine, it says
            settings=settings(
                profile,
                max_examples=max(1, profile.max_examples // SHARE),
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                # To shrink one failure is enough. To explain it would take ten times as long.
                report_multiple_bugs=False,
                phases=[phase for phase in profile.phases if phase is not Phase.explain],
            ),
        )
