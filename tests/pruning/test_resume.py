"""Killed and resumed, or saved and loaded by another process: as if nothing had happened.

A process trains and kills itself, by SIGKILL, at a step that is drawn anew for each run. A
second one resumes from what the first one left on disk, and ends with the weights, masks,
position in the schedule and optimizer state of a third, which was not interrupted: equal to
the last bit. The schedule has fractions, so the resumed process has to know of which training.
"""

import importlib
import os
import random
import signal
import warnings

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests import processes
from tfsparse import PolynomialDecay, UpdatePruning
from tfsparse.pruning.binding import pruned_layers

from .helpers import (
    BATCH,
    STEPS_PER_EPOCH,
    assert_masks_hold,
    compile_model,
    data,
    dense_model,
    masks,
)

pytestmark = pytest.mark.one_keras

EPOCHS = 3
STEPS = EPOCHS * STEPS_PER_EPOCH
SCHEDULE = PolynomialDecay(0.25, 0.75, begin_step=0.1, end_step=0.8, frequency=3)
# Later steps would not show whether the schedule goes on.
LAST_KILL = 27


def make(keras, optimizer="adam"):
    warnings.simplefilter("ignore")
    keras.utils.set_random_seed(11)
    model = tfsparse.prune_block(dense_model(keras), "4x1", SCHEDULE, group_lasso=1e-3)
    return compile_model(keras, model, optimizer)


def state(model):
    """All that a training is made of."""
    assert_masks_hold(model)
    optimizer = model.optimizer
    variables = optimizer.variables
    variables = variables() if callable(variables) else variables
    return {
        "weights": [variable.numpy() for variable in model.trainable_weights],
        "masks": masks(model),
        "clocks": [layer.pruning.clock.variable.numpy() for layer in pruned_layers(model)],
        "optimizer": [variable.numpy() for variable in variables],
        "iterations": [optimizer.iterations.numpy()],
    }


def assert_same_state(one, other, names=None):
    for name in names or one:
        assert len(one[name]) == len(other[name]), name
        for value, expected in zip(one[name], other[name], strict=True):
            np.testing.assert_array_equal(value, expected, err_msg=name)


def killer(keras, model, kill_at):
    """Kills this process after a step of the optimizer; never, if it is None."""

    def kill(batch, logs):
        if int(model.optimizer.iterations.numpy()) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    return keras.callbacks.LambdaCallback(on_train_batch_end=kill)


def fit(keras, model, callbacks, epochs=EPOCHS, initial_epoch=0, same_batch=False):
    inputs, labels = data()
    if same_batch:  # what a training that starts an epoch in its middle sees is always this
        inputs, labels = (
            np.concatenate([part[:BATCH]] * STEPS_PER_EPOCH) for part in (inputs, labels)
        )
    model.fit(
        inputs,
        labels,
        batch_size=BATCH,
        epochs=epochs,
        initial_epoch=initial_epoch,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )


def train_with_backup(package, folder, save_freq="epoch", kill_at=None, pruning_first=True):
    """Trains to the end or to the kill, from where an earlier process was killed."""
    keras = importlib.import_module(package)
    model = make(keras)
    callbacks = [UpdatePruning()]
    if folder is not None:
        callbacks.append(keras.callbacks.BackupAndRestore(folder, save_freq=save_freq))
    callbacks.append(killer(keras, model, kill_at))
    if not pruning_first:
        callbacks.reverse()
    fit(keras, model, callbacks, same_batch=save_freq != "epoch")
    return state(model)


@pytest.mark.parametrize(
    "pruning_first",
    [True, pytest.param(False, marks=pytest.mark.long)],
    ids=["pruning_first", "backup_first"],
)
def test_killed_with_a_backup_of_every_epoch(keras, pruning_first, tmp_path):
    package, folder = keras.__name__, str(tmp_path / "backup")
    steps = sorted(random.sample(range(STEPS_PER_EPOCH + 1, LAST_KILL), 2))
    print(f"killed after steps {steps}")
    for step in steps:
        arguments = (package, folder, "epoch", step, pruning_first)
        processes.run_until_killed(train_with_backup, *arguments)
    resumed, whole = processes.run_together(
        [(train_with_backup, package, folder), (train_with_backup, package, None)]
    )
    assert_same_state(resumed, whole)


