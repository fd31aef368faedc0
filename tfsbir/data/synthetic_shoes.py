"""Shoes and boots from the side, toe to the left."""

import numpy as np

from tfsbir.data.synthetic_shapes import Part, SyntheticObject, curve, ribbon

KINDS = ("low", "ankle", "boot")
HEELS = ("flat", "block", "stiletto", "wedge")
CLOSURES = ("plain", "laces", "straps", "zip")


def shoe(random):
    """Draws the parameters of a shoe from `random` and builds it.

    Args:
        random: `numpy.random.Generator`.
    Returns: A `SyntheticObject`; one unit is the length of the foot.
    """
    kind = KINDS[random.choice(3, p=(0.45, 0.25, 0.3))]
    heel_kind = HEELS[random.choice(4, p=(0.4, 0.2, 0.2, 0.2))]
    closure = CLOSURES[random.choice(4, p=(0.25, 0.3, 0.25, 0.2))]
    heel = 0.0 if heel_kind == "flat" else random.uniform(0.1, 0.4)
    platform = random.uniform(0.02, 0.1)
    toe_point, toe_height = random.uniform(0, 1), random.uniform(0.11, 0.19)
    throat = random.uniform(0.36, 0.56)
    shaft_ranges = {"low": (0.2, 0.3), "ankle": (0.36, 0.55), "boot": (0.7, 1.15)}
    shaft = random.uniform(*shaft_ranges[kind])
    width, lean = random.uniform(0.3, 0.44), random.uniform(-0.06, 0.08)
    dip = random.uniform(0.08, 0.2)
    toe_cap = random.uniform(0.14, 0.3) if random.random() < 0.4 else 0.0
    heel_patch = random.uniform(0.1, 0.22) if random.random() < 0.4 else 0.0
    num_stripes = int(random.integers(0, 4)) if random.random() < 0.5 else 0
    num_fastenings = int(random.integers(3, 7)) if closure == "laces" else int(random.integers(1, 4))
    has_welt, has_cuff = random.random() < 0.35, kind != "low" and random.random() < 0.5
    colors = _colors(random)

    def sole(x):
        """Height of the foot's underside: up at the toe's tip, up again towards the heel."""
        x = np.asarray(x, np.float64)
        rise = np.clip((x - 0.25) / 0.6, 0, 1)
        return platform + 0.035 * np.clip(1 - x / 0.2, 0, 1) ** 2 + heel * rise**2 * (3 - 2 * rise)

    def at(x, height):
        return (x, float(sole(x)) + height)

    top = float(sole(1)) + shaft
    vamp = curve([
        at(-0.06 * toe_point, 0.0),
        at(0.01 + 0.04 * toe_point, toe_height * (0.75 - 0.3 * toe_point)),
        at(0.14, toe_height * (1.05 - 0.1 * toe_point)),
        at(0.3, toe_height * 1.2 + 0.01),
        at(throat, toe_height + 0.1),
    ])  # fmt: skip
    if kind == "low":
        front = curve([vamp[-1], at((throat + 0.97) / 2, dip), (0.97, top)])
        lining = curve([vamp[-1], at((throat + 0.97) / 2, dip + 0.07), (0.97, top)])
    else:
        corner = (0.97 + lean - width, top)
        shin = ((throat + corner[0]) / 2 + 0.03, 0.6 * vamp[-1][1] + 0.4 * top)
        front = np.concatenate([
            curve([vamp[-1], shin, corner]),
            [(0.97 + lean, top)],
        ])  # fmt: skip
        lining = curve([corner, (corner[0] + width / 2, top + 0.05), (0.97 + lean, top)])
    seat = float(sole(1))
    knee = [] if kind == "low" else [(0.97 + 0.4 * lean, seat + 0.45 * shaft)]
    back = curve([front[-1], *knee, (1.0, seat + 0.09), (0.975, seat)])
    ground = np.linspace(1.0, -0.06 * toe_point, 24)
    under = np.stack([ground, sole(ground)], axis=1)
    body = np.concatenate([vamp, front[1:], back[1:], under[1:]])

    parts = [
        Part(
            (np.concatenate([lining, front[::-1] if kind == "low" else front[-2:][::-1]]),), colors["lining"]
        )
    ]
    parts.append(Part((body,), colors["body"]))
    index = len(parts) - 1

    def on_body(contour, color, **options):
        parts.append(Part((contour,), colors[color], clip=index, is_detail=True, **options))

    if toe_cap:
        edge = curve([(toe_cap + 0.06, -0.1), at(toe_cap, 0.08), (toe_cap + 0.05, 0.8)])
        on_body(np.concatenate([edge, [(-0.5, 0.8), (-0.5, -0.1)]]), "patch")
    if heel_patch:
        edge = curve(
            [(0.9 - heel_patch, -0.1), (1 - heel_patch, seat + 0.1), (1.06 - heel_patch / 2, seat + 0.32)]
        )
        on_body(np.concatenate([edge, [(1.4, seat + 0.32), (1.4, -0.1)]]), "patch")
    if has_welt:
        line = np.stack([ground, sole(ground) + 0.045], axis=1)
        on_body(np.concatenate([line, under[::-1] - (0, 0.1)]), "trim")
    for stripe in range(num_stripes):
        x = 0.52 + 0.09 * stripe
        on_body(ribbon(curve([at(x - 0.08, 0.02), at(x, 0.2)]), 0.035), "accent")
    if has_cuff:
        low = top - min(0.14, shaft / 4)
        on_body(np.array([(-0.2, low), (1.4, low), (1.4, top + 0.2), (-0.2, top + 0.2)]), "accent")
    parts += _fastenings(closure, num_fastenings, kind, vamp, top, seat, throat, index, colors)
    parts += _sole_parts(heel_kind, heel, platform, under, sole, colors)
    looks = [
        3.0 * shaft, 4.0 * heel, 3.0 * platform, 0.4 * toe_point, 4.0 * toe_height, 2.0 * throat,
        *(1.5 * width * (kind != "low"), 2.0 * lean * (kind != "low"), 2.0 * dip * (kind == "low")),
        *(0.5 * (kind == name) for name in KINDS),
        *(0.5 * (heel_kind == name) for name in HEELS),
        *(0.4 * (closure == name) for name in CLOSURES),
        *(0.08 * num_fastenings, 0.12 * num_stripes, 0.3 * bool(toe_cap), 0.3 * bool(heel_patch)),
        *(0.15 * has_welt, 0.25 * has_cuff, toe_cap, heel_patch),
    ]  # fmt: skip
    return SyntheticObject(parts, np.array(looks))


