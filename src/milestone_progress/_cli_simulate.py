"""The command `simulate`: every policy on the same viewers."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from attrs import asdict, frozen

from ._cli_plot import plotting, require_matplotlib
from ._cli_policy import UsageError, policy_from
from ._cli_traces import opened
from ._display import format_time
from ._events import Event
from ._policy import IntervalPolicy, SavePolicy
from ._trace import events_of_media, read_trace
from .errors import InvalidValueError, shown
from .simulator import (
    MIXES,
    Audience,
    Comparison,
    Figures,
    Visit,
    compare,
    compare_recordings,
    recorded,
)

if TYPE_CHECKING:
    # Whose class has another name in every version, and none that is public.
    from argparse import _SubParsersAction

__all__ = ["add_simulate"]

# Seconds: a clip, a song, an episode, a lecture, a long film, an audiobook.
DURATIONS = (30.0, 300.0, 1200.0, 3600.0, 10_800.0, 36_000.0)
# Seconds. Nothing is longer, and a player's events of more than that are too many to keep.
LONGEST = 360_000.0
VIEWERS = 100
SEED = 1
# The length that stands for all where there is room for one.
HOUR = 3600.0
# Digits after the point in what is printed as JSON.
DIGITS = 3


@frozen
class _Block:
    """What is shown together: viewers of media of one length, or recordings."""

    viewers: Audience | Sequence[Sequence[Visit]]
    comparison: Comparison

    @property
    def duration(self) -> float | None:
        return self.viewers.duration if isinstance(self.viewers, Audience) else None


def add_simulate(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the command line."""
    simulate = commands.add_parser(
        "simulate",
        help="compare when policies save, on simulated viewers or recordings",
        description="Compare when policies save, and what a crash would cost, on the same "
        "simulated viewers, or on recordings. The same seed gives the same output.",
    )
    simulate.set_defaults(run=_simulate)
    simulate.add_argument(
        "--viewers",
        type=int,
        metavar="N",
        help=f"how many, of each length (default: {VIEWERS})",
    )
    simulate.add_argument(
        "--duration",
        type=float,
        nargs="+",
        metavar="S",
        help="lengths of the media, seconds (default: "
        + " ".join(f"{duration:g}" for duration in DURATIONS)
        + ")",
    )
    simulate.add_argument(
        "--mix", metavar="NAME", help=f"who watches (default: default): {', '.join(MIXES)}"
    )
    simulate.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the milestone mode, as for replay; may be repeated",
    )
    simulate.add_argument("--seed", type=int, metavar="N", help=f"default: {SEED}")
    simulate.add_argument(
        "--traces",
        nargs="+",
        metavar="FILE",
        help="recordings to take in place of simulated viewers; - is standard input",
    )
    simulate.add_argument("--json", action="store_true", help="one JSON object")
    simulate.add_argument("--plot", metavar="FILE", help="draw it, as .png, .svg or .pdf")
    simulate.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="processes to work with (default: 1)"
    )


def _simulate(options: argparse.Namespace) -> None:
    policy = policy_from(SavePolicy, options.policy)
    assert isinstance(policy, SavePolicy)
    if options.jobs < 1:
        raise UsageError(f"simulate: --jobs {options.jobs}: it takes at least 1")
    if options.plot is not None:
        require_matplotlib("simulate")
    began_at = perf_counter()
    if options.traces is not None:
        blocks = [_of_recordings(options, policy)]
    else:
        blocks = list(_of_audiences(options, policy))
    seconds = perf_counter() - began_at
    if options.json:
        print(json.dumps(_as_json(options, policy, blocks), indent=2, allow_nan=False))
    else:
        _print_blocks(options, blocks)
        hours = sum(block.comparison.viewer_hours for block in blocks)
        # Not with the rest, which is the same in every run.
        speed = f"{hours:,.1f} viewer-hours in {seconds:.1f} s, {hours / seconds:,.1f} a second"
        print(speed, file=sys.stderr)
    if options.plot is not None:
        from ._plot import draw_comparison  # noqa: PLC0415  # an extra, for who wants a picture

        block = _nearest_to_an_hour(blocks)
        with plotting("simulate", options.plot):
            draw_comparison(Path(options.plot), _media(block), policy, block.viewers)
    for block in blocks:
        _require_the_law(block)


