"""Sparsity patterns, and the one way a kernel is viewed as a matrix.

These are the definitions that the three packages of tfsparse share. Pruning asks which
blocks of a kernel to zero, conversion asks which block shape fits the zeros it
finds, and the ops store the blocks that are left. All of them look at the same
thing: a kernel seen as a matrix ``(out, in)``, cut into blocks.

The view. A kernel of any rank becomes a matrix whose rows are output channels
and whose columns are inputs: Dense ``(in, out)`` transposed, Conv2D HWIO as
``(O, H*W*I)`` with I fastest, EinsumDense by its equation. A kernel that is
several products in one, such as a grouped convolution, is a stack of matrices,
and no block crosses from one to the next. `KernelView` holds nothing but the
groups of axes, so a new layer type is one more way to make a `KernelView`.

The pattern. ``"AxB"`` is A consecutive output channels by B consecutive inputs
(``BlockPattern(out=A, in_=B)``), so ``"4x1"`` runs along the output channels.
``"K:N"`` keeps K of every N consecutive inputs (``NMPattern(keep=K, of=N)``).
``"channel"`` is whole output channels (``ChannelPattern()``). The fields
decide, never the string. What a mask holds one flag for is `flag_block`.

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

    def flag_block(self, shape: tuple[int, int]) -> BlockPattern:
        """The block that is kept or pruned as one in a matrix of `shape`: this one."""
        return self


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

    def flag_block(self, shape: tuple[int, int]) -> BlockPattern:
        """The block that is kept or pruned as one in a matrix of `shape`: an element."""
        return BlockPattern(1, 1)


@dataclasses.dataclass(frozen=True)
class ChannelPattern:
    """Whole output channels, whatever their number of inputs.

    Example:

    >>> ChannelPattern().flag_block((8, 27))
    BlockPattern(out=1, in_=27)
    """

    def __str__(self) -> str:
        return "channel"

    def flag_block(self, shape: tuple[int, int]) -> BlockPattern:
        """The block that is kept or pruned as one in a matrix of `shape`: a row."""
        return BlockPattern(1, max(1, shape[1]))


Pattern = BlockPattern | NMPattern | ChannelPattern


def parse_pattern(pattern: str | Pattern) -> Pattern:
    """Reads ``"AxB"``, ``"K:N"`` or ``"channel"``; a pattern object is returned as it is.

    Args:
        pattern: A string such as ``"4x1"``, ``"16x4"``, ``"2:4"`` or
            ``"channel"``, or a `BlockPattern`, `NMPattern` or `ChannelPattern`.

    Returns:
        A `BlockPattern`, an `NMPattern` or a `ChannelPattern`.

    Raises:
        ValueError: If the string is none of these forms.

    Example:

    >>> parse_pattern("4x1")
    BlockPattern(out=4, in_=1)
    >>> parse_pattern("2:4")
    NMPattern(keep=2, of=4)
    """
    if isinstance(pattern, BlockPattern | NMPattern | ChannelPattern):
        return pattern
    if isinstance(pattern, str):
        if pattern == "channel":
            return ChannelPattern()
        if match := _BLOCK.fullmatch(pattern):
            return BlockPattern(int(match[1]), int(match[2]))
        if (match := _KEEP_OF.fullmatch(pattern)) and int(match[1]) < int(match[2]):
            return NMPattern(int(match[1]), int(match[2]))
    raise ValueError(
        "`pattern` should be 'AxB' (output channels by inputs), 'K:N' (keep K of N inputs, "
        f"K < N) or 'channel'. Received: pattern={pattern!r}"
    )


@dataclasses.dataclass(frozen=True)
class KernelView:
    """How a kernel of any rank is viewed as a stack of matrices ``(groups, out, in)``.

    Args:
        shape: Shape of the kernel as the layer stores it.
        out_axes: Axes that make the rows, slowest first.
        in_axes: Axes that make the columns, slowest first.
        group_axes: Axes that tell the matrices apart, slowest first; most
            kernels have none and are one matrix.
        factors: Shape with axes split into several, for a kernel that stores
            its groups side by side in one axis; the axes above count in it. By
            default `shape`.

    Raises:
        ValueError: If the axes are not a permutation of the kernel's axes, or
            `factors` is not a split of `shape`.

    Example:

    >>> view = KernelView.of_dense((3, 2))
    >>> view.to_matrices(np.arange(6).reshape(3, 2)).tolist()
    [[[0, 2, 4], [1, 3, 5]]]
    """

    shape: tuple[int, ...]
    out_axes: tuple[int, ...]
    in_axes: tuple[int, ...]
    group_axes: tuple[int, ...] = ()
    factors: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.factors:
            object.__setattr__(self, "factors", self.shape)
        if sorted(self.order) != list(range(len(self.factors))):
            raise ValueError(
                "`out_axes`, `in_axes` and `group_axes` together should name every axis once. "
                f"Received: shape={self.shape}, factors={self.factors}, out_axes={self.out_axes}, "
                f"in_axes={self.in_axes}, group_axes={self.group_axes}"
            )
        if math.prod(self.factors) != math.prod(self.shape):
            raise ValueError(
                "`factors` should be a split of `shape`. "
                f"Received: shape={self.shape}, factors={self.factors}"
            )

    @classmethod
    def of_dense(cls, shape: Sequence[int]) -> KernelView:
        """View of a Dense kernel ``(in, out)``."""
        return cls(tuple(int(size) for size in shape), out_axes=(1,), in_axes=(0,))

    @classmethod
    def of_convolution(cls, shape: Sequence[int], groups: int = 1) -> KernelView:
        """View of a convolution kernel ``(*window, in, out)``.

        Args:
            shape: Shape of the kernel, of rank 3 or more.
            groups: Groups of the convolution; each reads inputs of its own and
                writes ``out / groups`` consecutive output channels.

        Raises:
            ValueError: If `groups` does not divide the output channels.

        Example:

        >>> KernelView.of_convolution((3, 3, 16, 32)).matrix_shape
        (32, 144)
        >>> view = KernelView.of_convolution((3, 3, 8, 32), groups=2)
        >>> view.groups, view.matrix_shape
        (2, (16, 72))
        """
        stored = tuple(int(size) for size in shape)
        inputs = tuple(range(len(stored) - 1))
        if groups == 1:
            return cls(stored, out_axes=(len(stored) - 1,), in_axes=inputs)
        if groups < 1 or stored[-1] % groups:
            raise ValueError(
                "`groups` should divide the output channels. "
                f"Received: groups={groups}, shape={stored}"
            )
        factors = (*stored[:-1], groups, stored[-1] // groups)
        last = len(factors) - 1
        return cls(stored, (last,), inputs, group_axes=(last - 1,), factors=factors)

    @classmethod
    def of_einsum(cls, equation: str, shape: Sequence[int]) -> KernelView:
        """View of the kernel of ``einsum(equation, inputs, kernel)``.

        Letters of the kernel that the inputs lack are output channels; letters
        that the inputs have and the output lacks are summed over, so they are
        inputs; letters that stand in all three tell groups apart.

        Args:
            equation: Such as ``"abc,cde->abde"``; may hold an ellipsis.
            shape: Shape of the kernel.

        Raises:
            ValueError: If the equation is not of two operands, or a letter of
                the kernel stands nowhere else.

        Example:

        >>> KernelView.of_einsum("abc,cde->abde", (64, 4, 16)).matrix_shape
        (64, 64)
        """
        stored = tuple(int(size) for size in shape)
        operands, arrow, output = equation.replace(" ", "").partition("->")
        inputs, comma, kernel = operands.partition(",")
        lonely = set(kernel) - set(inputs) - set(output)
        if not (arrow and comma) or len(kernel) != len(stored) or "." in kernel or lonely:
            raise ValueError(
                "`equation` should be 'inputs,kernel->output' with a letter for every axis of the "
                f"kernel that the inputs or the output have too. Received: equation={equation!r}, "
                f"shape={stored}"
            )
        axes: dict[str, list[int]] = {"out": [], "in": [], "group": []}
        for axis, letter in enumerate(kernel):
            kind = "out" if letter not in inputs else "group" if letter in output else "in"
            axes[kind].append(axis)
        return cls(stored, tuple(axes["out"]), tuple(axes["in"]), tuple(axes["group"]))

    @property
    def order(self) -> tuple[int, ...]:
        """Axes of `factors` as the matrices have them: groups, out, in."""
        return self.group_axes + self.out_axes + self.in_axes

    @property
    def groups(self) -> int:
        """Number of matrices."""
        return self._size(self.group_axes)

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Shape ``(out, in)`` of one matrix."""
        return self._size(self.out_axes), self._size(self.in_axes)

    def to_matrices(self, kernel: npt.ArrayLike) -> np.ndarray:
        """The kernel as ``(groups, out, in)``; a copy only where strides need one."""
        split = np.asarray(kernel).reshape(self.factors)
        return np.transpose(split, self.order).reshape(self.groups, *self.matrix_shape)

    def from_matrices(self, matrices: npt.ArrayLike) -> np.ndarray:
        """The inverse of `to_matrices`."""
        split = np.asarray(matrices).reshape([self.factors[axis] for axis in self.order])
        return np.transpose(split, np.argsort(self.order)).reshape(self.shape)

    def _size(self, axes: tuple[int, ...]) -> int:
        return math.prod(self.factors[axis] for axis in axes)


