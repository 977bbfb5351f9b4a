"""Builds the wheel: ``python pip_pkg/build_wheel.py`` writes it to ``dist/``.

The wheel is the Python package with the op library in it, nothing more. It is
made from a copy that holds what the wheel needs and no other file, so that
leftovers of the checkout can never get in, and the same sources give the same
bytes: times are fixed and permissions are set. It serves every supported
Python, as the op library does not know Python; what it is tied to is one minor
version of TensorFlow (pyproject.toml) and the platform in its name
(`platform_tag.py`).

The last line of the output is the path of the wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from platform_tag import platform_tag

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = Path("tfsparse/ops/libtfsparse_ops.so")

# The earliest time that a zip archive can hold.
_EPOCH = "315532800"


def package_files() -> list[Path]:
    """Files of the wheel and of its making, relative to the checkout."""
    top = ["LICENSE", "README.md", "pyproject.toml", "setup.py", "tfsparse/py.typed"]
    python = [path.relative_to(ROOT) for path in (ROOT / "tfsparse").rglob("*.py")]
    return [*map(Path, top), LIBRARY, *sorted(python)]


def copy_files(destination: Path) -> None:
    """Copies the files of the wheel, with permissions that do not vary."""
    for path in package_files():
        copy = destination / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, copy)
        copy.chmod(0o755 if path == LIBRARY else 0o644)


def build_wheel(out: Path) -> Path:
    """Builds the wheel into the folder `out`, which need not exist.

    Args:
        out: Where to put it. A wheel of the same name is replaced in one step.

    Returns:
        The path of the wheel.

    Raises:
        FileNotFoundError: If the op library has not been built.
    """
    if not (ROOT / LIBRARY).exists():
        raise FileNotFoundError(
            f"{LIBRARY} should have been built (`make build`). Received: no such file"
        )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".wheel-") as scratch:
        sources, made = Path(scratch, "sources"), Path(scratch, "made")
        copy_files(sources)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--no-index", "--wheel-dir", str(made), str(sources)]
        command += [f"--config-settings=--build-option=--plat-name={platform_tag(ROOT / LIBRARY)}"]
        environment = {"SOURCE_DATE_EPOCH": _EPOCH, **os.environ}
        subprocess.run(command, check=True, env=environment, cwd=scratch, umask=0o022)
        (wheel,) = made.glob("tfsparse-*.whl")
        return wheel.replace(out / wheel.name)


if __name__ == "__main__":
    print(build_wheel(ROOT / "dist"))
