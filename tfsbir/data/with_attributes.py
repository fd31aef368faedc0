"""Attributes for any data set, from tables."""

import dataclasses
import hashlib
import os
from pathlib import Path

import numpy as np

from tfsbir.data.attributes_csv import read_attribute_rows
from tfsbir.data.images import IMAGE_SUFFIXES
from tfsbir.data.shoev1_attributes import MISNAMED_TABLE, misnamed_rows
from tfsbir.data.with_more_sketches import OTHER_OBJECTS
from tfsbir.errors import InputError

# SHA-256 of the published table of photos, and the data set whose photos these are.
_TABLES_OF = {
    "80f4e4a89968de3d700a218311957f42a5280e2f0a820152085863a15d72e59d": "shoev1_attributes",
}


def with_attributes(split, photo_table=None, sketch_table=None, sketches_take_photos=False):
    """Gives a split the attributes of tables in place of its own.

    A row (`read_attributes`) belongs to the photo, or sketch, whose id is the `file` cell, with or without
    the suffix of an image; ids that are numbers are equal where the values are. So "17", "17.png" and
    "017.jpg" are rows of "17". Of an id "NAME/ID", such as "shoev1_attributes/001-1", which
    `with_more_sketches` makes, the row may name the last part alone, "001-1.png", where that is no id
    itself. Rows of nothing in the split are left out, so that one table may serve all splits; what has no
    row is not known (-1).

    A row is taken at its word, and a table does not say whose photos it describes. Two published tables are
    known by their content. Rows of shoev1_attributes' photos that show another object than the split's
    photos of the same ids (`OTHER_OBJECTS`) are left out; a copy with one byte changed keeps them. And each
    row of its sketches goes to the sketch that it describes, as `shoev1_attributes` does.

    Args:
        split: `Split`.
        photo_table, sketch_table: Paths of the tables, or `None`. Where one of them is given alone, the
            split's own attributes of the other domain stay if they have the table's names in the table's
            order, else they go (`None`).
        sketches_take_photos: Whether sketches of which no attribute is known take all those of their own
            photo: for sets of which the photos alone are labelled. Such labels are noisy, since a sketch
            need not show all that its photo has. A sketch without a photo stays unknown.
    Returns: The `Split` with `attribute_names`, `photo_attributes` and `sketch_attributes`.
    Raises: `InputError` if a table cannot be read, has no row of the split, two rows of one photo or sketch
        or one row of two; if the tables name other attributes; or if sketches are to take attributes of
        photos and photos have none.
    """
    found = {}
    for domain, table, ids, images in (
        ("photo", photo_table, split.photo_ids, "photos"),
        ("sketch", sketch_table, split.sketch_ids, "sketches"),
    ):
        if table is not None:
            found[domain] = _values_of(table, ids, f"{images} of {split.name}", split.name)
    names = [names for names, _ in found.values()] or [split.attribute_names]
    if names[0] != names[-1]:
        raise InputError(
            f"{sketch_table}: expected the columns of {photo_table}, {','.join(names[0])[:200]}; "
            f"found {','.join(names[-1])[:200]}"
        )
    own = {"photo": split.photo_attributes, "sketch": split.sketch_attributes}
    values = {}
    for domain in own:
        if domain in found:
            values[domain] = found[domain][1]
        else:
            values[domain] = own[domain] if names[0] == split.attribute_names else None
    if sketches_take_photos:
        if values["photo"] is None:
            raise InputError(
                f"`sketches_take_photos` needs attributes of photos. Received: {split.name} without"
            )
        values["sketch"] = _taken(values["sketch"], values["photo"], split.sketch_photo)
    return dataclasses.replace(
        split,
        attribute_names=names[0],
        photo_attributes=values["photo"],
        sketch_attributes=values["sketch"],
    )


def _values_of(table, ids, what, name):
    """Returns the table's names, and `(len(ids), num_attributes)` int8."""
    names, rows = read_attribute_rows(table)
    digest = hashlib.sha256(Path(table).read_bytes()).hexdigest()
    if digest == MISNAMED_TABLE:
        rows = {file: rows[name_in_table] for file, name_in_table in misnamed_rows().items()}
    others = OTHER_OBJECTS.get(frozenset([name, _TABLES_OF.get(digest)]), ())
    places_by_id, places_by_last_part = {}, {}
    for place, one in enumerate(ids):
        places_by_id.setdefault(_key(one), []).append(place)
        places_by_last_part.setdefault(_key(one.rpartition("/")[2]), []).append(place)
    values = np.full((len(ids), len(names)), -1, np.int8)
    file_at = {}
    for file, row in rows.items():
        # Some ids are whole file names.
        spellings = [_key(file), _key(_without_suffix(file))]
        if spellings[1] in others:
            continue
        places = next(
            (by[key] for by in (places_by_id, places_by_last_part) for key in spellings if key in by), []
        )
        if len(places) > 1:
            raise InputError(
                f"{table}: expected every row to name one of the {what}; found {file}, which names "
                f"{ids[places[0]]} and {ids[places[1]]}"
            )
        for place in places:
            if place in file_at:
                raise InputError(
                    f"{table}: expected one row for each of the {what}; found {file_at[place]} and {file}, "
                    f"both of {ids[place]}"
                )
            file_at[place] = file
            values[place] = row
    if not file_at:
        found = f"{len(rows)} rows of others, such as {min(rows)}" if rows else "a header alone"
        raise InputError(
            f"{table}: expected rows of {what}, such as {next(iter(ids), 'none')}; found {found}"
        )
    return names, values


def _key(name):
    return str(int(name)) if name.isdecimal() else name


def _without_suffix(file):
    stem, suffix = os.path.splitext(file)
    return stem if suffix.lower() in IMAGE_SUFFIXES else file


def _taken(sketch_attributes, photo_attributes, sketch_photo):
    """Returns the attributes of sketches, those of their photos where none is known."""
    has_photo = sketch_photo >= 0
    taken = np.full((len(sketch_photo), photo_attributes.shape[1]), -1, np.int8)
    taken[has_photo] = photo_attributes[sketch_photo[has_photo]]
    if sketch_attributes is None:
        return taken
    # All or none: of a sketch that was looked at, an empty cell may say that the attribute cannot be seen.
    is_unknown = np.all(sketch_attributes < 0, axis=1, keepdims=True)
    return np.where(is_unknown, taken, sketch_attributes)
