/**
 * Strokes as the paper keeps them, and what is asked of them.
 *
 * A stroke is `{ points, widths, times }`: places in shares of the paper's side, x to the right and y down; for each
 * the width of the pen there, 1 where nothing presses; and when the pen was there, in ms.
 */

// Hands stay in one place longer than pens have points: nearer ones are left out.
const MIN_STEP = 1 / 1000;

/** Returns a stroke of one point. */
export function newStroke(point, width, time) {
  return { points: [point], widths: [width], times: [time] };
}

/** Adds a point to a stroke unless it is where the last one is. */
export function extend(stroke, point, width, time) {
  const [x, y] = stroke.points.at(-1);
  if (Math.hypot(point[0] - x, point[1] - y) < MIN_STEP) return;
  stroke.points.push(point);
  stroke.widths.push(width);
  stroke.times.push(time);
}

/** Tells whether a stroke comes nearer than `reach` to a place. */
export function isTouched(stroke, place, reach) {
  const { points } = stroke;
  if (points.length === 1) return distanceToStep(place, points[0], points[0]) <= reach;
  return points.some((point, index) => index > 0 && distanceToStep(place, points[index - 1], point) <= reach);
}

/** Returns the strokes' bounding box as `[left, top, right, bottom]`. */
export function boundsOf(strokes) {
  const frame = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of strokes.flatMap(({ points }) => points)) {
    frame[0] = Math.min(frame[0], x);
    frame[1] = Math.min(frame[1], y);
    frame[2] = Math.max(frame[2], x);
    frame[3] = Math.max(frame[3], y);
  }
  return frame;
}

function distanceToStep([x, y], [fromX, fromY], [toX, toY]) {
  const [runX, runY] = [toX - fromX, toY - fromY];
  const length = runX ** 2 + runY ** 2;
  const share = length ? Math.min(Math.max(((x - fromX) * runX + (y - fromY) * runY) / length, 0), 1) : 0;
  return Math.hypot(x - fromX - share * runX, y - fromY - share * runY);
}
