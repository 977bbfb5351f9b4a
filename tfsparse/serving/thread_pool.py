"""Sees to it that a session has the threads that it asks for.

TensorFlow gives a process one pool of threads for the insides of ops, as large as the first session
or the first eager op wanted; what later sessions ask for is not heard. With
``TF_OVERRIDE_GLOBAL_THREADPOOL`` each session has a pool of its own, but the variable is read once,
when the first device is made. So it is set while a session of ours is made, and helps if that is
the first of the process, as it is in one that only serves.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from tfsparse.serving.cores import affinity

_VARIABLE = "TF_OVERRIDE_GLOBAL_THREADPOOL"
_POOL_THREAD = "tf_Compute"
_lock = threading.Lock()


@contextlib.contextmanager
def own_pools() -> Iterator[None]:
    """While a session is made: it gets a pool of its own, if TensorFlow still can do that."""
    with _lock:
        _are_pools_own()
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before


def pool_size(wanted: int | None, default: int) -> int:
    """Threads that the pool of a session has, after it was made.

    Args:
        wanted: What the user wants; None if anything will do.
        default: What is asked for then.

    Warns:
        UserWarning: If the user cannot have it.
    """
    if _are_pools_own():
        return default if wanted is None else wanted
    there = tf.config.threading.get_intra_op_parallelism_threads() or affinity()
    if wanted not in (None, there):
        warnings.warn(
            "`threads` should be given before TensorFlow computes anything in the process, which "
            f"makes its pool of threads. Received: threads={wanted}, and a pool of {there} that is "
            f"there already, which is used. Load the model first, or set {_VARIABLE}=1 before "
            "the process starts.",
            stacklevel=3,
        )
    return there


@functools.cache
def _are_pools_own() -> bool:
    """Whether sessions have pools of their own; asked before the first of ours is made."""
    if os.environ.get(_VARIABLE, "").lower() in ("1", "true"):
        return True
    return not any(_comm(path) == _POOL_THREAD for path in Path("/proc/self/task").glob("*/comm"))


def _comm(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:  # a thread that has ended meanwhile
        return ""
