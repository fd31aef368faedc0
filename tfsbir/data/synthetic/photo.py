"""A camera: parts as a shaded, textured photo in front of a backdrop."""

import functools

import cv2
import numpy as np

from tfsbir.data.synthetic.shapes import SIZE, mask_of

TEXTURES = ("plain", "grain", "weave", "wood", "stripes", "dots")
_TILE = SIZE + 64  # Textures are cut out of tiles, somewhere in the 64 px beyond a picture's size.
_VARIANTS = 4  # Tiles a texture.


def draw_photo(parts, materials, random, clutter=0.3):
    """Paints parts with soft light and a shadow, in a studio or somewhere less tidy.

    Args:
        parts: List of `Part` in px, y down.
        materials: Dict of `Material`.
        random: `numpy.random.Generator` of the light and the backdrop.
        clutter: From 0, a pale studio, to 1, where all photos have a coloured or a table-top backdrop with
            blurred things on it and a grainy sensor.
    Returns: `(256, 256, 3)` uint8 RGB.
    """
    photo = _backdrop(parts, random, clutter)
    slope = _slope(random.uniform(-2.4, -0.7))
    variant, (down, across) = int(random.integers(_VARIANTS)), random.integers(0, _TILE - SIZE, 2).tolist()
    masks = {}
    for index, part in enumerate(parts):
        mask, left, top = mask_of(part)
        if part.clip is not None:
            mask, left, top = _overlap((mask, left, top), masks[part.clip])
        masks[index] = mask, left, top
        if mask.size == 0:
            continue
        height, width = mask.shape
        window = slice(top, top + height), slice(left, left + width)
        # Less light towards the part's rim and away from the lamp.
        inside = cv2.blur(mask, (13, 13), borderType=cv2.BORDER_CONSTANT)
        light = cv2.scaleAdd(inside.astype(np.float32), 0.2 / 255, slope[window])
        material = materials[part.material]
        if material.texture != "plain":
            light *= _texture(material.texture, variant)[down + top :, across + left :][:height, :width]
        color = cv2.merge([light * np.float32(part.shade * channel) for channel in material.color])
        alpha = mask.astype(np.float32)
        alpha *= np.float32(1 / 255)
        photo[window] = cv2.blendLinear(color, photo[window], alpha, 1.0 - alpha)
    down, across = random.integers(0, _TILE - SIZE, 2).tolist()
    grain = _sensor_grain()[down : down + SIZE, across : across + SIZE]
    return cv2.convertScaleAbs(cv2.scaleAdd(grain, random.uniform(0.0, 6.0 * clutter), photo))


def _overlap(first, second):
    """Returns the product of two masks in two windows, where the windows meet, as `mask_of` does."""
    (mask, left, top), (other, other_left, other_top) = first, second
    x0, y0 = max(left, other_left), max(top, other_top)
    x1 = max(min(left + mask.shape[1], other_left + other.shape[1]), x0)
    y1 = max(min(top + mask.shape[0], other_top + other.shape[0]), y0)
    mask = mask[y0 - top : y1 - top, x0 - left : x1 - left]
    other = other[y0 - other_top : y1 - other_top, x0 - other_left : x1 - other_left]
    return np.minimum(mask, other), x0, y0


def _slope(angle):
    """Returns `(256, 256)` float32 around 0.85: brightness that falls off in a direction."""
    place = np.arange(SIZE, dtype=np.float32) / SIZE - np.float32(0.5)
    across, down = np.float32(0.24 * np.cos(angle)), np.float32(0.24 * np.sin(angle))
    return (np.float32(0.85) + across * place) + (down * place)[:, None]


def _backdrop(parts, random, clutter):
    """A wall or a wall and a table, soft things on it, and the shadow of the object."""
    points = np.concatenate([contour for part in parts if part.clip is None for contour in part.contours])
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    place = np.arange(SIZE, dtype=np.float32) / SIZE
    # Darker towards the corners.
    across, down = -10 * (place - 0.5) ** 2, -10 * (place - random.uniform(0.3, 0.6)) ** 2
    tint, things = 250 + random.uniform(-6, 2, 3), 0
    if random.random() < clutter:
        tint = random.uniform(196, 238) + random.uniform(-12, 12, 3)
        across += random.uniform(-22, 22) * (place - 0.5)
        down += random.uniform(-22, 22) * (place - 0.5)
        if random.random() < 0.6:
            # The far edge of a table, between the object's foot and its middle.
            edge = bottom - random.uniform(0.1, 0.6) * (bottom - top)
            down -= random.uniform(12, 34) * np.clip(SIZE * place - edge, 0, 1)
        things = _blurred_things(random, clutter)
    tones = across - things + down[:, None]
    shadow = 34 * np.exp(-(((SIZE * place - (left + right) / 2) / (0.36 * (right - left))) ** 2))
    tones -= shadow * np.exp(-((((SIZE * place - bottom) / SIZE + 0.01) / 0.035) ** 2))[:, None]
    return cv2.merge([tones + np.float32(channel) for channel in tint])


def _blurred_things(random, clutter):
    """Things out of focus, drawn small: how much darker they make each pixel."""
    small = np.zeros((SIZE // 4, SIZE // 4), np.float32)
    for _ in range(random.poisson(4 * clutter)):
        center = tuple(random.integers(0, SIZE // 4, 2).tolist())
        axes = tuple(random.integers(4, 20, 2).tolist())
        cv2.ellipse(small, center, axes, random.uniform(0, 180), 0, 360, random.uniform(-14, 30), -1)
    small = cv2.GaussianBlur(small, (0, 0), 2.5)
    return cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)


@functools.cache
def _sensor_grain():
    """White noise of unit variance, alike in the three channels and in all processes."""
    noise = np.random.default_rng(0).normal(0.0, 1.0, (_TILE, _TILE)).astype(np.float32)
    return cv2.merge([noise, noise, noise])


@functools.cache
def _texture(name, variant):
    """Returns a `(320, 320)` float32 tile of brightness around 1; variants differ in size and direction."""
    random = np.random.default_rng((TEXTURES.index(name), int(variant)))
    noise = random.normal(0.0, 1.0, (_TILE, _TILE)).astype(np.float32)
    if name == "grain":
        return 1 + 0.035 * _unit_variance(cv2.GaussianBlur(noise, (0, 0), 0.8 + 0.3 * variant))
    if name == "wood":
        blur = (3, 41) if variant % 2 else (41, 3)
        return 1 + 0.05 * _unit_variance(cv2.blur(noise, blur))
    y, x = np.mgrid[:_TILE, :_TILE]
    if name == "weave":
        period = 4 + 2 * (variant % 2)
        threads = np.sin(2 * np.pi * x / period) * np.sin(2 * np.pi * y / period)
        return (1 + 0.06 * threads + 0.02 * noise).astype(np.float32)
    if name == "stripes":
        angle, period = np.pi / 4 * variant, 11 + 3 * variant
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        return (1 + 0.1 * np.clip(3 * wave, -1, 1)).astype(np.float32)
    period = 13 + 3 * variant
    distance = np.hypot((x + period / 2 * (y // period % 2)) % period - period / 2, y % period - period / 2)
    return (1 + 0.2 * np.clip(0.22 * period - distance, 0, 1) - 0.03).astype(np.float32)


def _unit_variance(values):
    return values / values.std()
