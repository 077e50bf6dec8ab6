"""The page of the tutorial, watched."""

from collections.abc import Callable
from pathlib import Path

from browser import served
from tutorial import prepare

from .chromium import Device

PLAY = "document.querySelector('video').play()"
POSITION = "document.querySelector('video').currentTime"


def test_the_page_of_the_tutorial_resumes_at_the_very_second(
    new_device: Callable[..., Device], tmp_path: Path
) -> None:
    folder = tmp_path / "watch-and-resume"
    folder.mkdir()
    prepare(folder)
    serve = (str(folder), "-m", "uvicorn", "app:app", "--port", "0")
    with served(*serve, SESSION_SECRET="of these tests") as address:
        page = new_device().context.new_page()
        page.goto(address)
        page.get_by_role("button").wait_for()
        page.evaluate(PLAY)
        page.get_by_text("milestone: written").wait_for()
        # More than a second after 25 % was saved, and before 50 % will be.
        page.wait_for_function(f"{POSITION} > 5")
        left_at = page.evaluate(POSITION)
        page.reload()
        page.get_by_role("button", name="Resume from 0:0").click()
        page.wait_for_function(f"{POSITION} > 1")
        assert left_at - 1 < page.evaluate(POSITION) < left_at + 2
