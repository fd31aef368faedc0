"""Edits of a finished LiteRT model: what its input and output are, and what it says of itself.

The edits are made on the FlatBuffer, not by the converter, so that what lies between input and output is the
same, byte for byte, whatever the interface.
"""

import json

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

METADATA_NAME = "tfsbir"


def with_integer_input(model):
    """Makes the int8 tensor, into which a quantised model turns its float image, the input.

    Args:
        model: Bytes of a model whose first operation is QUANTIZE.
    Returns: Bytes.
    Raises: `ValueError` if anything else reads the image.
    """
    model, graph = _opened(model)
    image = int(graph.inputs[0])
    readers = [operator for operator in graph.operators if image in operator.inputs]
    names = [flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) for operator in readers]
    if names != ["QUANTIZE"]:
        raise ValueError(f"`model` must read its image by one QUANTIZE. Received: {names}")
    graph.operators.remove(readers[0])
    _rename_input(model, graph, int(readers[0].outputs[0]))
    return _closed(model)


def with_integer_output(model, limit):
    """Quantises a float embedding into int8, symmetrically: 127 is `limit` and 0 is 0.

    Args:
        model: Bytes of a model with a float32 embedding.
        limit: Float > 0, the largest magnitude that is not cut off.
    Returns: Bytes. The output tensor has the scale, `limit` / 127, and the zero point, 0.
    Raises: `ValueError` if `limit` is not > 0, as of an encoder whose embeddings are all 0.
    """
    if not limit > 0:
        raise ValueError(f"`limit` must be > 0. Received: {limit}")
    model, graph = _opened(model)
    embedding = int(graph.outputs[0])
    quantization = schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = [limit / 127], [0]
    integers = _add_tensor(
        graph, "embedding_int8", graph.tensors[embedding].shape, schema.TensorType.INT8, quantization
    )
    quantize = _operator(model, schema.BuiltinOperator.QUANTIZE, [embedding], integers)
    graph.operators.append(quantize)
    graph.outputs = [integers]
    (signature,) = model.signatureDefs
    (output,) = signature.outputs
    output.tensorIndex = integers
    return _closed(model)


def with_canvas_input(model, canvas_size):
    """Puts the centre crop and the scaling to [-1, 1] before a model with a float32 image.

    Rounds as `tfsbir.preprocessing.to_range` does: a float32 division by 127.5, then a subtraction of 1.

    Args:
        model: Bytes of a model from `(1, size, size, channels)` float32 in [-1, 1].
        canvas_size: Integer >= size.
    Returns: Bytes of a model from `(1, canvas_size, canvas_size, channels)` uint8 in 0..255. The input has no
        scale and no zero point: it is what a canvas holds.
    """
    model, graph = _opened(model)
    image = int(graph.inputs[0])
    _, size, _, channels = (int(length) for length in graph.tensors[image].shape)
    kind, float32 = schema.TensorType, schema.TensorType.FLOAT32
    begin = _add_constant(model, graph, "crop_begin", np.int32([0, *[(canvas_size - size) // 2] * 2, 0]))
    shape = _add_constant(model, graph, "crop_size", np.int32([1, size, size, channels]))
    half_range = _add_constant(model, graph, "half_range", np.float32([127.5]))
    one = _add_constant(model, graph, "one", np.float32([1.0]))
    canvas = _add_tensor(graph, "canvas", [1, canvas_size, canvas_size, channels], kind.UINT8)
    cropped = _add_tensor(graph, "cropped", [1, size, size, channels], kind.UINT8)
    as_float = _add_tensor(graph, "cropped_float", [1, size, size, channels], float32)
    scaled = _add_tensor(graph, "zero_to_two", [1, size, size, channels], float32)
    cast = schema.CastOptionsT()
    cast.inDataType, cast.outDataType = kind.UINT8, float32
    builtin, options = schema.BuiltinOperator, schema.BuiltinOptions
    graph.operators = [
        _operator(
            model,
            builtin.SLICE,
            [canvas, begin, shape],
            cropped,
            options.SliceOptions,
            schema.SliceOptionsT(),
        ),
        _operator(model, builtin.CAST, [cropped], as_float, options.CastOptions, cast),
        _operator(
            model, builtin.DIV, [as_float, half_range], scaled, options.DivOptions, schema.DivOptionsT()
        ),
        _operator(model, builtin.SUB, [scaled, one], image, options.SubOptions, schema.SubOptionsT()),
        *graph.operators,
    ]
    _rename_input(model, graph, canvas)
    return _closed(model)


def with_metadata(model, metadata):
    """Stores a JSON object in the model's metadata, under the name "tfsbir".

    Args:
        model: Bytes.
        metadata: Dict that JSON can hold.
    Returns: Bytes. `tfsbir.retrieval.litert_metadata.read_metadata` reads it.
    """
    model, _ = _opened(model)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(json.dumps(metadata, allow_nan=False).encode("utf-8"), np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    return _closed(model)


def _opened(model):
    model = flatbuffer_utils.convert_bytearray_to_object(model)
    (graph,) = model.subgraphs
    return model, graph


def _closed(model):
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _rename_input(model, graph, index):
    graph.inputs = [index]
    (signature,) = model.signatureDefs
    (image,) = signature.inputs
    image.tensorIndex = index


def _add_tensor(graph, name, shape, kind, quantization=None, buffer=0):
    tensor = schema.TensorT()
    tensor.name, tensor.type = name, kind
    tensor.shape, tensor.buffer = np.int32(shape), buffer  # Buffer 0 is empty, as tensors' of a graph are.
    tensor.quantization, tensor.hasRank = quantization, True
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _add_constant(model, graph, name, values):
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    kind = {"int32": schema.TensorType.INT32, "float32": schema.TensorType.FLOAT32}[values.dtype.name]
    return _add_tensor(graph, name, values.shape, kind, buffer=len(model.buffers) - 1)


def _operator(model, builtin, inputs, output, options_type=0, options=None):
    operator = schema.OperatorT()
    operator.opcodeIndex = _opcode_index(model, builtin)
    operator.inputs, operator.outputs = np.int32(inputs), np.int32([output])
    operator.builtinOptionsType, operator.builtinOptions = options_type, options
    return operator


def _opcode_index(model, builtin):
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin and code.version == 1:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin  # All that are used here are below 127.
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
