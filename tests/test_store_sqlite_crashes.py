"""SQLite shared by processes: killed, started at once, writing one row, forked."""

import os
from pathlib import Path

import pytest

from sqlite_rigs import rig

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs to fork processes")


def test_no_acknowledged_save_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    figures = rig("crashes", tmp_path, 20, "a seed", "normal")
    assert figures["kills"] == 20
    assert figures["acknowledged"] > 100
    assert (figures["lost"], figures["corrupt"]) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("synchronous", ["full", "normal"])
def test_no_acknowledged_save_is_lost_however_many_are_killed(
    tmp_path: Path, synchronous: str
) -> None:
    figures = rig("crashes", tmp_path, 500, "another seed", synchronous)
    assert figures["kills"] == 500
    assert figures["acknowledged"] > 5_000
    assert (figures["lost"], figures["corrupt"]) == (0, 0)


@pytest.mark.parametrize("database", ["new", "old"])
def test_processes_that_start_at_once_all_get_going(tmp_path: Path, database: str) -> None:
    assert rig("starts", tmp_path, 16, database) == {"revision": 16, "played": 16}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["new", "old"])
def test_processes_that_start_at_once_always_get_going(tmp_path: Path, database: str) -> None:
    for attempt in range(50):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        assert rig("starts", folder, 16, database) == {"revision": 16, "played": 16}


def test_nothing_is_lost_when_processes_save_one_record(tmp_path: Path) -> None:
    # The threads of each share a store.
    assert rig("one_row", tmp_path, 8, 8, 5) == {"revision": 320, "played": 320}


def test_a_forked_process_may_use_what_it_inherited_and_loses_nothing(tmp_path: Path) -> None:
    stored = rig("fork", tmp_path)
    assert stored == {
        "parent before": 1,
        "parent after": 1,
        "inherited before": 1,
        "inherited after": 1,
        "own before": 1,
        "own after": 1,
    }
