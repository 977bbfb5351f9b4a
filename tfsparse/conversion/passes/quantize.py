"""Decides how activations are read as uint8, from what layers see on the calibration data.

A layer of a whole function has its range from the data. One inside a loop or branch measures it
when it runs, as all do where no data are given: from outside nothing can look into a loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.graph import Graph
from tfsparse.conversion.layer_error import Sample
from tfsparse.conversion.observing import Batch, observe
from tfsparse.conversion.passes.rewrite import TensorKey
from tfsparse.conversion.quantization import ActivationParams, activation_params, warn_of_extent
from tfsparse.conversion.ranges import CalibrationMethod, make_observer


@dataclasses.dataclass
class Calibration:
    """What layers saw of the calibration data.

    Attributes:
        params: Tensor to how it is read as uint8: activations and results of layers.
        samples: id of a layer to some rows of its activations.
        batches: How many batches there were.
        bounded: Whether there were more, or may have been.
    """

    params: dict[TensorKey, ActivationParams] = dataclasses.field(default_factory=dict)
    samples: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    batches: int = 0
    bounded: bool = False


def calibrate(
    graph: Graph,
    specs: Mapping[str, tf.TensorSpec],
    layers: Sequence[DenseLayer],
    batches: Iterable[Batch],
    method: CalibrationMethod,
) -> Calibration:
    """Runs a function on the calibration data and looks at its layers.

    Args:
        graph: The graph of a whole function.
        specs: For each of its inputs, in order, its name in a batch and its spec.
        layers: Layers to look at; those in other graphs than `graph` are passed over.
        batches: Dicts of input name to array.
        method: How a range is made of the values.

    Returns:
        What was seen.

    Raises:
        ValueError: If there is no example, a batch does not run, or a value is not finite.
    """
    found = Calibration()
    layers = [layer for layer in layers if layer.graph is graph]
    if not layers:
        return found
    samples = {id(layer): Sample(layer) for layer in layers if not layer.is_depthwise}
    observers = {tensor: make_observer(method) for layer in layers for tensor in tensors_of(layer)}
    seen: dict[str, Callable[[np.ndarray], None]] = {}
    for layer in layers:
        for tensor in tensors_of(layer):
            takers: list[Callable[[np.ndarray], None]] = [observers[tensor].update]
            of_x = [each for each in layers if each.x == tensor and id(each) in samples]
            takers += [_sampling(each, samples[id(each)]) for each in of_x]
            seen[tensor] = _checked(layer.name, takers)
    names = {tensor: layer.name for layer in layers for tensor in tensors_of(layer)}
    found.batches = observe(graph, specs, seen, batches)
    for tensor, observer in observers.items():
        extent = observer.range()
        if extent.minimum > extent.maximum:
            raise ValueError("`calibration_data` should hold at least one example. Received: none")
        warn_of_extent(f"layer {names[tensor]!r}", extent.minimum, extent.maximum)
        found.params[graph, tensor] = activation_params(extent.minimum, extent.maximum)
    found.samples = {key: sample.rows() for key, sample in samples.items()}
    return found


def tensors_of(layer: DenseLayer) -> tuple[str, str]:
    """The activations and the result of a layer."""
    return layer.x, f"{layer.result}:0"


def _sampling(layer: DenseLayer, sample: Sample) -> Callable[[np.ndarray], None]:
    """Takes rows of a layer's activations, in the order of axes that the product wants."""
    order = layer.x_order
    return sample.update if order is None else lambda value: sample.update(value.transpose(order))


def _checked(
    layer: str, takers: Sequence[Callable[[np.ndarray], None]]
) -> Callable[[np.ndarray], None]:
    def take(value: np.ndarray) -> None:
        if not np.isfinite(value).all():
            raise ValueError(
                "`calibration_data` should give finite activations. "
                f"Received: NaN or Inf at layer {layer!r}"
            )
        for taker in takers:
            taker(value)

    return take
