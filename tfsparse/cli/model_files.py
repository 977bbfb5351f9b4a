"""Opens what a user calls a model: a `.keras` or `.h5` file of either Keras, or a SavedModel."""

from __future__ import annotations

import contextlib
import importlib
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfsparse.cli.command import CommandError
from tfsparse.cli.exit_codes import REFUSED

_BINDINGS = {"keras": "tfsparse.pruning.keras3", "tf_keras": "tfsparse.pruning.tf_keras"}


def is_keras_file(path: str) -> bool:
    """Whether a path is that of a Keras file."""
    return path.endswith((".keras", ".h5", ".hdf5"))


def open_model(path: str) -> Any:
    """What `tfsparse.convert` takes.

    Args:
        path: A `.keras` or `.h5` file, or the folder of a SavedModel.

    Returns:
        The Keras model, or the path.

    Raises:
        CommandError: If there is none, or it cannot be loaded.
    """
    return load_keras(path) if is_keras_file(path) else path


def load_keras(path: str) -> Any:
    """Loads a model by the Keras that has written it, with our wrappers known to it.

    Raises:
        CommandError: If there is none, or it cannot be loaded.
    """
    if not Path(path).is_file():
        raise CommandError(f"MODEL should be a file that is there. Received: {path}", REFUSED)
    try:
        package = _package(path)
        importlib.import_module(_BINDINGS[package])
        return importlib.import_module(f"{package}.models").load_model(path, compile=False)
    except Exception as error:  # of Keras, of h5py, of a class of the user's
        text = " ".join(str(error).split())[:300]
        raise CommandError(
            f"MODEL should be a file that Keras can load by itself. Received: {path}, of which it "
            f"says: {text}. A model with classes of your own can be exported in Python and given "
            "as a SavedModel",
            REFUSED,
        ) from error


@contextlib.contextmanager
def as_saved_model(path: str) -> Iterator[str]:
    """The folder of a SavedModel: the path itself, or what a Keras file is exported to."""
    if not is_keras_file(path):
        yield path
        return
    model = load_keras(path)
    with tempfile.TemporaryDirectory(prefix="tfsparse-") as folder:
        target = str(Path(folder) / "model")
        try:
            model.export(target, verbose=False)
        except TypeError:
            model.export(target)  # tf_keras
        yield target


def _package(path: str) -> str:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
    else:
        import h5py

        with h5py.File(path) as file:
            version = file.attrs.get("keras_version", "3")
    version = version.decode() if isinstance(version, bytes) else str(version)
    return "keras" if version.startswith("3") else "tf_keras"
