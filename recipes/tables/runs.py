"""The runs that a table needs: which, in what order, and running those that are missing."""

import collections
import dataclasses
import json
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

from recipes import results
from recipes.tables.described import Command
from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory, versions

SHARED_SEED = 0
# Another machine has these elsewhere, so they are told apart by the last part of their path.
DATA_DIRS = ("data_dir", "more_data_dir", "distractors_dir")
PATHS = (
    *DATA_DIRS, "weights", "edge_model", "classes", "attribute_distance_weight", "attributes_from",
    "unseen_classes", "word_vectors",
)  # fmt: skip
# How a machine is used, which leaves the numbers as they are.
HOST = ("cache_dir", "num_workers", "strategy", "num_replicas")


@dataclasses.dataclass(frozen=True)
class Run:
    """One command with one seed.

    Args:
        command: `Command`.
        seed: Int.
        path: Path of the run directory, absolute.
        flags: Dict of the command's flags with the run directories that it needs.
        measured: Path of the run directory that a measurement measures, absolute; else None.
    """

    command: Command
    seed: int
    path: Path
    flags: dict
    measured: Path | None = None

    def arguments(self):
        """Returns what follows `python`, as a list of str."""
        if self.measured is None:
            values = {**self.flags, "seed": self.seed, "workdir": str(self.path)}
        else:
            values = {**self.flags, "workdir": str(self.measured)}
        return [
            "-m", f"recipes.{self.command.recipe}",
            *(f"--{name}={one}" for name, value in values.items() for one in _given(value)),
        ]  # fmt: skip


def _given(value):
    """Returns the values that a flag is given, one after the other."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


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
            needed.update(command.needed)
    commands = {command.name: command for command in table.commands if command.name in needed}

    def path(command, seed):
        return workdir / f"{command.name}_seed{seed if command.is_seeded else SHARED_SEED}"

    def run(command, seed):
        needs = {flag: str(path(commands[name], seed)) for flag, name in command.needs.items()}
        measured = command.measures and path(commands[command.measures], seed)
        return Run(command, seed, path(command, seed), {**command.flags, **needs}, measured)

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
        if run.measured is None:
            code = execute([sys.executable, *run.arguments()], log)
        else:
            code = _measure(run, log)
        if code != 0 or RunDirectory(run.path).result is None:
            raise InputError(
                f"{log}: expected {run.path.name} to end with a result.json; it ended with exit code {code}"
            )
        seconds[run.command.name].append(time.monotonic() - begun)


def _measure(run, log):
    """Runs a measurement, keeps what it prints as a run directory, and returns its exit code."""
    begun = time.monotonic()
    run.path.mkdir(parents=True, exist_ok=True)
    printed = run.path / "printed.json"
    code = execute([sys.executable, *run.arguments()], log, printed)
    if code != 0:
        return code
    result = json.loads(printed.read_text(encoding="utf-8"))
    config = {
        "recipe": run.command.recipe,
        "given_flags": {name: value for name, value in run.flags.items() if value is not None},
        "dataset": {"name": run.flags.get("dataset"), "data_dir": run.flags.get("data_dir")},
        "versions": versions(),
        "fingerprint": RunDirectory(run.measured).fingerprint(),
    }
    files.write_json(run.path / "config.json", config)
    RunDirectory(run.path).write_result({
        **result, "seed": run.seed, "seconds": round(time.monotonic() - begun, 1),
    })  # fmt: skip
    printed.unlink()
    return code


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


def execute(arguments, log, printed=None):
    """Runs a process, its output to stderr as it comes and to the end of a log; returns its exit code.

    With the path `printed`, what it writes to stdout goes there alone.
    """
    if printed is None:
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = process.stdout
    else:
        with open(printed, "wb") as stdout:
            process = subprocess.Popen(arguments, stdout=stdout, stderr=subprocess.PIPE)
        output = process.stderr
    try:
        with open(log, "ab") as file:
            file.write(f"{shlex.join(arguments)}\n".encode())
            while chunk := output.read1():
                sys.stderr.buffer.write(chunk)
                sys.stderr.buffer.flush()
                file.write(chunk)
                file.flush()
        return process.wait()
    finally:
        # Ctrl-C, or a disk that is full: no run goes on unseen. One that has ended takes no notice.
        process.terminate()
        process.wait()
        output.close()


def check_flags(run):
    """Raises `InputError` if a run was made with other flags than its command has now.

    Of a measurement also if the run that it measured has been trained anew since.
    """
    config = RunDirectory(run.path).config
    measured = None if run.measured is None else RunDirectory(run.measured)
    if measured is not None and measured.result and measured.fingerprint() != config["fingerprint"]:
        raise InputError(
            f"{run.path}: expected a measurement of {measured.path.name}, whose encoders are others now "
            "(remove the measurement to make it again)"
        )
    given = config["given_flags"]
    for name in sorted((given.keys() | run.flags.keys()) - {*results.OWN, *HOST}):
        made_with, now = given.get(name), run.flags.get(name)
        if name in DATA_DIRS and now is None:
            continue  # Nobody needs the data to collect what was made with them.
        if name in PATHS:
            made_with, now = (value and Path(value).name for value in (made_with, now))
        # A number may be written as text, where a flag is one of several words.
        if made_with != now and str(made_with) != str(now):
            raise InputError(
                f"{run.path}: expected a run with `{name}` {_shown(now)}; it was made with "
                f"{_shown(made_with)} (give that, or name another `workdir`)"
            )


def _shown(value):
    return "not given" if value is None else value
