import numpy as np
import pytest

import tfsparse
from tfsparse import UpdatePruning
from tfsparse.pruning.binding import pruned_layers

from .helpers import (
    BATCH,
    assert_masks_hold,
    assert_same_weights,
    compile_model,
    data,
    dense_model,
    kernels,
    sparsities,
)
from .layer_contract import optimizer_slots

pytestmark = pytest.mark.one_keras


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(keras, request):
    keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    keras.mixed_precision.set_global_policy("float32")


def make(keras):
    return tfsparse.prune_block(dense_model(keras), "4x1", 0.75, group_lasso=1e-3)


def fit(model, epochs=2):
    callbacks = [UpdatePruning()]
    return model.fit(*data(), batch_size=BATCH, epochs=epochs, verbose=0, callbacks=callbacks)


def test_wrapper_computes_as_the_layer_does(keras, policy):
    model = dense_model(keras)
    pruned = tfsparse.prune_block(model)
    keras.mixed_precision.set_global_policy("float32")  # the layer's policy counts
    pruned = tfsparse.prune_block(model)
    inputs = data()[0]
    assert pruned(inputs).dtype == model(inputs).dtype == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(
        pruned(inputs).numpy().astype("float32"), model(inputs).numpy().astype("float32")
    )
    for layer in pruned_layers(pruned):
        assert layer.compute_dtype == layer.layer.compute_dtype
        assert layer.pruning.kernels[0].variable.dtype == "float32"


def test_masks_hold_and_momentum_does_not_grow(keras, policy):
    model = compile_model(keras, make(keras), "adam")
    fit(model)
    assert sparsities(model) == [0.75, 0.75]
    assert_masks_hold(model)
    # Blocks that are pruned from the start never have a gradient.
    kernel = kernels(model)[0]
    flags = kernel.constraint.flags().numpy()
    again = compile_model(keras, model, keras.optimizers.SGD(0.1, momentum=0.9))
    fit(again)
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    slots = optimizer_slots(optimizer, kernel.variable)
    assert slots and all(not slot[~flags].any() for slot in slots)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.long
def test_saved_and_loaded(keras, policy, tmp_path):
    model = compile_model(keras, make(keras))
    fit(model, epochs=1)
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = keras.models.load_model(path)
    assert_same_weights(loaded, model)
    fit(loaded, epochs=1)
    assert sparsities(loaded) == [0.75, 0.75]
    plain = tfsparse.strip_pruning(loaded)
    inputs = data()[0]
    np.testing.assert_array_equal(
        plain(inputs).numpy().astype("float32"), loaded(inputs).numpy().astype("float32")
    )


def test_low_precision_weights(keras):
    layer = keras.layers.Dense(16, dtype="bfloat16", name="low")
    model = keras.Sequential([keras.Input((12,)), layer])
    model = tfsparse.prune_block(model, "4x1", 0.75, group_lasso=1e-3)
    compile_model(keras, model, keras.optimizers.SGD(0.1))
    fit(model)
    assert kernels(model)[0].variable.dtype == "bfloat16"
    assert sparsities(model) == [0.75]
