"""One line of the table."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured and, beside it, what its peer took in the same run.

    Args:
        ours: What was measured, with the settings that it depends on.
        value: Seconds, bytes or images per second.
        peer: What it is compared with.
        peer_value: The peer's, in the same unit.
        unit: "seconds" or "bytes", of which less is better, or "images_per_second", of which more is.
        recall_at_10: Of an approximate search: the share of the ten nearest photos that it finds.
        quartiles: Where the two took turns: the three quartiles of the turns' ratios.
    """

    ours: str
    value: float
    peer: str
    peer_value: float
    unit: str = "seconds"
    recall_at_10: float | None = None
    quartiles: tuple | None = None

    @classmethod
    def of_turns(cls, ours, values, peer, peer_values, unit="seconds", recall_at_10=None):
        """Makes a row of what both had in each turn, `(rounds,)` arrays: of medians and quartiles.

        The other arguments are as for the class.
        """
        quartiles = np.quantile(_ratio(values, peer_values, unit), [0.25, 0.5, 0.75]).tolist()
        value, peer_value = float(np.median(values)), float(np.median(peer_values))
        return cls(ours, value, peer, peer_value, unit, recall_at_10, tuple(quartiles))

    @property
    def ratio(self):
        """The peer's time or memory over ours, or our images per second over its: above 1 we are better.

        Of turns the median: a machine that slows down then is no slower for one of them.
        """
        return _ratio(self.value, self.peer_value, self.unit) if self.quartiles is None else self.quartiles[1]

    @property
    def name(self):
        """What tells the row from others of its kind."""
        return f"{self.ours} / {self.peer}"

    def cells(self):
        """Returns the row as it is printed: a str for each of `HEADER`."""
        value, peer_value = (_shown(x, self.unit) for x in (self.value, self.peer_value))
        spread = "" if self.quartiles is None else "{:.2f} to {:.2f}".format(*self.quartiles[::2])
        recall = "" if self.recall_at_10 is None else f"{self.recall_at_10:.3f}"
        return self.ours, value, self.peer, peer_value, f"{self.ratio:.2f}", spread, recall

    def to_json(self):
        """Returns the row as a dict."""
        found = {
            "ours": self.ours,
            self.unit: self.value,
            "peer": self.peer,
            f"peer_{self.unit}": self.peer_value,
            "ratio": self.ratio,
        }
        if self.quartiles is not None:
            found["quartiles"] = list(self.quartiles)
        if self.recall_at_10 is not None:
            found["recall@10"] = self.recall_at_10
        return found

    @classmethod
    def from_json(cls, found):
        """Returns the row that `to_json` made a dict of."""
        unit = next(unit for unit in UNITS if unit in found)
        peer_value, recall = found[f"peer_{unit}"], found.get("recall@10")
        quartiles = tuple(found["quartiles"]) if "quartiles" in found else None
        return cls(found["ours"], found[unit], found["peer"], peer_value, unit, recall, quartiles)


KINDS = ("encode", "sampling", "train_step", "refresh", "evaluation", "search", "export_latency")
UNITS = ("seconds", "bytes", "images_per_second")
HEADER = ("ours", "", "peer", "", "ratio", "half of turns", "recall@10")


def table(rows):
    """Returns rows as lines of text under a header, names to the left and numbers to the right."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    signs = "<><>>>>"
    return [
        "   ".join(
            f"{cell:{sign}{width}}" for cell, sign, width in zip(line, signs, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def grouped_table(rows_of):
    """Returns the lines of `table`, with a title before the rows of each kind; `rows_of` goes by kind."""
    header, *lines = table([row for rows in rows_of.values() for row in rows])
    found = [header]
    for kind, rows in rows_of.items():
        found += ["", kind.replace("_", " "), *lines[: len(rows)]]
        lines = lines[len(rows) :]
    return found


def _ratio(value, peer_value, unit):
    return value / peer_value if unit == "images_per_second" else peer_value / value


def _shown(value, unit):
    if unit == "bytes":
        return f"{value / 1e6:.0f} MB"
    if unit == "images_per_second":
        return f"{value:.1f} images/s"
    return f"{value:.1f} s" if value >= 10 else f"{1000 * value:.2f} ms"
