"""One line of the table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured and, beside it, what its peer took in the same run. Less is better.

    Args:
        ours: What was measured, with the settings that it depends on.
        value: Seconds or bytes.
        peer: What it is compared with.
        peer_value: The peer's seconds or bytes.
        unit: "seconds" or "bytes".
        recall_at_10: Of an approximate search: the share of the ten nearest photos that it finds.
    """

    ours: str
    value: float
    peer: str
    peer_value: float
    unit: str = "seconds"
    recall_at_10: float | None = None

    @property
    def ratio(self):
        """The peer's value over ours: above 1 where we are better."""
        return self.peer_value / self.value

    def cells(self):
        """Returns the row as it is printed: a str for each of `HEADER`."""
        values = (self.value, self.peer_value)
        value, peer_value = (
            f"{1000 * x:.2f} ms" if self.unit == "seconds" else f"{x / 1e6:.0f} MB" for x in values
        )
        recall = "" if self.recall_at_10 is None else f"{self.recall_at_10:.3f}"
        return self.ours, value, self.peer, peer_value, f"{self.ratio:.2f}", recall

    def to_json(self):
        """Returns the row as a dict."""
        found = {
            "ours": self.ours,
            self.unit: self.value,
            "peer": self.peer,
            f"peer_{self.unit}": self.peer_value,
            "ratio": self.ratio,
        }
        return found if self.recall_at_10 is None else {**found, "recall@10": self.recall_at_10}


HEADER = ("ours", "", "peer", "", "peer / ours", "recall@10")


def table(rows):
    """Returns rows as lines of text under a header, names to the left and numbers to the right."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    signs = "<><>>>"
    return [
        "   ".join(
            f"{cell:{sign}{width}}" for cell, sign, width in zip(line, signs, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
