/** Paper on a canvas, for a mouse, a pen, a finger or the keyboard. Keeps strokes; knows nothing of encoders. */

const PEN_WIDTH = 1 / 90; // As a share of the paper's side.
const KEY_STEP = 1 / 32;
const FINE_KEY_STEP = 1 / 128;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class DrawingPad extends EventTarget {
  /**
   * Draws on a square `canvas` of any size on the screen. Tells of each finished stroke and of what is taken back
   * with the event "change".
   *
   * @property {Array<Array<[number, number]>>} strokes x to the right and y down, in [0, 1] on the paper.
   */
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.strokes = [];
    this.picture = null;
    this.pointer = null; // Id of the pointer that draws; other fingers are left out.
    this.cursor = null; // Place of the keyboard's pen, once an arrow key was pressed.
    this.isKeyPenDown = false;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#go(event));
    canvas.addEventListener("pointerup", (event) => this.#end(event));
    canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
    canvas.addEventListener("keydown", (event) => this.#press(event));
    canvas.addEventListener("blur", () => this.#leave());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Takes the last stroke back, or the picture. */
  undo() {
    if (this.picture) {
      this.picture = null;
    } else if (!this.strokes.pop()) {
      return;
    }
    this.#stopDrawing();
    this.#change();
  }

  /** Leaves white paper. */
  clear() {
    this.strokes = [];
    this.picture = null;
    this.cursor = null;
    this.#stopDrawing();
    this.#change();
  }

  /**
   * Shows a picture in the place of strokes, until the next stroke. Does not tell "change".
   *
   * @param {Uint8Array} pixels `size * size` greys.
   */
  show(pixels, size) {
    this.strokes = [];
    this.picture = pictureOf(pixels, size);
    this.#stopDrawing();
    this.draw();
  }

  /** Draws everything anew, at the resolution of the screen. */
  draw() {
    const side = Math.max(1, Math.round(this.canvas.clientWidth * devicePixelRatio));
    if (this.canvas.width !== side) {
      this.canvas.width = this.canvas.height = side; // Setting it clears the canvas, so only where it changes.
    }
    const context = this.canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, side, side);
    if (this.picture) {
      context.drawImage(this.picture, 0, 0, side, side);
    }
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = PEN_WIDTH * side;
    context.strokeStyle = "black";
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * side, stroke[0][1] * side);
      for (const [x, y] of stroke.length > 1 ? stroke.slice(1) : stroke) {
        context.lineTo(x * side, y * side);
      }
      context.stroke();
    }
    if (this.cursor) {
      context.lineWidth = devicePixelRatio * 2;
      context.strokeStyle = this.isKeyPenDown ? "#c2410c" : "#2563eb";
      context.beginPath();
      context.arc(this.cursor[0] * side, this.cursor[1] * side, 6 * devicePixelRatio, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  #begin(event) {
    if (this.pointer !== null || event.button !== 0) return;
    this.#stopDrawing();
    this.cursor = null;
    this.picture = null;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.strokes.push([this.#placeOf(event)]);
    this.draw();
  }

  #go(event) {
    if (event.pointerId !== this.pointer) return;
    // A browser tells of several moves at once; all of them make the line round.
    const events = event.getCoalescedEvents?.() ?? [];
    this.strokes.at(-1).push(...(events.length ? events : [event]).map((one) => this.#placeOf(one)));
    this.draw();
  }

  #end(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.#change();
  }

  #cancel(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.strokes.pop(); // The browser took the finger for something else.
    this.#change();
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.pointer !== null) return;
    if (event.key in ARROWS) {
      const step = event.shiftKey ? FINE_KEY_STEP : KEY_STEP;
      const from = this.cursor ?? [0.5, 0.5];
      this.cursor = from.map((value, axis) => clip(value + ARROWS[event.key][axis] * step));
      if (this.isKeyPenDown) {
        this.strokes.at(-1).push(this.cursor);
      }
      this.draw();
    } else if (event.key === " ") {
      this.cursor ??= [0.5, 0.5];
      this.isKeyPenDown = !this.isKeyPenDown;
      if (this.isKeyPenDown) {
        this.picture = null;
        this.strokes.push([this.cursor]);
        this.draw();
      } else {
        this.#change();
      }
    } else if (event.key === "Backspace") {
      this.undo();
    } else {
      return;
    }
    event.preventDefault();
  }

  #leave() {
    const wasDown = this.isKeyPenDown;
    this.#stopDrawing();
    this.cursor = null;
    if (wasDown) {
      this.#change();
    } else {
      this.draw();
    }
  }

  #stopDrawing() {
    this.pointer = null;
    this.isKeyPenDown = false;
  }

  #change() {
    this.draw();
    this.dispatchEvent(new Event("change"));
  }

  #placeOf(event) {
    // The border of the canvas is not paper.
    const { left, top } = this.canvas.getBoundingClientRect();
    const { clientLeft, clientTop, clientWidth, clientHeight } = this.canvas;
    return [
      clip((event.clientX - left - clientLeft) / clientWidth),
      clip((event.clientY - top - clientTop) / clientHeight),
    ];
  }
}

/** Returns greys as a canvas of their size. */
export function pictureOf(pixels, size, canvas = new OffscreenCanvas(size, size)) {
  const image = new ImageData(size, size);
  pixels.forEach((grey, index) => image.data.set([grey, grey, grey, 255], 4 * index));
  canvas.width = canvas.height = size;
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
  return canvas;
}

function clip(value) {
  return Math.min(Math.max(value, 0), 1);
}
