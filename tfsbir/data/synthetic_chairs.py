"""Chairs seen from the front, a little from above and from the left."""

import numpy as np

from tfsbir.data.synthetic_shapes import Part, SyntheticObject, curve, ribbon, superellipse

BACKS = ("panel", "slats", "ladder", "oval", "cross")
LEGS = ("straight", "splayed", "pedestal", "sled")
ARMS = ("none", "straight", "curved")


def chair(random):
    """Draws the parameters of a chair from `random` and builds it.

    Args:
        random: `numpy.random.Generator`.
    Returns: A `SyntheticObject`; one unit is about the width of the seat.
    """
    back = BACKS[random.choice(5)]
    legs = LEGS[random.choice(4, p=(0.35, 0.3, 0.2, 0.15))]
    arms = ARMS[random.choice(3, p=(0.5, 0.25, 0.25))]
    width, depth = random.uniform(0.75, 1.2), random.uniform(0.6, 1.0)
    height, thickness = random.uniform(0.45, 1.0), random.uniform(0.05, 0.16)
    back_height, back_taper = random.uniform(0.5, 1.4), random.uniform(-0.18, 0.2)
    back_power = random.uniform(2.5, 9.0)
    leg_width, splay = random.uniform(0.06, 0.13), random.uniform(0.06, 0.2)
    arm_height = random.uniform(0.24, 0.4)
    num_bars = int(random.integers(2, 6))
    has_rungs, has_cushion = random.random() < 0.35, random.random() < 0.35
    skew, tilt = random.uniform(0.26, 0.4), random.uniform(0.2, 0.34)
    colors = _colors(random)

    def at(x, y, z):
        """Oblique projection; x to the right, y up, z away from us."""
        return np.array([x + skew * z, y + tilt * z])

    half = width / 2
    far_parts, near_parts = _legs(legs, at, half, depth, height, leg_width, splay, has_rungs, colors)
    parts = list(far_parts)
    parts += _back(
        back, at, half, depth, height, back_height, back_taper, back_power, num_bars, leg_width, colors
    )
    if arms != "none":
        parts += _arm(arms, at, half - 0.02, depth, height, arm_height, leg_width, colors)
    left, right, low = -half, half, height - thickness
    top = np.stack(
        [at(left, height, 0), at(right, height, 0), at(right, height, depth), at(left, height, depth)]
    )
    side = np.stack(
        [at(right, height, 0), at(right, height, depth), at(right, low, depth), at(right, low, 0)]
    )
    face = np.stack([at(left, height, 0), at(right, height, 0), at(right, low, 0), at(left, low, 0)])
    near_base = near_parts if legs == "pedestal" else []
    parts += near_base
    parts += [
        Part((top,), colors["seat"]),
        Part((side,), colors["seat"] * 0.45),
        Part((face,), colors["seat"] * 0.66),
    ]
    if has_cushion:
        center = at(0, height + 0.03, depth / 2)
        cushion = superellipse((0, 0), 0.86 * half, 0.42 * depth, 5.0)
        cushion = center + np.stack([cushion[:, 0] + skew * cushion[:, 1], tilt * cushion[:, 1]], axis=1)
        parts.append(Part((cushion,), colors["cushion"], is_detail=True))
    parts += [] if near_base else near_parts
    if arms != "none":
        parts += _arm(arms, at, 0.02 - half, depth, height, arm_height, leg_width, colors)
    looks = [
        1.5 * width, 0.8 * depth, 1.5 * height, 2.0 * thickness, 1.2 * back_height, 1.5 * back_taper,
        *(0.03 * back_power * (back == "panel"), 3.0 * leg_width, 2.0 * splay * (legs == "splayed")),
        *(0.1 * num_bars * (back in ("slats", "ladder")), 0.25 * has_rungs, 0.3 * has_cushion),
        *(arm_height * (arms != "none"), skew, tilt),
        *(0.6 * (back == name) for name in BACKS),
        *(0.5 * (legs == name) for name in LEGS),
        *(0.4 * (arms == name) for name in ARMS),
    ]  # fmt: skip
    return SyntheticObject(parts, np.array(looks))


