/**
 * Decides in the browser when progress must be saved: at the moments that matter.
 *
 * A port of the library's `Tracker` that makes the same decisions to the last bit, because it does
 * the same arithmetic in the same order. It has no dependencies and needs no build step; it owns no
 * clock, no timer and no connection: time arrives on events, and what to do with a decision is the
 * page's business.
 *
 *     const tracker = new Tracker({ record: { position: 754, duration: 3600, milestone: 10 } });
 *     const event = fromWire({ type: "timeupdate", at: Date.now() / 1000, position: 755.2 });
 *     const decision = event && tracker.handle(event);
 *     if (decision) send(report(decision));
 *
 * Positions, durations and thresholds are seconds of media, `at` is Unix seconds, percent is 0-100.
 * Rule numbers in comments (4.7) are those of docs/behaviour.md. What the specification names is
 * called the same here (`last_milestone`), so that policies, records, decisions and snapshots are
 * the same JSON in every language; everything else is named as usual in JavaScript.
 *
 * From top to bottom: numbers, events, policy, played seconds; what the player is doing
 * (`Playhead`); when to save (`Tracker`); the report to send.
 */

/** @typedef {"idle" | "playing" | "paused" | "ended"} Phase */
/** @typedef {"completion" | "unload" | "seek" | "milestone" | "pause" | "checkpoint"} Trigger */
/**
 * @typedef {"timeupdate" | "play" | "pause" | "seeking" | "seeked" | "ended" | "unload" | "emptied"
 *   | "mediainfo" | "complete" | "tick"} Kind What happened; `WIRE_KINDS` has the DOM's names.
 */
/**
 * @typedef {object} Policy When to save; `DEFAULT_POLICY` has the defaults.
 * @property {readonly number[]} milestones Percentages, strictly increasing, the last one 100.
 * @property {number} pause_threshold An extended pause is at least this long.
 * @property {number} seek_threshold A significant seek moves more than this and half a second.
 * @property {number} seek_settle A seek gesture is over when nothing was sought for this long.
 * @property {number} min_save_interval Between saves for seeks and pauses.
 * @property {number | null} max_unsaved Played media that may be at risk; null for any amount.
 * @property {"position" | "played"} basis What counts towards milestones and completion (4.15).
 * @property {number | null} completion_percent Completes from here on; null for the end, or for
 *   95 % where played seconds count.
 * @property {number | null} completion_seconds_left Completes, too, with at most this left ...
 * @property {number} completion_least_percent ... and at least this percent reached.
 */
/**
 * @typedef {object} SavedState What was saved before.
 * @property {number} position
 * @property {number | null} [duration]
 * @property {number} [milestone] The highest reached, 0 if none.
 * @property {boolean} [completed]
 * @property {string} [played] Seconds really played, as `Tracker.played` gives them.
 */
/**
 * @typedef {object} Decision Progress should be saved now; it covers all that earlier ones said.
 * @property {number} at The deciding event's own `at`.
 * @property {Trigger} trigger The reason it is named after.
 * @property {number} position Where to resume.
 * @property {number | null} duration Null if unknown (live).
 * @property {number | null} percent Of the position; null if the duration is unknown.
 * @property {number | null} milestone The highest newly reached since the last save, or null.
 * @property {number} last_milestone The highest so far, 0 if none.
 * @property {boolean} completed Whether the media was ever completed.
 */

// Numbers

/** Room for timelines anchored at the Unix epoch; it also catches an `at` in milliseconds. */
const LARGEST = 1e12;

/** A value that cannot be what it is said to be. */
export class InvalidValueError extends Error {
  /**
   * @param {string} field
   * @param {unknown} value
   * @param {string} expected
   */
  constructor(field, value, expected) {
    super(`${field} must be ${expected}, not ${typeof value === "number" ? value : typeof value}`);
    this.name = "InvalidValueError";
    this.field = field;
  }
}

/**
 * Returns a value if it is a finite number of a believable size (2.2).
 * @param {string} field
 * @param {unknown} value
 * @param {number} [minimum]
 * @returns {number}
 */
export function number(field, value, minimum = -LARGEST) {
  if (typeof value !== "number" || !(value >= -LARGEST && value <= LARGEST)) {
    throw new InvalidValueError(field, value, `a finite number up to ${LARGEST}`);
  }
  if (value < minimum) {
    throw new InvalidValueError(field, value, `at least ${minimum}`);
  }
  return value + 0; // Minus zero becomes zero.
}

/**
 * Returns a value if it says something: positive numbers and infinity do, all others do not (2.3).
 * @param {string} field
 * @param {unknown} value
 * @returns {number | null}
 */
export function numberOrNothing(field, value) {
  if (value === null || value === undefined) {
    return null;
  }
  if (typeof value !== "number") {
    throw new InvalidValueError(field, value, "a number");
  }
  if (!(value > 0)) {
    return null;
  }
  return value === Infinity ? value : number(field, value);
}

/**
 * Returns a value if it is a milestone's percentage, or 0 for none.
 * @param {string} field
 * @param {unknown} value
 */
function percentage(field, value) {
  const percent = number(field, value, 0);
  if (percent > 100) {
    throw new InvalidValueError(field, value, "a percentage up to 100");
  }
  return percent;
}

// Events

/** @type {ReadonlyMap<string, Kind>} What the DOM and the wire call the kinds of events. */
const WIRE_KINDS = new Map([
  ["timeupdate", "timeupdate"],
  ["play", "play"],
  ["playing", "play"],
  ["pause", "pause"],
  ["seeking", "seeking"],
  ["seeked", "seeked"],
  ["ended", "ended"],
  ["pagehide", "unload"],
  ["beforeunload", "unload"],
  ["unload", "unload"],
  ["freeze", "unload"],
  ["emptied", "emptied"],
  ["loadedmetadata", "mediainfo"],
  ["durationchange", "mediainfo"],
  ["ratechange", "mediainfo"],
  ["complete", "complete"],
  ["tick", "tick"],
]);

const WITHOUT_POSITION = new Set(["mediainfo", "emptied", "tick"]);
const PERHAPS_WITHOUT_POSITION = new Set(["ended", "unload", "complete"]);

/** JSON has no such numbers, so recorders and browsers write them as text. */
const NAMED_NUMBERS = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

/** What a player reported; made by `fromWire`. It cannot hold a wrong value (2.2). */
class PlaybackEvent {
  /**
   * @param {Kind} kind
   * @param {{at: unknown, position: unknown, duration: unknown, rate: unknown}} values
   */
  constructor(kind, { at, position, duration, rate }) {
    this.kind = kind;
    this.at = number("at", at);
    /** @type {number | null} */
    this.position = null;
    const mayLackPosition = PERHAPS_WITHOUT_POSITION.has(kind);
    if (!WITHOUT_POSITION.has(kind) && !(mayLackPosition && (position ?? null) === null)) {
      this.position = number("position", position, 0);
    }
    this.duration = numberOrNothing("duration", duration);
    this.rate = numberOrNothing("rate", rate);
    if (this.rate === Infinity) {
      this.rate = null;
    }
    Object.freeze(this);
  }
}

