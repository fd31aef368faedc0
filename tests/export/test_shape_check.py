import pytest
import tensorflow as tf

from export.shape_check import checked_shape


@pytest.mark.parametrize("is_stated", [True, False], ids=["stated", "unknown"])
def test_another_shape_is_refused(is_stated):
    spec = tf.TensorSpec((None, 3) if is_stated else None, tf.float32)
    check = tf.function(lambda given: checked_shape("sketch", given, (None, 3)), input_signature=[spec])
    for num in (0, 1, 5):
        given = tf.random.stateless_normal((num, 3), (0, 1))
        assert tf.reduce_all(check(given) == given)
    if not is_stated:
        for shape, text in (((2, 4), "2, 4"), ((3,), "3"), ((), ""), ((2, 3, 1), "2, 3, 1")):
            message = rf"`sketch` must have the shape \(num, 3\)\. Received: \({text}\)"
            with pytest.raises(tf.errors.InvalidArgumentError, match=message):
                check(tf.zeros(shape))


def test_strings_have_shapes_too():
    check = tf.function(lambda given: checked_shape("image_bytes", given, (None,)))
    assert check(tf.constant(["a", "b"])).numpy().tolist() == [b"a", b"b"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`image_bytes` must have the shape \(num\)"):
        check(tf.constant([["a"]]))
