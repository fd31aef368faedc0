/** The page: paper and buttons at one side, the photos that were found at the other. */

import { DrawingPad, pictureOf } from "./drawing_pad.js";
import { Gallery } from "./gallery.js";

const MODEL_FOLDER = "model/";
const GALLERY_FOLDER = "gallery/";
const WASM_FOLDER = "node_modules/@litertjs/core/wasm/";
const NUM_FOUND = 12;
const BLANK = "The paper is blank. Draw an object, and the photos most like it appear.";

const element = (id) => document.getElementById(id);
const pad = new DrawingPad(element("pad"));
let encoder = null;
let gallery = null;
let waiting = null; // The latest drawing, while an earlier one is being searched for.
let isSearching = false;

element("undo").addEventListener("click", () => pad.undo());
element("clear").addEventListener("click", () => pad.clear());
element("open").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", () => openPicture(element("file").files[0]));
pad.addEventListener("change", () => {
  say("");
  updateButtons();
  if (encoder) find(pad.strokes.length ? encoder.pixelsOfStrokes(pad.strokes) : null);
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z") {
    event.preventDefault();
    pad.undo();
  }
});
updateButtons();
await start();

async function start() {
  tell("Loading the encoder…");
  try {
    // Not imported above: without `npm ci` there is none, and that is to be told.
    const { SketchEncoder } = await import("./sketch_encoder.js").catch(() => {
      throw new Error("The LiteRT runtime is missing. Run `npm ci` in the folder of this page.");
    });
    [encoder, gallery] = await bothOrNone(SketchEncoder.load(MODEL_FOLDER, WASM_FOLDER), Gallery.load(GALLERY_FOLDER));
    const isKnown = [encoder.fingerprint, encoder.teacher].includes(gallery.fingerprint);
    if (!isKnown || gallery.dim !== encoder.embeddingDim) {
      encoder.delete();
      encoder = null;
      throw new Error("The gallery was made by another encoder than this model. README.md says how to make a new one.");
    }
  } catch (error) {
    tell("");
    say(error.message);
    return;
  }
  updateButtons();
  await find(pad.strokes.length ? encoder.pixelsOfStrokes(pad.strokes) : null);
}

/** As `Promise.all`, but frees the encoder where the gallery cannot be loaded. */
async function bothOrNone(loadingEncoder, loadingGallery) {
  const [loaded, found] = await Promise.allSettled([loadingEncoder, loadingGallery]);
  if (loaded.status === "rejected") throw loaded.reason;
  if (found.status === "rejected") {
    loaded.value.delete();
    throw found.reason;
  }
  return [loaded.value, found.value];
}

async function openPicture(file) {
  element("file").value = ""; // Else the same file could not be opened again.
  if (!file || !encoder) return;
  say("");
  try {
    const pixels = await encoder.pixelsOfImage(file);
    pad.show(pixels, encoder.canvasSize);
    updateButtons();
    await find(pixels);
  } catch (error) {
    say(`${file.name}: ${error.message}`);
  }
}

/** Searches for the latest drawing; those that came between are left out. `null` is blank paper. */
async function find(pixels) {
  waiting = { pixels };
  if (isSearching) return;
  isSearching = true;
  try {
    while (waiting) {
      const now = waiting.pixels;
      waiting = null;
      if (now === null || encoder.isBlank(now)) {
        show([]);
        tell(BLANK);
        continue;
      }
      const start = performance.now();
      const embedding = await encoder.encode(now);
      const milliseconds = performance.now() - start;
      const found = gallery.nearest(embedding, NUM_FOUND);
      show(found, now);
      tell(`The nearest of ${gallery.names.length}, encoded in ${milliseconds.toFixed(0)} ms.`);
      // For whatever else is on the page.
      document.dispatchEvent(new CustomEvent("found", { detail: { pixels: now, embedding, found, milliseconds } }));
    }
  } catch (error) {
    say(`The drawing cannot be searched for: ${error.message}`);
  } finally {
    isSearching = false;
  }
}

function show(found, pixels) {
  element("seen").hidden = !found.length;
  if (pixels) pictureOf(pixels, encoder.canvasSize, element("seen").querySelector("canvas"));
  element("found").replaceChildren(
    ...found.map(({ index, name, distance }) => {
      const item = document.createElement("li");
      const image = new Image(128, 128);
      image.src = gallery.thumbnail(index);
      image.alt = "";
      const caption = document.createElement("span");
      caption.className = "name";
      caption.title = name;
      caption.textContent = name.replace(/^.*\//, "").replace(/\.[^.]*$/, "");
      const value = document.createElement("span");
      value.className = "distance";
      value.title = "Squared distance of the embeddings";
      value.textContent = distance.toFixed(3);
      item.append(image, caption, value);
      return item;
    }),
  );
}

/** Shows what goes on. */
function tell(text) {
  element("status").textContent = text;
}

/** Shows what is wrong, or nothing. */
function say(text) {
  element("problem").textContent = text;
  element("problem").hidden = !text;
}

function updateButtons() {
  const isBlank = !pad.strokes.length && !pad.picture;
  element("undo").disabled = element("clear").disabled = isBlank;
  element("open").disabled = !encoder;
}
