"""How the window of a convolution moves over an image.

Why: matching folds paddings into it, the planner counts pixels with it, samples are taken by it,
and the ops are given it as attributes.

Contract: images are NHWC, so axis 0 is the height and axis 1 the width. The matrix of a kernel
``(height, width, in / groups, out)`` is ``(out, height * width * in / groups)``, and group ``g``
owns the outputs from ``g * out / groups`` on.
"""

from __future__ import annotations

import dataclasses
import math

Pads = tuple[int, int, int, int]
"""Zeros at the top, bottom, left and right."""

NO_PADS: Pads = (0, 0, 0, 0)


@dataclasses.dataclass(frozen=True)
class Geometry:
    """A convolution's window.

    Attributes:
        kernel_size: Height and width of the kernel.
        strides: Steps along the height and the width.
        dilations: Distances of neighbouring taps.
        pads: Zeros around the image; None for TensorFlow's ``SAME``, which depends on its size.
        groups: How many groups of channels do not see each other.
    """

    kernel_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: Pads | None = NO_PADS
    groups: int = 1

    @property
    def taps(self) -> int:
        """Pixels that a window reads."""
        return math.prod(self.kernel_size)

    @property
    def is_padded(self) -> bool:
        """Whether a window may reach beyond the image."""
        if self.pads is None:
            return any(self._extent(axis) > 1 for axis in (0, 1))
        return self.pads != NO_PADS

    def fixed_pads(self, sizes: tuple[int | None, int | None]) -> Pads | None:
        """The zeros around an image of some height and width; None where they are not known yet."""
        if self.pads is not None:
            return self.pads
        found: list[int] = []
        for axis, size in enumerate(sizes):
            total = self._same_total(axis, size)
            if total is None:
                return None
            found += [total // 2, total - total // 2]
        return found[0], found[1], found[2], found[3]

    def padded(
        self, pads: Pads, sizes: tuple[int | None, int | None] = (None, None)
    ) -> Geometry | None:
        """The same window with more zeros around an image.

        Args:
            pads: The zeros.
            sizes: Height and width of the image with them.

        Returns:
            The window; None where its own zeros are not known for these sizes.
        """
        own = self.fixed_pads(sizes)
        if own is None:
            return None
        top, bottom, left, right = (a + b for a, b in zip(own, pads, strict=True))
        return dataclasses.replace(self, pads=(top, bottom, left, right))

    def output_sizes(self, sizes: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the result for an image of some height and width."""
        pads = self.fixed_pads(sizes)
        assert pads is not None
        room = [
            size + pads[2 * axis] + pads[2 * axis + 1] - self._extent(axis)
            for axis, size in enumerate(sizes)
        ]
        height, width = (
            0 if each < 0 else each // stride + 1
            for each, stride in zip(room, self.strides, strict=True)
        )
        return height, width

    def input_sizes(self, sizes: tuple[int, int]) -> tuple[int, int]:
        """The least height and width of an image whose result has some height and width."""
        height, width = (
            max(1, (size - 1) * self.strides[axis] - self.shift(axis))
            for axis, size in enumerate(sizes)
        )
        return height, width

    def shift(self, axis: int) -> int:
        """`a` of the size ``floor((size + a) / stride) + 1`` that the result has along an axis."""
        if self.pads is None:
            return -1
        return self.pads[2 * axis] + self.pads[2 * axis + 1] - self._extent(axis)

    def _extent(self, axis: int) -> int:
        """Pixels from the first tap to the last one."""
        return (self.kernel_size[axis] - 1) * self.dilations[axis] + 1

    def _same_total(self, axis: int, size: int | None) -> int | None:
        stride, extent = self.strides[axis], self._extent(axis)
        if stride == 1 or extent == 1:
            return extent - 1
        if size is None:
            return None
        return max(0, (-(-size // stride) - 1) * stride + extent - size)
