"""What SIGTERM does to a recipe: it ends well, and soon."""

import contextlib
import signal

_is_held = False
_is_asked = False


class Terminated(SystemExit):
    """Ends the program with exit code 0 after SIGTERM: a machine that is taken away is no failure."""

    def __init__(self):
        super().__init__(0)


def watch():
    """Makes SIGTERM raise `Terminated` in the main thread: at once, or where `held` ends."""
    signal.signal(signal.SIGTERM, _ask)


@contextlib.contextmanager
def held():
    """Puts SIGTERM off until the block has ended, so that what is in it is done as a whole."""
    global _is_held
    _is_held = True
    try:
        yield
    finally:
        _is_held = False
    if _is_asked:
        raise Terminated


def _ask(number, frame):
    global _is_asked
    _is_asked = True
    if not _is_held:
        raise Terminated
