/** A mouse, a pen and fingers on the paper. */

const ERASER_BUTTON = 5; // The other end of a pen.
const LEAST_WIDTH = 0.4;
const PRESSED_WIDTH = 1.2; // A pen that presses by half draws as wide as a mouse.

/** Lets pointers draw on a `DrawingPad`: one at a time, so that the palm beside the pen leaves no trace. */
export function listenToPointers(pad) {
  const { canvas } = pad;
  let pointer = null; // Id of the one that draws.

  canvas.addEventListener("pointerdown", (event) => {
    const isEraser = event.button === ERASER_BUTTON;
    if (pointer !== null || (event.button !== 0 && !isEraser)) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    pad.drop();
    pad.cursor = null;
    pad.begin(placeOf(event), widthOf(event), event.timeStamp, isEraser ? "eraser" : pad.tool);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    // A browser tells of several moves at once; all of them make the line round.
    const events = event.getCoalescedEvents?.() ?? [];
    pad.move((events.length ? events : [event]).map((one) => [placeOf(one), widthOf(one), one.timeStamp]));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    pad.end(event.timeStamp);
  });
  canvas.addEventListener("pointercancel", (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    pad.drop(); // The browser took the finger for something else.
  });

  function placeOf(event) {
    // The border of the canvas is not paper.
    const { left, top } = canvas.getBoundingClientRect();
    const { clientLeft, clientTop, clientWidth, clientHeight } = canvas;
    return [
      clip((event.clientX - left - clientLeft) / clientWidth),
      clip((event.clientY - top - clientTop) / clientHeight),
    ];
  }
}

function widthOf(event) {
  return event.pointerType === "pen" ? LEAST_WIDTH + PRESSED_WIDTH * event.pressure : 1;
}

function clip(value) {
  return Math.min(Math.max(value, 0), 1);
}
