"""Rollouts: who is in which arm, the same everywhere and for ever."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from milestone_progress import (
    Arm,
    IntervalPolicy,
    InvalidValueError,
    Rollout,
    SavePolicy,
    policy_to_dict,
)

EXAMPLES = Path(__file__).parents[1] / "examples"

# Made by another implementation: printf '%s\0%s' SALT VIEWER | sha256sum, of which the first eight
# digits are the number. Whoever ports the library makes theirs agree with these.
GOLDEN = [
    ("milestone-progress", "ann", 0x09111943, 3.541715512983501),
    ("milestone-progress", "user-42", 0xE7EDD06B, 90.59725056868047),
    ("milestone-progress", "Ünïcødé 漢字", 0xEF435778, 93.46213024109602),
    ("milestone-progress", "🎬", 0xCAE1226C, 79.24977792426944),
    ("another salt", "ann", 0x0C588EC2, 4.822628246620297),
    ("a", "bc", 0x40BB547D, 25.28584294486791),
    ("ab", "c", 0x6C032E63, 42.19235412310809),
]
# Of the chi-square distribution with 99 degrees of freedom: one in a thousand fair deals is worse.
CRITICAL = 148.23

viewers = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=200)
percents = st.floats(0, 100) | st.sampled_from([0.0, 0.001, 1.0, 10.0, 50.0, 99.999, 100.0])


@pytest.mark.parametrize(("salt", "viewer", "number", "bucket"), GOLDEN)
def test_a_viewer_s_bucket_is_what_it_was_in_every_language(
    salt: str, viewer: str, number: int, bucket: float
) -> None:
    found = Rollout(percent=50, salt=salt).bucket(viewer)
    assert found == bucket == number * 100 / 2**32


# Dealing


def chi_square(buckets: Iterable[float], count: int) -> float:
    """Return how far hundredths are from being equally full."""
    full = Counter(int(bucket) for bucket in buckets)
    assert full.total() == count
    expected = count / 100
    return sum((full[hundredth] - expected) ** 2 / expected for hundredth in range(100))


def check_dealing(count: int) -> None:
    for salt in ("milestone-progress", "autumn"):
        rollout = Rollout(percent=50, salt=salt)
        assert chi_square((rollout.bucket(f"user-{n}") for n in range(count)), count) < CRITICAL


def test_viewers_are_dealt_evenly() -> None:
    check_dealing(50_000)


@pytest.mark.slow
def test_a_million_viewers_are_dealt_evenly() -> None:
    check_dealing(1_000_000)


def test_another_salt_deals_anew() -> None:
    """Of those in one half by one salt, half are in it by another: the experiments do not mix."""
    one, other = Rollout(percent=50), Rollout(percent=50, salt="another salt")
    both = sum(
        one.arm(viewer) is other.arm(viewer) is Arm.MILESTONE for viewer in map(str, range(10_000))
    )
    # Five standard deviations.
    assert abs(both - 2500) < 217


def test_as_many_are_in_as_the_percentage_says() -> None:
    for percent in (1, 10, 50):
        rollout = Rollout(percent=percent)
        found = sum(rollout.arm(str(number)) is Arm.MILESTONE for number in range(20_000))
        share = percent / 100
        assert abs(found - 20_000 * share) < 5 * (20_000 * share * (1 - share)) ** 0.5


def test_nobody_leaves_when_the_percentage_rises() -> None:
    everybody = [f"user-{number}" for number in range(5_000)]
    before: set[str] = set()
    for percent in (0, 0.5, 1, 10, 33.3, 50, 99, 100):
        rollout = Rollout(percent=percent)
        now = {viewer for viewer in everybody if rollout.arm(viewer) is Arm.MILESTONE}
        assert before <= now
        before = now
    assert before == set(everybody)


@given(viewers, viewers, percents, percents)
def test_raising_the_percentage_moves_no_viewer_out(
    salt: str, viewer: str, one: float, other: float
) -> None:
    lower, higher = sorted((one, other))
    rollout = Rollout(percent=lower, salt=salt)
    if rollout.arm(viewer) is Arm.MILESTONE:
        assert evolve(rollout, percent=higher).arm(viewer) is Arm.MILESTONE
    assert 0 <= rollout.bucket(viewer) < 100


@given(viewers)
def test_nobody_is_in_at_nothing_and_everybody_at_a_hundred(viewer: str) -> None:
    assert Rollout(percent=0).arm(viewer) is Arm.INTERVAL
    assert Rollout(percent=100).arm(viewer) is Arm.MILESTONE
    assert Rollout(percent=0, allow=[viewer]).arm(viewer) is Arm.MILESTONE
    assert Rollout(percent=100, deny=[viewer]).arm(viewer) is Arm.INTERVAL


# Who is asked first


def test_deny_beats_allow_and_the_kill_switch_beats_both() -> None:
    rollout = Rollout(percent=50, allow=["user-42", "bob"], deny=["bob"])
    assert rollout.bucket("user-42") > 50
    assert rollout.arm("user-42") is Arm.MILESTONE
    assert rollout.arm("bob") is Arm.INTERVAL
    assert rollout.arm("ann") is Arm.MILESTONE
    killed = evolve(rollout, enabled=False)
    assert {killed.arm(viewer) for viewer in ("user-42", "bob", "ann")} == {Arm.INTERVAL}


def test_each_arm_has_its_policy_and_the_other_one_s_shadow() -> None:
    save, interval = SavePolicy(max_unsaved=60), IntervalPolicy(interval=10)
    rollout = Rollout(percent=50, milestone=save, interval=interval, shadow=True)
    assert (rollout.policy_of("ann"), rollout.shadow_of("ann")) == (save, interval)
    assert (rollout.policy_of("user-42"), rollout.shadow_of("user-42")) == (interval, save)
    assert evolve(rollout, shadow=False).shadow_of("ann") is None


def test_a_rollout_can_be_made_from_what_a_file_says() -> None:
    said = '{"percent": 10, "salt": "autumn", "allow": ["ann"], "deny": [], "enabled": true}'
    rollout = Rollout(**json.loads(said))
    assert rollout == Rollout(percent=10, salt="autumn", allow=frozenset({"ann"}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("percent", -1),
        ("percent", 100.1),
        ("percent", True),
        ("percent", "10"),
        ("percent", float("nan")),
        ("salt", ""),
        ("salt", "a\0b"),
        ("salt", 7),
        ("allow", "ann"),
        ("allow", 7),
        ("allow", ["ann", ""]),
        ("deny", b"ann"),
        ("deny", [None]),
        ("enabled", 1),
        ("shadow", None),
        ("milestone", IntervalPolicy()),
        ("interval", SavePolicy()),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidValueError, match=f"^{field} must be"):
        Rollout(**{"percent": 50, field: value})


@pytest.mark.parametrize("percent", [0, 50, 100])
@pytest.mark.parametrize("viewer", ["", "a\nb", "\ud800", None, 7])
def test_who_is_no_viewer_is_in_no_arm(viewer: Any, percent: float) -> None:
    rollout = Rollout(percent=percent)
    for ask in (rollout.arm, rollout.bucket, rollout.policy_of):
        with pytest.raises(InvalidValueError, match=r"^viewer must be"):
            ask(viewer)


# What a page is told


def test_a_page_is_told_its_arm_and_all_settings() -> None:
    told = policy_to_dict(SavePolicy(max_unsaved=None))
    assert told["arm"] == "milestone"
    assert told["policy"] == json.loads(json.dumps(told["policy"]))
    assert SavePolicy(**told["policy"]) == SavePolicy(max_unsaved=None)  # type: ignore[arg-type]  # its settings
    interval = {
        "interval": 30.0,
        "pause_debounce": 5.0,
        "milestones": [10, 25, 50, 75, 90, 95, 100],
    }
    assert policy_to_dict(IntervalPolicy()) == {"arm": "interval", "policy": interval}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_tracker_in_the_browser_takes_what_it_is_told() -> None:
    told = policy_to_dict(SavePolicy(milestones=(50, 100), max_unsaved=None, seek_settle=3))
    script = (
        f"import {{ checkedPolicy }} from {json.dumps((EXAMPLES / 'player/tracker.js').as_uri())};"
        f"console.log(JSON.stringify(checkedPolicy({json.dumps(told['policy'])})));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == told["policy"]
