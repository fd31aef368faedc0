"""A file system of Beam's with addresses, as a bucket has, which lies in a folder."""

import os
from pathlib import Path

from apache_beam.io.filesystem import BeamIOError, FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem


class BucketFileSystem(LocalFileSystem):
    """Has bucket://photos/1.png in `folder`/photos/1.png, and refuses to replace a file."""

    folder = None

    @classmethod
    def scheme(cls):
        return "bucket"

    def _local(self, path):
        return os.path.join(self.folder, path.removeprefix("bucket://"))

    def _list(self, dir_or_prefix):
        for path in Path(self._local(dir_or_prefix)).rglob("*"):
            if path.is_file():
                address = f"bucket://{path.relative_to(self.folder).as_posix()}"
                yield FileMetadata(address, path.stat().st_size, path.stat().st_mtime)

    def create(self, path, *arguments, **options):
        return super().create(self._local(path), *arguments, **options)

    def open(self, path, *arguments, **options):
        return super().open(self._local(path), *arguments, **options)

    def exists(self, path):
        return super().exists(self._local(path))

    def metadata(self, path):
        return FileMetadata(path, os.path.getsize(self._local(path)))

    def rename(self, source_file_names, destination_file_names):
        for source, destination in zip(source_file_names, destination_file_names, strict=True):
            if self.exists(destination):
                raise BeamIOError(f"{destination} exists")
            os.rename(self._local(source), self._local(destination))

    def delete(self, paths):
        for path in paths:
            os.remove(self._local(path))
