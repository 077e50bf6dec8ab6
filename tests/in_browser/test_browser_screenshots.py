"""The pictures of the page in the docs, taken anew with `--screenshots`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .chromium import Device
from .player_page import VIDEO, Opening
from .player_server import PlayerServer

IMAGES = Path(__file__).parents[2] / "docs/images"
LARGEST = 120_000


@pytest.mark.screenshots
def test_the_pictures_of_the_docs_are_small(
    open_player: Opening, server: PlayerServer, new_device: Callable[..., Device]
) -> None:
    page = open_player().choose("Twelve").watch_until(6.3).pause()
    page.page.set_viewport_size({"width": 640, "height": 780})
    page.notice("Half way: 50 %.")
    page.value("scrollTo(0, 0)")
    page.page.screenshot(path=IMAGES / "player.png")

    server.remember("counter", 7.6, 50)
    phone = open_player(device=new_device())
    phone.page.set_viewport_size({"width": 360, "height": 740})
    phone.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    phone.dialog.wait_for()
    phone.until(f"innerWidth === 360 && {VIDEO}.readyState > 2")
    phone.value("scrollTo(0, 0)")
    phone.page.screenshot(path=IMAGES / "player-phone-dark.png")
    for image in IMAGES.glob("*.png"):
        assert image.stat().st_size < LARGEST
