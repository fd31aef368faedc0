"""Writes what `tests.scale` found into a page: `python -m tests.scale.table`."""

import json
from pathlib import Path

from absl import flags

from tfsbir import command
from tfsbir.generated_part import write_part

PART = "scale_and_survival"
CURVES = ("2 replicas", "4 replicas", "2 processes")


def table(found):
    """Returns the lines of a table, from the JSON of `tests.scale`."""
    lines = [
        "| training | 2 replicas | 4 replicas | 2 processes | `kill -9` | lives | runs equal, bit by bit |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, of_case in found["cases"].items():
        curves = [f"{of_case[curve][0]:.0e}" if curve in of_case else "" for curve in CURVES]
        kills = of_case.get("kills")
        survived = (
            ["", "", ""]
            if kills is None
            else [str(kills["kills"]), str(kills["lives"]), f"{kills['equal']} of {kills['runs']}"]
        )
        lines.append(f"| {' | '.join([name, *curves, *survived])} |")
    return lines


def main(_):
    found = json.loads(Path(flags.FLAGS.results).read_text(encoding="utf-8"))
    write_part(flags.FLAGS.page, PART, "\n".join(table(found)))


if __name__ == "__main__":
    flags.DEFINE_string("results", "results/scale_and_survival.json", "JSON of `tests.scale`.")
    flags.DEFINE_string("page", "docs/training.md", "Page with the part `scale_and_survival` to write.")
    command.run(main)
