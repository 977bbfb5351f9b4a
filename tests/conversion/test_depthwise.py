"""Depthwise convolutions and squeeze-and-excite between INT8 layers, as both Keras write them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse

from .helpers import nodes, normal

pytestmark = pytest.mark.one_keras

DEPTHWISE, GATE = "Tfsparse>QuantizedDepthwiseConv2D", "Tfsparse>GateChannels"
BOTH = pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras", "tf_keras"])
SIZES = pytest.mark.parametrize("is_open", [False, True], ids=["fixed", "open"])
IMAGE = (16, 14)
X = normal((12, *IMAGE, 8), 1)


def start(k, is_open):
    image = (None, None) if is_open else IMAGE
    x = k.layers.Input((*image, 8), name="x")
    return x, k.layers.Conv2D(48, 1, activation="relu", name="expand")(x)


def project(k, x, h):
    h = k.layers.Conv2D(16, 1, name="project")(h)
    model = k.Model(x, h)
    for seed, weight in enumerate(model.weights):
        wide = np.sqrt(np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 4
        positive = "variance" in weight.name
        value = normal(weight.shape, seed) / wide
        weight.assign(1 + np.abs(value) if positive else value)
    return model


def mobile(k, is_open, stride=2, padding="valid", **options):
    """A block of MobileNetV2: padding of its own, BatchNorm, ReLU6."""
    x, h = start(k, is_open)
    if padding == "valid":
        h = k.layers.ZeroPadding2D(((0, 1), (0, 1)))(h)
    h = k.layers.DepthwiseConv2D(
        3, strides=stride, padding=padding, use_bias=False, name="depthwise", **options
    )(h)
    h = k.layers.ReLU(6.0)(k.layers.BatchNormalization(name="norm")(h))
    return project(k, x, h)


def excited(k, is_open):
    """A block of EfficientNet: SiLU and squeeze-and-excite."""
    x, h = start(k, is_open)
    h = k.layers.DepthwiseConv2D(5, padding="same", activation="swish", name="depthwise")(h)
    s = k.layers.GlobalAveragePooling2D()(h)
    s = k.layers.Reshape((1, 1, 48))(s)
    s = k.layers.Conv2D(4, 1, activation="swish", name="reduce")(s)
    s = k.layers.Conv2D(48, 1, activation="sigmoid", name="excite")(s)
    return project(k, x, k.layers.Multiply()([h, s]))


def converted(model, **options):
    words = dict.fromkeys(("expand", "project"), "convert")
    return tfsparse.convert(model, "int8", X, overrides=words, **options)


def assert_predicts(result, model, x=X, bound=0.03):
    expected = np.asarray(model(x))
    (found,) = result(x).values()
    assert np.linalg.norm(found.numpy() - expected) < bound * np.linalg.norm(expected)


BLOCKS = {
    "by two": mobile,
    "same": lambda k, is_open: mobile(k, is_open, 1, "same"),
    "dilated": lambda k, is_open: mobile(k, is_open, 1, "same", dilation_rate=2),
}


@BOTH
@SIZES
@pytest.mark.parametrize("block", BLOCKS)
def test_passes_uint8_on(k, is_open, block):
    model = BLOCKS[block](k, is_open)
    result = converted(model)
    row = result.report["depthwise"]
    assert (row.converted, row.precision, row.fused) == (True, "int8", ("bias", "relu6"))
    assert (row.input, row.output) == ("uint8", "uint8")
    assert (result.report["expand"].output, result.report["project"].input) == ("uint8", "uint8")
    graph = result.graph_def()
    assert len(nodes(graph, DEPTHWISE)) == 1
    assert not nodes(graph, "DepthwiseConv2dNative") and not nodes(graph, "Pad")
    assert_predicts(result, model)


@BOTH
@SIZES
def test_squeeze_and_excite_keeps_uint8(k, is_open):
    model = excited(k, is_open)
    result = converted(model)
    graph = result.graph_def()
    (gate,) = nodes(graph, GATE)
    assert gate.attr["Tin"].type == gate.attr["Tout"].type == tf.uint8.as_datatype_enum
    assert len(nodes(graph, DEPTHWISE)) == len(nodes(graph, "Tfsparse>ChannelMeans")) == 1
    assert result.report["project"].input == "uint8"
    assert_predicts(result, model)
    assert_predicts(result, model, X[:1])


def stays(k, h, name):
    """What follows or replaces the depthwise convolution where it stays in TensorFlow."""
    layers = k.layers
    if name == "two kernels a channel":
        return layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(h)
    h = layers.DepthwiseConv2D(3, name="depthwise")(h)
    if name == "read by another":
        return layers.Concatenate()([h, layers.Softmax()(h)])
    return layers.Softmax()(h)


@pytest.mark.parametrize("name", ["two kernels a channel", "read by another", "changed"])
def test_stays(name):
    x, h = start(keras, False)
    model = project(keras, x, stays(keras, h, name))
    result = converted(model)
    row = result.report["depthwise"]
    assert (row.converted, row.reason) == (False, "DepthwiseConv2dNative is not converted")
    assert not nodes(result.graph_def(), DEPTHWISE)
    assert_predicts(result, model)


def test_stays_if_skipped():
    model = mobile(keras, False)
    words = {"expand": "convert", "project": "convert", "depthwise": "skip"}
    result = tfsparse.convert(model, "int8", X, overrides=words)
    assert not result.report["depthwise"].converted
    assert not nodes(result.graph_def(), DEPTHWISE)
    assert_predicts(result, model)


@pytest.mark.parametrize(
    "options",
    [
        {"precision": "fp32"},
        {"precision": "int8", "activations": "dynamic"},
        {"precision": "int8", "calibration_data": X, "ops": "tensorflow"},
    ],
    ids=["fp32", "dynamic", "ops of TensorFlow"],
)
def test_stays_without_calibrated_uint8(options):
    model = mobile(keras, False)
    words = dict.fromkeys(("expand", "project"), "convert")
    result = tfsparse.convert(model, overrides=words, **options)
    assert not nodes(result.graph_def(), DEPTHWISE)
    assert_predicts(result, model)


def test_relu6_beyond_the_range_is_a_relu():
    """Saturation bounds what calibration saw below 6."""
    model = mobile(keras, False)
    (node,) = nodes(converted(model).graph_def(), DEPTHWISE)
    assert node.attr["activation"].s == b"relu"
    assert_predicts(converted(model), model)


def test_a_gate_of_another_batch_is_no_gate():
    x, h = start(keras, False)
    h = keras.layers.DepthwiseConv2D(3, padding="same", name="depthwise")(h)
    first = keras.layers.Lambda(lambda h: tf.reduce_mean(h[:1], (1, 2), keepdims=True))(h)
    model = project(keras, x, keras.layers.Multiply()([h, first]))
    result = converted(model)
    assert not nodes(result.graph_def(), GATE)
    assert_predicts(result, model)
