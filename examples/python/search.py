"""Finds the photos of a small gallery that a sketch shows, with `ai-edge-litert` and NumPy alone.

    pip install ai-edge-litert numpy pillow
    python search.py --model exports/phone --gallery photos.npy --names photos.txt --sketch drawing.png

`--model` is a folder that `python -m export.litert` wrote, whatever its flags. The gallery is float32
(num_photos, dim), one embedding a row, and a text file with a name a line. Either

    python search.py --model exports/phone --photos edge_maps/ --gallery photos.npy --names photos.txt

makes them of a folder of images, which must be what the photo encoder takes: edge maps, black on white, or
RGB photos. Or they come from a gallery of tfsbir, for which `tfsbir index` made edge maps as training did:

    gallery = tfsbir.retrieval.Gallery.open("shoes.gallery")
    numpy.save("photos.npy", gallery.embeddings())
    Path("photos.txt").write_text("\\n".join(gallery.photo_ids))

Pillow reads image files. `Encoder` takes arrays and needs none.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter


class ClientError(Exception):
    """What the user can mend; its message is one line."""


def read_metadata(model):
    """Returns the JSON object named "tfsbir" in the bytes of a `.tflite` file that LiteRT has verified."""
    parsed = schema.Model.GetRootAs(model)
    for number in range(parsed.MetadataLength()):
        entry = parsed.Metadata(number)
        if entry.Name() == b"tfsbir":
            return json.loads(parsed.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
    raise ClientError("expected a model with metadata of tfsbir; found none")


class Encoder:
    """Turns one canvas into an embedding, whatever the file's number formats are.

    Args:
        path: Path of `sketch_encoder.tflite` or `photo_encoder.tflite`.

    Attributes:
        metadata: Dict, what the file says of itself.
        canvas_shape: Tuple, `(canvas_size, canvas_size, channels)`.

    Raises: `ClientError` if the file is missing, damaged or without metadata.
    """

    def __init__(self, path, num_threads=1):
        try:
            model = Path(path).read_bytes()
        except OSError as error:
            raise ClientError(f"{path}: expected a LiteRT model; {error.strerror}") from None
        if model[4:8] != b"TFL3":
            raise ClientError(f"{path}: expected a LiteRT model; it is another kind of file")
        try:
            # Verifies that the file is whole.
            self._interpreter = Interpreter(model_content=model, num_threads=num_threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ClientError(f"{path}: expected a whole LiteRT model; {error}") from None
        try:
            self.metadata = read_metadata(model)
        except ClientError as error:
            raise ClientError(f"{path}: {error}") from None
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()
        canvas_size = self.metadata["canvas_size"]
        self.canvas_shape = (canvas_size, canvas_size, self.metadata["channels"])

    def encode(self, canvas):
        """Encodes a canvas, uint8 `(canvas_size, canvas_size, channels)`, 0 for ink and 255 for paper.

        Returns: float32 `(embedding_dim,)`.
        Raises: `ClientError` for another shape or type.
        """
        if canvas.shape != self.canvas_shape or canvas.dtype != np.uint8:
            raise ClientError(
                f"expected a canvas of {self.canvas_shape}, uint8; found {canvas.shape}, {canvas.dtype}"
            )
        self._interpreter.set_tensor(self._input["index"], self._prepared(canvas)[None])
        self._interpreter.invoke()
        embedding = self._interpreter.get_tensor(self._output["index"])[0]
        if self._output["dtype"] == np.float32:
            return embedding
        scale, zero_point = self._output["quantization"]
        return (embedding.astype(np.float32) - zero_point) * np.float32(scale)

    def _prepared(self, canvas):
        if self.metadata["preprocessing"] == "inside":
            return canvas
        size = self.metadata["image_size"]
        start = (self.metadata["canvas_size"] - size) // 2
        image = canvas[start : start + size, start : start + size].astype(np.float32) / 127.5 - 1.0
        if self._input["dtype"] == np.float32:
            return image
        scale, zero_point = self._input["quantization"]
        return np.clip(np.rint(image / scale) + zero_point, -128, 127).astype(np.int8)


def nearest(embedding, gallery, top):
    """Returns the squared Euclidean distances and the rows of the `top` nearest photos, nearest first."""
    distances = np.sum((gallery - embedding) ** 2, axis=1)
    found = np.argsort(distances, kind="stable")[:top]
    return distances[found], found


def read_canvas(path, shape):
    """Fits an image file on a white canvas, uint8 `shape`, with Pillow."""
    from PIL import Image, ImageOps

    size, _, channels = shape
    try:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    except OSError as error:
        raise ClientError(f"{path}: expected an image file; {error}") from None
    white = Image.new("RGBA", image.size, "white")
    image = Image.alpha_composite(white, image).convert("L" if channels == 1 else "RGB")
    image = ImageOps.contain(image, (size, size), Image.Resampling.LANCZOS)
    canvas = Image.new(image.mode, (size, size), "white")
    canvas.paste(image, ((size - image.width) // 2, (size - image.height) // 2))
    return np.asarray(canvas).reshape(shape)


def read_gallery(gallery_path, names_path, dim):
    """Reads the embeddings and the names; `ClientError` if they do not fit together or to the encoder."""
    try:
        gallery = np.load(gallery_path, allow_pickle=False)
        names = Path(names_path).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError, EOFError) as error:
        raise ClientError(f"{gallery_path}, {names_path}: expected a gallery; {error}") from None
    if gallery.ndim != 2 or gallery.shape[1] != dim:
        raise ClientError(f"{gallery_path}: expected embeddings (num_photos, {dim}); found {gallery.shape}")
    if len(names) != len(gallery):
        raise ClientError(f"{names_path}: expected {len(gallery)} names; found {len(names)}")
    return gallery.astype(np.float32), names


def make_gallery(encoder, folder, gallery_path, names_path):
    """Encodes the images of a folder and writes the embeddings and the names."""
    paths = sorted(
        path for path in Path(folder).iterdir() if path.suffix.lower() in (".png", ".jpg", ".jpeg")
    )
    if not paths:
        raise ClientError(f"{folder}: expected PNG or JPEG files; found none")
    np.save(gallery_path, np.stack([encoder.encode(read_canvas(p, encoder.canvas_shape)) for p in paths]))
    Path(names_path).write_text("\n".join(path.name for path in paths) + "\n", encoding="utf-8")


def search(options):
    """Prints the nearest photos of the sketch, or makes the gallery of a folder."""
    folder = Path(options.model)
    if options.photos:
        # One file serves both domains where there is no second one.
        path = folder / "photo_encoder.tflite"
        encoder = Encoder(path if path.exists() else folder / "sketch_encoder.tflite")
        make_gallery(encoder, options.photos, options.gallery, options.names)
        return
    encoder = Encoder(folder / "sketch_encoder.tflite")
    if encoder.metadata["distance"] != "squared_euclidean":
        raise ClientError(
            f"{folder}: expected an encoder for squared_euclidean; found {encoder.metadata['distance']}, "
            "for which lift_query.tflite and lift_photo.tflite are there"
        )
    gallery, names = read_gallery(options.gallery, options.names, encoder.metadata["embedding_dim"])
    canvas = read_canvas(options.sketch, encoder.canvas_shape)
    if np.ptp(canvas) < 26:  # A JPEG's noise on white paper is less.
        raise ClientError(f"{options.sketch}: expected a drawing; found a blank image")
    distances, found = nearest(encoder.encode(canvas), gallery, options.top)
    for rank, (distance, number) in enumerate(zip(distances, found, strict=True), start=1):
        print(f"{rank:>3}  {distance:.4f}  {names[number]}")


def main():
    """Parses the arguments; a `ClientError` ends the program with one line and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder that python -m export.litert wrote")
    parser.add_argument("--gallery", required=True, help=".npy file of the photos' embeddings")
    parser.add_argument("--names", required=True, help="text file of the photos' names")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--sketch", help="image file of the sketch, dark lines on white")
    task.add_argument("--photos", help="folder of images to make the gallery of, instead")
    parser.add_argument("--top", type=int, default=10, help="number of photos to find")
    try:
        search(parser.parse_args())
    except ClientError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
