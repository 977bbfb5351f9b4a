"""OpenVINO, from Python, with input and output in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from benchmarks.peers import onnx_graph, quantized_net

VERSION = openvino.__version__.partition("-")[0]


def load(case: Path, precision: str, x: np.ndarray, threads: int) -> Callable[[], Any]:
    """See the package."""
    core = openvino.Core()
    model = core.read_model(
        onnx_graph.qdq(quantized_net.load(case / "int8.npz"), len(x), quantize_output=False)
    )
    # What is not INT8 stays float32; by default it would be bfloat16 where there is AMX.
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    shared = openvino.Tensor(x, shared_memory=True)

    def run() -> Any:
        request.set_input_tensor(shared)
        request.infer()
        return request.get_output_tensor().data

    run.memory = x  # type: ignore[attr-defined]  # the tensor only points to it
    return run
