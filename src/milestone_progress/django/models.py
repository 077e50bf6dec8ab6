"""The table of a host that uses Django: all that a record has, and whose it is."""

from collections.abc import Iterator

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint

from .._identifiers import LONGEST_IDENTIFIER
from .._numbers import LARGEST
from .._record import LARGEST_COUNT

__all__ = ["IdentifierField", "Progress"]


class IdentifierField(models.CharField):  # type: ignore[type-arg]  # takes none as it runs
    """A text that is compared exactly and sorted by code points, in every database."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, str | None]:
        """Return what Django defines the column by, with the collation that does so."""
        collation = None
        if connection.vendor == "postgresql":
            collation = "C"
        elif connection.vendor == "mysql":
            # The usual ones overlook case, or spaces at the end.
            mariadb = getattr(connection, "mysql_is_mariadb", False)
            collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return {**super().db_parameters(connection), "collation": collation}


def _between(column: str, smallest: float, largest: float) -> Q:
    # No NaN is: PostgreSQL takes it to be larger than all else, and SQLite to be NULL.
    return Q((f"{column}__gte", smallest), (f"{column}__lte", largest))


_CONDITIONS = {
    "position": _between("position", 0, LARGEST),
    "duration": Q(duration__gt=0, duration__lte=LARGEST),
    "milestone": _between("milestone", 0, 100),
    "furthest": _between("furthest", 0, LARGEST),
    "completed_at": _between("completed_at", 0, LARGEST),
    "updated_at": _between("updated_at", 0, LARGEST),
    "revision": _between("revision", 1, LARGEST_COUNT),
    "generation": _between("generation", 0, LARGEST_COUNT),
}


def _constraints() -> Iterator[UniqueConstraint | CheckConstraint]:
    yield UniqueConstraint(
        fields=["namespace", "viewer", "media"], name="milestone_progress_of_one"
    )
    for column, condition in _CONDITIONS.items():
        yield CheckConstraint(condition=condition, name=f"milestone_progress_{column}")


class Progress(models.Model):
    """A `ProgressRecord` of a namespace. Written by stores; what else writes it, they overwrite."""

    namespace = IdentifierField(max_length=LONGEST_IDENTIFIER)
    viewer = IdentifierField(max_length=LONGEST_IDENTIFIER)
    media = IdentifierField(max_length=LONGEST_IDENTIFIER)
    position: "models.FloatField[float, float]" = models.FloatField(help_text="Seconds of media.")
    duration: "models.FloatField[float | None, float | None]" = models.FloatField(
        null=True, help_text="Seconds of media."
    )
    milestone: "models.FloatField[float, float]" = models.FloatField(help_text="Percent.")
    furthest: "models.FloatField[float, float]" = models.FloatField(help_text="Seconds of media.")
    completed: "models.BooleanField[bool, bool]" = models.BooleanField()
    completed_at: "models.FloatField[float | None, float | None]" = models.FloatField(
        null=True, help_text="Unix seconds."
    )
    played: "models.TextField[str, str]" = models.TextField(help_text="Ranges of whole seconds.")
    updated_at: "models.FloatField[float, float]" = models.FloatField(help_text="Unix seconds.")
    revision: "models.BigIntegerField[int, int]" = models.BigIntegerField()
    generation: "models.BigIntegerField[int, int]" = models.BigIntegerField()

    class Meta:
        """What holds for all rows together."""

        verbose_name_plural = "progress"
        constraints = tuple(_constraints())
        indexes = (
            Index(
                fields=["namespace", "viewer", "-updated_at", "media"],
                name="milestone_progress_of_viewer",
            ),
        )

    def __str__(self) -> str:
        return f"{self.viewer}: {self.media}"
