"""The op library: a shared object that registers the ops with TensorFlow."""

from __future__ import annotations

import functools
from pathlib import Path
from types import ModuleType

import tensorflow as tf


def library_path() -> Path:
    """Where the op library lies; for `TF_LoadLibrary` in other languages."""
    return Path(__file__).with_name("libtfsparse_ops.so")


@functools.cache
def load() -> ModuleType:
    """Registers the ops with TensorFlow; any call after the first does nothing.

    Returns:
        The module of op wrappers that TensorFlow generates.

    Raises:
        ImportError: If the library was not built, or was built for another version
            of TensorFlow.

    Example:

    >>> hasattr(load(), "tfsparse_block_sparse_mat_mul")
    True
    """
    path = library_path()
    if not path.exists():
        raise ImportError(
            f"The op library should be at {path}. Received: no such file. In a source checkout "
            "`make build` builds it."
        )
    try:
        module: ModuleType = tf.load_op_library(str(path))
    except (tf.errors.NotFoundError, OSError) as error:
        raise ImportError(
            "The op library should be loaded by the TensorFlow minor version it was built for. "
            f"Received: tensorflow {tf.__version__}, which says: {error}"
        ) from error
    return module
