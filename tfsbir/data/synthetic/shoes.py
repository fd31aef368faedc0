"""Shoes and boots, toe to the left."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfsbir.data.synthetic.shapes import OUTLINE, Material, Part, box, camera, curve, detail, ribbon

KINDS = ("low", "ankle", "tall")
HEELS = ("flat", "block", "stiletto", "wedge")
CLOSURES = ("plain", "laces", "straps", "zip")


@dataclasses.dataclass(frozen=True)
class Shoe:
    """A shoe, told by its parameters; lengths in lengths of the foot.

    Args:
        kind: "low", "ankle" or "tall": how far up it goes; `shaft` is the height above the heel.
        heel_kind: "flat", "block", "stiletto" or "wedge"; `heel` is the height that it adds.
        closure: "plain", "laces", "straps" or "zip", with `num_fastenings` laces or straps.
        platform: Thickness of the sole.
        toe_point, toe_height: From 0 (round) to 1 (pointed), and height of the toe.
        throat, dip: Where the instep ends, and height of a low shoe's side there.
        shaft_width, lean: Width of a shaft, and how far its top leans back.
        toe_cap, heel_patch: Lengths of these patches; 0 is none.
        num_stripes: Stripes on the side.
        is_open_toe, has_cuff, has_bow: Whether it has these.
        yaw, pitch: Degrees by which the toe is turned towards the viewer, and seen from above.
        faces_right: Whether the picture is mirrored, so that the toe is at the right.
    """

    kind: str
    heel_kind: str
    closure: str
    heel: float
    platform: float
    toe_point: float
    toe_height: float
    throat: float
    shaft: float
    shaft_width: float
    lean: float
    dip: float
    toe_cap: float
    heel_patch: float
    num_fastenings: int
    num_stripes: int
    is_open_toe: bool
    has_cuff: bool
    has_bow: bool
    yaw: float
    pitch: float
    faces_right: bool

    category: ClassVar = "shoe"
    ATTRIBUTES: ClassVar = {
        "covers the ankle": lambda shoe: shoe.kind != "low",
        "tall shaft": lambda shoe: shoe.kind == "tall",
        "high heel": lambda shoe: shoe.heel > 0.2,
        "thin heel": lambda shoe: shoe.heel_kind == "stiletto",
        "wedge sole": lambda shoe: shoe.heel_kind == "wedge",
        "thick sole": lambda shoe: shoe.platform > 0.08,
        "pointed toe": lambda shoe: shoe.toe_point > 0.5,
        "open toe": lambda shoe: shoe.is_open_toe,
        "has laces": lambda shoe: shoe.closure == "laces",
        "has straps": lambda shoe: shoe.closure == "straps",
        "has a zip": lambda shoe: shoe.closure == "zip",
        "has a toe cap": lambda shoe: shoe.toe_cap > 0,
        "has a heel patch": lambda shoe: shoe.heel_patch > 0,
        "has stripes": lambda shoe: shoe.num_stripes > 0,
        "has a cuff": lambda shoe: shoe.has_cuff,
        "has a bow": lambda shoe: shoe.has_bow,
        "seen at an angle": lambda shoe: shoe.yaw > 15,
    }

    @classmethod
    def drawn(cls, random):
        """Draws the parameters from a `numpy.random.Generator`."""
        kind = KINDS[random.choice(3, p=(0.45, 0.25, 0.3))]
        heel_kind = HEELS[random.choice(4, p=(0.4, 0.2, 0.2, 0.2))]
        is_low = kind == "low"
        closure = CLOSURES[random.choice(4, p=(0.3, 0.35, 0.35, 0.0) if is_low else (0.15, 0.3, 0.25, 0.3))]
        # Gaps between the ranges leave no heel that is neither high nor low, and so on.
        is_high = random.random() < 0.5
        heel = {
            "flat": 0.0,
            "stiletto": random.uniform(0.26, 0.42),
            "block": random.uniform(*((0.26, 0.36) if is_high else (0.08, 0.15))),
            "wedge": random.uniform(*((0.24, 0.34) if is_high else (0.1, 0.15))),
        }[heel_kind]
        shafts = {"low": (0.2, 0.3), "ankle": (0.38, 0.52), "tall": (0.75, 1.15)}
        is_open_toe = bool(random.random() < 0.18)
        return cls(
            kind=kind,
            heel_kind=heel_kind,
            closure=closure,
            heel=heel,
            platform=random.uniform(*((0.1, 0.17) if random.random() < 0.35 else (0.02, 0.055))),
            toe_point=random.uniform(*((0.7, 1.0) if random.random() < 0.4 else (0.0, 0.3))),
            toe_height=random.uniform(0.11, 0.19),
            throat=random.uniform(0.36, 0.54),
            shaft=random.uniform(*shafts[kind]),
            shaft_width=random.uniform(0.3, 0.44),
            lean=random.uniform(-0.06, 0.08),
            dip=random.uniform(0.08, 0.18),
            toe_cap=random.uniform(0.16, 0.3) if not is_open_toe and random.random() < 0.4 else 0.0,
            heel_patch=random.uniform(0.12, 0.22) if random.random() < 0.4 else 0.0,
            num_fastenings=int(random.integers(3, 7) if closure == "laces" else random.integers(1, 4)),
            num_stripes=int(random.integers(1, 4)) if random.random() < 0.4 else 0,
            is_open_toe=is_open_toe,
            has_cuff=bool(not is_low and random.random() < 0.45),
            has_bow=bool(is_low and closure != "laces" and random.random() < 0.55),
            yaw=random.uniform(*((24, 40) if random.random() < 0.5 else (0, 6))),
            pitch=random.uniform(6, 13),
            faces_right=bool(random.random() < 0.5),
        )

    def looks(self):
        """Returns `(dim,)` float, the parameters scaled so that equal distances look about equally big."""
        is_low = self.kind == "low"
        return np.array([
            3.0 * self.shaft, 4.0 * self.heel, 3.0 * self.platform, 0.4 * self.toe_point,
            *(4.0 * self.toe_height, 2.0 * self.throat),
            *(1.5 * self.shaft_width * (not is_low), 2.0 * self.lean * (not is_low), 2.0 * self.dip * is_low),
            *(0.5 * (self.kind == name) for name in KINDS),
            *(0.5 * (self.heel_kind == name) for name in HEELS),
            *(0.4 * (self.closure == name) for name in CLOSURES),
            *(0.08 * self.num_fastenings, 0.12 * self.num_stripes),
            *(0.3 * (self.toe_cap > 0), 0.3 * (self.heel_patch > 0), self.toe_cap, self.heel_patch),
            *(0.3 * self.is_open_toe, 0.25 * self.has_cuff, 0.3 * self.has_bow),
            *(0.012 * self.yaw, 0.3 * self.faces_right),
        ])  # fmt: skip

    def parts(self):
        """Returns a list of `Part`, y up, toe to the left."""
        at = camera(self.yaw, self.pitch)
        tip = -0.06 * self.toe_point
        # From above a shoe is narrow at its ends, from the front narrower above than at the sole.
        places = np.array((tip, 0.05, 0.3, 0.6, 0.85, 1.0))
        widths = np.array((0.02, 0.115 - 0.075 * self.toe_point, 0.17, 0.13, 0.135, 0.1))

        def side(points, sign):
            """Places points of the side view on the near (-1) or the far (1) side of the shoe."""
            x, y = np.asarray(points, np.float64).T
            half = np.interp(x, places, widths)
            half *= 1 - 0.4 * np.minimum(np.maximum((y - self._sole(x)) / 0.15, 0), 1)
            return at(x, y, sign * half)

        ground, sides = self._ground(side, tip)
        parts = self._shell(side, tip, ground, sides)
        parts += self._patches(side)
        parts += self._fastenings(side)
        return parts + self._sole_parts(side, ground, sides)

    def _sole(self, x):
        """Height of the foot's underside: up at the toe's tip, up again towards the heel."""
        rise = np.minimum(np.maximum((x - 0.25) / 0.6, 0), 1)
        spring = np.maximum(1 - x / 0.2, 0)
        return self.platform + 0.035 * spring**2 + self.heel * rise**2 * (3 - 2 * rise)

    def _above(self, x, height):
        return (x, float(self._sole(x)) + height)

    @property
    def _top(self):
        return float(self._sole(1.0)) + self.shaft

    def _vamp(self, tip):
        """The line of the side view from the toe's tip up to the end of the instep."""
        point, high = self.toe_point, self.toe_height
        return curve([
            self._above(tip, 0.0),
            self._above(0.01 + 0.04 * point, high * (0.75 - 0.3 * point)),
            self._above(0.14, high * (1.05 - 0.1 * point)),
            self._above(0.3, high * 1.2 + 0.01),
            self._above(self.throat, high + 0.1),
        ])  # fmt: skip

    def _ground(self, side, tip):
        """The sole's upper rim: places in the side view, and which are on the near and on the far side.

        It runs from the heel along the near side around the tip to where the far side is hidden.
        """
        x = np.linspace(1.0, tip, 24)
        line = np.stack([x, self._sole(x)], axis=1)
        turn = int(side(line[::-1], 1)[:, 0].argmin())
        beyond = line[::-1][: turn + 1]
        return np.concatenate([line, beyond]), np.repeat([-1, 1], [len(line), len(beyond)])

    def _shell(self, side, tip, ground, sides):
        """The lining, and in front of it the body."""
        vamp, top, seat = self._vamp(tip), self._top, float(self._sole(1.0))
        if self.kind == "low":
            front, heel_top = vamp, (0.97, top)
            rim = curve([vamp[-1], self._above((self.throat + 0.97) / 2, self.dip), heel_top])
            near_rim, far_rim, knee = side(rim, -1), side(rim, 1), []
        else:
            corner, heel_top = (0.97 + self.lean - self.shaft_width, top), (0.97 + self.lean, top)
            shin = ((self.throat + corner[0]) / 2 + 0.03, 0.6 * vamp[-1][1] + 0.4 * top)
            front = np.concatenate([vamp, curve([vamp[-1], shin, corner])[1:]])
            middle = ((corner[0] + heel_top[0]) / 2, top)
            (left,), (right,), (near,), (far,) = (
                side([point], sign)
                for point, sign in ((corner, 1), (heel_top, -1), (middle, -1), (middle, 1))
            )
            near_rim, far_rim = curve([left, near - (0, 0.01), right]), curve([left, far - (0, -0.02), right])
            knee = [(0.97 + 0.4 * self.lean, seat + 0.45 * self.shaft)]
        back = side(curve([heel_top, *knee, (1.0, seat + 0.09), (0.975, seat)]), -1)
        front = side(front[front[:, 0] >= ground[-1, 0]], 1)
        body = np.concatenate([side(ground, sides), front, near_rim, back[1:]])
        lining = np.concatenate([far_rim, near_rim[::-1]])
        return [Part((lining,), "lining"), Part((body,), "body", level=OUTLINE)]

    def _patches(self, side):
        """What is sewn onto the body, which is part 1."""
        seat, top = float(self._sole(1.0)), self._top
        parts = []

        def around_toe(edge):
            """The toe up to a line on the near side; it goes on straight across to the far side."""
            near, far = side(edge, -1), side(edge[-1:], 1)
            return np.concatenate([near, far, far - (2, 0), near[:1] - (2, 1)])

        if self.toe_cap:
            cap = self.toe_cap
            edge = curve([(cap + 0.06, -0.1), self._above(cap, 0.08), self._above(cap + 0.03, 0.22)])
            parts.append(detail(around_toe(edge), "patch", "has a toe cap", clip=1))
        if self.is_open_toe:
            edge = curve([(0.13, -0.05), self._above(0.1, 0.03), self._above(0.05, 0.25)])
            parts.append(detail(around_toe(edge), "lining", "open toe", clip=1))
        if self.heel_patch:
            length = self.heel_patch
            edge = curve([(0.9 - length, -0.1), (1 - length, seat + 0.1), (1.06 - length / 2, seat + 0.32)])
            patch = np.concatenate([edge, [(1.4, seat + 0.32), (1.4, -0.1)]])
            parts.append(detail(side(patch, -1), "patch", "has a heel patch", clip=1))
        for stripe in range(self.num_stripes):
            x = 0.54 + 0.09 * stripe
            line = curve([self._above(x - 0.08, 0.02), self._above(x, 0.2)])
            parts.append(detail(side(ribbon(line, 0.035), -1), "accent", "has stripes", clip=1))
        if self.has_cuff:
            cuff = side(box(-0.2, top - min(0.14, self.shaft / 4), 1.4, top + 0.2), -1)
            parts.append(detail(cuff, "accent", "has a cuff", clip=1))
        return parts

    def _fastenings(self, side):
        """Laces across the instep, straps around the shaft or the ankle, a zip, a bow."""
        seat, top = float(self._sole(1.0)), self._top
        parts = []
        if self.closure == "laces":
            vamp = self._vamp(0.0)
            for x, y in vamp[np.linspace(len(vamp) // 2 + 2, len(vamp) - 1, self.num_fastenings).astype(int)]:
                lace = np.concatenate([side([(x + 0.07, y - 0.09)], -1), side([(x - 0.01, y + 0.005)], 1)])
                parts.append(detail(lace, "lace", "has laces", line_width=0.018))
        elif self.closure == "straps" and self.kind == "low":
            # Over the opening, from the side to the heel.
            line = [
                self._above(self.throat + 0.1, 0.04),
                (self.throat + 0.2, top - 0.02),
                (0.97, top - 0.035),
            ]
            strap = side(ribbon(curve(line), 0.045), -1)
            parts.append(Part((strap,), "accent", attribute="has straps"))
        elif self.closure == "straps":
            for strap in range(self.num_fastenings):
                y = seat + 0.12 + (top - seat - 0.2) * (strap + 0.5) / self.num_fastenings
                line = ribbon(curve([(0.1, y + 0.02), (0.75, y - 0.02), (1.2, y + 0.03)]), 0.05)
                parts.append(detail(side(line, -1), "accent", "has straps", clip=1))
                buckle = box(0.77, y - 0.05, 0.83, y + 0.03)
                parts.append(detail(side(buckle, -1), "lace", "has straps"))
        elif self.closure == "zip":
            line = side(curve([(0.8, top), (0.82, (top + seat) / 2), (0.76, seat + 0.06)]), -1)
            parts.append(detail(line, "lace", "has a zip", clip=1, line_width=0.016))
            parts.append(detail(side(box(0.8, top - 0.12, 0.83, top - 0.04), -1), "lace", "has a zip"))
        if self.has_bow:
            ((x, y),) = side([self._above(self.throat - 0.06, self.toe_height + 0.085)], 0)
            for sign in (-1, 1):
                loop = curve([(x, y), (x + sign * 0.1, y + 0.065), (x + sign * 0.12, y - 0.03), (x, y)])
                parts.append(detail(loop, "accent", "has a bow"))
            knot = box(x - 0.018, y - 0.02, x + 0.018, y + 0.025)
            parts.append(detail(knot, "accent", "has a bow", 0.8))
        return parts

    def _sole_parts(self, side, ground, sides):
        """The heel, and in front of it the sole."""
        if self.heel_kind in ("flat", "wedge"):
            low = 0.04 * (ground[:, 0] < 0.1)
        else:
            low = ground[:, 1] - self.platform
        bottom = np.stack([ground[:, 0], low], axis=1)
        contour = np.concatenate([side(ground, sides), side(bottom, sides)[::-1]])
        sole = Part((contour,), "sole")
        if self.heel_kind in ("flat", "wedge"):
            return [sole]
        heel_top, heel_foot, foot = (0.24, 0.17, 0.97) if self.heel_kind == "block" else (0.2, 0.035, 0.95)
        x = np.linspace(1 - heel_top, 0.985, 6)
        under = np.stack([x, self._sole(x) - 0.5 * self.platform], axis=1)
        inner = curve([(foot - heel_foot, 0.0), (foot - heel_foot - 0.01, 0.5 * self.heel), under[0]])
        outer = curve([under[-1], (foot + 0.01, 0.5 * self.heel), (foot, 0.0)])
        profile = np.concatenate([inner, under[1:], outer[1:]])
        if self.heel_kind == "stiletto":
            return [Part((side(profile, 0),), "sole", 0.85), sole]
        return [Part((side(profile, 0.7),), "sole", 0.6), Part((side(profile, -0.9),), "sole", 0.9), sole]

    @staticmethod
    def materials(random):
        """Draws a dict of `Material`, each apart in lightness from those beside it."""
        leather = np.array([
            (150, 82, 40), (60, 62, 70), (178, 40, 48), (40, 72, 140), (52, 110, 84),
            (196, 150, 96), (110, 60, 110), (128, 132, 140), (206, 96, 40),
        ])  # fmt: skip
        body = leather[random.integers(len(leather))] + random.uniform(-14, 14, 3)
        is_dark = body.mean() < 105
        soles = np.array(
            [(200, 194, 184), (196, 152, 100), (192, 176, 142)]
            if is_dark
            else [(52, 46, 44), (92, 60, 40), (198, 192, 182)]
        )
        textures = ("plain", "grain", "weave", "stripes", "dots")
        texture = textures[random.choice(5, p=(0.2, 0.4, 0.2, 0.1, 0.1))]
        return {
            "body": Material(body, texture),
            "lining": Material(body * 0.45),
            "sole": Material(soles[random.integers(len(soles))] + random.uniform(-8, 8, 3)),
            "patch": Material(body * 0.5 + (110 if is_dark else 0), "grain"),
            "accent": Material(body * 0.3 + (165 if is_dark else 10)),
            "lace": Material(np.array((238, 234, 226) if body.mean() < 130 else (50, 46, 48), np.float64)),
        }
