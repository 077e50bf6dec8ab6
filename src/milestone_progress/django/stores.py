"""A store in the database of a Django project, inside the transactions of the host."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.db import Error, IntegrityError, connections
from django.db.models import F, Q, QuerySet
from django.db.transaction import atomic

from .._identifiers import identifier
from .._record import ConflictError, ProgressRecord
from ..errors import StoreError
from ..stores._arguments import checked_limit, checked_medias, checked_time
from ..stores._closing import Closing
from ..stores._rows import COLUMNS, record_of, row_of
from .models import Progress

__all__ = ["DjangoStore"]

Rows = QuerySet[Progress, Progress]
Outcome = ProgressRecord | ConflictError

# What comes out of Django when a database fails; the last two for what no database could hold.
DRIVER_ERRORS = (Error, OverflowError, UnicodeError)
# So many rows are asked for at once. No database takes any number of parameters.
BUNCH = 500

UNFINISHED = Q(completed=False) | Q(updated_at__gt=F("completed_at"))


class DjangoStore(Closing):
    """Keeps records in a database of the host's, by the host's own connections.

    Inside ``transaction.atomic()`` all becomes part of what the host commits, or does not; a call
    that fails has changed nothing there, and the block goes on. (Only after a deadlock, MariaDB and
    MySQL have ended it.) Outside, a save is committed when it returns, and so is a batch, as a
    whole.

    How long to wait for the database is for the host's ``DATABASES`` to say. Like all of Django's
    ORM it is not for use on an event loop: ``sync_to_async``.

    Args:
        namespace: Whose; records of other namespaces are as if they were not there.
        using: Which of ``DATABASES``.

    Raises:
        InvalidValueError: The namespace is no identifier.
    """

    def __init__(self, namespace: str = "default", using: str = "default") -> None:
        self._namespace = identifier("namespace", namespace)
        self._using = using
        self._closed = False

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return the record of a viewer and a media: `ProgressStore.load`."""
        identifier("viewer", viewer)
        identifier("media", media)
        found = self._all(self._one(viewer, media))
        return found[0] if found else None

    def save(self, record: ProgressRecord) -> ProgressRecord:
        """Save a record in place of the one that it was made from: `ProgressStore.save`."""
        with self._used():
            outcome = self._save(record)
        if isinstance(outcome, ConflictError):
            raise outcome
        return outcome

    def save_many(self, records: Sequence[ProgressRecord]) -> list[ProgressRecord | ConflictError]:
        """Save records, one that loses hindering no other: `ManySaver.save_many`."""
        # In the same order wherever it is done, so that batches do not wait for each other.
        order = sorted(range(len(records)), key=lambda at: _key(records[at]))
        outcomes: dict[int, Outcome] = {}
        with self._used(), atomic(self._using):
            new = [at for at in order if not records[at].revision]
            with suppress(IntegrityError), atomic(self._using):
                Progress.objects.using(self._using).bulk_create(
                    [Progress(**self._row(records[at])) for at in new]
                )
                outcomes = {at: records[at].with_revision(1) for at in new}
            for at in order:
                if at not in outcomes:
                    outcomes[at] = self._save(records[at])
        return [outcomes[at] for at in range(len(records))]

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return a viewer's records of some media: `ProgressStore.load_many`."""
        rows = self._of(viewer)
        wanted = checked_medias(medias)
        bunches = (wanted[start : start + BUNCH] for start in range(0, len(wanted), BUNCH))
        with self._used():
            found = [record for some in bunches for record in _read(rows.filter(media__in=some))]
        return {record.media: record for record in found}

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: `ProgressStore.recent`."""
        rows = self._of(viewer) if include_completed else self._of(viewer).filter(UNFINISHED)
        return self._all(rows.order_by("-updated_at", "media")[: checked_limit(limit)])

    def export_viewer(self, viewer: str) -> list[ProgressRecord]:
        """Return all records of a viewer, in order of media: `ViewerExporter.export_viewer`."""
        return self._all(self._of(viewer).order_by("media"))

    def records(self, limit: int) -> list[ProgressRecord]:
        """Return the records of all viewers: `FallbackStore.records`."""
        return self._all(self._rows().order_by("viewer", "media")[: checked_limit(limit)])

    def remove(self, record: ProgressRecord) -> bool:
        """Delete a record if its revision is the one stored: `FallbackStore.remove`."""
        return self._delete(self._one(*_key(record)).filter(revision=record.revision)) > 0

    def delete_viewer(self, viewer: str) -> int:
        """Delete all records of a viewer: `ViewerDeleter.delete_viewer`."""
        return self._delete(self._of(viewer))

    def purge(self, before: float) -> int:
        """Delete the records with ``updated_at`` below a time: `Purger.purge`."""
        return self._delete(self._rows().filter(updated_at__lt=checked_time(before)))

    def close(self) -> None:
        """Close the store, and nothing else: the connections are the host's."""
        self._closed = True

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Do something that leaves a transaction of the host as it was, if it fails."""
        if self._closed:
            raise StoreError("the store is closed")
        try:
            with self._savepoint():
                yield
        except DRIVER_ERRORS as error:
            # Not what follows in further lines: PostgreSQL tells who watches what there.
            what = str(error).partition("\n")[0]
            raise StoreError(f"the database failed: {what}") from error

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        if connections[self._using].get_autocommit():
            yield  # Each statement is a transaction.
        else:
            with atomic(self._using):
                yield

    def _rows(self) -> Rows:
        return Progress.objects.using(self._using).filter(namespace=self._namespace)

    def _of(self, viewer: str) -> Rows:
        return self._rows().filter(viewer=identifier("viewer", viewer))

    def _one(self, viewer: str, media: str) -> Rows:
        return self._rows().filter(viewer=viewer, media=media)

    def _all(self, rows: Rows) -> list[ProgressRecord]:
        with self._used():
            return _read(rows)

    def _save(self, record: ProgressRecord) -> Outcome:
        if record.revision:
            rows = self._one(*_key(record)).filter(revision=record.revision)
            if rows.update(**self._row(record)):
                return record.with_revision(record.revision + 1)
            return ConflictError(record, self._stored(record))
        try:
            with self._savepoint():
                Progress(**self._row(record)).save(using=self._using, force_insert=True)
        except IntegrityError:
            stored = self._stored(record)
            if stored is None:
                raise  # It was not that one is there.
            return ConflictError(record, stored)
        return record.with_revision(1)

    def _stored(self, record: ProgressRecord) -> ProgressRecord | None:
        """Return what a record has lost by."""
        rows = self._one(*_key(record))
        connection = connections[self._using]
        if connection.vendor == "mysql" and connection.in_atomic_block:
            # Else, where reads are repeatable, it is what was stored when the transaction began.
            rows = rows.select_for_update()
        found = _read(rows)
        return found[0] if found else None

    def _row(self, record: ProgressRecord) -> dict[str, Any]:
        values = zip(COLUMNS, row_of(record, record.revision + 1), strict=True)
        return {"namespace": self._namespace, **dict(values)}

    def _delete(self, rows: Rows) -> int:
        with self._used():
            # Not `delete`: where anybody listens to its signals, that deletes what it has read
            # before, whatever has been saved there since.
            return rows._raw_delete(self._using)


def _key(record: ProgressRecord) -> tuple[str, str]:
    return record.viewer, record.media


def _read(rows: Rows) -> list[ProgressRecord]:
    return [record_of(row) for row in rows.values_list(*COLUMNS)]
