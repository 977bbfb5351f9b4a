"""Copies a layer: what its configuration says, and what only the object knows.

A layer is made anew from its configuration. The configuration lacks what was done
to the object since: its weights, a `tf.Variable` that Keras does not track, an
attribute that was set later or that `get_config` forgets. `Copies.run` brings all
of this over. A layer that cannot be made anew is not lost: `NotCopiedError` says why,
and whoever clones the model puts the layer itself in the place of a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfsparse.pruning.adapting import adapt_like
from tfsparse.pruning.attributes import copy_attributes
from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.layer_tree import descendants
from tfsparse.pruning.live_objects import live_objects


class NotCopiedError(Exception):
    """A layer cannot be copied.

    Args:
        layer: The layer.
        reason: Why, for people to read.
    """

    def __init__(self, layer: Any, reason: str) -> None:
        super().__init__(f"{layer.name!r}: {reason}")
        self.layer = layer
        self.reason = reason


class Copies:
    """Pairs of layers whose state is copied once both are built.

    Args:
        kept: Why some layers are not to be copied, by the ids of the layers.
    """

    def __init__(self, kept: Mapping[int, str] | None = None) -> None:
        self._kept = kept or {}
        self._pairs: list[tuple[Any, Any, Callable[[Any], Any] | None]] = []

    def refusal(self, layer: Any) -> str | None:
        """Why a layer is not to be copied, None if it may be."""
        return self._kept.get(id(layer))

    def clone(self, layer: Any, build: Callable[[Any], Any] | None = None) -> Any:
        """A new layer like `layer`, whose state will be copied to it.

        Args:
            layer: The layer.
            build: Builds the new layer if nothing else does; by default it is
                built from the layer's build configuration.

        Raises:
            NotCopiedError: If Keras cannot make the layer from its configuration.
        """
        try:
            with binding_of(layer).custom_object_scope(live_objects(layer)):
                copy = type(layer).from_config(layer.get_config())
            adapt_like(layer, copy)
        except Exception as error:
            raise NotCopiedError(layer, _why(error)) from error
        self._pairs.append((layer, copy, build))
        return copy

    def run(self) -> None:
        """Copies the state of every pair.

        Raises:
            NotCopiedError: If a copy has no place for the state of its layer.
        """
        for layer, copy, build in self._pairs:
            try:
                if layer.built and build is not None:
                    build(copy)
                elif layer.built and not copy.built:
                    copy.build_from_config(layer.get_build_config())
                _copy_state(layer, copy)
            except Exception as error:
                raise NotCopiedError(layer, _why(error)) from error


def has_state(layer: Any) -> bool:
    """Whether a layer holds something that training changes, or may once it is built."""
    if not layer.built:
        return True
    # The vocabulary of a lookup is a weight in tf_keras, but without a shape.
    return any(hasattr(variable, "shape") for variable in layer.variables) or any(
        hasattr(value, "assign") for one in descendants(layer) for value in vars(one).values()
    )


def _copy_state(layer: Any, copy: Any) -> None:
    copy_attributes(layer, copy)
    if not layer.built:
        return
    weights, names, wanted = layer.get_weights(), _weight_names(layer), _weight_names(copy)
    if set(names) == set(wanted) and len(set(names)) == len(names) == len(weights):
        # A layer that was quantized after it was built has its weights in another order.
        weights = [weights[names.index(name)] for name in wanted]
    copy.set_weights(weights)
    if hasattr(layer, "adapt"):
        copy.finalize_state()


def _weight_names(layer: Any) -> list[tuple[int, str]]:
    """For each weight, which of the layers inside holds it, and its name there."""
    holders = {
        id(weight): number
        for number, one in reversed(list(enumerate(descendants(layer))))
        for weight in one.weights
    }
    return [(holders[id(w)], w.name.rpartition("/")[2]) for w in layer.weights]


def _why(error: Exception) -> str:
    first = str(error).strip().partition("\n")[0]
    return f"Keras cannot make it anew from its configuration ({type(error).__name__}: {first})"
