"""What a model is called with: data of the user's, or numbers drawn by types and shapes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfsparse.cli.command import CommandError
from tfsparse.cli.exit_codes import REFUSED

if TYPE_CHECKING:
    from tfsparse.serving.signature import Spec

_UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises for files that are no arrays, or not whole."""
_WORDS = ("a", "film", "that", "nobody", "should", "miss")


def read_npz(path: str, flag: str) -> dict[str, np.ndarray]:
    """The arrays of a file by name; ``.npy`` holds one, without a name.

    Args:
        path: The file.
        flag: The flag that names it, for errors.

    Raises:
        CommandError: If it cannot be read.
    """
    try:
        content: Any = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {"": content}
        with content:
            return dict(content)
    except _UNREADABLE as error:
        raise CommandError(
            f"--{flag} should be an .npz file with an array for each input. Received: {path}, of "
            f"which NumPy says: {error}",
            REFUSED,
        ) from error


def draw(
    specs: Mapping[str, Spec], rows: int, length: int, below: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """Draws inputs: floats are normal, texts are some words.

    Args:
        specs: The inputs.
        rows: Size of an open first axis.
        length: Size of other open axes.
        below: What integers are below.
        seed: Of the generator.
    """
    rng = np.random.default_rng(seed)
    return {name: _drawn(spec, rows, length, below, rng) for name, spec in specs.items()}


def take(arrays: Mapping[str, np.ndarray], specs: Mapping[str, Spec], rows: int) -> dict[str, Any]:
    """Rows of a user's data, which begin again where there are too few.

    Raises:
        CommandError: If the data are not those of the inputs, or have no rows, or if an input of
            integers or truth values would get others than are in the data.
    """
    if set(arrays) == {""} and len(specs) == 1:
        arrays = {next(iter(specs)): arrays[""]}
    if missing := sorted(set(specs) - set(arrays)):
        raise CommandError(
            f"--data should hold the inputs {sorted(specs)}. Received: {sorted(arrays)}, without "
            f"{missing}",
            REFUSED,
        )
    return {name: _rows(name, arrays[name], spec, rows) for name, spec in specs.items()}


def _rows(name: str, array: np.ndarray, spec: Spec, rows: int) -> np.ndarray:
    array = np.asarray(array)
    if spec.shape != () or array.ndim:
        if not array.ndim or not len(array):
            raise CommandError(
                f"--data should have examples. Received: none for {name!r}, of shape {array.shape}",
                REFUSED,
            )
        array = np.take(array, range(rows), axis=0, mode="wrap")
    if spec.dtype.kind in "iub" and array.dtype.kind in "fiub":
        with np.errstate(invalid="ignore"):  # NaN is no integer, and does not stay what it is
            kept = array.astype(spec.dtype, copy=False)
        if not np.array_equal(kept, array):
            raise CommandError(
                f"--data should have values of {spec.dtype} for the input {name!r}. Received: "
                f"{array.dtype}, of which some would change",
                REFUSED,
            )
        return kept
    return array.astype(spec.dtype, copy=False)


def _drawn(spec: Spec, rows: int, length: int, below: int, rng: np.random.Generator) -> Any:
    if spec.shape is None:
        raise CommandError(
            f"--data should be given for an input of any rank. Received: none for {spec.name!r}",
            REFUSED,
        )
    shape = tuple(
        (length if axis else rows) if size is None else size for axis, size in enumerate(spec.shape)
    )
    if spec.dtype == object:
        texts = [" ".join(rng.choice(_WORDS, 6)) for _ in range(int(np.prod(shape)))]
        return np.array(texts, object).reshape(shape)
    if spec.dtype.kind == "b":
        return rng.random(shape) < 0.5
    if spec.dtype.kind in "iu":
        return rng.integers(0, min(below, np.iinfo(spec.dtype).max), shape).astype(spec.dtype)
    return rng.normal(size=shape).astype(spec.dtype)