# Who watches


def _of_audiences(options: argparse.Namespace, policy: SavePolicy) -> Iterator[_Block]:
    audiences = _audiences(options)
    work = sum(audience.viewers * audience.duration for audience in audiences)
    done = 0.0
    with _executor(options.jobs) as executor:
        for audience in audiences:

            def progress(viewers: int, audience: Audience = audience) -> None:
                nonlocal done
                done += viewers * audience.duration
                _show_progress(done / work)

            policies = _policies(policy, audience.duration)
            comparison = compare(audience, policies, executor=executor, progress=progress)
            yield _Block(audience, comparison)
    _clear_progress()


def _audiences(options: argparse.Namespace) -> list[Audience]:
    mix = options.mix or "default"
    if mix not in MIXES:
        raise UsageError(f"simulate: --mix {shown(mix)}: not one of {', '.join(MIXES)}")
    durations = options.duration or DURATIONS
    for duration in durations:
        if not 0 < duration <= LONGEST:
            expected = f"takes more than 0 and at most {LONGEST:g} seconds"
            raise UsageError(f"simulate: --duration {duration:g}: it {expected}")
    viewers = VIEWERS if options.viewers is None else options.viewers
    if viewers < 1:
        raise UsageError(f"simulate: --viewers {viewers}: it takes at least 1")
    seed = SEED if options.seed is None else options.seed
    return [
        Audience(duration=duration, viewers=viewers, mix=MIXES[mix], seed=seed)
        for duration in sorted(set(durations))
    ]


def _executor(jobs: int) -> "ProcessPoolExecutor | nullcontext[None]":
    if jobs == 1:
        return nullcontext()
    # Not forked: that is not to be had everywhere, and what holds there must hold everywhere.
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))


def _of_recordings(options: argparse.Namespace, policy: SavePolicy) -> _Block:
    given = {
        "--viewers": options.viewers,
        "--duration": options.duration,
        "--mix": options.mix,
        "--seed": options.seed,
    }
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"simulate: {name} is of simulated viewers, --traces of recorded ones")
    viewers = [visits for name in options.traces for visits in _recordings(name)]
    if not viewers:
        raise UsageError("simulate: no time passes in these traces")
    return _Block(viewers, compare_recordings(viewers, _policies(policy, None)))


def _recordings(name: str) -> Iterator[tuple[Visit, ...]]:
    media: dict[int, list[Event]] = {}
    with opened(name) as stream:
        for index, event in events_of_media(read_trace(stream, name)):
            media.setdefault(index, []).append(event)
    for events in media.values():
        try:
            yield recorded(events)
        except InvalidValueError:
            # The last media of a recording is often one that was never played.
            continue


def _policies(policy: SavePolicy, duration: float | None) -> dict[str, SavePolicy | IntervalPolicy]:
    policies: dict[str, SavePolicy | IntervalPolicy] = {
        "milestone": policy,
        "interval": IntervalPolicy(),
    }
    thinned = policy if duration is None else policy.thinned(duration)
    if thinned != policy:
        policies["thinned"] = thinned
    return policies


# What is shown


