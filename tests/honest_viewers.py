"""Viewers who watch, and say the truth about it: what a recorder hears of them, on virtual time."""

from collections.abc import Callable, Iterator
from random import Random

from attrs import define, evolve, field

from milestone_progress import (
    Event,
    IntervalPolicy,
    Plausibility,
    Recorder,
    Report,
    SaveDecision,
    SavePolicy,
    tracker_for,
)
from milestone_progress.caches.memory import MemorySnapshotCache
from milestone_progress.hooks import Details, Occasion
from milestone_progress.simulator import Player
from milestone_progress.stores.memory import MemoryStore

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
START = 1_700_000_000.0
VIEWER, MEDIA = "ann", "intro"
DURATIONS = (20.0, 20.0, 60.0, 200.0, 600.0, 1800.0, 2 * HOUR, 5 * HOUR)
# So many seconds offline players send at once.
CHUNK = 4 * MINUTE
# Nobody says anything of a shorter one before it is complete, if the page does not ask.
SAYS_SOMETHING = 60.0


@define
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@define(order=True)
class Message:
    """What a device sends: when it arrives, and what a worker makes of it."""

    at: float
    number: int
    deliver: Callable[[Recorder], object] = field(order=False)


class Site:
    """Some workers with one store, which are all started again now and then."""

    def __init__(self, random: Random, *, workers: int, sticky: bool, shared: bool) -> None:
        self.random = random
        self.clock = Clock()
        self.told: list[Details] = []
        self._store = MemoryStore()
        self._snapshots = MemorySnapshotCache() if shared else None
        self._sticky = sticky
        self._workers = workers
        self._uptime = random.uniform(DAY / 4, 3 * DAY)
        self._start()
        # The first ones have been up for a while.
        self._until -= random.uniform(0, self._uptime)

    def _start(self) -> None:
        self._until = self.clock.now + self._uptime
        self.recorders = [
            Recorder(
                self._store,
                policy=SavePolicy(),
                plausibility=Plausibility(),
                snapshots=self._snapshots,
                hooks=[self._listen],
                clock=self.clock,
                seed=1,
            )
            for _ in range(self._workers)
        ]

    def _listen(self, details: Details) -> None:
        if details.occasion is Occasion.IMPLAUSIBLE:
            self.told.append(details)

    def worker(self) -> Recorder:
        """Return the worker that a request reaches now."""
        if self.clock.now > self._until:
            for recorder in self.recorders:
                recorder.close()
            self._start()
        for recorder in self.recorders:
            if recorder.deadline is not None and recorder.deadline <= self.clock.now:
                recorder.tick()
        return self.recorders[0] if self._sticky else self.random.choice(self.recorders)

    def deliver(self, messages: list[Message]) -> None:
        for message in sorted(messages):
            self.clock.now = max(self.clock.now, message.at)
            message.deliver(self.worker())


@define
class Device:
    """One of a viewer's, with a clock of its own."""

    random: Random
    site: Site
    duration: float
    raw: bool
    asks: bool
    offline: bool
    at_twice: float
    ahead: float
    legacy: bool

    def watch(self, rest: bool) -> list[Message]:
        """Watch from where the viewer left off; return what is sent of it."""
        random, clock = self.random, self.site.clock
        begun = clock.now
        resume = 0.0
        if self.asks and not self.offline:
            choice = self.site.worker().resume_choice(VIEWER, MEDIA, duration=self.duration)
            resume = choice.options[0].position
        player = Player(
            duration=self.duration,
            at=begun + self.ahead,
            interval=max(0.25, self.duration / 600),
            random=random,
        )
        if resume:
            player.seek(resume)
        player.set_rate(random.choice((1.0, 1.0, 1.0, 1.25, 1.5, self.at_twice)))
        behave(player, random, rest)
        ended = Message(player.at - self.ahead, 0, lambda _: None)
        delay = random.choice((2 * MINUTE, HOUR, 7 * DAY)) if self.offline else 0.0
        if self.raw:
            return [*self._raw(player.events, begun, delay), ended]
        return [*self._reports(player, delay), ended]

    def _reports(self, player: Player, delay: float) -> list[Message]:
        policy: SavePolicy | IntervalPolicy
        policy = IntervalPolicy() if self.legacy else SavePolicy()
        if isinstance(policy, SavePolicy) and self.duration < 10 * MINUTE:
            policy = policy.thinned(self.duration)
        tracker = tracker_for(policy, None)
        # As a timer would.
        decisions = []
        for event in player:
            decision = tracker.handle(event)
            if decision is not None:
                decisions.append(decision)
        return [
            self._report(number, decision, player.at + delay)
            for number, decision in enumerate(decisions)
        ]

    def _report(self, number: int, decision: SaveDecision, reconnected: float) -> Message:
        says_age = self.offline or self.random.random() < 0.5
        sent = reconnected if self.offline else decision.at
        report = Report(
            position=decision.position,
            duration=decision.duration,
            trigger=decision.trigger,
            milestone=decision.last_milestone,
            force_completion=decision.completed,
            at=decision.at if says_age else None,
            sent_at=sent if says_age else None,
        )
        arrives = sent - self.ahead + self._latency()
        return Message(arrives, number, lambda worker: worker.report(VIEWER, MEDIA, report))

    def _raw(self, events: tuple[Event, ...], begun: float, delay: float) -> list[Message]:
        pieces: list[list[Event]] = []
        every = CHUNK if self.offline else self.random.uniform(1, min(30, self.duration / 8))
        told = -1.0
        for event in events:
            time = event.at - self.ahead - begun
            if not pieces or time > told + every:
                pieces.append([])
                told = time
            pieces[-1].append(event)
        return [
            self._batch(number, piece, events[-1].at + delay) for number, piece in enumerate(pieces)
        ]

    def _batch(self, number: int, events: list[Event], reconnected: float) -> Message:
        sent = reconnected if self.offline else events[-1].at
        return Message(
            # In their order.
            sent - self.ahead + 0.5,
            number,
            lambda worker: worker.handle(VIEWER, MEDIA, events, sent_at=sent),
        )

    def _latency(self) -> float:
        slow = self.random.random() < 0.02
        return self.random.uniform(0, 30) if slow else self.random.uniform(0.02, 1)


