/** Photos that the page finds by itself, in the files of `python -m export.page`. */

import { SearchError } from "./search_error.js";

const HAS = 0.5; // From this probability on, a sketch or a photo counts as having an attribute.

/** A missing or unfit file of a gallery. */
export class GalleryError extends SearchError {
  constructor(message) {
    super("refused", message);
  }
}

export class Gallery {
  /**
   * @param {string} folder URL of the gallery, with a slash at its end.
   * @param {{fingerprint: string, dim: number, names: string[], metadata: ?object[], attributes: ?string[]}} record
   * @param {Float32Array} embeddings `names.length * dim` values, photo by photo; the last of a photo are the
   *     probabilities of its attributes.
   */
  constructor(folder, record, embeddings) {
    this.folder = folder;
    this.dim = record.dim;
    this.names = record.names;
    this.metadata = record.metadata ?? [];
    this.embeddings = embeddings;
    this.headers = {};
    this.canEncode = false;
    const attributes = record.attributes ?? [];
    this.facts = {
      numPhotos: this.names.length,
      attributes,
      explains: { attributes: attributes.length > 0, attention: false },
      fingerprint: record.fingerprint,
      dim: this.dim,
      encoderOnDevice: true,
      limits: null,
      seenShare: 1,
    };
  }

  /**
   * Loads `names.json` and `embeddings.bin`.
   *
   * @throws {GalleryError} Where one is missing, damaged or does not fit the other.
   */
  static async open(folder = "gallery/") {
    const [record, buffer] = await Promise.all([
      fetchFile(`${folder}names.json`).then((response) => response.json().catch(() => null)),
      fetchFile(`${folder}embeddings.bin`).then((response) => response.arrayBuffer()),
    ]);
    if (record === null) {
      throw new GalleryError(`${folder}names.json must be JSON; it is damaged.`);
    }
    const { names, dim, fingerprint } = Object(record);
    const isFit = Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === "string");
    if (!isFit || !Number.isInteger(dim) || dim < 1 || typeof fingerprint !== "string") {
      throw new GalleryError(`${folder}names.json must hold "names", "dim" and "fingerprint"; it does not.`);
    }
    const numBytes = 4 * names.length * dim;
    if (buffer.byteLength !== numBytes) {
      const found = buffer.byteLength;
      throw new GalleryError(
        `${folder}embeddings.bin must have ${numBytes} bytes (${names.length} photos of ${dim}); it has ${found}.`,
      );
    }
    return new Gallery(folder, record, littleEndian(buffer));
  }

  /** URL of a photo's picture; there is one size. */
  async pictureUrl(result) {
    return `${this.folder}thumbnails/${result.index}.jpg`;
  }

  /**
   * Finds photos by squared Euclidean distance, as tfsbir's galleries do: of equal ones the lower index comes first.
   *
   * @param {{vector: Float32Array}} query `dim` values.
   * @param {{count: number, present: string[], absent: string[], explain: boolean}} options How many photos to
   *     return, at most; attributes that they must have, and must not; whether to tell which attributes match.
   * @returns {Promise<{results, sketchAttention, encodedOn, encodeMs, searchMs, numPhotos}>} `results`, nearest
   *     first, have `id`, `index`, `rank`, `name`, `distance`, `metadata`, `shared` and `differing` attributes
   *     as `{ attribute, sketch, photo }` and `attention`.
   */
  async find({ vector }, { count, present = [], absent = [], explain = false }) {
    if (vector.length !== this.dim) {
      throw new RangeError(`\`vector\` must have ${this.dim} values. Received: ${vector.length}`);
    }
    const start = performance.now();
    const [wanted, unwanted] = [present, absent].map((names) => names.map((name) => this.#placeOf(name)));
    const ranked = [];
    for (let index = 0; index < this.names.length; index++) {
      const has = (place) => this.embeddings[index * this.dim + place] >= HAS;
      if (!wanted.every(has) || unwanted.some(has)) continue;
      let sum = 0;
      for (let i = 0, place = index * this.dim; i < this.dim; i++, place++) {
        sum += (this.embeddings[place] - vector[i]) ** 2;
      }
      ranked.push({ index, distance: Math.fround(sum) });
    }
    ranked.sort((one, other) => one.distance - other.distance || one.index - other.index);
    const results = ranked.slice(0, count).map(({ index, distance }, place) => {
      const name = this.names[index];
      const metadata = this.metadata[index] ?? {};
      const compared = explain ? this.#compare(vector, index) : { shared: [], differing: [] };
      return { id: name, index, rank: place + 1, name, distance, metadata, attention: null, ...compared };
    });
    const searchMs = performance.now() - start;
    const numPhotos = ranked.length;
    return { results, sketchAttention: null, encodedOn: "device", encodeMs: 0, searchMs, numPhotos };
  }

  /** Compares attributes as `tfsbir.retrieval.compare_attributes` does; those that neither has are left out. */
  #compare(vector, index) {
    const compared = this.facts.attributes
      .map((attribute) => {
        const place = this.#placeOf(attribute);
        return { attribute, sketch: vector[place], photo: this.embeddings[index * this.dim + place] };
      })
      .filter(({ sketch, photo }) => sketch >= HAS || photo >= HAS);
    const isShared = ({ sketch, photo }) => sketch >= HAS && photo >= HAS;
    return {
      shared: compared.filter(isShared),
      differing: compared.filter((one) => !isShared(one)),
    };
  }

  #placeOf(attribute) {
    const { attributes } = this.facts;
    return this.dim - attributes.length + attributes.indexOf(attribute);
  }
}

async function fetchFile(url) {
  let response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new GalleryError(`${url} cannot be loaded: ${error.message}`);
  }
  if (!response.ok) {
    throw new GalleryError(`${url} is missing (${response.status}). \`python -m export.page\` writes it.`);
  }
  return response;
}

function littleEndian(buffer) {
  const view = new DataView(buffer);
  return Float32Array.from({ length: buffer.byteLength / 4 }, (_, index) => view.getFloat32(4 * index, true));
}
