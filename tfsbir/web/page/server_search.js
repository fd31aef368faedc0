/** Photos that `tfsbir serve` finds. Has the interface of gallery.js. */

import { SearchError } from "./search_error.js";

const TOKEN_KEY = "tfsbir token";
const TIMEOUT = 30e3; // ms

export class ServerSearch {
  /** @property {object} facts What `/gallery` tells; see `open`. */
  constructor(base, facts) {
    this.base = base;
    this.facts = facts;
    this.canEncode = true;
  }

  /**
   * Asks a server what it searches.
   *
   * @param {string} base URL of the server, with a slash at its end, or "" for the page's own.
   * @throws {SearchError} Where it does not answer, or not with facts.
   */
  static async open(base = "") {
    const facts = await (await ask(`${base}gallery`)).json();
    return new ServerSearch(base, {
      numPhotos: facts.num_photos,
      attributes: facts.attributes,
      explains: facts.explains,
      fingerprint: facts.fingerprint,
      dim: facts.dim,
      encoderOnDevice: facts.encoder_on_device,
      limits: facts.limits,
      seenShare: facts.image_size / facts.canvas_size,
    });
  }

  /** What a request for the encoder's files must carry. */
  get headers() {
    return authorization();
  }

  /**
   * Finds photos.
   *
   * @param {{vector: Float32Array}|{strokes: number[][][]}|{image: Blob}} query One of them.
   * @param {{count: number, present: string[], absent: string[], explain: boolean, signal: AbortSignal}} options
   * @returns {Promise<{results, sketchAttention, encodedOn, encodeMs, searchMs, numPhotos}>} As gallery.js has it.
   * @throws {SearchError}
   */
  async find(query, { count, present, absent, explain, signal }) {
    const response = await ask(`${this.base}search`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        ...(await asJson(query)),
        k: Math.min(count, this.facts.limits?.max_k ?? count),
        with_attributes: present,
        without_attributes: absent,
        explain,
      }),
      signal,
    });
    const answer = await response.json();
    return {
      results: answer.results.map((result) => ({
        id: result.photo_id,
        rank: result.rank,
        name: result.photo_id,
        distance: result.distance,
        metadata: result.metadata ?? {},
        shared: result.shared ?? [],
        differing: result.differing ?? [],
        attention: result.attention ?? null,
        photoUrl: result.photo_url,
      })),
      sketchAttention: answer.sketch_attention ?? null,
      encodedOn: answer.encoded_on,
      encodeMs: answer.encode_ms,
      searchMs: answer.search_ms,
      numPhotos: answer.num_photos,
    };
  }

  /**
   * Returns a URL for an image element, which cannot say who asks.
   *
   * @param {object} result From `find`.
   * @param {number} size Longer side in px.
   */
  async pictureUrl(result, size) {
    const url = new URL(result.photoUrl.replace(/^\//, this.base), document.baseURI);
    url.searchParams.set("size", size);
    if (!sessionStorage.getItem(TOKEN_KEY)) return url.href;
    return URL.createObjectURL(await (await ask(url.href)).blob());
  }
}

/** Keeps a token for as long as the tab is open. */
export function keepToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

function authorization() {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function asJson({ vector, strokes, image }) {
  // Nine digits tell any two float32 apart.
  if (vector) return { vector: Array.from(vector, (value) => Number(value.toPrecision(9))) };
  if (strokes) return { strokes };
  return { image: await base64(image) };
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

async function ask(url, { signal, headers, ...options } = {}) {
  const limit = AbortSignal.timeout(TIMEOUT);
  let response;
  try {
    response = await fetch(url, {
      ...options,
      headers: { ...headers, ...authorization() },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new SearchError("unreachable", "The server does not answer.");
  }
  if (response.ok) return response;
  const detail = await detailOf(response);
  switch (response.status) {
    case 401:
      throw new SearchError("token", detail);
    case 429:
    case 503:
      throw new SearchError("busy", "The server has much to do.", pauseOf(response));
    case 502:
    case 504:
      throw new SearchError("unreachable", "The server does not answer.");
    case 500:
      throw new SearchError("unreachable", "The server has failed.");
    default:
      throw new SearchError("refused", detail);
  }
}

async function detailOf(response) {
  const { detail } = Object(await response.json().catch(() => null));
  return typeof detail === "string" ? detail : `The server refuses with ${response.status}.`;
}

/** Returns how long the server asks to wait, in ms, or null. It says so in seconds, or by a date. */
function pauseOf(response) {
  const value = response.headers.get("Retry-After");
  if (!value) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, 1000 * seconds) : null;
}
