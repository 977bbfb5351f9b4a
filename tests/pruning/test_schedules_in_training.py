"""Every schedule moves its layer in `fit`, and is saved and loaded with it."""

import numpy as np
import pytest

import tfsparse
from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.constant_schedules import ConstantSparsity, OneShot, PatternLock
from tfsparse.pruning.ramps import CosineDecay, ExponentialDecay, LinearDecay, PolynomialDecay
from tfsparse.pruning.tabulated_schedule import TabulatedSchedule

from .helpers import BATCH, CLASSES, FEATURES, STEPS_PER_EPOCH, compile_model, data, sparsities

pytestmark = pytest.mark.one_keras

SCHEDULES = [
    PolynomialDecay(0.0, 0.75, 1, 9, frequency=4),
    ExponentialDecay(0.0, 0.75, 1, 9, frequency=4),
    CosineDecay(0.25, 0.75, 2, 0.75, frequency=0.25),
    LinearDecay(0.5, 0.75, 0, 0.5, frequency=3),
    ConstantSparsity(0.75, 2, frequency=5),
    OneShot(0.75),
    TabulatedSchedule([2, 7], [0.5, 0.75]),
    PatternLock(),
]


def model_with_a_layer_per_schedule(keras):
    layers = [keras.layers.Dense(CLASSES, name=type(each).__name__) for each in SCHEDULES]
    pairs = zip(layers, SCHEDULES, strict=True)
    pruned = [tfsparse.prune_block(layer, "1x1", schedule) for layer, schedule in pairs]
    return compile_model(keras, keras.Sequential([keras.Input((FEATURES,)), *pruned]))


def expected_sparsities(schedule):
    """What the definition says of each step of one epoch."""
    schedule = schedule.in_steps(0, STEPS_PER_EPOCH)
    due = [schedule.last_due(0, step) for step in range(1, STEPS_PER_EPOCH + 1)]
    return [0.0 if step is None else schedule.sparsity(step) for step in due]


def test_every_schedule_is_followed_and_kept(keras, tmp_path):
    model = model_with_a_layer_per_schedule(keras)
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(sparsities(model))
    )
    callbacks = [tfsparse.UpdatePruning(), look]
    model.fit(*data(), batch_size=BATCH, verbose=0, callbacks=callbacks)
    # Counts are rounded to whole elements, of which a kernel has at least 64.
    for values, schedule in zip(np.transpose(seen), SCHEDULES, strict=True):
        expected = expected_sparsities(schedule)
        np.testing.assert_allclose(values, expected, atol=0.51 / 64, err_msg=repr(schedule))
        assert values[-1] == schedule.target

    model.save(tmp_path / "model.keras")
    layers = list(pruned_layers(keras.models.load_model(tmp_path / "model.keras")))
    assert [layer.schedule for layer in layers] == SCHEDULES
    assert all(layer.pruning.has_run for layer in layers)
