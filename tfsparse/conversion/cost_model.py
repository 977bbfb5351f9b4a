"""Predicted cost of a layer, dense in TensorFlow or block-sparse in our ops.

What: conversion replaces a layer only where the block-sparse op is predicted to
be faster than what stands there. The unit of cost is the time of one float32
multiply-add at the peak of dense TensorFlow, so that a large dense product costs
``rows * N * K`` and no clock rate appears.

How: the cost of a block-sparse op has three terms.

* Products: stored elements (padding and the zeros inside kept blocks included)
  times rows, over the speed of the kernel. That speed is the share of its own
  peak which a kernel reaches for a block shape, times the peak of its precision.
* Activations: each input element is packed (and in INT8 quantized), each output
  element written once more than the dense op does. Without this term, thin
  layers look better than they are.
  A convolution whose window has several pixels packs each pixel once for each window that it is
  in, which costs less than to take it in: in INT8 it is quantized once.
* The call: dispatch, validation, sharding. Both ops are charged the same; with
  small layers the dense op takes longer here, which is left as a reserve.

Few rows: kernels work on tiles of rows, and one row takes as long as a tile that is
partly filled. The dense op is bound by reading its weights instead, and has a floor
of its own, at fewer rows.

Contract: the numbers in `SHARE_OF_PEAK` are measured by ``make bench-kernels``
as ``peak_share`` per precision and block shape; they are rounded down, because
an optimistic model breaks the promise "never slower" and a pessimistic one
only leaves a gain behind. The least times come from timing both ops inside TensorFlow on
1 to 256 rows. What a processor does in INT8 and bfloat16 for one
float32 multiply-add is its `Target`.
"""

from __future__ import annotations

from collections.abc import Callable

from tfsparse.conversion.geometry import Geometry
from tfsparse.conversion.targets import DEFAULT_TARGET, Precision, Target
from tfsparse.pattern import BlockPattern

SHARE_OF_PEAK: dict[Precision, list[tuple[Callable[[BlockPattern], bool], float]]] = {
    "int8": [
        (lambda block: block.in_ % 4 == 0, 0.85),
        (lambda block: block.out >= 4, 0.55),
        (lambda block: block.out >= 2, 0.40),
        (lambda block: True, 0.25),
    ],
    "bf16": [
        (lambda block: block.out >= 4 and block.in_ % 2 == 0, 0.85),
        (lambda block: block.out >= 4, 0.80),
        (lambda block: block.out >= 2, 0.55),
        (lambda block: True, 0.30),
    ],
    "fp32": [
        (lambda block: block.out >= 4, 0.85),
        (lambda block: block.out >= 2, 0.70),
        (lambda block: True, 0.50),
    ],
}
"""Share of its peak (`Target.peak`) that a kernel reaches: the first row whose test holds."""

PER_ACTIVATION: dict[Precision, float] = {"fp32": 8.0, "bf16": 8.0, "int8": 16.0}
"""Multiply-adds in whose time one input or output element is packed or unpacked."""

PER_PATCH_ELEMENT: dict[Precision, float] = {"fp32": 10.0, "bf16": 10.0, "int8": 6.0}
"""The same for an element that is packed for a window of several pixels."""

PER_CALL = 200_000.0
"""Multiply-adds in whose time an op is dispatched."""

LEAST_ROWS = 32
"""Rows below which a block-sparse op does not get faster."""

LEAST_DENSE_ROWS = 6
"""Rows below which the dense op does not get faster."""


def share_of_peak(precision: Precision, block: BlockPattern) -> float:
    """Share of its precision's peak that the kernel for `block` reaches."""
    return next(share for test, share in SHARE_OF_PEAK[precision] if test(block))


def dense_cost(rows: int, shape: tuple[int, int]) -> float:
    """Cost of TensorFlow's float32 product of ``x[rows, in]`` with an ``(out, in)`` matrix."""
    return float(max(rows, LEAST_DENSE_ROWS)) * shape[0] * shape[1] + PER_CALL


def sparse_cost(
    rows: int,
    shape: tuple[int, int],
    stored: int,
    precision: Precision,
    block: BlockPattern,
    target: Target = DEFAULT_TARGET,
    geometry: Geometry | None = None,
) -> float:
    """Cost of the block-sparse op.

    Args:
        rows: Rows of the activations, leading dimensions flattened.
        shape: Shape ``(out, in)`` of the weights.
        stored: Elements in the blocks that are kept.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        block: Shape of the blocks.
        target: The processor that will serve.
        geometry: How the window of a convolution moves; None for a product.

    Returns:
        The cost in the unit of `dense_cost`.
    """
    products = (
        max(rows, LEAST_ROWS) * stored / (target.peak[precision] * share_of_peak(precision, block))
    )
    return products + rows * _per_row(shape, precision, geometry) + PER_CALL


def _per_row(shape: tuple[int, int], precision: Precision, geometry: Geometry | None) -> float:
    """Cost of the activations of a row: they are taken in, given out, and packed into windows."""
    out, inputs = shape
    if geometry is None:
        return (out + inputs) * PER_ACTIVATION[precision]
    elements = inputs * geometry.groups
    cost = (out + elements // geometry.taps) * PER_ACTIVATION[precision]
    return cost + (elements * PER_PATCH_ELEMENT[precision] if geometry.taps > 1 else 0.0)
