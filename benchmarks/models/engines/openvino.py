"""OpenVINO, from Python, with fixed shapes and inputs in place.

In float32 and bfloat16 it is told which to compute in. What of an INT8 model is not INT8 it
computes in bfloat16 where the processor has it, which is not always faster; so it is also told to
take float32, and the faster one on this batch is taken. What it really does is read from the
compiled model.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from benchmarks.models.trial import fastest

VERSION = openvino.__version__.partition("-")[0]
_HINTS: dict[str, tuple[str | None, ...]] = {
    "fp32": ("f32",),
    "bf16": ("bf16",),
    "int8": (None, "f32"),  # None: as OpenVINO chooses
}
_NAMES = {"f32": "fp32", "bf16": "bf16", "f16": "fp16"}


class Run:
    """A compiled model with its inputs.

    Attributes:
        precision: What it says that it computes in; ``"int8"`` for an INT8 model.
        note: Its inference precision, and how many nodes have a result of which type.
    """

    def __init__(self, compiled: Any, x: dict[str, np.ndarray], is_int8: bool) -> None:
        self._memory = x  # the tensors only point to it
        self._request = compiled.create_infer_request()
        self._inputs = {
            name: openvino.Tensor(array, shared_memory=True) for name, array in x.items()
        }
        self._names = [output.get_any_name() for output in compiled.outputs]
        hint = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.precision = "int8" if is_int8 else _NAMES[hint]
        types = Counter(_type_of(op) for op in compiled.get_runtime_model().get_ops())
        counts = ", ".join(f"{count} {name}" for name, count in types.most_common())
        self.note = f"inference precision {hint}; nodes: {counts}"

    def __call__(self) -> dict[str, Any]:
        """Runs once."""
        request = self._request
        for name, tensor in self._inputs.items():
            request.set_tensor(name, tensor)
        request.infer()
        return {
            name: request.get_output_tensor(index).data for index, name in enumerate(self._names)
        }


def load(case: Path, precision: str, x: dict[str, np.ndarray], threads: int) -> Run:
    """See the package."""
    core, is_int8 = openvino.Core(), precision == "int8"
    model = core.read_model(case / "int8.xml") if is_int8 else core.read_model(case / "source")
    model.reshape({name: list(array.shape) for name, array in x.items()})
    runs = []
    for hint in _HINTS[precision]:
        settings: dict[str, Any] = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        if hint is not None:
            settings["INFERENCE_PRECISION_HINT"] = hint
        run = Run(core.compile_model(model, "CPU", settings), x, is_int8)
        if run.precision != precision:
            raise ValueError(f"asked for {precision}, it computes in {run.precision}")
        runs.append(run)
    return runs[0] if len(runs) == 1 else fastest(runs)


def _type_of(op: Any) -> str:
    value = op.get_rt_info()["runtimePrecision"]
    return str(getattr(value, "value", value))
