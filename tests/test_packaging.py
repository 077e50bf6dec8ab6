"""What the package says of itself, and what others say of it, agree."""

import re
import tomllib
from importlib.metadata import version
from typing import Any

import pytest

from test_architecture import PACKAGE, PURE
from test_readme import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# Whoever reads one of these may be told to install an extra.
TOLD = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "Makefile",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
    *sorted(PACKAGE.rglob("*.py")),
]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_what_is_installed_is_this_version_and_typed() -> None:
    assert version("milestone-progress") == PROJECT["version"]
    assert (PACKAGE / "py.typed").is_file()


def test_the_changelog_tells_of_this_version_below_what_is_unreleased() -> None:
    headings = re.findall(r"^## (.+)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", headings[1])
    assert headings[1].startswith(f"[{PROJECT['version']}]")


def test_what_it_is_said_to_run_on_is_what_it_is_tested_on() -> None:
    told = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={told[0]}"
    matrix = re.findall(r"^ +python: \[(.+)\]$", text_of(".github/workflows/ci.yml"), re.MULTILINE)
    assert [re.findall(r"3\.\d+", row) for row in matrix] == [told]
    assert set(re.findall(r"find_python (3\.\d+)", text_of(".ci/run"))) == set(told)


def test_every_extra_that_somebody_is_told_to_install_exists() -> None:
    extras = {
        extra
        for path in TOLD
        for named in re.findall(
            r"(?:milestone-progress|['\"]\.)\[([a-z,]+)\]|extra ``?([a-z]+)`",
            path.read_text(encoding="utf-8"),
        )
        for extra in "".join(named).split(",")
    }
    assert {"django", "postgres", "redis", "dev"} <= extras
    assert extras <= PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("workflow", [path.name for path in WORKFLOWS])
def test_an_action_is_named_by_its_hash_and_its_version_is_beside_it(workflow: str) -> None:
    used = re.findall(r"uses: (.+)$", text_of(f".github/workflows/{workflow}"), re.MULTILINE)
    assert used
    pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [action for action in used if not pinned.fullmatch(action)] == []


def test_all_workflows_use_the_same_version_of_an_action() -> None:
    used = {
        action
        for path in WORKFLOWS
        for action in re.findall(r"uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(used) == len({action.partition("@")[0] for action in used})


def test_every_word_of_the_makefile_is_explained_to_contributors_and_the_other_way_round() -> None:
    words = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.+)$", text_of("Makefile"), re.MULTILINE)
    assert phony is not None
    # A file or folder of that name would be taken for what the word makes.
    assert set(phony[1].split()) == words
    assert words == set(re.findall(r"^\| `([a-z]+)` \| ", tasks(), re.MULTILINE))


def tasks() -> str:
    """Return the contributors' table of words."""
    _, _, rest = text_of("CONTRIBUTING.md").partition("## Tasks\n")
    return rest.partition("## ")[0]


def test_no_branch_of_any_module_of_the_core_may_be_left_out() -> None:
    measured = re.findall(r"\*/(\w+)\.py", text_of("Makefile"))
    assert sorted(measured) == sorted(PURE)
