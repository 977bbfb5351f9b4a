"""A model with wrappers that have pruned nothing yet, while something is done to it.

A model that is pruned in place is changed for that. If it fails, or if the wrappers were for a
measurement, it gets its layers and its weights back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.forward_passes import CalibrationData
from tfsparse.pruning.pruner import Pruner


@contextlib.contextmanager
def wrapped(
    model: Any, pruner: Pruner, data: CalibrationData, inplace: bool, keep: bool = True
) -> Iterator[tuple[Any, list[Any]]]:
    """The model in wrappers whose schedules have started.

    Args:
        model: A model or layer.
        pruner: Wraps its layers.
        data: What it is called on.
        inplace: Whether it is changed itself, and not a clone.
        keep: Whether it stays in its wrappers.

    Yields:
        The wrapped model, and the states of its wrappers.
    """
    pruned = _wrap(model, pruner, data, inplace)
    states = [wrapper.pruning for wrapper in pruner.made(pruned) if wrapper.pruning is not None]
    with _undone_on_failure(pruner, pruned, states) if inplace else contextlib.nullcontext():
        for state in states:
            state.start(0, None)
        yield pruned, states
    if inplace and not keep:
        pruner.release(pruned)


def _wrap(model: Any, pruner: Pruner, data: CalibrationData, inplace: bool) -> Any:
    """The model with wrappers that have pruned nothing yet."""
    if inplace:
        if not model.built:
            model(next(iter(data)))
        return pruner.prune_inplace(model)
    is_model = isinstance(model, binding_of(model).model_class)
    if not model.built:
        raise ValueError(
            "`model` should be built and trained before it is pruned. "
            f"Received: model={model.name!r}, which has no weights yet"
        )
    return pruner.prune_model(model) if is_model else pruner.prune_layer(model)


@contextlib.contextmanager
def _undone_on_failure(pruner: Pruner, model: Any, states: Sequence[Any]) -> Iterator[None]:
    """Gives a model its layers and its weights back if what is done to it fails."""
    layers = {id(kernel.owner): kernel.owner for state in states for kernel in state.kernels}
    before = [(layer, layer.get_weights()) for layer in layers.values()]
    try:
        yield
    except BaseException:
        pruner.release(model)
        for layer, weights in before:
            layer.set_weights(weights)
        raise
