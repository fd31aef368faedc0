"""Starting a model from a trained encoder."""

from tfsbir.errors import InputError
from tfsbir.models.trained_model import load_trained_model


def load_encoder_weights(model, path, new_layers=()):
    """Copies the weights of a trained `.keras` encoder into `model`, layer by layer.

    Args:
        model: `keras.Model` to fill.
        path: Path of an encoder as a run writes it (`model/sketch_encoder.keras`).
        new_layers: Names of layers which keep their own start where the file has none of that name, as the
            head of a ranking network does that starts from a classifier's encoder. The file must have all
            others.
    Returns: Names of the new layers which kept their start, a tuple.
    Raises: `InputError` naming the file and, where one is at fault, the layer; `model` is unchanged.
    """
    trained = load_trained_model(path)
    weights = {layer.name: layer.get_weights() for layer in trained.layers}
    kept = tuple(
        layer.name for layer in model.layers if layer.name in new_layers and layer.name not in weights
    )
    filled = [layer for layer in model.layers if layer.weights and layer.name not in kept]
    for layer in filled:
        expected = [tuple(weight.shape) for weight in layer.weights]
        found = [weight.shape for weight in weights.get(layer.name, [])]
        if expected != found:
            raise InputError(f"{path}: layer {layer.name} must hold weights of {expected}. Received: {found}")
    for layer in filled:
        layer.set_weights(weights[layer.name])
    return kept
