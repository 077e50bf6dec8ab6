"""Reports: what is accepted from outside, what is refused, and how it is said."""

import json
import pickle
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from random import Random
from re import Pattern
from time import perf_counter
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrary_logs import Policy, any_policies
from milestone_progress import (
    LARGEST_BODY,
    Event,
    IntervalPolicy,
    InvalidValueError,
    Pause,
    PayloadError,
    Play,
    Problem,
    ProgressRecord,
    Recorder,
    Report,
    SaveDecision,
    SavePolicy,
    TimeUpdate,
    Tracker,
    Trigger,
    Unload,
    event_from_dict,
    parse_events,
    parse_report,
    tracker_for,
)
from milestone_progress import _reports as reports
from milestone_progress.stores.memory import MemoryStore
from milestone_progress.testing.strategies import disordered_viewings, viewings

LEGACY: dict[str, object] = {"current_time_seconds": 754.25, "total_duration_seconds": 3600}
NEW: dict[str, object] = LEGACY | {
    "trigger_type": "pause",
    "milestone_reached": 10,
    "force_completion": False,
    "at": 1_700_000_000.5,
    "sent_at": 1_700_000_007.5,
    "generation": 3,
}
START = 1_700_000_000.0


def body(**members: object) -> bytes:
    return json.dumps(LEGACY | members).encode()


def problems_of(data: object) -> tuple[Problem, ...]:
    with pytest.raises(PayloadError) as caught:
        # Whatever a framework's parser may have made of a body.
        parse_report(data)  # type: ignore[arg-type]
    return caught.value.problems


def only_problem_of(data: object) -> Problem:
    [problem] = problems_of(data)
    return problem


# Two forms


def test_the_new_form_says_all_that_a_report_has() -> None:
    report = parse_report(json.dumps(NEW))
    assert report == Report(
        position=754.25,
        duration=3600.0,
        trigger=Trigger.PAUSE,
        milestone=10,
        at=1_700_000_000.5,
        sent_at=1_700_000_007.5,
        generation=3,
    )
    assert (report.age, report.completed) == (7.0, False)


def test_the_legacy_form_is_a_report_of_the_interval_that_claims_no_milestone() -> None:
    report = parse_report(json.dumps(LEGACY))
    assert report == Report(position=754.25, duration=3600)
    assert (report.trigger, report.milestone, report.age) == (Trigger.INTERVAL, None, None)
    assert (report.completed, report.generation) == (False, None)


def test_an_optional_member_that_is_null_is_as_one_that_is_missing() -> None:
    nothing = dict.fromkeys(NEW.keys() - LEGACY.keys())
    assert parse_report(LEGACY | nothing) == parse_report(LEGACY)


@pytest.mark.parametrize("unknown", [None, 0, 0.0, -0.0])
def test_a_duration_that_says_nothing_is_unknown(unknown: float | None) -> None:
    assert parse_report(LEGACY | {"total_duration_seconds": unknown}).duration is None


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("forced", [True, False])
def test_only_completion_or_its_flag_completes(trigger: Trigger, forced: bool) -> None:
    report = parse_report(body(trigger_type=trigger.value, force_completion=forced))
    assert report.trigger is trigger
    assert report.completed == (forced or trigger is Trigger.COMPLETION)


def test_whatever_else_a_body_says_is_ignored() -> None:
    claims = {"viewer": "bob", "user_id": 1, "percent": 100, "completed": True, "nested": [{}]}
    assert parse_report(body(**claims)) == parse_report(LEGACY)


def test_a_clock_that_was_set_back_meanwhile_makes_nothing_older() -> None:
    assert parse_report(body(at=100, sent_at=40)).age == 0
    assert parse_report(body(at=100)).age is None
    assert parse_report(body(sent_at=100)).age is None


def test_a_generation_may_be_written_with_a_point() -> None:
    generation = parse_report(body(generation=2.0)).generation
    assert (generation, type(generation)) == (2, int)


