import inspect
import itertools
import warnings

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import ConstantSparsity, PolynomialDecay, UpdatePruning
from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.schedule_adapter import as_schedule

from .helpers import (
    BATCH,
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


def pruned(keras, schedule, optimizer="adam", pattern="4x1", **options):
    model = tfsparse.prune_block(dense_model(keras), pattern, schedule)
    return compile_model(keras, model, optimizer, **options)


def fit(model, epochs=2, callback=None, **options):
    callbacks = [callback or UpdatePruning(), *options.pop("callbacks", [])]
    inputs, labels = data()
    return model.fit(
        inputs, labels, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=callbacks, **options
    )


def record_sparsity(keras, model):
    """A callback, and the list it fills with the first kernel's sparsity after each batch."""
    seen = []
    hook = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(sparsities(model)[0])
    )
    return hook, seen


def test_bare_float_reaches_its_target_exactly_and_then_trains_on(keras):
    model = pruned(keras, 0.75)
    hook, seen = record_sparsity(keras, model)
    fit(model, epochs=4, callbacks=[hook])
    steps = 4 * STEPS_PER_EPOCH
    assert sparsities(model) == [0.75, 0.75]
    assert seen == sorted(seen) and seen[0] == 0.0
    ramp = as_schedule(0.75).in_steps(0, steps)
    assert ramp.end_step == round(0.7 * steps)
    blocks = masks(model)[0].size
    due = [ramp.last_due(0, step) for step in range(1, steps + 1)]
    expected = [0.0 if step is None else ramp.sparsity(step) for step in due]
    assert seen == [round(share * blocks) / blocks for share in expected]
    assert_masks_hold(model)


def test_masks_grow_only(keras):
    # Momentum from before a block was pruned would move it, but for the constraint.
    optimizer = keras.optimizers.SGD(0.5, momentum=0.9)
    model = pruned(keras, PolynomialDecay(0.1, 0.8, 0, 20, frequency=3), optimizer)
    history = []

    def look(batch, logs):
        assert_masks_hold(model)
        history.append(masks(model)[0])

    hook = keras.callbacks.LambdaCallback(on_train_batch_end=look)
    fit(model, callbacks=[hook])
    for before, after in itertools.pairwise(history):
        assert not after[~before].any()
    assert [np.count_nonzero(~mask) for mask in masks(model)] == [round(0.8 * 48), round(0.8 * 32)]


def test_forced_final_update_is_reached_in_fit(keras):
    # Where an update needs step % frequency == 0 these steps stop at 0.9 * (1 - (9/19)^3).
    model = pruned(keras, PolynomialDecay(0.0, 0.9, 0, 19, frequency=10), pattern="1x1")
    hook, seen = record_sparsity(keras, model)
    fit(model, callbacks=[hook])
    size = FEATURES * 16
    middle = PolynomialDecay(0.0, 0.9, 0, 19).sparsity(10)
    assert seen[8] == 0.0
    assert seen[9] == seen[17] == pytest.approx(round(middle * size) / size)
    assert seen[18] == pytest.approx(round(0.9 * size) / size)


def test_update_at_step_zero_comes_before_the_first_step(keras):
    model = pruned(keras, ConstantSparsity(0.5, begin_step=0))
    before = kernels(model)[0].variable.numpy()
    callback = UpdatePruning()
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_train_batch_begin(0)
    after = kernels(model)[0].variable.numpy()
    assert np.mean(after == 0) == 0.5
    np.testing.assert_array_equal(after[after != 0], before[after != 0])


@pytest.mark.parametrize("steps_per_execution", [5, STEPS_PER_EPOCH])
def test_boundaries_inside_one_execution_are_not_missed(keras, steps_per_execution):
    model = pruned(
        keras,
        PolynomialDecay(0.0, 0.5, 1, 21, frequency=7),
        steps_per_execution=steps_per_execution,
    )
    fit(model)
    assert sparsities(model) == [0.5, 0.5]
    assert_masks_hold(model)


def test_compiled_by_xla(keras):
    model = pruned(keras, 0.5, jit_compile=True)
    fit(model)
    assert sparsities(model) == [0.5, 0.5]
    assert_masks_hold(model)


def test_accumulated_gradients_count_optimizer_steps():
    import keras

    optimizer = keras.optimizers.Adam(gradient_accumulation_steps=4)
    model = pruned(keras, 0.5, optimizer)
    hook, seen = record_sparsity(keras, model)
    fit(model, epochs=4, callbacks=[hook])
    assert sparsities(model) == [0.5, 0.5]
    # One optimizer step in four batches: masks move with those, along a ramp
    # over a quarter as many steps.
    ramp = as_schedule(0.5).in_steps(0, STEPS_PER_EPOCH)
    for step in range(2, STEPS_PER_EPOCH):
        share = round(ramp.sparsity(min(step, ramp.end_step)) * 48) / 48
        assert seen[4 * step - 1 : 4 * step + 3] == [share] * 4


