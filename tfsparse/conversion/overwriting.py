"""What a new model may replace: a SavedModel, and nothing else."""

from __future__ import annotations

import os

import tensorflow as tf

from tfsparse.ops.location import is_remote

GRAPH = "saved_model.pb"
"""The file that makes a folder a model."""


def refuse_what_is_there(target: str, overwrite: bool) -> None:
    """Checks that a place is free, or taken by what may be replaced.

    Args:
        target: Local path, or one with a scheme.
        overwrite: Whether a SavedModel that is there may be replaced.

    Raises:
        FileExistsError: If it may not, or something else is there.
    """
    local = not is_remote(target)
    if not (os.path.lexists(target) if local else tf.io.gfile.exists(target)):
        return
    if not overwrite:
        raise FileExistsError(
            "`path` should not exist, unless `overwrite=True`. "
            f"Received: path={target!r}, which exists"
        )
    if (local and os.path.islink(target)) or not tf.io.gfile.isdir(target):  # noqa: PTH114
        raise FileExistsError(
            f"`path` should be a folder. Received: path={target!r}, which is not one"
        )
    if tf.io.gfile.listdir(target) and not tf.io.gfile.exists(f"{target}/{GRAPH}"):
        raise FileExistsError(
            "`path` should be a SavedModel where `overwrite=True`, which replaces nothing else. "
            f"Received: path={target!r}, a folder without {GRAPH}"
        )
    if local and os.path.ismount(target):
        raise FileExistsError(
            "`path` should be a folder that can be replaced, such as one inside of a mounted "
            f"volume. Received: path={target!r}, a mount point"
        )
