"""Saving, loading and going on in one process: bit for bit what an uninterrupted run gives.

`test_resume.py` does it across processes, with every format and with killed ones.
"""

import numpy as np
import pytest

import tfsparse
from tfsparse import PolynomialDecay, UpdatePruning

from .helpers import (
    BATCH,
    STEPS_PER_EPOCH,
    assert_masks_hold,
    assert_same_weights,
    compile_model,
    data,
    dense_model,
    masks,
    sparsities,
)

pytestmark = pytest.mark.one_keras

EPOCHS = 4
SCHEDULES = {
    "fractions": 0.8,
    "steps": PolynomialDecay(0.1, 0.8, 2, 40, frequency=7),
}


def make(keras, schedule):
    keras.utils.set_random_seed(11)
    model = tfsparse.prune_block(dense_model(keras), "4x1", schedule, group_lasso=1e-3)
    return compile_model(keras, model, keras.optimizers.Adam(0.01))


def fit(model, epochs=EPOCHS, initial_epoch=0, callbacks=()):
    return model.fit(
        *data(),
        batch_size=BATCH,
        epochs=epochs,
        initial_epoch=initial_epoch,
        shuffle=False,
        verbose=0,
        callbacks=[UpdatePruning(), *callbacks],
    )


class CrashError(Exception):
    """Ends a training from inside."""


def crash_after(keras, epoch):
    def crash(now, logs):
        if now == epoch:
            raise CrashError

    return keras.callbacks.LambdaCallback(on_epoch_begin=crash)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_resumed_from_a_saved_model(keras, schedule, tmp_path):
    whole = make(keras, schedule)
    fit(whole)
    path = str(tmp_path / "{epoch}.keras")
    with pytest.raises(CrashError):
        stopped = make(keras, schedule)
        checkpoint = keras.callbacks.ModelCheckpoint(path)
        fit(stopped, callbacks=[checkpoint, crash_after(keras, 2)])
    resumed = keras.models.load_model(path.format(epoch=2))
    assert_masks_hold(resumed)
    assert 0 < sparsities(resumed)[0] < 0.8
    fit(resumed, initial_epoch=2)
    assert_same_weights(resumed, whole)
    assert sparsities(resumed) == pytest.approx([0.8, 0.8], abs=0.02)


def test_weights_file_keeps_masks_and_position(keras, tmp_path):
    model = make(keras, 0.8)
    with pytest.raises(CrashError):
        fit(model, callbacks=[crash_after(keras, 2)])
    path = str(tmp_path / "model.weights.h5")
    model.save_weights(path)
    other = make(keras, 0.8)
    other.load_weights(path)
    assert_same_weights(other, model)
    for mask, expected in zip(masks(other), masks(model), strict=True):
        np.testing.assert_array_equal(mask, expected)
    before = masks(other)
    # The optimizer is new: its count starts at 0, the schedule goes on.
    fit(other, initial_epoch=2)
    assert not masks(other)[0][~before[0]].any()
    assert sparsities(other) == pytest.approx([0.8, 0.8], abs=0.02)


def test_checkpoint_inside_an_epoch_gives_the_same_masks(keras, tmp_path):
    # Saved before the callback of the same batch ran: masks lag one update.
    schedule = PolynomialDecay(0.0, 0.8, 0, 30, frequency=1)
    whole, stopped = make(keras, schedule), make(keras, schedule)
    fit(whole)
    path = str(tmp_path / "inside.keras")

    def save(batch, logs):
        if int(stopped.optimizer.iterations.numpy()) == STEPS_PER_EPOCH:
            stopped.save(path)

    saver = keras.callbacks.LambdaCallback(on_train_batch_end=save)
    stopped.fit(
        *data(),
        batch_size=BATCH,
        shuffle=False,
        verbose=0,
        callbacks=[saver, UpdatePruning()],
    )
    resumed = keras.models.load_model(path)
    fit(resumed, initial_epoch=1)
    assert_same_weights(resumed, whole)


def test_every_intermediate_checkpoint_is_sparse(keras, tmp_path):
    model = make(keras, PolynomialDecay(0.3, 0.8, 0, 30, frequency=5))
    path = str(tmp_path / "{epoch}.keras")
    fit(model, callbacks=[keras.callbacks.ModelCheckpoint(path)])
    shares = []
    for epoch in range(1, EPOCHS + 1):
        loaded = keras.models.load_model(path.format(epoch=epoch))
        assert_masks_hold(loaded)
        shares.append(sparsities(loaded)[0])
    assert shares == sorted(shares) and shares[0] > 0.3
