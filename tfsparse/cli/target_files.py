"""Files that a command writes at its end: whether it can is asked at its start."""

from __future__ import annotations

import os
from pathlib import Path

from tfsparse.cli.command import CommandError
from tfsparse.cli.exit_codes import REFUSED


def check_file(flag: str, path: str) -> None:
    """Checks that a file can be written, so that minutes of work are not in vain.

    Args:
        flag: The flag that names the file, without dashes.
        path: The file. Another one may be there, and is replaced.

    Raises:
        CommandError: If its folder is missing or cannot be written to, or a folder is there.
    """
    folder = Path(path).parent
    problem = ""
    if Path(path).is_dir():
        problem = "which is a folder"
    elif not folder.is_dir():
        problem = f"where {folder} is no folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        problem = f"where {folder} cannot be written to"
    if problem:
        raise CommandError(
            f"--{flag} should be a file in a folder that can be written to. Received: {path}, "
            f"{problem}",
            REFUSED,
        )
