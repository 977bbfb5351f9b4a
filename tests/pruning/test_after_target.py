"""A callback that waits for the target; every test has its counterpart that does not wait."""

import inspect
import warnings

import numpy as np
import pytest

import tfsparse
from tfsparse import PolynomialDecay, UpdatePruning
from tfsparse.pruning.after_target import AfterTarget

from .helpers import (
    BATCH,
    STEPS_PER_EPOCH,
    assert_masks_hold,
    compile_model,
    data,
    dense_model,
    sparsities,
)

pytestmark = pytest.mark.one_keras

TARGET = 0.75
# The first epoch is dense, the target is reached inside the third.
SCHEDULE = PolynomialDecay(0.0, TARGET, STEPS_PER_EPOCH + 1, 2 * STEPS_PER_EPOCH + 5, frequency=7)
FIRST = 2


def pruned(keras, **options):
    model = tfsparse.prune_block(dense_model(keras), "4x1", SCHEDULE)
    return compile_model(keras, model, **options)


def fit(keras, model, callback, epochs=5, **options):
    """Trains with a score that is best in the first epoch and gets worse."""
    score = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(score=epoch)
    )
    callbacks = [UpdatePruning(keep_sparsity=False), score, callback]
    inputs, labels = data()
    return model.fit(
        inputs, labels, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=callbacks, **options
    )


class Recorder:
    """Notes what it is told."""

    def __init__(self, keras):
        self.told = []
        names = [n for n, _ in inspect.getmembers(keras.callbacks.Callback, inspect.isfunction)]

        def hook(name):
            return lambda _, *args, **kwargs: self.told.append((name, *args[:1]))

        hooks = {name: hook(name) for name in names if name.startswith("on_")}
        self.callback = type("Recording", (keras.callbacks.Callback,), hooks)()


def stopping(keras, **options):
    return keras.callbacks.EarlyStopping(
        "score", mode="min", restore_best_weights=True, **{"patience": 9, **options}
    )


@pytest.mark.parametrize("waits", [False, True])
def test_early_stopping_restores_a_sparse_epoch(keras, waits):
    model, stop = pruned(keras), stopping(keras)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if waits else "ignore", UserWarning)
        fit(keras, model, AfterTarget(stop) if waits else stop)
    assert stop.best_epoch == (FIRST if waits else 0)
    assert sparsities(model) == ([TARGET, TARGET] if waits else [0.0, 0.0])
    assert_masks_hold(model)


def test_patience_counts_from_the_target_on(keras):
    model, stop = pruned(keras), stopping(keras, patience=2)
    history = fit(keras, model, AfterTarget(stop), epochs=9)
    assert stop.stopped_epoch == FIRST + 2 == history.epoch[-1]
    stop = stopping(keras, patience=2)
    history = fit(keras, pruned(keras), stop, epochs=9)
    assert stop.stopped_epoch == 2 == history.epoch[-1]


def test_a_baseline_is_compared_with_sparse_epochs(keras):
    stop = stopping(keras, patience=1, baseline=FIRST - 0.5)
    history = fit(keras, pruned(keras), AfterTarget(stop), epochs=6)
    # The score of epoch 0 would have beaten it; that of none from the target on does.
    assert history.epoch[-1] == FIRST + 1


@pytest.mark.parametrize("waits", [False, True])
def test_the_best_checkpoint_is_sparse(keras, waits, tmp_path):
    model, path = pruned(keras), str(tmp_path / "best.keras")
    save = keras.callbacks.ModelCheckpoint(path, "score", save_best_only=True, mode="min")
    fit(keras, model, AfterTarget(save) if waits else save)
    loaded = keras.models.load_model(path)
    assert sparsities(loaded) == ([TARGET, TARGET] if waits else [0.0, 0.0])


def test_checkpoints_between_epochs_begin_inside_the_epoch_that_reaches_it(keras, tmp_path):
    model = pruned(keras)
    save = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "{epoch}-{batch}.weights.h5"), save_weights_only=True, save_freq=1
    )
    fit(keras, model, AfterTarget(save), epochs=FIRST + 1)
    saved = sorted(tuple(map(int, p.name.split(".")[0].split("-"))) for p in tmp_path.iterdir())
    first = SCHEDULE.end_step - FIRST * STEPS_PER_EPOCH + 1
    assert saved == [(FIRST + 1, batch) for batch in range(first, STEPS_PER_EPOCH + 1)]
    other = pruned(keras)
    other.load_weights(str(tmp_path / f"{FIRST + 1}-{first}.weights.h5"))
    assert sparsities(other) == [TARGET, TARGET]


