"""Sketch encoders for devices: int8 in LiteRT on one thread, beside ONNX Runtime and beside arithmetic alone.

python -m recipes.bench.devices --output=results/bench_device.json

All encoders take turns. Then it is computed what share of an encoder's time its multiply-accumulates would
take at the machine's int8 peak, which is measured, too. Needs the extra `bench`. `make bench` measures the
same.
"""

import statistics
from importlib import metadata
from pathlib import Path

from absl import flags

from export.litert_conversion import convert
from recipes.bench.int8_peak import int8_products, int8_rates
from recipes.bench.multiply_accumulates import multiply_accumulates
from recipes.bench.onnx_graph import (
    check_close,
    check_same_net,
    encode_function,
    onnx_graph,
    quantized_graph,
    require_onnx,
)
from recipes.bench.row import Row, table
from recipes.bench.timing import turns
from tfsbir import command, files
from tfsbir.data.synthetic import synthetic
from tfsbir.models import pooled_squeezenet_encoder, sketch_a_net, squeezenet_encoder
from tfsbir.preprocessing import center_crop
from tfsbir.retrieval.litert_model import LiteRTModel
from tfsbir.runs import versions

NUM_CALIBRATION = 20
RUNTIMES = ("ai-edge-litert", "onnx", "onnxruntime")


def small_encoders():
    """Returns SqueezeNet encoders under the names of the recipes' backbones, untrained."""
    return (
        squeezenet_encoder(name="squeezenet"),
        squeezenet_encoder(is_halved=True, name="small_squeezenet"),
        pooled_squeezenet_encoder(is_halved=True, name="small_pooled_squeezenet"),
    )


def device_costs(split, rounds):
    """Measures sketch encoders on one thread, one image at a time, with weights as they start.

    Args:
        split: Drawings that are encoded and that calibrate int8.
        rounds: A fifth of the turns that each encoder takes.
    Returns: Three `Row`s of Sketch-a-Net (int8 against ONNX Runtime in float32, float32 against the same,
        and int8 against ONNX Runtime in int8), and the dict of `int8_arithmetic`.
    Raises: `InputError` if the extra `bench` is not installed; `ValueError` if a peer gives other embeddings.
    """
    require_onnx()
    images = center_crop(split.sketches[:NUM_CALIBRATION], 225)
    encoder = sketch_a_net()
    graph = onnx_graph(encoder)
    peer = encode_function(graph)
    check_same_net(encoder, peer, images)
    int8_peer = encode_function(quantized_graph(graph, images))
    check_close(encoder, int8_peer, images)
    encoders = (encoder, *small_encoders())
    int8 = [_litert(one, "int8", images) for one in encoders]
    floats = _litert(encoder, "none", images)
    check_same_net(encoder, floats, images)
    for one, encode in zip(encoders, int8, strict=True):
        check_close(one, encode, images)

    image = images[:1]
    runners = [peer, int8_peer, floats, *int8]
    products = int8_products()
    # Before and after, as the machine may be faster at one time than at another.
    before = int8_rates(products, 10 * rounds)
    seconds = turns([lambda encode=encode: encode(image) for encode in runners], 5 * rounds)
    after = int8_rates(products, 10 * rounds)
    rates = {product: max(rate, after[product]) for product, rate in before.items()}
    of_peer, of_int8_peer, of_floats, of_int8, *_ = seconds
    name, other = "{} sketch_a_net in LiteRT, one image", "the same in {} in ONNX Runtime"
    rows = [
        Row.of_turns(name.format("int8"), of_int8, other.format("float32"), of_peer),
        Row.of_turns(name.format("float32"), of_floats, other.format("float32"), of_peer),
        Row.of_turns(name.format("int8"), of_int8, other.format("int8"), of_int8_peer),
    ]
    counts = [(one.name, sum(multiply_accumulates(one).values())) for one in encoders]
    return rows, int8_arithmetic(counts, seconds[3:], rates)


def _litert(encoder, quantize, images):
    return LiteRTModel(convert(encoder, quantize, images), num_threads=1).encode


def int8_arithmetic(counts, seconds, rates):
    """Computes which share of encoders' time their multiply-accumulates take at the machine's int8 peak.

    Args:
        counts: Pairs of an encoder's name and its multiply-accumulates.
        seconds: For each encoder the list of its times.
        rates: Dict of `int8_rates`; the largest is the peak.
    Returns: Dict of `peak` (multiply-accumulates a second), the `product` it was measured by, all `rates`,
        and `encoders`: dicts of `encoder`, `multiply_accumulates`, `ideal_seconds` at the peak, the median
        `seconds` and the `least_seconds`, and `share` and `largest_share`, the ideal by these two.
    """
    product = max(rates, key=rates.get)
    encoders = []
    for (name, count), taken in zip(counts, seconds, strict=True):
        ideal, median, least = count / rates[product], statistics.median(taken), min(taken)
        encoders.append({
            "encoder": name,
            "multiply_accumulates": count,
            "ideal_seconds": ideal,
            "seconds": median,
            "least_seconds": least,
            "share": ideal / median,
            "largest_share": ideal / least,
        })  # fmt: skip
    return {"peak": rates[product], "product": product, "rates": rates, "encoders": encoders}


def arithmetic_lines(arithmetic):
    """Returns what `int8_arithmetic` found as lines of text."""
    lines = [
        f"int8 arithmetic, one thread: at most {arithmetic['peak'] / 1e9:.0f} GMAC/s, the best of "
        f"{len(arithmetic['rates'])} products ({arithmetic['product']})"
    ]
    for one in arithmetic["encoders"]:
        ideal, median, least = (1000 * one[key] for key in ("ideal_seconds", "seconds", "least_seconds"))
        lines.append(
            f"{one['encoder']}: {one['multiply_accumulates'] / 1e6:.1f} MMAC, {ideal:.2f} ms at that rate; "
            f"median {median:.2f} ms, {one['share']:.0%} of it arithmetic; "
            f"least {least:.2f} ms, {one['largest_share']:.0%}"
        )
    return lines


def device_versions():
    """Returns the versions that decide these numbers; None of the packages that are not there."""
    found = versions()
    for package in RUNTIMES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def main(_):
    require_onnx()
    rows, arithmetic = device_costs(synthetic("train", num_instances=32), flags.FLAGS.rounds)
    print("\n".join([*table(rows), *arithmetic_lines(arithmetic)]))
    found = {
        "rows": [row.to_json() for row in rows],
        "int8_arithmetic": arithmetic,
        "rounds": flags.FLAGS.rounds,
        "versions": device_versions(),
    }
    Path(flags.FLAGS.output).parent.mkdir(parents=True, exist_ok=True)
    files.write_json(flags.FLAGS.output, found)


if __name__ == "__main__":
    flags.DEFINE_string("output", "results/bench_device.json", "Where the JSON goes.")
    flags.DEFINE_integer("rounds", 10, "A fifth of the turns that each encoder takes.", lower_bound=1)
    command.run(main)
