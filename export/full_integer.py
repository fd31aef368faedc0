"""Full-integer quantisation of a LiteRT model, with the normalisations left in float.

`tf.lite.TFLiteConverter` can do all of it by itself, but not well enough for embeddings:

- TensorFlow 2.21's calibration reads an operation's inputs after the operation has run. ADD and MUL write
  over their input where they may, so that the tensor before them gets the range of the one after them. In
  `x * 127.5 + 127.5` every range comes out wrong; a SqueezeNet encoder of line drawings then had a mean
  cosine of 0.63 to its float self, and 0.997 with the ranges observed here.
- In integers, reciprocal square root and product of an L2 normalisation left embeddings 2.5 % too long or
  short. They cost nothing in float, and then the length is exact.
- A range of exactly [-1, 1] has no integer for +1, which is paper and nine tenths of a drawing: 0 must be
  an integer, so +1 becomes 0.996.

Nothing else had to stay in float: with the blur and the colour conversion left in float too, the cosine
changed by less than 0.001. So only a normalisation itself is in float, and what puts normalised parts
together at the end. A layer with weights that stands behind a normalisation is in integers again.
"""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.tools import flatbuffer_utils

# What an L2 normalisation begins with; the second is all of one.
SQUARE, L2_NORMALIZATION = "SQUARE", "L2_NORMALIZATION"
# Operations with weights: nearly all of a model's bytes and time.
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL")


def quantize_to_integers(float_model, calibration):
    """Turns weights and activations into int8, except the normalisations and what only joins their results.

    Args:
        float_model: Bytes of a float32 LiteRT model with one image as its input.
        calibration: float32 `(num, size, size, channels)`, real images that show each tensor's range.
    Returns: Bytes of the quantised model, whose input and output are still float32, and the largest
        magnitude in the embeddings of the calibration images, a float.
    """
    ranges = observed_ranges(float_model, calibration)
    model = flatbuffer_utils.convert_bytearray_to_object(float_model)
    (graph,) = model.subgraphs
    image, embedding = int(graph.inputs[0]), int(graph.outputs[0])
    limit = _magnitude(ranges[image])
    ranges[image] = (-limit * 128 / 127, limit)  # Steps of limit / 127, so that paper is an integer.
    for index, (low, high) in ranges.items():
        parameters = schema.QuantizationParametersT()
        parameters.min, parameters.max = [low], [high]
        graph.tensors[index].quantization = parameters
    left_in_float = [graph.tensors[index].name.decode() for index in _left_in_float(model, graph)]
    calibrated = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return mlir_quantize(calibrated, denylisted_nodes=left_in_float), _magnitude(ranges[embedding])


def observed_ranges(float_model, images):
    """Returns `{index of a float tensor: (lowest, highest value)}` over `images`, 0 always within.

    Holds for the input and for every operation's output. All tensors are kept in memory, so none is
    read after another has taken its place.
    """
    interpreter = Interpreter(
        model_content=float_model,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (image_details,) = interpreter.get_input_details()
    model = flatbuffer_utils.convert_bytearray_to_object(float_model)
    (graph,) = model.subgraphs
    indices = [image_details["index"], *(int(i) for op in graph.operators for i in op.outputs)]
    indices = [index for index in indices if graph.tensors[index].type == schema.TensorType.FLOAT32]
    ranges = dict.fromkeys(indices, (0.0, 0.0))
    for image in images:
        interpreter.set_tensor(image_details["index"], image[None])
        interpreter.invoke()
        for index, (low, high) in ranges.items():
            values = interpreter.get_tensor(index)
            ranges[index] = (min(low, float(np.min(values))), max(high, float(np.max(values))))
    return ranges


def _magnitude(bounds):
    return max(abs(bound) for bound in bounds)


def _left_in_float(model, graph):
    """Returns the tensors of the normalisations, and those behind one that no weights are applied to."""
    names = [flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) for operator in graph.operators]
    inside = set()
    for operator, name in zip(graph.operators, names, strict=True):
        if name == SQUARE:
            inside |= _normalization(graph, operator)
        elif name == L2_NORMALIZATION:
            inside.update(map(int, operator.outputs))
    behind, before_weights = set(inside), set()
    for operator in graph.operators:
        if behind.intersection(operator.inputs):
            behind.update(map(int, operator.outputs))
    for operator, name in zip(reversed(graph.operators), reversed(names), strict=True):
        if name in WEIGHTED or before_weights.intersection(operator.outputs):
            before_weights.update(map(int, (*operator.inputs, *operator.outputs)))
    return sorted(inside | (behind - before_weights))


def _normalization(graph, square):
    """Returns the tensors from SQUARE's output to what multiplies SQUARE's own input, the product with it."""
    (squared,) = map(int, square.inputs)
    found = set(map(int, square.outputs))
    unfinished = set(found)
    for operator in graph.operators:  # In the order in which they run.
        if unfinished.intersection(operator.inputs):
            found.update(map(int, operator.outputs))
            if squared not in operator.inputs:
                unfinished.update(map(int, operator.outputs))
    return found
