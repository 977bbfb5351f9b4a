"""Builds the wheel: ``python pip_pkg/build_wheel.py --all dist`` writes it to ``dist/``.

The wheel is the Python package with op libraries in it, nothing more: that of the
TensorFlow in `.venv`, and with ``--all`` those of the other versions that tfsparse
serves too, each with the version in its name (`tensorflow_libraries.py`). It is made
from a copy that holds what the wheel needs and no other file, so that leftovers of the
checkout can never get in, and the same sources give the same bytes: times are fixed and
permissions are set. It serves every supported Python, as an op library does not know
Python; what the wheel is tied to is the platform in its name (`platform_tag.py`).

The last line of the output is the path of the wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import tensorflow_libraries
from platform_tag import newest_tag

ROOT = Path(__file__).resolve().parent.parent

# The earliest time that a zip archive can hold.
_EPOCH = "315532800"


def package_files() -> list[Path]:
    """Files of the wheel and of its making but libraries, relative to the checkout."""
    top = ["LICENSE", "README.md", "pyproject.toml", "setup.py", "tfsparse/py.typed"]
    python = [path.relative_to(ROOT) for path in (ROOT / "tfsparse").rglob("*.py")]
    return [*map(Path, top), *sorted(python)]


def copy_files(destination: Path, libraries: Mapping[str, Path]) -> None:
    """Copies the files of the wheel, with permissions that do not vary."""
    for path in package_files():
        _copy(ROOT / path, destination / path, 0o644)
    for version, path in libraries.items():
        name = tensorflow_libraries.name_of(version)
        _copy(path, destination / "tfsparse" / "ops" / name, 0o755)


def _copy(source: Path, copy: Path, mode: int) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, copy)
    copy.chmod(mode)


def build_wheel(out: Path, libraries: Mapping[str, Path]) -> Path:
    """Builds the wheel into the folder `out`, which need not exist.

    Args:
        out: Where to put it. A wheel of the same name is replaced in one step.
        libraries: Minor version of TensorFlow to the op library for it.

    Returns:
        The path of the wheel.

    Raises:
        FileNotFoundError: If an op library has not been built.
    """
    missing = [str(path) for path in libraries.values() if not path.exists()]
    if missing or not libraries:
        raise FileNotFoundError(
            f"Op libraries should have been built (`make build`). Received: no {missing}"
        )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".wheel-") as scratch:
        sources, made = Path(scratch, "sources"), Path(scratch, "made")
        copy_files(sources, libraries)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--no-index", "--wheel-dir", str(made), str(sources)]
        tag = newest_tag(libraries.values())
        command += [f"--config-settings=--build-option=--plat-name={tag}"]
        environment = {"SOURCE_DATE_EPOCH": _EPOCH, **os.environ}
        subprocess.run(command, check=True, env=environment, cwd=scratch, umask=0o022)
        (wheel,) = made.glob("tfsparse-*.whl")
        return wheel.replace(out / wheel.name)


def main(arguments: list[str]) -> None:
    """``build_wheel.py [--all] FOLDER``."""
    own = tensorflow_libraries.own_version()
    chosen = {own: ROOT / tensorflow_libraries.OWN}
    if "--all" in arguments:
        found = tensorflow_libraries.libraries()
        chosen = {version: found[version] for version in tensorflow_libraries.SERVED}
    folders = [each for each in arguments if each != "--all"] or [str(ROOT / "dist")]
    print(build_wheel(Path(folders[0]).resolve(), chosen))


if __name__ == "__main__":
    main(sys.argv[1:])
