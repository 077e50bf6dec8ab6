/**
 * The page: joins its parts, for whoever is signed in.
 *
 * With `?log` in the address, `window.progressLog` has all that the trackers were told and decided,
 * for tests: `{media, record, policy}` when a tracker begins, `{media, event}`, and
 * `{media, decision}`, in their order.
 */

import { Backup } from "./backup.js";
import { Bar } from "./bar.js";
import { Connection } from "./connection.js";
import { connectControls } from "./controls.js";
import { Notices } from "./notices.js";
import { Playback, seconds } from "./playback.js";
import { Reporter } from "./reporter.js";
import { Server, UnreachableError } from "./server.js";
import { connectSignIn, signOut } from "./sign_in.js";
import { listBegun, listClips } from "./watch_list.js";

/** @typedef {import("./watch_list.js").Clip} Clip */

/** Seconds that who signs out waits for the last report. */
const LAST_CHANCE = 3;
/** Seconds between two attempts to begin. */
const PAUSE = 3;

/** @param {string} name */
const part = (name) => /** @type {HTMLElement} */ (document.getElementById(name));
const video = /** @type {HTMLVideoElement} */ (part("video"));
const dialog = /** @type {HTMLDialogElement} */ (part("question"));
/** @type {object[] | null} */
const log = new URLSearchParams(location.search).has("log") ? [] : null;
if (log !== null) {
  Object.assign(window, { progressLog: log });
}

const notices = new Notices(part("notices"));
const connection = new Connection(part("offline"), notices);
/** Other tabs of this site; they must know that the viewer has left. */
const otherTabs = new BroadcastChannel("milestone-progress");
const bar = new Bar({
  slider: part("slider"),
  fill: part("fill"),
  list: part("markers"),
  time: part("time"),
  summary: part("summary"),
  onSeek: (position) => playback.seek(position),
});
const resumeButton = part("resume");
const playback = new Playback({ video, bar, dialog, resumeButton, notices, log });

/** @type {readonly Clip[]} */
let clips = [];
/** As whoever is signed in; with each session another one, so that no report goes astray. */
let server = new Server();
/** @type {Backup | null} The signed-in viewer's. */
let backup = null;
/** @type {Map<string, Reporter>} The signed-in viewer's, by media. */
const reporters = new Map();

/** Begins, as soon as the server says for whom. */
async function begin() {
  server = new Server();
  try {
    clips = /** @type {Clip[]} */ (await server.ask("GET", "clips/catalogue.json"));
    const session = await server.begin();
    if (session.viewer_tag === null) {
      askWho();
    } else {
      await welcome(session.viewer_tag);
    }
  } catch (error) {
    if (!(error instanceof UnreachableError)) {
      throw error;
    }
    connection.lost(true);
    await seconds(PAUSE);
    await begin();
  }
}

/** @param {string} viewerTag */
async function welcome(viewerTag) {
  const mine = await Backup.open(viewerTag);
  backup = mine;
  playback.belongTo(server, mine, reporterOf);
  const comesFromForm = !part("sign-in").hidden;
  part("sign-in").hidden = true;
  part("watch").hidden = part("sign-out").hidden = false;
  if (comesFromForm) {
    part("play").focus(); // Else the focus would be lost with the form.
  }
  connection.found("Online again.");
  const clip = clips.find((one) => addressOf(one) === location.hash) ?? clips[0];
  // What was left behind of other media is sent, too; of this one, when it is opened.
  const others = mine.medias.filter((media) => media !== clip.media);
  for (const media of others) {
    const place = mine.read(media);
    if (place !== null) {
      reporterOf(media).reportPlace(place);
    }
  }
  const opened = open(clip, false);
  await Promise.all(others.map((media) => reporterOf(media).settled()));
  await Promise.all([showBegun(), opened]);
}

function askWho() {
  part("sign-in").hidden = false;
  part("name").focus();
}

