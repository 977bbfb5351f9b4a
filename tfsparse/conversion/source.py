"""Loads what is to be converted: a SavedModel's signatures, whoever wrote it.

Keras models of either version write their own SavedModel through their ``export``, so that
this wing reads one format and imports no Keras.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A loaded model.

    Attributes:
        model: The object that `tf.saved_model.load` returned; it owns the variables.
        signatures: Signature key to `tf.ConcreteFunction`.
        folder: The SavedModel's folder, or None for a Keras model.
    """

    model: Any
    signatures: Mapping[str, Any]
    folder: Path | None


def load_source(source: Any) -> LoadedModel:
    """Loads a Keras model or a SavedModel folder.

    Args:
        source: A Keras 3 model, a tf_keras model, or the path of a SavedModel.

    Returns:
        The loaded model.

    Raises:
        ValueError: If `source` is none of these, or has no signatures.
        FileNotFoundError: If there is no SavedModel at the path.
    """
    if isinstance(source, str | os.PathLike):
        folder = Path(source)
        if not any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
            raise FileNotFoundError(
                "`source` should be the folder of a SavedModel. "
                f"Received: source={os.fspath(source)!r}, where there is no saved_model.pb"
            )
        return _load(folder, folder)
    if callable(getattr(source, "export", None)):
        with tempfile.TemporaryDirectory(prefix="tfsparse-") as scratch:
            folder = Path(scratch, "model")
            _export(source, folder)
            return _load(folder, None)
    raise ValueError(
        "`source` should be a Keras 3 model, a tf_keras model or the path of a SavedModel. "
        f"Received: source={source!r} of type {type(source).__name__}"
    )


def _export(model: Any, folder: Path) -> None:
    """Writes a SavedModel the model's own way, without its message about a scratch folder."""
    with contextlib.redirect_stdout(io.StringIO()):
        model.export(str(folder))


def _load(path: Path, folder: Path | None) -> LoadedModel:
    model = tf.saved_model.load(str(path))
    signatures = dict(model.signatures)
    if not signatures:
        raise ValueError(
            "`source` should have signatures, which say what is served. "
            f"Received: a SavedModel without signatures, {path}"
        )
    return LoadedModel(model, signatures, folder)
