"""Behaviours: what viewers do with one media; and mixes of them.

All of it is assumption. Two findings say that in truth more leave early: of 40 million web clips
44 % of the viewers had left after a minute (Visible Measures, 2010); of 862 lecture videos the
longer ones were left by more (Kim et al., "Understanding in-video dropouts", Learning at Scale
2014).
"""

from collections.abc import Callable, Mapping
from itertools import accumulate
from random import Random
from types import MappingProxyType

from attrs import field, frozen

from ..errors import InvalidValueError
from ._faults import NETWORKS, Network
from ._player import Player
from ._viewers import Ending, Viewer

__all__ = ["BEHAVIOURS", "MIXES", "Behaviour", "Mix"]

MINUTE, HOUR = 60.0, 3600.0

#: What somebody does with one media, visit by visit.
Behaviour = Callable[[Viewer, Random], None]
# How somebody watches from where the player is up to a position.
_Manner = Callable[[Player, Random, float], None]


def _between(random: Random, low: float, high: float) -> float:
    # Milliseconds are enough, and easier to read.
    return round(low + (high - low) * random.random(), 3)


def _goal(viewer: Viewer, random: Random) -> float:
    """Return how far a viewer will get at first: half of them to the end, the others anywhere."""
    share = 1.0 if random.random() < 0.5 else _between(random, 0.02, 0.98)
    return share * viewer.duration


def _in_one_or_two_visits(viewer: Viewer, random: Random, manner: _Manner) -> None:
    """Watch in a manner; half of those who leave early come back within a day for the rest."""
    goal = _goal(viewer, random)
    manner(viewer.open(), random, goal)
    viewer.turn_away()
    if goal < viewer.duration and random.random() < 0.5:
        manner(viewer.open(after=_between(random, HOUR, 24 * HOUR)), random, viewer.duration)
        viewer.turn_away()


def _straight(player: Player, _random: Random, goal: float) -> None:
    player.play_to(goal)


def _at_twice(player: Player, _random: Random, goal: float) -> None:
    player.set_rate(2).play_to(goal)


def _with_pauses(player: Player, random: Random, goal: float) -> None:
    # Every 5 to 15 minutes; one half are the doorbell (2 to 20 s), one half are tea (to 5 min).
    while player.position < goal:
        player.play_to(min(goal, player.position + _between(random, 5 * MINUTE, 15 * MINUTE)))
        if player.position < goal:
            is_short = random.random() < 0.5
            player.pause(_between(random, 2, 20) if is_short else _between(random, 30, 5 * MINUTE))


def _skimming(player: Player, random: Random, goal: float) -> None:
    # Looks for 10 to 40 s, skips 30 s to 2 min.
    while player.position < goal:
        player.play_to(min(goal, player.position + _between(random, 10, 40)))
        if player.position < goal:
            player.seek(min(goal, player.position + _between(random, 30, 2 * MINUTE)))


def _scrubbing(player: Player, random: Random, goal: float) -> None:
    # Every 3 to 10 minutes drags the playhead for 1 to 4 s to a place from 2 minutes back to 5
    # minutes on; half of the time it was the wrong one, and the viewer goes back.
    while player.position < goal:
        player.play_to(min(goal, player.position + _between(random, 3 * MINUTE, 10 * MINUTE)))
        if player.position < goal:
            here = player.position
            there = here + _between(random, -2 * MINUTE, 5 * MINUTE)
            there = min(goal, max(0.0, there))
            steps = 8 + int(24 * random.random())
            player.scrub(*(here + (there - here) * step / steps for step in range(1, steps + 1)))
            if random.random() < 0.5:
                player.sleep(_between(random, 1, 5)).seek(here)


def _taking_notes(player: Player, random: Random, goal: float) -> None:
    # Every 1 to 4 minutes stops for 10 to 60 s, and half of the time goes back by 5 to 30 s.
    while player.position < goal:
        player.play_to(min(goal, player.position + _between(random, MINUTE, 4 * MINUTE)))
        if player.position < goal:
            player.pause(_between(random, 10, 60))
            if random.random() < 0.5:
                player.seek(max(0.0, player.position - _between(random, 5, 30)))


def _sleeper(viewer: Viewer, random: Random) -> None:
    """Falls asleep; the player plays on until the laptop sleeps, too; next day goes back there."""
    player = viewer.open()
    dozed_off = _between(random, 0.2, 0.8) * viewer.duration
    player.play_to(dozed_off)
    player.play_for(_between(random, 10 * MINUTE, 60 * MINUTE))
    viewer.turn_away(Ending.SUSPENSION)
    player = viewer.turn_to(0, after=_between(random, 6 * HOUR, 10 * HOUR))
    player.pause(5).seek(dozed_off).play_to_end()
    viewer.turn_away()


