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
  #isRunning = false;

  /**
   * Tells "start" when a search is asked for, "answer" with its `detail`, "blank" where there is nothing to search for,
   * and "error" with the error as `detail`.
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
    if (this.#isHeld) return;
    this.#tell("start");
    clearTimeout(this.#timer);
    const gap = isFinished ? FINISHED_GAP : Math.max(LEAST_GAP, GAP_PER_SEARCH * this.#duration);
    const due = Math.max(0, this.#started + gap - performance.now());
    this.#timer = setTimeout(() => this.#run(), due);
  }

  /** Whether there is a search whose end has not been told. */
  get isPending() {
    return this.#timer !== null || this.#isRunning;
  }

  /** Searches for nothing until `release`, after which `request` is to be called again. */
  hold() {
    this.#isHeld = true;
    this.#controller?.abort();
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#isRunning = false;
  }

  release() {
    this.#isHeld = false;
  }

  async #run() {
    this.#timer = null;
    this.#controller?.abort();
    const controller = (this.#controller = new AbortController());
    const { signal } = controller;
    const { time } = this;
    this.#started = performance.now();
    this.#isRunning = true;
    let told;
    try {
      const answer = await this.search(this.drawingNow(), signal);
      told = answer === null ? ["blank"] : ["answer", { ...answer, time }];
    } catch (error) {
      told = ["error", error];
    }
    if (signal.aborted) return;
    this.#isRunning = false;
    this.#duration = performance.now() - this.#started;
    this.#tell(...told);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
