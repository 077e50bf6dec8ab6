"""The command line."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import IO

from attrs import asdict, fields

from ._decision import SaveDecision
from ._events import Event
from ._policy import IntervalPolicy, SavePolicy
from ._replay import MediaSummary, Replay
from ._trace import events_of_media, read_trace
from .errors import InvalidValueError, MilestoneProgressError

__all__ = ["main"]

DEMO = "_demo.jsonl"
# Lines between two signs of life on a terminal: about a second's work.
LINES_PER_SIGN = 100_000


class _UsageError(MilestoneProgressError):
    """The command cannot be carried out as it was given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 if something was wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], None] = options.run
        run(options)
    except MilestoneProgressError as error:
        sys.stdout.flush()
        print(f"milestone-progress: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read the output has seen enough; a second complaint at exit helps nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        # The input broke off, or there is no room for the output.
        print(f"milestone-progress: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="milestone-progress",
        description="Track how far people have watched video and audio.",
    )
    version = f"%(prog)s {metadata.version('milestone-progress')}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    replay = commands.add_parser(
        "replay",
        help="show when progress would be saved in a recording of a player",
        description="Show when progress would be saved in a recording of a player. A trace holds "
        "one JSON object per line: type (a DOM event name), at or wall (Unix seconds), position, "
        "duration, rate.",
    )
    replay.set_defaults(run=_replay)
    replay.add_argument("traces", nargs="*", metavar="TRACE.jsonl", help="- is standard input")
    replay.add_argument(
        "--demo", action="store_true", help="replay an hour recorded in Chromium at 16x"
    )
    replay.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the policy, such as max_unsaved=300, max_unsaved=none or "
        "milestones=50,100; may be repeated",
    )
    replay.add_argument(
        "--interval", action="store_true", help="decide as the legacy mode, every 30 s played"
    )
    replay.add_argument("--json", action="store_true", help="one line of JSON per decision")
    replay.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="TYPE,...",
        help="leave events of these types out, as a player would that never sends them",
    )
    return parser


# replay


def _replay(options: argparse.Namespace) -> None:
    policy = _policy(IntervalPolicy if options.interval else SavePolicy, options.policy)
    drop = frozenset(name.strip() for names in options.drop for name in names.split(","))
    if not options.traces and not options.demo:
        raise _UsageError("replay: name a trace, or - for standard input, or --demo")
    replay = Replay(policy)
    traces: list[tuple[str, Callable[[], AbstractContextManager[IO[bytes]]]]] = [
        (name, partial(_opened, name)) for name in options.traces
    ]
    if options.demo:
        traces.insert(0, ("the demo", _demo))
    rows = []
    for source, opened in traces:
        with opened() as stream:
            for media, seconds, decision in _replayed(replay, stream, source, drop):
                if options.json:
                    line = {"media": media} | asdict(decision)
                    print(json.dumps(line, allow_nan=False), flush=True)
                else:
                    rows.append((media, seconds, decision))
    if not options.json:
        _print_table(rows, several=len(replay.media) > 1)
        _print_summary(replay.media)


def _replayed(
    replay: Replay, stream: IO[bytes], source: str, drop: Collection[str]
) -> Iterator[tuple[int, float, SaveDecision]]:
    """Yield each decision of one trace with its media and the time into the trace, seconds."""
    began_at: float | None = None
    lines = 0

    def watched(events: Iterator[Event | None]) -> Iterator[Event | None]:
        nonlocal began_at, lines
        for event in events:
            lines += 1
            if began_at is None and event is not None:
                began_at = event.at
            if lines % LINES_PER_SIGN == 0 and sys.stderr.isatty():
                print(f"\r{source}: {lines:,} lines", end="", file=sys.stderr, flush=True)
            yield event

    events = events_of_media(watched(read_trace(stream, source, drop)))
    for media, decision in replay.decisions(events):
        yield media, decision.at - (began_at or 0.0), decision
    if lines >= LINES_PER_SIGN and sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if lines == 0:
        raise _UsageError(f"{source}: no events, the input is empty")


def _demo() -> AbstractContextManager[IO[bytes]]:
    return files(__package__).joinpath(DEMO).open("rb")


def _opened(name: str) -> AbstractContextManager[IO[bytes]]:
    if name == "-":
        if sys.stdin is None:
            raise _UsageError("cannot read -: standard input is closed")
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise _UsageError(f"cannot read {name}: {error.strerror}") from None


def _policy(
    kind: type[SavePolicy] | type[IntervalPolicy], settings: Sequence[str]
) -> SavePolicy | IntervalPolicy:
    names = [field.name for field in fields(kind)]
    values: dict[str, object] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in names:
            raise _UsageError(f"--policy {setting}: not NAME=VALUE with one of {', '.join(names)}")
        if name == "milestones":
            values[name] = tuple(_number(setting, piece) for piece in text.split(","))
        else:
            values[name] = None if text.lower() == "none" else _number(setting, text)
    try:
        return kind(**values)  # type: ignore[arg-type]  # the policies check what they are given
    except InvalidValueError as error:
        raise _UsageError(f"--policy: {error}") from None


def _number(setting: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise _UsageError(f"--policy {setting}: {text!r} is no number") from None
    # Milestones are shown as they are written.
    return int(number) if number.is_integer() else number


def _print_table(rows: Sequence[tuple[int, float, SaveDecision]], *, several: bool) -> None:
    print(f"{'media  ' if several else ''}{'time':>8}  {'trigger':<10}  ", end="")
    print(f"{'position':>8}  {'percent':>7}  milestone")
    for media, seconds, decision in rows:
        percent = "-" if decision.percent is None else f"{decision.percent:.1f} %"
        milestone = "" if decision.milestone is None else f"{decision.milestone:g} %"
        index = f"{media:>5}  " if several else ""
        position = format_time(decision.position)
        line = f"{index}{format_time(seconds):>8}  {decision.trigger:<10}  {position:>8}"
        print(f"{line}  {percent:>7}  {milestone}".rstrip())


def _print_summary(media: Sequence[MediaSummary]) -> None:
    saves = sum(one.saves for one in media)
    interval_saves = sum(one.interval_saves for one in media)
    lines = [("saves", f"{saves}"), ("interval mode would", f"{interval_saves}")]
    if interval_saves:
        lines.append(("reduction", f"{100 * (1 - saves / interval_saves):.1f} %"))
    at_risk = max((one.longest_at_risk for one in media), default=0.0)
    lines.append(("longest stretch at risk", format_time(at_risk)))
    for index, one in enumerate(media):
        of_media = f" of media {index}" if len(media) > 1 else ""
        coverage = "unknown" if one.coverage is None else f"{100 * one.coverage:.1f} %"
        lines.append((f"coverage{of_media}", coverage))
        lines.append((f"final position{of_media}", format_time(one.position)))
    print()
    for name, value in lines:
        print(f"{name:<26}{value}")


def format_time(seconds: float) -> str:
    """Return seconds as people write them: 0:07, 12:34, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
