import keras
import numpy as np
import pytest

from tfsbir.models import load_encoder_weights, sketch_a_net, sketch_a_net_classifier, sketch_a_net_features


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    return sketch_a_net_classifier(250, image_size=81)


def images(count):
    return np.random.default_rng(0).uniform(-1, 1, (count, 81, 81, 1)).astype("float32")


def test_at_the_paper_s_size_it_has_the_paper_s_parameters():
    assert sketch_a_net_classifier(250).count_params() == 8_508_666


def test_dropout_of_a_half_stands_behind_both_fully_connected_layers(classifier):
    names = [layer.name for layer in classifier.layers]
    assert names[names.index("fc6") :] == [
        "fc6", "fc6_to_unit_scale", "fc6_dropout", "classifier_fc7", "classifier_fc7_dropout", "classes",
    ]  # fmt: skip
    rates = [classifier.get_layer(name).rate for name in ("fc6_dropout", "classifier_fc7_dropout")]
    assert rates == [0.5, 0.5]


def test_its_first_logits_are_small_and_not_all_equal():
    # At 81 px a single place is left of pool5; what the loss meets is the network at its own size.
    keras.utils.set_random_seed(0)
    sketches = np.ones((4, 225, 225, 1), "float32")
    for row in range(4):
        sketches[row, 40 + 20 * row : 43 + 20 * row, 30:190] = -1.0
        sketches[row, 40:190, 60 + 30 * row : 63 + 30 * row] = -1.0
    logits = keras.ops.convert_to_numpy(sketch_a_net_classifier(250)(sketches))
    assert 0.001 < np.std(logits) < 1


def test_its_features_are_fc6_of_unit_norm_and_share_its_variables(classifier):
    features = sketch_a_net_features(classifier)
    fc6 = keras.Model(classifier.input, classifier.get_layer("fc6").output)(images(2))
    fc6 = keras.ops.convert_to_numpy(fc6)
    expected = fc6 / np.linalg.norm(fc6, axis=1, keepdims=True)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(features(images(2))), expected, atol=1e-6)
    assert features.get_layer("conv1") is classifier.get_layer("conv1")
    assert features.output_shape == (None, 512)


def test_a_ranking_network_starts_from_its_features(classifier, tmp_path):
    sketch_a_net_features(classifier).save(tmp_path / "encoder.keras")
    ranking = sketch_a_net(image_size=81)
    own_fc7 = ranking.get_layer("fc7").get_weights()
    assert load_encoder_weights(ranking, tmp_path / "encoder.keras", new_layers=("fc7",)) == ("fc7",)
    for name in ("conv1", "conv5", "fc6"):
        for found, expected in zip(
            ranking.get_layer(name).get_weights(), classifier.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(ranking.get_layer("fc7").get_weights()[0], own_fc7[0])


def test_a_classifier_starts_from_a_ranking_network_and_keeps_its_own_fc7(classifier, tmp_path):
    ranking = sketch_a_net(image_size=81)
    ranking.save(tmp_path / "encoder.keras")
    fresh = sketch_a_net_classifier(3, image_size=81)
    new = ("classifier_fc7", "classes")
    assert load_encoder_weights(fresh, tmp_path / "encoder.keras", new_layers=new) == new
    np.testing.assert_array_equal(
        fresh.get_layer("fc6").get_weights()[0], ranking.get_layer("fc6").get_weights()[0]
    )


def test_logits_and_embeddings_are_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = sketch_a_net_classifier(3, image_size=81)
        features = sketch_a_net_features(mixed)
    finally:
        keras.config.set_dtype_policy("float32")
    assert mixed.get_layer("conv2").compute_dtype == "bfloat16"
    assert keras.backend.standardize_dtype(mixed(images(2)).dtype) == "float32"
    norms = np.linalg.norm(keras.ops.convert_to_numpy(features(images(2))), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_a_dropout_out_of_range_is_named(dropout):
    with pytest.raises(ValueError, match=rf"`dropout` must be in \[0, 1\). Received: {dropout}"):
        sketch_a_net_classifier(3, image_size=81, dropout=dropout)


@pytest.mark.parametrize(("argument", "least"), [("num_classes", 2), ("image_size", 81)])
def test_arguments_out_of_range_are_named(argument, least):
    with pytest.raises(ValueError, match=f"`{argument}` must be >= {least}. Received: {least - 1}"):
        sketch_a_net_classifier(**{"num_classes": 3, argument: least - 1})
