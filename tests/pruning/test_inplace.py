"""Pruning and stripping models that cannot be cloned: what is in them is exchanged."""

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.pruning.binding import pruned_layers

from .custom_layers import custom_layers
from .helpers import assert_masks_hold, kernels

pytestmark = pytest.mark.one_keras

INPUTS = np.random.default_rng(0).standard_normal((8, 5, 8)).astype("float32")
TARGETS = np.ones((8, 5, 4), "float32")
HALF = tfsparse.ConstantSparsity(0.5, 0, frequency=1)


def make(keras):
    """A model with layers in every place where a layer can be held."""
    layers, custom = keras.layers, custom_layers(keras)

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = layers.BatchNormalization()
            self.first = layers.Dense(
                8, "relu", name="first", kernel_regularizer="l2", kernel_constraint="max_norm"
            )
            self._hidden = [layers.Dense(8, name="one"), layers.Dropout(0.1)]
            self._hidden.append(layers.Dense(8, name="two"))
            self.named = {"left": layers.Dense(8, name="left"), "again": [self.first]}
            self.network = custom.Network(name="network")
            self.steps = layers.TimeDistributed(layers.Dense(8, name="inner"), name="steps")
            inputs = keras.Input((5, 8))
            outputs = layers.BatchNormalization()(layers.Dense(8, name="deep")(inputs))
            self.functional = keras.Model(inputs, outputs, name="functional")
            self.sequential = keras.Sequential([layers.Dense(8, name="flat")], name="sequential")
            self.last = (layers.Dense(4, name="last"),)

        def call(self, inputs, training=None):
            x = self.first(self.norm(inputs, training=training))
            for layer in self._hidden:
                x = layer(x)
            x = self.named["left"](x) + self.named["again"][0](x)
            x = self.steps(self.network(x))
            return self.last[0](self.sequential(self.functional(x)))

    return Mine()


def train(model, epochs=1):
    model.fit(INPUTS, TARGETS, epochs=epochs, verbose=0, callbacks=[tfsparse.UpdatePruning()])


def optimizer_state(model):
    variables = model.optimizer.variables
    return [np.array(v.numpy()) for v in (variables() if callable(variables) else variables)]


def assert_equal(arrays, expected):
    for array, wanted in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(array, wanted)


def test_a_trained_model_is_pruned_goes_on_training_and_is_stripped(keras, tmp_path):
    model = make(keras)
    model.compile("adam", "mse")
    model.fit(INPUTS, TARGETS, verbose=0)
    weights, trainable = [[id(w) for w in ws] for ws in (model.weights, model.trainable_weights)]
    state, outputs, losses = optimizer_state(model), model(INPUTS).numpy(), len(model.losses)

    assert tfsparse.prune_block(model, "4x1", HALF, group_lasso=1e-3, inplace=True) is model
    assert [id(w) for w in model.weights if id(w) in set(weights)] == weights
    assert [id(w) for w in model.trainable_weights] == trainable
    assert_equal(optimizer_state(model), state)
    np.testing.assert_array_equal(model(INPUTS).numpy(), outputs)
    assert model.named["again"][0] is model.first
    of_stock = ["steps", "functional", "sequential"]
    of_dense = ["first", "one", "two", "left", "last", "hidden", "first", "second"]
    names = sorted(wrapper.name for wrapper in pruned_layers(model))
    assert names == sorted(of_stock + of_dense)
    train(model, epochs=2)
    assert_masks_hold(model)
    assert len(kernels(model)) == 11
    assert all(np.mean(k.variable.numpy() == 0) == 0.5 for k in kernels(model))

    check_weights_file(keras, model, tmp_path)
    outputs = model(INPUTS).numpy()
    assert tfsparse.strip_pruning(model, inplace=True) is model
    assert not list(pruned_layers(model))
    assert [id(w) for w in model.weights] == weights
    np.testing.assert_array_equal(model(INPUTS).numpy(), outputs)
    assert type(model.first) is keras.layers.Dense and model.named["again"][0] is model.first
    assert isinstance(model.first.kernel.constraint, keras.constraints.MaxNorm)
    assert all(w.constraint is None for w in model.last[0].trainable_weights)
    assert len(model.losses) == losses
    assert np.mean(model.first.kernel.numpy() == 0) == 0.5
    model.fit(INPUTS, TARGETS, verbose=0)
    assert np.mean(model.first.kernel.numpy() == 0) < 0.5


