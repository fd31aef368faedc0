/**
 * A sketch encoder that tfsbir exported for LiteRT, running in the browser. Knows nothing of the page.
 *
 *     const encoder = await SketchEncoder.load("model/", "packages/@litertjs/core/wasm/");
 *     const pixels = encoder.pixelsOfStrokes(strokes);   // or await encoder.pixelsOfImage(file), or of a canvas
 *     const embedding = await encoder.encode(pixels);    // Float32Array
 */

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

import { fitImage } from "./fit_image.js";
import { rasterize } from "./rasterize.js";

const MODEL_FILE = "sketch_encoder.tflite";
const MAX_BYTES = 64 * 2 ** 20; // The bounds of tfsbir.data.images.
const MAX_PIXELS = 40e6;
const MIN_LINE_WIDTH = 0.125; // Of tfsbir.strokes.rasterize.
const FAINTEST_INK = 245; // Paper in a JPEG is not all white.

/** What the person can do something about: a missing or unfit file, a browser that is too old. */
export class EncoderError extends Error {}

export class SketchEncoder {
  /**
   * @property {number} imageSize Side of the model's input in px.
   * @property {number} canvasSize Side of the picture that the input is cut out of, in px.
   * @property {number} embeddingDim Length of an embedding.
   * @property {string} fingerprint Identity of the trained encoder; a gallery has that of its own.
   * @property {?string} teacher Identity of the encoder that this one was distilled from; it searches its galleries.
   * @property {number} lineWidth How wide lines are in the pictures it was trained on, in px of `canvasSize`.
   */
  constructor(model, preprocessing, description) {
    this.imageSize = preprocessing.image_size;
    this.canvasSize = preprocessing.canvas_size;
    this.embeddingDim = preprocessing.embedding_dim;
    this.fingerprint = description.fingerprint;
    this.teacher = description.teacher ?? null;
    const { line_width: lineWidth } = detailsOf(description);
    const isFit = lineWidth >= MIN_LINE_WIDTH && lineWidth <= this.canvasSize / 4;
    this.lineWidth = isFit ? lineWidth : this.canvasSize / 128;
    this.model = model;
  }

  /**
   * Loads an export of `python -m export.litert` with a float32 input in [-1, 1].
   *
   * @param {string} folder URL of the export, with a slash at its end.
   * @param {string} wasmFolder URL of the folder `wasm` of `@litertjs/core`.
   * @param {object} headers What requests for the export must carry.
   * @throws {EncoderError} Where WebAssembly or a file is missing, or a file is not what it should be.
   */
  static async load(folder, wasmFolder, headers = {}) {
    if (typeof WebAssembly !== "object") {
      throw new EncoderError("This browser has no WebAssembly, which the encoder runs in. Try a newer browser.");
    }
    const [description, preprocessing, bytes] = await Promise.all([
      fetchJson(`${folder}encoder.json`, headers),
      fetchJson(`${folder}preprocessing.json`, headers),
      fetchFile(`${folder}${MODEL_FILE}`, headers).then(
        async (response) => new Uint8Array(await response.arrayBuffer()),
      ),
    ]);
    checkDescription(folder, description, preprocessing);
    await checkBytes(`${folder}${MODEL_FILE}`, bytes, description.files?.[MODEL_FILE]);
    await loadRuntime(wasmFolder);
    const model = await compile(`${folder}${MODEL_FILE}`, bytes);
    const encoder = new SketchEncoder(model, preprocessing, description);
    try {
      checkTensors(`${folder}${MODEL_FILE}`, model, preprocessing);
      // The first run takes longer than the others, and shows whether there is an embedding at all.
      const paper = new Uint8Array(encoder.canvasSize ** 2).fill(255);
      if (!(await encoder.encode(paper)).every(Number.isFinite)) {
        throw new EncoderError(`${folder}${MODEL_FILE} must give finite embeddings; it gives others.`);
      }
    } catch (error) {
      encoder.delete();
      throw error;
    }
    return encoder;
  }

