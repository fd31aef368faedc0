"""The graph's reading of image files, against Pillow's by `Preprocessing`, and what it refuses."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from export import image_bytes
from tfsbir.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(image_size=225, embedding_dim=8, photo_input="rgb")
SIZES = {"image_size": 225, "canvas_size": 256}


@pytest.fixture(scope="module")
def read():
    """The graph of each domain, from a list of bytes to an array."""

    def graph(read_images):
        signature = [tf.TensorSpec((None,), tf.string)]
        compiled = tf.function(lambda contents: read_images(contents, **SIZES), input_signature=signature)
        return lambda files: compiled(tf.constant(files, tf.string)).numpy()

    return {"sketch": graph(image_bytes.read_sketches), "photo": graph(image_bytes.read_photos)}


def drawing(size=(256, 256)):
    """A sketch with thin, thick, grey and crossing lines, as RGB."""
    canvas = np.full((512, 512, 3), 255, np.uint8)
    rng = np.random.default_rng(0)
    for width, level in ((3, 0), (9, 90), (1, 0), (5, 200)):
        points = rng.integers(40, 470, (7, 2)).astype(np.int32)
        cv2.polylines(canvas, [points], isClosed=False, color=[level] * 3, thickness=width)
    return Image.fromarray(canvas).resize(size, Image.Resampling.LANCZOS)


def coloured(size=(256, 256)):
    """Something like a photo: smooth colours, a hard edge, some noise."""
    rng = np.random.default_rng(1)
    canvas = cv2.resize(rng.uniform(0, 255, (5, 6, 3)), (512, 512), interpolation=cv2.INTER_CUBIC)
    canvas[200:330, 100:420] = (200, 30, 60)
    canvas += rng.normal(0, 4, canvas.shape)
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8)).resize(size)


def encoded(image, image_format="PNG", **options):
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def with_alpha(image, colour=(0, 0, 0)):
    """Lines of one colour on nothing: the darker, the less transparent."""
    image.load()
    alpha = ImageOps.invert(image.convert("L"))
    return Image.merge("RGBA", [*(Image.new("L", image.size, level) for level in colour), alpha])


def camera_data(orientation, byte_order="little"):
    data = Image.Exif()
    data.endian = "<" if byte_order == "little" else ">"
    data[0x010F] = "A camera"  # Stands before the orientation.
    data[0x0112] = orientation
    data[0x0131] = "And its program"
    return data


def expected(domain, contents, path):
    path.write_bytes(contents)
    return getattr(PREPROCESSING, f"read_{domain}")(path)


def levels_apart(found, wanted):
    assert found.shape == wanted.shape
    return np.abs(found - wanted) * 127.5


# Files whose pixels need no resizing, and which are therefore read alike to the last bit.
EXACT = {
    "grey": lambda image: encoded(image.convert("L")),
    "rgb": lambda image: encoded(image),
    "one_bit": lambda image: encoded(image.convert("1")),
    "grey_with_alpha": lambda image: encoded(Image.merge("LA", [image.convert("L")] * 2)),
    "palette": lambda image: encoded(image.quantize(200)),
    "palette_of_four_bits": lambda image: encoded(image.quantize(9)),
    "transparent_palette": lambda image: encoded(image.quantize(9), transparency=bytes(range(250, 0, -28))),
    "transparent_two_bits": lambda image: encoded(image.quantize(4), transparency=0),
    "transparent_grey": lambda image: encoded(image.convert("L"), transparency=255),
    "transparent_colour": lambda image: encoded(image, transparency=(255, 255, 255)),
    "jpeg": lambda image: encoded(image, "JPEG", quality=70),
    "grey_jpeg": lambda image: encoded(image.convert("L"), "JPEG"),
    "cmyk_jpeg": lambda image: encoded(image.convert("CMYK"), "JPEG"),
    "progressive_jpeg": lambda image: encoded(image, "JPEG", progressive=True),
    "full_chroma_jpeg": lambda image: encoded(image, "JPEG", subsampling=0),
}


@pytest.mark.parametrize("form", EXACT)
@pytest.mark.parametrize("domain", ["sketch", "photo"])
def test_pixels_are_pillows(read, domain, form, tmp_path):
    for image in (drawing(), coloured()):
        contents = EXACT[form](image)
        apart = levels_apart(read[domain]([contents])[0], expected(domain, contents, tmp_path / "file"))
        assert apart.max() < 1e-3


# Largest and mean difference in levels of 255. Of colours, the graph makes grey first and resizes then.
RESIZED = {
    "transparent": (lambda image: encoded(with_alpha(image)), (1, 0.01)),
    "large_grey": (lambda image: encoded(image.convert("L").resize((2000, 1300))), (1, 0.01)),
    "large_jpeg": (lambda image: encoded(image.resize((1400, 2000)), "JPEG"), (3, 0.2)),
    "small": (lambda image: encoded(image.convert("L").resize((90, 41))), (1, 0.01)),
    "odd": (lambda image: encoded(image.resize((301, 499))), (3, 0.2)),
    "thin": (lambda image: encoded(image.convert("L").resize((900, 2))), (1, 0.01)),
    "one_pixel": (lambda image: encoded(Image.new("L", (1, 1), 7)), (0, 0)),
    "large_transparent": (
        lambda image: encoded(with_alpha(image.resize((640, 777)), (180, 20, 90))),
        (25, 0.2),
    ),
    "sixteen_bits": (lambda image: sixteen_bits(image.resize((256, 200))), (1, 1)),
}


def sixteen_bits(image):
    levels = np.asarray(image.convert("L"), np.uint16) * 257
    return encoded(Image.fromarray(np.where((levels > 0) & (levels < 65535), levels + 100, levels)))


@pytest.mark.parametrize("form", RESIZED)
@pytest.mark.parametrize("domain", ["sketch", "photo"])
def test_resized_pixels_differ_by_rounding(read, domain, form, tmp_path):
    make, (largest, mean) = RESIZED[form]
    for image in (drawing(), coloured()):
        contents = make(image)
        apart = levels_apart(read[domain]([contents])[0], expected(domain, contents, tmp_path / "file"))
        assert apart.max() <= largest + 1e-3
        assert apart.mean() <= mean + 1e-3


@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_s_orientation_is_applied(read, orientation, byte_order, tmp_path):
    data = camera_data(orientation, byte_order)
    assert data.tobytes()[6:8] == (b"II" if byte_order == "little" else b"MM")
    image = drawing().resize((256, 170))
    for contents in (encoded(image, "JPEG", exif=data), encoded(image, exif=data)):
        wanted = expected("sketch", contents, tmp_path / "file")
        assert levels_apart(read["sketch"]([contents])[0], wanted).max() < 1e-3
    upright = read["sketch"]([encoded(image)])[0]
    assert (np.abs(upright - wanted).max() < 1e-3) == (orientation == 1)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0",
    ],
    ids=["empty", "short", "far", "endless", "unknown"],
)
def test_damaged_camera_data_is_as_none(read, block):
    image = drawing()
    plain = encoded(image, "JPEG")
    with_block = insert_segment(plain, 0xE1, b"Exif\0\0" + block)
    np.testing.assert_array_equal(read["sketch"]([with_block]), read["sketch"]([plain]))


def insert_segment(jpeg, marker, payload):
    """Puts a segment right behind a JPEG's first two bytes."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload + jpeg[2:]


