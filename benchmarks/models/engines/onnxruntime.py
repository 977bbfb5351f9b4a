"""ONNX Runtime, from Python, with fixed shapes.

Of an INT8 model there are several forms, and the fastest one on this batch is taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.models import onnx_file
from benchmarks.models.trial import fastest

VERSION = onnxruntime.__version__
_FILES = {
    "fp32": ("model.onnx",),
    "int8": ("int8.onnx", "int8_all.onnx", "int8_operators.onnx"),
}


class Run:
    """A session with its inputs.

    Attributes:
        note: The file that it runs.
    """

    def __init__(self, file: Path, x: dict[str, np.ndarray], threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        model = onnx_file.with_shapes(file, x)
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        self._names = [output.name for output in self._session.get_outputs()]
        taken = {given.name for given in self._session.get_inputs()}
        self._feed = {name: array for name, array in x.items() if name in taken}
        self.note = file.name

    def __call__(self) -> dict[str, Any]:
        """Runs once."""
        return dict(zip(self._names, self._session.run(None, self._feed), strict=True))


def load(case: Path, precision: str, x: dict[str, np.ndarray], threads: int) -> Run:
    """See the package."""
    runs = [Run(case / file, x, threads) for file in _FILES[precision]]
    return runs[0] if len(runs) == 1 else fastest(runs)
