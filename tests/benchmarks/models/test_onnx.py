"""What is done to ONNX models leaves their results as they are, by ONNX's own reference.

onnx is not in `.venv`; the environment of ONNX Runtime will do, if the benchmark has made it.
"""

import importlib.util
import json
import subprocess
import sys

import pytest

from benchmarks.harness import environment

PROGRAM = """
import json
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from benchmarks.models import onnx_file
from benchmarks.models.forms.onnx_integer import Rewriting

rng = np.random.default_rng(0)
constants = {
    "kernel_s8": rng.integers(-127, 128, (8, 6)).astype(np.int8),
    "kernel_scale": rng.uniform(0.01, 0.02, 6).astype(np.float32),
    "kernel_zero": np.zeros(6, np.int8),
    "scale": np.array(0.02, np.float32),
    "zero": np.array(100, np.uint8),
    "bias": rng.normal(size=6).astype(np.float32),
}
steps = [
    ("QuantizeLinear", ["x", "scale", "zero"], "x_u8"),
    ("DequantizeLinear", ["x_u8", "scale", "zero"], "x_back"),
    ("DequantizeLinear", ["kernel_s8", "kernel_scale", "kernel_zero"], "kernel"),
    ("MatMul", ["x_back", "kernel"], "product"),
    ("QuantizeLinear", ["product", "scale", "zero"], "product_u8"),
    ("DequantizeLinear", ["product_u8", "scale", "zero"], "product_back"),
    ("Add", ["product_back", "bias"], "sum"),
    ("Transpose", ["sum"], "turned"),
    ("MatMul", ["turned", "sum"], "squares"),
    ("ERF", ["squares"], "y"),
]

def model(erf, pairs_after):
    nodes = [
        helper.make_node(
            op.replace("ERF", erf), inputs, [output], name=output,
            **({"axis": 1} if output == "kernel" else {}),
        )
        for op, inputs, output in steps
    ]
    if not pairs_after:
        nodes = [node for node in nodes if not node.name.startswith("product_")]
        next(node for node in nodes if node.name == "sum").input[0] = "product"
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [6, 6])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)

def evaluate(model, x):
    onnx.checker.check_model(model)
    return ReferenceEvaluator(model).run(None, {"x": x})[0]

x = rng.normal(0, 0.5, size=(6, 8)).astype(np.float32)
right = evaluate(model("Erf", False), x)
rewritten = model("Erf", True)
Rewriting(rewritten).run()
spelled = model("Erfc", False)
onnx_file.spell_erfc(spelled)
with open("net.onnx", "wb") as file:
    file.write(rewritten.SerializeToString())
fixed = onnx.load_from_string(onnx_file.with_shapes("net.onnx", {"x": x}))
image_constants = {
    "kernel_s8": rng.integers(-127, 128, (6, 3, 3, 3)).astype(np.int8),
    "kernel_scale": constants["kernel_scale"], "kernel_zero": constants["kernel_zero"],
    "scale": constants["scale"], "zero": constants["zero"],
    "bias_s32": rng.integers(-900, 900, 6).astype(np.int32),
    "bias_scale": constants["kernel_scale"] * np.float32(0.02),
    "bias_zero": np.zeros(6, np.int32),
}
image_nodes = [
    *(helper.make_node(op, inputs, [output], name=output) for op, inputs, output in steps[:2]),
    *(
        helper.make_node(
            "DequantizeLinear", [f"{name}_{kind}", f"{name}_scale", f"{name}_zero"], [name], axis=0
        )
        for name, kind in (("kernel", "s8"), ("bias", "s32"))
    ),
    helper.make_node(
        "Conv", ["x_back", "kernel", "bias"], ["y"], strides=[2, 2], pads=[1, 1, 0, 0]
    ),
]
images = helper.make_model(
    helper.make_graph(
        image_nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 6, 4, 4])],
        [numpy_helper.from_array(value, name) for name, value in image_constants.items()],
    ),
    opset_imports=[helper.make_opsetid("", 19)], ir_version=8,
)
pixels = rng.normal(0, 0.5, size=(2, 3, 8, 8)).astype(np.float32)
expected = evaluate(images, pixels)
Rewriting(images).run()
print(json.dumps({
    "image_ops": [node.op_type for node in images.graph.node],
    "image": float(abs(evaluate(images, pixels) - expected).max()),
    "ops": [node.op_type for node in rewritten.graph.node],
    "constants": sorted(each.name for each in rewritten.graph.initializer),
    "rewritten": float(abs(evaluate(rewritten, x) - right).max()),
    "fixed": float(abs(evaluate(fixed, x) - right).max()),
    "shape": [size.dim_value for size in fixed.graph.input[0].type.tensor_type.shape.dim],
    "spelled": float(abs(evaluate(spelled, x) - (1 - right)).max()),
}))
"""


def python_with_onnx():
    if importlib.util.find_spec("onnx"):
        return sys.executable
    python = environment.FOLDER / "onnxruntime" / "bin" / "python"
    command = [python, "-c", "import onnx.reference"]
    if python.exists() and subprocess.run(command, capture_output=True).returncode == 0:
        return python
    pytest.skip("onnx is not installed, nor has `make bench-models` been run")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    command = [python_with_onnx(), "-c", PROGRAM]
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_products_by_constants_become_integer_products(found):
    first = ["QuantizeLinear", "MatMulInteger", "Cast", "Mul", "Add"]
    assert found["ops"] == [*first, "Transpose", "MatMul", "Erf"]
    assert "kernel_s8" not in found["constants"] and "bias" in found["constants"]
    assert found["rewritten"] < 1e-5


def test_convolutions_become_integer_convolutions_with_their_bias(found):
    assert found["image_ops"] == ["QuantizeLinear", "ConvInteger", "Add", "Cast", "Mul"]
    assert found["image"] < 1e-4


def test_open_sizes_are_fixed(found):
    assert found["shape"] == [6, 8] and found["fixed"] < 1e-5


def test_erfc_is_spelled_with_erf(found):
    assert found["spelled"] < 1e-6
