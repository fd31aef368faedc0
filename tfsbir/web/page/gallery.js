/** Photos that a sketch can find: their embeddings and names, as `python -m export.page_gallery` writes them. */

/** A missing or unfit file of a gallery. */
export class GalleryError extends Error {}

export class Gallery {
  /**
   * @param {string} folder URL of the gallery, with a slash at its end.
   * @param {{fingerprint: string, dim: number, names: string[]}} record
   * @param {Float32Array} embeddings `names.length * dim` values, photo by photo.
   */
  constructor(folder, record, embeddings) {
    this.folder = folder;
    this.fingerprint = record.fingerprint;
    this.dim = record.dim;
    this.names = record.names;
    this.embeddings = embeddings;
  }

  /**
   * Loads `names.json` and `embeddings.bin`.
   *
   * @throws {GalleryError} Where one is missing, damaged or does not fit the other.
   */
  static async load(folder) {
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

  /** URL of a photo's thumbnail. */
  thumbnail(index) {
    return `${this.folder}thumbnails/${index}.jpg`;
  }

  /**
   * Ranks photos by squared Euclidean distance, as tfsbir's galleries do: of equal ones the lower index comes first.
   *
   * @param {Float32Array} embedding `dim` values.
   * @param {number} count How many photos to return, at most.
   * @returns {Array<{index: number, name: string, distance: number}>} Nearest first.
   */
  nearest(embedding, count) {
    if (embedding.length !== this.dim) {
      throw new RangeError(`\`embedding\` must have ${this.dim} values. Received: ${embedding.length}`);
    }
    const ranked = this.names.map((name, index) => {
      let sum = 0;
      for (let i = 0, place = index * this.dim; i < this.dim; i++, place++) {
        sum += (this.embeddings[place] - embedding[i]) ** 2;
      }
      return { index, name, distance: Math.fround(sum) };
    });
    ranked.sort((one, other) => one.distance - other.distance || one.index - other.index);
    return ranked.slice(0, count);
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
    throw new GalleryError(`${url} is missing (${response.status}). README.md says how to make a gallery there.`);
  }
  return response;
}

function littleEndian(buffer) {
  const view = new DataView(buffer);
  return Float32Array.from({ length: buffer.byteLength / 4 }, (_, index) => view.getFloat32(4 * index, true));
}