/**
 * Returns the event that its wire form describes, null if it is not one of ours (2.1).
 * @param {unknown} data `type` (a DOM event's, "complete" or "tick"), `at` (or `wall`, as
 *   recordings have it), `position`, `duration`, `rate` and, for "visibilitychange", `visibility`.
 *   Duration and rate may be the texts "NaN" and "Infinity". Other members are ignored.
 * @returns {PlaybackEvent | null}
 * @throws {InvalidValueError} It is no object, or a member is missing or wrong.
 */
export function fromWire(data) {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new InvalidValueError("event", data, "an object");
  }
  const told = /** @type {Record<string, unknown>} */ (data);
  if (typeof told.type !== "string") {
    throw new InvalidValueError("type", told.type, "the name of an event");
  }
  const isHidden = told.type === "visibilitychange" && told.visibility === "hidden";
  const kind = isHidden ? "unload" : WIRE_KINDS.get(told.type);
  if (kind === undefined) {
    return null;
  }
  return new PlaybackEvent(kind, {
    at: "at" in told ? told.at : told.wall,
    position: told.position,
    duration: unnamed(told.duration),
    rate: unnamed(told.rate),
  });
}

/** @param {unknown} value */
function unnamed(value) {
  return typeof value === "string" ? (NAMED_NUMBERS.get(value) ?? value) : value;
}

// Policy

/** @type {Readonly<Policy>} */
export const DEFAULT_POLICY = Object.freeze({
  milestones: Object.freeze([10, 25, 50, 75, 90, 95, 100]),
  pause_threshold: 30,
  seek_threshold: 10,
  seek_settle: 2,
  min_save_interval: 30,
  max_unsaved: 600,
  basis: "position",
  completion_percent: null,
  completion_seconds_left: null,
  completion_least_percent: 75,
});

/** Percent of playing that completes if no other is asked for. */
const PLAYED_COMPLETES = 95;

/**
 * Returns a whole policy from some settings.
 * @param {Partial<Policy>} settings
 * @returns {Policy}
 */
export function checkedPolicy(settings) {
  for (const name of Object.keys(settings)) {
    if (!Object.hasOwn(DEFAULT_POLICY, name)) {
      throw new InvalidValueError(`policy.${name}`, undefined, "left out: it is no setting");
    }
  }
  const policy = { ...DEFAULT_POLICY, ...settings };
  if (!Array.isArray(policy.milestones)) {
    throw new InvalidValueError("milestones", policy.milestones, "a list of percentages");
  }
  let last = 0;
  for (const milestone of policy.milestones) {
    if (percentage("milestones", milestone) <= last) {
      throw new InvalidValueError("milestones", milestone, "above the one before");
    }
    last = milestone;
  }
  if (last !== 100) {
    throw new InvalidValueError("milestones", last, "such that the last one is 100");
  }
  number("pause_threshold", policy.pause_threshold, 0);
  number("seek_threshold", policy.seek_threshold, 0);
  number("seek_settle", policy.seek_settle, 0);
  number("min_save_interval", policy.min_save_interval, 0);
  for (const name of /** @type {const} */ (["max_unsaved", "completion_seconds_left"])) {
    const seconds = policy[name];
    if (seconds !== null && number(name, seconds, 0) === 0) {
      throw new InvalidValueError(name, 0, "more than 0 seconds");
    }
  }
  for (const name of /** @type {const} */ (["completion_percent", "completion_least_percent"])) {
    const percent = policy[name];
    const mayBeNull = name === "completion_percent";
    if (!(mayBeNull && percent === null) && percentage(name, percent) === 0) {
      throw new InvalidValueError(name, 0, "above 0 %");
    }
  }
  if (policy.basis !== "position" && policy.basis !== "played") {
    throw new InvalidValueError("basis", policy.basis, '"position" or "played"');
  }
  return { ...policy, milestones: [...policy.milestones] };
}

// Played seconds (3.7): ascending ranges of whole seconds [first, end) that do not touch. A BigInt
// would do, too, but Safari's end at a million bits, which is twelve days.

/** @typedef {readonly (readonly [number, number])[]} Ranges */

/** Beyond 115 days of media (a live stream that counts from 1970) seconds are not recorded. */
const LONGEST = 10_000_000;

/**
 * Returns ranges together with the whole seconds that lie between two positions.
 * @param {Ranges} ranges
 * @param {number} start
 * @param {number} end
 * @returns {Ranges}
 */
function withSeconds(ranges, start, end) {
  let first = Math.ceil(start);
  let last = Math.min(Math.floor(end), LONGEST);
  if (last <= first) {
    return ranges;
  }
  const before = ranges.filter((range) => range[1] < first);
  const after = ranges.filter((range) => range[0] > last);
  // All others overlap or touch, and become one.
  const joined = ranges.slice(before.length, ranges.length - after.length);
  if (joined.length > 0) {
    first = Math.min(first, joined[0][0]);
    last = Math.max(last, joined[joined.length - 1][1]);
  }
  return [...before, [first, last], ...after];
}

/** @param {Ranges} ranges */
function playedToText(ranges) {
  return ranges.map(([first, end]) => `${first}-${end - 1}`).join(",");
}

/**
 * @param {unknown} text Such as "0-359,900-1799"; the order is free.
 * @returns {Ranges}
 */
function playedFromText(text) {
  if (typeof text !== "string" || !/^(\d{1,8}-\d{1,8}(,\d{1,8}-\d{1,8})*)?$/.test(text)) {
    throw new InvalidValueError("played", text, 'ranges such as "0-359,900-1799"');
  }
  /** @type {Ranges} */
  let ranges = [];
  for (const piece of text === "" ? [] : text.split(",")) {
    const [first, last] = piece.split("-").map(Number);
    if (!(first <= last && last < LONGEST)) {
      throw new InvalidValueError("played", piece, `a range from low to high below ${LONGEST}`);
    }
    ranges = withSeconds(ranges, first, last + 1);
  }
  return ranges;
}

// What the player is doing

