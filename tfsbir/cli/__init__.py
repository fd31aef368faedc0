"""tfsbir searches photos with sketches.

    tfsbir COMMAND --help      says what a command does and lists its flags

Training is `python -m recipes.NAME`, export `python -m export.saved_model` or `export.litert`.
"""

import os
import sys

from absl import flags

from tfsbir.cli import data, draw, index, search, serve
from tfsbir.command import fail
from tfsbir.errors import InputError

COMMANDS = {"data": data, "draw": draw, "index": index, "search": search, "serve": serve}


def main(argv=None):
    """Runs one command.

    Args:
        argv: List of arguments without the program's name; None takes those of the process.
    Returns: Exit code: 0; 1 after `error: MESSAGE` on stderr, one line on what the user can mend; 130 after
        Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    # TensorFlow reads this when it is imported, which no command has done yet.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # A file name may hold bytes that are no text; they are printed as they are.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="surrogateescape")
    try:
        if not argv or argv[0] in ("--help", "-help", "-h", "help"):
            print(_overview())
            return 0
        if argv[0] not in COMMANDS:
            raise InputError(f"`COMMAND` must be one of {', '.join(COMMANDS)}. Received: {argv[0]}")
        return COMMANDS[argv[0]].main(argv[1:])
    except (InputError, flags.Error) as error:
        return fail(error)
    except BrokenPipeError:
        # The reader of stdout, such as `head`, has seen enough; Python's flush at exit shall not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None:
            raise
        return fail(f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _overview():
    width = max(map(len, COMMANDS))
    lines = [f"    {name:{width}}  {command.__doc__.splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join([__doc__.strip(), "", "Commands:", *lines])
