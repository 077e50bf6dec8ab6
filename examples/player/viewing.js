/**
 * One media being watched: its tracker, told what happens, and what becomes of the decisions.
 *
 * Knows no element: the page says what the player does. Another media is another viewing.
 */

import { thinned } from "./display.js";
import { placeOf } from "./reporter.js";
import { DEFAULT_POLICY, Tracker, fromWire } from "./tracker.js";

/** @typedef {import("./tracker.js").SavedState} SavedState */
/** @typedef {Record<string, unknown> & {type: string, at: number}} WireEvent */

/** Seconds between two backups while playing: a browser that is killed loses no more. */
const BACKUP_INTERVAL = 5;
/** Events at which a place is kept at once. */
const STANDSTILLS = new Set(["pause", "seeked", "ratechange"]);
/** Seconds. However often a deadline is due, it is not ticked more often. */
const LEAST_WAIT = 0.25;

/** A viewing, from opening a media to opening another one. */
export class Viewing {
  /** @type {Tracker | null} Null until it is known what is saved, and how long the media is. */
  tracker = null;
  /** The milestones of the policy, percent. */
  milestones = DEFAULT_POLICY.milestones;
  /** Whether playback has ever begun. */
  hasPlayed = false;

  #media;
  #reporter;
  #backup;
  #log;
  #onMilestone;
  #onStartedOver;
  /** @type {Partial<import("./tracker.js").Policy>} */
  #policy = {};
  /** @type {WireEvent[]} What happened before there was a tracker. */
  #early = [];
  #knownMilestone = 0;
  #keptAt = 0;
  #isOver = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;

  /**
   * @param {object} options
   * @param {string} options.media
   * @param {import("./reporter.js").Reporter} options.reporter
   * @param {import("./backup.js").Backup} options.backup
   * @param {object[] | null} options.log To be told all that the tracker hears and says.
   * @param {(milestone: number) => void} options.onMilestone A milestone was reached.
   * @param {(saved: SavedState) => void} options.onStartedOver The viewer did, elsewhere.
   */
  constructor({ media, reporter, backup, log, onMilestone, onStartedOver }) {
    this.#media = media;
    this.#reporter = reporter;
    this.#backup = backup;
    this.#log = log;
    this.#onMilestone = onMilestone;
    this.#onStartedOver = onStartedOver;
    reporter.onAnswer = (response) => this.#hear(response);
  }

  /** The highest milestone reached, here or elsewhere; 0 if none. */
  get milestone() {
    return Math.max(this.tracker?.milestone ?? 0, this.#knownMilestone);
  }

  /**
   * Begins to track, with all that has happened so far.
   * @param {SavedState | null} saved
   * @param {number} duration Seconds; anything else if it is not known.
   * @param {number} spacing Seconds that milestones are apart at least.
   */
  begin(saved, duration, spacing) {
    const isKnown = Number.isFinite(duration) && duration > 0;
    this.#policy = isKnown ? thinned({}, duration, spacing) : {};
    this.milestones = this.#policy.milestones ?? DEFAULT_POLICY.milestones;
    this.#track(saved);
    for (const event of this.#early.splice(0)) {
      this.#handle(event);
    }
  }

  /**
   * Takes what has happened.
   * @param {WireEvent} event As `fromWire` takes it.
   */
  handle(event) {
    this.hasPlayed ||= event.type === "play" || event.type === "playing";
    if (this.#isOver) {
      return;
    }
    if (this.tracker === null) {
      this.#early.push(event);
    } else {
      this.#handle(event);
    }
  }

  /**
   * Begins anew, as the viewer has started over here or elsewhere.
   * @param {SavedState} saved
   * @param {number} generation
   */
  startOver(saved, generation) {
    this.#reporter.drop();
    this.#backup.clear(this.#media);
    this.#reporter.generation = generation;
    this.#knownMilestone = 0;
    if (this.#isTracking) {
      this.#track(saved);
    }
  }

  get #isTracking() {
    return this.tracker !== null && !this.#isOver;
  }

  /** Ends the viewing; what is to be saved is on its way. */
  end() {
    this.handle({ type: "emptied", at: Date.now() / 1000 });
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  /** @param {SavedState | null} saved */
  #track(saved) {
    this.tracker = new Tracker({ policy: this.#policy, record: saved });
    this.#keptAt = 0;
    this.#note({ record: saved, policy: this.#policy });
  }

  /** @param {WireEvent} wire */
  #handle(wire) {
    const tracker = /** @type {Tracker} */ (this.tracker);
    const event = fromWire(wire);
    if (event === null) {
      return;
    }
    this.#note({ event: wire });
    const before = this.milestone;
    const decision = tracker.handle(event);
    if (decision !== null) {
      this.#note({ decision });
      this.#keptAt = wire.at;
      const place = placeOf(decision, this.#reporter.generation);
      this.#backup.write(this.#media, place, wire.at);
      this.#reporter.report(decision);
    } else if (Math.abs(wire.at - this.#keptAt) >= BACKUP_INTERVAL || STANDSTILLS.has(wire.type)) {
      this.#keep(wire.at);
    }
    if (this.milestone > before) {
      this.#onMilestone(this.milestone);
    }
    this.#tickWhenDue();
  }

  /**
   * Keeps the place that would be saved if the page went away now, if that is any news.
   *
   * The tracker itself must not be told so; a copy is. So the backup never holds what a report
   * would not: the start, a scrubbing viewer's 0:00, or a glimpse before the resume point.
   * @param {number} at
   */
  #keep(at) {
    this.#keptAt = at;
    const tracker = /** @type {Tracker} */ (this.tracker);
    const copy = Tracker.restore(tracker.snapshot(), { policy: this.#policy });
    const leaving = fromWire({ type: "pagehide", at });
    const decision = leaving && copy.handle(leaving);
    if (decision) {
      this.#backup.write(this.#media, placeOf(decision, this.#reporter.generation), at);
    }
  }

  #tickWhenDue() {
    clearTimeout(this.#timer);
    const deadline = this.tracker?.deadline ?? null;
    if (deadline !== null && !this.#isOver) {
      const wait = Math.max(LEAST_WAIT, deadline - Date.now() / 1000);
      const tick = () => this.handle({ type: "tick", at: Date.now() / 1000 });
      this.#timer = setTimeout(tick, wait * 1000);
    }
  }

  /** @param {import("./reporter.js").Response} response */
  #hear(response) {
    const { generation } = response;
    if (generation === null) {
      return; // The server cannot tell at the moment.
    }
    const known = this.#reporter.generation;
    this.#reporter.generation = generation;
    if (known !== null && generation > known) {
      const { position, duration, last_milestone: milestone, completed } = response;
      const saved = { position, duration, milestone, completed };
      this.startOver(saved, generation);
      if (this.#isTracking) {
        this.#onStartedOver(saved);
      }
    } else if (response.status !== "superseded") {
      this.#knownMilestone = Math.max(this.#knownMilestone, response.last_milestone);
    }
  }

  /** @param {object} entry */
  #note(entry) {
    this.#log?.push({ media: this.#media, ...entry });
  }
}
