"""The examples in docstrings print what they are said to print."""

import doctest
from importlib import import_module
from pkgutil import walk_packages

import pytest

import django_host  # Before the models of the app are imported.
import milestone_progress
import milestone_progress.testing.conformance  # Before the modules that it has rewritten.

assert django_host.MEDIAS  # So that it counts as used.
# Where they are of most use to who reads them in an editor.
WITH_EXAMPLES = [
    milestone_progress.Tracker,
    milestone_progress.tracker_for,
    milestone_progress.SavePolicy.thinned,
    milestone_progress.Rollout,
    milestone_progress.merge,
    milestone_progress.parse_report,
    milestone_progress.played_from_text,
    milestone_progress.resume_point,
    milestone_progress.format_time,
    import_module("milestone_progress.simulator").Player,
]
# What acts as it is imported.
ACTS = {"milestone_progress.__main__"}


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = []
    for module in walk_packages(milestone_progress.__path__, "milestone_progress."):
        if module.name not in ACTS and ".migrations" not in module.name:
            tests = finder.find(import_module(module.name), module.name)
            found += [test for test in tests if test.examples]
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda one: one.name)
def test_the_examples_of_a_docstring_print_what_they_are_said_to_print(
    example: doctest.DocTest,
) -> None:
    runner = doctest.DebugRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    runner.run(example)


def test_the_names_that_are_met_first_have_examples() -> None:
    assert [one for one in WITH_EXAMPLES if ">>> " not in (one.__doc__ or "")] == []
