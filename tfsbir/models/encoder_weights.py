"""Starting an encoder from a trained one."""

from pathlib import Path

import keras

from tfsbir.errors import InputError


def load_encoder_weights(encoder, path):
    """Copies the weights of a trained `.keras` encoder into `encoder`, layer by layer.

    Args:
        encoder: `keras.Model` to fill; it must have the layers of the file.
        path: Path of an encoder as a run writes it (`model/sketch_encoder.keras`).
    Raises: `InputError` naming the file and, where one is at fault, the layer; `encoder` is unchanged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: expected a trained encoder; there is no such file")
    try:
        trained = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras lets zip, HDF5 and configuration errors through as they are.
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: expected a Keras model file (.keras); {reason}") from error
    weights = {layer.name: layer.get_weights() for layer in trained.layers}
    for layer in encoder.layers:
        expected = [tuple(weight.shape) for weight in layer.weights]
        found = [weight.shape for weight in weights.get(layer.name, [])]
        if expected != found:
            raise InputError(f"{path}: layer {layer.name} must hold weights of {expected}. Received: {found}")
    for layer in encoder.layers:
        layer.set_weights(weights[layer.name] if layer.weights else [])