/**
 * @param {Clip} clip
 * @param {boolean} plays
 */
async function open(clip, plays) {
  const before = playback.media;
  const opened = playback.open(clip, plays);
  part("title").textContent = clip.title;
  history.replaceState(null, "", addressOf(clip));
  listClips(part("clips"), clips, clip.media, choose);
  if (before !== null && before !== clip.media) {
    await reporterOf(before).settled();
    await showBegun();
  }
  await opened;
}

/** @param {Clip} clip */
function addressOf(clip) {
  return `#${encodeURIComponent(clip.media)}`;
}

/** @param {Clip} clip */
function choose(clip) {
  void open(clip, true);
}

async function showBegun() {
  try {
    const begun = /** @type {any} */ (await server.ask("GET", "api/continue-watching"));
    listBegun(part("continue"), part("begun"), begun, clips, choose);
  } catch {
    // What is there is still good enough.
  }
}

/**
 * Returns what sends the reports of a media: one for all of its viewings, so that no two are under
 * way at a time.
 * @param {string} media
 */
function reporterOf(media) {
  const known = reporters.get(media);
  if (known !== undefined) {
    return known;
  }
  const mine = /** @type {Backup} */ (backup);
  const reporter = new Reporter({ server, backup: mine, media });
  reporter.onState = (state) => {
    if (state === "saved") {
      if (![...reporters.values()].some((one) => one.isUnsaved)) {
        connection.found("Saved.");
      }
    } else if (state === "offline") {
      connection.lost(mine.works);
    } else if (state === "signed out") {
      notices.show("You are signed out. Your place is kept on this device until you sign in.");
      part("sign-in").hidden = false;
    } else {
      notices.show("Your place could not be saved.");
    }
  };
  reporters.set(media, reporter);
  return reporter;
}

/** Lets go of the viewer; nothing of them is kept or sent any more. */
function letGo() {
  backup?.close();
  playback.leave();
  for (const reporter of reporters.values()) {
    reporter.stop();
  }
  reporters.clear();
  backup = null;
  listBegun(part("continue"), part("begun"), [], clips, choose);
  part("watch").hidden = part("sign-out").hidden = true;
}

async function leave() {
  playback.leave();
  const all = [...reporters.values()];
  all.forEach((reporter) => reporter.flush());
  await Promise.race([Promise.all(all.map((one) => one.settled())), seconds(LAST_CHANCE)]);
  letGo();
  if (await signOut(server)) {
    otherTabs.postMessage("signed out");
    notices.show("You are signed out.");
    askWho();
  } else {
    notices.show("You are still signed in: the server cannot be reached.");
    await begin();
  }
}

connectControls(video, part("stage"), part);
connectSignIn(
  /** @type {HTMLFormElement} */ (part("sign-in-form")),
  part("sign-in-message"),
  () => {
    playback.leave();
    letGo();
    void begin();
  },
);
part("sign-out").addEventListener("click", () => void leave());
part("complete").addEventListener("click", () => playback.complete());
part("forget").addEventListener("click", () => void playback.forget());
/** What still waits after the tracker has heard that the page goes away has its last chance. */
const flush = () => reporters.forEach((reporter) => reporter.flush());
window.addEventListener("pagehide", flush);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") {
    flush();
  }
});
window.addEventListener("offline", () => {
  if (backup !== null) {
    connection.lost(backup.works);
  }
});
window.addEventListener("online", () => {
  if (![...reporters.values()].some((one) => one.isUnsaved)) {
    connection.found("Online again.");
  }
});
window.addEventListener("pageshow", async (event) => {
  // Who comes back to a page that was put aside may be somebody else by now.
  if (event.persisted && backup !== null && !(await server.isStillSame().catch(() => true))) {
    location.reload();
  }
});
otherTabs.addEventListener("message", () => {
  letGo();
  notices.show("You have signed out in another tab.");
  void begin();
});
void begin();
