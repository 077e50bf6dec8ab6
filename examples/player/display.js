/**
 * What a viewer is shown of progress: percent, an estimate, markers on the bar, and times; and the
 * milestones that a short media needs.
 *
 * The same as the library's functions of these names. Positions and durations are seconds of media,
 * percent is 0-100; rule numbers (6.1) are those of docs/behaviour.md.
 */

import { DEFAULT_POLICY, checkedPolicy, number, numberOrNothing } from "./tracker.js";

/**
 * @typedef {object} Reached
 * @property {number} [milestone] The highest milestone that was reached, or that a landed seek
 *   jumped over; 0 if none.
 * @property {readonly number[]} [milestones] Those of the policy, increasing.
 */
/**
 * @typedef {object} Marker A milestone on the bar.
 * @property {number} percent
 * @property {number | null} position Null if the duration is unknown.
 * @property {boolean} reached
 * @property {string} label
 */

/**
 * Returns the percent to show for a position, 0 if the duration is unknown (6.1).
 *
 * It is that of the position, but never beyond the next milestone: a bar that shows 50 % says that
 * 50 % was reached.
 * @param {number} position
 * @param {number | null} duration
 * @param {Reached} [reached]
 */
export function displayPercent(position, duration, reached = {}) {
  number("position", position, 0);
  const length = knownLength(duration);
  if (length === null) {
    return 0;
  }
  // Beyond the end it is limited anyway, and may be too large to be written in digits.
  const percent = Math.min((100 * position) / length, 101);
  // Without what division leaves behind: 99.99999999999999 at the end.
  return Math.min(rounded(percent, 9), nextMilestone(reached));
}

/**
 * Returns where a playing viewer is by now; for display, never to be stored (6.2).
 *
 * It goes beyond neither the duration nor the next milestone.
 * @param {number} position What the player reported last.
 * @param {number | null} duration
 * @param {{elapsed: number, rate?: number} & Reached} since Seconds since then, and the rate.
 */
export function estimatedPosition(position, duration, { elapsed, rate = 1, ...reached }) {
  number("position", position, 0);
  const moved = number("elapsed", elapsed, 0) * number("rate", rate, 0);
  const length = knownLength(duration);
  if (length === null) {
    return position + moved;
  }
  const limit = (nextMilestone(reached) * length) / 100;
  // A viewer who is beyond the milestone already stays there.
  return Math.min(position + moved, Math.max(Math.min(limit, length), Math.min(position, length)));
}

/**
 * Returns the milestones as markers on the bar, in their order (6.3).
 * @param {number | null} duration
 * @param {Reached & {labels?: Record<number, string>}} [reached] And the milestones' names; one
 *   that is missing is called by its percent, "25 %".
 * @returns {Marker[]}
 */
export function markers(duration, reached = {}) {
  const { milestone = 0, milestones = DEFAULT_POLICY.milestones, labels = {} } = reached;
  const length = knownLength(duration);
  return milestones.map((percent) => ({
    percent,
    position: length === null ? null : (percent * length) / 100,
    reached: percent <= milestone,
    // Six digits, as Python's "g" has it.
    label: labels[percent] ?? `${rounded(percent, 5 - Math.floor(Math.log10(percent)))} %`,
  }));
}

/**
 * Returns seconds as people write them: 0:07, 12:34, 1:02:03.
 * @param {number} seconds
 */
export function formatTime(seconds) {
  const whole = Math.trunc(number("seconds", seconds, 0));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/**
 * Returns a policy without the milestones that a short media does not need.
 *
 * Dropped is each milestone nearer than `spacing` to the start, to the one kept before it, or to
 * the end; 100 always stays. A clip of 60 s is then saved at 50 and 100 %.
 * @param {Partial<import("./tracker.js").Policy>} policy
 * @param {number} duration
 * @param {number} [spacing] Seconds of media.
 */
export function thinned(policy, duration, spacing = 30) {
  const whole = checkedPolicy(policy);
  const length = numberOrNothing("duration", duration);
  number("duration", length);
  // A milestone that is exactly `spacing` away stays, whatever rounding does to it.
  const nearest = number("spacing", spacing, 0) - 1e-6;
  let last = 0;
  const kept = whole.milestones.filter((milestone) => {
    const position = (milestone * duration) / 100;
    const stays = position - last >= nearest && duration - position >= nearest;
    if (stays && milestone < 100) {
      last = position;
    }
    return stays || milestone === 100;
  });
  return { ...whole, milestones: kept };
}

/** @param {Reached} reached */
function nextMilestone({ milestone = 0, milestones = DEFAULT_POLICY.milestones }) {
  return milestones.find((percent) => percent > milestone) ?? 100;
}

/** @param {number | null} duration */
function knownLength(duration) {
  const length = numberOrNothing("duration", duration);
  return length === Infinity ? null : length;
}

/**
 * Rounds to some digits after the point; what lies in the middle to the even one, as Python does.
 * @param {number} value
 * @param {number} digits
 */
function rounded(value, digits) {
  // In binary only an odd multiple of this power of two lies exactly in the middle.
  const isInTheMiddle = (value * 2 ** (digits + 1)) % 2 === 1;
  const longer = value.toFixed(digits + 1);
  const isEven = "02468".includes(longer[longer.length - 2]);
  return Number(isInTheMiddle && isEven ? longer.slice(0, -1) : value.toFixed(digits));
}
