"""Image files as an encoder takes them, read by TensorFlow alone, inside the graph that a server runs.

`read_sketches` and `read_photos` do what `Preprocessing.read_sketch` and, for RGB, `Preprocessing.read_photo`
do with a file: transparency on white, the camera's orientation, grey, the longer side resized to the canvas
(Lanczos, antialiased), the centre cropped, [-1, 1]. Pixels differ from those by rounding. They read PNG and
JPEG, whose sizes stand in their first bytes: what is too large is refused before it is decoded.

Where they cannot follow `tfsbir.data.images.read_image`: other formats are refused. 16-bit grey loses its low
byte, where `read_image` divides by 257: at most one level of 255. An orientation that stands only in XMP is
not seen. Damage that only the decoder finds raises TensorFlow's own error, which does not tell the row.
"""

import tensorflow as tf

from export.shape_check import checked_shape

MAX_BYTES = 16 * 2**20
MAX_PIXELS = 20_000_000
_MAX_SEGMENTS = 1000  # Before the pixels; real files have a few dozen. Each costs a step of a loop.
_PNG_START, _JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_END, _JPEG_END = b"IEND\xae\x42\x60\x82", b"\xff\xd9"
_JPEG_RATIOS = (1, 2, 4, 8)


# Traced once for all graphs of a size: an exporter traces each signature twice.
@tf.function(autograph=False)
def read_sketches(image_bytes, image_size, canvas_size):
    """Reads image files as sketches.

    Args:
        image_bytes: `(batch,)` strings, the bytes of PNG or JPEG files.
        image_size: Side of the result in px.
        canvas_size: Side of the canvas in px, from whose centre it is cropped.
    Returns: `(batch, image_size, image_size, 1)` float32 in [-1, 1].
    Raises: `tf.errors.InvalidArgumentError`, when the graph runs, naming `image_bytes` and the row, if one is
        no PNG or JPEG, is cut off, is larger than `MAX_BYTES` or `MAX_PIXELS`, or shows nothing but white.
    """

    def read(row, contents):
        image = _read_image(row, contents, image_size, canvas_size, channels=1)
        is_drawn = tf.reduce_min(image) < 255.0
        received = "nothing but white, as a sketch of white or transparent lines would be"
        return _checked(image, is_drawn, row, "show a sketch, darker than its paper", received)

    return _map_rows(read, image_bytes, (image_size, image_size, 1))


@tf.function(autograph=False)
def read_photos(image_bytes, image_size, canvas_size):
    """Reads image files as RGB photos, `(batch, image_size, image_size, 3)`; else as `read_sketches`.

    A white photo is one.
    """

    def read(row, contents):
        return _read_image(row, contents, image_size, canvas_size, channels=3)

    return _map_rows(read, image_bytes, (image_size, image_size, 3))


def _map_rows(read, image_bytes, shape):
    image_bytes = checked_shape("image_bytes", image_bytes, (None,))
    rows = tf.range(tf.shape(image_bytes)[0])
    # One after the other, so that memory is that of one large image whatever the batch is.
    images = tf.map_fn(
        lambda given: read(*given),
        (rows, image_bytes),
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec(shape, tf.float32),
    )
    return images / 127.5 - 1.0


