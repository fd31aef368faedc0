/** The buttons beside the paper, and their keys. */

import { replay } from "./replay.js";

/**
 * Lets buttons work on a `DrawingPad`.
 *
 * @param {DrawingPad} pad
 * @param {function(string): HTMLElement} element Returns the element of an id.
 */
export function connectTools(pad, element) {
  let replaying = null; // AbortController of the replay that runs.

  element("undo").addEventListener("click", () => pad.undo());
  element("redo").addEventListener("click", () => pad.redo());
  element("clear").addEventListener("click", () => pad.clear());
  for (const tool of ["pen", "eraser"]) {
    element(tool).addEventListener("click", () => {
      pad.tool = tool;
      update();
    });
  }
  element("replay").addEventListener("click", async () => {
    if (replaying) {
      stop();
      return;
    }
    replaying = new AbortController();
    const { signal } = replaying;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    update();
    await replay(pad.strokes, (strokes) => pad.showReplay(strokes), signal, isStill);
    if (!signal.aborted) stop();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.matches("input")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) pad.redo();
    else pad.undo();
  });
  pad.addEventListener("change", () => {
    if (replaying) stop();
    update();
  });
  update();

  function stop() {
    replaying.abort();
    replaying = null;
    pad.showReplay(null);
    update();
  }

  function update() {
    element("undo").disabled = !pad.canUndo;
    element("redo").disabled = !pad.canRedo;
    element("clear").disabled = pad.isBlank;
    element("replay").disabled = !pad.strokes.length;
    element("replay").querySelector(".text").textContent = replaying ? "Stop" : "Replay";
    for (const tool of ["pen", "eraser"]) element(tool).setAttribute("aria-pressed", String(pad.tool === tool));
    pad.canvas.dataset.tool = pad.tool;
  }
}
