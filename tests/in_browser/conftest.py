"""Devices with a real browser, and the server of the player that they watch on."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import progress_app

from .chromium import Device, what_is_missing
from .player_page import PASSWORDS, Opening, PlayerPage
from .player_server import PlayerServer

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker("browser")


# Not of the session: while it is there, no other test could run an event loop.
@pytest.fixture(scope="module")
def playwright() -> "Iterator[Playwright]":
    reason = what_is_missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # It may be missing.

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def new_device(playwright: "Playwright", tmp_path: Path) -> Iterator[Callable[..., Device]]:
    """Return a function that switches on a device: another one, or that of a profile."""
    numbers = count()
    devices: list[Device] = []

    def switched_on(profile: str | None = None) -> Device:
        device = Device(playwright, tmp_path / (profile or f"profile-{next(numbers)}"))
        devices.append(device)
        return device

    yield switched_on
    for device in devices:
        device.kill()


@pytest.fixture
def server(
    playwright: "Playwright", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PlayerServer]:
    monkeypatch.setenv("SESSION_SECRET", "of these tests")
    monkeypatch.setattr(progress_app, "PASSWORDS", PASSWORDS)
    with ExitStack() as stack:
        server = PlayerServer(tmp_path)
        stack.callback(server.stop)
        yield server


@pytest.fixture
def open_player(server: PlayerServer, new_device: Callable[..., Device]) -> Iterator[Opening]:
    """Return a function that opens the player, on a new device if none is given."""
    pages: list[PlayerPage] = []

    def opened(
        viewer: str | None = "ann",
        *,
        device: Device | None = None,
        clock: bool = False,
        address: str = "",
    ) -> PlayerPage:
        page = PlayerPage(device or new_device(), server.url, clock=clock, address=address)
        pages.append(page)
        return page if viewer is None else page.sign_in(viewer).ready()

    yield opened
    assert [mistake for page in pages for mistake in page.mistakes] == []
