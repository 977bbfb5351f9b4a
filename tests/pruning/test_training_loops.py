"""Every way to train: after each step, pruned weights are zero and masks are where they should be.

One `Watch` looks after every batch, in every loop: pruned weights are exactly zero and no
others are, no pruned block has come back, and the number of pruned blocks is the one that
the schedule names for the count of the optimizer. The schedule has fractions of the
training, so a loop whose length is misjudged fails too. Weights move under momentum: they
would not stay at zero by themselves.
"""

import dataclasses
import itertools
import logging

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.long_cases import some_of
from tfsparse import PolynomialDecay, UpdatePruning

from .helpers import (
    BATCH,
    CLASSES,
    STEPS_PER_EPOCH,
    assert_masks_hold,
    compile_model,
    data,
    dense_model,
    kernels,
    masks,
    sparsities,
)

pytestmark = pytest.mark.one_keras

EPOCHS = 2
STEPS = EPOCHS * STEPS_PER_EPOCH
# Of 24 steps: updates at 2, 5, 8, 11, 14 and 17.
SCHEDULE = PolynomialDecay(0.25, 0.75, begin_step=0.1, end_step=0.7, frequency=3)


class Watch:
    """Looks at a model after each batch.

    Args:
        model: The model, its optimizer set.
        steps: Optimizer steps of the whole training.
    """

    def __init__(self, model, steps=STEPS):
        self.model = model
        self.ramp = SCHEDULE.in_steps(0, steps)
        self.iterations = []
        self._before = masks(model)

    def __call__(self, batch=None, logs=None):
        assert_masks_hold(self.model)
        now = masks(self.model)
        iterations = int(self.model.optimizer.iterations.numpy())
        for before, after in zip(self._before, now, strict=True):
            assert not after[~before].any()
            assert np.count_nonzero(~after) == round(self.share(iterations) * after.size)
        self.iterations.append(iterations)
        self._before = now

    def share(self, iterations):
        due = self.ramp.last_due(0, iterations)
        return 0.0 if due is None else self.ramp.sparsity(due)

    def callback(self, keras):
        return keras.callbacks.LambdaCallback(on_train_batch_end=self)


def pruned(keras, policy="float32", **wrap):
    keras.mixed_precision.set_global_policy(policy)
    try:
        return tfsparse.prune_block(dense_model(keras), "4x1", SCHEDULE, **wrap)
    finally:
        keras.mixed_precision.set_global_policy("float32")


def momentum(keras, **options):
    return keras.optimizers.SGD(0.1, momentum=0.9, **options)


def fp16_optimizer(keras, initial_scale=2.0**15, **options):
    scaler = keras.mixed_precision.LossScaleOptimizer
    return scaler(momentum(keras, **options), initial_scale=initial_scale)


def fixed_scale_optimizer(keras):
    if keras.__name__ == "keras":
        return momentum(keras, loss_scale_factor=128.0)
    scaler = keras.mixed_precision.LossScaleOptimizer
    return scaler(momentum(keras), dynamic=False, initial_scale=128.0)


def dataset(*weights):
    return tf.data.Dataset.from_tensor_slices((*data(), *weights)).batch(BATCH)


def python_batches(keras):
    base = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence
    inputs, labels = data()

    class Batches(base):
        def __len__(self):
            return STEPS_PER_EPOCH

        def __getitem__(self, index):
            part = slice(index * BATCH, (index + 1) * BATCH)
            return inputs[part], labels[part]

    return Batches()


@dataclasses.dataclass
class Loop:
    """One way to call `fit`."""

    optimizer: object = momentum
    compile: dict = dataclasses.field(default_factory=dict)
    fit: dict = dataclasses.field(default_factory=dict)
    data: object = None
    policy: str = "float32"
    calls: int = STEPS  # how often callbacks are called
    steps: int = STEPS  # of the optimizer
    only: str = ""


