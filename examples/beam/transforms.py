"""The tracker on Apache Beam: transforms from lines of a clickstream to decisions and a store."""

# ruff: noqa: B008, PLR0917  # Beam reads off the defaults what to give to a method.

import json
from collections.abc import Callable, Iterator
from math import ceil
from typing import Any

import apache_beam as beam
from apache_beam.coders import StrUtf8Coder, VarIntCoder
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from clickstream import Key, heard_in, to_text
from keyed_viewing import Json, Settings, release, wake_at
from milestone_progress import PayloadError, ProgressRecord, merge
from milestone_progress.stores import ProgressStore, save_merged

# The second output of `ReadEvents` and of `Decide`.
DEAD_LETTERS = "dead_letters"
NAMESPACE = "milestone_progress"


class ReadEvents(beam.DoFn):
    """Makes of each line its events, at the time of their receipt: `(key, events as JSON)`.

    A line that cannot be read goes to `DEAD_LETTERS`, with what is wrong.
    """

    def __init__(self) -> None:
        self._events = Metrics.counter(NAMESPACE, "events")
        self._bad_lines = Metrics.counter(NAMESPACE, "bad_lines")

    def process(self, element: bytes) -> Iterator[Any]:
        """Read a line."""
        if not element.strip():
            return
        try:
            key, heard = heard_in(element)
        except PayloadError as error:
            self._bad_lines.inc()
            line = element.decode("utf-8", "backslashreplace")
            yield TaggedOutput(DEAD_LETTERS, {"problem": str(error), "line": line})
            return
        self._events.inc(len(heard))
        if heard:
            received_at = Timestamp(micros=ceil(heard[0].received_at * 1000) * 1000)
            yield TimestampedValue((key, to_text(heard)), received_at)


class Decide(beam.DoFn):
    """A tracker for each key: events that wait for their turn, a snapshot, and one timer.

    Decisions come out as JSON data, with the record they make; events that came too late or again
    go to `DEAD_LETTERS`.

    Args:
        settings: How viewings are handled.
    """

    WAITING = BagStateSpec("waiting", StrUtf8Coder())
    VIEWING = ReadModifyWriteStateSpec("viewing", StrUtf8Coder())
    # What the timer is set to, milliseconds since the Unix epoch: it cannot be asked.
    WAKE_AT = ReadModifyWriteStateSpec("wake_at", VarIntCoder())
    WAKE = TimerSpec("wake", beam.TimeDomain.WATERMARK)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._decisions = Metrics.counter(NAMESPACE, "decisions")
        self._left_out = Metrics.counter(NAMESPACE, "left_out")

    def process(
        self,
        element: tuple[Key, str],
        received_at: Any = beam.DoFn.TimestampParam,
        waiting: Any = beam.DoFn.StateParam(WAITING),
        wake_at_state: Any = beam.DoFn.StateParam(WAKE_AT),
        wake: Any = beam.DoFn.TimerParam(WAKE),
    ) -> None:
        """Let the events of a line wait for their turn."""
        _, text = element
        waiting.add(text)
        turn = wake_at(received_at.micros / 1_000_000, self._settings)
        known = wake_at_state.read()
        if known is None or turn < known:
            wake_at_state.write(turn)
            wake.set(Timestamp(micros=turn * 1000))

    @on_timer(WAKE)
    def go_on(
        self,
        key: Any = beam.DoFn.KeyParam,
        now: Any = beam.DoFn.TimestampParam,
        waiting: Any = beam.DoFn.StateParam(WAITING),
        viewing: Any = beam.DoFn.StateParam(VIEWING),
        wake_at_state: Any = beam.DoFn.StateParam(WAKE_AT),
        wake: Any = beam.DoFn.TimerParam(WAKE),
    ) -> Iterator[Any]:
        """Handle the events that have their turn, and what time leads to."""
        milliseconds = now.micros // 1000
        done = release(key, self._settings, viewing.read(), waiting.read(), milliseconds)
        waiting.clear()
        for text in done.waiting:
            waiting.add(text)
        if done.viewing is None:
            viewing.clear()
        else:
            viewing.write(done.viewing)
        if done.wake_at is None:
            wake_at_state.clear()
        else:
            wake_at_state.write(done.wake_at)
            wake.set(Timestamp(micros=done.wake_at * 1000))
        self._decisions.inc(len(done.decisions))
        self._left_out.inc(len(done.left_out))
        yield from done.decisions
        for one in done.left_out:
            line = json.dumps({"key": key, "event": one.event})
            yield TaggedOutput(DEAD_LETTERS, {"problem": "came too late, or again", "line": line})


class Save(beam.DoFn):
    """Saves what was decided, merged with what is stored: doing it again changes nothing.

    Args:
        open_store: Opens the store, once on each worker. If the store fails, so does the bundle,
            which the engine does again.
    """

    def __init__(self, open_store: Callable[[], ProgressStore]) -> None:
        self._open_store = open_store
        self._store: ProgressStore | None = None
        self._records: dict[tuple[str, str], ProgressRecord] = {}

    def setup(self) -> None:
        """Open the store."""
        self._store = self._open_store()

    def start_bundle(self) -> None:
        """Forget what a bundle that failed left behind."""
        self._records = {}

    def process(self, element: Json) -> None:
        """Merge a decision's record with the others of this bundle."""
        record = ProgressRecord.from_dict(element["record"])  # type: ignore[arg-type]  # our own
        name = record.viewer, record.media
        before = self._records.get(name)
        self._records[name] = record if before is None else merge(before, record)

    def finish_bundle(self) -> None:
        """Save the records."""
        assert self._store is not None, "it is set up first"
        for name in sorted(self._records):
            save_merged(self._store, self._records[name])

    def teardown(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()


def events_of(lines: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
    """Return the events of lines with their keys, and the dead letters among the lines.

    Args:
        lines: As bytes, in any order.
    """
    read = lines | "read events" >> beam.ParDo(ReadEvents()).with_outputs(
        DEAD_LETTERS, main="events"
    )
    # Engines tell keys apart by their bytes, which pickling does not promise to be the same.
    events = read.events | "with keys" >> beam.Map(_itself).with_output_types(
        tuple[tuple[str, str, str], str]
    )
    return events, read[DEAD_LETTERS]


def decisions_of(
    events: beam.PCollection, settings: Settings
) -> tuple[beam.PCollection, beam.PCollection]:
    """Return the decisions that events lead to, and the dead letters among the events.

    Args:
        events: With their keys, as `events_of` gives them, in any order.
        settings: How viewings are handled.
    """
    decided = events | "decide" >> beam.ParDo(Decide(settings)).with_outputs(
        DEAD_LETTERS, main="decisions"
    )
    return decided.decisions, decided[DEAD_LETTERS]


def _itself(element: tuple[Key, str]) -> tuple[Key, str]:
    return element