/** The fastest any browser plays; until a player says how fast it does, this explains a step. */
const FASTEST_UNREPORTED_RATE = 16;
/** A step may exceed what time and rate explain by so much, or go back (stale reports). */
const STEP_TOLERANCE = 1;
/** What a significant seek must exceed its threshold by: skip buttons measure 9.7 to 10.2 s. */
const SEEK_TOLERANCE = 0.5;
/** Seconds after the last "seeking" within which a "seeked" is expected. */
const LOST_SEEKED = 2;
/** Seconds within which a "seeking" still announces the jump that came before it. */
const LATE_ANNOUNCEMENT = 2;
/** Seconds after which a gesture is settled although the viewer scrubs on. */
const LONGEST_GESTURE = 30;
/** Seconds a changed duration must have stood: playlists grow every few seconds. */
const DURATION_SETTLE = 10;
/** Seconds by which a duration may be corrected without counting as changed. */
const DURATION_TOLERANCE = 0.25;
/** Seconds that differences of Unix times may lose in a float (2.5). */
const ROUNDING = 1e-6;

/** @type {Record<Phase, Partial<Record<Kind, Phase>>>} What is not named stays as it is (3.2). */
const TRANSITIONS = {
  idle: { play: "playing" },
  playing: { pause: "paused", ended: "ended", emptied: "idle" },
  paused: { play: "playing", ended: "ended", emptied: "idle" },
  ended: { play: "playing", ended: "ended", emptied: "idle" },
};

/**
 * @typedef {object} Seek A seek under way: from "seeking" to "seeked".
 * @property {number} origin Where the playhead was expected when it began.
 * @property {number} announcedAt When the last "seeking" came.
 * @property {Phase} phase In which it began; in "idle" it is the application's, to resume (4.1).
 */
/**
 * @typedef {object} Gesture A burst of seeks that counts as one (4.7).
 * @property {number} origin
 * @property {number} landing
 * @property {number} beganAt
 * @property {number} landedAt
 * @property {number | null} unannouncedOrigin Where the last seek began if no event announced it.
 */
/** @typedef {{origin: number, landing: number, at: number}} Jump Not announced so far (3.5). */
/**
 * @typedef {object} Ending What must be known of a player that reached the end (3.2, 3.6).
 * @property {boolean} sought Whether a seek began since.
 * @property {number | null} position That of the last "timeupdate" since, outside a seek.
 * @property {number} at
 */

/** What one event showed, for whoever decides about saving. */
class Observation {
  /** The position was reported outside a seek, or a seek landed. */
  reported = false;
  /** A gesture was settled; whether it moved significantly far, and where it landed. */
  settled = false;
  significant = false;
  landing = 0;
  /** The event is about to begin a new seek; what is shown is the player before it. */
  startsSeek = false;
  /** A seek landed, and whether it was the one with which the application resumes. */
  landed = false;
  resumed = false;
  /** The media was completed, for the first time. */
  completed = false;
  /** @type {number | null} Where the end was reached. */
  finished = null;
  /** The end was reached, and what was played up to it counts (4.15). */
  playedToEnd = false;
  /** @type {number | null} Since when the pause had lasted that it ended, if nobody judged it. */
  pausedSince = null;
  /** It paused a player that was playing. */
  paused = false;
  /** The report is one that can tell of a looping player's return to the start (4.6). */
  tellsWrap = false;
}

/**
 * A model of the player behind the events; it knows nothing of saving. Its public fields are its
 * whole state.
 *
 * Time here is the sum of the forward differences of the events' `at` (2.5).
 */
class Playhead {
  /** @type {Phase} */
  phase = "idle";
  /** @type {number | null} The time at the last event, null before any. */
  now = null;
  /** What to add to an `at` to get the time. */
  clockLag = 0;
  /** The position last taken, and when. */
  position = 0;
  positionAt = 0;
  /** The time from the position before the last "timeupdate" to that "timeupdate" (3.4). */
  interval = 0;
  /** @type {number | null} */
  duration = null;
  live = false;
  /** @type {number | null} */
  durationChangedAt = null;
  /** @type {number | null} The known rate, and the largest since the last report outside a seek. */
  rate = null;
  /** @type {number | null} */
  stepRate = null;
  /** @type {Seek | null} */
  seek = null;
  /** @type {Gesture | null} */
  gesture = null;
  /** @type {Jump | null} */
  jump = null;
  /** @type {number | null} Since when a pause lasts that nobody has judged yet. */
  pausedAt = null;
  /** @type {number | null} Where the advance that counts as "play" began (3.6). */
  advanceFrom = null;
  /** @type {Ending | null} */
  ending = null;
  /** Seconds of media played in all; what was played twice counts twice. */
  playedTime = 0;
  /** @type {Ranges} Whole seconds played before the current run. */
  played = [];
  /** @type {number | null} The current run of continuous playback, if there is one. */
  runStart = null;
  runEnd = 0;
  completed = false;

  #policy;

  /**
   * @param {number} position
   * @param {Policy} policy Its settings tell what a significant seek is.
   */
  constructor(position, policy) {
    this.position = position;
    this.runEnd = position;
    this.#policy = policy;
  }

  /** Whole seconds played, those of the current run included (3.7). */
  get playedWithRun() {
    const start = this.runStart;
    return start === null ? this.played : withSeconds(this.played, start, this.runEnd);
  }

  /** How many they are. */
  get playedSeconds() {
    let seconds = 0;
    for (const [first, end] of this.playedWithRun) {
      seconds += end - first;
    }
    return seconds;
  }

  // Time, duration, rate

  /** What time it is. */
  get time() {
    return this.now ?? 0;
  }

  /**
   * Lets the time pass up to an event (2.5).
   * @param {number} at
   */
  passTime(at) {
    const now = at + this.clockLag;
    if (this.now === null) {
      this.positionAt = now;
    } else if (now < this.now) {
      this.clockLag += this.now - now;
      return;
    }
    this.now = now;
  }

  /**
   * Returns the `at` of an event that would come at a time; now, if that has passed.
   * @param {number} time
   */
  at(time) {
    return Math.max(time, this.time) - this.clockLag;
  }

  /**
   * Takes a duration from an event, and trusts a changed one once it has stood (2.3, 4.12).
   * @param {number | null} duration
   */
  learnDuration(duration) {
    if (duration === Infinity) {
      this.live = true;
      this.duration = null;
    } else if (duration !== null) {
      const known = this.duration;
      if (this.live || (known !== null && Math.abs(duration - known) > DURATION_TOLERANCE)) {
        this.durationChangedAt = this.time;
      }
      this.live = false;
      this.duration = duration;
    }
    const changedAt = this.durationChangedAt;
    if (changedAt !== null && this.time >= changedAt + DURATION_SETTLE - ROUNDING) {
      this.durationChangedAt = null;
    }
  }

  /**
   * Takes a rate from an event that has been handled (2.3).
   * @param {number} rate
   */
  learnRate(rate) {
    this.rate = rate;
    if (this.stepRate === null || rate > this.stepRate) {
      this.stepRate = rate;
    }
  }

