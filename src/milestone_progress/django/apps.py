"""The app."""

from django.apps import AppConfig
from django.core.checks import register

from .settings import problems

__all__ = ["MilestoneProgressConfig"]


class MilestoneProgressConfig(AppConfig):
    """The app ``milestone_progress``."""

    name = "milestone_progress.django"
    label = "milestone_progress"
    verbose_name = "Milestone progress"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the settings checked with everything else that Django checks."""
        register(problems)