def _read_image(row, contents, image_size, canvas_size, channels):
    """Reads one file as the centre of its canvas, float32 of whole numbers in 0..255."""
    contents, is_png, size, orientation, is_transparent = _checked_file(row, contents)
    # Pillow's `draft` in `read_image`: a JPEG decoder skips what a much smaller copy does not need.
    most = tf.reduce_min(size // (2 * canvas_size))
    ratio = tf.reduce_sum(tf.cast(most >= _JPEG_RATIOS[1:], tf.int32))
    branches = [lambda: _on_paper(_decode_png(contents, is_transparent), channels)]
    branches += [lambda r=r: _on_paper(_decode_jpeg(contents, r), channels) for r in _JPEG_RATIOS]
    image = tf.switch_case(tf.where(is_png, 0, 1 + ratio), branches)
    image = _fit(_turn(image, orientation), canvas_size)
    image = _center(image, canvas_size, channels)
    first = (canvas_size - image_size) // 2
    return image[first : first + image_size, first : first + image_size]


def _checked_file(row, contents):
    """Checks a file before it is decoded.

    Returns: `(contents, is_png, size, orientation, is_transparent)`; the size is int64 `(height, width)` as
        stored, the orientation EXIF's, 1..8, and `is_transparent` whether anything may be.
    """
    num_bytes = tf.strings.length(contents)
    is_small = num_bytes <= MAX_BYTES
    received = tf.strings.join([tf.as_string(num_bytes), " bytes"])
    contents = _checked(contents, is_small, row, f"be a file of at most {MAX_BYTES} bytes", received)
    is_png = tf.equal(_substr(contents, 0, len(_PNG_START)), _PNG_START)
    is_jpeg = tf.equal(_substr(contents, 0, len(_JPEG_START)), _JPEG_START)
    received = tf.strings.join([received, " of something else"])
    contents = _checked(contents, is_png | is_jpeg, row, "be a PNG or JPEG file", received)
    size, exif, pixels, is_transparent = tf.cond(
        is_png, lambda: _png_header(contents), lambda: _jpeg_header(contents)
    )
    end = tf.where(is_png, _PNG_END, _JPEG_END)
    is_whole = tf.reduce_all(size > 0) & _contains(contents, end, pixels)
    received = tf.strings.join(["a damaged or truncated one of ", tf.as_string(num_bytes), " bytes"])
    contents = _checked(contents, is_whole, row, "be a whole PNG or JPEG file", received)
    is_small = tf.reduce_prod(size) <= MAX_PIXELS
    received = tf.strings.join([tf.as_string(size[1]), " x ", tf.as_string(size[0])])
    contents = _checked(contents, is_small, row, f"have at most {MAX_PIXELS} pixels", received)
    return contents, is_png, size, _orientation(_substr(contents, exif, 2**16)), is_transparent


def _checked(value, condition, row, requirement, received):
    """Returns `value`, which exists only where the condition holds."""
    message = tf.strings.join(
        ["`image_bytes`, row ", tf.as_string(row), f", must {requirement}. Received: ", received]
    )
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(value)


def _png_header(contents):
    """Walks a PNG's chunks up to its pixels; returns `(size, exif, pixels, is_transparent)`.

    The size is 0 where the header is not whole; `exif` is where its block begins, past the end where there
    is none; `pixels` where theirs begin.
    """
    length = _length(contents)
    header = _bytes_at(contents, 8, 18)
    is_header = tf.equal(_substr(contents, 12, 4), b"IHDR")
    size = tf.stack([_integer(header[12:16]), _integer(header[8:12])])

    def is_before_pixels(position, exif, is_transparent):
        is_pixels = tf.equal(_substr(contents, position + 4, 4), b"IDAT")
        return (position < length) & ~is_pixels

    def step(position, exif, is_transparent):
        kind = _substr(contents, position + 4, 4)
        exif = tf.where(tf.equal(kind, b"eXIf"), position + 8, exif)
        position += 12 + _integer(_bytes_at(contents, position, 4))
        return position, exif, is_transparent | tf.equal(kind, b"tRNS")

    # Grey and colours with an alpha channel are types 4 and 6.
    start = (tf.constant(8, tf.int64), length, header[17] >= 4)
    pixels, exif, is_transparent = tf.while_loop(
        is_before_pixels, step, start, maximum_iterations=_MAX_SEGMENTS
    )
    return tf.where(is_header, size, 0), exif, pixels, is_transparent


def _jpeg_header(contents):
    """Walks a JPEG's segments up to its frame header; returns as `_png_header` does."""
    length = _length(contents)

    def is_before_frame(position, exif, size, is_over):
        return (position < length) & ~is_over

    def step(position, exif, size, is_over):
        head = _bytes_at(contents, position, 9)
        marker, num_bytes = head[1], _integer(head[2:4])
        is_marker = head[0] == 0xFF
        is_fill = is_marker & (marker == 0xFF)
        # C4, C8 and CC are tables. From D0 to DA there is no length, or the pixels begin.
        is_frame = is_marker & (marker // 16 == 0xC) & tf.reduce_all(marker != [0xC4, 0xC8, 0xCC])
        is_segment = is_marker & (marker >= 0xC0) & ((marker < 0xD0) | (marker > 0xDA)) & (num_bytes >= 2)
        is_exif = (marker == 0xE1) & tf.equal(_substr(contents, position + 4, 6), b"Exif\0\0")
        exif = tf.where(is_exif & (exif == length), position + 10, exif)
        size = tf.where(is_frame, tf.stack([_integer(head[5:7]), _integer(head[7:9])]), size)
        position += tf.where(is_fill, tf.constant(1, tf.int64), 2 + num_bytes)
        return position, exif, size, is_frame | ~(is_fill | is_segment)

    start = (tf.constant(2, tf.int64), length, tf.zeros(2, tf.int64), tf.constant(False))
    pixels, exif, size, _ = tf.while_loop(is_before_frame, step, start, maximum_iterations=_MAX_SEGMENTS)
    return size, exif, pixels, tf.constant(False)


def _orientation(tiff):
    """Finds the orientation in an EXIF block, `tiff`; 1, upright, where there is none or it is damaged."""
    head = _bytes_at(tiff, 0, 8)
    is_little = tf.equal(_substr(tiff, 0, 2), b"II")
    is_tiff = is_little | tf.equal(_substr(tiff, 0, 2), b"MM")
    directory = _integer(head[4:8], is_little)
    num_entries = _integer(_bytes_at(tiff, directory, 2), is_little)
    entries = tf.io.decode_raw(_substr(tiff, directory + 2, 12 * num_entries), tf.uint8)
    entries = tf.reshape(entries[: tf.size(entries) // 12 * 12], (-1, 12))
    tag, kind = _integer(entries[:, :2], is_little), _integer(entries[:, 2:4], is_little)
    value = _integer(entries[:, 8:10], is_little)
    is_orientation = is_tiff & (tag == 0x0112) & (kind == 3) & (value >= 1) & (value <= 8)
    return tf.concat([value[is_orientation], [1]], axis=0)[0]


def _decode_png(contents, is_transparent):
    """Decodes a PNG of any kind on white; float32 `(height, width, 3)` of whole numbers in 0..255."""

    def on_white():
        image = tf.cast(tf.io.decode_png(contents, channels=4), tf.float32)
        return tf.round(255.0 + image[..., 3:] / 255.0 * (image[..., :3] - 255.0))

    # Asked for alpha where there is none, TensorFlow 2.21 makes it up wrongly below 8 bits a pixel.
    def opaque():
        return tf.cast(tf.io.decode_png(contents, channels=3), tf.float32)

    return tf.cond(is_transparent, on_white, opaque)


def _decode_jpeg(contents, ratio):
    # By default, TensorFlow decodes faster and differs from other programs by up to three levels.
    image = tf.io.decode_jpeg(contents, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")
    return tf.cast(image, tf.float32)


def _on_paper(image, channels):
    """Makes grey of RGB as Pillow does (ITU-R 601-2, in 16-bit fractions), if `channels` is 1."""
    if channels == 3:
        return image
    grey = 19595.0 * image[..., 0] + 38470.0 * image[..., 1] + 7471.0 * image[..., 2] + 32768.0
    return tf.floor(grey / 65536.0)[..., None]  # All below 2^24: float32 is exact.


def _turn(image, orientation):
    """Turns an image upright: EXIF's orientation 1..8 is a transposition, from 5 on, and two flips."""
    image = tf.transpose(image, tf.where(orientation >= 5, [1, 0, 2], [0, 1, 2]))
    is_upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    is_mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    return tf.reverse(image, tf.boolean_mask([0, 1], tf.stack([is_upside_down, is_mirrored])))


def _fit(image, canvas_size):
    """Resizes an image so that its longer side is `canvas_size`."""
    size = tf.shape(image)[:2]
    scale = canvas_size / tf.reduce_max(size)  # float64, and `tf.round` to even, as Python has both.
    fitted = tf.maximum(1, tf.cast(tf.round(tf.cast(size, tf.float64) * scale), tf.int32))
    # Rows first and whole numbers between, as in Pillow: white stays 255 where Lanczos rings beyond it.
    return _resize(_resize(image, (size[0], fitted[1])), (fitted[0], fitted[1]))


def _resize(image, size):
    image = tf.image.resize(image, size, method="lanczos3", antialias=True)
    return tf.clip_by_value(tf.floor(image + 0.5), 0.0, 255.0)


def _center(image, canvas_size, channels):
    size = tf.shape(image)[:2]
    before = (canvas_size - size) // 2
    margins = tf.stack([before, canvas_size - size - before], axis=1)
    canvas = tf.pad(image, tf.concat([margins, [[0, 0]]], axis=0), constant_values=255.0)
    return tf.ensure_shape(canvas, (canvas_size, canvas_size, channels))


def _length(contents):
    return tf.cast(tf.strings.length(contents), tf.int64)


def _substr(contents, position, count):
    """Returns the bytes from `position`, fewer than `count` where the string ends before."""
    position = tf.minimum(tf.cast(position, tf.int64), _length(contents))
    return tf.strings.substr(contents, position, tf.cast(count, tf.int64))


def _bytes_at(contents, position, count):
    """Returns `count` bytes, an int, from `position` as int32; those beyond the string's end are 0."""
    found = tf.strings.join([_substr(contents, position, count), b"\0" * count])
    return tf.cast(tf.ensure_shape(tf.io.decode_raw(_substr(found, 0, count), tf.uint8), (count,)), tf.int32)


def _integer(values, is_little=False):
    """Returns the number that bytes, along the last axis, are together; int64."""
    num_bytes = values.shape[-1]
    weights = tf.constant([256**power for power in reversed(range(num_bytes))], tf.int64)
    weights = tf.where(is_little, weights[::-1], weights)
    return tf.reduce_sum(tf.cast(values, tf.int64) * weights, axis=-1)


def _contains(contents, wanted, position):
    """Tells whether the bytes `wanted` stand anywhere from `position` on."""
    rest = tf.strings.substr(contents, tf.minimum(position, _length(contents)), _length(contents))
    # What is split has one part more than there are separators.
    return tf.size(tf.strings.split(rest, wanted, maxsplit=1)) > 1