def test_what_stands_before_and_behind_the_image_is_passed_over(read):
    plain = {"JPEG": encoded(drawing(), "JPEG"), "PNG": encoded(drawing())}
    profiles = plain["JPEG"]
    for _ in range(100):
        profiles = insert_segment(profiles, 0xE2, bytes(20_000))
    filled = plain["JPEG"][:2] + b"\xff\xff\xff" + plain["JPEG"][2:]
    video_behind = plain["JPEG"] + b"\0\0\0\x18ftypmp42" * 10_000
    for contents in (profiles, filled, video_behind):
        np.testing.assert_array_equal(read["sketch"]([contents]), read["sketch"]([plain["JPEG"]]))
    np.testing.assert_array_equal(
        read["sketch"]([plain["PNG"] + b"something"]), read["sketch"]([plain["PNG"]])
    )


def test_rows_of_a_batch_are_independent(read):
    files = [encoded(drawing((400, 300))), encoded(drawing(), "JPEG"), encoded(coloured((30, 50)))]
    together = read["sketch"](files)
    np.testing.assert_array_equal(together, np.concatenate([read["sketch"]([file]) for file in files]))
    assert together.dtype == np.float32
    assert read["sketch"]([]).shape == (0, 225, 225, 1)
    assert read["photo"]([]).shape == (0, 225, 225, 3)


