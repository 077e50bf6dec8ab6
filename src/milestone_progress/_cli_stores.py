"""Stores as commands are given them that only read."""

from contextlib import AbstractContextManager, closing
from pathlib import Path

from ._cli_policy import UsageError
from .stores import ProgressStore, open_store

__all__ = ["opened_to_read"]


def opened_to_read(url: str, namespace: str) -> AbstractContextManager[ProgressStore]:
    """Open a store that must be there already: a database made by a misspelt name answers all.

    Raises:
        UsageError: It is not there.
        InvalidValueError: It is no URL of a store, or the namespace no identifier.
        StoreError: It cannot be opened.
    """
    scheme, _, path = url.partition(":")
    if scheme == "sqlite" and path and path != ":memory:" and not Path(path).exists():
        raise UsageError(f"there is no database {path}")
    return closing(open_store(url, namespace=namespace))
