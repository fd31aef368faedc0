"""Finds the photos of a gallery that a sketch shows.

    tfsbir search --gallery=shoes.gallery --sketch=sneaker.png --top=5 --sheet=found.png

Prints rank, distance and path of each photo, nearest first; on stderr, how long encoding the sketch and
searching took once everything was loaded. The distance is the one that the gallery's model was trained for.
Where that is not squared Euclidean, it is named on stderr. Lower is nearer, and all but holef are >= 0; a
squared Euclidean one of embeddings of length 1 is at most 4. A gallery made with `--index=hnsw` is searched
approximately: the distances are right, but a photo among the nearest may be missing.

The sketch is an image file, black on white; the gallery's own model encodes it. In place of one, --photo
takes a photo, and finds those like it.

--where searches only the photos of which the metadata are as a JSON object says, for each field by a value,
a list of values or a range: --where='{"brand": ["acme", "ajax"], "price": {"max": 50}}'.

Where that model predicts attributes, --explain adds to each photo those that it sees in both sketch and
photo, with the probabilities in the sketch and in the photo, and those that it sees in one of them only.
--with_attribute and --without_attribute search only the photos that it sees an attribute in, or not. Each
may be given several times. An attribute is seen where its probability is at least 0.5.
"""

import io
import json
import sys
import time
from pathlib import Path

from absl import flags

from tfsbir import files
from tfsbir.cli.command import check_sheet_path, parse_flags, quiet_start
from tfsbir.errors import InputError

SHEET_COLUMNS = 10
TILE = 128

