"""The player's page in a real browser: for everybody, on every screen, from one host only."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from .chromium import Device
from .player_page import VIDEO, Json, Opening, PlayerPage
from .player_server import PlayerServer

if TYPE_CHECKING:
    from playwright.sync_api import Route

NewDevice = Callable[..., Device]
MARKUP = "<img src=x onerror=window.isTricked=1><b>Bold</b>"
FOCUSED = """(() => {
  const focused = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(focused);
  const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  const label = focused.labels?.[0]?.firstChild.textContent;
  const name = focused.getAttribute("aria-label") ?? label ?? focused.textContent;
  return [name.trim(), isSeen];
})()"""
SMALL_TARGETS = """[...document.querySelectorAll("button, select, input, [role=slider]")]
  .filter((one) => one.checkVisibility())
  .filter((one) => one.offsetWidth < 44 || one.offsetHeight < 44)
  .map((one) => one.outerHTML)"""


def screens(page: PlayerPage) -> Iterator[str]:
    """Show a page light and dark, on a desktop and on a phone."""
    for scheme in ("light", "dark"):
        for width, height in ((1280, 800), (360, 740)):
            page.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.page.set_viewport_size({"width": width, "height": height})
            page.until(f"innerWidth === {width}")
            yield f"{scheme}, {width} px"


def assert_accessible(page: PlayerPage) -> None:
    """Let axe-core check a page on all screens."""
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    page.page.evaluate(axe)
    for screen in screens(page):
        checked: Json = page.value("axe.run(document)")
        found = [
            (screen, one["impact"], one["id"], [node["html"] for node in one["nodes"]])
            for one in checked["violations"]
        ]
        assert found == []
        assert len(checked["passes"]) > 10


def answering(answer: object) -> "Callable[[Route], None]":
    return lambda route: route.fulfill(json=answer)


def come_back(
    open_player: Opening, server: PlayerServer, device: Device | None = None
) -> PlayerPage:
    """Open the player as somebody who was there before."""
    server.remember("counter", 4.5, 25)
    page = open_player(device=device)
    page.dialog.wait_for()
    return page


def test_signing_in_is_accessible(open_player: Opening) -> None:
    page = open_player(None)
    page.page.fill("#name", "ann")
    page.page.fill("#password", "wrong")
    page.page.keyboard.press("Enter")
    page.until("document.getElementById('sign-in-message').textContent !== ''")
    assert_accessible(page)


def test_watching_is_accessible_with_its_notes_and_each_marker_in_words(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().play_until(4).pause()
    server.record_when("ann", "counter", lambda record: record.milestone == 25)
    page.notice("25 % reached.")
    assert_accessible(page)
    markers = page.page.locator("#markers > li")
    assert markers.all_inner_texts() == [
        "25 %, 0:03, reached",
        "50 %, 0:07, not reached yet",
        "75 %, 0:11, not reached yet",
        "100 %, 0:15, not reached yet",
    ]
    assert page.page.locator("#summary").inner_text() == "Reached: 25 %. Next: 50 % at 0:07."
    slider = page.page.locator("#slider")
    assert slider.get_attribute("aria-valuetext") == "0:04 of 0:15"
    assert page.page.locator("#notices").get_attribute("aria-live") == "polite"


def test_the_question_whether_to_resume_is_accessible(
    open_player: Opening, server: PlayerServer
) -> None:
    page = come_back(open_player, server)
    assert_accessible(page)
    # So that those who hear it only know what it is about.
    dialog = page.page.get_by_role("dialog", name="Go on with “Counting to fifteen”?")
    assert "25 % mark" in dialog.inner_text()


def test_everything_can_be_done_by_keyboard(open_player: Opening, server: PlayerServer) -> None:
    page = come_back(open_player, server)
    press = page.page.keyboard.press
    assert page.value(FOCUSED) == ["Resume from 0:04", True]
    press("Tab")
    assert page.value(FOCUSED) == ["Start from the beginning", True]
    press("Escape")
    page.dialog.wait_for(state="hidden")
    page.until(f"{VIDEO}.currentTime > 4 && {VIDEO}.paused && !{VIDEO}.seeking")

    page.page.locator("#continue").wait_for()
    page.page.locator("#sign-out").focus()
    order = []
    for _ in range(13):
        press("Tab")
        name, is_seen = page.value(FOCUSED)
        assert is_seen, name
        order.append(name.split(" %")[0])
    assert order == [
        *["Position", "Play", "Back 10 seconds", "Forward 10 seconds"],
        *["Mute", "Captions", "Speed", "Full screen", "Mark as complete", "Forget my progress"],
        *["Counting to fifteen29", "Counting to fifteen", "Twelve seconds of bars"],
    ]

    def lands(position: float) -> None:
        page.until(f"Math.abs({VIDEO}.currentTime - {position}) < 0.01 && !{VIDEO}.seeking")

    page.page.locator("#slider").focus()
    for key, position in [
        *[("Home", 0), ("ArrowRight", 5), ("ArrowUp", 10), ("ArrowLeft", 5), ("ArrowDown", 0)],
        *[("PageUp", 3.752), ("PageUp", 7.504), ("PageDown", 3.752), ("End", 15.008)],
    ]:
        press(key)
        lands(position)
    press("Home")
    lands(0)
    page.page.locator("#play").focus()
    press("Space")
    page.until(f"!{VIDEO}.paused")
    press("Enter")
    page.until(f"{VIDEO}.paused")
    page.page.locator("#captions").focus()
    press("Enter")
    page.until(f"{VIDEO}.textTracks[0].mode === 'showing'")
    page.page.locator("#complete").focus()
    press("Enter")
    server.record_when("ann", "counter", lambda record: record.completed)
    page.page.locator("#forget").focus()
    press("Enter")
    page.dialog.wait_for()
    assert page.value(FOCUSED) == ["Keep it", True]
    press("Tab")
    press("Enter")
    page.notice("Your progress is forgotten.")
    assert page.value(FOCUSED)[0] == "Forget my progress"
    page.page.locator("#sign-out").focus()
    press("Enter")
    page.page.locator("#sign-in").wait_for()
    page.until("document.activeElement.id === 'name'")


def test_nothing_moves_for_who_prefers_reduced_motion(open_player: Opening) -> None:
    page = open_player()
    moving = "document.getAnimations().length + (window.moved ?? 0)"
    page.value("document.addEventListener('animationstart', () => { window.moved = 1; })")
    page.page.emulate_media(reduced_motion="reduce")
    page.press("Forget my progress").answer("Forget it").notice("Your progress is forgotten.")
    page.until("document.querySelector('.notice').getBoundingClientRect().height > 0")
    assert page.value(moving) == 0
    page.page.emulate_media(reduced_motion="no-preference")
    page.press("Forget my progress").answer("Forget it")
    page.until("window.moved === 1")


@pytest.mark.parametrize("width", [320, 360])
def test_a_narrow_screen_needs_no_sideways_scrolling_and_has_large_targets(
    open_player: Opening, server: PlayerServer, new_device: NewDevice, width: int
) -> None:
    device = new_device()
    signing_in = open_player(None, device=device)
    signing_in.page.set_viewport_size({"width": width, "height": 640})

    def fits(page: PlayerPage) -> None:
        page.page.set_viewport_size({"width": width, "height": 640})
        page.until(f"innerWidth === {width}")
        assert page.value("document.documentElement.scrollWidth") <= width
        assert page.value(SMALL_TARGETS) == []

    signing_in.page.locator("#sign-in").wait_for()
    fits(signing_in)
    signing_in.close()
    page = come_back(open_player, server, device)
    fits(page)
    dialog = page.dialog.bounding_box()
    assert dialog is not None
    assert dialog["x"] >= 0
    assert dialog["x"] + dialog["width"] <= width
    page.answer("Start from the beginning")
    page.page.locator("#resume").wait_for()
    fits(page)


def test_nothing_is_asked_of_another_host(
    open_player: Opening, server: PlayerServer, new_device: NewDevice
) -> None:
    device = new_device()
    asked: list[str] = []
    device.context.on("request", lambda request: asked.append(request.url))
    page = come_back(open_player, server, device).answer("Resume from")
    page.press("Captions").choose("Twelve").watch_until(1)
    page.press("Sign out").notice("You are signed out.")
    assert len(asked) > 20
    assert [url for url in asked if not url.startswith(f"{server.url}/")] == []


def test_what_the_server_says_is_text_and_never_markup(
    open_player: Opening, server: PlayerServer, new_device: NewDevice
) -> None:
    device = new_device()
    clip = {"media": "counter", "title": MARKUP, "spacing": 3}
    clip |= {"video": "clips/counter.webm", "captions": "clips/counter.vtt"}
    options = [{"label": f"{MARKUP} {number}", "position": number} for number in (5, 0)]
    saved = {"position": 5, "duration": 15.008, "milestone": 25, "completed": False}
    answers: dict[str, object] = {
        "**/catalogue.json": [clip],
        "**/continue-watching": [{"media": "counter", "title": MARKUP, "percent": 30}],
        "**/api/progress/counter": {
            "record": {"percent": 30, "generation": 0},
            "saved": saved,
            "resume": {"options": options, "last_milestone": MARKUP},
        },
    }
    for path, answer in answers.items():
        device.context.route(path, answering(answer))
    page = open_player(device=device)
    assert MARKUP in page.dialog.locator("h2").inner_text()
    page.answer(f"{MARKUP} 5")
    assert page.page.locator("#title").inner_text() == MARKUP
    assert page.begun == [f"{MARKUP}\n30 % watched"]
    assert page.page.locator("#clips button").all_inner_texts() == [MARKUP]
    page.value("document.querySelector('#video').dispatchEvent(new Event('error'))")
    assert page.page.locator("img, b").count() == 0
    assert page.value("window.isTricked") is None
