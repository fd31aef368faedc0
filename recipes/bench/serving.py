"""A server of a gallery, in a process of its own."""

import contextlib
import json
import subprocess
import sys

from tfsbir.errors import InputError


@contextlib.contextmanager
def serving(gallery):
    """Yields the URL and the process id of `tfsbir serve` of a gallery, and ends it with the block.

    Nobody is kept from asking too often.

    Raises: `InputError` if the server does not start; it has said why.
    """
    line = [sys.executable, "-m", "tfsbir", "serve", f"--gallery={gallery}", "--port=0", "--rate=0", "--json"]
    process = subprocess.Popen([*line, "--max_concurrent=1000"], stdout=subprocess.PIPE, text=True)
    try:
        said = process.stdout.readline()
        if not said:
            raise InputError(f"{gallery}: expected a server of it; it has ended")
        facts = json.loads(said)
        yield facts["url"], facts["pid"]
    finally:
        process.terminate()
        process.communicate(timeout=30)
