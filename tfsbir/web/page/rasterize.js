/**
 * Strokes as pixels, as `tfsbir.strokes.rasterize` draws them: a round pen, without stairs.
 *
 * A canvas would draw other greys, and some browsers change the pixels that a page reads from one.
 */

/**
 * Draws strokes black on white, their bounding box fitted into the square less its margin and centred.
 *
 * The drawings of Quick, Draw! are drawn so for training: where and how large somebody draws makes no difference.
 *
 * @param {Array<Array<[number, number]>>} strokes In drawing order; x to the right, y down, in any unit. A stroke of
 *     one point is a dot.
 * @param {number} size Side of the picture in px.
 * @param {number} margin White border in px.
 * @param {number} lineWidth Diameter of the pen in px; one under 1 px leaves a paler line of 1 px.
 * @returns {Uint8Array} `size * size` greys, row by row; 0 is ink, 255 is paper.
 */
export function rasterize(strokes, size = 256, margin = size / 16, lineWidth = size / 128) {
  const ink = new Uint8Array(size * size);
  const width = Math.max(lineWidth, 1);
  const [left, top, right, bottom] = boundingFrame(strokes);
  const scale = (size - 2 * margin) / Math.max(right - left, bottom - top);
  const toPixel = ([x, y]) => [
    Math.fround((x - (left + right) / 2) * scale + (size - 1) / 2),
    Math.fround((y - (top + bottom) / 2) * scale + (size - 1) / 2),
  ];
  for (const stroke of strokes) {
    const points = stroke.map(toPixel);
    if (points.length === 1) {
      drawStep(ink, size, points[0], points[0], width);
    }
    for (let i = 1; i < points.length; i++) {
      drawStep(ink, size, points[i - 1], points[i], width);
    }
  }
  return ink.map((value) => Math.round(255 - Math.min(lineWidth, 1) * value));
}

/** Returns the strokes' bounding box; a side of length 0 gets the other's, or 1 if both are. */
function boundingFrame(strokes) {
  const frame = [Infinity, Infinity, -Infinity, -Infinity];
  for (const stroke of strokes) {
    for (const [x, y] of stroke) {
      frame[0] = Math.min(frame[0], x);
      frame[1] = Math.min(frame[1], y);
      frame[2] = Math.max(frame[2], x);
      frame[3] = Math.max(frame[3], y);
    }
  }
  const pad = (Math.max(frame[2] - frame[0], frame[3] - frame[1]) || 1) / 2;
  for (const axis of [0, 1]) {
    if (frame[axis] === frame[axis + 2]) {
      frame[axis] -= pad;
      frame[axis + 2] += pad;
    }
  }
  return frame;
}

/**
 * Blackens what one straight step of the pen covers.
 *
 * The step is met column by column along its longer axis. A rim that crosses a column on a slant is taken for two
 * level ones, one at a quarter and one at three quarters of the column's width. So the shares of a column add up to
 * the pen's height in it.
 */
function drawStep(ink, size, start, end, width) {
  // Steep steps see the picture transposed, and all steps go to the right.
  const isSteep = Math.abs(end[1] - start[1]) > Math.abs(end[0] - start[0]);
  let [x, y] = isSteep ? [start[1], start[0]] : start;
  let [run, rise] = isSteep ? [end[1] - x, end[0] - y] : [end[0] - x, end[1] - y];
  if (run < 0) {
    [x, y, run, rise] = [x + run, y + rise, -run, -rise];
  }
  const length = Math.hypot(run, rise);
  const [cosine, sine, slope] = length > 0 ? [run / length, rise / length, rise / run] : [1, 0, 0];
  const half = width / 2;
  const tilt = Math.abs(slope) / 4;
  const halfHeight = half / cosine + 0.5;
  const numRows = Math.floor(2 * (half * Math.SQRT2 + 0.75)) + 1;
  for (let column = Math.ceil(x - half - 0.5); column <= Math.floor(x + run + half + 0.5); column++) {
    const dx = column - x;
    const first = Math.ceil(y + clip(dx, 0, run) * slope - (halfHeight + tilt));
    for (let row = first; row < first + numRows; row++) {
      if (Math.min(row, column) < 0 || Math.max(row, column) >= size) continue;
      const dy = row - y;
      // The distance has a part across the step, and a part along it before its start or after its end.
      const across = dy * cosine - dx * sine;
      const along = dy * sine + dx * cosine;
      const distance = Math.hypot(across, along - clip(along, 0, length));
      const share = halfHeight - distance / cosine;
      const grey = Math.floor((clip(share - tilt, 0, 1) + clip(share + tilt, 0, 1)) * 127.5 + 0.5);
      const place = isSteep ? column * size + row : row * size + column;
      ink[place] = Math.max(ink[place], grey); // Where lines cross, nothing is darkened twice.
    }
  }
}

function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
