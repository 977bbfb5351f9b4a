import pytest
import tensorflow as tf

from tfsparse.conversion.dilation import read_dilation

from .helpers import nodes, normal, read, spec

K = normal((3, 2, 4, 5))


def read_moves(path, function, *shape):
    example = read(path, lambda x: {"y": function(x)}, {"x": spec(*shape, 4)})
    (before,), (after,) = (nodes(example.graph, op) for op in ("SpaceToBatchND", "BatchToSpaceND"))
    return read_dilation(example.view, before, after)


@pytest.mark.parametrize("shape", [(2, 7, 8), (None, None, 8), (None, None, None)])
@pytest.mark.parametrize("padding", ["VALID", "SAME"])
def test_what_tensorflow_writes(tmp_path, shape, padding):
    def function(x):
        return tf.nn.convolution(x, K, padding=padding, dilations=[3, 2])

    same = [(3, 3, 3), (2, 1, 1)]
    expected = same if padding == "SAME" else [(3, 0, 0), (2, 0, 0)]
    assert read_moves(tmp_path, function, *shape) == expected


def moves(x, pads, crops, block=(2, 2), other=None):
    batch = tf.space_to_batch(x, block, pads)
    return tf.batch_to_space(tf.nn.conv2d(batch, K, 1, "VALID"), other or block, crops)


OTHERS = {
    "it crops before": lambda x: moves(x, [[1, 0], [0, 0]], [[1, 0], [0, 0]]),
    "it crops more": lambda x: moves(x, [[0, 1], [0, 0]], [[0, 2], [0, 0]]),
    "another block": lambda x: moves(x, [[0, 1], [0, 0]], [[0, 0], [0, 0]], other=(4, 1)),
    "two counts that are not known": lambda x: moves(
        x,
        [[0, 1 + 2 * tf.shape(x)[0]], [0, 0]],
        [[0, 1 + 2 * tf.shape(x)[0]], [0, 0]],
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_nothing_else(tmp_path, case):
    assert read_moves(tmp_path, OTHERS[case], None, 7, 8) is None


def test_crops_less_than_was_added(tmp_path):
    found = read_moves(tmp_path, lambda x: moves(x, [[2, 3], [0, 0]], [[0, 1], [0, 0]]), 1, 7, 8)
    assert found == [(2, 2, 2), (2, 0, 0)]
