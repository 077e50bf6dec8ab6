/**
 * What there is to watch, and what was begun.
 */

/**
 * @typedef {object} Clip A media of the catalogue.
 * @property {string} media
 * @property {string} title
 * @property {string} video Where it is.
 * @property {string} captions Where they are.
 * @property {number} spacing Seconds that milestones are apart at least.
 */
/** @typedef {{media: string, title: string, percent: number | null}} Begun */

/**
 * Lists the clips.
 * @param {HTMLElement} list
 * @param {readonly Clip[]} clips
 * @param {string | null} current The media being watched.
 * @param {(clip: Clip) => void} onChoose
 */
export function listClips(list, clips, current, onChoose) {
  list.replaceChildren(
    ...clips.map((clip) => {
      const button = buttonOf(clip.title, () => onChoose(clip));
      if (clip.media === current) {
        button.setAttribute("aria-current", "true");
      }
      return itemOf(button);
    }),
  );
}

/**
 * Lists what was begun, the latest first, and hides its section if that is nothing.
 * @param {HTMLElement} section
 * @param {HTMLElement} list
 * @param {readonly Begun[]} begun
 * @param {readonly Clip[]} clips
 * @param {(clip: Clip) => void} onChoose
 */
export function listBegun(section, list, begun, clips, onChoose) {
  const items = begun.flatMap(({ media, title, percent }) => {
    const clip = clips.find((one) => one.media === media);
    if (clip === undefined) {
      return [];
    }
    const share = document.createElement("span");
    share.className = "share";
    share.textContent = typeof percent === "number" ? `${Math.floor(percent)} % watched` : "begun";
    const button = buttonOf(title, () => onChoose(clip));
    button.append(share);
    return [itemOf(button)];
  });
  section.hidden = items.length === 0;
  list.replaceChildren(...items);
}

/**
 * @param {string} text
 * @param {() => void} onClick
 */
function buttonOf(text, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", onClick);
  return button;
}

/** @param {HTMLElement} content */
function itemOf(content) {
  const item = document.createElement("li");
  item.append(content);
  return item;
}