def _legs(kind, at, half, depth, height, width, splay, has_rungs, colors):
    """Returns the parts behind the seat and the parts in front of it."""
    dark, light = colors["frame"] * 0.72, colors["frame"]
    if kind == "pedestal":
        x, y = foot = at(0, 0.08, depth / 2)
        ends = ((-0.38, 0.08), (0.42, 0.1), (-0.48, -0.12), (0.36, -0.2))
        toes = [curve([(x, y + 0.06), (x + 0.5 * dx, y), (x + dx, y + dy)]) for dx, dy in ends]
        star = [Part((ribbon(toe, 1.2 * width, 0.6 * width),), light) for toe in toes]
        column = curve([foot, at(0, height, depth / 2)])
        return [], [*star, Part((ribbon(column, 1.4 * width),), dark)]
    if kind == "sled":
        loops = []
        for x, color in ((half - width, dark), (width - half, light)):
            # Rounded below, for a band around a sharp corner would cross itself.
            bend = (
                (0.14, 0.0),
                (0.03, 0.03),
                (0.0, 0.14),
                (0.0, depth - 0.14),
                (0.03, depth - 0.03),
                (0.14, depth),
            )
            path = curve([at(x, y, z) for y, z in ((height, 0.0), *bend, (height, depth))])
            loops.append(Part((ribbon(path, 0.8 * width),), color))
        return [loops[0]], [loops[1]]
    spread = splay if kind == "splayed" else 0.0
    taper = 0.5 if kind == "splayed" else 1.0

    def leg(x, z, color):
        outward = spread * np.sign(x)
        return Part(
            (ribbon(curve([at(x, height - 0.04, z), at(x + outward, 0, z)]), width, taper * width),), color
        )

    corner = half - width / 2
    far = [leg(-corner, depth - 0.04, dark), leg(corner, depth - 0.04, dark)]
    near = [leg(-corner, 0.02, light), leg(corner, 0.02, light)]
    if has_rungs:
        reach = corner + spread / 2
        bar = curve([at(-reach, height / 2, 0.02), at(reach, height / 2, 0.02)])
        near.insert(0, Part((ribbon(bar, 0.55 * width),), dark, is_detail=True))
    return far, near


def _back(kind, at, half, depth, height, tall, taper, power, num_bars, bar_width, colors):
    top = half * (1 + taper)
    color = colors["frame"]

    def place(x, y):
        """Point of the back; x in [-1, 1] across, y in [0, 1] up from the seat."""
        return at(x * (half + (top - half) * y), height + tall * y, depth)

    def bar(points, width, shade=1.0, is_thin=False):
        line = curve(points)
        return Part((ribbon(line, width),), color * shade, spine=line if is_thin else None)

    if kind in ("panel", "oval"):
        exponent = power if kind == "panel" else 2.0
        gap = 0.03 if kind == "panel" else 0.12
        square = superellipse((0, 0.5 + gap / 2), 0.97, 0.5 - gap / 2, exponent)
        outline = np.stack([place(x, y) for x, y in square])
        posts = [bar([place(x, -0.02), place(x, 0.3)], bar_width) for x in (-0.55, 0.55)] if gap > 0.1 else []
        middle = outline.mean(axis=0)
        inner = middle + (outline - middle) * (0.74 if kind == "oval" else 0.8)
        return [*posts, Part((outline,), color), Part((inner,), colors["cushion"], is_detail=kind == "panel")]
    posts = [bar([place(x, -0.02), place(x, 1)], bar_width) for x in (-0.93, 0.93)]
    rail = [bar([place(-0.93, 0.93), place(0, 0.97), place(0.93, 0.93)], 0.16)]
    if kind == "slats":
        places = np.linspace(-0.93, 0.93, num_bars + 2)[1:-1]
        return [bar([place(x, 0), place(x, 0.93)], 0.06, 0.8, is_thin=True) for x in places] + posts + rail
    if kind == "ladder":
        levels = np.linspace(0.1, 0.93, num_bars + 1)[:-1]
        return (
            [bar([place(-0.93, y), place(0, y + 0.03), place(0.93, y)], 0.09, 0.8) for y in levels]
            + posts
            + rail
        )
    crossed = [
        bar([place(-0.93, 0.08), place(0.93, 0.9)], 0.07, 0.8),
        bar([place(0.93, 0.08), place(-0.93, 0.9)], 0.07, 0.9),
    ]
    return crossed + posts + rail


def _arm(kind, at, x, depth, height, arm_height, width, colors):
    level = height + arm_height
    if kind == "straight":
        post = curve([at(x, height, 0.08), at(x, level, 0.08)])
        rest = curve([at(x, level, -0.02), at(x, level, depth)])
        return [
            Part((ribbon(post, 0.8 * width),), colors["frame"] * 0.8),
            Part((ribbon(rest, 1.1 * width),), colors["frame"]),
        ]
    line = [at(x, height, 0.12), at(x, level - 0.06, 0.0), at(x, level, 0.2), at(x, level + 0.06, depth)]
    return [Part((ribbon(curve(line), 0.9 * width),), colors["frame"])]


def _colors(random):
    """One colour a kind of part, each apart in lightness from the parts beside it."""
    frames = np.array(
        [(150, 100, 58), (92, 58, 38), (58, 60, 66), (190, 146, 92), (116, 120, 126), (60, 84, 110)]
    )
    fabrics = np.array(
        [(170, 60, 54), (56, 96, 132), (88, 122, 80), (206, 160, 70), (96, 90, 112), (190, 120, 96)]
    )
    frame = frames[random.integers(len(frames))] + random.uniform(-12, 12, 3)
    seat = fabrics[random.integers(len(fabrics))] + random.uniform(-12, 12, 3)
    if random.random() < 0.4:
        seat = frame * 1.15
    return {"frame": frame, "seat": seat, "cushion": seat * 0.5 + (118 if seat.mean() < 110 else 0)}
