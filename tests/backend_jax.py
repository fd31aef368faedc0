"""What tests ask of a backend, of JAX; `tests/common_backends.py` says what each is."""

import contextlib

import jax
import jax.export
import jax.numpy as jnp
import keras

MODES = {"eager": lambda function: function, "jit": lambda function: jax.jit(function)}


def recording_gradients():
    return contextlib.nullcontext()


def value_and_gradients(function, tensors=(), variables=()):
    # As Keras' own trainer does: variables are arguments, since a trace takes those that it closes over for
    # constants.
    def summed(tensors, values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            value = function(*tensors)
        return jnp.sum(value), value

    inputs = [jnp.asarray(tensor) for tensor in tensors], [variable.value for variable in variables]
    (_, value), gradients = jax.value_and_grad(summed, argnums=(0, 1), has_aux=True)(*inputs)
    return value, [*gradients[0], *gradients[1]]


def compiled_gradients(mode, function, variables=()):
    if mode == "eager":
        return lambda *tensors: value_and_gradients(function, tensors, variables)

    @jax.jit
    def compiled(values, tensors):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return value_and_gradients(function, tensors, variables)

    return lambda *tensors: compiled([variable.value for variable in variables], tensors)


def training_step(cost, optimizer, variables):
    gradients_of = compiled_gradients(list(MODES)[-1], cost, variables)

    def step(*tensors):
        _, gradients = gradients_of(*tensors)
        optimizer.apply(gradients[len(tensors) :], variables)

    return step


def with_open_sizes(function, *specs):
    scope = jax.export.SymbolicScope()
    arguments = [
        jax.ShapeDtypeStruct(jax.export.symbolic_shape(", ".join(map(str, shape)), scope=scope), dtype)
        for shape, dtype in specs
    ]
    exported = jax.export.export(jax.jit(function))(*arguments)
    return lambda *arrays: exported.call(
        *(jnp.asarray(x, dtype) for x, (_, dtype) in zip(arrays, specs, strict=True))
    )


def largest_tensor(function, shapes, variables=()):
    arguments = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    traced = jax.make_jaxpr(lambda *tensors: value_and_gradients(function, tensors, variables))(*arguments)
    return max(_sizes(traced.jaxpr))


def _sizes(jaxpr):
    for equation in jaxpr.eqns:
        yield from (variable.aval.size for variable in equation.outvars)
        for inner in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")
        ):
            if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                yield from _sizes(getattr(inner, "jaxpr", inner))
