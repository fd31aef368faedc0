/** What is wrong, and what is done about it: waiting and trying again, or asking for a token. */

import { keepToken } from "./server_search.js";

const FIRST_PAUSE = 500; // ms; each is twice as long as the one before,
const LONGEST_PAUSE = 15e3; // up to this.

export class Trouble {
  #pause = FIRST_PAUSE;
  #timer = null;
  #again = null;

  /** @param {HTMLElement} place With `.text`, `.countdown`, `.again` and `form`. */
  constructor(place) {
    this.place = place;
    this.#part(".again").addEventListener("click", () => this.#tryAgain());
    addEventListener("online", () => this.#timer && this.#tryAgain());
    this.#part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      keepToken(this.#part("input").value.trim());
      this.#part("input").value = "";
      this.#tryAgain();
    });
  }

  /** Whether something is waited for. */
  get isWaiting() {
    return Boolean(this.#again);
  }

  /** Shows an error and, where that may help, calls `again` later or when there is a token. */
  handle(error, again) {
    this.#stop();
    this.say(error.message);
    const needsToken = error.kind === "token";
    if (needsToken || error.kind === "busy" || error.kind === "unreachable") this.#again = again;
    if (needsToken) {
      this.#part("form").hidden = false;
      this.#part("input").focus();
    } else if (this.#again) {
      const pause = error.wait ?? this.#pause;
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
      this.#part(".again").hidden = error.kind === "busy"; // Who asks for a pause gets it.
      this.#countDown(performance.now() + pause);
    }
  }

  /** Shows what is wrong, with nothing to be done about it by the page. What is waited for goes on. */
  say(message) {
    this.#part(".text").textContent = message;
    this.place.hidden = false;
  }

  /** Shows nothing. */
  clear() {
    this.#stop();
    this.#pause = FIRST_PAUSE;
    this.place.hidden = true;
    this.#part(".text").textContent = "";
  }

  #countDown(end) {
    const left = end - performance.now();
    if (left <= 0) {
      this.#tryAgain();
      return;
    }
    this.#part(".countdown").textContent = `Trying again in ${Math.ceil(left / 1000)} s.`;
    this.#timer = setTimeout(() => this.#countDown(end), Math.min(left, 250));
  }

  #tryAgain() {
    const again = this.#again;
    this.#stop();
    again?.();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = this.#again = null;
    this.#part(".countdown").textContent = "";
    this.#part(".again").hidden = this.#part("form").hidden = true;
  }

  #part(selector) {
    return this.place.querySelector(selector);
  }
}
