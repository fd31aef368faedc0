"""Reading images: the canvas, every mode, and every way in which a file can be wrong."""

import concurrent.futures
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from tfsbir.data import images
from tfsbir.data.images import (
    image_size,
    list_images,
    natural_key,
    read_all,
    read_image,
    read_photo_edges,
)
from tfsbir.errors import InputError


def save(path, pixels, **options):
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)
    return path


def write_blank_png(path, width, height):
    """Writes a valid one-bit PNG of any size without holding its pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(1)
    pixels = b"".join([packer.compress(row) for _ in range(height)] + [packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("channels", [1, 3])
def test_exact_size_keeps_pixels(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, channels), np.uint8)
    path = save(tmp_path / "a.png", pixels[..., 0] if channels == 1 else pixels)
    image = read_image(path, channels=channels)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, pixels)


def test_keeps_aspect_and_centres_on_white(tmp_path):
    image = read_image(save(tmp_path / "wide.png", np.zeros((50, 200))), size=100)
    expected = np.full((100, 100, 1), 255)
    expected[37:62] = 0  # 200 x 50 becomes 100 x 25; 75 rows are left, 37 above and 38 below.
    np.testing.assert_array_equal(image, expected)


def test_enlarges_small_images(tmp_path):
    assert np.all(read_image(save(tmp_path / "dot.png", [[0]]), size=64) == 0)


def test_extreme_aspect_keeps_a_line(tmp_path):
    image = read_image(save(tmp_path / "line.png", np.zeros((1, 5000))), size=64)
    assert np.flatnonzero(image[:, 0, 0] == 0).tolist() == [31]


def test_shrinking_is_antialiased(tmp_path):
    stripes = np.tile([[0, 255]], (512, 256))  # Picking every other pixel would give all or nothing.
    image = read_image(save(tmp_path / "stripes.png", stripes), size=256)
    assert np.all(np.abs(image[8:-8, 8:-8].astype(int) - 128) <= 2)


def test_transparency_is_white(tmp_path):
    pixels = np.zeros((32, 32, 4))
    pixels[8:24, 8:24, 3] = 255
    image = read_image(save(tmp_path / "a.png", pixels), size=32)[..., 0]
    assert image[0, 0] == 255
    assert image[16, 16] == 0


def test_half_transparent_black_is_grey(tmp_path):
    pixels = np.zeros((32, 32, 2))
    pixels[..., 1] = 128
    path = tmp_path / "a.png"
    Image.fromarray(pixels.astype(np.uint8), "LA").save(path)
    assert np.all(read_image(path, size=32) == 127)


def test_palette_with_transparent_entry(tmp_path):
    palette = Image.fromarray(np.repeat([[0, 1]], 32, 0).repeat(16, 1).astype(np.uint8), "P")
    palette.putpalette([255, 0, 0, 0, 0, 255])
    path = tmp_path / "a.png"
    palette.save(path, transparency=0)
    image = read_image(path, size=32, channels=3)
    assert image[16, 4].tolist() == [255, 255, 255]
    assert image[16, 28].tolist() == [0, 0, 255]


def test_16_bit_grey_is_scaled(tmp_path):
    path = tmp_path / "a.png"
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    Image.fromarray(np.tile(ramp, (64, 1))).save(path)
    np.testing.assert_allclose(read_image(path, size=64)[5, :, 0], ramp / 257.0, atol=1)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "CMYK", "RGBA", "P"])
def test_modes(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.new("RGB", (20, 20), "white").convert(mode).save(path)
    assert read_image(path, size=20, channels=3).min() >= 254


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".gif", ".tif"])
def test_formats(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", np.full((40, 40), 90))
    np.testing.assert_allclose(read_image(path, size=40).astype(int), 90, atol=2)


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, (0, 0)), (2, (0, 1)), (3, (1, 1)), (4, (1, 0)), (5, (0, 0)), (6, (0, 1)), (7, (1, 1)), (8, (1, 0))],
)
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_orientation_tag(tmp_path, orientation, corner, suffix):
    """The stored dark corner is the top left one; the tag says where it belongs."""
    pixels = np.full((64, 64), 255)
    pixels[:32, :32] = 0
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(save(tmp_path / f"a{suffix}", pixels, exif=exif), size=64)[..., 0]
    is_dark = image[16::32, 16::32] < 128
    assert np.argwhere(is_dark).tolist() == [list(corner)]


def test_damaged_camera_data_is_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a description that is cut"
    path = save(tmp_path / "a.jpg", np.full((32, 32), 90), exif=exif)
    # The description's length, little- or big-endian, becomes larger than the file.
    data = path.read_bytes().replace(b"\x01\x0e\x00\x02\x00\x00", b"\x01\x0e\x00\x02\x7f\x00")
    path.write_bytes(data.replace(b"\x0e\x01\x02\x00\x1a\x00\x00\x00", b"\x0e\x01\x02\x00\x1a\x00\x00\x7f"))
    assert read_image(path, size=32).shape == (32, 32, 1)


def test_large_jpeg_is_read_at_reduced_size(tmp_path):
    pixels = np.full((1200, 1600), 255)
    pixels[:, 800:] = 0
    image = read_image(save(tmp_path / "a.jpg", pixels), size=64)[..., 0]
    assert image[32, 20] > 250
    assert image[32, 44] < 5
    assert image[4, 44] == 255


def test_photo_edges_have_no_frame(tmp_path):
    """A grey photo on the white canvas has an edge all around that is not the photo's."""
    pixels = np.full((100, 200, 3), 90)
    pixels[30:70, 60:140] = 220
    path = save(tmp_path / "a.png", pixels)
    edges = read_photo_edges(path, size=200)
    assert edges.shape == (200, 200, 1)
    rows, columns = np.nonzero(edges[..., 0] < 128)
    assert (rows.min(), rows.max()) == pytest.approx((50 + 30, 50 + 69), abs=2)
    assert (columns.min(), columns.max()) == pytest.approx((60, 139), abs=2)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.png: expected an image file; no such file"):
        read_image(tmp_path / "none.png")


