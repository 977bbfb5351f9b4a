"""INT8 parameters: activations u8 per tensor, weights s8 per output channel.

Activations are asymmetric: a real value is ``scale * (q - zero_point)`` with q in
0..255. The range always includes 0, so that zero (padding, a ReLU's floor) is
exact. Weights are symmetric: a real value is ``scale[n] * q`` with q in
-127..127, so that zero blocks stay zero and no correction by a weight zero
point is needed in the kernel.

Both scales are float32, because the op receives float32; zero points and
quantized values are computed from the rounded scale, as the op will.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable

import numpy as np

SMALLEST_SCALE = float(np.finfo(np.float32).tiny)
"""A smaller scale is subnormal and its inverse overflows float32."""

LARGEST_SCALE = 2 * float(np.finfo(np.float32).max) / 255
"""Of activations over all that float32 holds."""

LARGEST_TRUSTED = 1e30
"""Greater values are near to what float32 cannot hold: their squares and sums become Inf, and
then NaN, which INT8 reads as the lower end of its range."""

_ACCUMULATOR_LIMIT = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class ActivationParams:
    """How a tensor of activations is read as u8: ``scale * (q - zero_point)``.

    Attributes:
        scale: What a step stands for.
        zero_point: What 0 is read as.
        of_zeros: Whether no value but 0 was seen, so that the scale says nothing.
    """

    scale: float
    zero_point: int
    of_zeros: bool = dataclasses.field(default=False, compare=False)


def activation_params(minimum: float, maximum: float) -> ActivationParams:
    """Scale and zero point for values in a range, widened to include 0.

    A range without extent (all zeros, or narrower than float32 can divide by)
    gives scale 1 and zero point 0: every value is then read as 0, which is off by
    less than the smallest normal float.

    Args:
        minimum: Least value seen.
        maximum: Greatest value seen.

    Returns:
        The parameters, with a scale whose inverse is finite.

    Raises:
        ValueError: If a bound is not finite or the bounds are swapped.
    """
    if not (np.isfinite(minimum) and np.isfinite(maximum) and minimum <= maximum):
        raise ValueError(
            "`minimum` and `maximum` should be finite and in order. "
            f"Received: minimum={minimum}, maximum={maximum}"
        )
    low, high = min(float(minimum), 0.0), max(float(maximum), 0.0)
    scale = np.float32((high - low) / 255.0)
    if scale < SMALLEST_SCALE:
        return ActivationParams(1.0, 0, of_zeros=True)
    zero_point = int(np.clip(np.rint(-low / float(scale)), 0, 255))
    return ActivationParams(float(scale), zero_point)


def widest(many: Iterable[ActivationParams]) -> ActivationParams:
    """Parameters for all values that any of some parameters can tell apart.

    Args:
        many: Parameters, one at least.

    Returns:
        The only ones if all are equal.
    """
    every = list(many)
    distinct = list(dict.fromkeys(each for each in every if not each.of_zeros)) or every[:1]
    if len(distinct) == 1:
        return distinct[0]
    low = min(-each.scale * each.zero_point for each in distinct)
    high = max(each.scale * (255 - each.zero_point) for each in distinct)
    return activation_params(low, high)


def warn_of_extent(what: str, minimum: float, maximum: float) -> None:
    """Warns of a range from which no useful INT8 parameters can be made.

    Args:
        what: What has the range, such as ``"input 'x'"``.
        minimum: Least value seen.
        maximum: Greatest value seen.
    """
    largest = max(abs(minimum), abs(maximum))
    if 0 < largest < SMALLEST_SCALE:
        reason = (
            "all of them are smaller than float32 holds in full precision, and are read as 0. "
            "Are the calibration data scaled as the model's inputs will be?"
        )
    elif largest > LARGEST_TRUSTED:
        reason = (
            f"beyond {LARGEST_TRUSTED:g} results may overflow to Inf or NaN, and INT8 reads NaN as "
            "the least value. Are the calibration data scaled as the model's inputs will be?"
        )
    else:
        return
    warnings.warn(
        f"The calibration data give {what} values from {minimum:g} to {maximum:g}; {reason}",
        stacklevel=2,
    )


def quantize_weights(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantizes weights to s8 with one symmetric scale per output channel.

    Args:
        matrix: Float array of shape ``(out, in)``.

    Returns:
        ``(quantized, scale)``: int8 of shape ``(out, in)`` and float32 of shape
        ``(out,)``. A channel of zeros has scale 1.

    Raises:
        ValueError: If a weight is not finite.
    """
    if not np.isfinite(matrix).all():
        raise ValueError("`matrix` should be finite. Received: a matrix with NaN or Inf")
    largest = np.abs(matrix).max(axis=1, initial=0.0).astype(np.float64)
    scale = (largest / 127.0).astype(np.float32)
    scale[scale < SMALLEST_SCALE] = 1.0
    steps = np.rint(matrix.astype(np.float64) / scale.astype(np.float64)[:, None])
    return np.clip(steps, -127, 127).astype(np.int8), scale


def fits_accumulator(quantized: np.ndarray) -> bool:
    """Whether no activations can overflow the kernel's 32-bit sums over a row."""
    sums = np.abs(quantized.astype(np.int64)).sum(axis=1).max(initial=0)
    return bool(sums * 255 <= _ACCUMULATOR_LIMIT)


def scales_fit(x_scale: float, w_scale: np.ndarray, y_scale: float = 1.0) -> bool:
    """Whether the kernel's products of scales are finite in float32, as the op requires.

    Args:
        x_scale: Scale of the activations.
        w_scale: Scales of the weights.
        y_scale: Scale of a uint8 result.
    """
    with np.errstate(over="ignore"):
        products = np.float32(x_scale) * np.asarray(w_scale, np.float32)
        return bool(np.isfinite([products, products * (np.float32(1) / np.float32(y_scale))]).all())
