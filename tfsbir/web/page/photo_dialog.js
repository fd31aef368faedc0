/** One photo that was found, large, with all that is known of it. */

import { labelsOf, shortName } from "./results.js";

const SIZE = 512; // px

export class PhotoDialog {
  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // Beside the photo.
    });
  }

  /** Shows a result; `results` knows the URLs of pictures. */
  async open(result, results) {
    const part = (selector) => this.dialog.querySelector(selector);
    part("h2").textContent = shortName(result.name);
    part(".rank").textContent = `Rank ${result.rank}, distance ${result.distance.toFixed(4)}`;
    part("dl").replaceChildren(
      ...[["file", result.name], ...Object.entries(result.metadata)].flatMap(([key, value]) => [
        withText("dt", key),
        withText("dd", String(value)),
      ]),
    );
    part(".labels").replaceChildren(...labelsOf(result));
    const image = part("img");
    image.alt = shortName(result.name);
    image.removeAttribute("src");
    this.dialog.showModal();
    image.src = await results.urlOf(result, SIZE);
  }
}

function withText(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
