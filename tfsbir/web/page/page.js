/** The page: paper and tools at one side, the photos that were found at the other. */

import { paintDrawingAttention, seenFrame } from "./attention.js";
import { DrawingPad, pictureOf } from "./drawing_pad.js";
import { Encoding } from "./encoding.js";
import { Filters } from "./filters.js";
import { Gallery } from "./gallery.js";
import { PhotoDialog } from "./photo_dialog.js";
import { listenToPictures } from "./picture_input.js";
import { Results, shortName } from "./results.js";
import { SearchError } from "./search_error.js";
import { SearchLoop } from "./search_loop.js";
import { ServerSearch } from "./server_search.js";
import { boundsOf } from "./strokes.js";
import { letChooseTheme } from "./theme.js";
import { connectTools } from "./tools.js";
import { Trouble } from "./trouble.js";

const NUM_FOUND = 12;
const QUIET = 600; // ms; what is found is read aloud when the hand has rested for so long.
const BLANK = "The paper is blank. Draw an object, and the photos most like it appear.";
// Who searches: a server, or the page by itself. page/settings.json says which.
const WAYS = { server: () => ServerSearch.open(), gallery: () => Gallery.open() };

const element = (id) => document.getElementById(id);
const pad = new DrawingPad(element("pad"));
const results = new Results(element("found"), element("card"), (result, size) => search.pictureUrl(result, size));
const filters = new Filters(element("filters"));
const trouble = new Trouble(element("problem"));
const dialog = new PhotoDialog(element("photo"));
const loop = new SearchLoop(() => ({ strokes: pad.strokes, picture: pad.picture }), find);
let search = null;
let encoding = null;
let announcing = null;

letChooseTheme(element("theme"));
connectTools(pad, element);
listenToPictures({ button: element("open"), input: element("file"), target: element("paper") }, openPicture);
pad.addEventListener("change", ({ detail }) => {
  if (!trouble.isWaiting) trouble.clear();
  element("sketch-attention").hidden = true;
  if (encoding) loop.request(detail.isFinished, detail.time);
});
filters.addEventListener("change", () => loop.request());
results.addEventListener("open", ({ detail }) => dialog.open(detail, results));
element("attention").addEventListener("click", () => {
  results.showsAttention = !results.showsAttention;
  element("attention").setAttribute("aria-pressed", String(results.showsAttention));
  element("sketch-attention").hidden = true;
  tellWhere();
  loop.request();
});
loop.addEventListener("start", () => (results.isLoading = true));
loop.addEventListener("blank", showBlank);
loop.addEventListener("answer", ({ detail }) => showAnswer(detail));
loop.addEventListener("error", ({ detail }) => fail(detail));
results.prepare(NUM_FOUND, false);
await start();

/** Asks who searches and what, and loads the encoder; also after the server was away. */
async function start() {
  results.isLoading = true;
  if (!search) tell("Loading…");
  try {
    const before = search?.facts;
    search = await WAYS[(await settings()).search]();
    if (JSON.stringify(search.facts) !== JSON.stringify(before) || encoding?.reason) {
      encoding?.delete();
      encoding = null;
      encoding = await Encoding.open(search);
      showFacts();
    }
  } catch (error) {
    fail(error);
    return;
  }
  trouble.clear();
  loop.release();
  loop.request();
}

async function settings() {
  const response = await fetch("page/settings.json").catch(() => {
    throw new SearchError("unreachable", "The server does not answer.");
  });
  if (!response.ok) throw new SearchError("refused", `page/settings.json is missing (${response.status}).`);
  return response.json();
}

/** Searches for a drawing; returns null where there is nothing to be seen. */
async function find(drawing, signal) {
  const onServer = results.showsAttention && search.facts.explains.attention;
  const made = await encoding.queryOf(drawing, { onServer, signal });
  if (made === null) return null;
  const { attributes, attention } = search.facts.explains;
  const options = {
    count: NUM_FOUND,
    present: filters.present,
    absent: filters.absent,
    explain: attributes || (attention && results.showsAttention),
    signal,
  };
  const start = performance.now();
  const answer = await search.find(made.query, options);
  return { ...made, answer, drawing, findMs: performance.now() - start };
}

