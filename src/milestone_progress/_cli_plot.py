"""Pictures as commands are asked for them: what must be installed, and what is no picture."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from ._cli_policy import UsageError

__all__ = ["plotting", "require_matplotlib"]


def require_matplotlib(command: str) -> None:
    """Require what draws, before the work begins that is to be drawn.

    Raises:
        UsageError: It is not installed.
    """
    if find_spec("matplotlib") is None:
        install = "pip install 'milestone-progress[viz]'"
        raise UsageError(f"{command}: --plot needs matplotlib: {install}")


@contextmanager
def plotting(command: str, file: str) -> Iterator[None]:
    """Draw within the block.

    Raises:
        UsageError: There is no such kind of picture.
    """
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{command}: --plot {file}: {error}") from None