@pytest.mark.long
def test_killed_with_a_backup_of_every_few_steps(keras, tmp_path):
    package, folder = keras.__name__, str(tmp_path / "backup")
    step = random.randrange(STEPS_PER_EPOCH + 3, LAST_KILL)
    print(f"killed after step {step}")
    processes.run_until_killed(train_with_backup, package, folder, 5, step)
    if package == "tf_keras":  # goes on at the step
        again = (train_with_backup, package, None, 5)
    else:  # begins the epoch anew, with the weights of the step
        again = (repeat_epoch, package, step // 5 * 5)
    resumed, whole = processes.run_together([(train_with_backup, package, folder, 5), again])
    assert_same_state(resumed, whole)


def repeat_epoch(package, step):
    """Trains to a step and from there to the end, beginning with the epoch of that step."""
    keras = importlib.import_module(package)
    model = make(keras)

    def stop(batch, logs):
        model.stop_training = int(model.optimizer.iterations.numpy()) == step

    stopper = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    fit(keras, model, [UpdatePruning(), stopper], same_batch=True)
    epoch = step // STEPS_PER_EPOCH
    fit(keras, model, [UpdatePruning()], initial_epoch=epoch, same_batch=True)
    return state(model)


def train_in_a_loop(package, folder, kill_at=None):
    """A loop of one's own with a `CheckpointManager`."""
    keras = importlib.import_module(package)
    model = make(keras)
    optimizer = model.optimizer
    getattr(optimizer, "build", lambda _: None)(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
    manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=2)
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint).assert_consumed()

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True)) + sum(model.losses)
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    inputs, labels = data()
    with UpdatePruning(training_steps=STEPS).loop(model, optimizer) as pruning:
        for number in range(int(optimizer.iterations.numpy()), STEPS):
            start = number % STEPS_PER_EPOCH * BATCH
            train_step(inputs[start : start + BATCH], labels[start : start + BATCH])
            pruning.step()
            if number % 5 == 4:
                manager.save()
            if number + 1 == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    return state(model)


@pytest.mark.long
def test_killed_in_a_loop_of_ones_own(keras, tmp_path):
    step = random.randrange(6, LAST_KILL)
    print(f"killed after step {step}")
    processes.run_until_killed(train_in_a_loop, keras.__name__, str(tmp_path / "one"), step)
    resumed, whole = processes.run_together(
        [(train_in_a_loop, keras.__name__, str(tmp_path / name)) for name in ("one", "whole")]
    )
    assert_same_state(resumed, whole)


def _save(model, path):
    model.save(path)


def _load(keras, path):
    return keras.models.load_model(path, compile=True)


def _load_and_compile(keras, path):
    model = keras.models.load_model(path, compile=False)
    return compile_model(keras, model, "sgd")


def _save_weights(model, path):
    model.save_weights(path)


def _load_weights(keras, path):
    model = make(keras, "sgd")
    model.load_weights(path)
    return model


def _write_checkpoint(model, path):
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(path)


def _read_checkpoint(keras, path):
    model = make(keras)
    model.optimizer.build(model.trainable_variables)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
    checkpoint.read(path).assert_consumed()
    return model


def formats(keras):
    """By optimizer and name: how to save, and how another process gets the model back.

    Formats that lose the optimizer's state are tested with one that has none. So do, for any
    model, SavedModels of tf_keras and, where training goes on, ".h5" of Keras 3.15 (its
    optimizer does not know the variables of the loaded model).
    """
    if keras.__name__ == "keras":
        whole, h5 = {}, (_save, _load_and_compile)
        without = {"model.h5": h5}
    else:
        whole = {"model.h5": (_save, _load)}
        without = {
            "saved_model": (lambda model, path: model.save(path, save_format="tf"), _load),
            "weights": (_save_weights, _load_weights),
        }
    return {
        "adam": {
            "model.keras": (_save, _load),
            "checkpoint": (_write_checkpoint, _read_checkpoint),
            **whole,
        },
        "sgd": {"model.weights.h5": (_save_weights, _load_weights), **without},
    }


def train_and_save(package, folder):
    """Saves in every format after the first epoch; the states then and at the end."""
    keras = importlib.import_module(package)
    states = {}
    for optimizer, ways in formats(keras).items():
        model = make(keras, optimizer)

        def save(epoch, logs, optimizer=optimizer, ways=ways, model=model):
            if epoch == 0:
                states[optimizer] = [state(model)]
                for name, (write, _) in ways.items():
                    write(model, f"{folder}/{name}")

        saver = keras.callbacks.LambdaCallback(on_epoch_end=save)
        fit(keras, model, [UpdatePruning(), saver])
        states[optimizer].append(state(model))
    return states


def load_and_go_on(package, folder):
    """Loads every format; the states then and at the end."""
    keras = importlib.import_module(package)
    states = {}
    for optimizer, ways in formats(keras).items():
        for name, (_, read) in ways.items():
            model = read(keras, f"{folder}/{name}")
            found = state(model)
            fit(keras, model, [UpdatePruning()], initial_epoch=1)
            states[name] = optimizer, found, state(model)
    return states


def test_every_format_goes_on_in_another_process(keras, tmp_path):
    saved = processes.run(train_and_save, keras.__name__, str(tmp_path))
    loaded = processes.run(load_and_go_on, keras.__name__, str(tmp_path))
    assert len(loaded) == (6 if keras.__name__ == "tf_keras" else 4)
    for name, (optimizer, found, end) in loaded.items():
        print(name)
        # A new optimizer counts from zero, and the clock keeps the difference.
        parts = ["weights", "masks"] if optimizer == "sgd" else None
        assert_same_state(found, saved[optimizer][0], [*(parts or found), "clocks"])
        assert_same_state(end, saved[optimizer][1], parts)
