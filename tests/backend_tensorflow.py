"""What tests ask of a backend, of TensorFlow; `tests/common_backends.py` says what each is."""

import contextlib

import tensorflow as tf

MODES = {
    "eager": lambda function: function,
    "tf.function": tf.function,
    "jit_compile": lambda function: tf.function(function, jit_compile=True),
}


def recording_gradients():
    return contextlib.nullcontext()


def value_and_gradients(function, tensors=(), variables=()):
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    gradients = tape.gradient(value, [*tensors, *(variable.value for variable in variables)])
    return value, [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]


def compiled_gradients(mode, function, variables=()):
    return MODES[mode](lambda *tensors: value_and_gradients(function, tensors, variables))


def training_step(cost, optimizer, variables):
    @tf.function
    def step(*tensors):
        _, gradients = value_and_gradients(cost, tensors, variables)
        optimizer.apply(gradients[len(tensors) :], variables)

    return step


def with_open_sizes(function, *specs):
    signature = [
        tf.TensorSpec([None if isinstance(size, str) else size for size in shape], dtype)
        for shape, dtype in specs
    ]
    graph = tf.function(function, input_signature=signature)

    def call(*arrays):
        result = graph(*(tf.convert_to_tensor(x, dtype) for x, (_, dtype) in zip(arrays, specs, strict=True)))
        assert graph.experimental_get_tracing_count() == 1
        return result

    return call


def largest_tensor(function, shapes, variables=()):
    graph = tf.function(lambda *tensors: value_and_gradients(function, tensors, variables))
    graph = graph.get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)).graph
    return max(
        tensor.shape.num_elements() or 0
        for operation in graph.get_operations()
        for tensor in operation.outputs
    )