def test_without_the_callback_nothing_is_pruned_and_it_is_said(keras):
    model = pruned(keras, 0.5)
    model.fit(*data(), batch_size=BATCH, verbose=0)
    assert sparsities(model) == [0.0, 0.0]
    assert "UpdatePruning" in str(tfsparse.sparsity_report(model))
    with pytest.warns(UserWarning, match="schedule never ran"):
        tfsparse.strip_pruning(model)


def test_a_model_without_pruned_layers_is_an_error(keras):
    model = compile_model(keras, dense_model(keras))
    with pytest.raises(ValueError, match="prune_block"):
        fit(model)


def test_evaluation_and_prediction_take_the_callback(keras):
    model = pruned(keras, 0.5)
    model.evaluate(*data(), verbose=0, callbacks=[UpdatePruning()])
    model.predict(data()[0], verbose=0, callbacks=[UpdatePruning()])


def test_training_of_unknown_length_needs_training_steps(keras):
    inputs, labels = data()
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(BATCH)
    endless = dataset.filter(lambda x, y: True)  # its length is not known
    model = pruned(keras, 0.5)
    with pytest.raises(ValueError, match="training_steps"):
        model.fit(endless, verbose=0, callbacks=[UpdatePruning()])
    model = pruned(keras, 0.5)
    callback = UpdatePruning(training_steps=STEPS_PER_EPOCH)
    model.fit(endless, verbose=0, callbacks=[callback])
    assert sparsities(model) == [0.5, 0.5]


def test_a_generator_needs_its_length_for_fractions_only(keras):
    def batches(number=10):
        inputs, labels = data()
        for start in range(0, number * BATCH, BATCH):
            yield inputs[start : start + BATCH], labels[start : start + BATCH]

    model = pruned(keras, 0.5)
    with pytest.raises(ValueError, match="training_steps"):
        model.fit(batches(), verbose=0, callbacks=[UpdatePruning()])
    model = pruned(keras, 0.5)
    model.fit(batches(), steps_per_epoch=10, verbose=0, callbacks=[UpdatePruning()])
    assert sparsities(model) == [0.5, 0.5]
    model = pruned(keras, ConstantSparsity(0.5, 3))
    model.fit(batches(), verbose=0, callbacks=[UpdatePruning()])
    assert sparsities(model) == [0.5, 0.5]


@pytest.mark.parametrize("steps", [0, -1, 2.5, "9", True])
def test_wrong_training_steps_are_named(steps):
    with pytest.raises(ValueError, match="training_steps"):
        UpdatePruning(training_steps=steps)
    assert UpdatePruning(training_steps=np.int64(9)).training_steps == 9


def test_stopping_before_the_end_of_the_ramp_is_said(keras):
    model = pruned(keras, 0.9)

    def stop(batch, logs):
        model.stop_training = batch == 3

    hook = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    with pytest.warns(UserWarning, match="below the target"):
        fit(model, callbacks=[hook])


def test_reaching_the_target_warns_of_nothing(keras):
    model = pruned(keras, 0.5)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*target.*")
        fit(model)


def test_new_optimizer_goes_on_where_the_old_one_was(keras):
    schedule = PolynomialDecay(0.0, 0.5, 0, 2 * STEPS_PER_EPOCH, frequency=5)
    model = pruned(keras, schedule)
    fit(model, epochs=1)
    half, before = sparsities(model)[0], masks(model)
    position = next(pruned_layers(model)).pruning.clock.variable.numpy()
    last_update = 2 * STEPS_PER_EPOCH
    assert position.tolist() == [STEPS_PER_EPOCH + 1, 0, 0, 0, last_update]
    assert 0.3 < half < 0.5
    compile_model(keras, model)
    hook, seen = record_sparsity(keras, model)
    fit(model, epochs=1, callbacks=[hook])
    assert seen[0] >= half
    assert sparsities(model) == [0.5, 0.5]
    assert not masks(model)[0][~before[0]].any()


def test_two_calls_of_fit_go_on(keras):
    model = pruned(keras, PolynomialDecay(0.0, 0.5, 0, 20, frequency=6))
    callback = UpdatePruning()
    fit(model, epochs=1, callback=callback)
    assert 0.3 < sparsities(model)[0] < 0.5
    fit(model, epochs=1, callback=callback)
    assert sparsities(model) == [0.5, 0.5]


@pytest.mark.long
def test_a_training_in_parts_prunes_as_one_does(keras):
    def train(*parts, steps=None):
        keras.utils.set_random_seed(5)
        model = pruned(keras, 0.75)
        hook, seen = record_sparsity(keras, model)
        for first, last in parts:
            callback = UpdatePruning(training_steps=steps)
            fit(model, last, callback, initial_epoch=first, shuffle=False, callbacks=[hook])
        return seen

    whole = train((0, 4))
    assert whole[0] == 0.0 and whole[-1] == 0.75
    steps = 4 * STEPS_PER_EPOCH
    assert train((0, 2), (2, 4), steps=steps) == whole
    # Numbered anew each time, and with parts of their own length.
    assert train((0, 1), (0, 3), steps=steps) == whole
    # Fractions refer to the first part where nothing else is said.
    assert train((0, 1), (1, 4))[STEPS_PER_EPOCH - 1 :] == [0.75] * (3 * STEPS_PER_EPOCH + 1)


