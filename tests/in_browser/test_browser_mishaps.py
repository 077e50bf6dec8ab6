"""What goes wrong around the player's page in a real browser, and what the page makes of it."""

from collections.abc import Callable

from .chromium import Device
from .player_page import VIDEO, Opening
from .player_server import PlayerServer
from .recordings import stored_as_decided

NewDevice = Callable[..., Device]


def test_an_address_that_is_no_clips_opens_the_first_one(open_player: Opening) -> None:
    page = open_player(address="#%")
    assert page.page.locator("#title").inner_text() == "Counting to fifteen"


def test_an_address_of_a_clip_opens_it(open_player: Opening) -> None:
    page = open_player(address="#bars")
    assert page.page.locator("#title").inner_text() == "Twelve seconds of bars"


def test_who_has_signed_in_has_the_focus_where_playing_begins(open_player: Opening) -> None:
    page = open_player()
    page.page.keyboard.press("Enter")
    page.until(f"!{VIDEO}.paused")


def test_notes_are_seen_in_full_screen_too(open_player: Opening) -> None:
    page = open_player().press("Full screen")
    page.until("document.fullscreenElement !== null")
    page.play_until(3.8).notice("25 % reached.")
    page.until("document.fullscreenElement.querySelector('.notice').checkVisibility()")
    page.press("Exit full screen").until("document.fullscreenElement === null")
    page.until("document.getElementById('notices').parentElement === document.body")


def test_who_cannot_keep_a_place_is_told_to_keep_the_page(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().buffered()
    page.value(
        """(() => {
          for (let size = 4_000_000; size >= 1; size = Math.floor(size / 2)) {
            try {
              for (;;) {
                localStorage.setItem(`full ${Math.random()}`, "x".repeat(size));
              }
            } catch {}
          }
        })()"""
    )
    server.stop()
    page.play_until(4)
    page.notice("Keep this page open: your place cannot be kept on this device.")
    server.start()
    page.notice("Saved.")
    stored_as_decided(server, page.log)


def test_who_was_signed_out_goes_on_where_they_were_once_signed_in(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().play_until(1)
    page.device.context.clear_cookies()
    page.play_until(4.2).notice("You are signed out. Your place is kept on this device")
    assert server.record("ann", "counter") is None
    position = page.position
    page.sign_in("ann").answer("Resume from 0:0")
    record = server.record_when("ann", "counter", lambda record: record.milestone == 25)
    assert position - record.position <= 1
    page.until(f"!{VIDEO}.paused && {VIDEO}.currentTime >= {record.position} - 0.5")


def test_who_signs_out_is_signed_out_in_all_tabs(open_player: Opening) -> None:
    page = open_player()
    other = open_player(None, device=page.device).ready()
    page.page.bring_to_front()
    page.press("Sign out").notice("You are signed out.")
    other.notice("You have signed out in another tab.")
    other.page.locator("#sign-in").wait_for()


def test_a_clip_that_is_not_there_is_said_to_be_so_and_the_next_one_plays(
    open_player: Opening, new_device: NewDevice
) -> None:
    device = new_device()
    device.context.route("**/counter.webm", lambda route: route.fulfill(status=404))
    page = open_player(None, device=device).sign_in("ann")
    page.notice("“Counting to fifteen” cannot be played at the moment.")
    page.choose("Twelve").watch_until(1)
