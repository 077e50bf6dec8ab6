"""Every link of the documents that stays in the project leads somewhere; nothing is fetched."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted(path.name for path in ROOT.glob("*.md")),
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "examples").rglob("README.md")),
    "tests/cases/README.md",
]
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?\s*\)")


def without_code(text: str) -> str:
    """Return a page without what is shown as code, in which brackets mean something else."""
    text = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", lambda code: re.sub(r"[\[\]()]", "", code[0]), text)


def anchor(heading: str) -> str:
    """Return the anchor of a heading as code hosts make it, which MyST follows."""
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return words.replace(" ", "-")


@cache
def anchors(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,3} (.*)$", text, flags=re.MULTILINE)
    # Of a link in a heading only the words count.
    return {anchor(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)) for heading in headings}


def broken(page: Path) -> list[str]:
    found = []
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        leads = target.exists() and ROOT in target.parents
        if fragment:
            leads = leads and target.suffix == ".md" and fragment in anchors(target)
        if not leads:
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    assert broken(ROOT / page) == []


def test_a_link_that_leads_nowhere_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "there.md").write_text("# One\n\n## Two words, `code`\n")
    page = tmp_path / "page.md"
    right = "[a](there.md) [b](there.md#two-words-code) [c](#here) [d](https://example.com/#x)\n"
    wrong = "[e](gone.md) [f](there.md#three) [g](#gone) ![h](gone.svg) [i](../outside.md)"
    page.write_text(f"# Here\n\n{right}\n{wrong}\n```text\n[j](gone.md)\n```\n")
    assert broken(page) == ["gone.md", "there.md#three", "#gone", "gone.svg", "../outside.md"]
