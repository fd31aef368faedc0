"""The results of the bench: the newest of each kind, and a line for every run."""

import datetime
import json
import os
import platform
import re
from pathlib import Path

from recipes.bench.row import KINDS
from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.runs import git_revision


def circumstances(rounds, versions):
    """Returns a dict of when, of what and on what a run measures, and how busy that was before."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "revision": git_revision(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,  # Not on Windows.
        "rounds": rounds,
        "versions": versions,
    }


def cpu_model():
    """Returns the processor's name."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:  # There only on Linux.
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def read_results(path):
    """Reads what `write_results` wrote: a dict from a kind to what was measured; empty if there is no file.

    Raises: `InputError` if the file holds something else.
    """
    path = Path(path)
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: expected JSON; {error}") from None
    if not isinstance(found, dict) or not all(
        isinstance(one, dict) and isinstance(one.get("rows"), list) for one in found.values()
    ):
        raise InputError(f"{path}: expected an object from kinds of rows to objects with `rows`")
    unknown = sorted(set(found) - set(KINDS))
    if unknown:
        raise InputError(f"{path}: expected the kinds {', '.join(KINDS)}. Found: {unknown[0]!r}")
    return found


def write_results(path, found):
    """Writes the kinds that were measured into the file; the others stay as an earlier run left them."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    both = {**read_results(path), **found}
    files.write_json(path, {kind: both[kind] for kind in KINDS if kind in both})


def read_history(path):
    """Reads a file of `append_history`: a list of dicts, the oldest run first; empty if there is no file.

    Raises: `InputError` naming the line that is no run.
    """
    path = Path(path)
    if not path.exists():
        return []
    runs = []
    *lines, rest = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if rest:  # A run that was appended to it would be lost.
        raise InputError(f"{path}, line {len(lines) + 1}: expected a line feed at its end; it is cut off")
    for number, line in enumerate(lines, 1):
        try:
            run = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: expected JSON; {error}") from None
        ratios = run.get("ratios") if isinstance(run, dict) else None
        if not isinstance(ratios, dict) or not isinstance(run.get("date"), str):
            raise InputError(f"{path}, line {number}: expected an object with a `date` and `ratios`")
        for name, ratio in ratios.items():
            if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not ratio > 0:
                raise InputError(f"{path}, line {number}: expected a ratio > 0 of {name!r}. Found: {ratio!r}")
        runs.append(run)
    return runs


def append_history(path, circumstances, rows_of):
    """Adds a run as one line.

    Args:
        path: Path of a JSON-lines file.
        circumstances: Dict of the function of that name.
        rows_of: Dict from a kind to its list of `Row`s.
    Raises: `InputError` as `read_history`.
    """
    read_history(path)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    ratios = {f"{kind} / {row.name}": row.ratio for kind, rows in rows_of.items() for row in rows}
    files.append_json_line(path, {**circumstances, "ratios": ratios})
