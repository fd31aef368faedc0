"""The encoder of photos as Beam's `RunInference` takes it."""

import numpy as np
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from tfsbir.errors import InputError
from tfsbir.retrieval.encoder import open_encoder


class PhotoEncoder(ModelHandler):
    """Opens the encoder once in each worker process, and gives `ReadPhoto`s their embeddings.

    Args:
        model: Str, as for `open_encoder`, where the workers find it.
        fingerprint: Str, the encoder's.
    Raises: In a worker, `InputError` if the encoder there is another one.
    """

    def __init__(self, model, fingerprint):
        super().__init__()
        self._model = model
        self._fingerprint = fingerprint

    def load_model(self):
        encoder = open_encoder(self._model)
        if encoder.fingerprint != self._fingerprint:
            raise InputError(
                f"{self._model}: expected the encoder {self._fingerprint} on every worker; "
                f"found {encoder.fingerprint}"
            )
        return encoder

    def run_inference(self, batch, model, inference_args=None):
        embeddings = model.encode_photos(np.stack([photo.image for photo in batch]))
        return [
            PredictionResult(photo.photo, embedding)
            for photo, embedding in zip(batch, embeddings, strict=True)
        ]

    def get_num_bytes(self, batch):
        return sum(photo.image.nbytes for photo in batch)

    def get_metrics_namespace(self):
        return "tfsbir"