  /**
   * Draws strokes as the training sketches of tfsbir are drawn, whatever unit and place they come in.
   *
   * @param {Array<Array<[number, number]>>} strokes x to the right, y down.
   * @returns {Uint8Array} `canvasSize * canvasSize` greys; 0 is ink, 255 is paper.
   */
  pixelsOfStrokes(strokes) {
    return rasterize(strokes, this.canvasSize, this.canvasSize / 16, this.lineWidth);
  }

  /**
   * Reads a picture of a sketch, black on white; what is transparent becomes white.
   *
   * @param {Blob|HTMLCanvasElement|OffscreenCanvas} image An image file or a canvas of any size.
   * @returns {Promise<Uint8Array>} As `pixelsOfStrokes`.
   * @throws {EncoderError} For a file that is no image, or too large.
   */
  async pixelsOfImage(image) {
    if (image.size > MAX_BYTES) {
      throw new EncoderError(`A picture must have at most ${MAX_BYTES / 2 ** 20} MiB; this one has more.`);
    }
    let bitmap;
    try {
      bitmap = await createImageBitmap(image, { colorSpaceConversion: "none" });
    } catch {
      throw new EncoderError("This file cannot be read as a picture.");
    }
    const { width, height } = bitmap;
    try {
      if (width * height > MAX_PIXELS) {
        throw new EncoderError(`A picture must have at most ${MAX_PIXELS / 1e6} million pixels; this one has more.`);
      }
      const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      context.fillStyle = "white";
      context.fillRect(0, 0, width, height);
      context.drawImage(bitmap, 0, 0);
      return fitImage(context.getImageData(0, 0, width, height).data, width, height, this.canvasSize);
    } finally {
      bitmap.close();
    }
  }

  /**
   * Tells whether there is nothing to encode: no ink in what the model sees of the picture.
   *
   * @param {Uint8Array} pixels From `pixelsOfStrokes` or `pixelsOfImage`.
   */
  isBlank(pixels) {
    return this.#centerCrop(pixels).every((value) => value > FAINTEST_INK / 127.5 - 1);
  }

  /**
   * Encodes one sketch.
   *
   * @param {Uint8Array} pixels From `pixelsOfStrokes` or `pixelsOfImage`.
   * @returns {Promise<Float32Array>} Its embedding, `embeddingDim` values.
   */
  async encode(pixels) {
    if (pixels.length !== this.canvasSize ** 2) {
      throw new RangeError(`\`pixels\` must be ${this.canvasSize ** 2} greys. Received: ${pixels.length}`);
    }
    const input = new Tensor(this.#centerCrop(pixels), [1, this.imageSize, this.imageSize, 1]);
    let outputs = [];
    try {
      outputs = await this.model.run([input]);
      return await outputs[0].data();
    } finally {
      // LiteRT's memory is not the browser's to collect.
      for (const tensor of [input, ...outputs]) tensor.delete();
    }
  }

  /** Frees the model's memory. */
  delete() {
    this.model.delete();
  }

  /** Cuts out the centre, and turns 0..255 into [-1, 1]. */
  #centerCrop(pixels) {
    const [size, canvasSize] = [this.imageSize, this.canvasSize];
    const offset = Math.floor((canvasSize - size) / 2);
    const cropped = new Float32Array(size * size);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        cropped[row * size + column] = pixels[(offset + row) * canvasSize + offset + column] / 127.5 - 1;
      }
    }
    return cropped;
  }
}

let runtime; // LiteRT allows itself to be loaded once.

async function loadRuntime(wasmFolder) {
  runtime ??= loadLiteRt(wasmFolder);
  try {
    await runtime;
  } catch (error) {
    runtime = undefined;
    throw new EncoderError(`The LiteRT runtime cannot be loaded from ${wasmFolder}: ${reasonOf(error)}`);
  }
}

