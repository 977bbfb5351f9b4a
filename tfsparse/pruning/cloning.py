"""Rebuilds a model with some of its layers replaced, weights kept.

Both versions of Keras clone Sequential and functional models layer by layer.
What they leave to the caller is done here: nested models, a layer that is
shared between models (it stays shared), weights, and the state that
preprocessing layers keep outside their weights. The new model is not compiled.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

from tfsparse.pruning.binding import Binding, binding_of


class StateCopies:
    """Pairs of layers whose state is to be copied once both are built."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Any, Any]] = []

    def clone(self, layer: Any) -> Any:
        """A new layer like `layer`, whose state will be copied to it."""
        copy = type(layer).from_config(layer.get_config())
        if hasattr(layer, "save_assets"):
            # A vocabulary decides the output shape, so it has to be there first.
            with tempfile.TemporaryDirectory() as folder:
                layer.save_assets(folder)
                copy.load_assets(folder)
        else:
            self._pairs.append((layer, copy))
        return copy

    def run(self) -> None:
        """Copies the state of every pair."""
        for layer, copy in self._pairs:
            if layer.built and not copy.built:
                copy.build_from_config(layer.get_build_config())
            _copy_state(layer, copy)


def clone_with(model: Any, replace: Callable[[Any, StateCopies], Any | None]) -> Any:
    """Clones a Sequential or functional model, nested ones included.

    Args:
        model: The model.
        replace: Called once with each layer that is not itself such a model and
            with the copies to make. Returns the layer to put in its place, or
            None for a plain clone.

    Returns:
        A new model of the same Keras.

    Raises:
        ValueError: If `model` is neither Sequential nor functional.
    """
    binding = binding_of(model)
    if not is_clonable(model):
        raise ValueError(
            "`model` should be a Sequential or functional model, because the layers of a "
            "subclassed model cannot be exchanged from outside; pass its layers one by one where "
            f"it makes them. Received: model={model.name!r} of type {type(model).__name__}"
        )
    copies = StateCopies()
    clone = _clone_model(binding, model, replace, copies)
    copies.run()
    return clone


def is_clonable(layer: Any) -> bool:
    """Whether a layer is a Sequential or functional model."""
    if not isinstance(layer, binding_of(layer).model_class):
        return False
    # tf_keras can say it of any model; a Sequential says False until it is built.
    names = {cls.__name__ for cls in type(layer).__mro__}
    return "Sequential" in names or (
        "Functional" in names and getattr(layer, "_is_graph_network", True)
    )


def _clone_model(
    binding: Binding, model: Any, replace: Callable[[Any, StateCopies], Any], copies: StateCopies
) -> Any:
    done: dict[int, Any] = {}

    def clone_layer(layer: Any) -> Any:
        if id(layer) not in done:
            if not isinstance(layer, binding.layer_class):  # a bare operation of Keras 3
                done[id(layer)] = type(layer).from_config(layer.get_config())
            elif is_clonable(layer):
                done[id(layer)] = clone_one(layer)
            else:
                done[id(layer)] = replace(layer, copies) or copies.clone(layer)
        return done[id(layer)]

    def clone_one(nested: Any) -> Any:
        clone = binding.clone_model(nested, clone_function=clone_layer)
        if nested.built and not clone.built:
            clone.build(nested.input_shape)
        if not nested.trainable:
            clone.trainable = False
        return clone

    return clone_one(model)


def _copy_state(layer: Any, copy: Any) -> None:
    copy.set_weights(layer.get_weights())
    if hasattr(layer, "adapt"):
        copy.finalize_state()
