"""The tutorial as it stands on its page: files to be saved, and commands to be typed."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
# That of `PROJECT` on the page, below the reader's home.
FOLDER = "milestone-progress"


def _found(pattern: str) -> list[tuple[str, ...]]:
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    return [found.groups() for found in re.finditer(pattern, page, re.MULTILINE | re.DOTALL)]


def commands() -> list[str]:
    """Return what the reader types, block by block: begin, install, serve, look."""
    return [text for (text,) in _found(r"^```sh\n(.*?)^```$")]


def save_files(folder: Path) -> list[str]:
    """Save what the reader saves, and return the files' names."""
    files = _found(r"Save this as\s`([^`]+)`:\n\n```\w+\n(.*?)^```$")
    for name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
    return [name for name, _ in files]


def prepare(folder: Path) -> list[str]:
    """Do what the reader does before serving, but for installing; return the files' names."""
    for file in ("tracker.js", "clips/counter.webm"):
        source = ROOT / "examples" / "player" / file
        (folder / source.name).write_bytes(source.read_bytes())
    return save_files(folder)
