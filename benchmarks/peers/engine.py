"""The list of engines."""

from __future__ import annotations

from benchmarks.harness.engine import Engine

_ENGINES = "benchmarks.peers.engines"

ENGINES = (
    Engine("tfsparse", "int8", f"{_ENGINES}.tfsparse"),
    Engine("tfsparse-c", "int8", f"{_ENGINES}.tensorflow_c"),
    Engine("tfsparse", "fp32", f"{_ENGINES}.tfsparse"),
    Engine("tensorflow", "fp32", f"{_ENGINES}.tensorflow"),
    Engine("onnxruntime", "int8", f"{_ENGINES}.onnxruntime", "onnxruntime"),
    Engine("openvino", "int8", f"{_ENGINES}.openvino", "openvino"),
    Engine("deepsparse", "int8", f"{_ENGINES}.deepsparse", "deepsparse", newest_python=11),
)

OURS = "tfsparse/int8"
"""What `vs_ours` compares with."""
