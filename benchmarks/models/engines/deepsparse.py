"""DeepSparse, from Python. Its last releases are for Python 3.11 and older.

Of an INT8 model it has kernels of its own for one form, and leaves the other to the ONNX Runtime
inside of it; the faster one on this batch is taken.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

os.environ["NM_DISABLE_ANALYTICS"] = "True"  # a benchmark sends nothing anywhere

import deepsparse
import numpy as np

from benchmarks.models import onnx_file
from benchmarks.models.trial import fastest

VERSION = deepsparse.__version__
_FILES = {"fp32": ("model.onnx",), "int8": ("integer.onnx", "int8_operators.onnx")}


class Run:
    """An engine with its inputs.

    Attributes:
        note: The file, and the share of ops that it runs itself; it leaves the others to ONNX
            Runtime.
    """

    def __init__(self, file: Path, x: dict[str, np.ndarray], threads: int) -> None:
        batch = len(next(iter(x.values())))
        with tempfile.TemporaryDirectory() as scratch:
            fixed = Path(scratch, "model.onnx")
            fixed.write_bytes(onnx_file.with_shapes(file, x))
            engine = deepsparse.Engine(str(fixed), batch_size=batch, num_cores=threads)
        self._engine = engine
        self._inputs = [np.ascontiguousarray(x[name]) for name in engine.input_names]
        share = f"{engine.fraction_of_supported_ops:.0%}"
        self.note = f"{file.name}, {share} of its ops are DeepSparse's own"

    def __call__(self) -> dict[str, Any]:
        """Runs once."""
        results = self._engine.run(self._inputs, val_inp=False)
        return dict(zip(self._engine.output_names, results, strict=True))


def load(case: Path, precision: str, x: dict[str, np.ndarray], threads: int) -> Run:
    """See the package."""
    runs = [Run(case / file, x, threads) for file in _FILES[precision]]
    return runs[0] if len(runs) == 1 else fastest(runs)