EXECUTIONS = {"compile": {"steps_per_execution": 5, "jit_compile": False}, "calls": 6}
ACCUMULATED = {"steps": STEPS // 4, "only": "keras"}
LOOPS = {
    "weighted_classes": Loop(
        fit={"class_weight": {k: 1.0 + k for k in range(CLASSES)}, "validation_data": data(1)}
    ),
    "weighted_samples_without_end": Loop(
        data=lambda keras: dataset(np.linspace(0.0, 2.0, 96)).repeat().prefetch(2),
        fit={"steps_per_epoch": STEPS_PER_EPOCH},
    ),
    "python_batches": Loop(data=python_batches),
    "eager": Loop(compile={"run_eagerly": True}),
    "xla": Loop(compile={"steps_per_execution": 5, "jit_compile": True}, calls=6),
    "averaged": Loop(lambda keras: momentum(keras, use_ema=True, ema_momentum=0.9)),
    "averaged_and_overwritten": Loop(
        lambda keras: momentum(
            keras, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4, global_clipnorm=1.0
        ),
        **EXECUTIONS,
    ),
    "accumulated": Loop(
        lambda keras: momentum(keras, gradient_accumulation_steps=4), **EXECUTIONS, **ACCUMULATED
    ),
    "bfloat16": Loop(lambda keras: momentum(keras, weight_decay=0.01), policy="mixed_bfloat16"),
    "float16": Loop(policy="mixed_float16", **EXECUTIONS),
    "float16_fixed_scale": Loop(fixed_scale_optimizer, policy="mixed_float16"),
    "float16_accumulated": Loop(
        lambda keras: momentum(keras, gradient_accumulation_steps=4),
        policy="mixed_float16",
        **ACCUMULATED,
    ),
    "float16_legacy": Loop(
        lambda keras: keras.optimizers.legacy.SGD(0.1, momentum=0.9),
        policy="mixed_float16",
        only="tf_keras",
        **EXECUTIONS,
    ),
}


@pytest.mark.parametrize(
    "name",
    some_of(LOOPS, ["eager", "xla", "averaged_and_overwritten", "accumulated", "float16"]),
)
def test_masks_follow_the_schedule(keras, name):
    loop = LOOPS[name]
    if loop.only not in ("", keras.__name__):
        pytest.skip(f"only {loop.only} has it")
    model = pruned(keras, loop.policy)
    compile_model(keras, model, loop.optimizer(keras), **loop.compile)
    watch = Watch(model, loop.steps)
    fit(keras, model, watch, loop.data and loop.data(keras), **loop.fit)
    assert len(watch.iterations) == loop.calls
    assert watch.iterations[-1] == loop.steps
    assert sparsities(model) == [0.75, 0.75]
    assert_masks_hold(model)


def fit(keras, model, watch, source=None, callbacks=(), **options):
    if source is None:
        inputs, labels = data()
        source, options = inputs, {**options, "y": labels, "batch_size": BATCH}
    callbacks = [UpdatePruning(), watch.callback(keras), *callbacks]
    return model.fit(source, epochs=EPOCHS, verbose=0, callbacks=callbacks, **options)


def test_loss_scaling_that_skips_steps(keras):
    model = pruned(keras, "mixed_float16")
    optimizer = fp16_optimizer(keras, initial_scale=2.0**40)
    compile_model(keras, model, optimizer)
    watch = Watch(model)
    fit(keras, model, watch)
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    skipped = STEPS - int(inner.iterations.numpy())
    assert skipped > 3 or keras.__name__ == "tf_keras"  # which counts them as steps
    assert sparsities(model) == [0.75, 0.75]
    assert_masks_hold(model)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_each_step_of_an_execution_leaves_zeros(keras):
    """Looks from inside the graph, where callbacks cannot."""
    model = pruned(keras)
    nonzeros, looks = tf.Variable(0, dtype=tf.int64), tf.Variable(0, dtype=tf.int64)

    class Looking(keras.optimizers.SGD):
        def apply_gradients(self, grads_and_vars, **kwargs):
            done = super().apply_gradients(grads_and_vars, **kwargs)
            if keras.__name__ == "tf_keras":
                self.look()
            return done

        def apply(self, *args):  # Keras 3 calls this one, with or without the other
            super().apply(*args)
            self.look()

        def look(self):
            for kernel in kernels(model):
                flags = kernel.constraint.flags()
                weights = tf.boolean_mask(tf.convert_to_tensor(kernel.variable), ~flags)
                nonzeros.assign_add(tf.math.count_nonzero(weights))
                looks.assign_add(1)

    optimizer = Looking(0.1, momentum=0.9)
    compile_model(keras, model, optimizer, steps_per_execution=4, jit_compile=False)
    fit(keras, model, Watch(model))
    assert int(looks) == 2 * STEPS
    assert int(nonzeros) == 0


@pytest.mark.parametrize("first", ["averages", "pruning"])
def test_swapped_averages_are_sparse_in_either_order(first, tmp_path):
    import keras

    model = pruned(keras)
    compile_model(keras, model, momentum(keras, use_ema=True, ema_momentum=0.9))
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    callbacks = [swap, UpdatePruning()] if first == "averages" else [UpdatePruning(), swap]
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    inputs, labels = data()
    model.fit(
        inputs,
        labels,
        batch_size=BATCH,
        epochs=3,
        verbose=0,
        callbacks=[*callbacks, saver],
    )
    for epoch in (2, 3):
        loaded = keras.models.load_model(tmp_path / f"{epoch}.keras")
        assert_masks_hold(loaded)
        assert sparsities(loaded)[0] >= 0.5
    assert sparsities(model) == [0.75, 0.75]


def forward_and_backward(model, loss, optimizer):
    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True)) + sum(model.losses)
        gradients = tape.gradient(value, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        return value

    return step


@pytest.mark.parametrize("kind", ["eager", "function", "xla", "train_on_batch"])
def test_custom_loop(keras, kind):
    model = pruned(keras, group_lasso=1e-3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if kind == "train_on_batch":
        compile_model(keras, model, momentum(keras))
        step = model.train_on_batch
    else:
        model.optimizer = momentum(keras)
        step = forward_and_backward(model, loss, model.optimizer)
        if kind != "eager":
            model.optimizer.build(model.trainable_variables)
            step = tf.function(step, jit_compile=kind == "xla")
    watch = Watch(model)
    with UpdatePruning(training_steps=STEPS).loop(model) as pruning:
        for x, y in itertools.islice(itertools.cycle(dataset()), STEPS):
            step(x, y)
            pruning.step()
            watch()
    assert watch.iterations == list(range(1, STEPS + 1))
    assert sparsities(model) == [0.75, 0.75]


def test_a_custom_loop_may_call_less_often(keras):
    model = pruned(keras)
    model.optimizer = momentum(keras)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.optimizer.build(model.trainable_variables)
    step = tf.function(forward_and_backward(model, loss, model.optimizer))
    watch = Watch(model)
    with UpdatePruning(training_steps=STEPS).loop(model) as pruning:
        for number, (x, y) in enumerate(itertools.islice(itertools.cycle(dataset()), STEPS)):
            step(x, y)
            if number % 7 == 6 or number == STEPS - 1:
                pruning.step()
                watch()
    assert watch.iterations == [7, 14, 21, 24]
    assert sparsities(model) == [0.75, 0.75]


@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_a_loop_without_an_optimizer_is_named(keras, optimizer):
    loop = UpdatePruning(STEPS).loop(pruned(keras), optimizer)
    with pytest.raises(ValueError, match=f"Received: optimizer={optimizer!r}"), loop:
        pass


@pytest.mark.parametrize(
    "wrap",
    [
        {"group_lasso": 1e-3, "criterion": "gradient"},
        {"group_lasso": tfsparse.GroupLasso(1e-5, "proximal")},
    ],
)
def test_autograph_has_nothing_to_complain_of(keras, wrap):
    """It reads the source of what is called in a graph, and does not know all of Python."""
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    try:
        model = compile_model(keras, pruned(keras, **wrap), momentum(keras))
        model.fit(*data(), batch_size=BATCH, verbose=0, callbacks=[UpdatePruning()])
        model.predict(data()[0], verbose=0)
    finally:
        logger.removeHandler(handler)
    assert not [message for message in said if "AutoGraph" in message]
