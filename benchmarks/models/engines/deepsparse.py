"""DeepSparse, from Python. Its last releases are for Python 3.11 and older."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

os.environ["NM_DISABLE_ANALYTICS"] = "True"  # a benchmark sends nothing anywhere

import deepsparse
import numpy as np

from benchmarks.models import onnx_file

VERSION = deepsparse.__version__
_FILES = {"fp32": "model.onnx", "int8": "integer.onnx"}


class Run:
    """An engine with its inputs.

    Attributes:
        note: The share of ops that it runs itself; it leaves the others to ONNX Runtime.
    """

    def __init__(self, engine: Any, x: dict[str, np.ndarray]) -> None:
        self._engine = engine
        self._inputs = [np.ascontiguousarray(x[name]) for name in engine.input_names]
        self.note = f"{engine.fraction_of_supported_ops:.0%} of its ops are DeepSparse's own"

    def __call__(self) -> dict[str, Any]:
        """Runs once."""
        results = self._engine.run(self._inputs, val_inp=False)
        return dict(zip(self._engine.output_names, results, strict=True))


def load(case: Path, precision: str, x: dict[str, np.ndarray], threads: int) -> Run:
    """See the package."""
    model = onnx_file.with_shapes(case / _FILES[precision], x)
    batch = len(next(iter(x.values())))
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "model.onnx")
        file.write_bytes(model)
        engine = deepsparse.Engine(str(file), batch_size=batch, num_cores=threads)
    return Run(engine, x)
