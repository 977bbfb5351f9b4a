"""Weights that other callbacks put back when training ends."""

import warnings

import numpy as np
import pytest

import tfsparse
from tfsparse import PolynomialDecay, UpdatePruning

from .helpers import (
    BATCH,
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

TARGET = 0.75
# All of the first epoch is dense, the last one sparse.
SCHEDULE = PolynomialDecay(0.0, TARGET, STEPS_PER_EPOCH + 3, 2 * STEPS_PER_EPOCH + 3, frequency=5)


def pruned(keras):
    return compile_model(keras, tfsparse.prune_block(dense_model(keras), "4x1", SCHEDULE))


def fit(model, callbacks, epochs=4):
    return model.fit(
        *data(), batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks
    )


def stopping(keras):
    """The first epoch is best, by a score that a callback before it gives."""
    score = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(score=epoch)
    )
    stop = keras.callbacks.EarlyStopping("score", mode="min", patience=9, restore_best_weights=True)
    return [score, stop]


def orders(keras, update):
    return {"before": [update, *stopping(keras)], "after": [*stopping(keras), update]}


@pytest.mark.parametrize("order", ["before", "after"])
def test_without_the_guard_the_model_comes_back_dense_and_it_is_said(keras, order):
    model = pruned(keras)
    with pytest.warns(UserWarning, match="The model has them now"):
        fit(model, orders(keras, UpdatePruning(keep_sparsity=False))[order])
    assert sparsities(model) == [0.0, 0.0]


@pytest.mark.parametrize("order", ["before", "after"])
def test_dense_weights_are_refused_for_those_that_training_ended_with(keras, order):
    model = pruned(keras)
    ended = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ended.append(model.get_weights())
    )
    with pytest.warns(UserWarning, match=r"0\.00% sparsity .* 75\.00%.*refused.*AfterTarget"):
        fit(model, [*orders(keras, UpdatePruning())[order], look])
    assert sparsities(model) == [TARGET, TARGET]
    assert_masks_hold(model)
    for now, before in zip(model.get_weights(), ended[-1], strict=True):
        np.testing.assert_array_equal(now, before)
    assert not np.array_equal(ended[0][0], ended[-1][0])


def test_weights_as_sparse_as_at_the_end_are_let_through(keras):
    model = pruned(keras)
    best = {}

    def note(epoch, logs):
        logs["score"] = abs(epoch - 4)
        best[epoch] = model.get_weights()

    stop = keras.callbacks.EarlyStopping("score", mode="min", patience=9, restore_best_weights=True)
    noter = keras.callbacks.LambdaCallback(on_epoch_end=note)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*sparsity.*")
        fit(model, [UpdatePruning(), noter, stop], epochs=6)
    for now, expected in zip(model.get_weights(), best[4], strict=True):
        np.testing.assert_array_equal(now, expected)
    assert sparsities(model) == [TARGET, TARGET]


def test_weights_that_are_not_finite_are_not_put_back(keras):
    model = pruned(keras)

    def ruin(epoch, logs):
        if epoch == 3:
            kernels(model)[0].variable.assign(np.full((12, 16), np.nan, np.float32))

    ruiner = keras.callbacks.LambdaCallback(on_epoch_end=ruin)
    with pytest.warns(UserWarning, match="The model has them now"):
        fit(model, [ruiner, UpdatePruning(), *stopping(keras)])
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_values_written_past_the_masks_at_the_end_do_not_stay(keras):
    model = pruned(keras)

    def overwrite(logs):
        kernels(model)[0].variable.assign(np.ones((12, 16), np.float32))

    writer = keras.callbacks.LambdaCallback(on_train_end=overwrite)
    fit(model, [UpdatePruning(), writer])
    assert sparsities(model) == [TARGET, TARGET]
    assert_masks_hold(model)


def test_the_history_is_left_as_it_was(keras):
    model = pruned(keras)
    history = fit(model, [UpdatePruning()], epochs=1)
    assert "on_train_end" not in vars(history)
    fit(model, [UpdatePruning()], epochs=1)


def test_two_callbacks_in_one_training(keras):
    model = pruned(keras)
    history = fit(model, [UpdatePruning(), UpdatePruning()])
    assert "on_train_end" not in vars(history)
    assert sparsities(model) == [TARGET, TARGET]
    with pytest.warns(UserWarning, match="refused"):
        fit(pruned(keras), [UpdatePruning(), UpdatePruning(), *stopping(keras)])


def test_weights_put_back_inside_a_training_are_pruned_again(keras):
    model = pruned(keras)
    before = model.get_weights()

    def restore(epoch, logs):
        if epoch == 4:
            model.set_weights(before)

    restorer = keras.callbacks.LambdaCallback(on_epoch_end=restore)
    fit(model, [UpdatePruning(), restorer], epochs=6)
    assert sparsities(model) == [TARGET, TARGET]
    assert all(np.count_nonzero(~mask) for mask in masks(model))
