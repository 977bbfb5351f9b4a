"""What the pruning package needs from a version of Keras, and which version to take.

The version is read off the class of what the user passed in. Neither
`tf.keras` nor `TF_USE_LEGACY_KERAS` says which Keras a layer belongs to: other
libraries set that variable when they are imported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tfsparse.pruning.layer_tree import children, descendants
from tfsparse.pruning.wrapper import PruneBlockMixin

# Root package of a class -> the module that binds it; imported when needed.
_MODULES = {"keras": "tfsparse.pruning.keras3", "tf_keras": "tfsparse.pruning.tf_keras"}


__all__ = ["Binding", "binding_of", "children", "pruned_layers", "register_loaded"]


@dataclasses.dataclass(frozen=True)
class Binding:
    """One version of Keras.

    Attributes:
        layer_class: Its `Layer`.
        model_class: Its `Model`.
        wrapper_class: The `PruneBlock` wrapper for it.
        clone_model: Its `clone_model`.
        exchange: ``exchange(parent, name, value, old, new)`` sets an attribute of a
            layer to what it was, but with the layer `new` in the place of `old`,
            and keeps the order of the layers and their weights.
        custom_object_scope: Its `custom_object_scope`.
        tracked_layers: The list in which a model keeps the layers that it holds; their
            order is that of its weights.
    """

    layer_class: Any
    model_class: Any
    wrapper_class: Any
    clone_model: Callable[..., Any]
    exchange: Callable[[Any, str, Any, Any, Any], None]
    custom_object_scope: Callable[[dict[str, Any]], contextlib.AbstractContextManager[Any]]
    tracked_layers: Callable[[Any], list[Any]]


def binding_of(layer: Any) -> Binding:
    """The binding for a layer or model.

    Args:
        layer: A layer or model of Keras 3 or tf_keras.

    Returns:
        The binding of its Keras.

    Raises:
        ValueError: If it is neither.
    """
    for cls in type(layer).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in _MODULES:
            binding: Binding = importlib.import_module(_MODULES[root]).BINDING
            if isinstance(layer, binding.layer_class):
                return binding
    raise ValueError(
        "`layer` should be a layer or a model of Keras 3 or tf_keras. "
        f"Received: layer={layer!r} of type {type(layer).__name__}"
    )


def register_loaded() -> None:
    """Registers the wrapper with each version of Keras that is imported already."""
    for root, module in _MODULES.items():
        if root in sys.modules:
            importlib.import_module(module)


def pruned_layers(layer: Any) -> Iterator[Any]:
    """Every wrapper in a layer or model, each once."""
    return (inner for inner in descendants(layer) if isinstance(inner, PruneBlockMixin))
