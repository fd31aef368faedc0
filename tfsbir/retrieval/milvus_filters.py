"""What photos are chosen by, as Milvus stores it and as Milvus is asked for it.

Nothing that a user wrote is part of an expression: there stand only digests, numbers and names of ours. So
there is nothing to escape, and what is equal here is what `metadata.fits` finds equal.
"""

import hashlib
import json

from tfsbir.retrieval.metadata import check_where, is_number
from tfsbir.retrieval.photo_attributes import THRESHOLD

DIGITS = 32


def key_of(*texts):
    """Returns hexadecimal digits that tell a photo id, or a field and its value, from all others."""
    data = json.dumps(texts, allow_nan=False).encode("ascii")
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def stored_tags(metadata, probabilities):
    """Returns what "equal", "one of" and attributes are chosen by: a key for each field and its value, and
    the number of each attribute that a photo has."""
    tags = [key_of(field, _canonical(value)) for field, value in metadata.items()]
    return tags + [_attribute_tag(number) for number, one in enumerate(probabilities) if one >= THRESHOLD]


def stored_numbers(metadata):
    """Returns what ranges are chosen by: the numbers in a photo's metadata, by key."""
    return {_number_key(field): value for field, value in metadata.items() if is_number(value)}


def chosen(where, present, absent, attributes):
    """Returns conditions, as `Gallery.choose` takes them, as an expression; None where there are none."""
    parts = []
    for field, kind, wanted in check_where(where):
        if kind == "any":
            keys = ", ".join(f'"{key_of(field, _canonical(value))}"' for value in wanted)
            parts.append(f"array_contains_any(tags, [{keys}])" if wanted else "id < 0")
        else:
            name = f'numbers["{_number_key(field)}"]'
            for sign, end in zip((">=", "<="), wanted, strict=True):
                parts += [] if end is None else [f"{name} {sign} {_literal(end)}"]
    parts += [f'array_contains(tags, "{_attribute_tag(attributes.index(name))}")' for name in present]
    parts += [f'not array_contains(tags, "{_attribute_tag(attributes.index(name))}")' for name in absent]
    return " and ".join(parts) or None


def _canonical(value):
    # 2 and 2.0 are one value, 1 and true are two.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _attribute_tag(number):
    return f"attribute {number}"


def _number_key(field):
    return f"n{key_of(field)}"


def _literal(number):
    if isinstance(number, int) and not -(2**63) < number < 2**63:
        number = float(number)
    return repr(number)
