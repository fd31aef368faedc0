/** Attributes that photos must have, or must not. */

const STATES = ["any", "with", "without"];

export class Filters extends EventTarget {
  #states = new Map();

  /** Makes a button for each attribute in `place`, and tells "change". */
  constructor(place) {
    super();
    this.place = place;
    place.querySelector(".reset").addEventListener("click", () => this.#reset());
  }

  get present() {
    return this.#inState("with");
  }

  get absent() {
    return this.#inState("without");
  }

  /** Offers attributes; those offered before keep their state. */
  offer(names) {
    this.#states = new Map(names.map((name) => [name, this.#states.get(name) ?? "any"]));
    this.place.hidden = !names.length;
    this.place.querySelector(".choices").replaceChildren(...names.map((name) => this.#button(name)));
    this.#update();
  }

  #button(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.name = name;
    button.addEventListener("click", () => {
      this.#states.set(name, STATES[(STATES.indexOf(this.#states.get(name)) + 1) % STATES.length]);
      this.#update();
      this.dispatchEvent(new Event("change"));
    });
    return button;
  }

  #reset() {
    for (const name of this.#states.keys()) this.#states.set(name, "any");
    this.#update();
    this.dispatchEvent(new Event("change"));
  }

  #update() {
    for (const button of this.place.querySelectorAll(".choices button")) {
      const { name } = button.dataset;
      const state = this.#states.get(name);
      button.dataset.state = state;
      button.textContent = { any: name, with: `+ ${name}`, without: `− ${name}` }[state];
      button.setAttribute("aria-label", `${name}: ${state}`);
    }
    const count = this.present.length + this.absent.length;
    this.place.querySelector("summary").textContent = count ? `Attributes (${count} chosen)` : "Attributes";
    this.place.querySelector(".reset").disabled = !count;
  }

  #inState(wanted) {
    return [...this.#states].filter(([, state]) => state === wanted).map(([name]) => name);
  }
}