def test_folder(tmp_path):
    with pytest.raises(InputError, match="expected an image file; found a folder"):
        read_image(tmp_path)


def test_zero_bytes(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png: expected an image file; found an empty file"):
        read_image(tmp_path / "a.png")


def test_not_an_image(tmp_path):
    (tmp_path / "a.png").write_text("These are words.")
    with pytest.raises(InputError, match=r"a\.png: expected an image \(PNG, .*; found something else"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated(tmp_path, share, suffix):
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3))
    path = save(tmp_path / f"a{suffix}", pixels)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=rf"a\{suffix}: expected a whole image; it cannot be decoded"):
        read_image(path)


def test_damaged_anywhere(tmp_path):
    """Whatever bytes change: an image or one line, never another error, never a warning."""
    random = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    pixels = random.integers(0, 256, (24, 30, 3))
    num_failed = 0
    for suffix in (".png", ".jpg", ".gif", ".webp", ".bmp"):
        path = save(tmp_path / f"a{suffix}", pixels, **({} if suffix in (".gif", ".bmp") else {"exif": exif}))
        whole = path.read_bytes()
        for _ in range(120):
            data = bytearray(whole[: random.integers(1, 2 * len(whole))])
            for place in random.integers(0, len(data), 6):
                data[place] = random.integers(256)
            path.write_bytes(data)
            for read, expected, name in (
                (lambda path: read_image(path, size=32).shape[:2], 32, str(path)),
                (lambda path: image_size(path.read_bytes()), None, "the image"),
            ):
                try:
                    sides = read(path)
                    assert len(sides) == 2 and (expected is None or set(sides) == {expected})
                except InputError as error:
                    num_failed += 1
                    assert name in str(error)
                    assert "\n" not in str(error)
    assert num_failed > 200


@pytest.mark.parametrize(
    ("width", "height", "found"),
    [(30_000, 30_000, "900000000 pixels"), (10_000, 10_000, "100000000 pixels"), (8000, 5001, "8000 x 5001")],
)
def test_too_many_pixels(tmp_path, width, height, found):
    path = write_blank_png(tmp_path / "huge.png", width, height)
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(InputError, match=rf"huge\.png: expected .* at most 40 million pixels; found {found}"):
        read_image(path)
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 0.5  # A millisecond where nothing else runs; decoding takes several seconds.
    assert peak < 2**20


@pytest.mark.parametrize(("width", "height"), [(65_536, 8), (8, 65_536)])
def test_too_long_a_side(tmp_path, width, height):
    path = write_blank_png(tmp_path / "long.png", width, height)
    message = rf"long\.png: expected .* at most 65535 pixels on a side; found {width} x {height}"
    with pytest.raises(InputError, match=message):
        read_image(path)
    write_blank_png(path, min(width, 65_535), min(height, 65_535))
    assert read_image(path).shape == (256, 256, 1)


def test_too_many_bytes(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)
    with pytest.raises(
        InputError, match=r"huge\.png: expected an image file of at most 67108864 bytes; found 67108865"
    ):
        read_image(path)


def test_floating_point_pixels(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(np.zeros((8, 8), np.float32)).save(path)
    with pytest.raises(InputError, match="floating-point pixels have no known range"):
        read_image(path)


def test_channels(tmp_path):
    with pytest.raises(ValueError, match=r"`channels` must be 1 or 3\. Received: 4"):
        read_image(save(tmp_path / "a.png", [[0]]), channels=4)


def test_reads_in_threads(tmp_path):
    paths = [save(tmp_path / f"{i}.png", np.full((32, 32), i)) for i in range(40)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        values = [int(image[0, 0, 0]) for image in pool.map(lambda path: read_image(path, size=32), paths)]
    assert values == list(range(40))


def test_list_images_in_natural_order(tmp_path):
    for name in ("10.png", "2.JPG", "1.png", ".DS_Store", "._1.png", "Thumbs.db", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["1.png", "2.JPG", "10.png"]


def test_list_images_of_nothing(tmp_path):
    with pytest.raises(InputError, match="expected a folder of images; there is none"):
        list_images(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match="file: expected a folder of images; it is a file"):
        list_images(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").write_bytes(b"x")
    with pytest.raises(InputError, match=r"empty: expected at least one image \(.*\); found none"):
        list_images(tmp_path / "empty")


def test_natural_key():
    names = ["b1", "a10", "a9", "A2", "a02", "10", "9x"]
    assert sorted(names, key=natural_key) == ["9x", "10", "A2", "a02", "a9", "a10", "b1"]


def test_read_all_shows_progress_only_when_slow(capsys):
    def read(path):
        return np.full((2, 2, 1), path, np.uint8)

    np.testing.assert_array_equal(read_all([3, 1, 2], read, "sketches")[:, 0, 0, 0], [3, 1, 2])
    assert capsys.readouterr() == ("", "")

    def read_slowly(path):
        time.sleep(1.05 * (path > 1))
        return read(path)

    read_all([1, 2, 3], read_slowly, "sketches")
    output, errors = capsys.readouterr()
    assert output == ""
    assert "sketches" in errors
