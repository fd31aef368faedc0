"""Puts page, gallery and sketch encoder into one folder for any web host, where the page searches by itself.

    python -m export.litert --workdir=runs/shoes --output=exports/page --quantize=int8
    tfsbir index --model=exports/page --photos=photos --gallery=shoes.gallery
    python -m export.page --model=exports/page --gallery=shoes.gallery --output=site
    python -m http.server --bind 127.0.0.1 --directory site 8000

    index.html, page/       the page of `tfsbir serve`, which here searches by itself (page/settings.json)
    packages/               LiteRT.js, as `make web` fetches it
    model/                  the sketch encoder of the export
    gallery/                the photos' embeddings and names, and a thumbnail of each on a white square

`embeddings.bin` is float32, least byte first, photo by photo. `names.json` has the photos' names and metadata
in that order, the embeddings' length, the attributes whose probabilities are their last values, and the
encoder's fingerprint.

A page loads all of it and compares a sketch with every photo, so its gallery is a small one.
"""

import io
import json
import shutil
from pathlib import Path

import tqdm
from absl import flags, logging
from PIL import Image

from export import common
from tfsbir import command, files
from tfsbir.data.images import read_image
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Gallery
from tfsbir.retrieval.pretrained import model_path
from tfsbir.web.content_policy import content_security_policy
from tfsbir.web.page_encoder import FIT_INTERFACE, read_interface
from tfsbir.web.page_files import MODEL_FILES, PACKAGES_DIR, PAGE_DIR, page_files

EMBEDDINGS_FILE, NAMES_FILE, THUMBNAILS = "embeddings.bin", "names.json", "thumbnails"
# Of LiteRT.js what one thread of WebAssembly needs, with and without its newer instructions.
RUNTIME_FILES = (
    "@litertjs/core/dist/index.js",
    "@litertjs/core/wasm/litert_wasm_internal.js",
    "@litertjs/core/wasm/litert_wasm_internal.wasm",
    "@litertjs/core/wasm/litert_wasm_compat_internal.js",
    "@litertjs/core/wasm/litert_wasm_compat_internal.wasm",
    "@litertjs/wasm-utils/dist/index.js",
)
MAX_PHOTOS = 1000  # SqueezeNet's embeddings of so many are 18 MB.
THUMBNAIL_SIZE = 256
JPEG_QUALITY = 85


def export_page(model, gallery, output, max_photos=MAX_PHOTOS, packages=PACKAGES_DIR):
    """Writes the page with all that it needs to the folder `output`, atomically.

    Args:
        model: Path of a LiteRT export with float32 input that does not crop and scale inside, or
            "pretrained:NAME".
        gallery: Path of a gallery of the same encoder, or of its teacher, that ranks by squared Euclidean
            distance; its photos are still in place.
        output: Path of the folder; it must be new, empty or an older export of this kind.
        max_photos: Int >= 1, the most photos that a page is to load.
        packages: Path of the folder of npm packages.
    Returns: A dict with `num_photos`, `dim` and `size_bytes`.
    Raises: `ValueError` if `max_photos` < 1; `InputError` if the model, the gallery, one of its photos or a
        package cannot be read, the model is of another kind or another encoder's, the gallery ranks by
        another distance or holds more photos, or if `output` is another folder.
    """
    if max_photos < 1:
        raise ValueError(f"`max_photos` must be >= 1. Received: {max_photos}")
    common.check_output(output, "page", lambda names: {"index.html", "page", "model", "gallery"} <= names)
    for name in RUNTIME_FILES:
        if not (Path(packages) / name).is_file():
            raise InputError(
                f"{Path(packages) / name}: expected LiteRT.js, which `make web` fetches; found none"
            )
    gallery = Gallery.open(gallery)
    if len(gallery) > max_photos:
        raise InputError(
            f"{gallery.path}: expected at most {max_photos} photos (`max_photos`); found {len(gallery)}"
        )
    model = model_path(model)
    check_model(model, gallery)
    embeddings, photos = gallery.embeddings(), gallery.photos()
    with files.replacing_folder(output) as folder:
        _write_page(folder, packages)
        (folder / "model").mkdir()
        for name in MODEL_FILES:
            shutil.copyfile(model / name, folder / "model" / name)
        _write_gallery(gallery, embeddings, photos, folder / "gallery")
        size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    logging.info("%s: %d photos, %d bytes", output, len(gallery), size_bytes)
    return {"num_photos": len(gallery), "dim": gallery.dim, "size_bytes": size_bytes}


def check_model(model, gallery):
    """Raises `InputError` unless the page can encode sketches for a gallery by the export in a folder."""
    for name in MODEL_FILES:
        if not (model / name).is_file():
            raise InputError(f"{model}: expected an export of `export.litert`; found no {name}")
    found, fingerprints = read_interface(model)
    if found != FIT_INTERFACE:
        raise InputError(
            f"{model}: expected an export with --interface=float32 and --preprocessing=outside; found "
            f"{' and '.join(map(str, found))}"
        )
    if gallery.encoder_fingerprint not in fingerprints:
        raise InputError(
            f"{model}: expected the encoder that made {gallery.path}, with the fingerprint "
            f"{gallery.encoder_fingerprint}; found {fingerprints[0]}"
        )
    dim = Preprocessing.from_json(model / "preprocessing.json").embedding_dim
    if dim != gallery.dim:
        raise InputError(f"{model}: expected embeddings of {gallery.dim}, as in {gallery.path}; found {dim}")


def _write_page(folder, packages):
    (folder / "page").mkdir()
    for path in page_files():
        shutil.copyfile(path, folder / "page" / path.name)
    files.write_json(folder / "page" / "settings.json", {"search": "gallery"})
    html = (PAGE_DIR / "index.html").read_text(encoding="utf-8")
    # A host of files sends no header, so the page says it itself.
    policy = f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy(html)}" />'
    files.write_text(folder / "index.html", html.replace("<head>", f"<head>\n    {policy}", 1))
    for name in RUNTIME_FILES:
        (folder / "packages" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(packages) / name, folder / "packages" / name)


def _write_gallery(gallery, embeddings, photos, folder):
    (folder / THUMBNAILS).mkdir(parents=True)
    for index, photo in enumerate(tqdm.tqdm(photos, desc="thumbnails", unit="image", delay=2)):
        files.write_bytes(folder / THUMBNAILS / f"{index}.jpg", _thumbnail(photo.path))
    files.write_bytes(folder / EMBEDDINGS_FILE, embeddings.astype("<f4").tobytes())
    names = {
        "fingerprint": gallery.encoder_fingerprint,
        "dim": gallery.dim,
        "attributes": list(gallery.attributes),
        "names": [photo.photo_id for photo in photos],
        "metadata": [photo.metadata for photo in photos],
    }
    files.write_json(folder / NAMES_FILE, names)


def _thumbnail(path):
    jpeg = io.BytesIO()
    photo = read_image(path, THUMBNAIL_SIZE, channels=3)
    Image.fromarray(photo).save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return jpeg.getvalue()


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    values = flags.FLAGS
    print(json.dumps(export_page(values.model, values.gallery, values.output, values.max_photos), indent=2))


if __name__ == "__main__":
    flags.DEFINE_string("model", None, "An export of `export.litert`, or pretrained:NAME.", required=True)
    flags.DEFINE_string("gallery", None, "The gallery, from `tfsbir index`.", required=True)
    flags.DEFINE_string("output", None, "Folder to write; made, or an older one replaced.", required=True)
    flags.DEFINE_integer("max_photos", MAX_PHOTOS, "Refuse a gallery of more photos.", lower_bound=1)
    command.run(main)
