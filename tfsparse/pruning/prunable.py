"""Which layers can be pruned, and how their kernels are viewed.

A layer that owns a kernel is recognised by its exact type, never by
`isinstance`: a subclass may use its kernel in another way (Conv2DTranspose of
tf_keras is a Conv2D with its axes swapped). A layer made of layers (attention,
a transformer's block, a user's own class) owns the kernels of those inside it
that can be pruned. Everything else is refused with a reason.

To add a layer type: one row in `_KERNELS`. Users add theirs with `register_prunable`.

This module knows layers by the names of their classes and imports no Keras.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterator
from typing import Any

from tfsparse.pattern import KernelView
from tfsparse.pruning.layer_tree import children
from tfsparse.pruning.registering import registered_kernels, view_of_axes

_KERAS = ("keras", "tf_keras")


def _dense(layer: Any) -> KernelView:
    return KernelView.of_dense(layer.kernel.shape)


def _convolution(layer: Any) -> KernelView:
    return KernelView.of_convolution(layer.kernel.shape, layer.groups)


def _pointwise(layer: Any) -> KernelView:
    return KernelView.of_convolution(layer.pointwise_kernel.shape)


def _einsum(layer: Any) -> KernelView:
    return KernelView.of_einsum(layer.equation, layer.kernel.shape)


# Type of a layer: which attribute of it is the kernel, and how that is viewed.
_KERNELS: dict[str, tuple[str, Callable[[Any], KernelView]]] = {
    "Dense": ("kernel", _dense),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), ("kernel", _convolution)),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), ("pointwise_kernel", _pointwise)),
    "EinsumDense": ("kernel", _einsum),
}

_REFUSED: dict[str, str] = {
    **dict.fromkeys(
        ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
        "the kernel of a transposed convolution has its channels swapped and cannot be pruned",
    ),
    **dict.fromkeys(
        ("DepthwiseConv1D", "DepthwiseConv2D"),
        "a depthwise kernel has one input per output channel, so no block to prune",
    ),
    **dict.fromkeys(
        ("LocallyConnected1D", "LocallyConnected2D"),
        "a locally connected kernel is another one at every position and cannot be pruned",
    ),
    **dict.fromkeys(
        ("Embedding", "ReversibleEmbedding"), "an embedding is looked up, not multiplied"
    ),
    **dict.fromkeys(
        (
            *("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "RNN"),
            *("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "StackedRNNCells"),
        ),
        "recurrent kernels join several gates; `register_prunable` says how to prune them",
    ),
    "SpectralNormalization": "it writes the kernel of the layer inside it at every step",
}


# Layers that create the layers inside them when they are built.
_LATE = {"MultiHeadAttention", "GroupedQueryAttention"}


@dataclasses.dataclass(frozen=True)
class PrunableKernel:
    """A kernel found in a layer.

    Attributes:
        owner: The layer that multiplies by the kernel when it is called.
        holder: What holds the kernel: the owner, or for a recurrent layer its cell.
        attribute: Name under which the holder holds it.
        variable: The kernel.
        view: How it is viewed as matrices.
        path: Names of the layers from the one that was asked down to the owner,
            joined by "/"; the owner's name alone if it is the one. If the owner has
            several kernels, the name of the kernel follows, or takes its place.
    """

    owner: Any
    holder: Any
    attribute: str
    variable: Any
    view: KernelView
    path: str


def refusal(layer: Any) -> str | None:
    """Why a layer cannot be pruned, or None if it can.

    Args:
        layer: A layer of Keras 3 or tf_keras, built or not.
    """
    if (reason := _own_refusal(layer)) is not None:
        return reason
    if _makes_layers_late(layer) or any(owners(layer)):
        return None
    inside = "; ".join(f"{path}: {reason}" for path, reason in skipped(layer))
    name = type(layer).__name__
    if inside:
        return f"no layer inside it can be pruned ({inside})"
    if is_unknown(layer):
        return f"{name} is not built, and no layer that can be pruned is inside it yet"
    if has_matrix(layer):
        return f"{name} is not a layer type whose kernel can be pruned"
    return f"{name} has no kernel"


def is_unknown(layer: Any) -> bool:
    """Whether only building a layer can tell what is inside it: one of a user's own."""
    known = layer.built or _is_stock(type(layer)) or _own_refusal(layer) is not None
    return not known and not any(_walk(layer))


def may_make_layers(layer: Any) -> bool:
    """Whether building a layer may create layers inside it."""
    return not layer.built and (is_own(layer) or _makes_layers_late(layer))


