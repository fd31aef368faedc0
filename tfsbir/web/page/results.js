/** Photos that were found, in places that stay where they are while what is in them changes. */

import { paintAttention } from "./attention.js";

const CARD_SIZE = 256; // px
const MAX_PICTURES = 240; // URLs that are kept.
const MAX_LABELS = 4;

export class Results extends EventTarget {
  #cards = new Map(); // By photo id: one that is found again keeps its picture.
  #urls = new Map();
  #slots = [];

  /** Shows photos in a list and tells "open", with the result as `detail`, where one is chosen. */
  constructor(list, template, pictureUrl) {
    super();
    this.list = list;
    this.template = template;
    this.pictureUrl = pictureUrl;
    this.showsAttention = false;
  }

  /** Makes room for `count` photos, so that nothing on the page moves when they come. */
  prepare(count, hasLabels) {
    this.list.classList.toggle("with-labels", hasLabels);
    this.#slots = Array.from({ length: count }, () => document.createElement("li"));
    this.list.replaceChildren(...this.#slots);
    this.show([]);
  }

  /** Tells, by the look of empty places, that photos are on their way. */
  set isLoading(value) {
    this.list.classList.toggle("loading", value);
    this.list.setAttribute("aria-busy", String(value));
  }

  /** Shows results as gallery.js and server_search.js find them; places without one stay empty. */
  show(results, seenShare = 1) {
    const focused = this.#slots.findIndex((slot) => slot.contains(document.activeElement));
    const focusedCard = document.activeElement?.closest(".card");
    const cards = new Map();
    this.#slots.forEach((slot, place) => {
      const result = results[place];
      slot.classList.toggle("empty", !result);
      slot.setAttribute("aria-hidden", String(!result));
      if (!result) {
        slot.replaceChildren(this.#newCard());
        return;
      }
      const card = this.#cards.get(result.id) ?? this.#newCard();
      cards.set(result.id, card);
      this.#fill(card, result, seenShare);
      if (slot.firstChild !== card) slot.replaceChildren(card);
    });
    this.#cards = cards;
    if (focused >= 0) {
      // A photo that moved keeps the focus; one that is gone leaves it to that in its place.
      (focusedCard?.isConnected ? focusedCard : this.#slots[focused].firstChild).focus({ preventScroll: true });
    }
  }

  /** Returns a picture's URL, the same one each time. */
  urlOf(result, size) {
    const key = `${size} ${result.id}`;
    if (!this.#urls.has(key)) {
      const found = this.pictureUrl(result, size);
      this.#urls.set(key, found);
      found.catch(() => this.#urls.delete(key)); // Another time it may be there.
      if (this.#urls.size > MAX_PICTURES) {
        const [oldest, url] = this.#urls.entries().next().value;
        this.#urls.delete(oldest);
        url.then((value) => URL.revokeObjectURL(value)).catch(() => {});
      }
    }
    return this.#urls.get(key);
  }

  #newCard() {
    const card = this.template.content.firstElementChild.cloneNode(true);
    card.addEventListener("click", () => this.#open(card));
    card.querySelector("img").addEventListener("load", () => card.classList.add("loaded"));
    return card;
  }

  #open(card) {
    this.dispatchEvent(new CustomEvent("open", { detail: card.result }));
  }

  #fill(card, result, seenShare) {
    const isNew = card.result?.id !== result.id;
    card.result = result;
    card.disabled = false;
    card.setAttribute("aria-label", describe(result));
    card.querySelector(".rank").textContent = result.rank;
    card.querySelector(".name").textContent = shortName(result.name);
    card.querySelector(".distance").textContent = result.distance.toFixed(3);
    card.querySelector(".more").textContent = moreOf(result);
    card.querySelector(".labels").replaceChildren(...labelsOf(result, MAX_LABELS));
    const attention = card.querySelector("canvas");
    attention.hidden = !(this.showsAttention && result.attention);
    if (!attention.hidden) paintAttention(attention, result.attention, seenShare);
    if (!isNew) return;
    this.urlOf(result, CARD_SIZE).then(
      (url) => (card.querySelector("img").src = url),
      () => card.classList.add("loaded"), // Without its picture; the name stays.
    );
  }
}

/** Returns a file's name without folder and ending. */
export function shortName(name) {
  return name.replace(/^.*\//, "").replace(/\.[^.]*$/, "");
}

/** Returns labels of the attributes that match, and of those that do not, as elements. */
export function labelsOf({ shared, differing }, most = Infinity) {
  const make = (kind, before) => (entry) => {
    const label = document.createElement("span");
    label.className = `label ${kind}`;
    label.textContent = `${before} ${entry.attribute}`;
    const where = entry.sketch >= entry.photo ? "the sketch" : "the photo";
    label.title = kind === "shared" ? "Both have it" : `Only ${where} has it`;
    return label;
  };
  return [...shared.map(make("shared", "✓")), ...differing.map(make("differing", "≠"))].slice(0, most);
}

function moreOf({ metadata, name }) {
  const entries = Object.entries(metadata).filter(([, value]) => value !== null && value !== "");
  if (entries.length) return entries.map(([key, value]) => `${key}: ${value}`).join(", ");
  return name.includes("/") ? name.replace(/\/[^/]*$/, "") : "";
}

function describe(result) {
  const list = (title, entries) =>
    entries.length ? ` ${title}: ${entries.map(({ attribute }) => attribute).join(", ")}.` : "";
  const compared = list("Shared", result.shared) + list("Differing", result.differing);
  const more = moreOf(result);
  const name = `${result.rank}: ${shortName(result.name)}, distance ${result.distance.toFixed(3)}.`;
  return `${name}${more && ` ${more}.`}${compared}`;
}
