"""Live viewings as text, for a cache that workers share, and back."""

import json
from collections.abc import Iterable
from math import inf

from attrs import astuple

from ._live import LiveKey, LiveViewing
from ._numbers import number
from ._plausibility import Seen
from ._policy import IntervalPolicy, SavePolicy
from ._switching import restored_following

__all__ = ["frozen_viewing", "thawed"]

Policy = SavePolicy | IntervalPolicy

# Of `frozen_viewing`. Whoever changes the form raises it, and has `thawed` pass over the old one.
SCHEMA = 1
# A time in a log whose clock leapt may lie a little beyond what an event may say.
FAR = 1e13


def frozen_viewing(viewing: LiveViewing) -> str:
    """Return a viewing as text, for a cache."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "generation": viewing.generation,
            "stored": viewing.stored,
            "seen_at": viewing.seen_at,
            "happened_at": viewing.happened_at,
            "at": viewing.at,
            "saved_at": None if viewing.saved_at == -inf else viewing.saved_at,
            "version": viewing.version,
            "seen": None if viewing.seen is None else astuple(viewing.seen),
            "tracker": viewing.tracker.snapshot(),
            "shadow": None if viewing.shadow is None else viewing.shadow.snapshot(),
        },
        allow_nan=False,
        separators=(",", ":"),
    )


def seen_from(values: Iterable[float]) -> Seen:
    """Return where a viewing was first seen."""
    at, furthest, played, generation, late_at, late_furthest, late_played = values
    return Seen(
        at=number("at", at),
        furthest=None if furthest is None else number("furthest", furthest),
        played=int(number("played", played)),
        generation=int(number("generation", generation)),
        late_at=None if late_at is None else number("late_at", late_at),
        late_furthest=number("late_furthest", late_furthest),
        late_played=number("late_played", late_played),
    )


def thawed(
    text: str, key: LiveKey, policy: Policy, shadow: Policy | None = None
) -> LiveViewing | None:
    """Return the viewing that a text tells of, by a policy from now on; None if it is no such."""
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            return None
        # A worker of an earlier version puts none there.
        shadowing = data.get("shadow") or data["tracker"]
        viewing = LiveViewing(
            key,
            restored_following(data["tracker"], policy),
            generation=int(number("generation", data["generation"], minimum=0)),
            stored=bool(data["stored"]),
            seen_at=number("seen_at", data["seen_at"]),
            happened_at=number("happened_at", data["happened_at"], largest=FAR),
            at=number("at", data["at"]),
            saved_at=-inf
            if data["saved_at"] is None
            else number("saved_at", data["saved_at"], largest=FAR),
            version=number("version", data["version"], largest=FAR),
            seen=None if data["seen"] is None else seen_from(data["seen"]),
            shadow=None if shadow is None else restored_following(shadowing, shadow),
        )
        viewing.wait_anew()
        return viewing
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Of a newer version, or not ours: a cache may forget.
        return None
