"""Times a layer on this machine: dense in TensorFlow, and block-sparse in a few block shapes.

A cost model knows kinds of processors; a measurement knows this one. The shapes of least predicted
cost are timed in turns with the dense product, on random activations of the rows that a call is
expected to have, and the fastest one is taken. A few hundredths of a second a layer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.block_choice import BlockChoice, stored_elements
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.ops import BlockSparseMatrix
from tfsparse.pattern import BlockPattern

_CANDIDATES = 3
_TURNS = 5
_MAX_ROWS = 4096
"""More rows take longer and tell no more."""


def measure(
    layer: DenseLayer,
    matrix: np.ndarray,
    scale: np.ndarray | None,
    rows: int,
    predicted: BlockChoice,
    candidates: Sequence[BlockPattern],
) -> BlockChoice:
    """Times candidates and takes the fastest.

    Args:
        layer: The layer.
        matrix: Its weights as they will be stored, shape ``(out, in)``.
        scale: Scale per output of int8 weights; None for others.
        rows: Rows of the activations that a call is expected to have.
        predicted: What the cost model would choose; it is timed too.
        candidates: Block shapes to choose from.

    Returns:
        The fastest block shape with its measured speed-up over the dense op.
    """
    rows = min(rows, _MAX_ROWS)
    stored = stored_elements(matrix, candidates)
    ranked = sorted(candidates, key=lambda block: stored[block])
    blocks = list(dict.fromkeys([predicted.block, *ranked]))[:_CANDIDATES]
    x = tf.random.normal((rows, matrix.shape[1]))
    bias = np.zeros(matrix.shape[0], np.float32)
    kernel = tf.constant(layer.weights.matrix().T)
    runs: list[Callable[[], Any]] = [lambda: tf.matmul(x, kernel) + bias]
    runs += [_sparse(x, matrix, scale, block, bias) for block in blocks]
    times = _times(runs)
    best = int(np.argmin(times[1:]))
    return BlockChoice(blocks[best], times[0] / times[1 + best])


def _sparse(
    x: tf.Tensor,
    matrix: np.ndarray,
    scale: np.ndarray | None,
    block: BlockPattern,
    bias: np.ndarray,
) -> Callable[[], Any]:
    weights = BlockSparseMatrix.from_dense(matrix, block)
    data, indices, indptr = map(tf.constant, (weights.data, weights.indices, weights.indptr))
    held = BlockSparseMatrix(data, indices, indptr, weights.shape)
    if scale is None:
        return lambda: ops.block_sparse_matmul(x, held, bias)
    x_scale = float(np.float32(8 / 255))
    return lambda: ops.quantized_block_sparse_matmul(x, x_scale, 128, held, scale, bias)


def _times(runs: Sequence[Callable[[], Any]]) -> list[float]:
    """Least seconds of each run, taken in turns; the first turn prepares."""
    least = [np.inf] * len(runs)
    for turn in range(_TURNS + 1):
        for place, run in enumerate(runs):
            start = time.perf_counter()
            run()
            taken = time.perf_counter() - start
            if turn:
                least[place] = min(least[place], taken)
    return least
