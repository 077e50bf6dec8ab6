"""The recorder: takes reports, saves what is new, keeps what cannot be saved, and tells of it."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from ._additions import Addition, Change, SaveResult, SaveStatus, told
from ._backlog import BacklogFull
from ._decision import Trigger
from ._identifiers import identifier
from ._numbers import number
from ._policy import IntervalPolicy, SavePolicy
from ._record import ConflictPolicy, ProgressRecord
from ._recording import FAILURES_IN_A_ROW, RETRIES_PER_CALL, Recording
from ._reports import Report
from ._resume import ResumeChoice, ResumePolicy, resume_choice
from .errors import StoreError
from .hooks import Hook, Occasion
from .stores import FallbackStore, ProgressStore, ViewerDeleter
from .stores._arguments import checked_limit
from .stores._saving import update

__all__ = ["Recorder"]


class Recorder(Recording):
    """Saves what browsers report, on any number of workers.

    It keeps nothing of a viewer in memory but what could not be saved. Several workers may each
    have one on the same store, and reports may reach any of them, in any order, any number of
    times. It may be used by any number of threads.

    Args:
        store: Where records are kept; closing it is for whoever opened it.
        policy: Whose milestones are told of; None for the default ones.
        conflict: Where a viewer resumes of whom two devices tell.
        resume: From where a viewer resumes; None for the default policy.
        fallback: Keeps what could not be saved across the end of this process, and a kill; None for
            memory only. A store of its own, in which nothing else is.
        backlog_limit: For how many viewers and media what could not be saved is kept, at most.
        backlog_full: What is done with one more.
        hooks: Are told of every save, failure, retry, conflict and completion.
        clock: Returns Unix seconds.
        seed: Of the dice that spread retries; None for another one each time.

    Raises:
        InvalidValueError: ``backlog_limit`` is no such number.
    """

    def __init__(
        self,
        store: ProgressStore,
        *,
        policy: SavePolicy | IntervalPolicy | None = None,
        conflict: ConflictPolicy = ConflictPolicy.NEWEST,
        resume: ResumePolicy | None = None,
        fallback: FallbackStore | None = None,
        backlog_limit: int = 10_000,
        backlog_full: BacklogFull = BacklogFull.REFUSE,
        hooks: Iterable[Hook] = (),
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
    ) -> None:
        super().__init__(
            policy=policy,
            conflict=conflict,
            resume=resume,
            backlog_limit=backlog_limit,
            backlog_full=backlog_full,
            hooks=hooks,
            clock=clock,
            seed=seed,
        )
        self._store = store
        self._fallback = fallback

    def report(self, viewer: str, media: str, report: Report) -> SaveResult:
        """Save what a report says, if it is news.

        Args:
            viewer: Who sent it, as the host's authentication says; never from the report itself.
            media: What it is about, as the host's routing says and its catalogue knows.
            report: As `parse_report` read it.

        Returns:
            What became of it. A store that fails is no error but a status: the report is kept and
            saved later.

        Raises:
            InvalidValueError: Viewer or media is no identifier; nothing was done.
        """
        now, addition = self._addition(viewer, media, report)
        waiting = self._waits(addition.key)
        parts = (addition,) if waiting is None else (waiting, addition)
        change = Change(parts, self._conflict)
        conflicted = self._conflicts(addition.key, addition.trigger, now)
        try:
            before, after = update(self._store, viewer, media, change, conflicted=conflicted)
        except StoreError as error:
            kept, given_up, result = self._keep(addition, error, now)
            self._mirror(kept, now)
            if given_up is not None:
                self._forget(given_up, now)
            return result
        if waiting is not None:
            self._forget(waiting, now)
        result = self._saved(
            before,
            after,
            key=addition.key,
            trigger=addition.trigger,
            status=change.status,
            now=now,
        )
        self._retry(now, RETRIES_PER_CALL)
        return result

    def load(self, viewer: str, media: str) -> ProgressRecord | None:
        """Return what is known of a viewer and a media, None if nothing is.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed.
        """
        return self._with_waiting(self._store.load(viewer, media), self._waits((viewer, media)))

    def load_many(self, viewer: str, medias: Iterable[str]) -> dict[str, ProgressRecord]:
        """Return what is known of a viewer and some media, by media; without those never watched.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed.
        """
        wanted = medias if isinstance(medias, str) else list(medias)
        found = self._store.load_many(viewer, wanted)
        for media, waiting in self._waits_for(viewer).items():
            known = self._with_waiting(found.get(media), waiting)
            if media in wanted and known is not None:
                found[media] = known
        return found

    def recent(
        self, viewer: str, limit: int = 20, *, include_completed: bool = False
    ) -> list[ProgressRecord]:
        """Return what a viewer watched last, newest first: the "continue watching" row.

        The arguments and errors are those of `ProgressStore.recent`.
        """
        waiting = self._waits_for(viewer)
        # What waits may finish some of what is stored, and make room for as many.
        most = checked_limit(limit) + len(waiting)
        found = self._store.recent(viewer, most, include_completed=include_completed)
        if not waiting:
            return found
        known = {record.media: record for record in found} | self.load_many(viewer, waiting)
        return self._recent(known.values(), limit, include_completed)

    def resume_choice(
        self,
        viewer: str,
        media: str,
        *,
        duration: float | None = None,
        policy: ResumePolicy | None = None,
    ) -> ResumeChoice:
        """Return what to ask a viewer who comes back: to resume, or to start over.

        Args:
            viewer: Who.
            media: To what.
            duration: Its length as it is today, seconds; None for that of the record.
            policy: For this media; None for the recorder's own.

        Raises:
            InvalidValueError: One of them is no such value.
            StoreError: The store failed.
        """
        record = self.load(viewer, media)
        return resume_choice(record, policy or self._resume, now=self._clock(), duration=duration)

    def complete(self, viewer: str, media: str) -> SaveResult:
        """Mark a media as complete, as a viewer does who presses that button.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed, and nothing was kept.
        """
        now = self._clock()
        key = (identifier("viewer", viewer), identifier("media", media))
        waiting = self._waits(key)
        change = self._completing(key, waiting, now)
        trigger = Trigger.COMPLETION
        conflicted = self._conflicts(key, trigger, now)
        before, after = update(self._store, viewer, media, change, conflicted=conflicted)
        if waiting is not None:
            self._forget(waiting, now)
        status = SaveStatus.NO_NEWS
        return self._saved(before, after, key=key, trigger=trigger, status=status, now=now)

    def reset(self, viewer: str, media: str) -> ProgressRecord | None:
        """Forget a viewer's progress in a media, as one does who starts over; the next generation.

        Reports of players that were running before are not saved if they tell their generation; nor
        if they are older than this, as long as nothing else was saved since.

        Returns:
            What is stored now, None if nothing was.

        Raises:
            InvalidValueError: One of them is no identifier.
            StoreError: The store failed, and nothing was forgotten.
        """
        now = self._clock()
        _, after = update(self._store, viewer, media, self._resetting(now))
        waiting = self._waits((viewer, media))
        if waiting is not None:
            self._forget(waiting, now)
        return after

    def delete_viewer(self, viewer: str) -> int:
        """Delete all that is known of a viewer, and return how many records the store had.

        Raises:
            InvalidValueError: The viewer is no identifier.
            StoreError: The store failed, or cannot delete; it may still know some of it.
        """
        identifier("viewer", viewer)
        if not isinstance(self._store, ViewerDeleter):
            raise StoreError(f"a {type(self._store).__name__} cannot delete a viewer")
        self._forget_viewer(viewer)
        if self._fallback is not None:
            self._fallback.delete_viewer(viewer)
        return self._store.delete_viewer(viewer)

    def tick(self, now: float | None = None) -> None:
        """Try again what is due of what could not be saved; to be called every second or so.

        Args:
            now: Unix seconds; None for what the clock says.
        """
        self._retry(self._clock() if now is None else number("now", now, minimum=0), self._limit)

    def close(self) -> tuple[ProgressRecord, ...]:
        """Try once more what could not be saved.

        Returns:
            What still could not be; it is lost unless there is a fallback.
        """
        now = self._clock()
        self._look_into_fallback(now)
        with self._lock:
            waiting = self._backlog.all()
        self._try_again(waiting, now)
        with self._lock:
            return tuple(told(addition.record) for addition in self._backlog.all())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _retry(self, now: float, most: int) -> None:
        self._look_into_fallback(now)
        if self._backlog:
            self._try_again(self._due(now, most), now)

    def _try_again(self, additions: Iterable[Addition], now: float) -> None:
        failures = 0
        for addition in additions:
            key, trigger = addition.key, addition.trigger
            self._tell(Occasion.RETRY, now, key, trigger)
            change = Change((addition,), self._conflict)
            conflicted = self._conflicts(key, trigger, now)
            try:
                before, after = update(self._store, *key, change, conflicted=conflicted)
            except Exception as error:  # One's poison must not harm another.
                self._fail_again(addition, error, now)
                failures += 1
                if failures == FAILURES_IN_A_ROW:
                    return
                continue
            failures = 0
            self._forget(addition, now)
            status = change.status
            self._saved(before, after, key=key, trigger=trigger, status=status, now=now)

    def _forget(self, addition: Addition, now: float) -> None:
        """Forget what was saved."""
        self._settle(addition)
        if self._fallback is None:
            return
        try:
            held = self._fallback.load(*addition.key)
            if held is None or (self._is_covered(held, addition) and self._fallback.remove(held)):
                return
        except StoreError as error:
            self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)
        # Another process holds more there, or it could not be removed: to be saved once more, which
        # does no harm.
        self._looked_into_fallback = False

    def _mirror(self, addition: Addition | None, now: float) -> None:
        """Make what is kept in memory survive the process."""
        if self._fallback is None or addition is None:
            return
        try:
            update(self._fallback, *addition.key, self._mirroring(addition))
        except StoreError as error:
            self._tell(Occasion.FAILURE, now, addition.key, addition.trigger, error=error)

    def _look_into_fallback(self, now: float) -> None:
        if self._fallback is None or not self._should_look_into_fallback():
            return
        try:
            self._found_in_fallback(self._fallback.records(max(1, self._limit)), now)
        except StoreError as error:
            # Asked again by the next call.
            self._tell(Occasion.FAILURE, now, ("", ""), None, error=error)