def layers_inside(layer: Any) -> Iterator[tuple[str, Any]]:
    """The layers inside a layer with their paths, each once, from the outside in.

    What is inside a layer that owns a kernel, or is refused, is left out.
    """
    seen = {id(layer)}

    def visit(parent: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        if is_kernel_owner(parent) or _own_refusal(parent) is not None:
            return
        for child in children(parent):
            if id(child) not in seen:
                seen.add(id(child))
                yield f"{prefix}{child.name}", child
                yield from visit(child, f"{prefix}{child.name}/")

    return visit(layer, "")


def owners(layer: Any) -> Iterator[tuple[str, Any]]:
    """The layers whose kernels are pruned when a layer is, with their paths, each once."""
    return ((path, owner) for path, owner, reason in _walk(layer) if reason is None)


def skipped(layer: Any) -> Iterator[tuple[str, str]]:
    """Layers inside a layer that hold a kernel and cannot be pruned: path and reason."""
    return ((path, reason) for path, _, reason in _walk(layer) if reason is not None)


def has_matrix(layer: Any) -> bool:
    """Whether a layer holds something that is multiplied: a weight of rank 2 or more.

    Tells a layer that is worth reporting as skipped from a normalisation or an
    activation. A layer that is not built tells by its type.
    """
    if type(layer).__name__ in {*_KERNELS, *_REFUSED} or any(_walk(layer)):
        return True
    # An unbuilt model of tf_keras raises when it is asked for its weights, and
    # the vocabulary of a lookup is a weight there, but without a shape.
    return layer.built and any(len(getattr(w, "shape", ())) >= 2 for w in layer.weights)


def is_ready(layer: Any) -> bool:
    """Whether the kernels of a layer exist; they do once it is built, or was called."""
    found = list(owners(layer))
    return bool(found) and all(owner.built for _, owner in found)


def is_kernel_owner(layer: Any) -> bool:
    """Whether a layer owns its one kernel itself and holds no layers; one of Keras's own."""
    return _is_stock(type(layer)) and type(layer).__name__ in _KERNELS and not is_registered(layer)


def is_registered(layer: Any) -> bool:
    """Whether a layer owns kernels that `register_prunable` has named."""
    return bool(registered_kernels(layer))


def kernel_names(layer: Any) -> list[str]:
    """Names that tell the kernels apart that a layer owns; none if it is at most one."""
    names = [attribute.rpartition(".")[2] for attribute in registered_kernels(layer)]
    return names if len(names) > 1 else []


def is_own(layer: Any) -> bool:
    """Whether a layer is of a user's own class, or another library's."""
    return not _is_stock(type(layer))


def adaptation(layer: Any) -> str | None:
    """What Keras has done to the kernel that a layer owns, or None if nothing."""
    if getattr(layer, "lora_rank", None) or getattr(layer, "lora_enabled", False):
        return "its kernel is adapted by LoRA, so it is not trained itself"
    if getattr(layer, "quantization_mode", None) is not None:
        return f"its kernel is quantized ({layer.quantization_mode})"
    return None


def find_kernels(layer: Any) -> list[PrunableKernel]:
    """The kernels of a built layer for which `refusal` is None.

    Layers inside it that were never built are left out.

    Raises:
        ValueError: If a kernel is not held by the layer that should own it.
    """
    return [
        kernel
        for path, owner in owners(layer)
        if owner.built
        for kernel in _own_kernels(owner, path, asked=owner is layer)
    ]


def _own_kernels(owner: Any, path: str, asked: bool) -> Iterator[PrunableKernel]:
    registered = registered_kernels(owner)
    names = kernel_names(owner)
    for attribute in registered or [_KERNELS[type(owner).__name__][0]]:
        inner, _, name = attribute.rpartition(".")
        holder = operator.attrgetter(inner)(owner) if inner else owner
        variable = getattr(holder, name)
        held = [key for key, value in vars(holder).items() if value is variable]
        if not held or (registered and not hasattr(variable, "assign")):
            raise ValueError(
                "`layer` should hold its kernel as an attribute. "
                f"Received: layer={owner.name!r} of type {type(owner).__name__}"
            )
        if registered:
            view = view_of_axes(registered[attribute], variable.shape)
        else:
            view = _KERNELS[type(owner).__name__][1](owner)
        below = name if asked else f"{path}/{name}"
        yield PrunableKernel(owner, holder, held[0], variable, view, below if names else path)


def _walk(layer: Any) -> Iterator[tuple[str, Any, str | None]]:
    """Path, layer and refusal of every layer with a kernel, the layer itself or inside it."""
    for path, inner in [(layer.name, layer), *layers_inside(layer)]:
        reason = _own_refusal(inner)
        if is_kernel_owner(inner) or is_registered(inner) or reason is not None:
            yield path, inner, reason


def _own_refusal(layer: Any) -> str | None:
    """Why a layer may not be pruned for what it is itself."""
    name = type(layer).__name__
    if any(
        cls.__module__.startswith("tensorflow_model_optimization") for cls in type(layer).__mro__
    ):
        return "it is wrapped by TensorFlow Model Optimization; `strip_pruning` takes that off"
    if is_registered(layer):
        return adaptation(layer)
    if not _is_stock(type(layer)):
        base = next((cls.__name__ for cls in type(layer).__mro__ if _is_stock(cls)), "Layer")
        if base in _KERNELS or base in _REFUSED:
            return (
                f"{name} is a subclass of {base} and may use its kernel in another way; "
                "`register_prunable` says that it does not"
            )
        return None
    if name in _REFUSED:
        return _REFUSED[name]
    return _special_kernel(layer) if name in _KERNELS else None


def _makes_layers_late(layer: Any) -> bool:
    names = {cls.__name__ for cls in type(layer).__mro__ if _is_stock(cls)}
    return bool(names & _LATE) and not any(_walk(layer))


def _is_stock(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in _KERAS


def _special_kernel(layer: Any) -> str | None:
    if (reason := adaptation(layer)) is not None:
        return reason
    if type(layer).__name__ == "EinsumDense":
        return _einsum_refusal(layer)
    return None


def _einsum_refusal(layer: Any) -> str | None:
    letters = layer.equation.replace(" ", "").partition("->")[0].partition(",")[2]
    try:
        view = KernelView.of_einsum(layer.equation, [1] * len(letters))
    except ValueError:
        return f"its equation {layer.equation!r} is not a product of inputs and a kernel"
    if not view.in_axes:
        return f"no axis of its kernel is summed over in {layer.equation!r}, so no block to prune"
    return None
