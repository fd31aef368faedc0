"""A small table of a recipe that trains nothing, and its runs."""

from recipes import tables
from recipes.tables import Command, Row, Table


def small_table(**own):
    """Two stages, of which the rows take both, one or none; "left_alone" is no row's."""
    commands = (
        Command("first", "fake", {"steps": 3, "shares": [0, 0.5]}, is_seeded=False),
        Command("left_alone", "fake", {}, is_seeded=False),
        Command("second", "fake", {"data_dir": None}, {"weights": "first"}, is_seeded=False),
        Command("all_shoes", "fake", {"data_dir": "/sets/shoes", **own}, {"weights": "second"}),
        Command("none_shoes", "fake", {"data_dir": "/sets/shoes"}),
        Command("none_chairs", "fake", {"data_dir": "/sets/chairs"}),
    )
    rows = (
        Row("Ours", {"shoes": "none_shoes"}),
        Row("All stages", {"shoes": "all_shoes"}, {"shoes": {"acc@1": 39.13, "triplet_accuracy": 69.49}}),
        Row("None", {"shoes": "none_shoes", "chairs": "none_chairs"}, {"shoes": {"acc@1": 27.83}}),
    )
    return Table("small", "A small table", ("acc@1", "triplet_accuracy"), commands, rows, ("A note.",))


def run_all(folder, table, seeds):
    runs = tables.schedule(table, seeds, folder / "runs")
    tables.run_missing(runs, folder / "runs")
    return runs
