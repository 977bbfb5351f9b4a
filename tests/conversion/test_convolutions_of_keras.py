"""The law of the conversion for convolutions, in every spelling of both versions of Keras."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfsparse

from .convolutional_models import (
    BOTH,
    FUSED,
    IMAGES,
    SEQUENCES,
    every_input,
    every_kind,
    everything,
    pruned,
    residual_network,
    thinned,
)
from .helpers import FLOAT_CONV_OP, INT8_CONV_OP, nodes, normal, save, spec

SIZES = pytest.mark.parametrize("is_open", [False, True], ids=["fixed", "open"])
KINDS = [*IMAGES, *SEQUENCES]


@functools.cache
def converted(k, is_open, precision):
    """A model with every kind of convolution, its conversion, and the answers of both."""
    model = every_kind(k, is_open)
    data = every_input(24, 5) if precision == "int8" else None
    result = everything(model, precision, data)
    inputs = every_input(6, 9)
    expected = {name: np.asarray(value) for name, value in model(inputs).items()}
    found = {name: value.numpy() for name, value in result(**inputs).items()}
    return result, expected, found


def assert_close(found, expected, bound):
    assert found.shape == expected.shape and np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound * np.abs(expected).max())


@BOTH
@SIZES
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.one_keras
def test_fp32(k, is_open, name):
    result, expected, found = converted(k, is_open, "fp32")
    assert_close(found[name], expected[name], 1e-5)
    if name in FUSED:
        assert result.report[name].converted and result.report[name].fused == FUSED[name]


@BOTH
@SIZES
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.one_keras
def test_int8(k, is_open, name):
    result, expected, found = converted(k, is_open, "int8")
    assert_close(found[name], expected[name], 0.05)
    if name in FUSED:
        row = result.report[name]
        # A norm that cannot be folded is an op of its own, which gives uint8.
        given = "uint8" if name == "norm_before_padding" else "float32"
        assert (row.precision, row.input, row.output) == ("int8", given, "float32")
        assert 0 < row.error < 0.02


@BOTH
@pytest.mark.parametrize("name", FUSED)
@pytest.mark.one_keras
def test_bf16(k, name):
    _, expected, found = converted(k, False, "bf16")
    assert_close(found[name], expected[name], 0.02)


@BOTH
@SIZES
def test_nothing_is_left_of_convolutions(k, is_open):
    result, _, _ = converted(k, is_open, "fp32")
    graph = result.graph_def()
    assert not nodes(graph, "Conv2D") and not nodes(graph, "SpaceToBatchND")
    assert len(nodes(graph, FLOAT_CONV_OP)) == len(KINDS) - 1
    padded = [node for node in nodes(graph, FLOAT_CONV_OP) if any(node.attr["paddings"].list.i)]
    assert padded and not nodes(graph, "Pad")


@BOTH
def test_what_stays_says_why(k):
    result, _, _ = converted(k, False, "fp32")
    reasons = {(row.layer, row.reason) for row in result.report if not row.converted}
    assert reasons == {
        ("separable", "DepthwiseConv2dNative is not converted"),
        ("transposed", "Conv2DBackpropInput is not converted"),
    }


@BOTH
def test_others_stay(k):
    x = k.layers.Input((4, 6, 6, 3), name="x")
    y = k.layers.Conv3D(4, 3, name="volume")(x)
    report = tfsparse.convert(k.Model(x, y)).report
    assert report["volume"].reason == "Conv3D is not converted"
    assert report["volume"].shape == (3, 3, 3, 3, 4)


def images(count, seed):
    return normal((count, 8, 9, 3), seed)


@BOTH
@SIZES
@pytest.mark.one_keras
def test_uint8_flows_through_a_residual_network(k, is_open):
    k.utils.set_random_seed(1)
    model = residual_network(k, (None, None) if is_open else (8, 9))
    result = everything(model, "int8", images(64, 1))
    types = {row.layer: (row.input, row.output) for row in result.report}
    inner = [name for name in types if name not in ("stem", "head", "classes")]
    assert types["stem"] == ("float32", "uint8") and types["head"] == ("uint8", "uint8")
    assert all(types[name] == ("uint8", "uint8") for name in inner)
    residuals = [row.layer for row in result.report if "residual" in row.fused]
    assert residuals in (["a3", "b0"], ["a3", "b3"])
    ops = nodes(result.graph_def(), INT8_CONV_OP)
    uint8 = [node for node in ops if node.attr["Tresidual"].type == tf.uint8.as_datatype_enum]
    assert len(uint8) == 2 and not nodes(result.graph_def(), "MaxPool")
    x = images(16, 2)
    (found,) = result(x).values()
    expected = np.asarray(model(x))
    assert np.linalg.norm(found.numpy() - expected) < 0.05 * np.linalg.norm(expected)


@BOTH
def test_a_nested_and_a_subclassed_model(k):
    class Block(k.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.conv = k.layers.Conv2D(4, 3, padding="same", name="conv")
            self.norm = k.layers.BatchNormalization(name="norm")

        def call(self, x):
            return k.activations.relu(self.norm(self.conv(x)) + x)

    inner = k.Sequential(
        [k.layers.Input((8, 9, 4)), k.layers.Conv2D(4, 3, padding="same", name="inside")],
        name="inner",
    )
    x = k.layers.Input((8, 9, 4), name="x")
    model = thinned(k.Model(x, Block(name="block")(k.layers.ReLU()(inner(x)))))
    words = {row.layer: "convert" for row in tfsparse.convert(model).report}
    result = tfsparse.convert(model, overrides=words)
    names = {row.layer: row.fused for row in result.report}
    inside, block = sorted(names, key=lambda name: name.startswith("block"))
    assert inside in ("inner/inside", "inside") and names[inside] == ("bias", "relu")
    assert names[block] == ("bias", "residual", "relu")
    data = normal((3, 8, 9, 4), 4)
    (found,) = result(data).values()
    assert_close(found.numpy(), np.asarray(model(data)), 1e-5)


def mobile_net(k):
    return k.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None)


def res_net(k):
    return k.applications.ResNet50(False, pooling="avg", weights=None, input_shape=(32, 32, 3))


@pytest.mark.parametrize(
    ("k", "build"),
    [
        pytest.param(keras, mobile_net, marks=pytest.mark.long),
        (tf_keras, mobile_net),
        pytest.param(tf_keras, res_net, marks=pytest.mark.long),
    ],
)
def test_an_application(tmp_path, k, build):
    model = pruned(build(k))
    x = normal((2, 32, 32, 3), 7)
    convolutions = [each for each in model.layers if type(each) is k.layers.Conv2D]
    # Keras traces a model several times to export it; this traces it once.
    variables = [getattr(each, "value", each) if k is keras else each for each in model.weights]
    save(
        tmp_path, lambda x: {"y": model(x, training=False)}, {"x": spec(None, 32, 32, 3)}, variables
    )
    overrides = {each.name: "convert" for each in convolutions}
    result = tfsparse.convert(tmp_path, overrides=overrides)
    assert_close(result(x)["y"].numpy(), np.asarray(model(x)), 1e-5)
    assert len(nodes(result.graph_def(), FLOAT_CONV_OP)) == len(convolutions)


def test_ranges_that_are_measured_in_each_call():
    model = residual_network(tf_keras)
    result = everything(model, "int8", activations="dynamic")
    assert {(row.precision, row.output) for row in result.report} == {("int8", "float32")}
    x = images(16, 2)
    (found,) = result(x).values()
    expected = np.asarray(model(x))
    assert np.linalg.norm(found.numpy() - expected) < 0.05 * np.linalg.norm(expected)


def test_each_convolution_in_the_precision_that_its_error_allows():
    model = residual_network(tf_keras)
    for max_error, precisions in ((1.0, {"int8", "bf16"}), (0.0, {"fp32"})):
        result = everything(model, "auto", images(32, 1), max_error=max_error)
        assert {row.precision for row in result.report if row.converted} == precisions


def test_words_on_single_convolutions():
    model = residual_network(tf_keras)
    words = {"stem": "skip", "a2": "8x2", "b2": "convert"}
    rows = {row.layer: row for row in tfsparse.convert(model, overrides=words).report}
    assert not rows["stem"].converted and rows["stem"].reason == "skipped by `overrides`"
    assert rows["a2"].block == "8x2" and rows["b2"].converted
    grouped = tf_keras.Sequential(
        [tf_keras.layers.Input((6, 6, 4)), tf_keras.layers.Conv2D(12, 3, groups=2, name="halves")]
    )
    with pytest.raises(ValueError, match="divides the filters of a group"):
        tfsparse.convert(grouped, overrides={"halves": "4x1"})
