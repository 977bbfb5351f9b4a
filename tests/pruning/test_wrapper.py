import inspect

import numpy as np
import pytest

import tfsparse
from tfsparse.pruning.binding import pruned_layers

from .custom_layers import custom_layers
from .helpers import assert_same_outputs

INPUTS = np.random.default_rng(0).standard_normal((4, 5, 8)).astype("float32")


def test_it_is_called_as_its_layer_is(keras):
    layer = keras.layers.MultiHeadAttention(2, 4, name="attention")
    wrapper = tfsparse.prune_block(layer)
    names = list(inspect.signature(layer.call).parameters)
    assert [name for name in inspect.signature(wrapper.call).parameters if name in names] == names
    outputs, scores = wrapper(INPUTS, value=INPUTS, return_attention_scores=True)
    assert outputs.shape == INPUTS.shape and scores.shape == (4, 2, 5, 5)
    assert_same_outputs(layer(INPUTS, INPUTS), outputs)


def test_masks_of_a_composite_are_named_after_their_kernels(keras):
    wrapper = tfsparse.prune_block(custom_layers(keras).BuiltByCalling(8, name="block"))
    wrapper(INPUTS)
    names = [weight.name for weight in wrapper.non_trainable_weights]
    for name in ("first_pruning_mask", "second_pruning_mask", "pruning_clock"):
        assert sum(name in other for other in names) == 1
    shapes = [tuple(kernel.mask.shape) for kernel in wrapper.pruning.kernels]
    assert shapes == [(1, 2, 8), (1, 2, 8)]


@pytest.mark.parametrize("name", ["BuildsInside", "MakesLayersInBuild"])
def test_it_is_built_from_its_configuration_without_a_call(keras, name):
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, getattr(custom_layers(keras), name)(8, name="block")(inputs))
    (wrapper,) = pruned_layers(tfsparse.prune_block(model))
    wrapper.pruning.kernels[0].update(0.5)
    copy = type(wrapper).from_config(wrapper.get_config())
    copy.build_from_config(wrapper.get_build_config())
    copy.set_weights(wrapper.get_weights())
    assert_same_outputs(copy(INPUTS), wrapper(INPUTS))


def test_overrides_that_leave_nothing_are_an_error(keras):
    layer = custom_layers(keras).BuiltByCalling(8, name="block")
    layer(INPUTS)
    with pytest.raises(ValueError, match="hold a kernel to prune once it is built"):
        tfsparse.prune_block(layer, exclude=["first", "second"])


def test_a_layer_around_wrapped_ones_is_not_wrapped(keras):
    layer = custom_layers(keras).BuiltByCalling(8, name="block")
    layer.first = tfsparse.prune_block(layer.first)
    with pytest.raises(ValueError, match="layers inside it are wrapped"):
        tfsparse.prune_block(layer)


def test_a_layer_that_turns_out_to_have_no_kernel_is_named(keras):
    class Empty(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    make = type(tfsparse.prune_block(keras.layers.Dense(4)))
    with pytest.raises(ValueError, match=r"a kernel to prune once it is built.*type Empty"):
        make(Empty())(INPUTS)


def test_dtype_policy_and_trainability_are_those_of_the_layer(keras):
    layer = keras.layers.Dense(4, dtype="mixed_bfloat16", trainable=False)
    wrapper = tfsparse.prune_block(layer)
    outputs = wrapper(INPUTS)
    assert "bfloat16" in str(outputs.dtype) and "float32" in str(layer.kernel.dtype)
    assert not wrapper.trainable_weights and len(layer.non_trainable_weights) == 2


def test_training_is_traced_without_a_word(keras, caplog):
    """AutoGraph warns of code that it cannot read, and users take it for theirs."""
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    lasso = tfsparse.GroupLasso(1e-6, form="proximal")
    model = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), group_lasso=lasso)
    model.compile("adam", "mse")
    x = np.ones((4, 8), "float32")
    with caplog.at_level("WARNING"):
        model.fit(x, x, verbose=0, callbacks=[tfsparse.UpdatePruning()])
        model.predict(x, verbose=0)
    assert not [record for record in caplog.records if "AutoGraph" in record.getMessage()]


@pytest.mark.parametrize(
    ("name", "arguments", "attributes"),
    [
        ("Dense", (4, "relu"), ["kernel", "bias", "units", "activation", "use_bias"]),
        ("Conv1D", (4, 3), ["kernel", "filters", "kernel_size", "padding"]),
        ("EinsumDense", ("abc,cd->abd", (None, 4)), ["kernel", "equation"]),
        ("TimeDistributed", None, []),
    ],
)
def test_what_the_layer_has_is_read_through_the_wrapper(keras, name, arguments, attributes):
    inner = keras.layers.Dense(4)
    make = getattr(keras.layers, name)
    layer = make(inner) if arguments is None else make(*arguments)
    layer.mine = {"of": "the user"}
    wrapper = tfsparse.prune_block(layer)
    wrapper(INPUTS)
    for attribute in [*attributes, "mine"]:
        assert getattr(wrapper, attribute) is getattr(layer, attribute)
    assert wrapper.name == layer.name and wrapper.layer is layer
    for missing in ("nothing", "_nothing"):
        assert not hasattr(wrapper, missing)
        with pytest.raises(AttributeError, match=missing):
            getattr(wrapper, missing)
    with pytest.raises(AttributeError):
        type(wrapper).__new__(type(wrapper)).kernel  # noqa: B018


def test_layers_of_a_model_are_reached_by_their_attributes(keras):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "relu", name="hidden")])
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5))
    assert pruned.get_layer("hidden").units == 4
    assert np.mean(np.array(pruned.get_layer("hidden").kernel) == 0) == 0.5
