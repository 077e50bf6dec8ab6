/**
 * Signing in and out.
 */

import { forgetEverybody } from "./backup.js";
import { RefusedError, Server } from "./server.js";

/**
 * Makes the form work.
 * @param {HTMLFormElement} form With the fields `name` and `password`.
 * @param {HTMLElement} message What went wrong.
 * @param {() => void} onSignedIn
 */
export function connectSignIn(form, message, onSignedIn) {
  const [name, password] = ["name", "password"].map(
    (field) => /** @type {HTMLInputElement} */ (form.elements.namedItem(field)),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    message.textContent = "";
    try {
      // Not the page's: what is still to be sent there must not be taken for this viewer's.
      const server = new Server();
      await server.begin();
      await server.signIn(name.value, password.value);
    } catch (error) {
      message.textContent =
        error instanceof RefusedError
          ? "There is no such viewer, or the password is wrong."
          : "The server cannot be reached. Try again.";
      name.focus();
      return;
    }
    form.reset();
    onSignedIn();
  });
}

/**
 * Signs out, and leaves nobody's place behind in this browser; returns whether the server knows.
 * @param {import("./server.js").Server} server
 */
export async function signOut(server) {
  // First, so that a browser that is closed now has nothing left of this viewer.
  await forgetEverybody();
  try {
    await server.signOut();
    return true;
  } catch (error) {
    // Whom the server does not know any more is signed out.
    return error instanceof RefusedError;
  }
}
