"""Leaving and coming back in a real browser, and what happens to the connection meanwhile."""

import json
from collections.abc import Callable

import player_app
from milestone_progress import ProgressRecord

from .chromium import Device
from .player_page import VIDEO, Opening, PlayerPage, logs_kept
from .player_server import PlayerServer
from .recordings import place_left, replayed, stored_as_decided

CLIPS = json.loads((player_app.CLIPS / "catalogue.json").read_text("utf-8"))
# Seconds: the backup's interval, and time to write it; ten are promised.
LONGEST_LOSS = 7
NewDevice = Callable[..., Device]
# What keys of this page's backup begin with.
KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('milestone-progress:'))"


def is_near(position: float) -> Callable[[ProgressRecord], bool]:
    """Return what tells whether a record is as near to a position as it is after a goodbye."""
    return lambda record: abs(record.position - position) <= 1


def put_away(page: PlayerPage) -> None:
    """Put another tab in front."""
    page.device.context.new_page().bring_to_front()
    page.until("document.visibilityState === 'hidden'")


def test_who_hides_the_page_is_saved_and_once_more_when_it_is_frozen(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().play_until(1.5)
    before = page.position
    put_away(page)
    after = page.position
    first = stored_as_decided(server, page.log).decided[0].decision
    assert before <= first.position <= after
    page.until(f"{VIDEO}.currentTime > {first.position + 1.5}")
    lifecycle = page.device.context.new_cdp_session(page.page)
    lifecycle.send("Page.setWebLifecycleState", {"state": "frozen"})
    lifecycle.send("Page.setWebLifecycleState", {"state": "active"})
    page.until("window.progressLog.some((entry) => entry.event?.type === 'freeze')")
    last = stored_as_decided(server, page.log).last("counter")
    assert last.position > first.position + 1


def test_who_closes_the_page_resumes_on_another_device_to_half_a_second(
    open_player: Opening, server: PlayerServer, new_device: NewDevice
) -> None:
    page = open_player().play_until(5.2)
    page.close()
    [log] = logs_kept(page.device, server.url)
    assert "pagehide" in {entry["event"]["type"] for entry in log if "event" in entry}
    stored_as_decided(server, lambda: log)
    record = server.record_when("ann", "counter", is_near(place_left(log)))

    other = open_player(device=new_device())
    assert other.dialog.get_by_role("button").all_inner_texts() == [
        "Resume from 0:05",
        "Start from the beginning",
    ]
    assert "25 % mark" in other.dialog.inner_text()
    other.page.keyboard.press("Enter")
    other.until("window.progressLog.some((entry) => entry.event?.type === 'seeked')")
    other.until(f"!{VIDEO}.paused")
    landed = next(
        entry["event"]["position"]
        for entry in other.log()
        if entry.get("event", {}).get("type") == "seeked"
    )
    assert abs(landed - record.position) < 0.5


def test_who_goes_to_another_site_is_saved(open_player: Opening, server: PlayerServer) -> None:
    page = open_player().play_until(2.5)
    page.page.goto("about:blank")
    [log] = logs_kept(page.device, server.url)
    stored_as_decided(server, lambda: log)
    server.record_when("ann", "counter", is_near(place_left(log)))


def test_who_starts_over_keeps_the_old_place_until_ten_seconds_were_played(
    open_player: Opening, server: PlayerServer
) -> None:
    server.remember("counter", 7.6, 50)
    old = server.record("ann", "counter")
    other = open_player().answer("Start from the beginning").at_twice_the_speed()
    other.until(f"!{VIDEO}.paused").play_until(2.5)
    assert other.page.get_by_role("button", name="Resume from 0:07").is_visible()
    put_away(other)
    assert replayed(other.log()).decided == []
    assert server.record("ann", "counter") == old
    other.page.bring_to_front()
    other.play_until(10.6)
    put_away(other)
    server.record_when("ann", "counter", lambda record: record.position > 9)
    stored_as_decided(server, other.log)


def test_who_forgets_is_told_so_on_the_other_device_which_begins_anew(
    open_player: Opening, server: PlayerServer, new_device: NewDevice
) -> None:
    server.remember("counter", 6, 25)
    one = open_player().answer("Resume from 0:06")
    one.until(f"!{VIDEO}.paused && !{VIDEO}.seeking").pause()
    other = open_player(device=new_device()).answer("Resume from")
    other.press("Forget my progress").answer("Forget it").notice("Your progress is forgotten.")
    forgotten = server.record("ann", "counter")
    assert forgotten is None or (forgotten.position, forgotten.milestone) == (0, 0)
    one.press("Play").notice("You have started over elsewhere.")
    one.until(f"{VIDEO}.paused && {VIDEO}.currentTime === 0")
    assert one.page.locator(".marker[data-reached=true]").count() == 0
    replayed(one.log())


def test_the_next_viewer_of_a_computer_finds_nothing_of_the_last_one(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().play_until(2.5)
    page.press("Sign out").notice("You are signed out.")
    ann = server.record("ann", "counter")
    assert ann is not None
    assert is_near(place_left(page.log()))(ann)
    assert page.value(KEPT) == []
    page.value("window.progressLog.length = 0")
    page.sign_in("bob").ready()
    assert not page.dialog.is_visible()
    assert page.position == 0
    page.play_until(2.5)
    put_away(page)
    bob = server.record_when("bob", "counter", lambda record: record.position > 2.4)
    assert bob.milestone == 0
    assert server.record("ann", "counter") == ann


def test_a_place_kept_for_one_viewer_is_not_sent_for_another(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().play_until(1)
    server.stop()
    page.play_until(3.2).pause()
    assert len(page.value(KEPT)) == 1
    page.page.context.clear_cookies()
    page.page.goto("about:blank")
    server.start()
    other = open_player("bob", device=page.device)
    assert not other.dialog.is_visible()
    assert server.record("bob", "counter") is None
    other.play_until(2.5)
    put_away(other)
    server.record_when("bob", "counter", lambda record: record.position > 2.4)
    assert server.record("ann", "counter") is None


def test_a_killed_browser_loses_no_more_than_the_backup_promises(
    open_player: Opening, server: PlayerServer, new_device: NewDevice
) -> None:
    device = new_device("killed")
    # Without milestones on the way, at which more would be kept.
    catalogue = [dict(CLIPS[0], spacing=30)]
    device.context.route("**/catalogue.json", lambda route: route.fulfill(json=catalogue))
    page = open_player(device=device).buffered()
    # So that nobody but this browser can know.
    server.stop()
    page.play_until(9.5)
    log = page.log()
    killed_at = page.position
    device.kill()
    assert replayed(log).decided == []
    server.start()
    device = new_device("killed")
    # Whether they had been written by then is the browser's affair.
    device.context.clear_cookies()
    again = open_player(device=device)
    again.dialog.wait_for()
    record = server.record_when("ann", "counter", lambda record: True)
    assert killed_at - record.position <= LONGEST_LOSS
    again.answer("Resume from")
    again.until(f"{VIDEO}.currentTime >= {record.position - 0.5}")


def test_who_is_offline_watches_on_and_is_saved_when_back(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().buffered().play_until(0.5)
    page.page.context.set_offline(True)
    page.notice("Offline. Your place is kept on this device.")
    page.play_until(4.2)
    assert page.page.locator("#offline").is_visible()
    assert server.record("ann", "counter") is None
    page.page.context.set_offline(False)
    page.notice("Saved.")
    assert not page.page.locator("#offline").is_visible()
    assert stored_as_decided(server, page.log).last("counter").last_milestone >= 25


def test_a_server_that_is_restarted_gets_what_it_has_missed(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().buffered().play_until(0.5)
    server.stop()
    page.play_until(4)
    page.notice("Offline. Your place is kept on this device.")
    server.start()
    page.notice("Saved.")
    assert stored_as_decided(server, page.log).last("counter").last_milestone >= 25
    assert not page.page.locator("#offline").is_visible()


def test_who_left_offline_is_saved_at_the_next_visit(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().buffered()
    server.stop()
    page.play_until(5.5)
    page.close()
    server.start()
    left_at = place_left(logs_kept(page.device, server.url)[-1])
    sent: list[str] = []
    device = page.device
    device.context.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    again = open_player(None, device=device).ready()
    assert again.dialog.get_by_role("button").first.inner_text() == "Resume from 0:05"
    server.record_when("ann", "counter", is_near(left_at))
    assert [one for one in sent if one.startswith("POST")] == [
        f"POST {server.url}/api/progress/counter"
    ]
