"""Writes a model to a file system that only `tf.io.gfile` reads: ``gs://``, ``s3://``, ``ram://``.

These have no rename of folders in one step. The model is written whole to a folder beside its
place, and then moved there file by file, ``saved_model.pb`` last, because a folder without it is
not a model. An old model is removed before that, its ``saved_model.pb`` first. So a reader finds
the old model, none for a moment, or the new one. What a killed process leaves beside the place is
reported by the next export, and not removed: nothing says whether its owner lives.
"""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Callable

import tensorflow as tf

from tfsparse.conversion.overwriting import GRAPH, refuse_what_is_there


def check_remote(target: str, overwrite: bool) -> None:
    """Checks that a model may be written to a place, and that the place can be written.

    Args:
        target: Path with its scheme.
        overwrite: Whether a SavedModel that is there may be replaced.

    Raises:
        FileExistsError: See `tfsparse.conversion.saving.check_target`.
        tf.errors.OpError: If the file system refuses.
    """
    refuse_what_is_there(target, overwrite)
    for left in _siblings(target):
        warnings.warn(
            f"Beside {target!r} lies {left!r}. A process is writing there now, or was killed; then "
            "remove it.",
            stacklevel=3,
        )
    probe = _sibling(target)
    try:
        tf.io.gfile.makedirs(probe)
        with tf.io.gfile.GFile(f"{probe}/probe", "w") as file:
            file.write("Written to see whether a model can be.")
    finally:
        _remove(probe)


def write_remote(target: str, write: Callable[[str], None], overwrite: bool) -> None:
    """Calls `write` on a folder beside `target` and moves the result there.

    Args:
        target: Path with its scheme.
        write: Called with a path that does not exist yet; it makes a folder there.
        overwrite: Whether a SavedModel that is there may be replaced.

    Raises:
        FileExistsError: See `check_remote`.
        tf.errors.OpError: If the file system refuses.
    """
    new = _sibling(target)
    try:
        write(new)
        refuse_what_is_there(target, overwrite)
        if tf.io.gfile.exists(target):
            if tf.io.gfile.exists(f"{target}/{GRAPH}"):
                tf.io.gfile.remove(f"{target}/{GRAPH}")
            _delete(target)
        _move(new, target)
    finally:
        _remove(new)


def copy_files(source: str, target: str) -> None:
    """Copies a folder with all that is in it, between any two file systems."""
    for folder, _, names in tf.io.gfile.walk(source):
        copy = _below(target, folder, source)
        tf.io.gfile.makedirs(copy)
        for name in names:
            tf.io.gfile.copy(_join(folder, name), _join(copy, name))


def _move(source: str, target: str) -> None:
    files = []
    for folder, _, names in tf.io.gfile.walk(source):
        tf.io.gfile.makedirs(_below(target, folder, source))
        # A listing may hold what is in a folder whose name begins alike (``ram://`` has it so).
        paths = [_join(folder, name) for name in names]
        files += [path for path in paths if tf.io.gfile.exists(path)]
    for file in sorted(files, key=lambda file: file == _join(source, GRAPH)):
        place = _below(target, file, source)
        tf.io.gfile.makedirs(place.rpartition("/")[0])
        tf.io.gfile.rename(file, place)


def _below(target: str, path: str, source: str) -> str:
    rest = path.removeprefix(source).strip("/")
    return _join(target, rest) if rest else target


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name.rstrip('/')}"


def _prefix(target: str) -> str:
    parent, _, name = target.rpartition("/")
    return f"{parent}/.{name}-"


def _sibling(target: str) -> str:
    return _prefix(target) + secrets.token_hex(4)


def _siblings(target: str) -> list[str]:
    try:
        return list(tf.io.gfile.glob(_prefix(target) + "[0-9a-f]" * 8))
    except tf.errors.NotFoundError:
        return []


def _delete(folder: str) -> None:
    # The longest names first: ``ram://`` takes what is in a folder for part of another one whose
    # name begins alike, as ``assets.extra`` and ``assets`` do.
    folders = [name.rstrip("/") for name, _, _ in tf.io.gfile.walk(folder)]
    for name in sorted(folders, reverse=True):
        if tf.io.gfile.exists(name):
            tf.io.gfile.rmtree(name)


def _remove(folder: str) -> None:
    try:
        if tf.io.gfile.exists(folder):
            _delete(folder)
    except tf.errors.OpError:
        pass  # What led here counts, and the next export reports what is left.
