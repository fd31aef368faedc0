/** Strokes drawn again, in their order and at the pace of the hand that drew them. */

const LONGEST_PAUSE = 400; // ms; nobody wants to watch somebody think.

/**
 * Draws strokes again.
 *
 * @param {Array<{points, widths, times}>} strokes As in strokes.js.
 * @param {function(Array)} paint Shows strokes, maybe the last one in part.
 * @param {AbortSignal} signal Ends it.
 * @param {boolean} isStill Shows whole strokes one after the other, for who asks for less motion.
 * @returns {Promise<void>} Settled when all is drawn, or ended.
 */
export async function replay(strokes, paint, signal, isStill) {
  const times = timeline(strokes);
  const start = performance.now();
  let shown = -1;
  while (!signal.aborted && shown < times.at(-1)?.at(-1)) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    if (signal.aborted) return;
    shown = performance.now() - start;
    paint(drawnBy(strokes, times, shown, isStill));
  }
}

/** Returns for every point when it is drawn, in ms from the beginning; pauses are cut short. */
export function timeline(strokes) {
  let now = 0;
  let before = null;
  return strokes.map(({ times }) =>
    times.map((time) => {
      now += before === null ? 0 : Math.min(Math.max(time - before, 0), LONGEST_PAUSE);
      before = time;
      return now;
    }),
  );
}

function drawnBy(strokes, times, now, isStill) {
  const drawn = [];
  for (const [index, stroke] of strokes.entries()) {
    const count = isStill && times[index].at(-1) > now ? 0 : times[index].filter((time) => time <= now).length;
    if (!count) break;
    drawn.push({ ...stroke, points: stroke.points.slice(0, count) });
  }
  return drawn;
}
