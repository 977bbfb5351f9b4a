"""Values of a JSON request as TensorFlow Serving reads them.

JSON has no bytes. An object whose only name is ``b64`` is therefore a value, not an object: bytes
in base64, such as a picture or a `tf.train.Example`. It may stand wherever a value may.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np


def read_value(value: Any) -> Any:
    r"""A value of a request: an array, or a dict of them where it is an object.

    Args:
        value: What `json.loads` gives.

    Returns:
        An array, of type object where there are bytes in it: NumPy's own type for bytes drops
        zeros at their end.

    Raises:
        ValueError: If it is not base64, or if rows are not of one length.

    Example:

    >>> read_value({"image": {"b64": "AAE="}, "size": [2, 3]})
    {'image': array(b'\x00\x01', dtype=object), 'size': array([2, 3])}
    """
    decoded = _decode(value)
    if isinstance(decoded, Mapping):
        return {name: _array(each) for name, each in decoded.items()}
    return _array(decoded)


def _decode(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"b64"}:
            return _bytes(value["b64"])
        return {name: _decode(each) for name, each in value.items()}
    return [_decode(each) for each in value] if isinstance(value, list) else value


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError(f"`b64` should be a text in base64. Received: {text!r}")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"`b64` should be in base64. Received: {text[:40]!r}, {error}") from error


def _array(value: Any) -> np.ndarray:
    return np.array(value, object) if _has_bytes(value) else np.asarray(value)


def _has_bytes(value: Any) -> bool:
    return any(map(_has_bytes, value)) if isinstance(value, list) else isinstance(value, bytes)