def _fastenings(closure, count, kind, vamp, top, seat, throat, body, colors):
    """Laces across the instep, straps around the shaft or over the opening, or a zip."""
    is_low = kind == "low"
    parts = []
    if closure == "laces":
        ends = vamp[np.linspace(len(vamp) // 2, len(vamp) - 1, count).astype(int)]
        for x, y in ends:
            line = np.array([(x - 0.015, y + 0.012), (x + 0.07, y - 0.09)])
            parts.append(Part((line,), colors["lace"], is_detail=True, line_width=0.018))
    if closure == "straps":
        for strap in range(1 if is_low else count):
            if is_low:
                line = curve([(throat + 0.12, seat + 0.02), (throat + 0.2, top - 0.02), (0.97, top - 0.03)])
                parts.append(Part((ribbon(line, 0.045),), colors["accent"]))
                continue
            y = seat + 0.12 + (top - seat - 0.2) * (strap + 0.5) / count
            line = curve([(0.1, y + 0.02), (0.75, y - 0.02), (1.2, y + 0.03)])
            parts.append(Part((ribbon(line, 0.05),), colors["accent"], clip=body))
            buckle = np.array([(0.77, y - 0.05), (0.83, y - 0.05), (0.83, y + 0.03), (0.77, y + 0.03)])
            parts.append(Part((buckle,), colors["lace"], is_detail=True))
    if closure == "zip" and not is_low:
        line = curve([(0.8, top), (0.82, (top + seat) / 2), (0.76, seat + 0.06)])
        parts.append(Part((line,), colors["lace"], clip=body, is_detail=True, line_width=0.014))
    return parts


def _sole_parts(heel_kind, heel, platform, under, sole, colors):
    bottom = under - (0, platform)
    if heel_kind in ("flat", "wedge"):
        bottom = np.stack([under[:, 0], np.minimum(bottom[:, 1], 0.04 * (under[:, 0] < 0.1))], axis=1)
        return [Part((np.concatenate([under, bottom[::-1]]),), colors["sole"])]
    heel_top, heel_foot = (0.24, 0.17) if heel_kind == "block" else (0.2, 0.035)
    x = np.linspace(1 - heel_top, 0.985, 6)
    seat_line = np.stack([x, sole(x) - 0.5 * platform], axis=1)
    foot = 0.97 if heel_kind == "block" else 0.95
    inner = curve([(foot - heel_foot, 0.0), (foot - heel_foot - 0.01, 0.5 * heel), seat_line[0]])
    outer = curve([seat_line[-1], (foot + 0.01, 0.5 * heel), (foot, 0.0)])
    return [
        Part((np.concatenate([inner, seat_line[1:], outer[1:]]),), colors["sole"]),
        Part((np.concatenate([under, bottom[::-1]]),), colors["sole"] * 0.85),
    ]


def _colors(random):
    """One colour a kind of part, each apart in lightness from the parts beside it."""
    leather = np.array([
        (150, 82, 40), (60, 62, 70), (178, 40, 48), (40, 72, 140), (52, 110, 84),
        (196, 150, 96), (110, 60, 110), (128, 132, 140), (206, 96, 40),
    ])  # fmt: skip
    body = leather[random.integers(len(leather))] + random.uniform(-14, 14, 3)
    is_dark = body.mean() < 105
    soles = np.array(
        [(214, 208, 198), (196, 152, 100), (206, 190, 156)]
        if is_dark
        else [(52, 46, 44), (92, 60, 40), (206, 200, 190)]
    )
    return {
        "body": body,
        "lining": body * 0.45,
        "sole": soles[random.integers(len(soles))] + random.uniform(-8, 8, 3),
        "patch": body * 0.5 + (110 if is_dark else 0),
        "trim": body * 0.55 + (90 if is_dark else 5),
        "accent": body * 0.3 + (165 if is_dark else 10),
        "lace": np.array((238, 234, 226) if body.mean() < 130 else (50, 46, 48), np.float64),
    }
