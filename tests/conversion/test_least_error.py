import numpy as np
import pytest

from tfsparse.conversion.histogram import Histogram
from tfsparse.conversion.least_error import least_error_range, quantization_error
from tfsparse.conversion.quantization import activation_params

from .helpers import normal


def true_error(x, low, high):
    """The sum of squared errors of the values themselves."""
    params = activation_params(low, high)
    x = x.astype(np.float64)
    q = np.clip(np.rint(x / params.scale) + params.zero_point, 0, 255)
    return np.square(params.scale * (q - params.zero_point) - x).sum()


def brute_force(x, steps=60):
    """The least error of a grid of ranges."""
    lows = np.linspace(min(x.min(), 0), 0, steps) if x.min() < 0 else [0.0]
    highs = np.linspace(0, max(x.max(), 0), steps) if x.max() > 0 else [0.0]
    return min(true_error(x, low, high) for low in lows for high in highs)


def samples():
    rng = np.random.default_rng(0)
    x = normal(5000)
    yield "normal", x
    yield "relu", np.maximum(x, 0)
    yield "negative", -np.maximum(x, 0)
    yield "gelu", x * (x > 0) + 0.1 * np.minimum(x, 0)
    yield "laplace", rng.laplace(size=5000)
    yield "heavy tails", rng.standard_t(3, size=5000)
    yield "uniform", rng.random(5000) * 7 + 1
    yield "lopsided", np.exp(x) - 1
    yield "one outlier", np.append(x, 40.0)
    yield "outliers below", np.append(np.abs(x), [-30.0] * 2)


@pytest.mark.parametrize(
    ("name", "x"), list(samples()), ids=lambda each: each if type(each) is str else ""
)
def test_no_range_of_a_grid_has_a_smaller_error(name, x):
    x = x.astype(np.float32)
    histogram = Histogram()
    histogram.update(x)
    low, high = least_error_range(histogram)
    assert x.min() <= low <= 0 or low == 0
    assert 0 <= high <= x.max() or high == 0
    assert true_error(x, low, high) <= 1.03 * brute_force(x)


@pytest.mark.parametrize("bounds", [(-4.0, 4.0), (-1.0, 3.0), (0.0, 2.0), (-20.0, 0.5), (0.0, 0.1)])
def test_the_error_of_a_histogram_is_that_of_its_values(bounds):
    x = normal(200_000)
    histogram = Histogram()
    histogram.update(x)
    found = quantization_error(histogram.bins(), *bounds)
    assert found == pytest.approx(true_error(x, *bounds), rel=0.01)


def test_values_that_uint8_holds_exactly_are_kept():
    histogram = Histogram()
    histogram.update(np.array([0.0, 1.0, 1.0, 255.0], np.float32))
    assert least_error_range(histogram) == (0.0, 255.0)


@pytest.mark.parametrize("value", [0.0, 1e-42, 3.0, -3.0, 3e38])
def test_one_value(value):
    histogram = Histogram()
    histogram.update(np.full(10, value, np.float32))
    low, high = least_error_range(histogram)
    assert min(value, 0) <= low <= 0 <= high <= max(value, 0) * 1.0000001
    assert true_error(np.array([np.float32(value)]), low, high) <= 1e-6 * value**2 + 1e-76


def test_few_outliers_among_many_values_are_cut_off():
    histogram = Histogram()
    for seed in range(20):
        histogram.update(normal(1 << 18, seed))
    histogram.update(np.array([30.0, -25.0], np.float32))
    low, high = least_error_range(histogram)
    assert -25 < low < -3
    assert 3 < high < 25
