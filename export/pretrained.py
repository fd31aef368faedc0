"""Puts a run's encoders beside the library, where `--model=pretrained:NAME` finds them, with a model card.

    python -m export.pretrained --workdir=runs/shoes_small --name=shoes --report=exports/shoes/report.json \
        --about="Finds a shoe by its drawing."

Writes PRETRAINED/NAME: a LiteRT export for each of int8 and float16, and MODEL_CARD.md with what the encoders
are for, what `export.report` measured, the commands, seeds and versions of all runs that led here, and what
the owners of the data say of their use. PRETRAINED is `tfsbir/pretrained`, or `--output`. No file may be
larger than 4 MB: they go wherever the library goes.
"""

import json
import re
from pathlib import Path

from absl import flags

from export import common, report
from export.litert import export_litert
from tfsbir import command, files
from tfsbir.errors import InputError
from tfsbir.retrieval.pretrained import FOLDER, FORMATS
from tfsbir.runs import RunDirectory

MAX_BYTES = 4_000_000
# Where the data come from, and what their owners say.
TERMS = {
    "chairv2": "QMUL-ChairV2 (Yu et al., IJCV 2021): published for research.",
    "photo_folder": "A folder of photos without sketches, seen as edge maps alone.",
    "qmul_v1": "QMUL-Shoe and QMUL-Chair V1 (Yu et al., CVPR 2016): published for research.",
    "quickdraw": "Quick, Draw! (Google): CC BY 4.0.",
    "shoev1_attributes": "Shoes with attributes (Li et al., WACV 2016): published for research.",
    "sketchy": "The Sketchy Database (Sangkloy et al., SIGGRAPH 2016): published for research.",
}
# Weights that a training may begin with, by the end of a backbone's name; others are told by their file.
STARTS = {
    "squeezenet": "SqueezeNet v1.1's ImageNet weights as published for Keras (MIT); ImageNet's images are "
    "for research."
}


