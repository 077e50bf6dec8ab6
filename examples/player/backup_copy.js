/**
 * A copy of the backup in IndexedDB, for the case that the browser itself is killed.
 *
 * `localStorage` can be read and written at once, even while a page goes away, but browsers take
 * their time to write it to the disk: Chromium at most once a minute, if it changes all the time.
 * What IndexedDB has taken is there. It may be missing: private windows of some browsers have none.
 */

const DATABASE = "milestone-progress";
const STORE = "places";
/** Seconds to wait for a database; one that an old tab blocks may take for ever. */
const PATIENCE = 1;

/** What is kept, as texts by their keys. */
export class BackupCopy {
  #database;

  /** @param {IDBDatabase | null} database */
  constructor(database = null) {
    this.#database = database;
  }

  /**
   * Opens it; if that fails, nothing is copied.
   * @returns {Promise<BackupCopy>}
   */
  static async open() {
    try {
      const opening = indexedDB.open(DATABASE, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
      return new BackupCopy(await withinPatience(done(opening)));
    } catch {
      return new BackupCopy();
    }
  }

  /**
   * Copies a text, or forgets it.
   * @param {string} key
   * @param {string | null} text
   */
  set(key, text) {
    try {
      const store = this.#database?.transaction(STORE, "readwrite").objectStore(STORE);
      if (text === null) {
        store?.delete(key);
      } else {
        store?.put(text, key);
      }
    } catch {
      // There is no copy, then.
    }
  }

  /**
   * Returns all that is kept.
   * @returns {Promise<[string, string][]>}
   */
  async entries() {
    try {
      const store = this.#database?.transaction(STORE).objectStore(STORE);
      if (store === undefined) {
        return [];
      }
      const both = Promise.all([done(store.getAllKeys()), done(store.getAll())]);
      const [keys, texts] = await withinPatience(both);
      return keys.map((key, index) => [String(key), String(texts[index])]);
    } catch {
      return [];
    }
  }

  /** Forgets everything; done when it is. */
  async clear() {
    try {
      const store = this.#database?.transaction(STORE, "readwrite").objectStore(STORE);
      if (store !== undefined) {
        await withinPatience(done(store.clear()));
      }
    } catch {
      // There is no copy, then.
    }
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
function withinPatience(promise) {
  const late = new Promise((_, reject) => setTimeout(reject, PATIENCE * 1000));
  return /** @type {Promise<T>} */ (Promise.race([promise, late]));
}