  // Where the playhead should be

  /** Where the playhead is expected to be (3.4). */
  get expected() {
    let position = this.position;
    if (this.phase === "playing") {
      const elapsed = Math.min(this.time - this.positionAt, Math.max(1, 2 * this.interval));
      position += elapsed * (this.rate ?? 1);
    }
    return Math.min(position, this.duration ?? LARGEST);
  }

  /**
   * Returns a reported position, the duration if it lies beyond (2.4).
   * @param {number} position
   */
  withinDuration(position) {
    return this.duration === null ? position : Math.min(position, this.duration);
  }

  /**
   * Tells whether a step is too far to be playback (3.5).
   * @param {number} step
   * @param {number} elapsed
   */
  isJump(step, elapsed) {
    const rate = this.stepRate;
    const fastest = rate === null ? FASTEST_UNREPORTED_RATE : Math.max(1, rate);
    return step < -STEP_TOLERANCE || step > (elapsed + ROUNDING) * fastest + STEP_TOLERANCE;
  }

  /** @param {number} distance */
  isSignificant(distance) {
    return Math.abs(distance) > this.#policy.seek_threshold + SEEK_TOLERANCE;
  }

  /**
   * Tells whether a report of this position is a jump.
   * @param {number} position
   */
  jumpsTo(position) {
    return this.isJump(this.withinDuration(position) - this.position, this.time - this.positionAt);
  }

  /** Whether playback has begun, and not ended. */
  get hasBegun() {
    return this.phase === "playing" || this.phase === "paused";
  }

  /**
   * Tells whether a report is one of a seek that nothing announced (3.5).
   * @param {number} position
   */
  isUnannouncedSeek(position) {
    return (
      this.seek === null &&
      this.hasBegun &&
      this.jumpsTo(position) &&
      this.isSignificant(this.withinDuration(position) - this.expected)
    );
  }

  /**
   * Tells whether a seek or jump is a looping player's return to the start (4.6).
   * @param {number} origin
   * @param {number} landing
   * @param {Phase} beganIn
   */
  isWrap(origin, landing, beganIn) {
    const near = Math.max(1, (this.rate ?? 1) / 2);
    return (
      beganIn === "playing" &&
      this.phase === "playing" &&
      this.gesture === null &&
      this.duration !== null &&
      origin >= this.duration - near &&
      landing <= near &&
      (this.completed || this.durationChangedAt === null)
    );
  }

  // One event

  /**
   * Moves on by one event, whose time has passed and whose duration is known.
   * @param {PlaybackEvent} event
   * @param {Observation} shown
   */
  observe(event, shown) {
    const position = event.position ?? 0; // Those that must have one do.
    switch (event.kind) {
      case "timeupdate":
        this.#timeUpdate(position, shown);
        break;
      case "play":
        if (this.seek === null) {
          this.#report(position, shown);
        }
        this.#play(shown);
        break;
      case "pause":
        this.#reportWhileBegun(position, shown);
        this.#pause(shown);
        break;
      case "seeking":
        this.#beginSeek(position, true);
        break;
      case "seeked":
        if (this.seek === null) {
          this.#beginSeek(position, false);
        }
        this.#land(position, shown);
        break;
      case "ended":
        this.#end(event.position, shown);
        break;
      case "unload":
      case "complete":
        this.#reportWhileBegun(event.position, shown);
        break;
    }
    if (event.kind === "unload" || event.kind === "emptied") {
      this.#retreat();
    }
  }

