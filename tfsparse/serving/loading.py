"""`tfsparse.load`: a SavedModel as a function of arrays."""

from __future__ import annotations

import os

import tensorflow as tf

from tfsparse.ops.export_info import ExportInfo, read_export_info
from tfsparse.ops.library import library_path
from tfsparse.ops.library import load as load_library
from tfsparse.ops.library_info import library_info
from tfsparse.ops.location import location
from tfsparse.serving.cores import usable_cores
from tfsparse.serving.served_model import ServedModel
from tfsparse.serving.session import Session
from tfsparse.serving.signature import read_signature
from tfsparse.serving.thread_pool import pool_size

_NAMES = ("saved_model.pb", "saved_model.pbtxt")


def load(
    path: str | os.PathLike[str],
    signature: str | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> ServedModel:
    """Loads a SavedModel for serving: a function of NumPy arrays, with little overhead.

    A call goes to TensorFlow's C API without TensorFlow's Python. Any SavedModel can be loaded,
    whether tfsparse has exported it or not. Lookup tables are initialised. Any number of threads
    may call the model at once. To pickle it stores its path, and the other process loads it anew.

    Args:
        path: Folder of the SavedModel, such as ``"served/1"`` or ``"gs://bucket/served/1"``.
        signature: The signature to serve; ``"serving_default"`` by default, or the only one.
        threads: Threads that an op may use; by default as many as this process has cores, or as
            a container grants it. For many processes or many calling threads at once take 1.
            It has an effect if the process has not computed anything by TensorFlow before.
        device: ``"cpu"``, which is all that there is.

    Returns:
        The model, a `ServedModel`.

    Warns:
        UserWarning: If it is too late to ask for `threads`.

    Raises:
        FileNotFoundError: If there is no SavedModel.
        ValueError: If an argument is not as above, there is no such signature, it takes or gives
            what is no array, or TensorFlow cannot load the model.
        ImportError: If the model needs the op library and it is missing, or of another version.

    Example:

    >>> layers = [keras.layers.Input((8,), name="x"), keras.layers.Dense(4)]
    >>> report = tfsparse.export(keras.Sequential(layers), "served/1")
    >>> model = tfsparse.load("served/1")
    >>> model(np.ones((2, 8), np.float32)).shape
    (2, 4)
    >>> model.close()
    """
    if device != "cpu":
        raise ValueError(f"`device` should be 'cpu'. Received: device={device!r}")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise ValueError(f"`threads` should be a positive integer. Received: threads={threads!r}")
    folder = location(path)
    if not any(tf.io.gfile.exists(f"{folder}/{name}") for name in _NAMES):
        raise FileNotFoundError(
            "`path` should be the folder of a SavedModel. "
            f"Received: path={os.fspath(path)!r}, where there is no saved_model.pb"
        )
    info = read_export_info(folder)
    _find_ops(folder, info)
    default = usable_cores()
    session = _session(folder, default if threads is None else threads)
    size = pool_size(threads, default)
    chosen = read_signature(session.meta_graph, signature)
    again = (load, (folder, signature, threads, device))
    return ServedModel(folder, chosen, session, size, info, again)


def _find_ops(folder: str, info: ExportInfo | None) -> None:
    """Registers the ops, and checks that they are those that the model was exported with."""
    if info is None or info.op_library is None:
        if library_path().exists():
            load_library()
        return
    load_library()
    library = library_info(library_path())
    if not library.runs(info.op_library):
        raise ImportError(
            f"The model should be exported for the ops of version {library.oldest} to "
            f"{library.version}, which this op library has. Received: {folder!r}, exported for "
            f"version {info.op_library}. Export it again with this tfsparse, or install the one it "
            "was exported with."
        )


def _session(folder: str, threads: int) -> Session:
    try:
        return Session(folder, threads)
    except tf.errors.OpError as error:
        if "Tfsparse>" in error.message and not library_path().exists():
            load_library()  # which says why it cannot
        raise ValueError(
            "`path` should be a SavedModel that TensorFlow can load, tagged 'serve'. "
            f"Received: path={folder!r}, of which TensorFlow says: {error.message}"
        ) from error
