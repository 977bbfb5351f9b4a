"""What a way of running a model is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np


@dataclasses.dataclass(frozen=True)
class Job:
    """Examples for a model.

    Attributes:
        folder: The SavedModel.
        x: The examples, of shape (examples, ...).
        workers: How many processes, or threads, share them.
        batch: Examples of a call.
        notes: The folder that workers note their batches in, see `notes`.
    """

    folder: str
    x: np.ndarray
    workers: int
    batch: int
    notes: Path


Way = Callable[[Job], np.ndarray]
"""Gives the results, in any order. Raises ImportError where its framework is not installed."""
