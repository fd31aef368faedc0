"""A host of files: a folder on a loopback port, with folders of a test in the place of its own."""

import contextlib
import http.server
import threading


class PageServer:
    """Serves a folder.

    Attributes:
        folders: Dict from a name, the first part of a URL's path, to the folder served there; `None` is one
            that is missing.
        url: URL of the folder.
    """

    def __init__(self, root, port):
        self.root = root
        self.folders = {}
        self.url = f"http://127.0.0.1:{port}/"

    def path_of(self, url_path):
        """Returns the path of the file that a URL's path names."""
        path = url_path.partition("?")[0].lstrip("/")
        first, _, rest = path.partition("/")
        if rest and first in self.folders:
            return str((self.folders[first] or self.root / "there is none") / rest)
        return str(self.root / (path or "index.html"))

    @classmethod
    @contextlib.contextmanager
    def started(cls, root):
        """Starts a server and ends it with the block."""

        class Handler(http.server.SimpleHTTPRequestHandler):
            def translate_path(self, path):
                return server.path_of(path)

            def end_headers(self):
                # Compiled code is kept with the file, and packages are the same for all tests.
                is_package = self.path.startswith("/packages/") and "packages" not in server.folders
                self.send_header("Cache-Control", "max-age=600" if is_package else "no-store")
                super().end_headers()

            def log_message(self, *arguments):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
            server = cls(root, listening.server_port)
            thread = threading.Thread(target=listening.serve_forever)
            thread.start()
            try:
                yield server
            finally:
                listening.shutdown()
                thread.join()
