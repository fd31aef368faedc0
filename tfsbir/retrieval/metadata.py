"""What users know of their photos, beside the photos themselves: reading it, and choosing photos by it."""

import csv
import json
import math
import re
from pathlib import Path

from tfsbir.errors import InputError

ID_FIELD = "photo_id"
MAX_FIELDS, MAX_CHARACTERS = 100, 10_000
SCALARS = (str, int, float, bool, type(None))


def read_metadata(path):
    """Reads a table of metadata: CSV with a header, or one JSON object a line (`.jsonl`).

    Every row has a `photo_id`. In CSV, a column in which every value is a number holds numbers, and what is
    left empty is left out.

    Returns: Dict from photo ids to dicts.
    Raises: `InputError` if the file cannot be read, a row has no `photo_id`, one that came before, or values
        that `check_metadata` refuses.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror.lower()
        raise InputError(f"{path}: expected a table of metadata (.csv or .jsonl); {reason}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8; {error.reason} at byte {error.start}") from None
    rows = _json_rows(path, text) if path.suffix == ".jsonl" else _csv_rows(path, text)
    table = {}
    for line, row in rows:
        photo_id = row.pop(ID_FIELD, None)
        if not isinstance(photo_id, str) or not photo_id:
            raise InputError(f"{path}, line {line}: expected a `{ID_FIELD}`; found {photo_id!r}")
        if photo_id in table:
            raise InputError(f"{path}, line {line}: expected every photo once; found {photo_id} again")
        table[photo_id] = check_metadata(row, f"{path}, line {line}")
    return table


def check_metadata(metadata, name="`metadata`"):
    """Returns metadata as it is, or raises `InputError` that begins with `name`.

    It must be a dict of at most 100 fields, str, of str (at most 10,000 characters), int within 64 bits,
    finite float, bool or None.
    """
    if not isinstance(metadata, dict) or len(metadata) > MAX_FIELDS:
        raise InputError(f"{name}: expected a dict of at most {MAX_FIELDS} fields; found {_short(metadata)}")
    for field, value in metadata.items():
        if not isinstance(field, str) or not field or not _is_text(field):
            raise InputError(f"{name}: expected fields that are names; found {_short(field)}")
        is_fit = isinstance(value, SCALARS)
        if isinstance(value, float):
            is_fit = math.isfinite(value)
        elif isinstance(value, int):
            is_fit = _is_held(value)
        elif isinstance(value, str):
            is_fit = _is_text(value)
        if not is_fit:
            raise InputError(
                f"{name}: expected text, a finite number, true, false or null in {field!r}; "
                f"found {_short(value)}"
            )
    return metadata


def _is_text(value):
    # Half of a surrogate pair is no text, and nothing that writes UTF-8 takes it.
    return len(value) <= MAX_CHARACTERS and not any("\ud800" <= one <= "\udfff" for one in value)


def check_where(where):
    """Returns conditions on metadata as a list of `(field, kind, value)`.

    `kind` is "any", with a list of values of which a photo must have one, or "range", with `(min, max)`, both
    inclusive and None where there is no end.

    Args:
        where: Dict from fields to a value (equal), a list of values (one of them), or a dict with "min",
            "max" or both. A photo must satisfy all; one without the field does not. None for no condition.
    Raises: `InputError` if it is something else.
    """
    conditions = []
    if not isinstance(where or {}, dict) or len(where or {}) > MAX_FIELDS:
        raise InputError(
            f"`where` must be an object of at most {MAX_FIELDS} fields. Received: {_short(where)}"
        )
    for field, wanted in (where or {}).items():
        check_metadata({field: None}, "`where`")
        if isinstance(wanted, dict):
            ends = (wanted.get("min"), wanted.get("max"))
            is_fit = all(end is None or is_number(end) for end in ends) and ends != (None, None)
            if not is_fit or set(wanted) - {"min", "max"}:
                raise InputError(
                    f"`where` must give {field!r} a value, a list of them or numbers as min and max. "
                    f"Received: {_short(wanted)}"
                )
            conditions.append((field, "range", ends))
        else:
            values = wanted if isinstance(wanted, list) else [wanted]
            if len(values) > 10 * MAX_FIELDS:
                raise InputError(f"`where` must list at most {10 * MAX_FIELDS} values. Received: more")
            for value in values:
                check_metadata({field: value}, "`where`")
            conditions.append((field, "any", values))
    return conditions


def fits(value, kind, wanted):
    """Tells whether a value satisfies a condition of `check_where`."""
    if kind == "range":
        low, high = wanted
        return is_number(value) and (low is None or value >= low) and (high is None or value <= high)
    # In Python, true equals 1.
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in wanted)


def is_number(value):
    """Tells whether a value can be in a range: a finite float, or an int within 64 bits."""
    if isinstance(value, int):
        return not isinstance(value, bool) and _is_held(value)
    return isinstance(value, float) and math.isfinite(value)


def _is_held(value):
    return -(2**63) <= value < 2**63


def _json_rows(path, text):
    for line, row in enumerate(text.splitlines(), start=1):
        if not row.strip():
            continue
        try:
            row = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {line}: expected a JSON object; {error}") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {line}: expected a JSON object; found {_short(row)}")
        yield line, row


def _csv_rows(path, text):
    reader = csv.DictReader(text.splitlines(), restkey="")
    if ID_FIELD not in (reader.fieldnames or ()):
        raise InputError(f"{path}: expected a header with `{ID_FIELD}`; found {_short(reader.fieldnames)}")
    rows = []
    for row in reader:
        if "" in row:
            raise InputError(
                f"{path}, line {reader.line_num}: expected {len(reader.fieldnames)} values; found more"
            )
        rows.append((reader.line_num, {field: value for field, value in row.items() if value}))
    for field in reader.fieldnames:
        values = [_number(row[field]) for _, row in rows if field in row]
        if field != ID_FIELD and None not in values:
            for _, row in rows:
                if field in row:
                    row[field] = _number(row[field])
    return rows


def _number(text):
    """Returns the number that a text is, or None; 007 is a name, and so are nan and inf."""
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", text):
        return None
    if re.fullmatch("-?[0-9]+", text):
        return int(text) if len(text) <= 18 else None  # A float would lose the last digits.
    return float(text) if math.isfinite(float(text)) else None


def _short(value):
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "..."
