/**
 * Pictures of any size on the encoder's canvas, as `tfsbir.data.images.read_image` puts them there.
 *
 * A browser's own scaling is not Pillow's: the lines of a shrunk drawing get other greys, and the embedding moves.
 */

const PRECISION = 2 ** 22; // Pillow's weights are whole numbers of this.

/**
 * Fits a picture on a white square: its longer side is `size`, and it is centred.
 *
 * @param {Uint8ClampedArray} rgba Opaque pixels, row by row, four bytes each.
 * @param {number} width
 * @param {number} height
 * @param {number} size Side of the square in px. A picture of exactly that size keeps its pixels.
 * @returns {Uint8Array} `size * size` greys, row by row; 255 is white.
 */
export function fitImage(rgba, width, height, size) {
  const scale = size / Math.max(width, height);
  const fittedWidth = Math.max(1, roundHalfToEven(width * scale));
  const fittedHeight = Math.max(1, roundHalfToEven(height * scale));
  let pixels = rgba;
  if (fittedWidth !== width || fittedHeight !== height) {
    pixels = resizeAndTranspose(pixels, width, height, fittedWidth);
    pixels = resizeAndTranspose(pixels, height, fittedWidth, fittedHeight);
  }
  const grey = new Uint8Array(size * size).fill(255);
  const top = Math.floor((size - fittedHeight) / 2);
  const left = Math.floor((size - fittedWidth) / 2);
  for (let row = 0; row < fittedHeight; row++) {
    for (let column = 0; column < fittedWidth; column++) {
      const place = 4 * (row * fittedWidth + column);
      const [red, green, blue] = [pixels[place], pixels[place + 1], pixels[place + 2]];
      // ITU-R 601-2 luma in Pillow's whole numbers.
      grey[(top + row) * size + left + column] = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
    }
  }
  return grey;
}

/**
 * Scales the width by Lanczos' kernel of three lobes, antialiased, in the whole numbers that Pillow calculates with.
 *
 * @returns {Uint8ClampedArray} RGBA, with rows as columns: `fittedWidth` rows of `height` pixels. Alpha stays 0.
 */
function resizeAndTranspose(rgba, width, height, fittedWidth) {
  const resized = new Uint8ClampedArray(4 * fittedWidth * height);
  const scale = width / fittedWidth;
  const reach = 3 * Math.max(scale, 1);
  for (let to = 0; to < fittedWidth; to++) {
    const center = (to + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(width, Math.trunc(center + reach + 0.5));
    let weights = [];
    for (let from = first; from < end; from++) {
      weights.push(lanczos((from - center + 0.5) / Math.max(scale, 1)));
    }
    const sum = weights.reduce((total, weight) => total + weight, 0);
    weights = weights.map((weight) => Math.trunc((weight / sum) * PRECISION + 0.5 * Math.sign(weight)));
    for (let row = 0; row < height; row++) {
      for (let channel = 0; channel < 3; channel++) {
        let total = PRECISION / 2;
        let place = 4 * (row * width + first) + channel;
        for (let i = 0; i < weights.length; i++, place += 4) {
          total += rgba[place] * weights[i];
        }
        resized[4 * (to * height + row) + channel] = Math.floor(total / PRECISION);
      }
    }
  }
  return resized;
}

function lanczos(x) {
  return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Python's rounding. */
function roundHalfToEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
