"""`MirroredStrategy` on two devices: as one device with the same global batch.

Run in a process of its own, because the devices are made before TensorFlow is first used.
One process serves a version of Keras, and reports on all that it did.

What Keras 3.15 itself cannot do there, for any model, is left to tf_keras: several steps per
execution, accumulated gradients, and averages that overwrite the weights.
"""

import dataclasses
import importlib
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests import processes
from tfsparse import PolynomialDecay, UpdatePruning

from .helpers import (
    BATCH,
    CLASSES,
    FEATURES,
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
SCHEDULE = PolynomialDecay(0.25, 0.75, begin_step=0.1, end_step=0.7, frequency=3)


def block_model(keras):
    """One layer made of layers, whose replicas wait for each other between two kernels."""

    class Block(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first = keras.layers.Dense(16, name="first")
            self.norm = keras.layers.BatchNormalization(synchronized=True, name="norm")
            self.second = keras.layers.Dense(CLASSES, name="second")

        def call(self, inputs, training=None):
            normal = self.norm(self.first(inputs), training=training)
            return self.second(tf.nn.relu(normal))

    return keras.Sequential([keras.Input((FEATURES,)), Block(name="block")])


def momentum(keras, **options):
    return keras.optimizers.SGD(0.1, momentum=0.9, **options)


@dataclasses.dataclass
class Case:
    """A model and how it is trained."""

    build: Callable = dense_model
    optimizer: Callable = momentum
    compile: dict = dataclasses.field(default_factory=dict)
    policy: str = "float32"
    criterion: str = "l2_norm"
    only: str = ""

    def make(self, keras):
        keras.utils.set_random_seed(11)
        keras.mixed_precision.set_global_policy(self.policy)
        options = {"group_lasso": 1e-3, "criterion": self.criterion}
        model = tfsparse.prune_block(self.build(keras), "4x1", SCHEDULE, **options)
        keras.mixed_precision.set_global_policy("float32")
        return compile_model(keras, model, self.optimizer(keras), **self.compile)


PLAIN = Case()
CASES = {
    "plain": PLAIN,
    "synchronized": Case(block_model),
    "averaged": Case(optimizer=lambda keras: momentum(keras, use_ema=True, ema_momentum=0.9)),
    "float16": Case(policy="mixed_float16"),
    "executions of 5, overwritten by averages": Case(
        optimizer=lambda keras: momentum(keras, use_ema=True, ema_overwrite_frequency=3),
        compile={"steps_per_execution": 5},
        only="tf_keras",
    ),
    "legacy": Case(
        optimizer=lambda keras: keras.optimizers.legacy.SGD(0.1, momentum=0.9), only="tf_keras"
    ),
}


def dataset():
    return tf.data.Dataset.from_tensor_slices(data()).batch(BATCH)


def fit(keras, model, epochs=EPOCHS, initial_epoch=0, callbacks=()):
    """Trains, and looks at every replica after each batch."""
    hook = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: look(model))
    model.fit(
        dataset(),
        epochs=epochs,
        initial_epoch=initial_epoch,
        verbose=0,
        callbacks=[UpdatePruning(), hook, *callbacks],
    )
    return summary(model)


def replicas(variable):
    """The value of a variable on each device."""
    variable = getattr(variable, "_value", variable)  # what a variable of Keras 3 holds
    strategy = getattr(variable, "distribute_strategy", None) or tf.distribute.get_strategy()
    return [value.numpy() for value in strategy.experimental_local_results(variable)]


def look(model):
    assert_masks_hold(model)
    for kernel in kernels(model):
        for variable in (kernel.variable, kernel.mask):
            first, *others = replicas(variable)
            for other in others:
                np.testing.assert_array_equal(first, other)


def summary(model):
    return {
        "masks": masks(model),
        "weights": [weight.numpy() for weight in model.trainable_weights],
        "sparsity": sparsities(model),
        "replicas": [len(replicas(kernel.mask)) for kernel in kernels(model)],
    }


def train_on_both(package, folder):
    """Trains each case on one device and on two; returns pairs of summaries by name."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [logical, logical])
    warnings.simplefilter("ignore")
    keras = importlib.import_module(package)
    # One for all: the collective operations of a second one would be taken for the first's.
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    done = {}
    for name, case in CASES.items():
        if case.only in ("", package):
            one = fit(keras, case.make(keras))
            with strategy.scope():
                model = case.make(keras)
            done[name] = one, fit(keras, model)
    plain = done["plain"][0]
    done["loop"] = plain, loop(keras, strategy)
    done["moved"] = plain, {**moved(keras, strategy, folder), "replicas": [2, 2]}
    return done


def loop(keras, strategy):
    """A loop of one's own over `strategy.run`."""
    with strategy.scope():
        model = PLAIN.make(keras)
        model.optimizer.build(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")

    def replica_step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True)) / BATCH
            value += sum(model.losses) / strategy.num_replicas_in_sync
        gradients = tape.gradient(value, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step = tf.function(lambda x, y: strategy.run(replica_step, (x, y)))
    with UpdatePruning(training_steps=EPOCHS * STEPS_PER_EPOCH).loop(model) as pruning:
        for batch in strategy.experimental_distribute_dataset(dataset().repeat(EPOCHS)):
            step(*batch)
            pruning.step()
            look(model)
    return summary(model)


def moved(keras, strategy, folder):
    """Half of the training on two devices, saved, the other half on one."""
    with strategy.scope():
        model = PLAIN.make(keras)
    path = f"{folder}/moved-{{epoch}}.keras"
    fit(keras, model, callbacks=[keras.callbacks.ModelCheckpoint(path)])
    return fit(keras, keras.models.load_model(path.format(epoch=1)), initial_epoch=1)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.long
def test_two_devices_train_as_one(package, tmp_path):
    done = processes.run(train_on_both, package, str(tmp_path))
    assert len(done) == (6 if package == "keras" else 8)
    for name, (one, two) in done.items():
        assert one["sparsity"] == two["sparsity"] == [0.75, 0.75], name
        assert one["replicas"] == [1, 1] and two["replicas"] == [2, 2], name
        # Half a sum is rounded before the halves are added.
        tolerance = 2e-2 if name == "float16" else 1e-5
        for mask, expected in zip(two["masks"], one["masks"], strict=True):
            np.testing.assert_array_equal(mask, expected, err_msg=name)
        for weights, expected in zip(two["weights"], one["weights"], strict=True):
            np.testing.assert_allclose(weights, expected, atol=tolerance, err_msg=name)
