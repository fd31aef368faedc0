"""Encoding one sketch, and a whole query, on one thread."""

from export.litert_conversion import convert
from recipes.bench.galleries import gallery_of, random_photos
from recipes.bench.row import Row
from recipes.bench.timing import side_by_side, timed
from tfsbir.models import sketch_a_net, squeezenet_encoder
from tfsbir.preprocessing import center_crop
from tfsbir.retrieval.litert_model import LiteRTModel
from tfsbir.strokes import rasterize


def export_row(split, rounds):
    """The int8 sketch encoder against the float one, one thread."""
    encoder = sketch_a_net()
    images = center_crop(split.sketches[:20], encoder.input_shape[1])
    models = [LiteRTModel(convert(encoder, mode, images), num_threads=1) for mode in ("int8", "none")]
    int8, floats = (model.encode for model in models)
    ours, peer = side_by_side(lambda: int8(images[:1]), lambda: floats(images[:1]), 5 * rounds)
    return Row.of_turns("int8 sketch_a_net, one image", ours, "the same in float32", peer)


def query_rows(split, rounds):
    """One whole query on one thread: draw the strokes, encode the drawing, rank 115 photos."""
    sketch, rows = split.sketches.sketch(0), []
    for encoder in (sketch_a_net(), squeezenet_encoder()):
        size = encoder.input_shape[1]
        encode = LiteRTModel(
            convert(encoder, "none", center_crop(split.sketches[:1], size)), num_threads=1
        ).encode
        gallery = gallery_of(random_photos(115, encoder.output_shape[-1]))

        def query(encode=encode, gallery=gallery, size=size):
            image = rasterize(sketch, 256)
            return gallery.search(encode(center_crop(image[None], size)), k=115)

        name = f"strokes to 115 ranked photos, {encoder.name}"
        rows.append(Row(name, timed(query, 5 * rounds), "30 ms, as the paper has it", 0.030))
    return rows
