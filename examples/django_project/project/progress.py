"""What only the project can say: which media there are, and what to do when the database fails."""

from django.conf import settings
from django.http import HttpRequest

from milestone_progress import Recorder
from milestone_progress.django.stores import DjangoStore
from milestone_progress.hooks import logging_hook
from milestone_progress.stores.sqlite import SQLiteStore

# Replace it by your own, and by what the user may watch.
CATALOGUE = {"big-buck-bunny", "sintel", "spring"}


def is_media(_request: HttpRequest, media: str) -> bool:
    """Return whether there is such a media."""
    return media in CATALOGUE


def recorder_of(store: DjangoStore) -> Recorder:
    """Return what the views record with: what the database cannot take waits in a file."""
    unsaved = SQLiteStore(settings.FOLDER / "unsaved.sqlite")
    return Recorder(store, fallback=unsaved, hooks=[logging_hook()])