def test_a_report_that_is_built_is_checked_as_one_that_is_parsed() -> None:
    with pytest.raises(InvalidValueError, match="position"):
        Report(position=-1)
    with pytest.raises(InvalidValueError, match="generation"):
        Report(position=1, generation=0.5)  # type: ignore[arg-type]  # what is tried


# What is given


@pytest.mark.parametrize(
    "given_as",
    [
        bytes,
        bytearray,
        memoryview,
        lambda data: data.decode(),
        lambda data: memoryview(bytearray(data)),
        # Every other byte of a larger buffer: it has no address of its own.
        lambda data: memoryview(
            bytes(byte for pair in zip(data, data, strict=True) for byte in pair)
        )[::2],
        json.loads,
        lambda data: MappingProxyType(json.loads(data)),
    ],
    ids=["bytes", "bytearray", "view", "text", "view of a bytearray", "strided", "dict", "mapping"],
)
def test_a_body_may_be_given_in_any_form(given_as: Callable[[bytes], bytes]) -> None:
    assert parse_report(given_as(json.dumps(NEW).encode())) == parse_report(NEW)


@pytest.mark.parametrize("no_object", [[], [LEGACY], None, 1, 1.5, True])
def test_what_a_framework_parsed_is_refused_unless_it_is_an_object(no_object: object) -> None:
    problem = only_problem_of(no_object)
    assert problem == ("$", f"must be an object, not {no_object!r}")
    assert only_problem_of(json.dumps(no_object)) == problem


def test_of_members_with_the_same_name_the_last_one_counts() -> None:
    twice = b'{"current_time_seconds": "x", "total_duration_seconds": 9, "current_time_seconds": 5}'
    assert parse_report(twice).position == 5


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"\xef\xbb\xbf" + body(), "must be JSON: "),
        (body().decode().encode("utf-16"), "must be UTF-8, which byte 0 is not"),
        (body().decode().encode("utf-16-le"), "must be JSON: "),
        (body().decode().encode("utf-32-be"), "must be JSON: "),
        (body(note="ok")[:-2] + b"\xff" + b'"}', "must be UTF-8, which byte 76 is not"),
        (b'{"note": "\xed\xa0\x80"}', "must be UTF-8, which byte 10 is not"),
        (b'{"note": "\xc0\xaf"}', "must be UTF-8, which byte 10 is not"),
        (b"", "must be JSON: "),
        (b"\x00", "must be JSON: "),
        (b" \n ", "must be JSON: "),
        (body() + b"x", "must be JSON: Extra data at line 1 column 65"),
        (body()[:-1], "must be JSON: "),
        (b'{"a": "\n"}', "must be JSON: Invalid control character at at line 1 column 8"),
        (b"{'a': 1}", "must be JSON: "),
        (b'{"a": 1,}', "must be JSON: "),
        (b'{"a": 01}', "must be JSON: "),
        (b'{"a": "\\q"}', "must be JSON: "),
        (b'{"a": "\\', "must be JSON: "),
        (b'{"a": ]]]]]]]]]]]]]', "must be JSON: "),
        (b'{"a": NaN}', "must be JSON, which knows no NaN"),
        (b'{"a": -Infinity}', "must be JSON, which knows no -Infinity"),
    ],
)
def test_what_is_no_json_in_utf_8_is_refused(encoded: bytes, message: str) -> None:
    path, told = only_problem_of(encoded)
    assert path == "$"
    assert told.startswith(message)


def test_lone_surrogates_are_text_like_any_other() -> None:
    escaped = b'{"current_time_seconds": 1, "total_duration_seconds": 2, "note": "\\ud800"}'
    assert parse_report(escaped).position == 1
    told = only_problem_of(b'{"current_time_seconds": "\\udfff", "total_duration_seconds": 2}')
    assert told.message == "must be a number, not '\\udfff'"
    assert parse_report('{"current_time_seconds": 1, "total_duration_seconds": 2, "\ud800": 1}')


# What is wrong


