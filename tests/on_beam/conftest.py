"""The tests of the example on Apache Beam run with `--beam`, and then Beam has to be there."""

from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--beam") and find_spec("apache_beam") is None:
        raise pytest.UsageError("--beam needs Apache Beam: pip install 'milestone-progress[beam]'")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker("beam")
            # Beam and what it needs warn of each other.
            item.add_marker(pytest.mark.filterwarnings("default"))
