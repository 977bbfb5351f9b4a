"""The op for depthwise convolutions, beside TensorFlow's of the same numbers; what it refuses."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops

HUGE = 2**62

# (images, kernel, strides, dilations, padding)
CASES = {
    "3x3": ((2, 9, 8, 70), (3, 3), (1, 1), (1, 1), "SAME"),
    "3x3 by 2": ((1, 8, 8, 33), (3, 3), (2, 2), (1, 1), "SAME"),
    "5x5": ((1, 7, 9, 16), (5, 5), (1, 1), (1, 1), ((2, 2), (1, 3))),
    "dilated": ((1, 9, 9, 24), (3, 3), (1, 1), (2, 2), "SAME"),
    "valid": ((3, 5, 6, 1), (2, 3), (1, 1), (1, 1), ((0, 0), (0, 0))),
    "empty": ((0, 5, 6, 4), (3, 3), (1, 1), (1, 1), "SAME"),
}


def arguments(case, **changes):
    images, kernel, strides, dilations, padding = CASES[case]
    random = np.random.default_rng(1)
    same = padding == "SAME"
    return {
        "x": tf.constant(random.integers(0, 256, images, dtype=np.uint8)),
        "x_scale": 0.05,
        "x_zero_point": 101,
        "weights": random.integers(-128, 128, (*kernel, images[-1])).astype(np.int8),
        "w_scale": random.uniform(0.001, 0.01, images[-1]).astype(np.float32),
        "bias": random.normal(0, 1, images[-1]).astype(np.float32),
        "y_scale": 0.04,
        "y_zero_point": 17,
        "kernel_size": list(kernel),
        "strides": list(strides),
        "dilations": list(dilations),
        "padding": "SAME" if same else "EXPLICIT",
        "paddings": [0] * 4 if same else [*padding[0], *padding[1]],
        "Tout": tf.float32,
    } | changes


def expected(given, activation):
    """By TensorFlow, in float64."""
    x = given["x_scale"] * (given["x"].numpy().astype(np.float64) - given["x_zero_point"])
    w = (given["weights"] * given["w_scale"].astype(np.float64))[..., None]
    padding = "SAME"
    if given["padding"] == "EXPLICIT":
        around = np.reshape(given["paddings"], (2, 2))
        x, padding = np.pad(x, ((0, 0), *around, (0, 0))), "VALID"
    strides = [1, *given["strides"], 1]
    y = tf.nn.depthwise_conv2d(x, w, strides, padding, dilations=given["dilations"])
    return activation(y + given["bias"]).numpy()


def depthwise(given):
    return ops.load().tfsparse_quantized_depthwise_conv2d(**given).numpy()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("name", "activation", "steps"),
    [
        ("linear", tf.identity, 0.501),
        ("relu6", tf.nn.relu6, 0.501),
        ("silu", tf.nn.silu, 0.57),  # looked up in a table, which is within 0.065 step
    ],
)
def test_tensorflows_convolution(case, name, activation, steps):
    given = arguments(case, activation=name)
    wanted = expected(given, activation)
    np.testing.assert_allclose(depthwise(given), wanted, rtol=1e-5, atol=1e-5)
    quantized = depthwise(given | {"Tout": tf.uint8})
    assert (np.abs(quantized - np.clip(wanted / 0.04 + 17, 0, 255)) < steps).all()
    floats = 0.05 * (given["x"].numpy().astype(np.float32) - 101)
    np.testing.assert_array_equal(depthwise(given | {"x": tf.constant(floats)}), depthwise(given))


def test_shapes_are_known_before_the_call():
    given = arguments("3x3 by 2")
    del given["x"]

    @tf.function
    def call(x):
        return ops.load().tfsparse_quantized_depthwise_conv2d(x=x, **given)

    spec = tf.TensorSpec([None, 9, None, 33], tf.uint8)
    assert call.get_concrete_function(spec).output_shapes.as_list() == [None, 5, None, 33]


def test_taps_far_outside_see_padding():
    given = arguments("3x3", dilations=[2**29, 1])
    middle = given | {"weights": given["weights"][1:2], "kernel_size": [1, 3], "dilations": [1, 1]}
    np.testing.assert_array_equal(depthwise(given), depthwise(middle))


@pytest.mark.parametrize(
    "changes",
    [
        {"x": np.zeros((5, 6, 3), np.uint8)},
        {"x": np.zeros((1, 9, 8, 69), np.uint8)},
        {"x_scale": 0.0},
        {"x_scale": [1.0]},
        {"x_zero_point": 256},
        {"y_scale": np.nan},
        {"y_zero_point": -1},
        {"w_scale": np.zeros(70, np.float32)},
        {"w_scale": np.ones(69, np.float32)},
        {"w_scale": np.full(70, np.inf, np.float32)},
        {"bias": np.full(70, np.nan, np.float32)},
        {"bias": np.zeros(3, np.float32)},
        {"weights": np.zeros((3, 3, 70, 1), np.int8)},
        {"weights": np.zeros((2, 3, 70), np.int8)},
        {"kernel_size": [3]},
        {"kernel_size": [0, 3]},
        {"kernel_size": [HUGE, 3]},
        {"kernel_size": [2**20, 2**20]},
        {"strides": [0, 1]},
        {"dilations": [1, HUGE]},
        {"dilations": [1, 2**30], "padding": "EXPLICIT"},
        {"paddings": [1, 0, 0, 0]},
        {"padding": "EXPLICIT", "paddings": [-1, 0, 0, 0]},
        {"activation": "swish"},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_invalid_arguments(changes):
    given = arguments("3x3") | changes
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError)):
        depthwise(given)
