"""Traces as commands are given them: files by name, or standard input."""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

from ._cli_policy import UsageError

__all__ = ["opened"]


def opened(name: str) -> AbstractContextManager[IO[bytes]]:
    """Open a trace to be read, ``-`` being standard input.

    Raises:
        UsageError: It cannot be opened.
    """
    if name == "-":
        if sys.stdin is None:
            raise UsageError("cannot read -: standard input is closed")
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
