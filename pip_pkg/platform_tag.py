"""The platform tag of a shared library: the oldest Linux that it runs on.

A wheel that says ``manylinux_2_X_x86_64`` promises to load wherever glibc is 2.X
or newer (PEP 600). What a library truly needs stands in its ELF file: each
symbol it takes from the C or C++ runtime carries the version that introduced
it. Compiling on a newer system may raise that need without a word, so the tag
is read from the result and not written down anywhere.

The runtime of C++ comes with the compiler, not with glibc; for it the table
below says what a system of a given glibc may be trusted to have. A library that
needs something else of the system is refused, since no tag could say so.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_VERSION = re.compile(r"\b(GLIBC|GLIBCXX|CXXABI|GCC)_(\d+(?:\.\d+)*)\b")
_NEEDED = re.compile(r"^\s*NEEDED\s+(\S+)", re.MULTILINE)

# glibc of a system: newest (GLIBCXX, CXXABI, GCC) that a system with it has, oldest
# system first. These are the policies that auditwheel knows.
_POLICIES = {
    (2, 17): ((3, 4, 19), (1, 3, 7), (4, 8, 0)),
    (2, 24): ((3, 4, 22), (1, 3, 10), (4, 8, 0)),
    (2, 27): ((3, 4, 24), (1, 3, 11), (7, 0, 0)),
    (2, 28): ((3, 4, 24), (1, 3, 11), (7, 0, 0)),
    (2, 31): ((3, 4, 28), (1, 3, 12), (7, 0, 0)),
    (2, 34): ((3, 4, 29), (1, 3, 13), (7, 0, 0)),
    (2, 35): ((3, 4, 30), (1, 3, 13), (12, 0, 0)),
    (2, 36): ((3, 4, 30), (1, 3, 13), (12, 0, 0)),
    (2, 38): ((3, 4, 30), (1, 3, 13), (12, 0, 0)),
    (2, 39): ((3, 4, 33), (1, 3, 15), (14, 0, 0)),
    (2, 40): ((3, 4, 33), (1, 3, 15), (14, 0, 0)),
    (2, 41): ((3, 4, 33), (1, 3, 15), (14, 0, 0)),
}

# TensorFlow's own library is in the process before the op library is loaded.
_ALLOWED = {
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libstdc++.so.6",
    "libtensorflow_framework.so.2",
}

Version = tuple[int, ...]


class Needs(NamedTuple):
    """What a shared library takes from the system.

    Attributes:
        libraries: Names of the libraries it is linked to.
        versions: Newest version of each symbol family, such as ``GLIBC``.
    """

    libraries: frozenset[str]
    versions: dict[str, Version]


def parse_needs(dump: str) -> Needs:
    """Reads the output of ``objdump -p``."""
    references = dump.partition("Version References:")[2]
    versions: dict[str, Version] = {}
    for family, text in _VERSION.findall(references):
        version = tuple(int(part) for part in text.split("."))
        versions[family] = max(version, versions.get(family, ()))
    return Needs(frozenset(_NEEDED.findall(dump)), versions)


def together(all_needs: Iterable[Needs]) -> Needs:
    """What several shared libraries take: all that any of them does."""
    libraries: set[str] = set()
    versions: dict[str, Version] = {}
    for needs in all_needs:
        libraries |= needs.libraries
        for family, version in needs.versions.items():
            versions[family] = max(version, versions.get(family, ()))
    return Needs(frozenset(libraries), versions)


def tag_of_needs(needs: Needs) -> str:
    """The oldest manylinux tag that meets the needs.

    Raises:
        ValueError: If the library is linked to something that a manylinux system
            may lack, or needs a newer system than any known one.
    """
    foreign = sorted(needs.libraries - _ALLOWED)
    if foreign:
        raise ValueError(
            "The op library should be linked to the C and C++ runtimes and TensorFlow alone. "
            f"Received: {', '.join(foreign)}"
        )
    wanted = [needs.versions.get(family, ()) for family in ("GLIBCXX", "CXXABI", "GCC")]
    for glibc, offered in _POLICIES.items():
        enough = all(want <= offer for want, offer in zip(wanted, offered, strict=True))
        if enough and needs.versions.get("GLIBC", ()) <= glibc:
            return f"manylinux_{glibc[0]}_{glibc[1]}_x86_64"
    raise ValueError(
        f"The op library should run on a system with glibc {max(_POLICIES)} or older. "
        f"Received: {needs.versions}"
    )


def platform_tag(library: Path) -> str:
    """The platform tag of a shared library, such as ``manylinux_2_34_x86_64``."""
    return newest_tag([library])


def newest_tag(libraries: Iterable[Path]) -> str:
    """The platform tag of a wheel with several libraries, which is that of the neediest."""
    return tag_of_needs(together(map(_needs, libraries)))


def _needs(library: Path) -> Needs:
    dump = subprocess.run(
        ["objdump", "-p", str(library)], check=True, capture_output=True, text=True
    ).stdout
    return parse_needs(dump)
