"""Both ONNX forms compute the network, by ONNX's own reference, where onnx is installed.

It is not in `.venv`; an environment of a peer will do, if the benchmark has made one.
"""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.harness import environment
from benchmarks.peers import quantized_net
from benchmarks.peers.case import quantize
from benchmarks.peers.nets import Net, Sparsity, activations, random_inputs, random_layers

NET = Net("small", (24, 32, 16, 8), (5,))
EVALUATE = """
import sys
import numpy as np
import onnx, onnx.reference
from benchmarks.peers import onnx_graph, quantized_net
layers, x = quantized_net.load(sys.argv[1]), np.load(sys.argv[2])
for form, model in {
    "qdq": onnx_graph.qdq(layers, len(x), quantize_output=False),
    "qdq_u8": onnx_graph.qdq(layers, len(x), quantize_output=True),
    "matmul_integer": onnx_graph.matmul_integer(layers, len(x)),
}.items():
    model = onnx.load_from_string(model)
    opset = model.opset_import[0].version
    model.opset_import[0].version = 19  # the same operators, and the oldest that it evaluates
    y, = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
    np.save(f"{sys.argv[3]}/{form}.npy", y)
    operators = [node.op_type for node in model.graph.node]
    print(form, opset, *operators)
"""


def python_with_onnx():
    if importlib.util.find_spec("onnx"):
        return sys.executable
    for name in ("onnxruntime", "openvino"):
        python = environment.FOLDER / name / "bin" / "python"
        command = [python, "-c", "import onnx.reference"]
        if python.exists() and subprocess.run(command, capture_output=True).returncode == 0:
            return python
    pytest.skip("onnx is not installed, nor has `make bench-peers` been run")


@pytest.fixture(scope="module", params=["from zero", "both signs"])
def evaluated(request, tmp_path_factory):
    python, folder = python_with_onnx(), tmp_path_factory.mktemp("onnx")
    layers = random_layers(NET, Sparsity("4x1", 0.5), seed=0)
    x = random_inputs(NET, 64, seed=0) - (0.5 if request.param == "both signs" else 0)
    values = activations(layers, x)
    quantized_net.save(folder / "int8.npz", quantize(layers, values))
    np.save(folder / "x.npy", x)
    arguments = [folder / "int8.npz", folder / "x.npy", folder]
    run = subprocess.run(
        [python, "-c", EVALUATE, *arguments], capture_output=True, text=True, cwd=environment.ROOT
    )
    assert run.returncode == 0, run.stderr
    operators = {line.split()[0]: line.split()[1:] for line in run.stdout.splitlines()}
    return folder, values[-1], operators


@pytest.mark.parametrize("form", ["qdq", "qdq_u8", "matmul_integer"])
def test_the_graph_computes_the_network(evaluated, form):
    folder, expected, _ = evaluated
    y = np.load(folder / f"{form}.npy")
    assert y.dtype == np.float32 and y.shape == expected.shape
    assert np.sqrt(np.mean((y - expected) ** 2)) / expected.std() < 0.03


def test_the_graphs_have_the_operators_that_engines_accelerate(evaluated):
    _, _, operators = evaluated
    opset, *names = operators["matmul_integer"]
    layer = ["QuantizeLinear", "MatMulInteger", "Add", "Cast", "Mul"]
    assert opset == "11" and names == 2 * [*layer, "Relu"] + layer
    opset, *names = operators["qdq"]
    layer = ["QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "MatMul", "Add"]
    assert opset == "13" and names == 2 * [*layer, "Relu"] + layer
    assert operators["qdq_u8"][1:] == [*names, "QuantizeLinear", "DequantizeLinear"]
