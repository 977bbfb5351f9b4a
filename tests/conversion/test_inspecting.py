"""What `inspect_model` says will be converted is what a conversion converts."""

import keras
import numpy as np
import pytest
import tf_keras

import tfsparse
from tfsparse.conversion.inspecting import inspect_model

from .helpers import blocky

pytestmark = pytest.mark.one_keras


def perceptron(k):
    """The last layer is too narrow to gain alone."""
    x = k.Input((512,))
    h = k.layers.Dense(512, "relu", name="first")(x)
    h = k.layers.Dense(512, "relu", name="second")(h)
    return k.Model(x, k.layers.Dense(4, name="scores")(h))


def convolutions(k):
    """Blocks of depthwise and pointwise ones, and narrow ones that let others take uint8."""
    x = h = k.Input((16, 16, 64))
    for index, width in enumerate((64, 16, 128)):
        h = k.layers.DepthwiseConv2D(3, padding="same", name=f"depthwise_{index}")(h)
        h = k.layers.ReLU(6.0)(h)
        h = k.layers.Conv2D(width, 1, name=f"pointwise_{index}", use_bias=False)(h)
        h = k.layers.ReLU(6.0)(k.layers.BatchNormalization()(h))
    h = k.layers.GlobalAveragePooling2D()(k.layers.Conv2D(64, 3, name="wide")(h))
    return k.Model(x, k.layers.Dense(10, name="scores")(h))


def attention(k):
    x = k.Input((32, 128))
    h = k.layers.LayerNormalization()(x + k.layers.MultiHeadAttention(4, 32, name="heads")(x, x))
    h = k.layers.Dense(256, "gelu", name="up")(h)
    return k.Model(x, k.layers.Dense(3, name="scores")(k.layers.Dense(128, name="down")(h)))


def zeros_in_blocks(model):
    for seed, variable in enumerate(model.weights):
        shape = tuple(variable.shape)
        if len(shape) > 1 and shape[-1] >= 16:
            rows = int(np.prod(shape[:-1]))
            matrix = blocky(shape[-1], rows, (4, 1), 0.15, seed) / np.sqrt(0.15 * rows)
            variable.assign(matrix.T.reshape(shape))
    return model


@pytest.mark.parametrize(
    ("k", "make", "precision"),
    [
        *((keras, perceptron, precision) for precision in ("fp32", "bf16", "int8")),
        (tf_keras, perceptron, "int8"),
        (keras, convolutions, "int8"),
        (tf_keras, convolutions, "int8"),
        (keras, attention, "int8"),
    ],
)
def test_it_says_what_a_conversion_does(k, make, precision):
    k.utils.set_random_seed(0)
    model = zeros_in_blocks(make(k))
    data = np.random.default_rng(0).normal(size=(8, *model.input_shape[1:])).astype(np.float32)
    options = {"batch_size": 8, "target": "zen4"}
    report = tfsparse.convert(model, precision, data, **options).report
    found = inspect_model(model, precision, **options)
    expected = {row.layer: (row.converted, row.reason, row.block, row.speedup) for row in report}
    shown = {row.layer: _shown(row) for row in found.layers}
    assert shown == expected and len(found.layers) == len(report)
    whole = [(row.layer, row.kind, row.converted, row.reason) for row in report.whole_layers]
    assert whole == [(row.layer, row.kind, row.converted, row.reason) for row in found.whole_layers]
    if precision == "int8":
        reasons = " ".join(row.reason for row in found.layers)
        assert {
            perceptron: "runs in one op with its neighbours",
            convolutions: "lets its readers take uint8",
            attention: "predicted faster",
        }[make] in reasons


def _shown(layer):
    block = layer.block if layer.converts else None
    return layer.converts, layer.reason, block, layer.speedup
