"""What every layer under a wrapper has to do, in both versions of Keras.

A case is a layer, inputs, and how the layer is called on them. One model of it
is pruned, trained, saved, loaded and stripped, and the laws are checked on the
way:

- the wrapper's configuration makes an equal wrapper;
- wrapping changes neither predictions nor trainable weights;
- after every step the pruned weights are exactly zero, even if they were not
  before it, no other weight is, and no slot of the optimizer has grown under a
  mask;
- the sparsity is the target, to half a block;
- the file gives the same predictions, masks and schedules;
- the stripped model has no class of tfsparse in it, and predicts the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

import tfsparse
from tfsparse.pruning.binding import pruned_layers

from .helpers import assert_masks_hold, assert_same_outputs, kernels, masks

SAMPLES, EPOCHS = 4, 3
OPTIMIZERS = {
    "adam": lambda optimizers: optimizers.Adam(0.02),
    "adamw": lambda optimizers: optimizers.AdamW(0.02, weight_decay=0.1),
    "rmsprop": lambda optimizers: optimizers.RMSprop(0.02, momentum=0.5),
    "sgd": lambda optimizers: optimizers.SGD(0.02, momentum=0.9, nesterov=True),
}


@dataclasses.dataclass
class Case:
    """A layer to check.

    Attributes:
        layer: Makes the layer, given a version of Keras.
        shapes: Shape of each input without its batch; all integers where it is
            "int32", the ids of an embedding.
        call: Calls the layer, given Keras, the layer and its inputs; more layers
            may stand around it. By default the layer is called on all inputs.
        pattern: Pattern to prune it by.
        kernels: How many kernels the wrapper owns.
        sparsity: Share of elements to prune.
        optimizer: Which of `OPTIMIZERS` to train with.
        jit: Whether the step is compiled by XLA: TensorFlow has no gradient of a
            grouped convolution on CPUs but that of XLA.
        options: More arguments of `prune_block`.
    """

    layer: Callable[[Any], Any]
    shapes: tuple[Any, ...]
    call: Callable[..., Any] = lambda keras, layer, *inputs: layer(*inputs)
    pattern: str = "4x1"
    kernels: int = 1
    sparsity: float = 0.5
    optimizer: str = "adam"
    jit: bool = False
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


def check_case(keras, case, tmp_path):
    """Runs every check on a case."""
    inputs = example_inputs(case)
    model = plain_model(keras, case)
    expected = model(inputs)
    pruned = prune(case, model)
    assert_same_outputs(pruned(inputs), expected)
    assert len(pruned.trainable_weights) == len(model.trainable_weights)
    assert names(pruned) == names(model)
    (wrapper,) = pruned_layers(pruned)
    assert len(wrapper.pruning.kernels) == case.kernels
    check_config(wrapper)
    check_training(keras, case, pruned, inputs)
    check_saving(keras, pruned, inputs, tmp_path)
    assert_same_outputs(model(inputs), expected)  # nothing is shared with the original


def names(model):
    """Names of the layers; those of inputs are Keras's to choose when it clones."""
    return [one.name for one in model.layers if type(one).__name__ != "InputLayer"]


def example_inputs(case):
    """A batch for each input; of ids where zeros are padding."""
    rng = np.random.default_rng(0)
    if case.shapes[0] == "int32":
        ids = rng.integers(1, 9, (SAMPLES, *case.shapes[1]), "int32")
        ids[:, -2:] = 0
        return [ids]
    return [rng.standard_normal((SAMPLES, *s)).astype("float32") for s in case.shapes]


def plain_model(keras, case):
    """A functional model of the layer of a case."""
    if case.shapes[0] == "int32":
        inputs = [keras.Input(case.shapes[1], dtype="int32")]
    else:
        inputs = [keras.Input(shape) for shape in case.shapes]
    return keras.Model(inputs, case.call(keras, case.layer(keras), *inputs))


def prune(case, model):
    """The model with the layer of the case pruned from the first step on."""
    schedule = tfsparse.ConstantSparsity(case.sparsity, begin_step=0, frequency=1)
    return tfsparse.prune_block(model, case.pattern, schedule, **case.options)


def check_config(wrapper):
    copy = type(wrapper).from_config(wrapper.get_config())
    assert_same_config(copy, wrapper)
    assert copy.name == wrapper.name
    assert copy.schedule == wrapper.schedule and copy.pattern == wrapper.pattern


