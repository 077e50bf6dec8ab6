"""The command line, run as its users run it: as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

from milestone_progress import _cli_plot, format_time
from milestone_progress._cli import main

TRACES = Path(__file__).parent / "traces"
DECISION_KEYS = [
    "media",
    "at",
    "trigger",
    "position",
    "duration",
    "percent",
    "milestone",
    "last_milestone",
    "completed",
]


def run(
    *arguments: str, given: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "milestone_progress", *arguments],
        input=given,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


def decisions(*arguments: str, given: bytes = b"") -> list[dict[str, object]]:
    done = run("replay", "--json", *arguments, given=given)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def lines(*events: dict[str, object]) -> bytes:
    return b"\n".join(json.dumps(event).encode() for event in events)


def watched(end: float, *, at: float = 0.0) -> list[dict[str, object]]:
    seconds = range(1, int(end) + 1)
    return [
        {"type": "loadedmetadata", "at": at, "duration": 100},
        {"type": "play", "at": at, "position": 0},
        *({"type": "timeupdate", "at": at + second, "position": second} for second in seconds),
    ]


def complaint(arguments: Sequence[str], given: bytes = b"") -> str:
    done = run("replay", *arguments, given=given)
    assert done.returncode == 2
    message = done.stderr.decode()
    assert "Traceback" not in message
    assert message.count("\n") == 1
    assert len(message) < 400
    return message


def test_the_demo_shows_the_nine_saves_of_an_hour() -> None:
    done = run("replay", "--demo")
    assert done.returncode == 0
    table, summary = done.stdout.decode().split("\n\n")
    rows = table.splitlines()
    assert rows[0].split() == ["time", "trigger", "position", "percent", "milestone"]
    triggers = [row.split()[1] for row in rows[1:]]
    assert triggers == [
        *["milestone"] * 2,
        "checkpoint",
        "milestone",
        "checkpoint",
        *["milestone"] * 3,
        "completion",
    ]
    assert rows[1].split() == ["0:23", "milestone", "6:01", "10.0", "%", "10", "%"]
    assert rows[-1].split() == ["3:48", "completion", "1:00:00", "100.0", "%", "100", "%"]
    said = {line[:26].strip(): line[26:] for line in summary.splitlines()}
    assert said["saves"] == "9"
    assert 100 <= int(said["interval mode would"]) <= 120
    assert said["longest stretch at risk"] == "10:03"
    assert said["final position"] == "1:00:00"
    assert set(said) == {
        "saves",
        "interval mode would",
        "reduction",
        "longest stretch at risk",
        "coverage",
        "final position",
    }


def test_the_demo_is_the_recording_of_the_tests() -> None:
    recording = TRACES / "b-straight-3600s-16x-chromium.jsonl"
    assert decisions("--demo") == decisions(str(recording))


def test_json_is_one_line_per_decision_with_exactly_the_documented_keys() -> None:
    found = decisions(str(TRACES / "d-seeks-chromium.jsonl"))
    assert found
    assert all(list(decision) == DECISION_KEYS for decision in found)


def test_a_decision_without_duration_says_null() -> None:
    trace = lines(
        {"type": "play", "at": 0, "position": 0, "duration": "Infinity"},
        {"type": "timeupdate", "at": 20, "position": 20},
        {"type": "pagehide", "at": 20, "position": 20},
    )
    [decision] = decisions("-", given=trace)
    assert (decision["trigger"], decision["duration"], decision["percent"]) == (
        "unload",
        None,
        None,
    )


def test_an_emptied_after_playback_ends_a_media_and_one_before_is_skipped() -> None:
    trace = lines(
        {"type": "emptied", "at": 0, "duration": "NaN"},
        *watched(15),
        {"type": "emptied", "at": 16, "duration": "NaN"},
        {"type": "durationchange", "at": 16, "duration": 100},
        {"type": "pagehide", "at": 16, "position": 0},
        {"type": "emptied", "at": 16, "duration": "NaN"},
        *watched(12, at=17),
    )
    found = [(decision["media"], decision["trigger"]) for decision in decisions("-", given=trace)]
    assert found == [(0, "milestone"), (0, "unload"), (1, "milestone")]


def test_each_trace_begins_a_new_media(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_bytes(lines(*watched(12)))
    assert [one["media"] for one in decisions(str(trace), str(trace))] == [0, 1]
    table = run("replay", str(trace), str(trace)).stdout.decode()
    assert table.startswith("media")
    assert "final position of media 1" in table


def test_dropped_types_are_as_if_never_recorded() -> None:
    trace = TRACES / "d-seeks-chromium.jsonl"
    kept = b"\n".join(
        line
        for line in trace.read_bytes().splitlines()
        if json.loads(line)["type"] not in {"seeking", "playing"}
    )
    dropped = decisions(str(trace), "--drop", "seeking,playing")
    assert dropped == decisions("-", given=kept)
    assert dropped == decisions(str(trace), "--drop", "seeking", "--drop", "playing")
    assert dropped != decisions(str(trace), "--drop", "timeupdate")


def test_settings_of_the_policy_can_be_given() -> None:
    trace = lines(*watched(60))
    found = decisions(
        "-", "--policy", "milestones=12.5,50,100", "--policy", "max_unsaved=none", given=trace
    )
    assert [decision["milestone"] for decision in found] == [12.5, 50]
    [last] = run("replay", "-", "--policy", "milestones=100", given=trace).stdout.splitlines()[-1:]
    assert last == b"final position            1:00"


def test_the_interval_mode_saves_every_thirty_seconds_played() -> None:
    found = decisions("-", "--interval", given=lines(*watched(95)))
    assert [(one["trigger"], one["position"]) for one in found] == [
        ("interval", 30),
        ("interval", 60),
        ("interval", 90),
    ]
    found = decisions("-", "--interval", "--policy", "interval=45", given=lines(*watched(95)))
    assert [one["position"] for one in found] == [45, 90]


def test_the_final_position_of_a_media_is_where_it_was_before_it_was_dropped() -> None:
    done = run("replay", "--interval", str(TRACES / "l-source-switch-chromium.jsonl"))
    assert "final position of media 0 0:20" in done.stdout.decode()


def test_blank_lines_a_byte_order_mark_and_a_missing_last_newline_are_no_problem() -> None:
    trace = b"\xef\xbb\xbf\n\n" + lines(*watched(12)) + b"\n\n"
    assert len(decisions("-", given=trace)) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"type": "play", "at": 1', "JSON"),
        (b"nonsense", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"9" * 5_000, "JSON"),
        (b"[1, 2]", "event must be an object"),
        (b"{}", "type must be"),
        (b'{"type": 1}', "type must be"),
        (b'{"type": "play", "position": 1}', "at must be"),
        (b'{"type": "play", "at": 1}', "position must be"),
        (b'{"type": "play", "at": 1, "position": NaN}', "position must be"),
        (b'{"type": "play", "at": 1, "position": 1e999}', "position must be"),
        (b'{"type": "play", "at": true, "position": 1}', "at must be"),
        (b'{"type": "tick", "at": 1, "duration": "long"}', "duration must be"),
        (b'{"type": "play", "pad": "' + b"a" * 10_000_000 + b'"}', "longer than"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_line_is_reported_with_file_and_number(
    tmp_path: Path, bad: bytes, reason: str
) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_bytes(lines(*watched(12)) + b"\n\n" + bad + b"\n")
    message = complaint([str(trace)])
    assert f"{trace}:16: " in message
    assert reason in message


def test_decisions_before_a_bad_line_are_still_said_as_json() -> None:
    done = run("replay", "--json", "-", given=lines(*watched(12)) + b"\nnonsense")
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 1


def test_what_cannot_be_read_gets_a_plain_message(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.jsonl")
    reason = "No such file or directory"
    assert complaint([missing]) == f"milestone-progress: cannot read {missing}: {reason}\n"
    assert "cannot read" in complaint([str(tmp_path)])
    assert "the input is empty" in complaint(["-"])
    assert "name a trace" in complaint([])


@pytest.mark.parametrize(
    "setting",
    ["unheard=1", "max_unsaved", "max_unsaved=", "seek_settle=-1", "milestones=", "milestones=50"],
)
def test_a_wrong_setting_gets_a_plain_message(setting: str) -> None:
    assert "--policy" in complaint(["--demo", "--policy", setting])


def test_a_trace_without_events_of_ours_saves_nothing() -> None:
    done = run("replay", "-", given=b'{"type": "progress"}\n')
    assert done.returncode == 0
    assert b"saves                     0" in done.stdout


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    trace = lines(*watched(99))
    command = [sys.executable, "-m", "milestone_progress", "replay", "--json", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(trace)
        process.stdin.close()
        assert process.stderr.read() == b""


def svg_of(tmp_path: Path, *arguments: str, given: bytes = b"") -> str:
    picture = tmp_path / "picture.svg"
    done = run("replay", *arguments, "--plot", str(picture), given=given)
    assert done.returncode == 0, done.stderr
    return picture.read_text(encoding="utf-8")


def test_a_recording_is_drawn_with_each_decision_marked(tmp_path: Path) -> None:
    trace = str(TRACES / "p-mixed-webkitgtk.jsonl")
    # Texts are drawn as outlines, with what they say as a comment.
    told = svg_of(tmp_path, trace)
    for text in ("save: milestone (4)", "save: seek (1)", "save: completion (1)", "50 %", "jumps"):
        assert f"<!-- {text} -->" in told
    assert "<!-- milestone mode: 6 -->" in told
    assert "<!-- interval mode: 4 -->" in told
    assert "checkpoint" not in told
    assert svg_of(tmp_path, trace) == told
    png = tmp_path / "picture.png"
    assert run("replay", trace, "--plot", str(png)).returncode == 0
    assert png.read_bytes().startswith(b"\x89PNG")


def test_the_interval_modes_own_decisions_are_drawn_when_it_decides(tmp_path: Path) -> None:
    trace = str(TRACES / "p-mixed-webkitgtk.jsonl")
    told = svg_of(tmp_path, trace, "--interval", "--policy", "interval=5")
    saves = len(decisions(trace, "--interval", "--policy", "interval=5"))
    assert f"<!-- interval mode: {saves} -->" in told
    assert "<!-- milestone mode" not in told


def test_a_recording_in_which_nothing_happens_is_drawn_all_the_same(tmp_path: Path) -> None:
    told = svg_of(tmp_path, "-", given=lines({"type": "play", "at": 7, "position": 0}))
    assert "<!-- milestone mode: 0 -->" in told


def test_what_cannot_be_drawn_gets_a_plain_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = str(TRACES / "d-seeks-chromium.jsonl")
    picture = str(tmp_path / "picture.svg")
    assert "a single trace" in complaint([trace, trace, "--plot", picture])
    assert "a single trace" in complaint([trace, "--demo", "--plot", picture])
    nothing = run("replay", trace, "--plot", "picture.nothing")
    assert nothing.returncode == 2
    assert b"replay: --plot picture.nothing" in nothing.stderr
    monkeypatch.setattr(_cli_plot, "find_spec", lambda _: None)
    assert main(["replay", trace, "--plot", picture]) == 2
    assert "replay: --plot needs matplotlib: pip install 'mil" in capsys.readouterr().err


def test_the_console_script_is_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    [script] = entry_points(group="console_scripts", name="milestone-progress")
    assert script.load() is main
    assert main(["replay", "--demo", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 9


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00"), (7.9, "0:07"), (754.0, "12:34"), (3599.99, "59:59"), (3723.0, "1:02:03")],
)
def test_times_are_written_as_people_write_them(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


def test_a_closed_input_and_a_full_output_get_a_plain_message() -> None:
    script = f"{sys.executable} -m milestone_progress replay"
    for command in (f"{script} - <&-", f"{script} --demo > /dev/full"):
        done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(b"milestone-progress: ")
        assert b"Traceback" not in done.stderr


def test_it_tells_its_version() -> None:
    assert run("--version").stdout.decode().split() == [
        "milestone-progress",
        version("milestone-progress"),
    ]
