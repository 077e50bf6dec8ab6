"""Progress in the admin: to be looked at and deleted, never to be edited."""

from datetime import UTC, datetime

from django.contrib import admin
from django.http import HttpRequest

from .models import Progress

__all__ = ["ProgressAdmin"]


@admin.register(Progress)
class ProgressAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes none as it runs
    """Lists progress, the newest first."""

    list_display = ("viewer", "media", "position", "milestone", "completed", "updated", "namespace")
    list_filter = ("completed", "namespace")
    search_fields = ("viewer", "media")
    ordering = ("-updated_at",)

    @admin.display(ordering="updated_at", description="updated at (UTC)")
    def updated(self, progress: Progress) -> str:
        """Return when, as people write it."""
        try:
            return f"{datetime.fromtimestamp(progress.updated_at, UTC):%Y-%m-%d %H:%M:%S}"
        except (ValueError, OverflowError):  # A number of seconds, but in no year that has a name.
            return f"{progress.updated_at:.0f} s"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return that nobody may: only players know how far viewers got."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Progress | None = None) -> bool:
        """Return that nobody may: what somebody edits, the next report would undo."""
        return False
