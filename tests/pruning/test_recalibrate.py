import numpy as np
import pytest
import tensorflow as tf

import tfsparse

pytestmark = pytest.mark.one_keras


def data(rows=50, seed=0):
    return np.random.default_rng(seed).normal(3.0, 2.0, (rows, 6, 5)).astype("float32")


def two_norms(keras, **options):
    x = keras.Input((6, 5))
    h = keras.layers.Dense(4, name="dense")(x)
    h = keras.layers.BatchNormalization(name="first", **options)(h)
    h = keras.layers.Conv1D(3, 3, activation="relu")(h)
    y = keras.layers.BatchNormalization(name="second", **options)(h)
    return keras.Model(x, y)


def outputs_of(keras, model, name, x):
    """What goes into a layer."""
    return np.asarray(keras.Model(model.input, model.get_layer(name).input)(x), np.float64)


@pytest.mark.parametrize("batch_size", [7, 50])
def test_statistics_are_those_of_all_data_with_recalibrated_layers_in_front(keras, batch_size):
    model, x = two_norms(keras), data()
    weights = model.get_layer("dense").get_weights()
    tfsparse.recalibrate(model, x, batch_size=batch_size)
    for name in ("first", "second"):
        layer, seen = model.get_layer(name), outputs_of(keras, model, name, x)
        np.testing.assert_allclose(layer.moving_mean.numpy(), seen.mean((0, 1)), rtol=1e-4)
        np.testing.assert_allclose(layer.moving_variance.numpy(), seen.var((0, 1)), rtol=1e-4)
    for weight, before in zip(model.get_layer("dense").get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_a_large_mean_costs_no_digits(keras):
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    x = np.random.default_rng(0).normal(1e4, 1.0, (90, 2)).astype("float32")
    tfsparse.recalibrate(model, x, batch_size=16)
    expected = x.astype("float64").var(axis=0)
    np.testing.assert_allclose(model.layers[-1].moving_variance.numpy(), expected, rtol=1e-5)


def test_channels_may_come_first(keras):
    model = keras.Sequential([keras.Input((4, 6)), keras.layers.BatchNormalization(axis=1)])
    x = np.random.default_rng(0).normal(size=(20, 4, 6)).astype("float32")
    tfsparse.recalibrate(model, x, batch_size=6)
    np.testing.assert_allclose(
        model.layers[-1].moving_mean.numpy(), x.mean((0, 2)), rtol=1e-4, atol=1e-6
    )


def test_a_layer_that_is_shared_counts_all_its_calls(keras):
    one, other = keras.Input((3,)), keras.Input((3,))
    norm = keras.layers.BatchNormalization()
    model = keras.Model([one, other], [norm(one), norm(other)])
    x, y = np.zeros((4, 3), "float32"), np.ones((4, 3), "float32")
    tfsparse.recalibrate(model, [x, y])
    np.testing.assert_allclose(norm.moving_mean.numpy(), 0.5)
    np.testing.assert_allclose(norm.moving_variance.numpy(), 0.25)


def test_a_pruned_and_frozen_model_of_a_users_class(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.norm = keras.layers.Dense(4), keras.layers.BatchNormalization()

        def call(self, x):
            return self.norm(self.dense(x))

    model, x = Net(), data()
    model(x)
    tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), inplace=True)
    model.trainable = False
    tfsparse.recalibrate(model, tf.data.Dataset.from_tensor_slices(x).batch(8))
    outputs = np.asarray(model(x, training=False))
    np.testing.assert_allclose(outputs.mean((0, 1)), 0.0, atol=1e-3)
    np.testing.assert_allclose(outputs.std((0, 1)), 1.0, atol=1e-2)


def test_wrong_arguments_are_named(keras):
    model, x = two_norms(keras), data(4)
    with pytest.raises(ValueError, match=r"finite inputs of every layer.*'first'"):
        tfsparse.recalibrate(model, np.full_like(x, np.nan))
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="should hold a built layer of BatchNormalization"):
        tfsparse.recalibrate(plain, np.ones((2, 4)))
    with pytest.raises(ValueError, match="a layer or a model of Keras"):
        tfsparse.recalibrate("model", x)
