"""The recorder of a process, for the views of the app and those of the host."""

from functools import cache
from threading import Lock

from django.core.signals import setting_changed

from .._recorder import Recorder
from .settings import SETTING, configuration
from .stores import DjangoStore

__all__ = ["recorder"]

_MAKING = Lock()


def recorder() -> Recorder:
    """Return the recorder, made by the first call as ``MILESTONE_PROGRESS`` says.

    What it could not save it saves with later reports, in whatever transaction these are: call
    `Recorder.report` outside of ``transaction.atomic()``, as the views of the app do.

    Raises:
        ImproperlyConfigured: The setting cannot be.
    """
    with _MAKING:  # There must not be two, each with something that the other does not know of.
        return _made()


@cache
def _made() -> Recorder:
    settings = configuration()
    return settings.make_recorder(DjangoStore(settings.namespace, settings.using))


def _forget(*, setting: str, **_: object) -> None:
    """Make another one when a test of the host has changed the setting."""
    if setting == SETTING:
        _made.cache_clear()


setting_changed.connect(_forget)
