"""The pictures of the documentation are what their script draws."""

import re
import runpy
from pathlib import Path

import matplotlib as mpl
import pytest

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = ("hour.svg", "recording.svg")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    script = runpy.run_path(str(DOCS / "pictures.py"))
    assert tuple(script["DRAWN"]) == PICTURES
    for name, draw in script["DRAWN"].items():
        draw(folder / name)
    return folder


def texts(picture: Path) -> list[str]:
    """Return what is written in a picture, whose letters are outlines."""
    return re.findall(r"<!-- (.*?) -->", picture.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_says_what_its_script_makes_it_say(drawn: Path, name: str) -> None:
    committed = DOCS / "images" / name
    assert any("mode: " in text for text in texts(committed))
    assert texts(committed) == texts(drawn / name)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_its_scripts_to_the_byte(drawn: Path, name: str) -> None:
    committed = (DOCS / "images" / name).read_bytes()
    assert len(committed) < 150_000
    if f"Matplotlib v{mpl.__version__}," not in committed.decode():
        pytest.skip("drawn by another version of matplotlib, which draws otherwise")
    assert (drawn / name).read_bytes() == committed


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_shown_on_a_page_with_words_for_who_does_not_see_it(name: str) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    [words] = re.findall(rf"!\[([^\]]+)\]\(images/{name}\)", pages)
    assert len(words) > 80
