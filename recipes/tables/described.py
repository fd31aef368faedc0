"""What a paper's command says of a table: its rows, and the commands whose results they show."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of a recipe; its run directories are `WORKDIR/NAME_seedK`.

    A measurement is a command of a recipe that prints a result as JSON and writes nothing, such as
    `recipes.evaluate`: its `--workdir` is the run that it measures, with each of that run's seeds.

    Args:
        name: Str, which no other command of the table has.
        recipe: Name of the recipe's module.
        flags: Dict from flags to values. A list gives its flag several times, None leaves it out.
        needs: Dict from flags to names of earlier commands, whose run directories are the flags' values.
        is_seeded: Whether the command runs with every seed. One that does not, such as pre-training, runs
            with seed 0 and serves all that need it.
        is_runnable: Whether there is all that it needs. One that is not, on data that its reader does not
            have, is left alone, and its run is shown where there is one.
        measures: Name of an earlier command, whose runs a measurement measures; None for other commands.
    """

    name: str
    recipe: str
    flags: dict
    needs: dict = dataclasses.field(default_factory=dict)
    is_seeded: bool = True
    is_runnable: bool = True
    measures: str | None = None

    @property
    def needed(self):
        """Names of the commands whose runs must be there first."""
        return (*self.needs.values(), *([self.measures] if self.measures else []))


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Args:
        label: Str.
        runs: Dict from data, such as "shoes", to the name of the command that makes the row's numbers.
        paper: Dict from data to a dict from metrics to the paper's numbers, in percent as printed. Empty
            for a row which the paper does not have.
        part: What stands behind the metrics' names in the runs' results, such as "/embedding" for what the
            embedding finds alone.
    """

    label: str
    runs: dict
    paper: dict = dataclasses.field(default_factory=dict)
    part: str = ""


def printed_row(label, name, metrics, data, paper):
    """Returns a row from the paper's numbers as it prints them.

    Args:
        label: Str.
        name: Str; the row's command on a data is NAME_DATA.
        metrics: Names of the table's metrics.
        data: The data that the row has, a sequence of str.
        paper: Dict from data to the paper's numbers, a str of percents in the order of `metrics`.
    Returns: `Row`.
    Raises: `ValueError` if there are more or fewer numbers than metrics.
    """
    numbers = {one: map(float, text.split()) for one, text in paper.items()}
    return Row(
        label,
        {one: f"{name}_{one}" for one in data},
        {one: dict(zip(metrics, values, strict=True)) for one, values in numbers.items()},
    )


@dataclasses.dataclass(frozen=True)
class Table:
    """One table of a paper.

    Args:
        name: Str, the name of the table's files.
        title: One line.
        metrics: Names of metrics, the columns.
        commands: Sequence of `Command`, each after those that it needs; those no row needs are left alone.
        rows: Sequence of `Row`; those that the paper does not have are shown last.
        notes: Sequence of str, paragraphs to stand under the table.
    Raises: `ValueError` if names are not unique, or a command or a row names a command that it cannot have.
    """

    name: str
    title: str
    metrics: tuple
    commands: tuple
    rows: tuple
    notes: tuple = ()

    def __post_init__(self):
        known = {}
        for command in self.commands:
            if command.name in known:
                raise ValueError(f"`commands` must have names of their own. Received: {command.name} twice")
            for name in command.needed:
                which = "needs" if name in command.needs.values() else "measures"
                if name not in known:
                    raise ValueError(
                        f"`{which}` of {command.name} must name an earlier command. Received: {name}"
                    )
                if known[name].is_seeded and not command.is_seeded:
                    raise ValueError(
                        f"`{which}` of {command.name}, which runs once, must name a command that runs once. "
                        f"Received: {name}"
                    )
            known[command.name] = command
        for row in self.rows:
            for name in row.runs.values():
                if name not in known:
                    raise ValueError(f"`runs` of {row.label!r} must name a command. Received: {name}")
