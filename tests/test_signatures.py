"""What is public stays as it is, unless somebody means to change it."""

from public_signatures import FILE, signatures


def test_no_public_name_or_signature_changes_unnoticed() -> None:
    # Whoever means it: `python tests/public_signatures.py`, and a line in the changelog.
    assert signatures().splitlines() == FILE.read_text(encoding="utf-8").splitlines()


def test_the_text_tells_of_methods_properties_defaults_and_values() -> None:
    told = signatures().splitlines()
    for line in (
        "milestone_progress.LARGEST_BODY: 65536",
        "milestone_progress.Trigger.SEEK = 'seek'",
        "milestone_progress.Tracker.position: float  # property",
        "milestone_progress.rollout.Arm is milestone_progress.Arm",
        "async milestone_progress.AsyncRecorder.tick(self, now: float | None = None) -> None",
        "milestone_progress.format_time(seconds: float) -> str",
    ):
        assert line in told
