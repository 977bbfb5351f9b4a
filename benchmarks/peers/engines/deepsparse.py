"""DeepSparse, from Python. Its last releases are for Python 3.11 and older."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["NM_DISABLE_ANALYTICS"] = "True"  # a benchmark sends nothing anywhere

import deepsparse
import numpy as np

from benchmarks.peers import onnx_graph, quantized_net

VERSION = deepsparse.__version__


def load(case: Path, precision: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """See the package."""
    model = onnx_graph.matmul_integer(quantized_net.load(case / "int8.npz"), len(x))
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "net.onnx")
        file.write_bytes(model)
        engine = deepsparse.Engine(str(file), batch_size=len(x), num_cores=threads)
    return lambda: engine.run([x], val_inp=False)[0]
