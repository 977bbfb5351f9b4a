"""The op library: a shared object that registers the ops with TensorFlow.

A checkout has one, ``libtfsparse_ops.so``, of the TensorFlow that it was built with. A wheel has
one for each minor version that it serves, with that version in its name, and this module takes the
one of the TensorFlow that is there.
"""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path
from types import ModuleType

import tensorflow as tf

from tfsparse.ops.forking import refuse_in_forks
from tfsparse.tensorflow_versions import minor

_FOLDER = Path(__file__).parent
_PREFIX, _SUFFIX = "libtfsparse_ops-tf", ".so"


def library_path() -> Path:
    """Where the op library for this TensorFlow lies; for `TF_LoadLibrary` in other languages.

    Returns:
        Its path. The file is not there where no library was built for this TensorFlow.

    Example:

    >>> library_path().suffix
    '.so'
    """
    if served_versions():
        return _FOLDER / f"{_PREFIX}{minor(tf.__version__)}{_SUFFIX}"
    return _FOLDER / "libtfsparse_ops.so"


def served_versions() -> list[str]:
    """Minor versions of TensorFlow that a wheel has libraries for; none in a checkout."""
    name = re.compile(rf"{re.escape(_PREFIX)}([0-9]+\.[0-9]+){re.escape(_SUFFIX)}")
    matches = (name.fullmatch(path.name) for path in _FOLDER.iterdir())
    versions = [match[1] for match in matches if match]
    return sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def is_installed() -> bool:
    """Whether there is an op library, be it for this TensorFlow or for others."""
    return library_path().exists() or bool(served_versions())


_OPS = (
    "tfsparse_activation_range",
    "tfsparse_attention",
    "tfsparse_average_pool2d",
    "tfsparse_block_sparse_conv2d",
    "tfsparse_block_sparse_mat_mul",
    "tfsparse_block_sparse_mat_mul_chain",
    "tfsparse_channel_means",
    "tfsparse_gate_channels",
    "tfsparse_lookup_interaction",
    "tfsparse_max_pool2d",
    "tfsparse_normalization",
    "tfsparse_quantized_attention",
    "tfsparse_quantized_block_sparse_conv2d",
    "tfsparse_quantized_block_sparse_mat_mul",
    "tfsparse_quantized_block_sparse_mat_mul_chain",
    "tfsparse_quantized_depthwise_conv2d",
    "tfsparse_scale_shift_channels",
)


@functools.cache
def load() -> ModuleType:
    """Registers the ops with TensorFlow; any call after the first does nothing.

    A process has the ops of one file, the first that it loads. Where that was a copy of the
    library, for which somebody has called `tf.load_op_library`, they are that copy's.

    Returns:
        The module of op wrappers that TensorFlow generates.

    Raises:
        ImportError: If the library was not built, or was built for another version
            of TensorFlow, or if another version of it has been loaded.

    Example:

    >>> hasattr(load(), "tfsparse_block_sparse_mat_mul")
    True
    """
    path = library_path()
    if served_versions() and not path.exists():
        raise ImportError(
            f"The installed TensorFlow should be of a version that this wheel of tfsparse has an "
            f"op library for: {', '.join(served_versions())}. Received: tensorflow "
            f"{tf.__version__}"
        )
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
    refuse_in_forks()
    return module if _has_ops(module) else _module_of_another_file()


def _has_ops(module: ModuleType) -> bool:
    return all(hasattr(module, name) for name in _OPS)


def _module_of_another_file() -> ModuleType:
    """TensorFlow wraps the ops that a file has brought, and ours are registered once."""
    for module in list(sys.modules.values()):
        if getattr(module, "_IS_TENSORFLOW_PLUGIN", False) and _has_ops(module):
            return module
    raise ImportError(
        "The op library of this package should be the first that a process loads, or one of the "
        "same version should be, by `tf.load_op_library`. Received: ops of another file, without "
        f"a module that has {', '.join(_OPS)}"
    )