async function compile(url, bytes) {
  try {
    return await loadAndCompile(bytes, { accelerator: "wasm" });
  } catch (error) {
    throw new EncoderError(`${url} is damaged, or of a kind that this runtime does not know: ${reasonOf(error)}`);
  }
}

async function fetchFile(url, headers) {
  let response;
  try {
    response = await fetch(url, { headers });
  } catch (error) {
    throw new EncoderError(`${url} cannot be loaded: ${reasonOf(error)}`);
  }
  if (!response.ok) {
    throw new EncoderError(`${url} is missing (${response.status}). \`python -m export.litert\` writes it.`);
  }
  return response;
}

async function fetchJson(url, headers) {
  const response = await fetchFile(url, headers);
  try {
    return Object(await response.json());
  } catch (error) {
    throw new EncoderError(`${url} must be JSON; it is damaged: ${reasonOf(error)}`);
  }
}

/** Returns what `encoder.json` says of the model; older exports say nothing. */
function detailsOf(description) {
  return Object(description.models?.[MODEL_FILE]);
}

function checkDescription(folder, description, preprocessing) {
  require(`${folder}encoder.json`, "kind", description.kind, description.kind === "litert", '"litert"');
  const { fingerprint } = description;
  require(`${folder}encoder.json`, "fingerprint", fingerprint, typeof fingerprint === "string", "a text");
  const { interface: type = "float32", preprocessing: place = "outside" } = detailsOf(description);
  require(`${folder}encoder.json`, "interface", type, type === "float32", '"float32"');
  require(`${folder}encoder.json`, "preprocessing", place, place === "outside", '"outside"');
  const url = `${folder}preprocessing.json`;
  const { image_size: size, canvas_size: canvas, embedding_dim: dim, polarity, range, mean } = preprocessing;
  require(url, "canvas_size", canvas, Number.isInteger(canvas) && canvas >= 16 && canvas <= 2048, "in 16..2048");
  require(url, "image_size", size, Number.isInteger(size) && size > 0 && size <= canvas, `in 1..${canvas}`);
  require(url, "embedding_dim", dim, Number.isInteger(dim) && dim > 0, "> 0");
  require(url, "polarity", polarity, polarity === "black_on_white", '"black_on_white"');
  require(url, "range", range, Array.isArray(range) && range.join() === "-1,1", "[-1, 1]");
  require(url, "mean", mean, mean === 0, "0");
}

function require(url, key, value, isFit, wanted) {
  if (!isFit) {
    throw new EncoderError(`${url}: "${key}" must be ${wanted} for this page. Received: ${JSON.stringify(value)}`);
  }
}

async function checkBytes(url, bytes, sha256) {
  // Bytes 4 to 7 of a LiteRT model say what it is.
  if (String.fromCharCode(...bytes.subarray(4, 8)) !== "TFL3") {
    throw new EncoderError(`${url} is damaged: it must be a LiteRT model, and begins otherwise.`);
  }
  // A browser has the checksum only for pages that came by https or from this machine.
  if (sha256 === undefined || !globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) {
    throw new EncoderError(`${url} is damaged: it is not the file that encoder.json was written for.`);
  }
}

function checkTensors(url, model, preprocessing) {
  const describe = (tensors) => tensors.map(({ dtype, shape }) => `${dtype} [${[...shape].join(", ")}]`).join(" and ");
  const { image_size: size, embedding_dim: dim } = preprocessing;
  for (const [what, wanted, found] of [
    ["take", `float32 [1, ${size}, ${size}, 1]`, describe(model.getInputDetails())],
    ["give", `float32 [1, ${dim}]`, describe(model.getOutputDetails())],
  ]) {
    if (found !== wanted) {
      throw new EncoderError(`${url} must ${what} ${wanted}, as preprocessing.json says. Received: ${found}`);
    }
  }
}

function reasonOf(error) {
  return String(error?.message ?? error).split("\n")[0] || "no reason is given";
}
