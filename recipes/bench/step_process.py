"""A process that runs training steps when it is told to, and else waits: so two frameworks take turns.

What is told and answered are lines of JSON. Only Python's own library is imported here, for the process may
be of an environment without tfsbir.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class StepProcess:
    """The other end of `answer`: a context in which the process lives.

    Args:
        line: List, the command that starts it.
    Attributes:
        ready: Dict, what it said of itself first.
    Raises: `RuntimeError` if it ends before it was told to; it has said why on stderr.
    """

    def __init__(self, line):
        self.line = [str(part) for part in line]

    def __enter__(self):
        self._process = subprocess.Popen(
            self.line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            self.ready = self._read()
        except BaseException:
            self._process.kill()
            self._process.communicate()
            raise
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            self._process.kill()
        self._process.communicate()  # Closes its input, which is the sign to end.

    def ask(self, command, *arguments):
        """Returns the dict that the process answers a command with."""
        with contextlib.suppress(BrokenPipeError):  # It has ended; nor will it answer.
            self._process.stdin.write(json.dumps([command, *map(str, arguments)]) + "\n")
            self._process.stdin.flush()
        return self._read()

    def _read(self):
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"{' '.join(self.line)}: expected an answer; it has ended")
        return json.loads(said)


def answer(ready, commands):
    """Says that all is ready, then runs commands as they are asked for, until nobody asks any more.

    Args:
        ready: Dict of what the asker should know.
        commands: Dict from a name to a function from strings to a dict.
    """
    replies, sys.stdout = sys.stdout, sys.stderr  # What a library prints is no reply.
    print(json.dumps(ready), file=replies, flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(commands[name](*arguments)), file=replies, flush=True)
