"""The live viewings of a recorder: which there are, which wait for a time, and which have to go.

Pure, and bounded: it neither loads nor saves nor reads a clock.
"""

from collections import OrderedDict
from heapq import heapify, heappop, heappush

from attrs import Attribute, field, frozen

from ._live import LiveKey, LiveViewing
from ._numbers import number
from .errors import InvalidValueError

__all__ = ["LiveLimits"]

# Seconds. Who has as many viewings as may be, and was heard of in each of them within this time, is
# not let have another one: to make room costs a save.
BUSY = 30.0


def _some(_limits: object, attribute: "Attribute[int]", value: int) -> None:
    if type(value) is not int or value < 1:
        raise InvalidValueError(attribute.name, value, "a whole number from 1")


def _idle(_limits: object, attribute: "Attribute[float]", value: float) -> None:
    if number(attribute.name, value) <= 0:
        raise InvalidValueError(attribute.name, value, "more than 0 seconds")


@frozen(kw_only=True)
class LiveLimits:
    """How many live viewings a recorder keeps in memory; 1.2 kB each, 0.3 kB more with a shadow.

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    #: In all. The one that was heard of least recently makes room for another one, and is saved.
    viewings: int = field(default=100_000, validator=_some)
    #: Of one viewer, who makes room by their own. A further one has to wait while each of them was
    #: heard of within the last 30 s.
    per_viewer: int = field(default=20, validator=_some)
    #: Seconds after which a viewing that was not heard of is saved and dropped.
    idle: float = field(default=1800.0, validator=_idle)


class LiveViewings:
    """The viewings that are going on, those heard of last at the end.

    Args:
        limit: How many there may be.
        limit_per_viewer: How many of one viewer.
        idle: Seconds after which one that was not heard of has to go.
    """

    def __init__(self, limit: int, limit_per_viewer: int, idle: float) -> None:
        self._limit = limit
        self._limit_per_viewer = limit_per_viewer
        self._idle = idle
        # Ordered, as the first one is found at once however many before it are gone.
        self._viewings: OrderedDict[LiveKey, LiveViewing] = OrderedDict()
        # Those of each viewer: nearly all have one.
        self._keys: dict[str, tuple[LiveKey, ...]] = {}
        # When to look at which; a viewing that is due at another time by now is passed over.
        self._times: list[tuple[float, LiveKey]] = []

    def __len__(self) -> int:
        return len(self._viewings)

    def get(self, key: LiveKey) -> LiveViewing | None:
        """Return a viewing."""
        return self._viewings.get(key)

    def of_viewer(self, viewer: str) -> list[LiveViewing]:
        """Return the viewings of a viewer."""
        return [self._viewings[key] for key in self._keys.get(viewer, ())]

    def admits(self, key: LiveKey, now: float) -> bool:
        """Whether there may be one more of a viewer: there is room, or an older one can go."""
        mine = self.of_viewer(key[0])
        return len(mine) < self._limit_per_viewer or any(
            now - viewing.seen_at >= BUSY for viewing in mine
        )

    def put(self, viewing: LiveViewing, now: float) -> None:
        """Add a viewing, or move it to the end if it is heard of now."""
        viewer = viewing.key[0]
        if viewing.key not in self._viewings:
            self._keys[viewer] = (*self._keys.get(viewer, ()), viewing.key)
        self._viewings[viewing.key] = viewing
        if viewing.seen_at == now:
            self._viewings.move_to_end(viewing.key)
        self._nobody_later_than(now, but=viewing)
        if viewing.due_at is not None:
            heappush(self._times, (viewing.due_at, viewing.key))
            if len(self._times) > 2 * len(self._viewings) + 100:
                self._times = [
                    (one.due_at, key)
                    for key, one in self._viewings.items()
                    if one.due_at is not None
                ]
                heapify(self._times)

    def remove(self, viewing: LiveViewing) -> bool:
        """Remove a viewing; return whether it was there."""
        if self._viewings.get(viewing.key) is not viewing:
            return False
        viewer = viewing.key[0]
        del self._viewings[viewing.key]
        keys = tuple(key for key in self._keys[viewer] if key != viewing.key)
        if keys:
            self._keys[viewer] = keys
        else:
            del self._keys[viewer]
        return True

    def all(self) -> list[LiveViewing]:
        """Return all viewings."""
        return list(self._viewings.values())

    def excess(self, key: LiveKey) -> LiveViewing | None:
        """Return which viewing has to go after one was added, if any has to.

        A viewer who has others makes room by one of these, so that nobody gets rid of the viewings
        of others by inventing media.
        """
        too_many = len(self._keys.get(key[0], ())) > self._limit_per_viewer
        if len(self._viewings) <= self._limit and not too_many:
            return None
        mine = [viewing for viewing in self.of_viewer(key[0]) if viewing.key != key]
        if mine:
            return min(mine, key=lambda viewing: viewing.seen_at)
        oldest = next(iter(self._viewings.values()))
        return None if oldest.key == key else oldest

    def due(self, now: float) -> LiveViewing | None:
        """Return the viewing whose deadline came first, if it has come.

        The same one again until it waits for another time.
        """
        due_at = self._due_at
        return None if due_at is None or due_at > now else self._viewings[self._times[0][1]]

    def idle(self, now: float) -> list[LiveViewing]:
        """Return the viewings that were not heard of for long."""
        self._nobody_later_than(now)
        found = []
        for viewing in self._viewings.values():
            if viewing.seen_at + self._idle > now:
                break
            found.append(viewing)
        return found

    def _nobody_later_than(self, now: float, but: LiveViewing | None = None) -> None:
        """Have what was heard of later than now be heard of now: the clock was set back."""
        for viewing in reversed(self._viewings.values()):
            if viewing.seen_at > now:
                viewing.seen_at = now
            elif viewing is not but:
                return

    @property
    def next_time(self) -> float | None:
        """When the next deadline comes or a viewing has to go, by the server's clock.

        None if there are no viewings.
        """
        due_at = self._due_at
        oldest = next(iter(self._viewings.values()), None)
        if oldest is None:
            return due_at
        idle_at = oldest.seen_at + self._idle
        return idle_at if due_at is None else min(due_at, idle_at)

    @property
    def _due_at(self) -> float | None:
        """When the next deadline comes; None for never."""
        while self._times:
            due_at, key = self._times[0]
            viewing = self._viewings.get(key)
            if viewing is not None and viewing.due_at == due_at:
                return due_at
            heappop(self._times)
        return None
