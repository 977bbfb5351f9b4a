"""BatchNorm beside a dense layer is folded into it, and the activation behind it is fused.

Reported: Dense, BatchNorm, ReLU became 2.2 to 2.4 times slower, because nothing was folded: no
chain, no uint8 between layers.
"""

import numpy as np
import pytest
import tensorflow as tf

from .models import (
    BF16_BOUND,
    BOTH,
    FP32_BOUND,
    INT8_BOUND,
    assert_close,
    function,
    kernel,
    normal,
    serve_all,
    spec,
    thin,
)

pytestmark = pytest.mark.one_keras

ARITHMETIC = {"Mul", "Rsqrt", "Sub", "AddV2", "FusedBatchNormV3", "Relu", "BiasAdd", "MatMul"}

KINDS = {
    "scale and center": {},
    "no scale": {"scale": False},
    "no center": {"center": False},
    "neither": {"scale": False, "center": False},
}
KIND = pytest.mark.parametrize("kind", KINDS)


def _behind(k, kind, length=None, bias=True):
    shape = (256,) if length is None else (length, 256)
    x = inputs = k.Input(shape, name="x")
    for name in ("first", "second"):
        x = k.layers.Dense(256, use_bias=bias, name=name)(x)
        x = k.layers.BatchNormalization(**KINDS[kind])(x)
        x = k.layers.ReLU()(x)
    return thin(k.Model(inputs, x))


def _before(k, kind, length=None):
    shape = (256,) if length is None else (length, 256)
    x = inputs = k.Input(shape, name="x")
    for name in ("first", "second"):
        x = k.layers.BatchNormalization(**KINDS[kind])(x)
        x = k.layers.Dense(256, activation="relu", name=name)(x)
    return thin(k.Model(inputs, x))


@BOTH
@KIND
@pytest.mark.parametrize("build", [_behind, _before])
def test_nothing_is_left_of_a_norm(tmp_path, k, kind, build):
    model = build(k, kind)
    served = serve_all(tmp_path, model)
    assert served.converted == ["first", "second"]
    assert not ARITHMETIC & set(served.ops())
    assert all(set(row.fused) == {"bias", "relu"} for row in served.report)
    assert all(row.chain == ("first", "second") for row in served.report)
    x = normal((5, 256))
    assert_close(served.only(x), np.asarray(model(x)))


@BOTH
@pytest.mark.parametrize("build", [_behind, _before])
@pytest.mark.parametrize("length", [7])
def test_a_norm_over_sequences(tmp_path, k, build, length):
    model = build(k, "scale and center", length)
    served = serve_all(tmp_path, model)
    assert served.converted == ["first", "second"]
    assert not ARITHMETIC & set(served.ops())
    x = normal((2, length, 256))
    assert_close(served.only(x), np.asarray(model(x)))


@BOTH
def test_layers_without_a_bias(tmp_path, k):
    model = _behind(k, "scale and center", bias=False)
    served = serve_all(tmp_path, model)
    assert served.converted == ["first", "second"]
    assert not ARITHMETIC & set(served.ops())
    x = normal((5, 256))
    assert_close(served.only(x), np.asarray(model(x)))


@BOTH
@pytest.mark.parametrize("build", [_behind, _before])
def test_uint8_is_passed_over_a_norm(tmp_path, k, build):
    model = build(k, "scale and center")
    served = serve_all(tmp_path, model, "int8", normal((64, 256)))
    assert [(row.input, row.output) for row in served.report] == [
        ("float32", "uint8"),
        ("uint8", "float32"),
    ]
    x = normal((8, 256), 1)
    assert_close(served.only(x), np.asarray(model(x)), INT8_BOUND)


@BOTH
def test_a_norm_on_both_sides(tmp_path, k):
    layers = [
        k.layers.Input((256,), name="x"),
        k.layers.BatchNormalization(),
        k.layers.Dense(256, use_bias=False, name="d"),
        k.layers.BatchNormalization(),
        k.layers.Activation("gelu"),
    ]
    model = thin(k.Sequential(layers))
    served = serve_all(tmp_path, model)
    assert served.converted == ["d"] and served.report["d"].fused == ("bias", "gelu")
    assert "Mul" not in served.ops() and "AddV2" not in served.ops()
    x = normal((5, 256))
    assert_close(served.only(x), np.asarray(model(x)))


