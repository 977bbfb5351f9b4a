import pytest
import tensorflow as tf

from tfsparse.conversion.pads import is_zero_pad, read_pads

from .helpers import spec, view_of

COUNTS = [[0, 0], [1, 2], [3, 0], [0, 0]]


def read(path, function):
    view = view_of(path, lambda x: {"y": function(x)}, {"x": spec(None, 4, 5, 3)})
    (node,) = (node for node in view.nodes.values() if "Pad" in node.op)
    return view, node


PADS = {
    "pad": lambda x: tf.pad(x, COUNTS),
    "pad of a value": lambda x: tf.pad(x, COUNTS, constant_values=tf.constant(0.0)),
    "long counts": lambda x: tf.pad(x, tf.constant(COUNTS, tf.int64)),
}


@pytest.mark.parametrize("case", PADS)
def test_zeros_around_images(tmp_path, case):
    view, node = read(tmp_path, PADS[case])
    assert read_pads(view, node) == (1, 2, 3, 0) and is_zero_pad(view, node)


OTHERS = {
    "ones": lambda x: tf.pad(x, COUNTS, constant_values=1.0),
    "channels": lambda x: tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 1]]),
    "batch": lambda x: tf.pad(x, [[1, 0], [1, 2], [3, 0], [0, 0]]),
    "another rank": lambda x: tf.pad(x[..., 0], COUNTS[:3]),
    "counts that are not known": lambda x: tf.pad(x, [[0, 0], [0, tf.shape(x)[0]], [1, 1], [0, 0]]),
    "mirrored": lambda x: tf.pad(x, COUNTS, "SYMMETRIC"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_nothing_else(tmp_path, case):
    assert read_pads(*read(tmp_path, OTHERS[case])) is None
