"""Keeps finished runs as small files under results/ and makes the README's table of them.

python -m recipes.results --add=runs/shoes_0,runs/shoes_1    copies their results
python -m recipes.results                                   rewrites the table in README.md

A row is one command over its seeds: the mean and the standard deviation of each metric, and the mean
of the training time.
"""

import collections
import json
import statistics
from pathlib import Path

from absl import flags

from tfsbir import command, files
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- results: made by python -m recipes.results -->", "<!-- end of results -->"
# What a reader's own command has for itself.
OWN = ("workdir", "seed", "log_every", "checkpoint_every", "eval_every")

flags.DEFINE_list("add", [], "Run directories to keep, separated by commas.")
flags.DEFINE_string("results", str(ROOT / "results"), "Folder of the results.")
flags.DEFINE_string("readme", str(ROOT / "README.md"), "File whose table is rewritten.")


def main(_):
    for workdir in FLAGS.add:
        keep(RunDirectory(workdir), Path(FLAGS.results))
    readme = Path(FLAGS.readme)
    text = readme.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise InputError(f"{readme}: expected the lines {BEGIN!r} and {END!r} around the table")
    before, rest = text.split(BEGIN)
    files.write_text(
        readme, f"{before}{BEGIN}\n\n{table(load(Path(FLAGS.results)))}\n{END}{rest.split(END)[1]}"
    )


def keep(run, results):
    """Writes one finished run as `results/RECIPE/DATA-...-seedN.json`."""
    config, result = run.config, run.result
    if result is None:
        raise InputError(f"{run.path}: expected a finished run; it has no result.json")
    folder = results / config["recipe"]
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"command": shown_command(config), **result, "versions": config["versions"]}
    given = config["flags"]
    name = "_".join([data_name(config), given.get("backbone") or given["baseline"], given.get("loss", "")])
    files.write_json(folder / f"{name.replace('/', '_')}_seed{result['seed']}.json", kept)


def data_name(config):
    """Returns the dataset's name with the last part of its folder: `qmul_v1/shoes`."""
    folder = config["dataset"]["data_dir"]
    return f"{config['dataset']['name']}/{Path(folder).name}" if folder else config["dataset"]["name"]


def shown_command(config):
    """Returns the command of a run as a reader would type it: own paths shortened, seed left out."""
    given = {name: value for name, value in config["given_flags"].items() if name not in OWN}
    for name, shorten in (
        ("data_dir", lambda _: data_name(config)),
        ("weights", lambda path: Path(path).name),
    ):
        if given.get(name):
            given[name] = shorten(given[name])
    return " ".join(
        [f"python -m recipes.{config['recipe']}", *(f"--{name}={value}" for name, value in given.items())]
    )


def load(results):
    """Returns the kept results as a dict from the command to its runs, one a seed."""
    runs = collections.defaultdict(list)
    for path in sorted(results.glob("*/*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        runs[kept["command"]].append(kept)
    return runs


def table(runs):
    """Returns Markdown: one row a command, and the commands below, numbered."""
    lines = [
        "| | data | acc@1 | acc@10 | triplet accuracy | seeds | minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, (shown, kept) in enumerate(runs.items(), 1):
        flags_of = dict(part[2:].split("=", 1) for part in shown.split() if part.startswith("--"))
        cells = [
            f"{number}. {flags_of.get('backbone', 'sketch_a_net')}",
            flags_of.get("data_dir", flags_of["dataset"]),
            *(
                spread([run["metrics"].get(name) for run in kept])
                for name in ("acc@1", "acc@10", "triplet_accuracy")
            ),
            ", ".join(str(run["seed"]) for run in kept),
            f"{statistics.mean(run['seconds'] for run in kept) / 60:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "```"]
    lines += [f"{number}.  {shown}" for number, shown in enumerate(runs, 1)]
    return "\n".join([*lines, "```", ""])


def spread(values):
    """Returns the mean of fractions as a percentage, with the standard deviation where there are several."""
    if None in values:
        return "-"
    mean = f"{100 * statistics.mean(values):.1f}"
    return mean if len(values) < 2 else f"{mean} ± {100 * statistics.stdev(values):.1f}"


if __name__ == "__main__":
    command.run(main)
