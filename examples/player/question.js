/**
 * Asks the viewer something, in a modal `<dialog>`.
 */

/**
 * Returns which option was chosen, null for Escape: the viewer does not want to say.
 *
 * One question at a time: another one ends it, as with Escape.
 * @param {HTMLDialogElement} dialog
 * @param {{title: string, text: string, options: readonly string[]}} question The first option has
 *   the focus.
 * @returns {Promise<number | null>} The option's index.
 */
export function ask(dialog, { title, text, options }) {
  dialog.close();
  const heading = document.createElement("h2");
  heading.id = "question-title";
  heading.textContent = title;
  const paragraph = document.createElement("p");
  paragraph.id = "question-text";
  paragraph.textContent = text;
  const row = document.createElement("div");
  row.className = "options";
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.setAttribute("aria-describedby", paragraph.id);
  dialog.replaceChildren(heading, paragraph, row);
  return new Promise((resolve) => {
    /** @type {number | null} */
    let chosen = null;
    const buttons = options.map((label, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", () => {
        chosen = index;
        dialog.close();
      });
      return button;
    });
    row.append(...buttons);
    // It comes later than what `close` returns to; that of an earlier question must not end this one.
    const close = () => {
      if (!row.isConnected || !dialog.open) {
        dialog.removeEventListener("close", close);
        resolve(chosen);
      }
    };
    dialog.addEventListener("close", close);
    dialog.showModal();
    buttons[0]?.focus();
  });
}
