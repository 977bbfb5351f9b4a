"""Sparsity patterns, and the one way a kernel is viewed as a matrix.

This is the word that the three wings of tfsparse share. Pruning asks which
blocks of a kernel to zero, conversion asks which block shape fits the zeros it
finds, and the ops store the blocks that are left. All of them look at the same
thing: a kernel seen as a matrix ``(out, in)``, cut into blocks.

The view. A kernel of any rank becomes a matrix whose rows are output channels
and whose columns are inputs: Dense ``(in, out)`` transposed, Conv2D HWIO as
``(O, H*W*I)`` with I fastest. `KernelView` holds nothing but the two groups of
axes, so a new layer type is one more way to make a `KernelView`.

The pattern. ``"AxB"`` is A consecutive output channels by B consecutive inputs
(``BlockPattern(out=A, in_=B)``), so ``"4x1"`` runs along the output channels.
``"K:N"`` keeps K of every N consecutive inputs (``NMPattern(keep=K, of=N)``).
The fields decide, never the string.

Padding. Sizes that a block does not divide are padded with zeros at the end,
for scoring and packing alone. Padding never counts in a ratio.

This module imports NumPy and nothing else.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_BLOCK = re.compile(r"([1-9][0-9]*)x([1-9][0-9]*)")
_KEEP_OF = re.compile(r"([1-9][0-9]*):([1-9][0-9]*)")


@dataclasses.dataclass(frozen=True)
class BlockPattern:
    """Blocks of `out` consecutive output channels by `in_` consecutive inputs.

    Args:
        out: Height of a block in output channels, at least 1.
        in_: Width of a block in inputs, at least 1.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:

    >>> str(BlockPattern(out=16, in_=4))
    '16x4'
    """

    out: int
    in_: int

    def __post_init__(self) -> None:
        if not all(isinstance(size, int) and size > 0 for size in (self.out, self.in_)):
            raise ValueError(
                "`out` and `in_` should be positive integers. "
                f"Received: out={self.out!r}, in_={self.in_!r}"
            )

    def __str__(self) -> str:
        return f"{self.out}x{self.in_}"

    def grid(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Number of blocks along (out, in) of a matrix, padded ones included."""
        return -(-shape[0] // self.out), -(-shape[1] // self.in_)


@dataclasses.dataclass(frozen=True)
class NMPattern:
    """Keeps `keep` of every `of` consecutive inputs of an output channel.

    Args:
        keep: Elements left in each group, at least 1 and less than `of`.
        of: Size of a group along the inputs.

    Raises:
        ValueError: If not ``1 <= keep < of``.

    Example:

    >>> NMPattern(keep=2, of=4).sparsity
    0.5
    """

    keep: int
    of: int

    def __post_init__(self) -> None:
        integers = isinstance(self.keep, int) and isinstance(self.of, int)
        if not (integers and 1 <= self.keep < self.of):
            raise ValueError(
                "`keep` and `of` should be integers with 1 <= keep < of. "
                f"Received: keep={self.keep!r}, of={self.of!r}"
            )

    def __str__(self) -> str:
        return f"{self.keep}:{self.of}"

    @property
    def sparsity(self) -> float:
        """Share of zeros that the pattern asks for."""
        return 1.0 - self.keep / self.of


Pattern = BlockPattern | NMPattern


def parse_pattern(pattern: str | Pattern) -> Pattern:
    """Reads ``"AxB"`` or ``"K:N"``; a pattern object is returned as it is.

    Args:
        pattern: A string such as ``"4x1"``, ``"16x4"`` or ``"2:4"``, or a
            `BlockPattern` or `NMPattern`.

    Returns:
        A `BlockPattern` or an `NMPattern`.

    Raises:
        ValueError: If the string is neither form.

    Example:

    >>> parse_pattern("4x1")
    BlockPattern(out=4, in_=1)
    >>> parse_pattern("2:4")
    NMPattern(keep=2, of=4)
    """
    if isinstance(pattern, BlockPattern | NMPattern):
        return pattern
    if isinstance(pattern, str):
        if match := _BLOCK.fullmatch(pattern):
            return BlockPattern(int(match[1]), int(match[2]))
        if (match := _KEEP_OF.fullmatch(pattern)) and int(match[1]) < int(match[2]):
            return NMPattern(int(match[1]), int(match[2]))
    raise ValueError(
        "`pattern` should be 'AxB' (output channels by inputs) or 'K:N' (keep K of N inputs, "
        f"K < N). Received: pattern={pattern!r}"
    )


@dataclasses.dataclass(frozen=True)
class KernelView:
    """How a kernel of any rank is viewed as a matrix ``(out, in)``.

    Args:
        shape: Shape of the kernel as the layer stores it.
        out_axes: Axes that make the rows, slowest first.
        in_axes: Axes that make the columns, slowest first.

    Raises:
        ValueError: If the axes are not a permutation of the kernel's axes.

    Example:

    >>> view = KernelView.of_dense((3, 2))
    >>> view.to_matrix(np.arange(6).reshape(3, 2)).tolist()
    [[0, 2, 4], [1, 3, 5]]
    """

    shape: tuple[int, ...]
    out_axes: tuple[int, ...]
    in_axes: tuple[int, ...]

    def __post_init__(self) -> None:
        if sorted(self._order) != list(range(len(self.shape))):
            raise ValueError(
                "`out_axes` and `in_axes` together should name every axis of `shape` once. "
                f"Received: shape={self.shape}, out_axes={self.out_axes}, in_axes={self.in_axes}"
            )

    @classmethod
    def of_dense(cls, shape: Sequence[int]) -> KernelView:
        """View of a Dense kernel ``(in, out)``."""
        return cls(tuple(int(size) for size in shape), out_axes=(1,), in_axes=(0,))

    @property
    def _order(self) -> tuple[int, ...]:
        return self.out_axes + self.in_axes

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Shape ``(out, in)`` of the matrix."""
        out = math.prod(self.shape[axis] for axis in self.out_axes)
        return out, math.prod(self.shape[axis] for axis in self.in_axes)

    def to_matrix(self, kernel: npt.ArrayLike) -> np.ndarray:
        """The kernel as a matrix ``(out, in)``; a copy only where strides need one."""
        return np.transpose(np.asarray(kernel), self._order).reshape(self.matrix_shape)

    def from_matrix(self, matrix: npt.ArrayLike) -> np.ndarray:
        """The inverse of `to_matrix`."""
        permuted = [self.shape[axis] for axis in self._order]
        return np.transpose(np.asarray(matrix).reshape(permuted), np.argsort(self._order))


def to_blocks(matrix: np.ndarray, pattern: BlockPattern) -> np.ndarray:
    """Cuts a matrix into blocks, padding it with zeros at the end.

    Args:
        matrix: Array of shape ``(out, in)``.
        pattern: Block shape ``A x B``.

    Returns:
        Array of shape ``(ceil(out/A), ceil(in/B), A, B)``.

    Example:

    >>> to_blocks(np.ones((3, 2)), BlockPattern(2, 1)).sum(axis=(2, 3)).tolist()
    [[2.0, 2.0], [1.0, 1.0]]
    """
    rows, columns = pattern.grid(matrix.shape)
    pad_out = rows * pattern.out - matrix.shape[0]
    pad_in = columns * pattern.in_ - matrix.shape[1]
    if pad_out or pad_in:
        matrix = np.pad(matrix, ((0, pad_out), (0, pad_in)))
    return matrix.reshape(rows, pattern.out, columns, pattern.in_).swapaxes(1, 2)


def from_blocks(blocks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The inverse of `to_blocks`: a matrix of `shape`, the padding cut off."""
    rows, columns, height, width = blocks.shape
    padded = blocks.swapaxes(1, 2).reshape(rows * height, columns * width)
    return padded[: shape[0], : shape[1]]


def block_sparsity(matrix: np.ndarray, pattern: BlockPattern) -> float:
    """Share of a matrix's elements that lie in all-zero blocks of `pattern`.

    Padding does not count: a block that sticks out over the edge weighs as many
    elements as it has inside the matrix.
    """
    if matrix.size == 0:
        return 0.0
    occupied = to_blocks(matrix != 0, pattern).any(axis=(2, 3), keepdims=True)
    filled = np.broadcast_to(occupied, (*occupied.shape[:2], pattern.out, pattern.in_))
    return 1.0 - np.count_nonzero(from_blocks(filled, matrix.shape)) / matrix.size
