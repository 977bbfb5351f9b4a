"""Which layers can be pruned, and how their kernels are viewed.

A layer is recognised by its exact type, never by `isinstance`: a subclass may
use its kernel in another way (Conv2DTranspose of tf_keras is a Conv2D with its
axes swapped). What is not in the tables is refused with a reason.

To add a layer type: one row in `_VIEWS` if its kernel is its own, one row in
`_OWNERS` if the kernels belong to layers inside it.

This module knows layers by the names of their classes and imports no Keras.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from tfsparse.pattern import KernelView

_KERAS = ("keras", "tf_keras")

_VIEWS: dict[str, Callable[[Any], KernelView]] = {
    "Dense": lambda layer: KernelView.of_dense(layer.kernel.shape),
}

# Layers whose kernels belong to layers inside them, and how to find those.
_OWNERS: dict[str, Callable[[Any], Sequence[Any]]] = {}

_CONVOLUTION = "convolutions cannot be pruned yet"
_ATTENTION = "attention layers cannot be pruned yet"
_RECURRENT = "recurrent kernels join several gates and cannot be pruned"
_REFUSED: dict[str, str] = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _CONVOLUTION),
    **dict.fromkeys(
        (
            "Conv1DTranspose",
            "Conv2DTranspose",
            "Conv3DTranspose",
        ),
        "the kernel of a transposed convolution has its channels swapped and cannot be pruned",
    ),
    **dict.fromkeys(
        ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
        "a depthwise kernel has one input per output channel, so no block to prune",
    ),
    "EinsumDense": "EinsumDense layers cannot be pruned yet",
    **dict.fromkeys(
        ("MultiHeadAttention", "GroupedQueryAttention", "GroupQueryAttention"), _ATTENTION
    ),
    **dict.fromkeys(("Attention", "AdditiveAttention"), _ATTENTION),
    **dict.fromkeys(
        ("Embedding", "ReversibleEmbedding"), "an embedding is looked up, not multiplied"
    ),
    **dict.fromkeys(
        ("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "RNN", "ConvLSTM2D"),
        _RECURRENT,
    ),
    **dict.fromkeys(
        ("Bidirectional", "TimeDistributed", "SpectralNormalization"),
        "a layer inside another wrapper cannot be pruned yet",
    ),
}


@dataclasses.dataclass(frozen=True)
class PrunableKernel:
    """A kernel found in a layer.

    Attributes:
        owner: The layer that holds the kernel.
        attribute: Name under which the owner holds it.
        variable: The kernel.
        view: How it is viewed as a matrix.
    """

    owner: Any
    attribute: str
    variable: Any
    view: KernelView


def refusal(layer: Any) -> str | None:
    """Why a layer cannot be pruned, or None if it can.

    Args:
        layer: A layer of Keras 3 or tf_keras, built or not.
    """
    name = type(layer).__name__
    if not _is_stock(type(layer)):
        base = next((cls.__name__ for cls in type(layer).__mro__ if _is_stock(cls)), "Layer")
        if base in _VIEWS or base in _OWNERS:
            return f"{name} is a subclass of {base} and may use its kernel in another way"
        return _custom_refusal(layer, name)
    if name in _REFUSED:
        return _REFUSED[name]
    if name not in _VIEWS and name not in _OWNERS:
        return _custom_refusal(layer, name)
    return next(filter(None, map(_special_kernel, _owners(layer))), None)


def has_matrix(layer: Any) -> bool:
    """Whether a layer holds something that is multiplied: a weight of rank 2 or more.

    Tells a layer that is worth reporting as skipped from a normalisation or an
    activation. A layer that is not built tells by its type.
    """
    if type(layer).__name__ in {*_VIEWS, *_OWNERS, *_REFUSED}:
        return True
    # An unbuilt model of tf_keras raises when it is asked for its weights, and
    # the vocabulary of a lookup is a weight there, but without a shape.
    return layer.built and any(len(getattr(w, "shape", ())) >= 2 for w in layer.weights)


def find_kernels(layer: Any) -> list[PrunableKernel]:
    """The kernels of a built layer for which `refusal` is None.

    Raises:
        ValueError: If a kernel is not held by the layer that should own it.
    """
    kernels = []
    for owner in _owners(layer):
        variable = owner.kernel
        names = [name for name, value in vars(owner).items() if value is variable]
        if not names:
            raise ValueError(
                "`layer` should hold its kernel as an attribute. "
                f"Received: layer={owner.name!r} of type {type(owner).__name__}"
            )
        view = _VIEWS[type(owner).__name__](owner)
        kernels.append(PrunableKernel(owner, names[0], variable, view))
    return kernels


def _owners(layer: Any) -> Sequence[Any]:
    return _OWNERS.get(type(layer).__name__, lambda layer: [layer])(layer)


def _is_stock(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in _KERAS


def _custom_refusal(layer: Any, name: str) -> str:
    if has_matrix(layer):
        return f"{name} is not a layer type whose kernel can be pruned"
    return f"{name} has no kernel"


def _special_kernel(layer: Any) -> str | None:
    if getattr(layer, "lora_rank", None) or getattr(layer, "lora_enabled", False):
        return "its kernel is adapted by LoRA, so it is not trained itself"
    if getattr(layer, "quantization_mode", None) is not None:
        return f"its kernel is quantized ({layer.quantization_mode})"
    return None
