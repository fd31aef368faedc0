/** The keyboard on the paper: arrows move the tool, Space puts it down and lifts it, Backspace takes back. */

const STEP = 1 / 32;
const FINE_STEP = 1 / 128;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CENTER = [0.5, 0.5];

/** Lets the keyboard draw on a `DrawingPad` while its canvas has the focus. */
export function listenToKeys(pad) {
  let isByKeys = false; // Whether it was Space that put the tool down.

  pad.canvas.addEventListener("keydown", (event) => {
    const isDown = isByKeys && pad.isDrawing;
    if (event.ctrlKey || event.metaKey || event.altKey || (pad.isDrawing && !isDown)) return;
    if (event.key in ARROWS) {
      const step = event.shiftKey ? FINE_STEP : STEP;
      pad.cursor = (pad.cursor ?? CENTER).map((value, axis) =>
        Math.min(Math.max(value + ARROWS[event.key][axis] * step, 0), 1),
      );
      pad.move([[pad.cursor, 1, event.timeStamp]]);
      pad.paint();
    } else if (event.key === " ") {
      pad.cursor ??= CENTER;
      isByKeys = !isDown;
      if (isByKeys) pad.begin(pad.cursor, 1, event.timeStamp);
      else pad.end(event.timeStamp);
    } else if (event.key === "Backspace") {
      pad.undo();
    } else {
      return;
    }
    event.preventDefault();
  });
  pad.canvas.addEventListener("pointerdown", () => (isByKeys = false));
  pad.canvas.addEventListener("blur", (event) => {
    pad.cursor = null;
    if (isByKeys && pad.isDrawing) pad.end(event.timeStamp);
    else pad.paint();
    isByKeys = false;
  });
}
