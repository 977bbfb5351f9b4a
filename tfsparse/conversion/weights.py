"""The weights of a layer, looked up when they are needed and not kept."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from tfsparse.conversion.constants import Constants


@dataclasses.dataclass(frozen=True, eq=False)
class Weights:
    """A constant tensor seen as a matrix ``(out, in)``, with scales folded into it.

    Attributes:
        constants: Where the value is found.
        tensor: Name of the tensor.
        order: Its axes, those of the outputs first.
        shape: ``(out, in)``.
        output_scale: A factor per output, or None.
        input_scale: A factor per input, or None.
    """

    constants: Constants
    tensor: str
    order: tuple[int, ...]
    shape: tuple[int, int]
    output_scale: np.ndarray | None = None
    input_scale: np.ndarray | None = None

    def matrix(self) -> np.ndarray:
        """The float32 array of shape ``(out, in)``. It is not to be written to."""
        value = self.constants.value(self.tensor)
        assert value is not None
        matrix = value.transpose(self.order).reshape(self.shape)
        matrix = np.ascontiguousarray(matrix, np.float32)
        if self.output_scale is not None:
            matrix = matrix * self.output_scale[:, None]
        if self.input_scale is not None:
            matrix = matrix * self.input_scale
        return matrix

    @property
    def identity(self) -> str:
        """Equal for weights that are the same matrix, in whatever graph."""
        digest = hashlib.sha256(self.constants.identity(self.tensor).encode())
        digest.update(repr((self.order, self.shape)).encode())
        for scale in (self.output_scale, self.input_scale):
            digest.update(b"|" if scale is None else scale.astype(np.float32).tobytes())
        return digest.hexdigest()

    def scaled(
        self, outputs: np.ndarray | None = None, inputs: np.ndarray | None = None
    ) -> Weights:
        """The same weights times a factor per output or per input."""
        return dataclasses.replace(
            self,
            output_scale=_times(self.output_scale, outputs),
            input_scale=_times(self.input_scale, inputs),
        )


def _times(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    if one is None or other is None:
        return other if one is None else one
    product: np.ndarray = one * other
    return product
