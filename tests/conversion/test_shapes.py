import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.passes.match import find_dense_layers

from .helpers import normal, spec, view_of

W = normal((3, 4))
B = normal((4,), 1)


def layer_of(path, function, shape):
    view = view_of(path, lambda x: {"y": tf.nn.relu(function(x) + B)}, {"x": spec(*shape)})
    (layer,), _ = find_dense_layers(view)
    return view, layer


@pytest.mark.parametrize(
    "shape", [(None, 5, 3), (None, None, 3), (2, 5, 3), (None, 2, 5, 3), (7, None, 3)]
)
def test_a_tensordot_along_the_last_axis_takes_x_as_it_is(tmp_path, shape):
    view, layer = layer_of(tmp_path, lambda x: tf.tensordot(x, W, 1), shape)
    assert view.through_identities(layer.x) == "x:0"
    assert layer.reshape is None
    assert layer.activation == "relu"
    assert view.nodes[layer.result].op == "Relu"


def test_static_reshapes_that_undo_each_other_go(tmp_path):
    view, layer = layer_of(
        tmp_path, lambda x: tf.reshape(tf.reshape(x, [-1, 3]) @ W, [-1, 5, 4]), (None, 5, 3)
    )
    assert view.through_identities(layer.x) == "x:0"


STAY = {
    "another axis": (lambda x: tf.tensordot(x, W, [[1], [0]]), (None, 3, 5)),
    "another axis of one size": (lambda x: tf.tensordot(x, W, [[1], [0]]), (2, 3, 3)),
    "other leading dimensions": (
        lambda x: tf.reshape(tf.reshape(x, [-1, 3]) @ W, [-1, 10, 4]),
        (None, 5, 3),
    ),
    "another rank": (lambda x: tf.reshape(tf.reshape(x, [-1, 3]) @ W, [-1, 4]), (None, 5, 3)),
    "another last axis": (
        lambda x: tf.reshape(tf.reshape(x, [-1, 3]) @ W, [-1, 5, 4]),
        (None, 5, 6),
    ),
    "a shape computed elsewhere": (
        lambda x: tf.reshape(
            tf.reshape(x, [-1, 3]) @ W, tf.concat([tf.shape(x)[:1] * 5, [-1, 4]], 0)
        ),
        (None, 5, 3),
    ),
    "a gather in another order": (
        lambda x: tf.reshape(
            tf.reshape(x, [-1, 3]) @ W, tf.concat([tf.gather(tf.shape(x), [1, 0]), [4]], 0)
        ),
        (None, None, 3),
    ),
    "the shape of something else": (
        lambda x: tf.reshape(
            tf.reshape(x, [-1, 3]) @ W,
            tf.concat([tf.gather(tf.shape(tf.transpose(x, [1, 0, 2])), [0, 1]), [4]], 0),
        ),
        (None, None, 3),
    ),
}


@pytest.mark.parametrize("case", STAY)
def test_without_a_proof_the_reshape_stays(tmp_path, case):
    function, shape = STAY[case]
    view, layer = layer_of(tmp_path, function, shape)
    assert view.through_identities(layer.x) != "x:0"
    assert layer.reshape is None or view.nodes[layer.reshape].op == "Reshape"


def test_bias_and_relu_are_drawn_in_across_a_reshape_that_stays(tmp_path):
    view, layer = layer_of(tmp_path, *STAY["another axis"])
    assert view.nodes[layer.reshape].op == "Reshape"
    np.testing.assert_array_equal(layer.bias, B)
    assert layer.activation == "relu"
    assert layer.reshape not in layer.absorbed


def test_a_reshape_of_the_last_axis_ends_the_match(tmp_path):
    def function(x):
        return {"y": tf.reshape(x @ W, [-1, 2]) + 1.0}

    view = view_of(tmp_path, function, {"x": spec(None, 3)})
    (layer,), _ = find_dense_layers(view)
    assert view.nodes[layer.result].op == "MatMul"
    assert layer.bias is None
