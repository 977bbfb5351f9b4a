"""Writes a SavedModel atomically: a reader sees the old folder or the new one, whole.

On a local file system the model is written to a temporary folder beside the target and
renamed into place. An existing target is replaced only on request; it is moved aside first and
put back if the rename fails. A path with a scheme (``gs://``, ``s3://``, ``ram://``) is written by
TensorFlow's own file systems, which cannot rename a folder in one step: there the model is written
into place, and what a failed write has left is removed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf


def check_target(path: str | os.PathLike[str], overwrite: bool) -> Path:
    """Checks that a SavedModel may be written to `path`.

    Args:
        path: Folder to write.
        overwrite: Whether an existing SavedModel may be replaced.

    Returns:
        The path.

    Raises:
        FileExistsError: If something is there and `overwrite` is False, or it is not a
            SavedModel and must not be replaced at all.
    """
    if is_remote(path):
        _check_remote(os.fspath(path), overwrite)
        return Path(path)
    target = Path(path).expanduser()
    if not (target.exists() or target.is_symlink()):
        return target
    if not overwrite:
        raise FileExistsError(
            "`path` should not exist, unless `overwrite=True`. "
            f"Received: path={os.fspath(path)!r}, which exists"
        )
    if target.is_symlink() or not target.is_dir():
        raise FileExistsError(
            f"`path` should be a folder. Received: path={os.fspath(path)!r}, which is not one"
        )
    if any(target.iterdir()) and not (target / "saved_model.pb").is_file():
        raise FileExistsError(
            "`overwrite=True` replaces a SavedModel and nothing else. "
            f"Received: path={os.fspath(path)!r}, a folder without saved_model.pb"
        )
    return target


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether a path is one of a file system with a scheme, such as ``gs://bucket/model``."""
    return "://" in os.fspath(path)


def _check_remote(path: str, overwrite: bool) -> None:
    try:
        there = tf.io.gfile.exists(path)
    except (tf.errors.OpError, ValueError) as error:
        raise OSError(
            f"`path` should be one that can be written. Received: path={path!r}, for which "
            f"TensorFlow says: {error}"
        ) from error
    if there and not overwrite:
        raise FileExistsError(
            "`path` should not exist, unless `overwrite=True`. "
            f"Received: path={path!r}, which exists"
        )
    if there and tf.io.gfile.listdir(path) and not tf.io.gfile.exists(f"{path}/saved_model.pb"):
        raise FileExistsError(
            "`overwrite=True` replaces a SavedModel and nothing else. "
            f"Received: path={path!r}, a folder without saved_model.pb"
        )


def _write_remote(path: str, write: Callable[[str], None]) -> None:
    if tf.io.gfile.exists(path):
        tf.io.gfile.rmtree(path)
    try:
        write(path)
    except BaseException:
        if tf.io.gfile.exists(path):
            tf.io.gfile.rmtree(path)
        raise


def write_atomically(
    path: str | os.PathLike[str], write: Callable[[str], None], overwrite: bool = False
) -> None:
    """Calls `write` on a temporary folder's path and renames the result to `path`.

    Args:
        path: Folder to write. Parents are made as needed.
        write: Called with a path that does not exist yet; it makes a folder there.
        overwrite: Whether an existing SavedModel may be replaced.

    Raises:
        FileExistsError: See `check_target`.
    """
    target = check_target(path, overwrite)
    if is_remote(path):
        _write_remote(os.fspath(path), write)
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"`path` should be one that can be written. Received: path={os.fspath(path)!r}, "
            f"for which the system says: {error}"
        ) from error
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        new = Path(scratch, "new")
        write(str(new))
        check_target(path, overwrite)
        if not target.exists():
            new.rename(target)
            return
        old = Path(scratch, "old")
        target.rename(old)
        try:
            new.rename(target)
        except BaseException:
            old.rename(target)
            raise


def copy_extra_assets(source: str | None, target: str) -> None:
    """Copies ``assets.extra`` (files that are only for servers) where there is one."""
    extra = f"{source}/assets.extra"
    if source is None or not tf.io.gfile.isdir(extra):
        return
    for folder, _, names in tf.io.gfile.walk(extra):
        copy = f"{target}/assets.extra{folder.removeprefix(extra)}"
        tf.io.gfile.makedirs(copy)
        for name in names:
            tf.io.gfile.copy(f"{folder}/{name}", f"{copy}/{name}")
