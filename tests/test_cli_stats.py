"""`milestone-progress stats`: the plan's table for a deployment, and what records alone tell."""

import json
from pathlib import Path
from typing import Any

import pytest

from milestone_progress import Arm, IntervalTracker, ProgressRecord, Rollout, played_from_text
from milestone_progress.metrics import Counts, Metrics
from milestone_progress.simulator import Player
from milestone_progress.stores import ProgressStore
from milestone_progress.stores.sqlite import SQLiteStore
from recorders import NOW, SYNC, Desk
from servers import Server
from test_cli import run

SHADOWED = Counts(
    requests=120_000,
    failed=24,
    refused=1,
    writes=1_000,
    played=360_000.0,
    shadowed=36_000.0,
    shadow_writes=1_200,
    begun=200,
    completed=150,
    resumed=80,
    resumed_near=79,
    resume_error=40.0,
    started_over=12,
)
REPORTED = Counts(requests=90, writes=90, estimated=36_000.0, begun=10, completed=4)


def written(path: Path, **arms: Counts) -> str:
    metrics = Metrics()
    for arm, counts in arms.items():
        metrics.add(Arm(arm), counts)
    metrics.write(path)
    return str(path)


def table(*arguments: str) -> dict[str, list[str]]:
    """Return what is printed, by the name of the row."""
    done = run("stats", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = {}
    for line in done.stdout.decode().splitlines():
        name, rest = line[:28].strip(), line[28:]
        columns = [rest[start : start + 14].strip() for start in range(0, len(rest), 14)]
        rows[name] = columns
    return rows


def told(*arguments: str) -> dict[str, Any]:
    done = run("stats", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# By metrics


def test_the_table_tells_what_each_arm_costs_and_what_it_is_worth(tmp_path: Path) -> None:
    interval = Counts(requests=1, writes=1_180, played=36_000.0, begun=2, completed=1)
    path = written(tmp_path / "metrics.json", milestone=SHADOWED, interval=interval)
    done = run("stats", "--metrics", path)
    assert (
        done.stdout.decode()
        == """\
arm                              milestone      interval
hours played                         100.0          10.0
requests                           120,000             1
writes                               1,000         1,180
writes per hour played                10.0         118.0
  under the interval mode            120.0         118.0
  under the milestone mode            10.0       unknown
  reduction                         91.7 %       unknown
resumed viewings                        80             0
  within 2 s of the point           98.8 %       unknown
  mean distance from it              0.5 s       unknown
started over instead                    12             0
begun (first milestone)                200             2
completed                              150             1
  of those begun                    75.0 %        50.0 %
requests failed                         24             0
  of all                           0.020 %       0.000 %
"""
    )


def test_without_a_shadow_what_is_estimated_is_marked(tmp_path: Path) -> None:
    rows = table("--metrics", written(tmp_path / "metrics.json", milestone=REPORTED))
    assert rows["arm"] == ["milestone"]
    assert rows["hours played"] == ["~10.0"]
    assert rows["writes per hour played"] == ["~9.0"]
    assert rows["under the interval mode"] == ["~120.0"]
    assert rows["reduction"] == ["~92.5 %"]
    # Reports do not tell where playing began.
    assert rows["resumed viewings"] == ["unknown"]
    assert rows["within 2 s of the point"] == ["unknown"]
    assert any(name.startswith("~ estimated") for name in rows)


def test_files_of_several_workers_add_up(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{n}.json", milestone=SHADOWED) for n in range(3)]
    rows = table(*(argument for path in paths for argument in ("--metrics", path)))
    assert rows["requests"] == ["360,000"]
    assert rows["writes per hour played"] == ["10.0"]


def test_json_tells_the_same_and_null_for_what_nobody_knows(tmp_path: Path) -> None:
    path = written(tmp_path / "metrics.json", milestone=SHADOWED, interval=REPORTED)
    arms = told("--metrics", path)["arms"]
    assert arms["milestone"]["reduction"] == pytest.approx(1 - 10 / 120)
    assert arms["milestone"]["resume_accuracy"] == pytest.approx(79 / 80)
    assert arms["milestone"]["interval_writes_per_hour_estimated"] is None
    assert arms["interval"]["milestone_writes_per_hour"] is None
    assert arms["interval"]["interval_writes_per_hour"] == 9
    assert arms["interval"]["reduction"] is None
    assert arms["interval"]["hours_estimated"] == 10


def test_nothing_counted_is_said_to_be_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "metrics.json")
    assert run("stats", "--metrics", path).stdout == b"nothing was counted so far\n"
    assert told("--metrics", path) == {"arms": {}}


def test_a_recorder_s_own_metrics_make_the_table(tmp_path: Path) -> None:
    """An hour watched in one go: 9 saves, where the interval mode makes 121."""
    metrics = Metrics()
    desk = Desk(SYNC, policy=Rollout(percent=100, shadow=True), metrics=metrics)
    player = Player(duration=3600, at=NOW).play_to_end()
    for event in player:
        desk.recorder.handle("ann", "m", [event])
    metrics.write(tmp_path / "metrics.json")
    [arm] = told("--metrics", str(tmp_path / "metrics.json"))["arms"].values()
    assert arm["writes_per_hour"] == 9
    # Every 30 s, and that it was completed.
    assert arm["interval_writes_per_hour"] == len(IntervalTracker().feed(player)) == 121
    assert arm["reduction"] == pytest.approx(1 - 9 / 121)
    assert arm["completion_rate"] == 1


# By records


def saved(store: ProgressStore, viewer: str, media: str, **values: object) -> None:
    store.save(
        ProgressRecord(viewer=viewer, media=media, updated_at=1.0, **values)  # type: ignore[arg-type]  # the caller's care
    )


def test_records_alone_tell_what_was_reached_and_leave_the_rest_unknown(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'progress.db'}"
    with SQLiteStore(tmp_path / "progress.db") as store:
        saved(store, "ann", "one", position=50.0, duration=100.0, milestone=50)
        played = played_from_text("0-1799")
        saved(store, "ann", "two", position=5.0, milestone=100, completed=True, played=played)
        saved(store, "bob", "one", position=9.0)
        saved(store, "bob", "two", position=9.0)
        stored = store.load("bob", "two")
        assert stored is not None
        store.save(stored)
    done = run("stats", "--store", url)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (
        done.stdout.decode()
        == """\
records                     4
viewers                     2
media                       2
completed                   1
  of all records            25.0 %
writes                      5
hours played                0.5 (1 of 4 records tell)
writes per hour played      2.0
  under the interval mode   unknown
requests                    unknown
resume accuracy             unknown
requests failed             unknown

highest milestone reached
    none         2
    50 %         1
   100 %         1

unknown: only metrics tell, see --metrics
"""
    )
    found = told("--store", url)
    assert found["highest_milestones"] == {"0": 2, "50": 1, "100": 1}
    assert found["all"] is True
    assert found["interval_writes_per_hour"] is None


def test_a_store_without_records_is_no_error(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "progress.db").close()
    found = told("--store", f"sqlite:{tmp_path / 'progress.db'}")
    assert (found["records"], found["completion_rate"], found["hours"]) == (0, None, None)
    rows = table("--store", f"sqlite:{tmp_path / 'progress.db'}")
    assert rows["of all records"] == ["unknown"]


def test_other_namespaces_are_not_counted(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "progress.db", namespace="theirs") as store:
        saved(store, "ann", "one", position=50.0)
    url = f"sqlite:{tmp_path / 'progress.db'}"
    assert told("--store", url)["records"] == 0
    assert told("--store", url, "--namespace", "theirs")["records"] == 1


def test_a_store_that_cannot_list_its_records_says_what_to_do(valkey: Server) -> None:
    done = run("stats", "--store", valkey.url)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"use --metrics" in done.stderr


def test_a_misspelt_database_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "progres.db"
    for command in (["stats"], ["show", "--viewer", "ann"]):
        done = run(*command, "--store", f"sqlite:{path}")
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"there is no database" in done.stderr
        assert not path.exists()


# What is asked


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], b"required"),
        (["--store", "sqlite:x.db", "--metrics", "y.json"], b"not allowed with"),
        (["--metrics", "/no/such/file.json"], b"cannot read /no/such/file.json"),
        (["--store", "mysql://me:secret@host/db"], b"store must be"),
    ],
)
def test_what_cannot_be_carried_out_gets_a_plain_message(
    arguments: list[str], complaint: bytes
) -> None:
    done = run("stats", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert complaint in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"secret" not in done.stderr
