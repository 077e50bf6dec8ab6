"""Hooks: what operators are told of saves, failures, retries, conflicts, completions and claims.

A hook is a callable that takes one `Details`. Give any number of them to a recorder::

    Recorder(store, hooks=[logging_hook(), prometheus_hook()])

Hooks are called by the recorder's own callers, one after the other, so they should be quick. What
one raises is logged and hinders nobody.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import frozen

from ._decision import Trigger
from ._plausibility import Implausible
from ._record import ProgressRecord

if TYPE_CHECKING:
    from logging import Logger

    from prometheus_client import CollectorRegistry

__all__ = ["Details", "Hook", "Occasion", "logging_hook", "prometheus_hook"]

LOGGER = "milestone_progress"


class Occasion(StrEnum):
    """What hooks are called for."""

    #: Something was written.
    SAVE = "save"
    #: The store failed.
    FAILURE = "failure"
    #: What the store had failed at is tried again.
    RETRY = "retry"
    #: Somebody else saved the same record at the same time; it is merged and tried again.
    CONFLICT = "conflict"
    #: What was written completed the media.
    COMPLETION = "completion"
    #: What was to be saved cannot be true; it was saved all the same.
    IMPLAUSIBLE = "implausible"


@frozen(kw_only=True)
class Details:
    """What happened.

    Attributes:
        occasion: What it was.
        at: When, Unix seconds of the server's clock.
        viewer: To whose progress, ``""`` if to nobody's in particular; personal data, not for
            metrics.
        media: In what; likewise.
        trigger: Why it was to be saved, None if nobody knows any more.
        record: What is stored now, after a save or a completion; None otherwise.
        reached: Milestones newly reached by a save, percent 0-100, ascending.
        error: What the store failed by, whatever it raised; None unless it did.
        lost: Whether nothing of it is kept, after a failure, or at the end of the recorder.
        implausible: What cannot be true.
    """

    occasion: Occasion
    at: float
    viewer: str
    media: str
    trigger: Trigger | None = None
    record: ProgressRecord | None = None
    reached: tuple[float, ...] = ()
    error: BaseException | None = None
    lost: bool = False
    implausible: tuple[Implausible, ...] = ()


Hook = Callable[[Details], None]


def call(hooks: Iterable[Hook], details: Details) -> None:
    """Call hooks, none of which hinders another."""
    for hook in hooks:
        try:
            hook(details)
        except Exception as error:  # Whatever a stranger's hook raises.
            log_failure(f"a hook failed at a {details.occasion}", error)


def log_failure(what: str, error: Exception) -> None:
    """Log that a stranger's function raised something."""
    logger = _logger()
    # Not its text, nor its traceback, which may hold anything.
    logger.error("%s: %s", what, type(error).__name__)
    logger.debug(what, exc_info=error)


def logging_hook(logger: "Logger | None" = None) -> Hook:
    """Return a hook that logs.

    Saves, completions, retries, conflicts and implausible claims are logged at INFO and failures at
    WARNING, without saying whose; who and what is added in a second line at DEBUG.

    Args:
        logger: Where to; None for the logger ``milestone_progress``.
    """
    log = _logger() if logger is None else logger

    def hook(details: Details) -> None:
        trigger = details.trigger or "unknown"
        if details.occasion is Occasion.FAILURE:
            # Not its text, which may hold anything.
            error = type(details.error).__name__
            kept = "lost" if details.lost else "kept to be saved later"
            log.warning("failure: trigger %s, %s, %s", trigger, error, kept)
        else:
            log.info("%s: trigger %s", details.occasion, trigger)
        log.debug(
            "%s: viewer %r, media %r, record %s, reached %s, error %r, implausible %s",
            details.occasion,
            details.viewer,
            details.media,
            details.record,
            details.reached,
            details.error,
            details.implausible,
        )

    return hook


def prometheus_hook(registry: "CollectorRegistry | None" = None) -> Hook:
    """Return a hook that counts for Prometheus; needs the extra ``prometheus``.

    The counter is ``milestone_progress_occasions_total`` with the labels ``occasion`` and
    ``trigger`` (a trigger, or ``unknown``), and ``milestone_progress_lost_total`` counts the
    failures after which nothing was kept. Whose progress it was is in no label.

    Args:
        registry: Where to; None for the default one. Each takes one such hook.
    """
    try:
        from prometheus_client import REGISTRY, Counter  # noqa: PLC0415  # an extra
    except ImportError as error:
        error.add_note("pip install 'milestone-progress[prometheus]'")
        raise

    registry = REGISTRY if registry is None else registry
    occasions = Counter(
        "milestone_progress_occasions_total",
        "Saves, failures, retries, conflicts, completions and implausible claims.",
        ["occasion", "trigger"],
        registry=registry,
    )
    lost = Counter(
        "milestone_progress_lost_total",
        "Failures after which nothing was kept.",
        registry=registry,
    )

    def hook(details: Details) -> None:
        occasions.labels(details.occasion.value, (details.trigger or "unknown")).inc()
        if details.lost:
            lost.inc()

    return hook


def _logger() -> "Logger":
    # Who does not log need not pay for it.
    import logging  # noqa: PLC0415  # as said

    return logging.getLogger(LOGGER)
