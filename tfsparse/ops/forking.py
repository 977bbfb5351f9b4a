"""Calls in a forked process that would wait for ever fail instead, with the reason.

TensorFlow runs functions on threads that it starts with its first one. A process that is forked
afterwards has none of them, so any function that it calls waits for ever, a converted model's as
well as any other. The ops themselves do not need the threads, but nobody gets as far as them.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, NoReturn

import tensorflow as tf

_THREADS = "tf_"
"""What the names of TensorFlow's threads begin with."""


@functools.cache
def refuse_in_forks() -> None:
    """Sees to it that functions and sessions raise in processes that are forked from now on.

    Only in those that are forked while TensorFlow has threads. A process that is forked before,
    or started by "spawn", is not touched.
    """
    if hasattr(os, "register_at_fork"):
        parent = _Parent()
        os.register_at_fork(before=parent.look, after_in_child=parent.refuse)


class _Parent:
    """What a process knows of itself when it is forked."""

    def __init__(self) -> None:
        self._has_threads = False

    def look(self) -> None:
        self._has_threads = any(name.startswith(_THREADS) for name in _thread_names())

    def refuse(self) -> None:
        """In the child. Touches Python alone, because TensorFlow's locks may be held."""
        if not self._has_threads:
            return
        types = tf.types.experimental
        for root in (types.ConcreteFunction, types.GenericFunction):
            for kind in _subclasses(root):
                if "__call__" in vars(kind):
                    kind.__call__ = _refuse
        for session in (tf.compat.v1.Session, tf.compat.v1.InteractiveSession):
            session.run = _refuse


def _thread_names() -> list[str]:
    names = []
    for file in Path("/proc/self/task").glob("*/comm"):
        try:
            names.append(file.read_text())
        except OSError:  # a thread that has ended meanwhile
            continue
    return names


def _subclasses(kind: type[Any]) -> list[type[Any]]:
    found = [kind]
    for each in kind.__subclasses__():
        found += _subclasses(each)
    return found


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError(
        "TensorFlow functions should be called in a process that was not forked, or was forked "
        "before TensorFlow had threads. Received: a call in a forked process, which has none of "
        "the threads and would wait for them for ever. Start processes by "
        "multiprocessing.get_context('spawn'), or load the model in the child only."
    )
