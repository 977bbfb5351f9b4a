"""What is fused behind the products predicts what the model predicts, from both Kerases."""

import keras
import numpy as np
import pytest
import tf_keras

from .helpers import normal
from .test_convert import assert_close, everything, only, sparsify

BOTH = pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras3", "tf_keras"])
ACTIVATIONS = {
    "relu": lambda k: "relu",
    "relu6": lambda k: k.layers.ReLU(max_value=6),
    "gelu": lambda k: "gelu",
    "gelu_tanh": lambda k: lambda x: k.activations.gelu(x, approximate=True),
    "sigmoid": lambda k: "sigmoid",
    "tanh": lambda k: "tanh",
    "silu": lambda k: "swish",
}


def mlp(k, name):
    layers = [
        k.layers.Input((20,), name="x"),
        k.layers.Dense(24, activation=ACTIVATIONS[name](k), name="first"),
        k.layers.Dense(16, activation=ACTIVATIONS[name](k), name="second"),
        k.layers.Dense(5, name="last"),
    ]
    return sparsify(k.Sequential(layers))


def feed_forward(k, name):
    """A transformer's: x + Dense(act(Dense(LayerNorm(x)))), and a norm after."""
    x = k.layers.Input((7, 16), name="x")
    start = k.layers.LayerNormalization(name="norm")(x)
    hidden = k.layers.Dense(32, activation=ACTIVATIONS[name](k), name="up")(start)
    y = k.layers.Add()([x, k.layers.Dense(16, name="down")(hidden)])
    return sparsify(k.Model(x, k.layers.LayerNormalization(name="after")(y)))


@BOTH
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_mlp(k, name):
    model, x = mlp(k, name), normal((64, 20), 9)
    converted = everything(model)
    assert [op.fused for op in converted.report] == [("bias", name), ("bias", name), ("bias",)]
    assert_close(only(converted(x)), model(x))

    quantized = everything(model, "int8", normal((300, 20), 3))
    assert [op.output for op in quantized.report] == ["uint8", "uint8", "float32"]
    expected = np.asarray(model(x))
    assert np.abs(only(quantized(x)) - expected).max() < 0.05 * np.abs(expected).max()


@BOTH
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "relu", "silu"])
def test_a_feed_forward_block_with_residual(k, name):
    model, x = feed_forward(k, name), normal((9, 7, 16), 9)
    converted = everything(model)
    assert converted.report["up"].fused == ("bias", name)
    assert converted.report["down"].fused == ("bias", "residual")
    assert_close(only(converted(x)), model(x))

    quantized = everything(model, "int8", normal((50, 7, 16), 3))
    assert quantized.report["up"].output == quantized.report["down"].input == "uint8"
    expected = np.asarray(model(x))
    assert np.abs(only(quantized(x)) - expected).max() < 0.05 * np.abs(expected).max()


@BOTH
def test_a_residual_before_the_activation(k):
    """As in a ResNet: relu(x + Dense(relu(Dense(x))))."""
    x = k.layers.Input((16,), name="x")
    hidden = k.layers.Dense(24, activation="relu", name="one")(x)
    y = k.layers.Add()([k.layers.Dense(16, name="two")(hidden), x])
    model = sparsify(k.Model(x, k.layers.Dense(4, name="last")(k.layers.ReLU()(y))))
    data = normal((60, 16), 4)
    converted = everything(model)
    assert converted.report["two"].fused == ("bias", "residual", "relu")
    assert_close(only(converted(data)), model(data))

    quantized = everything(model, "int8", normal((300, 16), 3))
    assert quantized.report["two"].output == quantized.report["last"].input == "uint8"
    expected = np.asarray(model(data))
    assert np.abs(only(quantized(data)) - expected).max() < 0.05 * np.abs(expected).max()


@BOTH
def test_of_two_products_that_are_added_one_takes_the_other(k):
    x = k.layers.Input((20,), name="x")
    y = k.layers.Add()([k.layers.Dense(8, name="one")(x), k.layers.Dense(8, name="two")(x)])
    model = sparsify(k.Model(x, k.layers.Activation("tanh")(y)))
    converted = everything(model)
    fused = sorted(op.fused for op in converted.report)
    assert fused == [("bias",), ("bias", "residual", "tanh")]
    data = normal((30, 20), 1)
    assert_close(only(converted(data)), model(data))
