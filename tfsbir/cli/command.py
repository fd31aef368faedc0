"""What the commands share: reading flags, printing help, a quiet start of TensorFlow."""

import contextlib
import os
import sys
import tempfile
import textwrap

from tfsbir.errors import InputError


def parse_flags(argv, values, description, required=()):
    """Parses a command's flags into `values`; with `--help`, prints help and ends the program.

    Each command has `FlagValues` of its own, so two may name a flag alike and help shows only its own.

    Args:
        argv: List of str, the arguments after the command's name.
        values: `absl.flags.FlagValues` that the command's flags are defined on.
        description: Str, the command's module docstring.
        required: Names of flags that must be given.
    Raises: `absl.flags.Error` for an unknown flag or value, `InputError` for a missing flag or an argument
        that is no flag.
    """
    if any(argument in ("--help", "-help", "-h") for argument in argv):
        print(_help(values, description, required))
        raise SystemExit(0)
    values.unparse_flags()
    rest = values(["tfsbir", *argv])[1:]
    if rest:
        raise InputError(
            f"every argument must be a flag, such as `--{next(iter(values))}`. Received: {rest[0]}"
        )
    for name in required:
        if not values[name].value:
            raise InputError(f"`--{name}` must be given. Received: nothing")


@contextlib.contextmanager
def quiet_start():
    """Holds back what native libraries write to stderr while they load.

    TensorFlow announces its build and the missing GPU from C++, past every log level. Where the block fails
    with anything but an `InputError`, what was held back is shown after all.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except InputError:
            raise
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)


def check_sheet_path(path):
    """Checks that a contact sheet can be written to `path`. Raises `InputError` if not."""
    if not path.lower().endswith(".png"):
        raise InputError(f"`--sheet` must end in .png. Received: {path}")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise InputError(f"`--sheet` must lie in a folder that exists. Received: {path}")
    if os.path.isdir(path):
        raise InputError(f"`--sheet` must be a file. Received: the folder {path}")


def _help(values, description, required):
    lines = [description.strip(), "", "Flags:"]
    for name in sorted(values, key=lambda name: (name not in required, name)):
        flag = values[name]
        if flag.boolean:
            usage, note = f"--{name}", ""
        else:
            usage = f"--{name}=..."
            note = " (required)" if name in required else ""
            if flag.default is not None:
                note = f" (default: {flag.default})"
        # absl breaks the lines of flags that may be repeated.
        explained = " ".join((flag.help + note).split())
        lines += textwrap.wrap(explained, 100, initial_indent=f"    {usage:<20} ", subsequent_indent=" " * 25)
    return "\n".join(lines)
