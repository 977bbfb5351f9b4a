"""`strip_pruning`: takes the wrappers off again."""

from __future__ import annotations

import warnings
from typing import Any

from tfsparse.pruning.binding import binding_of, pruned_layers
from tfsparse.pruning.cloning import StateCopies, clone_with
from tfsparse.pruning.wrapper import PruneBlockMixin


def strip_pruning(layer: Any) -> Any:
    """Gives back a plain layer or model, with the same weights and predictions.

    Args:
        layer: A layer from `tfsparse.prune_block`, a model that holds such
            layers, or a list of layers.

    Returns:
        A new layer or model of the same Keras without any class of tfsparse in
        it, not compiled; pruned blocks are zero. A list for a list.

    Raises:
        ValueError: If `layer` is a subclassed model or holds one with wrapped
            layers: strip its layers one by one.

    Example:

    ```python
    plain = tfsparse.strip_pruning(model)
    plain.save("plain.keras")
    ```
    """
    if isinstance(layer, list | tuple):
        return [strip_pruning(one) for one in layer]
    binding = binding_of(layer)
    wrappers = list(pruned_layers(layer))
    _check_schedules(wrappers)
    for wrapper in wrappers:
        if wrapper.pruning is not None:
            wrapper.pruning.apply_masks()
    if isinstance(layer, PruneBlockMixin):
        copies = StateCopies()
        plain = copies.clone(layer.layer)
        copies.run()
        return plain
    if not isinstance(layer, binding.model_class):
        if not wrappers:
            return layer
        raise _hidden(layer)
    return clone_with(layer, _unwrap)


def _unwrap(layer: Any, copies: StateCopies) -> Any | None:
    if isinstance(layer, PruneBlockMixin):
        return copies.clone(layer.layer)
    if any(pruned_layers(layer)):
        raise _hidden(layer)
    return None


def _hidden(layer: Any) -> ValueError:
    return ValueError(
        "`layer` should not hold wrapped layers inside a layer or model of its own making; strip "
        f"those one by one. Received: layer={layer.name!r} of type {type(layer).__name__}"
    )


def _check_schedules(wrappers: list[Any]) -> None:
    idle = [w.name for w in wrappers if w.pruning is None or not w.pruning.has_run]
    if idle:
        warnings.warn(
            f"The schedule never ran for {idle}, so these layers are not sparse. "
            "Was `tfsparse.UpdatePruning()` passed to `fit`?",
            stacklevel=3,
        )