WRONG: Mapping[str, tuple[object, ...]] = {
    "current_time_seconds": (None, True, "1", [], {}, -1, -1e-9, 1e13, 10**63),
    "total_duration_seconds": (False, "3600", [1], -1, 1.1e12),
    "trigger_type": ("", "Pause", "heartbeat", True, 1, [], {}),
    "milestone_reached": (True, "10", [10], -1, 100.00001, 10**63),
    "force_completion": (0, 1, "true", [], {}),
    "at": (True, "now", [], 1e13, -1e13),
    "sent_at": (False, "now", {}, 1e13, -1e13),
    "generation": (True, "1", [], -1, 0.5, 1e13),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_told_with_its_path(name: str, value: object) -> None:
    path, message = only_problem_of(body(**{name: value}))
    assert path == f"$.{name}"
    expected, _, told = message.removeprefix("must be ").partition(", not ")
    assert expected
    assert told == repr(value)
    assert only_problem_of(LEGACY | {name: value}) == (path, message)


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = {name: values[-1] for name, values in WRONG.items()}
    assert [path for path, _ in problems_of(wrong)] == [f"$.{name}" for name in WRONG]
    assert problems_of({}) == (
        ("$.current_time_seconds", "is missing"),
        ("$.total_duration_seconds", "is missing"),
    )


def test_an_infinite_number_that_json_can_write_is_refused() -> None:
    for number in ("1e999", "-1e999", f"1e{'9' * 60}"):
        wrong = f'{{"current_time_seconds": {number}, "total_duration_seconds": 9}}'
        assert only_problem_of(wrong).path == "$.current_time_seconds"


def test_an_error_holds_at_most_twenty_problems_and_goes_through_a_queue() -> None:
    error = PayloadError(Problem(f"$[{index}]", "is wrong") for index in range(1000))
    assert len(error.problems) == 20
    again = pickle.loads(pickle.dumps(error))
    assert again.problems == error.problems
    assert str(again) == str(error)
    assert str(error).startswith("$[0] is wrong; $[1] is wrong; ")
    answer = json.loads(json.dumps(error.to_dict()))
    assert answer["problems"][19] == {"path": "$[19]", "message": "is wrong"}


@given(
    st.text(max_size=300)
    | st.lists(st.text(max_size=300), max_size=20)
    | st.dictionaries(st.text(max_size=100), st.text(max_size=100), max_size=5)
    | st.integers(10**12 + 1)
)
def test_what_was_wrong_is_shown_short_and_on_one_line(value: object) -> None:
    [(_, message)] = problems_of(LEGACY | {"current_time_seconds": value})
    assert len(message) < 200
    # An ellipsis tells where it was cut.
    told = message.removesuffix("…")
    assert told.isascii()
    assert told.isprintable()


# Limits


def test_a_body_has_at_most_64_kib() -> None:
    longest = body().ljust(LARGEST_BODY)
    assert parse_report(longest) == parse_report(LEGACY)
    for as_bytes in (bytes, bytearray, memoryview):
        message = only_problem_of(as_bytes(longest + b" ")).message
        assert message == "must be of at most 65,536 bytes, not 65,537"
    # A view tells the number of its items, of whatever size.
    wide = memoryview(longest * 2).cast("Q")
    assert len(wide) < LARGEST_BODY < wide.nbytes
    assert only_problem_of(wide).message == "must be of at most 65,536 bytes, not 131,072"


def test_the_size_of_a_text_is_that_of_its_bytes() -> None:
    message = "must be of at most 65,536 bytes, not 65,538"
    assert only_problem_of('"' + "é" * (LARGEST_BODY // 2) + '"').message == message
    # A text that no bytes could have become.
    assert only_problem_of('"\ud800"').message.startswith("must be an object")


def test_a_large_body_is_refused_without_looking_into_it() -> None:
    assert only_problem_of(b"\xff" * (LARGEST_BODY + 1)).message.startswith("must be of at most")


@pytest.mark.parametrize(
    ("harmless", "harmful", "message"),
    [
        (
            [0] * 97,
            [0] * 98,
            "must have at most 100 members and elements",
        ),
        ([[[[]]]][0], [[[[]]]], "must be nested at most 4 levels deep"),
        ({"a": {"b": [1]}}, {"a": {"b": [{}]}}, "must be nested at most 4 levels deep"),
        (int("9" * 64), int("9" * 65), "must have no number of more than 64 digits"),
    ],
)
def test_a_body_that_costs_too_much_is_refused_before_it_is_parsed(
    harmless: object, harmful: object, message: str
) -> None:
    assert parse_report(body(note=harmless)).position == 754.25
    assert only_problem_of(body(note=harmful)) == ("$", message)
    # Even if it is no JSON further on: it is not parsed.
    assert only_problem_of(body(note=harmful) + b"!") == ("$", message)


LONG_TEXTS = {
    "commas": "," * 64_000,
    "brackets": "[{" * 32_000,
    "closing brackets": "]}" * 32_000,
    "digits": "7" * 64_000,
    "quotes": '\\"' * 32_000,
    "backslashes": "\\\\" * 32_000,
    "all": '[1,2],{\\"a\\":9},\\\\' * 3_500 + "1" * 100,
}


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
def test_a_long_text_is_no_danger_whatever_it_says(text: str) -> None:
    with_text = body()[:-1] + f', "note": "{text}", "{text[:200]}": 1}}'.encode()
    assert 60_000 < len(with_text) < LARGEST_BODY
    assert parse_report(with_text) == parse_report(LEGACY)


def cost(text: str) -> str | None:
    """Return what is too much of a text, told by reading it character by character."""
    inside = escaped = False
    items = level = deepest = digits = most_digits = 0
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
            continue
        inside = character == '"'
        items += character in ",[{"
        level += (character in "[{") - (character in "]}")
        deepest = max(deepest, level)
        if not inside:
            digits = digits + 1 if character in "0123456789" else 0
            most_digits = max(most_digits, digits)
    if items > 100:
        return "members and elements"
    if deepest > 4:
        return "levels deep"
    return "digits" if most_digits > 64 else None


@given(
    st.lists(
        st.sampled_from(['"', '\\"', "\\", "\\\\", "[", "]", "{", "}", ",", ",,,,", ",[]" * 30])
        | st.sampled_from(["1", "1" * 20, "9" * 64, " ", "a", "é", "{[", "]}", '"a":', "\n"]),
        max_size=60,
    ).map("".join)
)
def test_what_is_too_much_is_counted_outside_of_texts_only(text: str) -> None:
    """What costs too much is what a reader finds who goes from character to character."""
    too_much = cost(text)
    try:
        parse_report(text)
    except PayloadError as error:
        [(path, message), *more] = error.problems
        limited = message.startswith(("must have", "must be nested"))
        assert limited == (too_much is not None)
        if too_much is not None:
            assert (path, more) == ("$", [])
            assert too_much in message
    else:
        assert too_much is None


def test_no_character_is_looked_at_twice_to_find_the_limits() -> None:
    """Patterns that give nothing back take a time in proportion to the body.

    Time itself is no matter for an assertion; the slow run tells it.
    """
    patterns = [value.pattern for value in vars(reports).values() if isinstance(value, Pattern)]
    assert len(patterns) >= 3
    for pattern in patterns:
        rest = pattern.replace("*+", "").replace("++", "").replace("?", "")
        assert "*" not in rest
        assert "+" not in rest


# What trackers decide


def decided(events: list[Event], policy: Policy) -> list[SaveDecision]:
    return tracker_for(policy).feed(events)


@given(
    viewings() | disordered_viewings(),
    any_policies() | st.just(SavePolicy()) | st.just(IntervalPolicy()),
    st.none() | st.floats(0, 1e6),
    st.none() | st.integers(0, 10**12),
)
def test_a_report_says_what_was_decided(
    events: list[Event], policy: Policy, delay: float | None, generation: int | None
) -> None:
    """What a tracker decides is what the server reads, whatever the viewing and the policy."""
    for decision in decided(events, policy):
        sent_at = None if delay is None else decision.at + delay
        said = decision.to_report(sent_at=sent_at, generation=generation)
        report = parse_report(json.dumps(said, allow_nan=False))
        assert (report.position, report.duration) == (decision.position, decision.duration)
        assert (report.trigger, report.milestone) == (decision.trigger, decision.last_milestone)
        assert report.completed == decision.completed
        assert (report.at, report.generation) == (decision.at, generation)
        assert report.sent_at == (decision.at if sent_at is None else sent_at)
        assert report.age == (0 if sent_at is None else sent_at - decision.at)


@given(viewings() | disordered_viewings(), any_policies())
def test_reports_that_are_recorded_end_where_the_last_decision_was(
    events: list[Event], policy: Policy
) -> None:
    """Recorded one by one, reports leave a record that says what the last of them said."""
    decisions = decided(events, policy)
    now = [START]
    recorder = Recorder(MemoryStore(), policy=policy, clock=lambda: now[0])
    reached: list[float] = []
    for decision in decisions:
        now[0] += 10
        report = parse_report(decision.to_report())
        reached += recorder.report("ann", "session-7", report).reached
    record = recorder.load("ann", "session-7")
    if not decisions:
        assert record is None
        return
    last = decisions[-1]
    assert record is not None
    assert (record.position, record.duration) == (last.position, last.duration)
    assert (record.milestone, record.completed) == (last.last_milestone, last.completed)
    assert reached == [one for one in policy.milestones if one <= last.last_milestone]


def test_a_viewing_told_in_reports_is_recorded_as_it_was_decided() -> None:
    tracker = Tracker()
    events: list[Event] = [Play(at=START, position=0, duration=100)]
    events += [TimeUpdate(at=START + second, position=second) for second in range(1, 13)]
    events += [Pause(at=START + 12, position=12), Unload(at=START + 50, position=12)]
    sent = [json.dumps(decision.to_report()) for decision in tracker.feed(events)]
    recorder = Recorder(MemoryStore(), clock=lambda: START + 50)
    statuses = [recorder.report("ann", "s", parse_report(one)).to_dict() for one in sent]
    assert [status["newly_reached"] for status in statuses] == [[10], []]
    assert [status["position"] for status in statuses] == [10, 12]
    assert [status["percent"] for status in statuses] == [10, 12]


@pytest.mark.parametrize("duration", [12587.429, 6068.067, 10976.426, 10802.651, 100, 1 / 3])
@pytest.mark.parametrize("milestone", SavePolicy().milestones)
def test_a_legacy_report_at_a_milestone_has_reached_it(duration: float, milestone: float) -> None:
    """As the tracker would have it, whatever rounding does to a product or a quotient."""
    position = min(duration, milestone * duration / 100)
    recorder = Recorder(MemoryStore(), clock=lambda: START)
    report = parse_report({"current_time_seconds": position, "total_duration_seconds": duration})
    if position < 1:
        return
    assert recorder.report("ann", "session-7", report).reached[-1] == milestone


# Anything at all

MEMBERS = (*NEW, "note", "viewer", "")
# What stands where a number should be, or where anything else should.
WORDS = (
    b"null true false 0 -0 1 -1 0.5 1e3 1e12 1.1e12 -1e13 1e999 -1e999 1e-400 5e-324 100 100.5 NaN "
    b'Infinity -Infinity "" "NaN" "pause" "completion" "interval" "\\ud800" "\\u0000" [] {} [[]] '
    b'[1,2] {"a":1} 01 +1 .5 1. 0x1 TRUE nul'
).split(b" ")
SCRAPS = [*b'" { } [ ] , : \\ \x00 \xff \xed\xa0'.split(b" "), b" ", b"\n"]


def written_number(random: Random) -> bytes:
    kind = random.randrange(4)
    if kind == 0:
        return b"%d" % random.randrange(4000)
    if kind == 1:
        return repr(random.uniform(0, 4000)).encode()
    if kind == 2:
        return repr(START + random.uniform(0, 1e5)).encode()
    return repr(random.uniform(-1, 1) * 10 ** random.randint(-320, 308)).encode()


def arbitrary_body(random: Random) -> bytes:
    """Return a body that is right, nearly right, or nothing of the kind."""
    kind = random.random()
    if kind < 0.1:
        return random.randbytes(random.randrange(80))
    members = {
        b"current_time_seconds": b"%d" % random.randrange(4000),
        b"total_duration_seconds": random.choice((b"3600", b"3600", b"3599.9", b"null", b"0")),
    }
    for name in random.sample(MEMBERS, random.randrange(5)):
        word = random.choice(WORDS) if random.random() < 0.2 else written_number(random)
        if name == "trigger_type" and random.random() < 0.9:
            word = b'"%s"' % random.choice(tuple(Trigger)).encode()
        elif name == "force_completion" and random.random() < 0.9:
            word = random.choice((b"true", b"false", b"null"))
        members[name.encode()] = word
    if random.random() < 0.05:
        del members[random.choice(tuple(members))]
    text = b"{" + b", ".join(b'"%s": %s' % member for member in members.items()) + b"}"
    if kind < 0.4:
        for _ in range(random.randint(1, 3)):
            place = random.randrange(len(text) + 1)
            end = min(len(text), place + random.randrange(4))
            put = random.choice((*SCRAPS, *WORDS, text[place : place + 40], random.randbytes(1)))
            text = text[:place] + put * random.choice((1, 1, 1, 5, 120)) + text[end:]
    return text


class Tried:
    """What became of arbitrary bodies."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.accepted = 0
        self.refused = 0
        self.slowest = 0.0
        self.slowest_body = b""
        self.recorder = self._recorder()

    def _recorder(self) -> Recorder:
        return Recorder(MemoryStore(), clock=lambda: START + self.accepted)

    def one(self) -> None:
        given = arbitrary_body(self.random)
        began = perf_counter()
        try:
            report = parse_report(given)
        except PayloadError as error:
            took = perf_counter() - began
            self.refused += 1
            told = str(error)
        else:
            took = perf_counter() - began
            told = ""
            self.accepted += 1
            if self.accepted % 100 == 0:
                # A generation that is told belongs to a record that is new.
                self.recorder = self._recorder()
            result = self.recorder.report("ann", f"session-{self.accepted % 7}", report)
            answer = json.dumps(result.to_dict(), allow_nan=False)
            assert answer
            if result.record is not None:
                again = ProgressRecord.from_dict(result.record.to_dict())
                assert again == result.record
        assert len(told) < 2000
        if took > self.slowest:
            self.slowest, self.slowest_body = took, given


def test_any_body_is_recorded_or_refused_and_nothing_else() -> None:
    tried = Tried(seed=1)
    for _ in range(5_000):
        tried.one()
    assert tried.accepted > 1_000
    assert tried.refused > 1_000


@pytest.mark.slow
def test_a_million_bodies_are_recorded_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    tried = Tried(seed=2)
    for _ in range(1_000_000):
        tried.one()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{tried.accepted:,} bodies recorded, {tried.refused:,} refused; "
            f"slowest {1000 * tried.slowest:.1f} ms: {tried.slowest_body[:60]!r}\n"
        )
    assert tried.accepted > 200_000
    assert tried.refused > 200_000


def hostile_bodies() -> Iterator[tuple[str, bytes]]:
    """Return the most that somebody could make of 64 KiB, with names."""
    room = LARGEST_BODY - 200
    yield "an ordinary report", json.dumps(NEW).encode()
    for name, text in LONG_TEXTS.items():
        yield f"a text of {name}", body()[:-1] + f', "note": "{text}"}}'.encode()
        yield f"an open text of {name}", body()[:-1] + f', "note": "{text}'.encode()
    yield "nothing but quotes", b'"' * room
    yield "nothing but backslashes", b"\\" * room
    yield "nothing but brackets", b"[" * room
    yield "nothing but objects", b'{"a":' * (room // 5)
    yield "nothing but closing brackets", b"]" * room
    yield "nothing but commas", b"," * room
    yield "nothing but digits", b"9" * room
    yield "nothing but blanks", b" " * room
    yield "numbers of 64 digits", b"[" + b",".join([b"9" * 64] * 98) + b"]"
    yield "short texts", b"[" + b'"",' * 98 + b'""]'
    yield "escapes", b'{"a": "' + b"\\u00e9" * (room // 6) + b'"}'
    yield "wide characters", b'{"a": "' + "\U0001f3ac".encode() * (room // 4) + b'"}'
    yield "a long wrong value", body(trigger_type="x" * room)
    yield "a long exponent", b"1e" + b"9" * 64


@pytest.mark.parametrize(
    "hostile", [pytest.param(body, id=name) for name, body in hostile_bodies()]
)
def test_a_hostile_batch_is_refused(hostile: bytes) -> None:
    assert 0 < sum(len(message) for _, message in problems_of_batch(hostile)) < 3000


@pytest.mark.parametrize(
    "hostile", [pytest.param(body, id=name) for name, body in hostile_bodies()]
)
def test_a_hostile_body_is_answered(hostile: bytes) -> None:
    report = answered(hostile)
    if isinstance(report, Report):
        assert report.position == 754.25
    else:
        assert 0 < len(report) < 300


@pytest.mark.slow
def test_what_hostile_bodies_cost(capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for name, hostile in hostile_bodies():
        seconds = []
        for _ in range(20):
            began = perf_counter()
            answered(hostile)
            seconds.append(perf_counter() - began)
        tracemalloc.start()
        try:
            answered(hostile)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        # What is read is copied a few times, and nothing beyond that.
        assert peak < 20 * LARGEST_BODY
        lines.append(f"{name:<34} {1000 * min(seconds):>7.2f} ms {peak / 1024:>8.0f} KiB")
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))


def answered(hostile: bytes) -> Report | str:
    """Return the report that a body holds, or what is wrong with it."""
    try:
        return parse_report(hostile)
    except PayloadError as error:
        return str(error)


# Batches of events


WATCHED: list[dict[str, object]] = [
    {"type": "play", "at": START, "position": 0.0, "duration": 100.0, "rate": 1.0},
    {"type": "canplay", "readyState": 4},
    {"type": "timeupdate", "at": START + 1, "position": 1.0, "duration": "NaN"},
    {"type": "visibilitychange", "visibility": "visible"},
    {"type": "pause", "wall": START + 2, "position": 2},
    {"type": "pagehide", "at": START + 3},
]


def problems_of_batch(data: object) -> tuple[Problem, ...]:
    with pytest.raises(PayloadError) as caught:
        # Whatever a framework's parser may have made of a body.
        parse_events(data)  # type: ignore[arg-type]
    return caught.value.problems


def test_a_batch_is_its_events_in_their_order_without_those_that_are_none_of_ours() -> None:
    expected = [
        Play(at=START, position=0.0, duration=100.0, rate=1.0),
        TimeUpdate(at=START + 1, position=1.0),
        Pause(at=START + 2, position=2.0),
        Unload(at=START + 3),
    ]
    sent = json.dumps(WATCHED)
    for batch in (WATCHED, tuple(WATCHED), sent, sent.encode(), memoryview(sent.encode())):
        assert [repr(event) for event in parse_events(batch)] == [repr(one) for one in expected]


@pytest.mark.parametrize("nothing", [b"[]", "[ ]", [], (), [{"type": "progress"}]])
def test_a_batch_may_be_empty(nothing: str | list[Mapping[str, object]]) -> None:
    assert parse_events(nothing) == []


@pytest.mark.parametrize("no_array", [{}, b"{}", b'"play"', 1, None, True, b"null", {"a": []}])
def test_what_is_no_array_is_refused(no_array: object) -> None:
    [problem] = problems_of_batch(no_array)
    assert problem.path == "$"
    assert problem.message.startswith("must be an array, not ")


def test_all_that_is_wrong_with_all_events_is_told_at_once() -> None:
    batch = [
        {"type": "play", "at": "noon", "position": -1, "duration": [], "rate": "fast"},
        *WATCHED,
        {"type": "timeupdate", "position": None},
        {"type": "seeking", "at": START},
        7,
        {"at": START},
        {"type": 1},
        {"type": "tick", "wall": True},
    ]
    found = problems_of_batch(json.dumps(batch))
    assert [problem.path for problem in found] == [
        "$[0].at",
        "$[0].position",
        "$[0].duration",
        "$[0].rate",
        "$[7].at",
        "$[7].position",
        "$[8].position",
        "$[9]",
        "$[10].type",
        "$[11].type",
        "$[12].wall",
    ]
    messages = dict(found)
    assert messages["$[0].at"] == "must be a number, not 'noon'"
    assert messages["$[7].at"] == "is missing"
    assert messages["$[7].position"].endswith(", not None")
    assert messages["$[9]"] == "must be an object, not 7"


def test_a_batch_has_at_most_a_thousand_events() -> None:
    event = {"type": "tick", "at": 1}
    assert len(parse_events(json.dumps([event] * 1000))) == 1000
    for sent in (json.dumps([event] * 1001), [event] * 1001):
        assert problems_of_batch(sent) == (("$", "must have at most 1,000 events, not 1,001"),)


def test_a_batch_has_the_limits_of_a_body() -> None:
    assert parse_events("[" + " " * (LARGEST_BODY - 2) + "]") == []
    for sent, told in (
        ("[" + " " * (LARGEST_BODY - 1) + "]", "65,536 bytes"),
        ("[" + "0," * 10_000 + "0]", "10,000 members and elements"),
        ("[[[[[]]]]]", "4 levels"),
        ("[" + "1" * 65 + "]", "64 digits"),
        ("[NaN]", "knows no NaN"),
    ):
        [problem] = problems_of_batch(sent)
        assert problem.path == "$"
        assert told in problem.message


def test_a_batch_of_nothing_but_mistakes_tells_of_twenty() -> None:
    assert len(problems_of_batch([{"type": "play"}] * 1000)) == 20


wire_events = st.fixed_dictionaries(
    {"type": st.sampled_from(["play", "timeupdate", "pause", "ended", "tick", "progress", "x", 3])},
    optional={
        name: st.none() | st.floats() | st.integers() | st.sampled_from(["NaN", "1", True, []])
        for name in ("at", "wall", "position", "duration", "rate")
    },
)


@given(st.lists(wire_events | st.integers() | st.none(), max_size=5))
def test_a_batch_is_refused_if_and_only_if_one_of_its_events_would_be(batch: list[object]) -> None:
    expected, wrong = [], set()
    for index, sent in enumerate(batch):
        try:
            expected.append(event_from_dict(sent))  # type: ignore[arg-type]  # or whatever came
        except InvalidValueError:
            wrong.add(index)
    if wrong:
        paths = [path for path, _ in problems_of_batch(batch)]
        assert {int(path.partition("[")[2].partition("]")[0]) for path in paths} == wrong
        assert len(set(paths)) == len(paths)
    else:
        assert parse_events(batch) == [event for event in expected if event is not None]  # type: ignore[arg-type]  # likewise


@given(st.lists(wire_events, max_size=3), st.data())
def test_each_problem_of_a_batch_is_one_that_is_left_if_all_others_are_mended(
    batch: list[dict[str, object]], data: st.DataObject
) -> None:
    try:
        parse_events(batch)
    except PayloadError as error:
        problems = error.problems
    else:
        return
    left = data.draw(st.sampled_from(problems))
    right = {"type": "tick", "at": 0, "wall": 0, "position": 0, "duration": 1, "rate": 1}
    for path, _ in problems:
        if path != left.path:
            index, name = path[2:].split("].")
            batch[int(index)][name] = right[name]
    assert left in problems_of_batch(batch)
