"""Normalization over the last axis as a Python function: a thin wrapper of the registered op."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfsparse.ops.library import load


class Normalized(NamedTuple):
    """What `normalize` gives: those that were asked for, None for the others.

    Attributes:
        y: float32, normalized.
        y_uint8: The same as uint8.
        sum: float32, what was normalized: x plus the residual.
    """

    y: tf.Tensor | None
    y_uint8: tf.Tensor | None
    sum: tf.Tensor | None


def normalize(
    x: tf.Tensor,
    gamma: npt.ArrayLike | tf.Tensor | None = None,
    beta: npt.ArrayLike | tf.Tensor | None = None,
    residual: npt.ArrayLike | tf.Tensor | None = None,
    *,
    kind: Literal["layer", "rms"] = "layer",
    epsilon: float = 1e-3,
    float_y: bool = True,
    uint8_y: bool = False,
    y_scale: float = 1.0,
    y_zero_point: int = 0,
    return_sum: bool = False,
) -> Normalized:
    """Normalizes ``u = x + residual`` over its last axis, in one pass over memory.

    ``"layer"``: ``y = (u - mean) / sqrt(mean((u - mean)**2) + epsilon) * gamma + beta`` (Ba, Kiros
    and Hinton, arXiv:1607.06450); ``"rms"``: ``y = u / sqrt(mean(u**2) + epsilon) * gamma + beta``
    (Zhang and Sennrich, arXiv:1910.07467).

    Args:
        x: float32 tensor of shape ``(..., C)``, of rank 1 or more.
        gamma: float32 of shape ``(C,)``, or None for ones.
        beta: float32 of shape ``(C,)``, or None for zeros.
        residual: float32 tensor of x's shape, or None for zeros.
        kind: ``"layer"`` or ``"rms"``.
        epsilon: Finite and at least 0.
        float_y: Whether a float32 result is wanted. It or `uint8_y` has to be.
        uint8_y: Whether a uint8 result is wanted, ``round(y / y_scale) + y_zero_point`` in
            [0, 255], half to even.
        y_scale: Finite and positive; for the uint8 result.
        y_zero_point: In [0, 255]; for the uint8 result.
        return_sum: Whether u is wanted.

    Returns:
        The results that were asked for, of x's shape.

    Raises:
        tf.errors.InvalidArgumentError: If shapes or numbers are not as above.

    Example:

    >>> normalize(tf.constant([[1.0, 3.0]]), epsilon=0.0).y.numpy().tolist()
    [[-1.0, 1.0]]
    """
    none = np.zeros(0, np.float32)
    results = load().tfsparse_normalization(
        x=x,
        residual=none if residual is None else residual,
        gamma=none if gamma is None else gamma,
        beta=none if beta is None else beta,
        y_scale=y_scale,
        y_zero_point=y_zero_point,
        kind=kind,
        epsilon=epsilon,
        float_y=float_y,
        uint8_y=uint8_y,
        return_sum=return_sum,
    )
    wanted = (float_y, uint8_y, return_sum)
    return Normalized(
        *(each if is_wanted else None for each, is_wanted in zip(results, wanted, strict=True))
    )
