"""`strip_pruning`: takes the wrappers off again."""

from __future__ import annotations

from typing import Any

from tfsparse.pruning.binding import binding_of, pruned_layers
from tfsparse.pruning.cloning import clone_with
from tfsparse.pruning.copying import Copies, NotCopiedError
from tfsparse.pruning.graph import is_graph
from tfsparse.pruning.inplace import exchange_layers
from tfsparse.pruning.schedule_check import check_schedules
from tfsparse.pruning.tfmot_wrappers import is_tfmot_wrapper, unwrap_tfmot
from tfsparse.pruning.wrapper import PruneBlockMixin


def strip_pruning(layer: Any, inplace: bool = False) -> Any:
    """Gives back a plain layer or model, with the same weights and predictions.

    Args:
        layer: A layer from `tfsparse.prune_block` or wrapped by TensorFlow Model
            Optimization (`prune_low_magnitude`, `cluster_weights`), a model that
            holds such layers, or a list of layers.
        inplace: Whether to take the wrappers out of `layer` itself, which must be
            a model or layer that was written as a class, or be such a wrapper.
            For models that cannot be cloned. Constraints and regularizers are
            those that the user set again.

    Returns:
        A new layer or model of the same Keras without any wrapper in it, not
        compiled; pruned blocks are zero. A list for a list. With
        `inplace` the same model, or the layer that was wrapped.

    Warns:
        UserWarning: Once, with the layers whose schedule never ran or has not ended.

    Raises:
        ValueError: If `layer` is a subclassed model, or holds one with wrapped
            layers, and `inplace` is not set; or if it is set for a model that
            can be cloned.

    Example:

    >>> layers = [keras.Input((8,)), keras.layers.Dense(4)]
    >>> model = tfsparse.prune_block(keras.Sequential(layers), "4x1", tfsparse.OneShot(0.5))
    >>> plain = tfsparse.strip_pruning(model)
    >>> float(np.mean(plain.layers[0].kernel.numpy() == 0))
    0.5
    """
    layers = layer if isinstance(layer, list | tuple) else [layer]
    for one in layers:
        binding_of(one)  # says what is no layer
    check_schedules(*layers)
    stripped = [_strip_inplace(one) if inplace else _strip(one) for one in layers]
    return stripped if isinstance(layer, list | tuple) else stripped[0]


def _strip(layer: Any) -> Any:
    wrappers = list(pruned_layers(layer))
    for wrapper in wrappers:
        if wrapper.pruning is not None:
            wrapper.pruning.apply_masks()
    if isinstance(layer, PruneBlockMixin):
        return _unwrap_alone(layer)
    if is_tfmot_wrapper(layer):
        return unwrap_tfmot(layer)
    if not isinstance(layer, binding_of(layer).model_class):
        if not wrappers:
            return layer
        raise _hidden(layer)
    return clone_with(layer, _unwrap)


def _unwrap_alone(wrapper: Any) -> Any:
    copies = Copies()
    try:
        plain = copies.clone(wrapper.layer, wrapper.build_like)
        copies.run()
    except NotCopiedError as failure:
        raise _fixed(wrapper, failure.reason) from failure
    return plain


def _unwrap(layer: Any, path: str, copies: Copies) -> Any | None:
    if isinstance(layer, PruneBlockMixin):
        reason = copies.refusal(layer) or copies.refusal(layer.layer)
        if reason is not None:
            raise _fixed(layer, reason)
        return copies.clone(layer.layer, layer.build_like)
    if is_tfmot_wrapper(layer):
        return unwrap_tfmot(layer)
    if any(pruned_layers(layer)):
        raise _hidden(layer)
    return None


def _strip_inplace(layer: Any) -> Any:
    if isinstance(layer, PruneBlockMixin):
        return layer.release()
    if is_graph(layer):
        raise ValueError(
            "`inplace` should be set only for a model or layer written as a class, or for a "
            f"wrapped layer. Received: layer={layer.name!r} of type {type(layer).__name__}"
        )
    exchange_layers(layer, _release)
    return layer


def _release(layer: Any, path: str) -> Any | None:
    if isinstance(layer, PruneBlockMixin):
        return layer.release()
    if is_tfmot_wrapper(layer):
        return unwrap_tfmot(layer)
    if is_graph(layer):
        return clone_with(layer, _unwrap) if any(pruned_layers(layer)) else layer
    return None


def _fixed(wrapper: Any, reason: str) -> ValueError:
    return ValueError(
        "`layer` should hold wrapped layers that can be copied, unless `inplace` is set to unwrap "
        f"them where they are. Received: {wrapper.name!r} ({reason})"
    )


def _hidden(layer: Any) -> ValueError:
    return ValueError(
        "`layer` should not hold wrapped layers inside a layer or model of its own making, unless "
        "`inplace` is set to exchange them there. "
        f"Received: layer={layer.name!r} of type {type(layer).__name__}"
    )
