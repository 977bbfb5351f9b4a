"""Writes a SavedModel atomically: a reader sees the old folder or the new one, whole.

The model is written to a scratch folder beside the target, on the same file system, and takes its
place in one step (`exchange` says where that needs two). A killed process leaves the old model or
the new one in place; the next export to the same place cleans up (`leftovers`). File systems with
a scheme, such as ``gs://``, do what they can (`remote_saving`).
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

from tfsparse.conversion.exchange import put_in_place
from tfsparse.conversion.leftovers import ASIDE, clean_up, scratch_folder
from tfsparse.conversion.overwriting import refuse_what_is_there
from tfsparse.conversion.remote_saving import check_remote, copy_files, write_remote
from tfsparse.ops.location import is_remote, location

_STORAGE_ERRORS = {
    tf.errors.ResourceExhaustedError: errno.ENOSPC,
    tf.errors.PermissionDeniedError: errno.EACCES,
    tf.errors.UnauthenticatedError: errno.EACCES,
}
"""What TensorFlow raises for storage while it writes a model; anything else may be the model's."""


def check_target(path: str | os.PathLike[str], overwrite: bool) -> str:
    """Checks that a SavedModel may be written to a path, and that the path can be written.

    Cleans up first what killed processes have left there.

    Args:
        path: Folder to write: a local one, ``~`` allowed, or ``"scheme://..."``.
        overwrite: Whether an existing SavedModel may be replaced.

    Returns:
        The path, local and absolute or with its scheme.

    Raises:
        FileExistsError: If something is there and `overwrite` is False, or it is not a
            SavedModel and must not be replaced at all.
        OSError: If the path cannot be written.
        ValueError: If the path is not one.

    Example:

    >>> check_target("ram://served/1", overwrite=False)
    'ram://served/1'
    """
    target = location(path)
    with _errors_name(path, whole=True):
        if is_remote(target):
            check_remote(target, overwrite)
        else:
            clean_up(target)
            refuse_what_is_there(target, overwrite)
            _probe(Path(target))
    return target


def write_atomically(
    path: str | os.PathLike[str], write: Callable[[str], None], overwrite: bool = False
) -> None:
    """Calls `write` on a temporary folder's path and moves the result to `path`.

    Args:
        path: Folder to write. Parents are made as needed.
        write: Called with a path that does not exist yet; it makes a folder there.
        overwrite: Whether an existing SavedModel may be replaced.

    Raises:
        FileExistsError: See `check_target`.
        OSError: If the path cannot be written, as on a full disk. What was there is whole
            and in place, and nothing else is left.

    Example:

    >>> def write(folder):
    ...     tf.io.gfile.makedirs(folder)
    ...     with tf.io.gfile.GFile(folder + "/saved_model.pb", "w") as file:
    ...         file.write("a model")
    >>> write_atomically("served/1", write)
    >>> tf.io.gfile.listdir("served/1")
    ['saved_model.pb']
    """
    target = check_target(path, overwrite)
    with _errors_name(path):
        if is_remote(target):
            write_remote(target, write, overwrite)
        else:
            _write_local(Path(target), write, overwrite)


def copy_extra_assets(source: str | None, target: str | os.PathLike[str]) -> None:
    """Copies ``assets.extra`` (files that are only for servers) where there is one.

    Args:
        source: Folder of a SavedModel, or None.
        target: Folder of the new SavedModel.
    """
    if source is not None and tf.io.gfile.isdir(f"{source}/assets.extra"):
        copy_files(f"{source}/assets.extra", f"{os.fspath(target)}/assets.extra")


@contextlib.contextmanager
def _errors_name(path: str | os.PathLike[str], whole: bool = False) -> Iterator[None]:
    """Makes one clear error, which names the path, of whatever storage raises.

    Args:
        path: The path as the user gave it.
        whole: Whether every error of TensorFlow is one of storage.
    """
    try:
        yield
    except FileExistsError:
        raise
    except tf.errors.OpError as error:
        number = _STORAGE_ERRORS.get(type(error))
        if number is None and not whole:
            raise
        raise _unwritable(path, number, error.message) from error
    except OSError as error:
        raise _unwritable(path, error.errno, str(error)) from error


def _unwritable(path: str | os.PathLike[str], number: int | None, why: str) -> OSError:
    full = number in (errno.ENOSPC, errno.EDQUOT)
    wanted = "have room for the model" if full else "be a place that can be written"
    message = f"`path` should {wanted}. Received: path={os.fspath(path)!r}, which gives: {why}"
    return OSError(message) if number is None else OSError(number, message)


def _probe(target: Path) -> None:
    """Writes and removes a folder, where the model or the first of its parents would lie."""
    place = target
    while not os.path.lexists(place.parent):
        place = place.parent
    with scratch_folder(near=place):
        pass


def _write_local(target: Path, write: Callable[[str], None], overwrite: bool) -> None:
    made = _make_parents(target)
    try:
        with scratch_folder(near=target) as scratch:
            new = scratch / "new"
            write(str(new))
            _flush(new)
            _place(new, target, scratch / ASIDE, overwrite)
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _place(new: Path, target: Path, aside: Path, overwrite: bool) -> None:
    refuse_what_is_there(str(target), overwrite)
    try:
        put_in_place(new, target, aside)
    except FileExistsError:  # Someone was faster.
        refuse_what_is_there(str(target), overwrite)
        put_in_place(new, target, aside)
    _flush_folder(target.parent)


def _make_parents(target: Path) -> list[Path]:
    """Makes the parents that are missing; returns them, the innermost first."""
    missing = []
    for parent in target.parents:
        if os.path.lexists(parent):
            break
        missing.append(parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _flush(folder: Path) -> None:
    """Waits until a folder is on the disk, so that a power failure cannot leave half of it."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            _flush_folder(path)
        elif not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise  # Some file systems have no fsync of folders.
    finally:
        os.close(descriptor)
