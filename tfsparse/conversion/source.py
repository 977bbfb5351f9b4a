"""Loads what is to be converted: a SavedModel's functions, whoever wrote it.

Keras models of either version write their own SavedModel through their ``export``, so that
this package reads one format and imports no Keras.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfsparse.conversion.layer_paths import LayerPaths, layer_paths
from tfsparse.conversion.leftovers import scratch_folder
from tfsparse.conversion.unread_variables import load_without_unread_variables
from tfsparse.ops.location import location

# What looks at a model before it is read, and knows of it what a graph does not show.
_INSPECTORS: list[Callable[[Any], None]] = []


def inspect_models_with(inspector: Callable[[Any], None]) -> None:
    """Has every model that is no file looked at before it is read.

    Args:
        inspector: Called with the model. It may warn, or raise an error.
    """
    _INSPECTORS.append(inspector)


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A loaded model.

    Attributes:
        model: The object that `tf.saved_model.load` returned; it owns the variables.
        signatures: Signature key to `tf.ConcreteFunction`.
        endpoints: Name of a callable attribute to the function of several signatures.
        folder: The SavedModel's folder, or None for a Keras model.
        layers: The layers of a Keras model.
        layer_paths: Id of a variable's handle to the path of its layer, where that is known.
    """

    model: Any
    signatures: Mapping[str, Any]
    endpoints: Mapping[str, Any]
    folder: str | None
    layers: LayerPaths | None = None
    layer_paths: Mapping[int, str] = dataclasses.field(default_factory=dict)


def load_source(
    source: Any, tags: Sequence[str] | None = None, signatures: Iterable[str] | None = None
) -> LoadedModel:
    """Loads a Keras model or a SavedModel folder.

    Args:
        source: A Keras 3 model, a tf_keras model, or the path of a SavedModel.
        tags: Tags of the graph to load where the SavedModel has several.
        signatures: Keys of the signatures to keep, and no others; all if None. Callable
            attributes other than these are left out then too.

    Returns:
        The loaded model.

    Raises:
        ValueError: If `source` is none of these, or has no signatures, or not those asked for.
        FileNotFoundError: If there is no SavedModel at the path.
    """
    tags, signatures = _texts("tags", tags), _texts("signatures", signatures)
    check_source(source)
    if isinstance(source, str | os.PathLike):
        folder = location(source, "source")
        return _load(folder, folder, tags, signatures)
    for inspector in _INSPECTORS:
        inspector(source)
    with scratch_folder() as scratch:
        path = str(scratch / "model")
        _export(source, path)
        loaded = _load(path, None, tags, signatures)
    layers = layer_paths(source)
    if layers is None:
        return loaded
    paths = _paths_in(loaded.model, source, layers)
    return dataclasses.replace(loaded, layers=layers, layer_paths=paths)


def check_source(source: Any, argument: str = "source") -> None:
    """Whether something is a model or the folder of one, before anything is done with it.

    Args:
        source: See `load_source`.
        argument: What the user calls it, for errors.

    Raises:
        ValueError: If `source` is neither.
        FileNotFoundError: If there is no SavedModel at the path.
    """
    if isinstance(source, str | os.PathLike):
        folder = location(source, argument)
        names = ("saved_model.pb", "saved_model.pbtxt")
        if not any(tf.io.gfile.exists(f"{folder}/{name}") for name in names):
            raise FileNotFoundError(
                f"`{argument}` should be the folder of a SavedModel. Received: "
                f"{argument}={os.fspath(source)!r}, where there is no saved_model.pb"
            )
    elif not callable(getattr(source, "export", None)) or isinstance(source, type):
        raise ValueError(
            f"`{argument}` should be a Keras 3 model, a tf_keras model or the path of a SavedModel."
            f" Received: {argument}={source!r} of type {type(source).__name__}"
        )


def _texts(name: str, value: Iterable[str] | None) -> list[str] | None:
    """An argument that lists texts; one text would be taken for a list of letters."""
    texts = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else []
    if value is not None and (not texts or not all(isinstance(text, str) for text in texts)):
        raise ValueError(f"`{name}` should be a list of texts. Received: {name}={value!r}")
    return texts or None


def _export(model: Any, folder: str) -> None:
    """Writes a SavedModel the model's own way, without its message about a scratch folder."""
    try:
        model.export(folder, verbose=False)
    except TypeError as error:
        if "verbose" not in str(error):
            raise
        model.export(folder)  # tf_keras and older versions of Keras


def _paths_in(loaded: Any, source: Any, paths: LayerPaths) -> dict[int, str]:
    """Paths of the layers of a Keras model, for its variables as they were loaded.

    Keras writes the list of a model's variables beside its functions. tf_keras has lookup tables in
    it, which are none.
    """
    variables = list(getattr(loaded, "variables", ()))
    if [*map(_shape, variables)] != [*map(_shape, source.variables)]:
        return {}
    pairs = zip(variables, paths.of_variables, strict=True)
    return {id(each.handle): path for each, path in pairs if hasattr(each, "handle")}


def _shape(variable: Any) -> str | None:
    shape = getattr(variable, "shape", None)
    return None if shape is None else str(tf.TensorShape(shape))


def _load(
    path: str, folder: str | None, tags: list[str] | None, keys: list[str] | None
) -> LoadedModel:
    try:
        model = load_without_unread_variables(path, tags)
    except RuntimeError as error:
        if tags is None or "tags" not in str(error):
            raise
        raise ValueError(
            "`tags` should be those of a graph of the SavedModel. "
            f"Received: tags={tags}, for which TensorFlow says: {error}"
        ) from error
    signatures = dict(model.signatures)
    endpoints = {
        name: value
        for name, value in vars(model).items()
        if not name.startswith("_self_") and hasattr(value, "concrete_functions")
    }
    endpoints = {name: value for name, value in endpoints.items() if value.concrete_functions}
    if keys is not None:
        unknown = sorted(set(keys) - set(signatures))
        if unknown:
            raise ValueError(
                f"`signatures` should name some of {sorted(signatures)}. "
                f"Received: signatures={list(keys)}, without a match for {unknown}"
            )
        signatures = {key: signatures[key] for key in keys}
        endpoints = {name: value for name, value in endpoints.items() if name in keys}
    if not signatures:
        raise ValueError(
            "`source` should have signatures, which say what is served. "
            f"Received: a SavedModel without signatures, {path}"
        )
    return LoadedModel(model, signatures, endpoints, folder)
