"""Chairs, seen from the front and a little from above."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfsbir.data.synthetic.shapes import (
    DETAIL,
    OUTLINE,
    PIECE,
    Material,
    Part,
    camera,
    curve,
    detail,
    hull,
    ribbon,
    superellipse,
)

BACKS = ("panel", "oval", "slats", "ladder", "cross")
BASES = ("straight", "splayed", "pedestal", "sled", "rockers")
ARMS = ("none", "straight", "curved")


@dataclasses.dataclass(frozen=True)
class Chair:
    """A chair, told by its parameters; one unit is about the width of the seat.

    Args:
        back: "panel", "oval", "slats", "ladder" or "cross", with `num_bars` slats or rungs.
        base: "straight", "splayed" (by `splay`), "pedestal", "sled" or "rockers".
        arms: "none", "straight" or "curved", `arm_height` above the seat.
        width, depth, height, thickness: Of the seat.
        back_height, back_taper, back_lean: Of the back: above the seat, wider (> 0) at its top, backwards.
        leg_width, leg_taper: Width of the legs, and the share of it at their feet.
        is_round, has_cushion, has_buttons, has_arch, has_rungs, has_castors: Whether it has a round seat, a
            loose cushion, a buttoned back, an arched top rail, rungs between the legs, castors.
        yaw, pitch: Degrees by which it is turned to the left, and seen from above.
        faces_right: Whether the picture is mirrored, so that it is turned to the right.
    """

    back: str
    base: str
    arms: str
    num_bars: int
    splay: float
    arm_height: float
    width: float
    depth: float
    height: float
    thickness: float
    back_height: float
    back_taper: float
    back_lean: float
    leg_width: float
    leg_taper: float
    is_round: bool
    has_cushion: bool
    has_buttons: bool
    has_arch: bool
    has_rungs: bool
    has_castors: bool
    yaw: float
    pitch: float
    faces_right: bool

    category: ClassVar = "chair"
    ATTRIBUTES: ClassVar = {
        "has arms": lambda chair: chair.arms != "none",
        "curved arms": lambda chair: chair.arms == "curved",
        "solid back": lambda chair: chair.back in ("panel", "oval"),
        "oval back": lambda chair: chair.back == "oval",
        "slatted back": lambda chair: chair.back == "slats",
        "ladder back": lambda chair: chair.back == "ladder",
        "high back": lambda chair: chair.back_height > 0.95,
        "arched top rail": lambda chair: chair.has_arch,
        "buttoned back": lambda chair: chair.has_buttons,
        "round seat": lambda chair: chair.is_round,
        "wide seat": lambda chair: chair.width > 1.05,
        "thick seat": lambda chair: chair.thickness > 0.12,
        "has a cushion": lambda chair: chair.has_cushion,
        "tall legs": lambda chair: chair.height > 0.8,
        "splayed legs": lambda chair: chair.base == "splayed",
        "one leg": lambda chair: chair.base == "pedestal",
        "rests on runners": lambda chair: chair.base in ("sled", "rockers"),
        "has rungs": lambda chair: chair.has_rungs,
        "has castors": lambda chair: chair.has_castors,
        "seen at an angle": lambda chair: chair.yaw > 15,
    }

    @classmethod
    def drawn(cls, random):
        """Draws the parameters from a `numpy.random.Generator`."""
        back = BACKS[random.choice(5, p=(0.25, 0.2, 0.2, 0.2, 0.15))]
        base = BASES[random.choice(5, p=(0.32, 0.22, 0.2, 0.13, 0.13))]
        has_legs = base in ("straight", "splayed")
        is_solid = back in ("panel", "oval")
        # Gaps between the ranges leave no chair that is neither the one nor the other.
        return cls(
            back=back,
            base=base,
            arms=ARMS[random.choice(3, p=(0.5, 0.25, 0.25))],
            num_bars=int(random.integers(2, 6)),
            splay=random.uniform(0.1, 0.2),
            arm_height=random.uniform(0.24, 0.38),
            width=random.uniform(*((1.15, 1.45) if random.random() < 0.3 else (0.75, 0.98))),
            depth=random.uniform(0.65, 0.95),
            height=random.uniform(*((0.88, 1.1) if random.random() < 0.35 else (0.45, 0.7))),
            thickness=random.uniform(*((0.15, 0.22) if random.random() < 0.4 else (0.05, 0.09))),
            back_height=random.uniform(*((1.05, 1.4) if random.random() < 0.45 else (0.5, 0.82))),
            back_taper=random.uniform(-0.18, 0.16),
            back_lean=random.uniform(0.0, 0.2),
            leg_width=random.uniform(0.06, 0.12),
            leg_taper=random.uniform(0.4, 1.0),
            is_round=bool(random.random() < 0.35),
            has_cushion=bool(random.random() < 0.35),
            has_buttons=bool(is_solid and random.random() < 0.45),
            has_arch=bool(not is_solid and random.random() < 0.5),
            has_rungs=bool(has_legs and random.random() < 0.5),
            has_castors=bool(random.random() < {"pedestal": 0.6, "straight": 0.2}.get(base, 0.0)),
            yaw=random.uniform(*((26, 42) if random.random() < 0.5 else (3, 8))),
            pitch=random.uniform(12, 22),
            faces_right=bool(random.random() < 0.5),
        )

    def looks(self):
        """Returns `(dim,)` float, the parameters scaled so that equal distances look about equally big."""
        return np.array([
            1.5 * self.width, 0.8 * self.depth, 1.5 * self.height, 2.0 * self.thickness,
            *(1.2 * self.back_height, 1.5 * self.back_taper, self.back_lean),
            *(3.0 * self.leg_width, 0.3 * self.leg_taper, 2.0 * self.splay * (self.base == "splayed")),
            *(0.1 * self.num_bars * (self.back in ("slats", "ladder")),),
            *(self.arm_height * (self.arms != "none"), 0.35 * self.is_round, 0.3 * self.has_cushion),
            *(0.25 * self.has_buttons, 0.25 * self.has_arch),
            *(0.25 * self.has_rungs, 0.2 * self.has_castors),
            *(0.6 * (self.back == name) for name in BACKS),
            *(0.5 * (self.base == name) for name in BASES),
            *(0.4 * (self.arms == name) for name in ARMS),
            *(0.012 * self.yaw, 0.01 * self.pitch, 0.3 * self.faces_right),
        ])  # fmt: skip

    def parts(self):
        """Returns a list of `Part`, y up, turned to the left."""
        # Where its right side is nearer, a chair's front looks to the left.
        at = camera(-self.yaw, self.pitch)
        parts = self._base(at) + self._back(at) + self._seat(at)
        if self.arms != "none":
            # They stand on the seat, which is narrower in front where it is round.
            reach = 0.4 * self.width if self.is_round else self.width / 2 - 0.03
            parts += self._arm(at, -reach) + self._arm(at, reach)
        return parts

    def _base(self, at):
        """The legs, the farthest first; the seat hides their tops."""
        half, depth, width = self.width / 2, self.depth, self.leg_width
        under = self.height - 0.8 * self.thickness
        if self.base == "pedestal":
            return self._pedestal(at, under)
        corner, front, rear = half - 0.6 * width, 0.03 + 0.4 * width, depth - 0.4 * width
        if self.is_round:
            corner, front, rear = 0.8 * corner, front + 0.12 * depth, rear - 0.12 * depth
        lift = {"sled": 0.02, "rockers": 0.1}.get(self.base, 0.07 if self.has_castors else 0.0)
        spread = self.splay if self.base == "splayed" else 0.0
        parts = []
        for x, z in ((-corner, rear), (corner, rear), (-corner, front), (corner, front)):
            foot = at(x + spread * np.sign(x), lift, z + 0.5 * spread * np.sign(z - depth / 2))
            shade = 0.72 if z == rear else 1.0
            spine = np.stack([at(x, under, z), foot])
            leg = Part((ribbon(spine, width, width * self.leg_taper),), "frame", shade)
            if self.has_castors:
                wheel = superellipse(foot - (0, 0.03), 0.045, 0.045, 2.0, 24)
                parts.append(detail(wheel, "metal", "has castors"))
            parts.append(leg)
            if (z, x) == (rear, corner) and self.has_rungs:
                parts += self._rungs(at, corner + spread / 2, front - 0.25 * spread, rear + 0.25 * spread)
        if self.base in ("sled", "rockers"):
            over = 0.0 if self.base == "sled" else 0.22
            z = (front - over, depth / 2, rear + over)
            y = (lift, lift, lift) if self.base == "sled" else (0.16, 0.05, 0.16)
            runners = [
                Part((ribbon(at(x, *curve(np.stack([y, z], axis=1)).T), 0.9 * width),), "frame", 0.85)
                for x in (-corner, corner)
            ]
            # The left runner lies behind the right legs.
            return [parts[0], parts[2], runners[0], parts[1], parts[3], runners[1]]
        return parts

    def _rungs(self, at, reach, front, rear):
        low = 0.38 * self.height
        lines = (
            (at(-reach, low, front), at(-reach, low, rear)),
            (at(reach, low, front), at(reach, low, rear)),
            (at(-reach, low + 0.1, front), at(reach, low + 0.1, front)),
        )
        width = 0.5 * self.leg_width
        return [
            Part((ribbon(line, width),), "frame", 0.8, DETAIL, "has rungs", spine=np.stack(line))
            for line in lines
        ]

    def _pedestal(self, at, under):
        width, lift = self.leg_width, 0.08 if self.has_castors else 0.0
        middle, reach = self.depth / 2, 0.46 * min(self.width, 1.0)
        angles = np.deg2rad(np.array([90, 162, 18, 234, 306]))  # The far ones first.
        parts = []
        for dx, dz in zip(reach * np.cos(angles), reach * np.sin(angles), strict=True):
            hub, toe = at(0, lift + 0.13, middle), at(dx, lift + 0.02, middle + dz)
            if self.has_castors:
                wheel = superellipse(toe - (0, 0.05), 0.05, 0.05, 2.0, 24)
                parts.append(detail(wheel, "metal", "has castors"))
            arm = ribbon(np.stack([hub, toe]), width, 0.7 * width)
            parts.append(Part((arm,), "frame", 1.0 if dz < 0 else 0.85))
        column = np.stack([at(0, lift + 0.1, middle), at(0, under, middle)])
        return [*parts, Part((ribbon(column, 1.4 * width),), "frame")]

    def _seat(self, at):
        half, depth = self.width / 2, self.depth
        rim = superellipse((0, depth / 2), half, depth / 2, 2.4 if self.is_round else 9.0, 40)
        top = at(rim[:, 0], self.height, rim[:, 1])
        low = at(rim[:, 0], self.height - self.thickness, rim[:, 1])
        parts = [
            Part((hull(np.concatenate([top, low])),), "seat", 0.62, level=OUTLINE),
            Part((top,), "seat", level=OUTLINE),
        ]
        if self.has_cushion:
            pad = superellipse((0, 0.47 * depth), 0.86 * half, 0.4 * depth, 2.4 if self.is_round else 5.0, 40)
            high, base = at(pad[:, 0], self.height + 0.09, pad[:, 1]), at(pad[:, 0], self.height, pad[:, 1])
            side = hull(np.concatenate([high, base]))
            parts.append(detail(side, "cushion", "has a cushion", 0.75))
            parts.append(detail(high, "cushion", "has a cushion"))
        return parts

    def _back(self, at):
        half, tall = self.width / 2, self.back_height

        def place(x, y):
            """Point of the back: x in [-1, 1] across, y in [0, 1] up from the seat."""
            x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
            wide = half * (1 + self.back_taper * y) * (0.86 if self.is_round else 0.97)
            z = self.depth * (0.93 if self.is_round else 0.98) + self.back_lean * y * tall
            return at(x * wide, self.height + tall * y, z)

        def bar(points, width, shade=1.0, level=PIECE, is_thin=False):
            line = place(*curve(points).T)
            return Part((ribbon(line, width),), "frame", shade, level, spine=line if is_thin else None)

        if self.back in ("panel", "oval"):
            return self._solid_back(place, bar)
        width = self.leg_width
        high = 1.0 + (0.14 if self.has_arch else 0.0)
        posts = [bar([(x, -0.05), (x, 1)], width, level=OUTLINE) for x in (-0.93, 0.93)]
        rail = [bar([(-0.97, 0.95), (0, high - 0.03), (0.97, 0.95)], 0.15, level=OUTLINE)]
        if self.back == "slats":
            places = np.linspace(-0.93, 0.93, self.num_bars + 2)[1:-1]
            return [bar([(x, 0), (x, 0.95)], 0.06, 0.8, is_thin=True) for x in places] + posts + rail
        if self.back == "ladder":
            levels = np.linspace(0.12, 0.93, self.num_bars + 1)[:-1]
            return [bar([(-0.93, y), (0, y + 0.03), (0.93, y)], 0.09, 0.8) for y in levels] + posts + rail
        crossed = [bar([(-0.93 * x, 0.06), (0.93 * x, 0.9)], 0.08, 0.8) for x in (-1, 1)]
        return crossed + posts + rail

    def _solid_back(self, place, bar):
        is_oval = self.back == "oval"
        gap = 0.14 if is_oval else 0.0
        outline = superellipse((0, 0.5 + gap / 2), 1.0, 0.5 - gap / 2, 2.0 if is_oval else 6.0)
        posts = [bar([(x, -0.02), (x, 0.3)], self.leg_width, 0.85) for x in (-0.5, 0.5)] if is_oval else []
        middle = np.array([0, 0.5 + gap / 2])
        inner = middle + (outline - middle) * 0.8
        frame, panel = place(*outline.T), place(*inner.T)
        parts = [*posts, Part((frame,), "frame", level=OUTLINE), Part((panel,), "cushion")]
        if self.has_buttons:
            for x, y in ((-0.4, 0.7), (0, 0.7), (0.4, 0.7), (-0.2, 0.45), (0.2, 0.45)):
                button = superellipse(place(x, y + gap / 2), 0.032, 0.032, 2.0, 16)
                parts.append(detail(button, "frame", "buttoned back", 0.9))
        return parts

    def _arm(self, at, x):
        level, depth = self.height + self.arm_height, 0.97 * self.depth
        start = 0.25 * depth if self.is_round else 0.12
        post = np.stack([at(x, self.height, start), at(x, level, start)])
        if self.arms == "straight":
            rest = np.stack([at(x, level, -0.02), at(x, level, depth)])
            return [
                Part((ribbon(post, 0.8 * self.leg_width),), "frame", 0.85, attribute="has arms"),
                Part((ribbon(rest, 1.2 * self.leg_width),), "frame", attribute="has arms"),
            ]
        heights = (self.height, level - 0.08, level, level + 0.05, level - 0.02)
        depths = (start + 0.04, start - 0.1, start + 0.08, 0.6 * depth, depth)
        line = at(x, *curve(np.stack([heights, depths], axis=1)).T)
        return [Part((ribbon(line, self.leg_width),), "frame", attribute="has arms")]

    @staticmethod
    def materials(random):
        """Draws a dict of `Material`, each apart in lightness from those beside it."""
        frames = np.array(
            [(150, 100, 58), (92, 58, 38), (58, 60, 66), (190, 146, 92), (116, 120, 126), (60, 84, 110)]
        )
        fabrics = np.array(
            [(170, 60, 54), (56, 96, 132), (88, 122, 80), (206, 160, 70), (96, 90, 112), (190, 120, 96)]
        )
        kind = random.integers(len(frames))
        frame = frames[kind] + random.uniform(-12, 12, 3)
        fabric = fabrics[random.integers(len(fabrics))] + random.uniform(-12, 12, 3)
        wood = "wood" if kind in (0, 1, 3) else "plain"
        cloths = ("plain", "weave", "stripes", "dots", "grain")
        cloth = cloths[random.choice(5, p=(0.2, 0.35, 0.15, 0.1, 0.2))]
        is_wooden = random.random() < 0.4
        seat = Material(frame * 1.15, wood) if is_wooden else Material(fabric, cloth)
        return {
            "frame": Material(frame, wood),
            "seat": seat,
            "cushion": Material(fabric * 0.5 + (118 if seat.color.mean() < 110 else 0), cloth),
            "metal": Material(np.array((70.0, 72.0, 76.0))),
        }
