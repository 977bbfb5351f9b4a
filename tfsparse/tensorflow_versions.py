"""Which TensorFlow tfsparse runs with, and what it says where there is none. Imports nothing of it.

An op library belongs to one minor version of TensorFlow: the C++ that both share changes from one
to the next. A wheel holds a library for each version in `SERVED`, and the import takes the one of
the TensorFlow that is there. A checkout has the library of its own TensorFlow alone.

Two packages bring the module ``tensorflow``: ``tensorflow`` and ``tensorflow-cpu``. Either will do,
and so will one of others, such as ``tf-nightly``, if its version is served. To depend on one would
install it over the other, so tfsparse depends on neither, has an extra for each of the two, and
says in a sentence what is missing.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util

SERVED = ("2.19", "2.20", "2.21")
"""Minor versions that a wheel has libraries for, oldest first. pyproject.toml says the same."""

REQUIREMENT = "tensorflow>=2.19,<2.22"
"""What to install."""

PACKAGES = ("tensorflow", "tensorflow-cpu")
"""Packages that bring the module ``tensorflow`` and that tfsparse has extras for."""


def require_tensorflow() -> None:
    """Checks that there is a TensorFlow, without importing it.

    Raises:
        ImportError: If there is none.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise ImportError(
            f"TensorFlow {SERVED[0]} to {SERVED[-1]} should be installed: "
            '`pip install "tfsparse[tensorflow]"`, or "tfsparse[tensorflow-cpu]" for the smaller '
            "package without GPUs. Received: an environment without a module `tensorflow`"
        )


def minor(version: str) -> str:
    """The minor version of a version.

    Example:

    >>> minor("2.21.0-rc1")
    '2.21'
    """
    return ".".join(version.split(".")[:2])


def bringing() -> dict[str, str]:
    """Name and version of each installed package that brings the module ``tensorflow``.

    There may be none although there is the module, as in a build of one's own.
    """
    names = [*PACKAGES, *importlib.metadata.packages_distributions().get("tensorflow", ())]
    found = {}
    for name in dict.fromkeys(name.lower().replace("_", "-") for name in names):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