@BOTH
def test_a_norm_whose_result_is_read_twice_is_right_too(tmp_path, k):
    inputs = k.Input((256,), name="x")
    normed = k.layers.BatchNormalization()(k.layers.Dense(256, name="first")(inputs))
    first = k.layers.ReLU()(normed)
    model = k.Model(inputs, k.layers.Dense(256, name="second")(first) + normed)
    served = serve_all(tmp_path, thin(model))
    assert served.converted == ["first", "second"]
    x = normal((5, 256))
    assert_close(served.only(x), np.asarray(model(x)))


@BOTH
def test_a_norm_that_two_layers_read(tmp_path, k):
    """The norm before cannot be folded into one of them alone, and is not lost for the other."""
    inputs = k.Input((256,), name="x")
    normed = k.layers.BatchNormalization()(inputs)
    outputs = [k.layers.Dense(256, name=name)(normed) for name in ("one", "two")]
    model = thin(k.Model(inputs, k.layers.Concatenate()([*outputs, normed])))
    served = serve_all(tmp_path, model)
    assert served.converted == ["one", "two"]
    x = normal((5, 256))
    assert_close(served.only(x), np.asarray(model(x)))


def _fused(x, mean, variance, gamma, beta):
    rows = tf.reshape(x, [-1, 1, 1, 256])
    y = tf.compat.v1.nn.fused_batch_norm(rows, gamma, beta, mean, variance, is_training=False)[0]
    return tf.reshape(y, [-1, 256])


def _by_hand(x, mean, variance, gamma, beta):
    return (x - mean) / tf.sqrt(variance + 1e-3) * gamma + beta


def _by_tensorflow(x, mean, variance, gamma, beta):
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)


@pytest.mark.parametrize("norm", [_by_hand, _by_tensorflow, _fused])
def test_norms_of_a_module(tmp_path, norm):
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    rng = np.random.default_rng(0)
    values = [normal((256,), 1), *(rng.uniform(0.5, 1.5, (2, 256))), normal((256,), 2)]
    parts = [tf.Variable(np.float32(value)) for value in values]
    source = function(
        tmp_path,
        lambda x: {"y": tf.nn.relu(norm(x @ w, *parts))},
        {"x": spec(None, 256)},
        [w, *parts],
    )
    served = serve_all(tmp_path, source.folder)
    assert served.converted == ["d"]
    x = normal((5, 256))
    assert_close(served(x=x), source(x=x))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@BOTH
def test_inputs_of_different_magnitudes_are_rounded_after_they_are_normalized(
    tmp_path, k, precision
):
    """INT8 was off by the whole result, because it rounded what `Normalization` is given."""
    width = np.where(np.arange(256) % 2, 1.0, 1e-3)
    mean = np.where(np.arange(256) % 3, 0.0, 10.0 * width)
    layers = [
        k.layers.Input((256,), name="x"),
        k.layers.Normalization(mean=mean, variance=width**2),
        k.layers.Dense(256, name="d"),
    ]
    model = thin(k.Sequential(layers))
    x = (mean + width * normal((64, 256))).astype(np.float32)
    data = x if precision == "int8" else None
    served = serve_all(tmp_path, model, precision, data)
    assert served.converted == ["d"]
    bound = {"fp32": FP32_BOUND, "bf16": BF16_BOUND, "int8": INT8_BOUND}[precision]
    assert_close(served.only(x), np.asarray(model(x)), bound)


def test_a_norm_that_gives_its_statistics_too(tmp_path):
    w = tf.Variable(kernel(256, 256), name="d/kernel")
    mean, variance, gamma, beta = (0.5 + np.abs(normal((256,), seed)) for seed in range(4))

    def body(x):
        rows = tf.reshape(x @ w, [-1, 1, 1, 256])
        y, *statistics = tf.compat.v1.nn.fused_batch_norm(
            rows, gamma, beta, mean, variance, is_training=False
        )
        return {"y": tf.reshape(y, [-1, 256]), "mean": 2.0 * statistics[0]}

    source = function(tmp_path, body, {"x": spec(None, 256)}, [w])
    served = serve_all(tmp_path, source.folder)
    assert served.converted == ["d"]
    x = normal((5, 256))
    assert_close(served(x=x), source(x=x))
