"""Every criterion and scope in `fit`, from the argument to the file and back."""

import numpy as np
import pytest

import tfsparse
from tests.long_cases import some_of
from tfsparse import ConstantSparsity, PolynomialDecay, Scope, UpdatePruning
from tfsparse.pruning.criterion import CRITERIA

from .helpers import (
    BATCH,
    assert_masks_hold,
    assert_same_weights,
    compile_model,
    data,
    dense_model,
    kernels,
    masks,
    sparsities,
)

pytestmark = pytest.mark.one_keras

RAMP = PolynomialDecay(0.0, 0.75, begin_step=0, end_step=16, frequency=4)
ELEMENTS = {"hidden": 192, "logits": 128}


@tfsparse.register_criterion(name="tests>strongest_pair")
def strongest_pair(blocks):
    flat = np.abs(blocks).reshape(*blocks.shape[:-2], -1)
    return np.sort(flat, axis=-1)[..., -2:].sum(axis=-1)


def make(keras, **options):
    model = tfsparse.prune_block(dense_model(keras), "4x1", RAMP, **options)
    return compile_model(keras, model, keras.optimizers.SGD(0.1, momentum=0.9))


def fit(model, epochs=2, first=0):
    inputs, labels = data()
    model.fit(
        inputs,
        labels,
        batch_size=BATCH,
        initial_epoch=first,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[UpdatePruning()],
    )
    return model


@pytest.mark.parametrize(
    ("criterion", "scope"),
    some_of(
        [
            ("l1_norm", "local"),
            ("mean_magnitude", "global"),
            ("max_magnitude", "local"),
            ("gradient", "local"),
            ("gradient", "global"),
            ("gradient_momentum", "local"),
            (strongest_pair, "global"),
        ],
        plain=[("l1_norm", "local"), ("gradient", "global"), (strongest_pair, "global")],
    ),
)
def test_reaches_the_target_and_resumes_as_if_it_had_not_stopped(keras, criterion, scope, tmp_path):
    whole = fit(make(keras, criterion=criterion, scope=scope))
    assert_masks_hold(whole)
    if scope == "local":
        assert sparsities(whole) == [0.75, 0.75]
    else:
        pruned = np.multiply(sparsities(whole), list(ELEMENTS.values()))
        assert pruned.sum() == 0.75 * 320
    keras.utils.set_random_seed(7)
    half = fit(make(keras, criterion=criterion, scope=scope), epochs=1)
    path = str(tmp_path / "half.keras")
    half.save(path)
    loaded = keras.models.load_model(path)
    assert kernels(loaded)[0].settings == kernels(half)[0].settings
    assert_same_weights(fit(loaded, first=1), fit(half, first=1))


@pytest.mark.long
def test_criteria_differ(keras):
    chosen = {}
    for criterion in [*CRITERIA, strongest_pair]:
        keras.utils.set_random_seed(7)
        model = fit(make(keras, criterion=criterion))
        chosen[str(criterion)] = np.concatenate([mask.ravel() for mask in masks(model)]).tobytes()
    # A mean of four is a quarter of their sum.
    assert chosen["mean_magnitude"] == chosen["l1_norm"]
    assert len(set(chosen.values())) == len(chosen) - 1


def test_global_bounds_hold(keras):
    scope = Scope("global", min_sparsity=0.7, max_sparsity=0.8)
    for criterion in ("l2_norm", "gradient"):
        model = fit(make(keras, criterion=criterion, scope=scope))
        assert all(0.7 <= sparsity <= 0.8 for sparsity in sparsities(model))
        pruned = np.multiply(sparsities(model), list(ELEMENTS.values()))
        assert pruned.sum() == 0.75 * 320


def test_a_frozen_layer_is_ranked_by_its_gradients_too(keras):
    dense = dense_model(keras)
    dense.layers[0].trainable = False
    before = dense.layers[0].get_weights()[0]
    model = compile_model(keras, tfsparse.prune_block(dense, "4x1", RAMP, criterion="gradient"))
    fit(model)
    assert sparsities(model) == [0.75, 0.75]
    kernel = kernels(model)[0].variable.numpy()
    np.testing.assert_array_equal(kernel[kernel != 0], before[kernel != 0])


def test_before_the_first_step_there_are_no_gradients(keras):
    schedule = ConstantSparsity(0.5, begin_step=0)
    model = tfsparse.prune_block(dense_model(keras), "4x1", schedule, criterion="gradient")
    compile_model(keras, model)
    with pytest.raises(ValueError, match="'hidden', which no gradient has reached"):
        fit(model)


def test_only_criteria_of_gradients_take_memory(keras):
    by_weights = make(keras, criterion="l1_norm")
    by_gradients = make(keras, criterion="gradient_momentum")
    extra = by_gradients.count_params() - by_weights.count_params()
    assert extra == sum(mask.size for mask in masks(by_weights)) == 320 // 4
