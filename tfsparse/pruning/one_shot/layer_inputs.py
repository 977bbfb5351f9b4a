"""What a layer is called with, as rows that its kernel multiplies: ``(groups, n, inputs)``.

The columns are in the order of the columns of the kernel's matrices (`KernelView`), so that
``rows @ matrices.T`` is what the layer computes but for its bias. A convolution's rows
are its patches. They are many times the image, so they are made in pieces.

A layer that is not known here (a kernel that was registered, a recurrent one) has no reader.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfsparse.pruning.prunable import PrunableKernel, is_kernel_owner

PIECE = 1 << 23
"""Numbers in a piece, if a single row of patches has no more."""


class Reader(Protocol):
    """Reads the input of a layer as rows. Readers that are equal give equal rows."""

    def __call__(self, x: Any) -> Iterator[np.ndarray]:
        """Pieces of float32 ``(groups, n, inputs)``."""


def reader_of(kernel: Any) -> Reader | None:
    """How the input of the owner of a kernel is read, None if that is not known.

    Args:
        kernel: A `PrunableKernel`, or a `PrunedKernel` made from one.
    """
    layer = kernel.owner
    if not is_kernel_owner(layer):
        return None
    name = type(layer).__name__
    if name == "Dense":
        return DenseReader(kernel.view.matrix_shape[1])
    if name == "EinsumDense":
        return EinsumReader.of(layer.equation, kernel)
    if name.startswith("Separable"):
        return SeparableReader(PatchReader.of(layer, 1), layer)
    return PatchReader.of(layer, layer.groups)


@dataclasses.dataclass(frozen=True)
class DenseReader:
    """Every vector along the last axis is a row.

    Args:
        inputs: Size of that axis.
    """

    inputs: int

    def __call__(self, x: Any) -> Iterator[np.ndarray]:
        """Pieces of float32 ``(1, n, inputs)``."""
        if isinstance(x, tf.SparseTensor):
            x = tf.sparse.to_dense(x)
        yield as_array(x).reshape(1, -1, self.inputs)


@dataclasses.dataclass(frozen=True)
class EinsumReader:
    """The input of an einsum, its axes in the order: groups, all others, summed over.

    Args:
        equation: Einsum of the input alone that gives these axes.
        groups: Number of matrices.
        inputs: Inputs of each.
    """

    equation: str
    groups: int
    inputs: int

    @classmethod
    def of(cls, equation: str, kernel: PrunableKernel) -> EinsumReader:
        """The reader for the equation of a layer."""
        operands, _, output = equation.replace(" ", "").partition("->")
        inputs, _, letters = operands.partition(",")
        view = kernel.view
        groups, summed = (
            "".join(letters[axis] for axis in axes) for axes in (view.group_axes, view.in_axes)
        )
        # Letters that only the input has are summed over before the product.
        others = "".join(letter for letter in output if letter not in letters)
        sizes = (view.groups, view.matrix_shape[1])
        return cls(f"{inputs}->{groups}{others}{summed}", *sizes)

    def __call__(self, x: Any) -> Iterator[np.ndarray]:
        """Pieces of float32 ``(groups, n, inputs)``."""
        yield as_array(tf.einsum(self.equation, x)).reshape(self.groups, -1, self.inputs)


@dataclasses.dataclass(frozen=True)
class PatchReader:
    """Patches of an image of any rank, in groups of its channels.

    Args:
        window: Sizes of the kernel.
        strides: Steps between patches.
        dilation: Steps between pixels of a patch.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.
        channels_first: Whether the channels are the first axis behind the batch.
        groups: Groups of the convolution.
    """

    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str
    channels_first: bool
    groups: int

    @classmethod
    def of(cls, layer: Any, groups: int) -> PatchReader:
        """The reader for a convolution."""
        sizes = (layer.kernel_size, layer.strides, layer.dilation_rate)
        window, strides, dilation = (tuple(map(int, size)) for size in sizes)
        first = layer.data_format == "channels_first"
        return cls(window, strides, dilation, layer.padding, first, int(groups))

    def __call__(self, x: Any) -> Iterator[np.ndarray]:
        """Pieces of float32 ``(groups, n, pixels * channels of a group)``, channels fastest."""
        for patches in self.patches(as_array(x)):
            split = patches.reshape(*patches.shape[:2], self.groups, -1)
            yield split.transpose(2, 0, 1, 3).reshape(
                self.groups, len(split), math.prod(split.shape[1::2])
            )

    def patches(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Pieces of float32 ``(n, pixels, channels)``."""
        if self.channels_first:
            images = np.moveaxis(images, 1, -1)
        rank = len(self.window)
        images = np.pad(images, [(0, 0), *self._pads(images.shape[1:-1]), (0, 0)])
        # A window covers what lies between the pixels of a patch, too.
        spans = [d * (k - 1) + 1 for k, d in zip(self.window, self.dilation, strict=True)]
        axes = tuple(range(1, rank + 1))
        windows = np.lib.stride_tricks.sliding_window_view(images, spans, axes)
        steps = (slice(None, None, step) for step in (*self.strides, 1, *self.dilation))
        windows = windows[(slice(None), *steps)]
        windows = np.moveaxis(windows, rank + 1, -1)
        for piece in _pieces(windows, rank):
            yield piece.reshape(-1, math.prod(self.window), images.shape[-1])

    def _pads(self, sizes: tuple[int, ...]) -> list[tuple[int, int]]:
        pads = []
        for size, window, step, dilation in zip(
            sizes, self.window, self.strides, self.dilation, strict=True
        ):
            span = dilation * (window - 1) + 1
            if self.padding == "causal":
                pads.append((span - 1, 0))
            elif self.padding == "same":
                total = max(0, (-(-size // step) - 1) * step + span - size)
                pads.append((total // 2, total - total // 2))
            else:
                pads.append((0, 0))
        return pads


@dataclasses.dataclass(frozen=True, eq=False)
class SeparableReader:
    """What the depthwise half of a separable convolution gives to the pointwise half.

    Args:
        reader: Of the patches of the depthwise half.
        layer: The separable convolution.
    """

    reader: PatchReader
    layer: Any

    def __call__(self, x: Any) -> Iterator[np.ndarray]:
        """Pieces of float32 ``(1, n, channels * depth multiplier)``."""
        kernel = as_array(self.layer.depthwise_kernel)
        kernel = kernel.reshape(-1, *kernel.shape[-2:])
        for patches in self.reader.patches(as_array(x)):
            yield np.einsum("npc,pcm->ncm", patches, kernel).reshape(1, len(patches), -1)


def as_array(x: Any) -> np.ndarray:
    """A tensor or variable as float32."""
    return np.asarray(tf.cast(tf.convert_to_tensor(x), tf.float32))


def _pieces(windows: np.ndarray, rank: int) -> Iterator[np.ndarray]:
    """Parts of windows ``(images, *places, *pixels, channels)``, images or rows of places."""
    row = max(1, math.prod(windows.shape[2:]))
    rows = max(1, PIECE // row)
    images = max(1, rows // max(1, windows.shape[1]))
    for image in range(0, len(windows), images):
        for start in range(0, windows.shape[1], rows):
            yield windows[image : image + images, start : start + rows]
