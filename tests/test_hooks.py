"""Hooks: what operators are told, and what nobody who has no business with it is."""

import logging
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from milestone_progress import BacklogFull, Claim, Plausibility, StoreError, Trigger
from milestone_progress.hooks import Details, Hook, Occasion, logging_hook, prometheus_hook
from recorders import NOW, Desk, Kind, both, new

SECRETS = ("ann@example.org", "secret-media", "password")


def happens_once(kind: Kind, hook: Hook) -> Desk:
    """Let everything happen that hooks are told of, to a viewer and a media that are secret."""
    desk = Desk(kind, hooks=[hook], backlog_limit=1, backlog_full=BacklogFull.REFUSE)
    viewer, media, _ = SECRETS
    report = new(50.0, milestone=50, trigger=Trigger.MILESTONE)
    desk.store.poison[media] = StoreError("password of ann@example.org is wrong for secret-media")
    desk.recorder.report(viewer, media, report)
    desk.recorder.report(f"another {viewer}", media, report)
    desk.store.poison.clear()
    desk.drain()
    desk.clock.now += 10
    desk.recorder.complete(viewer, media)
    return desk


@both
def test_each_occasion_is_told_of_once_with_all_there_is_to_know(kind: Kind) -> None:
    told: list[Details] = []
    desk = happens_once(kind, told.append)
    viewer, media, _ = SECRETS
    kept, lost, retry, save, completing, completion = told
    assert all(details.media == media for details in told)
    assert lost.viewer == f"another {viewer}"
    assert {details.viewer for details in told if details is not lost} == {viewer}
    for failure in (kept, lost):
        assert (failure.occasion, failure.at) == (Occasion.FAILURE, NOW)
        assert (failure.trigger, failure.record) == (Trigger.MILESTONE, None)
        assert isinstance(failure.error, StoreError)
    assert (kept.lost, lost.lost) == (False, True)
    assert (retry.occasion, retry.trigger) == (Occasion.RETRY, Trigger.MILESTONE)
    assert (save.occasion, save.reached) == (Occasion.SAVE, (10, 25, 50))
    assert (completing.occasion, completing.reached) == (Occasion.SAVE, (75, 90, 95, 100))
    assert (completion.occasion, completion.reached) == (Occasion.COMPLETION, ())
    assert completion.record == completing.record == desk.below.load(viewer, media)
    assert completion.trigger is completing.trigger is Trigger.COMPLETION
    assert {details.error for details in (retry, save, completing, completion)} == {None}
    assert completion.at == desk.clock.now


@both
def test_a_hook_that_raises_hinders_nobody_and_is_logged(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    def careless(details: Details) -> None:
        raise KeyError(details.viewer)

    caplog.set_level(logging.DEBUG)
    told: list[Details] = []
    desk = Desk(kind, hooks=[careless, told.append])
    assert desk.recorder.report("ann", "m", new()).written
    assert [details.occasion for details in told] == [Occasion.SAVE]
    loud, quiet = (record for record in caplog.records if record.name == "milestone_progress")
    assert (loud.levelname, loud.getMessage()) == ("ERROR", "a hook failed at a save: KeyError")
    # Its traceback may tell whose progress it was about.
    assert loud.exc_info is None
    assert quiet.levelname == "DEBUG"
    assert quiet.exc_info is not None


@both
def test_what_ends_a_program_is_not_swallowed(kind: Kind) -> None:
    def stops(_details: Details) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Desk(kind, hooks=[stops]).recorder.report("ann", "m", new())


def logged(caplog: pytest.LogCaptureFixture, lowest: int) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.levelno >= lowest
    ]


