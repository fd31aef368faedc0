/** Paper on a canvas: what is drawn on it, what was, and how it looks. Knows nothing of encoders. */

import { History } from "./history.js";
import { listenToKeys } from "./pad_keys.js";
import { listenToPointers } from "./pad_pointers.js";
import { extend, isTouched, newStroke } from "./strokes.js";

const PEN_WIDTH = 1 / 90; // As a share of the paper's side.
const ERASER_REACH = 1 / 40;
const BLANK = { strokes: [], picture: null };

export class DrawingPad extends EventTarget {
  #history = new History(BLANK);
  #stroke = null; // The one that is being drawn.
  #erased = null; // Set of strokes that the eraser has touched since it was put down.
  #eraser = null; // Where it is.
  #replayed = null; // What a replay shows in the place of the drawing.

  /**
   * Draws on a square `canvas` of any size on the screen, by a mouse, a pen, a finger or the keyboard. Tells of all
   * that changes the drawing by the event "change", whose `detail` has `isFinished`, false while a stroke grows,
   * and `time`, when the hand moved, in ms.
   *
   * @property {"pen"|"eraser"} tool
   * @property {?[number, number]} cursor Place of the keyboard's pen, once an arrow key was pressed.
   */
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.tool = "pen";
    this.cursor = null;
    listenToPointers(this);
    listenToKeys(this);
    new ResizeObserver(() => this.paint()).observe(canvas);
  }

  /** Strokes as in strokes.js, the one that grows among them. */
  get strokes() {
    const { strokes } = this.#history.now;
    if (this.#stroke) return [...strokes, this.#stroke];
    return this.#erased ? strokes.filter((stroke) => !this.#erased.has(stroke)) : strokes;
  }

  /** The picture in the place of strokes, as `showPicture` got it, or null. */
  get picture() {
    return this.#stroke ? null : this.#history.now.picture;
  }

  get isBlank() {
    return !this.strokes.length && !this.picture;
  }

  get isDrawing() {
    return Boolean(this.#stroke || this.#erased);
  }

  get canUndo() {
    return this.#history.canUndo;
  }

  get canRedo() {
    return this.#history.canRedo;
  }

  undo() {
    this.drop();
    if (this.#history.undo()) this.#tell(true);
  }

  redo() {
    this.drop();
    if (this.#history.redo()) this.#tell(true);
  }

  /** Leaves white paper, which `undo` takes back. */
  clear() {
    this.drop();
    this.cursor = null;
    if (!this.isBlank) this.#push(BLANK);
  }

  /** Puts a picture in the place of the drawing: `canvas`, a square one to show, and whatever else is to be kept. */
  showPicture(picture) {
    this.drop();
    this.#push({ strokes: [], picture });
  }

  /** Puts strokes of points in the place of the drawing. */
  showStrokes(strokes) {
    this.drop();
    this.#push({ strokes, picture: null });
  }

  /** Puts the tool down at a place. `width` is the pen's. */
  begin(place, width, time, tool = this.tool) {
    this.#replayed = null;
    if (tool === "eraser") {
      this.#erased = new Set();
      this.#eraser = place;
      this.#eraseTo(place);
    } else {
      this.#stroke = newStroke(place, width, time);
    }
    this.#tell(false, time);
  }

  /** Moves the tool, where it is down, through `samples` of `[place, width, time]`. */
  move(samples) {
    if (!this.isDrawing) return;
    for (const [place, width, time] of samples) {
      if (this.#erased) this.#eraseTo(place);
      else extend(this.#stroke, place, width, time);
    }
    this.#tell(false, samples.at(-1)[2]);
  }

  /** Lifts the tool. */
  end(time) {
    const { strokes } = this;
    const hasChanged = this.#stroke || this.#erased?.size;
    this.#stroke = this.#erased = null;
    if (hasChanged) this.#push({ strokes, picture: null }, time);
    else this.paint();
  }

  /** Forgets what the tool has done since it was put down. */
  drop() {
    this.#replayed = null;
    if (!this.isDrawing) return;
    this.#stroke = this.#erased = null;
    this.#tell(true);
  }

  /** Shows strokes in the place of the drawing until something is drawn, or the drawing again for null. */
  showReplay(strokes) {
    this.#replayed = strokes;
    this.paint();
  }

  /** Paints everything anew, at the resolution of the screen. */
  paint() {
    const { canvas } = this;
    const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    if (canvas.width !== side) {
      canvas.width = canvas.height = side; // Setting it clears the canvas, so only where it changes.
    }
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, side, side);
    if (this.picture) context.drawImage(this.picture.canvas, 0, 0, side, side);
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = "black";
    for (const stroke of this.#replayed ?? this.strokes) paintStroke(context, stroke, side);
    if (this.cursor) {
      context.lineWidth = devicePixelRatio * 2;
      context.strokeStyle = this.isDrawing ? "#c2410c" : "#2563eb";
      context.beginPath();
      context.arc(this.cursor[0] * side, this.cursor[1] * side, 6 * devicePixelRatio, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  #eraseTo([x, y]) {
    const [fromX, fromY] = this.#eraser;
    this.#eraser = [x, y];
    // A quick hand leaves gaps that strokes would slip through.
    const steps = Math.max(1, Math.ceil(Math.hypot(x - fromX, y - fromY) / ERASER_REACH));
    for (let step = 1; step <= steps; step++) {
      const place = [fromX + ((x - fromX) * step) / steps, fromY + ((y - fromY) * step) / steps];
      for (const stroke of this.strokes) {
        if (isTouched(stroke, place, ERASER_REACH)) this.#erased.add(stroke);
      }
    }
  }

  #push(state, time) {
    this.#history.push(state);
    this.#tell(true, time);
  }

  #tell(isFinished, time = performance.now()) {
    this.paint();
    this.dispatchEvent(new CustomEvent("change", { detail: { isFinished, time } }));
  }
}

function paintStroke(context, { points, widths }, side) {
  const isEven = widths.every((width) => width === widths[0]);
  const place = (index) => [points[index][0] * side, points[index][1] * side];
  context.lineWidth = PEN_WIDTH * side * widths[0];
  context.beginPath();
  context.moveTo(...place(0));
  if (points.length === 1) context.lineTo(...place(0));
  for (let index = 1; index < points.length; index++) {
    context.lineTo(...place(index));
    if (!isEven) {
      // A line has one width, so one that the hand presses is made of its steps.
      context.lineWidth = PEN_WIDTH * side * widths[index];
      context.stroke();
      context.beginPath();
      context.moveTo(...place(index));
    }
  }
  context.stroke();
}

/** Returns greys as a canvas of their size. */
export function pictureOf(pixels, size, canvas = new OffscreenCanvas(size, size)) {
  const image = new ImageData(size, size);
  pixels.forEach((grey, index) => image.data.set([grey, grey, grey, 255], 4 * index));
  canvas.width = canvas.height = size;
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
  return canvas;
}
