"""Connections to Redis: what a client has to be, how ours are opened, and how they fail."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from time import monotonic
from types import TracebackType
from typing import Protocol, TypeVar

from .._numbers import number
from ..errors import InvalidValueError, StoreError
from ._redis_script import Argument

__all__ = [
    "AsyncClient",
    "AsyncPipeline",
    "Client",
    "Opened",
    "Pipeline",
    "Translating",
    "complete",
    "opened_pool",
    "script_is_unknown",
]


class Pipeline(Protocol):
    """What sends many commands at once."""

    def execute_command(self, *arguments: Argument) -> object:
        """Add a command."""

    def execute(self, raise_on_error: bool) -> list[object]:
        """Send all and return the answers; errors are among them, if they are not raised."""


class Client(Protocol):
    """What a store needs of a client: `redis.Redis` has it, `redis.RedisCluster`, and valkey-py."""

    def execute_command(self, *arguments: Argument) -> object:
        """Send a command and return the answer."""

    def pipeline(self, transaction: bool) -> Pipeline:
        """Return a new pipeline."""

    def scan_iter(self, match: str, count: int) -> Iterator[object]:
        """Return the keys that fit a pattern, on whichever node they are."""


class AsyncPipeline(Protocol):
    """A `Pipeline` for asyncio."""

    def execute_command(self, *arguments: Argument) -> object:
        """Add a command."""

    def execute(self, raise_on_error: bool) -> Awaitable[list[object]]:
        """Send all and return the answers; errors are among them, if they are not raised."""


class AsyncClient(Protocol):
    """A `Client` for asyncio: those of `redis.asyncio`, and of valkey-py."""

    def execute_command(self, *arguments: Argument) -> Awaitable[object]:
        """Send a command and return the answer."""

    def pipeline(self, transaction: bool) -> AsyncPipeline:
        """Return a new pipeline."""

    def scan_iter(self, match: str, count: int) -> AsyncIterator[object]:
        """Return the keys that fit a pattern, on whichever node they are."""


class Translating:
    """A block that calls the driver: whatever that raises becomes a `StoreError`."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What drivers raise has no common root, and is of sockets and of asyncio, too.
        if isinstance(error, Exception) and not isinstance(error, StoreError):
            reason = f"{type(error).__name__}: {error}"
            raise StoreError(f"the server, or the way there, failed: {reason}") from error


class Opened(Translating):
    """The same, for as long as the store is open. Threads share it, or tasks.

    Args:
        timeout: How long to wait for those inside when the store closes, seconds.

    Raises:
        InvalidValueError: It is no such time.
    """

    def __init__(self, timeout: float) -> None:
        if number("timeout", timeout) <= 0:
            raise InvalidValueError("timeout", timeout, "more than 0 seconds")
        self._timeout = timeout
        self._closed = False
        # Adding to a list and taking from it need no lock, which a fork could leave locked.
        self._inside: list[None] = []

    def __enter__(self) -> None:
        self._inside.append(None)
        if self._closed:
            self._inside.pop()
            raise StoreError("the store is closed")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inside.pop()
        super().__exit__(kind, error, trace)

    def closing(self) -> Iterator[float]:
        """Let nobody in any more, and return pauses to make until nobody is inside, seconds.

        Whoever is inside could open a connection after all were closed. If it takes too long, it
        was a thread that a fork has left behind.
        """
        self._closed = True
        deadline = monotonic() + self._timeout
        while self._inside and monotonic() < deadline:
            yield 0.001


_Pool = TypeVar("_Pool")


def opened_pool(from_url: Callable[..., _Pool], url: str, timeout: float) -> _Pool:
    """Return the connections to a server; it is the clients of redis-py that try again, not these.

    Raises:
        InvalidValueError: It is no such URL.
    """
    try:
        return from_url(
            url,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # With RESP 3 a server may lengthen the time-outs.
            protocol=2,
        )
    except ValueError as error:
        # Not more of it than the scheme: it may hold a password.
        scheme = url.partition(":")[0]
        raise InvalidValueError("server", f"{scheme}:…", "a URL such as redis://HOST") from error


def script_is_unknown(answer: object) -> bool:
    """Return whether a server has no such script, or not any more."""
    # A class of redis-py, or the one of valkey-py.
    return type(answer).__name__ == "NoScriptError"


def complete(
    answers: list[object], places: Iterable[int], others: Iterable[object]
) -> list[object]:
    """Return answers, some of them exchanged; raise the first error among them."""
    for place, other in zip(places, others, strict=True):
        answers[place] = other
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
