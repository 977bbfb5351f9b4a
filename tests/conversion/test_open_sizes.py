import pytest
import tensorflow as tf

from tfsparse.conversion.open_sizes import ARGUMENT_SIZES

from .helpers import nodes, read, spec

BATCH = ARGUMENT_SIZES[0]


def size_of(path, function):
    """The number of rows that stands for those of a result."""
    example = read(path, lambda x: {"y": tf.math.sinh(function(x))}, {"x": spec(None, 4)})
    (node,) = nodes(example.graph, "Sinh")
    shape = example.view.tried_shape(f"{node.name}:0")
    assert shape.rank == 2 and shape[1] == 4
    return shape[0]


def some(x):
    return tf.boolean_mask(x, x[:, 0] > 0)


OF_THE_BATCH = {
    "itself": (tf.exp, BATCH),
    "less one": (lambda x: x[1:], BATCH - 1),
    "in halves": (lambda x: tf.reshape(x, (-1, 2, 4))[:, 0], BATCH // 2),
    "twice": (lambda x: tf.concat([x, x], 0), 2 * BATCH),
    "with one row for all": (lambda x: x + tf.exp(x[:1]), BATCH),
}


@pytest.mark.parametrize("case", OF_THE_BATCH)
def test_sizes_follow_from_the_batch(tmp_path, case):
    function, expected = OF_THE_BATCH[case]
    assert size_of(tmp_path, function) == expected


OF_VALUES = {
    "a mask": some,
    "a mask of a mask": lambda x: some(some(x)),
    "less one": lambda x: some(x)[1:],
    "a sum that may be broadcast": lambda x: x + some(x),
    "behind such a sum": lambda x: tf.exp(some(x) + x)[2:],
}


@pytest.mark.parametrize("case", OF_VALUES)
def test_sizes_that_depend_on_values_are_numbers_of_their_own(tmp_path, case):
    size = size_of(tmp_path, OF_VALUES[case])
    assert size is not None and size not in (BATCH, BATCH - 1, BATCH - 2)


def test_a_size_that_is_known_stays(tmp_path):
    assert size_of(tmp_path, lambda x: tf.math.top_k(tf.transpose(x), 3)[0][:, :3] @ x[:3]) == 4


def test_nothing_is_known_behind_an_unknown_rank(tmp_path):
    def function(x):
        text = tf.io.serialize_tensor(x)
        return tf.ensure_shape(tf.io.parse_tensor(text, tf.float32), (None, 4))

    assert size_of(tmp_path, function) is None
