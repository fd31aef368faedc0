"""Names of classes that meet across data sets, and the lists that divide them into seen and unseen ones."""

import difflib
import hashlib
import re
import unicodedata
from pathlib import Path

from tfsbir.data.text_lines import read_lines
from tfsbir.errors import InputError

# TU-Berlin's folder has no space where its word vectors have one.
_OTHER_SPELLINGS = {"tablelamp": "table_lamp"}

# By the first 16 digits of the SHA-256 of their class keys.
_PUBLISHED = {
    "053592dec46e900e": "Sketchy 104/21 (Yelamarthi et al., ECCV 2018)",
    "10f335d15a43dbc2": "Sketchy 100/25 (Liu et al., ICCV 2019)",
    "b61c931f4fb09685": "TU-Berlin 220/30 (Liu et al., ICCV 2019)",
    "19848b1bf076c954": "QuickDraw 80/30 (Dey et al., CVPR 2019)",
}


def class_key(name):
    """Normalizes the name of a class, so that the spellings of different data sets meet.

    Lower case; every run of characters that are neither letters nor digits is one underscore, or nothing at
    an end: `hot-air_balloon` and `hot air balloon` are `hot_air_balloon`, `jack-o-lantern` is
    `jack_o_lantern`, `t shirt` and `T-Shirt` are `t_shirt`, `car_(sedan)` is `car_sedan`. Words are neither
    joined nor left out: `hotdog` is not `hot dog` and `car_(sedan)` is not `car`. By this rule 93 of the 345
    Quick, Draw! words are classes of Sketchy. The one exception is TU-Berlin's `tablelamp`, which is
    `table_lamp` as in the published word vectors.

    Returns: A string; normalizing it again changes nothing.
    Raises: `ValueError` if `name` has neither a letter nor a digit.
    """
    # Folder names made on macOS keep accents apart from their letters.
    whole = unicodedata.normalize("NFKC", name).casefold()
    key = re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", whole)).strip("_")
    if not key:
        raise ValueError(f"`name` must have a letter or a digit. Received: {name!r}")
    return _OTHER_SPELLINGS.get(key, key)


def class_folders(folder):
    """Lists the folders in `folder`, one a class.

    Hidden folders and files are left out.

    Returns: A dict from class key (`class_key`) to `pathlib.Path`, at least one, in the order of the keys.
    Raises: `InputError` if there is no such folder, no folder in it, one without a letter or digit in its
        name, or two of one class.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "it is a file" if folder.exists() else "there is none"
        raise InputError(f"{folder}: expected a folder with a folder for each class; {found}")
    paths = {}
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."):
        try:
            key = class_key(path.name)
        except ValueError:
            raise InputError(f"{path}: expected the name of a class; it has no letter or digit") from None
        if key in paths:
            raise InputError(f"{path}: expected one folder a class; found {paths[key].name} as well")
        paths[key] = path
    if not paths:
        num_files = sum(1 for _ in folder.iterdir())
        raise InputError(f"{folder}: expected a folder for each class; found none, but {num_files} files")
    return dict(sorted(paths.items()))


def read_class_list(path):
    """Reads a text file with one class a line.

    Blank lines are left out. Where every line ends in a number after a space, as in the published lists
    (`pig 0`, `palm tree 16`), the numbers are dropped, unless some names are alike but for them.

    Args:
        path: The file, UTF-8.
    Returns: A tuple of class keys (`class_key`), at least one, in the order of the file.
    Raises: `InputError` if the file is missing, larger than 1 MiB, not UTF-8, empty, has a line without a
        letter or digit, or a class twice.
    """
    numbered = read_lines(path, "class")
    shortened = [(number, re.sub(r"\s+[0-9]+$", "", line)) for number, line in numbered]
    have_numbers = not set(shortened) & set(numbered)
    if have_numbers and len({name for _, name in shortened}) == len(shortened):
        numbered = shortened
    line_of = {}
    for number, name in numbered:
        try:
            key = class_key(name)
        except ValueError:
            raise InputError(f"{path}, line {number}: expected a class; found {name[:60]!r}") from None
        if key in line_of:
            raise InputError(
                f"{path}, line {number}: expected every class once; found {key}, as in line {line_of[key]}"
            )
        line_of[key] = number
    return tuple(line_of)


def zero_shot_classes(all_classes, unseen_path, seen_path=None):
    """Divides the classes of a data set into those to train on and those met only in the test.

    Args:
        all_classes: The data set's class keys.
        unseen_path: Text file with the unseen classes (`read_class_list`).
        seen_path: Text file with the seen classes; by default all that are not unseen.
    Returns: `(seen, unseen)`, two tuples in the order of `all_classes`, neither of them empty.
    Raises: `InputError` if a list names a class that the data set does not have, a class is in both, or no
        class is seen.
    """
    unseen = _known_classes(all_classes, unseen_path)
    seen = set(all_classes) - unseen if seen_path is None else _known_classes(all_classes, seen_path)
    if not seen:
        raise InputError(
            f"{unseen_path}: expected some of the {len(all_classes)} classes; found all of them, "
            "which leaves none to train on"
        )
    both = sorted(seen & unseen)
    if both:
        raise InputError(
            f"{unseen_path}: expected classes that are not in {seen_path}; found {', '.join(both[:5])}"
        )
    return (
        tuple(key for key in all_classes if key in seen),
        tuple(key for key in all_classes if key in unseen),
    )


def published_split(seen, unseen):
    """Returns the name of the published zero-shot split that these classes are, or `None`.

    Splits of equal counts with other classes are not comparable, so the classes themselves are compared.

    Args:
        seen, unseen: Class keys, in any order.
    """
    text = "\n".join((*sorted(seen), "", *sorted(unseen)))
    return _PUBLISHED.get(hashlib.sha256(text.encode("utf-8")).hexdigest()[:16])


def _known_classes(all_classes, path):
    """Returns the set of the classes that a list names, all of which the data set has."""
    listed = read_class_list(path)
    unknown = [key for key in listed if key not in all_classes]
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise InputError(
            f"{path}: expected names of the data set's {len(all_classes)} classes; "
            f"found {', '.join(_with_near_ones(key, all_classes) for key in unknown[:5])}{more}"
        )
    return set(listed)


def _with_near_ones(key, all_classes):
    near = difflib.get_close_matches(key, all_classes)
    return f"{key} (near: {', '.join(near)})" if near else key
