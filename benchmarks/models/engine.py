"""The list of engines, and the one that each is compared with."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from benchmarks.harness.engine import Engine

_ENGINES = "benchmarks.models.engines"
_ONNX, _ONNX_INT8 = ("onnx",), ("onnx", "onnx_int8")
_INTEGER = (*_ONNX_INT8, "onnx_integer")
PRECISIONS = ("int8", "bf16", "fp32")

ENGINES = (
    *(Engine("tfsparse", precision, f"{_ENGINES}.tfsparse") for precision in PRECISIONS),
    Engine("tensorflow", "fp32", f"{_ENGINES}.tensorflow"),
    Engine("openvino", "int8", f"{_ENGINES}.openvino", "openvino", forms=("openvino_int8",)),
    Engine("openvino", "bf16", f"{_ENGINES}.openvino", "openvino"),
    Engine("openvino", "fp32", f"{_ENGINES}.openvino", "openvino"),
    Engine("onnxruntime", "int8", f"{_ENGINES}.onnxruntime", "onnxruntime", forms=_ONNX_INT8),
    Engine("onnxruntime", "fp32", f"{_ENGINES}.onnxruntime", "onnxruntime", forms=_ONNX),
    Engine("deepsparse", "int8", f"{_ENGINES}.deepsparse", "deepsparse", 11, _INTEGER),
    Engine("deepsparse", "fp32", f"{_ENGINES}.deepsparse", "deepsparse", 11, _ONNX),
)
SOURCE = "tensorflow/fp32"
"""The source itself, which is timed whatever precisions are chosen."""


def choose(names: Collection[str], precisions: Sequence[str]) -> list[Engine]:
    """The engines that a command line asks for.

    Args:
        names: Engines such as ``"openvino"``, in the chosen precisions (TensorFlow in its own),
            or labels such as ``"openvino/bf16"``, whatever the precisions.
        precisions: The chosen ones.
    """
    return [
        engine
        for engine in ENGINES
        if engine.label in names
        or (engine.name in names and (engine.precision in precisions or engine.label == SOURCE))
    ]


def names() -> list[str]:
    """The engines without their precisions."""
    return list(dict.fromkeys(engine.name for engine in ENGINES))


def ours_for(precision: str, timed: Collection[str], precisions: Sequence[str]) -> str | None:
    """The label of ours that an engine is compared with, of those that were timed.

    That is ours in the engine's precision, and where it was not timed, ours in the first of
    the chosen ones that was.
    """
    candidates = [f"tfsparse/{each}" for each in (precision, *precisions)]
    return next((label for label in candidates if label in timed), None)
