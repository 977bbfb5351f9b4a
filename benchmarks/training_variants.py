"""The same model trained dense, pruned by tfsparse, and pruned by TFMOT.

A variant is a model that is ready to make steps: compiled, its data drawn, its masks set. One
step is what `fit` does for one batch: the training function and the callback's part after it.

TensorFlow Model Optimization (TFMOT) prunes models of tf_keras: Dense kernels in blocks of one
input by four outputs, our "4x1", and convolutions by single weights, because it has no blocks
for them. It refuses MultiHeadAttention, whose kernels stay dense there.
"""

from __future__ import annotations

import dataclasses
import importlib
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

import tfsparse
from benchmarks.training_models import Batch

KERAS = ("keras", "tf_keras")
VARIANTS = ("dense", "tfsparse", "TFMOT")


@dataclasses.dataclass(frozen=True)
class Variant:
    """A model that is ready to be trained.

    Attributes:
        name: One of `VARIANTS`.
        model: The model, pruned if it is to be.
        step: Makes a training step.
        pruned: The kernels that are pruned.
    """

    name: str
    model: Any
    step: Callable[[], Any]
    pruned: list[Any]


def prepare(
    name: str, keras: ModuleType, model: Any, batch: Batch, pattern: str, sparsity: float
) -> Variant:
    """Makes a variant of a model; its first step compiles and sets the masks.

    Args:
        name: One of `VARIANTS`.
        keras: The Keras of the model.
        model: The dense model.
        batch: Inputs and labels of every step.
        pattern: Block pattern, as "4x1".
        sparsity: Share of zeros.
    """
    callback: Any = None
    pruned: list[Any] = []
    if name == "tfsparse":
        model = tfsparse.prune_block(model, pattern, tfsparse.OneShot(sparsity))
        callback, pruned = tfsparse.UpdatePruning(), tfsparse_kernels(model)
    elif name == "TFMOT":
        model, callback = tfmot_model(keras, model, pattern, sparsity, end_step=1)
        pruned = [weight for layer in tfmot_layers(model) for weight, _, _ in layer.pruning_vars]
    return Variant(name, model, training_step(keras, model, batch, callback), pruned)


def training_step(keras: ModuleType, model: Any, batch: Batch, callback: Any) -> Callable[[], Any]:
    """Compiles a model for classification and gives what `fit` does for each batch."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    model.make_train_function()
    train = model.train_function
    if callback is None:
        return lambda: train(batches)
    callback.set_model(model)
    callback.set_params({"epochs": 1, "steps": 1000})
    callback.on_train_begin()

    def step() -> None:
        callback.on_train_batch_begin(0)
        train(batches)
        callback.on_train_batch_end(0)

    return step


def tfsparse_kernels(model: Any) -> list[Any]:
    """The kernels that tfsparse prunes in a model."""
    wrappers = tfsparse.pruning.binding.pruned_layers(model)
    return [kernel.variable for wrapper in wrappers for kernel in wrapper.pruning.kernels]


def tfmot_model(
    keras: ModuleType, model: Any, pattern: str, sparsity: float, end_step: int
) -> tuple[Any, Any]:
    """The model pruned by TFMOT, and the callback that this takes.

    Raises:
        ImportError: If TFMOT is not installed.
        ValueError: If it has no such blocks.
    """
    tfmot = importlib.import_module("tensorflow_model_optimization").sparsity.keras
    block = tfsparse.parse_pattern(pattern)
    if not isinstance(block, tfsparse.BlockPattern):
        raise ValueError(f"`pattern` should be 'AxB' for TFMOT. Received: pattern={pattern!r}")
    schedule = tfmot.ConstantSparsity(sparsity, begin_step=1, end_step=end_step, frequency=1)

    def wrap(layer: Any) -> Any:
        if isinstance(layer, keras.layers.Dense):
            return tfmot.prune_low_magnitude(layer, schedule, block_size=(block.in_, block.out))
        if type(layer) is keras.layers.Conv2D:
            return tfmot.prune_low_magnitude(layer, schedule)
        return layer

    return keras.models.clone_model(model, clone_function=wrap), tfmot.UpdatePruningStep()


def tfmot_layers(model: Any) -> list[Any]:
    """TFMOT's wrappers in a model."""
    return [layer for layer in model.layers if hasattr(layer, "pruning_vars")]


def state_bytes(variant: Variant, dense: Variant) -> tuple[int, int]:
    """What pruning keeps besides the weights, and the bytes of the kernels that it prunes.

    Args:
        variant: A pruned model.
        dense: The same model without pruning.

    Returns:
        Bytes of the variables that only the pruned model has: masks, clocks, thresholds; and
        bytes of the pruned kernels.
    """
    extra = _bytes(variant.model.weights) - _bytes(dense.model.weights)
    return extra, _bytes(variant.pruned)


def update_seconds(
    name: str, keras: ModuleType, model: Any, pattern: str, sparsity: float, updates: int
) -> list[float]:
    """How long each of several updates of all masks of a model takes.

    For tfsparse the sparsity rises to `sparsity` and the first update takes dense kernels, as
    in a training. The model is not trained in between.
    """
    if name == "TFMOT":
        return _tfmot_update_seconds(keras, model, pattern, sparsity, updates)
    schedule = tfsparse.PolynomialDecay(0.5, sparsity, 1, updates, power=1, frequency=1)
    pruned = tfsparse.prune_block(model, pattern, schedule)
    pruned.compile(keras.optimizers.SGD(0.0), "mse")
    callback = tfsparse.UpdatePruning()
    callback.set_model(pruned)
    callback.on_train_begin()
    callback.on_train_batch_begin(0)
    seconds = []
    for iteration in range(1, updates + 1):
        pruned.optimizer.iterations.assign(iteration)
        start = time.perf_counter()
        callback.on_train_batch_end(0)
        seconds.append(time.perf_counter() - start)
    _check(tfsparse_kernels(pruned), sparsity)
    return seconds


def _tfmot_update_seconds(
    keras: ModuleType, model: Any, pattern: str, sparsity: float, updates: int
) -> list[float]:
    pruned, _ = tfmot_model(keras, model, pattern, sparsity, end_step=-1)
    layers = tfmot_layers(pruned)

    def update() -> None:
        for layer in layers:
            layer.pruning_obj.conditional_mask_update()
            layer.pruning_obj.weight_mask_op()

    compiled = tf.function(update)
    seconds = []
    for number in range(updates + 1):
        for layer in layers:
            layer.pruning_step.assign(number + 1)
        start = time.perf_counter()
        compiled()
        seconds.append(time.perf_counter() - start)
    _check([weight for layer in layers for weight, _, _ in layer.pruning_vars], sparsity)
    return seconds[1:]  # the first one builds the graph


def _check(kernels: list[Any], sparsity: float) -> None:
    """A benchmark of something that did not happen is worth nothing."""
    for kernel in kernels:
        values = kernel.numpy()
        zeros = 1.0 - np.count_nonzero(values) / values.size
        if abs(zeros - sparsity) > 0.1:
            raise RuntimeError(
                f"{sparsity:.0%} of a kernel {kernel.shape} should be zero, not {zeros:.1%}"
            )


def _bytes(variables: list[Any]) -> int:
    unique = {id(variable): variable for variable in variables}.values()
    return sum(int(np.prod(v.shape)) * tf.as_dtype(v.dtype).size for v in unique)