FLAGS = flags.FlagValues()
flags.DEFINE_string("gallery", None, "Gallery made by `tfsbir index`.", flag_values=FLAGS)
flags.DEFINE_string("sketch", None, "Image file of the sketch, dark lines on white.", flag_values=FLAGS)
flags.DEFINE_string("photo", None, "Image file of a photo, in place of a sketch.", flag_values=FLAGS)
flags.DEFINE_string(
    "model",
    None,
    "Run directory, export or pretrained:NAME to encode the sketch with, instead of the path that the "
    "gallery remembers; it must be the same trained encoder, or one that was distilled from it.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("top", 10, "Number of photos to find.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer(
    "ef_search",
    None,
    "Photos to keep in view while searching an hnsw gallery: more is slower and misses fewer.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "nprobe",
    None,
    "Lists to search in an ivfpq gallery: more is slower and misses fewer.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_string("where", None, "Conditions on the photos' metadata, as JSON.", flag_values=FLAGS)
flags.DEFINE_bool("explain", False, "Print the attributes that sketch and photo share.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "with_attribute", None, "Search only photos predicted to have this attribute", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "without_attribute", None, "Search only photos predicted not to have this attribute", flag_values=FLAGS
)
flags.DEFINE_string("sheet", None, "PNG file to draw the sketch and the photos found in.", flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print one JSON document instead of text.", flag_values=FLAGS)


def main(argv):
    """Runs `tfsbir search` and returns its exit code."""
    parse_flags(argv, FLAGS, __doc__, required=("gallery",))
    if bool(FLAGS.sketch) == bool(FLAGS.photo):
        found = "both" if FLAGS.sketch else "none"
        raise InputError(f"one of `--sketch` and `--photo` must be given. Received: {found}")
    where = _parsed_where(FLAGS.where)
    if FLAGS.sheet is not None:
        check_sheet_path(FLAGS.sheet)
    # The imports follow the cheap checks; TensorFlow's comes last, with the model.
    from tfsbir.retrieval import Gallery, compare_attributes, encoder_kind, open_encoder
    from tfsbir.retrieval.photo_attributes import THRESHOLD

    gallery = Gallery.open(FLAGS.gallery)
    for name, kind in (("ef_search", "hnsw"), ("nprobe", "ivfpq")):
        if FLAGS[name].value is not None and gallery.index_kind != kind:
            raise InputError(f"`--{name}` needs a gallery made with --index={kind}. Received: {gallery.path}")
    present, absent = FLAGS.with_attribute or [], FLAGS.without_attribute or []
    for name in ("explain", "with_attribute", "without_attribute"):
        if FLAGS[name].value and not gallery.attributes:
            raise InputError(
                f"`--{name}` needs a gallery whose model predicts attributes. Received: {gallery.path}"
            )
    choice = _choice(present, absent, FLAGS.where)
    num_searched = gallery.count(gallery.choose(where, present, absent))
    if not num_searched:
        raise InputError(
            f"{gallery.path}: expected at least one photo {choice}"
            f"{', as predicted' if present or absent else ''}; found none among {len(gallery)}"
        )
    model = FLAGS.model or gallery.encoder_path
    if not FLAGS.model and not gallery.encoder_path.exists():
        raise InputError(
            f"{model}: expected the model that made {gallery.path}; it is not there any more "
            "(if it was moved, name it with --model)"
        )
    encoder_kind(model)
    kind, query = ("sketch", FLAGS.sketch) if FLAGS.sketch else ("photo", FLAGS.photo)
    image = gallery.read_query(**{kind: query})
    with quiet_start():
        gallery.use_encoder(open_encoder(model))
        # The first pass compiles the model, so it counts as loading.
        gallery.encode_query(**{kind: image})

    start = time.perf_counter()
    vector = gallery.encode_query(**{kind: image})
    encoded = time.perf_counter()
    matches = gallery.find(vector, FLAGS.top, where, present, absent, FLAGS.ef_search, FLAGS.nprobe)
    searched = time.perf_counter()
    results = [
        {
            "rank": rank,
            "distance": match.distance,
            "path": str(match.photo.path),
            "photo_id": match.photo.photo_id,
            "metadata": match.photo.metadata,
        }
        for rank, match in enumerate(matches, start=1)
    ]
    if FLAGS.explain:
        in_sketch = gallery.encoder.attribute_probabilities(vector[None])[0]
        for result, match in zip(results, matches, strict=True):
            result |= compare_attributes(gallery.attributes, in_sketch, match.attributes.values())
    if FLAGS.sheet is not None:
        _write_sheet(FLAGS.sheet, query, results, choice)
    encode_ms, search_ms = 1000 * (encoded - start), 1000 * (searched - encoded)
    if FLAGS.json:
        result = {
            "gallery": str(gallery.path),
            kind: query,
            "num_photos": len(gallery),
            "num_searched": num_searched,
            "with_attribute": present,
            "without_attribute": absent,
            "where": where,
            "metric": gallery.distance,
            "index": gallery.index_kind,
            "encode_ms": round(encode_ms, 3),
            "search_ms": round(search_ms, 3),
            "results": results,
        }
        if FLAGS.explain:
            result["sketch_attributes"] = dict(zip(gallery.attributes, in_sketch.tolist(), strict=True))
        print(json.dumps(result, indent=2))
    else:
        if FLAGS.explain:
            pairs = zip(gallery.attributes, in_sketch, strict=True)
            seen = [f"{name} {probability:.2f}" for name, probability in pairs if probability >= THRESHOLD]
            print("sketch has:", ", ".join(seen) or "none")
        for result in results:
            print(f"{result['rank']:>3}  {result['distance']:.4f}  {result['path']}")
            if FLAGS.explain:
                print(_explanation(result))
        how = "" if gallery.index_kind == "flat" else f" approximately ({gallery.index_kind})"
        by = "" if gallery.distance == "squared_euclidean" else f" by {gallery.distance}"
        number = len(gallery) if not choice else f"{num_searched} of {len(gallery)}"
        print(
            f"{kind} encoded in {encode_ms:.1f} ms, {number} photos searched{how}{by} in {search_ms:.1f} ms",
            file=sys.stderr,
        )
    return 0


def _parsed_where(where):
    if where is None:
        return None
    try:
        return json.loads(where)
    except (ValueError, RecursionError) as error:
        raise InputError(f"`--where` must be a JSON object. Received: {where} ({error})") from None


def _choice(present, absent, where):
    named = [*(f"with {name}" for name in present), *(f"without {name}" for name in absent)]
    return ", ".join([*named, *([f"where {where}"] if where else [])])


def _explanation(result):
    shared = (f"{a['attribute']} {a['sketch']:.2f}/{a['photo']:.2f}" for a in result["shared"])
    lines = [f"     both have: {', '.join(shared) or 'none'}"]
    for one, other in (("photo", "sketch"), ("sketch", "photo")):
        names = [a["attribute"] for a in result["differing"] if a[one] > a[other]]
        if names:
            lines.append(f"     {one} only: {', '.join(names)}")
    return "\n".join(lines)


def _write_sheet(path, sketch_path, results, choice):
    from tfsbir.data.images import read_image
    from tfsbir.figures import Row, Tile, contact_sheet

    tiles = [
        Tile(
            read_image(result["path"], TILE, channels=3),
            f"{result['distance']:.3f}  {Path(result['path']).name}",
        )
        for result in results
    ]
    rows = []
    for start in range(0, len(tiles), SHEET_COLUMNS):
        query = read_image(sketch_path, TILE) if start == 0 else None
        rows.append(
            Row(query, tiles[start : start + SHEET_COLUMNS], Path(sketch_path).name if start == 0 else "")
        )
    # With several rows, a column holds ranks 1, 11, 21, ...
    ranks = range(1, len(tiles) + 1)
    header = [", ".join(map(str, ranks[column::SHEET_COLUMNS])) for column in range(len(rows[0].tiles))]
    title = f"Photos nearest to {Path(sketch_path).name}" + (f", {choice}" if choice else "")
    sheet = contact_sheet(rows, tile=TILE, title=title, header=header)
    data = io.BytesIO()
    sheet.save(data, "PNG")
    files.write_bytes(path, data.getvalue())