def to_blocks(matrix: np.ndarray, pattern: BlockPattern) -> np.ndarray:
    """Cuts matrices into blocks, padding them with zeros at the end.

    Args:
        matrix: Array of shape ``(..., out, in)``.
        pattern: Block shape ``A x B``.

    Returns:
        Array of shape ``(..., ceil(out/A), ceil(in/B), A, B)``.

    Example:

    >>> to_blocks(np.ones((3, 2)), BlockPattern(2, 1)).sum(axis=(2, 3)).tolist()
    [[2.0, 2.0], [1.0, 1.0]]
    """
    *stack, out, in_ = matrix.shape
    rows, columns = pattern.grid((out, in_))
    pad_out, pad_in = rows * pattern.out - out, columns * pattern.in_ - in_
    if pad_out or pad_in:
        matrix = np.pad(matrix, [(0, 0)] * len(stack) + [(0, pad_out), (0, pad_in)])
    return matrix.reshape(*stack, rows, pattern.out, columns, pattern.in_).swapaxes(-3, -2)


def from_blocks(blocks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The inverse of `to_blocks`: matrices of `shape`, the padding cut off."""
    *stack, rows, columns, height, width = blocks.shape
    padded = blocks.swapaxes(-3, -2).reshape(*stack, rows * height, columns * width)
    return padded[..., : shape[0], : shape[1]]


def block_sparsity(matrix: np.ndarray, pattern: BlockPattern) -> float:
    """Share of the elements of matrices ``(..., out, in)`` in all-zero blocks of `pattern`.

    Padding does not count: a block that sticks out over the edge weighs as many
    elements as it has inside the matrix.
    """
    if matrix.size == 0:
        return 0.0
    occupied = to_blocks(matrix != 0, pattern).any(axis=(-2, -1), keepdims=True)
    filled = np.broadcast_to(occupied, (*occupied.shape[:-2], pattern.out, pattern.in_))
    inside = from_blocks(filled, (matrix.shape[-2], matrix.shape[-1]))
    return 1.0 - np.count_nonzero(inside) / matrix.size
