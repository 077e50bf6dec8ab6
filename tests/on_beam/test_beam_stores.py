"""What the example on Apache Beam saves, the table it makes, and its command."""

import json
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: the extra `beam` has it")

import pipeline
import test_readme
from clickstreams import DEFAULT, batches, by_key, expected, recordings, simulated, stored
from comparison import Policies, as_text
from milestone_progress import IntervalPolicy, ProgressRecord, SavePolicy, StoreError
from milestone_progress.simulator import compare_recordings, recorded
from milestone_progress.stores import open_store
from milestone_progress.stores.sqlite import SQLiteStore
from on_beam.running import Run


def what_is_stored(path: Path) -> dict[tuple[str, str], ProgressRecord]:
    store = SQLiteStore(path)
    try:
        return {(one.viewer, one.media): one for one in store.records(1_000)}
    finally:
        store.close()


def without_revisions(
    records: dict[tuple[str, str], ProgressRecord],
) -> dict[tuple[str, str], ProgressRecord]:
    return {name: record.with_revision(0) for name, record in records.items()}


@pytest.mark.parametrize("again", [0, 1])
def test_what_is_stored_is_what_a_server_stores_that_saves_each_decision(
    tmp_path: Path, again: int
) -> None:
    viewings = recordings()
    path = tmp_path / "progress.sqlite"
    opening = partial(open_store, f"sqlite:{path}")
    Run(DEFAULT, store=opening).at_once(batches(viewings, 1), again=again)
    assert without_revisions(what_is_stored(path)) == without_revisions(stored(viewings))


def test_doing_all_of_it_again_writes_nothing(tmp_path: Path) -> None:
    viewings = recordings()
    path = tmp_path / "progress.sqlite"
    opening = partial(open_store, f"sqlite:{path}")
    Run(DEFAULT, store=opening).at_once(batches(viewings, 1))
    before = what_is_stored(path)
    Run(DEFAULT, store=opening).at_once(batches(viewings, 2), again=1)
    # The revisions, too.
    assert what_is_stored(path) == before


class FailingHalfWay(SQLiteStore):
    """A store that fails at its tenth save, after that of others has been written."""

    saves = 0

    def save(self, record: ProgressRecord) -> ProgressRecord:
        self.saves += 1
        if self.saves == 10:
            raise StoreError("it is down")
        return super().save(record)


def test_a_store_that_fails_half_way_fails_the_bundle_and_doing_it_again_repairs_all(
    tmp_path: Path,
) -> None:
    viewings = recordings()
    path = tmp_path / "progress.sqlite"
    with pytest.raises(Exception, match="it is down"):
        Run(DEFAULT, store=partial(FailingHalfWay, path)).at_once(batches(viewings, 1))
    assert 0 < len(what_is_stored(path)) < len(stored(viewings))
    Run(DEFAULT, store=partial(open_store, f"sqlite:{path}")).at_once(batches(viewings, 1))
    assert without_revisions(what_is_stored(path)) == without_revisions(stored(viewings))


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    path = tmp_path / "clicks.jsonl"
    lines = [*batches(simulated(30), 1), b"no line"]
    path.write_bytes(b"\n".join(lines))
    return path


def test_the_command_writes_decisions_dead_letters_and_a_store(
    clicks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decisions, dead = tmp_path / "decisions.jsonl", tmp_path / "dead.jsonl"
    path = tmp_path / "progress.sqlite"
    arguments = ["--input", str(clicks), "--store", f"sqlite:{path}"]
    pipeline.main([*arguments, "--decisions", str(decisions), "--dead-letters", str(dead)])
    viewings = simulated(30)
    told = [json.loads(one) for one in decisions.read_text().splitlines()]
    assert by_key(told) == expected(viewings)
    assert [json.loads(one)["line"] for one in dead.read_text().splitlines()] == ["no line"]
    assert len(what_is_stored(path)) == len({key[:2] for key in expected(viewings)})
    counted = dict(one.split(": ") for one in capsys.readouterr().err.splitlines() if ": " in one)
    assert counted["events"] == str(sum(len(events) for events in viewings.values()))
    assert counted["bad_lines"] == "1"
    assert counted["decisions"] == str(len(told))


def test_the_table_is_that_of_the_comparison_of_recordings(clicks: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.txt"
    pipeline.main(["--input", str(clicks), "--table", str(table)])
    viewers = [recorded(events) for _, events in sorted(simulated(30).items())]
    policies: Policies = {"milestone": SavePolicy(), "interval": IntervalPolicy()}
    assert table.read_text().strip("\n") == as_text(compare_recordings(viewers, policies))


def test_a_pipeline_without_events_says_so(tmp_path: Path) -> None:
    empty, table = tmp_path / "empty.jsonl", tmp_path / "table.txt"
    empty.write_bytes(b"\n")
    pipeline.main(["--input", str(empty), "--table", str(table)])
    assert table.read_text() == "no time passes in these events\n"


def test_the_how_to_prints_what_it_is_said_to_print() -> None:
    test_readme.test_the_examples_of_a_page_print_what_they_are_said_to_print("docs/beam.md")