  /**
   * Takes a position that counts only while playing or paused and outside a seek (3.3).
   * @param {number | null} position
   * @param {Observation} shown
   */
  #reportWhileBegun(position, shown) {
    if (position !== null && this.hasBegun && this.seek === null) {
      this.#report(position, shown);
    }
  }

  /**
   * Goes where a kind of event leads; returns whether that is another phase.
   * @param {Kind} kind
   */
  #enter(kind) {
    const before = this.phase;
    this.phase = TRANSITIONS[before][kind] ?? before;
    return this.phase !== before;
  }

  /** @param {Observation} shown */
  #pause(shown) {
    if (!this.#enter("pause")) {
      return;
    }
    shown.paused = true;
    this.pausedAt = this.time;
    this.advanceFrom = this.position;
    if (this.runStart !== null && this.position < this.runEnd) {
      // It stops here, wherever it has been: what it covered is kept.
      this.played = this.playedWithRun;
      this.runEnd = this.position;
    }
  }

  /**
   * @param {number} position
   * @param {Observation} shown
   */
  #timeUpdate(position, shown) {
    if (this.seek !== null) {
      if (this.time > this.seek.announcedAt + LOST_SEEKED + ROUNDING) {
        this.#land(position, shown);
      } else {
        this.#moveTo(this.withinDuration(position));
      }
    } else if (this.ending !== null) {
      this.#timeUpdateAtEnd(this.ending, this.withinDuration(position), shown);
    } else {
      shown.tellsWrap = true;
      const before = this.positionAt;
      const jumped = this.#report(position, shown);
      this.interval = this.time - before;
      if (this.phase !== "playing" && this.#hasAdvanced(this.position, jumped)) {
        this.#play(shown);
      }
    }
  }

  /**
   * Only a seek or "play" moves a playhead that reached the end, and an advance counts as "play"
   * (3.6).
   * @param {Ending} ending
   * @param {number} position
   * @param {Observation} shown
   */
  #timeUpdateAtEnd(ending, position, shown) {
    const jumped =
      ending.position === null || this.isJump(position - ending.position, this.time - ending.at);
    ending.position = position;
    ending.at = this.time;
    this.stepRate = this.rate;
    if (this.#hasAdvanced(position, jumped)) {
      this.#moveTo(position);
      shown.reported = true;
      this.#play(shown);
    }
  }

  /** @param {number} position */
  #moveTo(position) {
    this.position = position;
    this.positionAt = this.time;
  }

  /**
   * Tells whether reports have advanced far enough to count as "play" (3.6).
   * @param {number} position
   * @param {boolean} jumped
   */
  #hasAdvanced(position, jumped) {
    const start = this.advanceFrom;
    if (start === null || jumped || position < start) {
      this.advanceFrom = position;
      return false;
    }
    return position - start >= 1;
  }

  /**
   * Takes a position that is reported outside a seek; returns whether the step was a jump.
   * @param {number} reported
   * @param {Observation} shown
   */
  #report(reported, shown) {
    const position = this.withinDuration(reported);
    const jumped = this.jumpsTo(position);
    if (jumped) {
      if (this.hasBegun) {
        this.#jumpTo(position, shown);
      }
      this.#beginRun(position);
    } else if (this.phase === "playing") {
      this.#runTo(position, shown);
    }
    this.#moveTo(position);
    this.stepRate = this.rate;
    shown.reported = true;
    if (this.advanceFrom !== null && (jumped || position < this.advanceFrom)) {
      this.advanceFrom = position;
    }
    return jumped;
  }

  /**
   * Judges a jump while playing or paused (3.5, 4.6).
   * @param {number} position
   * @param {Observation} shown
   */
  #jumpTo(position, shown) {
    const origin = this.expected;
    if (shown.tellsWrap && this.isWrap(origin, position, this.phase)) {
      shown.finished = this.duration;
      return;
    }
    this.jump = { origin, landing: position, at: this.time };
    if (this.isSignificant(position - origin)) {
      this.#landGesture(origin, position, origin);
    }
  }

  /**
   * Plays on to a position (3.7, 4.5).
   * @param {number} position
   * @param {Observation} shown
   */
  #runTo(position, shown) {
    const step = position - this.position;
    if (step > 0) {
      this.playedTime += step;
      const atEnd = this.duration !== null && position >= this.duration;
      if (atEnd && this.gesture === null && this.durationChangedAt === null) {
        shown.finished = position;
      }
    }
    if (this.runStart === null || position < this.runStart) {
      this.#beginRun(position);
    } else if (position > this.runEnd) {
      this.runEnd = position;
    }
  }

  #endRun() {
    this.played = this.playedWithRun;
    this.runStart = null;
  }

  /**
   * Ends the current run; while playing outside a seek another begins at a position.
   * @param {number} position
   */
  #beginRun(position) {
    this.#endRun();
    if (this.phase === "playing" && this.seek === null) {
      this.runStart = this.runEnd = position;
    }
  }

  /**
   * Begins or goes on to play, at the current position.
   * @param {Observation} shown
   */
  #play(shown) {
    if (!this.#enter("play")) {
      return;
    }
    if (this.pausedAt !== null) {
      shown.pausedSince = this.pausedAt;
      this.pausedAt = null;
    }
    this.ending = null;
    this.advanceFrom = null;
    // 3.7: a pause that resumes where it stopped does not break the run.
    if (this.runStart === null || Math.abs(this.position - this.runEnd) > STEP_TOLERANCE) {
      this.#beginRun(this.position);
    } else if (this.position > this.runEnd) {
      this.runEnd = this.position;
    }
  }

  // Seeks and gestures

  /**
   * @param {number} reported
   * @param {boolean} isAnnounced By a "seeking".
   */
  #beginSeek(reported, isAnnounced) {
    const position = this.withinDuration(reported);
    if (this.seek !== null) {
      this.seek.announcedAt = this.time;
    } else {
      const { jump, gesture } = this;
      let origin = this.expected;
      if (
        isAnnounced &&
        jump !== null &&
        this.time <= jump.at + LATE_ANNOUNCEMENT + ROUNDING &&
        Math.abs(jump.landing - position) <= STEP_TOLERANCE
      ) {
        // 3.5: it announces the jump that came before it.
        origin = jump.origin;
        if (gesture?.landing === jump.landing && gesture.landedAt === jump.at) {
          gesture.unannouncedOrigin = null;
        }
      }
      this.seek = { origin, announcedAt: this.time, phase: this.phase };
      this.#endRun();
    }
    if (this.ending !== null) {
      this.ending.sought = true;
    }
    this.#moveTo(position);
  }

  /**
   * Lets the seek under way land.
   * @param {number} reported
   * @param {Observation} shown
   */
  #land(reported, shown) {
    const seek = /** @type {Seek} */ (this.seek);
    this.seek = null;
    const position = this.withinDuration(reported);
    this.#moveTo(position);
    this.#beginRun(position);
    shown.reported = shown.landed = true;
    if (this.phase !== "playing") {
      this.advanceFrom = position;
    }
    if (seek.phase === "idle") {
      shown.resumed = true;
    } else if (this.isWrap(seek.origin, position, seek.phase)) {
      shown.finished = this.duration;
    } else {
      this.#landGesture(seek.origin, position, null);
    }
  }

  /**
   * Opens a gesture, or continues the open one (4.7).
   * @param {number} origin
   * @param {number} landing
   * @param {number | null} unannouncedOrigin
   */
  #landGesture(origin, landing, unannouncedOrigin) {
    const { origin: first, beganAt } = this.gesture ?? { origin, beganAt: this.time };
    this.gesture = { origin: first, landing, beganAt, landedAt: this.time, unannouncedOrigin };
  }

  /** When the open gesture can be settled, null without one or during a seek (4.7). */
  get gestureSettlesAt() {
    const gesture = this.gesture;
    if (gesture === null || this.seek !== null) {
      return null;
    }
    const settledAt = gesture.landedAt + this.#policy.seek_settle;
    return Math.min(settledAt, gesture.beganAt + LONGEST_GESTURE);
  }

  /**
   * Settles the open gesture if it is time and the event may do so (4.7).
   * @param {PlaybackEvent} event
   * @param {Observation} shown
   */
  settleGesture(event, shown) {
    const due = this.gestureSettlesAt;
    const gesture = this.gesture;
    const maySettle = !["unload", "complete", "emptied", "ended"].includes(event.kind);
    if (gesture === null || due === null || this.time < due - ROUNDING || !maySettle) {
      return;
    }
    this.gesture = null;
    shown.settled = true;
    shown.landing = gesture.landing;
    shown.significant = this.isSignificant(gesture.landing - gesture.origin);
  }

  /** Goes back to where the open seek or gesture began, if a teardown sought to 0 (4.8). */
  #retreat() {
    const began = this.gesture ?? this.seek;
    if (this.position < 1 && this.phase !== "idle" && began !== null) {
      this.#moveTo(began.origin);
      this.#beginRun(began.origin);
    }
  }

  // The end

  /**
   * @param {number | null} reported
   * @param {Observation} shown
   */
  #end(reported, shown) {
    if (this.phase === "idle" || (this.ending !== null && !this.ending.sought)) {
      return;
    }
    const end = this.duration ?? reported ?? this.position;
    /** @type {number | null} Where a player was that leapt to the end after a network error. */
    let falseStart = null;
    if (this.gesture !== null) {
      falseStart = this.gesture.unannouncedOrigin;
    } else if (this.isUnannouncedSeek(end)) {
      falseStart = this.expected;
    }
    if (this.gesture === null && this.seek === null) {
      shown.pausedSince = this.pausedAt;
    }
    if (falseStart === null) {
      if (this.seek === null && this.phase === "playing" && !this.jumpsTo(end)) {
        this.#runTo(end, shown);
      }
      shown.finished = end;
    }
    this.seek = this.gesture = null;
    this.pausedAt = this.advanceFrom = null;
    this.stepRate = this.rate;
    this.#enter("ended");
    this.ending = { sought: false, position: null, at: this.time };
    this.#endRun();
    this.#moveTo(falseStart ?? end);
  }

  /**
   * Becomes idle at a position: the element dropped its media (3.2).
   * @param {number} position
   */
  dropMedia(position) {
    this.#enter("emptied");
    this.seek = this.gesture = this.jump = this.ending = null;
    this.pausedAt = this.advanceFrom = null;
    this.#endRun();
    this.position = position;
  }
}

