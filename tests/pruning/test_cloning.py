"""Pruning never changes what a model computes, and never gives up on one for one layer."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.pruning.binding import pruned_layers

from .helpers import assert_same_outputs

INPUTS = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
NOTHING = tfsparse.OneShot(0.0)


def pruned_names(model):
    return [wrapper.name for wrapper in pruned_layers(model)]


def distinct(weights):
    return len({id(weight) for weight in weights})


def own_count(model):
    """Number of distinct variables without those of wrappers."""
    added = {
        id(weight)
        for wrapper in pruned_layers(model)
        for weight in set(map(_Same, wrapper.weights)) - set(map(_Same, wrapper.layer.weights))
        for weight in [weight.variable]
    }
    return len({id(weight) for weight in model.weights} - added)


class _Same:
    """A variable, compared by what it is rather than by its values."""

    def __init__(self, variable):
        self.variable = variable

    def __hash__(self):
        return id(self.variable)

    def __eq__(self, other):
        return self.variable is other.variable


def owners_state(keras):
    """Classes of layers of which the configuration does not say all."""

    class Scale(keras.layers.Layer):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor
            self.variable = tf.Variable(1.0, trainable=False)
            self.offset = 0.0
            self.steps = {"shift": [0.0, 0.0]}

        def build(self, input_shape):
            self.gain = self.add_weight(name="gain", shape=(), initializer="ones")
            self.built = True

        def call(self, inputs):
            shift = sum(self.steps["shift"])
            return (inputs * self.factor + self.offset + shift) * self.variable * self.gain

        def get_config(self):  # forgets `factor`
            return super().get_config()

    class Outer(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = Scale()

        def build(self, input_shape):
            self.inner.build(input_shape)
            self.built = True

        def call(self, inputs):
            return self.inner(inputs)

    class WithKernel(Scale):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(6, name="inside")

        def build(self, input_shape):
            super().build(input_shape)
            self.dense.build(input_shape)

        def call(self, inputs):
            return super().call(self.dense(inputs))

    return Scale, Outer, WithKernel


def set_variable(layer):
    layer.variable.assign(5.0)


def set_attribute(layer):
    layer.offset = 3.0


def set_array(layer):
    layer.offset = np.arange(6.0, dtype="float32")


def set_inside_containers(layer):
    layer.steps = {"shift": [1.0, 2.0]}


def set_argument(layer):
    layer.factor = 7.0


CHANGES = [set_variable, set_attribute, set_array, set_inside_containers, set_argument]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("where", ["alone", "inside", "around a kernel", "in a nested model"])
@pytest.mark.one_keras
def test_what_the_configuration_does_not_say_is_kept(keras, change, where):
    scale, outer, with_kernel = owners_state(keras)
    layer = {"inside": outer, "around a kernel": with_kernel}.get(where, scale)(name="mine")
    layers = [layer]
    if where == "in a nested model":
        layers = [keras.Sequential([keras.Input((6,)), layer], name="nested")]
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(8, name="last")])
    change(layer.inner if where == "inside" else layer)
    for outcome in (tfsparse.prune_block(model, "4x1", NOTHING),):
        assert_same_outputs(outcome(INPUTS), model(INPUTS))
        assert ("mine" in pruned_names(outcome)) == (where == "around a kernel")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert_same_outputs(tfsparse.strip_pruning(outcome)(INPUTS), model(INPUTS))
        copied = {id(w) for w in outcome.weights}
        assert not copied & {id(w) for w in model.weights}


def unrebuildable(keras, kind):
    """A layer that its configuration does not make, and whether it has a kernel."""
    layers = keras.layers

    class Holds(layers.Layer):
        def __init__(self, dense, **kwargs):
            super().__init__(**kwargs)
            self.dense = dense

        def call(self, inputs):
            return self.dense(inputs)

    class Sized(layers.Layer):
        def __init__(self, units, scale, name=None):
            super().__init__(name=name)
            self.dense = layers.Dense(units)
            self.scale = scale

        def call(self, inputs):
            return self.scale * self.dense(inputs)

        def get_config(self):
            return {"name": self.name, "units": 2, "scale": 1.0}

    class Fails(layers.Layer):
        def call(self, inputs):
            return inputs + 1.0

        def get_config(self):
            raise NotImplementedError("no configuration")

    makers = {
        "lambda": lambda: (layers.Lambda(lambda x: 2.0 * x, name="mine"), False),
        "activation": lambda: (layers.Activation(lambda x: 2.0 * x, name="mine"), False),
        "holds a layer": lambda: (Holds(layers.Dense(6, name="inside"), name="mine"), True),
        "lies about its size": lambda: (Sized(6, 3.0, name="mine"), True),
        "no configuration": lambda: (Fails(name="mine"), False),
        "dense with a lambda": lambda: (layers.Dense(6, lambda x: x * x, name="mine"), True),
    }
    return makers[kind]()


KINDS = ["lambda", "activation", "holds a layer", "lies about its size", "no configuration"]


@pytest.mark.parametrize("kind", [*KINDS, "dense with a lambda"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.one_keras
def test_a_layer_that_cannot_be_rebuilt_is_pruned_around(keras, kind, nested):
    layer, has_kernel = unrebuildable(keras, kind)
    inputs = keras.Input((6,))
    first = keras.layers.Dense(6, name="first")(inputs)
    outputs = keras.Model(inputs, layer(first), name="inner")(inputs) if nested else layer(first)
    model = keras.Model(inputs, keras.layers.Dense(8, name="last")(outputs))
    if has_kernel:
        with pytest.warns(UserWarning, match=r"shares the weights of some layers.*'mine'"):
            pruned = tfsparse.prune_block(model, "4x1", NOTHING)
        with pytest.raises(ValueError, match=r"when `strict`.*mine: "):
            tfsparse.prune_block(model, "4x1", NOTHING, strict=True)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            pruned = tfsparse.prune_block(model, "4x1", NOTHING, exclude="mine", strict=True)
    assert_same_outputs(pruned(INPUTS), model(INPUTS))
    assert sorted(pruned_names(pruned)) == ["first", "last"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = tfsparse.strip_pruning(pruned)
    assert_same_outputs(plain(INPUTS), model(INPUTS))


def test_a_saved_model_as_a_layer_is_pruned_around(tmp_path):
    import keras

    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6)])
    inner.export(str(tmp_path / "inner"), verbose=False)
    layer = keras.layers.TFSMLayer(str(tmp_path / "inner"), call_endpoint="serve", name="mine")
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(8, name="last")(layer(inputs)))
    pruned = tfsparse.prune_block(model, "4x1", NOTHING)
    np.testing.assert_array_equal(pruned(INPUTS), model(INPUTS))
    assert pruned_names(pruned) == ["last"]


class Tie:
    """Models in which one kernel or embedding is used in two places."""

    @staticmethod
    def backbone_of_an_own_class(keras):
        class Backbone(keras.Model):
            pass

        dense = keras.layers.Dense(6, name="tied")
        inputs = keras.Input((6,))
        backbone = Backbone(inputs, keras.layers.Dense(6, name="other")(dense(inputs)))
        return keras.Model(inputs, dense(backbone(inputs)))

    @staticmethod
    def two_levels_down(keras):
        dense = keras.layers.Dense(6, name="tied")
        inner = keras.Sequential([keras.Input((6,)), dense], name="inner")
        middle = keras.Sequential([keras.Input((6,)), inner], name="middle")
        inputs = keras.Input((6,))
        return keras.Model(inputs, keras.layers.Dense(6, name="other")(dense(middle(inputs))))

    @staticmethod
    def two_models_of_own_classes(keras):
        class Own(keras.Model):
            pass

        dense, inputs = keras.layers.Dense(6, name="tied"), keras.Input((6,))
        left, right = (Own(inputs, dense(inputs), name=name) for name in ("left", "right"))
        return keras.Model(inputs, keras.layers.Dense(6, name="other")(left(right(inputs))))

    @staticmethod
    def inside_a_layer_of_an_own_class(keras):
        class Holds(keras.layers.Layer):
            def __init__(self, dense, **kwargs):
                super().__init__(**kwargs)
                self.dense = dense

            def call(self, inputs):
                return self.dense(inputs)

        dense, inputs = keras.layers.Dense(6, name="tied"), keras.Input((6,))
        x = Holds(dense, name="holds")(dense(inputs))
        return keras.Model(inputs, keras.layers.Dense(6, name="other")(x))

    @staticmethod
    def in_the_closure_of_a_lambda(keras):
        dense, inputs = keras.layers.Dense(6, name="tied"), keras.Input((6,))
        x = dense(inputs)
        x = keras.layers.Lambda(lambda y: tf.matmul(y, dense.kernel, transpose_b=True))(x)
        return keras.Model(inputs, keras.layers.Dense(6, name="other")(x))

    @staticmethod
    def one_variable_in_two_layers(keras):
        first, second = (keras.layers.Dense(6, name=name) for name in ("tied", "second"))
        inputs = keras.Input((6,))
        x = second(first(inputs))
        if keras.__name__ == "keras":
            vars(second)["_kernel"] = first._kernel
            second._trainable_variables[0] = first._kernel
        else:
            second._trainable_weights.remove(second.kernel)
            second.kernel = first.kernel
        return keras.Model(inputs, keras.layers.Dense(6, name="other")(x))


STAYS_PRUNED = ["backbone_of_an_own_class", "two_levels_down", "two_models_of_own_classes"]
PRUNED_AROUND = [
    "inside_a_layer_of_an_own_class",
    "in_the_closure_of_a_lambda",
    "one_variable_in_two_layers",
]


@pytest.mark.parametrize("kind", STAYS_PRUNED + PRUNED_AROUND)
@pytest.mark.filterwarnings("ignore:The new model shares:UserWarning")
def test_tied_weights_stay_tied(keras, kind):
    model = getattr(Tie, kind)(keras)
    expected = model(INPUTS)
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.ConstantSparsity(0.5, 0, frequency=1))
    assert_same_outputs(pruned(INPUTS), expected)
    assert own_count(pruned) == distinct(model.weights)
    assert ("tied" in pruned_names(pruned)) == (kind in STAYS_PRUNED)
    assert "other" in pruned_names(pruned)
    pruned.compile("sgd", "mse")
    pruned.fit(INPUTS, INPUTS, verbose=0, callbacks=[tfsparse.UpdatePruning()])
    plain = tfsparse.strip_pruning(pruned)
    assert_same_outputs(plain(INPUTS), pruned(INPUTS))
    assert distinct(plain.weights) == distinct(model.weights)
    if kind in STAYS_PRUNED:
        assert_same_outputs(model(INPUTS), expected)
        model.set_weights(plain.get_weights())
        assert_same_outputs(model(INPUTS), plain(INPUTS))


def test_a_copy_that_computes_something_else_is_not_used(keras):
    class Count:
        """What neither a configuration nor an attribute of plain data can tell."""

        made = 0.0

        def __init__(self):
            Count.made += 1.0
            self.value = Count.made

    class Mine(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.count = Count()

        def build(self, input_shape):
            self.gain = self.add_weight(name="gain", shape=(), initializer="ones")
            self.built = True

        def call(self, inputs):
            return inputs * self.gain * self.count.value

    model = keras.Sequential([keras.Input((6,)), Mine(name="mine"), keras.layers.Dense(8)])
    with pytest.warns(UserWarning, match="'mine': a copy of it gives other outputs"):
        pruned = tfsparse.prune_block(model, "4x1", NOTHING)
    assert_same_outputs(pruned(INPUTS), model(INPUTS))


def test_comparing_leaves_no_trace(keras):
    """Neither in the state of a recurrent layer, nor in one that counts its calls."""
    inputs = keras.Input(batch_shape=(2, 3, 6))
    x = keras.layers.LSTM(4, stateful=True, name="recurrent")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(8, name="last")(x))
    model(np.ones((2, 3, 6), "float32"))
    before = [np.array(w.numpy()) for w in model.get_layer("recurrent").non_trainable_variables]
    states = model.get_layer("recurrent").states
    states = [np.array(s.numpy()) for s in tf.nest.flatten(states) if s is not None]
    tfsparse.prune_block(model, "4x1", NOTHING)
    after = [w.numpy() for w in model.get_layer("recurrent").non_trainable_variables]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    now = [s.numpy() for s in tf.nest.flatten(model.get_layer("recurrent").states)]
    for one, other in zip(states, now, strict=True):
        np.testing.assert_array_equal(one, other)
    assert states and any(state.any() for state in states)


def test_a_model_with_random_outputs_is_pruned(keras):
    inputs = keras.Input((6,))
    x = keras.layers.Dropout(0.5)(inputs, training=True)
    model = keras.Model(inputs, keras.layers.Dense(8, name="last")(x))
    assert pruned_names(tfsparse.prune_block(model, "4x1", NOTHING)) == ["last"]


def test_frozen_layers_stay_frozen_one_by_one(keras):
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, name="a"), keras.layers.Dense(8, name="b")]
    )
    model.trainable = False
    model.layers[1].trainable = True
    pruned = tfsparse.prune_block(model, "4x1", NOTHING)
    assert [layer.trainable for layer in pruned.layers] == [False, True]
    assert not pruned.trainable
