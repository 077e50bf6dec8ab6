"""What the README shows is what happens."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from milestone_progress.stores.sqlite import SQLiteStore

ROOT = Path(__file__).parents[1]


def blocks(language: str, page: str = "README.md") -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


# Pages whose examples need nothing but the library and the extra `test`.
EXECUTED = [
    "README.md",
    "docs/bounds.md",
    "docs/embedding.md",
    "docs/live.md",
    "docs/merging.md",
    "docs/migrate.md",
    "docs/offline.md",
    "docs/operate.md",
    "docs/playlists.md",
    "docs/real-players.md",
    "docs/recorder.md",
    "docs/reports.md",
    "docs/resume-rules.md",
    "docs/resume.md",
    "docs/rollout.md",
    "docs/scale.md",
    "docs/security.md",
    "docs/several-workers.md",
    "docs/simulate.md",
    "docs/state-machine.md",
    "docs/stores.md",
    "docs/testing.md",
    "docs/wire-formats.md",
]


@pytest.fixture
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where a reader is who has the recordings.
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("at_the_root")
@pytest.mark.parametrize("page", EXECUTED)
def test_the_examples_of_a_page_print_what_they_are_said_to_print(page: str) -> None:
    printed = StringIO()
    # One after the other, as a reader would type them.
    names: dict[str, object] = {}
    with redirect_stdout(printed):
        for example in blocks("python", page):
            exec(compile(example, f"<{page}>", "exec"), names)
    assert printed.getvalue() == "".join(blocks("text", page))
    for name, value in names.items():
        if name.startswith("test_"):
            assert callable(value)
            value()
        if isinstance(value, SQLiteStore):
            # As the end of the reader's program does.
            value.close()


def test_there_are_two_commands_to_try_and_under_120_lines() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(blocks("sh")) == 2
    assert len(text.splitlines()) < 120
