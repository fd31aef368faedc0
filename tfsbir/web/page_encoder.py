"""Which encoder the page may run in the browser, and why not."""

import json
from pathlib import Path

from tfsbir.errors import InputError
from tfsbir.retrieval.encoder import EXPORT_FILE, SKETCH_ENCODER, encoder_kind
from tfsbir.retrieval.pretrained import model_path
from tfsbir.web.page_files import PACKAGES_DIR

FIT_INTERFACE = ("float32", "outside")


def page_encoder(page_model, model, gallery):
    """Finds the LiteRT export that the page encodes sketches by.

    Args:
        page_model: Path of the export, or "pretrained:NAME"; None for the encoder of the server.
        model: The same of that one; None for the encoder whose path the gallery remembers.
        gallery: `Gallery` that is searched.
    Returns: `(Path, None)`, or `(None, reason)` where the encoder of the server cannot run in the page.
    Raises: `InputError` if `page_model` is given and cannot, or is another encoder than the gallery's.
    """
    path = Path(model_path(page_model or model or gallery.encoder_path))
    reason = _unfitness(path, gallery)
    if reason is None:
        return path.resolve(), None
    if page_model:
        raise InputError(f"{path}: expected an encoder that a page can run; {reason}")
    return None, reason


def _unfitness(path, gallery):
    if not (PACKAGES_DIR / "@litertjs" / "core").is_dir():
        return "LiteRT.js is not there (`make web` fetches it)"
    kind = encoder_kind(path)
    if kind != "litert":
        return f"it is a {kind}, not an export of `python -m export.litert`"
    interface, fingerprints = read_interface(path)
    if interface != FIT_INTERFACE:
        return "it was exported with --interface=int8 or --preprocessing=inside"
    if gallery.encoder_fingerprint not in fingerprints:
        return "it is another one than the gallery's"
    return None


def read_interface(path):
    """Reads what the sketch encoder of a LiteRT export takes, and whose galleries it searches.

    Args:
        path: `Path` of the export.
    Returns: A tuple of the kind of its numbers and the place of its preprocessing, `FIT_INTERFACE` for one
        that a page can run; and one of the fingerprints of itself and its teacher, which may be None.
    Raises: `InputError` if its record is damaged.
    """
    try:
        export = json.loads((path / EXPORT_FILE).read_text(encoding="utf-8"))
        details = export.get("models", {}).get(SKETCH_ENCODER, {})
        interface = details.get("interface", "float32"), details.get("preprocessing", "outside")
        return interface, (export["fingerprint"], export.get("teacher"))
    except (AttributeError, KeyError, ValueError) as error:
        raise InputError(f"{path / EXPORT_FILE}: expected the record of an export; {error!r}") from None
