"""What an exported model says of itself, in ``assets.extra/tfsparse.json``.

TensorFlow leaves the folder ``assets.extra`` to others. Whoever is about to load a model can read
there, without loading anything, which op library it needs and what was done to it, and say in a
sentence what TensorFlow would say as "Op type not registered".
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

FOLDER, FILE = "assets.extra", "tfsparse.json"

_FORMAT = 1
_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What another text than ours raises: no UTF-8, no JSON, or other values."""


@dataclasses.dataclass(frozen=True)
class ExportInfo:
    """What was exported.

    Attributes:
        op_library: Version of the ops that the model needs; None if it needs none of ours.
        tensorflow: Version of TensorFlow that wrote it.
        target: The processor that conversion decided for, such as ``"zen4"``.
        converted: Precision to the number of layers that were converted to it.
        stayed: Number of products and convolutions that were not.
    """

    op_library: int | None
    tensorflow: str
    target: str | None
    converted: Mapping[str, int]
    stayed: int


def write_export_info(folder: str, info: ExportInfo) -> None:
    """Writes the file into the folder of a SavedModel, in the place of one that is there."""
    tf.io.gfile.makedirs(f"{folder}/{FOLDER}")
    text = json.dumps({"format": _FORMAT, **dataclasses.asdict(info)}, indent=1)
    with tf.io.gfile.GFile(f"{folder}/{FOLDER}/{FILE}", "w") as file:
        file.write(text + "\n")


def read_export_info(folder: str) -> ExportInfo | None:
    """What a SavedModel says.

    Args:
        folder: Its folder.

    Returns:
        What it says; None if it says nothing.

    Raises:
        ValueError: If the file does not hold what it should.
    """
    path = f"{folder}/{FOLDER}/{FILE}"
    if not tf.io.gfile.exists(path):
        return None
    try:
        with tf.io.gfile.GFile(path) as file:
            said = json.loads(file.read())
        if said["format"] != _FORMAT:
            raise ValueError(f"format {said['format']!r}")
        return _checked(said)
    except _NOT_OURS as error:
        raise ValueError(
            f"The file should be one that tfsparse writes, of format {_FORMAT}. "
            f"Received: {path}, with {type(error).__name__}: {error}"
        ) from error


def _checked(said: Mapping[str, Any]) -> ExportInfo:
    op_library, target = said["op_library"], said["target"]
    if op_library is not None and type(op_library) is not int:
        raise ValueError(f"op_library {op_library!r}")
    if target is not None and not isinstance(target, str):
        raise ValueError(f"target {target!r}")
    converted = {str(key): int(value) for key, value in said["converted"].items()}
    return ExportInfo(op_library, str(said["tensorflow"]), target, converted, int(said["stayed"]))
