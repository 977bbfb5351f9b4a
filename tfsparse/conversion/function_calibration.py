"""Calibrates a function of a model with the data that the user gives."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfsparse.conversion.calibration_data import batches, of_signatures
from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.importing import placeholder_spec
from tfsparse.conversion.model_graphs import ModelFunction
from tfsparse.conversion.passes.quantize import Calibration, calibrate
from tfsparse.conversion.request import Request
from tfsparse.conversion.state import State
from tfsparse.progress import progress


def calibration_of(
    function: ModelFunction, state: State, request: Request, layers: Sequence[DenseLayer]
) -> Calibration:
    """Calibrates a function, if layers of it need that.

    Args:
        function: The function.
        state: The model's variables. They are as before afterwards.
        request: What the user asks for, the data among it.
        layers: Layers that may become INT8, or whose error is to be measured.

    Returns:
        What the data show; nothing where no layer needs data, or where data are for signatures
        and this is none.

    Raises:
        ValueError: If the data do not fit the function.
    """
    graph = function.graph
    needed = request.auto or request.activations == "calibrated"
    if not needed or not any(layer.graph is graph for layer in layers):
        return Calibration()
    specs = _specs(function)
    data = of_signatures(request.data, function.signatures, list(specs))
    try:
        read = batches(data, specs, request.batches, _positions(function, list(specs)))
    except ValueError:
        # Data are for signatures; another function of the model need not take the same.
        if any(entry.is_signature for entry in function.entries):
            raise
        return Calibration()
    shown = progress(read, read.total, "Calibrating")
    with state.unchanged():
        calibration = calibrate(graph, specs, layers, shown, request.method)
    calibration.bounded = read.bounded
    return calibration


def _specs(function: ModelFunction) -> dict[str, tf.TensorSpec]:
    entry = function.entries[0]
    specs = {}
    for name, node in zip(entry.input_names(function.graph), function.graph.inputs, strict=True):
        spec = placeholder_spec(function.graph.nodes[node])
        specs[name] = tf.TensorSpec(spec.shape, spec.dtype, name)
    return specs


def _positions(function: ModelFunction, names: Sequence[str]) -> list[str]:
    """Names of inputs in the order in which the model takes them without names.

    A callable attribute knows it; a signature has its inputs by name alone.
    """
    entry = next((each for each in function.entries if not each.is_signature), None)
    if entry is None or len(entry.pairing.inputs) != len(names):
        return list(names)
    places = sorted(range(len(names)), key=lambda place: entry.pairing.inputs[place])
    return [names[place] for place in places]
