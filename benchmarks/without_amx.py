"""Runs a command as on a processor that has no AMX.

    python -m benchmarks.without_amx python -m benchmarks.models --models resnet50

Every engine that the command starts, ours and the others, then chooses as it does without AMX
(`benchmarks/harness/amx.py` says how). On a processor without AMX it changes nothing. Build first,
by `make build`: a server of Bazel that is started this way would run later tests without AMX too.
"""

from __future__ import annotations

import os
import sys

from benchmarks.harness.amx import forbid_amx


def main(command: list[str]) -> None:
    """Becomes the command.

    Args:
        command: A program, which is looked for in PATH, and its arguments.
    """
    if command and command[0] in ("-h", "--help"):
        print(__doc__)
        return
    if not command:
        sys.exit(__doc__)
    forbid_amx()
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} should be a program. Received: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
