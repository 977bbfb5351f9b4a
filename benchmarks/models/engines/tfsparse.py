"""What tfsparse exports, as `tfsparse.load` serves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tfsparse
from benchmarks.models.engines import saved_model

VERSION = saved_model.VERSION


def load(case: Path, precision: str, x: dict[str, np.ndarray], threads: int) -> Callable[[], Any]:
    """See the package."""
    model = tfsparse.load(case / precision, threads=threads)
    return lambda: model(x)
