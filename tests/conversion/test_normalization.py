"""Every spelling of a normalization is found, and nothing that only looks like one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfsparse.conversion.normalization import find_normalizations

from .helpers import normal, spec, view_of

pytestmark = pytest.mark.one_keras

C = 6
GAMMA, BETA = normal((C,), 1), normal((C,), 2)


def by_hand(x, gamma=GAMMA, beta=BETA, epsilon=1e-5):
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), axis=2, keepdims=True)
    return gamma * (x - mean) / tf.sqrt(variance + epsilon) + beta


def of_moments(x):
    mean, variance = tf.nn.moments(x, [2], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, BETA, GAMMA, 1e-5)


def of_means_of_squares(x):
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(x * x, -1, keepdims=True) - mean * mean
    return (x - mean) * tf.math.pow(tf.maximum(variance, 0.0) + 1e-5, -0.5) * GAMMA + BETA


def rms(x, root=tf.math.rsqrt):
    return x * root(tf.reduce_mean(x**2, -1, keepdims=True) + 1e-5) * GAMMA


def layer(k, cls="LayerNormalization", **settings):
    made = getattr(k.layers, cls)(epsilon=1e-5, **settings)
    made.build((None, None, C))
    for place, variable in enumerate(made.weights):
        variable.assign((GAMMA, BETA)[place])
    return made


def view_behind(path, function, given):
    """The view of a function between two ``tf.exp``."""
    variables = [
        each.value if isinstance(each, keras.Variable) else each
        for each in getattr(function, "weights", [])
    ]
    return view_of(path, lambda x: {"y": tf.exp(function(tf.exp(x)))}, {"x": given}, variables)


SPELLINGS = {
    "layer of Keras 3": layer(keras),
    "layer of tf_keras": layer(tf_keras),
    "layer of tf_keras by a batch norm": "fused",
    "layer by hand": by_hand,
    "layer of moments": of_moments,
    "layer of means of squares": of_means_of_squares,
    "rms of Keras 3": layer(keras, "RMSNormalization"),
    "rms by hand": rms,
    "rms by a root": lambda x: rms(x, lambda v: 1 / tf.sqrt(v)),
    "rms by a reciprocal": lambda x: rms(x, lambda v: tf.math.reciprocal(tf.sqrt(v))),
}


@pytest.mark.parametrize("lead", [(None, None), (None, 5), (3, 5)], ids=["open", "batch", "fixed"])
@pytest.mark.parametrize("case", SPELLINGS)
def test_finds_every_spelling(tmp_path, case, lead):
    epsilon, function = 1e-5, SPELLINGS[case]
    if function == "fused":
        # The batch norm of TensorFlow takes no smaller epsilon than 0.001.
        epsilon, function = 1e-3, layer(tf_keras)
        function.epsilon = epsilon
        function._fused = True
    view = view_behind(tmp_path, function, spec(*lead, C))
    (found,), unmatched = find_normalizations(view)
    assert not unmatched
    assert found.kind == case.split()[0]
    assert view.nodes[found.x.split(":")[0]].op == "Exp"
    np.testing.assert_allclose(found.gamma, GAMMA, rtol=1e-6)
    if found.kind == "layer":
        np.testing.assert_allclose(found.beta, BETA, rtol=1e-6)
    assert found.epsilon == pytest.approx(epsilon)
    (after,) = (n for n in view.nodes.values() if n.op == "Exp" and n.name not in found.x)
    assert view.through_identities(view.data_inputs(after)[0]) == f"{found.result}:0"


def test_scale_and_center_may_be_missing(tmp_path):
    function = layer(keras, center=False, scale=False)
    ((found,), _) = find_normalizations(view_behind(tmp_path, function, spec(None, 4, C)))
    assert found.gamma is None
    assert found.beta is None


def along_another_axis(x):
    mean, variance = tf.nn.moments(x, [1], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-5)


OTHERS = {
    "another axis": along_another_axis,
    "all axes": lambda x: x * tf.math.rsqrt(tf.reduce_mean(x * x, [1, 2], keepdims=True) + 1e-5),
    "no mean of squares": lambda x: x * tf.math.rsqrt(tf.reduce_mean(x, -1, keepdims=True) + 1e-5),
    "half of the mean": lambda x: (
        (x - 0.5 * tf.reduce_mean(x, -1, keepdims=True))
        * tf.math.rsqrt(tf.math.reduce_variance(x, -1, keepdims=True) + 1e-5)
    ),
    "of two tensors": lambda x: (
        tf.reverse(x, [1]) * tf.math.rsqrt(tf.reduce_mean(x * x, -1, keepdims=True) + 1e-5)
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_finds_nothing_else(tmp_path, case):
    view = view_of(tmp_path, lambda x: {"y": OTHERS[case](x)}, {"x": spec(None, 4, C)})
    assert find_normalizations(view) == ([], [])


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_two_axes_of_tf_keras_are_none(tmp_path, epsilon):
    function = tf_keras.layers.LayerNormalization(axis=(1, 2), epsilon=epsilon)
    function.build((None, 4, C))
    view = view_behind(tmp_path, function, spec(None, 4, C))
    assert find_normalizations(view) == ([], [])


def test_a_variance_that_is_read_elsewhere_stays(tmp_path):
    def function(x):
        mean, variance = tf.nn.moments(x, [2], keepdims=True)
        y = tf.nn.batch_normalization(x, mean, variance, BETA, GAMMA, 1e-5)
        return {"y": y, "variance": variance}

    found, (stayed,) = find_normalizations(view_of(tmp_path, function, {"x": spec(None, 4, C)}))
    assert not found
    assert "something else" in stayed.reason