// When to save

/** A position that moved less is no news (4.2), and one below it is the start (4.3). */
const LEAST_NEWS = 1;
/** Seconds of media within which a playhead has come back to the resume point (4.11). */
const AT_RESUME_POINT = 2;
/** Seconds played that show that a viewer who is elsewhere means it (4.11). */
const MEANT_BY_PLAYING = 10;
/** Seconds of played media that sums of short steps may fall short by (4.8). */
const PLAYED_ROUNDING = 0.001;

/** @type {readonly Trigger[]} The reasons to save, in order of precedence. */
const PRECEDENCE = ["completion", "unload", "seek", "milestone", "pause", "checkpoint"];

const SNAPSHOT_VERSION = 1;

/**
 * Decides when progress must be saved.
 *
 * The whole idea: at each event the reasons to save are collected; if any of them may be acted on
 * and there is news, there is one decision for all of them, named after the first that may be acted
 * on, and all are spent. A later decision covers every earlier one, so a report that got lost needs
 * no retry of its own.
 */
export class Tracker {
  #policy;
  #playhead;
  /** The highest milestone reached. */
  #milestone = 0;
  /** What was saved last; `#savedPlayedTime` is all that had been played then. */
  #savedPosition = 0;
  #savedMilestone = 0;
  #savedPlayedTime = 0;
  /** @type {Trigger[]} Reasons that wait (4.10). */
  #reasons = [];
  /** @type {number | null} Until when those that are held wait (4.10). */
  #heldUntil = null;
  /** @type {{position: number, playedBefore: number} | null} The protected resume point (4.11). */
  #protection = null;

  /**
   * @param {object} [options]
   * @param {Partial<Policy>} [options.policy] Settings other than the defaults.
   * @param {SavedState | null} [options.record] What is saved already.
   * @throws {InvalidValueError} A setting, or a member of the record, holds a wrong value.
   */
  constructor({ policy = {}, record = null } = {}) {
    this.#policy = checkedPolicy(policy);
    const saved = record ?? { position: 0 };
    const position = number("record.position", saved.position, 0);
    const duration = numberOrNothing("record.duration", saved.duration);
    const milestone = percentage("record.milestone", saved.milestone ?? 0);
    const completed = saved.completed ?? false;
    if (typeof completed !== "boolean") {
      throw new InvalidValueError("record.completed", completed, "true or false");
    }
    this.#playhead = new Playhead(position, this.#policy);
    this.#playhead.played = playedFromText(saved.played ?? "");
    this.#playhead.learnDuration(duration);
    this.#playhead.completed = completed;
    this.#milestone = this.#savedMilestone = milestone;
    this.#savedPosition = position;
    this.#protect();
  }

  /** What the player is doing. */
  get phase() {
    return this.#playhead.phase;
  }

  /** The playhead, seconds of media. */
  get position() {
    return this.#playhead.position;
  }

  /** Length of the media, seconds, null if unknown (live). */
  get duration() {
    return this.#playhead.duration;
  }

  /** The highest milestone reached, 0 if none. */
  get milestone() {
    return this.#milestone;
  }

  /** Whether the media was ever completed. */
  get completed() {
    return this.#playhead.completed;
  }

