"""Builds the op library for every minor version of TensorFlow that the wheel serves.

The one of `.venv` is built by `make build`. For each of the others this makes an environment in
``.build/tensorflow/<minor>`` with the package ``tensorflow-cpu`` of that version, which brings its
headers and libraries, and has Bazel build against it. What it builds is in
``.build/libraries/libtfsparse_ops-tf<minor>.so``.

Cost: an environment takes 1 GB and some minutes of downloading, once. Bazel works in an output base
of its own, so that what `make build` has made stays, and with a disk cache: the kernels, which know
no TensorFlow, are compiled once, and the files with TensorFlow's headers once for each version. A
library that is newer than the sources is not built again.
"""

from __future__ import annotations

import importlib.metadata
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# Read as a file: the package would import TensorFlow, and an op library that is not built yet.
_versions: dict[str, Any] = runpy.run_path(str(ROOT / "tfsparse" / "tensorflow_versions.py"))
SERVED: tuple[str, ...] = _versions["SERVED"]

OWN = Path("tfsparse/ops/libtfsparse_ops.so")
_TARGET = "//custom_ops/tf_ops:libtfsparse_ops.so"
_BUILT = Path("custom_ops/tf_ops/libtfsparse_ops.so")


def own_version() -> str:
    """Minor version of the TensorFlow that the checkout is built with."""
    found = _versions["bringing"]()
    if not found:
        raise importlib.metadata.PackageNotFoundError("tensorflow")
    return str(_versions["minor"](next(iter(found.values()))))


def name_of(version: str) -> str:
    """What the library for a minor version of TensorFlow is called in the wheel."""
    return f"libtfsparse_ops-tf{version}.so"


def libraries() -> dict[str, Path]:
    """Minor version to library, in the checkout, for all that have been built."""
    others = {version: ROOT / ".build" / "libraries" / name_of(version) for version in SERVED}
    built = {version: path for version, path in others.items() if path.exists()}
    return {**built, own_version(): ROOT / OWN}


def environment(version: str) -> Path:
    """The Python of an environment with a minor version of TensorFlow, made where there is none.

    Raises:
        subprocess.CalledProcessError: If the packages cannot be installed.
    """
    folder = ROOT / ".build" / "tensorflow" / version
    python, done = folder / "bin" / "python", folder / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, f"tensorflow-cpu=={version}.*"], check=True)
        done.touch()
    return python


def build_library(version: str, bazel_flags: Sequence[str] = ()) -> Path:
    """Builds the library for a minor version of TensorFlow other than the checkout's.

    Args:
        version: Such as ``"2.20"``.
        bazel_flags: Flags for ``bazel build``, such as ``--jobs=1``.

    Returns:
        Where it is.

    Raises:
        subprocess.CalledProcessError: If the environment or the library cannot be made.
    """
    python = environment(version)
    out = ROOT / ".build" / "libraries" / name_of(version)
    if _is_newer_than_sources(out):
        return out
    bazel = (ROOT / ".build" / "bazel").read_text().strip()

    def run(*arguments: str) -> str:
        command = [bazel, *arguments]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    startup = [f"--output_base={run('info', 'output_base')}-tensorflow", "--max_idle_secs=60"]
    flags = [f"--repo_env=TFSPARSE_PYTHON={python}", "--symlink_prefix=/"]
    flags += [f"--disk_cache={ROOT / '.build' / 'bazel-cache'}", *bazel_flags]
    flags.append(f"--repo_env=TFSPARSE_TENSORFLOW={_full_version(python)}")
    run(*startup, "build", *flags, _TARGET)
    made = Path(run(*startup, "info", *flags, "bazel-bin")) / _BUILT
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.with_suffix(".new")
    new.write_bytes(made.read_bytes())
    new.chmod(0o755)
    return new.replace(out)


def _is_newer_than_sources(library: Path) -> bool:
    sources = (path for path in (ROOT / "custom_ops").rglob("*") if path.is_file())
    newest = max(path.stat().st_mtime for path in sources)
    return library.exists() and library.stat().st_mtime > newest


def _full_version(python: Path) -> str:
    source = "import importlib.metadata as m; print(m.version('tensorflow-cpu'))"
    done = subprocess.run([python, "-c", source], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def build_libraries(bazel_flags: Sequence[str] = ()) -> None:
    """Builds all that are not the checkout's own."""
    for version in SERVED:
        if version != own_version():
            print(build_library(version, bazel_flags), file=sys.stderr)


if __name__ == "__main__":
    os.environ.setdefault("PIP_ROOT_USER_ACTION", "ignore")
    build_libraries(sys.argv[1:])
