"""What all tests share: options for what not everybody runs, Hypothesis' profiles, the servers."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ["servers"]

settings.register_profile("ordinary", deadline=None)
# The same examples in every run: a red build is then the change's fault.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("slow", deadline=None, max_examples=2_000)


# Tests that run with an option of that name only, and why.
REASONS = {
    "slow": "takes minutes",
    "browser": "needs Chromium and the extra `browser`",
    "beam": "needs the extra `beam`",
    "screenshots": "takes the pictures of the docs anew",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow",
        action="store_true",
        help="also run the tests marked slow, and many more examples of every property",
    )
    for name in ("browser", "beam", "screenshots"):
        why = REASONS[name]
        parser.addoption(f"--{name}", action="store_true", help=f"also run what {why}")


def pytest_configure(config: pytest.Config) -> None:
    for name, why in REASONS.items():
        config.addinivalue_line("markers", f"{name}: {why}; runs with --{name} only")
    if config.getoption("--slow"):
        settings.load_profile("slow")
    else:
        settings.load_profile("ci" if os.environ.get("CI") else "ordinary")


# After the folders' own ones, which may mark their tests.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for name, why in REASONS.items():
        if config.getoption(f"--{name}"):
            continue
        skip = pytest.mark.skip(reason=f"{name}: {why}; run with --{name}")
        for item in items:
            if item.get_closest_marker(name):
                item.add_marker(skip)