@pytest.mark.parametrize("waits", [False, True])
def test_the_learning_rate_is_not_reduced_for_what_pruning_does(keras, waits):
    model = pruned(keras)
    reduce = keras.callbacks.ReduceLROnPlateau("score", 0.5, patience=1, mode="min")
    rates = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: rates.append(
            float(np.array(model.optimizer.learning_rate))
        )
    )
    callbacks = [UpdatePruning(), AfterTarget(reduce) if waits else reduce, look]
    score = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(score=epoch)
    )
    model.fit(*data(), batch_size=BATCH, epochs=5, verbose=0, callbacks=[score, *callbacks])
    reduced = next(epoch for epoch, rate in enumerate(rates) if rate < rates[0])
    assert reduced == (FIRST + 2 if waits else 2)


def test_begins_and_ends_come_in_pairs(keras):
    model, recorder = pruned(keras), Recorder(keras)
    fit(keras, model, AfterTarget(recorder.callback), epochs=FIRST + 2, validation_data=data())
    told = recorder.told
    assert told[0][0] == "on_train_begin"
    assert told[1] == ("on_epoch_begin", FIRST)
    assert told[-1][0] == "on_train_end"
    names = [name for name, *_ in told]
    for name in set(names):
        if name.endswith("_begin"):
            assert names.count(name) == names.count(name.replace("_begin", "_end")), name
    in_epoch = STEPS_PER_EPOCH - (SCHEDULE.end_step - FIRST * STEPS_PER_EPOCH)
    assert names.count("on_train_batch_end") == in_epoch + STEPS_PER_EPOCH
    assert names.count("on_epoch_end") == 2
    # The validation of the epoch that reached the target came before anyone knew.
    assert names.count("on_test_begin") == 2
    assert names.count("on_test_batch_end") > 0


def test_a_target_that_is_never_reached_is_said(keras):
    model, stop = pruned(keras), stopping(keras)
    with pytest.warns(UserWarning, match="`EarlyStopping` was never asked"):
        fit(keras, model, AfterTarget(stop), epochs=FIRST)
    assert stop.best_weights is None


def test_a_second_training_has_nothing_to_wait_for(keras):
    model = pruned(keras)
    fit(keras, model, AfterTarget(stopping(keras)), epochs=FIRST + 1)
    stop = stopping(keras)
    fit(keras, model, AfterTarget(stop), epochs=2)
    assert stop.best_epoch == 0
    assert sparsities(model) == [TARGET, TARGET]


def test_an_evaluation_on_its_own_is_passed_on(keras):
    recorder = Recorder(keras)
    pruned(keras).evaluate(*data(), verbose=0, callbacks=[AfterTarget(recorder.callback)])
    assert [name for name, *_ in recorder.told][:1] == ["on_test_begin"]


def test_a_model_without_pruned_layers_is_an_error(keras):
    model = compile_model(keras, dense_model(keras))
    with pytest.raises(ValueError, match="prune_block"):
        model.fit(*data(), verbose=0, callbacks=[AfterTarget(keras.callbacks.EarlyStopping())])


@pytest.mark.parametrize("callback", [None, "EarlyStopping", print, UpdatePruning])
def test_what_is_not_a_callback_is_refused(callback):
    with pytest.raises(ValueError, match="callback"):
        AfterTarget(callback)


def test_hooks_that_the_callback_lacks_cost_nothing(keras):
    waiting = AfterTarget(stopping(keras))
    assert not waiting._implements_test_batch_hooks()
    assert not waiting._implements_predict_batch_hooks()
    recorder = Recorder(keras)
    assert AfterTarget(recorder.callback)._implements_test_batch_hooks()
    if keras.__name__ == "tf_keras":
        assert not waiting._implements_train_batch_hooks()


def test_it_has_every_public_method_of_a_callback(keras):
    for name, method in inspect.getmembers(keras.callbacks.Callback, inspect.isfunction):
        if not name.startswith("__") and name != "set_model":
            ours = inspect.signature(getattr(AfterTarget, name)).parameters
            assert list(ours) == list(inspect.signature(method).parameters), name
