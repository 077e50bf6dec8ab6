"""What the example player's page loses when viewers leave, and how often it asks the server.

Its modules run in Node, on virtual time and without storage; what they send goes to the library.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from milestone_progress import ProgressRecord, Recorder, SavePolicy, parse_report
from milestone_progress.simulator import Player
from milestone_progress.stores.memory import MemoryStore
from wire_events import wire

DRIVER = Path(__file__).parent / "player_visits_driver.mjs"
MAX_UNSAVED = SavePolicy().max_unsaved
# Seconds between two events of a player; 0.27 in browsers, whose visits would take longer here.
INTERVAL = 2.0
DURATION = 3600.0

Json = dict[str, Any]  # Any: what a JSON object holds.
Visit = Callable[[ProgressRecord | None, Player, bool], list[Json]]


@contextmanager
def visiting() -> Iterator[Visit]:
    program = shutil.which("node")
    if program is None:
        reason = "no node: install Node.js 20 or newer"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    process = subprocess.Popen(
        [program, str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, told = process.stdin, process.stdout

    def visit(record: ProgressRecord | None, player: Player, is_killed: bool) -> list[Json]:
        kept = ("position", "duration", "milestone", "completed")
        asked.write(
            json.dumps(
                {
                    "saved": record and {name: getattr(record, name) for name in kept},
                    "generation": record.generation if record else 0,
                    "duration": player.duration,
                    "events": [wire(event) for event in player],
                    "isKilled": is_killed,
                }
            )
            + "\n"
        )
        asked.flush()
        sent: list[Json] = json.loads(told.readline())
        return sent

    with process:
        yield visit
        asked.close()


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    with visiting() as visit:
        yield visit


def watch(player: Player, random: Random) -> None:
    """Watch up to 23 minutes, with pauses and steps back of ten seconds."""
    goal = min(DURATION - 5, player.position + random.uniform(20, 1400))
    while player.position < goal:
        player.play_to(min(goal, player.position + random.uniform(10, 700)))
        if random.random() < 0.3:
            player.pause(random.uniform(1, 90))
        elif random.random() < 0.3:
            player.seek(max(0.0, player.position - 10))
    if random.random() < 0.7:
        player.play_for(random.uniform(1, 20))


def test_of_1000_visits_those_that_say_goodbye_lose_a_second_and_the_others_max_unsaved(
    visit: Visit,
) -> None:
    assert MAX_UNSAVED is not None
    random = Random(7)
    now = 1.7e9
    left: dict[bool, list[float]] = {True: [], False: []}
    viewer = 0
    recorder = Recorder(MemoryStore(), clock=lambda: now)
    while len(left[True]) + len(left[False]) < 1000:
        record = recorder.load(f"viewer {viewer}", "film")
        player = Player(duration=DURATION, at=now, interval=INTERVAL)
        if record is not None:
            assert player.seek(record.position).position == record.position
        watch(player, random)
        is_killed = random.random() < 0.5
        if not is_killed:
            player.close()
        for request in visit(record, player, is_killed):
            now = request["at"]
            report = parse_report(request["body"].encode())
            recorder.report(f"viewer {viewer}", "film", report)
        stored = recorder.load(f"viewer {viewer}", "film")
        position = 0.0 if stored is None else stored.position
        left[is_killed].append(abs(player.position - position))
        now = player.at + random.uniform(60, 90_000)
        if player.position > 0.9 * DURATION:
            viewer += 1
    assert min(len(visits) for visits in left.values()) > 400
    assert viewer > 50
    assert max(left[False]) <= 1
    assert max(left[True]) <= MAX_UNSAVED
    # The limit is what stops it: without a goodbye much is lost.
    assert max(left[True]) > 0.9 * MAX_UNSAVED


def test_an_hour_costs_at_least_85_percent_fewer_requests_than_every_30_seconds(
    visit: Visit,
) -> None:
    player = Player(duration=DURATION, interval=0.265625).play_to_end().close()
    requests = visit(None, player, False)
    assert 7 <= len(requests) <= 0.15 * DURATION / 30
    assert parse_report(requests[-1]["body"].encode()).completed
