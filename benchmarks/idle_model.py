"""A model that does next to nothing, so that what a call takes is the call: the first column of x.

As a SavedModel, and as ONNX for the engines that read it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

Call = Callable[[np.ndarray], Any]


def save(folder: Path, features: int) -> None:
    """Writes the SavedModel."""
    shape = tf.TensorSpec((None, features), tf.float32, "x")
    module = tf.Module()
    function = tf.function(lambda x: {"y": x[:, :1]}, input_signature=[shape])
    module.serve = function
    signatures = {"serving_default": function.get_concrete_function()}
    tf.saved_model.save(module, str(folder), signatures)


def onnx_model(features: int, rows: int) -> bytes:
    """The same as ONNX."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node("Slice", ["x", "start", "end", "axis"], ["y"])
    constants = [
        numpy_helper.from_array(np.array([value], np.int64), name)
        for name, value in (("start", 0), ("end", 1), ("axis", 1))
    ]
    graph = helper.make_graph(
        [node],
        "idle",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, features])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, 1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def peers(features: int, rows: int) -> dict[str, Call]:
    """Calls of the other engines that are installed here, each with one thread."""
    found: dict[str, Call] = {}
    for make in (_onnxruntime, _openvino):
        try:
            found |= make(onnx_model(features, rows))
        except ImportError as error:
            print(f"{make.__name__[1:]}: not installed ({error.name})")
    return found


def _onnxruntime(model: bytes) -> dict[str, Call]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return {"ONNX Runtime, session.run": lambda rows: session.run(None, {"x": rows})[0]}


def _openvino(model: bytes) -> dict[str, Call]:
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    compiled = core.compile_model(core.read_model(model), "CPU", settings)
    request = compiled.create_infer_request()

    def infer(rows: np.ndarray) -> Any:
        request.set_input_tensor(openvino.Tensor(rows, shared_memory=True))
        request.infer()
        return request.get_output_tensor().data

    return {
        "OpenVINO, compiled_model(x)": lambda rows: compiled(rows)[0],
        "OpenVINO, request in place": infer,
    }
