"""Gives a network with random weights the statistics that a trained one has.

BatchNorm that has seen nothing leaves activations as the random weights make them. After fifty
layers they are huge or nothing, and quantization of either says nothing about real networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.models.bench_model import Arrays

ROWS = 8


def settle_norms(model: Any, inputs: Arrays) -> None:
    """Lets every BatchNormalization take the mean and the variance of what it is given.

    Args:
        model: A Keras 3 or tf_keras model, which is changed.
        inputs: Inputs by name; their first `ROWS` rows are used.
    """
    norms = {layer: layer.momentum for layer in _norms(model)}
    if not norms:
        return
    for norm in norms:
        norm.momentum = 0.0
    rows = {name: array[:ROWS] for name, array in inputs.items()}
    model(rows if len(rows) > 1 else next(iter(rows.values())), training=True)
    for norm, momentum in norms.items():
        norm.momentum = momentum


def _norms(layer: Any) -> Iterator[Any]:
    """The BatchNormalizations of a model and of the models in it."""
    if type(layer).__name__ == "BatchNormalization":
        yield layer
    for inner in getattr(layer, "layers", ()):
        yield from _norms(inner)
