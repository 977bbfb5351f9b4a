"""What can serve a DLRM: tfsparse, TensorFlow and peers, for any number of items in a batch.

Each function is called in the environment of its engine, and imports nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .batching import Model


@dataclasses.dataclass(frozen=True)
class Engine:
    """A way to serve the model.

    Attributes:
        name: What the command line calls it.
        about: What the table calls it.
        load: Makes it: the folder of models, threads, and items of a batch.
        environment: The environment of `benchmarks.harness` that it runs in; None is this one.
        forms: What `benchmarks.models.preparing` has to make of the model for it.
    """

    name: str
    about: str
    load: Callable[[Path, int, int], Model]
    environment: str | None = None
    forms: tuple[str, ...] = ()


def _tfsparse(model: str) -> Callable[[Path, int, int], Model]:
    def load(folder: Path, threads: int, items: int) -> Model:
        import tfsparse

        served = tfsparse.load(folder / model, threads=threads)
        return lambda dense, ids: np.asarray(_only(served({"dense": dense, "ids": ids})))

    return load


def _only(result: Any) -> Any:
    return next(iter(result.values())) if isinstance(result, dict) else result


def _openvino(file: str, precision: str | None) -> Callable[[Path, int, int], Model]:
    def load(folder: Path, threads: int, items: int) -> Model:
        import openvino

        settings: dict[str, Any] = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
            "PERFORMANCE_HINT": "LATENCY",
        }
        if precision is not None:
            settings["INFERENCE_PRECISION_HINT"] = precision
        core = openvino.Core()
        request = core.compile_model(core.read_model(folder / file), "CPU", settings)
        request = request.create_infer_request()

        def run(dense: np.ndarray, ids: np.ndarray) -> np.ndarray:
            for name, array in {"dense": dense, "ids": ids}.items():
                request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
            request.infer()
            return np.array(request.get_output_tensor(0).data)

        return run

    return load


def _onnxruntime(*files: str) -> Callable[[Path, int, int], Model]:
    def load(folder: Path, threads: int, items: int) -> Model:
        import onnxruntime

        from benchmarks.models.trial import fastest

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        with np.load(folder / "calibration.npz") as arrays:
            trial = {name: np.resize(x, (items, *x.shape[1:])) for name, x in arrays.items()}

        class Run:
            def __init__(self, file: str) -> None:
                self._session = onnxruntime.InferenceSession(
                    str(folder / file), options, providers=["CPUExecutionProvider"]
                )

            def __call__(self) -> np.ndarray:
                return self.model(**trial)

            def model(self, dense: np.ndarray, ids: np.ndarray) -> np.ndarray:
                found = self._session.run(None, {"dense": dense, "ids": ids})
                return np.asarray(found[0])

        return fastest([Run(file) for file in files]).model

    return load


ENGINES = (
    Engine("tensorflow", "FP32 dense, TensorFlow", _tfsparse("source")),
    Engine("openvino-fp32", "FP32 dense, OpenVINO", _openvino("source", "f32"), "openvino"),
    Engine("openvino-bf16", "BF16 dense, OpenVINO", _openvino("source", "bf16"), "openvino"),
    Engine(
        "onnxruntime-fp32",
        "FP32 dense, ONNX Runtime",
        _onnxruntime("model.onnx"),
        "onnxruntime",
        ("onnx",),
    ),
    Engine(
        "openvino-int8",
        "INT8 dense, OpenVINO",
        _openvino("int8.xml", None),
        "openvino",
        ("openvino_int8",),
    ),
    Engine(
        "onnxruntime-int8",
        "INT8 dense, ONNX Runtime",
        _onnxruntime("int8.onnx", "int8_all.onnx", "int8_operators.onnx"),
        "onnxruntime",
        ("onnx", "onnx_int8"),
    ),
    Engine("tfsparse-dense", "INT8 dense, tfsparse", _tfsparse("int8_dense")),
    Engine("tfsparse-two", "INT8, two layers sparse, tfsparse", _tfsparse("int8_two")),
    Engine("tfsparse-all", "INT8, all wide layers sparse, tfsparse", _tfsparse("int8_all")),
)


def find(name: str) -> Engine:
    """An engine by its name.

    Raises:
        ValueError: If there is none.
    """
    for engine in ENGINES:
        if engine.name == name:
            return engine
    names = [engine.name for engine in ENGINES]
    raise ValueError(f"`engines` should be some of {names}. Received: {name!r}")
