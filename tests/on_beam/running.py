"""Pipelines of the example, run in this process, and what came out of them."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_stream import TestStream

from clickstreams import Json
from keyed_viewing import Settings
from milestone_progress.stores import ProgressStore
from transforms import Save, decisions_of, events_of

DECISIONS, DEAD_LETTERS = "decisions", "dead letters"
# What came out, by the number of the run and of which output: Beam copies all that it is given.
_collected: dict[tuple[int, str], list[Json]] = {}
_numbers = count()


class Run:
    """A pipeline that is yet to run.

    Args:
        settings: How viewings are handled.
        store: Where to save, if anywhere.
    """

    def __init__(
        self, settings: Settings, *, store: Callable[[], ProgressStore] | None = None
    ) -> None:
        self._settings = settings
        self._store = store
        self._number = next(_numbers)
        #: What came out, more than once if bundles were done again.
        self.decisions = _collected.setdefault((self._number, DECISIONS), [])
        self.dead_letters = _collected.setdefault((self._number, DEAD_LETTERS), [])

    def at_once(self, lines: Iterable[bytes], *, again: int = 0) -> "Run":
        """Run it on the lines of a file.

        Args:
            lines: Of a clickstream.
            again: How often each bundle is done and its state then set back, before it counts.
        """
        with TemporaryDirectory() as folder:
            path = Path(folder) / "clicks.jsonl"
            path.write_bytes(b"\n".join(lines))
            with beam.Pipeline(runner=FnApiRunner(bundle_repeat=again)) as pipeline:
                self._build(pipeline | beam.io.ReadFromText(str(path), coder=BytesCoder()))
        return self

    def as_it_came(self, arriving: Iterable[tuple[float, bytes]]) -> "Run":
        """Run it on a stream of lines, with the times of their arrival as the watermark."""
        stream = TestStream(coder=BytesCoder())
        watermark = None
        for at, told in arriving:
            # It knows whole milliseconds; seconds will do.
            if watermark is None or int(at) > watermark:
                watermark = int(at)
                stream.advance_watermark_to(watermark)
            stream.add_elements([told])
        stream.advance_watermark_to_infinity()
        # The other runners of Python that need no server know no such stream.
        runner = BundleBasedDirectRunner()
        with beam.Pipeline(runner=runner, options=PipelineOptions(streaming=True)) as pipeline:
            self._build(pipeline | stream)
        return self

    def _build(self, lines: beam.PCollection) -> None:
        events, bad_lines = events_of(lines)
        decisions, left_out = decisions_of(events, self._settings)
        if self._store is not None:
            decisions | "save" >> beam.ParDo(Save(self._store))
        decisions | "decisions" >> beam.Map(partial(_collect, self._number, DECISIONS))
        dead = (bad_lines, left_out) | beam.Flatten()
        dead | "dead" >> beam.Map(partial(_collect, self._number, DEAD_LETTERS))


def _collect(number: int, output: str, element: Json) -> None:
    _collected[number, output].append(element)
