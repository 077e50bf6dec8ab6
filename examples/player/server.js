/**
 * Asks the server: with the session's token, within a time, and telling apart why it failed.
 */

/**
 * @typedef {object} Session Who is signed in.
 * @property {string} csrf_token
 * @property {boolean} signed_in
 * @property {string | null} viewer_tag Tells viewers apart, and not who they are.
 */

/** The server cannot be reached, or says to come back later. Trying again may help. */
export class UnreachableError extends Error {
  /**
   * @param {string} message
   * @param {number} [retryAfter] Seconds before which it is no use, as far as is known.
   */
  constructor(message, retryAfter = 0) {
    super(message);
    this.name = "UnreachableError";
    this.retryAfter = retryAfter;
  }
}

/** The server does not want the request; it never will. */
export class RefusedError extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`the server answers ${status}`);
    this.name = "RefusedError";
    this.status = status;
  }

  /** Whether it is because nobody, or somebody else, is signed in by now. */
  get isAboutSession() {
    return this.status === 401 || this.status === 403;
  }
}

/** Seconds after which an answer is no longer waited for. */
const PATIENCE = 10;
/** Answers that ask for patience: of these 408, 425 and 429, and all from 500 on. */
const LATER = new Set([408, 425, 429]);

/** The server, as this page's viewer has it. */
export class Server {
  /** @type {Session | null} */
  session = null;

  /**
   * Asks who is signed in.
   * @returns {Promise<Session>}
   */
  async begin() {
    this.session = /** @type {Session} */ (await this.ask("GET", "api/session"));
    return this.session;
  }

  /**
   * @param {string} name
   * @param {string} password
   * @returns {Promise<Session>}
   */
  async signIn(name, password) {
    // `btoa` takes bytes, and names may have other letters.
    const bytes = new TextEncoder().encode(`${name}:${password}`);
    const headers = { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
    this.session = /** @type {Session} */ (await this.ask("POST", "api/session", { headers }));
    return this.session;
  }

  /** Ends the session. */
  async signOut() {
    this.session = /** @type {Session} */ (await this.ask("DELETE", "api/session"));
  }

  /**
   * Asks for the session anew; returns whether it is still the same viewer's.
   *
   * Who signs in again in another tab has another token, and this one's is refused.
   */
  async isStillSame() {
    const before = this.session?.viewer_tag;
    const session = /** @type {Session} */ (await this.ask("GET", "api/session"));
    const isSame = session.viewer_tag !== null && session.viewer_tag === before;
    if (isSame) {
      this.session = session;
    }
    return isSame;
  }

  /**
   * Returns what the server answers, parsed.
   * @param {string} method
   * @param {string} path Relative to the page.
   * @param {object} [options]
   * @param {unknown} [options.body] To be sent as JSON.
   * @param {Record<string, string>} [options.headers]
   * @param {boolean} [options.keepalive] Whether it goes on when the page is left.
   * @param {AbortSignal} [options.signal]
   * @param {number} [options.patience] Seconds to wait for the answer.
   * @returns {Promise<unknown>}
   * @throws {UnreachableError} There is no answer, or it says to try again.
   * @throws {RefusedError} The answer is no, for good.
   */
  async ask(method, path, { body, headers = {}, keepalive = false, signal, patience } = {}) {
    const timeout = AbortSignal.timeout((patience ?? PATIENCE) * 1000);
    const told = { ...headers, "X-CSRF-Token": this.session?.csrf_token ?? "" };
    const controller = new AbortController();
    const abort = () => controller.abort();
    timeout.addEventListener("abort", abort);
    signal?.addEventListener("abort", abort);
    try {
      const answer = await fetch(path, {
        method,
        headers: body === undefined ? told : { ...told, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        keepalive,
        signal: controller.signal,
        cache: "no-store",
      });
      if (answer.status >= 500 || LATER.has(answer.status)) {
        throw new UnreachableError(`the server answers ${answer.status}`, retryAfter(answer));
      }
      if (!answer.ok) {
        throw new RefusedError(answer.status);
      }
      return await answer.json();
    } catch (error) {
      if (error instanceof RefusedError || error instanceof UnreachableError) {
        throw error;
      }
      // No network, no time, or no JSON: something in between answers, such as a café's sign-in.
      throw new UnreachableError(String(error));
    } finally {
      timeout.removeEventListener("abort", abort);
      signal?.removeEventListener("abort", abort);
    }
  }
}

/**
 * Returns how long to wait, seconds; 0 if the answer does not say.
 * @param {Response} answer
 */
function retryAfter(answer) {
  const said = answer.headers.get("Retry-After");
  if (said === null) {
    return 0;
  }
  const seconds = /^\d+$/.test(said) ? Number(said) : (Date.parse(said) - Date.now()) / 1000;
  return seconds > 0 ? seconds : 0;
}
