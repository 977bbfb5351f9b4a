"""Rebuilds a model with some of its layers replaced, weights kept.

Both versions of Keras clone Sequential and functional models layer by layer.
What they leave to the caller is done here: nested models, a layer that is
shared between models (it stays shared), weights, what Keras did to layers
inside a layer (`adapting.py`), and the state that preprocessing layers keep
outside their weights. The new model is not compiled.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

from tfsparse.pruning.adapting import adapt_like
from tfsparse.pruning.binding import Binding, binding_of
from tfsparse.pruning.live_objects import live_objects


class StateCopies:
    """Pairs of layers whose state is to be copied once both are built."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Any, Any, Callable[[Any], Any] | None]] = []

    def clone(self, layer: Any, build: Callable[[Any], Any] | None = None) -> Any:
        """A new layer like `layer`, whose state will be copied to it.

        Args:
            layer: The layer.
            build: Builds the new layer if nothing else does; by default it is
                built from the layer's build configuration.
        """
        with binding_of(layer).custom_object_scope(live_objects(layer)):
            copy = type(layer).from_config(layer.get_config())
        if hasattr(layer, "save_assets"):
            # A vocabulary decides the output shape, so it has to be there first.
            with tempfile.TemporaryDirectory() as folder:
                layer.save_assets(folder)
                copy.load_assets(folder)
        else:
            adapt_like(layer, copy)
            self._pairs.append((layer, copy, build))
        return copy

    def run(self) -> None:
        """Copies the state of every pair."""
        for layer, copy, build in self._pairs:
            if layer.built and build is not None:
                build(copy)
            elif layer.built and not copy.built:
                copy.build_from_config(layer.get_build_config())
            _copy_state(layer, copy)


Replace = Callable[[Any, str, StateCopies], Any | None]


def clone_with(model: Any, replace: Replace) -> Any:
    """Clones a Sequential or functional model, nested ones included.

    Args:
        model: The model.
        replace: Called once with each layer that is not itself such a model,
            with its path (the names of the nested models that it is in and its
            own, joined by "/") and with the copies to make. Returns the layer to
            put in its place, or None for a plain clone.

    Returns:
        A new model of the same Keras.

    Raises:
        ValueError: If `model` is neither Sequential nor functional.
    """
    binding = binding_of(model)
    if not is_clonable(model):
        raise ValueError(f"`model` should be {_refusal(model)}")
    copies = StateCopies()
    clone = _clone_model(binding, model, replace, copies)
    copies.run()
    return clone


def is_clonable(layer: Any) -> bool:
    """Whether a layer is a Sequential or functional model, of no class of its own.

    A clone of a model whose class is the user's own would be of another class, or
    lack what its `__init__` sets.
    """
    return is_graph(layer) and type(layer).__module__.partition(".")[0] in ("keras", "tf_keras")


def is_graph(layer: Any) -> bool:
    """Whether a layer is a model that calls its layers itself: Sequential or functional."""
    if not isinstance(layer, binding_of(layer).model_class):
        return False
    names = {cls.__name__ for cls in type(layer).__mro__}
    # tf_keras can say it of any model; a Sequential says False until it is built.
    return "Sequential" in names or (
        "Functional" in names and getattr(layer, "_is_graph_network", True)
    )


def _refusal(model: Any) -> str:
    received = f"Received: model={model.name!r} of type {type(model).__name__}"
    if is_graph(model):
        return (
            "a Sequential or functional model of Keras's own class, because a clone would lose "
            "what another class adds to it; prune `keras.Model(model.inputs, model.outputs)` and "
            "give its stripped weights to `model.set_weights`, or make yours of the layers, or of "
            f"the inputs and outputs, of a model that is pruned. {received}"
        )
    return (
        "a Sequential or functional model, because a model of a class of its own cannot be "
        f"cloned; set `inplace` to exchange the layers inside it. {received}"
    )


def _clone_model(binding: Binding, model: Any, replace: Replace, copies: StateCopies) -> Any:
    done: dict[int, Any] = {}

    def clone_layer(layer: Any, prefix: str) -> Any:
        path = f"{prefix}{layer.name}"
        if id(layer) not in done:
            if not isinstance(layer, binding.layer_class):  # a bare operation of Keras 3
                done[id(layer)] = type(layer).from_config(layer.get_config())
            elif is_clonable(layer):
                done[id(layer)] = clone_one(layer, f"{path}/")
            else:
                done[id(layer)] = replace(layer, path, copies) or copies.clone(layer)
        return done[id(layer)]

    def clone_one(nested: Any, prefix: str) -> Any:
        clone = binding.clone_model(nested, clone_function=lambda layer: clone_layer(layer, prefix))
        if nested.built and not clone.built:
            clone.build(nested.input_shape)
        if not nested.trainable:
            clone.trainable = False
        return clone

    return clone_one(model, "")


def _copy_state(layer: Any, copy: Any) -> None:
    copy.set_weights(layer.get_weights())
    if hasattr(layer, "adapt"):
        copy.finalize_state()
