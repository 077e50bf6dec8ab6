"""Everything this library raises, below one root.

::

    MilestoneProgressError
    ├── InvalidValueError (also a ValueError)   a field holds a value it cannot hold
    ├── ConflictError                           somebody else saved a record first
    ├── MetricsError                            a file of metrics cannot be read
    ├── PayloadError                            a body from outside is not what it should be
    ├── StoreError                              a store could not do what it was asked to
    └── TraceError                              a line of a recorded trace cannot be read

`ConflictError` carries records, and `PayloadError` what is wrong with a report: they live beside
these.
"""

__all__ = [
    "InvalidValueError",
    "MetricsError",
    "MilestoneProgressError",
    "StoreError",
    "TraceError",
]

# Enough to recognise the value, too little to flood a log with somebody's 10 MB.
_LONGEST_SHOWN = 80


class MilestoneProgressError(Exception):
    """The root of every error that this library raises on purpose."""


class InvalidValueError(MilestoneProgressError, ValueError):
    """A field was given a value it cannot hold; nothing was changed.

    Attributes:
        field: Name of the offending field, for example ``"position"``.
        value: The offending value itself.
        expected: What the field takes instead, in words.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(field, value, expected)
        self.field = field
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.field} must be {self.expected}, not {shown(self.value)}"


class MetricsError(MilestoneProgressError):
    """A file of metrics cannot be read, or holds none."""


class StoreError(MilestoneProgressError):
    """A store could not do what it was asked to; its ``__cause__`` is the driver's own error.

    Whether a save happened may be unknown (the answer was lost, not the request). It is safe to
    make it again: a save is made once whatever the number of tries.
    """


class TraceError(MilestoneProgressError):
    """A line of a recorded trace cannot be read.

    Attributes:
        source: Name of the file, ``"-"`` for standard input.
        line: Number of the line, from 1.
        reason: What is wrong with it.
    """

    def __init__(self, source: str, line: int, reason: str) -> None:
        super().__init__(source, line, reason)
        self.source = source
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.reason}"


def shown(value: object) -> str:
    """Return a short, printable, single-line picture of an untrusted value."""
    if isinstance(value, int) and value.bit_length() > 256:
        # Python refuses to print integers of more than 4,300 digits.
        return f"an integer of {value.bit_length()} bits"
    try:
        # Cut before escaping: the picture of 10 MB is as long as the 10 MB.
        text = ascii(value[:_LONGEST_SHOWN] if isinstance(value, str) else value)
    except Exception:
        # Nested too deeply, or it holds such an integer, or a stranger's __repr__ failed.
        return f"a {type(value).__name__}"
    if len(text) > _LONGEST_SHOWN or (isinstance(value, str) and len(value) > _LONGEST_SHOWN):
        return text[:_LONGEST_SHOWN] + "…"
    return text