def behave(player: Player, random: Random, rest: bool) -> None:
    """Do what viewers do."""
    assert player.duration is not None
    # Nobody leaves a clip open over night.
    is_clip = player.duration < SAYS_SOMETHING
    kind = random.choice(["watches", "watches", "pauses", "sleeps", "skips", "seeks"])
    for _ in range(random.randint(1, 4)):
        left = player.duration - player.position
        player.play_for(random.uniform(0, left / 3))
        if kind == "pauses":
            player.pause(
                random.choice((3.0, 40.0) if is_clip else (3.0, 40.0, 5 * MINUTE, 3 * HOUR))
            )
        elif kind == "sleeps":
            player.sleep(MINUTE if is_clip else random.choice((MINUTE, HOUR, 9 * HOUR)))
        elif kind == "skips":
            for _ in range(random.randint(1, 6)):
                ten = random.choice((10.0, -10.0))
                player.seek(max(0.0, min(player.position + ten, player.duration - 1)))
                player.play_for(random.uniform(0.1, 3))
        elif kind == "seeks" and random.random() < 0.5:
            # Forward by up to a quarter of it, or anywhere back.
            player.seek(
                random.uniform(0, min(player.position + player.duration / 4, player.duration))
            )
        if player.position >= player.duration:
            break
    if rest and player.position < player.duration:
        player.play_to_end()
    player.close()


def viewing(seed: int) -> Site:
    """Return a site on which somebody has watched something, honestly."""
    random = Random(seed)
    workers = random.choice((1, 1, 3))
    sticky = random.random() < 0.5
    site = Site(random, workers=workers, sticky=sticky, shared=random.random() < 0.5)
    duration = random.choice(DURATIONS)
    several = workers > 1 and not sticky
    device = Device(
        random,
        site,
        duration=duration,
        raw=random.random() < 0.4,
        asks=duration < SAYS_SOMETHING or random.random() < 0.7,
        offline=False,
        at_twice=2.0,
        ahead=random.choice((0.0, 3.0, -HOUR, 400 * DAY)),
        legacy=random.random() < 0.15,
    )
    if several and duration < SAYS_SOMETHING:
        site = device.site = Site(random, workers=1, sticky=True, shared=False)
    for messages in sessions(device, random):
        site.deliver(messages)
    return site


def sessions(device: Device, random: Random) -> Iterator[list[Message]]:
    """Watch with one device or several; yield what is sent, as it comes."""
    kind = random.choice(["once", "once", "resumed", "offline", "turns", "at once", "partly"])
    clock = device.site.clock
    if kind == "once":
        yield device.watch(rest=True)
    elif kind == "offline":
        yield evolve(device, offline=True).watch(rest=random.random() < 0.8)
    elif kind == "at once":
        first = device.watch(rest=True)
        # Raw events of two clocks make no sense together.
        other = evolve(device, ahead=random.uniform(-DAY, DAY), raw=False)
        yield first + other.watch(rest=True)
    else:
        for number in range(random.randint(2, 4)):
            clock.now += random.choice((1.0, HOUR, 3 * DAY))
            if kind == "turns":
                device = evolve(device, ahead=random.uniform(-DAY, DAY))
            offline = kind == "partly" and number % 2 == 0
            yield evolve(device, offline=offline).watch(rest=random.random() < 0.5)