def png_header(width, height):
    """A PNG of which only the header is there, and a few bytes where its pixels would be."""

    def chunk(kind, payload):
        return (
            struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"\0" * 9) + chunk(b"IEND", b"")


def jpeg_header(width, height):
    contents = bytearray(encoded(drawing(), "JPEG"))
    frame = contents.index(b"\xff\xc0")
    contents[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(contents)


SMALL_PNG, SMALL_JPEG = encoded(drawing((60, 40))), encoded(drawing((60, 40)), "JPEG")
WRONG = {
    "empty": (b"", r"must be a PNG or JPEG file\. Received: 0 bytes of something else"),
    "text": (b"a shoe, please", r"must be a PNG or JPEG file\. Received: 14 bytes of something else"),
    "webp": (encoded(drawing(), "WEBP"), "must be a PNG or JPEG file"),
    "gif": (encoded(drawing(), "GIF"), "must be a PNG or JPEG file"),
    "png_signature": (SMALL_PNG[:8], "must be a whole PNG or JPEG file"),
    "png_header_cut": (SMALL_PNG[:20], "must be a whole PNG or JPEG file"),
    "png_cut": (SMALL_PNG[: len(SMALL_PNG) // 2], r"Received: a damaged or truncated one of \d+ bytes"),
    "png_end_cut": (SMALL_PNG[:-1], "must be a whole PNG or JPEG file"),
    "png_of_another_chunk": (SMALL_PNG.replace(b"IHDR", b"IHDX"), "must be a whole PNG or JPEG file"),
    "png_of_no_pixels": (png_header(0, 10), "must be a whole PNG or JPEG file"),
    "jpeg_signature": (SMALL_JPEG[:3], "must be a whole PNG or JPEG file"),
    "jpeg_cut": (SMALL_JPEG[: len(SMALL_JPEG) - 200], r"Received: a damaged or truncated one of \d+ bytes"),
    "jpeg_header_cut": (SMALL_JPEG[:100], "must be a whole PNG or JPEG file"),
    "jpeg_without_frame": (SMALL_JPEG[:2] + b"\xff\xda" + SMALL_JPEG[2:], "must be a whole PNG or JPEG file"),
    "jpeg_of_endless_segments": (
        SMALL_JPEG[:2] + b"\xff\xe2\0\2" * 2000 + SMALL_JPEG[2:],
        "must be a whole PNG or JPEG file",
    ),
    "large_png": (png_header(100_000, 90_000), r"have at most 20000000 pixels\. Received: 100000 x 90000"),
    "largest_png": (png_header(2**31 - 1, 2**31 - 1), "have at most 20000000 pixels"),
    "large_jpeg": (jpeg_header(65_000, 6_000), r"have at most 20000000 pixels\. Received: 65000 x 6000"),
    "many_bytes": (
        SMALL_PNG + bytes(image_bytes.MAX_BYTES),
        r"must be a file of at most 16777216 bytes\. Received: \d+ bytes",
    ),
    "white": (encoded(Image.new("L", (50, 80), 255)), r"must show a sketch.* Received: nothing but white"),
    "white_jpeg": (encoded(Image.new("RGB", (50, 80), "white"), "JPEG"), "Received: nothing but white"),
    "transparent": (encoded(Image.new("RGBA", (50, 80))), "Received: nothing but white"),
}


@pytest.mark.parametrize("form", WRONG)
def test_the_bad_row_of_a_batch_is_named(read, form):
    contents, message = WRONG[form]
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"`image_bytes`, row 2, .*{message}"):
        read["sketch"]([SMALL_PNG, SMALL_JPEG, contents, SMALL_PNG])


def test_a_white_photo_is_one(read):
    np.testing.assert_array_equal(read["photo"]([WRONG["white"][0]]), np.ones((1, 225, 225, 3)))


@pytest.mark.parametrize("whole", [SMALL_PNG, SMALL_JPEG], ids=["png", "jpeg"])
def test_damage_gives_an_image_or_an_error_of_the_input(read, whole):
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 700), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        try:
            image = read["sketch"]([bytes(damaged)])
        except tf.errors.InvalidArgumentError:
            continue
        assert image.shape == (1, 225, 225, 1)
        assert -1 <= image.min() < image.max() <= 1
