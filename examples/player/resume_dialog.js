/**
 * Asks whether to resume or to start from the beginning.
 */

import { formatTime } from "./display.js";
import { ask } from "./question.js";

/**
 * @typedef {object} ResumeChoice What the server offers; `options` begins with resuming, if that is
 *   possible at all.
 * @property {readonly {label: string, position: number}[]} options
 * @property {number} last_milestone Percent, 0 if none.
 */

/**
 * Returns the choice that a place kept in this browser offers.
 * @param {import("./backup.js").Place} place
 * @returns {ResumeChoice}
 */
export function choiceOf(place) {
  const { position, duration, completed, milestone } = place;
  const startOver = { label: "Start from the beginning", position: 0 };
  const resume = { label: `Resume from ${formatTime(position)}`, position };
  const isOver = completed || (duration !== null && position >= duration - 1);
  return { options: isOver ? [startOver] : [resume, startOver], last_milestone: milestone };
}

/**
 * Asks which it shall be.
 * @param {HTMLDialogElement} dialog
 * @param {string} title That of the media.
 * @param {ResumeChoice} choice With more than one option.
 * @returns {Promise<{position: number, plays: boolean}>} Where to go. With Escape, to where the
 *   viewer was, but without playing: nothing is lost, and nothing begins.
 */
export async function askToResume(dialog, title, choice) {
  const { options, last_milestone: milestone } = choice;
  const text =
    milestone > 0
      ? `You have watched up to the ${milestone} % mark.`
      : "You have been here before, and left early on.";
  const labels = options.map((option) => option.label);
  const chosen = await ask(dialog, { title: `Go on with “${title}”?`, text, options: labels });
  return { position: options[chosen ?? 0].position, plays: chosen !== null };
}
