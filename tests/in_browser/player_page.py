"""The player's page, as a viewer uses it."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .chromium import PATIENCE, Device

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Json = dict[str, Any]  # Any: what a JSON object holds.

# Keeps all that the page logs where it survives the page, and what each frame shows.
WATCHING = """
Object.defineProperty(window, "progressLog", {
  configurable: true,
  set(log) {
    log.push = (entry) => {
      const number = String(log.length).padStart(6, "0");
      try {
        localStorage.setItem(`logged ${performance.timeOrigin} ${number}`, JSON.stringify(entry));
      } catch {} // It is full, on purpose.
      return Array.prototype.push.call(log, entry);
    };
    Object.defineProperty(window, "progressLog", { value: log });
    // The page's module has begun to draw by then: what is seen is what it has just drawn.
    setTimeout(() => requestAnimationFrame(look));
  },
});
window.frames_seen = [];
const look = () => {
  const video = document.getElementById("video");
  const fill = document.getElementById("fill");
  const reached = [...document.querySelectorAll(".marker[data-reached=true]")];
  window.frames_seen.push({
    isPlaying: !video.paused && !video.ended && !video.seeking,
    position: video.currentTime,
    percent: 100 * Number((fill.style.transform || "scaleX(0)").slice("scaleX(".length, -1)),
    reached: reached.map((marker) => parseFloat(marker.style.left)),
    logged: window.progressLog.length,
  });
  requestAnimationFrame(look);
};
"""
UNTIL = """async () => {
  const end = performance.now() + %d;
  while (!(%s)) {
    if (performance.now() > end) {
      throw new Error("it never came to that");
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}"""
VIDEO = "document.getElementById('video')"
PASSWORDS = {"ann": "one", "bob": "two"}


class PlayerPage:
    """A page of a device.

    Attributes:
        page: Playwright's.
    """

    def __init__(self, device: Device, url: str, *, clock: bool = False, address: str = "") -> None:
        self.device = device
        self.page: Page = device.context.new_page()
        self.url = url
        # Mistakes of the page's own, which nobody would see.
        self.mistakes: list[str] = []
        self.page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        self.page.add_init_script(WATCHING)
        if clock:
            self.page.clock.install()
        self.page.goto(f"{url}/?log{address}")

    # What a viewer does

    def sign_in(self, viewer: str) -> "PlayerPage":
        self.page.fill("#name", viewer)
        self.page.fill("#password", PASSWORDS[viewer])
        self.page.keyboard.press("Enter")
        return self

    def ready(self) -> "PlayerPage":
        """Wait until the tracker has begun: from now on the viewer may be asked something."""
        self.until("window.progressLog.some((entry) => 'policy' in entry)")
        self.until(f"{VIDEO}.readyState >= 2")
        return self

    def answer(self, label: str) -> "PlayerPage":
        """Choose in the dialog; the label may be the beginning of one."""
        self.page.locator("dialog[open]").wait_for()
        self.dialog.get_by_role("button", name=label).click()
        return self

    def press(self, button: str) -> "PlayerPage":
        self.page.get_by_role("button", name=button, exact=True).click()
        return self

    def play_until(self, position: float) -> "PlayerPage":
        """Play, if it does not yet, and watch until a position."""
        if self.value(f"{VIDEO}.paused"):
            self.press("Play")
        return self.watch_until(position)

    def watch_until(self, position: float) -> "PlayerPage":
        """Watch what plays, or is about to, until a position."""
        return self.until(f"{VIDEO}.currentTime >= {position} && !{VIDEO}.seeking")

    def at_twice_the_speed(self) -> "PlayerPage":
        self.page.get_by_label("Speed").select_option("2")
        return self

    def pause(self) -> "PlayerPage":
        told = len(self.log())
        self.press("Pause")
        paused = "(entry) => entry.event?.type === 'pause'"
        return self.until(f"window.progressLog.slice({told}).some({paused})")

    def point_at(self, position: float) -> "PlayerPage":
        """Click into the bar."""
        box = self.page.locator("#slider").bounding_box()
        assert box is not None
        share = position / self.duration
        self.page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        self.until(f"!{VIDEO}.seeking")
        return self

    def choose(self, clip: str) -> "PlayerPage":
        """Choose another clip, which plays unless there is something to ask."""
        source = self.value(f"{VIDEO}.src")
        self.page.locator("#clips").get_by_role("button", name=clip).click()
        return self.until(f"{VIDEO}.src !== '{source}' && {VIDEO}.readyState > 1")

    def close(self) -> None:
        """Close the page as a viewer does; return when it is gone."""
        with self.page.expect_event("close"):
            self.page.close(run_before_unload=True)

    def buffered(self) -> "PlayerPage":
        """Wait until the clip is here, so that it plays without a server."""
        return self.until(f"{VIDEO}.buffered.length && {VIDEO}.buffered.end(0) > 14.9")

    # What can be seen

    @property
    def dialog(self) -> "Locator":
        return self.page.locator("dialog[open]")

    @property
    def position(self) -> float:
        return float(self.value(f"{VIDEO}.currentTime"))

    @property
    def duration(self) -> float:
        return float(self.value(f"{VIDEO}.duration"))

    @property
    def begun(self) -> list[str]:
        """What there is to continue, the latest first."""
        return self.page.locator("#begun button").all_inner_texts()

    @property
    def frames(self) -> list[Json]:
        """What each frame has shown so far."""
        frames: list[Json] = self.value("window.frames_seen")
        return frames

    def log(self) -> list[Json]:
        """What the trackers of this page were told and decided."""
        log: list[Json] = self.value("window.progressLog")
        return log

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression yields in the page."""
        return self.page.evaluate(expression)

    def until(self, condition: str) -> "PlayerPage":
        """Wait until a JavaScript expression is true."""
        self.page.evaluate(UNTIL % (PATIENCE * 1000, condition))
        return self

    def notice(self, text: str) -> "PlayerPage":
        """Wait for a note."""
        self.page.locator(".notice", has_text=text).wait_for()
        return self


def logs_kept(device: Device, url: str) -> list[list[Json]]:
    """Return the logs of all pages that a device ever had, of pages that are gone, too."""
    page = device.context.new_page()
    # Of the same origin, and no player.
    page.goto(f"{url}/page.css")
    stored: list[tuple[str, str]] = page.evaluate("Object.entries(localStorage)")
    page.close()
    logs: dict[float, list[tuple[str, Json]]] = {}
    for key, text in stored:
        if key.startswith("logged "):
            _, origin, number = key.split()
            logs.setdefault(float(origin), []).append((number, json.loads(text)))
    return [[entry for _, entry in sorted(logs[at], key=lambda one: one[0])] for at in sorted(logs)]


Opening = Callable[..., PlayerPage]
