"""What a policy comes to with one viewer: trackers for the pages, a record on the server."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import fsum, inf
from typing import Self

from attrs import Factory, define, frozen

from .._decision import SaveDecision
from .._events import Event, Tick
from .._policy import IntervalPolicy, SavePolicy
from .._record import ProgressRecord, merge
from .._resume import resume_point
from .._tracker import IntervalTracker, Tracker, tracker_for
from ._faults import Connection
from ._loss import Cover, Played, Risk, Run, loss_allowed, risk_of
from ._viewers import Ending, Visit

__all__ = ["Outcome", "Policy", "Watched"]

Policy = SavePolicy | IntervalPolicy

# Seconds without an event after which the timer of a page may have something to say. A playing
# player reports far more often.
SILENCE = 1.5
# Seconds of media that rounding may add to what is at risk.
ROUNDING = 1e-6


@frozen(kw_only=True)
class Outcome:
    """What one policy came to with one viewer.

    Attributes:
        seconds: Time from the first play to the end of each visit; time away is not in it.
        saves: Reports that changed what is stored.
        decided_after: How much of that time had passed at each decision, seconds.
        requests: Reports that were sent, repeated and lost ones included.
        risk: What was not covered by any report that had arrived.
        undecided: Most media that was not covered by any decision, seconds, at the page that came
            nearest to what is allowed.
        allowed: Most media that may be by the law of bounded loss, seconds; None for any amount.
        resume_errors: Each time that the viewer opened a page to go on, how far from the place the
            point offered was, seconds of media.
        completed: Whether it is stored in the end that the media was completed.
    """

    seconds: float
    saves: int
    decided_after: tuple[float, ...]
    requests: int
    risk: Risk
    undecided: float
    allowed: float | None
    resume_errors: tuple[float, ...]
    completed: bool

    @property
    def breaks_the_law(self) -> bool:
        """Whether more was at risk than is allowed."""
        return self.allowed is not None and self.undecided > self.allowed + ROUNDING


@define
class Watched:
    """A viewer's visits, and what does not depend on the policy: what was played in them."""

    visits: Sequence[Visit]
    played: list[Played]
    #: The events of each visit, cut where nothing is told for a while.
    bursts: list[list[Sequence[Event]]]

    @classmethod
    def through(cls, visits: Sequence[Visit]) -> Self:
        """Return what was watched through some visits, in order of time."""
        return cls(
            visits,
            [Played.of(visit.events) for visit in visits],
            [list(_bursts(visit.events)) for visit in visits],
        )

    def outcome(self, policy: Policy, connection: Connection | None = None) -> Outcome:
        """Return what a policy comes to with this viewer.

        Args:
            policy: When to save.
            connection: What is between the player and the server; None for nothing.
        """
        server = _Server()
        pages: dict[int, _Page] = {}
        resume_errors: list[float] = []
        decided_after: list[float] = []
        seconds = 0.0
        requests = 0
        for index, visit in enumerate(self.visits):
            begins_at = visit.events[0].at
            if visit.page not in pages:
                record = server.receive(begins_at)
                pages[visit.page] = _Page(tracker_for(policy, record))
                if visit.resumes is not None:
                    point = resume_point(record, now=begins_at)
                    resume_errors.append(abs(point.position - visit.resumes))
            page = pages[visit.page]
            page.played.append(self.played[index])
            until = begins_at
            if visit.ending is Ending.LEFT_OPEN and index + 1 < len(self.visits):
                until = self.visits[index + 1].events[0].at
            for decision in page.decisions(self.bursts[index], until):
                arrivals = (decision.at,) if connection is None else connection.send(decision.at)
                requests += max(1, len(arrivals))
                decided_after.append(seconds + max(0.0, decision.at - visit.began_at))
                page.arrived.extend(Cover(at, decision.at) for at in arrivals)
                server.expect(decision, page.tracker.played, arrivals)
            seconds += visit.ended_at - visit.began_at
        record = server.receive(inf)
        risks = [risk_of(page.runs, sorted(page.arrived)) for page in pages.values()]
        undecided, allowed = max((page.undecided(policy) for page in pages.values()), key=_excess)
        return Outcome(
            seconds=seconds,
            saves=server.saves,
            decided_after=tuple(decided_after),
            requests=requests,
            risk=Risk(
                fsum(risk.playing for risk in risks),
                fsum(risk.seconds for risk in risks),
                max(risk.worst for risk in risks),
            ),
            undecided=undecided,
            allowed=allowed,
            resume_errors=tuple(resume_errors),
            completed=record is not None and record.completed,
        )


def _bursts(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    start = 0
    for index, (one, other) in enumerate(pairwise(events), start=1):
        if other.at - one.at > SILENCE:
            yield events[start:index]
            start = index
    yield events[start:]


def _excess(undecided_and_allowed: tuple[float, float | None]) -> float:
    undecided, allowed = undecided_and_allowed
    return undecided - (allowed or 0.0)


@define
class _Page:
    """One page: its tracker, which is gone when the page is, and what was played there."""

    tracker: Tracker | IntervalTracker
    played: list[Played] = Factory(list)
    decided: list[Cover] = Factory(list)
    arrived: list[Cover] = Factory(list)

    def decisions(self, bursts: Iterable[Sequence[Event]], until: float) -> Iterator[SaveDecision]:
        """Yield each decision of a visit; after it the page is left open until some time."""
        handle = self.tracker.handle
        for index, burst in enumerate(bursts):
            if index:
                yield from self._ticks(burst[0].at)
            for event in burst:
                decision = handle(event)
                if decision is not None:
                    self.decided.append(Cover(decision.at, decision.at))
                    yield decision
        yield from self._ticks(until)

    def _ticks(self, until: float) -> Iterator[SaveDecision]:
        """Let the page's timer strike when the tracker wants it to."""
        while (deadline := self.tracker.deadline) is not None and deadline < until:
            decision = self.tracker.handle(Tick(at=deadline))
            if decision is not None:
                self.decided.append(Cover(decision.at, decision.at))
                yield decision

    @property
    def runs(self) -> list[Run]:
        return [run for played in self.played for run in played.runs]

    def undecided(self, policy: Policy) -> tuple[float, float | None]:
        """Return how much was not covered by any decision, and how much may be; seconds."""
        return risk_of(self.runs, self.decided).worst, loss_allowed(policy, self.played)


@define
class _Server:
    """Keeps what arrives, in the order of arrival, by the library's own merge."""

    record: ProgressRecord | None = None
    saves: int = 0
    under_way: list[ProgressRecord] = Factory(list)

    def expect(self, decision: SaveDecision, played: int, arrivals: Iterable[float]) -> None:
        """Expect what a decision says, at the times it arrives at, Unix seconds."""
        for arrives in arrivals:
            record = ProgressRecord.from_decision(
                decision,
                viewer="viewer",
                media="media",
                # Recordings may begin at 0, servers did not.
                received_at=max(0.0, arrives),
                played=played,
            )
            self.under_way.append(record)

    def receive(self, until: float) -> ProgressRecord | None:
        """Receive what arrives up to some time, Unix seconds; return what is stored then."""
        self.under_way.sort(key=_arrived_at)
        while self.under_way and self.under_way[0].updated_at <= until:
            arrived = self.under_way.pop(0)
            before, self.record = self.record, arrived
            if before is not None:
                self.record = merge(before, arrived)
            if before is None or _news(before) != _news(self.record):
                self.saves += 1
        return self.record


def _arrived_at(record: ProgressRecord) -> float:
    return record.updated_at


def _news(record: ProgressRecord) -> tuple[object, ...]:
    return record.position, record.milestone, record.completed
