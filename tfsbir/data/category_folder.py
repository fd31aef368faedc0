"""A user's own sketches and photos by category."""

from pathlib import Path

from tfsbir.data.class_files import check_same_classes, classes_of_split, flatten, images_by_id, keep_split
from tfsbir.data.class_lists import class_folders
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.errors import InputError

TEST_SHARE = 0.2


def category_folder(root, split, read_photo=EDGES, unseen_classes=None):
    """Finds sketches and photos that lie in one folder a category; they are read when they are asked for.

        ROOT/sketch/CLASS/*      sketches, black on white
        ROOT/photo/CLASS/*       RGB photos of the same classes

    No sketch has a photo of its own. Folders of one class may differ in spelling as far as `class_key` makes
    them equal. Hidden files and files that are not images are left out.

    Without a list of classes both splits have all of them, and a fifth of the sketches and of the photos of
    every class is held out for the test by name (`held_out`), so that adding images moves none of the others,
    except in classes of a few.

    Args:
        root: The folder.
        split: "train" or "test".
        read_photo: `PhotoReader`, how photos become images.
        unseen_classes: Path of a list of classes (`read_class_list`) for zero-shot retrieval: "test" has
            these, "train" all others.
    Returns: A `Split` of `ImageFiles` with ids "CLASS/FILE NAME", whose `class_names` are those of the split.
    Raises: `InputError` if a folder is missing or empty, a class is in one domain alone or has a
        single image to divide, or the list does not fit.
    """
    root = Path(root)
    for domain in ("sketch", "photo"):
        if not (root / domain).is_dir():
            found = sorted(path.name for path in root.iterdir())[:5] if root.is_dir() else []
            raise InputError(
                f"{root}: expected sketches in sketch/CLASS/ and photos in photo/CLASS/; there is no folder "
                f"{domain}/, but {', '.join(found) or 'nothing'}"
            )
    sketch_folders, photo_folders = class_folders(root / "sketch"), class_folders(root / "photo")
    check_same_classes(sketch_folders, photo_folders)
    classes = classes_of_split(sketch_folders, split, unseen_classes)

    def side(folders):
        files = {key: images_by_id(folders[key], key) for key in classes}
        if unseen_classes is None:
            for key in classes:
                if len({path.stem for path in files[key].values()}) < 2:
                    raise InputError(
                        f"{folders[key]}: expected images of two names or more, to train and to test; found 1"
                    )
            files = {key: keep_split(files[key], split, TEST_SHARE) for key in classes}
        return flatten(files)

    sketch_paths, sketch_ids, sketch_labels = side(sketch_folders)
    photo_paths, photo_ids, photo_labels = side(photo_folders)
    return Split(
        name="category_folder",
        split=split,
        sketches=ImageFiles(sketch_paths, read_image),
        photos=ImageFiles(photo_paths, read_photo, channels=read_photo.channels),
        sketch_ids=sketch_ids,
        photo_ids=photo_ids,
        photo_input=read_photo.photo_input,
        sketch_labels=sketch_labels,
        photo_labels=photo_labels,
        class_names=classes,
    )
