"""What the benchmarks say of their measurements, and that the docs say the same."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[1]
# They are scripts, and no package; without the extra `bench` all but the races can be imported.
sys.path.append(str(ROOT / "benchmarks"))

import compare  # noqa: E402  # as said
import picture  # noqa: E402  # as said
import publish  # noqa: E402  # as said
import scale  # noqa: E402  # as said
from endpoints import MEDIA, Take, by_hand, by_the_library  # noqa: E402  # as said
from goals import goals_of  # noqa: E402  # as said
from race import Race, Ratio  # noqa: E402  # as said
from report import Figure, Run, figures  # noqa: E402  # as said


def run_of(ratio: float = 2.0, *, python: str = "CPython 3.11.7", time: float = 40.0) -> Run:
    measured = [
        Figure("viewer-hour", "handle", "ns", time, time, time),
        Figure("viewer-hour", "handle / closure", "x", ratio, ratio, ratio),
        Figure("viewer-hour", "transitions / handle", "x", 100 / ratio, 1.0, 100.0, True),
        Figure("memory of a tracker", "live", "B", 300.0, 300.0, 300.0),
    ]
    return Run(python, 8, "2026-11-23", 0.5, measured)


# What is published


def test_the_pages_and_the_picture_are_made_of_what_is_kept_in_measured() -> None:
    outdated = [
        str(path)
        for path, text in publish.published().items()
        if (ROOT / path).read_text(encoding="utf-8") != text
    ]
    assert outdated == [], "run `python benchmarks/publish.py`"


def test_runs_of_the_oldest_and_the_newest_python_are_published_oldest_first() -> None:
    assert [run.interpreter for run in publish.kept()] == ["CPython 3.11", "CPython 3.13"]


def test_each_goal_is_one_of_a_figure_that_is_measured() -> None:
    for run in publish.kept():
        measured = {(figure.race, figure.name) for figure in run.figures}
        assert goals_of(run.python).keys() <= measured


def test_the_picture_shows_every_contestant_of_every_run_with_what_was_measured() -> None:
    runs = publish.kept()
    drawn = picture.drawing(runs)
    bars = re.findall(rf'<rect x="{picture.LEFT}" y="\d+" width="([\d.]+)"', drawn)
    taken = [run.figure("viewer-hour", name).median for name in picture.CONTESTANTS for run in runs]
    assert len(bars) == len(taken)
    by_length = sorted(range(len(bars)), key=lambda index: float(bars[index]))
    assert by_length == sorted(range(len(taken)), key=taken.__getitem__)
    assert [name for name in picture.CONTESTANTS if f">{name}<" not in drawn] == []


def test_a_bar_of_ten_times_the_time_is_as_much_longer_as_the_next_one_is() -> None:
    times = dict(zip(picture.CONTESTANTS, (20, 20, 20, 200, 2_000, 20_000), strict=True))
    measured = [Figure("viewer-hour", name, "ns", time, 0, 0) for name, time in times.items()]
    drawn = picture.drawing([evolve(run_of(), figures=measured)])
    bars = re.findall(rf'<rect x="{picture.LEFT}" y="\d+" width="([\d.]+)"', drawn)
    lengths = [float(bar) for bar in bars[2:]]
    steps = [longer - shorter for shorter, longer in pairwise(lengths)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)
    assert "2 µs = 100 x" in drawn


# Runs


def test_a_run_that_is_saved_is_read_back_as_it_was(tmp_path: Path) -> None:
    run = run_of()
    run.save(tmp_path / "run.json")
    assert Run.load_from(tmp_path / "run.json") == run
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["load"] == 0.5


def test_a_ratio_is_taken_within_each_round() -> None:
    race = Race("a race", dict, (Ratio("a", "b"),))
    # The machine was ten times as slow in the second round.
    rounds = [{"a": 10.0, "b": 5.0}, {"a": 100.0, "b": 50.0}, {"a": 3.0, "b": 1.0}]
    medians = {figure.name: figure.median for figure in figures(race, rounds)}
    assert medians == {"a": 10.0, "b": 5.0, "a / b": 2.0}


@pytest.mark.parametrize(
    ("ratio", "python", "verdict"),
    [
        (1.9, "CPython 3.11.7", "| ≤ 2.0 | met |"),
        (2.1, "CPython 3.11.7", "| ≤ 2.0 | NOT MET |"),
        (2.1, "CPython 3.13.0", "| ≤ 2.6 | met |"),
    ],
)
def test_a_goal_is_that_of_the_interpreter_of_the_run(
    ratio: float, python: str, verdict: str
) -> None:
    [line] = [
        line
        for line in run_of(ratio, python=python).table().splitlines()
        if line.startswith("| handle / closure |")
    ]
    assert line.endswith(verdict)


def test_a_goal_of_at_least_so_much_is_not_met_below_it() -> None:
    assert "| 50 x | 1-100 | ≥ 40 | met |" in run_of(2.0).table()
    assert "| 33.3 x | 1-100 | ≥ 40 | NOT MET |" in run_of(3.0).table()


# The gate


def test_a_ratio_within_the_slack_passes_and_one_beyond_it_does_not() -> None:
    assert compare.report_changes(run_of(2.0), run_of(2.9), 0.5) == 0
    assert compare.report_changes(run_of(2.0), run_of(3.1), 0.5) == 1


def test_a_ratio_of_which_more_is_better_is_worse_when_it_falls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compare.report_changes(run_of(2.0), run_of(4.0), 0.5)
    told = capsys.readouterr().out
    assert "transitions / handle | 50 | 25 | 2.00 | WORSE" in told
    assert "2 worse by more than 50%" in told


def test_a_time_is_never_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.report_changes(run_of(time=40.0), run_of(time=4_000.0), 0.15) == 0
    assert "4000" not in capsys.readouterr().out


def test_runs_of_other_interpreters_cannot_be_compared() -> None:
    assert compare.report_changes(run_of(), run_of(python="CPython 3.13.0"), 0.5) == 2
    assert compare.report_changes(run_of(), run_of(python="CPython 3.11.9"), 0.5) == 0


# The arithmetic of scale


def test_an_hour_of_a_thousand_viewers_is_what_was_simulated_a_thousand_times() -> None:
    assert scale.saves(1_000) * 3_600 == pytest.approx(12_387)
    assert scale.saves(1_000, scale.INTERVAL_SAVES) * 3_600 == pytest.approx(121_219)


def test_what_viewers_cause_grows_with_their_number() -> None:
    lines = scale.tables()["traffic"].splitlines()[2:]
    rows = [[cell.replace(",", "") for cell in line.strip("| ").split(" | ")] for line in lines]
    assert rows[0] == ["1000", "3.4", "34", "4000"]
    for less, more in pairwise(rows):
        assert [float(cell) * 10 for cell in less] == [float(cell) for cell in more]


def test_every_table_has_every_order_of_magnitude_from_a_thousand_to_a_hundred_million() -> None:
    for table in scale.tables().values():
        firsts = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]]
        assert firsts == ["1,000", "10,000", "100,000", "1,000,000", "10,000,000", "100,000,000"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0344, "0.034"), (3.44, "3.4"), (9.96, "10"), (34.4, "34"), (3_441, "3,400")],
)
def test_an_estimate_has_two_digits(value: float, text: str) -> None:
    assert scale.rounded(value) == text


@given(st.floats(min_value=1e-3, max_value=1e12))
def test_rounding_changes_a_number_by_a_twentieth_at_most(value: float) -> None:
    assert float(scale.rounded(value).replace(",", "")) == pytest.approx(value, rel=0.0501)


# The endpoints


@pytest.mark.parametrize("make", [by_hand, by_the_library])
def test_both_endpoints_take_a_report_and_refuse_what_is_none(
    tmp_path: Path, make: Callable[[Path], tuple[Take, Callable[[], object]]]
) -> None:
    take, close = make(tmp_path / "endpoint.db")
    report = {
        "current_time_seconds": 754.2,
        "total_duration_seconds": 3_600,
        "trigger_type": "milestone",
        "milestone_reached": 10,
    }

    def told(**changes: object) -> tuple[str, Mapping[str, object]]:
        return take("ann", MEDIA, json.dumps(report | changes).encode())

    try:
        status, answer = told()
        assert (status, answer["position"]) == ("200 OK", 754.2)
        for wrong in ("far", -1):
            assert told(current_time_seconds=wrong)[0].startswith("422")
        assert take("ann", MEDIA, b"not JSON")[0].startswith("422")
    finally:
        close()
