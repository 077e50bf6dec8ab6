/**
 * The bar: a slider to seek with, how far one is, and the milestones.
 */

import { formatTime, markers } from "./display.js";

/** Seconds that an arrow key moves. */
const STEP = 5;

/** The bar of a player. */
export class Bar {
  #slider;
  #fill;
  #list;
  #time;
  #summary;
  #onSeek;
  #duration = 0;
  #position = 0;
  /** @type {readonly import("./display.js").Marker[]} */
  #markers = [];

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.slider
   * @param {HTMLElement} parts.fill
   * @param {HTMLElement} parts.list Of the milestones.
   * @param {HTMLElement} parts.time
   * @param {HTMLElement} parts.summary What is reached and what is next, in words.
   * @param {(position: number) => void} parts.onSeek The viewer wants to be there.
   */
  constructor({ slider, fill, list, time, summary, onSeek }) {
    this.#slider = slider;
    this.#fill = fill;
    this.#list = list;
    this.#time = time;
    this.#summary = summary;
    this.#onSeek = onSeek;
    slider.addEventListener("keydown", (event) => this.#press(event));
    slider.addEventListener("pointerdown", (event) => {
      if (event.button === 0) {
        slider.setPointerCapture(event.pointerId);
        this.#drag(event);
      }
    });
    slider.addEventListener("pointermove", (event) => {
      if (slider.hasPointerCapture(event.pointerId)) {
        this.#drag(event);
      }
    });
  }

  /**
   * Shows how far the viewer is.
   * @param {number} position Seconds.
   * @param {number} percent
   */
  show(position, percent) {
    this.#position = position;
    this.#fill.style.transform = `scaleX(${percent / 100})`;
    const total = this.#duration > 0 ? formatTime(this.#duration) : "unknown";
    const text = `${formatTime(position)} of ${total}`;
    // Not sixty times a second: screen readers would say each.
    if (this.#slider.getAttribute("aria-valuetext") !== text) {
      this.#slider.setAttribute("aria-valuenow", String(Math.trunc(position)));
      this.#slider.setAttribute("aria-valuetext", text);
      this.#time.textContent = this.#duration > 0 ? text.replace(" of ", " / ") : "0:00";
    }
  }

  /**
   * Shows the milestones, and how long the media is.
   * @param {number} duration Seconds; anything else if it is not known.
   * @param {number} milestone The highest reached, 0 if none.
   * @param {readonly number[]} milestones
   */
  mark(duration, milestone, milestones) {
    this.#duration = Number.isFinite(duration) ? duration : 0;
    this.#slider.setAttribute("aria-valuemax", String(Math.trunc(this.#duration)));
    this.#slider.removeAttribute("aria-valuetext");
    const known = this.#duration > 0 ? this.#duration : null;
    this.#markers = known === null ? [] : markers(known, { milestone, milestones });
    this.#list.replaceChildren(...this.#markers.map(markOf));
    this.#summary.textContent = summaryOf(this.#markers);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || this.#duration === 0) {
      return;
    }
    const places = this.#markers.map((marker) => marker.position ?? 0);
    // A second around where one is: else it could not be left while playing.
    const next = places.find((place) => place > this.#position + 1) ?? this.#duration;
    const previous = places.filter((place) => place < this.#position - 1).at(-1) ?? 0;
    const targets = new Map([
      ["ArrowRight", this.#position + STEP],
      ["ArrowUp", this.#position + STEP],
      ["ArrowLeft", this.#position - STEP],
      ["ArrowDown", this.#position - STEP],
      ["PageUp", next],
      ["PageDown", previous],
      ["Home", 0],
      ["End", this.#duration],
    ]);
    const target = targets.get(event.key);
    if (target !== undefined) {
      event.preventDefault();
      this.#seek(target);
    }
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const { left, width } = this.#slider.getBoundingClientRect();
    this.#seek(((event.clientX - left) / width) * this.#duration);
  }

  /** @param {number} position */
  #seek(position) {
    if (this.#duration > 0) {
      this.#onSeek(Math.min(this.#duration, Math.max(0, position)));
    }
  }
}

/** @param {import("./display.js").Marker} marker */
function markOf({ percent, position, reached, label }) {
  const mark = document.createElement("li");
  mark.className = "marker";
  mark.dataset.reached = String(reached);
  mark.style.left = `${percent}%`;
  const text = document.createElement("span");
  text.className = "for-screen-readers";
  const state = reached ? "reached" : "not reached yet";
  text.textContent = `${label}, ${formatTime(position ?? 0)}, ${state}`;
  mark.append(text);
  return mark;
}

/** @param {readonly import("./display.js").Marker[]} all */
function summaryOf(all) {
  const reached = all.filter((marker) => marker.reached).at(-1);
  const next = all.find((marker) => !marker.reached);
  const told = [];
  if (reached !== undefined) {
    told.push(`Reached: ${reached.label}.`);
  }
  if (next !== undefined) {
    told.push(`Next: ${next.label} at ${formatTime(next.position ?? 0)}.`);
  }
  return told.join(" ");
}
