"""What the ops of products and of convolutions are given alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfsparse.ops.block_sparse_matrix import BlockSparseMatrix

_NONE: npt.NDArray[np.float32] = np.zeros(0, np.float32)
"""What the ops take for no bias and for no residual."""


def layer_arguments(
    weights: BlockSparseMatrix,
    bias: npt.ArrayLike | None,
    residual: npt.ArrayLike | tf.Tensor | None,
    activation: str,
) -> dict[str, Any]:
    """The arguments that say where the weights lie, and what follows the product."""
    return {
        "indices": weights.indices,
        "indptr": weights.indptr,
        "bias": _NONE if bias is None else bias,
        "residual": _NONE if residual is None else residual,
        "activation": activation,
    }
