"""What the names of classes mean."""

from absl import flags

from tfsbir.data import read_word_vectors

FLAGS = flags.FLAGS


def define_semantics_flag():
    """Declares the flag of `class_semantics`."""
    flags.DEFINE_string(
        "word_vectors", None,
        "Word vectors of the names of classes: .npz with `names` and `vectors`, word2vec's .bin, or text as "
        "GloVe and fastText have it (docs/word_vectors.md).", required=True,
    )  # fmt: skip


def class_semantics(split):
    """Returns `(num_classes, semantic_dim)` float32, the unit word vectors of a split's classes by label."""
    return read_word_vectors(FLAGS.word_vectors, split.class_names)
