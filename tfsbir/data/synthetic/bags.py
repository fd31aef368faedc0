"""Bags, seen from the front and a little from above."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfsbir.data.synthetic.shapes import (
    DETAIL,
    OUTLINE,
    Material,
    Part,
    box,
    camera,
    curve,
    detail,
    hull,
    ribbon,
    superellipse,
)

CLOSURES = ("open", "flap", "zip")
HANDLES = ("one", "two", "strap", "chain")
FLAPS = ("straight", "round", "pointed")


@dataclasses.dataclass(frozen=True)
class Bag:
    """A bag, told by its parameters; lengths in widths of an average bag.

    Args:
        closure: "open", "flap" or "zip".
        handles: "one" or "two" handles, a shoulder "strap" or "chain", `handle_height` above the bag.
        flap: "straight", "round" or "pointed", the flap's lower edge, at `flap_length` of the height.
        width, height, depth: Of the bag.
        taper: How much wider the top is than the bottom, < 0 where it is narrower.
        corners: Power of the superellipse that rounds the lower corners; 2 is round, 9 nearly square.
        dome: How far the top edge arches, as a share of the height.
        num_stripes: Stripes across the front.
        fastener: "none", "buckle" or "clasp".
        has_pocket, has_base, has_quilting, has_feet, has_tag: Whether it has a front pocket, a base in
            another colour, quilting, feet, a tag that hangs from the handle.
        yaw, pitch: Degrees by which it is turned to the left, and seen from above.
        faces_right: Whether the picture is mirrored, so that it is turned to the right.
    """

    closure: str
    handles: str
    handle_height: float
    flap: str
    flap_length: float
    width: float
    height: float
    depth: float
    taper: float
    corners: float
    dome: float
    num_stripes: int
    fastener: str
    has_pocket: bool
    has_base: bool
    has_quilting: bool
    has_feet: bool
    has_tag: bool
    yaw: float
    pitch: float
    faces_right: bool

    category: ClassVar = "bag"
    ATTRIBUTES: ClassVar = {
        "open top": lambda bag: bag.closure == "open",
        "has a flap": lambda bag: bag.closure == "flap",
        "has a zip": lambda bag: bag.closure == "zip",
        "two handles": lambda bag: bag.handles == "two",
        "long strap": lambda bag: bag.handles in ("strap", "chain"),
        "chain strap": lambda bag: bag.handles == "chain",
        "taller than wide": lambda bag: bag.height > bag.width,
        "wider at the top": lambda bag: bag.taper > 0,
        "round corners": lambda bag: bag.corners < 5,
        "domed top": lambda bag: bag.dome > 0,
        "has stripes": lambda bag: bag.num_stripes > 0,
        "has a buckle": lambda bag: bag.fastener == "buckle",
        "has a clasp": lambda bag: bag.fastener == "clasp",
        "front pocket": lambda bag: bag.has_pocket,
        "contrasting base": lambda bag: bag.has_base,
        "quilted": lambda bag: bag.has_quilting,
        "has feet": lambda bag: bag.has_feet,
        "has a tag": lambda bag: bag.has_tag,
        "seen at an angle": lambda bag: bag.yaw > 15,
    }

    @classmethod
    def drawn(cls, random):
        """Draws the parameters from a `numpy.random.Generator`."""
        closure = CLOSURES[random.choice(3, p=(0.35, 0.35, 0.3))]
        handles = HANDLES[random.choice(4, p=(0.3, 0.3, 0.22, 0.18))]
        width = random.uniform(0.85, 1.15)
        is_tall = random.random() < 0.35
        has_flap = closure == "flap"
        front = ("plain", "stripes", "pocket", "quilts")[random.choice(4, p=(0.35, 0.25, 0.2, 0.2))]
        fasteners = ("none", "buckle", "clasp")
        return cls(
            closure=closure,
            handles=handles,
            handle_height=random.uniform(*((0.7, 1.1) if handles in ("strap", "chain") else (0.25, 0.45))),
            flap=FLAPS[random.integers(3)],
            flap_length=random.uniform(0.4, 0.65),
            width=width,
            height=width * random.uniform(*((1.08, 1.35) if is_tall else (0.55, 0.85))),
            depth=random.uniform(0.2, 0.45),
            taper=random.uniform(*((0.12, 0.3) if random.random() < 0.35 else (-0.3, -0.02))),
            corners=random.uniform(*((2.3, 3.4) if random.random() < 0.45 else (7.0, 14.0))),
            dome=random.uniform(0.14, 0.3) if closure == "zip" and random.random() < 0.6 else 0.0,
            num_stripes=int(random.integers(1, 4)) if front == "stripes" else 0,
            fastener=fasteners[random.choice(3, p=(0.2, 0.5, 0.3) if has_flap else (0.7, 0.0, 0.3))],
            has_pocket=front == "pocket",
            has_base=bool(front != "pocket" and random.random() < 0.4),
            has_quilting=front == "quilts",
            has_feet=bool(random.random() < 0.3),
            has_tag=bool(random.random() < 0.3),
            yaw=random.uniform(*((24, 40) if random.random() < 0.5 else (2, 7))),
            pitch=random.uniform(10, 20),
            faces_right=bool(random.random() < 0.5),
        )

    def looks(self):
        """Returns `(dim,)` float, the parameters scaled so that equal distances look about equally big."""
        has_flap = self.closure == "flap"
        return np.array([
            2.0 * self.width, 2.0 * self.height, 1.5 * self.depth, 1.5 * self.taper, 0.4 * (self.corners < 5),
            *(2.0 * self.dome, 1.0 * self.handle_height, self.flap_length * has_flap),
            *(0.5 * (self.closure == name) for name in CLOSURES),
            *(0.5 * (self.handles == name) for name in HANDLES),
            *(0.3 * (self.flap == name) * has_flap for name in FLAPS),
            *(0.3 * (self.fastener == name) for name in ("buckle", "clasp")),
            *(0.3 * (self.num_stripes > 0), 0.08 * self.num_stripes),
            *(0.4 * self.has_pocket, 0.3 * self.has_base, 0.4 * self.has_quilting, 0.2 * self.has_feet),
            *(0.2 * self.has_tag, 0.012 * self.yaw, 0.01 * self.pitch, 0.3 * self.faces_right),
        ])  # fmt: skip

    def parts(self):
        """Returns a list of `Part`, y up, turned to the left."""
        at = camera(-self.yaw, self.pitch)

        def face(points, sign):
            """Places points of the front view on the front (-1), in the middle (0) or on the back (1)."""
            x, y = np.asarray(points, np.float64).T
            return at(x, y, sign * 0.5 * self.depth * (1 - 0.55 * y / self.height))

        outline = self._outline()
        front, back = face(outline, -1), face(outline, 1)
        parts = self._handle(face, 1) if self.handles == "two" else []
        if self.handles != "two" and self.closure == "open":
            parts += self._handle(face, 0)
        parts.append(Part((hull(np.concatenate([front, back])),), "body", 0.6, level=OUTLINE))
        # The upper half of the outline runs counterclockwise from the right to the left.
        upper = slice(0, len(outline) // 2 + 1)
        mouth = np.concatenate([back[upper], front[upper][::-1]])
        parts.append(Part((mouth,), "lining" if self.closure == "open" else "body", 0.8))
        if self.handles != "two" and self.closure != "open":
            parts += self._handle(face, 0)
        parts += self._feet(face, outline)
        index = len(parts)
        parts.append(Part((front,), "body", level=OUTLINE))
        parts += self._front(face, index)
        if self.closure == "flap":
            parts += self._flap(face, index)
        if self.closure == "zip":
            parts += self._zip(face)
        if self.fastener != "none":
            parts += self._fastener(face)
        if self.handles == "two":
            parts += self._handle(face, -1)
        if self.has_tag:
            parts += self._tag(face)
        return parts

    def _half_width(self, y):
        return 0.5 * self.width * (1 + self.taper * (y / self.height - 0.5))

    def _outline(self):
        lower = superellipse((0, 0), 1, 1, self.corners, 56)
        upper = superellipse((0, 0), 1, 1, 3.0 if self.dome else 14.0, 56)
        unit = np.where(lower[:, 1:] > 1e-9, upper, lower)
        y = self.height * (unit[:, 1] + 1) / 2
        x = unit[:, 0] * self._half_width(y)
        arch = self.dome * self.height * (1 - unit[:, 0] ** 2) * np.maximum(unit[:, 1], 0)
        return np.stack([x, y + arch], axis=1)

    def _handle(self, face, sign):
        if self.handles in ("strap", "chain"):
            reach, low = 0.94 * self._half_width(self.height), 0.85 * self.height
            x, y = (-1, -0.9, 0.05, 0.95, 1), (0, 0.45, 1.1, 0.42, 0)
        else:
            reach = 0.55 * self._half_width(self.height)
            low = self.height * (1 + self.dome) - 0.04 - 0.18 * self.dome
            x, y = (-1, -0.85, 0, 0.85, 1), (0, 0.75, 1, 0.75, 0)
        line = curve(np.stack([reach * np.array(x), low + self.handle_height * np.array(y)], axis=1))
        line = face(line, sign)
        if self.handles == "chain":
            links = [superellipse(place, 0.042, 0.042, 2.0, 16) for place in _evenly(line, 0.078)]
            return [Part(tuple(links), "metal", attribute="chain strap")]
        if self.handles != "two":
            return [Part((ribbon(line, 0.05 if self.handles == "strap" else 0.065),), "trim")]
        handle = Part((ribbon(line, 0.065),), "trim", 0.75 if sign > 0 else 1.0, attribute="two handles")
        tabs = [box(x - 0.05, low - 0.12, x + 0.05, low + 0.03) for x in (-reach, reach) if sign < 0]
        return [handle, *(detail(face(tab, sign), "trim", "two handles", 0.9) for tab in tabs)]

    def _feet(self, face, outline):
        if not self.has_feet:
            return []
        lower = outline[len(outline) // 2 :]
        feet = []
        for x in (0.6 * lower[:, 0].min(), 0.6 * lower[:, 0].max()):
            y = float(np.interp(x, lower[:, 0], lower[:, 1]))
            foot = [(x - 0.05, y + 0.04), (x + 0.05, y + 0.04), (x + 0.04, y - 0.05), (x - 0.04, y - 0.05)]
            feet.append(detail(face(foot, -1), "trim", "has feet", 0.8))
        return feet

    def _front(self, face, index):
        """What is on the front, which is part `index`."""
        parts = []
        wide, tall = self.width, self.height
        if self.has_quilting:
            for offset in np.arange(-wide - tall, wide + tall, 0.24):
                for sign in (-1, 1):
                    seam = face([(sign * offset, 0), (sign * (offset + 1.2 * tall), 1.2 * tall)], -1)
                    parts.append(detail(seam, "seam", "quilted", clip=index, line_width=0.012))
        for stripe in range(self.num_stripes):
            y = tall * (0.34 + 0.11 * (stripe - (self.num_stripes - 1) / 2))
            band = face(box(-wide, y - 0.022, wide, y + 0.022), -1)
            parts.append(detail(band, "accent", "has stripes", clip=index))
        if self.has_base:
            base = face(box(-wide, -0.2, wide, 0.17 * tall), -1)
            parts.append(detail(base, "trim", "contrasting base", clip=index))
        if self.has_pocket:
            pocket = superellipse((0, 0.27 * tall), 0.3 * wide, 0.19 * tall, 7.0, 32)
            lid = box(-0.3 * wide, 0.39 * tall, 0.3 * wide, 0.48 * tall)
            parts.append(detail(face(pocket, -1), "body", "front pocket", 0.7))
            parts.append(detail(face(lid, -1), "trim", "front pocket"))
        return parts

    def _flap(self, face, index):
        wide, tall = self._half_width(self.height), self.height
        low = tall * (1 - self.flap_length)
        if self.flap == "straight":
            edge = [(-wide, low), (wide, low)]
        elif self.flap == "round":
            x, y = np.array((-1, -0.75, 0, 0.75, 1)), np.array((0.3, 0.07, 0, 0.07, 0.3))
            edge = curve(np.stack([wide * x, low + tall * y], axis=1))
        else:
            edge = [(-wide, low + 0.28 * tall), (0, low), (wide, low + 0.28 * tall)]
        contour = np.concatenate([edge, [(1.2 * wide, 1.1 * tall), (-1.2 * wide, 1.1 * tall)]])
        return [Part((face(contour, -1),), "flap", clip=index, attribute="has a flap")]

    def _zip(self, face):
        wide, y = 0.88 * self._half_width(self.height), 0.84 * self.height
        pull = box(wide - 0.1, y - 0.13, wide - 0.05, y + 0.02)
        return [
            detail(face(box(-wide, y - 0.018, wide, y + 0.018), -1), "metal", "has a zip"),
            detail(face(pull, -1), "metal", "has a zip"),
        ]

    def _fastener(self, face):
        y = self.height * (1 - self.flap_length) if self.closure == "flap" else 0.66 * self.height
        if self.fastener == "clasp":
            disc, hole = (superellipse((0, y + 0.05), r, 0.85 * r, 2.5, 24) for r in (0.065, 0.03))
            return [
                detail(face(disc, -1), "metal", "has a clasp"),
                detail(face(hole, -1), "lining", "has a clasp"),
            ]
        strap = box(-0.05, y - 0.11, 0.05, y + 0.18)
        frame = superellipse((0, y), 0.09, 0.06, 8.0, 24), superellipse((0, y), 0.055, 0.03, 8.0, 24)
        return [
            detail(face(strap, -1), "trim", "has a buckle"),
            Part(tuple(face(line, -1) for line in frame), "metal", 1.0, DETAIL, "has a buckle"),
        ]

    def _tag(self, face):
        x, y = -0.62 * self._half_width(self.height), 0.97 * self.height
        string, tag = [(x, y), (x - 0.02, y - 0.12)], box(x - 0.08, y - 0.36, x + 0.05, y - 0.12)
        return [
            detail(face(string, -1), "accent", "has a tag", line_width=0.016),
            detail(face(tag, -1), "accent", "has a tag"),
        ]

    @staticmethod
    def materials(random):
        """Draws a dict of `Material`, each apart in lightness from those beside it."""
        colors = np.array([
            (146, 88, 48), (52, 54, 62), (168, 44, 56), (58, 84, 128), (74, 104, 80),
            (184, 146, 96), (196, 112, 128), (120, 124, 130), (188, 164, 120), (70, 130, 136),
        ])  # fmt: skip
        body = colors[random.integers(len(colors))] + random.uniform(-12, 12, 3)
        is_dark = body.mean() < 105
        textures = ("plain", "grain", "weave", "stripes", "dots")
        texture = textures[random.choice(5, p=(0.15, 0.4, 0.25, 0.1, 0.1))]
        gold, steel = np.array((178.0, 138.0, 62.0)), np.array((140.0, 144.0, 150.0))
        return {
            "body": Material(body, texture),
            "flap": Material(body * 0.7 + (64 if is_dark else 0), texture),
            "lining": Material(body * 0.35),
            "trim": Material(body * 0.5 + (105 if is_dark else 0), "grain"),
            "accent": Material(body * 0.3 + (165 if is_dark else 8)),
            "seam": Material(body * 0.7 + (60 if is_dark else 0)),
            "metal": Material((gold if random.random() < 0.5 else steel) * (1.3 if is_dark else 0.6)),
        }


def _evenly(line, step):
    """Returns `(num, 2)` points about every `step` along a line."""
    steps = np.diff(line, axis=0)
    way = np.concatenate([[0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    places = np.linspace(0, way[-1], round(way[-1] / step) + 1)
    return np.stack([np.interp(places, way, line[:, axis]) for axis in (0, 1)], axis=1)
