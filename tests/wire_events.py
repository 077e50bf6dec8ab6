"""Events in their wire form, as players in browsers tell them."""

from milestone_progress import Event
from milestone_progress._events import WIRE_TYPES

NAMES = {kind: name for name, kind in WIRE_TYPES.items()}
FIELDS = ("at", "position", "duration", "rate")


def wire(event: Event) -> dict[str, object]:
    """Return an event as `event_from_dict` takes it; its numbers are those that JSON has."""
    values = ((name, getattr(event, name, None)) for name in FIELDS)
    told = {name: value for name, value in values if value is not None}
    return {"type": NAMES[type(event)]} | told
