"""How every command of tfsbir starts, and how it fails."""

import errno
import sys

from absl import app, logging

from tfsbir.errors import InputError

# What a disk, a folder or its rights are to blame for, and no bug.
_OF_THE_DISK = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT,
    errno.ENOTDIR, errno.EIO, errno.ESTALE,
}  # fmt: skip


def run(main, argv=None):
    """Parses the flags and runs `main(argv)` under absl; does not return.

    Bad input ends the program with one line on stderr, `error: ...`, and exit code 1, and so does a file that
    cannot be read or written, a full disk among them; Ctrl-C with 130.
    Anything else is a bug and keeps its traceback.
    """
    logging.set_verbosity(logging.INFO)
    logging.set_stderrthreshold("info")

    def guarded(argv):
        try:
            return main(argv)
        except InputError as error:
            return fail(error)
        except OSError as error:
            if error.errno not in _OF_THE_DISK:
                raise
            return fail(f"{error.filename or 'a file'}: expected to be read or written; {error.strerror}")
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
            return 130

    app.run(guarded, argv)


def fail(error):
    """Writes `error` to stderr as one line and returns the exit code, 1."""
    sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
    return 1