def test_fractions_refer_to_the_epochs_that_fit_makes(keras):
    model = pruned(keras, PolynomialDecay(0.0, 0.5, 0.5, 0.5))
    hook, seen = record_sparsity(keras, model)
    fit(model, 4, initial_epoch=2, callbacks=[hook])
    assert seen == [0.0] * (STEPS_PER_EPOCH - 1) + [0.5] * (STEPS_PER_EPOCH + 1)


def test_an_interrupted_training_goes_on(keras):
    model = pruned(keras, 0.75)

    def interrupt(batch, logs):
        if int(model.optimizer.iterations.numpy()) == STEPS_PER_EPOCH + 5:
            raise KeyboardInterrupt

    hook = keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(model, 4, callbacks=[hook])
    half, before = sparsities(model)[0], masks(model)
    assert 0.0 < half < 0.75
    hook, seen = record_sparsity(keras, model)
    fit(model, 4, initial_epoch=1, callbacks=[hook])
    assert seen[0] >= half and seen == sorted(seen) and seen[-1] == 0.75
    assert not masks(model)[0][~before[0]].any()


def test_updates_come_before_validation(keras):
    last = STEPS_PER_EPOCH
    model = pruned(keras, PolynomialDecay(0.0, 0.5, last, last, frequency=1))
    seen = []
    hook = keras.callbacks.LambdaCallback()
    hook.on_test_begin = lambda logs=None: seen.append(sparsities(model)[0])
    history = fit(model, epochs=2, callbacks=[hook], validation_data=data(), shuffle=False)
    assert seen == [0.5, 0.5]
    assert len(history.history["val_loss"]) == 2
    assert history.history["val_loss"][1] == pytest.approx(
        model.evaluate(*data(), batch_size=BATCH, verbose=0), rel=1e-5
    )


def test_the_sparsity_is_in_the_logs(keras, tmp_path, capsys):
    model = pruned(keras, 0.75)
    held = []
    hook = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: held.append(
            np.mean(np.concatenate([k.variable.numpy().ravel() for k in kernels(model)]) == 0)
        )
    )
    callbacks = [UpdatePruning(), keras.callbacks.CSVLogger(str(tmp_path / "log.csv")), hook]
    history = model.fit(*data(), batch_size=BATCH, epochs=3, verbose=2, callbacks=callbacks)
    logged = history.history["sparsity"]
    assert logged == pytest.approx(held)
    assert 0.0 < logged[0] < logged[1] <= logged[2] == 0.75
    assert all(type(share) is float for share in logged)
    header, *rows = (tmp_path / "log.csv").read_text().splitlines()
    column = header.split(",").index("sparsity")
    assert [float(row.split(",")[column]) for row in rows] == pytest.approx(logged)
    assert "sparsity: 0.7500" in capsys.readouterr().out


def test_averaged_weights_are_masked_at_the_end(keras):
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
    model = pruned(keras, 0.5, optimizer)
    fit(model)
    assert_masks_hold(model)
    assert sparsities(model) == [0.5, 0.5]


def test_loss_scaling_that_skips_steps_still_reaches_the_target(keras):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = tfsparse.prune_block(dense_model(keras), "4x1", PolynomialDecay(0.0, 0.5, 0.0, 1.0))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    inner = keras.optimizers.SGD(0.01)
    scale = keras.mixed_precision.LossScaleOptimizer(
        inner, **({"initial_scale": 2.0**40} if keras.__name__ == "keras" else {})
    )
    compile_model(keras, model, scale)
    fit(model)
    assert int(scale.iterations.numpy()) < 2 * STEPS_PER_EPOCH or keras.__name__ == "tf_keras"
    assert sparsities(model) == [0.5, 0.5]
    assert_masks_hold(model)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_it_has_every_public_method_of_a_callback(keras):
    theirs = keras.callbacks.Callback
    for name, method in inspect.getmembers(theirs, inspect.isfunction):
        if name.startswith("__") or name == "set_model":
            continue
        ours = inspect.signature(getattr(UpdatePruning, name)).parameters
        assert list(ours) == list(inspect.signature(method).parameters), name


def test_hooks_that_do_nothing_cost_nothing(keras):
    callback = UpdatePruning()
    assert callback._implements_train_batch_hooks()
    assert not callback._implements_test_batch_hooks()
    assert not callback._implements_predict_batch_hooks()


def test_a_shared_layer_is_updated_once(keras):
    shared = keras.layers.Dense(FEATURES, name="shared")
    inputs = keras.Input((FEATURES,))
    outputs = keras.layers.Dense(8, name="logits")(shared(shared(inputs)))
    model = tfsparse.prune_block(keras.Model(inputs, outputs), "4x1", 0.5)
    fit(compile_model(keras, model))
    assert len(list(pruned_layers(model))) == 2
    assert sparsities(model) == [0.5, 0.5]