def assert_same_config(one, other):
    """Equal but for the shapes that layers inside were built with, which Keras adds."""
    assert _without_shapes(one.get_config()) == _without_shapes(other.get_config())


def _without_shapes(config):
    if not isinstance(config, dict):
        return config
    return {key: _without_shapes(v) for key, v in config.items() if key != "build_config"}


def check_training(keras, case, model, inputs):
    optimizer = OPTIMIZERS[case.optimizer](keras.optimizers)
    outputs = model(inputs)
    number = len(outputs) if isinstance(outputs, list | tuple) else 1
    model.compile(optimizer, ["mse"] * number, jit_compile=case.jit)
    targets = [np.full(output.shape, 0.5, "float32") for output in tf.nest.flatten(outputs)]
    before = [np.array(kernel.variable.numpy()) for kernel in kernels(model)]
    seen, steps = [], EPOCHS * SAMPLES // 2

    def look(batch, logs):
        assert_masks_hold(model)
        seen.append(batch)
        if len(seen) < steps:  # the last step was disturbed
            assert_slots_hold(model, optimizer)
        if len(seen) == steps - 1:
            disturb(model)

    model.fit(
        inputs,
        targets if number > 1 else targets[0],
        batch_size=2,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            tfsparse.UpdatePruning(),
            keras.callbacks.LambdaCallback(on_train_batch_end=look),
        ],
    )
    assert len(seen) == steps
    for kernel, values in zip(kernels(model), before, strict=True):
        assert_reached(kernel)
        kept = kernel.constraint.flags().numpy()
        assert (kernel.variable.numpy() != values)[kept].any()  # the step reached the kernel


def disturb(model):
    """Sets pruned weights to one, as no optimizer would; the next step has to undo it."""
    for kernel in kernels(model):
        values = np.array(kernel.variable.numpy())
        values[~kernel.constraint.flags().numpy()] = 1.0
        kernel.variable.assign(values)


def assert_slots_hold(model, optimizer):
    """Slots under the masks stay what they were: zero.

    The mask is in place before the first step, so no slot ever sees the gradient
    of a pruned block.
    """
    for kernel in kernels(model):
        flags = kernel.constraint.flags().numpy()
        slots = optimizer_slots(optimizer, kernel.variable)
        assert slots and not any(slot[~flags].any() for slot in slots)


def optimizer_slots(optimizer, kernel):
    """The slots of an optimizer that have the shape of a kernel, and its name if any has."""
    variables = optimizer.variables
    variables = variables() if callable(variables) else variables
    slots = [v for v in variables if tuple(v.shape) == tuple(kernel.shape)]
    named = [slot for slot in slots if _flat_name(kernel) in _flat_name(slot)]
    return [slot.numpy() for slot in named or slots]


def _flat_name(variable):
    return getattr(variable, "path", variable.name).partition(":")[0].replace("/", "_")


def assert_reached(kernel):
    """The kernel is as sparse as its schedule says, to half of its largest block."""
    zeros = np.count_nonzero(kernel.variable.numpy() == 0)
    wanted = kernel.settings.schedule.target * kernel.variable.numpy().size
    assert abs(zeros - wanted) <= kernel.ranking().sizes.max() / 2
    assert zeros


def check_saving(keras, model, inputs, tmp_path):
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = keras.models.load_model(path)
    assert_same_outputs(loaded(inputs), model(inputs))
    (one,), (other,) = pruned_layers(loaded), pruned_layers(model)
    assert_same_config(one, other)
    for mask, expected in zip(masks(loaded), masks(model), strict=True):
        np.testing.assert_array_equal(mask, expected)
    plain = tfsparse.strip_pruning(loaded)
    assert_same_outputs(plain(inputs), model(inputs))
    assert not list(pruned_layers(plain))
    plain.save(str(tmp_path / "plain.keras"))
    assert b"tfsparse" in (tmp_path / "model.keras").read_bytes()
    assert b"tfsparse" not in (tmp_path / "plain.keras").read_bytes()


def gradient_of(model, variable, inputs):
    """Gradient of a sum of squares of the outputs."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(tf.cast(model(inputs), tf.float32)))
    # A variable of Keras 3 holds the one that the tape has seen.
    return tape.gradient(loss, getattr(variable, "_value", variable)).numpy()
