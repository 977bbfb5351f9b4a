"""Functional models of classes of their own, as KerasHub writes them, pruned and stripped."""

import numpy as np
import pytest

import tfsparse
from tfsparse.pruning.binding import pruned_layers

from .custom_layers import custom_layers
from .helpers import assert_same_outputs

INPUTS = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
ONCE = tfsparse.OneShot(0.5)


def own_model(keras, name="backbone"):
    """A backbone whose attributes lead to a layer, into one, and into several."""

    class Backbone(keras.Model):
        def __init__(self, **kwargs):
            block = custom_layers(keras).BuiltByCalling(6, name="block")
            first = keras.layers.Dense(6, "relu", name="first")
            inputs = keras.Input((6,))
            super().__init__(inputs, block(first(inputs)), **kwargs)
            self.block = block
            self.inside = block.second
            self.steps = [first, {"block": (block, block.first)}]
            self.count = 3

    return Backbone(name=name)


def flat(keras):
    return own_model(keras)


def nested(keras):
    inputs = keras.Input((6,))
    x = own_model(keras)(inputs)
    return keras.Model(inputs, keras.layers.Dense(6, name="last")(x))


def in_another_of_its_own(keras):
    class Task(keras.Model):
        def __init__(self):
            backbone = own_model(keras)
            last = keras.layers.Dense(6, name="last")
            super().__init__(backbone.inputs, last(backbone(backbone.inputs)))
            self.backbone = backbone
            self.last = last
            self.deep = backbone.inside

    return Task()


def own_sequential(keras):
    class Stack(keras.Sequential):
        pass

    return Stack([keras.Input((6,)), own_model(keras), keras.layers.Dense(6, name="last")])


KINDS = [flat, nested, in_another_of_its_own, own_sequential]


def backbone_of(model):
    if model.name == "backbone":
        return model
    return model.get_layer("backbone")


def distinct(model):
    return {id(weight) for weight in model.weights}


@pytest.mark.parametrize("kind", KINDS)
def test_attributes_lead_to_what_is_new(keras, kind):
    model = kind(keras)
    pruned = tfsparse.prune_block(model, "4x1", ONCE)
    own = backbone_of(pruned)
    assert type(pruned) is type(model) and type(own) is type(backbone_of(model))
    assert own.block is own.get_layer("block") and own.block in list(pruned_layers(pruned))
    assert own.inside is own.block.layer.second
    assert own.steps[0] is own.get_layer("first")
    assert own.steps[1]["block"][0] is own.block
    assert own.steps[1]["block"][1] is own.block.layer.first
    assert own.count == 3
    assert not distinct(pruned) & distinct(model)
    if kind is in_another_of_its_own:
        assert pruned.backbone is own and pruned.deep is own.inside
    masks = {id(w) for one in pruned_layers(pruned) for w in one.weights}
    masks -= {id(w) for one in pruned_layers(pruned) for w in one.layer.weights}
    assert len(distinct(pruned) - masks) == len(distinct(model))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.one_keras
def test_it_is_stripped_to_its_own_class(keras, kind, tmp_path):
    model = kind(keras)
    expected = model(INPUTS)
    pruned = tfsparse.prune_block(model, "4x1", ONCE)
    plain = tfsparse.strip_pruning(pruned)
    own = backbone_of(plain)
    assert type(plain) is type(model) and type(own) is type(backbone_of(model))
    assert not list(pruned_layers(plain))
    assert own.inside is own.block.second is own.get_layer("block").second
    assert own.steps[1]["block"][1] is own.block.first
    assert len(distinct(plain)) == len(distinct(model))
    assert not distinct(plain) & (distinct(pruned) | distinct(model))
    assert_same_outputs(plain(INPUTS), pruned(INPUTS))
    assert_same_outputs(model(INPUTS), expected)
    plain.save_weights(tmp_path / "plain.weights.h5")
    model.load_weights(tmp_path / "plain.weights.h5")
    assert_same_outputs(model(INPUTS), plain(INPUTS))


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_not_pruned_gives_an_equal_one(keras, kind):
    model = kind(keras)
    copy = tfsparse.strip_pruning(model)
    assert type(copy) is type(model) and copy is not model
    assert_same_outputs(copy(INPUTS), model(INPUTS))


@pytest.mark.parametrize("pruned", [False, True])
def test_one_that_is_called_by_its_own_code_is_told_of_inplace(keras, pruned):
    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.backbone = own_model(keras)
            self.last = keras.layers.Dense(6, name="last")

        def call(self, inputs):
            return self.last(self.backbone(inputs))

    model = Network()
    expected = model(INPUTS)
    if pruned:
        tfsparse.prune_block(model, "4x1", ONCE, inplace=True)
        expected = model(INPUTS)
    with pytest.raises(ValueError, match=r"set `inplace` .* type Network"):
        tfsparse.strip_pruning(model)
    tfsparse.strip_pruning(model, inplace=True)
    assert not list(pruned_layers(model))
    assert_same_outputs(model(INPUTS), expected)
