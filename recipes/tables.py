"""What the papers' tables share: runs that need each other, and the paper's number beside ours.

A paper's command describes a `Table`, its rows and the commands whose results they show, and calls `make`:
it runs what is not finished, one process a run, and writes the table as JSON, as Markdown and as a bar chart.
"""

import collections
import dataclasses
import io
import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.figure import Figure

from recipes import results
from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
SHARED_SEED = 0
# Folders and files, which another machine has elsewhere: told apart by the last part of their path.
PATHS = ("data_dir", "more_data_dir", "weights", "edge_model")
# How a machine is used, which leaves the numbers as they are.
HOST = ("cache_dir", "num_workers", "strategy", "num_replicas")


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of a recipe; its run directories are `WORKDIR/NAME_seedK`.

    Args:
        name: Str, which no other command of the table has.
        recipe: Name of the recipe's module.
        flags: Dict from flags to values. A list gives its flag several times, None leaves it out.
        needs: Dict from flags to names of earlier commands, whose run directories are the flags' values.
        is_seeded: Whether the command runs with every seed. One that does not, such as pre-training, runs
            with seed 0 and serves all that need it.
    """

    name: str
    recipe: str
    flags: dict
    needs: dict = dataclasses.field(default_factory=dict)
    is_seeded: bool = True


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Args:
        label: Str.
        runs: Dict from data, such as "shoes", to the name of the command that makes the row's numbers.
        paper: Dict from data to a dict from metrics to the paper's numbers, in percent as printed. Empty
            for a row which the paper does not have.
    """

    label: str
    runs: dict
    paper: dict = dataclasses.field(default_factory=dict)


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
            for name in command.needs.values():
                if name not in known:
                    raise ValueError(
                        f"`needs` of {command.name} must name an earlier command. Received: {name}"
                    )
                if known[name].is_seeded and not command.is_seeded:
                    raise ValueError(
                        f"`needs` of {command.name}, which runs once, must name a command that runs once. "
                        f"Received: {name}"
                    )
            known[command.name] = command
        for row in self.rows:
            for name in row.runs.values():
                if name not in known:
                    raise ValueError(f"`runs` of {row.label!r} must name a command. Received: {name}")


@dataclasses.dataclass(frozen=True)
class Run:
    """One command with one seed.

    Args:
        command: `Command`.
        seed: Int.
        path: Path of the run directory, absolute.
        flags: Dict of the command's flags with the run directories that it needs.
    """

    command: Command
    seed: int
    path: Path
    flags: dict

    def arguments(self):
        """Returns what follows `python`, as a list of str."""
        values = {**self.flags, "seed": self.seed, "workdir": str(self.path)}
        return [
            "-m", f"recipes.{self.command.recipe}",
            *(f"--{name}={one}" for name, value in values.items() for one in _given(value)),
        ]  # fmt: skip


def _given(value):
    """Returns the values that a flag is given, one after the other."""
    if value is None:
        return []
    return value if isinstance(value, list | tuple) else [value]


def define_flags(output):
    """Declares the flags of `make`, with the folder where a paper's tables go."""
    flags.DEFINE_string("workdir", None, "Folder of the run directories; made, or gone on with.", required=True)
    flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of the rows' runs, separated by commas.")
    flags.DEFINE_string("output", output, "Folder of the table's .json, .md and .png.")
    flags.DEFINE_string("docs", None, "Markdown page whose table between the markers is rewritten, too.")
    flags.DEFINE_bool("collect", False, "Run nothing; a row whose runs are not there shows -.")
    flags.DEFINE_bool("dry_run", False, "Print the commands in their order, and do nothing else.")
    flags.DEFINE_bool("json", False, "Print JSON in place of Markdown.")


