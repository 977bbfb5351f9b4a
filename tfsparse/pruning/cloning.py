"""Clones a model with some of its layers replaced, and proves that it is the same.

Both versions of Keras clone Sequential and functional models layer by layer.
What they leave to the caller is done here. A layer without state is taken over as
it is. A layer with state is copied (`copying.py`). A layer that cannot be copied, or
whose copy computes something else, is taken over as well, and whoever asked for
the clone is told. A layer that is called in several places, on several levels,
stays one layer. A model of a class of its own keeps its class, with what its
attributes hold. The new model is not compiled.

Which layers cannot be copied is found by trying: a clone that fails names a
layer, and the next one takes that layer over.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from tfsparse.pruning.binding import Binding, binding_of
from tfsparse.pruning.comparing import Pairs, check_equal
from tfsparse.pruning.copying import Copies, NotCopiedError, has_state
from tfsparse.pruning.graph import is_graph, tied_layers
from tfsparse.pruning.layer_tree import descendants, replaced
from tfsparse.pruning.prunable import is_own
from tfsparse.pruning.wrapper import PruneBlockMixin

Replace = Callable[[Any, str, Copies], Any | None]

# What `compile` and `fit` leave in the attributes of a model.
_OF_TRAINING = {
    *("_compile_config", "_compiled_trainable_state", "_eval_epoch_iterator", "history", "loss"),
    *("optimizer", "stop_evaluating", "stop_predicting", "stop_training"),
    *("_pss_evaluation_shards", "_functional", "_created_nodes", "_inferred_input_shape"),
}


def clone_with(model: Any, replace: Replace) -> Any:
    """Clones a Sequential or functional model, nested ones included.

    Args:
        model: The model.
        replace: Called with each layer that is not itself such a model, with its
            path (the names of the nested models that it is in and its own, joined
            by "/") and with the copies to make. Returns the layer to put in its
            place, or None to leave it to the clone. Called again for the same
            layer when a clone has failed; then `copies.refusal` says of which.

    Returns:
        A new model of the same Keras and the same class.

    Warns:
        UserWarning: Names the layers with trainable weights that both models use.

    Raises:
        ValueError: If `model` is neither Sequential nor functional, or a clone
            computes something else for another reason than one layer.
    """
    if not is_graph(model):
        raise ValueError(
            "`model` should be a Sequential or functional model, because a model of a class of its "
            "own cannot be cloned; set `inplace` to exchange the layers inside it. "
            f"Received: model={model.name!r} of type {type(model).__name__}"
        )
    kept = tied_layers(model)
    while True:
        cloning = _Cloning(model, replace, kept)
        try:
            clone = cloning.run()
        except NotCopiedError as failure:
            if id(failure.layer) in kept:
                raise ValueError(
                    f"`model` should be one that can be cloned. Received: {failure}"
                ) from failure
            kept[id(failure.layer)] = failure.reason
            continue
        _warn_of_shared(cloning.pairs, kept)
        return clone


class _Cloning:
    """One attempt to clone a model.

    Args:
        model: The model.
        replace: As in `clone_with`.
        kept: Why some layers are to be taken over, by their ids.

    Attributes:
        pairs: By the ids of the layers of the model, each with the one in its place.
    """

    def __init__(self, model: Any, replace: Replace, kept: dict[int, str]) -> None:
        self.pairs: Pairs = {}
        self._binding: Binding = binding_of(model)
        self._model = model
        self._replace = replace
        self._kept = kept
        self._copies = Copies(kept)

    def run(self) -> Any:
        """The clone, compared with the model."""
        clone = self._clone_graph(self._model, "")
        self._copies.run()
        check_equal(self._model, clone, self.pairs)
        return clone

    def _clone_layer(self, layer: Any, prefix: str) -> Any:
        if id(layer) not in self.pairs:
            self.pairs[id(layer)] = (layer, self._new_layer(layer, f"{prefix}{layer.name}"))
        return self.pairs[id(layer)][1]

    def _new_layer(self, layer: Any, path: str) -> Any:
        if not isinstance(layer, self._binding.layer_class):  # a bare operation of Keras 3
            return layer
        if is_graph(layer) and id(layer) not in self._kept:
            return self._clone_graph(layer, f"{path}/")
        new = self._replace(layer, path, self._copies)
        if new is None:
            new = layer if id(layer) in self._kept or not has_state(layer) else None
        return self._copies.clone(layer) if new is None else new

    def _clone_graph(self, model: Any, prefix: str) -> Any:
        clone = self._binding.clone_model(
            model, clone_function=lambda layer: self._clone_layer(layer, prefix)
        )
        if model.built and not clone.built:
            clone.build(model.input_shape)
        self._take_class(model, clone)
        self._take_trainable(model, clone)
        return clone

    def _take_trainable(self, model: Any, clone: Any) -> None:
        """Freezes a clone as its model is, which may have layers that are not frozen."""
        if clone.trainable == model.trainable:
            return
        clone.trainable = model.trainable
        for layer in model.layers:
            _, new = self.pairs.get(id(layer), (layer, layer))
            if new.trainable != layer.trainable:
                new.trainable = layer.trainable

    def _take_class(self, model: Any, clone: Any) -> None:
        """Makes a clone of the class of its model, with what it keeps in attributes."""
        of_graph = set(vars(clone)) | _OF_TRAINING
        others = self._replacements()
        if is_own(model):
            clone.__class__ = type(model)
        for name, value in vars(model).items():
            # What is private in a model of Keras's own class is of this one graph.
            if name not in of_graph and (is_own(model) or not name.startswith("_")):
                setattr(clone, name, replaced(value, others))
        places = {
            id(replaced(layer, others)): place
            for place, layer in enumerate(self._binding.tracked_layers(model))
        }
        # Inputs are not in the places of others; they come first.
        self._binding.tracked_layers(clone).sort(key=lambda layer: places.get(id(layer), -1))

    def _replacements(self) -> dict[int, Any]:
        """By the ids of the layers of the model, those inside of them too, what replaces them."""
        found: dict[int, Any] = {}
        for layer, new in self.pairs.values():
            if new is layer:  # a bare operation of Keras 3 has no layers to ask for
                continue
            inner, others = descendants(_unwrapped(layer)), descendants(_unwrapped(new))
            if list(map(type, inner)) == list(map(type, others)):
                found |= {id(one): other for one, other in zip(inner, others, strict=True)}
        return found | {key: new for key, (_, new) in self.pairs.items()}


def _unwrapped(layer: Any) -> Any:
    return layer.layer if isinstance(layer, PruneBlockMixin) else layer


def _warn_of_shared(pairs: Pairs, kept: dict[int, str]) -> None:
    shared = [
        f"{layer.name!r}: {kept[id(layer)]}"
        for layer, new in pairs.values()
        if new is layer and id(layer) in kept and getattr(layer, "trainable_weights", None)
    ]
    if shared:
        warnings.warn(
            "The new model shares the weights of some layers with the model that was passed, so "
            "training the one changes the other: " + "; ".join(shared),
            stacklevel=5,
        )
