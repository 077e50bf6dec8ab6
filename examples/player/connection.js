/**
 * Tells the viewer whether progress reaches the server.
 */

/** The connection, as the viewer sees it. */
export class Connection {
  #badge;
  #notices;
  #isOffline = false;

  /**
   * @param {HTMLElement} badge Shown while offline.
   * @param {import("./notices.js").Notices} notices
   */
  constructor(badge, notices) {
    this.#badge = badge;
    this.#notices = notices;
  }

  /**
   * A report did not get through, or the browser says that nothing would.
   * @param {boolean} isKept Whether this browser keeps the viewer's place meanwhile.
   */
  lost(isKept) {
    if (!this.#isOffline) {
      this.#set(true);
      this.#notices.show(
        isKept
          ? "Offline. Your place is kept on this device."
          : "Offline. Keep this page open: your place cannot be kept on this device.",
      );
    }
  }

  /**
   * Something got through.
   * @param {string} news What to say if it did not before.
   */
  found(news) {
    if (this.#isOffline) {
      this.#set(false);
      this.#notices.show(news);
    }
  }

  /** @param {boolean} isOffline */
  #set(isOffline) {
    this.#isOffline = isOffline;
    this.#badge.hidden = !isOffline;
  }
}
