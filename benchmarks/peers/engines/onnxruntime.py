"""ONNX Runtime, from Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.peers import onnx_graph, quantized_net

VERSION = onnxruntime.__version__


def load(case: Path, precision: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """See the package."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    model = onnx_graph.qdq(quantized_net.load(case / "int8.npz"), len(x), quantize_output=True)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {"x": x}
    return lambda: session.run(None, feed)[0]