def _on_the_phone(viewer: Viewer, random: Random) -> None:
    """Watches for 3 to 15 minutes at a time; three times of ten the application is killed."""
    goal = _goal(viewer, random)
    place = 0.0
    while place < goal:
        away = _between(random, 10 * MINUTE, 8 * HOUR) if place else 0.0
        player = viewer.open(after=away)
        place = min(goal, place + _between(random, 3 * MINUTE, 15 * MINUTE))
        player.play_to(place)
        viewer.turn_away(Ending.KILL if random.random() < 0.3 else Ending.GOODBYE)


def _on_several_devices(viewer: Viewer, random: Random) -> None:
    """Goes on by turns on a phone and a television, 10 to 30 minutes each; both stay open."""
    goal = _goal(viewer, random)
    place, turn = 0.0, 0
    while place < goal:
        away = _between(random, MINUTE, 30 * MINUTE) if turn else 0.0
        if turn < 2:
            player = viewer.open(after=away)
        else:
            player = viewer.turn_to(turn % 2, after=away).seek(place)
        place = min(goal, place + _between(random, 10 * MINUTE, 30 * MINUTE))
        player.play_to(place).pause()
        viewer.turn_away(Ending.GOODBYE if place == goal else Ending.LEFT_OPEN)
        turn += 1
    if turn > 1:
        # Nobody watches there any more, and that must not matter.
        viewer.turn_to(turn % 2, after=MINUTE)
        viewer.turn_away()


def _watching(manner: _Manner) -> Behaviour:
    return lambda viewer, random: _in_one_or_two_visits(viewer, random, manner)


#: Behaviours by name.
BEHAVIOURS: Mapping[str, Behaviour] = MappingProxyType(
    {
        "straight": _watching(_straight),
        "pauser": _watching(_with_pauses),
        "skimmer": _watching(_skimming),
        "scrubber": _watching(_scrubbing),
        "binge": _watching(_at_twice),
        "notes": _watching(_taking_notes),
        "sleeper": _sleeper,
        "phone": _on_the_phone,
        "devices": _on_several_devices,
    }
)


def _shares(values: Mapping[str, int]) -> Mapping[str, int]:
    expected = f"percentages that add up to 100 of {', '.join(BEHAVIOURS)}"
    if not BEHAVIOURS.keys() >= values.keys() or sum(values.values()) != 100:
        raise InvalidValueError("shares", dict(values), expected)
    # Not a proxy: mixes go to other processes.
    return dict(values)


@frozen(kw_only=True)
class Mix:
    """Who watches, and through what.

    Attributes:
        shares: Percent 0-100 of the viewers by name of their behaviour, 100 in all.
        network: What is between their players and the server.

    Raises:
        InvalidValueError: A behaviour is not known, or the shares do not add up to 100.
    """

    shares: Mapping[str, int] = field(converter=_shares)
    network: Network = NETWORKS["perfect"]

    def behaviour(self, random: Random) -> Behaviour:
        """Draw a viewer's behaviour."""
        drawn = 100 * random.random()
        bounds = zip(self.shares, accumulate(self.shares.values()), strict=True)
        return BEHAVIOURS[next(name for name, bound in bounds if drawn < bound)]


_MOBILE = {"phone": 60, "straight": 20, "devices": 10, "skimmer": 10}

#: Mixes by name; a behaviour's name is a mix of that behaviour alone. The shares are assumptions.
MIXES: Mapping[str, Mix] = MappingProxyType(
    {
        "default": Mix(
            shares={
                "straight": 40,
                "pauser": 20,
                "phone": 10,
                "binge": 8,
                "notes": 8,
                "devices": 6,
                "sleeper": 3,
                "skimmer": 3,
                "scrubber": 2,
            }
        ),
        "lectures": Mix(
            shares={"notes": 35, "pauser": 30, "binge": 15, "straight": 10, "scrubber": 10}
        ),
        "evening": Mix(shares={"straight": 50, "pauser": 25, "sleeper": 15, "devices": 10}),
        "mobile": Mix(shares=_MOBILE, network=NETWORKS["mobile"]),
        "subway": Mix(shares=_MOBILE, network=NETWORKS["subway"]),
        **{name: Mix(shares={name: 100}) for name in BEHAVIOURS},
    }
)
