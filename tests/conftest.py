"""What all tests share: the `--slow` option, the Hypothesis profiles and the servers."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ["servers"]

settings.register_profile("ordinary", deadline=None)
# The same examples in every run: a red build is then the change's fault.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("slow", deadline=None, max_examples=2_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow",
        action="store_true",
        help="also run the tests marked slow, and many more examples of every property",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes; runs with --slow only")
    if config.getoption("--slow"):
        settings.load_profile("slow")
    else:
        settings.load_profile("ci" if os.environ.get("CI") else "ordinary")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: takes minutes; run with --slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)
