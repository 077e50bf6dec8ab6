"""The picture of a comparison: what is saved when, and what that is worth.

The only module that needs matplotlib.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ._policy import IntervalPolicy, SavePolicy
from .simulator import (
    Audience,
    Figures,
    Visit,
    Watched,
    compare,
    compare_recordings,
)

__all__ = ["draw"]

Viewers = Audience | Sequence[Sequence[Visit]]

# More make the curves no smoother, and all are simulated once more for each setting.
VIEWERS = 50
# Seconds: of ``max_unsaved`` and of ``interval``.
MOST_UNSAVED = (60, 120, 300, 600, None)
INTERVALS = (10, 30, 60, 120, 300, 600)
MINUTE = 60.0
# What stands at the points of each mode.
MILESTONE, INTERVAL = "milestone mode, max_unsaved", "interval mode, interval"
# Inches, of a panel: three in a row are legible when they are as wide as a page.
WIDTH, HEIGHT = 4.7, 4.6
BLUE, ORANGE = "tab:blue", "tab:orange"


def draw(path: Path, media: str, policy: SavePolicy, viewers: Viewers) -> None:
    """Draw saves over time, and what they are worth; the file's suffix says as what.

    Args:
        path: Where to.
        media: What is watched, in words.
        policy: The milestone mode's.
        viewers: Who watches.

    Raises:
        ValueError: There is no such kind of picture.
        OSError: It cannot be written there.
    """
    if isinstance(viewers, Audience):
        viewers = evolve(viewers, viewers=min(viewers.viewers, VIEWERS))
    settings = _settings(policy, viewers)
    panels = 3 if settings["interval"].resumed else 2
    figure = Figure(figsize=(panels * WIDTH, HEIGHT), layout="constrained")
    axes = [figure.add_subplot(1, panels, index + 1) for index in range(panels)]
    _draw_viewer(axes[0], policy, viewers)
    axes[1].set_title("What a crash costs")
    _draw_settings(axes[1], settings, "lost_at_crash_mean", "seconds lost, mean")
    for right in axes[2:]:
        right.set_title("Where viewers are offered to resume")
        _draw_settings(right, settings, "resume_error_mean", "seconds from where they left, mean")
    count = viewers.viewers if isinstance(viewers, Audience) else len(viewers)
    figure.suptitle(f"Saves in both modes, {media} (viewers: {count})")
    figure.savefig(path)


def _draw_viewer(axes: Axes, policy: SavePolicy, viewers: Viewers) -> None:
    """Draw when both modes save with the viewer in the middle, of several the longest there."""
    if isinstance(viewers, Audience):
        viewers = [viewers.visits(index) for index in range(viewers.viewers)]
    outcomes = [Watched.through(visits).outcome(policy) for visits in viewers]
    rates = [one.saves / one.seconds for one in outcomes]
    middle = sorted(rates)[(len(rates) - 1) // 2]
    index = max(range(len(rates)), key=lambda one: (rates[one] == middle, outcomes[one].seconds))
    interval = Watched.through(viewers[index]).outcome(IntervalPolicy())
    for name, outcome, colour in (
        ("milestone", outcomes[index], BLUE),
        ("interval", interval, ORANGE),
    ):
        times = outcome.decided_after
        minutes = [0.0, *(time / MINUTE for time in times), outcome.seconds / MINUTE]
        counts = [*range(len(times) + 1), len(times)]
        axes.step(minutes, counts, where="post", color=colour, label=f"{name}: {len(times)}")
    axes.set(title="The viewer in the middle", xlabel="minutes watched", ylabel="saves so far")
    axes.legend()


def _settings(policy: SavePolicy, viewers: Viewers) -> Mapping[str, Figures]:
    """Return what several settings of both modes come to, by mode and setting."""
    policies: dict[str, SavePolicy | IntervalPolicy] = {"interval": IntervalPolicy()}
    policies |= {f"{MILESTONE} {most}": evolve(policy, max_unsaved=most) for most in MOST_UNSAVED}
    policies |= {f"{INTERVAL} {every}": IntervalPolicy(interval=every) for every in INTERVALS}
    if isinstance(viewers, Audience):
        return compare(viewers, policies).policies
    return compare_recordings(viewers, policies).policies


def _draw_settings(axes: Axes, settings: Mapping[str, Figures], figure: str, label: str) -> None:
    """Draw what more saves are worth, by one of the figures, for several settings of both modes."""
    for mode, colour, above in ((MILESTONE, BLUE, 6), (INTERVAL, ORANGE, -12)):
        drawn = {
            name.removeprefix(mode): (getattr(one, figure), one.saves_per_hour_in_all)
            for name, one in settings.items()
            if name.startswith(mode) and getattr(one, figure) is not None
        }
        worth, saves = zip(*drawn.values(), strict=True) if drawn else ((), ())
        axes.plot(worth, saves, marker="o", color=colour, label=mode)
        for setting, point in drawn.items():
            axes.annotate(setting, point, textcoords="offset points", xytext=(4, above), fontsize=8)
    # Not `log`, which has no room for 0.
    axes.set(xlabel=label, ylabel="saves per viewer-hour", xscale="symlog", yscale="symlog")
    axes.margins(0.12)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
