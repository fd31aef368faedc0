"""Files of a folder that anybody may have, and none beside them."""

from fastapi.staticfiles import StaticFiles


class NamedFiles(StaticFiles):
    """Serves some files that lie directly in a folder; a browser's copy is confirmed by its tag.

    Args:
        directory: Path of the folder.
        names: Iterable of str, names of the files; others are not found.
    """

    def __init__(self, directory, names):
        super().__init__(directory=directory, check_dir=False)
        self.names = frozenset(names)

    def lookup_path(self, path):
        return super().lookup_path(path) if path in self.names else ("", None)