def make(table):
    """Runs what a table misses and writes it, as the flags ask."""
    workdir = Path(os.path.abspath(FLAGS.workdir))
    runs = schedule(table, read_seeds(FLAGS.seeds), workdir)
    if FLAGS.dry_run:
        for run in runs:
            print(shlex.join(["python", *run.arguments()]))
        return
    page = FLAGS.docs and _read_page(FLAGS.docs, table.name)  # Before hours of training.
    if FLAGS.collect and not workdir.is_dir():
        raise InputError(f"{workdir}: expected a folder of run directories; there is none")
    if not FLAGS.collect:
        run_missing(runs, workdir)
    collected = collect(table, runs)
    output = Path(FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    files.write_json(output / f"{table.name}.json", collected)
    files.write_text(output / f"{table.name}.md", markdown(collected))
    draw_bars(collected, output / f"{table.name}.png")
    if page:
        picture = Path(os.path.relpath(output / f"{table.name}.png", Path(FLAGS.docs).parent)).as_posix()
        before, after = page
        files.write_text(
            FLAGS.docs,
            f"{before}{markdown(collected)}\n![{table.title}, as bars]({picture})\n\n{after}",
        )
    sys.stdout.write(json.dumps(collected, indent=2) + "\n" if FLAGS.json else markdown(collected))


def read_seeds(values):
    """Returns the seeds that `--seeds` names, as ints; `InputError` unless they are there once each."""
    if not values or not all(value.isdecimal() for value in values) or len(set(map(int, values))) < len(values):
        raise InputError(
            f"`seeds` must be whole numbers >= 0, once each, such as 0,1,2. Received: {','.join(values)}"
        )
    return [int(value) for value in values]


def schedule(table, seeds, workdir):
    """Returns the runs that a table's rows need, in an order that has each after those it needs.

    What all seeds share comes first, then all rows with the first seed: what is there early is a whole
    table of one seed.

    Args:
        table: `Table`.
        seeds: List of int.
        workdir: Path of the folder of the run directories.
    Returns: List of `Run`.
    """
    needed = {name for row in table.rows for name in row.runs.values()}
    for command in reversed(table.commands):
        if command.name in needed:
            needed.update(command.needs.values())
    commands = {command.name: command for command in table.commands if command.name in needed}

    def path(command, seed):
        return workdir / f"{command.name}_seed{seed if command.is_seeded else SHARED_SEED}"

    def run(command, seed):
        needs = {flag: str(path(commands[name], seed)) for flag, name in command.needs.items()}
        return Run(command, seed, path(command, seed), {**command.flags, **needs})

    shared = [run(command, SHARED_SEED) for command in commands.values() if not command.is_seeded]
    return shared + [
        run(command, seed) for seed in seeds for command in commands.values() if command.is_seeded
    ]


def run_missing(runs, workdir):
    """Runs, one after the other, what is not finished; what was killed resumes, since recipes do.

    What a run writes goes to stderr and to `WORKDIR/logs/NAME.log`.

    Args:
        runs: List of `Run`, from `schedule`.
        workdir: Path of the folder of the run directories; made where it is missing.
    Raises: `InputError` if a finished run was made with other flags, or a run fails; it names the log.
    """
    seconds = collections.defaultdict(list)  # By command, to say how much time is left.
    finished = set()
    for run in runs:
        result = RunDirectory(run.path).result
        if result is not None:
            check_flags(run)
            seconds[run.command.name].append(result["seconds"])
            finished.add(run.path)
    logs = workdir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    for number, run in enumerate(runs):
        if run.path in finished:
            continue
        left = [other.command.name for other in runs[number:] if other.path not in finished]
        sys.stderr.write(
            f"[{number + 1}/{len(runs)}] {run.command.name} seed {run.seed}{time_left(left, seconds)}\n"
        )
        sys.stderr.flush()
        begun = time.monotonic()
        log = logs / f"{run.path.name}.log"
        code = execute([sys.executable, *run.arguments()], log)
        if code != 0 or RunDirectory(run.path).result is None:
            raise InputError(
                f"{log}: expected {run.path.name} to end with a result.json; it ended with exit code {code}"
            )
        seconds[run.command.name].append(time.monotonic() - begun)


def time_left(names, seconds):
    """Returns ", about 5 min left" for the commands to come, or "" while no run has told how long one takes.

    Args:
        names: List of names of commands.
        seconds: Dict from names to seconds of finished runs. A command without any takes the mean of all.
    """
    known = [value for values in seconds.values() for value in values]
    if not known:
        return ""
    minutes = sum(statistics.mean(seconds.get(name) or known) for name in names) / 60
    return f", about {minutes:.0f} min left" if minutes < 120 else f", about {minutes / 60:.1f} h left"


def execute(arguments, log):
    """Runs a process whose output goes to stderr as it comes, and to the end of a log; returns its exit code."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        with open(log, "ab") as file:
            file.write(f"{shlex.join(arguments)}\n".encode())
            while chunk := process.stdout.read1():
                sys.stderr.buffer.write(chunk)
                sys.stderr.buffer.flush()
                file.write(chunk)
                file.flush()
        return process.wait()
    finally:
        # Ctrl-C, or a disk that is full: no run goes on unseen. One that has ended takes no notice.
        process.terminate()
        process.wait()
        process.stdout.close()


def check_flags(run):
    """Raises `InputError` if a run was made with other flags than its command has now."""
    given = RunDirectory(run.path).config["given_flags"]
    for name in sorted((given.keys() | run.flags.keys()) - {*results.OWN, *HOST}):
        made_with, now = given.get(name), run.flags.get(name)
        if name in PATHS:
            if made_with is None or now is None and name != "weights":
                continue  # To collect, no data are needed.
            made_with, now = Path(made_with).name, now and Path(now).name
        # A number may be written as text, where a flag is one of several words.
        if made_with != now and str(made_with) != str(now):
            raise InputError(
                f"{run.path}: expected a run with `{name}` {_shown(now)}; it was made with "
                f"{_shown(made_with)} (give that, or name another `workdir`)"
            )


def _shown(value):
    return "not given" if value is None else value


def shown_command(config):
    """Returns the command of a run as `results.shown_command`, also where flags are lists or further paths."""
    given = {name: value for name, value in config["given_flags"].items() if name not in HOST}
    if given.get("more_data_dir"):
        given["more_data_dir"] = f"{given['more_dataset']}/{Path(given['more_data_dir']).name}"
    if given.get("edge_model"):
        given["edge_model"] = Path(given["edge_model"]).name
    lists = {name: given.pop(name) for name in list(given) if isinstance(given[name], list)}
    shown = results.shown_command({**config, "given_flags": given})
    return " ".join([shown, *(f"--{name}={one}" for name, values in lists.items() for one in values)])


def collect(table, runs):
    """Returns a table as a dict for JSON: its rows over the seeds that are there, and every run.

    Args:
        table: `Table`.
        runs: List of `Run`, from `schedule`.
    Returns: Dict. Metrics and the paper's numbers are fractions in [0, 1]; `std` is the sample standard
        deviation, None for fewer than two seeds, as `mean` is for none.
    Raises: `InputError` if a run was made with other flags.
    """
    found = {}
    for run in runs:
        directory = RunDirectory(run.path)
        if directory.result is None:
            continue
        check_flags(run)
        found[run.path.name] = {
            "name": run.command.name,
            "is_shared": not run.command.is_seeded,
            "command": shown_command(directory.config),
            **directory.result,
            "versions": directory.config["versions"],
        }
    rows = [
        {
            "label": row.label,
            "is_in_paper": bool(row.paper),
            "data": {
                data: {
                    "run": name,
                    **_summary(
                        [one for one in found.values() if one["name"] == name],
                        {metric: row.paper.get(data, {}).get(metric) for metric in table.metrics},
                    ),
                }
                for data, name in row.runs.items()
            },
        }
        for row in sorted(table.rows, key=lambda row: not row.paper)
    ]
    return {
        "title": table.title,
        "metrics": list(table.metrics),
        "rows": rows,
        "notes": list(table.notes),
        "runs": found,
    }


def _summary(found, paper):
    """Returns seeds, mean minutes of training and, by metric, the paper's number and ours."""
    summary = {
        "seeds": [one["seed"] for one in found],
        "minutes": statistics.mean(one["seconds"] for one in found) / 60 if found else None,
        "metrics": {},
    }
    for metric, percent in paper.items():
        values = [one["metrics"][metric] for one in found if metric in one["metrics"]]
        summary["metrics"][metric] = {
            "paper": None if percent is None else round(percent / 100, 6),
            "mean": statistics.mean(values) if values else None,
            "std": statistics.stdev(values) if len(values) > 1 else None,
            "values": values,
        }
    return summary


def markdown(collected):
    """Returns a collected table as Markdown: one table for each data, the shared runs, the commands."""
    metrics = [metric.replace("_", " ") for metric in collected["metrics"]]
    columns = [f"{metric}, {whose}" for metric in metrics for whose in ("paper", "ours")]
    lines = [f"### {collected['title']}", ""]
    for data in _data_names(collected):
        rows = [row for row in collected["rows"] if data in row["data"]]
        lines += [
            f"| {' | '.join([data, *columns, 'seeds', 'minutes'])} |",
            f"|---{'|---:' * (len(columns) + 2)}|",
        ]
        is_in_paper = True
        for row in rows:
            if is_in_paper and not row["is_in_paper"]:
                lines.append(f"| *not the paper's:* {'| ' * (len(columns) + 2)}|")
            is_in_paper = row["is_in_paper"]
            lines.append(f"| {' | '.join([row['label'], *_cells(row['data'][data])])} |")
        lines.append("")
    lines += [
        "In percent; ours is the mean ± the sample standard deviation over the seeds, where there are several; "
        "minutes are of training, without what runs share and the final evaluation.",
        *(line for note in collected["notes"] for line in ("", note)),
        "",
    ]
    shared = [one for one in collected["runs"].values() if one["is_shared"] and one["name"] not in _shown_runs(collected)]
    if shared:
        lines += ["| run once, for all that need it | minutes | measured |", "|---|---:|---|"]
        for one in shared:
            measured = ", ".join(f"{name.replace('_', ' ')} {100 * value:.1f}" for name, value in one["metrics"].items())
            lines.append(f"| {one['name']} | {one['seconds'] / 60:.1f} | {measured or '-'} |")
        lines.append("")
    commands = {}
    for one in collected["runs"].values():
        commands.setdefault(one["name"], one["command"])  # Of its first seed.
    if commands:
        width = max(map(len, commands))
        lines += ["```", *(f"{name:{width}}  {shown}" for name, shown in commands.items()), "```", ""]
    return "\n".join(lines)


def _data_names(collected):
    return list(dict.fromkeys(data for row in collected["rows"] for data in row["data"]))


def _shown_runs(collected):
    return {found["run"] for row in collected["rows"] for found in row["data"].values()}


def _cells(found):
    cells = []
    for metric in found["metrics"].values():
        cells.append("-" if metric["paper"] is None else f"{100 * metric['paper']:.2f}")
        cells.append(results.spread(metric["values"]) if metric["values"] else "-")
    minutes = "-" if found["minutes"] is None else f"{found['minutes']:.1f}"
    return [*cells, str(len(found["seeds"]) or "-"), minutes]


def draw_bars(collected, path):
    """Draws a collected table as a PNG: our means with their standard deviations beside the paper's numbers."""
    names, metrics = _data_names(collected), collected["metrics"]
    rows = {data: [row for row in collected["rows"] if data in row["data"]] for data in names}
    heights = [len(rows[data]) + 1 for data in names]
    # The object interface: no global state, no window.
    figure = Figure(figsize=(3 + 3 * len(metrics), 0.9 + 0.45 * sum(heights)), layout="constrained")
    panels = figure.subplots(
        len(names), len(metrics), sharex=True, sharey="row", squeeze=False, height_ratios=heights
    )
    for data, axes in zip(names, panels, strict=True):
        labels = [row["label"] for row in rows[data]]
        for metric, axis in zip(metrics, axes, strict=True):
            found = [row["data"][data]["metrics"][metric] for row in rows[data]]
            for name, key, offset, color in (("paper", "paper", -0.2, "#c9d3de"), ("ours", "mean", 0.2, "#1f4e79")):
                place = [index + offset for index, one in enumerate(found) if one[key] is not None]
                bars = [100 * one[key] for one in found if one[key] is not None]
                errors = [100 * (one["std"] or 0) for one in found if one[key] is not None]
                axis.barh(
                    place, bars, 0.4, color=color, label=name, xerr=errors if key == "mean" else None,
                    error_kw={"ecolor": "#d9822b", "capsize": 2},
                )  # fmt: skip
            axis.set_yticks(np.arange(len(labels)), labels)
            axis.set_title(f"{data}, {metric.replace('_', ' ')}", fontsize="medium")
            axis.set_xlim(0, 100)
            axis.grid(axis="x", alpha=0.25)
            axis.set_axisbelow(True)
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylim(len(labels) - 0.4, -0.6)  # The first row is at the top.
    for axis in panels[-1]:
        axis.set_xlabel("%")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False)
    figure.suptitle(collected["title"])
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    files.write_bytes(path, png.getvalue())


def markers(name):
    """Returns the lines around a table in a page."""
    return f"<!-- {name}: generated -->\n", f"<!-- end of {name} -->"


def _read_page(path, name):
    """Returns what stands in a page up to and with a table's first marker, and from its last marker on."""
    begin, end = markers(name)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: expected a Markdown page; {error.strerror}") from None
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise InputError(f"{path}: expected the lines {begin.strip()!r} and {end!r} around the table")
    return f"{before}{begin}\n", f"{end}{after}"
