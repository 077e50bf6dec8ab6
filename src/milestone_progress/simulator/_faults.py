"""What is between a player and the store: reports that come late, twice, out of order, or never."""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from attrs import Attribute, field, frozen

from .._numbers import number
from ..errors import InvalidValueError

__all__ = ["NETWORKS", "Connection", "Network"]


def _share(_network: object, attribute: "Attribute[float]", value: float) -> None:
    if number(attribute.name, value, minimum=0) > 1:
        raise InvalidValueError(attribute.name, value, "a share from 0 to 1")


def _seconds(_network: object, attribute: "Attribute[float]", value: float) -> None:
    number(attribute.name, value, minimum=0)


@frozen(kw_only=True)
class Network:
    """What befalls reports. Nobody sends a lost one again: the next decision covers it.

    Attributes:
        delay: Seconds that each takes at least.
        delay_varies: Seconds that it takes more, at most. Two that are sent within less than that
            may arrive in the other order.
        loss: Share 0-1 that never arrives.
        duplication: Share 0-1 of those arriving that arrives a second time, after another delay.
        outage_every: Seconds from the beginning of an outage to that of the next; 0 for none.
        outage: Seconds that each lasts, of the network or of the store. What is sent then is lost.

    Raises:
        InvalidValueError: A setting holds a value it cannot hold.
    """

    delay: float = field(default=0.0, validator=_seconds)
    delay_varies: float = field(default=0.0, validator=_seconds)
    loss: float = field(default=0.0, validator=_share)
    duplication: float = field(default=0.0, validator=_share)
    outage_every: float = field(default=0.0, validator=_seconds)
    outage: float = field(default=0.0, validator=_seconds)


class Connection:
    """A network as one viewer has it.

    Args:
        network: What befalls reports there.
        random: What decides which. The first number it gives says when the outages are.
    """

    def __init__(self, network: Network, random: Random) -> None:
        self._network = network
        self._random = random
        self._outages_from = random.random() * network.outage_every

    def send(self, at: float) -> tuple[float, ...]:
        """Return when a report arrives, Unix seconds: once, twice or never.

        Args:
            at: When it is sent, Unix seconds.
        """
        network, random = self._network, self._random.random
        # Always as many numbers for one report: what befalls it does not depend on the others.
        lost, late, repeated, later = random(), random(), random(), random()
        if network.outage_every and (
            (at - self._outages_from) % network.outage_every < network.outage
        ):
            return ()
        if lost < network.loss:
            return ()
        arrives = at + network.delay + late * network.delay_varies
        if repeated < network.duplication:
            return arrives, arrives + network.delay + later * network.delay_varies
        return (arrives,)


#: Networks by name. The numbers are assumptions, chosen to be worse than what most people have.
NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "perfect": Network(),
        # A radio cell: tenths of a second, one in a hundred lost, some sent twice.
        "mobile": Network(delay=0.125, delay_varies=2.0, loss=0.01, duplication=0.02),
        # Two minutes without any every ten, and crowded stations between the tunnels.
        "subway": Network(
            delay=0.25,
            delay_varies=15.0,
            loss=0.05,
            duplication=0.1,
            outage_every=600.0,
            outage=120.0,
        ),
    }
)
