/**
 * The video element and what is watched in it: opening, resuming, leaving, and showing how far.
 */

import { play } from "./controls.js";
import { displayPercent, estimatedPosition, formatTime } from "./display.js";
import { ask } from "./question.js";
import { askToResume, choiceOf } from "./resume_dialog.js";
import { RefusedError } from "./server.js";
import { Viewing } from "./viewing.js";

/** @typedef {import("./watch_list.js").Clip} Clip */
/** @typedef {import("./tracker.js").SavedState} SavedState */
/**
 * @typedef {object} Start What is known when a media is opened.
 * @property {SavedState | null} saved
 * @property {number | null} generation
 * @property {import("./resume_dialog.js").ResumeChoice | null} choice
 */
/**
 * @typedef {object} Parts What a playback works with.
 * @property {HTMLVideoElement} video
 * @property {import("./bar.js").Bar} bar
 * @property {HTMLDialogElement} dialog
 * @property {HTMLElement} resumeButton For who did not resume at once.
 * @property {import("./notices.js").Notices} notices
 * @property {object[] | null} log
 */

/**
 * Of the element. "beforeunload" and "unload" are left out: others come with them, and who listens
 * for them keeps the page from coming back at once (from the back/forward cache).
 */
const VIDEO_EVENTS = [
  ...["timeupdate", "play", "playing", "pause", "seeking", "seeked", "ended", "emptied"],
  ...["loadedmetadata", "durationchange", "ratechange"],
];
/** Seconds that a viewer who opens a media waits for the server. */
const PATIENCE = 4;
/** Seconds that the bar moves on without a report; browsers report four times a second. */
const LONGEST_ESTIMATE = 1;

