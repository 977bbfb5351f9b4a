"""The source in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models.engines import saved_model

VERSION = saved_model.VERSION


def load(case: Path, precision: str, x: dict[str, np.ndarray], threads: int) -> Callable[[], Any]:
    """See the package."""
    return saved_model.load(case / "source", x, threads)
