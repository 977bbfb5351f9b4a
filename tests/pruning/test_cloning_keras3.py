"""What Keras 3 alone has: optional inputs, quantized layers. A clone keeps both."""

import keras
import numpy as np
import pytest

import tfsparse
from tfsparse.pruning.binding import pruned_layers

from .custom_layers import custom_layers

INPUTS = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
NOTHING = tfsparse.OneShot(0.0)


class Add(keras.layers.Layer):
    def call(self, one, other=None):
        return one if other is None else one + other


def adding(model_class=keras.Model, as_dictionary=False):
    """A model that adds to its input another, if there is one."""
    inputs = {
        "one": keras.Input((6,), name="one"),
        "other": keras.Input((6,), name="other", optional=True),
    }
    x = keras.layers.Dense(6, name="first")(inputs["one"])
    outputs = Add()(x, inputs["other"])
    return model_class(inputs if as_dictionary else list(inputs.values()), outputs)


def nested(as_dictionary):
    inner = adding(as_dictionary=as_dictionary)
    outputs = keras.layers.Dense(8, name="last")(inner(inner.input))
    return keras.Model(inner.input, outputs)


def of_its_own_class(as_dictionary):
    class Own(keras.Model):
        pass

    return adding(Own, as_dictionary)


@pytest.mark.parametrize("as_dictionary", [False, True])
@pytest.mark.parametrize(
    "make", [lambda named: adding(as_dictionary=named), nested, of_its_own_class]
)
def test_optional_inputs_stay_optional(make, as_dictionary, tmp_path):
    model = make(as_dictionary)
    pruned = tfsparse.prune_block(model, "4x1", NOTHING)
    plain = tfsparse.strip_pruning(pruned)
    found = [pruned, plain]
    if make is not of_its_own_class:
        pruned.save(tmp_path / "model.keras")
        objects = {"Add": Add}
        found.append(keras.models.load_model(tmp_path / "model.keras", custom_objects=objects))
    for other in (None, INPUTS):
        batch = {"one": INPUTS, "other": other}
        batch = batch if as_dictionary else list(batch.values())
        for one in found:
            np.testing.assert_array_equal(one(batch), model(batch))


def stack():
    layers = [keras.layers.Dense(6, name=name) for name in ("first", "middle", "last")]
    return keras.Sequential([keras.Input((6,)), *layers]), layers[1], "middle"


def nested_stack():
    inner, middle, _ = stack()
    inputs = keras.Input((6,))
    return keras.Model(inputs, keras.layers.Dense(6, name="top")(inner(inputs))), middle, None


def einsum():
    layer = keras.layers.EinsumDense("ab,bc->ac", 6, name="middle")
    inputs = keras.Input((6,))
    x = layer(keras.layers.Dense(6, name="first")(inputs))
    return keras.Model(inputs, keras.layers.Dense(6, name="last")(x)), layer, "middle"


def in_a_block():
    block = custom_layers(keras).BuiltByCalling(6, name="block")
    inputs = keras.Input((6,))
    outputs = keras.layers.Dense(6, name="last")(block(inputs))
    return keras.Model(inputs, outputs), block.second, "block/second"


@pytest.mark.parametrize("mode", ["float8", "int8", "int4"])
@pytest.mark.parametrize("make", [stack, nested_stack, einsum, in_a_block])
def test_a_quantized_layer_is_skipped_and_the_others_are_pruned(make, mode):
    model, layer, path = make()
    layer.quantize(mode)
    pruned = tfsparse.prune_block(model, "4x1", NOTHING)
    np.testing.assert_allclose(pruned(INPUTS), model(INPUTS), atol=1e-6)
    kernels = [k.owner_name for one in pruned_layers(pruned) for k in one.pruning.kernels]
    assert layer.name not in kernels and "last" in kernels
    skipped = tfsparse.sparsity_report(pruned).skipped
    (reason,) = [why for name, why in skipped.items() if name.endswith(path or "middle")]
    assert mode in reason
    if path is not None:
        with pytest.raises(ValueError, match=rf"when `strict`.*{path}.*{mode}"):
            tfsparse.prune_block(model, "4x1", NOTHING, strict=True)
    plain = tfsparse.strip_pruning(pruned)
    np.testing.assert_allclose(plain(INPUTS), model(INPUTS), atol=1e-6)
    weights = {id(weight) for weight in model.weights}
    assert not weights & {id(weight) for weight in [*pruned.weights, *plain.weights]}
