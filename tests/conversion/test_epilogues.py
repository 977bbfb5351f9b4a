"""What is fused behind the products predicts what the model predicts, from both Kerases."""

import functools

import keras
import numpy as np
import pytest
import tf_keras

from .convolutional_models import everything
from .helpers import normal
from .test_convert import assert_close, only, sparsify

pytestmark = pytest.mark.one_keras

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


BLOCKS = ("gelu", "gelu_tanh", "relu", "silu")


@functools.cache
def mlps(k):
    """A model with a perceptron for each activation, its data and what it gives."""
    x = k.layers.Input((20,), name="x")
    outputs = {}
    for name, activation in ACTIVATIONS.items():
        first = k.layers.Dense(24, activation=activation(k), name=f"{name}_first")(x)
        second = k.layers.Dense(16, activation=activation(k), name=f"{name}_second")(first)
        outputs[name] = k.layers.Dense(5, name=f"{name}_last")(second)
    return joined(k, x, outputs, normal((64, 20), 9))


@functools.cache
def feed_forwards(k):
    """Blocks of a transformer for some activations, likewise.

    Each is x + Dense(act(Dense(LayerNorm(x)))), and a norm after.
    """
    x = k.layers.Input((7, 16), name="x")
    outputs = {}
    for name in BLOCKS:
        start = k.layers.LayerNormalization(name=f"{name}_norm")(x)
        hidden = k.layers.Dense(32, activation=ACTIVATIONS[name](k), name=f"{name}_up")(start)
        y = k.layers.Add()([x, k.layers.Dense(16, name=f"{name}_down")(hidden)])
        outputs[name] = k.layers.LayerNormalization(name=f"{name}_after")(y)
    return joined(k, x, outputs, normal((9, 7, 16), 9))


def joined(k, x, outputs, data):
    """One model of several that have the same weights; with data and what it gives for them."""
    for y in outputs.values():
        sparsify(k.Model(x, y))
    model = k.Model(x, outputs)
    return model, data, model(data)


@functools.cache
def converted(models, k, precision):
    """The report of a conversion and what the converted model gives."""
    model, x, _ = models(k)
    calibration = normal((300 if models is mlps else 50, *x.shape[1:]), 3)
    result = everything(model, precision, calibration if precision == "int8" else None)
    return result.report, result(x)


def assert_near(found, expected):
    expected = np.asarray(expected)
    assert np.abs(np.asarray(found) - expected).max() < 0.05 * np.abs(expected).max()


@BOTH
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_mlp(k, name):
    _, _, expected = mlps(k)
    layers = [f"{name}_{part}" for part in ("first", "second", "last")]
    report, found = converted(mlps, k, "fp32")
    assert [report[each].fused for each in layers] == [("bias", name), ("bias", name), ("bias",)]
    assert_close(found[name], expected[name])

    report, found = converted(mlps, k, "int8")
    assert [report[each].output for each in layers] == ["uint8", "uint8", "float32"]
    assert_near(found[name], expected[name])


@BOTH
@pytest.mark.parametrize("name", BLOCKS)
def test_a_feed_forward_block_with_residual(k, name):
    _, _, expected = feed_forwards(k)
    report, found = converted(feed_forwards, k, "fp32")
    assert report[f"{name}_up"].fused == ("bias", name)
    assert report[f"{name}_down"].fused == ("bias", "residual")
    assert_close(found[name], expected[name])

    report, found = converted(feed_forwards, k, "int8")
    assert report[f"{name}_up"].output == report[f"{name}_down"].input == "uint8"
    assert_near(found[name], expected[name])


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
