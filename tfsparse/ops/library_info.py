"""What the op library says of itself: whose models it runs, and with which instructions."""

from __future__ import annotations

import ctypes
import dataclasses
import json
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class LibraryInfo:
    """What a file of the op library says.

    Attributes:
        version: Version of its ops, which goes up when they change.
        oldest: The oldest version whose models it runs.
        tensorflow: Version of TensorFlow that it was built for.
        supported: Instruction sets that this processor has, lowest first.
        isa: The instruction set that kernels use; None if `problem`.
        problem: What is wrong with ``TFSPARSE_ISA``; empty if nothing.
    """

    version: int
    oldest: int
    tensorflow: str
    supported: tuple[str, ...]
    isa: str | None
    problem: str

    def runs(self, version: int) -> bool:
        """Whether it runs models that were exported with a version of the ops."""
        return self.oldest <= version <= self.version


def library_info(path: Path) -> LibraryInfo:
    """Asks a file of the op library, which has to be loaded, or be such that it can be.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be loaded.
        ValueError: If it does not say anything.
    """
    try:
        function = ctypes.CDLL(str(path)).TfsparseLibraryInfo
    except AttributeError as error:
        raise ValueError(
            f"The op library should have a function TfsparseLibraryInfo. Received: {path}, "
            "which is older than that, or another library"
        ) from error
    function.restype = ctypes.c_char_p
    said = json.loads(function().decode(errors="replace"))
    return LibraryInfo(**{**said, "supported": tuple(said["supported"])})