function showAnswer({ answer, query, pixels, encodeMs, drawing, findMs, time }) {
  const { seenShare } = search.facts;
  trouble.clear();
  if (!filters.present.length && !filters.absent.length && answer.numPhotos !== search.facts.numPhotos) {
    search.facts.numPhotos = answer.numPhotos; // The gallery was saved anew.
    tellWhere();
  }
  results.show(answer.results, seenShare);
  element("seen").hidden = !pixels;
  if (pixels) pictureOf(pixels, encoding.encoder.canvasSize, element("seen").querySelector("canvas"));
  const overlay = element("sketch-attention");
  overlay.hidden = !(results.showsAttention && answer.sketchAttention);
  if (!overlay.hidden) {
    const whole = { left: (1 - seenShare) / 2, top: (1 - seenShare) / 2, side: seenShare };
    const frame = drawing.picture ? whole : seenFrame(boundsOf(drawing.strokes), seenShare);
    paintDrawingAttention(overlay, answer.sketchAttention, frame);
  }
  const times = { encode: query.vector ? encodeMs : answer.encodeMs, find: findMs, search: answer.searchMs };
  const encoded = `encoded ${query.vector ? "here" : "there"} in ${times.encode.toFixed(0)} ms`;
  tell(
    answer.results.length
      ? `The nearest of ${inWords(answer.numPhotos)}: ${encoded}, found in ${answer.searchMs.toFixed(1)} ms.`
      : "No photo has these attributes.",
  );
  announce(
    answer.results.length
      ? `${answer.results.length} photos found. The nearest: ${shortName(answer.results[0].name)}.`
      : "No photo found.",
  );
  // For whatever else is on the page, once the photos' places are filled.
  requestAnimationFrame(() => {
    results.isLoading = loop.isPending;
    times.total = performance.now() - time;
    const { results: found, encodedOn } = answer;
    const detail = { pixels, embedding: query.vector ?? null, results: found, encodedOn, times };
    document.dispatchEvent(new CustomEvent("found", { detail }));
  });
}

function showBlank() {
  results.isLoading = loop.isPending;
  results.show([]);
  element("seen").hidden = true;
  trouble.clear();
  tell(BLANK);
  announce("");
}

/** Says what is wrong; what may pass is waited for. */
function fail(error) {
  results.isLoading = false;
  console.warn(error);
  const waits = ["token", "busy", "unreachable"].includes(error.kind);
  if (waits) loop.hold();
  tell("");
  trouble.handle(error, start);
}

function showFacts() {
  const { numPhotos, attributes, explains } = search.facts;
  filters.offer(attributes);
  results.prepare(Math.min(NUM_FOUND, numPhotos), explains.attributes);
  element("attention").hidden = !explains.attention;
  element("open").disabled = false;
  tellWhere();
}

/** Says where drawings are encoded, and so what leaves this device. */
function tellWhere() {
  let where;
  if (!search.canEncode) where = "Everything happens on this device: no drawing leaves it.";
  else if (encoding.reason) where = `Drawings are sent to the server and encoded there. ${encoding.reason}`;
  else if (results.showsAttention) where = "Drawings are sent to the server while it shows where the encoder looks.";
  else where = "Drawings are encoded on this device: only a vector leaves it.";
  element("where").textContent = `${inWords(search.facts.numPhotos)}. ${where}`;
}

function inWords(numPhotos) {
  return numPhotos === 1 ? "1 photo" : `${numPhotos.toLocaleString("en")} photos`;
}

async function openPicture(file) {
  if (!encoding) return;
  if (!trouble.isWaiting) trouble.clear();
  try {
    pad.showPicture(await encoding.readPicture(file));
  } catch (error) {
    trouble.say(`${file.name}: ${error.message}`);
  }
}

/** Shows what goes on. */
function tell(text) {
  element("status").textContent = text;
  element("status").hidden = !text;
}

/** Lets it be read aloud, when nothing has changed for a while. */
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => (element("announcement").textContent = text), QUIET);
}
