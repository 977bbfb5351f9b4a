"""Times a layer on this machine: dense in TensorFlow, and block-sparse in a few block shapes.

A cost model knows kinds of processors; a measurement knows this one. The shapes of least predicted
cost are timed in turns with the dense product, on random activations of the rows that a call is
expected to have, and the fastest one is taken. A few hundredths of a second a layer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsparse import ops
from tfsparse.conversion.block_choice import BlockChoice, stored_elements
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.geometry import NO_PADS
from tfsparse.ops import BlockSparseMatrix
from tfsparse.pattern import BlockPattern

_CANDIDATES = 3
_TURNS = 5
_MAX_ROWS = 4096
"""More rows take longer and tell no more."""

_SCALE = float(np.float32(8 / 255))
"""Of random activations as uint8."""


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
    stored = stored_elements(matrix, candidates)
    ranked = sorted(candidates, key=lambda block: stored[block])
    blocks = list(dict.fromkeys([predicted.block, *ranked]))[:_CANDIDATES]
    case = (_Product if layer.geometry is None else _Convolution)(layer, min(rows, _MAX_ROWS))
    runs = [case.dense, *(case.sparse(_held(matrix, block), scale) for block in blocks)]
    times = _times(runs)
    best = int(np.argmin(times[1:]))
    return BlockChoice(blocks[best], times[0] / times[1 + best])


def _held(matrix: np.ndarray, block: BlockPattern) -> BlockSparseMatrix:
    """Packed weights as tensors, so that no call makes them anew."""
    weights = BlockSparseMatrix.from_dense(matrix, block)
    data, indices, indptr = map(tf.constant, (weights.data, weights.indices, weights.indptr))
    return BlockSparseMatrix(data, indices, indptr, weights.shape)


class _Product:
    def __init__(self, layer: DenseLayer, rows: int) -> None:
        matrix = layer.weights.matrix()
        self._x = tf.random.normal((rows, matrix.shape[1]))
        self._kernel = tf.constant(matrix.T)
        self._bias = np.zeros(len(matrix), np.float32)

    def dense(self) -> Any:
        return tf.matmul(self._x, self._kernel) + self._bias

    def sparse(self, weights: BlockSparseMatrix, scale: np.ndarray | None) -> Callable[[], Any]:
        x, bias = self._x, self._bias
        if scale is None:
            return lambda: ops.block_sparse_matmul(x, weights, bias)
        return lambda: ops.quantized_block_sparse_matmul(x, _SCALE, 128, weights, scale, bias)


class _Convolution:
    def __init__(self, layer: DenseLayer, rows: int) -> None:
        assert layer.geometry is not None
        geometry, matrix = layer.geometry, layer.weights.matrix()
        images = (max(1, rows // math.prod(layer.pixels)), *geometry.input_sizes(layer.pixels))
        depth = matrix.shape[1] // geometry.taps
        self._x = tf.random.normal((*images, depth * geometry.groups))
        kernel = matrix.reshape(-1, *geometry.kernel_size, depth)
        self._kernel = tf.constant(kernel.transpose(1, 2, 3, 0))
        self._bias = np.zeros(len(matrix), np.float32)
        self._geometry = geometry

    def dense(self) -> Any:
        strides, dilations = self._geometry.strides, self._geometry.dilations
        padding = "SAME" if self._geometry.pads is None else [(0, 0), *self._pads(), (0, 0)]
        result = tf.nn.conv2d(self._x, self._kernel, strides, padding, dilations=dilations)
        return result + self._bias

    def sparse(self, weights: BlockSparseMatrix, scale: np.ndarray | None) -> Callable[[], Any]:
        window: dict[str, Any] = {
            "kernel_size": self._geometry.kernel_size,
            "strides": self._geometry.strides,
            "dilations": self._geometry.dilations,
            "padding": "SAME" if self._geometry.pads is None else self._pads(),
            "groups": self._geometry.groups,
            "bias": self._bias,
        }
        x = self._x
        if scale is None:
            return lambda: ops.block_sparse_conv2d(x, weights, **window)
        return lambda: ops.quantized_block_sparse_conv2d(x, _SCALE, 128, weights, scale, **window)

    def _pads(self) -> list[tuple[int, int]]:
        top, bottom, left, right = self._geometry.pads or NO_PADS
        return [(top, bottom), (left, right)]


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
