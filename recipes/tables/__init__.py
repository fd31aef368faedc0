"""What the papers' tables share: runs that need each other, and the paper's number beside ours.

A paper's command describes a `Table`, its rows and the commands whose results they show, and calls `make`:
it runs what is not finished, one process a run, and writes the table as JSON, as Markdown and as a bar chart.
"""

from recipes.tables import making
from recipes.tables.bars import COLORS, draw_bars
from recipes.tables.baselines import baseline_command
from recipes.tables.collected import collect, markdown, shown_command
from recipes.tables.described import Command, Row, Table, printed_row
from recipes.tables.making import define_flags, make, path_of, read_seeds
from recipes.tables.runs import execute, run_missing, schedule, time_left

__all__ = [
    "COLORS",
    "Command",
    "Row",
    "Table",
    "baseline_command",
    "collect",
    "define_flags",
    "draw_bars",
    "execute",
    "make",
    "making",
    "markdown",
    "path_of",
    "printed_row",
    "read_seeds",
    "run_missing",
    "schedule",
    "shown_command",
    "time_left",
]
