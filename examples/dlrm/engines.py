"""What can serve a DLRM: tfsparse, TensorFlow and peers, for any number of items in a batch.

Each function is called in the environment of its engine, and imports nothing else.
"""

from __future__ import annotations

import dataclasses
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .batching import Model

Load = Callable[[Path, int, int, int], Model]
"""Makes a model: the folder of models, threads of a call, calls at once, items of a batch."""


@dataclasses.dataclass(frozen=True)
class Engine:
    """A way to serve the model.

    Attributes:
        name: What the command line calls it.
        about: What the table calls it.
        load: Makes it.
        environment: The environment of `benchmarks.harness` that it runs in; None is this one.
        forms: What `benchmarks.models.preparing` has to make of the model for it.
    """

    name: str
    about: str
    load: Load
    environment: str | None = None
    forms: tuple[str, ...] = ()


def _tfsparse(model: str) -> Load:
    def load(folder: Path, threads: int, calls: int, items: int) -> Model:
        import tfsparse

        served = tfsparse.load(folder / model, threads=threads)
        return lambda dense, ids: np.asarray(_only(served({"dense": dense, "ids": ids})))

    return load


def _only(result: Any) -> Any:
    return next(iter(result.values())) if isinstance(result, dict) else result


STEP = 128


def in_steps(model: Model) -> Model:
    """A model that sees few sizes of batches: multiples of `STEP`, the last rows of them zeros.

    OpenVINO prepares itself anew for each size that it meets.
    """

    def run(dense: np.ndarray, ids: np.ndarray) -> np.ndarray:
        count = len(dense)
        more = -count % STEP
        if more:
            dense, ids = (np.pad(each, ((0, more), (0, 0))) for each in (dense, ids))
        return model(dense, ids)[:count]

    return run


def _openvino(file: str, precision: str | None) -> Load:
    def load(folder: Path, threads: int, calls: int, items: int) -> Model:
        import openvino

        settings: dict[str, Any] = {
            "INFERENCE_NUM_THREADS": threads * calls,
            "NUM_STREAMS": calls,
            "ENABLE_CPU_PINNING": False,
        }
        if precision is not None:
            settings["INFERENCE_PRECISION_HINT"] = precision
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(folder / file), "CPU", settings)
        free: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def infer(request: Any, dense: np.ndarray, ids: np.ndarray) -> np.ndarray:
            for name, array in {"dense": dense, "ids": ids}.items():
                request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
            request.infer()
            return np.array(request.get_output_tensor(0).data)

        for _ in range(calls):
            request = compiled.create_infer_request()
            for size in range(STEP, items + STEP, STEP):
                infer(request, np.zeros((size, 13), np.float32), np.zeros((size, 26), np.int32))
            free.put(request)

        def run(dense: np.ndarray, ids: np.ndarray) -> np.ndarray:
            request = free.get()
            try:
                return infer(request, dense, ids)
            finally:
                free.put(request)

        return in_steps(run)

    return load


def _onnxruntime(*files: str) -> Load:
    def load(folder: Path, threads: int, calls: int, items: int) -> Model:
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
