"""Two encoders that are one from a layer on."""

import keras

from tfsbir.models.encoder_pair import EncoderPair

# How a layer starts and whether it is frozen may differ: the sketch encoder's is taken.
_MAY_DIFFER = ("trainable",)


def partly_shared(sketch, photo, from_layer):
    """Makes two encoders use the same layers from a named layer or block on.

    Shared is what stands behind `from_layer`, itself included: every layer that its output reaches. What runs
    beside it, as the `fire5` head of a `squeezenet_encoder` shared from `fire6`, stays each domain's own. A
    block is named by what its layers' names begin with: `inception_4e` is `inception_4e_1x1`,
    `inception_4e_3x3_reduce` and so on. Sizes and channels of the inputs may differ as long as the shared
    layers fit.

    The shared layers are those of `sketch`, with their weights; `photo`'s own are left out. `sketch` itself
    is the pair's sketch encoder. The pair's photo encoder is a new model, of the layers before `from_layer`
    of `photo`, which are not copied: training the pair changes `photo` too. In the new model
    `get_layer(...).output` of a shared layer is its output for sketches; to look inside, save the model and
    load it. Each encoder is saved whole, and loaded by itself it shares nothing.

    Args:
        sketch: Functional `keras.Model` from sketches to embeddings.
        photo: Functional `keras.Model` from photos, with the same layers from `from_layer` on.
        from_layer: Name of the first shared layer, or of the first shared block.
    Returns: `EncoderPair`, whose `trainable_variables` hold each shared one once.
    Raises: `ValueError` if a model is not functional or has no such layer, or if the layers behind it differ
        in name, kind, settings, shapes of weights or the way they are connected.
    Source: Bui et al., "Deep Manifold Alignment for Mid-Grain Sketch Based Image Retrieval", 2018, Sec. 4.3
        ("partially shared from block inception-4e", of MS-reg-HM).
    """
    sketch_inputs, photo_inputs = _inputs_by_layer("sketch", sketch), _inputs_by_layer("photo", photo)
    shared = _behind("sketch", sketch_inputs, from_layer)
    in_photo = _behind("photo", photo_inputs, from_layer)
    if shared != in_photo:
        raise ValueError(
            f"`sketch` and `photo` must have the same layers from {from_layer} on. Received: only in "
            f"`sketch` {sorted(shared - in_photo)}, only in `photo` {sorted(in_photo - shared)}"
        )
    for name in sorted(shared):
        one, other = _description(sketch.get_layer(name)), _description(photo.get_layer(name))
        one["shared inputs"] = [source for source in sketch_inputs[name] if source in shared]
        other["shared inputs"] = [source for source in photo_inputs[name] if source in shared]
        if one != other:
            differing = [key for key in one if one[key] != other.get(key)] or sorted(other.keys() - one)
            raise ValueError(
                f"`sketch` and `photo` must have the same layer {name}. Received: {differing[0]} "
                f"{one.get(differing[0])} and {other.get(differing[0])}"
            )

    def own_or_shared(layer):
        return sketch.get_layer(layer.name) if layer.name in shared else layer

    return EncoderPair(sketch, keras.models.clone_model(photo, clone_function=own_or_shared))


def _inputs_by_layer(argument, model):
    """Returns the names of the layers whose outputs each layer takes, by the layer's name."""
    # The config lists the model's own connections; a layer's nodes are of every model it is in.
    config = model.get_config() if isinstance(model, keras.Model) else {}
    if "input_layers" not in config:
        raise ValueError(f"`{argument}` must be a functional `keras.Model`. Received: {type(model).__name__}")
    return {layer["name"]: _sources(layer["inbound_nodes"]) for layer in config["layers"]}


def _sources(nested):
    """Returns the names of the layers from which the tensors in a part of a config come."""
    if isinstance(nested, dict):
        if nested.get("class_name") == "__keras_tensor__":
            return [nested["config"]["keras_history"][0]]
        nested = nested.values()
    elif not isinstance(nested, (list, tuple)):
        return []
    return [name for item in nested for name in _sources(item)]


def _behind(argument, inputs_by_layer, from_layer):
    """Returns the names of the layers that are called `from_layer`, or begin so, and of all behind them."""
    found = {name for name in inputs_by_layer if name == from_layer or name.startswith(f"{from_layer}_")}
    if not found:
        raise ValueError(
            f"`from_layer` must be a layer or a block of `{argument}`: {', '.join(inputs_by_layer)}. "
            f"Received: {from_layer}"
        )
    waiting = list(found)
    while waiting:
        source = waiting.pop()
        reached = {name for name, inputs in inputs_by_layer.items() if source in inputs} - found
        found |= reached
        waiting += reached
    return found


def _description(layer):
    settings = {
        key: value
        for key, value in layer.get_config().items()
        if key not in _MAY_DIFFER and not key.endswith("_initializer")
    }
    shapes = [tuple(weight.shape) for weight in layer.weights]
    return {"kind": type(layer).__name__, "weights": shapes, **settings}