  /** The whole seconds really played, such as "0-359,900-1799"; those of the record included. */
  get played() {
    return playedToText(this.#playhead.playedWithRun);
  }

  /** The share 0-1 of the media's whole seconds that was really played, null if unknown (3.7). */
  get coverage() {
    const duration = this.#playhead.duration;
    if (duration === null || duration < 1) {
      return null;
    }
    return Math.min(1, this.#playhead.playedSeconds / Math.trunc(duration));
  }

  /** The `at` from which on a "tick" could yield a decision, Unix seconds, or null (4.9). */
  get deadline() {
    const playhead = this.#playhead;
    if (playhead.phase === "idle") {
      return null;
    }
    const times = [];
    const settlesAt = playhead.gestureSettlesAt;
    if (this.#reasons.length > 0) {
      times.push(this.#heldUntil ?? -Infinity);
    }
    if (settlesAt !== null) {
      times.push(settlesAt);
    }
    if (playhead.seek === null) {
      const waitsUntil = settlesAt ?? -Infinity;
      if (playhead.pausedAt !== null) {
        times.push(Math.max(waitsUntil, playhead.pausedAt + this.#policy.pause_threshold));
      }
      if (
        playhead.durationChangedAt !== null &&
        playhead.phase === "playing" &&
        (this.#nextMilestones().length > 0 || this.#hasReachedCompletion())
      ) {
        times.push(Math.max(waitsUntil, playhead.durationChangedAt + DURATION_SETTLE));
      }
    }
    return times.length > 0 ? playhead.at(Math.min(...times)) : null;
  }

  /**
   * Handles one event. Late, repeated, contradictory and missing events are normal.
   * @param {PlaybackEvent} event What `fromWire` returned.
   * @returns {Decision | null} The decision to save that it leads to.
   */
  handle(event) {
    if (!(event instanceof PlaybackEvent)) {
      throw new InvalidValueError("event", event, "an event that fromWire returned");
    }
    const playhead = this.#playhead;
    playhead.passTime(event.at);
    playhead.learnDuration(event.duration);
    const shown = new Observation();
    /** @type {Decision | null} */
    let decision = null;
    if (this.#beginsSeek(event)) {
      decision = this.#decideBeforeSeek(event);
    } else {
      playhead.settleGesture(event, shown);
    }
    playhead.observe(event, shown);
    playhead.settleGesture(event, shown);
    // 3.3, 4.10: neither a "seeking" nor a "timeupdate" during a seek yields anything.
    const yieldsNothing =
      event.kind === "seeking" || (event.kind === "timeupdate" && playhead.seek !== null);
    if (!yieldsNothing) {
      this.#collect(event, shown);
      const later = this.#decide(event, shown);
      if (later !== null) {
        // It says all that one before the seek would have said, with its milestone.
        decision = { ...later, milestone: later.milestone ?? decision?.milestone ?? null };
      }
    }
    if (event.kind === "emptied") {
      this.#reasons = [];
      playhead.dropMedia(this.#savedPosition);
      this.#protect();
    }
    if (event.rate !== null) {
      playhead.learnRate(event.rate);
    }
    if (decision?.trigger === "seek" || decision?.trigger === "pause") {
      this.#heldUntil = playhead.time + this.#policy.min_save_interval;
    }
    return decision;
  }

  /**
   * Tells whether an event begins a new seek, announced or not.
   * @param {PlaybackEvent} event
   */
  #beginsSeek(event) {
    if (event.kind === "seeking" || event.kind === "seeked") {
      return true;
    }
    const reports = ["timeupdate", "play", "pause"].includes(event.kind);
    return reports && this.#playhead.isUnannouncedSeek(event.position ?? 0);
  }

  /**
   * Settles a gesture that is due where the playhead was before a new seek, and decides at once.
   * @param {PlaybackEvent} event
   */
  #decideBeforeSeek(event) {
    // 4.7: an unannounced seek told by "play" or "pause" continues the gesture.
    if (event.kind === "play" || event.kind === "pause") {
      return null;
    }
    const before = new Observation();
    before.startsSeek = true;
    this.#playhead.settleGesture(event, before);
    if (!before.settled) {
      return null;
    }
    this.#collect(event, before);
    return this.#decide(event, before);
  }

  /**
   * Adds the reasons to save that an event gives to those that wait.
   * @param {PlaybackEvent} event
   * @param {Observation} shown
   */
  #collect(event, shown) {
    const playhead = this.#playhead;
    this.#judgeProtection(shown);
    // 4.1: nothing before playback begins, except that the viewer says so.
    if (playhead.phase === "idle" && event.kind !== "complete") {
      return;
    }
    const found = new Set(this.#reasons);
    // 4.5, 4.6: the end was reached, or the viewer says so; once. It reaches all milestones.
    if (event.kind === "complete") {
      shown.finished = playhead.position;
    } else {
      this.#judgeCompletion(shown);
    }
    if (shown.finished !== null && !playhead.completed) {
      shown.completed = playhead.completed = true;
      this.#milestone = 100;
      found.add("completion");
    }
    // 4.8: the page goes away, or the player drops its media.
    if (event.kind === "unload" || event.kind === "emptied") {
      found.add("unload");
    }
    // 4.7: a gesture settled significantly far from where it began.
    if (shown.significant) {
      found.add("seek");
    }
    // 4.4: a milestone was reached, outside seeks and gestures.
    if (this.#reachMilestones(shown)) {
      found.add("milestone");
    }
    // 4.8: a pause is, or was until this event, extended.
    if (this.#endsExtendedPause(shown)) {
      found.add("pause");
    }
    // 4.8: as much was played as may be at risk, outside seeks and gestures.
    if (
      this.#hasPlayedAllItMay() &&
      playhead.seek === null &&
      playhead.gesture === null &&
      playhead.phase !== "idle"
    ) {
      found.add("checkpoint");
    }
    this.#reasons = PRECEDENCE.filter((trigger) => found.has(trigger));
  }

  /**
   * Makes the one decision for all reasons, if any may be acted on and there is news.
   * @param {PlaybackEvent} event
   * @param {Observation} shown
   * @returns {Decision | null}
   */
  #decide(event, shown) {
    const playhead = this.#playhead;
    const trigger = this.#reasons.find((reason) => this.#mayActOn(reason, event, shown));
    if (trigger === undefined) {
      return null;
    }
    this.#reasons = [];
    let position = playhead.position;
    if (trigger === "completion" && shown.finished !== null) {
      position = shown.finished;
    }
    const reached = this.#milestone > this.#savedMilestone;
    const moved = Math.abs(position - this.#savedPosition) >= LEAST_NEWS;
    // 4.2, 4.3, 4.11; that it was completed is always news.
    const isNews = position >= LEAST_NEWS && (reached || moved) && this.#protection === null;
    if (!shown.completed && !isNews) {
      return null;
    }
    this.#savedPosition = position;
    this.#savedMilestone = this.#milestone;
    this.#savedPlayedTime = playhead.playedTime;
    const duration = playhead.duration;
    return {
      at: event.at,
      trigger,
      position,
      duration,
      percent: duration === null ? null : Math.min(100, (position / duration) * 100),
      milestone: reached ? this.#milestone : null,
      last_milestone: this.#milestone,
      completed: playhead.completed,
    };
  }

  /**
   * Tells whether a reason need not wait (4.10).
   * @param {Trigger} trigger
   * @param {PlaybackEvent} event
   * @param {Observation} shown
   */
  #mayActOn(trigger, event, shown) {
    if (trigger !== "seek" && trigger !== "pause") {
      return true;
    }
    if (event.kind === "seeking" && !(trigger === "seek" && shown.significant)) {
      return false;
    }
    return this.#heldUntil === null || this.#playhead.time >= this.#heldUntil - ROUNDING;
  }

  /**
   * Judges a pause, once, if it is extended: when it ends, or outside seeks and gestures (4.8).
   * @param {Observation} shown
   */
  #endsExtendedPause(shown) {
    const { pausedAt, seek, gesture } = this.#playhead;
    const waits = seek !== null || gesture !== null || shown.startsSeek;
    const since = shown.pausedSince ?? (waits ? null : pausedAt);
    if (since === null || this.#playhead.time < since + this.#policy.pause_threshold - ROUNDING) {
      return false;
    }
    this.#playhead.pausedAt = null;
    return true;
  }

  /** Whether `max_unsaved` was played since the last save (4.8). */
  #hasPlayedAllItMay() {
    const most = this.#policy.max_unsaved;
    const played = this.#playhead.playedTime - this.#savedPlayedTime;
    return most !== null && most - PLAYED_ROUNDING - played <= 0;
  }

  /** How much of the media counts as reached, seconds (4.15). */
  get #counted() {
    const playhead = this.#playhead;
    return this.#policy.basis === "position" ? playhead.position : playhead.playedSeconds;
  }

  /** How much of it there is that counts, seconds; null if unknown. */
  get #length() {
    const duration = this.#playhead.duration;
    if (this.#policy.basis === "position" || duration === null) {
      return duration;
    }
    // Of what is shorter than a second, no second can be played.
    return Math.trunc(duration) || null;
  }

