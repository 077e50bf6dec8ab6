"""Chromium as the device of a viewer: one process, one profile.

Started here and not by Playwright: its pages can be hidden, and it can be killed.
"""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--remote-debugging-port=0",
]
# Seconds after which something is wrong with a browser.
PATIENCE = 30.0


def what_is_missing() -> str | None:
    """Return what is to be installed for these tests, None if nothing is."""
    if find_spec("playwright") is None or find_spec("axe_playwright_python") is None:
        return "no Playwright: install the extra `browser`"
    if program() is None:
        return "no Chromium: install Debian's package `chromium`"
    return None


def program() -> str | None:
    """Return Chromium's path, None if it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Device:
    """A viewer's computer or phone: what its browser keeps is in a folder.

    Attributes:
        context: Its windows and cookies.
    """

    def __init__(self, playwright: "Playwright", profile: Path) -> None:
        command = [program() or "chromium", *ARGUMENTS, f"--user-data-dir={profile}", "about:blank"]
        # A group of its own is killed as a whole.
        self._process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if found := re.search(r"ws://\S+", line):
                break
        else:
            raise RuntimeError(f"Chromium does not start:\n{''.join(said)}")
        # Who does not listen makes it wait.
        self._listener = Thread(target=self._process.stderr.read)
        self._listener.start()
        # The defaults would have every page visible and focused at all times.
        self._browser = playwright.chromium.connect_over_cdp(found[0], no_defaults=True)
        self.context: BrowserContext = self._browser.contexts[0]
        self.context.set_default_timeout(PATIENCE * 1000)

    def kill(self) -> None:
        """End all its processes at once, as an empty battery does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)
        self._listener.join(PATIENCE)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._browser.close()
