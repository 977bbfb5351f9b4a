"""Weights files of the dense model into the pruned one, and back."""

import types

import numpy as np
import pytest

import tfsparse
from tfsparse.pruning.binding import pruned_layers

from .custom_layers import custom_layers
from .helpers import assert_same_outputs, assert_same_weights, kernels, masks

INPUTS = np.random.default_rng(0).standard_normal((4, 5, 8)).astype("float32")


def stack(keras):
    """Layers of one class and shape, so that one may pass for another."""
    names = ("first", "second", "third")
    return [keras.layers.Dense(8, name=name) for name in names]


def flat(keras):
    return keras.Sequential([keras.Input((5, 8)), *stack(keras)])


def with_attention(keras):
    inputs = keras.Input((5, 8))
    first, second, third = stack(keras)
    x = first(inputs)
    x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = keras.layers.BatchNormalization(name="norm")(second(x))
    return keras.Model(inputs, third(custom_layers(keras).BuiltByCalling(8, name="block")(x)))


def nested(keras, **options):
    first, second, third = stack(keras)
    inputs = keras.Input((5, 8))
    layers = [keras.Input((5, 8)), second, keras.layers.Dense(8, name="inside")]
    return keras.Model(inputs, third(keras.Sequential(layers)(first(inputs))), **options)


def own_class(keras):
    class Network(keras.Model):
        def __init__(self):
            self_inputs = keras.Input((5, 8))
            first, second, third = stack(keras)
            block = custom_layers(keras).BuiltByCalling(8, name="block")
            super().__init__(self_inputs, third(block(second(first(self_inputs)))))
            self.head, self.block, self.inside = third, block, block.second

    return Network()


def subclassed(keras):
    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.steps = stack(keras)
            self.inner = nested(keras, name="inner")
            self.last = keras.layers.Dense(8, name="last")

        def call(self, inputs):
            for step in self.steps:
                inputs = step(inputs)
            return self.last(self.inner(inputs))

    model = Network()
    model(INPUTS)
    return model


KINDS = [with_attention, nested, own_class]


def prune(model, **options):
    in_place = "Functional" not in {c.__name__ for c in type(model).__mro__} and (
        type(model).__name__ == "Network"
    )
    once = tfsparse.OneShot(0.5)
    return tfsparse.prune_block(model, "4x1", once, inplace=in_place, **options)


def touched(model):
    """The model with all its weights changed, those of normalizations too."""
    model.set_weights([w + 0.25 for w in model.get_weights()])
    return model


@pytest.mark.parametrize("kind", [*KINDS, subclassed])
def test_the_file_of_the_dense_model_into_the_pruned_one(keras, kind, tmp_path):
    path = tmp_path / "dense.weights.h5"
    dense = touched(kind(keras))
    dense.save_weights(path)
    pruned = prune(kind(keras), exclude="first")
    before = masks(pruned)
    names = [wrapper.name for wrapper in pruned_layers(pruned)]
    tfsparse.load_weights(pruned, path)
    assert [wrapper.name for wrapper in pruned_layers(pruned)] == names and "first" not in names
    for kernel, mask in zip(kernels(pruned), before, strict=True):
        np.testing.assert_array_equal(kernel.kept(), mask)
        assert np.mean(kernel.variable.numpy() == 0) == 0.5
        kernel.mask.assign(np.ones_like(mask))
    tfsparse.load_weights(pruned, path)
    assert_same_outputs(pruned(INPUTS), dense(INPUTS))
    if kind is not subclassed:
        assert_same_weights(tfsparse.strip_pruning(pruned), dense)


@pytest.mark.parametrize("kind", [*KINDS, subclassed])
@pytest.mark.one_keras
def test_the_file_of_the_pruned_model_into_the_dense_one(keras, kind, tmp_path):
    path = tmp_path / "pruned.weights.h5"
    pruned = prune(touched(kind(keras)), exclude="first")
    pruned.save_weights(path)
    dense = kind(keras)
    layers = list(dense.layers)
    tfsparse.load_weights(dense, path)
    assert_same_outputs(dense(INPUTS), pruned(INPUTS))
    assert all(one is other for one, other in zip(dense.layers, layers, strict=True))
    assert not list(pruned_layers(dense))
    dense.save_weights(tmp_path / "again.weights.h5")  # nothing is left of how it was read
    other = kind(keras)
    other.load_weights(tmp_path / "again.weights.h5")
    assert_same_outputs(other(INPUTS), dense(INPUTS))


def test_a_file_of_other_wrappers_and_of_the_same(keras, tmp_path):
    path = tmp_path / "pruned.weights.h5"
    pruned = prune(touched(own_class(keras)), exclude="third")
    pruned.save_weights(path)
    same = prune(own_class(keras), exclude="third")
    tfsparse.load_weights(same, path)
    assert_same_weights(same, pruned)
    other = tfsparse.prune_block(own_class(keras), "2x2", 0.5)
    with pytest.raises(ValueError):  # masks of another pattern
        tfsparse.load_weights(other, path)
    inside = {"block/first": {"pattern": "4x1"}}
    other = tfsparse.prune_block(own_class(keras), exclude="first", overrides=inside)
    tfsparse.load_weights(other, path)
    assert_same_outputs(other(INPUTS), pruned(INPUTS))


def test_a_saved_model_of_a_class_that_makes_its_layers_itself(keras, tmp_path):
    """Such a class makes them without wrappers, so Keras cannot load the file alone."""
    path = tmp_path / "pruned.keras"
    pruned = prune(touched(own_class(keras)), exclude="first")
    pruned.save(path)
    dense, again = own_class(keras), prune(own_class(keras), exclude="first")
    for model in (dense, again):
        tfsparse.load_weights(model, path)
        assert_same_outputs(model(INPUTS), pruned(INPUTS))
    assert_same_weights(again, pruned)


def test_what_does_not_fit_is_named(keras, tmp_path):
    path = tmp_path / "pruned.weights.h5"
    pruned = prune(flat(keras))
    pruned.save_weights(path)
    model = keras.Sequential([keras.Input((5, 8)), keras.layers.Dense(8, name="nobody")])
    with pytest.raises(ValueError, match=r"\['first', 'second', 'third'\], of which .* has \[\]"):
        tfsparse.load_weights(model, path)
    with pytest.raises(ValueError, match=r"'\*\.weights\.h5' or .*model\.h5"):
        tfsparse.load_weights(model, "model.h5")
    with pytest.raises(ValueError, match="Keras 3 or tf_keras"):
        tfsparse.load_weights(types.SimpleNamespace(), path)
    other = flat(keras)
    other.save_weights(path)
    with pytest.raises(ValueError, match=r"`tfsparse.load_weights` takes"):
        pruned.load_weights(path)
    layers = list(pruned.layers)
    small = keras.Sequential([keras.Input((5, 8)), keras.layers.Dense(4, name="first")])
    small.save_weights(path)
    with pytest.raises((ValueError, KeyError)):
        tfsparse.load_weights(pruned, path)
    assert all(one is other for one, other in zip(pruned.layers, layers, strict=True))
