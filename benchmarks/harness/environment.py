"""Environments of the peers: one each, in `.build/peers/`, since they disagree about NumPy.

What is installed is pinned in `requirements/`, and installed once: a stamp beside it holds what
it was made from. A peer that cannot be installed is left out, and why is said.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".build" / "peers"
REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
OLDEST_PYTHON = 10


class MissingEnvironmentError(Exception):
    """An engine cannot be installed here."""


def python_of(
    environment: str | None, newest_python: int | None = None, install: bool = True
) -> Path:
    """The interpreter of an environment, which is made at first.

    Args:
        environment: Its name, that of a file in `requirements/`; None is the environment that
            tfsparse runs in.
        newest_python: The last minor version of Python 3 that it is for, or None.
        install: Whether an environment may be made.

    Raises:
        MissingEnvironmentError: If it cannot be made, or is not there and may not be.
    """
    if environment is None:
        return Path(sys.executable)
    folder, requirements = FOLDER / environment, REQUIREMENTS / f"{environment}.txt"
    python, stamp = folder / "bin" / "python", folder / "stamp"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    if not install:
        raise MissingEnvironmentError("not installed, and --no-install was given")
    base = _base_python(newest_python)
    print(f"installing {environment} into {folder.relative_to(ROOT)}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    _call([base, "-m", "venv", str(folder)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _call([*pip, "--requirement", str(requirements)])
    stamp.write_text(wanted)
    return python


def _base_python(newest: int | None) -> str:
    """This Python, or one on the path that is old enough."""
    if newest is None or sys.version_info.minor <= newest:
        return sys.executable
    names = [f"python3.{minor}" for minor in range(newest, OLDEST_PYTHON - 1, -1)]
    for name in names:
        if shutil.which(name) and _works([name, "-c", "import ensurepip, venv"]):
            return name
    raise MissingEnvironmentError(f"it needs Python 3.{newest} or older, and there is none")


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _call(command: list[str]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        lines = (run.stderr or run.stdout).strip().splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["pip failed"]
        raise MissingEnvironmentError(f"it could not be installed: {errors[-1]}")
