// Does with the JavaScript tracker what tests ask for: one JSON request a line, one answer a line.
// JSON has no infinity, so "NaN", "Infinity" and "-Infinity" stand for the numbers.

import { createInterface } from "node:readline";
import * as display from "../examples/player/display.js";
import { InvalidValueError, Tracker, fromWire, report } from "../examples/player/tracker.js";

const NAMED = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);
const number = (value) => NAMED.get(value) ?? value;

const asks = {
  // Follows a log and tells what is known after each event; with `relive`, each event is handled by
  // a tracker restored from the last one's snapshot.
  follow({ policy, record, snapshot, events, relive, closely }) {
    const started = record && { ...record, duration: number(record.duration) };
    let tracker = snapshot
      ? Tracker.restore(snapshot, { policy })
      : new Tracker({ policy, record: started });
    const steps = events.map((data) => {
      const decision = tracker.handle(fromWire(data));
      const known = { decision, deadline: tracker.deadline };
      if (closely) {
        known.shown = {
          phase: tracker.phase,
          position: tracker.position,
          duration: tracker.duration,
          milestone: tracker.milestone,
          completed: tracker.completed,
          coverage: tracker.coverage,
        };
        known.played = tracker.played;
        known.report = decision && report(decision);
        known.snapshot = tracker.snapshot();
      }
      if (relive) {
        tracker = Tracker.restore(JSON.parse(JSON.stringify(tracker.snapshot())), { policy });
      }
      return known;
    });
    return { steps, snapshot: tracker.snapshot(), played: tracker.played };
  },

  make({ policy, record }) {
    return new Tracker({ policy, record }).snapshot();
  },

  restore({ snapshot }) {
    return Tracker.restore(snapshot).snapshot();
  },

  accept({ data }) {
    const event = fromWire(data);
    return event?.duration === Infinity ? { ...event, duration: "Infinity" } : event;
  },

  report({ decision, options }) {
    return report(decision, options);
  },

  // Calls a function of the display several times.
  display({ name, calls }) {
    return calls.map((values) => display[name](...values.map(number)));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { answer: asks[request.ask](request) };
  } catch (error) {
    const refused = error instanceof InvalidValueError;
    answer = refused ? { refused: error.field } : { failed: error.stack };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
