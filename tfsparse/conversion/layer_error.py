"""How far a layer's result is off in a precision, on samples of its activations.

The error of a layer is the norm of the difference between its result in the precision and its
result in float32, over the norm of the latter; bias, residual and activation are left out of both.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.packed import PackedWeights
from tfsparse.conversion.patches import patches
from tfsparse.conversion.quantization import ActivationParams
from tfsparse.conversion.weights import Weights
from tfsparse.ops import BlockSparseMatrix

SAMPLE_ROWS = 256
"""Rows of activations that are kept of a layer."""


class Sample:
    """Some rows of a layer's activations, taken evenly from the first batches.

    The rows of a convolution are windows.

    Args:
        layer: The layer.
    """

    def __init__(self, layer: DenseLayer) -> None:
        self._geometry = layer.geometry
        self._groups = 1 if layer.geometry is None else layer.geometry.groups
        self._features = layer.weights.shape[1]
        self._rows: list[np.ndarray] = []
        self._count = 0

    def update(self, value: np.ndarray) -> None:
        """Takes rows from the activations of a batch."""
        if self._count >= SAMPLE_ROWS or not value.size:
            return
        taken = self._some(value)[: SAMPLE_ROWS - self._count].copy()
        self._rows.append(taken)
        self._count += len(taken)

    def _some(self, value: np.ndarray) -> np.ndarray:
        wanted = SAMPLE_ROWS // 4
        if self._geometry is not None:
            images = value[:, None] if value.ndim == 3 else value
            return patches(images, self._geometry, wanted)
        rows = value.reshape(-1, 1, self._features)
        return rows[:: max(1, len(rows) // wanted)]

    def rows(self) -> np.ndarray:
        """The rows, float32 of shape ``(rows, groups, in)``."""
        none = np.zeros((0, self._groups, self._features), np.float32)
        return np.concatenate([none, *self._rows])


def layer_error(
    rows: np.ndarray, weights: Weights, packed: PackedWeights, params: ActivationParams | None
) -> float:
    """The error of a product.

    Args:
        rows: Activations, float32 of shape ``(rows, groups, in)``. Each group has as many
            consecutive rows of the weights.
        weights: The layer's weights.
        packed: The same in the precision.
        params: How the activations are read as uint8; None where they are not.

    Returns:
        The relative error; 0 where the result is 0.
    """
    matrix, held = weights.matrix(), packed.matrix()
    groups = np.split(np.arange(len(matrix)), rows.shape[1])
    exact = [rows[:, place] @ matrix[own].T for place, own in enumerate(groups)]
    found = [
        _product(rows[:, place], held, packed.scale, params)[:, own]
        for place, own in enumerate(groups)
    ]
    norm = float(np.linalg.norm(exact))
    return 0.0 if norm == 0 else float(np.linalg.norm(np.subtract(found, exact))) / norm


def _product(
    rows: np.ndarray,
    matrix: BlockSparseMatrix,
    scale: np.ndarray | None,
    params: ActivationParams | None,
) -> np.ndarray:
    x = tf.constant(rows)
    if scale is None:
        product = ops.block_sparse_matmul(x, matrix)
    else:
        assert params is not None
        product = ops.quantized_block_sparse_matmul(
            x, params.scale, params.zero_point, matrix, scale
        )
    result: np.ndarray = product.numpy()
    return result
