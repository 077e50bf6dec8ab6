/**
 * Short notes that come and go, and that screen readers say when they have nothing else to say.
 */

/** Seconds that a note stays: time to read two short sentences, and again. */
const STAY = 7;
/** So many at a time; an older one makes room. */
const MOST = 3;

/** The notes of a page. */
export class Notices {
  #region;

  /** @param {HTMLElement} region With `aria-live="polite"`. */
  constructor(region) {
    this.#region = region;
    // Of a full screen nothing is seen but what is in it.
    document.addEventListener("fullscreenchange", () => {
      (document.fullscreenElement ?? document.body).append(region);
    });
  }

  /**
   * Shows a note; one that says the same as one still shown takes its place.
   * @param {string} text
   */
  show(text) {
    const note = document.createElement("p");
    note.className = "notice";
    note.textContent = text;
    for (const shown of [...this.#region.children]) {
      if (shown.textContent === text) {
        shown.remove();
      }
    }
    this.#region.append(note);
    while (this.#region.children.length > MOST) {
      this.#region.firstElementChild?.remove();
    }
    setTimeout(() => note.remove(), STAY * 1000);
  }
}
