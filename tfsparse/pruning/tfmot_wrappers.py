"""Reads and removes the wrappers of TensorFlow Model Optimization (TFMOT).

`prune_low_magnitude` and `cluster_weights` wrap layers of tf_keras as
`prune_block` does. They are recognised by the names of their classes and never
by importing that library, which would switch `tf.keras` to the legacy version
for the whole process.

What a wrapped layer computes with is not what its variables hold. A pruned
kernel is multiplied by its mask when the layer is called, so after an optimizer
step the stored one is dense. A clustered kernel is put together from centroids
at each call, and the layer inside holds the result, a tensor (after `fit` a
symbolic one), where its variable was. Here both are made afresh, with the
wrapper's own methods where it has some.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfsparse.pattern import BlockPattern, KernelView, NMPattern, Pattern
from tfsparse.pruning.layer_tree import children
from tfsparse.pruning.prunable import find_kernels, is_kernel_owner
from tfsparse.pruning.schedule_adapter import as_schedule

_PACKAGE = "tensorflow_model_optimization"
_PRUNED, _CLUSTERED = "PruneLowMagnitude", "ClusterWeights"


@dataclasses.dataclass(frozen=True)
class TfmotKernel:
    """A weight that TFMOT prunes or clusters, as its layer computes with it.

    Attributes:
        path: Names from the wrapped layer down to the owner of the weight, joined
            by "/", and the weight's own name if the owner has several; empty for
            the one weight of the wrapped layer itself.
        values: The weight.
        view: How it is viewed as matrices.
        pattern: Pattern that it is pruned in, None for a clustered weight.
        target: Sparsity that its schedule ends with, or None.
        source: ``"TFMOT"``, or such as ``"TFMOT (8 clusters)"``.
    """

    path: str
    values: np.ndarray
    view: KernelView
    pattern: Pattern | None
    target: float | None
    source: str


def is_tfmot_wrapper(layer: Any) -> bool:
    """Whether a layer is a wrapper that TFMOT prunes or clusters with."""
    return _is(layer, _PRUNED) or _is(layer, _CLUSTERED)


def tfmot_kernels(wrapper: Any) -> list[TfmotKernel]:
    """The weights of a built wrapper that are pruned or clustered.

    Args:
        wrapper: A layer for which `is_tfmot_wrapper`.

    Returns:
        Its weights; none for a layer such as Dropout, which TFMOT wraps too.
    """
    if _is(wrapper, _CLUSTERED):
        return _clustered_kernels(wrapper)
    target = _target(wrapper)
    return [
        TfmotKernel(path, _masked(weight, mask), view, _pattern(wrapper), target, "TFMOT")
        for weight, mask, _ in wrapper.pruning_vars
        for path, view in [_place(wrapper.layer, weight)]
    ]


def never_pruned(wrapper: Any) -> bool:
    """Whether a wrapper is to prune and its masks still keep everything."""
    if not _is(wrapper, _PRUNED) or not wrapper.pruning_vars:
        return False
    return all(np.all(mask.numpy() != 0) for _, mask, _ in wrapper.pruning_vars)


def unwrap_tfmot(wrapper: Any) -> Any:
    """A layer like the one inside a wrapper, with the weights that it computes with.

    Args:
        wrapper: A layer for which `is_tfmot_wrapper`.

    Returns:
        A new plain layer, built if the wrapper is.
    """
    inner = wrapper.layer
    plain = type(inner).from_config(inner.get_config())
    if not wrapper.built:
        return plain
    weights = _clustered_weights(wrapper) if _is(wrapper, _CLUSTERED) else _pruned_weights(wrapper)
    if weights:
        _build_like(plain, inner)
    plain.set_weights(weights)
    return plain


def _is(layer: Any, name: str) -> bool:
    return any(
        cls.__name__ == name and cls.__module__.partition(".")[0] == _PACKAGE
        for cls in type(layer).__mro__
    )


def _build_like(plain: Any, inner: Any) -> None:
    """Builds a layer as another of its type was built."""
    if not plain.built and (config := inner.get_build_config()):
        plain.build_from_config(config)
    # Attention makes its layers from its configuration, but builds them when it is called.
    for child, built in zip(children(plain), children(inner), strict=False):
        if built.built:
            _build_like(child, built)


def _masked(weight: Any, mask: Any) -> np.ndarray:
    values = np.asarray(weight.numpy())
    return np.where(mask.numpy() != 0, values, np.zeros((), values.dtype))


def _pruned_weights(wrapper: Any) -> list[np.ndarray]:
    masks = {id(weight): mask for weight, mask, _ in wrapper.pruning_vars}
    return [
        _masked(weight, masks[id(weight)]) if id(weight) in masks else weight.numpy()
        for weight in wrapper.layer.weights
    ]


def _clustered_kernels(wrapper: Any) -> list[TfmotKernel]:
    wrapper.update_clustered_weights_associations()
    source = f"TFMOT ({wrapper.number_of_clusters} clusters)"
    kernels = []
    for name in wrapper.original_clusterable_weights:
        tensor = wrapper.get_weight_from_layer(name)
        path, view = _place(wrapper.layer, tensor)
        values = np.asarray(tensor.numpy())
        kernels.append(TfmotKernel(path, values, view, None, None, source))
    return kernels


def _clustered_weights(wrapper: Any) -> list[np.ndarray]:
    wrapper.update_clustered_weights_associations()
    # A weight whose place a tensor has taken is no longer among the layer's weights.
    weights = [weight.numpy() for weight in wrapper.layer.weights]
    for position, name in sorted(wrapper.position_original_weights.items()):
        weights.insert(position, wrapper.get_weight_from_layer(name).numpy())
    return weights


def _pattern(wrapper: Any) -> Pattern:
    if wrapper.sparsity_m_by_n:
        zeros, of = wrapper.sparsity_m_by_n
        return NMPattern(keep=of - zeros, of=of)
    # Theirs is (height, width) of a weight (in, out).
    in_, out = wrapper.block_size
    return BlockPattern(int(out), int(in_))


def _target(wrapper: Any) -> float | None:
    if wrapper.sparsity_m_by_n:
        zeros, of = wrapper.sparsity_m_by_n
        return float(zeros / of)
    try:
        return float(as_schedule(wrapper.pruning_schedule).target)
    except ValueError:  # a schedule of the user's own that has no end
        return None


def _place(layer: Any, weight: Any) -> tuple[str, KernelView]:
    """Path of a weight inside a layer, and its view."""
    for path, owner in _owners(layer, ""):
        names = [name for name, value in vars(owner).items() if value is weight]
        if not names:
            continue
        if is_kernel_owner(owner):
            return path, find_kernels(owner)[0].view
        # Nothing is known of it; most weights are stored as a convolution's, outputs last.
        return "/".join(filter(None, [path, names[0]])), KernelView.of_convolution(weight.shape)
    return "", KernelView.of_convolution(weight.shape)


def _owners(layer: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, layer
    for child in children(layer):
        yield from _owners(child, f"{path}/{child.name}" if path else child.name)
