"""`simulate`, run as its users run it."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from milestone_progress import SavePolicy, Tracker, _cli_plot
from milestone_progress import _cli_simulate as simulate
from milestone_progress._cli import main
from milestone_progress.simulator import BEHAVIOURS, MIXES, Audience, compare

TRACES = Path(__file__).parent / "traces"
FEW = ("--viewers", "6", "--duration", "300")
FIGURES = [
    "saves_per_viewer_hour",
    "mean",
    "p95",
    "worst",
    "saves",
    "saves_per_hour_in_all",
    "fewer",
    "fewer_in_all",
    "requests",
    "lost_at_crash_mean",
    "lost_at_crash_worst",
    "undecided_worst",
    "allowed",
    "beyond_the_law",
    "resumed",
    "resume_error_mean",
    "resume_error_p95",
    "resume_error_worst",
    "resumed_at_once",
    "completed",
]
# Of `simulate --viewers 8 --duration 30 3600 --seed 7 --json`, without what names the policy. Who
# changes a viewer, a measure or a decision changes it; nothing else does, no version of Python and
# no number of processes.
GOLDEN = "e1fa89eb537ce2ced5e0aacc430bcd4c97c675b006d432f30cca7c42870128e4"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["simulate", *arguments]) == 0
    return capsys.readouterr().out


def figures(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(printed(capsys, "--json", *arguments))
    return result


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["simulate", *arguments]) == 2
    out, message = capsys.readouterr()
    assert out == ""
    assert message.count("\n") == 1
    assert len(message) < 400
    return message


def test_json_is_all_that_is_printed_and_has_exactly_the_documented_keys() -> None:
    command = [sys.executable, "-m", "milestone_progress", "simulate", "--json", *FEW]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    assert done.stderr == b""
    assert list(found) == [
        "mix",
        "seed",
        "seconds_between_reports",
        "policy",
        "duration",
        "viewers",
        "viewer_hours",
        "policies",
        "lengths",
    ]
    assert list(found["policies"]) == ["milestone", "interval", "thinned"]
    for told in found["policies"].values():
        assert list(told) == FIGURES
        assert isinstance(told["saves_per_viewer_hour"], float)


def test_what_is_printed_is_what_was_compared(capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(capsys, *FEW, "--seed", "5", "--mix", "notes", "--policy", "max_unsaved=60")
    audience = Audience(duration=300, viewers=6, mix=MIXES["notes"], seed=5)
    policy = SavePolicy(max_unsaved=60)
    compared = compare(audience, simulate._policies(policy, 300))
    assert found["viewer_hours"] == pytest.approx(compared.viewer_hours, abs=0.001)
    assert found["policy"]["max_unsaved"] == 60
    for name, told in found["policies"].items():
        for key in FIGURES:
            assert told[key] == pytest.approx(getattr(compared.policies[name], key), abs=0.001)


def test_the_figures_at_the_top_are_those_of_the_length_nearest_to_an_hour(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = figures(capsys, "--viewers", "2", "--duration", "3000", "30", "300")
    assert [one["duration"] for one in found["lengths"]] == [30, 300, 3000]
    top = {key: found[key] for key in ("duration", "viewers", "viewer_hours", "policies")}
    assert top == found["lengths"][2]


def test_without_options_all_lengths_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "VIEWERS", 1)
    text = printed(capsys)
    heads = [line.split(":")[0] for line in text.splitlines() if line.startswith("media of")]
    lengths = ["30 s", "5 min", "20 min", "1 h", "3 h", "10 h"]
    assert heads == [f"media of {length}" for length in lengths]


def test_the_same_seed_gives_the_same_bytes_whoever_does_the_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("--viewers", "24", "--duration", "120", "--mix", "subway")
    alone = printed(capsys, *arguments)
    assert printed(capsys, *arguments, "--jobs", "1") == alone
    assert printed(capsys, *arguments, "--jobs", "2") == alone
    assert printed(capsys, *arguments, "--seed", "2") != alone


def test_every_python_prints_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(capsys, "--viewers", "8", "--duration", "30", "3600", "--seed", "7")
    del found["policy"]
    assert sha256(json.dumps(found).encode()).hexdigest() == GOLDEN


def test_the_table_fits_a_terminal_and_its_speed_is_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["simulate", *FEW]) == 0
    out, told = capsys.readouterr()
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[3:6]] == ["milestone", "interval", "thinned"]
    assert lines[6].startswith("undecided at most: ")
    assert "viewer-hours in" in told
    assert "\r" not in told


def test_a_policy_setting_is_the_milestone_modes_alone(capsys: pytest.CaptureFixture[str]) -> None:
    plain = figures(capsys, "--viewers", "4", "--duration", "1800")["policies"]
    careful = figures(capsys, "--viewers", "4", "--duration", "1800", "--policy", "max_unsaved=60")[
        "policies"
    ]
    assert careful["interval"] == plain["interval"]
    assert careful["milestone"]["saves"] > plain["milestone"]["saves"]


def test_recordings_take_the_place_of_viewers(capsys: pytest.CaptureFixture[str]) -> None:
    straight = str(TRACES / "b-straight-3600s-16x-chromium.jsonl")
    switched = str(TRACES / "l-source-switch-chromium.jsonl")
    found = figures(capsys, "--traces", straight, switched)
    assert found["traces"] == [straight, switched]
    assert (found["duration"], found["viewers"]) == (None, 4)
    alone = figures(capsys, "--traces", straight)["policies"]
    assert alone["milestone"]["saves"] == 9
    assert 100 <= alone["interval"]["saves"] <= 121
    assert printed(capsys, "--traces", straight).startswith(
        "recordings: 1 viewer, 0.1 viewer-hours"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mix", "nobody"], "--mix 'nobody': not one of default, lectures"),
        (["--viewers", "0"], "--viewers 0: it takes at least 1"),
        (["--jobs", "0"], "--jobs 0: it takes at least 1"),
        (["--duration", "0"], "--duration 0: it takes more than 0 and at most 360000 seconds"),
        (["--duration", "30", "nan"], "--duration nan: it takes more than 0"),
        (["--duration", "360001"], "--duration 360001: it takes"),
        (["--policy", "max_unsaved=0"], "--policy: max_unsaved must be more than 0 seconds"),
        (["--policy", "interval=60"], "--policy interval=60: not NAME=VALUE with one of"),
        (["--traces", "nowhere.jsonl"], "cannot read nowhere.jsonl: No such file"),
        (["--traces", "x", "--seed", "1"], "--seed is of simulated viewers"),
        (["--plot", "picture.nothing", *FEW[:2], "--duration", "5"], "picture.nothing"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    if "--plot" in arguments:
        assert main(["simulate", "--json", *arguments]) == 2
        assert message in capsys.readouterr().err
    else:
        assert message in complaint(capsys, *arguments)


def test_a_recording_of_nothing_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_text('{"type": "play", "at": 1, "position": 0}\n')
    assert "no time passes" in complaint(capsys, "--traces", str(trace))


def test_a_tracker_that_breaks_the_law_is_shown_and_ends_in_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tracker, "_room", lambda _: float("inf"))
    arguments = ["simulate", "--viewers", "2", "--duration", "3600", "--mix", "straight"]
    assert main(arguments) == 2
    out, message = capsys.readouterr()
    assert out.startswith("media of 1 h: 2 viewers")
    assert "milestone left 899.938 s" in message
    assert "bounded loss allows 641.266" in message


def test_a_picture_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    printed(capsys, *FEW, "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    drawn = tmp_path / "picture.svg"
    trace = str(TRACES / "d-seeks-chromium.jsonl")
    printed(capsys, "--traces", trace, "--plot", str(drawn))
    assert b"<svg" in drawn.read_bytes()


def test_a_picture_takes_matplotlib_and_says_so_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cli_plot, "find_spec", lambda _: None)
    assert "milestone-progress[viz]" in complaint(capsys, *FEW, "--plot", "picture.png")


class Terminal:
    """Takes what is printed, and is a terminal."""

    def __init__(self) -> None:
        self.told = ""

    def write(self, text: str) -> int:
        self.told += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_is_wiped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["simulate", "--json", "--viewers", "20", "--duration", "30"]) == 0
    assert "\r[####################                    ]  50 %" in terminal.told
    assert terminal.told.endswith("\r\x1b[K")


def test_the_documentation_names_every_mix_and_every_figure() -> None:
    text = (TRACES.parents[1] / "docs" / "simulate.md").read_text(encoding="utf-8")
    for name in [*MIXES, *BEHAVIOURS, *FIGURES]:
        assert f"`{name}`" in text


@pytest.mark.slow
def test_the_command_keeps_the_promise_of_an_hour(capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(capsys, "--viewers", "1000", "--duration", "3600", "--jobs", "2")["policies"]
    assert found["milestone"]["saves_per_viewer_hour"] <= 12
    assert found["milestone"]["fewer"] >= 85
    assert found["milestone"]["beyond_the_law"] == []
