import re
import warnings

import numpy as np
import pytest

from tfsparse.conversion.quantization import (
    activation_params,
    fits_accumulator,
    quantize_weights,
    scales_fit,
    warn_of_extent,
)

from .helpers import blocky, normal


def read_as_u8(x, params):
    q = np.clip(np.rint(x * (1.0 / params.scale)) + params.zero_point, 0, 255)
    return params.scale * (q - params.zero_point)


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.0, 1.0), (0.0, 6.0), (2.0, 6.0), (-3.0, -1.0), (-0.1, 100.0), (-3e38, 3e38), (0, 1e-30)],
)
def test_values_in_the_range_are_off_by_half_a_step(low, high):
    params = activation_params(low, high)
    x = np.linspace(min(low, 0.0), max(high, 0.0), 1001)
    # The zero point is rounded, so an end of the range may be half a step outside of 0..255.
    assert np.abs(read_as_u8(x, params) - x).max() <= 1.001 * params.scale
    inner = x[(x > low + params.scale) & (x < high - params.scale)]
    assert np.abs(read_as_u8(inner, params) - inner).max(initial=0) <= 0.5001 * params.scale


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (1.0, 5.0), (-7.0, -2.0), (-1e-3, 50.0)])
def test_zero_is_exact(low, high):
    params = activation_params(low, high)
    assert 0 <= params.zero_point <= 255
    assert read_as_u8(np.zeros(1), params)[0] == 0.0


def test_positive_values_use_all_of_u8():
    params = activation_params(0.5, 2.55)
    assert params.zero_point == 0
    assert params.scale == np.float32(0.01)


def test_negative_values_have_zero_at_the_top():
    assert activation_params(-5.0, -1.0).zero_point == 255


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.0, 1e-40), (-1e-38, 0.0)])
def test_a_range_without_extent_has_a_scale_with_an_inverse(low, high):
    params = activation_params(low, high)
    assert (params.scale, params.zero_point) == (1.0, 0)


def test_a_constant_that_is_not_zero_is_kept():
    params = activation_params(3.0, 3.0)
    assert read_as_u8(np.float64(3.0), params) == pytest.approx(3.0, rel=1e-6)


@pytest.mark.parametrize(
    ("low", "high"), [(np.nan, 1.0), (0.0, np.inf), (-np.inf, 0.0), (1.0, 0.0)]
)
def test_refuses_a_range_that_is_none(low, high):
    with pytest.raises(ValueError, match="finite and in order"):
        activation_params(low, high)


def test_weights_are_off_by_half_a_step_of_their_channel():
    matrix = normal((7, 50)) * np.logspace(-3, 3, 7, dtype=np.float32)[:, None]
    quantized, scale = quantize_weights(matrix)
    assert quantized.dtype == np.int8 and scale.dtype == np.float32 and scale.shape == (7,)
    assert (np.abs(quantized * scale[:, None] - matrix) <= 0.5001 * scale[:, None]).all()
    assert (np.abs(quantized.astype(int)).max(axis=1) == 127).all()


def test_negative_weights_stop_at_minus_127():
    quantized, _ = quantize_weights(np.array([[-1.0, 0.5]], np.float32))
    assert quantized.tolist() == [[-127, 64]]


def test_zeros_stay_zeros():
    matrix = blocky(32, 64, (4, 1), keep=0.2)
    quantized, _ = quantize_weights(matrix)
    assert not quantized[matrix == 0].any()


def test_a_channel_of_zeros_has_scale_one():
    quantized, scale = quantize_weights(np.array([[0, 0], [2, 1]], np.float32))
    assert scale[0] == 1.0 and not quantized[0].any()


def test_refuses_weights_that_are_not_finite():
    with pytest.raises(ValueError, match="should be finite"):
        quantize_weights(np.array([[1.0, np.nan]], np.float32))


@pytest.mark.parametrize(("depth", "fits"), [(66_310, True), (66_312, False)])
def test_sums_of_a_deep_row_must_fit_32_bits(depth, fits):
    quantized = np.zeros((2, depth), np.int8)
    quantized[1] = -127
    assert (depth * 127 * 255 <= 2**31 - 1) == fits
    assert fits_accumulator(quantized) is fits


@pytest.mark.parametrize("extent", [(0.0, 0.0), (-1.0, 1e-45), (0.0, 1e30), (-1.5e-38, 0.0)])
def test_a_range_that_can_be_used_is_not_warned_of(extent):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_extent("layer 'a'", *extent)


@pytest.mark.parametrize(
    ("extent", "reason"),
    [
        ((0.0, 1e-40), "read as 0"),
        ((-1e-45, 0.0), "read as 0"),
        ((0.0, 2e30), "overflow to Inf or NaN"),
        ((-2e30, 1.0), "overflow to Inf or NaN"),
    ],
)
def test_a_range_that_cannot_be_used_is_warned_of(extent, reason):
    words = f"give layer 'a' values from {extent[0]:g} to {extent[1]:g}; "
    with pytest.warns(UserWarning, match=f"{re.escape(words)}.*{reason}"):
        warn_of_extent("layer 'a'", *extent)


@pytest.mark.parametrize(
    ("x_scale", "w_scale", "y_scale", "fit"),
    [
        (0.1, [1.0, 2.0], 1.0, True),
        (1e20, [1.0, 1e18], 1.0, True),
        (1e20, [1.0, 1e19], 1.0, False),
        (1e20, [1.0, 1e18], 0.1, False),
        (1e10, [1e10], 1e-20, False),
        (1e10, [1e10], 1e20, True),
    ],
)
def test_products_of_scales_have_to_be_finite(x_scale, w_scale, y_scale, fit):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scales_fit(x_scale, np.array(w_scale, np.float32), y_scale) == fit
