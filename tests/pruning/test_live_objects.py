"""Models whose layers were given functions and objects of a user's that are registered nowhere."""

import numpy as np

import tfsparse
from tfsparse.pruning.live_objects import live_objects

from .helpers import assert_same_outputs, kernels


def doubled(x):
    return 2.0 * x


def objects(keras):
    """Classes of an initializer and a regularizer, as a user writes them."""

    class Halves(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None, **kwargs):
            return np.full(shape, 0.5, "float32")

        def get_config(self):
            return {}

    class Sums(keras.regularizers.Regularizer):
        def __call__(self, weight):
            return 1e-3 * abs(weight[0, 0])

        def get_config(self):
            return {}

    return Halves, Sums


def block(keras):
    """A class with a function as an argument, that it gives to a layer inside it."""

    class Block(keras.layers.Layer):
        def __init__(self, activation, **kwargs):
            super().__init__(**kwargs)
            self.steps = [keras.layers.Dense(8, activation=activation, name="step")]

        def build(self, input_shape):
            self.steps[0].build(input_shape)
            super().build(input_shape)

        def call(self, inputs):
            return self.steps[0](inputs)

        def get_config(self):
            activation = keras.activations.serialize(self.steps[0].activation)
            return {**super().get_config(), "activation": activation}

        @classmethod
        def from_config(cls, config):
            return cls(keras.activations.deserialize(config.pop("activation")), **config)

    return Block


def test_they_are_found_by_their_names(keras):
    halves, sums = objects(keras)
    layer = keras.layers.Dense(
        8, activation=doubled, kernel_initializer=halves(), kernel_regularizer=sums()
    )
    assert live_objects(layer) == {"doubled": doubled, "Halves": halves, "Sums": sums}
    assert live_objects(block(keras)(doubled)) == {"doubled": doubled}


def test_what_keras_knows_or_cannot_save_is_not_among_them(keras):
    assert not live_objects(keras.layers.Dense(8, "relu", kernel_regularizer="l2"))
    assert not live_objects(keras.layers.Activation(lambda x: x))


def test_models_with_them_are_pruned_and_stripped(keras):
    halves, sums = objects(keras)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation=doubled, name="one"),
            layers.Activation(doubled),
            block(keras)(doubled, name="two"),
            layers.Dense(8, kernel_initializer=halves(), kernel_regularizer=sums(), name="three"),
        ]
    )
    inputs = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
    pruned = tfsparse.prune_block(model, "4x1", 0.5)
    assert_same_outputs(pruned(inputs), model(inputs))
    assert [kernel.owner_name for kernel in kernels(pruned)] == ["one", "step", "three"]
    assert len(pruned.losses) == len(model.losses) == 1
    sparse = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5))
    plain = tfsparse.strip_pruning(sparse)
    assert_same_outputs(plain(inputs), sparse(inputs))
    assert keras.saving.get_registered_object("doubled") is None
