"""Kernels that no mask holds: of layers that are not wrapped, pruned or not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsparse.pattern import KernelView
from tfsparse.pruning.prunable import (
    find_kernels,
    is_kernel_owner,
    is_registered,
    kernel_names,
    refusal,
)

# A dense kernel has some zeros too: rounding to 8 bits makes one or two percent. One that
# is all zero was initialized so.
_SPARSE = 0.05


@dataclasses.dataclass(frozen=True)
class PlainKernel:
    """A kernel, or another weight that is a matrix.

    Attributes:
        name: Empty for the one of its layer, the weight's name otherwise.
        values: The kernel.
        view: How it is viewed as matrices.
    """

    name: str
    values: np.ndarray
    view: KernelView

    @property
    def is_sparse(self) -> bool:
        """Whether it has more zeros than a dense kernel has by chance."""
        zeros = 1.0 - np.count_nonzero(self.values) / max(1, self.values.size)
        return bool(_SPARSE <= zeros < 1.0)


def plain_kernels(layer: Any) -> list[PlainKernel]:
    """The kernels of a layer that owns one or cannot be pruned.

    Args:
        layer: A layer of Keras 3 or tf_keras.

    Returns:
        Its kernels; none if it is not built, or its kernel is packed.
    """
    if not layer.built:
        return []
    if is_registered(layer) and refusal(layer) is None:
        return [
            PlainKernel(
                one.path if kernel_names(layer) else "", np.asarray(one.variable.numpy()), one.view
            )
            for one in find_kernels(layer)
            if one.owner is layer
        ]
    if not is_kernel_owner(layer):
        return own_weights(layer, ())
    if refusal(layer) is None:
        found = find_kernels(layer)
        return [PlainKernel("", np.asarray(one.variable.numpy()), one.view) for one in found]
    if getattr(layer, "quantization_mode", None) not in (None, "int8", "float8"):
        return []
    values = np.asarray(layer.kernel.numpy())  # with LoRA the sum, which no variable holds
    return [PlainKernel("", values, _view_of_refused(layer, values.shape))]


def own_weights(layer: Any, inside: Sequence[Any]) -> list[PlainKernel]:
    """The weights of rank 2 or more that a layer holds, but for those of layers inside it.

    Args:
        layer: A layer of Keras 3 or tf_keras.
        inside: Layers inside it.

    Returns:
        The weights; none if it is not built.
    """
    if not layer.built:
        return []
    others = {id(weight) for inner in inside if inner.built for weight in inner.weights}
    if is_registered(layer):
        others |= {id(one.variable) for one in find_kernels(layer)}
    weights = [one for one in layer.weights if id(one) not in others and _is_matrix(one)]
    kernels = []
    for weight in weights:
        alone = len(weights) == 1 and not inside
        name = "" if alone else weight.name.rpartition("/")[2].partition(":")[0]
        values = np.asarray(weight.numpy())
        kernels.append(PlainKernel(name, values, KernelView.of_convolution(values.shape)))
    return kernels


def _view_of_refused(layer: Any, shape: tuple[int, ...]) -> KernelView:
    if hasattr(layer, "equation"):
        try:
            return KernelView.of_einsum(layer.equation, shape)
        except ValueError:  # why it is refused
            pass
    return KernelView.of_convolution(shape)


def _is_matrix(weight: Any) -> bool:
    # The vocabulary of a lookup is a weight in tf_keras, but without a shape.
    if len(getattr(weight, "shape", ())) < 2:
        return False
    dtype = str(getattr(weight.dtype, "name", weight.dtype))
    return "float" in dtype or dtype == "int8"
