import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfsparse.conversion.activations import find_activation

from .helpers import spec, view_of


def found(path, function):
    """What is found behind a ``tf.exp`` of the input."""
    view = view_of(path, lambda x: {"y": tf.sqrt(function(tf.exp(x)))}, {"x": spec(None, 3)})
    (node,) = (node for node in view.nodes.values() if node.op == "Exp")
    return find_activation(view, f"{node.name}:0")


SPELLINGS = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "relu6 of a layer": keras.layers.ReLU(max_value=6),
    "relu6 by minimum": lambda x: tf.minimum(tf.nn.relu(x), 6.0),
    "relu6 by maximum": lambda x: tf.maximum(0.0, tf.minimum(6.0, x)),
    "relu6 by clip": lambda x: tf.clip_by_value(x, 0.0, 6.0),
    "relu6 by op": lambda x: tf.raw_ops.ClipByValue(t=x, clip_value_min=0.0, clip_value_max=6.0),
    "relu6 twice": lambda x: tf.nn.relu(tf.nn.relu6(tf.nn.relu(x))),
    "relu by maximum": lambda x: tf.maximum(x, 0.0),
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "silu of Keras 3": keras.activations.silu,
    "silu of tf_keras": tf_keras.activations.swish,
    "silu of tf.nn": tf.nn.silu,
    "silu by hand": lambda x: tf.sigmoid(x) * x,
    "gelu of Keras 3": keras.activations.gelu,
    "gelu of tf_keras": tf_keras.activations.gelu,
    "gelu by erf": lambda x: 0.5 * x * (1 + tf.math.erf(x / np.float32(np.sqrt(2)))),
    "gelu by cdf": lambda x: x * (0.5 * (1.0 + tf.math.erf(x * np.float32(np.sqrt(0.5))))),
    "gelu_tanh of Keras 3": lambda x: keras.activations.gelu(x, approximate=True),
    "gelu_tanh of tf_keras": lambda x: tf_keras.activations.gelu(x, approximate=True),
    "gelu_tanh by cube": lambda x: (
        0.5 * x * (1 + tf.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
    ),
    "gelu_tanh factored": lambda x: (
        0.5 * x * (1 + tf.tanh(0.7978845608 * x * (1 + 0.044715 * tf.square(x))))
    ),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_finds_every_spelling(tmp_path, case):
    assert found(tmp_path, SPELLINGS[case]).name == case.split()[0]


OTHERS = {
    "elu": tf.nn.elu,
    "another slope": lambda x: x * tf.sigmoid(1.702 * x),
    "another half": lambda x: 0.6 * x * (1 + tf.math.erf(x / np.float32(np.sqrt(2)))),
    "another root": lambda x: 0.5 * x * (1 + tf.math.erf(x)),
    "another cube": lambda x: 0.5 * x * (1 + tf.tanh(0.7978845608 * (x + 0.0447 * x * x * x))),
    "a vector of halves": lambda x: (
        tf.constant([0.5, 0.5, 0.5]) * x * (1 + tf.math.erf(x / np.float32(np.sqrt(2))))
    ),
    "read beside it": lambda x: tf.nn.relu(x) + x,
    "read inside it": lambda x: (lambda s: x * s + tf.sqrt(s))(tf.sigmoid(x)),
    "another bound": lambda x: tf.clip_by_value(x, -1.0, 6.0),
    "a bound that moves": lambda x: tf.minimum(x, tf.reverse(x, [0])),
    "bounds that do not overlap": lambda x: tf.maximum(tf.minimum(x, -1.0), 0.0),
    "of two tensors": lambda x: x * tf.sigmoid(tf.reverse(x, [0])),
}


@pytest.mark.parametrize("case", OTHERS)
def test_finds_nothing_else(tmp_path, case):
    assert found(tmp_path, OTHERS[case]) is None


def test_an_output_inside_is_not_drawn_in(tmp_path):
    def function(x):
        middle = tf.exp(x)
        gate = tf.sigmoid(middle)
        return {"y": middle * gate, "gate": gate}

    view = view_of(tmp_path, function, {"x": spec(None, 3)})
    (node,) = (node for node in view.nodes.values() if node.op == "Exp")
    assert find_activation(view, f"{node.name}:0") is None
