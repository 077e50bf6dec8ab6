"""Recorded traces: one JSON object per line, each an event of a player in its wire form."""

import json
from collections.abc import Collection, Iterator
from typing import IO

from ._events import Emptied, Event, MediaInfo, Unload, event_from_dict
from .errors import InvalidValueError, TraceError

__all__ = ["events_of_media", "read_trace"]

# Bytes. Recorded lines have 250; what is a thousand times longer is no event.
LONGEST_LINE = 262_144


def read_trace(
    stream: IO[bytes], source: str, drop: Collection[str] = ()
) -> Iterator[Event | None]:
    """Yield what each line of a trace says: an event, or None for what is not one of ours.

    Args:
        stream: The lines; UTF-8, blank ones are skipped.
        source: Name of the trace, for error messages.
        drop: Wire types to leave out, as if they had never been recorded.

    Raises:
        TraceError: A line is no JSON object, not an event, or too long.
    """
    number = 0
    # One byte more than may be, so that a longer line shows without being read whole.
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise TraceError(source, number, f"the line is longer than {LONGEST_LINE} bytes")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            event = event_from_dict(data)
        except InvalidValueError as error:
            raise TraceError(source, number, str(error)) from None
        except json.JSONDecodeError as error:
            reason = f"not a line of JSON: {error.msg} at column {error.colno}"
            raise TraceError(source, number, reason) from None
        except (ValueError, RecursionError):
            reason = "not a line of JSON: not UTF-8, nested too deeply or with too long a number"
            raise TraceError(source, number, reason) from None
        yield None if data["type"] in drop else event


def events_of_media(events: Iterator[Event | None]) -> Iterator[tuple[int, Event]]:
    """Yield the events of a trace, each with the index of the media it belongs to, from 0.

    An `Emptied` after any event but `MediaInfo` and `Unload` ends a media and belongs to it;
    before any it says nothing and is left out.
    """
    media = 0
    begun = False
    for event in events:
        if event is None or (isinstance(event, Emptied) and not begun):
            continue
        yield media, event
        if isinstance(event, Emptied):
            media += 1
            begun = False
        elif not isinstance(event, (MediaInfo, Unload)):
            begun = True
