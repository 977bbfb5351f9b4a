"""Where a model lies: a local folder, or one on a file system that has a scheme."""

from __future__ import annotations

import os
import re
from pathlib import Path

import tensorflow as tf

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")


def location(path: str | os.PathLike[str], argument: str = "path") -> str:
    """The place that a path means, as `tf.io.gfile` reads it.

    Args:
        path: A local path, where ``~`` is the home folder, or ``"scheme://..."``.
        argument: What the user calls it, for errors.

    Returns:
        A local path without ``~`` and ``file://``, absolute, or the path with its scheme.
        Neither ends with a slash, except for a root such as ``/`` or ``gs://``.

    Raises:
        ValueError: If the path is empty, a slash of ``scheme://`` is missing, or TensorFlow knows
            no such scheme.

    Example:

    >>> location("file:///served/1/"), location("gs://bucket/served/1/")
    ('/served/1', 'gs://bucket/served/1')
    """
    text = os.fspath(path)
    if not text:
        raise ValueError(f"`{argument}` should name a folder. Received: {argument}=''")
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if is_remote(text):
        scheme, _, rest = text.partition("://")
        known = sorted(filter(None, map(tf.compat.as_str, tf.io.gfile.get_registered_schemes())))
        if scheme not in known:
            raise ValueError(
                f"`{argument}` should have a scheme that TensorFlow knows, of {known}; the "
                f"package tensorflow-io adds others, such as s3. Received: {argument}={path!r}"
            )
        return f"{scheme}://{rest.rstrip('/')}"
    if _SCHEME.match(text):
        raise ValueError(
            f"`{argument}` should have two slashes after its scheme. `pathlib` drops one, so pass "
            f"a string. Received: {argument}={path!r}"
        )
    # Not Path.resolve: a link in the path is the user's, and stays.
    return os.path.abspath(Path(text).expanduser())  # noqa: PTH100


def is_remote(path: str) -> bool:
    """Whether a path has a scheme, so that only `tf.io.gfile` reads it."""
    return "://" in path and _SCHEME.match(path) is not None
