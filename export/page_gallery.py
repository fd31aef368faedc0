"""Turns a gallery into the files that a web page ranks photos by.

    tfsbir index --model=exports/page --photos=photos --gallery=shoes.gallery
    python -m export.page_gallery --gallery=shoes.gallery --output=examples/page/gallery

`embeddings.bin` holds the embeddings, float32, least byte first, photo by photo. `names.json` has the photos'
names in that order, the embeddings' length and the fingerprint of the encoder that made them, by which the
page knows its own. `thumbnails/0.jpg` and so on are the photos on white squares. `examples/page` reads them.
A page loads all of it and compares a sketch with every photo, so a gallery for a page is a small one.
"""

import io
import json

import tqdm
from absl import flags, logging
from PIL import Image

from export import common
from tfsbir import command, files
from tfsbir.data.images import read_image
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery

EMBEDDINGS_FILE, NAMES_FILE, THUMBNAILS = "embeddings.bin", "names.json", "thumbnails"
MAX_PHOTOS = 1000  # SqueezeNet's embeddings of so many are 18 MB.
THUMBNAIL_SIZE = 128
JPEG_QUALITY = 85


def export_page_gallery(gallery, output, max_photos=MAX_PHOTOS):
    """Writes the page's files of a gallery to the folder `output`, atomically.

    Args:
        gallery: Path of a gallery that ranks by squared Euclidean distance; its photos are still in place.
        output: Path of the folder; it must be new, empty or an older export of this kind.
        max_photos: Int >= 1, the most photos that a page is to load.
    Returns: A dict with `num_photos`, `dim` and `size_bytes`.
    Raises: `ValueError` if `max_photos` < 1; `InputError` if the gallery or one of its photos cannot be read,
        it ranks by another distance or holds more photos, or if `output` is another folder.
    """
    if max_photos < 1:
        raise ValueError(f"`max_photos` must be >= 1. Received: {max_photos}")
    common.check_output(
        output, "gallery for a page", lambda names: names == {EMBEDDINGS_FILE, NAMES_FILE, THUMBNAILS}
    )
    gallery = Gallery.open(gallery)
    if len(gallery) > max_photos:
        raise InputError(
            f"{gallery.path}: expected at most {max_photos} photos (`max_photos`); found {len(gallery)}"
        )
    embeddings = gallery.embeddings()
    paths = [photo.path for photo in gallery.photos()]
    with files.replacing_folder(output) as folder:
        (folder / THUMBNAILS).mkdir()
        for index, path in enumerate(tqdm.tqdm(paths, desc="thumbnails", unit="image", delay=2)):
            files.write_bytes(folder / THUMBNAILS / f"{index}.jpg", _thumbnail(path))
        files.write_bytes(folder / EMBEDDINGS_FILE, embeddings.astype("<f4").tobytes())
        names = {
            "fingerprint": gallery.encoder_fingerprint,
            "dim": gallery.dim,
            "names": list(gallery.photo_ids),
        }
        files.write_json(folder / NAMES_FILE, names)
        size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    logging.info("%s: %d photos, %d bytes", output, len(gallery), size_bytes)
    return {"num_photos": len(gallery), "dim": gallery.dim, "size_bytes": size_bytes}


def _thumbnail(path):
    jpeg = io.BytesIO()
    photo = read_image(path, THUMBNAIL_SIZE, channels=3)
    Image.fromarray(photo).save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return jpeg.getvalue()


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    values = flags.FLAGS
    print(json.dumps(export_page_gallery(values.gallery, values.output, values.max_photos), indent=2))


if __name__ == "__main__":
    flags.DEFINE_string("gallery", None, "The gallery, from `tfsbir index`.", required=True)
    flags.DEFINE_string("output", None, "Folder to write; made, or an older one replaced.", required=True)
    flags.DEFINE_integer("max_photos", MAX_PHOTOS, "Refuse a gallery of more photos.", lower_bound=1)
    command.run(main)
