"""What a server allows."""

import dataclasses
import enum


class Size(enum.IntEnum):
    """Sides of thumbnails in px; a few, so that few are kept of each photo."""

    SMALLEST = 64
    SMALL = 128
    MIDDLE = 256
    LARGE = 512
    LARGEST = 1024


@dataclasses.dataclass(frozen=True)
class Settings:
    """Limits of `tfsbir serve`.

    Args:
        max_body_bytes: Int, bytes of a request's body.
        max_pixels: Int, pixels of an image that is sent, as its header tells.
        max_strokes, max_points: Ints, strokes of a drawing and points of all its strokes.
        max_k: Int, photos that a search returns.
        rate: Float, searches a second of one address, in the long run; a photo counts a tenth. 0 for any.
        burst: Float, searches that an address may ask for at once.
        max_concurrent: Int, searches that are under way at once, waiting ones too; more are refused.
        timeout: Float, seconds that a request may take.
        max_batch: Int, sketches that are encoded at once.
        batch_wait_ms: Float, how long a sketch waits for others to be encoded with.
        token: Str, what `Authorization: Bearer` must say; None for nothing.
        allowed_hosts: Tuple of str, names that a request's Host header may have.
        cache_bytes: Int, thumbnails that are kept.
    """

    max_body_bytes: int = 8 * 2**20
    max_pixels: int = 20_000_000
    max_strokes: int = 1000
    max_points: int = 50_000
    max_k: int = 200
    rate: float = 20.0
    burst: float = 40.0
    max_concurrent: int = 128
    timeout: float = 30.0
    max_batch: int = 32
    batch_wait_ms: float = 2.0
    token: str | None = None
    allowed_hosts: tuple = ("127.0.0.1", "localhost", "[::1]")
    cache_bytes: int = 64 * 2**20
