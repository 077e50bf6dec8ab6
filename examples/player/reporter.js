/**
 * Sends a media's reports, one at a time, until the server has the last one.
 *
 * A decision covers all earlier ones, so that of those that wait only the newest is sent. What
 * cannot be sent now is sent later: in this page, or, from the backup, at the next visit.
 */

import { report } from "./tracker.js";
import { RefusedError, UnreachableError } from "./server.js";

/** @typedef {import("./tracker.js").Decision} Decision */
/** @typedef {import("./backup.js").Place} Place */
/** @typedef {"saved" | "offline" | "signed out" | "refused"} State */
/**
 * @typedef {object} Response What the server answers a report, as far as it is used here.
 * @property {number} position
 * @property {number | null} duration
 * @property {number} last_milestone
 * @property {boolean} completed
 * @property {number | null} generation
 * @property {string} status
 */

/** Seconds before a report is tried again: at first, and at most. */
const FIRST_WAIT = 1;
const LONGEST_WAIT = 60;
/** Seconds. Servers that ask for more are tried again nevertheless. */
const LONGEST_OBEYED = 3600;

/** The reports of one viewer and one media. */
export class Reporter {
  /** @type {number | null} That of the record the player began with, null until it is known. */
  generation = null;
  /** @type {(state: State) => void} Told what became of each attempt. */
  onState = () => {};
  /** @type {(response: Response) => void} Told what the server has. */
  onAnswer = () => {};

  #server;
  #backup;
  #media;
  /** @type {Place & {trigger: Decision["trigger"]} | null} The newest that the server has not. */
  #waiting = null;
  /** @type {AbortController | null} Of the request under way. */
  #sending = null;
  /** What it says. */
  #sent = this.#waiting;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  #failures = 0;
  #isStopped = false;
  /** @type {(() => void)[]} Who wait for the first attempt to be over. */
  #waiters = [];

  /**
   * @param {object} options
   * @param {import("./server.js").Server} options.server
   * @param {import("./backup.js").Backup} options.backup
   * @param {string} options.media
   */
  constructor({ server, backup, media }) {
    this.#server = server;
    this.#backup = backup;
    this.#media = media;
    window.addEventListener("online", this.#tryNow);
  }

  /** Whether anything waits that the server does not have. */
  get isUnsaved() {
    return this.#waiting !== null;
  }

  /**
   * Sends a decision; one made as the page goes away at once, instead of the one under way.
   * @param {Decision} decision
   */
  report(decision) {
    this.#take({ ...placeOf(decision, this.generation), trigger: decision.trigger });
    if (decision.trigger === "unload") {
      this.flush();
    }
  }

  /**
   * Sends what an earlier visit left behind, with its age.
   * @param {Place} place
   */
  reportPlace(place) {
    if (this.#waiting === null || this.#waiting.timestamp < place.timestamp) {
      this.#take({ ...place, trigger: "unload" });
    }
  }

  /** Forgets what waits: the viewer has started over. */
  drop() {
    this.#waiting = null;
  }

  /** Sends what waits, without waiting any longer: it may be the last chance. */
  flush() {
    const isUnderWay = this.#sending !== null && this.#sent === this.#waiting;
    if (this.#waiting !== null && !this.#isStopped && !isUnderWay) {
      this.#sending?.abort();
      this.#sending = null;
      void this.#send();
    }
  }

  /**
   * Waits until nothing is unsaved, or the attempt under way has failed.
   * @returns {Promise<void>}
   */
  settled() {
    return this.#waiting === null || this.#sending === null
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Sends nothing any more. */
  stop() {
    this.#isStopped = true;
    this.#sending?.abort();
    this.#sending = null;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.#tryNow);
    this.#wake();
  }

  /** @param {Place & {trigger: Decision["trigger"]}} place */
  #take(place) {
    this.#waiting = place;
    if (this.#sending === null && this.#timer === undefined && !this.#isStopped) {
      void this.#send();
    }
  }

  #tryNow = () => {
    if (this.#sending === null && this.#waiting !== null) {
      void this.#send();
    }
  };

  async #send() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const place = this.#waiting;
    if (place === null || this.#isStopped) {
      return;
    }
    const sending = new AbortController();
    this.#sending = sending;
    this.#sent = place;
    try {
      const response = await this.#post(place, sending.signal);
      if (this.#sending === sending) {
        this.#acknowledge(place, response);
      }
    } catch (error) {
      // Another one was sent instead, or nothing is to be sent any more.
      if (this.#sending === sending) {
        this.#fail(place, error);
      }
    }
  }

  /**
   * @param {Place & {trigger: Decision["trigger"]}} place
   * @param {AbortSignal} signal
   * @returns {Promise<Response>}
   */
  async #post(place, signal) {
    const body = () =>
      report(
        {
          at: place.timestamp,
          trigger: place.trigger,
          position: place.position,
          duration: place.duration,
          percent: null,
          milestone: null,
          last_milestone: place.milestone,
          completed: place.completed,
        },
        { sentAt: Date.now() / 1000, generation: place.generation ?? undefined },
      );
    const post = () =>
      this.#server.ask("POST", `api/progress/${encodeURIComponent(this.#media)}`, {
        body: body(),
        // The page may go away at any time; so much is let through always (64 KiB).
        keepalive: true,
        signal,
      });
    try {
      return /** @type {Response} */ (await post());
    } catch (error) {
      const mayHaveNewToken = error instanceof RefusedError && error.status === 403;
      if (mayHaveNewToken && (await this.#server.isStillSame())) {
        return /** @type {Response} */ (await post());
      }
      throw error;
    }
  }

  /**
   * @param {Place} place
   * @param {Response} response
   */
  #acknowledge(place, response) {
    this.#sending = null;
    this.#failures = 0;
    this.#backup.clear(this.#media, place.timestamp);
    if (this.#waiting === place) {
      this.#waiting = null;
    }
    this.onState("saved");
    this.onAnswer(response);
    this.#wake();
    void this.#send();
  }

  /**
   * @param {Place} place
   * @param {unknown} error
   */
  #fail(place, error) {
    this.#sending = null;
    if (error instanceof RefusedError) {
      if (!error.isAboutSession) {
        // It would be refused at the next visit, too.
        this.#backup.clear(this.#media, place.timestamp);
        this.#waiting = null;
      }
      this.stop();
      this.onState(error.isAboutSession ? "signed out" : "refused");
      return;
    }
    const patience = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures);
    this.#failures += 1;
    // Not all who lost the server come back at once.
    const wait = patience * (0.75 + Math.random() / 2);
    const asked = error instanceof UnreachableError ? error.retryAfter : 0;
    const atLeast = Math.min(LONGEST_OBEYED, asked);
    this.#timer = setTimeout(() => void this.#send(), Math.max(wait, atLeast) * 1000);
    this.onState("offline");
    this.#wake();
  }

  #wake() {
    for (const waiter of this.#waiters.splice(0)) {
      waiter();
    }
  }
}

/**
 * Returns a decision as a place to keep.
 * @param {Decision} decision
 * @param {number | null} generation
 * @returns {Place}
 */
export function placeOf(decision, generation) {
  return {
    milestone: decision.last_milestone,
    position: decision.position,
    timestamp: decision.at,
    duration: decision.duration,
    completed: decision.completed,
    generation,
  };
}
