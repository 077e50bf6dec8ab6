"""The rules that the code refers to by their number are on the page of the rules."""

import re
from pathlib import Path

import milestone_progress

ROOT = Path(__file__).parents[1]
PACKAGE = Path(milestone_progress.__file__).parent
# (3.11) is a version of Python.
RULE = r"(?:4\.\d\d?|[2-7]\.\d)"
REFERENCE = re.compile(rf"\(({RULE}(?:, {RULE})*)\)")


def test_each_rule_that_the_code_refers_to_exists() -> None:
    page = (ROOT / "docs" / "behaviour.md").read_text(encoding="utf-8")
    rules = set(re.findall(rf"^({RULE})\b", page, re.MULTILINE))
    references = {
        (path.name, rule)
        for path in [*PACKAGE.rglob("*.py"), *ROOT.glob("examples/player/*.js")]
        for found in REFERENCE.findall(path.read_text(encoding="utf-8"))
        for rule in found.split(", ")
    }
    assert len({rule for _, rule in references}) > 30
    assert {(name, rule) for name, rule in references if rule not in rules} == set()
