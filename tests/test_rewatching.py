"""Who completed a media and watches it again can resume there (6.4)."""

from typing import Literal

import pytest

from milestone_progress import (
    ProgressRecord,
    Recorder,
    ResumeReason,
    SavePolicy,
    parse_report,
    resume_point,
)
from milestone_progress.stores.memory import MemoryStore

NOW = 1_800_000_000.0
HOUR = 3600.0


def at(seconds: float) -> str:
    return f'{{"current_time_seconds": {seconds}, "total_duration_seconds": {HOUR}}}'


@pytest.mark.parametrize("basis", ["position", "played"])
def test_what_completes_by_played_seconds_says_nothing_of_where_a_rewatch_has_got(
    basis: Literal["position", "played"],
) -> None:
    policy = SavePolicy(basis=basis, completion_percent=50)
    rewatched = ProgressRecord(
        viewer="ann",
        media="film",
        position=2400,
        duration=HOUR,
        milestone=100,
        completed=True,
        completed_at=NOW - 86_400,
        updated_at=NOW,
    )
    point = resume_point(rewatched, now=NOW, completion=policy)
    # By position, beyond where it is complete is what follows: credits.
    expected = ResumeReason.FINISHED if basis == "position" else ResumeReason.RESUMED
    assert point.reason is expected


def test_a_rewatch_shows_at_its_first_save_though_nobody_knows_when_it_was_completed() -> None:
    now = [NOW]
    store = MemoryStore()
    store.save(
        ProgressRecord(
            viewer="ann",
            media="film",
            position=HOUR,
            duration=HOUR,
            milestone=100,
            completed=True,
            updated_at=NOW,
        )
    )
    with Recorder(store, clock=lambda: now[0]) as recorder:
        assert recorder.resume_choice("ann", "film").reason is ResumeReason.FINISHED
        for seconds in (600, 1200):
            now[0] += 1000
            assert recorder.report("ann", "film", parse_report(at(seconds))).written
            choice = recorder.resume_choice("ann", "film")
            assert (choice.reason, choice.position) == (ResumeReason.RESUMED, seconds)
            assert [record.media for record in recorder.recent("ann")] == ["film"]
