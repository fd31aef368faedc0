"""What a table's runs measured, beside the paper's numbers: as JSON and as Markdown."""

import statistics
from pathlib import Path

from recipes import results
from recipes.tables.runs import HOST, check_flags
from tfsbir.runs import RunDirectory

# Paths of which a command shows the last part alone.
SHORTENED = (
    "edge_model", "classes", "distractors_dir", "unseen_classes", "word_vectors", "attributes_from",
    "attribute_distance_weight",
)  # fmt: skip


def shown_command(config):
    """Returns the command of a run as `results.shown_command` does, also with lists and other paths."""
    given = {name: value for name, value in config["given_flags"].items() if name not in HOST}
    if given.get("more_data_dir"):
        given["more_data_dir"] = f"{given['more_dataset']}/{Path(given['more_data_dir']).name}"
    for name in SHORTENED:
        if given.get(name):
            given[name] = Path(str(given[name])).name
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
        if run.measured is not None:
            found[run.path.name]["workdir"] = (
                run.measured.name
            )  # Where its folder was matters to nobody else.
            if (trained := RunDirectory(run.measured).result) is not None:
                found[run.path.name]["seconds"] = trained["seconds"]  # A row's minutes are those of training.
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
                        row.part,
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


def _summary(found, paper, part):
    """Returns seeds, mean minutes of training and, by metric, the paper's number and ours of a row's part."""
    summary = {
        "seeds": [one["seed"] for one in found],
        "minutes": round(statistics.mean(one["seconds"] for one in found) / 60, 2) if found else None,
        "metrics": {},
    }
    for metric, percent in paper.items():
        values = [one["metrics"][metric + part] for one in found if metric + part in one["metrics"]]
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
    for data in data_names(collected):
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
        "In percent; ours is the mean ± the sample standard deviation over the seeds, where there are more "
        "than one. What rows share is trained once, and a row's minutes of training are without it.",
        *(line for note in collected["notes"] for line in ("", note)),
        "",
    ]
    shared = [
        one
        for one in collected["runs"].values()
        if one["is_shared"] and one["name"] not in _shown_runs(collected)
    ]
    if shared:
        lines += ["| run once, for all that need it | minutes | measured |", "|---|---:|---|"]
        for one in shared:
            measured = ", ".join(
                f"{name.replace('_', ' ')} {100 * value:.1f}" for name, value in one["metrics"].items()
            )
            lines.append(f"| {one['name']} | {one['seconds'] / 60:.1f} | {measured or '-'} |")
        lines.append("")
    commands = {}
    for one in collected["runs"].values():
        commands.setdefault(one["name"], one["command"])  # Of its first seed.
    if commands:
        width = max(map(len, commands))
        lines += ["```", *(f"{name:{width}}  {shown}" for name, shown in commands.items()), "```", ""]
    return "\n".join(lines)


def data_names(collected):
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
