"""Which viewers the milestone mode saves for, and which the legacy mode still does.

A viewer belongs to an *arm*. Which one depends on nothing but the viewer and the `Rollout`, so that
all workers, processes and languages agree, and nothing needs to be stored::

    digest = SHA-256 of: salt in UTF-8, one zero byte, viewer in UTF-8
    number = the first four bytes of the digest, big-endian, 0 to 4294967295
    bucket = number * 100 / 4294967296

A viewer is in the milestone arm if the bucket is below `Rollout.percent`. The bucket stays as it
is, so raising the percentage only adds viewers and lowering it only removes some. Neither salts nor
viewers contain a zero byte, and the arithmetic is exact in doubles.
"""

from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256

from attrs import Attribute, asdict, field, frozen

from ._identifiers import identifier
from ._numbers import percentage
from ._policy import IntervalPolicy, SavePolicy
from .errors import InvalidValueError

__all__ = ["Arm", "Rollout", "arm_of_policy", "policy_to_dict"]

Policy = SavePolicy | IntervalPolicy


class Arm(StrEnum):
    """By which mode a viewer's progress is saved."""

    #: At the moments that matter: by a `SavePolicy`.
    MILESTONE = "milestone"
    #: Every so often: by an `IntervalPolicy`.
    INTERVAL = "interval"


def _percent(value: float) -> float:
    return float(percentage("percent", value))


def _salt(value: str) -> str:
    return identifier("salt", value)


def _viewers(name: str, values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidValueError(name, values, "identifiers of viewers")
    return frozenset(identifier(name, viewer) for viewer in values)


def _allow(values: Iterable[str]) -> frozenset[str]:
    return _viewers("allow", values)


def _deny(values: Iterable[str]) -> frozenset[str]:
    return _viewers("deny", values)


def _flag(_rollout: object, attribute: "Attribute[bool]", value: bool) -> None:
    if not isinstance(value, bool):
        raise InvalidValueError(attribute.name, value, "True or False")


def _save_policy(_rollout: object, attribute: "Attribute[SavePolicy]", value: SavePolicy) -> None:
    if not isinstance(value, SavePolicy):
        raise InvalidValueError(attribute.name, value, "a SavePolicy")


def _interval_policy(
    _rollout: object, attribute: "Attribute[IntervalPolicy]", value: IntervalPolicy
) -> None:
    if not isinstance(value, IntervalPolicy):
        raise InvalidValueError(attribute.name, value, "an IntervalPolicy")


@frozen(kw_only=True)
class Rollout:
    """Which share of the viewers the milestone mode saves for; a recorder takes it as its policy.

    Asked in this order: ``enabled``, ``deny``, ``allow``, the viewer's bucket.

    >>> rollout = Rollout(percent=10, deny={"bob"})
    >>> rollout.arm("ann"), rollout.arm("user-42")
    (<Arm.MILESTONE: 'milestone'>, <Arm.INTERVAL: 'interval'>)

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    #: Percent 0-100 of all viewers who are in the milestone arm: nobody at 0, everybody at 100.
    percent: float = field(converter=_percent)
    #: Another salt deals all viewers anew; the same one in two rollouts picks the same viewers.
    salt: str = field(default="milestone-progress", converter=_salt)
    #: Viewers who are in the milestone arm whatever the percentage.
    allow: frozenset[str] = field(default=frozenset(), converter=_allow)
    #: Viewers who are in the interval arm whatever else is set.
    deny: frozenset[str] = field(default=frozenset(), converter=_deny)
    #: The kill switch: False puts everybody into the interval arm.
    enabled: bool = field(default=True, validator=_flag)
    #: Whether the other arm's tracker runs beside that of each live viewing and counts what it
    #: would have saved. It never saves.
    shadow: bool = field(default=False, validator=_flag)
    #: How the milestone arm saves.
    milestone: SavePolicy = field(factory=SavePolicy, validator=_save_policy)
    #: How the interval arm does.
    interval: IntervalPolicy = field(factory=IntervalPolicy, validator=_interval_policy)

    def bucket(self, viewer: str) -> float:
        """Return where a viewer lies among all, from 0 to below 100; the same for ever.

        Raises:
            InvalidValueError: The viewer is no identifier.
        """
        name = f"{self.salt}\0{identifier('viewer', viewer)}"
        digest = sha256(name.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[:4], "big") * 100 / 2**32

    def arm(self, viewer: str) -> Arm:
        """Return in which arm a viewer is.

        Raises:
            InvalidValueError: The viewer is no identifier.
        """
        identifier("viewer", viewer)
        if not self.enabled or viewer in self.deny:
            return Arm.INTERVAL
        # A digest takes longer than all the rest, and mostly the answer is the same for all.
        if viewer in self.allow or self.percent == 100:
            return Arm.MILESTONE
        if self.percent == 0:
            return Arm.INTERVAL
        return Arm.MILESTONE if self.bucket(viewer) < self.percent else Arm.INTERVAL

    def policy_of(self, viewer: str) -> Policy:
        """Return by which policy a viewer's progress is saved.

        Raises:
            InvalidValueError: The viewer is no identifier.
        """
        return self.milestone if self.arm(viewer) is Arm.MILESTONE else self.interval

    def shadow_of(self, viewer: str) -> Policy | None:
        """Return by which policy a viewer's shadow counts, None without one.

        Raises:
            InvalidValueError: The viewer is no identifier.
        """
        if not self.shadow:
            return None
        return self.interval if self.arm(viewer) is Arm.MILESTONE else self.milestone


def arm_of_policy(policy: Policy) -> Arm:
    """Return the arm that saves by a policy."""
    return Arm.MILESTONE if isinstance(policy, SavePolicy) else Arm.INTERVAL


def policy_to_dict(policy: Policy) -> dict[str, object]:
    """Return a policy as plain JSON data, for the page whose player is to follow it.

    ``arm`` says which tracker the page needs, ``policy`` holds its settings by their names: those
    of the milestone arm are what the JavaScript tracker takes.
    """
    settings = asdict(policy) | {"milestones": list(policy.milestones)}
    return {"arm": arm_of_policy(policy).value, "policy": settings}
