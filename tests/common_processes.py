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
    return Started([module, *rest], _run_module, (module,), cwd).wait(timeout)


def run_script(script, *arguments, cwd=ROOT, timeout=300):
    """Runs lines of Python as `python -c` does; else as `run_module`."""
    return Started(["-c", *map(str, arguments)], _run_script, (script,), cwd).wait(timeout)


def kill_module(arguments, path, timeout=300):
    """Runs a command as `run_module` does until a file is there, then ends it by SIGKILL.

    Args:
        arguments: As `run_module`'s.
        path: The file, which the command must not outlive.
        timeout: Seconds until the file must be there.
    """
    started = start_module(arguments)
    started.signal_when(path.exists, signal.SIGKILL, timeout)
    assert started.wait().returncode == -signal.SIGKILL


def start_module(arguments, environment=()):
    """Starts what `run_module` runs; returns it as `Started`.

    Args:
        arguments: As `run_module`'s.
        environment: Pairs of names and values that its environment has beside ours.
    """
    executable, option, module, *rest = map(str, arguments)
    assert (executable, option) == (sys.executable, "-m")
    return Started([module, *rest], _run_module, (module,), ROOT, environment)


class Started:
    """A command in a process of its own, with what it prints."""

    def __init__(self, argv, function, given, cwd, environment=()):
        self.argv = argv
        self._folder = tempfile.TemporaryDirectory()
        self._printed = [Path(self._folder.name) / name for name in ("stdout", "stderr")]
        for path in self._printed:
            path.touch()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        given = (argv, function, given, str(cwd), dict(environment), *map(str, self._printed))
        self.process = context.Process(target=_become, args=given)
        self.process.start()

    def signal_when(self, is_time, number, timeout=300):
        """Sends a signal once a function says that it is time, which must be before the command ends."""
        deadline = time.monotonic() + timeout
        try:
            while not is_time():
                assert self.process.exitcode is None, self.wait().stderr
                assert time.monotonic() < deadline
                time.sleep(0.02)
        except BaseException:
            self.process.kill()
            raise
        os.kill(self.process.pid, number)

    def wait(self, timeout=300):
        """Returns how the command ended, with text, as `subprocess.run` does; kills it when it is late."""
        self.process.join(timeout)
        is_late = self.process.exitcode is None
        if is_late:
            self.process.kill()
            self.process.join()
        code = self.process.exitcode
        stdout, stderr = (path.read_text(encoding="utf-8") for path in self._printed)
        self._folder.cleanup()
        self.process.close()
        if is_late:
            raise subprocess.TimeoutExpired(self.argv, timeout, stdout, stderr)
        return subprocess.CompletedProcess(self.argv, code, stdout, stderr)


def _run_module(module):
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _run_script(script):
    exec(script, {"__name__": "__main__"})


def _become(argv, function, given, cwd, environment, *printed):
    for descriptor, path in enumerate(printed, 1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.update(environment)
    os.chdir(cwd)
    sys.path.insert(0, cwd)
    sys.argv = argv
    try:
        function(*given)
    finally:
        # As the interpreter does at its end; a process of multiprocessing would leave out the second.
        threading._shutdown()
        atexit._run_exitfuncs()
