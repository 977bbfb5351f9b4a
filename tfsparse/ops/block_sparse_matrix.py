"""A weight matrix of which only the blocks that hold a non-zero are stored."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from tfsparse.pattern import BlockPattern, from_blocks, to_blocks


@dataclasses.dataclass(frozen=True, eq=False)
class BlockSparseMatrix:
    """A matrix ``(out, in)`` in the layout of `scipy.sparse.bsr_matrix`.

    Args:
        data: Blocks, an array of shape ``(blocks, A, B)``: float32 or bfloat16 for the float ops,
            int8 for the quantized ones.
        indices: Block column of each block, int32 of shape ``(blocks,)``.
        indptr: First block of each block row and the number of blocks at the end,
            int32 of shape ``(ceil(out / A) + 1,)``.
        shape: ``(out, in)`` of the matrix, without padding.

    Example:

    >>> dense = np.array([[0, 0, 1, 2], [0, 0, 3, 4]], np.float32)
    >>> sparse = BlockSparseMatrix.from_dense(dense, BlockPattern(out=2, in_=2))
    >>> sparse.indices.tolist(), sparse.indptr.tolist()
    ([1], [0, 1])
    >>> bool((sparse.to_dense() == dense).all())
    True
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def from_dense(cls, matrix: npt.ArrayLike, pattern: BlockPattern) -> BlockSparseMatrix:
        """Stores the blocks of a dense matrix that hold a non-zero.

        Args:
            matrix: Array of shape ``(out, in)``, any dtype.
            pattern: Shape of a block.

        Returns:
            The matrix, with data of the same dtype.

        Raises:
            ValueError: If the matrix does not have two axes.
        """
        dense = np.asarray(matrix)
        if dense.ndim != 2:
            raise ValueError(
                f"`matrix` should have 2 axes, (out, in). Received: shape={dense.shape}"
            )
        blocks = to_blocks(dense, pattern)
        # NaN is not equal to zero, so a block that holds one is stored.
        occupied = (blocks != 0).any(axis=(2, 3))
        rows, columns = np.nonzero(occupied)
        indptr = np.concatenate([[0], np.cumsum(occupied.sum(axis=1))])
        return cls(
            data=np.ascontiguousarray(blocks[rows, columns]),
            indices=columns.astype(np.int32),
            indptr=indptr.astype(np.int32),
            shape=(dense.shape[0], dense.shape[1]),
        )

    @property
    def pattern(self) -> BlockPattern:
        """Shape of a block."""
        return BlockPattern(out=self.data.shape[1], in_=self.data.shape[2])

    def to_dense(self) -> np.ndarray:
        """The dense matrix, of shape ``(out, in)``."""
        rows, columns = self.pattern.grid(self.shape)
        blocks = np.zeros((rows, columns, *self.data.shape[1:]), self.data.dtype)
        blocks[np.repeat(np.arange(rows), np.diff(self.indptr)), self.indices] = self.data
        return from_blocks(blocks, self.shape)
