"""The `tfsbir` program as users run it: its overview, its help and its one-line errors."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tfsbir.cli import COMMANDS, main
from tfsbir.data import DATASETS

PROJECT = Path(__file__).resolve().parents[2]


def run(capsys, *argv):
    """Runs a command within this process; returns exit code, stdout and stderr."""
    try:
        code = main([str(argument) for argument in argv])
    except SystemExit as end:
        code = end.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_module_is_the_program_and_starts_without_tensorflow():
    program = [sys.executable, "-X", "importtime", "-m", "tfsbir"]
    shown = subprocess.run(program, cwd=PROJECT, capture_output=True, text=True)
    assert shown.returncode == 0
    assert "Commands:" in shown.stdout
    assert "tfsbir.cli" in shown.stderr
    assert "tensorflow" not in shown.stderr


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_the_overview_lists_every_command(capsys, argv):
    code, out, err = run(capsys, *argv)
    assert (code, err) == (0, "")
    for name in COMMANDS:
        assert f"\n    {name} " in out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_the_command_and_lists_its_own_flags_only(capsys, command):
    code, out, err = run(capsys, command, "--help")
    assert (code, err) == (0, "")
    assert f"\n    tfsbir {command} --" in out  # An example.
    flags = set(COMMANDS[command].FLAGS)
    assert all(re.search(rf"\n    --{name}[ =\n]", out) for name in flags)
    others = set().union(*(COMMANDS[name].FLAGS for name in COMMANDS)) - flags
    assert not any(re.search(rf"\n    --{name}[ =\n]", out) for name in others)


def test_help_of_data_names_every_dataset(capsys):
    _, out, _ = run(capsys, "data", "--help")
    assert all(name in out for name in DATASETS)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["find"], f"`COMMAND` must be one of {', '.join(COMMANDS)}. Received: find"),
        (["search", "--colour=red"], "Unknown command line flag 'colour'"),
        (["search", "--top=0"], "flag --top=0: 0 is not a positive integer"),
        (["search", "--gallery=g", "sketch.png"], "every argument must be a flag, such as `--gallery`. "),
        (["search", "--sketch=s"], "`--gallery` must be given. Received: nothing"),
        (["search", "--gallery=", "--sketch=s"], "`--gallery` must be given. Received: nothing"),
        (["search", "--gallery=g"], "one of `--sketch` and `--photo` must be given. Received: none"),
        (
            ["search", "--gallery=g", "--sketch="],
            "one of `--sketch` and `--photo` must be given. Received: none",
        ),
        (
            ["search", "--gallery=g", "--sketch=s", "--photo=p"],
            "one of `--sketch` and `--photo` must be given. ",
        ),
        (
            ["search", "--gallery=g", "--sketch=s", "--where={"],
            "`--where` must be a JSON object. Received: {",
        ),
        (["search", "--gallery=g", "--sketch=s", "--sheet=a.jpg"], "`--sheet` must end in .png. "),
        (
            ["search", "--gallery=g", "--sketch=s", "--sheet=/no/a.png"],
            "`--sheet` must lie in a folder that ",
        ),
        (["search", "--gallery=/no/g", "--sketch=s"], "/no/g: expected a gallery; there is no such folder"),
        (["index", "--photos=p", "--gallery=g"], "`--model` must be given. Received: nothing"),
        (["index", "--model=/no/m", "--photos=p", "--gallery=g"], "/no/m: expected a run directory or an "),
        (["data"], "`--dataset` must be given. Received: nothing"),
        (["data", "--dataset=imagenet"], "`dataset` must be one of bmvc14, category_folder, "),
        (["data", "--dataset=qmul_v1"], "`data_dir` must be given for the dataset qmul_v1. Received: "),
        (["data", "--dataset=qmul_v1", "--data_dir=/no"], "/no: expected the folder of qmul_v1; there is no"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_1(capsys, argv, message):
    code, out, err = run(capsys, *argv)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1
