"""What a signature takes and gives: names, types, shapes, and the graph elements behind them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

DEFAULT = "serving_default"

_INTERNAL = "__saved_model_"
"""What the names of signatures that are TensorFlow's own begin with."""


@dataclasses.dataclass(frozen=True)
class Spec:
    """An input or output.

    Attributes:
        name: Its name in the signature.
        dtype: Its NumPy type; `object` for strings.
        shape: Its sizes, None where any will do; None if even their number is open.
        element: Name of the graph element, such as ``"serving_default_x:0"``.
        enum: Its type as TensorFlow counts types.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...] | None
    element: str
    enum: int

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of a shape fits."""
        if self.shape is None:
            return True
        if len(shape) != len(self.shape):
            return False
        return all(want in (None, size) for want, size in zip(self.shape, shape, strict=True))


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of a model.

    Attributes:
        key: Its name.
        inputs: Name to input, in the order of the alphabet.
        outputs: Name to output, likewise.
        defaults: Values of the inputs that may be left out.
    """

    key: str
    inputs: Mapping[str, Spec]
    outputs: Mapping[str, Spec]
    defaults: Mapping[str, np.ndarray]


def read_signature(meta_graph: Any, key: str | None) -> Signature:
    """Reads a signature.

    Args:
        meta_graph: A ``MetaGraphDef``.
        key: Its name; None for ``"serving_default"``, or for the only one.

    Raises:
        ValueError: If there is no such signature, or it takes or gives what is no array.
    """
    keys = sorted(each for each in meta_graph.signature_def if not each.startswith(_INTERNAL))
    if not keys:
        raise ValueError(
            "`path` should be a SavedModel with signatures, which say what is served. "
            "Received: one without"
        )
    chosen = keys[0] if key is None and len(keys) == 1 else DEFAULT if key is None else key
    if chosen not in keys:
        none = f", and there is no {DEFAULT!r}" if key is None else ""
        raise ValueError(f"`signature` should be one of {keys}. Received: signature={key!r}{none}")
    definition = meta_graph.signature_def[chosen]
    defaults = {name: tf.make_ndarray(each) for name, each in definition.defaults.items()}
    return Signature(chosen, _specs(definition.inputs), _specs(definition.outputs), defaults)


def _specs(infos: Mapping[str, Any]) -> dict[str, Spec]:
    return {name: _spec(name, infos[name]) for name in sorted(infos)}


def _spec(name: str, info: Any) -> Spec:
    dtype = tf.as_dtype(info.dtype)
    kind = info.WhichOneof("encoding")
    if kind != "name" or dtype in (tf.resource, tf.variant):
        what = "a sparse or composite tensor" if kind != "name" else f"of type {dtype.name}"
        raise ValueError(
            f"`signature` should take and give arrays. Received: {name!r}, which is {what}"
        )
    shape = tf.TensorShape(info.tensor_shape)
    return Spec(
        name=name,
        dtype=np.dtype(dtype.as_numpy_dtype),
        shape=None if shape.rank is None else tuple(shape.as_list()),
        element=info.name,
        enum=dtype.as_datatype_enum,
    )
