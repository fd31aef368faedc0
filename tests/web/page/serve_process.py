"""`tfsbir serve` in a process of its own, which can be killed and started again."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request

from tests.common_processes import ROOT


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class ServeProcess:
    """A server on a port of its own, with further `flags`.

    Attributes:
        url: URL of the page.
    """

    def __init__(self, gallery, port, *flags):
        self.url = f"http://127.0.0.1:{port}/"
        self._command = [sys.executable, "-m", "tfsbir", "serve"]
        self._command += [f"--gallery={gallery}", f"--port={port}", *flags]
        self._process = None

    @property
    def pid(self):
        """Int, the process that serves."""
        return self._process.pid

    def start(self):
        """Starts it and waits until it answers."""
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            with contextlib.suppress(OSError):
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            time.sleep(0.1)

    def kill(self):
        """Ends it without a word."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def serving(gallery, *flags):
    """Yields a started `ServeProcess`, and ends it with the block."""
    server = ServeProcess(gallery, free_port(), *flags)
    server.start()
    try:
        yield server
    finally:
        server.kill()
