"""A network at a sparsity, written to a folder in every form that an engine reads.

    int8.npz            what the peers build their ONNX from, see `quantized_net`
    dense/              a plain TensorFlow SavedModel, float32
    fp32/, int8/        the same, exported by tfsparse
    x<batch>.npy        inputs

The float64 results stay here, where the engines' are compared with them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.harness.sparsity import Sparsity
from benchmarks.peers import quantized_net
from benchmarks.peers.nets import Layer, Net, activations, random_inputs, random_layers

Precision = Literal["fp32", "int8"]
CALIBRATION_ROWS = 512
CHECKED_ROWS = 256
TOLERANCE = {"fp32": 1e-3, "int8": 0.25}
"""Root of the mean squared error over the standard deviation of the results.

INT8 leaves 0.04 to 0.07 in the deepest network here; a result of one row may be unlucky.
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """What was written.

    Attributes:
        net: The network.
        sparsity: Its zeros.
        folder: Where it lies.
        expected: Float64 results of `checked_rows` of each batch.
        spread: Standard deviation of the results, which errors are measured by.
        converted: Layers that run on a tfsparse op, for each precision, of how many.
    """

    net: Net
    sparsity: Sparsity
    folder: Path
    expected: dict[int, np.ndarray]
    spread: float
    converted: dict[str, str]

    def error_of(self, results: Mapping[str, np.ndarray], batch: int) -> float:
        """How far a result is from the float64 one, in standard deviations of the results."""
        expected, result = self.expected[batch], results["y"]
        if result.size != batch * expected.shape[1]:
            return float("inf")
        rows = result.reshape(batch, -1)[checked_rows(batch)].astype(np.float64)
        return float(np.sqrt(np.mean((rows - expected) ** 2)) / self.spread)


def build(
    net: Net,
    sparsity: Sparsity,
    batches: Sequence[int],
    precisions: Sequence[Precision],
    seed: int,
    folder: Path,
) -> Case:
    """Draws a network and writes it.

    Args:
        net: The network.
        sparsity: Its zeros.
        batches: Rows to write inputs for.
        precisions: What to export, of ``"fp32"`` and ``"int8"``.
        seed: Of weights and inputs.
        folder: An empty folder.
    """
    layers = random_layers(net, sparsity, seed)
    calibration = random_inputs(net, CALIBRATION_ROWS, seed + 1)
    seen = activations(layers, calibration)
    quantized_net.save(folder / "int8.npz", quantize(layers, seen))
    expected = {}
    for batch in batches:
        x = random_inputs(net, batch, seed)
        np.save(folder / f"x{batch}.npy", x)
        expected[batch] = activations(layers, x[checked_rows(batch)])[-1]
    converted = write_saved_models(layers, calibration, precisions, folder)
    return Case(net, sparsity, folder, expected, float(seen[-1].std()), converted)


def checked_rows(batch: int) -> np.ndarray:
    """Rows whose results are compared: all, or some spread from the first to the last."""
    return np.unique(np.linspace(0, batch - 1, min(batch, CHECKED_ROWS)).round().astype(int))


def quantize(
    layers: Sequence[Layer], seen: Sequence[np.ndarray]
) -> list[quantized_net.QuantizedLayer]:
    """INT8 parameters by the rules of conversion, from float64 activations."""
    from tfsparse.conversion.quantization import activation_params, quantize_weights

    result = []
    ranges = [activation_params(float(x.min()), float(x.max())) for x in seen]
    for layer, read, given in zip(layers, ranges, ranges[1:], strict=False):
        kernel, scale = quantize_weights(layer.kernel.T)
        result.append(
            quantized_net.QuantizedLayer(
                kernel.T,
                scale,
                layer.bias,
                read.scale,
                read.zero_point,
                given.scale,
                given.zero_point,
            )
        )
    return result


def write_saved_models(
    layers: Sequence[Layer], calibration: np.ndarray, precisions: Sequence[Precision], folder: Path
) -> dict[str, str]:
    """Writes `dense/`, and what tfsparse makes of it for each precision.

    Returns:
        ``"converted of all"`` layers, for each precision.
    """
    import tensorflow as tf

    import tfsparse

    module = tf.Module()
    module.kernels = [tf.Variable(layer.kernel) for layer in layers]
    module.biases = [tf.Variable(layer.bias) for layer in layers]

    def call(x: Any) -> Any:
        for kernel, bias in zip(module.kernels[:-1], module.biases[:-1], strict=True):
            x = tf.nn.relu(tf.matmul(x, kernel) + bias)
        return {"y": tf.matmul(x, module.kernels[-1]) + module.biases[-1]}

    spec = tf.TensorSpec([None, layers[0].kernel.shape[0]], tf.float32, name="x")
    module.call = tf.function(call, input_signature=[spec])
    tf.saved_model.save(module, str(folder / "dense"), signatures=module.call)
    converted: dict[str, str] = {}
    for precision in precisions:
        report = tfsparse.export(
            str(folder / "dense"), folder / precision, precision, calibration_data=calibration
        )
        write_signature_elements(folder / precision)
        converted[precision] = f"{sum(op.converted for op in report)} of {len(layers)}"
    return converted


def write_signature_elements(folder: Path) -> None:
    """Writes what the signature's input and output are called in the graph to `elements.txt`."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    model.ParseFromString((folder / "saved_model.pb").read_bytes())
    signature = model.meta_graphs[0].signature_def["serving_default"]
    (folder / "elements.txt").write_text(
        f"{signature.inputs['x'].name} {signature.outputs['y'].name}\n"
    )
