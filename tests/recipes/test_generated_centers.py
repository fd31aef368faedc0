import numpy as np
import pytest

from recipes.common.generated_centers import center_distances, generated_centers, unit_norm


def generate(latent, sketch):
    """Three clouds, told apart by the first value of the latent vector, around the sketch."""
    corner = np.round(latent[:, :1])
    return (sketch + np.concatenate([10 * corner, 0.1 * latent[:, 1:]], axis=1)).astype("float32")


@pytest.fixture(scope="module")
def latents():
    rng = np.random.default_rng(0)
    return np.c_[np.arange(60) % 3, rng.normal(size=(60, 1))].astype("float32")


def test_the_centers_are_those_of_the_clouds(latents):
    sketch = np.float32([[0.0, 0.0], [5.0, -3.0]])
    centers = generated_centers(generate, sketch, latents, num_centers=3, seed=0)
    assert centers.shape == (2, 3, 2)
    for row, features in zip(centers, sketch, strict=True):
        clouds = [generate(latents[start::3], features).mean(axis=0) for start in range(3)]
        np.testing.assert_allclose(row[np.argsort(row[:, 0])], clouds, atol=1e-5)


def test_a_sketch_s_centers_do_not_hang_on_the_others(latents):
    sketch = np.random.default_rng(1).normal(size=(3, 2)).astype("float32")
    together = generated_centers(generate, sketch, latents, 2, seed=0)
    np.testing.assert_array_equal(together[2:], generated_centers(generate, sketch[2:], latents, 2, seed=0))


def test_distances_equal_loops():
    rng = np.random.default_rng(2)
    centers, photo = rng.normal(size=(4, 3, 5)), rng.normal(size=(6, 5))
    expected = np.empty((4, 6))
    for i in range(4):
        for j in range(6):
            cosines = [
                c @ photo[j] / np.sqrt((c**2).sum() * (photo[j] ** 2).sum()) for c in centers[i]
            ]  # fmt: skip
            expected[i, j] = 1 - max(cosines)
    np.testing.assert_allclose(center_distances(centers, photo), expected)


def test_zeros_have_no_direction():
    np.testing.assert_array_equal(unit_norm(np.array([[0.0, 0.0], [3.0, 4.0]])), [[0, 0], [0.6, 0.8]])