def _show_progress(share: float) -> None:
    if sys.stderr.isatty():
        bar = "#" * int(40 * share)
        print(f"\r[{bar:<40}] {100 * share:3.0f} %", end="", file=sys.stderr, flush=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _as_json(
    options: argparse.Namespace, policy: SavePolicy, blocks: Sequence[_Block]
) -> dict[str, object]:
    lengths = [
        {
            "duration": block.duration,
            "viewers": block.comparison.viewers,
            "viewer_hours": round(block.comparison.viewer_hours, DIGITS),
            "policies": {
                name: _rounded(asdict(figures))
                for name, figures in block.comparison.policies.items()
            },
        }
        for block in blocks
    ]
    simulated: dict[str, object] = {"traces": options.traces}
    if options.traces is None:
        simulated = _simulated(options)
    nearest = blocks.index(_nearest_to_an_hour(blocks))
    return simulated | {"policy": asdict(policy)} | lengths[nearest] | {"lengths": lengths}


def _nearest_to_an_hour(blocks: Sequence[_Block]) -> _Block:
    return min(blocks, key=lambda block: abs((block.duration or HOUR) - HOUR))


def _simulated(options: argparse.Namespace) -> dict[str, object]:
    seed = SEED if options.seed is None else options.seed
    between = _audiences(options)[0].interval
    return {"mix": options.mix or "default", "seed": seed, "seconds_between_reports": between}


def _rounded(figures: Mapping[str, object]) -> dict[str, object]:
    return {
        name: round(value, DIGITS) if isinstance(value, float) else value
        for name, value in figures.items()
    }


HEAD = """\
                saves per viewer-hour    re-   % fewer  crash costs resume
          median   mean    p95  worst quests med.  all  mean  worst  error % end"""
LEGEND = """\
saves     what is written in an hour of each viewer's time; requests are of all
fewer     than interval on the same viewers: of the medians, and of all saves
crash     media played and not saved if the player crashed: mean, and the most
resume    how far the point offered is from where the viewer left, mean
end       of how many viewers it is stored that they completed the media"""
THINNED = "thinned   milestones 30 s apart at least: SavePolicy().thinned(duration)"


def _print_blocks(options: argparse.Namespace, blocks: Sequence[_Block]) -> None:
    for block in blocks:
        comparison = block.comparison
        hours = f"{comparison.viewer_hours:,.1f} viewer-hours"
        print(f"{_media(block)}: {_counted(comparison.viewers)}, {hours}")
        print(HEAD)
        for name, figures in comparison.policies.items():
            print(_row(name, figures, comparison.viewer_hours))
        milestone = comparison.policies["milestone"]
        if milestone.allowed is not None:
            undecided, allowed = map(_time, (milestone.undecided_worst, milestone.allowed))
            print(f"undecided at most: {undecided}, of {allowed} that the law allows (milestone)")
        print()
    print(LEGEND)
    if any("thinned" in block.comparison.policies for block in blocks):
        print(THINNED)
    if options.traces is None:
        told = _simulated(options)
        between = told["seconds_between_reports"]
        print(f"mix {told['mix']}, seed {told['seed']}, players report every {between} s")


def _media(block: _Block) -> str:
    seconds = block.duration
    if seconds is None:
        return "recordings"
    for name, unit in (("h", 3600), ("min", 60)):
        if seconds % unit == 0:
            return f"media of {seconds / unit:g} {name}"
    return f"media of {seconds:g} s"


def _counted(viewers: int) -> str:
    return f"{viewers:,} viewer{'' if viewers == 1 else 's'}"


def _row(name: str, figures: Figures, hours: float) -> str:
    rates = (figures.saves_per_viewer_hour, figures.mean, figures.p95, figures.worst)
    cells = [f"{rate:7.1f}" for rate in (*rates, figures.requests / hours)]
    for share in (figures.fewer, figures.fewer_in_all):
        is_told = name != "interval" and share is not None
        cells.append(f"{share:5.0f}" if is_told else f"{'':5}")
    cells += [f"{_time(figures.lost_at_crash_mean):>6}", f"{_time(figures.lost_at_crash_worst):>7}"]
    error = figures.resume_error_mean
    cells += ["      -" if error is None else f"{_time(error):>7}", f"{figures.completed:6.0f}"]
    return f"{name:<9}" + "".join(cells)


def _time(seconds: float) -> str:
    return format_time(round(seconds))


def _require_the_law(block: _Block) -> None:
    for name, figures in block.comparison.policies.items():
        if figures.beyond_the_law:
            viewers = figures.beyond_the_law
            raise UsageError(
                f"simulate: {name} left {figures.undecided_worst:.3f} s at risk where the law of "
                f"bounded loss allows {figures.allowed:.3f}; so it is with {_counted(len(viewers))}"
                f", first number {viewers[0]}: a bug, please report it with this command"
            )
