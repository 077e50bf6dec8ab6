"""What could not be saved yet: one addition for each viewer and media, and when to try again.

Pure: it neither saves nor reads a clock nor throws a die.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from heapq import heapify, heappop, heappush
from math import inf

from attrs import define

from ._additions import Addition, joined
from ._record import ConflictPolicy

__all__ = ["Backlog", "BacklogFull"]

# Seconds until the first retry; each further one takes twice as long, up to the longest.
FIRST_DELAY = 1.0
LONGEST_DELAY = 300.0

Key = tuple[str, str]


class BacklogFull(StrEnum):
    """What is done with a further viewer's progress when the backlog is full."""

    #: It is not kept; whoever sent it is told to send it again.
    REFUSE = "refuse"
    #: What waits longest is given up for it.
    GIVE_UP_OLDEST = "give_up_oldest"


@define
class _Entry:
    addition: Addition
    failures: int
    retry_at: float


class Backlog:
    """Additions that wait to be saved, merged to one for each viewer and media.

    Args:
        limit: How many, at most.
        when_full: What is done with one more.
        conflict: Where a viewer resumes.
        jitter: Returns a number in [0, 1); delays are between half and all of what they could be.
    """

    def __init__(
        self,
        limit: int,
        when_full: BacklogFull,
        conflict: ConflictPolicy,
        jitter: Callable[[], float],
    ) -> None:
        self._limit = limit
        self._when_full = when_full
        self._conflict = conflict
        self._jitter = jitter
        #: In the order they came in.
        self._entries: dict[Key, _Entry] = {}
        #: When to look at which; an entry that has another time by now is passed over.
        self._times: list[tuple[float, Key]] = []
        #: Those that wait to be saved together, and those that just are; until when to save them.
        self._queued: dict[Key, float] = {}
        self._taken: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def queued(self) -> int:
        """How many wait to be saved together."""
        return len(self._queued)

    @property
    def unfailed(self) -> int:
        """How many the store has not failed at yet."""
        return len(self._queued) + len(self._taken)

    @property
    def save_by(self) -> float | None:
        """Until when to save together what is queued, None if nothing is."""
        return next(iter(self._queued.values()), None)

    @property
    def full(self) -> bool:
        """Whether no further one has room."""
        return len(self._entries) >= self._limit

    def get(self, key: Key) -> Addition | None:
        """Return what waits for a viewer and a media."""
        entry = self._entries.get(key)
        return None if entry is None else entry.addition

    def of_viewer(self, viewer: str) -> list[Addition]:
        """Return what waits for a viewer."""
        return [entry.addition for key, entry in self._entries.items() if key[0] == viewer]

    def all(self) -> list[Addition]:
        """Return all that waits, what failed most often last, else in the order it came in."""
        entries = sorted(self._entries.values(), key=lambda entry: entry.failures)
        return [entry.addition for entry in entries]

    def keep(self, addition: Addition, now: float) -> tuple[Addition | None, Addition | None]:
        """Keep an addition, merged with what waits for the same viewer and media.

        Returns:
            What waits now, None if there was no room; and what was given up for it.
        """
        entry = self._entries.get(addition.key)
        if entry is not None:
            return self._join(entry, addition), None
        given_up = None
        if self.full:
            if self._when_full is BacklogFull.REFUSE or not self._entries:
                return None, None
            given_up = self._drop(next(iter(self._entries))).addition
        entry = _Entry(addition, failures=1, retry_at=0.0)
        self._entries[addition.key] = entry
        self._postpone(entry, now)
        return addition, given_up

    def queue(self, addition: Addition, save_by: float) -> Addition | None:
        """Have an addition wait to be saved together with others.

        Args:
            addition: It is merged with what is queued for the same viewer and media.
            save_by: Until when it is to be saved, if nothing is queued there yet.

        Returns:
            What waits now. None if it has to be saved by itself: there is no room, or the store has
            failed at what waits, or that may be of another generation.
        """
        key = addition.key
        entry = self._entries.get(key)
        if entry is None:
            if self.full:
                return None
            entry = self._entries[key] = _Entry(addition, failures=0, retry_at=inf)
        elif entry.failures or entry.addition.record.generation != addition.record.generation:
            return None
        else:
            self._join(entry, addition)
        self._taken.pop(key, None)
        self._queued.setdefault(key, save_by)
        return entry.addition

    def take(self) -> list[Addition]:
        """Return what is queued, in order of viewer and media, to be saved together now."""
        found = [self._entries[key].addition for key in sorted(self._queued)]
        self._taken |= self._queued
        self._queued.clear()
        return found

    def give_back(self, additions: Iterable[Addition]) -> None:
        """Queue again what was taken and neither saved nor failed at."""
        keys = [one.key for one in additions if one.key in self._taken]
        self._queued = {key: self._taken.pop(key) for key in keys} | self._queued

    def _join(self, entry: _Entry, addition: Addition) -> Addition:
        before = entry.addition
        entry.addition = Addition(
            record=joined(before.record, addition.record, self._conflict),
            tells_age=before.tells_age and addition.tells_age,
            trigger=addition.trigger,
            reported=before.reported and addition.reported,
            continues=before.continues and addition.continues,
        )
        return entry.addition

    def _drop(self, key: Key) -> _Entry:
        self._queued.pop(key, None)
        self._taken.pop(key, None)
        return self._entries.pop(key)

    def due(self, now: float, most: int) -> list[Addition]:
        """Return what is to be tried again now, the longest due first, and postpone it."""
        found: list[Addition] = []
        # Nothing waits for so long: a clock that was ahead was set back.
        far = now + LONGEST_DELAY
        while (
            self._times
            and (self._times[0][0] <= now or self._times[0][0] > far)
            and len(found) < most
        ):
            retry_at, key = heappop(self._times)
            entry = self._entries.get(key)
            if entry is not None and entry.retry_at == retry_at:
                self._postpone(entry, now)
                found.append(entry.addition)
        return found

    @property
    def next_time(self) -> float | None:
        """When the next one is to be saved or tried again, None for never."""
        while self._times:
            retry_at, key = self._times[0]
            entry = self._entries.get(key)
            if entry is not None and entry.retry_at == retry_at:
                return retry_at if self.save_by is None else min(retry_at, self.save_by)
            heappop(self._times)
        return self.save_by

    def failed(self, addition: Addition, now: float) -> None:
        """Wait twice as long as before until it is tried again."""
        entry = self._entries.get(addition.key)
        if entry is not None:
            entry.failures += 1
            self._queued.pop(addition.key, None)
            self._taken.pop(addition.key, None)
            self._postpone(entry, now)

    def saved(self, addition: Addition) -> None:
        """Forget what was saved, unless more has come in meanwhile."""
        entry = self._entries.get(addition.key)
        if entry is not None and entry.addition is addition:
            self._drop(addition.key)

    def _postpone(self, entry: _Entry, now: float) -> None:
        # 2.0 ** 64 is far beyond the longest.
        longest = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(entry.failures - 1, 64))
        entry.retry_at = now + longest * (0.5 + self._jitter() / 2)
        heappush(self._times, (entry.retry_at, entry.addition.key))
        if len(self._times) > 2 * len(self._entries) + 8:
            # What is passed over must not pile up where nobody asks what is due.
            self._times = [
                (entry.retry_at, key) for key, entry in self._entries.items() if entry.failures
            ]
            heapify(self._times)
