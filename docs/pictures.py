"""Draws the pictures of simulated and of recorded viewings: `python docs/pictures.py`.

It writes `images/hour.svg` and `images/recording.svg`, takes some seconds, and needs the extra
`viz`. A test says when either is out of date. The states are drawn by `state_diagram.py`, and the
player's page is photographed by its tests (`pytest --browser --screenshots tests/in_browser`).
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from milestone_progress import IntervalPolicy, SavePolicy
from milestone_progress._cli import main
from milestone_progress._plot import BLUE, ORANGE, saved
from milestone_progress.simulator import Audience, Outcome, Watched

FOLDER = Path(__file__).with_name("images")
RECORDING = Path(__file__).parents[1] / "tests" / "traces" / "p-mixed-webkitgtk.jsonl"
# More make the curves hardly smoother.
VIEWERS = 100
HOUR, MINUTE = 3600, 60
# Inches: as wide as a page.
SIZE = (9.0, 4.2)


def draw_hour(path: Path) -> None:
    """Draw how many saves an hour of viewing comes to in both modes."""
    audience = Audience(duration=HOUR, viewers=VIEWERS)
    watched = [Watched.through(audience.visits(index)) for index in range(VIEWERS)]
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    for policy, mode, colour in (
        (IntervalPolicy(), "interval", ORANGE),
        (SavePolicy(), "milestone", BLUE),
    ):
        outcomes = [one.outcome(policy) for one in watched]
        mean = mean_saves(outcomes)
        axes.plot(range(MINUTE + 1), mean, color=colour, linewidth=2)
        axes.annotate(
            f"{mode} mode: {mean[-1]:.1f}",
            (MINUTE, mean[-1]),
            textcoords="offset points",
            xytext=(6, 0),
            va="center",
            color="0.15",
        )
    axes.set(
        title=f"Saves of an hour watched, mean of {VIEWERS} simulated viewers",
        xlabel="minutes watched",
        ylabel="saves so far",
        xlim=(0, MINUTE),
        ylim=(0, None),
        xticks=range(0, MINUTE + 1, 10),
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, alpha=0.3)
    saved(figure, path)


def mean_saves(outcomes: Sequence[Outcome]) -> list[float]:
    """Return the saves up to each minute of an hour: of each minute, by who was there for it."""
    mean = [0.0]
    for minute in range(MINUTE):
        begins, ends = minute * 60.0, minute * 60.0 + 60
        there = sum(max(0.0, min(one.seconds, ends) - begins) for one in outcomes) / 60
        saves = sum(begins <= at < ends for one in outcomes for at in one.decided_after)
        mean.append(mean[-1] + saves / there)
    return mean


def draw_recording(path: Path) -> None:
    """Draw one recording of a player, with the decisions, as the command does."""
    if main(["replay", str(RECORDING), "--plot", str(path)]) != 0:
        sys.exit("the recording could not be drawn")


DRAWN = {"hour.svg": draw_hour, "recording.svg": draw_recording}


if __name__ == "__main__":
    for name, draw in DRAWN.items():
        draw(FOLDER / name)
