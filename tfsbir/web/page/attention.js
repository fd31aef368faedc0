/** Where an encoder looked, as colour over what it looked at. */

const COLOR = [234, 88, 12];
const STRONGEST = 200; // Of 255, the colour's opacity where most attention is.

/**
 * Paints shares of attention on a canvas that lies over a square picture.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number[][]} rows Shares, from the top.
 * @param {number} seenShare Side of the picture's centre that the encoder saw, as a share of the picture's.
 */
export function paintAttention(canvas, rows, seenShare) {
  canvas.width = canvas.height = 256;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, 256, 256);
  const [border, side] = [(128 * (1 - seenShare)), 256 * seenShare];
  context.drawImage(mapOf(rows), border, border, side, side);
}

/** Paints it over a drawing: `frame` is `{ left, top, side }` of what the encoder saw, in shares of the canvas. */
export function paintDrawingAttention(canvas, rows, { left, top, side }) {
  canvas.width = canvas.height = 512;
  canvas.getContext("2d").drawImage(mapOf(rows), 512 * left, 512 * top, 512 * side, 512 * side);
}

/** Returns the square of the paper that an encoder sees of strokes that it fits into its canvas, as shares. */
export function seenFrame([left, top, right, bottom], seenShare) {
  // The longer side fills the canvas less a margin of a sixteenth on both sides.
  const canvasSide = (Math.max(right - left, bottom - top) || 1) / (1 - 2 / 16);
  const side = canvasSide * seenShare;
  return { left: (left + right - side) / 2, top: (top + bottom - side) / 2, side };
}

function mapOf(rows) {
  const [height, width] = [rows.length, rows[0].length];
  const most = Math.max(...rows.flat()) || 1;
  const image = new ImageData(width, height);
  rows.flat().forEach((share, index) => image.data.set([...COLOR, (STRONGEST * share) / most], 4 * index));
  const map = new OffscreenCanvas(width, height);
  map.getContext("2d").putImageData(image, 0, 0);
  return map;
}
