"""The site of the documentation: what must be in it is in it, and what it shows is what happens."""

import argparse
import json
import os
import re
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest

from browser import Browser, address_told, served, surroundings
from milestone_progress import Phase, Tracker
from milestone_progress._cli import _parser
from milestone_progress.simulator import Player
from public_signatures import named, public_names
from test_readme import EXECUTED, blocks
from tutorial import FOLDER, ROOT, commands, prepare, save_files

DOCS = ROOT / "docs"
EVERYWHERE = re.MULTILINE | re.DOTALL


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


# Completeness


def test_every_public_name_is_in_the_reference_once() -> None:
    described = re.findall(
        r"^\.\. (?:auto\w+|py:data):: (\S+)$", text_of("reference.md"), EVERYWHERE
    )
    things = Counter(id(named(address)) for address in described)
    assert [address for address in described if things[id(named(address))] > 1] == []
    public = set(public_names())
    assert [address for address in public if id(named(address)) not in things] == []
    assert set(described) <= public


def test_every_page_is_in_the_index_once() -> None:
    # What a tree lists comes after its options.
    trees = re.findall(r"^```\{toctree\}\n.*?\n\n(.*?)^```$", text_of("index.md"), EVERYWHERE)
    listed = [line for tree in trees for line in tree.splitlines()]
    assert sorted(listed) == sorted(page.stem for page in DOCS.glob("*.md") if page.stem != "index")


def test_every_page_that_shows_python_is_run() -> None:
    # Whose tests need more than a page: a class of tests to be collected, Apache Beam.
    elsewhere = {"docs/stores-testing.md", "docs/beam.md"}
    shows = {
        f"docs/{page.name}" for page in DOCS.glob("*.md") if blocks("python", f"docs/{page.name}")
    }
    assert shows - elsewhere <= set(EXECUTED)


def test_the_diagram_and_the_table_of_states_are_those_of_the_code() -> None:
    script = runpy.run_path(str(DOCS / "state_diagram.py"))
    assert text_of("state-machine.svg") == script["drawing"]()
    assert script["table"]() in text_of("state-machine.md")


def test_the_diagram_has_an_arrow_for_each_transition() -> None:
    drawn = text_of("state-machine.svg")
    arrows = runpy.run_path(str(DOCS / "state_diagram.py"))["transitions"]()
    assert drawn.count("<path d=") - drawn.count("<marker") == len(arrows)
    assert [phase.name for phase in Phase if f">{phase.name}<" not in drawn] == []


def options_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, set[str]]]:
    """Yield each command's name with what it may be given."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                told = {*command._option_string_actions} - {"-h", "--help"}
                yield name, told


def test_every_option_of_every_command_is_on_the_page_of_commands_and_no_other() -> None:
    sections = {
        part.partition("\n")[0]: part
        for part in re.split(r"^## ", text_of("command-line.md"), flags=re.MULTILINE)
    }
    commands = dict(options_of(_parser()))
    assert sections.keys() - {"# The command line"} == commands.keys()
    for name, options in commands.items():
        assert set(re.findall(r"--[a-z]+", sections[name])) - {"--help"} == options, name


def test_the_definitions_of_the_schema_are_on_the_page_of_commands() -> None:
    schema = json.loads(files("milestone_progress").joinpath("schema.json").read_bytes())
    section = text_of("command-line.md").partition("## schema")[2]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [*schema["$defs"]]


# The tutorial

CLIP = "/api/progress/counter"


def watch_and_come_back(browser: Browser) -> None:
    """Do what the page does while somebody watches to second 9 and leaves."""
    status, known = browser.ask("GET", CLIP)
    assert (status, known["saved"], len(known["options"])) == (200, None, 1)
    decisions = list(Tracker().feed(Player(duration=15).play_to(9).hide()))
    for decision in decisions:
        report = decision.to_report(sent_at=decision.at, generation=known["generation"])
        status, told = browser.ask("POST", CLIP, report)
        assert (status, told["status"]) == (200, "written")
    assert decisions[-1].position == 9.0


def test_the_tutorials_page_is_served_and_resumes_after_the_server_was_stopped(
    tmp_path: Path,
) -> None:
    assert prepare(tmp_path) == ["app.py", "index.html"]
    serve = (str(tmp_path), "-m", "uvicorn", "app:app", "--port", "0")
    with served(*serve, SESSION_SECRET="of this demo only") as address:
        browser = Browser(address)
        status, page = browser.ask("GET", "/")
        assert (status, "<video" in page) == (200, True)
        for file in re.findall(r'"(?:\./)?([a-z]+\.(?:js|webm))"', page):
            status, _ = browser.ask("GET", f"/{file}", Range="bytes=0-0")
            assert status in (200, 206), file
        assert browser.ask("GET", "/app.py")[0] == 404
        assert browser.ask("POST", CLIP, {"current_time_seconds": -1})[0] == 422
        assert browser.ask("GET", "/api/progress/another")[0] == 404
        watch_and_come_back(browser)
        stranger = Browser(address)
        assert stranger.ask("GET", CLIP)[1]["saved"] is None
    with served(*serve, SESSION_SECRET="of this demo only") as address:
        browser.address = address
        _, known = browser.ask("GET", CLIP)
        assert known["saved"]["position"] == 9.0
        assert known["options"][0] == {"label": "Resume from 0:09", "position": 9.0}


@contextmanager
def typed(command: str, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Type a command that serves, and provide the address that it tells."""
    with subprocess.Popen(
        ["bash", "-euc", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            yield address_told(server)
        finally:
            os.killpg(server.pid, 15)


@pytest.mark.slow
def test_the_tutorial_works_to_the_letter(tmp_path: Path) -> None:
    (tmp_path / FOLDER).symlink_to(ROOT)
    environment = surroundings(
        HOME=str(tmp_path),
        PATH=f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}",
        PROJECT=str(tmp_path / FOLDER),
        # Of the page only the port is another one, which may be taken.
        UVICORN_PORT="0",
    )
    begin, install, serve, look = commands()
    subprocess.run(["bash", "-euc", begin], cwd=tmp_path, env=environment, check=True)
    folder = tmp_path / "watch-and-resume"
    subprocess.run(["bash", "-euc", install], cwd=folder, env=environment, check=True)
    save_files(folder)
    with typed(serve, folder, environment) as address:
        browser = Browser(address)
        watch_and_come_back(browser)
    with typed(serve, folder, environment) as address:
        browser.address = address
        assert browser.ask("GET", CLIP)[1]["options"][0]["label"] == "Resume from 0:09"
    shown = subprocess.run(
        ["bash", "-euc", look],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.search(r"^records +1$", shown.stdout, re.MULTILINE)