def check_weights_file(keras, model, tmp_path):
    """The weights of a model, masks included, are loaded into another."""
    path = str(tmp_path / "model.weights.h5")
    model.save_weights(path)
    other = make(keras)
    other(INPUTS)
    tfsparse.prune_block(other, "4x1", HALF, group_lasso=1e-3, inplace=True)
    other.load_weights(path)
    np.testing.assert_array_equal(other(INPUTS).numpy(), model(INPUTS).numpy())
    assert_equal([k.mask.numpy() for k in kernels(other)], [k.mask.numpy() for k in kernels(model)])


def test_tensorflow_checkpoints(keras, tmp_path):
    # Those of Keras 3 do not hold layers in lists and dictionaries; attributes they do.
    make_network = custom_layers(keras).Network
    model, other = make_network(), make_network()
    for one in (model, other):
        one(INPUTS)
        tfsparse.prune_block(one, "4x1", HALF, inplace=True)
    model.compile("adam", "mse")
    model.fit(INPUTS, INPUTS, verbose=0, callbacks=[tfsparse.UpdatePruning()])
    path = tf.train.Checkpoint(model=model).save(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(model=other).restore(path).assert_existing_objects_matched()
    np.testing.assert_array_equal(other(INPUTS).numpy(), model(INPUTS).numpy())
    assert_equal([k.mask.numpy() for k in kernels(other)], [k.mask.numpy() for k in kernels(model)])


@pytest.mark.long
def test_a_model_that_is_not_built(keras):
    model = make(keras)
    tfsparse.prune_block(model, "4x1", HALF, inplace=True)
    model.compile("adam", "mse")
    train(model, epochs=2)
    assert_masks_hold(model)
    assert len(kernels(model)) == 11
    assert all(np.mean(k.variable.numpy() == 0) == 0.5 for k in kernels(model))


def test_rules_name_layers_and_what_they_are_in(keras):
    model = make(keras)
    model(INPUTS)
    overrides = {
        "network": {"pattern": "1x1"},
        "network/block/first": {"pattern": "2:4", "schedule": 0.5},
        "functional/deep": {"pattern": "channel"},
    }
    tfsparse.prune_block(
        model,
        schedule=0.5,
        inplace=True,
        exclude=["last", "sequential", keras.layers.TimeDistributed, "second"],
        overrides=overrides,
    )
    patterns = {
        f"{w.name}:{k.path}": str(k.pattern)
        for w in pruned_layers(model)
        for k in w.pruning.kernels
    }
    assert patterns == {
        **dict.fromkeys(["one:one", "two:two", "left:left"], "4x1"),
        **{"hidden:hidden": "1x1", "functional:deep": "channel"},
        "first:first": patterns["first:first"],
    }
    by_id = {id(w): w for w in pruned_layers(model)}
    assert str(by_id[id(model.first)].pattern) == "4x1"
    assert str(by_id[id(model.network.block.first)].pattern) == "2:4"


def test_a_whole_block_is_excluded(keras):
    model = make(keras)
    tfsparse.prune_block(model, inplace=True, exclude="network")
    assert type(model.network.hidden) is keras.layers.Dense
    with pytest.raises(ValueError, match=r"\['netwrk'\]"):
        tfsparse.prune_block(make(keras), inplace=True, exclude="netwrk")


def test_what_cannot_be_pruned_is_reported(keras):
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.table = keras.layers.Embedding(9, 8, name="table")
            self.dense = keras.layers.Dense(4, name="dense")
            self.own = type("Own", (keras.layers.Dense,), {})(4, name="own")

        def call(self, inputs):
            return self.own(self.dense(self.table(inputs)))

    model = Mine()
    with pytest.raises(ValueError, match=r"table: .* looked up.*own: Own is a subclass of Dense"):
        tfsparse.prune_block(model, inplace=True, strict=True)
    model = tfsparse.prune_block(Mine(), inplace=True)
    assert [wrapper.name for wrapper in pruned_layers(model)] == ["dense"]


def test_a_model_that_calls_its_layers_itself_is_refused(keras):
    class Mine(keras.Sequential):
        pass

    plain = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    mine = Mine([keras.Input((8,)), keras.layers.Dense(8)])
    for model in (plain, mine, plain.layers[0]):
        with pytest.raises(ValueError, match=r"`inplace` should be set only for"):
            tfsparse.prune_block(model, inplace=True)
    for model in (plain, mine):
        with pytest.raises(ValueError, match=r"`inplace` should be set only for"):
            tfsparse.strip_pruning(model, inplace=True)
    assert type(tfsparse.prune_block(mine)) is Mine


def test_such_a_model_inside_another_is_wrapped_as_one(keras):
    class Own(keras.Sequential):
        pass

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.own = Own([keras.Input((8,)), keras.layers.Dense(8, name="flat")], name="own")

        def call(self, inputs):
            return self.own(inputs)

    model = tfsparse.prune_block(Mine(), "4x1", tfsparse.OneShot(0.5), inplace=True)
    before = model(INPUTS[0]).numpy()
    (kernel,) = kernels(model)
    assert kernel.path == "flat" and np.mean(kernel.variable.numpy() == 0) == 0.5
    tfsparse.strip_pruning(model, inplace=True)
    assert type(model.own) is Own
    np.testing.assert_array_equal(model(INPUTS[0]).numpy(), before)


def tied(keras, kind):
    """A model that calls one layer itself, and in something that is wrapped as one."""

    class Holds(keras.layers.Layer):
        def __init__(self, dense, **kwargs):
            super().__init__(**kwargs)
            self.dense = dense

        def call(self, inputs):
            return self.dense(inputs)

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(8, name="tied")
            self.last = keras.layers.Dense(8, name="last")
            inputs = keras.Input((8,))
            other = keras.layers.Dense(8, name="other")
            if kind == "functional":
                self.inner = keras.Model(inputs, self.dense(other(inputs)), name="inner")
            else:
                self.inner = Holds(self.dense, name="inner")

        def call(self, inputs):
            return self.last(self.inner(self.dense(inputs)))

    model = Mine()
    model(INPUTS[0])
    return model


def test_a_tie_between_a_layer_and_one_of_its_own_class_is_kept(keras):
    model = tied(keras, "layer")
    number = len({id(weight) for weight in model.weights})
    tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), inplace=True)
    before = model(INPUTS[0]).numpy()
    assert model.inner.dense is model.dense and model.dense in list(pruned_layers(model))
    assert len(kernels(model)) == 2
    tfsparse.strip_pruning(model, inplace=True)
    assert model.inner.dense is model.dense
    assert len({id(weight) for weight in model.weights}) == number
    np.testing.assert_array_equal(model(INPUTS[0]).numpy(), before)


