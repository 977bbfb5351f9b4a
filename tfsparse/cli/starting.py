"""Whether this process is the command `tfsparse`, before anything of tfsparse is imported."""

from __future__ import annotations

import os
import sys

_NAME = "tfsparse"


def is_the_command() -> bool:
    """Whether the process was started as ``tfsparse`` or ``python -m tfsparse``.

    While Python looks for the module of ``-m``, and imports its package for that, the first
    argument is ``"-m"``.
    """
    program = sys.argv[0] if getattr(sys, "argv", None) else ""
    if program == "-m":
        after = [
            sys.orig_argv[i + 1 : i + 2] for i, each in enumerate(sys.orig_argv) if each == "-m"
        ]
        return [_NAME] in after[:1]
    return os.path.basename(program) == _NAME and os.path.isfile(program)  # noqa: PTH113, PTH119