/** What is watched, one media after the other. */
export class Playback {
  #parts;
  /** @type {import("./server.js").Server | null} The signed-in viewer's, and so is the backup. */
  #server = null;
  /** @type {import("./backup.js").Backup | null} */
  #backup = null;
  /** @type {(media: string) => import("./reporter.js").Reporter} */
  #reporterOf = () => {
    throw new Error("nobody is signed in");
  };
  /** @type {Viewing | null} */
  #viewing = null;
  /** @type {Clip | null} */
  #clip = null;
  /** Whether what the element says is about the clip; between two it is about neither. */
  #isAttached = false;
  /** Where the player was seen last, and when by the page's own clock, milliseconds. */
  #seen = { position: 0, at: 0 };
  /** The highest milestone that the last seek jumped over. */
  #jumped = 0;
  /** Percent that the bar shows at least, so that it never goes back while playing. */
  #least = 0;
  /** What the bar's markers show, to draw them only when that changes. */
  #marked = "";

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const { video } = parts;
    for (const type of VIDEO_EVENTS) {
      video.addEventListener(type, () => this.#hear(type));
    }
    document.addEventListener("visibilitychange", () => this.#hear("visibilitychange"));
    document.addEventListener("freeze", () => this.#hear("freeze"));
    window.addEventListener("pagehide", () => this.#hear("pagehide"));
    video.addEventListener("loadstart", () => {
      this.#isAttached = video.currentSrc === video.src;
    });
    video.addEventListener("error", () => {
      if (this.#clip !== null && video.error !== null) {
        parts.notices.show(`“${this.#clip.title}” cannot be played at the moment.`);
      }
    });
    const draw = () => {
      this.#draw();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  /** The media that is open, null if none is. */
  get media() {
    return this.#clip?.media ?? null;
  }

  /**
   * Says whose progress it is from now on.
   * @param {import("./server.js").Server} server
   * @param {import("./backup.js").Backup} backup
   * @param {(media: string) => import("./reporter.js").Reporter} reporterOf
   */
  belongTo(server, backup, reporterOf) {
    this.#server = server;
    this.#backup = backup;
    this.#reporterOf = reporterOf;
  }

  /**
   * Opens a clip, and asks whether to resume it; the server is waited for, but not for long.
   * @param {Clip} clip
   * @param {boolean} plays Whether to play if there is nothing to ask.
   */
  async open(clip, plays) {
    this.leave();
    const { video, dialog, notices, log } = this.#parts;
    const backup = /** @type {import("./backup.js").Backup} */ (this.#backup);
    const reporter = this.#reporterOf(clip.media);
    const viewing = new Viewing({
      media: clip.media,
      reporter,
      backup,
      log,
      onMilestone: (milestone) => notices.show(newsOf(milestone)),
      onStartedOver: (saved) => {
        this.#goBackTo(saved.position);
        notices.show("You have started over elsewhere.");
      },
    });
    this.#viewing = viewing;
    this.#clip = clip;
    const hasMetadata = new Promise((resolve) =>
      video.addEventListener("loadedmetadata", resolve, { once: true }),
    );
    this.#load(clip);
    const start = await this.#whereWas(clip.media, reporter, backup);
    await hasMetadata;
    if (this.#viewing !== viewing) {
      return;
    }
    reporter.generation = start.generation;
    viewing.begin(start.saved, video.duration, clip.spacing);
    const resume = start.choice !== null && start.choice.options.length > 1 ? start.choice : null;
    if (resume === null || viewing.hasPlayed) {
      this.#offerLater(resume?.options[0].position ?? null);
      if (plays) {
        play(video);
      }
      return;
    }
    const chosen = await askToResume(dialog, clip.title, resume);
    if (this.#viewing !== viewing) {
      return;
    }
    if (chosen.position > 0) {
      video.currentTime = chosen.position;
    } else {
      this.#offerLater(resume.options[0].position);
    }
    if (chosen.plays) {
      play(video);
    }
  }

  /** Ends what is watched; what is to be saved of it is on its way. */
  leave() {
    const { video, dialog } = this.#parts;
    if (this.#viewing !== null) {
      if (this.#isAttached && video.readyState > 0) {
        // The last one may be a quarter of a second old.
        this.#hear("timeupdate");
      }
      this.#viewing.end();
    }
    this.#viewing = null;
    this.#clip = null;
    this.#isAttached = false;
    this.#offerLater(null);
    dialog.close();
    video.pause();
    video.replaceChildren();
    if (video.hasAttribute("src")) {
      video.removeAttribute("src");
      video.load();
    }
  }

  /** Marks what is watched as complete. */
  complete() {
    this.#hear("complete");
  }

  /** Forgets the viewer's progress in what is watched, once they said yes. */
  async forget() {
    const { dialog, notices } = this.#parts;
    const clip = this.#clip;
    const viewing = this.#viewing;
    const server = this.#server;
    if (clip === null || viewing === null || server === null) {
      return;
    }
    const chosen = await ask(dialog, {
      title: `Forget your progress in “${clip.title}”?`,
      text: "On all your devices. This cannot be undone.",
      options: ["Keep it", "Forget it"],
    });
    if (chosen !== 1) {
      return;
    }
    const path = pathOf(clip.media);
    try {
      await server.ask("DELETE", path);
      const where = /** @type {any} */ (await server.ask("GET", path));
      viewing.startOver({ position: 0 }, where.record?.generation ?? 0);
    } catch {
      notices.show("The server cannot be reached. Your progress is not forgotten.");
      return;
    }
    if (this.#viewing === viewing) {
      this.#offerLater(null);
      this.#goBackTo(0);
    }
    notices.show("Your progress is forgotten.");
  }

  /**
   * Goes to where the viewer wants to be.
   * @param {number} position
   */
  seek(position) {
    if (this.#isAttached) {
      this.#parts.video.currentTime = position;
    }
  }

  /** @param {Clip} clip */
  #load(clip) {
    const { video } = this.#parts;
    const captions = document.createElement("track");
    captions.kind = "captions";
    captions.srclang = "en";
    captions.label = "English";
    captions.src = clip.captions;
    video.append(captions);
    video.setAttribute("aria-label", clip.title);
    video.src = clip.video;
    this.#seen = { position: 0, at: performance.now() };
    this.#jumped = this.#least = 0;
  }

  /**
   * Finds out where the viewer was: what this browser kept is sent first.
   * @param {string} media
   * @param {import("./reporter.js").Reporter} reporter
   * @param {import("./backup.js").Backup} backup
   * @returns {Promise<Start>}
   */
  async #whereWas(media, reporter, backup) {
    const kept = backup.read(media);
    if (kept !== null) {
      reporter.reportPlace(kept);
      reporter.flush();
      await Promise.race([reporter.settled(), seconds(PATIENCE)]);
    }
    try {
      if (kept === null || !reporter.isUnsaved) {
        const path = pathOf(media);
        const where = /** @type {any} */ (
          await this.#server?.ask("GET", path, { patience: PATIENCE })
        );
        const generation = where.record?.generation ?? 0;
        return { saved: where.saved, generation, choice: where.resume };
      }
    } catch (error) {
      const isRefused = error instanceof RefusedError;
      const why = isRefused && error.isAboutSession ? "signed out" : "refused";
      reporter.onState(isRefused ? why : "offline");
    }
    if (kept === null) {
      return { saved: null, generation: null, choice: null };
    }
    const { position, duration, milestone, completed, generation } = kept;
    const saved = { position, duration, milestone, completed };
    return { saved, generation, choice: choiceOf(kept) };
  }

  /** @param {number} position */
  #goBackTo(position) {
    const { video } = this.#parts;
    video.pause();
    video.currentTime = position;
  }

  /** @param {number | null} position Null for no offer. */
  #offerLater(position) {
    const { resumeButton, video } = this.#parts;
    resumeButton.hidden = position === null;
    if (position !== null) {
      resumeButton.textContent = `Resume from ${formatTime(position)}`;
      resumeButton.onclick = () => {
        resumeButton.hidden = true;
        video.currentTime = position;
        play(video);
      };
    }
  }

  /**
   * Tells the viewing what happened.
   * @param {string} type
   */
  #hear(type) {
    if (!this.#isAttached || this.#viewing === null) {
      return;
    }
    const { video } = this.#parts;
    const { currentTime: position, duration } = video;
    this.#viewing.handle({
      type,
      at: Date.now() / 1000,
      position,
      // JSON has no such numbers: "NaN", "Infinity".
      duration: Number.isFinite(duration) ? duration : String(duration),
      rate: video.playbackRate,
      ...(type === "visibilitychange" && { visibility: document.visibilityState }),
    });
    this.#seen = { position, at: performance.now() };
    if (type === "seeking" || type === "seeked") {
      const { milestones } = this.#viewing;
      const jumped = milestones.filter((milestone) => (milestone * duration) / 100 <= position);
      this.#jumped = jumped.at(-1) ?? 0;
      this.#least = 0;
    }
  }

  #draw() {
    const { video, bar } = this.#parts;
    const viewing = this.#viewing;
    const duration = this.#isAttached && video.duration > 0 ? video.duration : 0;
    const milestones = viewing?.milestones ?? [];
    const marked = [duration, viewing?.milestone, milestones.join()].join(" ");
    if (marked !== this.#marked) {
      this.#marked = marked;
      bar.mark(duration, viewing?.milestone ?? 0, viewing?.tracker ? milestones : []);
    }
    if (viewing === null || duration === 0) {
      bar.show(0, 0);
      return;
    }
    const milestone = Math.max(viewing.milestone, this.#jumped);
    const isPlaying = !video.paused && !video.ended && !video.seeking;
    let position = video.currentTime;
    if (isPlaying && video.readyState > 2) {
      const elapsed = Math.min(LONGEST_ESTIMATE, (performance.now() - this.#seen.at) / 1000);
      const rate = video.playbackRate;
      const since = { elapsed: Math.max(0, elapsed), rate, milestone, milestones };
      position = estimatedPosition(this.#seen.position, duration, since);
    }
    const percent = displayPercent(position, duration, { milestone, milestones });
    this.#least = isPlaying ? Math.max(this.#least, percent) : 0;
    bar.show(position, Math.max(this.#least, percent));
  }
}

/** @param {string} media */
function pathOf(media) {
  return `api/progress/${encodeURIComponent(media)}`;
}

/** @param {number} milestone */
function newsOf(milestone) {
  const names = new Map([
    [50, "Half way: 50 %."],
    [100, "Complete: 100 %."],
  ]);
  return names.get(milestone) ?? `${milestone} % reached.`;
}

/**
 * Waits.
 * @param {number} time Seconds.
 * @returns {Promise<void>}
 */
export function seconds(time) {
  return new Promise((resolve) => setTimeout(resolve, time * 1000));
}
