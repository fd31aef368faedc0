"""Sketch-a-Net in ONNX Runtime, the peer of LiteRT.

The packages are the extra `bench`. They are imported where they are used, so that `require_onnx` can say what
is missing.
"""

import tempfile
from pathlib import Path

import keras
import numpy as np

from tfsbir.errors import InputError

LARGEST_DIFFERENCE = 1e-4
LEAST_COSINE = 0.97  # Of int8, as `export.litert` has it.
OPSET, IR_VERSION = 21, 10


def require_onnx():
    """Raises `InputError` naming the extra if onnx or onnxruntime is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            f"`{error.name}` must be installed to compare with ONNX Runtime; the extra `bench` has it: "
            'pip install ".[bench]"'
        ) from None


def onnx_graph(encoder):
    """Writes a network of Sketch-a-Net's kinds of layers as ONNX, with channels first.

    Args:
        encoder: `keras.Model`, a chain of layers from an image to an embedding.
    Returns: `onnx.ModelProto` of float32, from `image`, `(1, channels, size, size)`, to `embedding`,
        `(1, dim)`.
    Raises: `ValueError` naming a layer of another kind.
    """
    from onnx import checker, helper, numpy_helper

    nodes, constants = [], []

    def add(operator, name, *arrays, **attributes):
        names = [f"{name}_{index}" for index in range(len(arrays))]
        constants.extend(
            numpy_helper.from_array(np.ascontiguousarray(array, np.float32), constant)
            for array, constant in zip(arrays, names, strict=True)
        )
        before = nodes[-1].output[0] if nodes else "image"
        nodes.append(helper.make_node(operator, [before, *names], [name], name, **attributes))

    maps = None  # Channels last, as Keras flattens them.
    for layer in encoder.layers:
        kind, name = type(layer).__name__, layer.name
        if kind == "Rescaling":
            add("Mul", f"{name}_scaled", layer.scale)
            add("Add", name, layer.offset)
        elif kind == "Conv2D":
            kernel, bias = layer.get_weights()
            add("Conv", name, kernel.transpose(3, 2, 0, 1), bias, **_windows(layer, layer.kernel_size))
        elif kind == "MaxPooling2D":
            add("MaxPool", name, **_windows(layer, layer.pool_size))
        elif kind == "Flatten":
            maps = layer.input.shape[1:]
            add("Flatten", name)
        elif kind == "Dense":
            kernel, bias = layer.get_weights()
            if maps is not None:
                kernel = kernel.reshape(*maps, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
                maps = None
            add("Gemm", name, kernel, bias)
        elif kind == "UnitNormalization":
            add("LpNormalization", name, axis=-1, p=2)
        elif kind != "InputLayer":
            raise ValueError(
                f"`encoder` must have Sketch-a-Net's kinds of layers. Received: {name}, a {kind}"
            )
        activation = getattr(layer, "activation", keras.activations.linear)
        if activation is keras.activations.relu:
            add("Relu", f"{name}_relu")
        elif activation is not keras.activations.linear:
            raise ValueError(f"`encoder` must have no activation but relu. Received: {name}, {activation}")
    nodes[-1].output[0] = "embedding"
    _, size, _, channels = encoder.input_shape
    image, embedding = (
        helper.make_tensor_value_info(name, 1, shape)  # 1 is float32.
        for name, shape in (
            ("image", (1, channels, size, size)),
            ("embedding", (1, encoder.output_shape[-1])),
        )
    )
    graph = helper.make_graph(nodes, encoder.name, [image], [embedding], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model, full_check=True)
    return model


def _windows(layer, size):
    """Returns strides and padding as ONNX names them; SAME_UPPER is how Keras pads."""
    found = {"strides": layer.strides, "auto_pad": "SAME_UPPER" if layer.padding == "same" else "VALID"}
    return {**found, "kernel_shape": size}


def quantized_graph(graph, images):
    """Turns weights and activations of a float graph into 8 bits by ONNX Runtime's own static quantisation.

    Its products are of uint8 activations and int8 weights, a scale for each filter: on x86 it has its fastest
    kernels for these.

    Args:
        graph: `onnx.ModelProto` of `onnx_graph`.
        images: float32 `(num, size, size, channels)` in [-1, 1], which show each tensor's range.
    Returns: `onnx.ModelProto`.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):
        def __init__(self):
            self._images = iter(channels_first(images))

        def get_next(self):
            image = next(self._images, None)
            return None if image is None else {"image": image[None]}

    with tempfile.TemporaryDirectory() as folder:
        prepared, path = Path(folder) / "prepared.onnx", Path(folder) / "quantized.onnx"
        # All shapes are fixed; the inference of symbols would need SymPy.
        quant_pre_process(graph, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            path,
            Images(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(path)


def one_thread_session(graph):
    """Returns an `onnxruntime.InferenceSession` of a graph on one thread of the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def encode_function(graph):
    """Returns a function from float32 `(batch, size, size, channels)` to `(batch, dim)`, on one thread."""
    session = one_thread_session(graph)

    def encode(images):
        images = channels_first(images)
        return np.concatenate([session.run(None, {"image": image[None]})[0] for image in images])

    return encode


def channels_first(images):
    """Returns images `(batch, height, width, channels)` as `(batch, channels, height, width)`."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def check_same_net(encoder, encode, images, largest=LARGEST_DIFFERENCE):
    """Raises `ValueError` if embeddings differ from Keras' by `largest` or more anywhere."""
    difference = np.abs(encode(images) - encoder.predict_on_batch(images)).max()
    if not difference < largest:
        raise ValueError(
            f"the peer's embeddings must be those of {encoder.name} in Keras, within {largest:g}. "
            f"Received: a difference of {difference:.3g}"
        )


def check_close(encoder, encode, images, least=LEAST_COSINE):
    """Raises `ValueError` if the cosine of an embedding to Keras' is below `least`, which is for int8."""
    found, expected = encode(images), encoder.predict_on_batch(images)
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    cosine = (np.sum(found * expected, axis=1) / norms).min()
    if not cosine >= least:
        raise ValueError(
            f"int8 embeddings of {encoder.name} must have a cosine of {least} or more to Keras'. "
            f"Received: {cosine:.3g}"
        )