def refused(model, **options):
    with pytest.raises(ValueError) as error:
        tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), inplace=True, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("functional", {}, "kernel is pruned by another wrapper"),
        ("layer", {"exclude": "nobody"}, "'nobody'"),
    ],
)
def test_a_model_that_is_refused_is_what_it_was(keras, kind, options, message):
    model = tied(keras, kind)
    before, weights = model(INPUTS[0]).numpy(), [np.array(w) for w in model.get_weights()]
    assert message in refused(model, **options)
    assert not list(pruned_layers(model))
    assert type(model.dense) is type(model.last) is keras.layers.Dense
    assert_equal(model.get_weights(), weights)
    np.testing.assert_array_equal(model(INPUTS[0]).numpy(), before)
    assert all(weight.constraint is None for weight in model.trainable_weights)
    model.compile("sgd", "mse")
    model.fit(INPUTS[0], INPUTS[0], verbose=0)
    tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), inplace=True, exclude="inner")
    assert len(kernels(model)) == 2


def test_layers_that_are_held_elsewhere_are_named(keras):
    class Mine(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="mine")
            self.dense = keras.layers.Dense(4, name="dense")

    layer = Mine()
    vars(layer)["hidden_in"] = {1: type("Box", (), {"layer": layer.dense})()}
    del vars(layer)["dense"]
    with pytest.raises(ValueError, match="'dense', held by Mine in no such way"):
        tfsparse.prune_block(layer, inplace=True)


def test_a_wrapped_layer_gives_its_layer_back(keras):
    layer = keras.layers.Dense(8, kernel_regularizer="l1")
    wrapper = tfsparse.prune_block(layer, "4x1", HALF, group_lasso=0.1)
    wrapper(INPUTS)
    wrapper.pruning.kernels[0].update(0.5)
    wrapper.pruning.clock.next_step = 1
    wrapper.pruning.clock.store()
    expected = wrapper(INPUTS).numpy()
    assert tfsparse.strip_pruning(wrapper, inplace=True) is layer
    np.testing.assert_array_equal(layer(INPUTS).numpy(), expected)
    assert layer.kernel.constraint is None and len(layer.losses) == 1
