"""The numbers of one kernel in a report."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tfsparse.pattern import KernelView, NMPattern, Pattern, block_sparsity, to_blocks
from tfsparse.pruning.report.conformity import conforming_share
from tfsparse.pruning.report.found_pattern import found_pattern
from tfsparse.pruning.report.mask_picture import MaskPicture, mask_picture

_INDEX_BYTES = 4


@dataclasses.dataclass(frozen=True)
class KernelSparsity:
    """One kernel of a report.

    Attributes:
        layer: Name of the layer, with the names of the layers it lies in before
            it: ``"encoder/attention/query"``.
        pattern: Pattern that the kernel is measured against, such as ``"4x1"``,
            ``"2:4"`` or ``"channel"``, or None.
        shape: Shape of the kernel as the layer stores it.
        target: Sparsity that the schedule ends with, or None without a schedule.
        element_sparsity: Zero elements over all elements.
        block_sparsity: Share of elements that lie in all-zero blocks of the
            pattern; None where the pattern has no blocks.
        conforming: For a pattern "K:N", the share of groups of N inputs with at
            most K elements that are not zero; None for other patterns.
        source: Who prunes the kernel: ``"tfsparse"``, ``"TFMOT"`` or such as
            ``"TFMOT (8 clusters)"``; ``"found"`` where the zeros are there and
            nothing holds them, ``"dense"`` where there are few.
        dtype: Type of the stored elements, such as ``"float32"`` or ``"int8"``.
        bytes: Size as it is stored, in bytes.
        packed_bytes: Size with the zeros of the pattern left out, in bytes, see
            `packed_bytes`.
        picture: Where the non-zeros are.

    Example:

    >>> layer = keras.layers.Dense(4, name="out")
    >>> layer.build((None, 8))
    >>> (kernel,) = tfsparse.sparsity_report(layer, pattern="4x1").kernels
    >>> kernel.layer, kernel.pattern, kernel.shape, kernel.elements
    ('out', '4x1', (8, 4), 32)
    """

    layer: str
    pattern: str | None
    shape: tuple[int, ...]
    target: float | None
    element_sparsity: float
    block_sparsity: float | None
    conforming: float | None
    source: str
    dtype: str
    bytes: int
    packed_bytes: int
    picture: MaskPicture = dataclasses.field(repr=False, compare=False)

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def measure(
    layer: str,
    values: np.ndarray,
    view: KernelView,
    pattern: Pattern | None,
    target: float | None,
    source: str,
) -> KernelSparsity:
    """Measures a kernel.

    Args:
        layer: Name of the layer.
        values: The kernel, of shape ``view.shape``.
        view: How it is viewed as matrices ``(groups, out, in)``.
        pattern: Pattern to measure against; None for the one that is found in it.
        target: Sparsity that its schedule ends with, or None.
        source: Who prunes it.

    Returns:
        Its row of a report.
    """
    matrices = view.to_matrices(values)
    pattern = pattern or found_pattern(matrices)
    in_blocks = conforming = None
    if isinstance(pattern, NMPattern):
        conforming = conforming_share(matrices, pattern)
    elif pattern is not None:
        in_blocks = float(block_sparsity(matrices, pattern.flag_block(view.matrix_shape)))
    return KernelSparsity(
        layer=layer,
        pattern=None if pattern is None else str(pattern),
        shape=view.shape,
        target=target,
        element_sparsity=1.0 - int(np.count_nonzero(values)) / max(1, values.size),
        block_sparsity=in_blocks,
        conforming=conforming,
        source=source,
        dtype=values.dtype.name,
        bytes=values.size * values.dtype.itemsize,
        packed_bytes=packed_bytes(matrices, pattern),
        picture=mask_picture(matrices),
    )


def packed_bytes(matrices: np.ndarray, pattern: Pattern | None) -> int:
    """Size of a kernel with its all-zero blocks left out.

    Blocks are counted as ``scipy.sparse.bsr_matrix`` stores them, one matrix per
    group: the elements of every other block, an int32 block column each, and an
    int32 per row of blocks. A pattern "K:N" that all groups conform to is K
    values and the place of each, ``ceil(log2(N))`` bits, per group. A kernel that
    would become larger so is counted as it is.

    Args:
        matrices: Kernel of shape ``(groups, out, in)``.
        pattern: The pattern, or None.

    Returns:
        The size in bytes.

    Example:

    >>> from tfsparse.pattern import BlockPattern
    >>> kernel = np.zeros((1, 8, 3), np.float32)
    >>> kernel[0, :4, 1] = 1.0
    >>> packed_bytes(kernel, BlockPattern(4, 1))  # 4 values, 1 column, 3 ends of rows
    32
    """
    itemsize = int(matrices.dtype.itemsize)
    stored = matrices.size * itemsize
    if pattern is None or matrices.size == 0:
        return stored
    groups, out, in_ = matrices.shape
    if isinstance(pattern, NMPattern):
        if conforming_share(matrices, pattern) < 1.0:
            return stored
        values = groups * out * -(-in_ // pattern.of) * pattern.keep
        place_bits = (pattern.of - 1).bit_length()
        packed: int = values * itemsize + -(-values * place_bits // 8)
        return min(stored, packed)
    block = pattern.flag_block((out, in_))
    blocks = int(np.count_nonzero(to_blocks(matrices != 0, block).any(axis=(-2, -1))))
    ends = groups * (block.grid((out, in_))[0] + 1)
    packed = blocks * (block.out * block.in_ * itemsize + _INDEX_BYTES) + ends * _INDEX_BYTES
    return min(stored, packed)
