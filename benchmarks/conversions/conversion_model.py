"""What a file of `zoo/` says about each of its models."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class ConversionModel:
    """A model to convert.

    Attributes:
        name: As in the table.
        about: A line for the help.
        build: Gives a Keras 3 or tf_keras model, or the folder of a SavedModel that it has
            written below the one that it is given.
        below: What integers of an input are below, by its name; 100 for the others.
        length: Size of open axes other than the batch.
        is_large: Whether it needs gigabytes, and is converted only if it is named.
    """

    name: str
    about: str
    build: Callable[[Path], Any]
    below: Mapping[str, int] = dataclasses.field(default_factory=dict)
    length: int = 16
    is_large: bool = False


def pruned(model: Any, pattern: str = "4x1", share: float = 0.9) -> Any:
    """The model with zeros in its kernels, so that there is something to convert."""
    import tfsparse

    once = tfsparse.OneShot(share)
    try:
        return tfsparse.strip_pruning(tfsparse.prune_block(model, pattern, once))
    except ValueError as error:
        if "inplace" not in str(error):
            raise
    tfsparse.prune_block(model, pattern, once, inplace=True)
    return tfsparse.strip_pruning(model, inplace=True)
