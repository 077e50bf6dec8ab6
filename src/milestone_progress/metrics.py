"""Metrics of a deployment, by arm: what `milestone-progress stats` makes its table of.

::

    metrics = Metrics()
    recorder = Recorder(store, policy=Rollout(percent=10), metrics=metrics)
    ...
    metrics.write("metrics-worker-1.json")

Each worker has its own, and its own file; files add up. There is nothing personal in them.
"""

import json
import os
from pathlib import Path
from threading import Lock, get_ident
from typing import Self

from attrs import evolve

from ._counts import Counts
from .errors import InvalidValueError, MetricsError
from .rollout import Arm

__all__ = ["Counts", "Metrics", "MetricsError"]

# Of the file. Whoever changes what is counted in another way than adding to it raises it.
SCHEMA = 1


class Metrics:
    """Counts what viewers did and what saving it cost, by arm; give it to a recorder.

    Any number of threads, and of recorders in a process, may share one.
    """

    def __init__(self) -> None:
        self._counts = {arm: Counts() for arm in Arm}
        self._lock = Lock()

    def add(self, arm: Arm, counts: Counts) -> None:
        """Add what was counted of an arm."""
        with self._lock:
            self._counts[arm].add(counts)

    def counts(self, arm: Arm) -> Counts:
        """Return what was counted of an arm so far."""
        with self._lock:
            return evolve(self._counts[arm])

    def to_dict(self) -> dict[str, object]:
        """Return all counts as plain JSON data."""
        return {"schema": SCHEMA, "arms": {arm.value: self.counts(arm).to_dict() for arm in Arm}}

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write all counts into a file in place of what is there: whole, or not at all.

        Raises:
            OSError: It cannot be written.
        """
        target = Path(path)
        text = json.dumps(self.to_dict(), allow_nan=False, indent=2)
        # Beside it, as only within a file system one file replaces another at once.
        written = target.with_name(f".{target.name}.{os.getpid()}.{get_ident()}")
        try:
            written.write_text(text + "\n", encoding="utf-8")
            written.replace(target)
        except BaseException:
            written.unlink(missing_ok=True)
            raise

    @classmethod
    def read(cls, *paths: str | os.PathLike[str]) -> Self:
        """Return the sum of what some files hold.

        Raises:
            MetricsError: One of them cannot be read, or was not written by `write`.
        """
        metrics = cls()
        for path in paths:
            try:
                data = json.loads(Path(path).read_text(encoding="utf-8"))
                if not isinstance(data, dict) or data.get("schema") != SCHEMA:
                    raise InvalidValueError("schema", data, f"an object with schema {SCHEMA}")
                for arm, counts in dict(data["arms"]).items():
                    metrics.add(Arm(arm), Counts.from_dict(counts))
            except OSError as error:
                raise MetricsError(f"cannot read {os.fspath(path)}: {error.strerror}") from error
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                told = f": {error}" if isinstance(error, InvalidValueError) else ""
                raise MetricsError(f"{os.fspath(path)} holds no metrics{told}") from error
        return metrics
