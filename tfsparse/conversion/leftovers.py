"""Scratch folders that are cleaned up even if their owner is killed.

A scratch folder holds a file that its owner keeps locked (``flock``). The kernel releases the lock
when the process ends, however it ends. So whoever makes the next scratch folder in the same
place can tell the folder of a living process from one that was left behind, and removes the
latter. Where a file system has no locks, folders that were left behind stay.

A folder counts as ours only if it has our form of name and our file is in it, or nothing at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import shutil
import stat
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

OWNER = "tfsparse-owner"
"""The file in a scratch folder that its owner keeps locked."""

ASIDE = "old"
"""What lies under this name in a scratch folder was moved out of the target's place."""

_RANDOM = re.compile("[a-z0-9_]{8}")


@contextlib.contextmanager
def scratch_folder(near: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """Makes a folder for the time of a ``with``, and first removes those of killed processes.

    Args:
        near: Local path of a folder or file to come; the scratch folder lies beside it, on the
            same file system, as ``.NAME-xxxxxxxx``. None for the system's temporary directory.

    Yields:
        The folder. It holds the owner's file, so make what you need under names of your own.

    Example:

    >>> with scratch_folder() as folder:
    ...     (folder / "model").mkdir()
    >>> folder.exists()
    False
    """
    parent, prefix = _place(near)
    clean_up(near)
    folder, lock = _make(parent, prefix)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def clean_up(near: str | os.PathLike[str] | None = None) -> None:
    """Removes scratch folders whose owner is dead; puts back the target that one had moved aside.

    Says so in a warning, or in the log for those in the temporary directory.

    Args:
        near: See `scratch_folder`.
    """
    parent, prefix = _place(near)
    for folder in _candidates(parent, prefix):
        lock = _lock_of_dead(folder)
        if lock is None:
            with contextlib.suppress(OSError):
                folder.rmdir()  # Succeeds only for an empty one: its owner died at once.
            continue
        try:
            back = near is not None and _put_back(folder / ASIDE, Path(near))
            _remove(folder)
        finally:
            os.close(lock)
        _tell(folder, Path(near) if near is not None else None, back)


def _place(near: str | os.PathLike[str] | None) -> tuple[Path, str]:
    if near is None:
        return Path(tempfile.gettempdir()), "tfsparse-"
    return Path(near).parent, f".{Path(near).name}-"


def _candidates(parent: Path, prefix: str) -> list[Path]:
    """Folders of this user that have our form of name."""
    found = []
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            ours = entry.name.startswith(prefix)
            if ours and _RANDOM.fullmatch(entry.name.removeprefix(prefix)):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                    found.append(Path(entry.path))
    return found


def _make(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and the open owner's file, locked where the file system has locks.

    Another process may take the folder for a dead one's before it is locked. Then it is gone or
    about to go, and the next name is tried.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = os.open(folder / OWNER, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        except BaseException:
            folder.rmdir()
            raise
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        except OSError:
            return folder, lock
        if _is_same(lock, folder / OWNER):
            return folder, lock
        os.close(lock)


def _lock_of_dead(folder: Path) -> int | None:
    """The owner's file, locked; None if there is none, or its owner lives, or cannot be known."""
    try:
        lock = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_same(lock, folder / OWNER):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _put_back(aside: Path, target: Path) -> bool:
    if os.path.lexists(target) or not aside.is_dir():
        return False
    aside.rename(target)
    return True


def _remove(folder: Path) -> None:
    """Removes a scratch folder, the owner's file last: a kill leaves what can be found."""
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            if path.name == OWNER:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        (folder / OWNER).unlink()
        folder.rmdir()


def _tell(folder: Path, near: Path | None, put_back: bool) -> None:
    if near is None:
        logging.getLogger("tfsparse").info("Removed %s, which a killed process had left.", folder)
        return
    done = f"put the model back to {str(near)!r} and removed" if put_back else "removed"
    still = "" if not folder.exists() else " as far as possible"
    warnings.warn(
        f"A process that wrote {str(near)!r} was killed. This one has {done} what it left in "
        f"{str(folder)!r}{still}.",
        stacklevel=2,
    )
