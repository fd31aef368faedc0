/** States that one can go back to, and forth again. */

const MAX_STATES = 200;

export class History {
  #past = [];
  #future = [];

  /** @property {*} now The present state. States are never changed, only followed by others. */
  constructor(first) {
    this.now = first;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Goes on to a state; those that were taken back are forgotten. */
  push(state) {
    this.#past.push(this.now);
    if (this.#past.length > MAX_STATES) this.#past.shift();
    this.#future = [];
    this.now = state;
  }

  /** @returns {boolean} Whether there was a state to go back to. */
  undo() {
    if (!this.canUndo) return false;
    this.#future.push(this.now);
    this.now = this.#past.pop();
    return true;
  }

  /** @returns {boolean} Whether there was a state to go forth to. */
  redo() {
    if (!this.canRedo) return false;
    this.#past.push(this.now);
    this.now = this.#future.pop();
    return true;
  }
}