@both
def test_the_log_tells_what_happened_but_whose_it_is_at_debug_only(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "milestone_progress")
    happens_once(kind, logging_hook())
    assert logged(caplog, logging.INFO) == [
        ("WARNING", "failure: trigger milestone, StoreError, kept to be saved later"),
        ("WARNING", "failure: trigger milestone, StoreError, lost"),
        ("INFO", "retry: trigger milestone"),
        ("INFO", "save: trigger milestone"),
        ("INFO", "save: trigger completion"),
        ("INFO", "completion: trigger completion"),
    ]
    for record in caplog.records:
        if record.levelno >= logging.INFO:
            assert not any(secret in str(vars(record)) for secret in SECRETS)
    in_full = [text for level, text in logged(caplog, logging.DEBUG) if level == "DEBUG"]
    assert len(in_full) == 6
    for secret in SECRETS[:2]:
        assert all(secret in text for text in in_full)
    assert "password" in in_full[0]


@both
def test_the_log_tells_at_debug_what_was_claimed(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "milestone_progress")
    desk = Desk(kind, hooks=[logging_hook()], plausibility=Plausibility())
    desk.recorder.load("ann", "m")
    desk.recorder.report("ann", "m", new(3600.0, duration=3600.0, trigger=Trigger.COMPLETION))
    assert ("INFO", "implausible: trigger completion") in logged(caplog, logging.INFO)
    [claimed] = [text for _, text in logged(caplog, logging.DEBUG) if "claimed=" in text]
    assert claimed.startswith("implausible: viewer 'ann', media 'm'")
    assert str(Claim.COMPLETION) in claimed


@both
def test_the_log_is_as_quiet_as_it_is_asked_to_be(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "an application")
    happens_once(kind, logging_hook(logging.getLogger("an application")))
    assert {record.name for record in caplog.records} == {"an application"}
    assert {record.levelname for record in caplog.records} == {"INFO", "WARNING"}


def test_what_nobody_knows_the_trigger_of_is_logged_and_counted_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "milestone_progress")
    details = Details(occasion=Occasion.RETRY, at=NOW, viewer="ann", media="m")
    logging_hook()(details)
    assert logged(caplog, logging.INFO) == [("INFO", "retry: trigger unknown")]
    registry = CollectorRegistry()
    prometheus_hook(registry)(details)
    assert counted(registry)["milestone_progress_occasions_total", "retry", "unknown"] == 1


def counted(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Return the counts by their name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }


@both
def test_prometheus_counts_without_saying_whose_it_is(kind: Kind) -> None:
    registry = CollectorRegistry()
    happens_once(kind, prometheus_hook(registry))
    assert counted(registry) == {
        ("milestone_progress_occasions_total", "failure", "milestone"): 2,
        ("milestone_progress_occasions_total", "retry", "milestone"): 1,
        ("milestone_progress_occasions_total", "save", "milestone"): 1,
        ("milestone_progress_occasions_total", "save", "completion"): 1,
        ("milestone_progress_occasions_total", "completion", "completion"): 1,
        ("milestone_progress_lost_total",): 1,
    }
    labels = {
        name for metric in registry.collect() for one in metric.samples for name in one.labels
    }
    assert labels == {"occasion", "trigger"}
    # All of them belong to the registry that was given.
    assert not any(name.startswith("milestone_progress") for name, *_ in counted(REGISTRY))


def test_prometheus_counts_in_the_default_registry_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = CollectorRegistry()
    monkeypatch.setattr("prometheus_client.REGISTRY", registry)
    prometheus_hook()(Details(occasion=Occasion.SAVE, at=NOW, viewer="ann", media="m"))
    assert counted(registry)["milestone_progress_occasions_total", "save", "unknown"] == 1


def test_each_registry_takes_one_such_hook() -> None:
    registry = CollectorRegistry()
    prometheus_hook(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        prometheus_hook(registry)


def test_who_has_no_use_for_logging_or_prometheus_does_not_load_them() -> None:
    statement = (
        "import sys, milestone_progress.hooks;"
        "print({'logging', 'prometheus_client'} & sys.modules.keys())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", statement], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "set()\n"
