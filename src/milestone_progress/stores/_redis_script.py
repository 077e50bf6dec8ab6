"""What is said to Redis, what it answers, and the script that it runs; for both flavours.

A viewer has three keys. `quote` keeps them apart from all others, whatever is in the names, and the
braces keep them on one node of a cluster::

    milestone-progress:{default:ann}:records      a hash: media -> record, as JSON
    milestone-progress:{default:ann}:newest       a sorted set: media by minus updated_at
    milestone-progress:{default:ann}:unfinished   the same, of those that are not finished

A sorted set has ties in order of its members, but only upwards: hence the minus.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha1
from json import loads
from typing import cast
from urllib.parse import quote

from .._identifiers import identifier
from .._played import played_to_text
from .._record import ConflictError, ProgressRecord
from ..errors import StoreError
from ._arguments import checked_limit

__all__ = [
    "BATCH",
    "SCRIPT",
    "SCRIPT_NAME",
    "Argument",
    "Call",
    "delete_call",
    "exported_of",
    "fields_of",
    "found_of",
    "key_of",
    "outcome_of",
    "outcomes_of",
    "pattern_of",
    "places_by_viewer",
    "purge_calls",
    "recent_call",
    "recent_of",
    "record_of",
    "save_call",
    "save_calls",
    "stem_of",
    "total_of",
    "viewer_key_of",
]

# All that writes, or needs more than one key; ARGV[1] tells what. What is wrong is found before
# anything is written, since what a script has written stays when it fails.
SCRIPT = r"""
local records, newest, unfinished = KEYS[1], KEYS[2], KEYS[3]

-- These fail if somebody else keeps something there. The hash is read anyway, before it is written.
redis.call('ZCARD', newest)
redis.call('ZCARD', unfinished)

-- How a record is written, and never in another form; made by _text_of. What cjson would make of
-- it had fewer digits.
local FORM = '^{"schema":1,"position":([^,]+),"duration":([^,]+),"milestone":([^,]+),'
  .. '"furthest":([^,]+),"completed":(%l+),"completed_at":([^,]+),"played":"[%d,-]*",'
  .. '"updated_at":([^,]+),"revision":([^,]+),"generation":([^,]+)}$'

-- Lua's tonumber takes "0x10", " 5" and "nan" as well.
local function is_number(text, most)
  local whole = string.match(text, '^(%d+)%.%d+$') or string.match(text, '^(%d+)$')
    or string.match(text, '^(%d+)e%-%d+$') or string.match(text, '^(%d+)%.%d+e%-%d+$')
  return whole and not string.find(whole, '^0%d') and tonumber(text) <= most
end

local function is_count(text, most)
  return string.find(text, '^%d+$') and is_number(text, most)
end

-- Revisions and generations end with 2^53 - 1. A record made from the last one is one, but loses.
local function checked(media, text)
  local position, duration, milestone, furthest, completed, completed_at, updated_at, revision,
    generation = string.match(text, FORM)
  if not (position and media ~= '' and #media <= 800 and not string.find(media, '%c')
    and is_number(position, 1e12)
    and (duration == 'null' or is_number(duration, 1e12) and tonumber(duration) > 0)
    and is_number(milestone, 100)
    and is_number(furthest, 1e12)
    and (completed == 'true' or completed == 'false')
    and (completed_at == 'null' or is_number(completed_at, 1e12))
    and is_number(updated_at, 1e12)
    and is_count(revision, 2^53) and tonumber(revision) > 0
    and is_count(generation, 2^53 - 1))
  then
    error('refused, as it is no record: ' .. string.sub(text, 1, 300), 0)
  end
  return {
    revision = tonumber(revision),
    score = '-' .. updated_at,
    finished = completed == 'true'
      and (completed_at == 'null' or tonumber(updated_at) <= tonumber(completed_at)),
  }
end

local function revision_of(text)
  if not text then return 0 end
  local readable, record = pcall(cjson.decode, text)
  if readable and type(record) == 'table' and type(record.revision) == 'number' then
    return record.revision
  end
  error('what is stored is no record', 0)
end

local commands = {}

