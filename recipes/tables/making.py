"""The command of a paper's tables, from its flags to its files."""

import json
import os
import shlex
import sys
from pathlib import Path

from absl import flags

from recipes.tables.bars import draw_bars
from recipes.tables.collected import collect, markdown
from recipes.tables.runs import run_missing, schedule
from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.generated_part import read_page, write_part

FLAGS = flags.FLAGS


def define_flags(output):
    """Declares the flags of `make`, with the folder where a paper's tables go."""
    flags.DEFINE_string(
        "workdir", None, "Folder of the run directories; made, or gone on with.", required=True
    )
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
    runnable = [run for run in runs if run.command.is_runnable]
    if FLAGS.dry_run:
        for run in runnable:
            print(shlex.join(["python", *run.arguments()]))
        return
    if FLAGS.docs:
        read_page(FLAGS.docs, table.name)  # A page without its markers is told before hours of training.
    if FLAGS.collect and not workdir.is_dir():
        raise InputError(f"{workdir}: expected a folder of run directories; there is none")
    if not FLAGS.collect:
        run_missing(runnable, workdir)
    collected = collect(table, runs)
    output = Path(FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    files.write_json(output / f"{table.name}.json", collected)
    files.write_text(output / f"{table.name}.md", markdown(collected))
    draw_bars(collected, output / f"{table.name}.png")
    if FLAGS.docs:
        picture = Path(os.path.relpath(output / f"{table.name}.png", Path(FLAGS.docs).parent)).as_posix()
        write_part(FLAGS.docs, table.name, f"{markdown(collected)}\n![{table.title}]({picture})")
    sys.stdout.write(json.dumps(collected, indent=2) + "\n" if FLAGS.json else markdown(collected))


def read_seeds(values):
    """Returns the seeds that `--seeds` names, as ints; `InputError` unless they are there once each."""
    if (
        not values
        or not all(value.isdecimal() for value in values)
        or len(set(map(int, values))) < len(values)
    ):
        raise InputError(
            f"`seeds` must be whole numbers >= 0, once each, such as 0,1,2. Received: {','.join(values)}"
        )
    return [int(value) for value in values]


def path_of(flag):
    """Returns the path that a flag names, absolute, since a run may go on from another folder, or None."""
    return FLAGS[flag].value and os.path.abspath(FLAGS[flag].value)
