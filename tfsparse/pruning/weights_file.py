"""`load_weights`: the weights file of a dense model into the pruned one, and back.

A weights file of Keras says for each layer which class it is of and the how many-th
of that class. So `load_weights` of a pruned model looks for wrappers, which the file of the
dense model does not have, and takes the other layers for the wrong ones. Here Keras loads
the file too, but while it does, it finds the layers that the file was written with:
what is inside of a wrapper in its place, or in the place of a layer something that
passes for a wrapper around it.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import h5py

from tfsparse.pruning.binding import binding_of, pruned_layers
from tfsparse.pruning.graph import is_graph, nodes_of
from tfsparse.pruning.layer_tree import children, flat, replaced
from tfsparse.pruning.wrapper import PruneBlockMixin


def load_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Loads weights that were saved before the model was pruned, or while it was.

    ``model.load_weights`` takes files of a model with the same wrappers. This takes
    those as well, and the files of the model without them: that of the dense model for the
    pruned one, and that of the pruned model for the dense one. A pruned model
    keeps its masks and where it is in its schedule unless the file has some, and
    what the masks prune is zero.

    Args:
        model: A built model of Keras 3 or tf_keras, with layers of the names that
            they had when the file was written.
        path: A file that ``model.save_weights`` wrote, ``"*.weights.h5"``, or ``model.save``,
            ``"*.keras"``.

    Raises:
        ValueError: If `path` is no such file, or the file of another model.

    Example:

    >>> import pathlib, tempfile
    >>> layers = [keras.Input((8,)), keras.layers.Dense(4, name="out")]
    >>> dense = keras.Sequential(layers)
    >>> path = pathlib.Path(tempfile.mkdtemp(), "dense.weights.h5")
    >>> dense.save_weights(path)
    >>> pruned = tfsparse.prune_block(dense, "4x1", 0.5)
    >>> tfsparse.load_weights(pruned, path)
    """
    if not os.fspath(path).endswith((".weights.h5", ".keras")):
        raise ValueError(
            "`path` should be the name of a file, '*.weights.h5' or '*.keras'. "
            f"Received: path={path!r}"
        )
    binding_of(model)  # says what is no model
    wrapped = _wrapped_in(path)
    fitting = {id(layer): layer for layer in _outermost(model, set(wrapped))}
    names = sorted(layer.name for layer in fitting.values())
    if names != wrapped:
        raise ValueError(
            "`path` should be a weights file of the same model, with the same names of layers. "
            f"Received: path={os.fspath(path)!r} with pruned layers {wrapped}, of which "
            f"model={model.name!r} has {names}"
        )
    with _wrapped_alone(model, fitting):
        model.load_weights(path)
    for wrapper in pruned_layers(model):
        if wrapper.pruning is not None:
            wrapper.pruning.apply_masks()


def _wrapped_in(path: str | os.PathLike[str]) -> list[str]:
    """Names of the layers that were wrapped when a file was written, sorted."""
    found: list[str] = []

    def visit(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Group) or "layer" not in item or "vars" not in item:
            return
        if any(value.dtype == bool for value in item["vars"].values()):  # a mask
            found.append(str(item["vars"].attrs.get("name", name)))

    with contextlib.ExitStack() as stack:
        weights: Any = path
        if os.fspath(path).endswith(".keras"):
            archive = stack.enter_context(zipfile.ZipFile(path))
            weights = stack.enter_context(archive.open("model.weights.h5"))
        stack.enter_context(h5py.File(weights, "r")).visititems(visit)
    return sorted(found)


def _outermost(model: Any, names: set[str]) -> Iterator[Any]:
    """The layers of those names that do not lie in another one of them, nor in a wrapper."""
    left, seen = _parts(model), set[int]()
    while left:
        layer = left.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if layer.name in names:
            yield layer
        elif not isinstance(layer, PruneBlockMixin):
            left += _parts(layer)


def _parts(layer: Any) -> list[Any]:
    """The layers directly inside one; of a graph those alone that it calls."""
    if not is_graph(layer):
        return children(layer)
    return [node for node in nodes_of(layer) if hasattr(node, "_flatten_layers")]


@contextlib.contextmanager
def _wrapped_alone(model: Any, wrapped: Mapping[int, Any]) -> Iterator[None]:
    """While active, just those layers of a model seem to be wrapped."""
    layers = list(_layers(model))
    others = {
        id(layer): layer.layer
        for layer in layers
        if isinstance(layer, PruneBlockMixin) and id(layer) not in wrapped
    }
    for layer in wrapped.values():
        if not isinstance(layer, PruneBlockMixin):
            others[id(layer)] = _stand_in(layer)
    # Past `__setattr__`, which would track what is there for a moment only.
    before = [
        (vars(holder), name, value)
        for holder in layers
        for name, value in vars(holder).items()
        if any(id(inner) in others for inner in flat(value))
    ]
    try:
        for attributes, name, value in before:
            attributes[name] = replaced(value, others)
        yield
    finally:
        for attributes, name, value in before:
            attributes[name] = value


def _stand_in(layer: Any) -> Any:
    """What a file takes for a wrapper around a layer: it goes by the name of the class."""
    layer_class = binding_of(layer).layer_class
    stand_in = type("PruneBlock", (layer_class,), {"load_own_variables": _load_nothing})()
    vars(stand_in)["layer"] = layer
    return stand_in


def _load_nothing(stand_in: Any, store: Any) -> None:
    """Leaves the masks in the file."""


def _layers(model: Any) -> Iterator[Any]:
    """A model and all that its attributes lead to, also past what Keras calls its layers."""
    seen, left = {id(model)}, [model]
    while left:
        layer = left.pop()
        yield layer
        for value in flat(list(vars(layer).values())):
            if hasattr(value, "_flatten_layers") and id(value) not in seen:
                seen.add(id(value))
                left.append(value)
