import functools
import warnings

import numpy as np
import pytest

import tfsparse
from tfsparse import UpdatePruning
from tfsparse.pruning.binding import pruned_layers

from .helpers import BATCH, compile_model, data, dense_model, kernels

INPUTS = data()[0]


@functools.cache
def trained_once(keras):
    model = compile_model(keras, tfsparse.prune_block(dense_model(keras), "4x1", 0.75))
    model.fit(*data(), batch_size=BATCH, verbose=0, callbacks=[UpdatePruning()])
    return model


@pytest.fixture
def trained(keras):
    model = trained_once(keras)
    weights = model.get_weights()
    yield model
    model.set_weights(weights)


def test_plain_model_has_the_weights_and_predictions(keras, trained):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = tfsparse.strip_pruning(trained)
    assert [type(layer) for layer in plain.layers] == [keras.layers.Dense, keras.layers.Dense]
    assert [layer.name for layer in plain.layers] == ["hidden", "logits"]
    np.testing.assert_array_equal(plain(INPUTS).numpy(), trained(INPUTS).numpy())
    for layer, kernel in zip(plain.layers, kernels(trained), strict=True):
        np.testing.assert_array_equal(layer.kernel.numpy(), kernel.variable.numpy())
        assert np.mean(layer.kernel.numpy() == 0) == 0.75


def test_plain_model_trains_and_its_zeros_are_free(keras, trained):
    plain = compile_model(keras, tfsparse.strip_pruning(trained))
    assert all(weight.constraint is None for weight in plain.trainable_weights)
    plain.fit(*data(), batch_size=BATCH, verbose=0)
    assert np.mean(plain.layers[0].kernel.numpy() == 0) < 0.75
    assert np.mean(kernels(trained)[0].variable.numpy() == 0) == 0.75


def test_weights_that_were_set_past_the_mask_are_masked(keras, trained):
    for kernel in kernels(trained):
        kernel.variable.assign(np.ones(kernel.view.shape, "float32"))
    expected = trained(INPUTS).numpy()
    plain = tfsparse.strip_pruning(trained)
    np.testing.assert_array_equal(plain(INPUTS).numpy(), expected)
    assert np.mean(plain.layers[0].kernel.numpy() == 0) == 0.75


def test_constraint_and_regularizer_of_the_user_are_there_again(keras):
    model = dense_model(keras, kernel_constraint="non_neg", kernel_regularizer="l1")
    pruned = compile_model(keras, tfsparse.prune_block(model, schedule=0.5, group_lasso=1e-3))
    pruned.fit(*data(), batch_size=BATCH, verbose=0, callbacks=[UpdatePruning()])
    plain = tfsparse.strip_pruning(pruned)
    plain(INPUTS)
    assert isinstance(plain.layers[0].kernel_constraint, keras.constraints.NonNeg)
    assert len(plain.losses) == 1


def test_a_layer_and_a_list(keras, trained):
    layers = list(pruned_layers(trained))
    plain = tfsparse.strip_pruning(layers[0])
    assert type(plain) is keras.layers.Dense and plain is not layers[0].layer
    np.testing.assert_array_equal(plain(INPUTS).numpy(), layers[0](INPUTS).numpy())
    dropout = keras.layers.Dropout(0.5)
    result = tfsparse.strip_pruning([layers[1], dropout])
    assert type(result[0]) is keras.layers.Dense and result[1] is dropout


def test_a_plain_model_gives_an_equal_one(keras):
    model = dense_model(keras)
    copy = tfsparse.strip_pruning(model)
    assert copy is not model
    np.testing.assert_array_equal(copy(INPUTS).numpy(), model(INPUTS).numpy())


def test_wrappers_hidden_in_a_custom_layer_are_named(keras):
    class Mine(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="mine")
            self.inner = tfsparse.prune_block(keras.layers.Dense(8))

        def call(self, inputs):
            return self.inner(inputs)

    layer = Mine()
    layer(INPUTS)
    layer.inner.pruning.clock.next_step = 1
    layer.inner.pruning.clock.store()
    with pytest.raises(ValueError, match=r"`inplace` is set .* layer='mine' of type Mine"):
        tfsparse.strip_pruning(keras.Sequential([keras.Input((12,)), layer]))
    with pytest.raises(ValueError, match="`inplace` is set"):
        tfsparse.strip_pruning(layer)


@pytest.mark.parametrize("schedule", [0.75, tfsparse.LinearDecay(0.25, 0.75, 2, 6, frequency=1)])
def test_a_schedule_that_has_not_ended_is_named(keras, tmp_path, schedule):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, name="hidden")])
    model = tfsparse.prune_block(model, "4x1", schedule)
    model.compile("sgd", "mse")
    callback = tfsparse.UpdatePruning(training_steps=8)
    x = np.ones((8, 8), "float32")

    def train_and_save(path):
        model.fit(x, x, batch_size=2, verbose=0, callbacks=[callback])
        model.save(path)
        return keras.models.load_model(path)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that fit ended before the schedule
        loaded = train_and_save(tmp_path / "half.keras")
    for unfinished in (model, loaded):
        with pytest.warns(UserWarning, match=r"has not ended for \['hidden'\].* less sparse"):
            tfsparse.strip_pruning(unfinished)
    loaded = train_and_save(tmp_path / "whole.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for finished in (model, loaded):
            plain = tfsparse.strip_pruning(finished)
            assert np.mean(plain.layers[0].get_weights()[0] == 0) == 0.75
