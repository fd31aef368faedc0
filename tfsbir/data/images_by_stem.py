"""Image files that are told apart by their names without the suffix."""

from tfsbir.data.images import list_images, natural_key
from tfsbir.errors import InputError


def images_by_stem(folder):
    """Lists the images directly in `folder` (`list_images`) by their stems.

    Returns: A dict from stem to `pathlib.Path`, at least one, in natural order of the stems (2 before 10).
    Raises: `InputError` if there is no such folder, no image in it, or two images with one stem.
    """
    paths = {}
    for path in list_images(folder):
        if path.stem in paths:
            raise InputError(
                f"{path}: expected one file for each stem; found {paths[path.stem].name} as well"
            )
        paths[path.stem] = path
    return {stem: paths[stem] for stem in sorted(paths, key=natural_key)}