  /** The milestones above the highest reached for which enough is reached. */
  #nextMilestones() {
    const length = this.#length;
    const counted = this.#counted;
    if (length === null) {
      return [];
    }
    // The last one must be within reach, whatever rounding does to the product.
    return this.#policy.milestones.filter(
      (milestone) =>
        milestone > this.#milestone && counted >= Math.min((milestone * length) / 100, length),
    );
  }

  /** Whether enough is reached to complete the media, where that is not the end alone (4.15). */
  #hasReachedCompletion() {
    const policy = this.#policy;
    const length = this.#length;
    const byPosition = policy.basis === "position";
    const percent = policy.completion_percent ?? (byPosition ? 100 : PLAYED_COMPLETES);
    const left = policy.completion_seconds_left;
    if (length === null || this.completed || (byPosition && percent === 100 && left === null)) {
      return false;
    }
    const least = (policy.completion_least_percent * length) / 100;
    const completesAt = Math.min((percent * length) / 100, length);
    const withLittleLeft = left === null ? Infinity : Math.max(length - left, least);
    return this.#counted >= Math.min(completesAt, withLittleLeft);
  }

  /**
   * Judges by what counts as reached, rather than by the end alone, what is complete (4.15).
   * @param {Observation} shown
   */
  #judgeCompletion(shown) {
    const end = shown.finished;
    if (this.#policy.basis === "played") {
      shown.finished = null;
      shown.playedToEnd = end !== null;
    } else if (end !== null) {
      return;
    }
    if ((shown.playedToEnd || this.#mayReach(shown)) && this.#hasReachedCompletion()) {
      shown.finished = end ?? this.#playhead.position;
    }
  }

  /**
   * Tells whether an event may show that something was reached (4.4).
   * @param {Observation} shown
   */
  #mayReach(shown) {
    const playhead = this.#playhead;
    const waits =
      playhead.seek !== null || playhead.gesture !== null || playhead.durationChangedAt !== null;
    // Not at a "seeked", unless it settles a gesture or ends the application's seek.
    const justLanded = shown.landed && !shown.settled && !shown.resumed;
    // A "pause" reports what was played before it.
    const plays = playhead.phase === "playing" || shown.paused || shown.playedToEnd;
    return !waits && !justLanded && plays;
  }

  /**
   * Reaches the milestones for which enough is reached; returns whether there were any (4.4).
   * @param {Observation} shown
   */
  #reachMilestones(shown) {
    const milestone = this.#mayReach(shown) ? this.#nextMilestones().at(-1) : undefined;
    if (milestone === undefined) {
      return false;
    }
    this.#milestone = milestone;
    return true;
  }

  /** Protects the resume point, if it is not the start (4.11). */
  #protect() {
    const position = this.#savedPosition;
    const playedBefore = this.#playhead.playedTime;
    this.#protection = position >= 1 ? { position, playedBefore } : null;
  }

  /**
   * Ends the protection once the viewer is back, or means to be elsewhere (4.11).
   * @param {Observation} shown
   */
  #judgeProtection(shown) {
    if (this.#protection === null) {
      return;
    }
    const { position, playedTime } = this.#playhead;
    const played = playedTime - this.#protection.playedBefore;
    if (
      (shown.reported && Math.abs(position - this.#protection.position) <= AT_RESUME_POINT) ||
      (shown.significant && shown.landing >= 1) ||
      played >= MEANT_BY_PLAYING - PLAYED_ROUNDING
    ) {
      this.#protection = null;
    }
  }

  // Snapshots

  /**
   * Returns all that this tracker knows as plain JSON data, without its policy (4.14). It is the
   * same as that of the library, which can go on from it.
   * @returns {Record<string, unknown>}
   */
  snapshot() {
    const playhead = this.#playhead;
    const protection = this.#protection;
    const state = renamed(withUnderscores, {
      ...playhead,
      milestone: this.#milestone,
      reasons: [...this.#reasons],
      savedPosition: this.#savedPosition,
      savedMilestone: this.#savedMilestone,
      savedPlayedTime: this.#savedPlayedTime,
      heldUntil: this.#heldUntil,
    });
    return {
      version: SNAPSHOT_VERSION,
      mode: "milestone",
      ...state,
      played: playedToText(playhead.played),
      protection: protection && [protection.position, protection.playedBefore],
    };
  }

  /**
   * Returns a tracker that goes on exactly where the one that was snapshot stood.
   *
   * It trusts the values in a snapshot: keep it where only the page can write.
   * @param {Record<string, unknown>} snapshot
   * @param {object} [options]
   * @param {Partial<Policy>} [options.policy] The policy of the tracker that was snapshot.
   * @throws {InvalidValueError} It is no snapshot of this version, or a member is missing or new.
   */
  static restore(snapshot, { policy = {} } = {}) {
    const tracker = new Tracker({ policy });
    const expected = Object.keys(tracker.snapshot()).sort().join();
    if (Object.keys(snapshot ?? {}).sort().join() !== expected) {
      throw new InvalidValueError("snapshot", snapshot, `an object with ${expected}`);
    }
    if (snapshot.version !== SNAPSHOT_VERSION || snapshot.mode !== "milestone") {
      throw new InvalidValueError("snapshot", snapshot, `of version ${SNAPSHOT_VERSION}`);
    }
    const state = /** @type {any} */ (renamed(withCapitals, snapshot)); // Trusted, as said.
    const playhead = /** @type {any} */ (tracker.#playhead);
    for (const field of Object.keys(playhead)) {
      playhead[field] = state[field];
    }
    playhead.played = playedFromText(snapshot.played);
    tracker.#milestone = state.milestone;
    tracker.#reasons = [...state.reasons];
    tracker.#savedPosition = state.savedPosition;
    tracker.#savedMilestone = state.savedMilestone;
    tracker.#savedPlayedTime = state.savedPlayedTime;
    tracker.#heldUntil = state.heldUntil;
    const pair = state.protection;
    tracker.#protection = pair && { position: pair[0], playedBefore: pair[1] };
    return tracker;
  }
}

/** @param {string} name */
function withUnderscores(name) {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @param {string} name */
function withCapitals(name) {
  return name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}

/**
 * Returns a copy of an object, and of those in it, with other names for its members.
 * @param {(name: string) => string} rename
 * @param {object} data
 * @returns {Record<string, unknown>}
 */
function renamed(rename, data) {
  const isObject = (/** @type {unknown} */ value) =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [
      rename(name),
      isObject(value) ? renamed(rename, value) : value,
    ]),
  );
}

// Reports

/**
 * Returns a decision as JSON data to send to a server (7.1).
 * @param {Decision} decision
 * @param {object} [options]
 * @param {number} [options.sentAt] When it is sent, by the clock of `at`; left out for at once.
 * @param {number} [options.generation] That of the record which the tracker started from.
 * @returns {Record<string, unknown>}
 */
export function report(decision, { sentAt, generation } = {}) {
  return {
    current_time_seconds: decision.position,
    total_duration_seconds: decision.duration,
    trigger_type: decision.trigger,
    milestone_reached: decision.last_milestone,
    at: decision.at,
    sent_at: sentAt ?? decision.at,
    // What an earlier report said that got lost is said again.
    ...(decision.completed && { force_completion: true }),
    ...(generation !== undefined && { generation }),
  };
}
