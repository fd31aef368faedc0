"""A conditional variational autoencoder of a photo's features, given those of a sketch."""

import keras
from keras import ops

from tfsbir import replica_random
from tfsbir.layers.replica_dropout import ReplicaDropout

_MOST_LOG_VARIANCE = 20.0  # exp of it, and of minus it, are far from the ends of float32.


@keras.saving.register_keras_serializable(package="tfsbir")
class ConditionalVAE(keras.Model):
    """Learns which features the photos have that belong to a sketch.

    An encoder maps the features of a photo and of a sketch to a Gaussian of a latent vector. A decoder maps a
    latent vector and the sketch's features to the photo's. From what it gives, a third network finds the
    sketch's features again: what is generated is to keep what the sketch says. Each has one hidden layer with
    ReLU and dropout. `tfsbir.losses.EvidenceBound` trains all of it.

    While training, the latent vector is drawn from the Gaussian, `mean + exp(log_variance / 2) * noise`, with
    noise of the model's own seed; else it is the mean. `generate` needs no photo: a latent vector from the
    standard normal distribution stands for what the sketch does not say. Features should be centred and about
    of unit variance.

    Args:
        photo_dim: Integer > 0, features of a photo.
        sketch_dim: Integer > 0, features of a sketch.
        latent_dim: Integer > 0. Source: 1024, with features of 4096.
        hidden_dim: Integer > 0, of each hidden layer.
        dropout: Float in [0, 1).
        seed: Integer or None, of dropout and noise.
    Call arguments:
        inputs: `(photo, sketch)`, `(batch, photo_dim)` and `(batch, sketch_dim)` float32.
    Returns: `(photo, sketch, mean, log_variance)`: what is reconstructed of the two, and the Gaussian, two
        `(batch, latent_dim)`. The logarithm of the variance, in nats, is in [-20, 20].
    Raises: `ValueError` for a size < 1 or a `dropout` out of range.
    Source: Yelamarthi et al., "A Zero-Shot Framework for Sketch Based Image Retrieval", ECCV 2018,
        arxiv.org/abs/1807.11724. The paper was not at hand: the depth, the width and the dropout of
        the networks, and the bound on the variance, are ours.
    """

    def __init__(
        self, photo_dim, sketch_dim, latent_dim=1024, hidden_dim=2048, dropout=0.0, seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        sizes = {
            "photo_dim": photo_dim, "sketch_dim": sketch_dim, "latent_dim": latent_dim,
            "hidden_dim": hidden_dim,
        }  # fmt: skip
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"`{name}` must be >= 1. Received: {size}")
        if not 0 <= dropout < 1:
            raise ValueError(f"`dropout` must be in [0, 1). Received: {dropout}")
        self.photo_dim, self.sketch_dim, self.latent_dim = photo_dim, sketch_dim, latent_dim
        self.hidden_dim, self.dropout, self.seed = hidden_dim, dropout, seed
        # Of one seed the networks would drop the same places.
        seeds = [None] * 4 if seed is None else [4 * seed + index for index in range(4)]
        self.noise = keras.random.SeedGenerator(seeds[0])
        self.encoder = self._network(photo_dim + sketch_dim, 2 * latent_dim, seeds[1], "encoder")
        self.decoder = self._network(latent_dim + sketch_dim, photo_dim, seeds[2], "decoder")
        self.sketch_decoder = self._network(photo_dim, sketch_dim, seeds[3], "sketch_decoder")

    def build(self, input_shape):
        # The networks are built with their sizes; a model without this is taken for one that is not.
        self.built = True

    def call(self, inputs, training=False):
        photo, sketch = inputs
        mean, log_variance = self.encode(photo, sketch, training)
        latent = mean
        if training:
            noise = ops.cast(replica_random.normal(ops.shape(mean), self.noise), mean.dtype)
            latent = mean + ops.exp(0.5 * log_variance) * noise
        photo = self.generate(latent, sketch, training)
        return photo, self.sketch_decoder(photo, training=training), mean, log_variance

    def encode(self, photo, sketch, training=False):
        """Returns the Gaussian of the latent vector, `(mean, log_variance)`, as `call` does."""
        both = self.encoder(ops.concatenate([photo, sketch], axis=-1), training=training)
        mean, log_variance = ops.split(both, 2, axis=-1)
        return mean, ops.clip(log_variance, -_MOST_LOG_VARIANCE, _MOST_LOG_VARIANCE)

    def generate(self, latent, sketch, training=False):
        """Returns the features of a photo, `(batch, photo_dim)`, for each latent vector and sketch."""
        return self.decoder(ops.concatenate([latent, sketch], axis=-1), training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "photo_dim": self.photo_dim,
            "sketch_dim": self.sketch_dim,
            "latent_dim": self.latent_dim,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    def _network(self, input_dim, output_dim, seed, name):
        return keras.Sequential(
            [
                keras.Input((input_dim,)),
                keras.layers.Dense(self.hidden_dim, activation="relu", name="hidden"),
                ReplicaDropout(self.dropout, seed=seed, name="dropout"),
                keras.layers.Dense(output_dim, name="output"),
            ],
            name=name,
        )
