"""``manage.py purge_progress --before DAYS``."""

import time
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from ....errors import MilestoneProgressError
from ...settings import configuration
from ...stores import DjangoStore

__all__ = ["Command"]

DAY = 86_400


class Command(BaseCommand):
    """Forgets what was not watched for so many days."""

    help = "Delete the progress of all viewers that is older than so many days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what it takes."""
        parser.add_argument("--before", type=float, required=True, metavar="DAYS")

    def handle(self, *_: object, before: float, **__: object) -> None:
        """Purge, and print how many were."""
        if not before >= 0:
            raise CommandError("--before takes a number of days from 0")
        settings = configuration()
        store = DjangoStore(settings.namespace, settings.using)
        try:
            purged = store.purge(time.time() - before * DAY)
        except MilestoneProgressError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{purged} records purged")
