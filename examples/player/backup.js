/**
 * Keeps a viewer's place in this browser until the server has it.
 *
 * Only for the viewer whose tag it was made with; whoever signs in next has another one. A browser
 * without storage, a full one, or one with nonsense in it has no backup, and that is all.
 */

import { BackupCopy } from "./backup_copy.js";

/**
 * @typedef {object} Place What is kept, of one viewer and one media.
 * @property {number} milestone The highest reached, 0 if none.
 * @property {number} position Seconds of media.
 * @property {number} timestamp When, Unix seconds of this browser's clock.
 * @property {number | null} duration Seconds; null if unknown.
 * @property {boolean} completed
 * @property {number | null} generation That of the record the player began with; null if unknown.
 */

const PREFIX = "milestone-progress:";

/** The places of one viewer. */
export class Backup {
  #prefix;
  #storage;
  #copy;
  #isClosed = false;

  /**
   * @param {string} viewerTag
   * @param {BackupCopy} [copy]
   */
  constructor(viewerTag, copy = new BackupCopy()) {
    this.#prefix = `${PREFIX}${viewerTag}:`;
    this.#storage = browserStorage();
    this.#copy = copy;
  }

  /**
   * Opens it, with what a killed browser had no time to keep anywhere but in the copy.
   * @param {string} viewerTag
   */
  static async open(viewerTag) {
    const copy = await BackupCopy.open();
    const backup = new Backup(viewerTag, copy);
    for (const [key, text] of await copy.entries()) {
      const place = parsedPlace(text);
      if (key.startsWith(backup.#prefix) && place !== null) {
        backup.write(key.slice(backup.#prefix.length), place, Date.now() / 1000);
      }
    }
    return backup;
  }

  /**
   * Keeps a place, unless a newer one is kept: another tab's.
   * @param {string} media
   * @param {Place} place
   * @param {number} now Unix seconds.
   */
  write(media, place, now) {
    const kept = this.read(media);
    // One from the future is of a clock that has been set back since.
    if (kept === null || kept.timestamp <= place.timestamp || kept.timestamp > now) {
      this.#set(media, JSON.stringify(place));
    }
  }

  /**
   * Returns the place that is kept, null if none is.
   * @param {string} media
   * @returns {Place | null}
   */
  read(media) {
    try {
      return parsedPlace(this.#storage?.getItem(this.#prefix + media) ?? null);
    } catch {
      return null;
    }
  }

  /**
   * Forgets a place, unless a newer one was kept since.
   * @param {string} media
   * @param {number} [timestamp] That of the place; left out for any.
   */
  clear(media, timestamp = Infinity) {
    const kept = this.read(media);
    if (kept === null || kept.timestamp <= timestamp) {
      this.#set(media, null);
    }
  }

  /** Which media places are kept of. */
  get medias() {
    try {
      return keys(this.#storage, this.#prefix).map((key) => key.slice(this.#prefix.length));
    } catch {
      return [];
    }
  }

  /** Whether this browser keeps anything: it may be full, or forbid it. */
  get works() {
    try {
      this.#storage?.setItem(`${PREFIX}probe`, "");
      this.#storage?.removeItem(`${PREFIX}probe`);
      return this.#storage !== null;
    } catch {
      return false;
    }
  }

  /** Keeps nothing any more: the viewer has left. */
  close() {
    this.#isClosed = true;
  }

  /**
   * @param {string} media
   * @param {string | null} text
   */
  #set(media, text) {
    const key = this.#prefix + media;
    try {
      if (this.#storage === null || this.#isClosed) {
        return;
      }
      if (text === null) {
        this.#storage.removeItem(key);
      } else {
        this.#storage.setItem(key, text);
      }
      this.#copy.set(key, text);
    } catch {
      // There is no backup, then.
    }
  }
}

/** Forgets the places of everybody who has used this browser; done when they are. */
export async function forgetEverybody() {
  try {
    const storage = browserStorage();
    for (const key of keys(storage, PREFIX)) {
      storage?.removeItem(key);
    }
  } catch {
    // There is no backup, then.
  }
  await (await BackupCopy.open()).clear();
}

/** Merely to name it is an error where it is forbidden. */
function browserStorage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

/**
 * @param {Storage | null} storage
 * @param {string} prefix
 */
function keys(storage, prefix) {
  const all = Array.from({ length: storage?.length ?? 0 }, (_, index) => storage?.key(index));
  return all.filter((key) => typeof key === "string").filter((key) => key.startsWith(prefix));
}

/**
 * Returns what was kept if it is a place: anybody at this computer may have changed it.
 * @param {string | null} text
 * @returns {Place | null}
 */
function parsedPlace(text) {
  /** @type {any} */
  let kept;
  try {
    kept = JSON.parse(text ?? "null");
  } catch {
    return null;
  }
  const isRight =
    isAmount(kept?.position) &&
    isAmount(kept.timestamp) &&
    isAmount(kept.milestone) &&
    kept.milestone <= 100 &&
    (kept.duration === null || (isAmount(kept.duration) && kept.duration > 0)) &&
    typeof kept.completed === "boolean" &&
    (kept.generation === null || (isAmount(kept.generation) && Number.isInteger(kept.generation)));
  return isRight ? kept : null;
}

/** @param {unknown} value */
function isAmount(value) {
  return typeof value === "number" && value >= 0 && value < Infinity;
}
