"""The trained encoders that come with the library."""

from pathlib import Path

from tfsbir.errors import InputError

PREFIX = "pretrained:"
FOLDER = Path(__file__).parents[1] / "pretrained"
FORMATS = ("int8", "float16")  # The first is what a name without a format means.


def pretrained_names():
    """Returns the names of the encoders that come with the library, sorted."""
    return sorted(path.parent.name for path in FOLDER.glob("*/MODEL_CARD.md"))


def model_path(model):
    """Returns the folder that a command's `--model` names.

    Args:
        model: Path of a run directory or an export, or "pretrained:NAME", or "pretrained:NAME/FORMAT" with
            one of `FORMATS`; `tfsbir/pretrained/NAME/MODEL_CARD.md` says what NAME is.
    Returns: `Path`; of a path that is given, whether there is such a folder or not.
    Raises: `InputError` if there is no encoder of that name or format.
    """
    if not str(model).startswith(PREFIX):
        return Path(model)
    name, _, quantize = str(model)[len(PREFIX) :].partition("/")
    names = pretrained_names()
    if name not in names or quantize not in ("", *FORMATS):
        known = ", ".join(f"{PREFIX}{known}" for known in names)
        raise InputError(
            f"{model}: expected one of {known}, each maybe with {' or '.join(f'/{one}' for one in FORMATS)} "
            "behind it"
        )
    return FOLDER / name / (quantize or FORMATS[0])


def model_name(path):
    """Returns the name by which `model_path` finds an encoder again, wherever the library is installed.

    Args:
        path: Absolute `Path` of a run directory or export.
    Returns: Str, "pretrained:NAME/FORMAT" or the path.
    """
    return PREFIX + path.relative_to(FOLDER).as_posix() if path.is_relative_to(FOLDER) else str(path)
