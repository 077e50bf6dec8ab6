"""The command line."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from importlib.resources import files
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from attrs import asdict

from ._cli_plot import plotting, require_matplotlib
from ._cli_policy import UsageError, policy_from
from ._cli_simulate import add_simulate
from ._cli_stats import add_stats
from ._cli_stores import opened_to_read
from ._cli_traces import opened
from ._decision import SaveDecision
from ._display import format_time
from ._events import Event
from ._identifiers import identifier
from ._policy import IntervalPolicy, SavePolicy
from ._record import ProgressRecord
from ._replay import MediaSummary, Replay, Timeline
from ._trace import events_of_media, read_trace
from .errors import MilestoneProgressError, shown
from .stores import ProgressStore, ViewerExporter, open_store, save_merged

__all__ = ["main"]

DEMO = "_demo.jsonl"
SCHEMA = "schema.json"
# Lines between two signs of life on a terminal: about a second's work.
LINES_PER_SIGN = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 if something was wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that knows ASCII only shows the rest as escapes.
        sys.stdout.reconfigure(errors="backslashreplace")
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
        "--plot", metavar="FILE", help="draw one recording over time, as .png, .svg or .pdf"
    )
    _add_store(replay, "save what is decided there, and show what is stored in the end")
    replay.add_argument("--viewer", help="whose progress to save")
    replay.add_argument(
        "--media",
        help="in what; if a trace shows further media, they are saved as MEDIA/2, MEDIA/3, …",
    )
    replay.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="TYPE,...",
        help="leave events of these types out, as a player would that never sends them",
    )
    show = commands.add_parser(
        "show",
        help="show what is stored of a viewer",
        description="Show what is stored of a viewer: all media in order, or one.",
    )
    show.set_defaults(run=_show)
    _add_store(show, "where to look", required=True)
    show.add_argument("--viewer", required=True, help="whose progress to show")
    show.add_argument("--media", help="of which media only")
    show.add_argument("--json", action="store_true", help="one line of JSON per record")
    add_stats(commands)
    add_simulate(commands)
    schema = commands.add_parser(
        "schema",
        help="print the JSON Schema of what goes over the wire",
        description="Print the JSON Schema (2020-12) of what goes over the wire: all of it, or one "
        "definition, which stands alone.",
    )
    schema.set_defaults(run=_schema)
    schema.add_argument("name", nargs="?", metavar="NAME", help="such as report or response")
    return parser


def _add_store(command: argparse.ArgumentParser, purpose: str, *, required: bool = False) -> None:
    command.add_argument(
        "--store",
        required=required,
        metavar="URL",
        help=f"sqlite:PATH, redis://… or postgresql://…: {purpose}",
    )
    command.add_argument(
        "--namespace", default="default", help='whose part of the store (default: "default")'
    )


# replay


def _replay(options: argparse.Namespace) -> None:
    policy = policy_from(IntervalPolicy if options.interval else SavePolicy, options.policy)
    drop = frozenset(name.strip() for names in options.drop for name in names.split(","))
    if not options.traces and not options.demo:
        raise UsageError("replay: name a trace, or - for standard input, or --demo")
    given = [option is not None for option in (options.store, options.viewer, options.media)]
    if any(given) and not all(given):
        raise UsageError("replay: --store, --viewer and --media go together")
    if options.plot is not None:
        if len(options.traces) + options.demo > 1:
            raise UsageError("replay: --plot draws one recording, name a single trace")
        require_matplotlib("replay")
    replay = Replay(policy)
    timeline = None if options.plot is None else Timeline(policy)
    with ExitStack() as stack:
        save = None
        if options.store is not None:
            store = stack.enter_context(
                closing(open_store(options.store, namespace=options.namespace))
            )
            save = _Saver(store, options.viewer, options.media, replay.media)
        _replay_traces(options, replay, drop, save, timeline)
    if timeline is not None:
        from ._plot import draw_timeline  # noqa: PLC0415  # an extra, for who wants a picture

        name = "the demo" if options.demo else Path(options.traces[0]).stem
        with plotting("replay", options.plot):
            draw_timeline(Path(options.plot), name, timeline)


class _Saver:
    """Saves decisions as a server would that had received each at the moment it was made."""

    def __init__(
        self, store: ProgressStore, viewer: str, media: str, summaries: Sequence[MediaSummary]
    ) -> None:
        self._store = store
        self._viewer = identifier("viewer", viewer)
        self._media = identifier("media", media)
        self._summaries = summaries
        #: What is stored, by media.
        self.stored: dict[str, ProgressRecord] = {}

    def __call__(self, index: int, decision: SaveDecision) -> None:
        media = f"{self._media}/{index + 1}" if index else self._media
        before = self.stored.get(media) or self._store.load(self._viewer, media)
        record = ProgressRecord.from_decision(
            decision,
            viewer=self._viewer,
            media=media,
            # Before 1970 there were no servers, but traces may begin at 0.
            received_at=max(0.0, decision.at),
            played=self._summaries[index].played,
            generation=0 if before is None else before.generation,
        )
        self.stored[media] = save_merged(self._store, record)


def _replay_traces(
    options: argparse.Namespace,
    replay: Replay,
    drop: Collection[str],
    save: _Saver | None,
    timeline: Timeline | None,
) -> None:
    traces: list[tuple[str, Callable[[], AbstractContextManager[IO[bytes]]]]] = [
        (name, partial(opened, name)) for name in options.traces
    ]
    if options.demo:
        traces.insert(0, ("the demo", _demo))
    rows = []
    for source, open_trace in traces:
        with open_trace() as stream:
            for media, seconds, decision in _replayed(replay, stream, source, drop, timeline):
                if save is not None:
                    save(media, decision)
                if options.json:
                    line = {"media": media} | asdict(decision)
                    print(json.dumps(line, allow_nan=False), flush=True)
                else:
                    rows.append((media, seconds, decision))
    if not options.json:
        _print_table(rows, several=len(replay.media) > 1)
        _print_summary(replay.media)
    if save is not None:
        if not options.json:
            print("\nstored")
        _print_records(list(save.stored.values()), as_json=options.json)


def _replayed(
    replay: Replay,
    stream: IO[bytes],
    source: str,
    drop: Collection[str],
    timeline: Timeline | None,
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
    if timeline is not None:
        events = timeline.following(events)
    for media, decision in replay.decisions(events):
        yield media, decision.at - (began_at or 0.0), decision
    if lines >= LINES_PER_SIGN and sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if lines == 0:
        raise UsageError(f"{source}: no events, the input is empty")


def _demo() -> AbstractContextManager[IO[bytes]]:
    return files(__package__).joinpath(DEMO).open("rb")


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


# show


def _show(options: argparse.Namespace) -> None:
    with opened_to_read(options.store, options.namespace) as store:
        if options.media is None:
            if not isinstance(store, ViewerExporter):
                raise UsageError("show: this store tells of single media only, add --media")
            records = store.export_viewer(options.viewer)
        else:
            record = store.load(options.viewer, options.media)
            records = [] if record is None else [record]
    if not records:
        raise UsageError(f"show: nothing is stored of {shown(options.viewer)}")
    _print_records(records, as_json=options.json)


def _print_records(records: Sequence[ProgressRecord], *, as_json: bool) -> None:
    if as_json:
        for record in records:
            print(json.dumps(record.to_dict(), allow_nan=False), flush=True)
        return
    print(
        f"{'position':>8}  {'percent':>7}  {'milestone':>9}  {'played':>8}  {'updated':<16}  media"
    )
    for record in records:
        percent = "-" if record.percent is None else f"{record.percent:.1f} %"
        updated = _when(record.updated_at)
        line = f"{format_time(record.position):>8}  {percent:>7}  {record.milestone:>7g} %"
        played = format_time(record.played.bit_count())
        done = ", completed" if record.completed else ""
        print(f"{line}  {played:>8}  {updated}  {record.media}{done}")


def _when(at: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):  # A number of seconds, but in no year that has a name.
        return f"{at:.0f} s"


# schema


def _schema(options: argparse.Namespace) -> None:
    schema = json.loads(files(__package__).joinpath(SCHEMA).read_bytes())
    if options.name is not None:
        definitions = schema["$defs"]
        if options.name not in definitions:
            known = ", ".join(definitions)
            raise UsageError(f"schema: there is no {shown(options.name)}, but {known}")
        head = {"$schema": schema["$schema"], "$id": f"{schema['$id']}:{options.name}"}
        schema = head | definitions[options.name]
    print(json.dumps(schema, indent=2))
