"""The pictures: of a comparison what is saved when, and what that is worth; of a recording when.

The only module that needs matplotlib.
"""

from collections.abc import Mapping, Sequence
from math import inf, nan
from pathlib import Path

from attrs import evolve
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from ._decision import Trigger
from ._display import format_time
from ._policy import IntervalPolicy, SavePolicy
from ._replay import Timeline, Way
from .simulator import (
    Audience,
    Figures,
    Visit,
    Watched,
    compare,
    compare_recordings,
)

__all__ = ["draw_comparison", "draw_timeline", "saved"]

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
# Who draws the same twice gets the same bytes: no dates, and names that are not made up.
UNDATED = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def saved(figure: Figure, path: Path) -> None:
    """Save a picture; the file's suffix says as what.

    Args:
        figure: The picture.
        path: Where to.

    Raises:
        ValueError: There is no such kind of picture.
        OSError: It cannot be written there.
    """
    with rc_context({"svg.hashsalt": "milestone-progress"}):
        figure.savefig(path, metadata=UNDATED.get(path.suffix.lower()))


# A comparison


def draw_comparison(path: Path, media: str, policy: SavePolicy, viewers: Viewers) -> None:
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
    saved(figure, path)


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


# A recording

# Inches: as wide as a page of documentation.
TIMELINE = (9.0, 5.2)
# How the ways of a playhead are drawn: style, colour, width in points.
WAYS = {
    Way.PLAYED: ("solid", "0.1", 2.0),
    Way.STOOD: ("solid", "0.65", 2.0),
    Way.JUMPED: ("dotted", "0.45", 1.4),
}
# Shapes that differ for who sees no colours, and colours that differ for who sees fewer (Okabe and
# Ito, "Color Universal Design", 2008).
MARKS = {
    Trigger.COMPLETION: ("*", "#009e73"),
    Trigger.UNLOAD: ("X", "#000000"),
    Trigger.SEEK: ("D", "#d55e00"),
    Trigger.MILESTONE: ("o", "#0072b2"),
    Trigger.PAUSE: ("s", "#cc79a7"),
    Trigger.CHECKPOINT: ("^", "#e69f00"),
    Trigger.INTERVAL: ("P", "#56b4e9"),
}
# Square points; a star has less of them than it takes.
MARK_SIZE, STAR_SIZE = 70, 190
# Seconds between two ticks of an axis; the first that makes no more ticks than may be is taken.
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 36_000, 86_400)
MOST_TICKS = 10


def draw_timeline(path: Path, name: str, timeline: Timeline) -> None:
    """Draw where the playhead was when, and when that is saved; the file's suffix says as what.

    Args:
        path: Where to.
        name: What was recorded, in words.
        timeline: What to draw.

    Raises:
        ValueError: There is no such kind of picture.
        OSError: It cannot be written there.
    """
    figure = Figure(figsize=TIMELINE, layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(7, 1))
    _draw_ways(axes, timeline)
    _draw_decisions(axes, timeline)
    seconds = max((one.ended for one in timeline.media), default=0.0) or 1.0
    highest = max((end[1] for _, ends in timeline.stretches for end in ends), default=0.0) or 1.0
    axes.set(
        ylabel="position",
        xlim=(-0.01 * seconds, 1.01 * seconds),
        ylim=(-0.04 * highest, 1.06 * highest),
    )
    _draw_milestones(axes, timeline, highest)
    _draw_saves(below, timeline)
    below.set(xlabel="time into the recording")
    for axis, length in ((axes.yaxis, highest), (below.xaxis, seconds)):
        axis.set_major_locator(MultipleLocator(_between_ticks(length)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: format_time(max(0.0, value))))
    axes.set_title(f"{name}: where the playhead was, and when that is saved", loc="left")
    for panel in (axes, below):
        panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=9, columnspacing=1.4)
    saved(figure, path)


def _draw_ways(axes: Axes, timeline: Timeline) -> None:
    for way, (style, colour, width) in WAYS.items():
        times: list[float] = []
        positions: list[float] = []
        for one, (start, end) in timeline.stretches:
            if one is way:
                # Each is a line of its own, unless it goes on where the last one ended.
                if not times or (times[-1], positions[-1]) != start:
                    times += [nan, start[0]]
                    positions += [nan, start[1]]
                times.append(end[0])
                positions.append(end[1])
        if times:
            axes.plot(times, positions, linestyle=style, color=colour, linewidth=width, label=way)


def _draw_decisions(axes: Axes, timeline: Timeline) -> None:
    # The first in precedence on top.
    for trigger, (mark, colour) in reversed(MARKS.items()):
        found = [(at, one.position) for at, one in timeline.decisions if one.trigger is trigger]
        if found:
            times, positions = zip(*found, strict=True)
            size = STAR_SIZE if mark == "*" else MARK_SIZE
            axes.scatter(
                times,
                positions,
                s=size,
                marker=mark,
                color=colour,
                edgecolors="white",
                zorder=3,
                label=f"save: {trigger} ({len(found)})",
            )


def _draw_milestones(axes: Axes, timeline: Timeline, highest: float) -> None:
    """Draw the milestones of each media as far up as the playhead came."""
    for one in timeline.media:
        for milestone in timeline.policy.milestones:
            position = milestone * (one.duration or inf) / 100
            if position <= 1.03 * highest:
                axes.hlines(position, one.began, one.ended, color="0.85", linewidth=0.8, zorder=0)
                axes.annotate(
                    f"{milestone:g} %",
                    (one.ended, position),
                    textcoords="offset points",
                    xytext=(8, 0),
                    va="center",
                    fontsize=8,
                    color="0.35",
                )


def _draw_saves(axes: Axes, timeline: Timeline) -> None:
    """Draw when the modes save, a stroke for each time."""
    decided = [at for at, _ in timeline.decisions]
    if isinstance(timeline.policy, SavePolicy):
        rows = {
            "interval mode": (timeline.interval, "0.45"),
            "milestone mode": (decided, MARKS[Trigger.MILESTONE][1]),
        }
    else:
        rows = {"interval mode": (decided, "0.45")}
    labels = []
    for row, (name, (times, colour)) in enumerate(rows.items()):
        axes.vlines(times, row - 0.3, row + 0.3, color=colour)
        labels.append(f"{name}: {len(times)}")
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="y", length=0)


def _between_ticks(length: float) -> float:
    return next((step for step in TICKS if length / step <= MOST_TICKS), length / MOST_TICKS)
