"""Encodes a folder of photos into a gallery that `tfsbir search` searches.

    tfsbir index --model=runs/shoes --photos=photos --gallery=shoes.gallery

Images are looked for in the folder and all folders below it (not through links to folders, and not names
that begin with a dot). A photo that cannot be read is reported and skipped. The gallery is a small folder:
embeddings, paths and metadata, no pixels. It remembers the model, so that only sketches encoded by the same
one are searched for. Photos are ranked by the distance that the model was trained for, a learned one too.

Given again, the same command brings the gallery up to date: it encodes the photos that are new or have
changed, and removes those that are gone. Killed, it goes on where it was. Searches see the gallery as it was
before until all is done. A gallery of another model, or of another folder, is replaced.

--vectors takes photos that `python -m tfsbir.pipelines.encode_photos` has encoded, on however many machines.
"""

import json
import os
import sys
import time
from pathlib import Path

from absl import flags

from tfsbir.cli.command import parse_flags, quiet_start
from tfsbir.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "Run directory or export (SavedModel, LiteRT) with the encoder, or one that comes with tfsbir: "
    "pretrained:category (things of all kinds), pretrained:shoes or pretrained:chairs.",
    flag_values=FLAGS,
)
flags.DEFINE_string("photos", None, "Folder of the photos.", flag_values=FLAGS)
flags.DEFINE_string(
    "vectors",
    None,
    "What encode_photos wrote, its --output, in place of --photos.",
    flag_values=FLAGS,
)
flags.DEFINE_string("gallery", None, "Folder to save the gallery in.", flag_values=FLAGS)
flags.DEFINE_integer("batch_size", 32, "Photos encoded at once.", lower_bound=1, flag_values=FLAGS)
# The kinds stand in tfsbir.retrieval.photo_index, which imports FAISS.
flags.DEFINE_enum(
    "index",
    "flat",
    ["flat", "hnsw", "ivfpq"],
    "flat compares a sketch with every photo. hnsw is a graph: faster from tens of thousands of photos on, "
    "but approximate, so a photo among the nearest may be missing. ivfpq keeps a byte for four values in "
    "memory: for millions of photos, approximate too.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "store",
    None,
    "Where embeddings and photos' names are kept: faiss, in the gallery's folder; milvus:http://HOST:19530 "
    "or milvus:NAME.db, in a Milvus. If not given, where the gallery has them; in its folder if it is new.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "metadata",
    None,
    "Table of what is known of the photos, to choose by when searching: CSV with a header or JSON lines "
    "(.jsonl), with the photo's path below --photos as `photo_id`.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("json", False, "Print one JSON document instead of text.", flag_values=FLAGS)


def main(argv):
    """Runs `tfsbir index` and returns its exit code."""
    parse_flags(argv, FLAGS, __doc__, required=("model", "gallery"))
    if bool(FLAGS.photos) == bool(FLAGS.vectors):
        found = "both" if FLAGS.photos else "none"
        raise InputError(f"one of `--photos` and `--vectors` must be given. Received: {found}")
    if FLAGS.vectors and FLAGS.metadata:
        raise InputError("`--metadata` must come with --photos. Received: --vectors")
    # The imports follow the cheap checks; TensorFlow's comes last, with the model.
    from tfsbir.retrieval import Gallery, check_gallery_target, encoder_kind, open_encoder
    from tfsbir.retrieval.encoded_photos import EncodedPhotos

    encoder_kind(FLAGS.model)
    photos = find_photos(FLAGS.photos, FLAGS.metadata) if FLAGS.photos else None
    encoded = EncodedPhotos(FLAGS.vectors) if FLAGS.vectors else None
    check_gallery_target(FLAGS.gallery)
    with quiet_start():
        encoder = open_encoder(FLAGS.model)
    if encoded and encoded.encoder_fingerprint != encoder.fingerprint:
        raise InputError(
            f"{FLAGS.vectors}: expected photos encoded by {FLAGS.model}, with the fingerprint "
            f"{encoder.fingerprint}; found {encoded.encoder_fingerprint}"
        )

    start = time.perf_counter()
    root = encoded.photo_root if encoded else FLAGS.photos
    gallery, reason = Gallery.open_or_create(FLAGS.gallery, encoder, root, FLAGS.index, FLAGS.store)
    if reason:
        print("made anew:", reason, file=sys.stderr)
    if encoded:
        changes = gallery.sync_encoded(encoded.batches())
    else:
        changes = gallery.sync(photos, FLAGS.batch_size, progress=True)
    for _, reason in changes.skipped:
        print("skipped:", reason, file=sys.stderr)
    if not len(gallery):
        first = f" among {len(photos)} (the first: {changes.skipped[0][1]})" if changes.skipped else ""
        raise InputError(f"{root}: expected at least one readable photo; found none{first}")
    gallery.save()
    seconds = time.perf_counter() - start
    num_new = changes.num_added + changes.num_replaced
    num_encoded = 0 if encoded else num_new - changes.num_resumed
    rate = num_encoded / seconds
    if FLAGS.json:
        result = {
            "gallery": str(gallery.path),
            "num_photos": len(gallery),
            "num_encoded": num_encoded,
            "num_resumed": changes.num_resumed,
            "num_added": changes.num_added,
            "num_replaced": changes.num_replaced,
            "num_removed": changes.num_removed,
            "num_unchanged": changes.num_unchanged,
            "num_skipped": len(changes.skipped),
            "skipped": [{"path": str(path), "reason": reason} for path, reason in changes.skipped],
            "seconds": round(seconds, 3),
            "images_per_second": round(rate, 2),
            "dim": gallery.dim,
            "metric": gallery.distance,
            "index": gallery.index_kind,
            "encoder": {
                "path": str(gallery.encoder_path),
                "kind": gallery.encoder_kind,
                "fingerprint": gallery.encoder_fingerprint,
            },
        }
        print(json.dumps(result, indent=2))
    else:
        print(
            f"{len(gallery)} photos in {gallery.path}: {num_encoded} encoded, "
            f"{num_new - num_encoded} taken over, {changes.num_removed} removed, "
            f"{len(changes.skipped)} skipped, {seconds:.1f} s, {rate:.1f} images/s"
        )
    return 0


def find_photos(folder, metadata=None):
    """Returns the `Photo`s in a folder and below it, in natural order, with what a table says of them.

    Args:
        folder: Path of the folder.
        metadata: Path of a table (`read_metadata`), or None.
    Raises: `InputError` if there is no such folder, no image in it, or if the table cannot be read or names
        a photo that is not there.
    """
    from tfsbir.retrieval import Photo, read_metadata

    folder = Path(os.path.abspath(folder))
    paths = find_images(folder)
    if metadata is None:
        return [Photo(path.relative_to(folder).as_posix(), path) for path in paths]
    table = read_metadata(metadata)
    photos = [Photo(path.relative_to(folder).as_posix(), path) for path in paths]
    unknown = sorted(table.keys() - {photo.photo_id for photo in photos})
    if unknown:
        raise InputError(
            f"{metadata}: expected photos in {folder}; found {unknown[0]} and {len(unknown) - 1} more that "
            "are not there"
        )
    return [Photo(photo.photo_id, photo.path, table.get(photo.photo_id, {})) for photo in photos]


def find_images(folder):
    """Returns the paths of the image files in a folder and below it, in natural order.

    Raises: `InputError` if there is no such folder or no image in it.
    """
    from tfsbir.data.images import IMAGE_SUFFIXES, natural_key

    folder = Path(folder)
    if not folder.is_dir():
        found = "it is not a folder" if folder.exists() else "there is no such folder"
        raise InputError(f"{folder}: expected a folder of photos; {found}")
    paths = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [
            Path(parent, name)
            for name in names
            if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
        ]
    if not paths:
        raise InputError(f"{folder}: expected at least one image ({', '.join(IMAGE_SUFFIXES)}); found none")
    return sorted(paths, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def _raise(error):
    raise error