def write_pretrained(workdir, name, report_path, about, output=FOLDER):
    """Exports a run to `output`/`name` in each of `FORMATS`, with its model card.

    Args:
        workdir: Path of a finished run.
        name: Str of lower case letters, digits and underscores.
        report_path: Path of the `report.json` which `export.report` wrote for the run.
        about: Str, what the encoders are for; Markdown.
        output: Path of the folder of all pretrained encoders.
    Returns: `Path` of the folder, which has replaced an older one of that name.
    Raises: `InputError` if the run or the report cannot be read or do not belong together, the name is
        another, or a file is larger than `MAX_BYTES`; nothing is then changed.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(f"`name` must be lower case letters, digits and underscores. Received: {name!r}")
    run, folder = RunDirectory(workdir), Path(output) / name
    measured = _read_report(report_path, run)
    if folder.exists() and not (folder / "MODEL_CARD.md").is_file():
        raise InputError(f"`output` must have no {name}, or an older one. Received: {folder}, something else")
    history = lineage(run)
    Path(output).mkdir(parents=True, exist_ok=True)
    with files.replacing_folder(folder) as target:
        for quantize in FORMATS:
            export_litert(workdir, target / quantize, quantize)
        sizes = {
            path.relative_to(target).as_posix(): path.stat().st_size
            for path in sorted(target.rglob("*"))
            if path.is_file()
        }
        for path, size in sizes.items():
            if size > MAX_BYTES:
                raise InputError(
                    f"`workdir` must have exports of at most {MAX_BYTES} bytes. {path} has {size}"
                )
        card = model_card(name, about, sizes, measured, history)
        files.write_bytes(target / "MODEL_CARD.md", card.encode("utf-8"))
    return folder


def lineage(run):
    """Returns the runs that led to a run, it last: dicts of `config`, `result` and `name`, each once.

    A run leads to another that starts from it (`--weights`) or learns from it (`--teacher`).
    """
    config = run.config
    found = {}
    for value in (config["flags"].get("weights"), config.get("teacher", {}).get("path")):
        if value is not None and Path(value).is_dir():
            found |= {entry["name"]: entry for entry in lineage(RunDirectory(value))}
    name = run.path.absolute().name
    return [*found.values(), {"name": name, "config": config, "result": run.result}]


def model_card(name, about, sizes, measured, history):
    """Returns the text of a model card.

    Args:
        name: Str.
        about: Str.
        sizes: Dict of bytes by file.
        measured: Dict, what `export.report` wrote.
        history: What `lineage` returns.
    """
    names = [entry["config"]["flags"].get(flag) for entry in history for flag in ("dataset", "more_dataset")]
    datasets = sorted({one for one in names if one is not None})
    versions = history[-1]["config"]["versions"]
    lines = [
        f"# pretrained:{name}", "", about, "", "```",
        f"tfsbir index --model=pretrained:{name} --photos=photos --gallery=photos.gallery",
        "tfsbir search --gallery=photos.gallery --sketch=drawing.png", "```", "",
        "## Measured", "",
        f"`{measured['dataset']}`, {measured['split']}: {measured['num_sketches']} sketches, "
        f"{measured['num_photos']} photos, one view of each image; `python -m export.report`. Latencies are "
        "of one sketch: the median, and the range from the 10th to the 90th percentile. Metrics are in "
        "percent.", "",
        *report.table(measured), "",
        "## How it was made", "",
        *("```", *(f"python -m recipes.{told(entry)}" for entry in history), "```"), "",
        "| run | seed | steps | minutes of training |", "|---|---:|---:|---:|",
        *(
            f"| {entry['name']} | {entry['result']['seed']} | {entry['result']['steps']} | "
            f"{entry['result']['seconds'] / 60:.1f} |"
            for entry in history
        ), "",
        ", ".join(f"{package} {version}" for package, version in versions.items()) + ".", "",
        "## Files", "", "| file | bytes |", "|---|---:|",
        *(f"| {path} | {size:,} |" for path, size in sizes.items()), "",
        "## Data and licences", "",
        *(f"- {TERMS.get(dataset, dataset)}" for dataset in datasets),
        *(f"- Training began with {start}" for start in starts(history)),
        "- Before other use than research, ask the owners of the data. Their images are not in these files.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def starts(history):
    """Returns what the first of some runs began with, other than runs: a list of str, empty for nothing."""
    found = []
    for entry in history:
        flags_of_run = entry["config"]["flags"]
        weights, backbone = flags_of_run.get("weights"), flags_of_run.get("backbone") or ""
        if weights is not None and not Path(weights).is_dir():
            known = (text for name, text in STARTS.items() if backbone.endswith(name))
            found.append(next(known, f"{Path(weights).name}."))
    return list(dict.fromkeys(found))


def told(entry):
    """Returns the command of a run of `lineage`, with names of files and folders in place of paths."""
    given = {
        flag: [Path(one).name if isinstance(one, str) and "/" in one else one for one in _listed(value)]
        for flag, value in entry["config"]["given_flags"].items()
    }
    words = [f"--{flag}={one}" for flag, values in sorted(given.items()) for one in values]
    return " ".join([entry["config"]["recipe"], *words])


def _listed(value):
    return value if isinstance(value, list) else [value]


def _read_report(path, run):
    try:
        measured = json.loads(Path(path).read_text(encoding="utf-8"))
        fingerprint = measured["run"]["fingerprint"]
    except OSError as error:
        raise InputError(f"{path}: expected a report of export.report; {error.strerror.lower()}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: expected a report of export.report; found something else") from None
    if fingerprint != run.fingerprint():
        raise InputError(f"{path}: expected the report of {run.path}; found that of another run")
    return measured


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    values = flags.FLAGS
    folder = write_pretrained(values.workdir, values.name, values.report, values.about, values.output)
    print(folder)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "The run directory.", required=True)
    flags.DEFINE_string("name", None, "What it is called behind `pretrained:`.", required=True)
    flags.DEFINE_string("report", None, "The run's report.json of export.report.", required=True)
    flags.DEFINE_string("about", None, "What it is for, for the model card.", required=True)
    flags.DEFINE_string("output", str(FOLDER), "Folder of all pretrained encoders.")
    command.run(main)
