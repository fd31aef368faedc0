"""Python run as `python -m` and `python -c` run it, in processes of their own that start fast."""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Importing these takes most of the time of a command that trains for four steps, and hundreds are given. They
# are imported once, in a process that does nothing else, and each command is a fork of it. Nothing of ours is
# among them: what a module of ours does when it is imported, it does in each command.
PRELOADED = ["tensorflow", "keras", "sklearn.mixture", "matplotlib.pyplot", "faiss", "absl.app"]


def run_module(arguments, cwd=ROOT, timeout=300):
    """Runs a command in a process forked from one that has TensorFlow imported.

    Args:
        arguments: List: the interpreter, "-m", a module and its arguments.
        cwd: Folder to run it in, the first of its `sys.path`.
        timeout: Seconds until it is killed.
    Returns: `subprocess.CompletedProcess` with text.
    Raises: `subprocess.TimeoutExpired`.
    """
    executable, option, module, *rest = map(str, arguments)
    assert (executable, option) == (sys.executable, "-m")
    return _run([module, *rest], _run_module, (module,), cwd, timeout)


def run_script(script, *arguments, cwd=ROOT, timeout=300):
    """Runs lines of Python as `python -c` does; else as `run_module`."""
    return _run(["-c", *map(str, arguments)], _run_script, (script,), cwd, timeout)


def kill_module(arguments, path, timeout=300):
    """Runs a command as `run_module` does until a file is there, then ends it by SIGKILL.

    Args:
        arguments: As `run_module`'s.
        path: The file, which the command must not outlive.
        timeout: Seconds until the file must be there.
    """
    executable, option, module, *rest = map(str, arguments)
    assert (executable, option) == (sys.executable, "-m")
    process = _start([module, *rest], _run_module, (module,), ROOT, [os.devnull, os.devnull])
    deadline = time.monotonic() + timeout
    try:
        while not path.exists():
            assert process.exitcode is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    process.close()


def _start(argv, function, given, cwd, printed):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_become, args=(argv, function, given, str(cwd), *map(str, printed)))
    process.start()
    return process


def _run(argv, function, given, cwd, timeout):
    with tempfile.TemporaryDirectory() as folder:
        printed = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _start(argv, function, given, cwd, printed)
        process.join(timeout)
        is_late = process.exitcode is None
        if is_late:
            process.kill()
            process.join()
        code = process.exitcode
        process.close()
        stdout, stderr = (path.read_text(encoding="utf-8") for path in printed)
    if is_late:
        raise subprocess.TimeoutExpired(argv, timeout, stdout, stderr)
    return subprocess.CompletedProcess(argv, code, stdout, stderr)


def _run_module(module):
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _run_script(script):
    exec(script, {"__name__": "__main__"})


def _become(argv, function, given, cwd, *printed):
    for descriptor, path in enumerate(printed, 1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    os.chdir(cwd)
    sys.path.insert(0, cwd)
    sys.argv = argv
    try:
        function(*given)
    finally:
        # As the interpreter does at its end; a process of multiprocessing would leave out the second.
        threading._shutdown()
        atexit._run_exitfuncs()
