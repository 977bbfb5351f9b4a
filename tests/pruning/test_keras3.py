"""What the binding to Keras 3 owes to its oldest version that TensorFlow 2.21 takes.

Keras 3.12 refuses a constraint or a regularizer that is not of its own classes; later
versions take any function, and would not notice.
"""

import keras
import numpy as np
import pytest

import tfsparse


def pruned_kernel(regularizer=None):
    layer = keras.layers.Dense(8, kernel_regularizer=regularizer)
    wrapped = tfsparse.prune_block(layer, group_lasso=0.25)
    wrapped.build((None, 4))
    return wrapped.layer._kernel


def test_masks_and_penalties_are_of_the_classes_of_keras():
    kernel = pruned_kernel()
    assert isinstance(kernel.constraint, keras.constraints.Constraint)
    assert isinstance(kernel.regularizer, keras.regularizers.Regularizer)


def test_the_penalty_is_added_to_the_users():
    alone, both = pruned_kernel(), pruned_kernel(keras.regularizers.L2(0.5))
    kernel = np.ones((4, 8), np.float32)
    added = float(both.regularizer(kernel)) - float(alone.regularizer(kernel))
    np.testing.assert_allclose(added, 0.5 * kernel.size, rtol=1e-6)


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND='jax'"):
        tfsparse.prune_block(keras.layers.Dense(8))


@pytest.fixture
def float16():
    keras.config.set_floatx("float16")
    yield "float16"
    keras.config.set_floatx("float32")


@pytest.mark.parametrize("regularizer", [None, "l2"])
def test_the_penalty_has_the_dtype_of_the_loss(float16, regularizer):
    layer = keras.layers.Dense(8, kernel_regularizer=regularizer)
    model = tfsparse.prune_block(keras.Sequential([keras.Input((4,)), layer]), group_lasso=0.25)
    model.compile("sgd", "mse")
    before = model.layers[0].layer.kernel.numpy()
    model.fit(np.zeros((4, 4)), np.zeros((4, 8)), verbose=0)
    # The inputs are zero, so it was the penalty that changed them.
    assert (model.layers[0].layer.kernel.numpy() != before).any()
    assert [loss.dtype for loss in model.losses] == [float16]
