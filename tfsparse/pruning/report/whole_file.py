"""Writes a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes beside `path` under another name, then renames.

    A reader sees the old file or the new one, never half of one.

    Args:
        path: File to write, replaced if it is there.
        content: What to write.

    Raises:
        OSError: If the folder is not there or cannot be written to. It names `path`.
    """
    target = Path(path)
    scratch = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        scratch.write_bytes(content)
        scratch.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise
