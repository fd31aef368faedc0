"""What an export's folder says of itself: `encoder.json`, `preprocessing.json` and `report.json`."""

from importlib import metadata

from absl import logging

from tfsbir import files
from tfsbir.retrieval.lifting import WEIGHTS_FILE, Lifting
from tfsbir.runs import versions


def write_description(folder, run, report, encoder=None):
    """Writes `preprocessing.json`, `encoder.json` and `report.json` beside a finished artefact.

    Where the run's distance is learned, its weights become `distance.npy`, which `tfsbir index` lifts by.

    Args:
        folder: Folder that holds the artefact and nothing else so far.
        run: The `RunDirectory` it was made from.
        report: Dict with `kind`, "saved_model" or "litert", `quantize`, `parity` from `common.compare`,
            `distance_parity` from `common.compare_distances`, None where the distance is not learned, and
            `latency_ms` from `common.measure_latency`, of the sketch encoder, which is what answers a query.
        encoder: Dict of what `encoder.json` holds beside the run's fingerprint and the kind.
    Returns: The report with `size_bytes`, `files` and `versions`, a dict.
    """
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    report = {
        **report,
        "size_bytes": sum(sizes.values()),
        "files": sizes,
        "versions": {**versions(), "ai-edge-litert": metadata.version("ai-edge-litert")},
    }
    files.write_bytes(folder / "preprocessing.json", (run.model / "preprocessing.json").read_bytes())
    if report["distance_parity"] is not None:
        # A learned distance has one variable.
        weights = Lifting(report["distance_parity"]["distance"], run.load_distance().get_weights()[0])
        files.write_bytes(folder / WEIGHTS_FILE, weights.to_bytes())
    described = {"fingerprint": run.fingerprint(), "kind": report["kind"], **(encoder or {})}
    files.write_json(folder / "encoder.json", described)
    files.write_json(folder / "report.json", report)
    logging.info(
        "%s: %d bytes, least cosine to Keras %.6f, %.2f ms a sketch",
        report["kind"], report["size_bytes"], report["parity"]["min_cosine"], report["latency_ms"]["median"],
    )  # fmt: skip
    return report
