/** Where drawings become what is searched for: here, or on the server. */

import { pictureOf } from "./drawing_pad.js";
import { fitImage } from "./fit_image.js";
import { SearchError } from "./search_error.js";

const MODEL_FOLDER = "model/";
const WASM_FOLDER = "packages/@litertjs/core/wasm/";
const SHOWN_SIZE = 512; // px, of pictures that the server reads by itself.

export class Encoding {
  #turn = Promise.resolve(); // The model encodes one drawing after the other.

  /**
   * @property {?SketchEncoder} encoder The one that runs here; null where drawings go to the server.
   * @property {string} reason Why they do, in words; "" where they do not.
   */
  constructor(facts, encoder, reason) {
    this.facts = facts;
    this.encoder = encoder;
    this.reason = reason;
  }

  /**
   * Loads the encoder of a gallery, or finds out why it cannot run here.
   *
   * @param {ServerSearch|Gallery} search
   * @throws {SearchError} Where it cannot, and there is no server that could.
   */
  static async open(search) {
    const { facts } = search;
    try {
      if (!facts.encoderOnDevice) throw new Error("The server has no encoder for the page.");
      if (typeof WebAssembly !== "object") {
        throw new Error("This browser has no WebAssembly, which the encoder runs in.");
      }
      return new Encoding(facts, await loadEncoder(search), "");
    } catch (error) {
      if (!search.canEncode) throw new SearchError("refused", error.message);
      return new Encoding(facts, null, error.message);
    }
  }

  /**
   * Turns a drawing into a query.
   *
   * @param {{strokes: Array<{points}>, picture: ?object}} drawing `picture` as from `readPicture`.
   * @param {{onServer: boolean, signal: AbortSignal}} options Whether the server is to see the drawing itself.
   * @returns {Promise<?{query, pixels: ?Uint8Array, encodeMs: number}>} null where there is nothing to be seen.
   */
  async queryOf({ strokes, picture }, { onServer, signal }) {
    if (!strokes.length && !picture) return null;
    const listed = strokes.map(({ points }) => points);
    if (!this.encoder || onServer) {
      return { query: picture ? { image: picture.file } : { strokes: listed }, pixels: null, encodeMs: 0 };
    }
    const pixels = picture
      ? (picture.pixels ??= await this.encoder.pixelsOfImage(picture.file))
      : this.encoder.pixelsOfStrokes(listed);
    if (this.encoder.isBlank(pixels)) return null;
    const before = this.#turn;
    const encoded = before.then(async () => {
      signal.throwIfAborted();
      const start = performance.now();
      const vector = await this.encoder.encode(pixels);
      return { query: { vector }, pixels, encodeMs: performance.now() - start };
    });
    this.#turn = encoded.catch(() => {});
    return encoded;
  }

  /**
   * Reads an image file.
   *
   * @param {Blob} file
   * @returns {Promise<{canvas, pixels: ?Uint8Array, file: Blob}>} `canvas` shows it on a white square.
   * @throws {Error} Where it is no image, or larger than what reads it takes.
   */
  async readPicture(file) {
    if (this.encoder) {
      const pixels = await this.encoder.pixelsOfImage(file);
      return { canvas: pictureOf(pixels, this.encoder.canvasSize), pixels, file };
    }
    const { max_body_bytes: maxBytes = Infinity, max_pixels: maxPixels = Infinity } = this.facts.limits ?? {};
    // It travels as base64, four characters for three bytes, with some JSON around it.
    const most = Math.floor(((maxBytes - 1024) * 3) / 4);
    if (file.size > most) {
      throw new Error(
        `A picture must have at most ${(most / 1e6).toFixed(1)} MB here; this one has ${(file.size / 1e6).toFixed(1)}.`,
      );
    }
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new Error("This file cannot be read as a picture.");
    });
    try {
      const { width, height } = bitmap;
      if (width * height > maxPixels) {
        throw new Error(`A picture must have at most ${maxPixels / 1e6} million pixels here; this one has more.`);
      }
      return { canvas: shown(bitmap), pixels: null, file };
    } finally {
      bitmap.close();
    }
  }

  /** Frees the encoder's memory. */
  delete() {
    this.encoder?.delete();
  }
}

async function loadEncoder({ facts, headers }) {
  // Not imported above: where packages are missing it cannot be, and that is to be told.
  const { SketchEncoder } = await import("./sketch_encoder.js").catch(() => {
    throw new Error("LiteRT.js is missing beside the page; `make web` fetches it.");
  });
  const encoder = await SketchEncoder.load(MODEL_FOLDER, WASM_FOLDER, headers);
  const isKnown = [encoder.fingerprint, encoder.teacher].includes(facts.fingerprint);
  if (!isKnown || encoder.embeddingDim !== facts.dim) {
    encoder.delete();
    throw new Error("The gallery was made by another encoder than the page's.");
  }
  return encoder;
}

function shown(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return pictureOf(fitImage(data, bitmap.width, bitmap.height, SHOWN_SIZE), SHOWN_SIZE);
}