-- A media and its record with the new revision, as often as there are any. Returns the place of
-- each that lost, from 0, and what is stored instead.
function commands.save()
  local stored, revisions, new = {}, {}, {}
  for i = 2, #ARGV, 2 do
    local media = ARGV[i]
    new[i] = checked(media, ARGV[i + 1])
    if not revisions[media] then
      stored[media] = redis.call('HGET', records, media)
      revisions[media] = revision_of(stored[media])
    end
  end
  local lost = {}
  for i = 2, #ARGV, 2 do
    local media, text, record = ARGV[i], ARGV[i + 1], new[i]
    if record.revision == revisions[media] + 1 and record.revision < 2^53 then
      redis.call('HSET', records, media, text)
      redis.call('ZADD', newest, record.score, media)
      if record.finished then
        redis.call('ZREM', unfinished, media)
      else
        redis.call('ZADD', unfinished, record.score, media)
      end
      stored[media], revisions[media] = text, record.revision
    else
      lost[#lost + 1] = i / 2 - 1
      lost[#lost + 1] = stored[media]
    end
  end
  return lost
end

-- Which key, and the last place that is asked for. Returns medias and records by turns.
function commands.recent()
  local found = {}
  for _, media in ipairs(redis.call('ZRANGE', KEYS[tonumber(ARGV[2])], 0, ARGV[3])) do
    local text = redis.call('HGET', records, media)
    if text then
      found[#found + 1] = media
      found[#found + 1] = text
    end
  end
  return found
end

-- The score above which records are old. Returns how many there were.
function commands.purge()
  local count = 0
  while true do
    -- More of them may not fit on the stack.
    local old = redis.call('ZRANGEBYSCORE', newest, ARGV[2], '+inf', 'LIMIT', 0, 1000)
    if #old == 0 then return count end
    count = count + redis.call('HDEL', records, unpack(old))
    redis.call('ZREM', newest, unpack(old))
    redis.call('ZREM', unfinished, unpack(old))
  end
end

function commands.delete()
  local count = redis.call('HLEN', records)
  redis.call('UNLINK', records, newest, unfinished)
  return count
end

return commands[ARGV[1]]()
"""
SCRIPT_NAME = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

#: Records, or viewers, in one round trip: everybody else waits as long as the server takes.
BATCH = 1_000

Argument = bytes | str | int
#: What follows the script in a command: the number of keys, the keys, the arguments.
Call = tuple[Argument, ...]
# A client may have been told to decode what it receives.
Text = bytes | str

_RECORDS = ":records"


def stem_of(namespace: str) -> str:
    """Return what the keys of a namespace begin with.

    Raises:
        InvalidValueError: It is no identifier.
    """
    return f"milestone-progress:{{{quote(identifier('namespace', namespace), safe='')}:"


def pattern_of(stem: str) -> str:
    """Return the pattern of all keys of records of a namespace: `quote` leaves no wildcards."""
    return f"{stem}*}}{_RECORDS}"


def key_of(stem: str, viewer: str) -> str:
    """Return the key of the records of a viewer.

    Raises:
        InvalidValueError: The viewer is no identifier.
    """
    return f"{viewer_key_of(stem, viewer)}{_RECORDS}"


def viewer_key_of(stem: str, viewer: str) -> str:
    """Return what the keys of a viewer begin with.

    Raises:
        InvalidValueError: The viewer is no identifier.
    """
    return f"{stem}{quote(identifier('viewer', viewer), safe='')}}}"


def _call(key: str, command: str, *arguments: Argument) -> Call:
    """Return a call, given the key of the records of whom it is about."""
    tag = key[: -len(_RECORDS)]
    return 3, key, f"{tag}:newest", f"{tag}:unfinished", command, *arguments


def save_call(stem: str, viewer: str, records: Iterable[ProgressRecord]) -> Call:
    """Return the call that saves records of one viewer."""
    arguments: list[Argument] = []
    for record in records:
        arguments += (record.media.encode(), _text_of(record))
    return _call(key_of(stem, viewer), "save", *arguments)


def save_calls(
    stem: str, records: Sequence[ProgressRecord], places: Mapping[str, Iterable[int]]
) -> list[Call]:
    """Return for each viewer the call that saves the records of a batch that are theirs."""
    return [
        save_call(stem, viewer, [records[place] for place in theirs])
        for viewer, theirs in places.items()
    ]


def recent_call(stem: str, viewer: str, limit: int, include_completed: bool) -> Call:
    """Return the call that finds what a viewer watched last.

    Raises:
        InvalidValueError: The viewer is no identifier, or the limit none.
    """
    chosen = 2 if include_completed else 3
    return _call(key_of(stem, viewer), "recent", chosen, checked_limit(limit) - 1)


def delete_call(stem: str, viewer: str) -> Call:
    """Return the call that deletes all of a viewer.

    Raises:
        InvalidValueError: The viewer is no identifier.
    """
    return _call(key_of(stem, viewer), "delete")


def purge_calls(keys: Iterable[object], before: float) -> list[Call]:
    """Return for each key of somebody's records the call that deletes the old ones."""
    return [_call(_decoded(key), "purge", f"({-before!r}") for key in keys]


def fields_of(medias: Iterable[str]) -> list[bytes]:
    """Return media as the fields of a hash, whatever a client would encode them with."""
    return [media.encode() for media in medias]


def places_by_viewer(records: Sequence[ProgressRecord]) -> dict[str, list[int]]:
    """Return at which places in a batch the records of each viewer are."""
    places: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        places.setdefault(record.viewer, []).append(place)
    return places


def outcome_of(record: ProgressRecord, answer: object) -> ProgressRecord | ConflictError:
    """Return what became of a record that was saved alone.

    Raises:
        StoreError: What is stored instead is no record.
    """
    lost = cast("list[object]", answer)
    return _conflict(record, lost[1]) if lost else record.with_revision(record.revision + 1)


def outcomes_of(
    records: Sequence[ProgressRecord], places: Iterable[Sequence[int]], answers: Iterable[object]
) -> list[ProgressRecord | ConflictError]:
    """Return what became of each record of a batch.

    Raises:
        StoreError: What is stored instead of one is no record.
    """
    outcomes: list[ProgressRecord | ConflictError] = [
        record.with_revision(record.revision + 1) for record in records
    ]
    for theirs, answer in zip(places, answers, strict=True):
        lost = iter(cast("list[object]", answer))
        for index in lost:
            place = theirs[cast("int", index)]
            outcomes[place] = _conflict(records[place], next(lost))
    return outcomes


def _conflict(record: ProgressRecord, text: object) -> ConflictError:
    stored = None if text is None else record_of(record.viewer, record.media, text)
    return ConflictError(record, stored)


def recent_of(viewer: str, answer: object) -> list[ProgressRecord]:
    """Return the records that the script found.

    Raises:
        StoreError: One of them is none.
    """
    found = iter(cast("list[object]", answer))
    return [record_of(viewer, media, next(found)) for media in found]


def found_of(viewer: str, medias: Iterable[str], answer: object) -> dict[str, ProgressRecord]:
    """Return the records of some media, without those that are not stored.

    Raises:
        StoreError: One of them is no record.
    """
    texts = cast("list[object]", answer)
    return {
        media: record_of(viewer, media, text)
        for media, text in zip(medias, texts, strict=True)
        if text is not None
    }


def total_of(answers: Iterable[object]) -> int:
    """Return how many records were deleted."""
    return sum(cast("Iterable[int]", answers))


def exported_of(viewer: str, answer: object) -> list[ProgressRecord]:
    """Return all records of a viewer, in order of media.

    Raises:
        StoreError: One of them is none.
    """
    found = cast("Mapping[object, object]", answer)
    records = [record_of(viewer, media, text) for media, text in found.items()]
    return sorted(records, key=lambda record: record.media)


def record_of(viewer: str, media: object, text: object) -> ProgressRecord:
    """Return the record that is stored as a text.

    Raises:
        StoreError: It is none: somebody else has written it, or a later version.
    """
    try:
        fields = loads(cast("Text", text))
        return ProgressRecord.from_dict({**fields, "viewer": viewer, "media": _decoded(media)})
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"what is stored is no record: {error}") from error


def _text_of(record: ProgressRecord) -> str:
    """Return a record as it is stored: `ProgressRecord.to_dict` without viewer and media, as JSON.

    By hand, since that takes a third of the time; the script refuses every other form.
    """
    duration, completed_at = record.duration, record.completed_at
    return (
        f'{{"schema":1,"position":{record.position!r},'
        f'"duration":{"null" if duration is None else repr(duration)},'
        f'"milestone":{record.milestone!r},"furthest":{record.furthest!r},'
        f'"completed":{"true" if record.completed else "false"},'
        f'"completed_at":{"null" if completed_at is None else repr(completed_at)},'
        f'"played":"{played_to_text(record.played)}","updated_at":{record.updated_at!r},'
        f'"revision":{record.revision + 1!r},"generation":{record.generation!r}}}'
    )


def _decoded(text: object) -> str:
    return text.decode() if isinstance(text, bytes) else cast("str", text)
