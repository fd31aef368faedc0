/** Searches for the drawing while it changes: not too often, only for the newest, and never showing older answers. */

const LEAST_GAP = 150; // ms between the beginnings of two searches while a stroke grows,
const FINISHED_GAP = 40; // and where the hand has done something.
const GAP_PER_SEARCH = 1.5; // While a stroke grows, a search is waited for, this many times as long as the last took.

export class SearchLoop extends EventTarget {
  #controller = null; // Of the search that runs.
  #timer = null;
  #started = -Infinity;
  #duration = 0;
  #isHeld = false;

  /**
   * Tells "start" before a search, "answer" with its `detail`, "blank" where there is nothing to search for, and
   * "error" with the error as `detail`.
   *
   * @param {function(): object} drawingNow Returns what is on the paper.
   * @param {function(object, AbortSignal): Promise<?object>} search Searches for it; null is blank.
   */
  constructor(drawingNow, search) {
    super();
    this.drawingNow = drawingNow;
    this.search = search;
  }

  /**
   * Asks for a search of what is then on the paper.
   *
   * @param {boolean} isFinished Whether the hand rests, so that the answer is wanted at once.
   * @param {number} time When the hand moved last.
   */
  request(isFinished = true, time = performance.now()) {
    this.time = time;
    clearTimeout(this.#timer);
    const gap = isFinished ? FINISHED_GAP : Math.max(LEAST_GAP, GAP_PER_SEARCH * this.#duration);
    const due = Math.max(0, this.#started + gap - performance.now());
    this.#timer = setTimeout(() => this.#run(), due);
  }

  /** Searches for nothing until `release`; what is asked for until then is searched for after it. */
  hold() {
    this.#isHeld = true;
    this.#controller?.abort();
  }

  release() {
    this.#isHeld = false;
  }

  async #run() {
    if (this.#isHeld) return;
    this.#controller?.abort();
    const controller = (this.#controller = new AbortController());
    const { signal } = controller;
    const { time } = this;
    this.#started = performance.now();
    this.#tell("start");
    try {
      const answer = await this.search(this.drawingNow(), signal);
      if (signal.aborted) return;
      this.#duration = performance.now() - this.#started;
      if (answer === null) this.#tell("blank");
      else this.#tell("answer", { ...answer, time });
    } catch (error) {
      if (!signal.aborted) this.#tell("error", error);
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
