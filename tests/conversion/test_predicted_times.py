import keras as keras3
import numpy as np
import pytest
import tf_keras

import tfsparse
from tests.long_cases import some_of
from tfsparse.conversion.inspecting import inspect_model
from tfsparse.conversion.predicted_times import predict_layers
from tfsparse.pattern import parse_pattern

pytestmark = pytest.mark.one_keras


@pytest.fixture(params=[keras3, tf_keras], ids=["keras3", "tf_keras"])
def keras(request):
    return request.param


def network(keras):
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 16))
    h = keras.layers.Conv2D(64, 3, padding="same", activation="relu", name="conv")(x)
    shared = keras.layers.Dense(64, name="shared")
    return keras.Model(x, keras.layers.Dense(64, name="dense")(shared(shared(h))))


@pytest.mark.parametrize(
    ("pattern", "precision"),
    some_of(
        [("4x1", "fp32"), ("16x4", "int8"), ("1x1", "int8"), ("2:4", "fp32")],
        [("4x1", "fp32"), ("16x4", "int8")],
    ),
)
def test_zeros_to_come_are_predicted_as_zeros_that_are_there(keras, pattern, precision):
    model = network(keras)
    sparsity = 0.5 if pattern == "2:4" else 0.8
    pruned = tfsparse.prune_block(model, pattern, tfsparse.OneShot(sparsity))
    found = inspect_model(tfsparse.strip_pruning(pruned), precision, batch_size=64)
    layers = predict_layers(model, precision, batch_size=64)
    assert sorted(one.layer for one in layers) == ["conv", "dense", "shared", "shared"]
    assert len(found.layers) == 4
    for layer, there in zip(layers, found.layers, strict=True):
        assert layer.layer == there.layer
        assert layer.dense == pytest.approx(there.dense_cost)
        time = layer.time(parse_pattern(pattern), sparsity)
        # INT8 makes zeros of some small weights as well.
        assert time == pytest.approx(there.cost_after, rel=0.05)


def test_no_zeros_are_those_of_a_conversion_of_the_model(keras):
    model = network(keras)
    found = inspect_model(model, "int8", batch_size=64)
    layers = predict_layers(model, "int8", batch_size=64)
    times = sum(layer.time(parse_pattern("1x1"), 0.0) for layer in layers)
    assert times == pytest.approx(sum(each.cost_after for each in found.layers), rel=0.01)
    assert np.isfinite(times)
