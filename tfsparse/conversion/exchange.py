"""Puts a new folder in the place of an old one in one step.

Linux exchanges two names by ``renameat2`` with ``RENAME_EXCHANGE``, so that whoever opens the
place finds the old folder or the new one, and never none. Most local file systems have it (ext4,
xfs, btrfs, tmpfs, overlayfs); NFS and some FUSE file systems do not. There, the old folder is
moved aside before the new one takes its place: for a moment nothing is there, and
`tfsparse.conversion.leftovers` puts the old folder back if the process is killed in that moment.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

_AT_FDCWD = -100
_NO_REPLACE = 1
_EXCHANGE = 2

_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}


def put_in_place(new: Path, target: Path, aside: Path) -> None:
    """Renames a folder to its place, and what was there out of it.

    Args:
        new: The new folder.
        target: Its place. What is there is replaced.
        aside: A free name on the same file system. Where the file system cannot exchange names,
            the old folder is there afterwards; otherwise it is at `new`.

    Raises:
        FileExistsError: If the place was free and was taken in this moment.
        OSError: If the file system refuses. The old folder is in place then.
    """
    if not os.path.lexists(target):
        if not _rename(new, target, _NO_REPLACE):
            new.rename(target)
    elif not _rename(new, target, _EXCHANGE):
        _replace_in_two_steps(new, target, aside)


def _replace_in_two_steps(new: Path, target: Path, aside: Path) -> None:
    target.rename(aside)
    try:
        new.rename(target)
    except BaseException:
        if not os.path.lexists(target):
            aside.rename(target)
        raise


def _rename(source: Path, target: Path, flags: int) -> bool:
    """Calls ``renameat2``; False where the kernel or the file system does not have these flags."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return False
    code = function(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags)
    if code == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))
