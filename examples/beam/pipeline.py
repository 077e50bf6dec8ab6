"""Decides for the clickstream in files: `python pipeline.py --help`. See README.md."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from json import dumps

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from comparison import Policies, compared
from keyed_viewing import Settings
from milestone_progress import IntervalPolicy, SavePolicy
from milestone_progress.stores import open_store
from transforms import Save, decisions_of, events_of

POLICY = SavePolicy()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the pipeline that the arguments describe, and print what it counted."""
    options, rest = _parser().parse_known_args(arguments)
    of_beam = PipelineOptions(rest)
    # Beam's own default would look for another runner in the network first.
    runner = FnApiRunner() if of_beam.view_as(StandardOptions).runner is None else None
    pipeline = beam.Pipeline(runner=runner, options=of_beam)
    build(pipeline, options)
    result = pipeline.run()
    result.wait_until_finish()
    for counter in result.metrics().query()["counters"]:
        print(f"{counter.key.metric.name}: {counter.result}", file=sys.stderr)  # noqa: T201  # to be seen


def build(pipeline: beam.Pipeline, options: argparse.Namespace) -> None:
    """Add to a pipeline what the options ask for."""
    lines = pipeline | "read" >> beam.io.ReadFromText(options.input, coder=BytesCoder())
    events, bad_lines = events_of(lines)
    if options.table is not None:
        policies: Policies = {"milestone": POLICY, "interval": IntervalPolicy()}
        _write(compared(events, policies), "table", options.table)
    settings = Settings(policy=POLICY, disorder=options.disorder, live=options.live)
    decisions, left_out = decisions_of(events, settings)
    if options.store is not None:
        opening = partial(open_store, options.store, namespace=options.namespace)
        decisions | "save" >> beam.ParDo(Save(opening))
    if options.decisions is not None:
        _write(decisions | "as JSON" >> beam.Map(dumps), "decisions", options.decisions)
    if options.dead_letters is not None:
        dead = (bad_lines, left_out) | "all dead letters" >> beam.Flatten()
        _write(dead | "as lines" >> beam.Map(dumps), "dead letters", options.dead_letters)


def _write(texts: beam.PCollection, name: str, path: str) -> None:
    # One file, without a number in its name.
    texts | f"write {name}" >> beam.io.WriteToText(path, shard_name_template="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Decide when to save for the clickstream in files, on Apache Beam.",
        epilog="Other options are Beam's own, such as --runner.",
    )
    parser.add_argument("--input", required=True, metavar="PATTERN", help="files of JSON lines")
    parser.add_argument("--store", metavar="URL", help="where to save what is decided")
    parser.add_argument("--namespace", default="default", help="whose part of the store")
    parser.add_argument("--decisions", metavar="FILE", help="write them there, as JSON lines")
    parser.add_argument(
        "--dead-letters", metavar="FILE", help="write there what cannot be read or came too late"
    )
    parser.add_argument("--table", metavar="FILE", help="compare policies on the viewers, there")
    parser.add_argument(
        "--disorder",
        type=float,
        default=Settings().disorder,
        metavar="S",
        help="how long events wait for earlier ones, seconds (default: %(default)g)",
    )
    parser.add_argument("--live", action="store_true", help="let time that passes decide, too")
    return parser


if __name__ == "__main__":
    main()
