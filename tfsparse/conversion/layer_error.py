"""How far a layer's result is off in a precision, on samples of its activations.

The error of a layer is the norm of the difference between its result in the precision and its
result in float32, over the norm of the latter; bias, residual and activation are left out of both.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.packed import PackedWeights
from tfsparse.conversion.quantization import ActivationParams
from tfsparse.conversion.weights import Weights

SAMPLE_ROWS = 256
"""Rows of activations that are kept of a layer."""


class Sample:
    """Some rows of a layer's activations, taken evenly from the first batches.

    Args:
        features: Elements of a row.
    """

    def __init__(self, features: int) -> None:
        self._features = features
        self._rows: list[np.ndarray] = []
        self._count = 0

    def update(self, value: np.ndarray) -> None:
        """Takes rows from activations of shape ``(..., features)``."""
        if self._count >= SAMPLE_ROWS:
            return
        rows = value.reshape(-1, self._features)
        step = max(1, len(rows) // (SAMPLE_ROWS // 4))
        taken = rows[::step][: SAMPLE_ROWS - self._count].copy()
        self._rows.append(taken)
        self._count += len(taken)

    def rows(self) -> np.ndarray:
        """The rows."""
        return np.concatenate([np.zeros((0, self._features), np.float32), *self._rows])


def layer_error(
    rows: np.ndarray, weights: Weights, packed: PackedWeights, params: ActivationParams | None
) -> float:
    """The error of a product.

    Args:
        rows: Activations, float32 of shape ``(rows, in)``.
        weights: The layer's weights.
        packed: The same in the precision.
        params: How the activations are read as uint8; None where they are not.

    Returns:
        The relative error; 0 where the result is 0.
    """
    exact = rows @ weights.matrix().T
    x = tf.constant(rows)
    if packed.scale is None:
        found = ops.block_sparse_matmul(x, packed.matrix())
    else:
        assert params is not None
        found = ops.quantized_block_sparse_matmul(
            x, params.scale, params.zero_point, packed.matrix(), packed.scale
        )
    norm = float(np.linalg.norm(exact))
    return 0.0 if norm == 0 else float(np.linalg.norm(found.numpy() - exact)) / norm
