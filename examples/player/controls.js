/**
 * The buttons below the video.
 */

/** Seconds of a skip; the library takes no such step for a significant seek. */
const SKIP = 10;

/**
 * Makes the buttons work, and keeps them true to what the player does.
 * @param {HTMLVideoElement} video
 * @param {HTMLElement} stage What becomes as large as the screen: video and controls.
 * @param {(name: string) => HTMLElement} part Returns an element by its id.
 */
export function connectControls(video, stage, part) {
  const speed = /** @type {HTMLSelectElement} */ (part("speed"));
  const show = () => {
    part("play").textContent = video.paused || video.ended ? "Play" : "Pause";
    part("mute").textContent = video.muted ? "Unmute" : "Mute";
    part("fullscreen").textContent = document.fullscreenElement ? "Exit full screen" : "Full screen";
    part("captions").setAttribute("aria-pressed", String(isCaptioned(video)));
    if (![...speed.options].some((option) => Number(option.value) === video.playbackRate)) {
      return; // A rate that a browser's own menu has.
    }
    speed.value = String(video.playbackRate);
  };
  for (const type of ["play", "playing", "pause", "ended", "emptied", "volumechange"]) {
    video.addEventListener(type, show);
  }
  video.addEventListener("ratechange", show);
  video.textTracks.addEventListener("change", show);
  document.addEventListener("fullscreenchange", show);

  const toggle = () => (video.paused || video.ended ? play(video) : video.pause());
  part("play").addEventListener("click", toggle);
  video.addEventListener("click", toggle);
  part("back").addEventListener("click", () => skip(video, -SKIP));
  part("forward").addEventListener("click", () => skip(video, SKIP));
  part("mute").addEventListener("click", () => {
    video.muted = !video.muted;
  });
  part("captions").addEventListener("click", () => {
    const isShown = isCaptioned(video);
    for (const track of video.textTracks) {
      track.mode = isShown ? "disabled" : "showing";
    }
  });
  speed.addEventListener("change", () => {
    video.defaultPlaybackRate = video.playbackRate = Number(speed.value);
  });
  // iPhones have it for videos only, and by another name.
  part("fullscreen").hidden = !document.fullscreenEnabled;
  part("fullscreen").addEventListener("click", () => {
    const done = document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen();
    done.catch(() => {});
  });
  show();
}

/**
 * Plays, if the browser lets a page do so that nobody has touched.
 * @param {HTMLVideoElement} video
 */
export function play(video) {
  video.play().catch(() => {});
}

/**
 * @param {HTMLVideoElement} video
 * @param {number} seconds
 */
function skip(video, seconds) {
  const end = Number.isFinite(video.duration) ? video.duration : Infinity;
  video.currentTime = Math.max(0, Math.min(end, video.currentTime + seconds));
}

/** @param {HTMLVideoElement} video */
function isCaptioned(video) {
  return [...video.textTracks].some((track) => track.mode === "showing");
}
