// Plays a page of the player's modules on virtual time, without a browser: one visit a line, and one
// answer a line: what the server was sent. Nothing is kept from one visit to the next.

import { createInterface } from "node:readline";

// Seconds from sending a report to its being there, and to its answer.
const LATENCY = 0.2;

/** Time passes only when a visit says so. */
let now = 0;
let timers = [];
Date.now = () => now * 1000;
globalThis.setTimeout = (call, delay) => {
  const timer = { at: now + delay / 1000, call };
  timers.push(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => {
  timers = timers.filter((one) => one !== timer);
};
// Nobody waits so long here, and the real one would not know the time.
AbortSignal.timeout = () => new AbortController().signal;

globalThis.window = { localStorage: null, addEventListener() {}, removeEventListener() {} };
let answer = {};
let sent = [];
globalThis.fetch = (path, { method, body, signal }) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      sent.push({ at: now, method, path, body });
      resolve(new Response(JSON.stringify(answer), { status: 200 }));
    }, LATENCY * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

const { Backup } = await import("../examples/player/backup.js");
const { Reporter } = await import("../examples/player/reporter.js");
const { Server } = await import("../examples/player/server.js");
const { Viewing } = await import("../examples/player/viewing.js");

/** Lets time pass, and all that is due happen. */
async function pass(until) {
  for (;;) {
    const next = timers.reduce((first, one) => (one.at < (first?.at ?? until) ? one : first), null);
    if (next === null) {
      break;
    }
    now = Math.max(now, next.at);
    clearTimeout(next);
    next.call();
    // What waits for it goes on, which takes some turns.
    await new Promise((resolve) => setImmediate(resolve));
  }
  now = until;
}

async function visit({ saved, generation, duration, events, isKilled }) {
  now = events[0].at;
  timers = [];
  sent = [];
  // Nothing newer than what the player sends is there.
  answer = { generation, status: "saved", last_milestone: saved?.milestone ?? 0 };
  const backup = new Backup("viewer");
  const reporter = new Reporter({ server: new Server(), backup, media: "film" });
  reporter.generation = generation;
  const nothing = () => {};
  const told = { onMilestone: nothing, onStartedOver: nothing };
  const viewing = new Viewing({ media: "film", reporter, backup, log: null, ...told });
  viewing.begin(saved, duration, 30);
  for (const event of events) {
    await pass(event.at);
    viewing.handle(event);
  }
  if (!isKilled) {
    // What the browser has taken it sends, even if the page is gone.
    await pass(now + 2 * LATENCY);
  }
  return sent;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await visit(JSON.parse(line)))}\n`);
}
