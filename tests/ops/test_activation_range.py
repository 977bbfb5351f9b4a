"""The range of activations that an op takes at run time is what conversion would compute."""

import numpy as np
import pytest
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.quantization import activation_params

MOST = np.finfo(np.float32).max
TINY = np.finfo(np.float32).tiny


def measured(x):
    scale, zero_point = ops.load().tfsparse_activation_range(x=np.asarray(x, np.float32))
    assert scale.shape == zero_point.shape == ()
    return scale.numpy(), zero_point.numpy()


def expected(x):
    finite = np.asarray(x, np.float32)[np.isfinite(x)]
    params = activation_params(finite.min(initial=0), finite.max(initial=0))
    return np.float32(params.scale), params.zero_point


def values(shape, low, high):
    rng = np.random.default_rng(np.prod(shape, dtype=int))
    return rng.uniform(low, high, shape).astype(np.float32)


@pytest.mark.parametrize(
    "shape", [(), (1,), (0,), (3, 0), (2, 3, 5), (63,), (129, 257), (999, 1001)]
)
@pytest.mark.parametrize(("low", "high"), [(-1, 1), (-0.3, 7), (2, 3), (-3, -2), (0, 0)])
def test_rule(shape, low, high):
    x = values(shape, low, high)
    assert measured(x) == expected(x)


@pytest.mark.parametrize(
    "x",
    [
        [0.0, -0.0],
        [MOST, -MOST],
        [MOST],
        [-MOST, 1],
        [TINY],
        [254 * TINY],
        [255 * TINY],
        [-255 * TINY, 3 * TINY],
        [1e-45, -1e-45],
        [np.nan, 3.0, -1.0],
        [np.inf, 3.0, -np.inf, -1.0],
        [np.nan] * 70,
        [np.inf] * 70,
    ],
    ids=str,
)
def test_extremes(x):
    assert measured(x) == expected(x)


def test_random_ranges():
    """Halves and their neighbours among the zero points: the rounding is the same."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        ends = rng.standard_normal(2) * 10.0 ** rng.integers(-38, 38, 2)
        if rng.random() < 0.5:
            ends = ends[0] * np.array([-1, (255 / (rng.integers(0, 255) + 0.5)) - 1])
        x = np.float32(ends)
        assert measured(x) == expected(x), x


def test_shape_is_known():
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def function(x):
        return ops.load().tfsparse_activation_range(x=x)

    assert [y.shape.rank for y in function.get_concrete_function().outputs] == [0, 0]
