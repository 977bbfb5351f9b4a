"""What an op would refuse in every call is not written: the layer stays, or runs in FP32.

Reported: a bias with one Inf was converted, and the saved model refused every call.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from .models import (
    BF16_BOUND,
    INT8_BOUND,
    assert_close,
    function,
    normal,
    serve,
    serve_all,
    spec,
    thin,
)


def two_layers(norm=False):
    x = inputs = keras.Input((256,), name="x")
    for name in ("first", "second"):
        x = keras.layers.Dense(256, activation="relu", name=name)(x)
        if norm and name == "first":
            x = keras.layers.BatchNormalization(name="norm")(x)
    return thin(keras.Model(inputs, x))


def spoil(model, layer, weight, value, where=3):
    variable = getattr(model.get_layer(layer), weight)
    array = variable.numpy()
    array.flat[where] = value
    variable.assign(array)


@pytest.mark.parametrize(
    ("precision", "weight", "value"),
    [
        ("fp32", "bias", np.nan),
        ("bf16", "bias", -np.inf),
        ("int8", "bias", np.inf),
        ("fp32", "kernel", np.inf),
        ("int8", "kernel", np.nan),
    ],
)
def test_a_layer_whose_constants_are_not_finite_stays(tmp_path, precision, weight, value):
    """The last layer, since what it gives is nobody's calibrated activations."""
    model = two_layers()
    model.get_layer("second").activation = keras.activations.linear
    spoil(model, "second", weight, value)
    served = serve(tmp_path, model, precision, normal((40, 256)))
    assert served.converted == ["first"]
    assert f"its {'bias holds' if weight == 'bias' else 'weights hold'} NaN or Inf" in str(
        served.stayed["second"]
    )
    for rows in (1, 30):
        x = normal((rows, 256), rows)
        y, expected = served.only(x), np.asarray(model(x))
        np.testing.assert_array_equal(np.isfinite(y), np.isfinite(expected))


@pytest.mark.parametrize(
    ("weight", "value"), [("gamma", np.nan), ("beta", np.inf), ("moving_variance", np.nan)]
)
def test_a_norm_that_is_not_finite_is_not_folded_into_a_call_that_fails(tmp_path, weight, value):
    model = two_layers(norm=True)
    spoil(model, "norm", weight, value)
    served = serve(tmp_path, model)
    x = normal((30, 256))
    y, expected = served.only(x), np.asarray(model(x))
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))


def test_weights_beyond_bfloat16_are_left_in_fp32(tmp_path):
    model = two_layers()
    spoil(model, "second", "kernel", 3.4e38)
    served = serve(tmp_path, model, "bf16")
    (second,) = [row for row in served.report if row.layer == "second"]
    assert (second.converted, second.precision) == (True, "fp32")
    assert "bf16 would turn its weights into Inf" in second.reason
    x = 1e-3 * normal((30, 256))
    np.testing.assert_array_equal(np.isfinite(served.only(x)), np.isfinite(np.asarray(model(x))))


def apart(weight, x_scale):
    """Weights and data that are large where the other one is zero, so that results are not."""
    one = thin(two_layers()).get_layer("first").kernel.numpy() * np.float32(1e-3)
    one[:128] = 0
    one[0, 0] = weight
    data = normal((40, 256), 5)
    data[:, 0] = 0
    data[:, 1] = x_scale
    return one, data


@pytest.mark.parametrize("precision", ["int8", "auto"])
def test_scales_that_overflow_together_are_no_int8(tmp_path, precision):
    weights, data = apart(1e25, 1e25)
    weights = tf.Variable(weights)
    model = function(tmp_path, lambda x: {"y": x @ weights}, {"x": spec(None, 256)}, [weights])
    served = serve_all(tmp_path, str(model.folder), precision, data)
    (row,) = served.report
    assert (row.converted, row.precision) == (True, "fp32" if precision == "int8" else "bf16")
    if precision == "int8":
        assert "its int8 scales would overflow" in row.reason
    assert_close(served(x=data[:7]), model(x=data[:7]), BF16_BOUND)


def test_a_result_whose_scale_would_overflow_stays_float(tmp_path):
    one, data = apart(1e15, 1e15)
    one[1:] *= 1e-30
    one, other = tf.Variable(one), tf.Variable(thin(two_layers()).get_layer("second").kernel)

    def body(x):
        return {"y": tf.nn.relu(x @ one) @ other}

    model = function(tmp_path, body, {"x": spec(None, 256)}, [one, other])
    served = serve_all(tmp_path, str(model.folder), "int8", data)
    assert [row.output for row in served.report] == ["float32", "float32"]
    assert np.isfinite(served(x=data[:7])["y"]).all()


def test_subnormal_weights_and_data_have_scales_that_are_taken(tmp_path):
    model = two_layers()
    kernel = model.get_layer("first").kernel.numpy()
    kernel[:, ::2] *= np.float32(1e-41)
    kernel[:, 1] = 1e-45
    model.get_layer("first").kernel.assign(kernel)
    x = normal((40, 256), 1)
    served = serve_all(tmp_path, model, "int8", x)
    assert served.converted == ["first", "second"]
    assert_close(served.only(x), np.asarray(model(x)), INT8_BOUND)


def test_products_over_many_axes_stay(tmp_path):
    """An op takes inputs and gives outputs over at most 8 axes."""
    sizes = (2,) * 9
    weights = tf.Variable(normal((*sizes, 5)))

    def body(x):
        return {"y": tf.einsum("zabcdefghi,abcdefghij->zj", x, weights)}

    model = function(tmp_path, body, {"x": spec(None, *sizes)}, [weights])
    served = serve(tmp_path, str(model.folder))
    x = normal((3, *sizes), 2)
    assert_close(served(x=x), model(x=x))
